"""DAWproject and REAPER: what is written is read back, and says what the mixer does."""

from __future__ import annotations

import io
import math
import shlex
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from signals import mixture
from taken_apart import leaves, taken_apart

from stemstudio.audio.audio import Audio
from stemstudio.audio.tags import Tags
from stemstudio.errors import StemStudioError, UnwritableFile
from stemstudio.mixing import dawproject
from stemstudio.mixing.export import ExportOrder, export
from stemstudio.mixing.mixer import mix_block, stem_gains
from stemstudio.mixing.order import Label
from stemstudio.mixing.pace import Pace
from stemstudio.mixing.plan import parts_of
from stemstudio.mixing.reaper import quoted
from stemstudio.mixing.session import session_of
from stemstudio.mixing.tempo_map import tempo_map
from stemstudio.progress import Cancelled, Progress
from stemstudio.project import edits
from stemstudio.project.beat_grid import BeatGrid
from stemstudio.project.effects import Equaliser
from stemstudio.project.practising import set_beats
from stemstudio.project.project import Project
from stemstudio.project.rendering import render_leaves

# Project.xsd of DAWproject 1.0: what each element that we write may hold, in order, and what it must say of itself.
SCHEMA: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Project": (("Application", "Transport", "Structure", "Arrangement", "Scenes"), ("version",)),
    "Application": ((), ("name", "version")),
    "Transport": (("Tempo", "TimeSignature"), ()),
    "Tempo": ((), ("unit",)),
    "TimeSignature": ((), ("numerator", "denominator")),
    "Structure": (("Track", "Channel"), ()),
    "Track": (("Channel", "Track"), ()),
    "Channel": (("Devices", "Mute", "Pan", "Sends", "Volume"), ()),
    "Devices": (("Equalizer",), ()),
    "Equalizer": (("Parameters", "Enabled", "State", "Band"), ("deviceName", "deviceRole")),
    "Band": (("Freq", "Gain", "Q", "Enabled"), ("type",)),
    "Freq": ((), ("unit",)),
    "Gain": ((), ("unit",)),
    "Q": ((), ("unit",)),
    "Enabled": ((), ()),
    "Mute": ((), ()),
    "Pan": ((), ("unit",)),
    "Volume": ((), ("unit",)),
    "TempoAutomation": (("Target", "RealPoint"), ("unit",)),
    "TimeSignatureAutomation": (("Target", "TimeSignaturePoint"), ()),
    "TimeSignaturePoint": ((), ("time", "numerator", "denominator")),
    "Arrangement": (("Lanes", "Markers", "TempoAutomation", "TimeSignatureAutomation"), ()),
    "Lanes": (("Lanes", "Clips", "Points"), ()),
    "Points": (("Target", "RealPoint", "BoolPoint"), ()),
    "Target": ((), ("parameter",)),
    "RealPoint": ((), ("time", "value")),
    "BoolPoint": ((), ("time", "value")),
    "Clips": (("Clip",), ()),
    "Clip": (("Audio",), ("time",)),
    "Audio": (("File",), ("channels", "sampleRate", "duration")),
    "File": ((), ("path",)),
    "Markers": (("Marker",), ()),
    "Marker": ((), ("time",)),
}
META = ("Title", "Artist", "Album", "OriginalArtist", "Composer", "Songwriter", "Producer", "Arranger", "Year",
        "Genre", "Copyright", "Website", "Comment")  # fmt: skip
LABELS = (Label(0.25, 0.75, "verse"), Label(1.0, 1.0, "drop"))


@pytest.fixture(scope="module")
def song() -> Audio:
    return mixture(2.0, 44100)[0]


@pytest.fixture(scope="module")
def project(song: Audio) -> Project:
    """Three stems: one down and to the right, one muted."""
    project = taken_apart(song, ('Tom\'s "big" drums', "<bass> & more"))
    first, second, _ = leaves(project)
    edits.set_stem(project.state, first, "", gain_db=-6.0, pan=0.5, colour="#102030").do(project)
    edits.set_stem(project.state, second, "", mute=True).do(project)
    return project


@pytest.fixture(scope="module")
def heard(project: Project) -> np.ndarray:
    state = project.state
    sounds = render_leaves(state, 0, state.mixture.length)
    return mix_block([sounds[leaf.id] for leaf in state.leaves()], stem_gains(state.leaves())[:, [0, 3]])


