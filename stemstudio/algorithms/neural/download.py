"""Download: fetches a model's weights from the model hub into its usual cache, when somebody asked for it."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from stemstudio.algorithms.neural.catalogue import Model
from stemstudio.algorithms.neural.hanging_up import until_stopped
from stemstudio.algorithms.neural.weights import hub_cache, look_for, verify
from stemstudio.errors import DownloadFailed, HubUnreachable
from stemstudio.progress import Progress

MEGABYTE = 1_000_000
PIECE = 128 * 1024
ASK_SECONDS = 10.0  # that the hub may take to answer a question


def size_of(model: Model, progress: Progress | None = None) -> int:
    """Bytes that are still to be fetched; asks the hub. `DownloadFailed` where it cannot be reached."""
    missing = until_stopped(lambda: _missing(model), progress or Progress())
    return sum(size for _, size in missing)


def download(model: Model, progress: Progress) -> tuple[Path, ...]:
    """Fetch what is not here of a model's weights; the files.

    A connection that drops, or says nothing for ten seconds, is taken up again where it broke off. What does not match its checksum is deleted. After a
    cancel nothing is left of the file that was under way.

    Raises
    ------
    DownloadFailed
        One sentence on what is wrong: no connection, a proxy, a certificate, no such file, no room on the disk.
    Cancelled
        When asked to stop.
    """
    progress(0.0, f"asking for {model.name}")
    missing = until_stopped(lambda: _missing(model), progress)
    total = sum(size for _, size in missing)
    _check_room(model, total)
    done = 0
    for name, size in missing:
        share = progress.part(done / max(1, total), (done + size) / max(1, total))
        path = until_stopped(partial(_fetch, model, name, _Told(share, done, size, total)), progress)
        if verify(path, model) == "damaged":
            _delete(path)
            raise DownloadFailed(
                f"{name} of {model.name} arrived damaged: its content does not match its checksum.",
                "Try again; where it happens again, something between here and the hub changes files.",
            )
        done += size
    progress(1.0)
    return tuple(each.path for each in look_for(model) if each.path is not None)


def _missing(model: Model) -> list[tuple[str, int]]:
    """Names and sizes of the files that are to be fetched."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    found = []
    for each in look_for(model):
        if each.path is None:
            name = model.file.format(each.signature)
            url = hf_hub_url(model.repository, name, endpoint=_endpoint())
            with _understood(model):
                told = get_hf_file_metadata(url, endpoint=_endpoint(), timeout=ASK_SECONDS)
            found.append((name, int(told.size or 0)))
    return found


def _fetch(model: Model, name: str, told: _Told) -> Path:
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

    with _understood(model):
        return Path(
            hf_hub_download(
                model.repository, name, cache_dir=hub_cache(), endpoint=_endpoint(), tqdm_class=Bar
            )
        )


class _Told:
    """Bytes that came, as progress and words."""

    def __init__(self, progress: Progress, before: int, size: int, total: int) -> None:
        self._progress, self._before, self._size, self._total = progress, before, size, total
        self._came = 0.0
        self._began = time.monotonic()

    def __call__(self, count: float) -> None:
        self._came += count
        speed = self._came / max(1e-3, time.monotonic() - self._began)
        words = (
            f"{(self._before + self._came) / MEGABYTE:.0f} of {self._total / MEGABYTE:.0f} MB, "
            f"{speed / MEGABYTE:.1f} MB a second"
        )
        self._progress(self._came / max(1, self._size), words)


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


def _delete(path: Path) -> None:
    blob = path.resolve()
    path.unlink(missing_ok=True)
    blob.unlink(missing_ok=True)


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


@contextmanager
def _understood(model: Model) -> Iterator[None]:
    """Whatever can go wrong on the way, as one sentence."""
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        yield
    except LocalEntryNotFoundError as error:
        raise _unreachable(model, error.__cause__ or error) from error
    except EntryNotFoundError as error:
        raise DownloadFailed(
            f"The hub has no such file of {model.name} any more.", "Update StemStudio and try again."
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        why = "has no such model" if status in (401, 404) else f"answered with error {status}"
        raise DownloadFailed(
            f"{model.name} could not be fetched: the hub {why}.", "Try again later, or update StemStudio."
        ) from error
    except OSError as error:
        if error.errno is None and not error.strerror:
            raise _unreachable(model, error) from error
        raise DownloadFailed(
            f"{model.name} could not be kept: {(error.strerror or str(error)).lower()}.",
            f"Free some space, or make {hub_cache()} writable.",
        ) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("httpx", "httpx2", "httpcore", "httpcore2"):
            raise
        raise _unreachable(model, error) from error


def _unreachable(model: Model, error: BaseException) -> HubUnreachable:
    words = " ".join(f"{type(each).__name__} {each}" for each in _causes(error)).lower()
    if "certificate" in words or "ssl" in words:
        return HubUnreachable(
            f"{model.name} could not be fetched: the connection's certificate is not trusted here.",
            "Where a company's proxy looks into connections, name its certificate in SSL_CERT_FILE.",
        )
    proxy = _proxy()
    if proxy or "proxy" in words or "407" in words:
        return HubUnreachable(
            f"{model.name} could not be fetched: the proxy{proxy} does not answer, or does not let it through.",
            "Check the proxy in HTTPS_PROXY, or fetch the file elsewhere and add it with “stemstudio models add”.",
        )
    return HubUnreachable(
        f"{model.name} could not be fetched: the hub cannot be reached.",
        "Check the connection and try again, or fetch the file elsewhere and add it under Separate ▸ Trained models, or with "
        "“stemstudio models add”. Sketch, the preview that comes with the program, needs no download.",
    )


def _proxy() -> str:
    """Which proxy stands between here and the hub, as " host:port", without the password that may be in its address."""
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    from huggingface_hub import constants

    hub = urlsplit(_endpoint() or constants.ENDPOINT)
    named = getproxies()
    proxy = urlsplit(named.get(hub.scheme) or named.get("all") or "")
    if not proxy.hostname or proxy_bypass(hub.netloc):
        return ""
    return f" {proxy.hostname}" + (f":{proxy.port}" if proxy.port else "")


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
