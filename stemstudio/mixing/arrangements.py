"""Arrangements: ready-made places for all stems of a song, by what their names say they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stemstudio.errors import StemStudioError
from stemstudio.project.project import State
from stemstudio.project.room import Place

__all__ = ["ARRANGEMENTS", "Arrangement", "arrangement_named", "family"]

_FAMILIES = {
    "residual": r"resid|remain",
    "bass": r"\bbass|kontrabass|\bsub\b|808",
    "drums": r"drum|kick|snare|hi.?hat|\bhats?\b|tom|cymbal|crash|ride|perc|beat|clap|shaker|conga|strike",
    "voice": r"voc|voice|sing|choir|chor|lead vo|rap\b|speech|acap",
}


@dataclass(frozen=True)
class Arrangement:
    """A way to set up all stems.

    Attributes
    ----------
    name
        As on the command line.
    title, tip
        For the window.
    places
        The places of stems, from pairs of (id, family), in order.
    """

    name: str
    title: str
    tip: str
    places: Callable[[Sequence[tuple[int, str]]], Mapping[int, Place]]

    def of(self, state: State) -> dict[int, Place]:
        """Places for all leaves of a project."""
        leaves = state.leaves()
        return dict(
            self.places(
                [
                    (leaf.id, "residual" if state.is_residual(leaf.id) else family(leaf.name))
                    for leaf in leaves
                ]
            )
        )


def family(name: str) -> str:
    """What a stem's name says that it is: voice, drums, bass, residual, or other."""
    return next((kind for kind, words in _FAMILIES.items() if re.search(words, name.casefold())), "other")


def arrangement_named(word: str) -> Arrangement:
    """The arrangement of that name, however its words are joined; raises `StemStudioError` for an unknown one."""
    key = re.sub(r"[\s_-]+", "-", word.strip().casefold())
    for each in ARRANGEMENTS:
        if key in (each.name, re.sub(r"\s+", "-", each.title.casefold())):
            return each
    names = ", ".join(each.name for each in ARRANGEMENTS)
    raise StemStudioError(f"There is no preset “{word}”.", f"There are: {names}.")


def _fan(stems: Iterable[int], reach: float, **fields: Any) -> dict[int, Place]:
    """Stems beside each other from left to right over `reach` degrees to either side; a single one in the middle."""
    ids = list(stems)
    step = 2.0 * reach / max(1, len(ids) - 1)
    return {
        stem: Place(azimuth=0.0 if len(ids) == 1 else round(place * step - reach, 1), **fields)
        for place, stem in enumerate(ids)
    }


def _of(stems: Sequence[tuple[int, str]], *families: str) -> list[int]:
    return [stem for stem, kind in stems if kind in families]


def _stereo(stems: Sequence[tuple[int, str]]) -> dict[int, Place]:
    return {stem: Place(lfe_db=None) for stem, _ in stems}


def _stage(stems: Sequence[tuple[int, str]]) -> dict[int, Place]:
    """As seen from the stalls: the band on a stage in front, the hall behind."""
    return {
        **_fan(_of(stems, "other"), 40.0, width=50.0, ambience=1.0),
        **_fan(_of(stems, "drums"), 20.0, width=60.0, divergence=0.5, ambience=1.0),
        **_fan(_of(stems, "bass"), 10.0, width=30.0, divergence=0.5),
        **_fan(_of(stems, "voice"), 15.0, width=20.0, divergence=0.2, ambience=1.0),
        **{stem: Place(ambience=1.0) for stem in _of(stems, "residual")},
    }


def _band(stems: Sequence[tuple[int, str]]) -> dict[int, Place]:
    """The listener stands among the musicians: voices in front, drums behind, the others all round."""
    around = (-75.0, 75.0, -115.0, 115.0, -45.0, 45.0, -145.0, 145.0)
    others = _of(stems, "other")
    return {
        **{
            stem: Place(azimuth=around[place % len(around)], distance=0.9, width=40.0)
            for place, stem in enumerate(others)
        },
        **{stem: Place(azimuth=180.0, distance=0.9, width=100.0) for stem in _of(stems, "drums")},
        **{stem: Place(azimuth=-150.0, width=30.0) for stem in _of(stems, "bass")},
        **_fan(_of(stems, "voice"), 20.0, width=30.0, divergence=0.3),
        **{stem: Place(distance=0.0) for stem in _of(stems, "residual")},
    }


def _karaoke(stems: Sequence[tuple[int, str]]) -> dict[int, Place]:
    """Voices alone in the centre, where they can be turned down; the band everywhere but there."""
    band = _of(stems, "other", "residual")
    return {
        **{stem: Place(divergence=1.0, ambience=1.0) for stem in band},
        **{
            stem: Place(divergence=1.0, ambience=1.0 if kind == "drums" else 0.0)
            for stem, kind in stems
            if kind in ("drums", "bass")
        },
        **{stem: Place(width=0.0, lfe_db=None) for stem in _of(stems, "voice")},
    }


def _drums(stems: Sequence[tuple[int, str]]) -> dict[int, Place]:
    """The drums all around the listener, the rest of the band on the stage."""
    drums = _of(stems, "drums")
    ring = {
        stem: Place(azimuth=_turned(360.0 * place / len(drums)), width=40.0)
        for place, stem in enumerate(drums)
    }
    if len(drums) == 1:
        ring = {drums[0]: Place(distance=0.1)}
    return {**_stage(stems), **ring}


def _turned(angle: float) -> float:
    return round(angle - 360.0 if angle > 180.0 else angle, 1)


ARRANGEMENTS: tuple[Arrangement, ...] = (
    Arrangement(
        "stage", "Stage", "Voices and band in front, as on a stage; their reverb comes from behind.", _stage
    ),
    Arrangement(
        "band", "In the band", "You stand among the musicians: voices in front, drums behind you.", _band
    ),
    Arrangement(
        "karaoke",
        "Karaoke",
        "Voices alone in the centre loudspeaker, where they can be turned down; the band everywhere else.",
        _karaoke,
    ),
    Arrangement(
        "drums", "Drums around", "Drums all around you, the rest of the band on a stage in front.", _drums
    ),
    Arrangement("stereo", "As in stereo", "Every stem where it is in stereo: left and right alone.", _stereo),
)