def check(element: ElementTree.Element) -> None:
    below, needed = SCHEMA[element.tag]
    assert all(element.get(name) for name in needed), element.attrib
    places = [below.index(child.tag) for child in element]
    if element.tag not in ("Structure", "Lanes"):  # where any order will do
        assert places == sorted(places), element.tag
    for child in element:
        check(child)


def balance(sound: np.ndarray, gain: float, pan: float) -> np.ndarray:
    """Both sides at unity in the middle, only the other one lowered."""
    return sound * gain * np.array([[min(1, 1 - pan)], [min(1, 1 + pan)]])


def test_a_dawproject_is_valid_and_sounds_like_the_mixer(
    project: Project, heard: np.ndarray, tmp_path: Path
) -> None:
    order = ExportOrder(
        tmp_path, leaves(project), subtype="float", package="dawproject", tempo=93.5, labels=LABELS
    )
    report = export(project.state, order, Tags(artist="Nobody", date="1999-05-17"), song="My & Tune")
    assert [path.name for path in tmp_path.iterdir()] == ["My & Tune.dawproject"]
    assert report.null_db is not None
    assert report.null_db < -120
    with zipfile.ZipFile(report.files["package"]) as archive:
        assert archive.testzip() is None
        root = ElementTree.fromstring(archive.read("project.xml"))
        meta = ElementTree.fromstring(archive.read("metadata.xml"))
        files = {name: archive.read(name) for name in archive.namelist() if name.startswith("audio/")}
    assert root.tag == "Project"
    check(root)
    assert [child.tag for child in meta] == [name for name in META if meta.find(name) is not None]
    assert (meta.findtext("Title"), meta.findtext("Artist"), meta.findtext("Year")) == (
        "My & Tune",
        "Nobody",
        "1999",
    )
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in root.iter():
        assert {element.get(name) for name in ("track", "destination")} <= {None, *ids}
        assert element.get("unit") in (None, "bpm", "linear", "normalized")
    assert root.find("Transport/Tempo").get("value") == "93.5"  # type: ignore[union-attr]
    tracks = {track.get("id"): track for track in root.findall("Structure/Track")}
    total = np.zeros_like(heard, dtype=float)
    for lane in root.findall("Arrangement/Lanes/Lanes"):
        track = tracks[lane.get("track")]
        clip = lane.find("Clips/Clip")
        assert clip is not None
        assert (clip.get("time"), float(clip.get("duration", 0))) == ("0", 2.0)
        sound = soundfile.read(io.BytesIO(files[clip.find("Audio/File").get("path")]))[0].T  # type: ignore[union-attr,index]
        if track.find("Channel/Mute").get("value") == "false":  # type: ignore[union-attr]
            gain = float(track.find("Channel/Volume").get("value"))  # type: ignore[union-attr,arg-type]
            pan = 2 * float(track.find("Channel/Pan").get("value")) - 1  # type: ignore[union-attr,arg-type]
            total += balance(sound, gain, pan)
    np.testing.assert_allclose(total, heard, atol=1e-6)
    names = [(track.get("name"), track.get("color")) for track in tracks.values()]
    assert names[0] == ('Tom\'s "big" drums', "#102030")
    marks = [(float(mark.get("time", -1)), mark.get("name")) for mark in root.iter("Marker")]
    assert marks == [(0.25, "verse"), (0.75, "end of verse"), (1.0, "drop")]


def parsed(text: str) -> list[Any]:
    """A REAPER project as nested lists of words."""
    stack: list[list[Any]] = [[]]
    for line in text.splitlines():
        bare = line.strip()
        if bare == ">":
            stack.pop()
            continue
        quote = shlex.shlex(bare.lstrip("<"), posix=True)
        quote.whitespace_split, quote.quotes, quote.escape, quote.commenters = True, "\"'`", "", ""
        words: list[Any] = list(quote)
        stack[-1].append(words)
        if bare.startswith("<"):
            stack.append(words)
    assert len(stack) == 1, "every chunk is closed"
    return stack[0][0]  # type: ignore[no-any-return]


def chunks(node: list[Any], name: str) -> list[list[Any]]:
    return [each for each in node if isinstance(each, list) and each[0] == name]


