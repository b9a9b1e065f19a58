"""`stemstudio refine` on a project with a hint in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemstudio.algorithms.hpss import HPSS
from stemstudio.audio.reading import read_song, song_hash
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.history import History
from stemstudio.project.opening import open_project
from stemstudio.project.project import PaintStroke, Project, SongReference
from stemstudio.project.storage import Storage
from stemstudio.spectral.brushes import BrushStroke
from stemstudio.spectral.stft import StftSettings

STROKE = BrushStroke(points=((1.0, 880.0), (1.4, 880.0)), width=0.2, height=0.5, hardness=1, strength=1)


@pytest.fixture
def project(song: Path, home: Path) -> tuple[Project, Storage]:
    """The song in two parts, and an empty stem for the lead, in whose middle a hint lies."""
    audio = read_song(song)
    made = Project(audio, SongReference(str(song), song_hash(song), "My Tune"), StftSettings())
    history = History(made)
    storage = Storage.create(made, history)
    history.do(edits.split(made, 0, HPSS(), HPSS().run(audio, Progress())))
    edit, lead = edits.add_stem(made, 0, "lead")
    history.do(edit)
    history.do(edits.paint(made.state, made.new_id(), PaintStroke(lead, False, STROKE, "hint"), "Hint lead"))
    yield made, storage
    storage.close()


def test_hints_of_a_saved_project_are_taught_and_stay(command: Any, project: Any, tmp_path: Path) -> None:
    made, storage = project
    saved = storage.save(tmp_path / "tune.stems")
    ran = command("refine", saved, "--out", tmp_path / "refined.stems", "--iterations", 10, "--json")
    assert ran.code == 0
    (hint,) = ran.json["hints"]
    assert hint["stem"] == "lead"
    assert hint["followed"]
    assert ran.json["step"] == "Refine from 1 hint"
    opened = open_project(tmp_path / "refined.stems")
    try:
        state = opened.project.state
        assert dict(state.stems) == dict(made.state.stems)
        assert dict(state.strokes) == dict(made.state.strokes)
        assert list(state.splits[0].learned) == list(state.strokes)
        assert all(np.isfinite(array[:]).all() for array in state.splits[0].estimates.arrays().values())
        assert opened.steps[-1].name == "Refine from 1 hint"
    finally:
        opened.storage.close()
    again = command("refine", saved, "--out", tmp_path / "refined.stems")
    assert "already" in again.sentence
    more = command("refine", saved, "--out", tmp_path / "refined.stems", "--overwrite", "--iterations", 2)
    assert more.code == 0
    assert "1 of 1 followed" in more.stdout


def test_without_hints_it_says_what_to_do(command: Any, project: Any, tmp_path: Path) -> None:
    made, storage = project
    storage._history.do(edits.join(made.state, 0))
    saved = storage.save(tmp_path / "tune.stems")
    assert "no hints" in command("refine", saved, "--out", tmp_path / "other.stems").sentence
    assert not (tmp_path / "other.stems").exists()
