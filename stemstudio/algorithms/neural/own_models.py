"""Own models: networks that no catalogue lists, added by hand as a checkpoint with the YAML that describes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from stemstudio.algorithms.neural.catalogue import MODELS, Model
from stemstudio.algorithms.neural.network import Network
from stemstudio.algorithms.neural.roformer_files import SUFFIXES, load_roformer
from stemstudio.algorithms.neural.roformer_settings import config_beside, read_settings
from stemstudio.algorithms.neural.weights import copy_file, listed_as, models_folder
from stemstudio.errors import BadModel, MissingModel, StemStudioError
from stemstudio.progress import Progress

LONGEST_NAME = 80


def own_models() -> Mapping[str, Model]:
    """Those in our folder, by name. A file that cannot be used is not among them."""
    folder, found = models_folder(), {}
    for config in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
        path = next((each for each in map(config.with_suffix, SUFFIXES) if each.is_file()), None)
        if path is None:
            continue
        try:
            stems = read_settings(config).stems
        except BadModel:
            continue
        found[config.stem] = Model(
            config.stem,
            f"A band-split transformer that you added: {', '.join(stems)}.",
            (config.stem,),
            repository="",
            licence="its makers say",
            stems=stems,
            source="its makers may say",
            family="roformer",
            file=path.name,
        )
    return found


def every_model() -> Mapping[str, Model]:
    """The catalogue, and what was added by hand."""
    return {**own_models(), **MODELS}


def own_model(name: str) -> Model:
    """The one of that name, the first one for an empty name; `MissingModel` says how to add one."""
    found = own_models()
    if name in found:
        return found[name]
    way = (
        "Add one with “stemstudio models add FILE --config YAML”: the checkpoint (.ckpt or .safetensors) and the YAML "
        "that its makers give with it."
    )
    if name:
        there = f" There are: {', '.join(found)}." if found else ""
        raise MissingModel(f"There is no RoFormer model “{name[:80]}” on this machine.", f"{way}{there}")
    if not found:
        raise MissingModel("No RoFormer model is on this machine.", way)
    return next(iter(found.values()))


def load_own(model: Model) -> Network:
    """Its network, ready to run."""
    path = models_folder() / model.file
    return load_roformer(path, path.with_suffix(".yaml"))


def is_own(path: Path) -> bool:
    """Whether a file is of a kind that is added with a YAML, rather than weights of the catalogue."""
    return path.suffix in SUFFIXES and listed_as(path) is None


def add_own(path: Path, config: Path | None, progress: Progress) -> str:
    """Copy a checkpoint and its YAML into our folder, and its name.

    The network is loaded first; `BadModel` or another `StemStudioError` where it cannot be used, and then nothing is
    left behind.

    Parameters
    ----------
    config
        The YAML; None looks for it beside the checkpoint.
    """
    if not path.is_file():
        raise StemStudioError(f"There is no file “{path}”.", "Give a file of weights.")
    if path.suffix not in SUFFIXES:
        raise StemStudioError(
            f"“{path.name}” is no checkpoint of a RoFormer.", f"Those end with {' or '.join(SUFFIXES)}."
        )
    config = config or config_beside(path)
    if config is None or not config.is_file():
        raise StemStudioError(
            f"There is no YAML beside “{path.name}” that describes its network."
            if config is None
            else f"There is no file “{config}”.",
            "Its makers give one with it; say where it is with --config, or put it beside under the same name.",
        )
    name = re.sub(r"[^\w.-]+", "_", path.stem)[:LONGEST_NAME].strip(".") or "roformer"
    if name in MODELS:
        raise StemStudioError(f"There is a model “{name}” already.", "Give the file another name.")
    progress(0.0, f"looking at {path.name}")
    load_roformer(path, config)
    folder = models_folder()
    copy_file(path, folder / f"{name}{path.suffix}", progress.part(0.1, 0.99))
    # Last: a model is there once its YAML is.
    copy_file(config, folder / f"{name}.yaml", progress.part(0.99, 1.0))
    for suffix in SUFFIXES:
        if suffix != path.suffix:
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
    progress(1.0)
    return name
