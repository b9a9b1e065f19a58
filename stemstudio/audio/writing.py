"""Sound into a file: whole or not at all, nothing overwritten, normalised or clipped without a word."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard, cast

import numpy as np

from stemstudio.audio.audio import Samples, Sound
from stemstudio.audio.broadcast import Origin
from stemstudio.audio.encoders import Encoder, PyAVEncoder, SoundfileEncoder
from stemstudio.audio.formats import FORMATS, file_format, why_not
from stemstudio.audio.headers import set_channel_mask
from stemstudio.audio.names import native
from stemstudio.audio.reading import finite
from stemstudio.audio.tags import Tags, write_channel_mask, write_tags
from stemstudio.audio.targets import FileExists, check_target, claim_part, place_all, sync, why
from stemstudio.errors import UnwritableFile
from stemstudio.progress import Progress

__all__ = ["FORMATS", "FileExists", "SoundWriter", "WriteReport", "place_all", "write_audio"]

Blocks = Iterable[Samples] | Callable[[], Iterable[Samples]]
BLOCK = 2**15  # samples a channel


@dataclass(frozen=True)
class WriteReport:
    """What was written.

    Attributes
    ----------
    path
        The file.
    frames
        Samples a channel.
    peak
        Largest absolute sample, after the gain and before any clipping; 1 is full scale.
    clipped_db
        By how many dB the sound must be turned down for nothing to be clipped; 0 if nothing was.
    notes
        Sentences about what was lived with.
    """

    path: Path
    frames: int
    peak: float
    clipped_db: float
    notes: tuple[str, ...] = ()


def write_audio(
    path: Path | str,
    source: Sound | Blocks,
    sample_rate: int | None = None,
    channels: int | None = None,
    *,
    format: str,
    subtype: str | None = None,
    tags: Tags | None = None,
    dither_seed: int = 0,
    gain: float = 1.0,
    length: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> WriteReport:
    """Write sound to a file of the same rate, channels and length.

    The file appears under its name when it is whole; until then it is `<name>.part` in the same folder, which is
    taken away again on any error and on `Cancelled`. May run in several threads at once.

    How exact the length is: to the sample for all formats, read back with `stemstudio.audio.reading`. MP3 carries
    its encoder's delay and padding in a LAME header, M4A in its edit list, Ogg Vorbis and Opus in their last page;
    players that heed none of these add up to 0.05 s of silence at the ends. MP3, M4A, Vorbis and Opus change the
    samples; WAV, AIFF and FLAC only round them. The sample rate is never changed: a rate that the format cannot keep
    (44 100 Hz in Opus) is refused with the formats that can.

    Parameters
    ----------
    path
        Where to; its suffix is taken as it is.
    source
        An `Audio`, anything else that reads by range, or blocks float32 (channels, n) of any length (an iterable, or
        a function that gives one), for which `sample_rate`, `channels` and `length` must be said.
    format, subtype
        Names in `FORMATS`.
    tags
        Carried into the file. A failure is a note in the report and does not stop the writing.
    dither_seed
        Of the triangular dither that is added where samples are rounded to 16 or 24 bits; same seed, same file.
    gain
        Factor on all samples.
    length
        Samples a channel.
    overwrite
        Whether a file of that name may be replaced.

    Raises
    ------
    FileExists
        If there is one and `overwrite` is False.
    UnwritableFile
        If the format cannot hold the sound, or the disk will not take it.
    ValueError
        If the blocks are not as long, or not as many channels, as was said.
    """
    progress = progress or Progress()
    if _reads(source):
        sample_rate, channels, length = source.sample_rate, source.channels, source.length
    if sample_rate is None or channels is None or length is None:
        raise ValueError("sample_rate, channels and length must be given for blocks")
    with SoundWriter(
        path,
        sample_rate,
        channels,
        length,
        format=format,
        subtype=subtype,
        tags=tags,
        dither_seed=dither_seed,
        gain=gain,
        overwrite=overwrite,
    ) as writer:
        message = f"Writing {writer.path.name}"
        for block in _blocks(source, length):
            progress(0.98 * writer.taken / max(1, length), message)
            writer.write(block)
        report = writer.finish()
        progress.check()
        writer.place()
    progress(1.0, f"Wrote {writer.path.name}")
    return report


class SoundWriter:
    """A sound file in the making: takes blocks in order, and gets its name when it is whole.

    `write` all of it, `finish`, `place`. Until then it is `<name>.part` in the same folder, which `discard` takes
    away; so does leaving the `with` block early, and any error. Several may be filled at once, each by one thread at
    a time. Parameters and errors are those of `write_audio`.

    Parameters
    ----------
    dither
        False to round to 16 or 24 bits without dither.
    channel_mask
        Which loudspeakers the channels are for, as bits of WAVE_FORMAT_EXTENSIBLE; WAV and FLAC of more than two
        channels say it.
    origin
        Where the sound begins on the song's time line, for WAV files to say.

    Attributes
    ----------
    path
        The file.
    taken
        Samples a channel so far.
    """

    def __init__(
        self,
        path: Path | str,
        sample_rate: int,
        channels: int,
        length: int,
        *,
        format: str,
        subtype: str | None = None,
        tags: Tags | None = None,
        dither_seed: int = 0,
        dither: bool = True,
        gain: float = 1.0,
        overwrite: bool = False,
        channel_mask: int | None = None,
        origin: Origin | None = None,
    ) -> None:
        self.path = Path(path)
        self.taken = 0
        self._mask = channel_mask if channels > 2 else None
        self._kind = file_format(format)
        self._quality = self._kind.subtype(subtype)
        if not np.isfinite(gain):
            raise ValueError(f"gain must be a number, not {gain}")
        self._gain, self._length, self._tags = gain, length, tags
        self._dither, self._overwrite = dither, overwrite
        reason, way_on = why_not(self._kind, sample_rate, channels)
        if reason:
            raise UnwritableFile(self.path, reason, way_on)
        check_target(self.path, self._kind, self._quality, sample_rate, channels, length, overwrite)
        self._peak, self._bad, self._filled = 0.0, 0, 0
        # Equal pieces, however the blocks come: dither must not depend on them.
        self._room: Samples = np.empty((channels, BLOCK), dtype=np.float32)
        self._encoder: Encoder | None = None
        self._placed = False
        self.part = claim_part(self.path)
        with self._guarded():
            if self._kind.encoder == "pyav":
                self._encoder = PyAVEncoder(self.part, self._kind, self._quality, sample_rate, channels)
            else:
                self._encoder = SoundfileEncoder(
                    self.part,
                    self._kind,
                    self._quality,
                    sample_rate,
                    channels,
                    length,
                    dither_seed,
                    origin,
                )

    def __enter__(self) -> SoundWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def write(self, block: Samples) -> None:
        """Take the next block, (channels, n)."""
        if block.ndim != 2 or block.shape[0] != len(self._room):
            self.discard()
            raise ValueError(f"blocks must be ({len(self._room)}, n), not {block.shape}")
        with self._guarded():
            start = 0
            while start < block.shape[1]:
                count = min(BLOCK - self._filled, block.shape[1] - start)
                self._room[:, self._filled : self._filled + count] = block[:, start : start + count]
                self._filled += count
                start += count
                if self._filled == BLOCK:
                    self._encode()
        self.taken += block.shape[1]

    def finish(self) -> WriteReport:
        """Close the file, check that it is whole, put the tags in."""
        import soundfile

        with self._guarded():
            self._encode()
            encoder, self._encoder = self._encoder, None
            if encoder is not None:
                encoder.close()
            if self.taken != self._length:
                raise ValueError(f"{self._length} samples were promised and {self.taken} came")
            if self._kind.encoder == "soundfile" and self._kind.lossless:
                with soundfile.SoundFile(native(self.part)) as file:
                    if (
                        file.frames != self._length
                    ):  # what a full disk leaves behind can look like a whole file
                        raise OSError("the disk did not take all of it")
            notes = [f"{self._bad} samples were no numbers and became silence."] if self._bad else []
            if self._mask is not None and self._kind.name == "wav":
                set_channel_mask(self.part, self._mask)
            tag_note = write_tags(self.part, self._tags, self._kind.name) if self._tags else ""
            if self._mask is not None and self._kind.name == "flac":
                write_channel_mask(self.part, self._mask)
            notes += [tag_note] if tag_note else []
            over = 20 * float(np.log10(self._peak)) if self._peak > 1.0 else 0.0
            clipped_db = over if self._quality.bits else 0.0
            if clipped_db:
                notes.append(
                    f"The sound is clipped: turn it down by {clipped_db:.1f} dB, or write 32-bit float."
                )
            elif over and not self._kind.lossless:
                notes.append(f"The sound goes {over:.1f} dB over full scale, which most players will clip.")
            sync(self.part)
        return WriteReport(self.path, self._length, self._peak, clipped_db, tuple(notes))

    def place(self) -> None:
        """Give the finished file its name."""
        with self._guarded():
            if self.path.exists() and not self._overwrite:
                raise FileExists(self.path)
            os.replace(self.part, self.path)
            self._placed = True

    def discard(self) -> None:
        """Take the unfinished file away; nothing happens once it has its name."""
        if self._placed:
            return
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            with suppress(*_encoder_errors()):
                encoder.close()
        with suppress(OSError):
            self.part.unlink()

    def _encode(self) -> None:
        assert self._encoder is not None
        if not self._filled:
            return
        block, bad = finite(self._room[:, : self._filled])
        self._bad += bad
        if self._gain != 1.0:
            block = block * np.float32(self._gain)
        self._peak = max(self._peak, float(np.max(np.abs(block), initial=0.0)))
        if self._quality.bits and not self._dither:
            steps = np.float32(2 ** (self._quality.bits - 1))  # whole steps pass the encoder without dither
            block = np.rint(block * steps) / steps
        self._encoder.write(block)
        self._filled = 0

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Whatever goes wrong leaves no file; what the disk or the encoder says becomes one sentence."""
        try:
            yield
        except BaseException as error:
            self.discard()
            if isinstance(error, OSError):
                raise UnwritableFile(self.path, why(error)) from error
            if isinstance(error, _encoder_errors()):
                # soundfile asserts that libsndfile took every sample
                way_on = "Free some space, or choose another folder."
                raise UnwritableFile(self.path, "the disk may be full or gone", way_on) from error
            raise


def _blocks(source: Sound | Blocks, length: int) -> Iterator[Samples]:
    if _reads(source):
        for start in range(0, length, BLOCK):
            yield source.read(start, min(start + BLOCK, length))
    else:
        yield from source() if callable(source) else cast("Iterable[Samples]", source)


def _encoder_errors() -> tuple[type[BaseException], ...]:
    import soundfile

    return soundfile.LibsndfileError, AssertionError, OSError


def _reads(source: Sound | Blocks) -> TypeGuard[Sound]:
    return hasattr(source, "read") and hasattr(source, "length")
