"""Export writes every file whole, exact and side by side, or none of them."""

from __future__ import annotations

import math
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import mixture
from taken_apart import leaves, taken_apart

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.hpss import HPSS
from stemstudio.algorithms.masking import Masking
from stemstudio.audio.audio import Audio
from stemstudio.audio.reading import probe, read_song
from stemstudio.audio.tags import Tags
from stemstudio.audio.writing import FileExists, SoundWriter
from stemstudio.errors import StemStudioError, UnwritableFile
from stemstudio.mixing import sounds
from stemstudio.mixing.export import ExportOrder, Key, export, file_names
from stemstudio.mixing.mixer import mix_block, stem_gains
from stemstudio.progress import Cancelled, Progress
from stemstudio.project import edits
from stemstudio.project.project import Project, SongReference
from stemstudio.project.rendering import render_leaves
from stemstudio.spectral.stft import StftSettings

TAGS = Tags(title="Étude", artist="Nobody", track="3/12")


@pytest.fixture(scope="module")
def song() -> Audio:
    return mixture(3.0, 44100)[0]


@pytest.fixture
def project(song: Audio) -> Project:
    return taken_apart(song)


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float64", always_2d=True)[0].T


def decibels(peak: float) -> float:
    return 20 * math.log10(max(peak, 1e-20))


def test_stems_add_up_to_the_song_and_are_as_long(project: Project, song: Audio, tmp_path: Path) -> None:
    order = ExportOrder(tmp_path / "new" / "stems", leaves(project), subtype="float")
    report = export(project.state, order, song="Étude")
    assert [path.name for path in report.files.values()] == [
        "Étude - low.wav", "Étude - high.wav", "Étude - residual.wav",
    ]  # fmt: skip
    written = [read(path) for path in report.files.values()]
    assert {stem.shape for stem in written} == {song.samples.shape}
    assert {probe(path).sample_rate for path in report.files.values()} == {44100}
    null = decibels(float(np.abs(song.samples - sum(written)).max()))
    assert null <= -120
    assert report.null_db == pytest.approx(null, abs=0.1)
    assert min(np.abs(stem).max() for stem in written) > 0.01
    assert sorted(os.listdir(order.folder)) == sorted(path.name for path in report.files.values())


