"""The two encoders: blocks of samples into a file, by soundfile or by PyAV."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stemstudio.audio.audio import Samples
from stemstudio.audio.broadcast import Origin, stamp
from stemstudio.audio.formats import FileFormat, Subtype
from stemstudio.audio.names import native

LARGEST_RIFF = 2**32 - 2**16  # bytes of sound; WAV counts in 32 bits
AAC_FRAME = 1024
ALAC_FRAME = 4096
PIECE = 4096  # samples a channel that are rounded at a time: as many as stay in the processor's cache
NOTHING = 2.0**-24  # half a step of 24 bits: −144 dB of full scale, and less than that is silence


class Encoder(Protocol):
    """What takes blocks (channels, n) in order and then closes the file."""

    def write(self, block: Samples) -> None: ...

    def close(self) -> None: ...


class SoundfileEncoder:
    """WAV, RF64, AIFF, FLAC, MP3, Ogg Vorbis and Opus by libsndfile.

    Integers are rounded here and not there: with triangular dither of ±1 step (Lipshitz, Wannamaker & Vanderkooy
    1992) where a block needs rounding, exactly where it does not, so that a 16-bit song that nobody touched, and
    silence, come out as they went in. Nobody hears dither where a stem pauses, and FLAC would have to keep it.
    """

    def __init__(
        self,
        path: Path,
        kind: FileFormat,
        subtype: Subtype,
        rate: int,
        channels: int,
        length: int,
        seed: int,
        origin: Origin | None = None,
    ) -> None:
        import soundfile

        container = kind.container
        if container == "WAV":
            bytes_a_sample = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}[subtype.coding]
            if length * channels * bytes_a_sample >= LARGEST_RIFF:
                container = "RF64"
            elif channels > 2:
                container = "WAVEX"
        self._bits = subtype.bits
        self._random = np.random.Generator(np.random.SFC64(seed))
        self._file = soundfile.SoundFile(
            native(path),
            "w",
            rate,
            channels,
            subtype.coding,
            format=container,
            compression_level=subtype.setting,
            bitrate_mode=subtype.bit_rate_mode,
        )
        if origin is not None and kind.container == "WAV":
            stamp(self._file, origin.start, origin.description)

    def write(self, block: Samples) -> None:
        values: NDArray[Any] = np.ascontiguousarray(block.T)
        if self._bits is not None:
            values = quantise(values, self._bits, self._random)
        self._file.write(values)

    def close(self) -> None:
        self._file.close()


class PyAVEncoder:
    """AAC in M4A by FFmpeg's own encoder, with the exact length in the edit list."""

    def __init__(self, path: Path, kind: FileFormat, subtype: Subtype, rate: int, channels: int) -> None:
        self._movie = Movie(path, kind.container, rate)
        self._stream = self._movie.add_stream(
            subtype.coding, channels, int(channels * (subtype.setting or 0))
        )

    def write(self, block: Samples) -> None:
        self._stream.write(block)

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._movie.close()


class Movie:
    """An MP4 file with streams of sound; `close` it when they are closed.

    Parameters
    ----------
    container
        FFmpeg's word for the kind of MP4.
    rate
        Sample rate in Hz, of all streams.
    """

    def __init__(self, path: Path, container: str, rate: int) -> None:
        import av

        # Counting in samples and not in milliseconds keeps the length exact.
        options = {"movie_timescale": str(rate)}
        self.rate = rate
        self._file = _ForgivingFile(path)
        self._container: Any = av.open(self._file, "w", format=container, options=options)
        self._muxing = threading.Lock()

    def add_stream(
        self, coding: str, channels: int, bit_rate: int = 0, name: str = "", seed: int = 0
    ) -> MovieStream:
        """One more stream, before any of them is written to."""
        stream = self._container.add_stream(
            coding, rate=self.rate, layout="mono" if channels == 1 else "stereo"
        )
        if bit_rate:  # the encoder allows 6144 bits a frame and channel
            stream.bit_rate = int(min(bit_rate, 6 * self.rate * channels))
        if name:
            stream.metadata["handler_name"] = name
        return MovieStream(self, stream, coding, channels, seed)

    def mux(self, packets: Any) -> None:
        """Take packets of any of the streams; from any thread."""
        with self._muxing:
            for packet in packets:
                self._container.mux(packet)
        self._file.check()

    def close(self) -> None:
        self._container.close()
        self._file.close()
        self._file.check()


