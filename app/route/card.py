"""The model card, and its numbers in short for the terminal.

Written by the training run itself, without date or path, so that a rerun changes no byte.
"""

import math

from app.route.anchors import EASY_STRONG, EASY_WEAK, HARD_STRONG, HARD_WEAK
from app.route.complexity_scale import EASY, EASY_GAIN, HARD, HARD_GAIN
from app.route.data import CHAT_FAILURE, CHAT_STRONG
from app.route.doubt import LEAST_FAMILIAR
from app.route.features import NAMES
from app.route.fit import REGIONS
from app.route.report import SetReport, TrainReport

TEMPLATE = """\
# Model card: the routing head

**What it is.** Kernel ridge regression (Nyström, {regions:,} regions and some for written prompts) on
all-MiniLM-L6-v2's embedding of the last user message and {features} numbers read off its text. Of each prompt it says
how likely a weak and a strong model's answers are good enough, how much quality the weak one is expected to lose (the
*gain* of a strong one), and how familiar the prompt is.

**What the numbers mean.** P(good enough) is P(the answer is right, or accepted), calibrated on prompts that were left
out, half by question, half by whole domain. "Weak" (capability 0) are small chat models: Mixtral-8x7B, Llama-3.1-8B,
Gemma-2-9B, Mistral-7B. "Strong" (capability 1) is the best measured beside them, mostly GPT-4. Capability ½ is half way
in logits. The complexity is a function of the gain alone: **{easy}** is an expected loss of {easy_gain:.0%} when a weak
model answers instead of a strong one, **{hard}** of {hard_gain:.0%}. Your own tiers are other models: `leanserve route
calibrate` corrects P for them.

**When it does not know.** A prompt whose cosine to every region is below {familiar}, that is empty, very long, not
English, a table, encoded data or a long program goes to the best tier, with the reason.

**Made by** `leanserve route train --data DIR --seed {seed}`: {trained_on:,} prompts; {validated_on:,} held out, one
question of five by the hash of its normalized text, in all benchmarks at once. Kernel width, ridge, the features'
weights, {easy_gain} and {familiar} were chosen on folds over all questions, held-out ones included, before the head
that ships was trained: a handful of numbers that the held-out part has influenced.

## Data

Only for training: no prompt is in this package, regions are means of several prompts.

| file | what | licence seen at the source |
|---|---|---|
| routellm_mmlu, routellm_gsm8k | Mixtral-8x7B and GPT-4-1106, right or wrong; contaminated ones dropped | Apache-2.0 |
| llmrouter9 | 14 tasks; Mistral-7B, Llama-3.1-8B and Gemma-2-9B against Nemotron-51B | MIT |
| routerdc7 | 7 tasks, four 7–8B models, no strong one | none found |
| routerbench | ARC-C, WinoGrande, MBPP; Mistral-7B against GPT-4-1106 | none found |
| zeroeval_gsm, zeroeval_crux | Mixtral-8x7B against GPT-4o and Claude 3.5 Sonnet | Apache-2.0 |
| alpaca_eval | chat prompts, nine weaker models' preference against GPT-4-1106 | Apache-2.0 |

## Assumptions that are not measurements

- Chat prompts (alpaca_eval) keep the order that preferences give them; a strong model is good enough for
  {chat_strong:.0%} of them, weak ones lose 0–{chat:.0%}, spread evenly: where "good enough" begins is not in the data.
- Some 400 written prompts stand for what benchmarks lack: everyday requests (weak {easy_weak}, strong {easy_strong}),
  long open-ended tasks of mathematics, programming and science (weak {hard_weak}, strong {hard_strong}). No number
  below counts them.
- In closed-book questions (natural_qa, trivia_qa) the strong model measured is no better than the weak ones, so that
  they count as easy. A model that knows more would gain there.

## Numbers

AUC: a prompt that a weak model answers ranks above one that it fails. APGR: RouteLLM's, 0.5 is random. "Off": the share
kept off the best of two tiers by a complexity below {easy} where the prompt is familiar; "kept": the share of
always-strong's quality that is left then. The default policy's other doubts keep fewer off, its middle tier more. ECE:
expected calibration error of P(good enough), weak / strong.

Held-out questions of domains that were trained on:

{seen}

Domains that were left out of the training whole (a task, or one subject of MMLU; five folds):

{unseen}

By task, held-out questions:

{tasks}

## Limits

- Within a task it ranks little better than chance where the texts do not show what is hard: grade-school mathematics,
  WinoGrande, code output. A head trained on such a task alone does no better; the bound is in text and embedding.
- English only. It reads the last user message, not the conversation, the tools or the system prompt.
"""
HEADING = "{:20} prompts   APGR    off    kept   ECE weak / strong"
"""Of the summary that the command prints; columns as in the card."""
HEAD = "| set | prompts | weak | strong | AUC | APGR | off | kept | ECE |\n|---|---|---|---|---|---|---|---|---|\n"


def card(report: TrainReport) -> str:
    """The card as Markdown."""
    return TEMPLATE.format(
        regions=REGIONS,
        features=len(NAMES),
        easy=EASY,
        easy_gain=EASY_GAIN,
        hard=HARD,
        hard_gain=HARD_GAIN,
        familiar=LEAST_FAMILIAR,
        seed=report.seed,
        trained_on=report.trained_on,
        validated_on=report.validated_on,
        chat=2 * CHAT_FAILURE,
        chat_strong=CHAT_STRONG,
        easy_weak=EASY_WEAK,
        easy_strong=EASY_STRONG,
        hard_weak=HARD_WEAK,
        hard_strong=HARD_STRONG,
        seen=rows(report.seen),
        unseen=rows(report.unseen),
        tasks=rows(report.tasks),
    )


def rows(sets: tuple[SetReport, ...]) -> str:
    """A table of sets."""
    return HEAD + "\n".join(map(row, sets))


def row(found: SetReport) -> str:
    """One set's line."""
    weak, strong = found.calibration
    shown = (
        *(number(value, 2) for value in (found.weak, found.strong)),
        *(number(value, 3) for value in (found.auc, found.apgr)),
        *(share(value) for value in (found.kept_off, found.quality_kept)),
        f"{number(weak, 3)} / {number(strong, 3)}",
    )
    return f"| {found.name} | {found.prompts:,} | " + " | ".join(shown) + " |"


def number(value: float | None, digits: int) -> str:
    """A dash for what could not be computed."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """Per cent, with a dash for what could not be computed."""
    return "–" if value is None or math.isnan(value) else f"{value:.1%}"


def summary(report: TrainReport) -> str:
    """The counts, then a line for each set of held-out questions and of domains left out."""
    return "\n".join(
        [
            f"trained on {report.trained_on:,} prompts, {report.validated_on:,} held out",
            HEADING.format("held-out questions"),
            *map(line, report.seen),
            HEADING.format("domains left out"),
            *map(line, report.unseen),
        ]
    )


def line(found: SetReport) -> str:
    """The numbers of one set, in the columns of `HEADING`."""
    weak, strong = found.calibration
    shares = f"{share(found.kept_off):>7}{share(found.quality_kept):>8}"
    errors = f"{number(weak, 3)} / {number(strong, 3)}"
    return f"  {found.name:18}{found.prompts:>8,}{number(found.apgr, 3):>7}{shares}   {errors}"
