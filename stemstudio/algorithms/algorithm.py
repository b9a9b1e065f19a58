"""Algorithm: a frozen, validated recipe that takes sound apart.

The fields of a recipe, each with range, unit and one line of help, are its parameters. The form in the window, the
options on the command line, validation, the record in the project file: all come from that one declaration.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.parameters import Parameter, Parameters, parameter
from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress

__all__ = ["Algorithm", "Parameter", "parameter"]


class Algorithm(Parameters):
    """A way of taking sound apart, with all its parameters.

    Class attributes
    ----------------
    name
        What the command line calls it.
    title, summary
        What the window calls it, and one sentence on what it is good for.
    speed
        Seconds of song a second of work, on two CPU cores: a first guess for the time a run will take.
    begins
        Seconds before it takes up the song: loading what it computes with; a first guess, too.
    atoms
        Whether it finds atoms, to be gathered into stems, rather than stems.
    context
        Seconds of sound on either side that help it where only a selection is taken apart.
    masked
        Whether it estimates spectrograms, which masks are made of, rather than sound.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    speed: ClassVar[float] = 10.0
    begins: ClassVar[float] = 0.0
    atoms: ClassVar[bool] = False
    context: ClassVar[float] = 1.0
    masked: ClassVar[bool] = True

    @abstractmethod
    def run(self, signal: Sound, progress: Progress) -> Estimates:
        """Take `signal` apart; everything the estimates leave over is the residual.

        Raises `Cancelled` within 0.3 s of being asked to stop; reports from 0 to 1.
        """

    @property
    def called(self) -> str:
        """What a run of it is called in lists: the title, or what it is with these parameters."""
        return self.title

    def resolved(self) -> Algorithm:
        """The same with all said that it would choose by itself on this machine."""
        return self

    @property
    def timed_as(self) -> str:
        """What its speed on this machine is remembered under."""
        return self.name

    @property
    def effort(self) -> float:
        """Work for a second of song, relative to the recipe as delivered: for guessing how long a run takes."""
        return 1.0

    def record(self) -> dict[str, Any]:
        """The recipe as plain JSON data, `{"algorithm": name, …fields}`."""
        return {"algorithm": self.name, **self.model_dump(mode="json")}
