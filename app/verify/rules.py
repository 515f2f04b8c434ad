"""What decides by itself, without a model: harmless differences that pass and telling ones that forbid."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from app.verify.differences import Differences
from app.verify.lexicon.tables import Fellows
from app.verify.lexicon.words import MANNERS, SPELLING, WRITING
from app.verify.words import Kind, Word, stem


def _bases(words: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words.split())


NEGATIONS = _bases("not no never none nor neither nothing nobody nowhere without unable")
"""Bases of words that turn a sentence round. Their number must agree."""
FIRST = _bases("i me my mine myself we us our ours ourselves")
ANYONE = _bases("you your yours yourself one ones someone somebody people anyone")
THIRD = _bases("he him his himself she her hers herself")
FILLERS = _bases(
    "do does did be is are was were am can could should would will of to in on at for by with and or that this these "
    "those there it 's any some few several very really actually just also so then please get you i we one my your me "
    "as from into if it her his their way ways best good mean thing things make use have has had go about what how why "
    "which who when where than over out up ever possible"
)
"""Bases that carry little by themselves; what is not here, in a number, a name or a symbol is a content word."""
COMPARING = _bases(
    "than into from to over before after without against beat beats versus between as until toward for of by on"
)
"""Bases of words on whose two sides the roles stand."""
LONG = 15
"""In longer texts numbers move with their phrases: `in 1990 he`, `he … in 1990`."""
SMALL = frozenset({"1", "2", "2x"})
"""Numbers written as often as a word that is no number: a, both, pair, doubles."""
CURRENCIES = frozenset("$€£¥₹₽₩")
_PERSONS = FIRST | THIRD | {"my", "his", "her", "their", "our", "your"}


def forbidden(found: Differences, opposites: Fellows, fellows: Fellows) -> str | None:
    """Why the two cannot want the same answer, or None."""
    checks: tuple[Callable[[Differences], str | None], ...] = (
        numbers,
        notation,
        symbols,
        manner,
        spelling,
        negated,
        partial(opposite, opposites=opposites),
        partial(other_fellow, fellows=fellows),
        names,
        owners,
        turned,
    )
    return next((reason for check in checks if (reason := check(found))), None)


def numbers(found: Differences) -> str | None:
    """A number of one that the other lacks; sums may have further numbers, of which the model judges."""
    stored, asked = _values(found.stored), _values(found.asked)
    if is_problem(found):
        return "a number is gone" if set(stored - asked) - SMALL else None
    gone, come = stored - asked, asked - stored
    if gone and come:
        return "other numbers"
    if gone or come:
        return "a number is gone or has come"
    ordered = _order(found.stored) == _order(found.asked) or _listed(found.stored)
    return None if ordered or len(found.asked) >= LONG else "numbers in another order"


def notation(found: Differences) -> str | None:
    """Numbers written otherwise, where that may be the question: 1/2 as a decimal, how to spell 40."""
    if is_problem(found) or not any(word.lower in WRITING for word in found.stored):
        return None
    stored, asked = (sorted(w.lower for w in words if w.kind is Kind.NUMBER) for words in (found.stored, found.asked))
    return "numbers written otherwise" if stored != asked else None


def _listed(words: Sequence[Word]) -> bool:
    """Numbers that only stand side by side: 5 and 7, 5 or 7."""
    places = [i for i, word in enumerate(words) if word.kind is Kind.NUMBER]
    return all(j - i == 2 and words[i + 1].base in {"and", "or", "vs", "versus"} for i, j in pairwise(places))


def is_problem(found: Differences) -> bool:
    """A text that does sums: the model must judge whether a further number matters."""
    return len(_values(found.stored)) >= 2 and len(found.stored) >= 25 and len(found.asked) >= 25


def symbols(found: Differences) -> str | None:
    """Symbols are code, formulas, currencies; one currency may be written or left out, never another one."""
    a, b = ({w.base for w in words if w.kind is Kind.SYMBOL} for words in (found.stored, found.asked))
    if a & CURRENCIES and b & CURRENCIES and a & CURRENCIES != b & CURRENCIES:
        return "another currency"
    return "other symbols" if a - CURRENCIES != b - CURRENCIES else None


def manner(found: Differences) -> str | None:
    """Briefly, in detail: another text is wanted."""
    a, b = (any(w.lower in MANNERS for w in words) for words in (found.stored, found.asked))
    return "another manner" if a != b and not is_problem(found) else None


def spelling(found: Differences) -> str | None:
    """How is colour spelt? There a slip is none, and another word another question."""
    asks = any(w.lower in SPELLING for w in (*found.stored, *found.asked))
    differs = found.misspelt or any(map(carries, (*found.gone, *found.come)))
    return "spelling is asked" if asks and differs else None


def negated(found: Differences) -> str | None:
    """As many negations in both. A longer text of sums may say in passing what is not."""
    a, b = (sum(w.base in NEGATIONS for w in words) for words in (found.stored, found.asked))
    return "negated" if a != b and not is_problem(found) else None


def opposite(found: Differences, opposites: Fellows) -> str | None:
    """A word gone whose opposite has come."""
    return "opposites" if _excluding(found, opposites) else None


def other_fellow(found: Differences, fellows: Fellows) -> str | None:
    """Another unit, day, month: words of a family of which one excludes the other."""
    return "another unit or time" if _excluding(found, fellows) else None


def _excluding(found: Differences, families: Fellows) -> bool:
    """In a long text only what stands at one place is compared: `more` may well go here and `less` come there."""
    places = found.replaced if is_problem(found) else [(found.gone, found.come)]
    for gone, come in places:
        arrived = {form for word in come for form in (word.lower, word.base)}
        if any(families.get(form, frozenset()) & arrived for word in gone for form in (word.lower, word.base)):
            return True
    return False


def names(found: Differences) -> str | None:
    """A name in the place of another, or of a word of the other."""
    gone = [w for w in found.gone if w.kind is Kind.NAME]
    come = [w for w in found.come if w.kind is Kind.NAME]
    if not (gone or come):
        return None
    if is_problem(found):
        return "another name" if gone and come else None
    exchanged = any(
        (_replaced(left, gone, right) or _replaced(right, come, left)) and not _abbreviates(left, right)
        for left, right in found.replaced
    )
    return "another name" if exchanged else None


def _replaced(words: Sequence[Word], named: Sequence[Word], others: Sequence[Word]) -> bool:
    """Whether one that is `named` is among `words` and something that means something stands in its place."""
    return any(word in named for word in words) and any(map(carries, others))


def owners(found: Differences) -> str | None:
    """Whose it is: my account and my brother's, my and her."""
    stored, asked = found.stored, found.asked
    if is_problem(found):
        return None
    if _has(stored, THIRD) != _has(asked, THIRD) and any(w.lower in _PERSONS for w in (*found.gone, *found.come)):
        return "about somebody else"
    return "somebody else's" if _relatives(stored) != _relatives(asked) else None


