"""How English asks about the moment and about the asker: patterns over one sentence in lower case.

`NOW_TRIGGERS` and `ASKER_TRIGGERS` are words of which a sentence has one wherever its patterns could match: most
sentences have none, and looking words up costs a tenth of the patterns.
"""

import re

NOW_TRIGGERS = frozenset(
    """
    afternoon breaking climate conditions current currently date dates day days evening forecast forecasts headline
    headlines hour hours hows last latest lead leading live local longer minute minutes moment month months morning news
    newest next night now outside past present quarter recent score season semester temperature time today todays
    tomorrow tomorrows tonight tonights traffic upcoming weather week weekend weeks winning year yesterday yesterdays
    yet rain raining rainy snow snowing snowy storm storming stormy hail hailing freeze freezing sunny cloudy windy
    humid hot cold warm chilly thunderstorm thunderstorms tornado
    dollar dollars usd cad euro euros eur pound pounds sterling gbp yen yens jpy peso pesos rupee rupees inr ruble
    rubles rouble roubles franc francs yuan rmb won lira liras bitcoin bitcoins btc
    stock stocks share shares ethereum eth gold silver crude oil petrol gas gasoline diesel fuel nasdaq dow s nifty
    sensex crypto cryptos cryptocurrency cryptocurrencies
    """.split()  # noqa: SIM905 - words in lines
)
ASKER_TRIGGERS = frozenset("conversation did here i me my nearby order our repeat say we im ive".split())  # noqa: SIM905

_ASKS = r"(?:(?:what|how|where|when|who|which)(?:'s|s|'re| is| are| was| were| will(?: be)?))"
_SAY = r"(?:tell me|show me|give me|read me|let me (?:know|see|hear)|look up|check|know|see|hear)"
_COIN = (
    r"(?:dollar|usd|cad|euro|eur|pound|sterling|gbp|yen|jpy|peso|rupee|inr|ruble|rouble|franc|yuan|rmb|won|lira"
    r"|bitcoin|btc)"
)
_MONEY = rf"(?:{_COIN}s?)"
_MARKET = (
    r"(?:stocks?|shares?|bitcoin|btc|ethereum|eth|crypto(?:s|currency|currencies)?|gold|silver|crude|oil|petrol|gas|gasoline|diesel|fuel"
    r"|nasdaq|dow jones|s&p(?: 500)?|nifty|sensex)"
)
_SKY = (
    r"rain|raining|rainy|snow|snowing|snowy|storm|storming|stormy|hail|hailing|freeze|freezing|sunny|cloudy|windy|humid"
    r"|hot|cold|warm|chilly|thunderstorms?|tornado"
)
_PERIOD = r"(?:week|weekend|month|quarter|year|season|semester)"
_NEXT = rf"(?:{_PERIOD}|holiday|day off|vacation|bus|train|flight|game|match|race|election|eclipse|full moon|payday)"
_ELECTRIC = r"(?:density|densities|flow|source|sink|carrying|through|across|divider|mirror|transformer|sensor|in an?)"