class MovieStream:
    """A stream of a `Movie`, AAC or 24-bit ALAC; each may be filled by a thread of its own."""

    def __init__(self, movie: Movie, stream: Any, coding: str, channels: int, seed: int) -> None:
        self._movie, self._stream = movie, stream
        self._layout = "mono" if channels == 1 else "stereo"
        self._exact = coding == "alac"
        self._frame = ALAC_FRAME if self._exact else AAC_FRAME
        self._random = np.random.Generator(np.random.SFC64(seed))
        self._waiting: NDArray[Any] = np.zeros((channels, 0), dtype=np.float32)
        self._position = 0

    def write(self, block: Samples) -> None:
        samples = np.concatenate([self._waiting, block], axis=1)
        whole = samples.shape[1] // self._frame * self._frame
        for start in range(0, whole, self._frame):
            self._encode(samples[:, start : start + self._frame])
        self._waiting = samples[:, whole:].copy()

    def close(self) -> None:
        """Write what is left; the movie stays open."""
        if self._waiting.shape[1]:
            self._encode(self._waiting)
            self._waiting = self._waiting[:, :0]
        self._movie.mux(self._stream.encode(None))

    def _encode(self, samples: Samples) -> None:
        import av

        values: NDArray[Any] = quantise(samples.T, 24, self._random).T if self._exact else samples
        values = np.ascontiguousarray(values)
        form = "s32p" if self._exact else "fltp"
        frame = av.AudioFrame.from_ndarray(values, format=form, layout=self._layout)
        rate = self._movie.rate
        frame.sample_rate, frame.pts, frame.time_base = rate, self._position, Fraction(1, rate)
        self._position += samples.shape[1]
        self._movie.mux(self._stream.encode(frame))


class _ForgivingFile:
    """A file that FFmpeg can always write to: its MP4 muxer kills the process when a write fails.

    The first failure is kept for `check`, and what comes after it is thrown away.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._failure: OSError | None = None

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while len(rest) and self._failure is None:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self._failure = error
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()

    def check(self) -> None:
        if self._failure is not None:
            raise self._failure


def quantise(
    values: Samples, bits: int, random: np.random.Generator
) -> NDArray[np.int16] | NDArray[np.int32]:
    """Samples of ±1, shape (n, channels), as integers of 16 bits, or of 24 in the upper part of 32.

    They are dithered where a block needs rounding, but not in pieces in which a channel is silent.
    """
    whole = np.empty(values.shape, dtype=np.int16 if bits == 16 else np.int32)
    for start in range(0, len(values), PIECE):
        piece = slice(start, start + PIECE)
        whole[piece] = _rounded(values[piece], bits, random)
    return whole


def _rounded(values: Samples, bits: int, random: np.random.Generator) -> NDArray[Any]:
    steps = np.multiply(values, 2.0 ** (bits - 1), dtype=np.float64)
    if not np.array_equal(steps, np.rint(steps)):
        even = random.integers(2**64 - 1, size=-(-values.size // 2), dtype=np.uint64, endpoint=True)
        first, second = even.view(np.uint16)[: 2 * values.size].reshape(2, *values.shape)
        noise = first.astype(np.float32)
        noise -= second
        noise *= np.float32(2.0**-16)
        loud = np.abs(values).max(axis=0) >= NOTHING
        if not loud.all():
            noise *= loud
        steps += noise
        np.rint(steps, out=steps)
    np.clip(steps, -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1, out=steps)
    return steps.astype(np.int16) if bits == 16 else steps.astype(np.int32) << (32 - bits)
