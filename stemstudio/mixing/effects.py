"""Reverb and delay: their settings as numbers for native code, and the memory they need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing.mixer import gain_of
from stemstudio.mixing.playstate import EFFECTS, REVERB_LINES
from stemstudio.project.effects import Effects

__all__ = ["Lines", "set_effects"]

# Lengths of lines and places of taps in Dattorro's figure 1 and table 2, in samples at his rate.
_RATE = 29_761.0
_DIFFUSERS = (142, 107, 379, 277)
_TANK = (672, 4453, 1800, 3720, 908, 4217, 2656, 3163)
# Line, samples back and sign.
_LEFT = (
    (10, 266, 1),
    (10, 2974, 1),
    (11, 1913, -1),
    (12, 1996, 1),
    (6, 1990, -1),
    (7, 187, -1),
    (8, 1066, -1),
)
_RIGHT = (
    (6, 353, 1),
    (6, 3627, 1),
    (7, 1228, -1),
    (8, 2673, 1),
    (10, 2111, -1),
    (11, 335, -1),
    (12, 121, -1),
)
_EXCURSION = 8.0
_ROUND = sum(_TANK) / _RATE  # seconds once round the tank, in which four gains are met
_LONGEST_BEFORE, _LONGEST_DELAY = 0.26, 2.05  # seconds
_DAMPED_DB = 100.0  # below which a tail counts as gone


class Lines:
    """The memory that reverb and delay of one state work in; lives as long as the state is played from."""

    def __init__(self, state: NDArray[np.void]) -> None:
        s = state[0]
        rate = float(s["rate"])
        scale = rate / _RATE
        excursion = _EXCURSION * scale
        lengths = [round(_LONGEST_BEFORE * rate) + 2, *(max(2, round(scale * each)) for each in _DIFFUSERS)]
        for place, each in enumerate(_TANK):
            turning = place % 4 == 0
            lengths.append(max(2, round(scale * each)) + (int(excursion) + 2 if turning else 0))
        assert len(lengths) == REVERB_LINES
        self._lines = np.zeros(sum(lengths))
        self._echo = np.zeros(2 * round(_LONGEST_DELAY * rate))
        s["line_address"] = self._lines.ctypes.data
        s["line_start"] = np.cumsum([0, *lengths[:-1]])
        s["line_length"] = lengths
        lines, places, signs = zip(*_LEFT, *_RIGHT, strict=True)
        s["tap_line"], s["tap_sign"] = lines, signs
        s["tap_back"] = [max(1, round(scale * each)) for each in places]
        s["excursion"] = 0.0, excursion, excursion
        s["echo_address"] = self._echo.ctypes.data
        s["echo_length"] = len(self._echo) // 2
        s["line_place"] = 0
        s["echo_place"] = 0
        s["effects_clear"] = 1


def set_effects(state: NDArray[np.void], effects: Effects) -> None:
    """Let reverb and delay go over to these settings."""
    s = state[0]
    rate = float(s["rate"])
    numbers = np.zeros(EFFECTS)
    numbers[0] = 10.0 ** (-3.0 * _ROUND / 4 / effects.reverb_seconds)
    numbers[1] = effects.reverb_damping
    numbers[2] = gain_of(effects.reverb_level)
    numbers[3] = round(effects.reverb_before / 1000 * rate)
    numbers[4] = max(1, round(effects.delay_ms / 1000 * rate))
    numbers[5] = effects.delay_feedback
    numbers[6] = effects.delay_damping
    numbers[7] = gain_of(effects.delay_level)
    s["effects_wanted"] = numbers
    repeats = 1 + _DAMPED_DB / max(1.0, -20 * np.log10(max(1e-5, effects.delay_feedback)))
    seconds = max(
        effects.reverb_before / 1000 + effects.reverb_seconds * _DAMPED_DB / 60 + 1,
        effects.delay_ms / 1000 * repeats,
    )
    s["effects_tail"] = round(seconds * rate)
