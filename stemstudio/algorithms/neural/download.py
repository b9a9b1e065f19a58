"""Download: fetches a model's weights from the model hub into its usual cache, when somebody asked for it."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stemstudio.algorithms.neural.catalogue import Model
from stemstudio.algorithms.neural.hanging_up import until_stopped
from stemstudio.algorithms.neural.hub_errors import endpoint, understood
from stemstudio.algorithms.neural.hub_files import blob_of, hub_cache, part_of
from stemstudio.algorithms.neural.weights import delete, look_for, verify
from stemstudio.errors import DownloadFailed
from stemstudio.progress import Progress

MEGABYTE = 1_000_000
PIECE = 128 * 1024
ASK_SECONDS = 10.0  # that the hub may take to answer a question


@dataclass(frozen=True)
class Missing:
    """A file that is to be fetched.

    Attributes
    ----------
    signature
        Of its network.
    name
        In the hub's repository.
    size
        In bytes; 0 where the hub does not say it.
    checksum
        What the hub calls its content by; "" where it does not.
    commit
        Of the repository that holds this content.
    """

    signature: str
    name: str
    size: int
    checksum: str
    commit: str

    def part(self, model: Model) -> Path | None:
        """Where its content grows; None where that could not be gone on with."""
        told = self.size and self.checksum and self.commit
        return part_of(model, self.signature, self.checksum) if told else None

    def came(self, model: Model) -> int:
        """Bytes of it that are here already."""
        part = self.part(model)
        return part.stat().st_size if part is not None and part.exists() else 0


def size_of(model: Model, progress: Progress | None = None) -> int:
    """Bytes of the files that are not here; asks the hub. `DownloadFailed` where it cannot be reached."""
    missing = until_stopped(lambda: _missing(model), progress or Progress())
    return sum(each.size for each in missing)


def download(model: Model, progress: Progress) -> tuple[Path, ...]:
    """Fetch what is not here of a model's weights; the files.

    A connection that drops, or says nothing for ten seconds, is taken up again where it broke off. So is a file whose
    download was cancelled, or failed, or ended with the program: what has come of it stays in the hub's cache until the
    rest has, or until the model is removed. What does not match its checksum is deleted.

    Raises
    ------
    DownloadFailed
        One sentence on what is wrong: no connection, a proxy, a certificate, no such file, no room on the disk.
    Cancelled
        When asked to stop.
    """
    progress(0.0, f"asking for {model.name}")
    missing = until_stopped(lambda: _missing(model), progress)
    total = sum(each.size for each in missing)
    _check_room(model, total - sum(each.came(model) for each in missing))
    done = 0
    for each in missing:
        share = progress.part(done / max(1, total), (done + each.size) / max(1, total))
        told = _Told(share, done, each.came(model), each.size, total)
        path = until_stopped(partial(_fetch, model, each, told), progress)
        if verify(path, model) == "damaged":
            delete(path, model)
            raise DownloadFailed(
                f"{each.name} of {model.name} arrived damaged: its content does not match its checksum.",
                "Try again; where it happens again, something between here and the hub changes files.",
            )
        done += each.size
    progress(1.0)
    return tuple(each.path for each in look_for(model) if each.path is not None)


def _missing(model: Model) -> list[Missing]:
    """The files that are to be fetched."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    found = []
    for each in look_for(model):
        if each.path is None:
            name = model.file.format(each.signature)
            url = hf_hub_url(model.repository, name, endpoint=endpoint())
            with understood(model):
                told = get_hf_file_metadata(url, endpoint=endpoint(), timeout=ASK_SECONDS)
            found.append(
                Missing(each.signature, name, int(told.size or 0), told.etag or "", told.commit_hash or "")
            )
    return found


def _fetch(model: Model, wanted: Missing, told: _Told) -> Path:
    """One file, into the hub's cache; the hub's library puts it in its place there."""
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.utils.tqdm import tqdm

    # What goes wrong is said here, in a sentence; the library's own words would stand between those of the command.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)

    # Plain transfer in small pieces: a cancel takes hold between two of them, and 10 MB may take a minute.
    constants.HF_HUB_DISABLE_XET = True
    constants.DOWNLOAD_CHUNK_SIZE = PIECE

    class Bar(tqdm):
        """What the hub's library reports to: nothing on the screen, and the place where a cancel takes hold."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> bool | None:
            told(n or 0)
            return None

    with understood(model):
        blob = blob_of(model, wanted.checksum)
        if (part := wanted.part(model)) is not None and not blob.exists():
            _go_on(model, wanted, part, blob, Bar)
        path = Path(
            hf_hub_download(
                model.repository,
                wanted.name,
                cache_dir=hub_cache(),
                endpoint=endpoint(),
                tqdm_class=Bar,
            )
        )
        if part is not None and not path.is_symlink():
            blob.unlink(missing_ok=True)  # where there are no links, the library has copied it
    return path


def _go_on(model: Model, wanted: Missing, part: Path, blob: Path, bar: type[Any]) -> None:
    """Fetch what is not here yet of a file's content; it becomes the hub's when it is whole.

    The library itself begins every download in a file of another name, and deletes that when it ends early.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import WeakFileLock, build_hf_headers  # type: ignore[attr-defined]

    lock = hub_cache() / ".locks" / part.parent.parent.name / f"{wanted.checksum}.lock"  # the library's own
    for folder in (lock.parent, part.parent):
        folder.mkdir(parents=True, exist_ok=True)
    url = hf_hub_url(model.repository, wanted.name, revision=wanted.commit, endpoint=endpoint())
    with WeakFileLock(lock):
        if blob.exists():  # somebody else has fetched it meanwhile
            return
        if wanted.came(model) > wanted.size:
            part.unlink()
        try:
            with part.open("ab") as file:
                http_get(
                    url,
                    file,
                    resume_size=file.tell(),
                    headers=build_hf_headers(),
                    expected_size=wanted.size,
                    tqdm_class=bar,
                )
        except OSError as error:
            if error.errno == errno.ENOSPC:
                part.unlink()  # a full disk is in the way of more than this
            raise
        os.replace(part, blob)


class _Told:
    """Bytes that came, as progress and words."""

    def __init__(self, progress: Progress, before: int, came: int, size: int, total: int) -> None:
        self._progress, self._before, self._size, self._total = progress, before, size, total
        self._came, self._here = float(came), came
        self._began = time.monotonic()

    def __call__(self, count: float) -> None:
        self._came += count
        speed = (self._came - self._here) / max(1e-3, time.monotonic() - self._began)
        words = (
            f"{(self._before + self._came) / MEGABYTE:.0f} of {self._total / MEGABYTE:.0f} MB, "
            f"{speed / MEGABYTE:.1f} MB a second"
        )
        self._progress(min(1.0, self._came / max(1, self._size)), words)


def _check_room(model: Model, size: int) -> None:
    folder = hub_cache()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < size + 10 * MEGABYTE:
        raise DownloadFailed(
            f"There is no room for {model.name}: it takes {size / MEGABYTE:.0f} MB, and {free / MEGABYTE:.0f} MB are free.",
            f"Free some space in {folder}.",
        )
