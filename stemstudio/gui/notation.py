"""Notation: how times, frequencies, notes, levels and pans are written on screen."""

from __future__ import annotations

import math

NOTES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
SILENT_DB = -144.0  # below the last bit of 24


def clock(seconds: float, digits: int = 0) -> str:
    """Minutes and seconds, such as 3:48 or 0:07.420; hours only where there are any."""
    units = round(max(0.0, seconds) * 10**digits)
    whole, rest = divmod(units, 10**digits)
    minutes, second = divmod(whole, 60)
    text = f"{minutes}:{second:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"
    return f"{text}.{rest:0{digits}d}" if digits else text


def about(seconds: float) -> str:
    """A time that something takes: "under 1 s", "40 s", "1:05"."""
    if seconds < 1:
        return "under 1 s"
    return f"{seconds:.0f} s" if seconds < 60 else clock(round(seconds))


def hertz(frequency: float) -> str:
    """A frequency, such as 55 Hz or 2.1 kHz."""
    if frequency < 99.95:
        return f"{frequency:.1f}".removesuffix(".0") + " Hz"
    return f"{frequency:.0f} Hz" if frequency < 999.5 else f"{frequency / 1000:.1f} kHz"


def note(frequency: float, cents: bool = False) -> str:
    """The nearest note of a frequency in Hz, such as D♯4, with cents D♯4 −18¢; empty below hearing."""
    if frequency < 8:
        return ""
    exact = 69 + 12 * math.log2(frequency / 440)
    nearest = round(exact)
    name = f"{NOTES[nearest % 12]}{nearest // 12 - 1}"
    off = round(100 * (exact - nearest))
    return f"{name} {signed(off)}¢" if cents and off else name


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