def test_blocks_leave_no_seam(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = export(project.state, ExportOrder(tmp_path / "a", leaves(project), subtype="float"))
    monkeypatch.setattr(sounds, "BLOCK_SECONDS", 0.11)
    monkeypatch.setattr(sounds, "STEM_SECONDS", 0.0)
    pieces = export(project.state, ExportOrder(tmp_path / "b", leaves(project), subtype="float"))
    for key in whole.files:
        assert np.abs(read(whole.files[key]) - read(pieces.files[key])).max() < 1e-6


def test_the_mix_is_as_heard(project: Project, tmp_path: Path) -> None:
    low, high, residual = leaves(project)
    edits.set_stem(project.state, low, "Turn", gain_db=-6.0, pan=0.5).do(project)
    edits.set_stem(project.state, residual, "Mute", mute=True).do(project)
    report = export(project.state, ExportOrder(tmp_path, (), mix=True, subtype="float"), song="s")
    state = project.state
    sounds = render_leaves(state, 0, state.mixture.length)
    expected = mix_block([sounds[leaf.id] for leaf in state.leaves()], stem_gains(state.leaves())[:, [0, 3]])
    np.testing.assert_allclose(read(tmp_path / "s - mix.wav"), expected, atol=1e-7)
    assert report.null_db is None
    edits.set_stem(project.state, high, "Solo", solo=True).do(project)
    export(project.state, ExportOrder(tmp_path, (), mix=True, subtype="float", template="solo"))
    np.testing.assert_allclose(read(tmp_path / "solo.wav"), sounds[high], atol=1e-6)


def test_an_untouched_mix_is_the_song(project: Project, song: Audio, tmp_path: Path) -> None:
    export(project.state, ExportOrder(tmp_path, (), mix=True, subtype="float", template="x"))
    assert np.abs(read(tmp_path / "x.wav") - song.samples).max() < 1e-6


def test_a_mono_song_has_a_mono_mix_until_something_is_panned(tmp_path: Path) -> None:
    project = taken_apart(mixture(0.5, 8000, channels=1)[0])
    export(project.state, ExportOrder(tmp_path, (), mix=True, template="centre"))
    assert read(tmp_path / "centre.wav").shape[0] == 1
    edits.set_stem(project.state, leaves(project)[0], "Pan", pan=-1.0).do(project)
    export(project.state, ExportOrder(tmp_path, leaves(project), mix=True, template="{stem}"))
    assert read(tmp_path / "mix.wav").shape[0] == 2
    assert read(tmp_path / "low.wav").shape[0] == 1


def test_a_selection_is_that_stretch_to_the_sample(project: Project, song: Audio, tmp_path: Path) -> None:
    order = ExportOrder(tmp_path, leaves(project), subtype="float", start=12_345, stop=55_001)
    report = export(project.state, order)
    total = sum(read(path) for path in report.files.values())
    assert total.shape == (2, 55_001 - 12_345)
    assert np.abs(total - song.samples[:, 12_345:55_001]).max() < 1e-6


@pytest.mark.parametrize("format", ["wav", "flac", "aiff", "mp3", "m4a", "ogg"])
def test_every_format_keeps_length_rate_and_tags(
    project: Project, song: Audio, tmp_path: Path, format: str
) -> None:
    report = export(project.state, ExportOrder(tmp_path, leaves(project), format=format), TAGS)
    for path in report.files.values():
        assert path.name.startswith("Étude - ")
        sound = read_song(path)
        assert (sound.length, sound.sample_rate, sound.channels) == (song.length, 44100, 2)
        tags = probe(path).tags
        stem = path.stem.removeprefix("Étude - ")
        assert (tags.title, tags.artist, tags.track) == (f"Étude - {stem}", "Nobody", "3/12")
    assert report.null_db is not None
    if format in ("mp3", "m4a", "ogg"):
        assert report.null_db <= -120
        assert any("before coding" in note for note in report.notes)
    else:
        assert -145 < report.null_db < -110  # what rounding three stems to 24 bits leaves


def test_tags_stay_out_when_nobody_wants_them(project: Project, tmp_path: Path) -> None:
    report = export(project.state, ExportOrder(tmp_path, leaves(project)[:1], tags=False), TAGS)
    assert not probe(next(iter(report.files.values()))).tags


def test_dither_only_when_asked_for(project: Project, tmp_path: Path) -> None:
    first = leaves(project)[:1]
    exact = export(project.state, ExportOrder(tmp_path / "float", first, subtype="float"))
    plain = export(project.state, ExportOrder(tmp_path / "plain", first, subtype="16", dither=False))
    noisy = export(project.state, ExportOrder(tmp_path / "noisy", first, subtype="16"))
    steps, (a, b) = (
        read(*exact.files.values()) * 32768,
        (read(*each.files.values()) * 32768 for each in (plain, noisy)),
    )
    np.testing.assert_array_equal(a, np.rint(steps))
    assert 0.4 < np.std(b - steps) < 0.6  # 1/2 step: rounding and triangular dither


def test_sixteen_bits_say_what_rounding_leaves_over(project: Project, song: Audio, tmp_path: Path) -> None:
    report = export(project.state, ExportOrder(tmp_path, leaves(project), subtype="16"))
    total = sum(read(path) for path in report.files.values())
    assert report.null_db == pytest.approx(decibels(float(np.abs(song.samples - total).max())), abs=0.01)
    assert -100 < report.null_db < -75


def test_clipping_is_told_and_a_common_gain_mends_it(song: Audio, tmp_path: Path) -> None:
    loud = Audio(song.samples * np.float32(4 / np.abs(song.samples).max()), 44100)
    project = taken_apart(loud)
    report = export(project.state, ExportOrder(tmp_path / "clipped", leaves(project)))
    worst = max(report.peaks.values())
    assert worst > 1.5
    assert max(report.clipped_db.values()) == pytest.approx(decibels(worst), abs=1e-6)
    assert any("is clipped: turn it down by" in note for note in report.notes)
    assert report.null_db is not None
    assert report.null_db > -20  # what was cut off is missing, and it says so
    order = ExportOrder(tmp_path / "whole", leaves(project), gain="common peak", peak_db=-3.0)
    mended = export(project.state, order)
    assert max(mended.peaks.values()) == pytest.approx(10 ** (-3 / 20), rel=1e-4)
    assert set(mended.clipped_db.values()) == {0.0}
    assert mended.gain_db == pytest.approx(-3.0 - decibels(worst), abs=1e-3)
    for key, path in mended.files.items():
        assert np.abs(read(path)).max() / report.peaks[key] == pytest.approx(
            10 ** (mended.gain_db / 20), rel=1e-3
        )
    assert mended.null_db is not None
    assert mended.null_db < -110


def test_nothing_is_overwritten_silently(project: Project, tmp_path: Path) -> None:
    precious = tmp_path / "high.wav"
    precious.write_bytes(b"precious")
    order = ExportOrder(tmp_path, leaves(project), template="{stem}")
    with pytest.raises(FileExists, match=r"high\.wav"):
        export(project.state, order)
    assert os.listdir(tmp_path) == ["high.wav"]
    assert precious.read_bytes() == b"precious"
    export(project.state, ExportOrder(tmp_path, leaves(project), template="{stem}", overwrite=True))
    assert read_song(precious).length == project.state.mixture.length


def test_cancelling_leaves_nothing_behind(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sounds, "BLOCK_SECONDS", 0.2)
    monkeypatch.setattr(sounds, "STEM_SECONDS", 0.0)
    seen = []

    def report(fraction: float, _: str) -> None:
        seen.append(fraction)
        if fraction > 0.3:
            assert len(list((tmp_path / "a" / "b").glob("*.part"))) == 3
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        export(project.state, ExportOrder(tmp_path / "a" / "b", leaves(project)), progress=progress)
    assert list(tmp_path.iterdir()) == []
    assert seen


def test_one_file_that_fails_takes_the_others_with_it(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "low.wav").write_bytes(b"the one before")
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name == "residual.wav":
            raise OSError("disk gone")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UnwritableFile, match="disk gone"):
        export(project.state, ExportOrder(tmp_path, leaves(project), template="{stem}", overwrite=True))
    assert os.listdir(tmp_path) == ["low.wav"]


