"""What an export can hold beside stems and mix, at which level and rate, and what it does with bad input."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import mixture
from taken_apart import leaves, taken_apart

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.hpss import HPSS
from stemstudio.audio import targets
from stemstudio.audio.audio import Audio
from stemstudio.audio.headers import channel_mask
from stemstudio.audio.loudness import integrated_lufs
from stemstudio.audio.reading import probe, read_song
from stemstudio.audio.tags import Tags
from stemstudio.errors import StemStudioError, UnwritableFile
from stemstudio.mixing.export import ExportOrder, export
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.mixing.order import Group
from stemstudio.mixing.pace import Pace
from stemstudio.mixing.plan import file_names, sizes, suggested_groups
from stemstudio.mixing.remix import write_remix
from stemstudio.mixing.surround import write_upmix
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.project import Project


@pytest.fixture(scope="module")
def song() -> Audio:
    return mixture(2.0, 44100)[0]


@pytest.fixture
def project(song: Audio) -> Project:
    return taken_apart(song, ("Lead vocals", "drums"))


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float64", always_2d=True)[0].T


def test_the_song_without_a_stem_and_groups_add_up(project: Project, song: Audio, tmp_path: Path) -> None:
    voice, drums, residual = leaves(project)
    instrumental, capella = suggested_groups(project.state)
    assert (instrumental.stems, capella.stems) == ((drums, residual), (voice,))
    order = ExportOrder(
        tmp_path,
        (voice,),
        subtype="float",
        without=(voice,),
        groups=(instrumental, capella),
        template="{stem}",
    )
    report = export(project.state, order)
    assert sorted(os.listdir(tmp_path)) == [
        "Lead vocals.wav", "a cappella.wav", "instrumental.wav", "without Lead vocals.wav",
    ]  # fmt: skip
    sung, without = read(tmp_path / "Lead vocals.wav"), read(tmp_path / "without Lead vocals.wav")
    assert np.abs(sung + without - song.samples).max() < 1e-6
    np.testing.assert_allclose(read(tmp_path / "instrumental.wav"), without, atol=1e-6)
    np.testing.assert_array_equal(read(tmp_path / "a cappella.wav"), sung)
    assert np.abs(without).max() > 0.01
    assert report.names["group 0"] == "instrumental"


def test_nothing_is_suggested_where_nobody_sings(song: Audio) -> None:
    assert suggested_groups(taken_apart(song).state) == ()
    assert suggested_groups(taken_apart(song, ("vocals",)).state) == ()  # the rest is only a residual


def test_another_rate_keeps_the_length_in_seconds(project: Project, song: Audio, tmp_path: Path) -> None:
    report = export(project.state, ExportOrder(tmp_path, leaves(project), rate=48000, subtype="float"))
    total = sum(read(path) for path in report.files.values())
    assert total.shape == (2, 96_000)
    import soxr

    expected = soxr.resample(song.samples.T, 44100, 48000, quality="VHQ").T
    assert np.abs(total - expected).max() < 1e-5
    assert any("sample rate is another" in note for note in report.notes)
    odd = export(
        project.state, ExportOrder(tmp_path / "odd", leaves(project)[:1], rate=8000, start=1, stop=1000)
    )
    assert read(*odd.files.values()).shape == (2, -(-999 * 8000 // 44100))


def test_loudness_is_common_or_each_one_s_own(project: Project, tmp_path: Path) -> None:
    told: list[str] = []
    common = export(
        project.state,
        ExportOrder(
            tmp_path / "a", leaves(project), mix=True, gain="common loudness", lufs=-20, subtype="float"
        ),
        progress=Progress(lambda _, message: told.append(message)),
    )
    assert told[0] == "Getting ready to measure loudness"  # some seconds, the first time
    heard = {key: integrated_lufs(read_song(path)) for key, path in common.files.items()}
    assert max(heard.values()) == pytest.approx(-20, abs=0.05)
    assert max(heard, key=lambda key: heard[key]) == "mix"
    assert len(set(common.gains_db.values())) == 1
    assert common.null_db is not None
    assert common.null_db < -110
    each = export(
        project.state,
        ExportOrder(tmp_path / "b", leaves(project), gain="each loudness", lufs=-23, subtype="float"),
    )
    for path in each.files.values():
        assert integrated_lufs(read_song(path)) == pytest.approx(-23, abs=0.05)
    assert each.null_db is None
    assert any("gain of its own" in note for note in each.notes)
    peaks = export(project.state, ExportOrder(tmp_path / "c", leaves(project), gain="each peak", peak_db=-6))
    assert [round(peak, 4) for peak in peaks.peaks.values()] == [round(10 ** (-6 / 20), 4)] * 3


def time_reference(path: Path) -> int | None:
    """The place of a WAV file's first sample on the time line, as EBU Tech 3285 has it in the chunk “bext”."""
    data = path.read_bytes()
    chunk = data.find(b"bext")
    if chunk < 0:
        return None
    before = 256 + 32 + 32 + 10 + 8  # description, originator, its reference, date, time
    return int.from_bytes(data[chunk + 8 + before : chunk + 8 + before + 8], "little")


