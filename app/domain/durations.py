"""`90`, `15m`, `24h`, `30d` as seconds."""

import re

UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
LONGEST_S = 36_500 * 86_400


def duration_s(text: str) -> float:
    """Raises ValueError."""
    found = re.fullmatch(r"([0-9]{1,10})([smhd]?)", text.strip(), re.ASCII)
    total = int(found[1]) * UNITS[found[2]] if found else -1
    if not 0 <= total <= LONGEST_S:
        raise ValueError("a duration is a number of seconds, or like 15m, 24h, 30d")
    return float(total)