def test_a_reaper_project_is_read_back_and_sounds_like_the_mixer(
    project: Project, heard: np.ndarray, tmp_path: Path
) -> None:
    order = ExportOrder(tmp_path, leaves(project), mix=True, subtype="float", package="rpp", tempo=120.25,
                        labels=LABELS)  # fmt: skip
    report = export(project.state, order, song="Tune")
    root = parsed(report.files["package"].read_text(encoding="utf-8"))
    assert root[0] == "REAPER_PROJECT"
    assert (chunks(root, "PANLAW"), chunks(root, "PANMODE")) == ([["PANLAW", "1"]], [["PANMODE", "3"]])
    assert chunks(root, "TEMPO")[0][1:] == ["120.25", "4", "4"]
    assert [mark[1:] for mark in chunks(root, "MARKER")] == [
        ["1", "0.250000000", "verse", "1"], ["1", "0.750000000", "", "1"], ["2", "1.000000000", "drop", "0"],
    ]  # fmt: skip
    tracks = chunks(root, "TRACK")
    assert [chunks(track, "NAME")[0][1] for track in tracks] == [
        'Tom\'s "big" drums', "<bass> & more", "residual", "mix",
    ]  # fmt: skip
    assert int(chunks(tracks[0], "PEAKCOL")[0][1]) == 0x1302010
    total = np.zeros_like(heard, dtype=float)
    for track in tracks:
        item = chunks(track, "ITEM")[0]
        assert chunks(item, "POSITION")[0][1] == "0"
        assert float(chunks(item, "LENGTH")[0][1]) == pytest.approx(2.0)
        sound = soundfile.read(tmp_path / chunks(chunks(item, "SOURCE")[0], "FILE")[0][1])[0].T
        if chunks(track, "MUTESOLO")[0][1] == "0":
            gain, pan = (float(word) for word in chunks(track, "VOLPAN")[0][1:3])
            assert gain == pytest.approx(1.0) or gain == pytest.approx(10 ** (-6 / 20), rel=1e-9)
            total += balance(sound, gain, pan)
    np.testing.assert_allclose(total, heard, atol=1e-6)  # the mix is there, muted, and not heard twice


def test_names_are_quoted_whatever_is_in_them() -> None:
    assert quoted('say "hi"') == "'say \"hi\"'"
    assert quoted('it\'s "it"') == '`it\'s "it"`'
    assert quoted("`'\"\n") == "`''\"`"


def test_reaper_gets_what_it_can_read(project: Project, tmp_path: Path) -> None:
    with pytest.raises(StemStudioError, match=r"not written with m4a files\. Choose WAV"):
        export(project.state, ExportOrder(tmp_path, leaves(project), package="rpp", format="m4a"))
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_package_leaves_nothing(project: Project, tmp_path: Path) -> None:
    def report(fraction: float, message: str) -> None:
        if message == "Packing":
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        export(
            project.state,
            ExportOrder(tmp_path / "out", leaves(project), package="dawproject"),
            progress=progress,
        )
    assert list(tmp_path.iterdir()) == []


def test_silence_on_a_fader_is_written_as_zero(song: Audio, tmp_path: Path) -> None:
    project = taken_apart(song)
    edits.set_stem(project.state, leaves(project)[0], "", gain_db=-math.inf, solo=True).do(project)
    for package in ("rpp", "dawproject"):
        export(project.state, ExportOrder(tmp_path, leaves(project), package=package), song=package)
    assert "VOLPAN 0 0 -1 -1 1\n    MUTESOLO 0 2 0" in (tmp_path / "rpp.rpp").read_text()
    with zipfile.ZipFile(tmp_path / "dawproject.dawproject") as archive:
        root = ElementTree.fromstring(archive.read("project.xml"))
    channel = root.find("Structure/Track/Channel")
    assert channel is not None
    assert channel.get("solo") == "true"
    assert channel.find("Volume").get("value") == "0"  # type: ignore[union-attr]


