"""Opening: a stranger's file is a project or a sentence, quickly; never a crash, a hang, or a NaN."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import struct
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import cut_songs as small
import numpy as np
import pytest

from stemstudio.errors import BadProject, StemStudioError
from stemstudio.project import edits
from stemstudio.project.opening import info, open_project
from stemstudio.project.project import PaintStroke
from stemstudio.project.records import SoundRecord, SplitRecord
from stemstudio.project.stem import Split
from stemstudio.project.storage import Storage
from stemstudio.spectral.tiles import TILE

Spoil = Callable[[sqlite3.Connection], object]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with every kind of thing in it."""
    folder = tmp_path_factory.mktemp("good")
    cut, history = small.project(1.0)
    storage = Storage.create(cut, history, home=folder / "sessions")
    history.do(small.split_edit(cut, 0, small.panned_atoms(cut.state)))
    voice, band, _ = (stem.id for stem in cut.state.children(0))
    history.do(small.split_edit(cut, voice, small.waves(cut.state)))
    history.do(small.split_edit(cut, band, small.masks(cut.state)))
    rng = np.random.default_rng(5)
    for leaf in cut.state.leaves():
        edit = edits.paint(
            cut.state, cut.new_id(), PaintStroke(leaf.id, False, small.brush(rng, 1.0)), "Brush"
        )
        if edit is not None:
            history.do(edit)
    storage.save(folder / "good.stems")
    storage.close()
    return folder / "good.stems"


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copyfile(good, tmp_path / "copy.stems"))


def _refused(path: Path, tmp_path: Path, *, both: bool = True) -> BadProject:
    """The one sentence that opening ends in; nothing is left behind, and it does not take long."""
    start = time.monotonic()
    with pytest.raises(BadProject) as caught:
        open_project(path, home=tmp_path / "sessions")
    if both:
        with pytest.raises(BadProject):
            info(path)
    assert time.monotonic() - start < 5
    error = caught.value
    assert error.sentence.startswith(f"“{path.name}” ")
    assert error.sentence.endswith(".")
    assert len(error.sentence) < 300
    assert "\n" not in error.sentence
    assert error.way_on
    assert not list(tmp_path.glob("sessions/*"))
    return error


def _spoilt(path: Path, *spoils: Spoil | str) -> None:
    with sqlite3.connect(path) as connection:
        for spoil in spoils:
            connection.execute(spoil) if isinstance(spoil, str) else spoil(connection)
    connection.close()


def _json(table: str, key: str, number: int, change: Callable[[dict], object]) -> Spoil:
    def spoil(connection: sqlite3.Connection) -> None:
        (text,) = connection.execute(f"SELECT value FROM {table} WHERE {key} = ?", (number,)).fetchone()
        record = json.loads(text)
        change(record)
        connection.execute(f"UPDATE {table} SET value = ? WHERE {key} = ?", (json.dumps(record), number))

    return spoil


def _split(change: Callable[[dict], object], stem: int = 0) -> Spoil:
    return _json("splits", "stem", stem, change)


def _stem(change: Callable[[dict], object], stem: int = 1) -> Spoil:
    return _json("stems", "id", stem, change)


def _stroke(change: Callable[[dict], object]) -> Spoil:
    def spoil(connection: sqlite3.Connection) -> None:
        (number,) = connection.execute("SELECT min(number) FROM strokes").fetchone()
        _json("strokes", "number", number, change)(connection)

    return spoil


def _comb(**fields: object) -> Spoil:
    shape = {"shape": "comb", "points": [[0.5, 440.0], [1.0, 440.0]], "width": 40.0, "partials": 5}
    whole = {**shape, "lobe": 20.0, "strength": 1.0, **fields}
    return _stroke(lambda record: _put(record, stroke=whole))


