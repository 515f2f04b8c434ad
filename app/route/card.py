"""The model card: written by the training run itself, without date or path, so that a rerun changes no byte."""

from app.route.anchors import EASY_LABEL, HARD_LABEL
from app.route.data import CHAT_FAILURE
from app.route.features import NAMES
from app.route.report import TaskReport, TrainReport

TEMPLATE = """\
# Model card: the complexity head

**What it is.** A perceptron on all-MiniLM-L6-v2's embedding of the last user message and {features} numbers read off
its text. It gives each prompt a complexity score, 0–1, and nothing else.

**What the score means.** P(a weak model's answer is not good enough where a strong one's may be). "Weak" are 7–13B
chat models and Mixtral-8x7B. With RouteLLM's pairs the label is 1 when Mixtral-8x7B failed and GPT-4-1106 did not;
elsewhere it is the share of weak models that failed. Weaker tiers than these fail more often than the score says.

**Made by** `leanserve route train --data DIR --seed {seed}`: {trained_on:,} prompts; {validated_on:,} held out, one
question of five by the hash of its normalized text, in all benchmarks at once. Hyperparameters were chosen on a fifth
of the training part. Two choices saw more: a first comparison of logistic regression with perceptrons was read on the
held-out part, and the weight of the written prompts was set by looking at the easy and hard prompts of the unit tests.

## Data

Only for training: no prompt is in this package.

| file | what | licence seen at the source |
|---|---|---|
| routellm_mmlu, routellm_gsm8k | Mixtral-8x7B and GPT-4-1106, right or wrong; contaminated ones dropped | Apache-2.0 |
| llmrouter9 | 12 of 14 tasks; trivia_qa and natural_qa left out: strong models score no better there | MIT |
| routerdc7 | 7 tasks, four 7–8B models | none found |
| routerbench | ARC-C, WinoGrande, MBPP; three weak models | none found |
| zeroeval_gsm, zeroeval_crux | four 7–9B models and Mixtral | Apache-2.0 |
| alpaca_eval | chat prompts, nine weaker models' preference against GPT-4-1106 | Apache-2.0 |

## Assumptions that are not measurements

- Chat prompts (alpaca_eval) keep the order that preferences give them, spread evenly over 0–{chat:.2f}: where "good
  enough" begins is not in the data.
- Some 270 written prompts stand for what benchmarks lack: everyday requests get the label {easy}, long open-ended tasks
  of mathematics, programming and science {hard}. They teach the scale's ends; no number below counts them.

## Numbers on held-out questions

Expected calibration error over all of them: {ece:.3f}.
AUC: a prompt that most weak models fail scores above another. APGR: RouteLLM's, 0.5 is random.

| task | prompts | mean label | mean score | AUC | APGR |
|---|---|---|---|---|---|
{tasks}

## Limits

- It knows topics better than difficulty: within a topic, or on topics that training never saw, it is close to
  guessing. GSM8K's questions it can hardly tell apart.
- English only. Prompts mostly not ASCII or not English, empty, or longer than the training's go to the best tier
  whatever their score.
- It reads the last user message, not the conversation, the tools or the system prompt.
"""


def card(report: TrainReport) -> str:
    """The card as Markdown."""
    return TEMPLATE.format(
        features=len(NAMES),
        seed=report.seed,
        trained_on=report.trained_on,
        validated_on=report.validated_on,
        chat=2 * CHAT_FAILURE,
        easy=EASY_LABEL,
        hard=HARD_LABEL,
        ece=report.calibration_error,
        tasks="\n".join(map(table_row, report.tasks)),
    )


def table_row(task: TaskReport) -> str:
    """One task's line; a dash for what could not be computed."""
    auc = "–" if task.auc != task.auc else f"{task.auc:.3f}"
    apgr = "–" if task.apgr is None else f"{task.apgr:.3f}"
    return f"| {task.task} | {task.prompts} | {task.label_mean:.2f} | {task.score_mean:.2f} | {auc} | {apgr} |"