def _relatives(words: Sequence[Word]) -> int:
    """How often something belongs to my, your, one's somebody: my brother's account."""
    return sum(w.base == "'s" and i > 1 and words[i - 2].base in FIRST | ANYONE for i, w in enumerate(words))


def turned(found: Differences) -> str | None:
    """The same words, of which two have changed places around a word that compares or directs."""
    if found.gone or found.come or not found.moved:
        return None
    a, b = (_around(words) for words in (found.stored, found.asked))
    exchanged = any((y, middle, x) in b for x, middle, y in a if x != y and (x, middle, y) not in b)
    return "roles exchanged" if exchanged else None


def _around(words: Sequence[Word]) -> set[tuple[str, str, str]]:
    """(word, comparing word, word) for every pair around one."""
    bases = [w.base for w in words]
    places = [i for i, base in enumerate(bases) if base in COMPARING]
    return {(x, bases[i], y) for i in places for x in bases[max(0, i - 3) : i] for y in bases[i + 1 : i + 4]}


def _values(words: Sequence[Word]) -> Counter[str]:
    return Counter(_order(words))


def _order(words: Sequence[Word]) -> list[str]:
    return [w.base for w in words if w.kind is Kind.NUMBER]


def _has(words: Sequence[Word], group: frozenset[str]) -> bool:
    return any(w.base in group for w in words)


def carries(word: Word) -> bool:
    """Whether a word carries meaning of its own."""
    return word.kind is not Kind.WORD or word.base not in FILLERS


def _abbreviates(left: Sequence[Word], right: Sequence[Word]) -> bool:
    """USA for United States of America: the initials of one are the other."""
    for short, long in ((left, right), (right, left)):
        joined = "".join(w.lower.replace(".", "") for w in short)
        initials = "".join(w.lower[0] for w in long if w.base not in {"of", "and"})
        if len(short) == 1 and len(long) > 1 and joined in {initials, initials + "a"}:
            return True
    return False
