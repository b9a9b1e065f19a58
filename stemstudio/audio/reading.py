"""Any song a musician has, as Audio: looked at first, then decoded in blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from stemstudio.audio.audio import Audio, Samples
from stemstudio.audio.channels import ChannelChoice
from stemstudio.audio.decoders import open_container, plain, pyav_blocks, soundfile_blocks
from stemstudio.audio.headers import ends_without_end, missing_share
from stemstudio.audio.names import native
from stemstudio.audio.sample_store import SampleStore, frozen
from stemstudio.audio.tags import Tags, read_tags
from stemstudio.errors import StemStudioError, UnreadableSong
from stemstudio.progress import Progress

OnBlock = Callable[[Samples, int, int], None]
OnNote = Callable[[str], None]
RATES = range(1000, 3_000_001)  # Hz; the upper end is DSD
LARGEST_RATIO = 16  # samples a channel for each byte of file that a header is believed beforehand
PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"<?xml", b"<MPD")


@dataclass(frozen=True)
class SongInfo:
    """What a file holds, before it is decoded.

    Attributes
    ----------
    path
        The file.
    format, codec
        Container and coding, in the decoder's words: `WAV` and `PCM_16`, `mov` and `aac`.
    sample_rate
        In Hz.
    channels
        As many as the file has.
    frames_estimate
        Samples a channel if the file says; the sound may turn out shorter or longer.
    tags
        Title, artist, cover and so on.
    decoder
        Who decodes it.
    notes
        Sentences about what is unusual and was lived with.
    """

    path: Path
    format: str
    codec: str
    sample_rate: int
    channels: int
    frames_estimate: int | None
    decoder: Literal["soundfile", "pyav"]
    tags: Tags = field(default_factory=Tags)
    notes: tuple[str, ...] = ()

    @property
    def duration_estimate(self) -> float | None:
        """In seconds."""
        return None if self.frames_estimate is None else self.frames_estimate / self.sample_rate


class NeedsChannelChoice(StemStudioError):
    """A song with more than two channels, of which nobody said yet what becomes of them."""

    def __init__(self, info: SongInfo) -> None:
        super().__init__(
            f"“{info.path.name}” has {info.channels} channels.",
            "Choose to fold them down to stereo, or which two to take.",
        )
        self.info = info


def probe(path: Path | str) -> SongInfo:
    """Look at a file without decoding it.

    Raises
    ------
    UnreadableSong
        If no song can be had from it, with the reason.
    """
    path = Path(path)
    _refuse_what_is_no_file(path)
    info = _probe_soundfile(path) or _probe_pyav(path)
    if info.sample_rate not in RATES:
        raise UnreadableSong(path, f"it claims a sample rate of {info.sample_rate} Hz")
    if info.channels < 1:
        raise UnreadableSong(path, "it has no channel of sound")
    tags, note = read_tags(path)
    notes: tuple[str, ...] = (note,) if note else ()
    missing = missing_share(path)
    if missing > 0.001:
        notes += (
            f"The file is cut off: the last {max(1, round(100 * missing))} % that it announces are missing.",
        )
    elif ends_without_end(path):
        notes += ("The file has no end mark and may be cut off.",)
    return SongInfo(**{**vars(info), "tags": tags, "notes": notes})


def decode(
    info: SongInfo,
    progress: Progress | None = None,
    *,
    channels: ChannelChoice | Literal["all"] | None = None,
    into: Path | None = None,
    on_block: OnBlock | None = None,
    on_note: OnNote | None = None,
) -> Audio:
    """Decode a song at its own rate, block by block; whole or not at all.

    Parameters
    ----------
    info
        From `probe`.
    progress
        Gets the share decoded; stops the work with `Cancelled` within a block.
    channels
        What to do with more than two channels ("all" keeps every one); ignored for mono and stereo.
    into
        Folder for the samples of long recordings (from about 128 MB on they go to an unnamed file there); the
        user's cache folder if not given.
    on_block
        Called as `on_block(buffer, start, stop)` in this thread after each block of about a second: `buffer` is
        read-only float32 (channels, room), of which `[:, :stop]` is filled and stays as it is. Where the length was
        announced too short, later calls bring another, larger buffer with the same samples in it.
    on_note
        Called with a sentence about anything that was lived with: damage, silence put in, samples that are no
        numbers.

    Returns
    -------
    Audio
        float32 (channels, samples) of the exact length. Samples above full scale are kept.

    Raises
    ------
    NeedsChannelChoice
        If there are more than two channels and `channels` is None.
    UnreadableSong
        If no sample could be decoded.
    """
    progress = progress or Progress()
    note = on_note or (lambda sentence: None)
    weights = None
    if info.channels > 2 and channels != "all":
        if channels is None:
            raise NeedsChannelChoice(info)
        weights = channels.matrix(info.channels)
    store: SampleStore | None = None
    shown: Samples | None = None
    bad_samples = 0
    message = f"Opening {info.path.name}"
    progress(0.0, message)
    for block in _blocks(info, note):
        progress.check()
        block, bad = finite(block)
        bad_samples += bad
        if weights is not None:
            block = weights @ block
        if store is None:
            store = SampleStore(block.shape[0], _expected(info), into)
        start, stop = store.append(block)
        if on_block is not None:
            if shown is None or shown.shape != store.array.shape:
                shown = frozen(store.array)
            on_block(shown, start, stop)
        if info.frames_estimate:
            progress(stop / info.frames_estimate, message)
    if store is None or store.length == 0:
        raise UnreadableSong(info.path, "no sound could be decoded from it")
    if bad_samples:
        note(f"{bad_samples} samples were no numbers and became silence.")
    audio = Audio(store.exact(progress), info.sample_rate)
    progress(1.0, message)
    return audio


def read_song(
    path: Path | str,
    progress: Progress | None = None,
    channels: ChannelChoice | Literal["all"] | None = None,
    on_note: OnNote | None = None,
) -> Audio:
    """Look at a song and decode it; raises as `probe` and `decode` do."""
    info = probe(path)
    if on_note is not None:
        for sentence in info.notes:
            on_note(sentence)
    return decode(info, progress, channels=channels, on_note=on_note)


def song_hash(path: Path | str) -> str:
    """SHA-256 of the file in hexadecimal, by which a song is known again wherever it was moved to."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def finite(block: Samples) -> tuple[Samples, int]:
    """The block with NaN and infinities replaced by 0, and how many there were."""
    with np.errstate(over="ignore", invalid="ignore"):
        power = sum(float(np.dot(row, row)) for row in block)  # only suspicion pays for the exact test
    if np.isfinite(power):
        return block, 0
    good = np.isfinite(block)
    return np.where(good, block, np.float32(0)), int(good.size - np.count_nonzero(good))


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise UnreadableSong(path, "it is a folder", "Open one of the songs in it.")
        if not path.exists():
            raise UnreadableSong(path, "there is no such file")
        if not path.is_file():
            raise UnreadableSong(path, "it is not a file")
        if path.stat().st_size == 0:
            raise UnreadableSong(path, "it is empty")
        with path.open("rb") as file:
            if file.read(16).lstrip().startswith(PLAYLISTS):
                raise UnreadableSong(
                    path, "it is a list of songs and not a song", "Open one of the songs it lists."
                )
    except (OSError, ValueError) as error:
        raise UnreadableSong(path, plain(error)) from error


