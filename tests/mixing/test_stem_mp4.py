"""Stems for decks: the file's boxes are parsed back here, its streams decoded, and a damaged one is a sentence."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from signals import mixture
from taken_apart import leaves, taken_apart

from stemstudio.algorithms.own_stems import OwnStems
from stemstudio.audio import encoders, targets
from stemstudio.audio.audio import Audio
from stemstudio.audio.mp4_boxes import packed
from stemstudio.audio.reading import probe, read_song
from stemstudio.audio.stem_streams import decode_stems, read_entries
from stemstudio.audio.tags import Tags
from stemstudio.errors import StemStudioError, UnreadableSong, UnwritableFile
from stemstudio.mixing.export import ExportOrder, export
from stemstudio.mixing.stem_mp4 import streams_of
from stemstudio.progress import Cancelled, Progress
from stemstudio.project import edits
from stemstudio.project.own_stems import with_own_stems
from stemstudio.project.project import Project, SongReference
from stemstudio.project.rendering import render_leaves
from stemstudio.spectral.stft import StftSettings

NAMES = ("vocals", "drums", "bass", "other")
COVER = b"\xff\xd8\xff\xe0" + bytes(60)
TAGS = Tags(title="Étude", artist="Nobody", cover=COVER, cover_mime="image/jpeg")


@pytest.fixture(scope="module")
def song() -> Audio:
    return mixture(2.0, 44100)[0]


@pytest.fixture(scope="module")
def project(song: Audio) -> Project:
    return taken_apart(song, NAMES)


@pytest.fixture(scope="module")
def exact(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project in ALAC."""
    folder = tmp_path_factory.mktemp("stems")
    order = ExportOrder(folder, package="stem-mp4", subtype="alac")
    return export(project.state, order, TAGS, song="Étude").files["package"]


def tree(
    data: bytes, inside: tuple[bytes, ...] = (b"moov", b"udta", b"trak", b"mdia")
) -> list[tuple[bytes, Any]]:
    """Boxes as (kind, content), content being boxes again where there are some; the sizes must add up exactly."""
    found = []
    place = 0
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        assert 8 <= size <= len(data) - place, kind
        content = data[place + 8 : place + size]
        found.append((kind, tree(content) if kind in inside else content))
        place += size
    return found


def only(boxes: list[tuple[bytes, Any]], kind: bytes) -> Any:
    (content,) = [content for name, content in boxes if name == kind]
    return content


def test_the_stem_box_says_names_and_colours(project: Project, exact: Path) -> None:
    assert exact.name == "Étude.stem.mp4"
    moov = only(tree(exact.read_bytes()), b"moov")
    assert [kind for kind, _ in moov].count(b"trak") == 5
    told = json.loads(only(only(moov, b"udta"), b"stem"))
    assert told["version"] == 1
    colours = [leaf.colour for leaf in project.state.leaves()]
    assert told["stems"] == [
        {"name": name, "color": colour.upper()} for name, colour in zip(NAMES, colours, strict=False)
    ]
    assert set(told["mastering_dsp"]) == {"compressor", "limiter"}
    assert not any(each["enabled"] for each in told["mastering_dsp"].values())
    enabled = [only(track, b"tkhd")[3] & 1 for kind, track in moov if kind == b"trak"]
    assert enabled == [1, 0, 0, 0, 0], "other players hear the song alone"


def test_the_streams_are_the_song_and_four_stems_that_add_up_to_it(
    project: Project, song: Audio, exact: Path
) -> None:
    whole = read_song(exact)
    assert np.abs(whole.samples - song.samples).max() < 2**-22
    stems, notes = decode_stems(exact, 4, 2, 44100, song.length, Progress())
    assert notes == ()
    assert np.abs(stems.sum(axis=0) - song.samples).max() < 2**-20
    rendered = render_leaves(project.state, 0, song.length)
    for stem, leaf in zip(stems[:3], leaves(project)[:3], strict=True):
        assert np.abs(stem - rendered[leaf]).max() < 2**-22
    assert (probe(exact).tags.title, probe(exact).tags.artist, probe(exact).tags.cover) == (
        "Étude",
        "Nobody",
        COVER,
    )


def test_aac_keeps_length_and_place(project: Project, song: Audio, tmp_path: Path) -> None:
    report = export(project.state, ExportOrder(tmp_path, leaves(project), package="stem-mp4"), song="s")
    path = report.files["package"]
    assert probe(path).codec == "aac"
    assert read_song(path).length == song.length
    stems, _ = decode_stems(path, 4, 2, 44100, song.length, Progress())
    drums = render_leaves(project.state, 0, song.length)[leaves(project)[1]]
    lags = [
        float(np.sum(stems[1][:, 2000 + lag : 60_000 + lag] * drums[:, 2000:60_000]))
        for lag in range(-20, 21)
    ]
    assert int(np.argmax(lags)) == 20
    assert report.null_db is not None
    assert report.null_db < -120


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="there is no ffprobe here")
def test_ffprobe_sees_five_stereo_streams(exact: Path) -> None:
    told = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "a", "-show_streams", "-of", "json", str(exact)],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    streams = json.loads(told.stdout)["streams"]
    assert [(one["codec_name"], one["channels"], one["sample_rate"]) for one in streams] == [
        ("alac", 2, "44100")
    ] * 5
    assert [one["disposition"]["default"] for one in streams] == [1, 0, 0, 0, 0]
    assert {one["duration"] for one in streams} == {"2.000000"}
    assert [one["tags"]["handler_name"] for one in streams] == ["Étude", *NAMES]


