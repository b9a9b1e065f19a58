"""Layouts: which loudspeakers stand where, and in which order a file has them.

Channels are in the order of Microsoft's WAVE_FORMAT_EXTENSIBLE, which FLAC and FFmpeg share. Angles are those of
ITU-R BS.775 (fronts at 30°, surrounds at 110°) and, for 7.1, sides at 90° and backs at 150°. "5.1" has *back*
surrounds (mask 0x3F, which most programs and FLAC mean by six channels); "5.1-side" has the same sound with *side*
surrounds (mask 0x60F).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.project.room import LayoutName

HALF_POWER = float(np.sqrt(0.5))


@dataclass(frozen=True)
class Speaker:
    """A loudspeaker.

    Attributes
    ----------
    name
        Short, as on a mixing desk.
    words
        In full.
    bit
        Its bit in a channel mask.
    azimuth
        Degrees, positive to the right; None for the low-frequency channel, which has no place.
    fold
        How much of it goes to the left and the right of a stereo fold-down (ITU-R BS.775, annex 4).
    """

    name: str
    words: str
    bit: int
    azimuth: float | None
    fold: tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """Loudspeakers around a listener.

    Attributes
    ----------
    name, words
        As on the command line, and for the window.
    speakers
        In the order of channels.
    """

    name: LayoutName
    words: str
    speakers: tuple[Speaker, ...]

    @property
    def channels(self) -> int:
        return len(self.speakers)

    @property
    def mask(self) -> int:
        """The channel mask of WAVE_FORMAT_EXTENSIBLE."""
        return sum(speaker.bit for speaker in self.speakers)

    @property
    def lfe(self) -> int | None:
        """Which channel is the low-frequency one, if any."""
        return next((n for n, speaker in enumerate(self.speakers) if speaker.azimuth is None), None)

    @property
    def centre(self) -> int | None:
        """Which channel is the centre between others, if any."""
        found = [n for n, speaker in enumerate(self.speakers) if speaker.azimuth == 0.0]
        return found[0] if found and self.channels > 1 else None

    @property
    def keeps_stereo(self) -> bool:
        """Whether what folds down can be any stereo sound at all."""
        return self.channels > 1

    @property
    def fold(self) -> NDArray[np.float64]:
        """Weights (2, channels) of the stereo fold-down."""
        return np.array([speaker.fold for speaker in self.speakers]).T


_LEFT = Speaker("L", "left", 0x1, -30.0, (1.0, 0.0))
_RIGHT = Speaker("R", "right", 0x2, 30.0, (0.0, 1.0))
_CENTRE = Speaker("C", "centre", 0x4, 0.0, (HALF_POWER, HALF_POWER))
_LFE = Speaker("LFE", "low frequencies", 0x8, None, (0.0, 0.0))
_LEFT_FOLD, _RIGHT_FOLD = (HALF_POWER, 0.0), (0.0, HALF_POWER)
_BACKS = (
    Speaker("Ls", "left surround", 0x10, -110.0, _LEFT_FOLD),
    Speaker("Rs", "right surround", 0x20, 110.0, _RIGHT_FOLD),
)
_SIDES = (
    Speaker("Ls", "left surround", 0x200, -110.0, _LEFT_FOLD),
    Speaker("Rs", "right surround", 0x400, 110.0, _RIGHT_FOLD),
)
_SEVEN = (
    Speaker("Lb", "left back", 0x10, -150.0, _LEFT_FOLD),
    Speaker("Rb", "right back", 0x20, 150.0, _RIGHT_FOLD),
    Speaker("Ls", "left side", 0x200, -90.0, _LEFT_FOLD),
    Speaker("Rs", "right side", 0x400, 90.0, _RIGHT_FOLD),
)

LAYOUTS: dict[str, Layout] = {
    each.name: each
    for each in (
        Layout("mono", "Mono", (_CENTRE,)),
        Layout("stereo", "Stereo", (_LEFT, _RIGHT)),
        Layout("quad", "Quad (4)", (_LEFT, _RIGHT, *_BACKS)),
        Layout("5.0", "5.0", (_LEFT, _RIGHT, _CENTRE, *_BACKS)),
        Layout("5.1", "5.1", (_LEFT, _RIGHT, _CENTRE, _LFE, *_BACKS)),
        Layout("5.1-side", "5.1, side surrounds", (_LEFT, _RIGHT, _CENTRE, _LFE, *_SIDES)),
        Layout("7.1", "7.1", (_LEFT, _RIGHT, _CENTRE, _LFE, *_SEVEN)),
    )
}
