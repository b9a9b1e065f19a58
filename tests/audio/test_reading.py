"""A song comes in whole, in blocks, at its own rate, or not at all."""

from __future__ import annotations

import hashlib
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from on_disk import lies_on_disk

from stemstudio.audio import sample_store
from stemstudio.audio import scratch as scratch_module
from stemstudio.audio.audio import Audio
from stemstudio.audio.channels import ChannelChoice
from stemstudio.audio.reading import NeedsChannelChoice, decode, probe, read_song, song_hash
from stemstudio.audio.writing import write_audio
from stemstudio.errors import StemStudioError, UnreadableSong
from stemstudio.progress import Cancelled, Progress


def sound(channels: int = 2, length: int = 100_000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (length, channels)).astype(np.float32)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, sound(length=300_000), 44100, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW", "IMA_ADPCM"]
)
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (192_000, 2)])
def test_every_wav_keeps_its_rate_channels_and_samples(
    tmp_path: Path, subtype: str, rate: int, channels: int
) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, sound(channels, 50_001), rate, subtype=subtype)
    audio = read_song(path)
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    assert audio.sample_rate == rate
    np.testing.assert_array_equal(audio.samples, expected)


def test_samples_above_full_scale_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.array([[1.75], [-3.0], [0.5]], dtype=np.float32), 44100, subtype="FLOAT")
    np.testing.assert_array_equal(read_song(path).samples, [[1.75, -3.0, 0.5]])


def test_what_is_no_number_becomes_silence_and_is_said(tmp_path: Path) -> None:
    path = tmp_path / "bad.wav"
    soundfile.write(
        path, np.array([0.5, np.nan, np.inf, -np.inf, 0.25], dtype=np.float32), 44100, subtype="FLOAT"
    )
    notes: list[str] = []
    np.testing.assert_array_equal(read_song(path, on_note=notes.append).samples, [[0.5, 0, 0, 0, 0.25]])
    assert notes == ["3 samples were no numbers and became silence."]


def test_huge_numbers_are_not_taken_for_damage(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    soundfile.write(path, np.array([1e30, -1e30], dtype=np.float32), 44100, subtype="FLOAT")
    np.testing.assert_array_equal(read_song(path).samples, np.array([[1e30, -1e30]], dtype=np.float32))


def test_blocks_come_in_order_and_hold_what_the_song_holds(song: Path) -> None:
    expected = soundfile.read(song, dtype="float32")[0].T
    ranges: list[tuple[int, int]] = []

    def on_block(buffer: np.ndarray, start: int, stop: int) -> None:
        assert not buffer.flags.writeable
        np.testing.assert_array_equal(buffer[:, :stop], expected[:, :stop])
        ranges.append((start, stop))

    seen: list[float] = []
    audio = decode(probe(song), Progress(lambda fraction, _: seen.append(fraction)), on_block=on_block)
    assert audio.length == 300_000
    assert len(ranges) >= 4
    assert [start for start, _ in ranges] == [0, *(stop for _, stop in ranges[:-1])]
    assert ranges[-1][1] == 300_000
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_cancelling_stops_between_blocks(song: Path) -> None:
    progress = Progress()
    blocks = 0

    def on_block(buffer: np.ndarray, start: int, stop: int) -> None:
        nonlocal blocks
        blocks += 1
        progress.cancel()

    with pytest.raises(Cancelled):
        decode(probe(song), progress, on_block=on_block)
    assert blocks == 1


def test_a_long_recording_lies_in_a_file_that_leaves_nothing_behind(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_store, "MAPPED_FROM_BYTES", 1000)
    folder = tmp_path / "samples"
    audio = decode(probe(song), into=folder)
    np.testing.assert_array_equal(audio.samples, soundfile.read(song, dtype="float32")[0].T)
    assert folder.is_dir()
    if os.name == "posix":
        assert list(folder.iterdir()) == []


def test_no_room_on_the_disk_is_said(song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_store, "MAPPED_FROM_BYTES", 1000)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch_module, "_reserve", full)
    with pytest.raises(StemStudioError, match="no room on the disk"):
        decode(probe(song), into=tmp_path / "samples")
    assert list((tmp_path / "samples").iterdir()) == []


