"""The room at another pace: it folds down to the mix at that pace, and who moves arrives when the music does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import mixture

from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.audio.audio import Audio
from stemstudio.mixing.arrangements import arrangement_named
from stemstudio.mixing.export import ExportOrder, export
from stemstudio.mixing.folddown import folded
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.mixing.pace import Pace
from stemstudio.mixing.remix import write_remix
from stemstudio.mixing.surround import write_upmix
from stemstudio.progress import Cancelled, Progress
from stemstudio.project import edits
from stemstudio.project.placing import put_in_places, set_room
from stemstudio.project.project import Project, SongReference
from stemstudio.project.room import Move, Place
from stemstudio.spectral.stft import StftSettings

RATE = 22050
LAYOUT = LAYOUTS["5.1"]
SLOWER = Pace(0.8, -2)


def project_of(song: Audio, stems: dict[str, Audio]) -> Project:
    project = Project(song, SongReference("song.wav", "", "Song"), StftSettings())
    waves = np.stack([stem.samples for stem in stems.values()])
    edits.split(project, 0, ByHand(), Waveforms(list(stems), waves), stems=list(stems)).do(project)
    return project


@pytest.fixture
def project() -> Project:
    """A band on a stage, folding down to its stereo, with a fader, a curve, a muted stretch and reverb."""
    project = project_of(*mixture(7.0, RATE))
    stage = arrangement_named("stage").of(project.state)
    for edit in (
        put_in_places(project.state, stage, "Stage"),
        set_room(project.state, "Room", layout="5.1", fold_safe=True),
    ):
        assert edit is not None
        edit.do(project)
    leaves = {leaf.name: leaf.id for leaf in project.state.leaves()}
    edits.set_stem(project.state, leaves["bass"], "Gain", gain_db=-6.0, mutes=((1.0, 2.0),)).do(project)
    edits.set_stem(project.state, leaves["drums"], "Curve", envelope=((4.5, 1.0), (5.5, 0.1))).do(project)
    edits.set_stem(project.state, leaves["lead"], "Reverb", reverb_db=-6.0, pan=0.3).do(project)
    return project


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def test_it_folds_down_to_the_mix_at_that_pace(project: Project, tmp_path: Path) -> None:
    upmix = write_upmix(project.state, tmp_path / "room.wav", subtype="float", pace=SLOWER)
    room = read(*upmix.files)
    assert room.shape == (6, SLOWER.length(7 * RATE))
    assert all(row.null_db < -100.0 for row in upmix.fold)
    assert [row.name for row in upmix.fold][-2:] == ["Reverb and delay", "All together"]
    mix = write_remix(project.state, tmp_path / "mix.wav", format="wav", subtype="float", pace=SLOWER)
    np.testing.assert_allclose(folded(LAYOUT, room), read(mix.path), atol=1e-5)
    assert np.abs(room[4:]).max() > 0.01, "nothing behind"
    assert np.abs(room[3]).max() > 0.001, "no lows"


def test_the_export_of_a_stretch_writes_the_same_with_the_mix(project: Project, tmp_path: Path) -> None:
    order = ExportOrder(
        tmp_path / "a", mix=True, upmix=True, subtype="float", start=RATE, stop=6 * RATE, pace=SLOWER
    )
    report = export(project.state, order, song="s")
    assert report.files["upmix"].name == "s - upmix 5.1 (tempo 80 %, key -2).wav"
    room = read(report.files["upmix"])
    assert room.shape == (6, SLOWER.length(5 * RATE))
    np.testing.assert_allclose(folded(LAYOUT, room), read(report.files["mix"]), atol=1e-5)
    alone = write_upmix(
        project.state, tmp_path / "alone.wav", subtype="float", start=RATE, stop=6 * RATE, pace=SLOWER
    )
    np.testing.assert_allclose(room, read(*alone.files), atol=1e-5)
    apart = export(project.state, replace(order, upmix=False, mix=False, upmix_apart=True), song="s")
    np.testing.assert_array_equal(np.concatenate([read(path) for path in apart.files.values()]), room)


@pytest.mark.parametrize("tempo", [0.5, 2.0])
def test_who_moves_arrives_when_the_music_does(tempo: float, tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal((1, 4 * RATE)).astype(np.float32)
    song = Audio(np.repeat(noise, 2, axis=0), RATE)
    project = project_of(song, {"noise": song})
    stem = project.state.leaves()[0].id
    there = Move(azimuth=110.0, start=1.0, stop=3.0)
    place = Place(azimuth=-30.0, width=0.0, lfe_db=None, move=there)
    for edit in (
        put_in_places(project.state, {stem: place}, "Move"),
        set_room(project.state, "Room", layout="5.1-side", fold_safe=False),
    ):
        if edit is not None:
            edit.do(project)
    room = read(*write_upmix(project.state, tmp_path / "a.wav", subtype="float", pace=Pace(tempo)).files)

    def share(low: float, high: float, channel: int) -> float:
        """Of the power between two times of the song that comes from one loudspeaker."""
        power = np.square(room[:, round(low / tempo * RATE) : round(high / tempo * RATE)]).sum(axis=1)
        return float(power[channel] / power.sum())

    assert share(0.0, 1.0, 0) > 0.999, "it begins at the left"
    assert share(1.5, 1.6, 0) < 0.99, "it has left"
    assert share(2.8, 2.9, 5) < 0.999, "it is not there yet"
    assert share(3.0, 4.0, 5) > 0.999, "it has arrived at the right, behind"


def test_nothing_is_left_when_it_is_stopped(project: Project, tmp_path: Path) -> None:
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > 0.3 else None)
    with pytest.raises(Cancelled):
        write_upmix(project.state, tmp_path / "room.wav", progress=progress, pace=SLOWER)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_number_is_silent_and_said(tmp_path: Path) -> None:
    song, stems = mixture(1.0, RATE)
    broken = stems["lead"].samples.copy()
    broken[0, 3000:3005] = np.nan
    project = project_of(song, {**stems, "lead": Audio(broken, RATE)})
    report = write_upmix(project.state, tmp_path / "room.wav", subtype="float", pace=SLOWER)
    assert any("no numbers" in note for note in report.notes)
    assert np.isfinite(read(*report.files)).all()


def test_a_song_of_three_samples_has_a_room_too(tmp_path: Path) -> None:
    song = Audio(np.full((1, 3), 0.1, np.float32), RATE)
    project = project_of(song, {"click": song})
    report = write_upmix(project.state, tmp_path / "room.wav", subtype="float", pace=Pace(0.5))
    assert read(*report.files).shape == (6, 6)
