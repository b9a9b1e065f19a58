"""From cells of a pyramid to colours: tables with one colour for every value a cell can have."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from stemstudio.gui.pyramid import FLOOR_DB, SHARES, SLOTS, STEP_DB

MAPS = ("magma", "viridis", "inferno", "cividis", "grey")
NOBODY = "#a9afc2"  # light whose owner is not known yet
PAINT_OPACITY = 0.62
DOUBT, GLOW = "#ff8a1f", 0.92  # colour of doubt, and how much of the light below the strongest hides
Table = NDArray[np.uint32]


def fetch() -> None:
    """Read the maps; called on a thread, as they are files."""
    for name in MAPS:
        _palette(name)


def brightness(floor_db: float, ceiling_db: float) -> NDArray[np.float32]:
    """Brightness 0…1 of every stored level."""
    levels = FLOOR_DB + STEP_DB * np.arange(256, dtype=np.float32)
    shown = np.clip((levels - floor_db) / max(ceiling_db - floor_db, 1.0), 0.0, 1.0)
    shown[0] = 0.0
    return shown.astype(np.float32)


def map_table(name: str, floor_db: float, ceiling_db: float, *, packed: bool) -> Table:
    """Colours of levels after a perceptually even map: uint32 0xffrrggbb, (256,), or (65536,) for packed cells."""
    palette = _palette(name)
    table = palette[(brightness(floor_db, ceiling_db) * 255).astype(np.intp)]
    return np.repeat(table, 256) if packed else table


def hue_table(colours: Mapping[int, str], floor_db: float, ceiling_db: float, back: str) -> Table:
    """Colours of packed cells: the owner's hue, brighter with the level, paler where the owner's share is small.

    Parameters
    ----------
    colours
        "#rrggbb" by the owner's number.
    back
        What silence looks like.

    Returns
    -------
    ndarray
        uint32 (65536,), 0xffrrggbb.
    """
    return _hue_table(tuple(colours.items()), floor_db, ceiling_db, back)


@lru_cache(maxsize=8)
def _hue_table(colours: tuple[tuple[int, str], ...], floor_db: float, ceiling_db: float, back: str) -> Table:
    """Asked for again with each stretch that is drawn, and by a step back and forth."""
    owners = np.tile(_rgb(NOBODY), (SLOTS, 1))
    for slot, colour in colours:
        owners[slot] = _rgb(colour)
    shares = np.linspace(0.0, 1.0, SHARES, dtype=np.float32)[:, None, None]
    grey = owners @ np.array([0.3, 0.59, 0.11], dtype=np.float32)
    pale = 0.55 * np.clip(1.0 - shares * 1.25, 0.0, 1.0)
    hues = (owners[None] * (1 - pale) + grey[None, :, None] * pale).reshape(-1, 3)  # (shares · slots, 3)
    level = brightness(floor_db, ceiling_db)
    body = np.clip(level / 0.86, 0.0, 1.0) ** 1.35
    glow = np.clip((level - 0.72) / 0.28, 0.0, 1.0) * 0.45
    # Between the back and the hue by the body, and from there to white by the glow: linear in the hue.
    white = 255.0 * glow + 0.5
    table = np.full((len(level), len(hues)), 0xFF000000, dtype=np.uint32)
    for part, place in enumerate((16, 8, 0)):
        shade = (body * (1 - glow))[:, None] * hues[:, part]
        shade += (float(_rgb(back)[part]) * (1 - body) * (1 - glow) + white)[:, None]
        table |= shade.astype(np.uint32) << place
    return table.reshape(-1)


def share_table(colour: str, back: str) -> Table:
    """Colours of a stem's mask, 0…255: from nothing to its full colour; uint32 (256,)."""
    share = np.linspace(0.0, 1.0, 256, dtype=np.float32)[:, None]
    return _packed_colours(_rgb(back) * (1 - share) + _rgb(colour) * share)


def shade_table(strength: float = 0.78) -> Table:
    """Premultiplied black that hides what a mask (1…255) leaves out; uint32 (256,), 0xaa000000; 0 hides nothing."""
    alpha = (255 - np.arange(256)) * strength
    alpha[0] = 0
    return alpha.astype(np.uint32) << np.uint32(24)


def tint_table(colour: str) -> Table:
    """Premultiplied paint of every weight 0…255, never quite covering; uint32 (256,), 0xaarrggbb."""
    alpha = np.arange(256, dtype=np.float32) / 255 * PAINT_OPACITY
    red, green, blue = _rgb(colour)
    a, r, g, b = (np.round(alpha * part).astype(np.uint32) for part in (255, red, green, blue))
    return a << np.uint32(24) | r << np.uint32(16) | g << np.uint32(8) | b


def glow_table(colour: str) -> Table:
    """Premultiplied light of every strength 0…255, from nothing to nearly all; uint32 (256,), 0xaarrggbb."""
    strength = np.linspace(0.0, 1.0, 256, dtype=np.float32)
    alpha = GLOW * strength**0.8
    red, green, blue = _rgb(colour)
    a, r, g, b = (np.round(alpha * part).astype(np.uint32) for part in (255, red, green, blue))
    return a << np.uint32(24) | r << np.uint32(16) | g << np.uint32(8) | b


def _rgb(colour: str) -> NDArray[np.float32]:
    named = QColor(colour)
    return np.array([named.red(), named.green(), named.blue()], dtype=np.float32)


def _packed_colours(rgb: NDArray[np.float32]) -> Table:
    red, green, blue = (np.clip(rgb[:, part] + 0.5, 0, 255).astype(np.uint32) for part in range(3))
    return 0xFF000000 | red << 16 | green << 8 | blue


@lru_cache(maxsize=8)
def _palette(name: str) -> Table:
    if name == "grey":
        ramp = np.repeat(np.linspace(0.0, 1.0, 256, dtype=np.float32)[:, None] ** 1.1 * 255, 3, axis=1)
        return _packed_colours(ramp)
    # Its maps are read as files: importing all of pyqtgraph would hold the first picture up by most of a second.
    found = importlib.util.find_spec("pyqtgraph")
    assert found is not None
    assert found.origin is not None
    maps = Path(found.origin).parent / "colors" / "maps"
    ramp = np.loadtxt(maps / f"{name if name in MAPS else 'magma'}.csv", delimiter=",", comments=";")
    places = np.linspace(0, len(ramp) - 1, 256)
    shades = [np.interp(places, np.arange(len(ramp)), ramp[:, part]) for part in range(3)]
    return _packed_colours(255 * np.stack(shades, axis=1).astype(np.float32))
