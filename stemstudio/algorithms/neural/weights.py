"""Weights: where they lie on this machine, how they come there by hand, and whether they are whole."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.neural.catalogue import MODELS, Model
from stemstudio.algorithms.neural.hub_files import parts, repository_folder
from stemstudio.algorithms.neural.torch_library import opened
from stemstudio.algorithms.streaming import Streaming
from stemstudio.errors import BadModel, MissingModel, StemStudioError, UnwritableFile
from stemstudio.progress import Progress
from stemstudio.resources import resource

FOLDER_VARIABLE = "STEMSTUDIO_MODELS"
SUFFIXES = (".safetensors", ".th", ".pth")
BLOCK = 2**20

Verdict = Literal["whole", "unchecked", "damaged"]


@dataclass(frozen=True)
class Weights:
    """The file of one network.

    Attributes
    ----------
    signature
        Of the network.
    path
        Where it lies; None where it is not on this machine.
    """

    signature: str
    path: Path | None


def models_folder() -> Path:
    """Where to put weights by hand: the folder that STEMSTUDIO_MODELS names, or one among the user's data."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_dir("StemStudio", appauthor=False)) / "models"


def look_for(model: Model) -> tuple[Weights, ...]:
    """The files of a model's networks, as far as they are here: our folder first, then the usual caches."""
    return tuple(Weights(signature, _find(signature, model)) for signature in model.networks)


def weights_of(model: Model) -> tuple[Path, ...]:
    """The files of a model's networks; `MissingModel` says where to put them if they are not on this machine."""
    found = look_for(model)
    missing = [each.signature for each in found if each.path is None]
    if missing:
        if model.shipped:
            raise MissingModel(
                f"{model.name} is missing from this installation of StemStudio.", "Install the program anew."
            )
        files = " and ".join(f"“{Path(model.file.format(signature)).name}”" for signature in missing)
        other = " (or the .th of the same name)" if model.family == "demucs" else ""
        raise MissingModel(
            f"The weights of {model.name} are not on this machine.",
            f"Fetch them with “stemstudio models download {model.name}” or in the window under Separate ▸ Trained models, "
            f"or put {files}{other} into {models_folder()}, or use an algorithm that needs none.",
        )
    return tuple(each.path for each in found if each.path is not None)


def add(path: Path, progress: Progress, config: Path | None = None) -> tuple[str, ...]:
    """Copy a file of weights, or all those in a folder, into our folder; the names of the models they belong to.

    A checkpoint that no catalogue lists comes with a YAML: `config`, or the one beside it; in a folder, others are
    passed over.

    `StemStudioError` where nothing in it is weights of a known model, `BadModel` where a file is not what its name
    says, `UnwritableFile` where it cannot be copied. A file is there whole or not at all.
    """
    from stemstudio.algorithms.neural.own_models import add_own, is_own
    from stemstudio.algorithms.neural.roformer_settings import config_beside

    if config is not None or (path.is_file() and is_own(path)):
        return (add_own(path, config, progress),)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    known = [(file, model) for file in files for model in [_model_of(file)] if model is not None]
    own = [file for file in files if file.is_file() and is_own(file) and config_beside(file) is not None]
    if not path.exists():
        raise StemStudioError(
            f"There is no file “{path}”.", "Give a file of weights, or the folder it is in."
        )
    if not known and not own:
        raise StemStudioError(
            f"“{path.name}” holds no weights of a model that is known here.",
            "Such files are called like 955717e8.safetensors or vocals-b62c91ce.pth; “stemstudio models list” names the models.",
        )
    total = len(known) + len(own)
    for number, (file, model) in enumerate(known):
        part = progress.part(number / total, (number + 1) / total)
        part(0.0, f"looking at {file.name}")
        if can_load(model):
            load(file, model)
        if verify(file, model) == "damaged":
            raise BadModel(file, "its content does not match its checksum")
        copy_file(file, models_folder() / file.name, part)
    names = [model.name for _, model in known]
    for number, file in enumerate(own, len(known)):
        names.append(add_own(file, None, progress.part(number / total, (number + 1) / total)))
    progress(1.0)
    return tuple(dict.fromkeys(names))