def test_a_song_longer_than_it_says_is_whole(song: Path) -> None:
    info = probe(song)
    short = type(info)(**{**vars(info), "frames_estimate": 1000})
    buffers: list[np.ndarray] = []
    audio = decode(short, on_block=lambda buffer, start, stop: buffers.append(buffer[:, :stop].copy()))
    np.testing.assert_array_equal(audio.samples, soundfile.read(song, dtype="float32")[0].T)
    np.testing.assert_array_equal(buffers[0], audio.samples[:, : buffers[0].shape[1]])


@pytest.mark.parametrize("mapped_from", [1000, 10**9])
def test_a_song_shorter_than_it_says_lies_in_one_piece(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mapped_from: int
) -> None:
    """The player takes it as it is; a view of the longer room would be copied when the window takes it over."""
    monkeypatch.setattr(sample_store, "MAPPED_FROM_BYTES", mapped_from)
    monkeypatch.setattr(sample_store, "COPIED", 1000)
    info = probe(song)
    audio = decode(type(info)(**{**vars(info), "frames_estimate": 500_000}), into=tmp_path)
    np.testing.assert_array_equal(audio.samples, soundfile.read(song, dtype="float32")[0].T)
    assert audio.samples.flags.c_contiguous
    assert lies_on_disk(audio.samples) == (mapped_from == 1000)


def test_more_than_two_channels_are_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "surround.wav"
    samples = np.eye(6, dtype=np.float32) * 0.5
    soundfile.write(path, samples, 48000, subtype="FLOAT")
    with pytest.raises(NeedsChannelChoice) as question:
        read_song(path)
    assert question.value.info.channels == 6
    assert "6 channels" in question.value.sentence
    np.testing.assert_array_equal(read_song(path, channels=ChannelChoice.of(4, 5)).samples, samples.T[4:6])
    folded = read_song(path, channels=ChannelChoice.downmix()).samples
    np.testing.assert_allclose(folded[0], [0.5, 0, 0.3535534, 0, 0.3535534, 0], rtol=1e-6)
    np.testing.assert_allclose(folded[1], [0, 0.5, 0.3535534, 0, 0, 0.3535534], rtol=1e-6)
    with pytest.raises(StemStudioError, match="no channel 7"):
        read_song(path, channels=ChannelChoice.of(0, 6))


def test_an_unusual_number_of_channels_is_averaged_by_pairs() -> None:
    np.testing.assert_allclose(ChannelChoice.downmix().matrix(4), [[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5]])
    np.testing.assert_allclose(ChannelChoice.downmix().matrix(7).sum(axis=1), [1, 1], rtol=1e-6)


def test_channels_are_chosen_in_words() -> None:
    assert ChannelChoice.parse("downmix") == ChannelChoice.downmix()
    assert ChannelChoice.parse("1+2") == ChannelChoice.of(0, 1)
    for words in ("", "left", "0+1", "1+2+3"):
        with pytest.raises(StemStudioError, match="choice of channels"):
            ChannelChoice.parse(words)


@pytest.mark.parametrize(("name", "format", "subtype"), [("song.wav", "FLAC", "PCM_16"), ("song.ogg", "FLAC", "PCM_16"),
                                                        ("song.flac", "WAV", "PCM_16"), ("song.m4a", "WAV", "PCM_16"),
                                                        ("song.raw", "WAV", "PCM_16"), ("song.txt", "AIFF", "PCM_16")])  # fmt: skip