def _probe_soundfile(path: Path) -> SongInfo | None:
    import soundfile

    if path.suffix.lower() == ".raw":  # would be taken for headerless samples of unstated rate
        return None
    try:
        with soundfile.SoundFile(native(path)) as file:
            if file.format == "OGG" and file.channels > 2:
                return None  # libsndfile keeps Vorbis' own order of channels; FFmpeg sorts them
            frames = file.frames if 0 < file.frames < 2**62 else None
            return SongInfo(
                path, file.format, file.subtype, file.samplerate, file.channels, frames, decoder="soundfile"
            )
    except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError):
        return None


def _probe_pyav(path: Path) -> SongInfo:
    import av

    from stemstudio.audio.decoders import frames_of

    try:
        with open_container(path) as container:
            if not container.streams.audio:
                raise UnreadableSong(path, "there is no sound in it")
            stream = container.streams.audio[0]
            frame = next(filter(None, islice(frames_of(container, stream), 200)), None)
            if frame is None:
                raise UnreadableSong(path, "no sound could be decoded from it")
            rate = frame.sample_rate
            seconds = (
                float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
            )
            if not seconds and container.duration:
                seconds = container.duration / 1_000_000
            frames = round(seconds * rate) if 0 < seconds < 1e6 else None
            container_name = container.format.name.split(",")[0]
            codec = stream.codec_context.name
            return SongInfo(
                path, container_name, codec, rate, frame.layout.nb_channels, frames, decoder="pyav"
            )
    except av.error.FFmpegError as error:
        reason = "it is damaged, or of a kind that is not known here"
        if isinstance(error, av.error.InvalidDataError):
            raise UnreadableSong(path, reason) from error
        raise UnreadableSong(path, f"{reason} ({plain(error)})") from error


def _blocks(info: SongInfo, note: OnNote) -> Iterator[Samples]:
    import av
    import soundfile

    try:
        source = soundfile_blocks if info.decoder == "soundfile" else pyav_blocks
        came = False
        for block in source(info.path, note):
            came = True
            if block.shape[0] != info.channels:
                raise UnreadableSong(info.path, "it was changed while it was being opened")
            yield block
        if not came and info.decoder == "soundfile":
            yield from pyav_blocks(info.path, note, expect=(info.sample_rate, info.channels))
    except (soundfile.LibsndfileError, av.error.FFmpegError, OSError) as error:
        raise UnreadableSong(info.path, plain(error)) from error


def _expected(info: SongInfo) -> int:
    believable = info.path.stat().st_size * LARGEST_RATIO + 2**22
    return min(info.frames_estimate or 60 * info.sample_rate, believable)
