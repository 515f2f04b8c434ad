"""Closed lists of words, hand-made."""


def word_set(words: str) -> frozenset[str]:
    """The words of a line, parted by spaces."""
    return frozenset(words.split())


ANTONYMS = (
    "before after,with without,above below,over under,inside outside,in out,on off,up down,more less,more fewer,"
    "most least,all none,always never,everything nothing,everyone nobody,first last,left right,best worst,better worse,"
    "good bad,advantages disadvantages,advantage disadvantage,pros cons,benefits drawbacks,strengths weaknesses,"
    "increase decrease,increase reduce,raise lower,gain lose,buy sell,start stop,begin end,open close,enable disable,"
    "install uninstall,add remove,add delete,create delete,join leave,enter exit,import export,upload download,"
    "send receive,push pull,win lose,love hate,like dislike,accept reject,allow prevent,allow block,block unblock,"
    "lock unlock,follow unfollow,subscribe unsubscribe,activate deactivate,connect disconnect,cheap expensive,"
    "cheapest costliest,big small,large small,largest smallest,biggest smallest,high low,higher lower,highest lowest,"
    "long short,longest shortest,tall short,tallest shortest,old new,old young,older younger,oldest newest,"
    "oldest youngest,fast slow,faster slower,fastest slowest,easy hard,easy difficult,easiest hardest,strong weak,"
    "rich poor,early late,earlier later,hot cold,warm cool,legal illegal,possible impossible,safe dangerous,"
    "safe unsafe,public private,male female,man woman,men women,boy girl,boys girls,husband wife,son daughter,"
    "brother sister,father mother,boyfriend girlfriend,king queen,positive negative,true false,right wrong,"
    "happy sad,healthy unhealthy,healthy sick,full empty,maximum minimum,max min,ascending descending,"
    "encode decode,encrypt decrypt,compress decompress,front back,top bottom,north south,east west,northern southern,"
    "eastern western,indoor outdoor,domestic foreign,internal external,input output,credit debit,deposit withdraw,"
    "lend borrow,employer employee,teacher student,buyer seller,doctor patient,hire fire,agree disagree,"
    "success failure,succeed fail,pass fail,attack defend,wet dry,dead alive,life death,day night,morning evening,"
    "summer winter,today tomorrow,today yesterday,past future,ancient modern,temporary permanent,single married,"
    "same different,similar different,many few,often rarely,near far,inner outer,upper lower,major minor,"
    "hardware software,include exclude,bought sold,won lost,lent borrowed,gained lost,sent received,"
    "rose fell,rise fall,arrive depart,including excluding,incoming outgoing,synchronous asynchronous,"
    "manual automatic,even odd"
)

UNITS = (
    "second|sec minute|min hour|hr day week month year|yr decade century",
    "millisecond|ms microsecond nanosecond",
    "dollar|usd|buck euro|eur pound|gbp|quid rupee|inr|rs yen|jpy cent yuan|cny peso cad aud",
    "meter|metre|m kilometer|kilometre|km centimeter|centimetre|cm millimeter|millimetre|mm mile|mi yard|yd "
    "foot|feet|ft inch|inche",
    "kilogram|kg|kilo gram|g milligram|mg ton|tonne pound|lb ounce|oz",
    "liter|litre milliliter|millilitre|ml gallon quart pint cup",
    "celsius fahrenheit kelvin",
    "byte kilobyte|kb megabyte|mb gigabyte|gb terabyte|tb",
    "mph kmh|kph knot",
    "volt watt amp|ampere ohm hertz joule calorie",
    "lakh crore thousand million|mn billion|bn trillion hundred dozen",
)
"""Families of which one excludes the others; names of one unit stand together."""

CALENDAR = (
    "today yesterday tomorrow tonight",
    "monday|mon tuesday|tue wednesday|wed thursday|thu friday|fri saturday|sat sunday|sun",
    "january|jan february|feb march april|apr june july august|aug september|sep|sept october|oct november|nov "
    "december|dec",
    "spring summer autumn|fall winter",
    "daily weekly monthly yearly|annually hourly",
    "red green blue yellow black white purple pink brown orange",
)
"""Families of times (and colours) of which one excludes the others."""

_COUNTED = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
NUMBER_WORDS = {word: number for number, word in enumerate(_COUNTED.split())} | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "hundred": 100,
    "thousand": 1000,
    "dozen": 12,
    "half": 0.5,
    "halves": 0.5,
    "quarter": 0.25,
    "twice": 2,
    "double": 2,
    "triple": 3,
    "thrice": 3,
}

