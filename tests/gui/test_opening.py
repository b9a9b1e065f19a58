"""Songs come in block by block, and a bad one leaves what was open untouched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemstudio.audio.channels import ChannelChoice
from stemstudio.gui.document import Document
from stemstudio.gui.opening import Opening


@pytest.fixture
def document(qtbot):
    document = Document()
    yield document
    document.jobs.close()


def write_song(path: Path, seconds: float = 6.0, channels: int = 2) -> np.ndarray:
    rng = np.random.default_rng(1)
    samples = (0.2 * rng.standard_normal((int(44100 * seconds), channels))).astype(np.float32)
    soundfile.write(path, samples, 44100, subtype="FLOAT")
    return samples.T


def test_song_is_there_before_it_is_complete(qtbot, document, tmp_path):
    samples = write_song(tmp_path / "song.wav", 40.0)
    opening = Opening(document)
    reached: list[tuple[int, bool]] = []
    document.reading_changed.connect(lambda: reached.append((document.ready_samples, document.complete)))
    with qtbot.waitSignal(opening.read, timeout=20_000) as read:
        opening.open(tmp_path / "song.wav")
    assert reached[0][0] < samples.shape[1]
    assert not reached[0][1]
    assert reached[-1] == (samples.shape[1], True)
    assert np.array_equal(document.state.mixture.read(0, samples.shape[1]), samples)
    song = read.args[0]
    assert len(song.reference.sha256) == 64
    assert song.reference.title == "song"
    assert document.duration == pytest.approx(40.0)


def test_a_bad_file_leaves_the_open_song(qtbot, document, tmp_path):
    write_song(tmp_path / "good.wav")
    (tmp_path / "bad.wav").write_bytes(b"RIFF not really")
    opening = Opening(document)
    with qtbot.waitSignal(opening.read, timeout=20_000):
        opening.open(tmp_path / "good.wav")
    project = document.project
    with qtbot.waitSignal(opening.failed, timeout=20_000) as failed:
        opening.open(tmp_path / "bad.wav")
    assert "bad.wav" in str(failed.args[0])
    assert document.project is project
    assert document.complete


def test_more_channels_are_asked_about(qtbot, document, tmp_path):
    samples = write_song(tmp_path / "six.wav", channels=6)
    opening = Opening(document)
    with qtbot.waitSignal(opening.channels_wanted, timeout=20_000):
        opening.open(tmp_path / "six.wav")
    assert document.project is None
    with qtbot.waitSignal(opening.read, timeout=20_000) as read:
        opening.open(tmp_path / "six.wav", ChannelChoice.of(4, 5))
    assert np.array_equal(document.state.mixture.read(0, 1000), samples[4:6, :1000])
    assert read.args[0].reference.channels_taken == "5+6"


def test_opening_another_song_stops_the_first(qtbot, document, tmp_path):
    write_song(tmp_path / "long.wav", 120.0)
    short = write_song(tmp_path / "short.wav", 2.0)
    opening = Opening(document)
    opening.open(tmp_path / "long.wav")
    with qtbot.waitSignal(opening.read, timeout=20_000) as read:
        opening.open(tmp_path / "short.wav")
    assert read.args[0].reference.title == "short"
    qtbot.wait(100)
    assert document.state.mixture.length == short.shape[1]
