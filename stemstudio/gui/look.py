"""Look: how the spectrogram shows the song; frozen, so that drawing threads can take it along."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

View = Literal["mixture", "stem", "dominant", "mask", "doubt"]
Channel = Literal["mix", "left", "right", "mid", "side"]


class Look(BaseModel):
    """How the picture is made.

    Attributes
    ----------
    view
        The mixture, the target stem alone, every bin in the hue of the stem that owns it, the target's
        mask, or the mixture with what opinions differ about.
    colours
        Colour map of the views that have no hues of stems.
    floor_db, ceiling_db
        Levels shown black and brightest, relative to full scale.
    channel
        Which side of the stereo picture.
    overlay
        Whether the mask of selected atoms, the target's paint, or doubt is laid over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    view: View = "dominant"
    colours: str = "magma"
    floor_db: float = -90.0
    ceiling_db: float = -10.0
    channel: Channel = "mix"
    overlay: bool = True
