"""The separators, listed by hand in the order of the menu, and their estimates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.ambience import Ambience
from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Estimates, Masks, Waveforms
from stemstudio.algorithms.hpss import HPSS
from stemstudio.algorithms.melody import Melody
from stemstudio.algorithms.neural.demucs import HTDemucs
from stemstudio.algorithms.neural.ensemble import Ensemble
from stemstudio.algorithms.neural.openunmix import OpenUnmix
from stemstudio.algorithms.neural.roformer import RoFormer
from stemstudio.algorithms.nmf.convolutive_factorization import ConvolutiveFactorization
from stemstudio.algorithms.nmf.drums import NMFD
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.overlaid import Overlaid
from stemstudio.algorithms.own_stems import OwnStems
from stemstudio.algorithms.repet import RepetSim
from stemstudio.algorithms.rpca import RPCA
from stemstudio.algorithms.spliced import Spliced
from stemstudio.algorithms.stereo import Stereo
from stemstudio.algorithms.taught import Taught
from stemstudio.algorithms.two_stage_hpss import TwoStageHPSS
from stemstudio.errors import BadRecipe

ALGORITHMS: tuple[type[Algorithm], ...] = (
    HTDemucs,
    OpenUnmix,
    RoFormer,
    Ensemble,
    HPSS,
    TwoStageHPSS,
    RepetSim,
    RPCA,
    Stereo,
    Ambience,
    Melody,
    NMF,
    NMFD,
)
# Project files know them and menus do not.
HIDDEN: tuple[type[Algorithm], ...] = (ByHand, OwnStems)
ESTIMATES: dict[str, type[Estimates]] = {
    kind.kind: kind
    for kind in (Waveforms, Masks, Factorization, ConvolutiveFactorization, Spliced, Overlaid, Taught)
}


def algorithm(name: str) -> type[Algorithm]:
    """The algorithm of that name; `BadRecipe` lists what there is."""
    for candidate in ALGORITHMS:
        if candidate.name == name:
            return candidate
    known = ", ".join(candidate.name for candidate in ALGORITHMS)
    raise BadRecipe(f"There is no algorithm “{name}”.", f"There are: {known}.")


def recipe_from_record(record: Mapping[str, Any]) -> Algorithm:
    """The recipe that `Algorithm.record()` wrote; `BadRecipe` where it is none of ours."""
    settings = dict(record)
    name = settings.pop("algorithm", None)
    if not isinstance(name, str):
        raise BadRecipe("A recipe does not say its algorithm.")
    hidden = {each.name: each for each in HIDDEN}
    kind = hidden.get(name) or algorithm(name)
    return kind.from_settings(settings)
