"""Recovery: a process that dies takes nothing along but the stroke in the hand."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import cut_songs as small
import numpy as np
import pytest

from stemstudio.errors import BadProject, StemStudioError
from stemstudio.project import edits
from stemstudio.project.opening import open_project
from stemstudio.project.project import PaintStroke
from stemstudio.project.recovery import discard, keep_file, recover, sessions
from stemstudio.project.storage import Storage

PAINTING = """
import sys
from pathlib import Path
import numpy as np
import cut_songs as small
from stemstudio.project import edits
from stemstudio.project.project import PaintStroke
from stemstudio.project.storage import Storage
home, target, saving = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "saving"
cut, history = small.project(4.0)
storage = Storage.create(cut, history, home=home)
history.do(small.split_edit(cut, 0, storage.keep(small.waves(cut.state))))
storage.save(target)
rng = np.random.default_rng(1)
number = 100
while True:
    leaf = cut.state.leaves()[number % 2].id
    number += 1
    edit = edits.paint(cut.state, number, PaintStroke(leaf, number % 5 == 0, small.brush(rng, 4.0)), f"Brush {number}")
    if edit is None:
        continue
    history.do(edit)
    storage.flush()
    print(number, flush=True)
    if saving and number % 3 == 0:
        storage.keep(small.waves(cut.state, seed=number))
        storage.save(target)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


