"""Atoms, notes, masks, labels and the report: what an export writes beside sound is read back here."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import mido
import numpy as np
import pytest
from signals import mixture
from small_atoms import GRID, RATE, band, harmonic_template
from taken_apart import leaves, taken_apart

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.hpss import HPSS
from stemstudio.algorithms.nmf.atoms_file import read_atoms
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.audio.audio import Audio
from stemstudio.errors import StemStudioError
from stemstudio.mixing import mask_files
from stemstudio.mixing.atom_notes import notes_of
from stemstudio.mixing.export import ExportOrder, export
from stemstudio.mixing.labels import label_text, within
from stemstudio.mixing.order import Label
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.beat_grid import BeatGrid
from stemstudio.project.practising import set_beats
from stemstudio.project.project import PaintStroke, Project, SongReference
from stemstudio.project.showing import levels, net_mask
from stemstudio.spectral.brushes import Box, Selection, SelectionFill


@pytest.fixture(scope="module")
def atoms() -> Project:
    """A song of atoms of a bass, a lead and drums."""
    found, names = band()
    length = (found.activations.shape[1] - 1) * GRID.hop
    noise = np.random.default_rng(1).standard_normal((2, length)).astype(np.float32) * 0.1
    project = Project(Audio(noise, RATE), SongReference("x.wav", "", "x"), GRID)
    stems = ["bass", "lead", "drums"]
    owners = [stems.index(name) for name in names]
    edits.split(project, 0, NMF(), found, stems=stems, owners=owners).do(project)
    return project


def test_atoms_are_written_as_they_are(atoms: Project, tmp_path: Path) -> None:
    report = export(atoms.state, ExportOrder(tmp_path, data=("atoms",)), song="s")
    assert report.files == {"atoms": tmp_path / "s - atoms.npz"}
    found = atoms.state.splits[0].estimates
    assert isinstance(found, Factorization)
    back = read_atoms(report.files["atoms"])
    np.testing.assert_array_equal(back.templates, found.templates)
    np.testing.assert_array_equal(back.activations, found.activations)
    assert (back.sample_rate, back.names) == (RATE, found.names)


def test_a_struck_note_is_where_it_was_struck_and_as_high() -> None:
    level = np.zeros((2, 300), dtype=np.float32)
    for start, loud in ((20, 1.0), (100, 0.25), (130, 0.5)):
        level[0, start : start + 30] = loud * 0.97 ** np.arange(30)
    level[1] = 1e-4  # what is hardly there is no note
    a4, c3 = harmonic_template(440.0), harmonic_template(130.8)
    W = np.stack([a4 / a4.sum(), c3 / c3.sum()], axis=1).astype(np.float32)
    notes, silent = notes_of(Factorization(W, level, GRID), RATE)
    step = GRID.hop / RATE
    assert [round(note.start / step) for note in notes] == [20, 100, 130]
    assert [round(note.stop / step) for note in notes] == [50, 130, 160]
    assert {note.key for note in notes} == {69}
    assert [note.velocity for note in notes] == [127, 64, 90]  # √ of the level, of 127
    assert silent == []


def test_the_midi_file_has_a_track_a_stem_and_drums_on_the_tenth_channel(
    atoms: Project, tmp_path: Path
) -> None:
    order = ExportOrder(tmp_path, data=("midi",), tempo=90.0)
    file = mido.MidiFile(export(atoms.state, order, song="s").files["midi"])
    assert {"bass", "lead", "drums"} <= {track.name for track in file.tracks[1:]}
    assert file.tracks[0][0].tempo == mido.bpm2tempo(90.0)
    by_name = {track.name: [event for event in track if not event.is_meta] for track in file.tracks}
    keys = {name: {event.note for event in events} for name, events in by_name.items()}
    assert {28, 31, 33, 35} == keys["bass"]  # E1 G1 A1 B1
    assert keys["lead"] <= {81, 83, 86, 88}
    assert {event.channel for event in by_name["drums"]} == {9}
    assert 9 not in {event.channel for event in by_name["bass"] + by_name["lead"]}
    first = next(event for event in by_name["bass"] if event.note == 31 and event.type == "note_on")
    before = by_name["bass"][: by_name["bass"].index(first) + 1]
    ticks = sum(event.time for event in before)
    assert ticks / 480 * 60 / 90 == pytest.approx(100 * GRID.hop / RATE, abs=0.002)
    sounding: dict[tuple[int, int], int] = {}
    for event in [event for events in by_name.values() for event in events]:
        change = 1 if event.type == "note_on" else -1
        sounding[event.channel, event.note] = sounding.get((event.channel, event.note), 0) + change
    assert set(sounding.values()) == {0}, "every note ends"


def test_notes_of_a_selection_begin_with_it(atoms: Project, tmp_path: Path) -> None:
    start, stop = 150 * GRID.hop, 250 * GRID.hop
    order = ExportOrder(tmp_path, data=("midi",), start=start, stop=stop)
    file = mido.MidiFile(export(atoms.state, order, song="s").files["midi"])
    bass = next(track for track in file.tracks if track.name == "bass")
    events = [event for event in bass if not event.is_meta]
    assert {event.note for event in events} == {31, 33}
    assert events[0].time == 0
    assert file.length == pytest.approx((stop - start) / RATE, abs=0.05)


def test_without_atoms_none_can_be_ordered(tmp_path: Path) -> None:
    project = taken_apart(mixture(0.5, 44100)[0])
    for data in ("atoms", "midi"):
        with pytest.raises(StemStudioError, match="There are no atoms to write"):
            export(project.state, ExportOrder(tmp_path, data=(data,)))
    whole = Project(project.state.mixture, SongReference("x.wav", "", "x"), project.state.grid)
    with pytest.raises(StemStudioError, match="has not been taken apart"):
        export(whole.state, ExportOrder(tmp_path, data=("masks",)))
    assert list(tmp_path.iterdir()) == []


def test_masks_are_the_stems_own_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mask_files, "FRAMES", 50)
    project = taken_apart(mixture(1.0, 44100)[0])
    state = project.state
    held = np.load(export(state, ExportOrder(tmp_path, data=("masks",)), song="s").files["masks"])
    masks = held["masks"]
    assert masks.shape == (state.frames, 3, state.grid.bins)
    assert list(held["names"]) == ["low", "high", "residual"]
    assert (held["fft"], held["hop"], held["sample_rate"]) == (1024, 256, 44100)
    np.testing.assert_allclose(masks.sum(axis=1, dtype=np.float32), 1.0, atol=2e-3)
    for place, leaf in enumerate(leaves(project)):
        expected = net_mask(state, leaf, 0, state.frames)
        assert expected is not None
        np.testing.assert_allclose(masks[:, place].T, expected, atol=1e-3)


def test_masks_ask_often_whether_to_stop(tmp_path: Path) -> None:
    project = taken_apart(mixture(2.0, 44100)[0])

    class Asked(Progress):
        times = 0

        def check(self) -> None:
            self.times += 1

    progress = Asked()
    mask_files.write_masks(tmp_path / "masks.npz", project.state, progress)
    assert progress.times >= project.state.frames // 16  # a moment's frames, however busy the machine


def test_masks_of_waveforms_are_shares_of_the_magnitudes(tmp_path: Path) -> None:
    audio = mixture(0.5, 44100)[0]
    project = Project(audio, SongReference("x.wav", "", "x"), GRID)
    edits.split(project, 0, HPSS(), Waveforms(("quarter",), 0.25 * audio.samples[None])).do(project)
    masks = np.load(export(project.state, ExportOrder(tmp_path, data=("masks",)), song="s").files["masks"])[
        "masks"
    ]
    loud = levels(project.state, [0], 0, project.state.frames)[0].T > 1e-3
    np.testing.assert_allclose(masks[:, 0][loud], 0.25, atol=2e-3)
    np.testing.assert_allclose(masks[:, 1][loud], 0.75, atol=2e-3)


def pixels(path: Path) -> np.ndarray:
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, body, size = 8, b"", (0, 0)
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        chunk = data[place + 8 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length])[0] == zlib.crc32(
            kind + chunk
        )
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", chunk[:10])
            assert (depth, colour) == (8, 0)
            size = height, width
        body += chunk if kind == b"IDAT" else b""
        place += 12 + length
    lines = np.frombuffer(zlib.decompress(body), dtype=np.uint8).reshape(size[0], size[1] + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:]


def test_pictures_show_time_to_the_right_and_pitch_upwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = taken_apart(mixture(1.0, 44100)[0])
    state = project.state
    files = export(state, ExportOrder(tmp_path, data=("pictures",)), song="s").files
    assert sorted(path.name for path in files.values()) == [
        "s - high mask.png",
        "s - low mask.png",
        "s - residual mask.png",
    ]
    low = leaves(project)[0]
    mask = net_mask(state, low, 0, state.frames)
    assert mask is not None
    shown = pixels(files[f"pictures {low}"])
    assert np.abs(shown - 255.0 * mask[::-1]).max() <= 0.51
    monkeypatch.setattr(mask_files, "WIDEST", 60)  # as for a long song: several frames in a pixel
    again = export(state, ExportOrder(tmp_path, data=("pictures",), overwrite=True), song="s").files
    narrow = pixels(again[f"pictures {low}"])
    assert narrow.shape == (state.grid.bins, -(-state.frames // 3))
    assert np.abs(narrow[:, 0] - 255.0 * mask[::-1, :3].mean(axis=1)).max() <= 0.51


def test_labels_are_as_audacity_reads_them(tmp_path: Path) -> None:
    project = taken_apart(mixture(2.0, 44100)[0])
    box = Box(start=0.5, stop=1.0, low=200.0, high=800.0)
    fill = SelectionFill(selection=Selection().combined("replace", box), strength=1.0)
    stroke = PaintStroke(leaves(project)[0], False, fill)
    edit = edits.paint(project.state, project.new_id(), stroke, "Fill")
    assert edit is not None
    edit.do(project)
    edits.set_stem(project.state, leaves(project)[1], "Mute", mutes=((0.25, 0.75),)).do(project)
    order = ExportOrder(
        tmp_path, data=("labels",), labels=(Label(1.5, 1.5, "the\tbreak"), Label(0, 2, "loop"))
    )
    text = export(project.state, order, song="s").files["labels"].read_text(encoding="utf-8")
    assert text.splitlines() == [
        "0.000000\t2.000000\tloop",
        "0.250000\t0.750000\thigh muted",
        "0.500000\t1.000000\tlow",
        "\\\t200.000000\t800.000000",
        "1.500000\t1.500000\tthe break",
    ]


def test_bars_are_markers(tmp_path: Path) -> None:
    project = taken_apart(mixture(2.0, 44100)[0])
    beats = set_beats(
        project.state, BeatGrid(beats=(0.1, 0.4, 0.7, 1.0, 1.3, 1.6, 1.9), metre=3, one=1), "Beats"
    )
    assert beats is not None
    beats.do(project)
    text = (
        export(project.state, ExportOrder(tmp_path, data=("labels",)), song="s").files["labels"].read_text()
    )
    assert text == "0.400000\t0.400000\tbar 1\n1.300000\t1.300000\tbar 2\n"


def test_labels_of_a_stretch_begin_with_it() -> None:
    labels = (
        Label(0.0, 0.5, "before"),
        Label(0.5, 1.5, "across"),
        Label(2.0, 2.0, "mark"),
        Label(9, 9, "after"),
    )
    cut = within(labels, 1.0, 3.0)
    assert cut == (Label(0.0, 0.5, "across"), Label(1.0, 1.0, "mark"))
    assert label_text(()) == ""


def test_the_report_says_what_was_done(atoms: Project, tmp_path: Path) -> None:
    state = atoms.state
    bass = state.leaves()[0].id
    edits.set_stem(state, bass, "", gain_db=-np.inf, pan=-0.5).do(atoms)
    order = ExportOrder(tmp_path, leaves(atoms), mix=True, data=("report",), start=4410, stop=44100)
    report = export(atoms.state, order, song="My Tune")
    record = json.loads(report.files["report"].read_text(encoding="utf-8"))
    assert (record["song"], record["sample_rate"], record["range"]) == ("My Tune", RATE, [0.1, 1.0])
    assert record["null_db"] == report.null_db
    stem = next(stem for stem in record["stems"] if stem["name"] == "bass")
    assert (stem["gain_db"], stem["pan"], stem["residual"]) == (None, -0.5, False)
    assert record["splits"][0]["recipe"]["algorithm"] == "nmf"
    files = {each["what"]: each for each in record["files"]}
    assert set(files) == {"bass", "lead", "drums", "residual", "mix", "report"}
    loudest = report.peaks["mix"]
    assert files["mix"]["peak_db"] == pytest.approx(20 * np.log10(loudest))
