"""The model card: written by the training run itself, without date or path."""

from app.verify.training.report import TrainReport

TEMPLATE = """\
# Model card: the pair model

**What it is.** all-MiniLM-L6-v2 (22 M parameters, Apache-2.0) tuned to read two prompts at once, told of every token
whether the other prompt has it at the same place, elsewhere, or not at all; int8 ONNX, one scale for
each token. With the rules of `app/verify` and the scales of `calibration.json` it gives P(the answer to one prompt
serves the other).

**Made by** `leanserve cache train --data DIR --seed {seed}`: {trained_on:,} labelled pairs, their closure (a ~ b and
b ~ c give a ~ c; a ~ b and b ≁ c give a ≁ c), utterances by intent, and machine-made edits, anew in each epoch.\
{left_out}

**In several sittings.** The shipped weights were trained leg by leg (`LEGS` of `app/verify/training/train.py`), the
first two with slightly earlier rules and batches of other shapes: a rerun gives the same recipe, not the same bytes.

**Split.** By question: prompts that meet in a pair, in any file, stay in one part, by hash. The model never saw a
quarter of them. It calibrates, and the numbers below are cross-fitted on it: each fifth of its prompts is judged by a
calibration on the other four. Rules were written by looking at the training part and a tenth of the others.

## Data

Only for training: no prompt is in this package.

| file | what | licence seen at the source |
|---|---|---|
| qqp_pairs | Quora question pairs; about a third of the near "different" ones are label noise | not found |
| minedit_pairs | minimal edits of them | made from them |
| paws_x_en | sentences with the same words in another order | not read |
| gsmplus_pairs | word problems and variations | CC BY-SA 4.0 |
| gptcache_mock | paraphrases | MIT |
| stsb | graded similarity: ≥ 4.8 same, < 3 different, the rest left out | not read |
| banking77_train, clinc150_train | utterances with intents; near ones of one intent (banking77) want one \
answer | CC BY 4.0, CC BY 3.0 |

## Numbers on what training never saw, at `max_false_hit_rate: 0.01`

{table}

## Limits

- A rate of false hits holds for pairs like those of calibration. Yours may differ: `leanserve cache calibrate`.
- Whether an added sentence changes the answer of a word problem it often cannot know; then it says no.
- Kinds of edit that training never saw: of 20, left out three to seven at a time of a small training of 27,000 pairs
  (`python -m tests.benchmarks.kinds`), 14 hit in at most 2%. Not so modal verbs (13%), a place put in or taken away
  (10%), exchanged roles (8%), persons (7%), question words (5%) and prepositions (3%). Rules decide most of the 14.
- English only. What is not must agree to the letter, case and punctuation aside.
- Prompts above 254 tokens are not judged.
"""


def card(report: TrainReport) -> str:
    """The text of MODEL_CARD.md."""
    left_out = f"\nLeft out of training: {', '.join(report.left_out)}." if report.left_out else ""
    lines = ["| set | pairs same / different | recall | false hits |", "|---|---|---|---|"]
    for name, each in report.sets.items():
        lines.append(f"| {name} | {each.same:,} / {each.different:,} | {each.recall:.1%} | {each.false_share:.2%} |")
    return TEMPLATE.format(
        seed=report.seed,
        trained_on=report.trained_on,
        left_out=left_out,
        table="\n".join(lines).replace("nan%", "–"),
    )
