"""What every test may rely on: a home of its own, no screen, the same chances each time, and no silent complaint from Qt."""

from __future__ import annotations

import gc
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from stemstudio.gui.garbage import take_over

HERE = Path(__file__).resolve().parent
# Short, because a socket's path may not be longer than 108 bytes.
HOME = Path(tempfile.mkdtemp(prefix="stemstudio-"))
XDG = {
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_CACHE_HOME": ".cache",
    "XDG_RUNTIME_DIR": "run",
}


def _move_home() -> None:
    """Point every place where programs keep a person's things into `HOME`, before anything has looked there."""
    for name, folder in XDG.items():
        path = HOME / folder
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ[name] = str(path)
    os.environ["HOME"] = str(HOME)
    if os.name == "nt":
        for name in ("USERPROFILE", "APPDATA", "LOCALAPPDATA"):
            os.environ[name] = str(HOME)


_move_home()
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
take_over()

# The same examples each time, so that a red test was made red by a change; `--hypothesis-profile=explore` looks further.
settings.register_profile("steady", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=1000, database=None, print_blob=True)
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--screenshots DIR` keeps the pictures that the tests take of the window."""
    parser.addoption("--screenshots", metavar="DIR", help="keep the pictures of the window in this folder")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what lies in benchmarks/, and leave it out unless it was asked for by path or by `-m benchmark`."""
    benchmarks = HERE / "benchmarks"
    for item in items:
        if benchmarks in item.path.parents:
            item.add_marker(pytest.mark.benchmark)
    asked = "benchmark" in config.option.markexpr or any("benchmarks" in str(arg) for arg in config.args)
    if not asked:
        left_out = [item for item in items if item.get_closest_marker("benchmark")]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in set(left_out)]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Clear the home away."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _same_chances() -> None:
    """Code that draws from the global generators draws the same in every run and order."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - this is the global one


@pytest.fixture(autouse=True)
def _garbage_on_this_thread() -> Iterator[None]:
    """What a test leaves in cycles, widgets among it, dies here and not in a thread of a later test."""
    yield
    if gc.get_count()[0] > 2000:
        gc.collect(1)


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small networks gain nothing from more threads, which wait for each other where the machine is busy."""
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # so that no recipe asks for more
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    """The folder of real songs beside the checkout; tests that need it are skipped where it is missing."""
    folder = HERE.parent.parent / "shared" / "audio"
    if not (folder / "README.md").exists():
        pytest.skip(f"no real songs here: {folder} is missing")
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that is empty and belongs to this test alone."""
    for name, folder in XDG.items():
        if name != "XDG_RUNTIME_DIR":
            (tmp_path / folder).mkdir(parents=True)
            monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    if os.name == "nt":
        for name in ("USERPROFILE", "APPDATA", "LOCALAPPDATA"):
            monkeypatch.setenv(name, str(tmp_path))
    return tmp_path
