"""The two decoders: samples of a file in blocks of about a second, by soundfile or by PyAV."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Samples
from stemstudio.audio.headers import movie_timescale
from stemstudio.audio.names import native

if TYPE_CHECKING:
    import av
    import soundfile

Note = Callable[[str], None]
BLOCK_VALUES = 2**17  # fits the second-level cache, and is 1.5 s of stereo at 44.1 kHz
SOUGHT_FORMATS = ("WAV", "WAVEX", "RF64", "AIFF", "FLAC")
SOUGHT_SUBTYPES = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
LARGEST_GAP = 60.0  # seconds of silence put in for what is damaged, in all


def soundfile_blocks(path: Path, note: Note) -> Iterator[Samples]:
    """Blocks float32 (channels, n) of a file that libsndfile opens, read ahead in threads of their own.

    Two threads with a handle each take turns where any sample can be sought exactly and cheaply; one reads on
    otherwise. Where libsndfile gives up in mid-file, PyAV goes on from the same sample if it can. `note` is told in
    a sentence about what is missing.
    """
    import soundfile

    with ExitStack() as stack:
        file = stack.enter_context(soundfile.SoundFile(native(path)))
        rate, channels, promised = file.samplerate, file.channels, file.frames
        size = step = max(1024, BLOCK_VALUES // channels)
        sought = file.format in SOUGHT_FORMATS and file.subtype in SOUGHT_SUBTYPES and promised > 32 * size
        handles: SimpleQueue[soundfile.SoundFile] = SimpleQueue()
        handles.put(file)
        if sought:
            size *= 16  # so that what a FLAC decoder does to find its place is little
            handles.put(stack.enter_context(soundfile.SoundFile(native(path))))
        threads = handles.qsize()
        pool = ThreadPoolExecutor(threads, "decoder")
        stack.callback(pool.shutdown, cancel_futures=True)

        def read(start: int) -> Samples:
            handle = handles.get()
            try:
                if sought and handle.tell() != start:
                    handle.seek(start)
                return _read_planar(handle, size)
            finally:
                handles.put(handle)

        pending: deque[Future[Samples]] = deque()
        position = start = 0
        broken = False
        try:
            while True:
                while len(pending) <= threads and (start < promised or not sought):
                    pending.append(pool.submit(read, start))
                    start += size
                if not pending:
                    break
                block = pending.popleft().result()
                for first in range(0, block.shape[1], step):
                    part = block[:, first : first + step]
                    position += part.shape[1]
                    yield part
                if block.shape[1] < size:
                    break
        except (soundfile.LibsndfileError, RuntimeError):
            broken = True
    broken_at = position
    if broken:
        for block in _rest(path, position, rate, channels):
            position += block.shape[1]
            yield block
    if position and promised < 2**62 and falls_short(position / rate, promised / rate):
        note(cut_off(position / rate, promised / rate))
    elif position and broken:
        note(f"The file is damaged soon after {clock(broken_at / rate)}; listen to it there.")


def _read_planar(file: soundfile.SoundFile, length: int) -> Samples:
    # By pieces that stay in the cache between being decoded and being sorted by channel.
    samples = np.empty((file.channels, length), dtype=np.float32)
    scratch = np.empty((min(length, max(256, 2**15 // file.channels)), file.channels), dtype=np.float32)
    filled = 0
    while filled < length and len(piece := file.read(out=scratch[: length - filled])):
        samples[:, filled : filled + len(piece)] = piece.T
        filled += len(piece)
    return samples[:, :filled]


def _rest(path: Path, position: int, rate: int, channels: int) -> Iterator[Samples]:
    """What comes after `position`, where libsndfile gave up: by PyAV, or by libsndfile in smaller steps."""
    import soundfile

    came = False
    to_skip = position
    with suppress(_av_error()):
        for block in pyav_blocks(path, lambda sentence: None, expect=(rate, channels)):
            skipped = min(to_skip, block.shape[1])
            to_skip -= skipped
            if block.shape[1] > skipped:
                came = True
                yield block[:, skipped:]
    if came:
        return
    with suppress(soundfile.LibsndfileError, RuntimeError), soundfile.SoundFile(native(path)) as file:
        file.seek(position)
        while len(samples := file.read(1024, dtype="float32", always_2d=True)):
            yield samples.T


def open_container(path: Path) -> av.container.InputContainer:
    """Open a file with PyAV as what it is: one local file, whose name and contents can point to nothing else."""
    import av

    return av.open(
        f"file:{path.absolute()}", metadata_errors="ignore", options={"protocol_whitelist": "file"}, mode="r"
    )


def pyav_blocks(path: Path, note: Note, expect: tuple[int, int] | None = None) -> Iterator[Samples]:
    """Blocks float32 (channels, n) of a file's first sound stream, decoded by FFmpeg.

    Damaged packets, and gaps that the stream's own clock shows, become silence, so that what follows stays in
    time. Ends early, with a note, where the stream changes its rate or its channels.

    Parameters
    ----------
    expect
        Rate and channels that the stream must have; those of its first frame otherwise.
    """
    with open_container(path) as container:
        stream = container.streams.audio[0]
        exact = _exact_length(path, container, stream)
        waiting: list[Samples] = []
        waiting_values = position = damaged = 0
        silence_left = LARGEST_GAP
        beginning = float((stream.start_time or 0) * (stream.time_base or 0))
        promised = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        first_time: float | None = None
        for frame in frames_of(container, stream):
            if frame is None:
                damaged += 1
                continue
            found = (frame.sample_rate, frame.layout.nb_channels)
            if expect is None:
                expect = found
            if found != expect:
                note(f"The sound changes its rate or its channels after {clock(position / expect[0])}, "
                     "and what comes then was left out.")  # fmt: skip
                break
            rate, channels = expect
            block = planar(frame)
            if frame.time is not None:
                if first_time is None:
                    first_time = beginning if damaged else frame.time
                gap = frame.time - first_time - position / rate
                if 0.02 < gap <= silence_left:
                    silence_left -= gap
                    silence = np.zeros((channels, round(gap * rate)), dtype=np.float32)
                    position += silence.shape[1]
                    waiting.append(silence)
                    waiting_values += silence.size
            if exact is not None:
                block = block[:, : exact - position]
            position += block.shape[1]
            waiting.append(block)
            waiting_values += block.size
            if waiting_values >= BLOCK_VALUES:
                yield np.concatenate(waiting, axis=1)
                waiting, waiting_values = [], 0
        if waiting_values:
            yield np.concatenate(waiting, axis=1)
        if expect is not None and position:
            seconds = position / expect[0]
            if falls_short(seconds, promised):
                note(cut_off(seconds, promised))
            if damaged:
                places = "one place" if damaged == 1 else f"{damaged} places"
                note(f"The file is damaged in {places}; there is silence there.")


def frames_of(container: av.container.InputContainer, stream: Any) -> Iterator[Any]:
    """Decoded frames in order; None for each place that could not be decoded."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except _av_error():
            yield None
            return
        try:
            yield from packet.decode()
        except _av_error():
            yield None


