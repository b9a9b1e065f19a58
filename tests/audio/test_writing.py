"""What is written is the sound, to the sample, whole or not at all."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import mixture

from stemstudio.audio import encoders, targets, writing
from stemstudio.audio.audio import Audio
from stemstudio.audio.formats import FORMATS, file_format
from stemstudio.audio.reading import probe, read_song
from stemstudio.audio.tags import Tags
from stemstudio.audio.writing import FileExists, WriteReport, write_audio
from stemstudio.errors import StemStudioError, UnwritableFile
from stemstudio.progress import Cancelled, Progress

EVERY = [(name, each.name) for name, kind in FORMATS.items() for each in kind.subtypes]
PCM = [(name, each.name) for name, kind in FORMATS.items() for each in kind.subtypes if each.bits]


@pytest.fixture(scope="module")
def song() -> Audio:
    audio, _ = mixture(2.0, rate=48000)
    return Audio(audio.samples[:, :95_123].copy(), 48000)


def write(path: Path, audio: Audio, format: str = "wav", **how: object) -> WriteReport:
    return write_audio(path, audio, format=format, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(("format", "subtype"), EVERY)
@pytest.mark.parametrize("channels", [1, 2])
def test_length_rate_and_sound_come_back(
    song: Audio, tmp_path: Path, format: str, subtype: str, channels: int
) -> None:
    audio = Audio(song.samples[:channels].copy(), 48000)
    path = tmp_path / f"song{FORMATS[format].suffix}"
    report = write(path, audio, format, subtype=subtype)
    back = read_song(path)
    assert (report.frames, report.clipped_db, report.notes) == (audio.length, 0.0, ())
    assert report.peak == pytest.approx(np.abs(audio.samples).max())
    assert (back.length, back.sample_rate, back.channels) == (audio.length, 48000, channels)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    if not FORMATS[format].lossless:
        assert in_time(back.samples[0], audio.samples[0])
        return
    error = np.sqrt(np.mean((back.samples - audio.samples) ** 2)) / np.sqrt(np.mean(audio.samples**2))
    assert error <= {None: 0.0, 16: 1e-3, 24: 1e-5}[FORMATS[format].subtype(subtype).bits]


def in_time(back: np.ndarray, sound: np.ndarray) -> bool:
    """Whether the two are alike, and most alike where neither is shifted."""
    inner = sound[5000:25_000]
    shifted = np.lib.stride_tricks.sliding_window_view(back[3800:26_200], len(inner))  # 1200 either way
    alike = shifted @ inner / np.sqrt(np.sum(inner**2) * np.sum(shifted**2, axis=1))
    return bool(alike[1200] > 0.9 and np.argmax(alike) == 1200)


@pytest.mark.parametrize(
    ("format", "rate"),
    [(name, rate) for name, kind in FORMATS.items() for rate in kind.rates or (11025, 44100, 96000, 192000)],
)
@pytest.mark.parametrize("length", [1, 100, 5000])
def test_every_rate_and_short_lengths_are_kept(tmp_path: Path, format: str, rate: int, length: int) -> None:
    audio = Audio(np.full((2, length), 0.25, dtype=np.float32), rate)
    path = tmp_path / f"short{FORMATS[format].suffix}"
    write(path, audio, format)
    back = read_song(path)
    assert (back.length, back.sample_rate) == (length, rate)


@pytest.mark.parametrize(("format", "subtype"), PCM)
def test_16_bit_sound_and_silence_come_out_as_they_went_in(tmp_path: Path, format: str, subtype: str) -> None:
    steps = np.random.default_rng(1).integers(-32768, 32768, (2, 70_000))
    steps[:, 40_000:] = 0
    audio = Audio((steps / 32768).astype(np.float32), 44100)
    path = tmp_path / "exact"
    write(path, audio, format, subtype=subtype)
    np.testing.assert_array_equal(read_song(path).samples, audio.samples)


def test_dither_is_triangular_noise_that_keeps_what_is_below_a_step(tmp_path: Path) -> None:
    quiet = 0.3 / 32768  # a third of a 16-bit step: rounding alone would make silence of it
    audio = Audio(np.full((1, 200_000), quiet, dtype=np.float32), 44100)
    write(tmp_path / "quiet.wav", audio, subtype="16")
    steps = read_song(tmp_path / "quiet.wav").samples[0] * 32768
    assert np.mean(steps) == pytest.approx(0.3, abs=0.01)
    assert np.var(steps) == pytest.approx(1 / 4, abs=0.01)  # 2/12 of the dither and 1/12 of the rounding
    assert set(np.unique(steps)) <= {-1.0, 0.0, 1.0, 2.0}


@pytest.mark.parametrize("subtype", ["16", "24"])
def test_dither_stays_out_of_silence(song: Audio, tmp_path: Path, subtype: str) -> None:
    pausing = song.samples.copy()
    pausing[1] = 0.0
    pausing[0, 30_000:70_000] = (
        1e-9 * pausing[0, :40_000]
    )  # what masks and rounding leave where a stem pauses
    write(tmp_path / "pause.flac", Audio(pausing, 48000), "flac", subtype=subtype)
    back = read_song(tmp_path / "pause.flac").samples
    assert not back[1].any()
    assert not back[0, 35_000:65_000].any()
    sounding = back[0, :30_000] - pausing[0, :30_000]
    step = 2.0 ** (1 - int(subtype))
    assert np.std(sounding) == pytest.approx(step / 2, rel=0.05), "dither where the stem sounds"


def test_the_same_seed_gives_the_same_file_however_the_blocks_come(song: Audio, tmp_path: Path) -> None:
    def blocks() -> Iterator[np.ndarray]:
        edges = [0, 1, 5000, 5000, 90_000, song.length]
        for start, stop in itertools.pairwise(edges):
            yield song.samples[:, start:stop]

    write(tmp_path / "a.wav", song, subtype="16", dither_seed=3)
    write_audio(
        tmp_path / "b.wav", blocks, 48000, 2, length=song.length, format="wav", subtype="16", dither_seed=3
    )
    write_audio(
        tmp_path / "c.wav", blocks(), 48000, 2, length=song.length, format="wav", subtype="16", dither_seed=4
    )
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert (tmp_path / "a.wav").read_bytes() != (tmp_path / "c.wav").read_bytes()


@pytest.mark.parametrize("wrong", [-1, 1])
def test_blocks_of_another_length_than_said_leave_no_file(song: Audio, tmp_path: Path, wrong: int) -> None:
    with pytest.raises(ValueError, match="samples were promised"):
        write_audio(
            tmp_path / "x.wav",
            [song.samples],
            48000,
            2,
            length=song.length + wrong,
            format="wav",
            subtype="float",
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("format", "subtype"), PCM)
def test_clipping_is_told_with_the_decibels_it_takes(tmp_path: Path, format: str, subtype: str) -> None:
    loud = Audio(np.array([[0.5, 2.0, -1.5, 0.0]], dtype=np.float32), 44100)
    path = tmp_path / "loud"
    report = write(path, loud, format, subtype=subtype)
    assert report.peak == 2.0
    assert report.clipped_db == pytest.approx(6.02, abs=0.01)
    assert "turn it down by 6.0 dB" in report.notes[0]
    np.testing.assert_allclose(
        read_song(path).samples, [[0.5, 1.0, -1.0, 0.0]], atol=1e-4
    )  # no wrapping round
    told = write(path, loud, format, subtype=subtype, gain=10 ** (-report.clipped_db / 20), overwrite=True)
    assert told.clipped_db == pytest.approx(0.0, abs=1e-6)


def test_float_keeps_what_is_above_full_scale(tmp_path: Path) -> None:
    loud = Audio(np.array([[0.5, 2.0, -1.5]], dtype=np.float32), 44100)
    report = write(tmp_path / "loud.wav", loud, subtype="float")
    assert (report.peak, report.clipped_db, report.notes) == (2.0, 0.0, ())
    np.testing.assert_array_equal(read_song(tmp_path / "loud.wav").samples, loud.samples)


def test_lossy_formats_say_when_players_will_clip(tmp_path: Path) -> None:
    loud = Audio(np.full((1, 5000), 2.0, dtype=np.float32), 44100)
    report = write(tmp_path / "loud.ogg", loud, "ogg")
    assert report.clipped_db == 0.0
    assert "6.0 dB over full scale" in report.notes[0]


def test_what_is_no_number_becomes_silence_and_is_said(tmp_path: Path) -> None:
    bad = Audio(np.array([[0.5, np.nan, np.inf]], dtype=np.float32), 44100)
    report = write(tmp_path / "bad.wav", bad, subtype="24")
    assert report.notes == ("2 samples were no numbers and became silence.",)
    assert report.clipped_db == 0.0
    np.testing.assert_allclose(read_song(tmp_path / "bad.wav").samples, [[0.5, 0, 0]], atol=1e-6)


def test_nothing_is_overwritten_unless_allowed(song: Audio, tmp_path: Path) -> None:
    path = tmp_path / "mine.wav"
    path.write_bytes(b"precious")
    with pytest.raises(FileExists, match=r"mine\.wav"):
        write(path, song)
    assert path.read_bytes() == b"precious"
    write(path, song, overwrite=True)
    assert probe(path).frames_estimate == song.length


def test_somebody_elses_part_file_is_left_alone(song: Audio, tmp_path: Path) -> None:
    (tmp_path / "x.wav.part").write_bytes(b"half a download")
    write(tmp_path / "x.wav", song)
    assert (tmp_path / "x.wav.part").read_bytes() == b"half a download"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["x.wav", "x.wav.part"]


@pytest.mark.parametrize("format", list(FORMATS))
def test_cancelling_leaves_nothing_and_keeps_what_was_there(tmp_path: Path, format: str) -> None:
    audio = Audio(np.zeros((2, 200_000), dtype=np.float32), 48000)
    path = tmp_path / "old"
    path.write_bytes(b"the one before")

    def report(fraction: float, _: str) -> None:
        assert (tmp_path / "old.part").exists()
        if fraction > 0.3:
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        write(path, audio, format, overwrite=True, progress=progress)
    assert [entry.name for entry in tmp_path.iterdir()] == ["old"]
    assert path.read_bytes() == b"the one before"


def test_an_error_of_the_source_leaves_nothing(tmp_path: Path) -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield np.zeros((1, 50_000), dtype=np.float32)
        raise RuntimeError("the stem is broken")

    with pytest.raises(RuntimeError, match="stem is broken"):
        write_audio(tmp_path / "x.flac", blocks, 44100, 1, length=100_000, format="flac")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", list(FORMATS))
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_is_told_and_leaves_nothing(
    song: Audio, tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> Path:
        part = path.with_name("x.part")
        part.symlink_to("/dev/full")
        return part

    monkeypatch.setattr(writing, "claim_part", full)
    with pytest.raises(UnwritableFile, match="was not written"):
        write(tmp_path / "x", song, format)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_too_small_is_told_beforehand(
    song: Audio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(targets.shutil, "disk_usage", lambda _: Usage)
    with pytest.raises(UnwritableFile, match="the disk has 0 MB left"):
        write(tmp_path / "x.wav", song)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_sync_is_told(song: Audio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(targets.os, "fsync", fail)
    with pytest.raises(UnwritableFile, match="input/output error"):
        write(tmp_path / "x.wav", song)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("format", "rate", "channels", "words"),
    [
        ("opus", 44100, 2, "Opus cannot keep a sample rate of 44100 Hz"),
        ("mp3", 96000, 2, "MP3 cannot keep a sample rate of 96000 Hz"),
        ("m4a", 192000, 2, "M4A cannot keep a sample rate of 192000 Hz"),
        ("mp3", 44100, 6, "MP3 holds at most 2 channels and the sound has 6"),
        ("flac", 44100, 9, "FLAC holds at most 8 channels and the sound has 9"),
    ],
)
def test_what_a_format_cannot_keep_is_refused_with_a_way_on(
    tmp_path: Path, format: str, rate: int, channels: int, words: str
) -> None:
    audio = Audio(np.zeros((channels, 1000), dtype=np.float32), rate)
    with pytest.raises(UnwritableFile) as refusal:
        write(tmp_path / "x", audio, format)
    assert words in refusal.value.sentence
    assert refusal.value.way_on.startswith("Choose ")
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written_to_are_told(song: Audio, tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(UnwritableFile, match="folder of that name"):
        write(tmp_path / "folder.wav", song, overwrite=True)
    with pytest.raises(UnwritableFile, match="no folder"):
        write(tmp_path / "none" / "x.wav", song)
    with pytest.raises(UnwritableFile, match="no sound to write"):
        write(tmp_path / "x.wav", Audio(np.zeros((2, 0), dtype=np.float32), 44100))
    with pytest.raises(UnwritableFile, match="was not written"):
        write(tmp_path / ("x" * 254 + ".wav"), song)


def test_unknown_formats_and_qualities_are_told() -> None:
    with pytest.raises(StemStudioError, match="Choose one of wav, flac"):
        file_format("doc")
    with pytest.raises(StemStudioError, match="Choose one of 24, 16"):
        file_format("flac").subtype("float")
    assert file_format(".WAV").subtype("float").coding == "FLOAT"


def test_a_wav_too_long_for_wav_becomes_rf64(
    song: Audio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "short.wav", song)
    monkeypatch.setattr(encoders, "LARGEST_RIFF", song.length * 2 * 3)
    report = write(tmp_path / "long.wav", song, tags=Tags(title="Long"))
    assert soundfile.info(tmp_path / "short.wav").format == "WAV"
    assert soundfile.info(tmp_path / "long.wav").format == "RF64"
    assert read_song(tmp_path / "long.wav").length == song.length
    assert "tags could not be written" in report.notes[0]


def test_progress_goes_from_nothing_to_whole(song: Audio, tmp_path: Path) -> None:
    seen: list[float] = []
    write(tmp_path / "x.wav", song, progress=Progress(lambda fraction, _: seen.append(fraction)))
    assert seen[0] == 0.0
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 3
