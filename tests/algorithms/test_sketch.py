"""The model that comes with the program: whole, small, safe, not to be confused with others, and of some use."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest
import soundfile

from stemstudio.algorithms.neural.catalogue import MODELS
from stemstudio.algorithms.neural.demucs import HTDemucs
from stemstudio.algorithms.neural.devices import Device
from stemstudio.algorithms.neural.weights import add, look_for, removable, remove, verify
from stemstudio.audio.audio import Audio
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress
from stemstudio.resources import resource

SKETCH = MODELS["sketch"]
RATE = 44100
DEMO = {"drums": "drums", "bass": "bass", "other": "chords", "vocals": "lead"}


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    """Several threads wait for each other where the machine is busy."""
    one = Device("cpu", "one core", threads=1)
    monkeypatch.setattr("stemstudio.algorithms.neural.demucs.chosen", lambda name: one)


@pytest.fixture(scope="module")
def songs():
    """The module that invents songs."""
    folder = str(resource("models").parent.parent / "packaging")
    sys.path.insert(0, folder)
    try:
        from sketch import songs
    except ImportError:
        pytest.skip("only in a checkout")
    finally:
        sys.path.remove(folder)
    return songs


def gains(stems: dict[str, np.ndarray]) -> dict[str, float]:
    """How many dB of SDR each stem gains over the mixture."""
    mixture = np.sum(list(stems.values()), axis=0, dtype=np.float32)
    found = HTDemucs(model="sketch", shifts=0, overlap=0.0).run(Audio(mixture, RATE), Progress())
    answers = dict(zip(found.names, found.waves, strict=True))
    return {
        name: float(10 * np.log10(((mixture - wave) ** 2).sum() / ((answers[name] - wave) ** 2).sum()))
        for name, wave in stems.items()
    }


def test_it_is_here_whole_and_small():
    (weights,) = look_for(SKETCH)
    assert weights.path is not None
    assert weights.path.stat().st_size <= 8_000_000
    assert verify(weights.path, SKETCH) == "whole"
    assert "preview" in SKETCH.words


def test_it_stays_with_the_program_and_no_other_file_is_taken_for_it(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(folder))
    (weights,) = look_for(SKETCH)
    with pytest.raises(StemStudioError, match="comes with the program"):
        remove(SKETCH)
    assert not removable(weights.path, SKETCH)
    assert weights.path.exists()
    folder.mkdir()
    shutil.copy(weights.path, folder / "sketch_of_mine.safetensors")
    assert look_for(SKETCH) == (weights,)
    with pytest.raises(StemStudioError):
        add(folder / "sketch_of_mine.safetensors", Progress())


def test_it_takes_the_demo_song_apart():
    def read(name: str) -> np.ndarray:
        path = resource(f"demo/stems/{name}.flac")
        return soundfile.read(path, frames=6 * RATE, start=11 * RATE, dtype="float32")[0].T

    better = gains({stem: read(name) for stem, name in DEMO.items()})
    assert np.mean(list(better.values())) > 6
    assert min(better.values()) > 4


def test_it_takes_a_song_apart_that_it_never_learned_from(songs):
    track = songs.song(songs.HELD_BACK + 2000, 6.0)
    better = gains(dict(zip(songs.STEMS, track, strict=True)))
    assert np.mean(list(better.values())) > 6


def test_invented_songs_are_the_same_for_a_seed_and_others_for_another(songs):
    first, again, other = (songs.song(seed, 2.0) for seed in (5, 5, 6))
    assert first.shape == (4, 2, 2 * RATE)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.abs(first.sum(axis=0)).max() == pytest.approx(0.9, abs=1e-3)
    assert np.isfinite(other).all()
    assert all(stem.any() for stem in first)
