"""The engine: all units of native code, and how a state comes by their addresses.

numba takes half a second to import and the first compilation some twenty more of a core (kept on disk afterwards):
load units only where sound is wanted.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing.compiling import compiled, load

__all__ = ["connect", "ready"]

_PLACES = {
    "native_mix": ("mix_unit", "mix_voices"),
    "native_strips": ("strips_unit", "mix_strips"),
    "native_effects": ("effects_unit", "run_effects"),
    "native_meters": ("meters_unit", "measure"),
}


def ready() -> None:
    """Have all units in this process; compiles what never was."""
    for unit in compiled():
        load(unit)


def connect(state: NDArray[np.void]) -> bool:
    """Let a state know where the units are that were loaded; return whether these are all.

    Without `FIRST` nothing may be played from it; without the others the song itself is heard in place of its stems.
    """
    for unit, (place, name) in _PLACES.items():
        module = sys.modules.get(f"stemstudio.mixing.{unit}")
        # A module that is being imported by another thread has no unit yet.
        state[place] = getattr(getattr(module, name, None), "address", 0)
    return all(bool(state[place][0]) for place, _ in _PLACES.values())