def test_a_disk_that_fills_up_while_others_wait_is_one_sentence(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sounds, "BLOCK_SECONDS", 0.05)
    write = SoundWriter.write
    blocks = []

    def full(writer: SoundWriter, block: np.ndarray) -> None:
        if writer.path.stem == "high":
            blocks.append(block.shape[1])
            if len(blocks) == 10:
                writer.discard()
                raise UnwritableFile(writer.path, "no space left on device")
        write(writer, block)

    monkeypatch.setattr(SoundWriter, "write", full)
    with pytest.raises(UnwritableFile, match=r"high\.wav.*no space left"):
        export(project.state, ExportOrder(tmp_path / "out", leaves(project), template="{stem}"))
    assert len(blocks) < 10 + 2 * sounds.AHEAD, "nobody goes on writing for nothing"
    assert list(tmp_path.iterdir()) == []


def test_blocks_reach_each_file_in_their_order_however_slow_it_is() -> None:
    class Slow:
        def __init__(self, pause: float) -> None:
            self.got: list[int] = []
            self._pause = pause

        def write(self, block: np.ndarray) -> None:
            time.sleep(self._pause)
            self.got.append(int(block[0, 0]))

    sinks: dict[Key, Slow] = {0: Slow(0.003), "mix": Slow(0.0), 2: Slow(0.001)}
    with sounds.Filling(sinks, Progress()) as filling:
        for number in range(40):
            filling.give(dict.fromkeys(sinks, np.full((1, 1), number, dtype=np.float32)))
            assert number - len(sinks[0].got) <= sounds.AHEAD, "few blocks are held"
        filling.finish()
    assert all(sink.got == list(range(40)) for sink in sinks.values())


