"""Storage: what is saved comes back the same, the file is whole at every moment, nothing is lost silently."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import cut_songs as small
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.overlaid import Overlaid
from stemstudio.algorithms.taught import Taught
from stemstudio.audio.audio import Audio
from stemstudio.errors import StemStudioError, UnwritableFile
from stemstudio.progress import Cancelled, Progress
from stemstudio.project import arrays, edits, kept_arrays
from stemstudio.project.beat_grid import BeatGrid
from stemstudio.project.chances import Chances
from stemstudio.project.opening import Opened, info, open_project
from stemstudio.project.placing import put_in_places, set_place, set_room
from stemstudio.project.practice import Practice
from stemstudio.project.practising import set_beats, set_practice
from stemstudio.project.project import PaintStroke
from stemstudio.project.records import ChancesRecord
from stemstudio.project.room import Move, Place, Room
from stemstudio.project.storage import Storage
from stemstudio.spectral.lines import PitchLine
from stemstudio.spectral.tiles import Patch, TileMask


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


def _storage(home: Path, seconds: float = 1.0, path: str = ""):
    cut, history = small.project(seconds, path=path)
    return cut, history, Storage.create(cut, history, home=home)


def _reopened(path: Path, home: Path, mixture) -> Opened:
    opened = open_project(path, home=home)
    opened.project.set_mixture(mixture)
    return opened


def _paint(cut, history, seed: int = 0, *, erase: bool = False) -> None:
    leaf = cut.state.leaves()[0].id
    stroke = small.brush(np.random.default_rng(seed), 1.0)
    edit = edits.paint(cut.state, cut.new_id(), PaintStroke(leaf, erase, stroke), f"Brush {seed}")
    assert edit is not None
    history.do(edit)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_saved_comes_back_the_same(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.mktemp("project")
    rng = np.random.default_rng(seed)
    cut, history, storage = _storage(folder / "sessions")
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    storage.set_view({"start": 1.5, "zoom": [0, 2], "stem": 3})
    for _ in range(14):
        edit = small.random_edit(cut, rng)
        if edit is not None:
            history.do(edit)
        for _ in range(rng.integers(3)):
            (history.undo if rng.integers(2) and history.place > 1 else history.redo)()
    names = history.names[: history.place]
    storage.save(folder / "song.stems")
    opened = _reopened(folder / "song.stems", folder / "sessions", cut.state.mixture)
    small.assert_same(cut.state, opened.project.state)
    assert small.sum_error_db(opened.project.state) <= -120
    assert opened.view == {"start": 1.5, "zoom": [0, 2], "stem": 3}
    assert [step.name for step in opened.steps] == names
    assert opened.project.new_id() not in {*cut.state.stems, *cut.state.strokes}
    assert opened.history.saved
    # and it goes on from there
    edit = small.random_edit(opened.project, rng)
    if edit is not None:
        opened.history.do(edit)
    opened.storage.save()
    again = _reopened(folder / "song.stems", folder / "sessions", cut.state.mixture)
    small.assert_same(opened.project.state, again.project.state, sound=False)
    for one in (storage, opened.storage, again.storage):
        one.close()
    assert not any((folder / "sessions").iterdir())


def test_a_step_is_one_transaction_with_only_the_tiles_it_changed(home: Path) -> None:
    cut, history, storage = _storage(home, 8.0)
    history.do(small.split_edit(cut, 0, small.waves(cut.state)))
    for seed in range(6):
        leaf = cut.state.leaves()[0].id
        stroke = small.brush(np.random.default_rng(seed), 8.0)
        history.do(edits.paint(cut.state, cut.new_id(), PaintStroke(leaf, False, stroke), "Brush"))
    storage.flush()
    database = next(home.iterdir()) / "project.db"
    spy = sqlite3.connect(database)
    before = dict(spy.execute('SELECT stem || "/" || "row" || "/" || "column", data FROM tiles'))
    version = spy.execute("PRAGMA data_version").fetchone()
    old = cut.state.paint
    _paint(cut, history, 99)
    storage.flush()
    after = dict(spy.execute('SELECT stem || "/" || "row" || "/" || "column", data FROM tiles'))
    assert spy.execute("PRAGMA data_version").fetchone() != version
    touched = {key for key in after if before.get(key) != after[key]}
    expected = {
        f"{stem}/{row}/{column}"
        for stem, mask in cut.state.paint.items()
        for row, column in mask.changed_tiles(old.get(stem, edits.TileMask()))
    }
    assert touched <= expected
    assert len(touched) < len(after)
    record = json.loads(spy.execute("SELECT record FROM edits ORDER BY number DESC").fetchone()[0])
    assert record["strokes"]
    split = json.loads(spy.execute("SELECT record FROM edits ORDER BY number").fetchone()[0])
    assert split["splits"]["0"]["recipe"]["algorithm"] == "hpss"
    spy.close()
    storage.close()


def test_the_steps_of_a_fader_and_of_an_abandoned_branch_are_listed_as_the_history_lists_them(
    home: Path, tmp_path: Path
) -> None:
    cut, history, storage = _storage(home)
    for value in (-1.0, -2.0, -3.0):
        history.do(edits.set_stem(cut.state, 0, "Gain of the song", gain_db=value))
    history.settle()
    history.do(edits.set_stem(cut.state, 0, "Rename it", name="a"))
    history.undo()
    history.do(edits.set_stem(cut.state, 0, "Colour it", colour="#112233"))
    storage.save(tmp_path / "a.stems")
    storage.close()
    assert info(tmp_path / "a.stems")["steps"] == ["Gain of the song", "Colour it"]


def test_the_file_before_stays_as_bak_and_nothing_else_is_left(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "song.stems"
    target.parent.mkdir()
    cut, history, storage = _storage(home)
    storage.save(target)
    first = target.read_bytes()
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    storage.save()
    assert sorted(path.name for path in target.parent.iterdir()) == ["song.stems", "song.stems.bak"]
    assert (target.parent / "song.stems.bak").read_bytes() == first
    assert len(info(target)["splits"]) == 1
    storage.close()


def test_a_save_holds_what_was_there_when_it_was_asked_for(home: Path, tmp_path: Path) -> None:
    cut, history, storage = _storage(home)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    snapshot, state = storage.snapshot(), cut.state
    for seed in range(5):
        _paint(cut, history, seed)
    storage.flush()
    snapshot.save(tmp_path / "a.stems")
    history.mark_saved(snapshot.place)
    assert not history.saved
    opened = _reopened(tmp_path / "a.stems", home, cut.state.mixture)
    small.assert_same(state, opened.project.state)
    opened.storage.close()
    storage.close()


def test_a_cancelled_save_leaves_everything_as_it_was(home: Path, tmp_path: Path) -> None:
    cut, history, storage = _storage(home)
    storage.save(tmp_path / "a.stems")
    before = (tmp_path / "a.stems").read_bytes()
    history.do(small.split_edit(cut, 0, small.waves(cut.state)))
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        storage.save(progress=progress)
    assert (tmp_path / "a.stems").read_bytes() == before
    assert not (tmp_path / "a.stems.part").exists()
    storage.close()


def test_a_save_that_cannot_be_done_says_so_in_one_sentence(home: Path, tmp_path: Path) -> None:
    _, _, storage = _storage(home)
    with pytest.raises(UnwritableFile) as caught:
        storage.save(tmp_path / "no such folder" / "a.stems")
    assert "a.stems" in caught.value.sentence
    assert caught.value.way_on
    storage.close()


def test_large_stems_are_read_from_disk_by_range(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stemstudio.project.kept_arrays.ON_DISK", 1)
    cut, history, storage = _storage(home, 30.0)
    heard: list[float] = []
    own = small.waves(cut.state)
    kept = storage.keep(own, Progress(lambda fraction, _: heard.append(fraction)))
    assert heard[-1] == 1.0
    assert isinstance(kept.arrays()["waves"], arrays.StoredArray)
    history.do(small.split_edit(cut, 0, kept))
    sound = small.dense(cut.state)[cut.state.children(0)[0].id]
    assert np.array_equal(sound, own.waves[0])
    storage.flush()
    storage.save(tmp_path / "a.stems")
    opened = _reopened(tmp_path / "a.stems", home, cut.state.mixture)
    reader = opened.storage.reader
    reads: list[int] = []
    chunk = reader.chunk
    monkeypatch.setattr(
        reader, "chunk", lambda array, number, dtype: reads.append(number) or chunk(array, number, dtype)
    )
    split = opened.project.state.splits[0]
    piece = split.estimates.render(cut.state.mixture, [(1,)], 100_000, 100_100)
    assert np.array_equal(piece[0], own.waves[1][:, 100_000:100_100])
    assert len(set(reads)) == 1
    opened.storage.close()
    storage.close()


def test_stems_that_are_no_numbers_are_told_and_open_again(home: Path, tmp_path: Path) -> None:
    cut, history, storage = _storage(home)
    waves = small.waves(cut.state).waves.copy()
    waves[0, :, 100:110], waves[1, 0, 500] = np.nan, np.inf
    told: list[object] = []
    kept = storage.keep(Waveforms(("one", "two"), waves[:2]), Progress(hand_on=told.append))
    assert [said.words for said in told] == ["21 values of the result were no numbers and became silence."]
    history.do(small.split_edit(cut, 0, kept))
    heard = small.dense(cut.state)
    assert all(np.isfinite(sound).all() for sound in heard.values())
    assert small.sum_error_db(cut.state) <= -120  # the residual has what was silenced
    storage.save(tmp_path / "a.stems")
    opened = _reopened(tmp_path / "a.stems", home, cut.state.mixture)
    small.assert_same(cut.state, opened.project.state)
    opened.storage.close()
    storage.close()


def test_a_split_that_nobody_kept_before_opens_again_without_what_is_no_number(
    home: Path, tmp_path: Path
) -> None:
    cut, history, storage = _storage(home)
    waves = small.waves(cut.state).waves.copy()
    waves[0, :, 100:110] = np.nan
    history.do(small.split_edit(cut, 0, Waveforms(("one", "two"), waves[:2])))
    storage.save(tmp_path / "a.stems")
    storage.close()
    opened = _reopened(tmp_path / "a.stems", home, cut.state.mixture)
    assert all(np.isfinite(sound).all() for sound in small.dense(opened.project.state).values())
    opened.storage.close()


def test_results_nobody_uses_any_more_are_not_saved(home: Path, tmp_path: Path) -> None:
    cut, history, storage = _storage(home)
    storage.keep(small.waves(cut.state, seed=1))
    history.do(small.split_edit(cut, 0, storage.keep(small.waves(cut.state, seed=2))))
    history.do(small.split_edit(cut, 0, storage.keep(small.atoms(cut.state))))
    storage.save(tmp_path / "a.stems")
    with sqlite3.connect(tmp_path / "a.stems") as file:
        assert file.execute("SELECT count(*) FROM arrays").fetchone() == (2,)
    file.close()
    # what undo may need is still in the working copy
    history.undo()
    storage.save(tmp_path / "b.stems")
    opened = _reopened(tmp_path / "b.stems", home, cut.state.mixture)
    small.assert_same(cut.state, opened.project.state)
    opened.storage.close()
    storage.close()


def test_what_is_laid_over_a_split_is_kept_and_the_split_below_it_is_not_written_again(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_arrays, "ON_DISK", 0)
    cut, history, storage = _storage(home)
    base = storage.keep(small.waves(cut.state))
    box = Patch(3, 40, 5, 60)
    mask = TileMask().with_box(box, np.full(box.shape, 0.5, np.float32))
    laid = storage.keep(Overlaid(base, small.GRID, ("hum",), (mask,)))
    numbers = dict(storage.kept.numbers(laid))
    assert numbers.pop("base/waves") == storage.kept.numbers(base)["waves"]
    assert list(numbers) == ["weights"]
    history.do(small.split_edit(cut, 0, laid))
    storage.save(tmp_path / "a.stems")
    with sqlite3.connect(tmp_path / "a.stems") as file:
        assert file.execute("SELECT count(*) FROM arrays").fetchone() == (2,)
    file.close()
    opened = _reopened(tmp_path / "a.stems", home, cut.state.mixture)
    small.assert_same(cut.state, opened.project.state)
    assert opened.project.state.splits[0].estimates.weights == (mask,)
    opened.storage.close()
    storage.close()


def test_projects_in_which_atoms_said_how_light_moves_between_stems_still_open(
    home: Path, tmp_path: Path
) -> None:
    cut, history, storage = _storage(home)
    before, after = small.atoms(cut.state, seed=1), small.atoms(cut.state, seed=2)
    stems = ([0, 1], [0, 1, 2] * 2, [2, 1, 0] * 2)
    words = ("vocals", "drums", "residual")
    history.do(small.split_edit(cut, 0, Taught(small.waves(cut.state), before, after, words, stems, 2, [0])))
    storage.save(tmp_path / "a.stems")
    opened = _reopened(tmp_path / "a.stems", home, cut.state.mixture)
    small.assert_same(cut.state, opened.project.state)
    opened.storage.close()
    storage.close()


@pytest.mark.parametrize("shape", [(7,), (5, 9), (3, 2, 500), (2, 70, 33), (1, 1025, 300)])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_stored_array_is_the_array(
    home: Path, shape: tuple[int, ...], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "CHUNK", 256)
    monkeypatch.setattr(arrays, "NARROWEST", 8)
    from stemstudio.project import database, rows

    home.mkdir()
    connection = database.create(home / "a.db")
    values = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    number = rows.write_array(connection, values)
    reader = arrays.Reader(home / "a.db")
    held = arrays.stored(reader, connection, number)
    last = shape[-1]
    keys = [
        slice(None),
        (..., slice(2, 5)),
        (..., slice(last, None)),
        (..., -1),
        (..., slice(None, None, -2)),
        0,
        (0, ...),
    ]
    if len(shape) == 3:
        keys += [
            (0, slice(1, None), slice(3, 30)),
            (slice(None), 0, slice(None)),
            (..., slice(None, None, 3), slice(1, 2)),
            (-1, -1),
        ]
    for key in keys:
        assert np.array_equal(np.asarray(held[key]), values[key]), key
    if len(shape) == 3:
        assert np.array_equal(held[0][..., 3:30], values[0][..., 3:30])
        with pytest.raises(IndexError):
            held[shape[0]]
    reader.close()
    connection.close()


def test_many_threads_read_one_array(home: Path) -> None:
    cut, _history, storage = _storage(home, 20.0)
    own = small.waves(cut.state)
    numbers = storage.keep(own) and storage.kept.numbers(own)
    held = arrays.StoredArray(storage.reader, numbers["waves"], "float32", own.waves.shape)
    wrong: list[int] = []

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            start = int(rng.integers(0, own.waves.shape[2] - 2000))
            if not np.array_equal(held[..., start : start + 2000], own.waves[..., start : start + 2000]):
                wrong.append(start)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    storage.close()


def test_who_still_reads_when_the_project_is_closed_is_stopped(home: Path) -> None:
    cut, _history, storage = _storage(home, 20.0)
    own = small.waves(cut.state)
    numbers = storage.keep(own) and storage.kept.numbers(own)
    held = arrays.StoredArray(storage.reader, numbers["waves"], "float32", own.waves.shape)
    ends: list[str] = []

    def read() -> None:
        try:
            while True:
                assert np.array_equal(held[..., 1000:], own.waves[..., 1000:])
        except Cancelled:
            ends.append("stopped")

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    time.sleep(0.05)
    storage.close()
    for reader in readers:
        reader.join(10)
    assert ends == ["stopped"] * 4
    with pytest.raises(Cancelled):  # on a thread, too, that had never read before
        held[..., :10]


def test_a_stroke_does_not_wait_for_the_disk(home: Path) -> None:
    cut, history, storage = _storage(home)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    storage.flush()
    with storage._lock:  # somebody else is writing
        _paint(cut, history)
        assert len(cut.state.paint) == 1
    storage.flush()
    storage.close()


def test_the_song_inside_comes_out_again(home: Path, tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    reference = small.write_song(song, np.random.default_rng(0).bytes(3_000_000))
    cut, history = small.project(0.5)
    cut.song = reference
    storage = Storage.create(cut, history, home=home, tags={"artist": "Somebody"})
    storage.embed_song(song)
    storage.save(tmp_path / "a.stems")
    storage.close()
    data = song.read_bytes()
    song.unlink()
    opened = open_project(tmp_path / "a.stems", home=home)
    assert opened.song_missing is None
    assert opened.song is not None
    assert opened.song.suffix == ".wav"
    assert opened.song.read_bytes() == data
    assert opened.tags == {"artist": "Somebody"}
    opened.storage.drop_song()
    opened.storage.save()
    opened.storage.close()
    assert not info(tmp_path / "a.stems")["song"]["embedded"]
    assert open_and_close(tmp_path / "a.stems", home).song_missing is not None


def open_and_close(path: Path, home: Path) -> Opened:
    opened = open_project(path, home=home)
    opened.storage.close()
    return opened


def test_a_moved_song_is_asked_for_and_recognised(home: Path, tmp_path: Path) -> None:
    song = tmp_path / "a" / "song.wav"
    song.parent.mkdir()
    reference = small.write_song(song)
    cut, history = small.project(0.5)
    cut.song = reference
    storage = Storage.create(cut, history, home=home)
    target = tmp_path / "b" / "a.stems"
    target.parent.mkdir()
    storage.save(target)
    storage.close()
    assert open_and_close(target, home).song == song
    moved = tmp_path / "elsewhere.wav"
    song.rename(moved)
    opened = open_project(target, home=home)
    assert opened.song is None
    assert opened.song_missing is not None
    assert (opened.song_missing.path, opened.song_missing.sha256) == (str(song), reference.sha256)
    other = tmp_path / "other.wav"
    other.write_bytes(b"something else")
    with pytest.raises(StemStudioError, match=r"“other.wav” is not the song"):
        opened.storage.relink(other)
    assert opened.project.song.path == str(song)
    opened.storage.relink(moved)
    opened.storage.save()
    opened.storage.close()
    assert open_and_close(target, home).song == moved


def test_a_song_whose_hash_came_late_is_recognised_all_the_same(home: Path, tmp_path: Path) -> None:
    reference = small.write_song(tmp_path / "song.wav")
    cut, history = small.project(0.5)
    storage = Storage.create(cut, history, home=home)
    cut.song = reference
    storage.set_song(reference)
    storage.save(tmp_path / "a.stems")
    storage.close()
    opened = open_and_close(tmp_path / "a.stems", home)
    assert opened.song == tmp_path / "song.wav"
    assert opened.project.song == reference


def test_a_song_beside_the_project_is_found_only_by_its_very_bytes(home: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    reference = small.write_song(old / "song.wav")
    cut, history = small.project(0.5)
    cut.song = reference
    storage = Storage.create(cut, history, home=home)
    storage.save(old / "a.stems")
    storage.close()
    new = old.rename(tmp_path / "new")
    assert open_and_close(new / "a.stems", home).song == new / "song.wav"
    (new / "song.wav").write_bytes(b"RIFF the song's own bytEs")
    assert open_and_close(new / "a.stems", home).song is None


def test_a_song_that_turns_out_longer_is_written_down(home: Path, tmp_path: Path) -> None:
    cut, _history, storage = _storage(home)
    cut.set_mixture(Audio(np.zeros((2, 12_345), np.float32), small.RATE))
    storage.save(tmp_path / "a.stems")
    storage.close()
    opened = open_and_close(tmp_path / "a.stems", home)
    assert opened.project.state.mixture.length == 12_345
    assert opened.project.state.mixture.channels == 2
    assert not opened.project.state.mixture.read(0, 100).any()


FULL_DISK = """
import resource, sys, threading
from pathlib import Path
import numpy as np
import cut_songs as small
from stemstudio.project import edits
from stemstudio.project.placing import put_in_places, set_place, set_room
from stemstudio.project.project import PaintStroke
from stemstudio.project.room import Move, Place, Room
from stemstudio.project.storage import Storage
from stemstudio.errors import StemStudioError
import stemstudio.project.writer as writer
writer.RETRY = 0.05
home, elsewhere = Path(sys.argv[1]), Path(sys.argv[2])
cut, history = small.project(4.0)
storage = Storage.create(cut, history, home=home)
history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
storage.flush()
said = []
storage.on_problem = said.append
leaf = cut.state.leaves()[0].id
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
for seed in range(8):
    stroke = PaintStroke(leaf, False, small.brush(np.random.default_rng(seed), 4.0))
    history.do(edits.paint(cut.state, cut.new_id(), stroke, "Brush"))