def test_at_another_tempo_and_key_stems_make_the_mix(project: Project, song: Audio, tmp_path: Path) -> None:
    voice, drums, residual = leaves(project)
    order = ExportOrder(
        tmp_path, (voice, drums, residual), mix=True, subtype="float", without=(voice,), template="{stem}",
        groups=(Group("band", (drums, residual)),), start=22_050, pace=Pace(0.8, -2), data=("report",),
    )  # fmt: skip
    report = export(project.state, order, Tags(title="Tune"), song="Tune")
    name = "Lead vocals (tempo 80 %, key -2)"
    assert report.files[voice].name == f"{name}.wav"
    assert probe(report.files[voice]).tags.title == "Tune - Lead vocals (tempo 80 %, key -2)"
    assert time_reference(report.files[voice]) == round(22_050 / 0.8)
    sounds = {key: read(path) for key, path in report.files.items() if key != "report"}
    length = order.frames(project.state)
    assert length == pytest.approx((song.length - 22_050) / 0.8, abs=1)
    assert {sound.shape for sound in sounds.values()} == {(2, length)}
    total = sounds[voice] + sounds[drums] + sounds[residual]
    np.testing.assert_allclose(total, sounds["mix"], atol=1e-6)
    np.testing.assert_allclose(sounds["group 0"], total - sounds[voice], atol=1e-6)
    np.testing.assert_allclose(sounds[f"without {voice}"], total - sounds[voice], atol=1e-6)
    assert np.std(total) == pytest.approx(np.std(song.samples[:, 22_050:]), rel=0.2)
    assert report.null_db is None, "there is no recording to null against"
    assert any("stretched by itself" in note for note in report.notes)
    record = json.loads(report.files["report"].read_text(encoding="utf-8"))
    assert (record["tempo"], record["key"]) == (0.8, -2)
    whole = ExportOrder(tmp_path / "mix", mix=True, subtype="float", pace=Pace(0.8, -2))
    mix = read(*export(project.state, whole).files.values())
    write_remix(project.state, tmp_path / "r.wav", format="wav", subtype="float", pace=Pace(0.8, -2))
    np.testing.assert_allclose(mix, read(tmp_path / "r.wav"), atol=1e-6)


def test_every_wav_says_where_it_begins(project: Project, tmp_path: Path) -> None:
    first = leaves(project)[:1]
    whole = export(project.state, ExportOrder(tmp_path / "a", first))
    part = export(project.state, ExportOrder(tmp_path / "b", first, start=12_345))
    assert time_reference(*whole.files.values()) == 0
    assert time_reference(*part.files.values()) == 12_345
    other = export(project.state, ExportOrder(tmp_path / "c", first, start=44_100, rate=48_000))
    assert time_reference(*other.files.values()) == 48_000
    flac = export(project.state, ExportOrder(tmp_path / "d", first, format="flac"))
    assert time_reference(*flac.files.values()) is None


