"""The command `leanserve`: arguments and environment variables come in, files, processes and readable text go out.

The only room that reads the environment (`REDIS_URL`, `LEANSERVE_HOME`) and hands what it read to the others. It never
holds product logic: a command is a few lines around another room. Importing it is light; commands import when they run.
"""

import sys


def main() -> None:
    """The entry point of the console script. A fault of ours is one line on stderr and exit status 1."""
    from app.cli.root import cli  # noqa: PLC0415 - typer and rich only when a command runs
    from app.errors import LeanServeError  # noqa: PLC0415

    try:
        cli()
    except LeanServeError as error:
        print(f"leanserve: {error.message}", file=sys.stderr)
        sys.exit(1)
