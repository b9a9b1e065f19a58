"""A song on disk, and the command line run in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from signals import mixture

from stemstudio.algorithms.hpss import HPSS
from stemstudio.audio.audio import Audio
from stemstudio.audio.reading import read_song, song_hash
from stemstudio.audio.tags import Tags
from stemstudio.audio.writing import write_audio
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.history import History
from stemstudio.project.project import Project, SongReference
from stemstudio.project.storage import Storage
from stemstudio.spectral.stft import StftSettings


@dataclass(frozen=True)
class Ran:
    """What a command answered."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def sentence(self) -> str:
        """The one line of an error; nothing may be on stdout beside it."""
        assert self.stdout == ""
        lines = self.stderr.splitlines()
        assert len(lines) == 1, self.stderr
        assert "Traceback" not in self.stderr
        return lines[0]


Command = Callable[..., Ran]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process; what it says is caught where the operating system has it."""
    from stemstudio.cli.program import run

    def command(*words: object) -> Ran:
        capfd.readouterr()
        code = run([str(word) for word in words])
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return command


@pytest.fixture(scope="session")
def process() -> Command:
    """Run the command line in a process of its own, as a shell would."""

    def process(*words: object, env: Mapping[str, str | None] | None = None) -> Ran:
        changed = {**os.environ, "PYTHONIOENCODING": "utf-8", **(env or {})}
        done = subprocess.run(
            [sys.executable, "-m", "stemstudio", *(str(word) for word in words)],
            env={name: value for name, value in changed.items() if value is not None},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return process


@pytest.fixture(scope="session")
def known() -> tuple[Audio, dict[str, Audio]]:
    """A song of four seconds and its stems."""
    return mixture(4.0, 22050)


@pytest.fixture(scope="session")
def song(known: tuple[Audio, dict[str, Audio]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The song's file, with tags."""
    path = tmp_path_factory.mktemp("song") / "Tune.wav"
    write_audio(path, known[0], format="wav", subtype="float", tags=Tags(title="My Tune", artist="Nobody"))
    return path


@pytest.fixture(scope="session")
def references(known: tuple[Audio, dict[str, Audio]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the song's true stems."""
    folder = tmp_path_factory.mktemp("stems")
    for name, stem in known[1].items():
        write_audio(folder / f"{name}.wav", stem, format="wav", subtype="float")
    return folder


@pytest.fixture
def saved(song: Path, tmp_path: Path, home: Path) -> Path:
    """A project file: the song in two parts, the percussive one 6 dB down."""
    own = tmp_path / "own.wav"
    own.write_bytes(song.read_bytes())
    audio = read_song(own)
    project = Project(audio, SongReference(str(own), song_hash(own), "My Tune"), StftSettings())
    history = History(project)
    storage = Storage.create(project, history)
    history.do(edits.split(project, 0, HPSS(), HPSS().run(audio, Progress())))
    percussive = next(leaf for leaf in project.state.leaves() if leaf.name == "percussive")
    history.do(edits.set_stem(project.state, percussive.id, "Turn down", gain_db=-6.0))
    path = storage.save(tmp_path / "tune.stems")
    storage.close()
    return path
