"""The kinds of file that sound is written to, and what each can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stemstudio.errors import StemStudioError

Encoder = Literal["soundfile", "pyav"]


@dataclass(frozen=True)
class Subtype:
    """One quality a format can be written in.

    Attributes
    ----------
    name
        As on the command line: `24`, `float`, `320`.
    words
        For the export dialog.
    coding
        The encoder's own word for it.
    bits
        Of the integers it is rounded to; None for floating point and for lossy coding.
    setting
        Compression level for libsndfile, or bits a second and channel for AAC.
    bit_rate_mode
        For MP3.
    """

    name: str
    words: str
    coding: str
    bits: int | None = None
    setting: float | None = None
    bit_rate_mode: Literal["CONSTANT", "VARIABLE"] | None = None


@dataclass(frozen=True)
class FileFormat:
    """A kind of sound file.

    Attributes
    ----------
    name
        As on the command line.
    suffix
        With the dot.
    words
        One line for a musician.
    container
        The encoder's own word for it.
    subtypes
        Qualities; the first is taken when none is asked for.
    max_channels
        How many channels it holds.
    rates
        Sample rates in Hz it can keep; None for any.
    lossless
        Whether samples come back as they were, apart from rounding to the subtype's bits.
    encoder
        Who writes it.
    """

    name: str
    suffix: str
    words: str
    container: str
    subtypes: tuple[Subtype, ...]
    max_channels: int
    rates: tuple[int, ...] | None
    lossless: bool
    encoder: Encoder = "soundfile"

    def subtype(self, name: str | None) -> Subtype:
        """The quality of that name, the first if None; raises `StemStudioError` for one it has not."""
        for each in self.subtypes:
            if name in (None, each.name):
                return each
        names = ", ".join(each.name for each in self.subtypes)
        raise StemStudioError(f"{self.name} cannot be written as “{name}”.", f"Choose one of {names}.")


PCM_16 = Subtype("16", "16 bit, as on a CD", "PCM_16", bits=16)
PCM_24 = Subtype("24", "24 bit, for studios", "PCM_24", bits=24)
FLOAT = Subtype("float", "32-bit float, exact and never clipped", "FLOAT")
MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)

FORMATS: dict[str, FileFormat] = {
    each.name: each
    for each in (
        FileFormat(
            "wav", ".wav", "WAV: opens everywhere, large", "WAV", (PCM_24, PCM_16, FLOAT), 32, None, True
        ),
        FileFormat("flac", ".flac", "FLAC: exact and half the size", "FLAC", (PCM_24, PCM_16), 8, None, True),
        FileFormat("aiff", ".aiff", "AIFF: for older Mac programs", "AIFF", (PCM_24, PCM_16), 32, None, True),
        FileFormat(
            "mp3",
            ".mp3",
            "MP3: small, for listening anywhere",
            "MP3",
            (
                Subtype("320", "320 kbit/s", "MPEG_LAYER_III", setting=0.0, bit_rate_mode="CONSTANT"),
                Subtype(
                    "v0",
                    "about 250 kbit/s, variable",
                    "MPEG_LAYER_III",
                    setting=0.0,
                    bit_rate_mode="VARIABLE",
                ),
                Subtype(
                    "v2",
                    "about 190 kbit/s, variable",
                    "MPEG_LAYER_III",
                    setting=0.2,
                    bit_rate_mode="VARIABLE",
                ),
            ),
            2,
            MPEG_RATES,
            False,
        ),
        FileFormat(
            "m4a",
            ".m4a",
            "M4A (AAC): small, for phones and Apple programs",
            "ipod",
            (
                Subtype("256", "256 kbit/s", "aac", setting=128_000),
                Subtype("192", "192 kbit/s", "aac", setting=96_000),
                Subtype("128", "128 kbit/s", "aac", setting=64_000),
            ),
            2,
            AAC_RATES,
            False,
            "pyav",
        ),
        FileFormat(
            "ogg",
            ".ogg",
            "Ogg Vorbis: small and free, for games and the web",
            "OGG",
            (
                Subtype("q8", "about 256 kbit/s", "VORBIS", setting=0.2),
                Subtype("q6", "about 192 kbit/s", "VORBIS", setting=0.4),
                Subtype("q4", "about 128 kbit/s", "VORBIS", setting=0.6),
            ),
            2,
            None,
            False,
        ),
        FileFormat(
            "opus",
            ".opus",
            "Opus: the smallest at good sound, for the web",
            "OGG",
            (
                Subtype("192", "192 kbit/s", "OPUS", setting=0.64),
                Subtype("128", "128 kbit/s", "OPUS", setting=0.768),
                Subtype("96", "96 kbit/s", "OPUS", setting=0.832),
            ),
            2,
            OPUS_RATES,
            False,
        ),
    )
}
NAMES = {
    "wav": "WAV",
    "flac": "FLAC",
    "aiff": "AIFF",
    "mp3": "MP3",
    "m4a": "M4A",
    "ogg": "Ogg Vorbis",
    "opus": "Opus",
}


def file_format(name: str) -> FileFormat:
    """The format of that name, with or without a dot; raises `StemStudioError` for an unknown one."""
    found = FORMATS.get({"aif": "aiff", "wave": "wav"}.get(key := name.lower().lstrip("."), key))
    if found is None:
        raise StemStudioError(
            f"“{name}” is not a format that can be written.", f"Choose one of {', '.join(FORMATS)}."
        )
    return found


def why_not(kind: FileFormat, sample_rate: int, channels: int) -> tuple[str, str]:
    """Why a song of this rate and number of channels cannot be kept in this format, and a way on; empty if it can."""
    name = NAMES[kind.name]
    if channels > kind.max_channels:
        return (
            f"{name} holds at most {kind.max_channels} channels and the sound has {channels}",
            "Choose WAV.",
        )
    if kind.rates is not None and sample_rate not in kind.rates:
        others = " or ".join(
            NAMES[other.name]
            for other in FORMATS.values()
            if not other.lossless
            and channels <= other.max_channels
            and (other.rates is None or sample_rate in other.rates)
        )
        return f"{name} cannot keep a sample rate of {sample_rate} Hz", f"Choose {others or 'WAV or FLAC'}."
    return "", ""