def missing(recipe: Algorithm) -> tuple[Model, ...]:
    """The models that a recipe needs and that are not, or not wholly, on this machine."""
    wanted = [MODELS[name] for name in recipe.models] if isinstance(recipe, Streaming) else []
    return tuple(model for model in wanted if any(each.path is None for each in look_for(model)))


def load(path: Path, model: Model) -> Any:
    """The network in a file of a model; `BadModel` if it cannot be used."""
    from stemstudio.algorithms.neural.checkpoints import load_network, load_target

    opened()
    if model.family == "roformer":
        from stemstudio.algorithms.neural.own_models import load_own

        return load_own(model)
    if model.family == "unmix":
        return load_target(path)
    network = load_network(path, model.segment)
    if tuple(network.sources) != model.stems:
        answers = ", ".join(name[:20] for name in network.sources[:8])
        raise BadModel(path, f"it answers with {answers}, and {model.name} with {', '.join(model.stems)}")
    return network


def can_load(model: Model) -> bool:
    """Whether what a model's weights need to be unpacked is installed."""
    from stemstudio.algorithms.neural.packed import unpacker

    return not model.packed or bool(unpacker())


def remove(model: Model) -> tuple[Path, ...]:
    """Delete a model's files, and what has come of others, from our folder and the hub's cache; those that were deleted.

    Torch's are not ours.
    """
    if model.shipped:
        raise StemStudioError(
            f"{model.name} comes with the program.", "It goes when the program is removed; it takes 7 MB."
        )
    if model.family == "roformer":
        own = models_folder() / model.file
        paths = [path for path in (own.with_suffix(".yaml"), own) if path.is_file()]
    else:
        folders = (models_folder(), *_snapshots(model))
        paths = [path for each in model.networks for folder in folders for path in _candidates(each, folder)]
        paths += parts(model)
    for path in paths:
        delete(path, model)
    return tuple(paths)


def delete(path: Path, model: Model) -> None:
    """Delete a file, and the content that the hub's cache keeps for it elsewhere; never what a link of yours leads to."""
    content = path.resolve()
    try:
        path.unlink()
        if content.parent == (repository_folder(model) / "blobs").resolve():
            content.unlink(missing_ok=True)
    except OSError as error:
        raise StemStudioError(
            f"“{path.name}” could not be deleted: {(error.strerror or str(error)).lower()}.",
            f"Look whether {path.parent} may be written to.",
        ) from error


def removable(path: Path, model: Model) -> bool:
    """Whether `remove` would delete a file of a model: one in our folder or in the hub's cache."""
    return not model.shipped and path.parent in (models_folder(), *_snapshots(model))


def verify(path: Path, model: Model, progress: Progress | None = None) -> Verdict:
    """Whether a file is as its publisher made it.

    Held against the checksum in the name of a .th file, against the catalogue's, or against the name that the hub's
    cache gave the file, which is its SHA-256; "unchecked" where there is none of these.
    """
    wanted = _checksum(path, model)
    if wanted is None:
        return "unchecked"
    return "whole" if sha256(path, progress).startswith(wanted) else "damaged"


@dataclass(frozen=True)
class Checked:
    """What became of checking a file: of which model, how it is, and why where it is damaged."""

    model: str
    path: Path
    verdict: Verdict
    why: str = ""


