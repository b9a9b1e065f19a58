"""Upmixes in files: the right order, the right mask, and a funk band that folds down to its stereo mix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import mixture
from true_stems import excerpt

from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.audio.audio import Audio
from stemstudio.audio.headers import channel_mask
from stemstudio.audio.tags import Tags, read_tags
from stemstudio.audio.writing import FileExists, SoundWriter
from stemstudio.errors import StemStudioError
from stemstudio.mixing.arrangements import ARRANGEMENTS, arrangement_named, family
from stemstudio.mixing.folddown import folded
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.mixing.mixdown import Mixdown
from stemstudio.mixing.playstate import CHUNK
from stemstudio.mixing.strips import strips_of
from stemstudio.mixing.surround import fold_table, write_upmix
from stemstudio.mixing.upmix import RETURNS, Spread, heard_stems
from stemstudio.progress import Cancelled, Progress
from stemstudio.project import edits
from stemstudio.project.placing import put_in_places, set_room
from stemstudio.project.project import Project, SongReference
from stemstudio.project.rendering import StemSound
from stemstudio.project.room import Place, Room
from stemstudio.spectral.stft import StftSettings


def project_of(song: Audio, stems: dict[str, Audio]) -> Project:
    project = Project(song, SongReference("song.wav", "", "Song"), StftSettings())
    waves = np.stack([stem.samples for stem in stems.values()])
    edits.split(project, 0, ByHand(), Waveforms(list(stems), waves), stems=list(stems)).do(project)
    return project


def arranged(project: Project, name: str, **room: object) -> Project:
    for edit in (
        put_in_places(project.state, arrangement_named(name).of(project.state), name),
        set_room(project.state, "Room", **room),
    ):
        if edit is not None:
            edit.do(project)
    return project


@pytest.fixture
def project() -> Project:
    return project_of(*mixture(1.0, 22050))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_files_say_which_loudspeakers_they_are_for(
    project: Project, tmp_path: Path, layout: str, suffix: str
) -> None:
    arranged(project, "stereo", layout=layout)
    path = tmp_path / f"room.{suffix}"
    report = write_upmix(project.state, path, Tags(title="Tune"), format=suffix)
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert sound.shape == (22050, LAYOUTS[layout].channels)
    assert rate == 22050
    mask = LAYOUTS[layout].mask if len(sound.T) > 2 else None
    if suffix == "wav":
        assert channel_mask(path) == mask
    else:
        from mutagen.flac import FLAC

        told = FLAC(path).tags.get("WAVEFORMATEXTENSIBLE_CHANNEL_MASK")
        assert told == ([f"0x{mask:04X}"] if mask else None)
    assert read_tags(path)[0].title == "Tune"
    assert report.files == (path,)
    if layout not in ("mono", "stereo"):
        np.testing.assert_allclose(sound[:, :2].T, project.state.mixture.samples, atol=2e-6)
        assert np.abs(sound[:, 2:]).max() < 3e-7, "more than dither"


def test_players_know_the_loudspeakers(project: Project, tmp_path: Path) -> None:
    import av

    for layout, name in (
        ("5.1", "5.1"),
        ("5.1-side", "5.1(side)"),
        ("7.1", "7.1"),
        ("quad", "quad"),
        ("5.0", "5.0"),
    ):
        for suffix in ("wav", "flac"):
            arranged(project, "stereo", layout=layout)
            write_upmix(project.state, tmp_path / f"room.{suffix}", format=suffix, overwrite=True)
            with av.open(str(tmp_path / f"room.{suffix}")) as file:
                assert file.streams.audio[0].layout.name == name, suffix


def test_a_long_file_keeps_its_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above 4 GB a WAV becomes an RF64; here the limit is lower."""
    monkeypatch.setattr("stemstudio.audio.encoders.LARGEST_RIFF", 1000)
    path = tmp_path / "long.wav"
    with SoundWriter(path, 48000, 8, 500, format="wav", channel_mask=0x63F) as writer:
        writer.write(np.zeros((8, 500), np.float32))
        writer.finish()
        writer.place()
    assert path.read_bytes()[:4] == b"RF64"
    assert channel_mask(path) == 0x63F


