"""An evaluation as text."""

from app.cache.trial.evaluation import COSINES, Evaluation, Part, Rates
from app.trial.shares import Share
from app.trial.table import NOTHING, aligned


def table(found: Evaluation) -> str:
    """One line a category and one for all, after a headline and before a word on what the columns are."""
    return "\n".join([*aligned([head(), *map(row, found.every)]), "", *legend(found)])


def legend(found: Evaluation) -> list[str]:
    """What the numbers mean."""
    return [
        f"A hit is p_same ≥ {found.point:.4f}, the operating point (verifier {found.verifier}).",
        "recall: hits among pairs that want the same answer. false: hits among pairs that do not, with the 95%",
        "interval of Clopper and Pearson. cosine: recall / false of a plain threshold on the same embeddings.",
    ]


def head() -> list[str]:
    """The names of the columns."""
    return ["category", "pairs", "recall", "false", "95%", *(f"cosine ≥ {least:.2f}" for least in COSINES)]


def row(part: Part) -> list[str]:
    """The cells of one category."""
    rates = part.verifier
    return [
        part.name,
        f"{part.pairs:,}",
        percent(rates.recall),
        percent(rates.false_hits),
        interval(rates.false_hits),
        *map(both, part.cosine),
    ]


def both(rates: Rates) -> str:
    """`87.0% / 52.1%`."""
    return f"{percent(rates.recall)} / {percent(rates.false_hits)}"


def percent(share: Share) -> str:
    """`87.0%`, or a dash of nothing. A few of many are not none: two decimals below one per cent."""
    rate = share.rate
    if rate is None:
        return NOTHING
    return f"{rate:.2%}" if 0 < rate < 0.01 else f"{rate:.1%}"


def interval(share: Share) -> str:
    """`0.1–2.0%`, or a dash of nothing."""
    if not share.of:
        return NOTHING
    low, high = share.interval()
    return f"{100 * low:.1f}–{100 * high:.1f}%"
