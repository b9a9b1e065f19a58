"""`stemstudio atoms`: a saved project's atoms worked on, and the project that comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.audio.reading import read_song, song_hash
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.history import History
from stemstudio.project.opening import open_project
from stemstudio.project.project import Project, SongReference
from stemstudio.project.storage import Storage
from stemstudio.spectral.stft import StftSettings


@pytest.fixture
def saved(song: Path, home: Path, tmp_path: Path) -> Path:
    """The song in four atoms, the third of them locked."""
    audio = read_song(song)
    made = Project(audio, SongReference(str(song), song_hash(song), "My Tune"), StftSettings())
    history = History(made)
    storage = Storage.create(made, history)
    recipe = NMF(components=4, iterations=5)
    found = recipe.run(audio, Progress())
    history.do(edits.split(made, 0, recipe, found, stems=["low", "high"], owners=[0, 1, 1, None]))
    history.do(edits.lock(made.state, 0, [2], True, "Lock"))
    try:
        return storage.save(tmp_path / "tune.stems")
    finally:
        storage.close()


def listed(command: Any, path: Path) -> list[str]:
    return [
        f"{a['stem']}{' locked' * a['locked']}"
        for a in command("atoms", "list", path, "--json").json["atoms"]
    ]


def test_atoms_are_listed_split_merged_and_deleted(command: Any, saved: Path, tmp_path: Path) -> None:
    assert listed(command, saved) == ["low", "high", "high locked", "residual"]
    table = command("atoms", "list", saved)
    assert "Atom 3" in table.stdout
    assert "locked" in table.stdout
    one, two, three = (tmp_path / f"{n}.stems" for n in "123")
    ran = command("atoms", "split", saved, 2, "--out", one, "--json")
    assert (ran.code, ran.json["atoms"], ran.json["from"]) == (0, 5, [1, 2, 3, 4, 2])
    assert ran.json["step"] == "Split atom 2 in two"
    assert listed(command, one) == ["low", "high", "high locked", "residual", "high"]
    assert command("atoms", "merge", one, "2,5", "--out", two).code == 0
    assert listed(command, two) == ["low", "high", "high locked", "residual"]
    ran = command("atoms", "delete", two, "1, 4", "--out", three)
    assert "Delete 2 atoms; 2 atoms." in ran.stdout
    assert listed(command, three) == ["high", "high locked"]


def test_they_go_on_and_others_are_drawn_anew(command: Any, saved: Path, tmp_path: Path) -> None:
    more, new = tmp_path / "more.stems", tmp_path / "new.stems"
    assert command("atoms", "continue", saved, "--out", more, "--rounds", 4).code == 0
    opened = open_project(more)
    try:
        split = opened.project.state.splits[0]
        assert split.recipe.iterations == 9
        assert split.estimates.costs[-1] < split.estimates.costs[0]
        assert opened.steps[-1].name == "4 more rounds"
    finally:
        opened.storage.close()
    assert command("atoms", "anew", saved, "--out", new).code == 0  # beside the one that is locked
    assert listed(command, new) == ["residual", "residual", "high locked", "residual"]
    ran = command("atoms", "anew", saved, "--keep", "1-2", "--seed", 7, "--out", new, "--overwrite")
    assert "Draw 2 atoms anew" in ran.stdout
    assert listed(command, new) == ["low", "high", "residual", "residual"]


def test_what_cannot_be_is_said_in_a_sentence(command: Any, saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.stems"
    assert "there are 4" in command("atoms", "split", saved, 9, "--out", out).sentence
    assert "is no atom" in command("atoms", "merge", saved, "one", "--out", out).sentence
    assert "Name several" in command("atoms", "merge", saved, "1", "--out", out).sentence
    assert "Locked atoms stay" in command("atoms", "delete", saved, "3", "--out", out).sentence
    assert "not in atoms" in command("atoms", "list", saved, "--stem", "horns").sentence
    assert "already" in command("atoms", "split", saved, 1, "--out", saved).sentence
    assert not out.exists()


def test_locked_atoms_are_not_deleted(command: Any, saved: Path, tmp_path: Path) -> None:
    ran = command("atoms", "delete", saved, "2-4", "--out", tmp_path / "less.stems")
    assert "1 atom stayed, being locked." in ran.stderr
    assert "Delete 2 atoms" in ran.stdout
    assert listed(command, tmp_path / "less.stems") == ["low", "high locked"]