def test_a_wrong_suffix_does_not_matter(tmp_path: Path, name: str, format: str, subtype: str) -> None:
    path = tmp_path / name
    soundfile.write(path, sound(), 44100, format=format, subtype=subtype)
    assert read_song(path).length == 100_000


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize(
    "name",
    ["naïve ☃.flac", "concat:a|b.wav", "http:song.mp3", "%d.wav", os.fsdecode(b"caf\xe9.wav"), "-i.wav"],
)
def test_odd_names_open(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for format in ("WAV", "FLAC"):
        with path.open("wb") as file:
            soundfile.write(file, sound(length=2000), 44100, format=format)
        assert read_song(path).length == 2000
    with path.open("wb") as file:
        file.write(b"nothing" * 100)
    with pytest.raises(UnreadableSong):
        read_song(path)


def test_what_is_no_song_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("This is not music.\n" * 50)
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:10,\nhttp://example.org/a.mp3\n")
    (tmp_path / "list.mp3").write_text("ffconcat version 1.0\nfile empty.wav\n")
    soundfile.write(tmp_path / "silent.wav", np.zeros((0, 2), dtype=np.float32), 44100)
    for name, reason in {
        "": "folder",
        "none.wav": "no such file",
        "empty.wav": "empty",
        "text.mp3": "",
        "list.m3u8": "list of songs",
        "list.mp3": "list of songs",
        "silent.wav": "",
    }.items():
        path = tmp_path / name
        with pytest.raises(UnreadableSong) as refusal:
            read_song(path)
        assert reason in refusal.value.sentence
        assert path.name in refusal.value.sentence
        assert "\n" not in str(refusal.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.timeout(10)
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(UnreadableSong, match="not a file"):
        probe(tmp_path / "pipe.wav")


@pytest.mark.parametrize("format", ["WAV", "RF64", "AIFF"])
def test_a_file_cut_off_opens_as_far_as_it_goes_and_says_so(tmp_path: Path, format: str) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, sound(), 44100, format=format, subtype="PCM_16")
    whole = path.read_bytes()
    assert probe(path).notes == ()
    path.write_bytes(whole[: len(whole) // 4])
    notes: list[str] = []
    audio = read_song(path, on_note=notes.append)
    assert 24_000 < audio.length < 25_001
    assert notes == ["The file is cut off: the last 75 % that it announces are missing."]


def test_a_wav_whose_length_was_never_written_opens_without_complaint(tmp_path: Path) -> None:
    path = tmp_path / "stream.wav"
    soundfile.write(path, sound(), 44100, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert probe(path).notes == ()
    assert read_song(path).length == 100_000


def test_a_flac_cut_off_opens_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.flac"
    samples = sound(length=400_000)
    soundfile.write(path, samples, 44100, subtype="PCM_24")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    notes: list[str] = []
    audio = read_song(path, on_note=notes.append)
    assert 190_000 < audio.length < 200_001
    np.testing.assert_allclose(audio.samples, samples.T[:, : audio.length], atol=2**-22)
    assert any("0:09.1" in note for note in notes), notes


@pytest.mark.parametrize("format", ["mp3", "ogg", "opus"])
def test_lossy_files_cut_off_open_as_far_as_they_go_and_say_so(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"cut.{format}"
    write_audio(path, Audio(sound(length=400_000).T.copy(), 48000), format=format)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    notes: list[str] = []
    audio = read_song(path, on_note=notes.append)
    assert 150_000 < audio.length < 250_000
    assert np.isfinite(audio.samples).all()
    assert len(notes) == 1, notes


@pytest.mark.parametrize("place", ["start", "middle"])
def test_damage_in_an_m4a_becomes_silence_and_shifts_nothing(tmp_path: Path, place: str) -> None:
    path = tmp_path / "hurt.m4a"
    write_audio(path, Audio(sound(length=400_000).T.copy(), 48000), format="m4a")
    whole = read_song(path).samples
    data = bytearray(path.read_bytes())
    start, stop = data.index(b"mdat") + 4, data.rindex(b"moov") - 4
    quarter = (stop - start) // 4
    start += quarter if place == "middle" else 0
    data[start : start + quarter] = bytes(quarter)
    path.write_bytes(data)
    notes: list[str] = []
    audio = read_song(path, on_note=notes.append)
    assert audio.length == whole.shape[1]
    np.testing.assert_allclose(audio.samples[:, 210_000:], whole[:, 210_000:], atol=1e-4)
    assert len(notes) == 1
    assert "there is silence there" in notes[0]


def test_damage_in_mid_file_does_not_shift_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "hurt.flac"
    samples = sound(length=400_000)
    soundfile.write(path, samples, 44100, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = b"\0" * 2000
    path.write_bytes(data)
    notes: list[str] = []
    audio = read_song(path, on_note=notes.append)
    assert audio.length == 400_000
    assert notes
    np.testing.assert_allclose(audio.samples[:, :180_000], samples.T[:, :180_000], atol=2**-14)
    np.testing.assert_allclose(audio.samples[:, 220_000:], samples.T[:, 220_000:], atol=2**-14)


def test_songs_decode_in_threads_side_by_side(song: Path) -> None:
    lengths: list[int] = []
    threads = [threading.Thread(target=lambda: lengths.append(read_song(song).length)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [300_000] * 4


def test_a_song_is_known_again_by_its_hash(song: Path, tmp_path: Path) -> None:
    moved = song.rename(tmp_path / "moved.wav")
    assert song_hash(moved) == hashlib.sha256(moved.read_bytes()).hexdigest()