def test_progress_rises_to_the_end(project: Project, tmp_path: Path) -> None:
    seen: list[float] = []
    export(
        project.state,
        ExportOrder(tmp_path, leaves(project), gain="common peak"),
        progress=Progress(lambda fraction, _: seen.append(fraction)),
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_the_null_is_only_said_of_stems_that_make_up_the_song(project: Project, tmp_path: Path) -> None:
    low, high, residual = leaves(project)
    waves = Waveforms(
        ("half",), 0.5 * render_leaves(project.state, 0, project.state.mixture.length)[low][None]
    )
    edits.split(project, low, HPSS(), waves).do(project)
    half, rest = (child.id for child in project.state.children(low))

    def null(*stems: int) -> float | None:
        return export(project.state, ExportOrder(tmp_path, stems, subtype="float", overwrite=True)).null_db

    for complete in ((low, high, residual), (half, rest, high, residual)):
        found = null(*complete)
        assert found is not None
        assert found <= -120
    for incomplete in ((low, high), (low, half, rest, high, residual), (half, high, residual)):
        assert null(*incomplete) is None
    assert null(0) == -400.0


def test_what_cannot_be_written_is_refused_in_a_sentence(project: Project, tmp_path: Path) -> None:
    for order, words in (
        (ExportOrder(tmp_path), "Nothing is chosen"),
        (ExportOrder(tmp_path, (99,)), "no stem"),
        (ExportOrder(tmp_path, leaves(project), start=5, stop=5), "range .* is empty"),
        (ExportOrder(tmp_path, leaves(project), format="opus"), "cannot keep a sample rate of 44100"),
        (ExportOrder(tmp_path, leaves(project), template="{bpm}"), "cannot have {bpm}"),
    ):
        with pytest.raises(StemStudioError, match=words):
            export(project.state, order)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("template", "title", "expected"),
    [
        ("{song} - {stem}", "AC/DC: Live?", "AC_DC_ Live_ - low.wav"),
        ("{number} {stem}", "x", "01 low.wav"),
        ("con", "x", "_con.wav"),
        ("lpt1.old", "x", "_lpt1.old.wav"),
        ("{song}", "..", "sound.wav"),
        ("{song}", ".hidden ", "_hidden.wav"),
        ("{song}", "A{stem}", "A{stem}.wav"),
        ("{song}", "../up", "_._up.wav"),
        ("{song}", "é" * 300, "é" * 100 + ".wav"),
        ("{song}", "tab\tand\nline", "tab_and_line.wav"),
    ],
)
def test_file_names_are_safe_everywhere(project: Project, template: str, title: str, expected: str) -> None:
    order = ExportOrder(Path("."), leaves(project)[:1], template=template)
    assert list(file_names(order, project.state, title).values()) == [expected]


@pytest.mark.parametrize("template", ["../{stem}", "{song}/{stem}", "..\\{stem}", "/tmp/{stem}"])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    project: Project, tmp_path: Path, template: str
) -> None:
    with pytest.raises(StemStudioError, match="A file name cannot have / or") as refused:
        export(project.state, ExportOrder(tmp_path / "in", leaves(project), template=template))
    assert refused.value.way_on
    assert list(tmp_path.iterdir()) == []


def test_files_never_share_a_name(song: Audio) -> None:
    project = taken_apart(song, ("Voice", "voice", "VOICE 2"))
    names = file_names(
        ExportOrder(Path("."), leaves(project), mix=True, template="{stem}"), project.state, "x"
    )
    assert len({name.casefold() for name in names.values()}) == 5
    same = file_names(ExportOrder(Path("."), leaves(project), mix=True, template="same"), project.state, "x")
    assert list(same.values()) == ["same.wav", "same 2.wav", "same 3.wav", "same 4.wav", "same 5.wav"]
    long = file_names(ExportOrder(Path("."), leaves(project), template="y" * 300), project.state, "x")
    assert len(set(long.values())) == 4
    assert max(len(name.encode()) for name in long.values()) < 240


def seconds_to_stop(project: Project, order: ExportOrder, after: float) -> float:
    """How long an export goes on when it is asked to stop so many seconds after it began."""
    progress = Progress()
    stopped: list[float] = []

    def run() -> None:
        with pytest.raises(Cancelled):
            export(project.state, order, progress=progress)
        stopped.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(after)
    progress.cancel()
    asked = time.monotonic()
    thread.join()
    return stopped[0] - asked


def test_stopping_takes_no_longer_than_a_moment(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal((2, 90 * 44100)).astype(np.float32) * 0.1
    project = Project(Audio(noise, 44100), SongReference("x.wav", "", "x"), StftSettings())
    edits.split(project, 0, HPSS(), Waveforms(("half",), 0.5 * noise[None])).do(project)
    order = ExportOrder(tmp_path / "x", leaves(project), format="flac")
    assert seconds_to_stop(project, order, 0.4) < 0.3
    assert list(tmp_path.iterdir()) == []


def test_masks_that_look_far_around_are_stopped_within(tmp_path: Path) -> None:
    project = taken_apart(mixture(12.0, 44100)[0])
    long = Masking(phase="misi", phase_iterations=100)  # a stretch of six seconds takes half a minute
    masked = edits.mask(project.state, 0, long)
    assert masked is not None
    masked.do(project)
    assert seconds_to_stop(project, ExportOrder(tmp_path / "x", leaves(project)), 0.3) < 1.0
    assert list(tmp_path.iterdir()) == []