def test_more_than_four_stems_are_gathered_and_fewer_leave_silence(song: Audio, tmp_path: Path) -> None:
    def named(*stems: str, chosen: int | None = None) -> tuple[list[str], str]:
        project = taken_apart(Audio(song.samples[:, :4096], 44100), stems)
        order = ExportOrder(tmp_path, leaves(project)[:chosen])
        parts, note = streams_of(project.state, order)
        return [part.name for part in parts[1:]], note

    assert named(*NAMES) == (list(NAMES), "Decks have four stems: “other” holds other and residual.")
    six, note = named("vocals", "drums", "bass", "guitar", "piano", "other")
    assert six == ["vocals", "drums", "bass", "guitar + piano + other"]
    assert note == (
        "Decks have four stems: “guitar + piano + other” holds guitar, piano, other and residual."
    )
    assert named("a", "b") == (["a", "b", "residual", "empty"], "Decks have four stems: 1 of them is silent.")
    assert named("a", "b", "c", chosen=2) == (
        ["a", "b", "rest", "empty"],
        "Decks have four stems: 1 of them is silent.",
    )
    assert named(*NAMES, "e", chosen=4)[0] == ["vocals", "drums", "bass", "other"]
    assert "holds other and the rest of the song" in named(*NAMES, "e", chosen=4)[1]
    whole = Project(song, SongReference("x.wav", "", "x"), StftSettings())
    parts, _ = streams_of(whole.state, ExportOrder(tmp_path))
    assert [part.name for part in parts] == ["the song", "rest", "empty", "empty", "empty"]


def test_a_stem_and_what_it_was_split_into_are_not_both_taken(song: Audio, tmp_path: Path) -> None:
    project = taken_apart(song, ("a", "b"))
    a, b, residual = leaves(project)
    from stemstudio.algorithms.estimates import Waveforms
    from stemstudio.algorithms.hpss import HPSS

    half = 0.5 * render_leaves(project.state, 0, song.length)[a][None]
    edits.split(project, a, HPSS(), Waveforms(("half",), half)).do(project)
    parts, _ = streams_of(project.state, ExportOrder(tmp_path, (a, *leaves(project))))
    assert [part.stems for part in parts[1:]] == [(a,), (b,), (residual,), ()]


def test_mono_and_odd_rates_become_stereo_at_a_rate_decks_take(tmp_path: Path) -> None:
    project = taken_apart(mixture(1.0, 22050, channels=1)[0], ("low",))
    report = export(project.state, ExportOrder(tmp_path, package="stem-mp4", subtype="alac"), song="s")
    info = probe(report.files["package"])
    assert (info.sample_rate, info.channels, info.frames_estimate) == (44100, 2, 44100)
    assert any("22050 Hz" in note for note in report.notes)
    sound = read_song(report.files["package"]).samples
    assert np.abs(sound[0] - sound[1]).max() < 2**-21  # dither alone


def test_what_it_cannot_be_is_refused_and_leaves_nothing(project: Project, tmp_path: Path) -> None:
    order = ExportOrder(tmp_path / "x", package="stem-mp4", gain="each peak")
    with pytest.raises(StemStudioError, match="cannot have a gain each"):
        export(project.state, order)
    with pytest.raises(StemStudioError, match="not written as “mp3”"):
        export(project.state, ExportOrder(tmp_path / "x", package="stem-mp4", subtype="mp3"))

    def stop(fraction: float, _: str) -> None:
        if fraction > 0:
            progress.cancel()

    progress = Progress(stop)
    with pytest.raises(Cancelled):
        export(
            project.state,
            ExportOrder(tmp_path / "x", package="stem-mp4", gain="common peak"),
            progress=progress,
        )
    assert list(tmp_path.iterdir()) == []


def opened(path: Path) -> Project:
    mixed = read_song(path)
    project = Project(mixed, SongReference(str(path), "", "x"), StftSettings())
    recipe = OwnStems(file=str(path))
    estimates, entries, _ = recipe.read(mixed, Progress())
    with_own_stems(project, recipe, estimates, entries).do(project)
    return project


def test_what_was_written_is_opened_with_its_stems(project: Project, song: Audio, exact: Path) -> None:
    back = opened(exact)
    assert [leaf.name for leaf in back.state.leaves()] == [*NAMES, "residual"]
    expected = [leaf.colour for leaf in project.state.leaves()][:4]
    assert [leaf.colour for leaf in back.state.leaves()][:4] == expected
    sounds = render_leaves(back.state, 0, song.length)
    assert np.abs(sum(sounds.values()) - read_song(exact).samples).max() < 1e-6
    drums = render_leaves(project.state, 0, song.length)[leaves(project)[1]]
    np.testing.assert_allclose(list(sounds.values())[1], drums, atol=1e-6)