def test_sizes_are_said_before(project: Project, tmp_path: Path) -> None:
    order = ExportOrder(tmp_path, leaves(project), mix=True, data=("report",))
    said = sizes(order, project.state, "x")
    written = export(project.state, order, song="x")
    assert said.pop("report") == ("x - report.json", None)
    for key, (name, expected) in said.items():
        assert written.files[key].name == name
        assert expected is not None
        assert written.files[key].stat().st_size == pytest.approx(expected, rel=0.01)
    for format, subtype in (("mp3", "320"), ("m4a", "128"), ("flac", None)):
        order = ExportOrder(tmp_path / format, leaves(project), format=format, subtype=subtype)
        files = export(project.state, order).files
        for key, (_, expected) in sizes(order, project.state, "x").items():
            assert expected is not None
            assert 0.5 < files[key].stat().st_size / expected < 2, (format, key)


def test_a_stem_of_no_numbers_does_not_silence_the_mix(song: Audio, tmp_path: Path) -> None:
    project = taken_apart(song)
    waves = np.zeros((2, *song.samples.shape), dtype=np.float32)
    waves[0, :, 100:200] = np.nan
    waves[1] = 0.25
    edits.split(project, 0, HPSS(), Waveforms(("broken", "whole"), waves)).do(project)
    broken, whole, residual = leaves(project)
    edits.set_stem(project.state, residual, "", mute=True).do(project)
    report = export(
        project.state, ExportOrder(tmp_path, (broken, whole), mix=True, subtype="float", template="{stem}")
    )
    np.testing.assert_array_equal(read(tmp_path / "mix.wav"), 0.25)
    assert not read(tmp_path / "broken.wav").any()
    assert any("400 samples" in note and "no numbers" in note for note in report.notes)
    remix = write_remix(project.state, tmp_path / "remix.wav", format="wav", subtype="float")
    assert remix.notes == ("400 samples of stems were no numbers and became silence.",)
    upmix = write_upmix(project.state, tmp_path / "room.wav", subtype="float")
    assert read(tmp_path / "room.wav")[:, 100:200].any()
    assert any("no numbers" in note for note in upmix.notes)
    masks = export(project.state, ExportOrder(tmp_path, data=("masks", "pictures"))).files["masks"]
    shares = np.load(masks)["masks"]
    assert np.isfinite(shares).all()


def test_silence_is_written_as_silence_at_any_level(song: Audio, tmp_path: Path) -> None:
    project = taken_apart(Audio(np.zeros_like(song.samples), 44100))
    for gain in ("common peak", "each loudness"):
        order = ExportOrder(tmp_path / gain, leaves(project), mix=True, gain=gain)
        for path in export(project.state, order).files.values():
            assert not read(path).any()


