"""Words of other languages that ask about the moment or about the asker.

A handful each, and read more widely than English: one of them anywhere is enough, since a question that is refused
costs a call, and one that is not could cost a wrong answer. Scripts without blanks are searched letter by letter.
Words that English spells alike ("actual", "hier" in French and German) stand only in company.
"""

import re
from collections.abc import Set

_NOW_WORDS = frozenset(
    """
    heute heutige heutigen heutiger jetzt gerade momentan aktuell aktuelle aktuellen aktueller aktuelles derzeit morgen
    gestern uhrzeit wetter nachrichten neueste neuesten neuester
    aujourd maintenant actuel actuelle actuellement actuels demain météo
    hoy ahora actualmente mañana ayer pronóstico noticias
    oggi adesso attuale attuali attualmente domani ieri meteo notizie
    hoje agora atual atuais atualmente amanhã ontem previsão notícias
    vandaag gisteren actuele nieuws dzisiaj dziś teraz jutro wczoraj pogoda aktualna aktualny aktualne bugün şimdi
    yarın dün güncel
    сегодня сейчас завтра вчера погода погоду погоды новости текущий текущая текущее
    الآن اليوم غدا أمس الطقس أخبار
    """.split()  # noqa: SIM905 - words in lines
)
_NOW_PHRASES = re.compile(
    r"\b(?:diese[rsn]? (?:woche|monat|jahr)|wie spät|wie viel uhr"
    r"|en ce moment|d'hier|hier (?:soir|matin)|cette (?:semaine|année)|ce (?:mois|matin|soir)|quelle heure|quel temps"
    r"|les (?:nouvelles|actualités)|dernières? nouvelles?"
    r"|(?:precio|valor|hora|situación|presidente|cambio|estado|fecha|año) actual|est[ae] (?:semana|noche|tarde|mes|año)"
    r"|qu[eé] hora|[eo]l? clima|qué tiempo"
    r"|quest[ao] (?:settimana|sera|mattina|mese)|quest'anno|che or[ae]|che tempo|in questo momento"
    r"|est[ae] (?:mês|ano)|que horas|neste momento|hoe laat|która godzina|hava durumu|saat kaç"
    r"|который час|сколько времени|курс (?:доллара|евро))\b"
)
_NOW_LEADS = frozenset(
    """
    diese dieser dieses diesen wie en d ce cette quelle quel les dernière dernières actual este esta qué que el o questa
    questo quest che neste hoe która hava saat который сколько курс hier
    """.split()  # noqa: SIM905
)
_NOW_SIGNS = re.compile(
    r"今天|今日|现在|現在|目前|当前|當前|明天|昨天|最新|几点|幾點|天气|天氣|新闻|新聞|本周|这周|這週|本月|今年"  # 中文
    r"|今、|今何時|何時|明日|昨日|天気|ニュース|今週|今月|지금|오늘|내일|어제|날씨|몇 시|최신|현재|뉴스|이번 주"
    r"|كم الساعة|कितने बजे|अभी|आज|मौसम|समाचार"
)

_ASKER_PHRASES = re.compile(
    r"\b(?:(?:was|wo|wann|wie ?viele?|wie (?:hoch|lautet|ist|heißt|alt)|welche\w*|zeig\w*|ist|sind|hat|habe ich)\b"
    r".{0,40}\bmeine?[nmrs]?|wie heiße ich|wer bin ich|wo bin ich|habe ich (?:gesagt|gefragt)|in meiner nähe"
    r"|(?:quel(?:le)?s? (?:est|sont|était)|où|quand|combien|montre\w*|est-ce que)\b.{0,40}\b(?:mon|ma|mes)"
    r"|comment (?:je )?m'appelle|(?:qui|où) suis-je|près de moi|j'ai (?:dit|demandé)"
    r"|(?:cu[aá]l(?:es)? (?:es|son|era)|d[oó]nde|cu[aá]ndo|cu[aá]nt[oa]s?|mu[eé]stra\w*)\b.{0,40}\bmis?"
    r"|c[oó]mo me llamo|qui[eé]n soy|d[oó]nde estoy|cerca de m[ií]|qué (?:dije|pregunté)"
    r"|(?:qual[ei]?'? ?[eè]|quali sono|dov'è|dove|quando|quant[oiae]|mostra\w*)\b.{0,40}\b(?:mi[oae]|miei)"
    r"|come mi chiamo|chi sono|dove mi trovo|vicino a me|ho (?:detto|chiesto)"
    r"|(?:qual (?:é|era)|quais são|onde|quando|quant[oa]s?|mostr[ea]\w*)\b.{0,40}\b(?:meus?|minhas?)"
    r"|como (?:eu )?me chamo|quem sou eu|onde (?:eu )?estou|perto de mim|eu (?:disse|perguntei)"
    r"|(?:где|когда|сколько|какой|какая|какое|какие|покажи)\b.{0,40}\bмо(?:й|я|ё|е|и|их|ей|его)"
    r"|как меня зовут|кто я|где я|waar is mijn|hoe heet ik|gdzie jest m[oó]j\w*|jak mam na imię|benim adım ne)\b"
)
_ASKER_LEADS = frozenset(
    """
    mein meine meinen meinem meiner meines ich mon ma mes je moi ai m mi mis me soy estoy mí dije pregunté mio mia mie
    miei sono ho meu meus minha minhas eu mim estou мой моя моё мое мои моих моей моего меня я mijn ik mój moja moje mam
    benim
    """.split()  # noqa: SIM905
)
_ASKER_SIGNS = re.compile(
    r"我的.{0,10}(?:余额|餘額|订单|訂單|账单|帳單|快递|包裹|名字|在哪|哪里|哪裡|多少|什么|什麼|几|到了)"
    r"|我叫什么|我叫什麼|我是谁|我是誰|我在哪|我(?:刚才|剛才|之前).{0,4}(?:说|說|问|問)|我附近"
    r"|私の.{0,10}(?:は何|はどこ|いつ|残高|名前|いくら)|私は誰|近くの"
    r"|(?:내|제) .{0,12}(?:어디|뭐|무엇|언제|얼마|잔액)|내 이름|제 이름|근처"
    r"|ما اسمي|من أنا|أين أنا|رصيدي|أين طلبي|मेरा नाम क्या|मैं कौन|मेरा बैलेंस|मेरा ऑर्डर"
)


def asks_about_now_abroad(plain: str, words: Set[str]) -> bool:
    """Whether `plain` (lower case, composed), whose words are `words`, asks about the moment."""
    if not _NOW_WORDS.isdisjoint(words) or (not plain.isascii() and _NOW_SIGNS.search(plain)):
        return True
    return not _NOW_LEADS.isdisjoint(words) and _NOW_PHRASES.search(plain) is not None


def asks_about_asker_abroad(plain: str, words: Set[str]) -> bool:
    """Whether it asks about the asker."""
    if not plain.isascii() and _ASKER_SIGNS.search(plain):
        return True
    return not _ASKER_LEADS.isdisjoint(words) and _ASKER_PHRASES.search(plain) is not None
