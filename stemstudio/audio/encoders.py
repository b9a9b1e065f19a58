"""The two encoders: blocks of samples into a file, by soundfile or by PyAV."""

from __future__ import annotations

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


class Encoder(Protocol):
    """What takes blocks (channels, n) in order and then closes the file."""

    def write(self, block: Samples) -> None: ...

    def close(self) -> None: ...


class SoundfileEncoder:
    """WAV, RF64, AIFF, FLAC, MP3, Ogg Vorbis and Opus by libsndfile.

    Integers are rounded here and not there: with triangular dither of ±1 step (Lipshitz, Wannamaker & Vanderkooy
    1992) where a block needs rounding, exactly where it does not, so that a 16-bit song that nobody touched, and
    silence, come out as they went in.
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
        import av

        self._rate, self._layout = rate, "mono" if channels == 1 else "stereo"
        # Counting in samples and not in milliseconds keeps the length exact.
        options = {"movie_timescale": str(rate)}
        self._file = _ForgivingFile(path)
        container: Any = av.open(self._file, "w", format=kind.container, options=options)
        self._container = container
        self._stream = container.add_stream(subtype.coding, rate=rate, layout=self._layout)
        # The encoder allows 6144 bits a frame and channel.
        self._stream.bit_rate = int(min(channels * (subtype.setting or 0), 6 * rate * channels))
        self._waiting = np.zeros((channels, 0), dtype=np.float32)
        self._position = 0

    def write(self, block: Samples) -> None:
        samples = np.concatenate([self._waiting, block], axis=1)
        whole = samples.shape[1] // AAC_FRAME * AAC_FRAME
        for start in range(0, whole, AAC_FRAME):
            self._encode(samples[:, start : start + AAC_FRAME])
        self._waiting = samples[:, whole:].copy()
        self._file.check()

    def close(self) -> None:
        try:
            if self._waiting.shape[1]:
                self._encode(self._waiting)
                self._waiting = self._waiting[:, :0]
            for packet in self._stream.encode(None):
                self._container.mux(packet)
        finally:
            self._container.close()
            self._file.close()
        self._file.check()

    def _encode(self, samples: Samples) -> None:
        import av

        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._position, Fraction(1, self._rate)
        self._position += samples.shape[1]
        for packet in self._stream.encode(frame):
            self._container.mux(packet)


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
    """Samples of ±1 as integers of 16 bits, or of 24 in the upper part of 32; dithered only if rounding is needed."""
    steps = values * np.float64(2 ** (bits - 1))
    noise = random.random(
        (*values.shape, 2), dtype=np.float32
    )  # drawn always: the same seed, the same noise later on
    if not np.array_equal(steps, np.rint(steps)):
        steps += noise[..., 0]
        steps -= noise[..., 1]
        np.rint(steps, out=steps)
    np.clip(steps, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, out=steps)
    return steps.astype(np.int16) if bits == 16 else steps.astype(np.int32) << (32 - bits)