def planar(frame: Any) -> Samples:
    """A decoded frame's samples as float32 (channels, n); integers to ±1 exactly, nothing clipped."""
    values: NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    samples: Samples = values.astype(np.float32, copy=False)
    if values.dtype == np.uint8:
        samples -= 128
        samples /= 128
    elif values.dtype.kind == "i":
        samples *= np.float32(2.0 ** (1 - 8 * values.dtype.itemsize))
    return samples


def _exact_length(path: Path, container: Any, stream: Any) -> int | None:
    # MP4 states how much of the last packet is sound; FFmpeg plays all of it. It can be taken at its word where it
    # counts in samples and not in milliseconds.
    if "mp4" not in container.format.name or not stream.duration or stream.time_base.numerator != 1:
        return None
    rate = stream.time_base.denominator
    if rate != stream.codec_context.sample_rate or movie_timescale(path) != rate:
        return None
    return int(stream.duration)


def _av_error() -> type[Exception]:
    import av

    return av.error.FFmpegError


def falls_short(seconds: float, promised: float) -> bool:
    """Whether sound is missing; what MP3 and some containers promise is an estimate."""
    return promised - seconds > max(0.25, promised / 30)


def cut_off(seconds: float, promised: float) -> str:
    """The sentence about a file that ends too early."""
    return f"The file is cut off or damaged: it should last {clock(promised)}, and {clock(seconds)} could be read."


def plain(error: BaseException) -> str:
    """What a decoder said, without its type, its numbers and its file names."""
    words = getattr(error, "strerror", None) or getattr(error, "error_string", None) or str(error)
    return str(words).strip().rstrip(".").lower() or "the decoder does not say why"


def clock(seconds: float) -> str:
    """A time as 3:07.5."""
    minutes, rest = divmod(round(max(0.0, seconds), 1), 60)
    return f"{int(minutes)}:{rest:04.1f}"