def _meta(key: str, change: Callable[[dict], object]) -> Spoil:
    def spoil(connection: sqlite3.Connection) -> None:
        (text,) = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        record = json.loads(text)
        change(record)
        connection.execute("UPDATE meta SET value = ? WHERE key = ?", (json.dumps(record), key))

    return spoil


def _array(change: Callable[[np.ndarray], object], dtype: str, kind: int = 0) -> Spoil:
    """Change the values of the first chunk of an array of a dtype."""

    def spoil(connection: sqlite3.Connection) -> None:
        number = connection.execute("SELECT id FROM arrays WHERE dtype = ? ORDER BY id", (dtype,)).fetchall()[
            kind
        ][0]
        (data,) = connection.execute(
            "SELECT data FROM chunks WHERE array = ? AND number = 0", (number,)
        ).fetchone()
        values = np.frombuffer(data, dtype).copy()
        change(values)
        connection.execute(
            "UPDATE chunks SET data = ? WHERE array = ? AND number = 0", (values.tobytes(), number)
        )

    return spoil


def _tile(values: np.ndarray) -> Spoil:
    data = zlib.compress(values.astype("<f2").tobytes())
    return lambda connection: connection.execute("UPDATE tiles SET data = ?", (data,))


def _put(record: dict, **fields: object) -> None:
    record.update(fields)


