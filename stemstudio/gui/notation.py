"""How seconds, frequencies and levels are written on screen."""

from __future__ import annotations

import math

NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
A4 = 440.0


def note_of(hertz: float) -> tuple[str, int]:
    """The nearest note of equal temperament, such as "F♯5", and how many cents above it."""
    pitch = 69 + 12 * math.log2(max(hertz, 1e-3) / A4)
    nearest = round(pitch)
    return f"{NAMES[nearest % 12]}{nearest // 12 - 1}", round(100 * (pitch - nearest))


def hertz_of(note: int) -> float:
    """Frequency of a MIDI note."""
    return A4 * 2 ** ((note - 69) / 12)


def hertz_text(hertz: float) -> str:
    """Short: "55", "880", "3.5k"."""
    if hertz < 1000:
        return f"{hertz:.0f}"
    if hertz < 10000:
        return f"{hertz / 1000:.1f}k"
    return f"{hertz / 1000:.1f}k".replace(".0k", "k")


def hertz_words(hertz: float) -> str:
    """With its unit: "743 Hz", "2.15 kHz"."""
    return f"{hertz:.0f} Hz" if hertz < 1000 else f"{hertz / 1000:.2f} kHz"


def time_text(seconds: float, decimals: int = 0) -> str:
    """Minutes and seconds: "0:07", "0:07.42"; hours where there are any."""
    unit = 10**decimals
    ticks = round(max(seconds, 0.0) * unit)
    whole, rest = divmod(ticks, unit)
    minutes, whole = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{whole:02d}" if hours else f"{minutes}:{whole:02d}"
    return f"{text}.{rest:0{decimals}d}" if decimals else text


def cents_text(cents: int) -> str:
    """With its sign: "+12¢"."""
    return f"+{cents}¢" if cents > 0 else f"−{-cents}¢" if cents < 0 else "±0¢"


def level_text(decibels: float) -> str:
    """Whole decibels: "−31 dB"."""
    return f"{decibels:.0f} dB".replace("-", "−")


def octaves_text(octaves: float) -> str:
    """As musicians say it: "1/3 oct", "0.70 oct", "1.5 oct"."""
    for parts in (12, 8, 6, 5, 4, 3, 2):
        if abs(octaves - 1 / parts) < 0.04 / parts:
            return f"1/{parts} oct"
    return f"{octaves:.2f} oct" if octaves < 1 else f"{octaves:.1f} oct".replace(".0 ", " ")


def span_text(seconds: float) -> str:
    """A length of time: "120 ms", "1.50 s"."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