def test_silent_streams_are_no_stems(song: Audio, tmp_path: Path) -> None:
    project = taken_apart(song, ("low",))
    path = export(project.state, ExportOrder(tmp_path, package="stem-mp4", subtype="alac"), song="s").files[
        "package"
    ]
    assert [entry.name for entry in read_entries(path)] == ["low", "residual", "empty", "empty"]
    names = [leaf.name for leaf in opened(path).state.leaves()]
    assert names[0] == "low"
    assert len(names) == 3


def test_a_song_without_stems_has_none(exact: Path, song: Audio, tmp_path: Path) -> None:
    from stemstudio.audio.writing import write_audio

    write_audio(tmp_path / "x.m4a", song, format="m4a")
    assert read_entries(tmp_path / "x.m4a") == ()
    (tmp_path / "x.wav").write_bytes(b"RIFF" + bytes(100))
    assert read_entries(tmp_path / "x.wav") == ()


@pytest.mark.parametrize(
    "content",
    [b"", b"no json", b"[]", b'{"stems": 3}', b'{"stems": []}', b'{"stems": [1]}', b'{"version": 1}', b"[" * 5000,
     b'{"stems": [{}, {}, {}, {}, {}]}'],
)  # fmt: skip
def test_a_box_that_says_nothing_sensible_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.stem.mp4"
    path.write_bytes(packed(b"ftyp", b"isom") + packed(b"moov", packed(b"udta", packed(b"stem", content))))
    with pytest.raises(UnreadableSong, match="what it says of its stems is damaged"):
        read_entries(path)


def test_names_and_colours_of_strangers_are_made_harmless(tmp_path: Path) -> None:
    path = tmp_path / "odd.stem.mp4"
    stems = [{"name": "a\n\x00b" * 100, "color": "red; drop"}, {"color": 5}]
    content = json.dumps({"stems": stems}).encode() + b"\0\0"
    path.write_bytes(packed(b"moov", packed(b"udta", packed(b"stem", content))))
    first, second = read_entries(path)
    assert first.name == ("ab" * 100)[:100]
    assert (first.colour, second.name, second.colour) == ("", "Stem 2", "")


def test_a_damaged_file_is_a_sentence_or_a_result(exact: Path, tmp_path: Path) -> None:
    data = exact.read_bytes()
    moov = data.rindex(b"moov") - 4
    rng = np.random.default_rng(3)
    path = tmp_path / "damaged.stem.mp4"
    outcomes = set()
    for trial in range(24):
        changed = bytearray(data)
        if trial % 3 == 0:
            changed = changed[: int(rng.integers(100, len(data)))]
        else:
            low, high = (moov, len(data)) if trial % 3 == 1 else (40, moov)
            for place in rng.integers(low, high, 40):
                changed[place] = int(rng.integers(256))
        path.write_bytes(changed)
        try:
            if not read_entries(path):
                outcomes.add("none")
                continue
            waves, _ = decode_stems(path, 4, 2, 44100, 88_200, Progress())
            assert np.isfinite(waves).all()
            outcomes.add("stems")
        except UnreadableSong:
            outcomes.add("sentence")
    assert {"stems", "sentence"} <= outcomes


def test_streams_that_are_missing_or_short_are_said(exact: Path, song: Audio, tmp_path: Path) -> None:
    with pytest.raises(UnreadableSong, match="it names 9 stems and holds 4"):
        decode_stems(exact, 9, 2, 44100, song.length, Progress())
    with pytest.raises(UnreadableSong, match="sample rate of their own"):
        decode_stems(exact, 4, 2, 48000, song.length, Progress())
    longer, notes = decode_stems(exact, 4, 2, 44100, song.length + 44100, Progress())
    assert not longer[:, :, song.length :].any()
    assert notes == ("A stem ends 1.0 s before the song; the rest of it is silent.",)
    cut, notes = decode_stems(exact, 4, 2, 44100, 5000, Progress())
    assert (cut.shape, notes) == ((4, 2, 5000), ())
    mono, _ = decode_stems(exact, 2, 1, 44100, song.length, Progress())
    assert mono.shape == (2, 1, song.length)


def test_a_full_disk_leaves_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ExportOrder(tmp_path / "x", package="stem-mp4")
    usage = targets.shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(targets.shutil, "disk_usage", lambda _: usage._replace(free=1000))
        with pytest.raises(UnwritableFile, match="Free some space"):
            export(project.state, order)

    def full(file: encoders._ForgivingFile) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(encoders._ForgivingFile, "check", full)
    with pytest.raises(UnwritableFile, match="no space left"):
        export(project.state, order)
    assert list(tmp_path.iterdir()) == []
