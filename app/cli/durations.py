"""`90`, `15m`, `24h`, `30d` as seconds."""

import re

import typer

UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
LONGEST_S = 36_500 * 86_400


def seconds(text: str) -> float:
    """Raises typer's `BadParameter`."""
    found = re.fullmatch(r"([0-9]{1,10})([smhd]?)", text.strip())
    total = int(found[1]) * UNITS[found[2]] if found else -1
    if not 0 <= total <= LONGEST_S:
        raise typer.BadParameter("a duration is a number of seconds, or like 15m, 24h, 30d")
    return float(total)
