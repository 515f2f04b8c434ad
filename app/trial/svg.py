"""The frame of a small diagram in SVG: axes, places in pixels, marks that tell their numbers to the mouse."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP = 340, 260, 42, 12, 36, 8
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)

Tick = tuple[float, str]
"""A place on the lower axis in pixels, and its label."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A diagram whose x goes from 0 to 1 and whose y goes from `low` to `high`."""

    low: float = 0.0
    high: float = 1.0

    def x(self, value: float) -> float:
        """In pixels."""
        return LEFT + value * (WIDTH - RIGHT - LEFT)

    def y(self, value: float) -> float:
        """In pixels."""
        return TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def axes(self, ticks: Iterable[Tick], below: str, beside: str, *, digits: int = 0) -> str:
        """Five levels with their percentages, `ticks`, and the names of both axes."""
        levels = (self.low + level * (self.high - self.low) for level in LEVELS)
        lines = "".join(
            f'<path d="M{LEFT},{self.y(v):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
            f'<text x="{LEFT - 6}" y="{self.y(v) + 4:.1f}" text-anchor="end">{v:.{digits}%}</text>'
            for v in levels
        )
        marks = "".join(
            f'<path d="M{x:.1f},{TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>'
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{label}</text>'
            for x, label in ticks
        )
        names = (
            f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(below)}</text>'
            f'<text x="{LEFT + 6}" y="{TOP + 12}">{escape(beside)}</text>'
        )
        return lines + marks + names


def figure(title: str, content: Sequence[str]) -> str:
    """A diagram below its title."""
    drawn = "".join(content)
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img">{drawn}</svg></figure>'
    )


def path(d: str, colour: str, *, dashed: bool = False) -> str:
    """A line along SVG's path commands."""
    dashes = ' stroke-dasharray="3"' if dashed else ""
    return f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'


def told(x: float, y: float, text: str) -> str:
    """An unseen dot that tells `text` to the mouse."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" opacity="0"><title>{escape(text)}</title></circle>'


def dot(x: float, y: float, colour: str, text: str) -> str:
    """A round mark."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"><title>{escape(text)}</title></circle>'


def square(x: float, y: float, colour: str, text: str) -> str:
    """A square mark."""
    place = f'x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"'
    return f'<rect {place} fill="{colour}"><title>{escape(text)}</title></rect>'