def test_stems_shorter_and_longer_than_the_song_are_as_long_as_it(song: Audio, tmp_path: Path) -> None:
    for length in (song.length // 2, song.length + 5000):
        project = taken_apart(song)
        waves = np.full((1, 2, length), 0.1, dtype=np.float32)
        edits.split(project, 0, HPSS(), Waveforms(("odd",), waves)).do(project)
        report = export(project.state, ExportOrder(tmp_path / str(length), leaves(project), subtype="float"))
        assert {read(path).shape for path in report.files.values()} == {song.samples.shape}
        assert report.null_db is not None
        assert report.null_db < -120


def test_a_folder_that_cannot_be_written_to_is_one_sentence(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ExportOrder(tmp_path / "out", leaves(project), data=("report",))
    touch = Path.touch

    def refuse(path: Path, *args: object, **options: object) -> None:
        if path.suffix == ".part":
            raise PermissionError(13, "Permission denied")
        touch(path)

    with monkeypatch.context() as patch:
        patch.setattr(
            Path, "touch", refuse
        )  # as a folder that is read-only; root may write to one all the same
        with pytest.raises(UnwritableFile, match="permission denied"):
            export(project.state, order)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnwritableFile, match="cannot be made"):
        export(project.state, replace(order, folder=tmp_path / "file" / "below"))


def test_a_folder_that_vanishes_in_between_is_one_sentence(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    order = ExportOrder(tmp_path / "out", leaves(project))
    replace_file = os.replace

    def gone(source: Path, target: Path) -> None:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", gone)
    with pytest.raises(UnwritableFile, match="no such file"):
        export(project.state, order)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_before_and_leaves_nothing_when_it_comes_late(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ExportOrder(tmp_path / "out", leaves(project), data=("labels",))
    usage = targets.shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(targets.shutil, "disk_usage", lambda _: usage._replace(free=1000))
        with pytest.raises(UnwritableFile, match="Free some space"):
            export(project.state, order)
        one = 2 * 3 * project.state.mixture.length  # 24 bits of stereo
        patch.setattr(targets.shutil, "disk_usage", lambda _: usage._replace(free=2**20 + 2 * one))
        with pytest.raises(UnwritableFile, match="all files together need"):
            export(project.state, order)  # each of the three would have its room
        with pytest.raises(UnwritableFile, match="it needs"):
            export(project.state, replace(order, stems=leaves(project)[:2], package="dawproject", data=()))
    written = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.suffix == ".part":
            raise OSError(28, "No space left on device")
        return written(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UnwritableFile, match="no space left"):
        export(project.state, order)
    assert list(tmp_path.iterdir()) == []


def test_no_name_leaves_the_folder(project: Project, tmp_path: Path) -> None:
    order = ExportOrder(
        tmp_path / "in", leaves(project), groups=(Group("../../up", leaves(project)),), template="{song} {stem}",
        data=("report",), package="rpp", name="../../out",
    )  # fmt: skip
    report = export(project.state, order, song="..")
    assert {path.parent for path in report.files.values()} == {tmp_path / "in"}
    assert sorted(os.listdir(tmp_path)) == ["in"]
    assert len(os.listdir(tmp_path / "in")) == 6


def test_names_differ_across_kinds_too(project: Project, tmp_path: Path) -> None:
    order = ExportOrder(
        tmp_path, leaves(project), template="same", data=("labels", "report"), name="same", package="rpp"
    )
    names = list(file_names(order, project.state, "x").values())
    assert names == ["same.rpp", "same.wav", "same 2.wav", "same 3.wav", "same.txt", "same.json"]


def test_stems_that_are_not_there_are_refused(project: Project, tmp_path: Path) -> None:
    for order in (ExportOrder(tmp_path, without=(99,)), ExportOrder(tmp_path, groups=(Group("x", (99,)),))):
        with pytest.raises(StemStudioError, match="no stem with the number 99"):
            export(project.state, order)
    assert list(tmp_path.iterdir()) == []


def test_the_upmix_has_its_channels_and_says_so(project: Project, tmp_path: Path) -> None:
    report = export(project.state, ExportOrder(tmp_path, upmix=True, subtype="float"), song="s")
    path = report.files["upmix"]
    assert path.name == "s - upmix 5.1.wav"
    assert read(path).shape == (6, project.state.mixture.length)
    layout = LAYOUTS["5.1"]
    assert channel_mask(path) == layout.mask
    alone = write_upmix(project.state, tmp_path / "alone.wav", subtype="float")
    np.testing.assert_allclose(read(path), read(alone.files[0]), atol=1e-6)
    apart = export(project.state, ExportOrder(tmp_path, upmix_apart=True, subtype="float"), song="s")
    assert [file.name for file in apart.files.values()] == [
        f"s - upmix 5.1 {name}.wav" for name in ("L", "R", "C", "LFE", "Ls", "Rs")
    ]
    np.testing.assert_array_equal(np.concatenate([read(file) for file in apart.files.values()]), read(path))
    with pytest.raises(UnwritableFile, match="MP3 holds at most 2 channels"):
        export(project.state, ExportOrder(tmp_path, upmix=True, format="mp3"))