HOSTILE: dict[str, Spoil | str] = {
    "a trigger": "CREATE TRIGGER t AFTER UPDATE ON stems BEGIN DELETE FROM stems; END",
    "a view": "CREATE VIEW v AS SELECT 1",
    "a table of its own": "CREATE TABLE extra (x)",
    "an index of its own": "CREATE INDEX i ON stems (lower(value))",
    "a table that is missing": "DROP TABLE strokes",
    "no song": "DELETE FROM meta WHERE key = 'song'",
    "no grid": "DELETE FROM meta WHERE key = 'grid'",
    "a number as text": _stem(lambda r: _put(r, pan="left")),
    "a number as a quoted number": _stem(lambda r: _put(r, pan="0.5")),
    "text as a blob": "UPDATE stems SET value = x'ff00ff' WHERE id = 1",
    "text that is not UTF-8": "UPDATE stems SET value = CAST(x'ff00ff' AS TEXT) WHERE id = 1",
    "no JSON": "UPDATE stems SET value = 'hello' WHERE id = 1",
    "JSON a mile deep": lambda c: c.execute(
        "UPDATE meta SET value = ? WHERE key = 'view'", ('{"a":' + "[" * 100_000,)
    ),
    "a view that is a list": "UPDATE meta SET value = '[1]' WHERE key = 'view'",
    "a field we do not know": _stem(lambda r: _put(r, run="rm -rf")),
    "a colour that is markup": _stem(lambda r: _put(r, colour="#<b>abc")),
    "a gain of 10^30 dB": _stem(lambda r: _put(r, gain_db=1e30)),
    "a pan of Infinity": "UPDATE stems SET value = replace(value, '\"pan\":0.0', '\"pan\":Infinity')",
    "a name of a megabyte": _stem(lambda r: _put(r, name="x" * 2**20)),
    "a parent that is missing": _stem(lambda r: _put(r, parent=999)),
    "a parent that was not split": _stem(lambda r: _put(r, parent=2), 5),
    "a stem that is its own parent": _stem(lambda r: _put(r, parent=1)),
    "a circle of stems": lambda c: [_stem(lambda r, n=n: _put(r, parent=3 - n), n)(c) for n in (1, 2)],
    "a mixture with a parent": _stem(lambda r: _put(r, parent=1), 0),
    "no mixture": "DELETE FROM stems WHERE id = 0",
    "a stem with a negative number": "INSERT INTO stems SELECT -5, value FROM stems WHERE id = 1",
    "a split of a stem that is missing": "INSERT INTO splits SELECT 999, value FROM splits WHERE stem = 0",
    "too few owners": _split(lambda r: r["owners"].pop()),
    "an owner that is no child": _split(lambda r: _put(r, owners=[0] * 6)),
    "a residual that is no child": _split(lambda r: _put(r, residual=0)),
    "chances of fewer parts": _split(lambda r: _put(r, chances={"stems": [1], "parts": [[1.0]]})),
    "chances of fewer stems": _split(lambda r: _put(r, chances={"stems": [1, 2], "parts": [[1.0]] * 6})),
    "chances that are none": _split(lambda r: _put(r, chances={"stems": [1], "parts": [[1.5]] * 6})),
    "a locked part that is not there": _split(lambda r: _put(r, locked=[77])),
    "an unknown algorithm": _split(lambda r: r["recipe"].update(algorithm="os.system")),
    "a recipe without an algorithm": _split(lambda r: r["recipe"].pop("algorithm")),
    "a recipe out of its range": _split(lambda r: r["recipe"].update(components=10**9)),
    "a recipe with an unknown parameter": _split(lambda r: r["recipe"].update(path="/etc/passwd")),
    "an unknown kind of parts": _split(lambda r: _put(r, kind="pickle")),
    "parts of another kind": _split(lambda r: _put(r, kind="waveforms")),
    "a header without its grid": _split(lambda r: r["header"].pop("grid")),
    "a mask exponent that is not a number": _split(lambda r: r["header"].update(mask_exponent="nan")),
    "a mask exponent of 0": _split(lambda r: r["header"].update(mask_exponent=0)),
    "masks of an unknown kind": _split(lambda r: _put(r, masking={"kind": "os.system"})),
    "a margin below 1": _split(lambda r: _put(r, masking={"margin": 0.5})),
    "an exponent that is no number": _split(lambda r: _put(r, masking={"exponent": "inf"})),
    "a phase looked for forever": _split(lambda r: _put(r, masking={"phase_iterations": 10**9})),
    "masks with an unknown parameter": _split(lambda r: _put(r, masking={"path": "/etc/passwd"})),
    "an array that is missing": _split(lambda r: r["arrays"].update(templates=999)),
    "arrays that are swapped": _split(lambda r: r["arrays"].update(templates=r["arrays"]["activations"])),
    "a grid with a hop of 0": _meta("grid", lambda r: _put(r, hop=0)),
    "a grid of 2^40": _meta("grid", lambda r: _put(r, fft=2**40)),
    "a song of a thousand years": _meta("sound", lambda r: _put(r, length=2**60)),
    "a song without channels": _meta("sound", lambda r: _put(r, channels=0)),
    "a song with more channels than its stems": _meta("sound", lambda r: _put(r, channels=3)),
    "a sample rate as text": _meta("sound", lambda r: _put(r, sample_rate="44100")),
    "an array that claims 100 GB": "UPDATE arrays SET shape = '[4, 2, 3125000000]'",
    "an array that claims more than 2^64": "UPDATE arrays SET shape = '[1099511627775, 1099511627775, 1099511627775]'",
    "an array of no size": "UPDATE arrays SET shape = '[0]'",
    "an array with a negative size": "UPDATE arrays SET shape = '[2, -2, 8000]'",
    "an array with a size of true": "UPDATE arrays SET shape = '[true, 2, 8000]'",
    "an array with its shape as words": "UPDATE arrays SET shape = 'big'",
    "an array of objects": "UPDATE arrays SET dtype = 'object'",
    "a chunk that is missing": "DELETE FROM chunks WHERE number = 0",
    "a chunk that is too short": "UPDATE chunks SET data = substr(data, 1, 12)",
    "a chunk that is text": "UPDATE chunks SET data = 'text'",
    "a chunk with another number": "UPDATE chunks SET number = 7 WHERE number = 0",
    "W with NaN": _array(lambda v: v.__setitem__(3, np.nan), "float32", 0),
    "H with infinity": _array(lambda v: v.__setitem__(3, np.inf), "float32", 1),
    "H below zero": _array(lambda v: v.__setitem__(3, -1), "float32", 1),
    "W and H so large that their product overflows": lambda c: [
        _array(lambda v: v.fill(1e25), "float32", kind)(c) for kind in (0, 1)
    ],
    "a waveform with NaN": _array(lambda v: v.__setitem__(3, np.nan), "float32", 2),
    "a waveform of 10^20": _array(lambda v: v.__setitem__(3, 1e20), "float32", 2),
    "a mask above 1": _array(lambda v: v.__setitem__(3, 2.0), "float16"),
    "a mask with NaN": _array(lambda v: v.__setitem__(3, np.nan), "float16"),
    "paint above full strength": _tile(np.full((TILE, TILE), 3.0)),
    "paint with NaN": _tile(np.full((TILE, TILE), np.nan)),
    "paint below zero": _tile(np.full((TILE, TILE), -0.5)),
    "a tile that is too small": _tile(np.zeros((8, 8))),
    "a tile that inflates to a gigabyte": lambda c: c.execute(
        "UPDATE tiles SET data = ?", (zlib.compress(bytes(2**27)),)
    ),
    "a tile that is not compressed": "UPDATE tiles SET data = x'00112233'",
    "paint higher than any sound": 'UPDATE tiles SET "row" = 5000 WHERE rowid = 1',
    "paint before the song": 'UPDATE tiles SET "column" = -1 WHERE rowid = 1',
    "paint on the mixture": "UPDATE tiles SET stem = 0 WHERE rowid = 1",
    "paint on a stem that is missing": "UPDATE tiles SET stem = 999 WHERE rowid = 1",
    "paint at a place of text": "UPDATE tiles SET \"row\" = 'x' WHERE rowid = 1",
    "a stroke on a stem that is missing": "UPDATE strokes SET value = replace(value, '\"stem\":', '\"stem\":99')",
    "a stroke of an unknown shape": _stroke(lambda r: _put(r["stroke"], shape="code")),
    "a stroke as high as 10^300 octaves": _stroke(lambda r: _put(r["stroke"], height=1e300)),
    "a stroke a year away": _stroke(lambda r: _put(r["stroke"], points=[[3e7, 440.0]])),
    "a stroke without points": _stroke(lambda r: _put(r["stroke"], points=[])),
    "a stroke of negative width": _stroke(lambda r: _put(r["stroke"], width=-1.0)),
    "a painted melody a year away": _comb(points=[[3e7, 440.0], [3.1e7, 440.0]]),
    "a painted melody that goes back in time": _comb(points=[[2.0, 440.0], [1.0, 440.0]]),
    "a painted melody of negative pitch": _comb(points=[[1.0, -440.0], [2.0, 440.0]]),
    "a painted melody of a million overtones": _comb(partials=1_000_000),
    "a melody that goes back in time": _meta(
        "melody", lambda r: _put(r, runs=[[[2.0, 440.0], [1.0, 440.0]]])
    ),
    "a melody of text": _meta("melody", lambda r: _put(r, runs="la la la")),
    "a room of a thousand loudspeakers": _meta("room", lambda r: _put(r, layout="1000.1")),
    "a stem behind the moon": "UPDATE stems SET value = replace(value, '\"azimuth\":0.0', '\"azimuth\":1e9')",
    "a stem that moves to nowhere": "UPDATE stems SET value = replace(value, '\"move\":null', '\"move\":{}')",
    "a melody of no pitch": _meta("melody", lambda r: _put(r, runs=[[[1.0, 0.0], [2.0, 440.0]]])),
}
ONLY_IN_DEPTH = {
    name
    for name in HOSTILE
    if name.startswith(
        (
            "an array",
            "arrays",
            "a chunk",
            "chances of fewer",
            "W ",
            "H ",
            "a waveform",
            "a mask",
            "paint",
            "a tile",
            "too few",
            "a header",
            "a recipe",
            "an unknown",
            "parts of",
            "a locked",
            "masks",
            "a margin",
            "an exponent",
            "a phase",
            "a song with more",
        )
    )
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_in_one_sentence(what: str, copy: Path, tmp_path: Path) -> None:
    _spoilt(copy, HOSTILE[what])
    error = _refused(copy, tmp_path, both=what not in ONLY_IN_DEPTH)
    assert not {"Input", "JSON", "None", "(char"} & set(error.sentence.replace(".", " ").split())


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("a circle of stems", "in a circle"),
        ("a trigger", "tables that are not ours"),
        ("too few owners", "5 owners do not fit 6 parts"),
        ("an unknown algorithm", "os.system"),
        ("a stroke as high as 10^300 octaves", "larger than any song"),
        ("an array that claims 100 GB", "a part of an array is missing"),
    ],
)
def test_the_sentence_names_what_is_wrong(what: str, words: str, copy: Path, tmp_path: Path) -> None:
    _spoilt(copy, HOSTILE[what])
    assert words in _refused(copy, tmp_path, both=what not in ONLY_IN_DEPTH).sentence