def test_one_file_a_loudspeaker(project: Project, tmp_path: Path) -> None:
    arranged(project, "drums", layout="5.1")
    together = write_upmix(project.state, tmp_path / "all.wav", subtype="float")
    apart = write_upmix(project.state, tmp_path / "one.wav", subtype="float", apart=True)
    assert [file.name for file in apart.files] == [
        f"one.{name}.wav" for name in ("L", "R", "C", "LFE", "Ls", "Rs")
    ]
    whole = soundfile.read(together.files[0], dtype="float32")[0]
    np.testing.assert_array_equal(
        np.stack([soundfile.read(file, dtype="float32")[0] for file in apart.files], 1), whole
    )
    assert apart.peak == together.peak == pytest.approx(np.abs(whole).max())


def test_nothing_half_written(project: Project, tmp_path: Path) -> None:
    arranged(project, "stage", layout="7.1")
    path = tmp_path / "room.wav"
    progress = Progress(lambda fraction, _: progress.cancel() if fraction >= 0.0 else None)
    with pytest.raises(Cancelled):
        write_upmix(project.state, path, progress=progress, apart=True)
    with pytest.raises(StemStudioError, match="empty"):
        write_upmix(project.state, path, start=500, stop=500)
    with pytest.raises(StemStudioError, match="at most 2 channels"):
        write_upmix(project.state, path, format="mp3")
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b"mine")
    with pytest.raises(FileExists):
        write_upmix(project.state, path)
    assert path.read_bytes() == b"mine"


def test_clipping_is_said_once(project: Project, tmp_path: Path) -> None:
    report = write_upmix(arranged(project, "stage").state, tmp_path / "a.wav", gain=20.0, subtype="16")
    assert report.clipped_db == pytest.approx(20 * np.log10(report.peak))
    assert sum("clipped" in note for note in report.notes) == 1


def test_what_is_muted_or_turned_down_is_so_in_the_room(project: Project) -> None:
    leaves = {leaf.name: leaf for leaf in project.state.leaves()}
    edits.set_stem(project.state, leaves["drums"].id, "Mute", mute=True).do(project)
    edits.set_stem(project.state, leaves["bass"].id, "Gain", gain_db=-20.0).do(project)
    rows = {row.name: row for row in fold_table(arranged(project, "stage", fold_safe=True).state)}
    assert rows["drums"].stereo_db == rows["drums"].fold_db == -np.inf
    edits.set_stem(project.state, leaves["bass"].id, "Gain", gain_db=0.0).do(project)
    louder = {row.name: row for row in fold_table(project.state)}
    assert louder["bass"].fold_db - rows["bass"].fold_db == pytest.approx(20.0, abs=0.01)


@pytest.mark.parametrize("preset", [each.name for each in ARRANGEMENTS])
def test_the_funk_band_folds_down_to_its_stereo_mix(preset: str) -> None:
    band = project_of(*excerpt("funk", 2.5))
    names = {leaf.name: leaf.id for leaf in band.state.leaves()}
    edits.set_stem(band.state, names["horns"], "Pan", pan=-0.5, gain_db=-3.0).do(band)
    rows = fold_table(arranged(band, preset, layout="5.1", fold_safe=True).state)
    assert [row.name for row in rows] == [*names, "All together"]
    for row in rows:
        assert row.null_db <= -60.0, row.name
        assert abs(row.level_db) < 0.01
        assert abs(row.spectrum_db) < 0.01
    free = {row.name: row for row in fold_table(arranged(band, preset, fold_safe=False).state)}
    if preset != "stereo":
        assert free["All together"].null_db > -30.0