def test_tempo_and_metre_are_those_of_the_beats_and_what_stays_behind_is_said(
    song: Audio, tmp_path: Path
) -> None:
    project = taken_apart(song)
    low, high, residual = leaves(project)
    beats = set_beats(project.state, BeatGrid.even(100.0, 0.0, 2.0, metre=3), "Beats")
    assert beats is not None
    beats.do(project)
    edits.set_stem(project.state, high, "", width=0.5, gain_db=-3.0, flip=True).do(project)
    edits.set_stem(project.state, low, "", pan=0.3, equaliser=Equaliser(mid=-3.0)).do(project)
    edits.set_stem(project.state, residual, "", reverb_db=-20.0).do(project)
    report = export(project.state, ExportOrder(tmp_path, leaves(project), package="rpp"), song="x")
    assert "TEMPO 100 3 4" in report.files["package"].read_text()
    words = "The filters and width of low, high stay here, and will be missed there"
    assert any(words in note for note in report.notes)
    order = ExportOrder(tmp_path, (low, high), package="dawproject")
    other = export(project.state, order, song="x")
    assert any("The width and phase of high stay here" in note for note in other.notes)
    assert any('numerator="3"' in line for line in text_of(other.files["package"]).splitlines())
    typed = export(project.state, ExportOrder(tmp_path, (low,), package="dawproject", tempo=90.0), song="y")
    assert 'value="90"' in text_of(typed.files["package"])
    assert not any("stay" in note for note in typed.notes)


@pytest.mark.parametrize("pace", [Pace(), Pace(0.5, 0)])
def test_what_reverb_and_delay_give_back_is_a_track_and_all_tracks_make_the_mix(
    song: Audio, tmp_path: Path, pace: Pace
) -> None:
    project = taken_apart(song)
    low, high, residual = leaves(project)
    edits.set_stem(project.state, low, "", reverb_db=-6.0, pan=0.5, gain_db=-3.0).do(project)
    edits.set_stem(project.state, high, "", delay_db=-3.0, flip=True).do(project)
    edits.set_stem(project.state, residual, "", reverb_db=0.0, mute=True).do(project)
    order = ExportOrder(tmp_path, leaves(project), mix=True, subtype="float", package="rpp", pace=pace)
    report = export(project.state, order, song="Tune")
    assert any("a track of their own" in note for note in report.notes)
    names = {key: path.name for key, path in report.files.items()}
    tracks = session_of(project.state, order, parts_of(order, project.state), names, "Tune").tracks
    assert [(track.name, track.mute) for track in tracks] == [
        ("low", False), ("high", False), ("residual", True), ("Reverb and delay", False), ("mix", True),
    ]  # fmt: skip
    sounds = [soundfile.read(tmp_path / track.file)[0].T for track in tracks]
    dry = balance(sounds[0], 10 ** (-3 / 20), 0.5) - sounds[1]
    assert np.abs(sounds[4] - dry).max() > 0.01, "nothing came back"
    assert np.abs(dry + sounds[3] - sounds[4]).max() < 10 ** (-90 / 20)
    alone = ExportOrder(tmp_path, (low,), package="dawproject", pace=pace)
    assert [part.name for part in parts_of(alone, project.state)] == ["low", "Reverb and delay"]
    edits.set_stem(project.state, low, "", solo=True).do(project)
    tracks = session_of(project.state, order, parts_of(order, project.state), names, "Tune").tracks
    assert [track.solo for track in tracks] == [True, False, False, True, False]


def bars_on_the_grid(
    points: list[tuple[float, float, int, int]], seconds: float
) -> list[tuple[float, int, int]]:
    """Where another program draws the bars of such (second, quarters a minute, beats, unit), each with its metre."""
    bars = []
    for (start, bpm, beats, unit), stop in zip(
        points, [*(at for at, *_ in points[1:]), seconds], strict=True
    ):
        long = 60.0 / bpm * beats * 4.0 / unit
        bars += [(start + bar * long, beats, unit) for bar in range(max(1, round((stop - start) / long)))]
    return bars


