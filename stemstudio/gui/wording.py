"""Wording: how levels, pans and times of work are written on the panels."""

from __future__ import annotations

from stemstudio.gui.notation import time_text

SILENT_DB = -144.0  # below the last bit of 24


def roughly(seconds: float, *, measured: bool = True) -> str:
    """A time that something will take: "under 1 s", "about 40 s", "about 1:05"; "maybe 40 s" where that is a guess."""
    if seconds < 1 and measured:
        return "under 1 s"
    if not measured:
        step = 1 if seconds < 10 else 5 if seconds < 60 else 30
        seconds = max(1, round(seconds / step)) * step
    words = f"{seconds:.0f} s" if seconds < 59.5 else time_text(seconds)
    return f"{'about' if measured else 'maybe'} {words}"


def signed(value: float, digits: int = 0) -> str:
    """A number with a proper minus, and a plus where it is above 0."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def level(decibels: float, digits: int = 1) -> str:
    """A level such as −11.2 dB; −∞ dB for silence."""
    if decibels <= SILENT_DB:
        return "−∞ dB"
    return f"{'−' if decibels < 0 and round(decibels, digits) else ''}{abs(decibels):.{digits}f} dB"


def pan(value: float) -> str:
    """A pan from −1 to 1: L 30, C, R 100."""
    amount = round(100 * abs(value))
    return "C" if amount == 0 else f"{'L' if value < 0 else 'R'} {amount}"