def _start(code: str, *arguments: str) -> subprocess.Popen[str]:
    tests = Path(__file__).resolve().parent.parent
    environment = {**os.environ, "PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def _killed(process: subprocess.Popen[str], after: int, seconds: float) -> list[int]:
    """Kill a process `seconds` after it acknowledged `after` strokes; every number it acknowledged."""
    assert process.stdout is not None
    seen: list[int] = []
    for line in process.stdout:
        seen.append(int(line))
        if len(seen) == after:
            break
    time.sleep(seconds)
    process.kill()
    rest, errors = process.communicate(timeout=20)
    assert seen, errors
    return seen + [int(line) for line in rest.split() if line.strip()]


def _left_behind(home: Path, *, strokes: int = 2) -> tuple[Storage, object]:
    """A session as a dead process leaves it: its files without its lock."""
    cut, history = small.project(1.0)
    storage = Storage.create(cut, history, home=home)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    rng = np.random.default_rng(3)
    while len(cut.state.strokes) < strokes:
        stroke = PaintStroke(cut.state.leaves()[0].id, False, small.brush(rng, 1.0))
        edit = edits.paint(cut.state, cut.new_id(), stroke, "Brush")
        if edit is not None:
            history.do(edit)
    storage.close(keep=True)
    return storage, cut.state


@pytest.mark.parametrize(("how", "seed"), [("painting", 1), ("painting", 2), ("saving", 3), ("saving", 4)])
def test_killed_at_any_moment_every_acknowledged_stroke_is_there(
    home: Path, tmp_path: Path, how: str, seed: int
) -> None:
    chance = random.Random(seed)
    target = tmp_path / "song.stems"
    process = _start(PAINTING, str(home), str(target), how)
    acknowledged = _killed(process, chance.randrange(1, 25), chance.uniform(0, 0.05))
    left = sessions(home)
    if how == "saving" and not left:
        # It died between a save and the next stroke: nothing was unsaved, and the project's own file has it all.
        saved = open_project(target, home=home)
        assert set(acknowledged) <= set(saved.project.state.strokes)
        saved.storage.close()
        return
    (session,) = left
    assert session.note.project == str(target)
    opened = recover(session)
    opened.project.set_mixture(small.song(4.0))
    state = opened.project.state
    assert set(acknowledged) <= set(state.strokes)
    assert len(state.strokes) <= len(acknowledged) + 1
    assert opened.recovered
    assert not opened.history.saved

    # The paint is what those strokes make, and nothing is half there.
    cut, history = small.project(4.0)
    history.do(small.split_edit(cut, 0, small.waves(cut.state)))
    for number in sorted(state.strokes):
        edit = edits.paint(cut.state, number, state.strokes[number], "Brush")
        assert edit is not None
        history.do(edit)
    small.assert_same(cut.state, state)
    assert [step.name for step in opened.steps][1:] == [f"Brush {number}" for number in sorted(state.strokes)]

    # The project's own file is whole as well, whenever the process died.
    saved = open_project(target, home=home)
    saved.project.set_mixture(small.song(4.0))
    assert small.sum_error_db(saved.project.state) <= -120
    saved.storage.close()
    opened.storage.save()
    opened.storage.close()
    assert sessions(home) == []


def test_a_running_programs_session_is_not_offered(home: Path) -> None:
    process = _start(PAINTING, str(home), str(home.parent / "a.stems"), "painting")
    assert process.stdout is not None
    process.stdout.readline()
    try:
        assert sessions(home) == []
        assert len(list(home.iterdir())) == 1
    finally:
        process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        process.communicate(timeout=20)
    assert len(sessions(home)) == 1


def test_an_open_project_of_this_very_process_is_not_offered_either(home: Path) -> None:
    cut, history = small.project(0.5)
    storage = Storage.create(cut, history, home=home)
    history.do(edits.set_stem(cut.state, 0, "Mute", mute=True))
    storage.flush()
    assert sessions(home) == []
    storage.close()


def test_what_was_saved_is_not_offered_again(home: Path, tmp_path: Path) -> None:
    cut, history = small.project(0.5)
    storage = Storage.create(cut, history, home=home)
    history.do(edits.set_stem(cut.state, 0, "Mute", mute=True))
    storage.save(tmp_path / "a.stems")
    storage.close(keep=True)
    assert sessions(home) == []
    storage = open_project(tmp_path / "a.stems", home=home)
    storage.history.do(edits.set_stem(storage.project.state, 0, "Loud", mute=False))
    storage.storage.close(keep=True)
    (session,) = sessions(home)
    assert session.note.title == "Small song"


def test_a_song_opened_and_left_untouched_leaves_nothing_to_offer(home: Path) -> None:
    cut, history = small.project(0.5)
    storage = Storage.create(cut, history, home=home)
    storage.close(keep=True)
    assert sessions(home) == []
    folder = next(home.iterdir())
    os.utime(folder, (0, 0))
    assert sessions(home) == []
    assert list(home.iterdir()) == []


def test_recovering_and_dying_again_loses_nothing(home: Path) -> None:
    _, state = _left_behind(home)
    for _ in range(4):
        (session,) = sessions(home)
        opened = recover(session)
        opened.storage.survived()
        opened.storage.close(keep=True)
    opened = recover(sessions(home)[0])
    opened.project.set_mixture(small.song(1.0))
    small.assert_same(state, opened.project.state)
    opened.storage.close()


CRASHING = """
import os, sys
from pathlib import Path
from stemstudio.project.recovery import recover, sessions
recover(sessions(Path(sys.argv[1]))[0])
os._exit(139)
"""


def test_a_recovery_that_crashes_is_tried_twice_and_then_only_kept_or_discarded(
    home: Path, tmp_path: Path
) -> None:
    _left_behind(home)
    for _ in range(2):
        assert sessions(home)[0].openable
        process = _start(CRASHING, str(home))
        process.communicate(timeout=30)
        assert process.returncode == 139
    (session,) = sessions(home)
    assert not session.openable
    with pytest.raises(StemStudioError, match="could not be recovered") as caught:
        recover(session)
    assert "discard" in caught.value.way_on
    kept = keep_file(session, tmp_path / "rescued.stems")
    opened = open_project(kept, home=home)
    assert opened.project.state.stems
    opened.storage.close()
    assert len(sessions(home)) == 1
    discard(session)
    assert sessions(home) == []
    assert not session.folder.exists()


def test_a_damaged_session_says_so_and_stays(home: Path) -> None:
    _left_behind(home)
    (session,) = sessions(home)
    with open(session.folder / "project.db", "r+b") as file:
        file.seek(0)
        file.write(b"\0" * 20_000)
    with pytest.raises(BadProject):
        recover(session)
    assert len(sessions(home)) == 1
    discard(sessions(home)[0])


def test_a_torn_journal_stops_at_the_last_whole_step(home: Path) -> None:
    cut, history = small.project(1.0)
    storage = Storage.create(cut, history, home=home)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    for number in range(8):
        history.settle()
        history.do(edits.set_stem(cut.state, 0, f"Step {number}", name=f"Step {number}"))
    storage.flush()
    folder = next(home.iterdir())
    copy = home / "0123"
    copy.mkdir()
    for name in ("project.db", "project.db-wal", "note.json"):
        shutil.copyfile(folder / name, copy / name)
    storage.close()
    journal = copy / "project.db-wal"
    with open(journal, "r+b") as file:
        file.truncate(journal.stat().st_size - 1000)
    opened = recover(sessions(home)[0])
    assert [step.name for step in opened.steps][-1] == "Step 6"
    assert opened.project.state.stems[0].name == "Step 6"
    opened.storage.close()


def test_two_programs_cannot_recover_the_same_session(home: Path) -> None:
    _left_behind(home)
    (session,) = sessions(home)
    opened = recover(session)
    with pytest.raises(StemStudioError, match="Another StemStudio"):
        recover(session)
    with pytest.raises(StemStudioError, match="Another StemStudio"):
        discard(session)
    opened.storage.close()


def test_recovery_survives_a_note_that_cannot_be_read(home: Path) -> None:
    _, state = _left_behind(home)
    folder = next(home.iterdir())
    (folder / "note.json").write_bytes(b"\xff{not json")
    opened = recover(sessions(home)[0])
    opened.project.set_mixture(small.song(1.0))
    small.assert_same(state, opened.project.state)
    opened.storage.close()


def test_undone_steps_do_not_come_back(home: Path) -> None:
    cut, history = small.project(0.5)
    storage = Storage.create(cut, history, home=home)
    history.do(edits.set_stem(cut.state, 0, "One", name="One"))
    history.do(edits.set_stem(cut.state, 0, "Two", name="Two"))
    history.undo()
    storage.close(keep=True)
    opened = recover(sessions(home)[0])
    assert opened.project.state.stems[0].name == "One"
    assert [step.name for step in opened.steps] == ["One"]
    opened.storage.close(keep=True)
    with sqlite3.connect(next(home.iterdir()) / "project.db") as file:
        assert file.execute("SELECT count(*) FROM edits").fetchone() == (1,)
    file.close()