def test_the_grid_of_another_program_lies_on_the_bars_of_the_song(song: Audio, tmp_path: Path) -> None:
    """The first bar comes at 0.46 s; behind the second the band slows down."""
    project = taken_apart(song)
    times = (0.06, 0.26, 0.46, 0.66, 0.86, 1.06, 1.31, 1.56, 1.81)
    edit = set_beats(project.state, BeatGrid(beats=times, metre=3, one=2), "Beats")
    assert edit is not None
    edit.do(project)
    order = ExportOrder(tmp_path, leaves(project), package="rpp")
    text = export(project.state, order, song="x").files["package"].read_text()
    root = parsed(text)
    assert ["MARKER", "1", "0.460000000", "bar 1", "0"] in root
    points = [
        (float(second), float(bpm), int(metre) & 0xFFFF, int(metre) >> 16)
        for _, second, bpm, _, metre in chunks(chunks(root, "TEMPOENVEX")[0], "PT")
    ]
    assert points[0][:2] == (0.0, pytest.approx(293.5, abs=0.1)), "nine sixteenths lead in"
    assert points[0][2:] == (9, 16)
    bars = bars_on_the_grid(points, 1.81)
    np.testing.assert_allclose([at for at, *_ in bars], [0.0, 0.46, 1.06], atol=1e-9)
    assert [bpm for _, bpm, *_ in points[1:]] == pytest.approx([300.0, 240.0])

    # The same in a DAWproject, of a stretch at half the tempo.
    order = ExportOrder(tmp_path, leaves(project), package="dawproject", start=22_050, pace=Pace(0.5))
    root = ElementTree.fromstring(text_of(export(project.state, order, song="x").files["package"]))
    check(root)
    tempi, metres = root.find("Arrangement/TempoAutomation"), root.find("Arrangement/TimeSignatureAutomation")
    assert tempi is not None
    assert metres is not None
    assert tempi.find("Target").get("parameter") == root.find("Transport/Tempo").get("id")  # type: ignore[union-attr]
    assert metres.find("Target").get("parameter") == root.find("Transport/TimeSignature").get("id")  # type: ignore[union-attr]
    points = [
        (float(tempo.get("time", 0)), float(tempo.get("value", 0)), int(metre.get("numerator", 0)), int(metre.get("denominator", 0)))
        for tempo, metre in zip(tempi[1:], metres[1:], strict=True)
    ]  # fmt: skip
    bars = bars_on_the_grid(points, 1.12 + 0.6)
    np.testing.assert_allclose([at for at, *_ in bars], [0.0, 1.12], atol=1e-9)
    assert not list(root.iter("Marker")), "bar 1 was before"


def test_grids_follow_a_band_that_hurries_and_are_one_tempo_where_it_does_not() -> None:
    steady = tempo_map([1.3 + 2.0 * bar for bar in range(100)], 4, 120.0)
    assert [(round(each.second, 6), each.beats, each.unit) for each in steady] == [(0.0, 5, 8), (1.3, 4, 4)]
    assert [each.bpm for each in steady] == pytest.approx([5 * 30 / 1.3, 120.0])
    rng = np.random.default_rng(0)
    beside = [2.0 * bar + each for bar, each in enumerate(rng.uniform(-0.01, 0.01, 100))]
    beside[0] = 0.0
    assert len(tempo_map(beside, 4, 120.0)) == 1, "not found more exactly"
    hurried = np.cumsum(np.linspace(2.0, 1.6, 100)).tolist()
    passages = tempo_map(hurried, 4, 130.0)
    assert 3 < len(passages) < 40
    grid = bars_on_the_grid(
        [(each.second, each.bpm, each.beats, each.unit) for each in passages], hurried[-1]
    )
    starts = [at for at, *_ in grid if at > hurried[0] - 0.1]
    np.testing.assert_allclose(starts, hurried[:-1], atol=0.03)
    # A song that begins far before its first bar, in 3/4 at 60: whole bars after a short one.
    lead = tempo_map([7.5, 10.5], 3, 60.0)
    assert [(each.second, each.bpm, each.beats, each.unit) for each in lead] == [
        (0.0, 60.0, 3, 8), (1.5, 60.0, 3, 4), (7.5, 60.0, 3, 4),
    ]  # fmt: skip
    padded = tempo_map([0.04 + 2.0 * bar for bar in range(50)], 4, 120.0)  # as a decoded MP3 begins
    assert [(each.second, each.beats) for each in padded] == [(0.0, 4), (2.04, 4)], "no scrap of a bar"
    assert [each.bpm for each in padded] == pytest.approx([240 / 2.04, 120.0])
    assert [each.unit for each in tempo_map([0.1, 2.1, 4.1], 4, 120.0)] == [16, 4], "an upbeat, as before"
    assert tempo_map([], 4, 120.0) == ()
    assert [each.bpm for each in tempo_map([0.01, 2.0, 4.5], 4, 100.0, steady=True)] == [100.0]


def text_of(package: Path) -> str:
    with zipfile.ZipFile(package) as archive:
        return archive.read("project.xml").decode()


def curve_at(points: list[tuple[float, float]], times: np.ndarray) -> np.ndarray:
    return np.interp(times, *np.transpose(points))