def test_atoms_panned_over_other_channels_than_the_song_has_are_refused() -> None:
    cut, history = small.project(1.0)
    history.do(small.split_edit(cut, 0, small.panned_atoms(cut.state)))
    arrays = list(cut.state.splits[0].estimates.arrays().items())
    record = SplitRecord.of(cut.state.splits[0], {name: n for n, (name, _) in enumerate(arrays)})

    def opened(channels: int) -> Split:
        sound = SoundRecord(sample_rate=small.RATE, channels=channels, length=small.RATE)
        return record.split(lambda number, bounds: arrays[number][1], sound)

    np.testing.assert_array_equal(opened(2).estimates.arrays()["pans"], dict(arrays)["pans"])
    with pytest.raises(ValueError, match="pans"):
        opened(6)


def test_the_good_file_opens_again_and_again(good: Path, tmp_path: Path) -> None:
    before = good.read_bytes()
    for _ in range(2):
        opened = open_project(good, home=tmp_path)
        opened.project.set_mixture(small.song(1.0))
        assert small.sum_error_db(opened.project.state) <= -120
        opened.storage.close()
    assert good.read_bytes() == before
    assert sorted(path.name for path in good.parent.iterdir()) == ["good.stems", "sessions"]


def test_a_file_from_before_masks_could_be_chosen_opens_as_it_was(copy: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(copy)
    _split(lambda r: r.pop("masking"))(connection)
    connection.commit()
    connection.close()
    opened = open_project(copy, home=tmp_path / "home")
    opened.storage.close()
    split = opened.project.state.splits[0]
    assert split.own_masking is None
    assert split.masking == split.estimates.masking


def test_a_newer_version_is_named_as_such(copy: Path, tmp_path: Path) -> None:
    _spoilt(copy, "PRAGMA user_version = 2")
    error = _refused(copy, tmp_path)
    assert "newer StemStudio" in error.sentence
    assert "Update" in error.way_on


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"SQLite format 3\0",
        b"RIFF" + bytes(1000),
        random.Random(0).randbytes(200_000),
        b"SQLite format 3\0" + bytes(5000),
    ],
    ids=["empty", "a byte", "a bare header", "a song", "noise", "zeros"],
)
def test_what_is_no_project_at_all_is_called_that(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "thing.stems"
    path.write_bytes(data)
    assert "is not a StemStudio project" in _refused(path, tmp_path).sentence


def test_somebody_elses_database_is_no_project(tmp_path: Path) -> None:
    path = tmp_path / "mail.stems"
    _spoilt(path, "CREATE TABLE mail (x)")
    assert "is not a StemStudio project" in _refused(path, tmp_path).sentence


def test_a_file_that_is_gone_and_a_folder_are_told_apart_from_damage(tmp_path: Path) -> None:
    assert "not there" in _refused(tmp_path / "gone.stems", tmp_path).sentence
    (tmp_path / "folder.stems").mkdir()
    _refused(tmp_path / "folder.stems", tmp_path)


def test_a_damaged_file_points_to_the_version_before(copy: Path, tmp_path: Path) -> None:
    shutil.copyfile(copy, copy.with_name("copy.stems.bak"))
    with open(copy, "r+b") as file:
        file.truncate(copy.stat().st_size // 2)
    assert "copy.stems.bak" in _refused(copy, tmp_path).way_on


@pytest.mark.parametrize("seed", range(60))
def test_bits_flipped_and_ends_cut_off_give_a_project_or_a_sentence(
    seed: int, good: Path, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    data = bytearray(good.read_bytes())
    how = seed % 3
    if how == 0:
        for _ in range(chance.randrange(1, 40)):
            data[chance.randrange(100, len(data))] ^= 1 << chance.randrange(8)
    elif how == 1:
        del data[chance.randrange(100, len(data)) :]
    else:
        start = chance.randrange(100, len(data) - 5000)
        data[start : start + 4000] = chance.randbytes(4000)
    path = tmp_path / "copy.stems"
    path.write_bytes(data)
    start_time = time.monotonic()
    try:
        opened = open_project(path, home=tmp_path / "sessions")
    except StemStudioError as error:
        opened, sentence = None, error.sentence
    if opened is None:
        assert sentence.startswith("“copy.stems” ")
        assert not list(tmp_path.glob("sessions/*"))
    else:
        opened.project.set_mixture(small.song(1.0))
        for sound in small.dense(opened.project.state).values():
            assert np.isfinite(sound).all()
        opened.storage.save(tmp_path / "saved.stems")
        opened.storage.close()
    assert time.monotonic() - start_time < 5


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
def test_claims_of_size_are_not_believed_before_the_bytes_are_seen(copy: Path, tmp_path: Path) -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _spoilt(copy, HOSTILE["an array that claims 100 GB"], HOSTILE["a tile that inflates to a gigabyte"])
    _refused(copy, tmp_path, both=False)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


def test_a_header_that_lies_about_the_size_of_the_file_is_noticed(copy: Path, tmp_path: Path) -> None:
    with open(copy, "r+b") as file:
        file.seek(28)
        file.write(struct.pack(">I", 2**30))
    assert "damaged" in _refused(copy, tmp_path).sentence


def test_a_strangers_file_does_not_make_us_ask_another_machine(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _spoilt(
        copy,
        _meta("song", lambda r: _put(r, path="\\\\evil\\share\\song.wav", relative="//evil/share/song.wav")),
    )
    asked: list[str] = []
    is_file = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda self: asked.append(str(self)) or is_file(self))
    opened = open_project(copy, home=tmp_path / "sessions")
    opened.storage.close()
    assert opened.song is None
    assert not any("evil" in path for path in asked)


def test_a_song_path_that_is_a_device_does_not_hang(copy: Path, tmp_path: Path) -> None:
    _spoilt(copy, _meta("song", lambda r: _put(r, path="/dev/zero", relative="")))
    opened = open_project(copy, home=tmp_path / "sessions")
    opened.storage.close()
    assert opened.song_missing is not None
    assert opened.song_missing.path == "/dev/zero"


def test_a_song_that_turned_out_shorter_than_its_stems_and_paint_still_opens(
    copy: Path, tmp_path: Path
) -> None:
    _spoilt(copy, _meta("sound", lambda r: _put(r, length=r["length"] // 2)))
    opened = open_project(copy, home=tmp_path / "sessions")
    opened.project.set_mixture(small.song(0.5))
    assert small.sum_error_db(opened.project.state) <= -120
    opened.storage.close()


def test_paint_without_end_is_refused(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stemstudio.project.contents.MOST_TILES", 2)
    assert "more paint" in _refused(copy, tmp_path, both=False).sentence
