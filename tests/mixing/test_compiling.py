"""Native code on disk: which sources it belongs to, what compiles it, and what is heard until it is there."""

from __future__ import annotations

import shutil
import threading
import time

import numpy as np
import pytest

from stemstudio.mixing import compiling
from stemstudio.mixing.compiling import FIRST, UNITS, compiled
from stemstudio.mixing.deck import Deck

RATE = 44100


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A copy of the engine's sources, and a place for what is compiled from them."""
    place = tmp_path / "mixing"
    place.mkdir()
    for path in compiling._HERE.glob("*.py"):
        shutil.copy(path, place)
    monkeypatch.setattr(compiling, "_HERE", place)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kept"))
    compiling.folder.cache_clear()
    yield place
    compiling.folder.cache_clear()


def test_a_change_in_any_source_of_native_code_asks_for_another_folder(sources):
    seen = {compiling.folder()}
    for changed in ("native.py", "playstate.py", "callback.py", "native_strips.py", "stretch_kernels.py"):
        with (sources / changed).open("a") as file:
            file.write("# changed\n")
        compiling.folder.cache_clear()
        seen.add(compiling.folder())
    assert len(seen) == 6
    with (sources / "deck.py").open("a") as file:
        file.write("# nothing native\n")
    compiling.folder.cache_clear()
    assert compiling.folder() in seen
    assert len(list(compiling.folder().parent.iterdir())) == compiling.KEPT + 1  # the oldest are gone


def test_without_a_place_to_write_everything_is_compiled_here(sources, tmp_path, monkeypatch):
    (tmp_path / "kept").write_text("a file where the folder should be")
    assert compiling.folder() is None
    monkeypatch.setattr(compiling, "_compile", lambda unit, stop: pytest.fail("a compiler was started"))
    assert list(compiled()) == list(UNITS)


def test_units_are_compiled_apart_and_come_in_order(sources, monkeypatch):
    asked = []

    def compile_slowly(unit, stop):
        asked.append(unit)
        time.sleep(0.05 if unit == FIRST[0] else 0.0)

    monkeypatch.setattr(compiling, "_compile", compile_slowly)
    monkeypatch.setattr(compiling, "on_disk", lambda unit: unit == "native_meters")
    monkeypatch.setattr(compiling.os, "cpu_count", lambda: 2)
    assert list(compiled()) == list(UNITS)
    assert sorted(asked) == sorted(set(UNITS) - {"native_meters"})


def test_compilers_end_when_the_program_does(sources, monkeypatch):
    monkeypatch.setattr(compiling.os, "cpu_count", lambda: 2)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    begun = time.monotonic()
    assert list(compiled(stop=stop)) == []
    assert time.monotonic() - begun < 2.0


def test_the_song_is_heard_until_the_mixer_is_ready_and_then_the_stems_without_a_click(tape):
    tone = (0.4 * np.sin(2 * np.pi * 110 * np.arange(2 * RATE) / RATE)).astype(np.float32)[None]
    deck = Deck(RATE)
    deck.load(tone, RATE)
    deck.set_stems([tone.copy()], None, np.full((1, 2), 0.25))
    recorder = tape(deck)
    deck._whole = False
    for unit in ("strips_unit", "effects_unit", "meters_unit"):
        deck.state[unit] = 0
    deck.play()
    heard = recorder.run(RATE // 2)[0]
    np.testing.assert_allclose(heard[300:], tone[0, 300 : RATE // 2], atol=1e-6)
    deck.tend()
    after = recorder.run(RATE // 2)[0]
    np.testing.assert_allclose(after[512:], 0.25 * tone[0, RATE // 2 + 512 : RATE], atol=1e-6)
    step = np.abs(np.diff(np.concatenate([heard[300:], after]))).max()
    assert step < 0.4 * 2 * np.pi * 110 / RATE + 0.4 / 220
