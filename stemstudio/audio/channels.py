"""Which two channels a song with more than two becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.errors import StemStudioError

HALF_POWER = float(np.sqrt(0.5))
# Channel orders of WAV, FLAC and FFmpeg. Rows: left, right. ITU-R BS.775, the low-frequency channel left out.
ITU_LEFT = {
    3: (1.0, 0.0, HALF_POWER),  # L R C
    5: (1.0, 0.0, HALF_POWER, HALF_POWER, 0.0),  # L R C Ls Rs
    6: (1.0, 0.0, HALF_POWER, 0.0, HALF_POWER, 0.0),  # L R C LFE Ls Rs
    8: (1.0, 0.0, HALF_POWER, 0.0, HALF_POWER, 0.0, HALF_POWER, 0.0),  # L R C LFE Lb Rb Ls Rs
}
ITU_RIGHT = {
    3: (0.0, 1.0, HALF_POWER),
    5: (0.0, 1.0, HALF_POWER, 0.0, HALF_POWER),
    6: (0.0, 1.0, HALF_POWER, 0.0, 0.0, HALF_POWER),
    8: (0.0, 1.0, HALF_POWER, 0.0, 0.0, HALF_POWER, 0.0, HALF_POWER),
}


@dataclass(frozen=True)
class ChannelChoice:
    """What to do with more than two channels: fold all down to stereo, or take one pair.

    Attributes
    ----------
    pair
        Two channel numbers counted from 0; None folds all channels down.
    """

    pair: tuple[int, int] | None = None

    def __str__(self) -> str:
        """The words that `parse` understands."""
        return "downmix" if self.pair is None else f"{self.pair[0] + 1}+{self.pair[1] + 1}"

    @classmethod
    def downmix(cls) -> ChannelChoice:
        """All channels folded down to stereo."""
        return cls(None)

    @classmethod
    def of(cls, first: int, second: int) -> ChannelChoice:
        """Two of the channels, counted from 0, as left and right."""
        return cls((first, second))

    @classmethod
    def parse(cls, words: str) -> ChannelChoice:
        """Understand `downmix` or a pair counted from 1, as in `1+2`; raise `StemStudioError` otherwise."""
        if words.strip().lower() == "downmix":
            return cls(None)
        match = re.fullmatch(r"\s*(\d+)\s*[+,/]\s*(\d+)\s*", words)
        if match is None or "0" in (match[1], match[2]):
            raise StemStudioError(
                f"“{words}” is not a choice of channels.", "Say downmix, or a pair such as 1+2."
            )
        return cls((int(match[1]) - 1, int(match[2]) - 1))

    def matrix(self, channels: int) -> NDArray[np.float32]:
        """Weights float32 (2, channels) that turn `channels` channels into stereo.

        Folding down follows ITU-R BS.775 for 3, 5, 6 and 8 channels (centre and surrounds at −3 dB, the
        low-frequency channel left out, no normalisation, so that the level of the front pair is kept). Other
        counts are averaged by pairs: the first, third, … to the left and the second, fourth, … to the right, an
        odd last one to both.
        """
        weights = np.zeros((2, channels), dtype=np.float32)
        if self.pair is not None:
            for side, channel in enumerate(self.pair):
                if not 0 <= channel < channels:
                    raise StemStudioError(f"There is no channel {channel + 1}: the song has {channels}.")
                weights[side, channel] = 1.0
        elif channels in ITU_LEFT:
            weights[0], weights[1] = ITU_LEFT[channels], ITU_RIGHT[channels]
        else:
            weights[0, 0::2] = 1.0
            weights[1, 1::2] = 1.0
            if channels % 2:
                weights[1, -1] = 1.0
            weights /= weights.sum(axis=1, keepdims=True)
        return weights