def _words(*patterns: str) -> re.Pattern[str]:
    """One pattern of many, each from the beginning of a word to the end of one."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)")


NOW = _words(
    # the clock and the calendar
    r"what (?:exact )?(?:time|hour|day|date|month|year|season)(?: of the \w+)?"
    r" (?:is (?:it|this|tomorrow)|it is|are we|do you have|will it be)",
    r"(?:what(?:'s|s| is)|how(?:'s| is)|have(?: you)?|tell(?:ing)? me|give me|show me|share|know(?: what)?)(?: the)?"
    r"(?: exact)? (?:time|date)(?:,? (?:is it|it is|is|please|right now|now|today))*$",
    r"(?:the )?(?:time|date)(?: now|,? please)$", r"^(?:the )?time in [\w ,]+$", r"days? from now",
    r"what(?:'s|s| is) the (?:day|date)(?: of (?:the week|the month|today))?$", r"remind me of the (?:time|date)",
    rf"(?:{_ASKS}|{_SAY}) (?:the )?(?:exact )?(?:time|date)(?: right now)? (?:in|at|on the) [\w ,]+$",
    r"(?:current|local) (?:time|date|day|month|year)",
    rf"{_ASKS} (?:today|tomorrow)",
    r"how (?:many|much) (?:more )?(?:minutes|hours|days|weeks|months|time|longer)\b.{0,40}"
    r"\b(?:until|till?|left|remain\w*)",
    r"what .{0,25}(?:in|after) \w+ days?", r"(?:in|after) \w+ days?,? (?:what|which) .{0,20}(?:day|date)",
    # the weather and the road
    rf"(?:is|will) (?:it|there) (?:be |going to (?:be )?|gonna )?(?:any )?(?:{_SKY})",
    r"(?:how|what)(?:'s|s| is| will) (?:it|the (?:conditions|temperature|climate)) (?:like )?(?:outside|in|at|now)",
    r"(?:what|how)(?:'s| is) the temperature", "chance of (?:rain|snow)",
    r"how (?:hot|cold|warm|humid|windy) (?:is|will) (?:it|the)",
    rf"{_ASKS} (?:the )?traffic", r"(?:is|any) (?:there )?(?:any )?traffic (?!lights?|signs?)\w+",
    r"traffic (?:like|report|update|conditions?|predictions?)",
    # prices and rates
    rf"({_COIN})s?\b.{{0,40}} (?:in|into|to|for|worth|against|versus|vs|from|equals?|with|my|one|an?|\d+)"
    rf" (?:us |one |an? |\w*\d\w* |\w+an |\w+ish )*(?!\1){_MONEY}",
    rf"exchange rates? (?:of|for|from|between|to|in) (?:the |us |\w+an |\w+ish )*{_MONEY}",
    rf"{_MONEY} exchange rates?",
    rf"(?:{_ASKS}|{_SAY}|how much)(?: is| are)? (?:the |an? )?(?:[\w.&'-]+ ){{0,3}}?{_MARKET}(?:'s)?"
    r" (?:is |are )?(?:prices?|worth|trading|quote|value)",
    rf"(?:{_ASKS}|{_SAY}|how much)(?: is| are)? (?:the )?(?:price|value|rate)s? (?:of|for) (?:an? |one )?(?:\w+ )?"
    rf"{_MARKET}",
    # news and results
    r"(?:latest|breaking|recent|current) (?:\w+ )?(?:news|headlines?|events|developments|polls?|scores?|results"
    r"|standings|updates)", r"(?:top|live|new|daily|world|local) (?:news|headlines)(?! \w+)",
    rf"(?:{_ASKS}|{_SAY}|any)(?: in)? (?:the )?(?:news|headlines)(?! \w+$)",
    r"news (?:today|updates?|of the (?:day|week))", r"what(?:'s|s| is) the score(?: of.*)?$",
    r"who(?:'s|s| is) (?:currently )?(?:winning|leading|in the lead)",
    r"live (?:scores?|streams?|streaming|updates?|results?)",
    # what is next, and whose day it is
    rf"(?:{_ASKS}|{_SAY}|how soon|how long).{{0,40}}\b(?:next|upcoming) (?:\w+ )?{_NEXT}s?",
    r"when (?:do|does|is|are|will) .{0,30}\bnext",
    r"(?:today|tonight|tomorrow|yesterday)'?s (?!(?:\w+ )?(?:world|society|age|era|life|lives|youth|generation|kids"
    r"|children|women|men|times?|standards?|scenario)\b)\w+",
    rf"this (?:{_PERIOD}|morning|afternoon|evening)'s",
)  # fmt: skip
"""Asks about the moment, whatever stands around it."""

NOW_WORDS = _words(
    "(?<!of )(?:today|tomorrow)(?!')", "tonight", "yesterday", "last night", "right now", "just now",
    r"(?<!do )(?<!next )(?<!from )(?<!till )(?<!until )(?<!by )(?<!it )(?<!up )now$",
    r"weather(?! ?(?:resist|proof))(?:'s)?", r"forecasts?", "as of (?:now|today)",
    "at (?:the|this) (?:present )?moment", "at present", "currently",
    rf"this (?:coming )?(?:{_PERIOD}|morning|afternoon|evening)", rf"(?:last|past) {_PERIOD}",
    r"(?:the|any|its|their|\w+'s) (?:very )?(?:latest|newest|most recent|upcoming)",
    "(?:latest|newest) (?:version|model|release|price|update)s?",
    rf"(?:the|any|\w+'s) current (?!{_ELECTRIC})\w+",
    r"current (?:price|rate|exchange|status|value|score|version|temperature|situation|location|state|president|ceo)\w*",
    "(?:open|closed|available|busy|awake|online|up|down|crowded) now", r"(?<=\w )yet$",
)  # fmt: skip
"""Asks about the moment where it asks at all: "I was charged today" and "why can't I log in right now" do not."""

_I = r"(?:i|i'm|i've|i'd|i'll|im|ive|we|we're|we've)"
SUBJECT = _words(_I)
OF_ONESELF = _words(_I, "my", "me", "our", "us")
_POLITE = r"(?:(?:hi|hello|hey|so|and|but|ok|okay|please|also|well|then|now)[ ,]+)*"
_WISH = r"(?:i|we)(?:'d| would)? (?:want|like|need|wish|wanna)(?: to)?"
_TELL = rf"(?:(?:can|could|would|will) you (?:please )?|{_WISH} )?{_SAY}"
OPENS = re.compile(
    rf"{_POLITE}(?:what|which|who|where|when(?:'s|s| is| are| do| does| will)|is|are|will|does|did|do i|am i"
    rf"|how (?:much|many|long|soon|is|are)|how'?s|{_TELL}|{_WISH}|list|any)\b"
)
HOW_TO = re.compile(
    rf"{_POLITE}(?:(?:{_TELL} )?(?:how (?:do|can|could|should|would|to)|why)"
    r"|(?:what|where|when|which|who) (?:do|can|could|should|would|to|if|happens|are the (?:steps|options)))\b"
)

# What people have of their own, and ask a bot about that knows them.
_OWN = (
    r"(?:balances?|orders?|packages?|parcel|delivery|shipment|bills?|invoices?|transactions?|purchases?|spending"
    r"|expenses?|expenditures?|income|salary|pay ?(?:check|cheque|day|slip|stub)s?|wages|schedule|calendar|agenda"
    r"|meetings?|appointments?|reminders?|alarms?|lists?|to-?do|tasks?|chores|points|rewards?|credit (?:score|limit"
    r"|rating|line)|pto|vacation(?: days?)?|days? off|time off|reservations?|bookings?|flights?|tickets?"
    r"|subscription|account number|routing number|savings|checking|loan|mortgage|debt|rent|taxes|w-?2|luggage"
    r"|insurance|benefits|apr|interest rate|due date|usage|location)"
)
_ALMOST = r"(?:[\w'&-]+ ){0,4}?"
_DONE = r"(?:ship\w*|arriv\w*|deliver\w*|ready|approved|accepted|confirmed|due|on (?:the|its) way|on time|dropped off)"

ASKER = _words(
    r"(?:who|where|how old) am i", r"where (?:are we|we are|i am|i'm)(?: \w+)?$",
    r"(?:what|where|when|who)(?:'s|s|'re| is| are| was| were) (?:\w+ )?my (?!(?:\w+ )?(?:options?|chances?|rights?"
    r"|choices|odds|best|mistakes?|next steps?|alternatives)\b)[\w'-]+",
    # what was said before
    r"what(?: \w+)? (?:did|have) (?:i|we|you) (?:just )?(?:sa(?:y|id)|ask|t(?:ell|old)|wr[io]te|talk|discuss"
    r"|mention)\w*",
    r"(?:our|this) (?:last |previous |earlier )?conversation", r"repeat (?:that|it|yourself|what you)",
    r"say (?:that|it) again", r"you (?:still )?(?:know|remember) (?:me|my|who i|what i|where i|(?:.{0,20}about me))",
    r"my (?:last|previous|first|earlier|prior) (?:question|message|answer|request|prompt|chat)s?",
    # who one is
    r"(?:tell me|say|know|guess|remember|saved?|listed) (?:what )?my name", r"my name (?:is what|saved|listed)",
    r"what my (?:\w+ )?name is", r"(?:what|how) .{0,20}\b(?:call|refer to|reference|address) me(?: as| by)?$",
    r"names? .{0,20}\b(?:for|call|refer to|addressing|know) me",
    # what one has
    r"how (?:much|many)\b.{0,40}\b(?:do|did|have|had) (?:i|we) (?:still |currently |now )?(?:have|owe|spend|spent|paid"
    r"|earned|used|left|made|got)(?! to\b)",
    r"how (?:much|many)\b.{0,40}(?<!can )(?<!could )(?<!should )(?<!if )\b(?:i|we) (?:have|owe|spent|paid|earned|used)"
    r"(?! to\b)(?! (?:been|\w+ed)\b)",
    r"how (?:much|many) (?:money|points|cash|credit) (?:is|are) (?:left |there )?(?:in|on) my",
    rf"(?<!why )do (?:i|we) (?:still |currently )?(?:have|owe) (?!to\b).{{0,40}}\b(?:{_OWN}|money|cash|plans|scheduled"
    r"|planned|on my)",
    rf"(?:{_OWN}|money|total|amount|what) .{{0,20}}\bi(?:'ve| have)? (?:recently )?(?:spent|paid|owe)",
    "have i (?:been )?(?:spent|spending|used|paid|earned|taken|received)", "^order status",
    r"on my (?:[\w-]+ ){0,2}(?:calendar|schedule|agenda|lists?|to-?do)",
    r"(?:when|how often) (?:did|was|were|have) i", r"(?:what (?:do|am)|am) i .{0,20}(?:scheduled|going on|planned)",
    rf"(?:is|has|was|did|were|have) my (?:[\w-]+ ){{1,4}}?{_DONE}",
    # where one is
    r"near (?:me|here|by)", "nearby$", r"(?:is|are|any|find|where)\b.{0,40} around (?:here|me)$",
    "my (?:current )?(?:location|whereabouts)",
    r"(?<!map )in my (?:area|city|town|neighbou?rhood|zip code)", r"(?:nearest|closest) .{0,30}\bto me",
)  # fmt: skip
"""Asks about the asker, whatever stands around it."""

ASKER_LAST = _words(
    rf"my (?:[\w-]+ )?(?:last|latest|most recent|previous|recent|next|upcoming|current) {_ALMOST}{_OWN}"
)
ASKER_READS = _words(
    rf"^{_POLITE}(?:(?:can|could|would|will|are) you (?:able to )?(?:please )?|{_WISH} )?(?:"
    rf"(?:what|when|where|which|who|how (?:much|many|long|soon|high|is|are)|how'?s|{_SAY}|list|display|view|pull up"
    r"|bring up|look up|look at|find|find out|track|locate|go over|read|get)\b.{0,50}?"
    rf"|(?:is|are|was|were|has|have|did|does|will) )\b(?:(?:my|our) {_ALMOST}{_OWN}"
    rf"|{_OWN} (?:of|on|for|in|at|with|from) my)",
    rf"^{_POLITE}(?:what|how much|is there|will|do i have)\b.{{0,20}}\b(?:enough|total|amount|value|money)\b.{{0,30}}"
    rf"\bmy {_ALMOST}(?:accounts?|bank|savings|checking)",
    "do i have enough in",
    r"(?:balance|status|due date|expiration date) (?:of|on|for) my",
)
