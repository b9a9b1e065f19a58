"""The recipe that runs a model, by the model's name alone."""

from __future__ import annotations

from collections.abc import Mapping

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.neural.catalogue import MODELS, Model
from stemstudio.algorithms.neural.demucs import HTDemucs
from stemstudio.algorithms.neural.openunmix import OpenUnmix
from stemstudio.algorithms.neural.roformer import RoFormer
from stemstudio.algorithms.streaming import Streaming
from stemstudio.errors import BadRecipe, MissingModel, StemStudioError

RUNS: Mapping[str, type[Algorithm]] = {"demucs": HTDemucs, "unmix": OpenUnmix, "roformer": RoFormer}


def recipe_of(model: Model) -> Algorithm:
    """What runs a model, as delivered."""
    return RUNS[model.family].from_settings({"model": model.name})


def recipe_named(name: str) -> Algorithm:
    """What runs the model of that name; an error in one sentence where there is none, or it is not on this machine."""
    from stemstudio.algorithms.neural.own_models import every_model
    from stemstudio.algorithms.neural.weights import weights_of

    models = every_model()
    if name not in models:
        raise StemStudioError(f"There is no model “{name[:80]}”.", f"There are: {', '.join(models)}.")
    weights_of(models[name])
    return recipe_of(models[name])


def sketched(recipe: Algorithm) -> HTDemucs | None:
    """The same by the small network that comes with the program; None where that is asked, or lacks a stem that is."""
    from stemstudio.algorithms.neural.separation import stems_named
    from stemstudio.algorithms.neural.weights import missing

    if not isinstance(recipe, Streaming) or "sketch" in recipe.models:
        return None
    fields = ("stems", "seed", "device", "precision")
    kept = {name: getattr(recipe, name) for name in fields if hasattr(recipe, name)}
    quick = HTDemucs.from_settings({"model": "sketch", "shifts": 0, **kept})
    try:
        stems_named(quick.stems, MODELS["sketch"].stems)
    except BadRecipe:
        return None
    return None if missing(quick) else quick


def models_here() -> tuple[Model, ...]:
    """The models whose weights are on this machine."""
    from stemstudio.algorithms.neural.own_models import every_model
    from stemstudio.algorithms.neural.weights import weights_of

    found = []
    for model in every_model().values():
        try:
            weights_of(model)
        except MissingModel:
            continue
        found.append(model)
    return tuple(found)
