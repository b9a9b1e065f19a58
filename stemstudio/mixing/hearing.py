"""Hearing a room where one is: all its loudspeakers, two of them, or headphones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stemstudio.audio.audio import Samples
from stemstudio.mixing.binaural import reach, to_headphones
from stemstudio.mixing.folddown import folded
from stemstudio.mixing.upmix import Heard, Spread

__all__ = ["Ear", "Listening"]

Ear = Literal["fold-down", "headphones", "loudspeakers"]


@dataclass(frozen=True)
class Listening:
    """A room as it is heard.

    Attributes
    ----------
    spread
        The room.
    ear
        "fold-down": its ITU-R BS.775 fold-down on two loudspeakers; "headphones": all its loudspeakers around a head;
        "loudspeakers": each channel on its own output.
    """

    spread: Spread
    ear: Ear

    @property
    def channels(self) -> int:
        return self.spread.layout.channels if self.ear == "loudspeakers" else 2

    @property
    def context(self) -> int:
        """Samples before and after a range that its sound depends on."""
        return self.spread.context + (reach(self.spread.rate) if self.ear == "headphones" else 0)

    def render(self, heard: Heard, start: int, stop: int) -> Samples:
        """Samples [start, stop) as they are played, float32 (channels, n)."""
        spread = self.spread
        if self.ear != "headphones":
            sound = spread.render(heard, start, stop)
            return sound if self.ear == "loudspeakers" else folded(spread.layout, sound)
        around = reach(spread.rate)
        low, high = max(0, start - around), min(spread.length, stop + around)
        sound = to_headphones(spread.layout, spread.render(heard, low, high), spread.rate)
        return sound[:, start - low : stop - low]
