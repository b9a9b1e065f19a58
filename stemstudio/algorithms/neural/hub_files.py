"""Hub files: where the model hub's own tools keep what they fetch, and the parts of what is not whole yet."""

from __future__ import annotations

import os
from pathlib import Path

from stemstudio.algorithms.neural.catalogue import Model

PART = ".incomplete"  # as the hub's tools call what is not whole


def hub_cache() -> Path:
    """Where the model hub's own tools keep what they fetch."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(
        os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or cache / "huggingface") / "hub"
    )


def repository_folder(model: Model) -> Path:
    """Of a model in the cache."""
    return hub_cache() / f"models--{model.repository.replace('/', '--')}"


def blob_of(model: Model, checksum: str) -> Path:
    """Where the cache keeps a file's content, under what the hub calls it: for weights, their SHA-256."""
    return repository_folder(model) / "blobs" / checksum


def part_of(model: Model, signature: str, checksum: str) -> Path:
    """Where the content of a network's file grows until it is whole.

    Named by its content, so that what came of an older file is never gone on with; and by its network, so that it is
    found without asking the hub.
    """
    blob = blob_of(model, checksum)
    return blob.with_name(f"{signature}.{checksum}{PART}")


def parts(model: Model) -> tuple[Path, ...]:
    """What has come of files of a model that are not whole yet."""
    blobs = repository_folder(model) / "blobs"
    if not model.repository or not blobs.is_dir():
        return ()
    return tuple(path for each in model.networks for path in sorted(blobs.glob(f"{each}.*{PART}")))


def begun(model: Model) -> int:
    """Bytes that have come of files that are not whole yet: a download goes on from there."""
    return sum(path.stat().st_size for path in parts(model))
