"""Several songs, each with its own progress and folder; one that cannot be read does not stop the others."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stemstudio.algorithms.hpss import HPSS
from stemstudio.gui.dialogs.several_songs import SeveralSongsDialog
from stemstudio.gui.fetching import Fetching
from stemstudio.gui.jobs import Jobs

RATE = 8000


@pytest.fixture
def songs(tmp_path: Path) -> list[Path]:
    """Two songs, the second of six channels, and a file that is none."""
    folder = tmp_path / "songs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, channels in (("One", 2), ("Two", 6)):
        soundfile.write(folder / f"{name}.wav", 0.05 * rng.standard_normal((RATE, channels)), RATE, "FLOAT")
    (folder / "Broken.wav").write_bytes(b"no song")
    return [folder / "One.wav", folder / "Broken.wav", folder / "Two.wav"]


@pytest.fixture
def dialog(qtbot, tmp_path):
    jobs = Jobs()
    together = {"harmonic": "band", "percussive": "drums"}
    made = SeveralSongsDialog(jobs, Fetching(jobs), lambda: (HPSS(fft=1024, hop=256), together), "*.wav")
    qtbot.addWidget(made)
    made.folder = tmp_path / "out"
    made.look_again()
    made.show()
    made.jobs = jobs
    yield made
    jobs.close()


def test_each_song_gets_a_folder_and_one_that_fails_stops_nobody(qtbot, dialog, songs, tmp_path):
    assert not dialog.start_button.isEnabled()
    assert dialog.empty.isVisible(), "the empty list says what to do"
    dialog.add(songs)
    assert not dialog.empty.isVisible()
    dialog.add([songs[0], songs[0]])
    dialog.add([songs[0].parent / "Three.wav"] * 2)
    assert dialog.table.rowCount() == 4, "a song is there once"
    dialog.table.selectRow(3)
    dialog.remove_button.click()
    assert dialog.table.rowCount() == 3, "a song is there once"
    assert "percussive" in dialog.recipe_words.text()
    (tmp_path / "out" / "One").mkdir(parents=True)
    dialog.start_button.click()
    assert not dialog.start_button.isEnabled()
    qtbot.waitUntil(lambda: not dialog.running, timeout=30_000)
    words = [line.words.text() for line in dialog.lines]
    assert words[0] == "3 files in One 2", "what was there is left alone"
    assert words[1].startswith("cannot be opened"), "its name stands before it already"
    assert words[2] == "3 files in Two. Its 6 channels were folded down to stereo."
    assert "folded down" in dialog.lines[2].words.toolTip()
    for path, folder in ((songs[0], "One 2"), (songs[2], "Two")):
        files = sorted((tmp_path / "out" / folder).glob("*.wav"))
        assert [file.stem for file in files] == ["band", "drums", "residual"]
        total = sum(soundfile.read(file)[0] for file in files)
        if folder == "One 2":
            assert np.abs(total - soundfile.read(path)[0]).max() < 1e-5
    assert not any((tmp_path / "out" / "One").iterdir())
    assert dialog.show_button.isVisible()
    assert [line.bar.value() for line in dialog.lines] == [1000, 0, 1000]


def test_stopping_leaves_the_others_undone(qtbot, dialog, songs):
    go = threading.Event()
    dialog.jobs.run("First", lambda progress: go.wait(10), lambda _: None)
    dialog.add([songs[0], songs[2]])
    dialog.start_button.click()
    assert [line.words.text() for line in dialog.lines] == ["waiting", "waiting"]
    dialog.stop_button.click()
    assert not dialog.running
    assert [line.words.text() for line in dialog.lines] == ["stopped", "stopped"]
    go.set()
    dialog.table.selectRow(1)
    dialog.remove_button.click()
    assert [line.path for line in dialog.lines] == [songs[0]]
    assert dialog.start_button.isEnabled()