def checked(models: Iterable[Model], progress: Progress) -> tuple[Checked, ...]:
    """Hold every file of some models that is here against its checksum, and load it."""
    files = [(model, each.path) for model in models for each in look_for(model) if each.path is not None]
    found = []
    for number, (model, path) in enumerate(files):
        part = progress.part(number / len(files), (number + 1) / len(files))
        part(0.0, f"checking {path.name}")
        verdict: Verdict
        why = "" if can_load(model) else "loading it takes the package diffq"
        try:
            verdict = verify(path, model, part)
            if can_load(model):
                load(path, model)
        except BadModel as error:
            verdict, why = "damaged", error.sentence
        found.append(Checked(model.name, path, verdict, why))
    progress(1.0)
    return tuple(found)


def sha256(path: Path, progress: Progress | None = None) -> str:
    """The checksum of a file, in hexadecimal digits."""
    progress = progress or Progress()
    try:
        size, done, digest = max(1, path.stat().st_size), 0, hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
                done += len(block)
                progress(done / size)
    except OSError as error:
        raise BadModel(path, (error.strerror or str(error)).lower()) from error
    return digest.hexdigest()


def named_checksum(path: Path) -> str | None:
    """The start of a file's SHA-256 that its makers put into its name, as in “955717e8-8726e21a.th”."""
    named = re.fullmatch(r"\w+-([0-9a-f]{8,64})\.p?th", path.name)
    return named[1] if named else None


def _checksum(path: Path, model: Model) -> str | None:
    named = named_checksum(path)
    if named is not None:
        return named
    blob = path.resolve().name
    if path.is_symlink() and re.fullmatch(r"[0-9a-f]{64}", blob):
        return blob
    signature = path.name[:8]
    if model.shipped:
        return model.checksums[0]
    if path.suffix == ".th" and signature in model.networks and model.checksums:
        return model.checksums[model.networks.index(signature)]
    return None


def _model_of(file: Path) -> Model | None:
    if file.suffix not in SUFFIXES or not file.is_file():
        return None
    return listed_as(file)


def listed_as(file: Path) -> Model | None:
    """The model of the catalogue whose weights a file is by its name; what comes with the program is not added."""
    for model in MODELS.values():
        if not model.shipped and any(file.name.startswith(signature) for signature in model.networks):
            return model
    return None


def copy_file(source: Path, target: Path, progress: Progress) -> None:
    """Copy a file, whole or not at all; `UnwritableFile` where that cannot be."""
    if target.exists() and source.samefile(target):
        return
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        size = source.stat().st_size
        if shutil.disk_usage(target.parent).free < size:
            raise UnwritableFile(
                target, f"it needs {size / 2**20:.0f} MB", f"Free some space in {target.parent}."
            )
        done = 0
        with source.open("rb") as read, part.open("wb") as written:
            while block := read.read(BLOCK):
                written.write(block)
                done += len(block)
                progress(done / max(1, size), f"{done / 2**20:.0f} of {size / 2**20:.0f} MB")
            written.flush()
            os.fsync(written.fileno())
        os.replace(part, target)
    except OSError as error:
        raise UnwritableFile(target, (error.strerror or str(error)).lower()) from error
    finally:
        with suppress(OSError):
            part.unlink()


def _find(signature: str, model: Model) -> Path | None:
    if model.family == "roformer":
        own = models_folder() / model.file
        return own if own.is_file() else None
    for folder in _folders(model):
        for path in _candidates(signature, folder):
            return path
    return None


def _candidates(signature: str, folder: Path) -> Iterator[Path]:
    for suffix in SUFFIXES:
        yield from (path for path in sorted(folder.glob(f"{signature}*{suffix}")) if path.is_file())


def _folders(model: Model) -> Iterator[Path]:
    if model.shipped:
        with suppress(FileNotFoundError):
            yield resource("models")
        return
    yield models_folder()
    yield from _snapshots(model)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    yield Path(os.environ.get("TORCH_HOME") or cache / "torch") / "hub" / "checkpoints"


def _snapshots(model: Model) -> Iterator[Path]:
    folder = repository_folder(model) / "snapshots"
    if folder.is_dir():
        inner = Path(model.file).parent
        yield from sorted(snapshot / inner for snapshot in folder.iterdir())