THINGS = {"dozen": "dozen", "quarter": "quarter", "twice": "2x", "double": "2x", "thrice": "3x", "triple": "3x"}
"""Numbers that may be things, a coin, a room for two, and do not pass for figures: what they are compared by."""

NOTATION = word_set(
    "convert converting conversion decimal decimals fraction fractions simplify express notation spell spelled spelt "
    "spelling numeral numerals digit digits"
)
"""Where they are, how a number is written may be the question."""
WRITING = NOTATION | word_set("write writes writing written word words letter letters round rounded")
"""So it may where these are, in a short text."""

_CONTRACTED = (
    "what's = what is, how's = how is, where's = where is, who's = who is, when's = when is, why's = why is, "
    "that's = that is, there's = there is, here's = here is, it's = it is, he's = he is, she's = she is, "
    "let's = let us, i'm = i am, i've = i have, i'll = i will, i'd = i would, you're = you are, "
    "you've = you have, you'll = you will, you'd = you would, we're = we are, we've = we have, we'll = we will, "
    "they're = they are, they've = they have, they'll = they will, can't = can not, cannot = can not, "
    "won't = will not, shan't = shall not, don't = do not, doesn't = does not, didn't = did not, isn't = is not, "
    "aren't = are not, wasn't = was not, weren't = were not, haven't = have not, hasn't = has not, "
    "hadn't = had not, shouldn't = should not, wouldn't = would not, couldn't = could not, mustn't = must not, "
    "needn't = need not, ain't = is not"
)
CONTRACTIONS = dict(pair.split(" = ") for pair in _CONTRACTED.split(", "))

SYNONYMS = (
    "buy purchase,begin start,big large,quick fast,quickly fast,get obtain,help assist,make create,"
    "fix repair,choose select,smart intelligent,job employment,movie film,car automobile,phone telephone,"
    "photo picture,photos pictures,kid child,kids children,mom mother,dad father,world earth,important significant,"
    "difficult hard,simple easy,allowed permitted,happen occur,happens occurs,improve enhance,delete erase,"
    "remove eliminate,ask inquire,find locate,need require,needed required,use utilize,wealthy rich,"
    "benefit advantage,benefits advantages,method technique,methods techniques,way method,ways methods,tips advice,"
    "cost price,pay salary,laptop notebook,error mistake,errors mistakes,incorrect wrong,"
    "immediately instantly,usually normally,also too,maybe perhaps,almost nearly,each every,whole entire,"
    "about regarding,enough sufficient,company firm,companies firms,doctor physician,"
    "house home,road street,city town,country nation,war conflict,weight mass,truth fact,end finish,"
    "explain describe,difference distinction,differences distinctions,effect impact,effects impacts,"
    "purpose goal,major main,various different,common usual,famous popular,scared afraid,sick ill,"
    "angry mad,beautiful pretty,trip journey,stuff things,try attempt,keep retain,let allow,"
    "speak talk,below under,among between,until till,college university,study learn"
)

FUNCTION_WORDS = word_set(
    "the of and to is are were what how why when where which who do does did can could should would my your his her "
    "our their this that these those with for from have been be it you we they she if about there than any some by"
)
"""Words that bind English sentences and are none of its neighbours' (German was, man, an; Spanish as, has, no)."""

COMMANDS = word_set(
    "explain summarize summarise translate suggest discuss outline write show tell calculate rewrite draft brainstorm "
    "paraphrase proofread shorten"
)
"""Verbs that begin a request, and as written no other language's (not define, describe, find, list)."""
NEW_WORDS = word_set(
    "admin async auth backend carb carbs chia coder coders config dict ecommerce emoticon emoticons frontend gmail "
    "grad grads meth moto neet nerd nerds nuke nukes regex repo solver statuses struct sudo vape vapes"
)
"""In no dictionary of ours, and a slip away from a word of it."""
MANNERS = word_set(
    "briefly brief concisely concise succinctly succinct tersely detail details detailed thoroughly verbose layman "
    "eli5 bullet bullets tldr"
)
"""How to answer: who asks for it wants another text."""
SPELLING = word_set("spell spells spelled spelt spelling pronounce pronounced pronunciation")

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
KEYBOARD = {letter: row[max(0, i - 1) : i] + row[i + 1 : i + 2] for row in _ROWS for i, letter in enumerate(row)}
"""The keys to the left and right of each letter (QWERTY)."""