try:
    storage.flush(5)
    print("no failure")
except StemStudioError as error:
    print("flush:", error.sentence)
import time; time.sleep(0.3)
print("said", len(said))
try:
    storage.save(elsewhere / "full.stems")
    print("saved")
except StemStudioError as error:
    print("save:", error.way_on)
print("left", [path.name for path in elsewhere.iterdir()])
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
storage.flush(10)
print("again", said[-1] is None)
storage.save(elsewhere / "a.stems")
np.savez(elsewhere / "truth.npz", *[small.dense(cut.state)[key] for key in sorted(small.dense(cut.state))])
storage.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE")
def test_a_full_disk_is_told_once_and_nothing_is_lost_when_there_is_room_again(
    home: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = _run(FULL_DISK, str(home), str(elsewhere))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("flush: “project.db” was not written")
    assert lines[1] == "said 1"
    assert lines[2].startswith("save: Free some space")
    assert lines[3] == "left []"
    assert lines[4] == "again True"
    opened = _reopened(elsewhere / "a.stems", home, small.song(4.0))
    sounds = small.dense(opened.project.state)
    with np.load(elsewhere / "truth.npz") as truth:
        for number, leaf in enumerate(sorted(sounds)):
            assert np.array_equal(sounds[leaf], truth[f"arr_{number}"])
    opened.storage.close()


def test_while_the_working_copy_cannot_be_written_saving_elsewhere_still_works(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, history, storage = _storage(home)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    storage.flush()
    monkeypatch.setattr("stemstudio.project.writer.RETRY", 0.05)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("stemstudio.project.storage.write_rows", full)
        _paint(cut, history, 1)
        with pytest.raises(UnwritableFile, match="No space left"):
            storage.flush(5)
        storage.save(tmp_path / "a.stems")
    opened = _reopened(tmp_path / "a.stems", home, cut.state.mixture)
    small.assert_same(cut.state, opened.project.state)
    opened.storage.close()
    storage.flush(5)
    storage.close()


def test_info_tells_what_a_project_holds(home: Path, tmp_path: Path) -> None:
    cut, history, storage = _storage(home)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    _paint(cut, history)
    storage.save(tmp_path / "a.stems")
    storage.close()
    said = info(tmp_path / "a.stems")
    json.dumps(said)
    assert said["song"]["seconds"] == 1.0
    assert [stem["name"] for stem in said["stems"]] == ["Mixture", "voice", "band", "residual"]
    assert said["splits"][0]["recipe"]["algorithm"] == "nmf"
    assert said["splits"][0]["recipe"]["seed"] == 7
    assert said["strokes"] == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a.stems"]


def _run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    tests = Path(__file__).resolve().parent.parent
    import os

    environment = {**os.environ, "PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )


def test_closing_after_a_save_leaves_no_thread_behind(home: Path, tmp_path: Path) -> None:
    before = {thread.ident for thread in threading.enumerate()}
    _, _, storage = _storage(home)
    storage.save(tmp_path / "a.stems")
    storage.close()
    deadline = time.monotonic() + 2
    while {thread.ident for thread in threading.enumerate()} - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not {thread.ident for thread in threading.enumerate()} - before


def test_a_file_from_before_there_were_melodies_opens(home: Path, tmp_path: Path) -> None:
    cut, history, storage = _storage(home)
    history.do(edits.draw_melody(PitchLine(runs=(((0.2, 220.0), (0.9, 330.0)),)), "Draw the melody"))
    storage.save(tmp_path / "song.stems")
    storage.close()
    opened = _reopened(tmp_path / "song.stems", home, cut.state.mixture)
    assert opened.project.state.melody == cut.state.melody
    opened.storage.close()
    with sqlite3.connect(tmp_path / "song.stems") as connection:
        assert connection.execute("DELETE FROM meta WHERE key = 'melody'").rowcount == 1
    connection.close()
    older = _reopened(tmp_path / "song.stems", home, cut.state.mixture)
    assert older.project.state.melody == PitchLine()
    older.storage.close()


def test_beats_and_practice_are_kept_and_older_files_have_none(home: Path, tmp_path: Path) -> None:
    cut, history, storage = _storage(home)
    grid = BeatGrid.even(128, 0.5, 1.9, metre=3, key="A minor")
    history.do(set_beats(cut.state, grid, "Find the beats"))
    history.do(set_practice(cut.state, tempo=0.9))
    history.do(set_practice(cut.state, tempo=0.8))
    history.do(set_practice(cut.state, click=True))
    history.do(set_practice(cut.state, loop=(1.0, 2.5)))
    assert [edit.name for edit in history.edits] == [
        "Find the beats",
        "Tempo 0.80 ×",
        "Metronome on",
        "Loop 1.0–2.5 s",
    ]
    assert set_practice(cut.state, click=True) is None
    for name, typed, words in (("click", "off", "Metronome off"), ("count_in", 2.0, "Count-in: 2 bars")):
        step = set_practice(cut.state, **{name: typed})  # as the command line has it
        assert step is not None
        assert step.name == words
    storage.save(tmp_path / "song.stems")
    storage.close()
    opened = _reopened(tmp_path / "song.stems", home, cut.state.mixture)
    assert opened.project.state.beats == grid
    assert opened.project.state.practice == Practice(tempo=0.8, click=True, loop=(1.0, 2.5))
    opened.storage.close()
    history.jump(0)
    assert (cut.state.beats, cut.state.practice) == (BeatGrid(), Practice())
    with sqlite3.connect(tmp_path / "song.stems") as connection:
        connection.execute("DELETE FROM meta WHERE key IN ('beats', 'practice')")
    older = _reopened(tmp_path / "song.stems", home, cut.state.mixture)
    assert (older.project.state.beats, older.project.state.practice) == (BeatGrid(), Practice())
    older.storage.close()


def test_how_probable_it_is_whose_atoms_are_is_kept_and_older_files_do_not_say(
    home: Path, tmp_path: Path
) -> None:
    cut, history, storage = _storage(home)
    atoms = small.panned_atoms(cut.state)
    drawn = np.random.default_rng(4).dirichlet([0.4, 0.4, 0.4], len(atoms.names)).astype(np.float32)
    owners = [int(best) if best < 2 else None for best in drawn.argmax(axis=1)]
    history.do(edits.split(cut, 0, NMF(), atoms, stems=["low", "high"], owners=owners, probabilities=drawn))
    split = cut.state.splits[0]
    low, high, residual = (child.id for child in cut.state.children(0))
    moved = edits.assign(cut.state, 0, {0: high if split.owners[0] != high else low}, "Give")
    assert moved is not None
    history.do(moved)
    history.undo()
    history.redo()
    storage.save(tmp_path / "song.stems")
    storage.close()
    opened = _reopened(tmp_path / "song.stems", home, cut.state.mixture)
    kept = opened.project.state.splits[0].chances
    assert kept is not None
    assert kept.stems == (low, high, residual)
    np.testing.assert_array_equal(kept.probabilities, drawn)
    assert not kept.probabilities.flags.writeable
    other = edits.refactorise(
        opened.project.state, 0, small.panned_atoms(cut.state), range(len(owners)), "Improve"
    )
    other.do(opened.project)
    assert opened.project.state.splits[0].chances is None, "it was said of other atoms"
    other.undo(opened.project)
    assert opened.project.state.splits[0].chances is kept
    opened.storage.close()
    with sqlite3.connect(tmp_path / "song.stems") as connection:
        ((text,),) = connection.execute("SELECT value FROM splits WHERE stem = 0")
        record = json.loads(text)
        assert record.pop("chances")["stems"] == [low, high, residual]
        connection.execute("UPDATE splits SET value = ? WHERE stem = 0", (json.dumps(record),))
    connection.close()
    older = _reopened(tmp_path / "song.stems", home, cut.state.mixture)
    assert older.project.state.splits[0].chances is None
    assert older.project.state.splits[0].owners == cut.state.splits[0].owners
    older.storage.close()


def test_places_and_the_room_are_kept_and_older_files_have_none(home: Path, tmp_path: Path) -> None:
    cut, history, storage = _storage(home)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    first, second = (leaf.id for leaf in cut.state.leaves()[:2])
    history.do(set_place(cut.state, first, "Place", azimuth=-30.0, ambience=0.5))
    history.do(set_place(cut.state, first, "Place", azimuth=-40.0, ambience=0.5))
    moving = Place(lfe_db=-6.0, move=Move(azimuth=90.0, start=1.0, stop=4.0))
    history.do(put_in_places(cut.state, {second: moving, first: cut.state.stems[first].place}, "Move"))
    history.do(set_room(cut.state, "7.1", layout="7.1", fold_safe=True))
    assert [edit.name for edit in history.edits[1:]] == ["Place", "Move", "7.1"], "a drag is one step"
    assert set_room(cut.state, "again", layout="7.1") is None
    storage.save(tmp_path / "song.stems")
    storage.close()
    opened = _reopened(tmp_path / "song.stems", home, cut.state.mixture)
    state = opened.project.state
    assert state.stems[first].place == Place(azimuth=-40.0, ambience=0.5)
    assert state.stems[second].place == moving
    assert state.room == Room(layout="7.1", fold_safe=True)
    opened.storage.close()
    history.jump(1)
    assert (cut.state.stems[first].place, cut.state.room) == (Place(), Room())
    with sqlite3.connect(tmp_path / "song.stems") as connection:
        connection.execute("DELETE FROM meta WHERE key = 'room'")
        connection.execute("UPDATE stems SET value = json_remove(value, '$.place')")
    connection.close()
    older = _reopened(tmp_path / "song.stems", home, cut.state.mixture)
    assert older.project.state.stems[second].place == Place(lfe_db=None), "as it was then"
    assert older.project.state.room == Room()
    older.storage.close()


def test_chances_that_are_no_numbers_do_not_keep_a_project_from_being_saved():
    estimates = SimpleNamespace(names=("one", "two"))
    odd = np.array([[np.nan, 1.0000001], [0.25, 0.75]], dtype=np.float32)
    record = ChancesRecord.of(Chances(estimates, (1, 2), odd))
    assert record.chances(estimates).probabilities.tolist() == [[0.0, 1.0], [0.25, 0.75]]
