"""Pace: at which tempo and in which key something is written, and where a place of the song is then."""

from __future__ import annotations

from dataclasses import dataclass

from stemstudio.mixing.stretching import stretched_length
from stemstudio.project.practice import Practice

__all__ = ["AS_RECORDED", "Pace"]


@dataclass(frozen=True)
class Pace:
    """A tempo and a key.

    Attributes
    ----------
    tempo
        1 is as recorded, 0.5 half as fast; the pitch stays.
    semitones
        How much higher; the tempo stays.
    """

    tempo: float = 1.0
    semitones: float = 0.0

    @classmethod
    def of(cls, practice: Practice) -> Pace:
        """That at which a song is practised."""
        return cls(practice.tempo, practice.semitones)

    @property
    def changed(self) -> bool:
        """Whether it is another than the recording's."""
        return self.tempo != 1.0 or self.semitones != 0.0

    @property
    def words(self) -> str:
        """Such as "tempo 80 %, key -2", fit for file names; empty as recorded."""
        tempo = f"tempo {100 * self.tempo:.4g} %" if self.tempo != 1.0 else ""
        key = f"key {self.semitones:+g}" if self.semitones else ""
        return ", ".join(filter(None, (tempo, key)))

    def place(self, sample: int) -> int:
        """Where a sample of the song is."""
        return round(sample / self.tempo)

    def length(self, samples: int) -> int:
        """How long so many samples of the song are."""
        return stretched_length(samples, self.tempo)


AS_RECORDED = Pace()