@pytest.mark.parametrize("layout", ["5.1", "7.1"])
def test_real_horns_stay_in_front_and_their_room_is_unlike_on_every_side(layout: str) -> None:
    horns = excerpt("funk", 2.5)[1]["horns"]
    sound, rate, length = np.broadcast_to(horns.samples, (2, horns.length)), horns.sample_rate, horns.length
    room = Spread(Room(layout=layout), {1: Place(ambience=1.0)}, rate, length)
    whole = room.render(lambda start, stop: {1: sound[:, start:stop]}, 0, length)
    back = [n for n, each in enumerate(room.layout.speakers) if abs(each.azimuth or 0.0) >= 90.0]
    front = np.delete(whole, back, axis=0)
    assert np.corrcoef(front.sum(axis=0), sound.sum(axis=0))[0, 1] > 0.95, "the source stays"
    playing = [whole[n] for n in back if whole[n].any()]
    likeness = np.corrcoef([*playing, sound[0], sound[1]])
    assert np.abs(likeness[: len(playing)] - np.eye(*likeness[: len(playing)].shape)).max() < 0.4
    behind = np.square(playing).sum() / np.square(whole).sum()
    assert 0.02 < behind < 0.3
    assert abs(10 * np.log10(np.square(whole).sum() / np.square(sound).sum())) < 1.5, "as loud as it was"
    # Blocks as they are rendered for the ear join without a step.
    blocks = [
        room.render(lambda start, stop: {1: sound[:, start:stop]}, low, min(length, low + CHUNK))
        for low in range(0, length, CHUNK)
    ]
    assert np.abs(np.concatenate(blocks, axis=1) - whole).max() < 1e-6


def test_names_say_what_a_stem_is() -> None:
    said = {"Vocals": "voice", "Lead Voice": "voice", "drums": "drums", "Kick 2": "drums", "hi-hat": "drums",
            "Bass guitar": "bass", "guitar": "other", "Keys": "other", "bassoon": "bass"}  # fmt: skip
    assert {name: family(name) for name in said} == said


def test_presets_put_stems_where_their_names_say(project: Project) -> None:
    names = {leaf.id: leaf.name for leaf in project.state.leaves()}
    stems = {
        each.name: {names[stem]: place for stem, place in each.of(project.state).items()}
        for each in ARRANGEMENTS
    }
    for places in stems.values():
        assert set(places) == set(names.values())
    assert stems["stereo"]["lead"] == Place(lfe_db=None), "left and right alone"
    karaoke = arrangement_named("karaoke").places([(1, "voice"), (2, "other")])
    assert karaoke[1].lfe_db is None, "its lows would stay when the centre is turned down"
    assert karaoke[2].lfe_db == 0.0
    assert all(place.lfe_db == 0.0 for name in ("stage", "band", "drums") for place in stems[name].values())
    assert abs(stems["band"]["drums"].azimuth) == 180.0
    assert stems["drums"]["drums"].distance < 0.3
    assert stems["stage"]["drums"].ambience == 1.0
    with pytest.raises(StemStudioError, match="There are: stage, band"):
        arrangement_named("cinema")
    assert arrangement_named("In the band").name == "band"


def test_reverb_of_the_mixer_comes_from_all_around_and_folds_down_to_itself(project: Project) -> None:
    arranged(project, "stage", layout="5.1", fold_safe=True)
    dry = fold_table(project.state)
    lead = next(leaf for leaf in project.state.leaves() if leaf.name == "lead")
    edits.set_stem(project.state, lead.id, "Reverb", reverb_db=0.0).do(project)
    state = project.state
    rows = fold_table(state)
    assert [row.name for row in rows] == [*(row.name for row in dry[:-1]), "Reverb and delay", "All together"]
    assert rows[-2].stereo_db > -60.0
    assert all(row.null_db < -100.0 for row in rows)
    spread, heard = Spread.of(state), heard_stems(state)
    own: dict[int, np.ndarray] = {}
    whole = spread.render(heard, 0, 22050, lambda stem, _, sound: own.__setitem__(stem, sound))
    reverb = own[RETURNS]
    assert np.square(reverb[4:]).sum() > 0.1 * np.square(reverb).sum(), "nothing behind"
    cut = spread.render(heard, 15_000, 16_000)
    np.testing.assert_allclose(cut, whole[:, 15_000:16_000], atol=1e-5)
    # The stereo mix as the mixer makes it, effects and all.
    leaves = state.leaves()
    stems = [StemSound(state, leaf.id).read(0, 22050) for leaf in leaves]
    mix = Mixdown(strips_of(leaves, 2, 22050), state.effects, 22050).mix(stems)
    np.testing.assert_allclose(folded(spread.layout, whole), mix, atol=1e-5)