@pytest.mark.parametrize(("start", "pace"), [(0, Pace()), (22_050, Pace(0.8, -2))])
def test_curves_mutes_and_filters_go_along(song: Audio, tmp_path: Path, start: int, pace: Pace) -> None:
    project = taken_apart(song)
    low, high, _ = leaves(project)
    curve, mutes = ((0.4, 4.0), (1.0, 0.25), (1.6, 1.0)), ((0.7, 0.9), (0.8, 1.2), (1.5, 9.0))
    filters = Equaliser(low_cut=40.0, low=2.5, mid=-6.0, mid_at=800.0, mid_width=2.0, high_cut=9000.0)
    edits.set_stem(project.state, low, "", gain_db=-6.0, envelope=curve, mutes=mutes, equaliser=filters).do(
        project
    )
    edits.set_stem(project.state, high, "", mute=True, mutes=mutes).do(project)
    order = ExportOrder(tmp_path, leaves(project), package="dawproject", start=start, pace=pace)
    seconds = order.frames(project.state) / 44100
    assert seconds == pytest.approx((2.0 - start / 44100) / pace.tempo, abs=1e-4)
    times = np.linspace(0, seconds, 500)
    gain = 10 ** (-6 / 20)
    heard = gain * curve_at(list(curve), start / 44100 + times * pace.tempo)
    silent = [[(at - start / 44100) / pace.tempo for at in each] for each in ((0.7, 1.2), (1.5, 2.0))]

    root = ElementTree.fromstring(text_of(export(project.state, order, song="x").files["package"]))
    check(root)
    lanes = root.findall("Arrangement/Lanes/Lanes")
    volume, mute = lanes[0].findall("Points")
    assert [points.find("Target").get("parameter") for points in (volume, mute)] == [  # type: ignore[union-attr]
        "track1-volume", "track1-mute",
    ]  # fmt: skip
    points = [(float(point.get("time", 0)), float(point.get("value", 0))) for point in volume[1:]]
    assert {point.get("interpolation") for point in volume[1:]} == {"linear"}
    np.testing.assert_allclose(curve_at(points, times), heard, atol=1e-6)
    edges = [(float(point.get("time", 0)), point.get("value")) for point in mute[1:]]
    assert edges[0] == (0.0, "false")
    assert [value for _, value in edges[1:]] == ["true", "false", "true", "false"]
    np.testing.assert_allclose([time for time, _ in edges[1:]], np.ravel(silent), atol=1e-4)
    assert lanes[1].findall("Points") == [], "a track that is off stays off"
    bands = root.findall("Structure/Track/Channel/Devices/Equalizer/Band")
    told = {
        band.get("type"): [float(band.find(tag).get("value")) for tag in ("Freq", "Gain", "Q") if band.find(tag) is not None]  # type: ignore[union-attr,arg-type]
        for band in bands
    }  # fmt: skip
    flat = pytest.approx(0.5**0.5)
    assert told == {
        "highPass": [40.0, flat], "lowShelf": [120.0, 2.5, flat], "bell": [800.0, -6.0, 2.0], "lowPass": [9000.0, flat],
    }  # fmt: skip

    order = replace(order, package="rpp", format="flac")
    tracks = chunks(parsed(export(project.state, order, song="x").files["package"].read_text()), "TRACK")
    (volume_lines,) = chunks(tracks[0], "VOLENV2")
    rows = [(float(row[1]), float(row[2])) for row in chunks(volume_lines, "PT")]
    assert max(value for _, value in rows) <= 2.0, "more than an envelope takes is the fader's"
    fader = float(chunks(tracks[0], "VOLPAN")[0][1])
    np.testing.assert_allclose(fader * curve_at(rows, times), heard, atol=1e-6)
    (mute_lines,) = chunks(tracks[0], "MUTEENV")
    steps = [(float(row[1]), row[2], row[3]) for row in chunks(mute_lines, "PT")]
    assert [value for _, value, _ in steps] == ["1", "0", "1", "0", "1"]
    assert {shape for *_, shape in steps} == {"1"}
    np.testing.assert_allclose([time for time, *_ in steps[1:]], np.ravel(silent), atol=1e-4)
    assert chunks(tracks[1], "MUTEENV") == []


def test_a_full_disk_leaves_no_package(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dawproject, "_put", full)
    with pytest.raises(UnwritableFile, match="no space left"):
        export(project.state, ExportOrder(tmp_path / "x", leaves(project), package="dawproject"))
    assert list(tmp_path.iterdir()) == []
