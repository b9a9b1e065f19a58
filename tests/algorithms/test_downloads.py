"""Weights fetched from a hub on this machine: whole or not at all, and whatever goes wrong in one sentence."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time

import pytest
from model_hub import model_hub
from small_recipes import write_tiny_weights

from stemstudio.algorithms.neural import download as module
from stemstudio.algorithms.neural.catalogue import MODELS
from stemstudio.algorithms.neural.checkpoints import load_network
from stemstudio.algorithms.neural.download import download, size_of
from stemstudio.algorithms.neural.hanging_up import NAME
from stemstudio.algorithms.neural.hub_files import begun, hub_cache, parts
from stemstudio.algorithms.neural.weights import add, look_for, models_folder, remove, verify
from stemstudio.errors import BadModel, DownloadFailed, StemStudioError
from stemstudio.progress import Cancelled, Progress

MODEL = MODELS["htdemucs"]
KEY = "adefossez/HTDemucs/955717e8.safetensors"


@pytest.fixture
def hub(home, monkeypatch, tmp_path):
    for variable in ("STEMSTUDIO_MODELS", "HF_HOME", "HF_HUB_CACHE", "TORCH_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    source = tmp_path / "made"
    source.mkdir()
    with model_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.files[KEY] = write_tiny_weights(source).read_bytes()
        yield hub


def nothing_is_left() -> bool:
    blobs = list(hub_cache().rglob("*"))
    return not [path for path in blobs if path.is_file() and path.stat().st_size > 1000]


def test_what_is_fetched_lies_in_the_hubs_own_cache_and_runs(hub):
    assert size_of(MODEL) == len(hub.files[KEY])
    seen: list[tuple[float, str]] = []
    (path,) = download(MODEL, Progress(lambda fraction, words: seen.append((fraction, words))))
    assert path.is_relative_to(hub_cache())
    assert path.read_bytes() == hub.files[KEY]
    assert verify(path, MODEL) == "whole"
    assert load_network(path).sources == ["drums", "bass", "other", "vocals"]
    assert seen[-1][0] == 1.0
    assert any("MB" in words for _, words in seen)
    assert size_of(MODEL) == 0
    asked = len(hub.ranges)
    download(MODEL, Progress())
    assert len(hub.ranges) == asked, "what is here is not fetched again"


def test_a_connection_that_drops_is_taken_up_where_it_broke_off(hub, monkeypatch, capfd):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    hub.files[KEY] += bytes(2_000_000)
    hub.drops = [1_000_000]
    (path,) = download(MODEL, Progress())
    assert path.read_bytes() == hub.files[KEY]
    assert hub.ranges[0] == 0
    assert 500_000 < hub.ranges[1] <= 1_000_000
    assert not "".join(capfd.readouterr()), "no words of the library's own, which nobody asked for"


def test_what_arrives_changed_is_deleted(hub):
    hub.told[KEY] = hub.files[KEY][:-1] + b"?"
    with pytest.raises(DownloadFailed, match="damaged"):
        download(MODEL, Progress())
    assert look_for(MODEL)[0].path is None
    assert nothing_is_left()


def test_a_cancel_takes_hold_where_nothing_comes(hub):
    hub.waiting = threading.Event()
    hub.files[KEY] = hub.files[KEY] + bytes(4_000_000)
    came = threading.Event()
    progress = Progress(lambda fraction, words: came.set() if fraction > 0.1 else None)
    ended: list[float] = []

    def work() -> None:
        try:
            download(MODEL, progress)
        except Cancelled:
            ended.append(time.monotonic())

    worker = threading.Thread(target=work)
    worker.start()
    assert came.wait(20)
    time.sleep(0.2)  # the connection stands still by now: nothing more comes until `waiting` is set
    asked = time.monotonic()
    progress.cancel()
    worker.join(20)
    assert ended[0] - asked < 0.3
    while lines := [thread for thread in threading.enumerate() if thread.name == NAME]:
        lines[0].join(5 - (time.monotonic() - asked))
        assert time.monotonic() - asked < 5, "the connection is given up soon, too"
    assert not hub.waiting.is_set()
    assert look_for(MODEL)[0].path is None


def stopped_half_way(hub) -> int:
    """A download that was cancelled in its middle; how many bytes have come."""
    hub.files[KEY] += bytes(4_000_000)
    progress = Progress(lambda fraction, words: progress.cancel() if fraction > 0.5 else None)
    with pytest.raises(Cancelled):
        download(MODEL, progress)
    while lines := [thread for thread in threading.enumerate() if thread.name == NAME]:
        lines[0].join(5)
    return begun(MODEL)


def test_what_has_come_before_a_cancel_is_not_fetched_again(hub):
    came = stopped_half_way(hub)
    whole = len(hub.files[KEY])
    assert 0.4 * whole < came < 0.7 * whole
    assert look_for(MODEL)[0].path is None, "it is not taken for weights"
    seen: list[tuple[float, str]] = []
    download(MODEL, Progress(lambda fraction, words: seen.append((fraction, words))))
    assert hub.ranges == [0, came]
    assert next(fraction for fraction, words in seen if "MB a second" in words) >= came / whole
    (path,) = [each.path for each in look_for(MODEL)]
    assert path.read_bytes() == hub.files[KEY]
    assert verify(path, MODEL) == "whole"
    assert not parts(MODEL)
    assert not begun(MODEL)


def test_of_a_file_that_was_published_anew_nothing_old_is_taken(hub):
    stopped_half_way(hub)
    hub.files[KEY] = bytes(1000) + hub.files[KEY]
    download(MODEL, Progress())
    assert hub.ranges == [0, 0]
    assert look_for(MODEL)[0].path.read_bytes() == hub.files[KEY]


def test_a_part_that_was_changed_meanwhile_is_found_out(hub):
    stopped_half_way(hub)
    (part,) = parts(MODEL)
    part.write_bytes(b"?" * part.stat().st_size)
    with pytest.raises(DownloadFailed, match="damaged"):
        download(MODEL, Progress())
    assert nothing_is_left()
    download(MODEL, Progress())
    assert verify(look_for(MODEL)[0].path, MODEL) == "whole"


def test_a_part_that_is_longer_than_the_file_is_begun_anew(hub):
    stopped_half_way(hub)
    (part,) = parts(MODEL)
    part.write_bytes(bytes(len(hub.files[KEY]) + 1))
    download(MODEL, Progress())
    assert verify(look_for(MODEL)[0].path, MODEL) == "whole"


def test_removing_takes_what_is_not_whole(hub):
    stopped_half_way(hub)
    assert len(remove(MODEL)) == 1
    assert nothing_is_left()


def test_where_there_are_no_links_nothing_lies_twice(hub, monkeypatch):
    import huggingface_hub.file_download as library

    monkeypatch.setattr(library, "are_symlinks_supported", lambda folder=None: False)
    (path,) = download(MODEL, Progress())
    assert not path.is_symlink()
    assert remove(MODEL) == (path,)
    assert nothing_is_left()


@pytest.mark.parametrize(
    ("status", "words", "way_on"),
    [
        (404, "no such", "Update StemStudio"),
        (401, "takes you for", "sign in anew"),
        (403, "agreed to its terms", "Agree to them"),
        (429, "too often", "Wait some minutes"),
        (500, "trouble of its own", "later"),
    ],
)
def test_what_the_hub_answers_is_said_in_a_sentence(hub, status, words, way_on):
    if status == 404:
        hub.files.clear()
    else:
        hub.status = status
    with pytest.raises(DownloadFailed, match=words) as refused:
        download(MODEL, Progress())
    assert way_on in refused.value.way_on
    assert "\n" not in refused.value.sentence


def test_a_hub_that_is_not_there_is_said_soon(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DownloadFailed, match="cannot be reached"):
        download(MODEL, Progress())


def test_a_proxy_that_is_not_there_is_named(hub, monkeypatch):
    from huggingface_hub.utils import close_session

    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    for proxy in ("http://127.0.0.1:9", "http://me:secret@127.0.0.1:9"):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        close_session()
        with pytest.raises(DownloadFailed, match=r"the proxy 127\.0\.0\.1:9 does not answer") as refused:
            download(MODEL, Progress())
        assert "secret" not in str(refused.value)
    monkeypatch.delenv("HTTP_PROXY")
    close_session()


def test_no_room_is_said_before_anything_is_fetched(hub, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: usage._replace(free=1000))
    with pytest.raises(DownloadFailed, match="no room"):
        download(MODEL, Progress())
    assert not hub.ranges


def test_what_has_come_needs_no_room_again(hub, monkeypatch):
    left = len(hub.files[KEY]) + 4_000_000 - stopped_half_way(hub)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: usage._replace(free=left + 10_000_000))
    download(MODEL, Progress())
    assert verify(look_for(MODEL)[0].path, MODEL) == "whole"


def test_a_model_of_several_files_is_told_as_one(hub):
    model = MODELS["htdemucs_ft"]
    hub.files = {
        f"{model.repository}/{model.file.format(each)}": os.urandom(500_000) for each in model.networks
    }
    seen: list[tuple[float, float]] = []

    def told(fraction: float, words: str) -> None:
        if "MB a second" in words:
            seen.append((fraction, float(words.split()[0])))

    assert len(download(model, Progress(told))) == 4
    assert all(abs(2 * fraction - megabytes) <= 0.51 for fraction, megabytes in seen)
    assert {megabytes for _, megabytes in seen} == {0.0, 1.0, 2.0}


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(hub, monkeypatch):
    import huggingface_hub.file_download as library

    def full(url, file, **kwargs):
        file.write(bytes(2000))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(library, "http_get", full)
    with pytest.raises(DownloadFailed, match="no space left"):
        download(MODEL, Progress())
    assert nothing_is_left()


def test_a_file_or_a_folder_that_one_has_is_taken_in(hub, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    source = write_tiny_weights(mine)
    (mine / "notes.txt").write_text("not weights")
    for given in (source, mine):
        assert add(given, Progress()) == ("htdemucs",)
        copy = models_folder() / source.name
        assert copy.read_bytes() == source.read_bytes()
        assert look_for(MODEL)[0].path == copy
        assert remove(MODEL) == (copy,)
        assert look_for(MODEL)[0].path is None
    assert source.exists()


def test_what_is_no_weights_is_not_taken_in(hub, tmp_path):
    with pytest.raises(StemStudioError, match="no file"):
        add(tmp_path / "missing", Progress())
    for name, why in (("song.pth", "no weights of a model"), ("song.safetensors", "no YAML beside")):
        stranger = tmp_path / name
        stranger.write_bytes(b"?")
        with pytest.raises(StemStudioError, match=why):
            add(stranger, Progress())
    damaged = tmp_path / "955717e8.safetensors"
    damaged.write_bytes(b"?" * 100)
    with pytest.raises(BadModel):
        add(damaged, Progress())
    assert not list(models_folder().glob("*"))


def test_removing_takes_the_hubs_copy_too(hub):
    download(MODEL, Progress())
    assert len(remove(MODEL)) == 1
    assert nothing_is_left()
