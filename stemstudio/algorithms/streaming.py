"""Streaming: recipes that hand on finished stretches of their stems while they go on, those at the playhead first."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural.catalogue import MODELS
from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress

COUNTED = {2: "Two stems", 4: "Four stems", 6: "Six stems"}

Ranges = tuple[tuple[int, int], ...]
Playhead = Callable[[], int]


@dataclass(frozen=True)
class SoFar:
    """Stems of a separation that is going on.

    Attributes
    ----------
    estimates
        The stems; zeros where they are not there yet. Their arrays go on being filled.
    done
        Ranges of samples [start, stop) that are there, in order, and will not change any more.
    settled
        Whether the answer at the end has just these sounds; otherwise it is a little better.
    """

    estimates: Waveforms
    done: Ranges
    settled: bool = True


@dataclass(frozen=True)
class Said:
    """Something that a person should know while it goes on, handed on like stems: one sentence."""

    words: str


def at_the_start() -> int:
    """The playhead of somebody who listens from the beginning."""
    return 0


class Streaming(Algorithm):
    """A recipe whose stems can be heard while it goes on: those of trained networks."""

    begins: ClassVar[float] = 5.0

    @property
    def timed_as(self) -> str:
        """Each network has its own speed, on each device."""
        own = ("model", "members", "device", "precision")
        return "/".join((self.name, *(str(getattr(self, field)) for field in own if hasattr(self, field))))

    @property
    def called(self) -> str:
        """Which stems, and by which network: "Four stems (htdemucs_ft)", "vocals (umxl)"."""
        model = MODELS.get(str(getattr(self, "model", "")))
        if model is None:
            return self.title
        asked = str(getattr(self, "stems", "")).strip()
        return f"{asked or COUNTED.get(len(model.stems), 'Stems')} ({model.title})"

    @property
    def models(self) -> tuple[str, ...]:
        """Names in the catalogue of the trained models that it needs on this machine."""
        named = str(getattr(self, "model", ""))
        return (named,) if named in MODELS else ()

    @abstractmethod
    def run(self, signal: Sound, progress: Progress, playhead: Playhead = at_the_start) -> Waveforms:
        """Take `signal` apart, and hand on finished stretches as `SoFar`.

        `playhead` tells the sample that is wanted first; it is asked again and again, from the worker's thread.
        """
