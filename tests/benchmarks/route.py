"""`python -m tests.benchmarks.route`: the router's time and worth, against its goals.

The machine should be idle: whatever else runs on it is in the times. The quality needs the training data and is told
to be missing without it.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from app.config.gateway import EmbedderSpec
from app.embed.sentence import open_encoder
from app.embed.source import find_embedder
from app.route.trial.table import table as quality_table
from tests.benchmarks.machine import about
from tests.benchmarks.routes import decision, embedding, quality
from tests.benchmarks.stand import ROOT
from tests.benchmarks.summary import Row, concluded

NAMES = ("decision", "embedding", "quality")
DATA = ROOT.parent / "shared" / "data"


def main() -> int:
    """Exit code 0 when every goal that was measured is met, else 1."""
    arguments, load = _arguments(), os.getloadavg()
    rows = list(_rows(arguments))
    facts = about({name: version(name) for name in ("torch", "sentence-transformers", "numpy")}, load)
    return concluded(rows, facts, arguments.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="may be given more than once")
    parser.add_argument("--decisions", type=int, default=2_000, metavar="N", help="of each length")
    parser.add_argument("--seconds", type=float, default=20, metavar="S", help="of the embedder's load")
    parser.add_argument("--prompts", type=int, default=1_500, metavar="N", help="of each set, at most")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder above router/*.jsonl")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def _rows(arguments: argparse.Namespace) -> Iterator[Row]:
    names = arguments.only or NAMES
    if "embedding" in names:  # first: it opens a model of its own, on one core
        yield embedding.measure(arguments.seconds)
    encode = open_encoder(find_embedder(EmbedderSpec().model), EmbedderSpec().threads)
    if "decision" in names:
        yield decision.measure(encode, arguments.decisions)
    if "quality" in names and not (arguments.data / "router").is_dir():
        print(f"quality: not measured, {arguments.data / 'router'} is not there\n")
    elif "quality" in names:
        for found, rows in quality.measure(encode, arguments.data, arguments.prompts):
            print(quality_table(found), end="\n\n")
            yield from rows


if __name__ == "__main__":
    sys.exit(main())
