"""The engine: all units of native code, and how a state comes by their addresses.

Import this module only where sound is wanted: numba takes a second to import and the first compilation some ten more
(kept on disk afterwards).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing.callback import callback
from stemstudio.mixing.native_effects import run_effects
from stemstudio.mixing.native_meters import measure
from stemstudio.mixing.native_mix import bounce, mix_voices
from stemstudio.mixing.native_strips import mix_strips

__all__ = ["bounce", "callback", "connect"]


def connect(state: NDArray[np.void]) -> None:
    """Let a state know where the units are; nothing may be played from it before."""
    state["mix_unit"] = mix_voices.address
    state["strips_unit"] = mix_strips.address
    state["effects_unit"] = run_effects.address
    state["meters_unit"] = measure.address
