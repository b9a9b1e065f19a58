"""Hub errors: whatever can go wrong between here and the model hub, each as one sentence and a way on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from stemstudio.algorithms.neural.catalogue import Model
from stemstudio.algorithms.neural.hub_files import hub_cache
from stemstudio.errors import DownloadFailed, HubUnreachable


def endpoint() -> str | None:
    """The hub's address where the environment names one."""
    return os.environ.get("HF_ENDPOINT") or None


@contextmanager
def understood(model: Model) -> Iterator[None]:
    """Whatever can go wrong on the way, as one sentence."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
    )

    try:
        yield
    except LocalEntryNotFoundError as error:
        raise _unreachable(model, error.__cause__ or error) from error
    except EntryNotFoundError as error:
        raise DownloadFailed(
            f"The hub has no such file of {model.name} any more.", "Update StemStudio and try again."
        ) from error
    except HfHubHTTPError as error:
        raise DownloadFailed(
            *_refused(model, error.response.status_code, isinstance(error, GatedRepoError))
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


def _refused(model: Model, status: int, gated: bool) -> tuple[str, str]:
    """What the hub's answer means, and a way on."""
    sentence = f"{model.name} could not be fetched: the hub "
    elsewhere = "or fetch the file elsewhere and add it with “stemstudio models add”."
    if status == 401 and not gated:
        return (
            sentence + "does not show such a model to whom it takes you for.",
            f"If you have signed in to the hub on this machine, sign in anew; otherwise update StemStudio, {elsewhere}",
        )
    if status == 404:
        return sentence + "has no such model.", f"Update StemStudio, {elsewhere}"
    if status in (401, 403):
        return (
            sentence + "gives it only to people who have agreed to its terms.",
            f"Agree to them on the hub's page of {model.repository} and sign in there with the hub's own tools, {elsewhere}",
        )
    if status == 429:
        return (
            sentence + "is asked too often from here just now.",
            "Wait some minutes and try again; what has come by then is kept.",
        )
    if status >= 500:
        return sentence + f"has trouble of its own (error {status}).", f"Try again later, {elsewhere}"
    return sentence + f"answered with error {status}.", f"Try again later, update StemStudio, {elsewhere}"


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

    hub = urlsplit(endpoint() or constants.ENDPOINT)
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
