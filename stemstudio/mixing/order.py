"""What is to be written: which sounds and data, in which form, under which names, and how large they will be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from stemstudio.mixing.pace import AS_RECORDED, Pace
from stemstudio.project.project import State

__all__ = ["DATA", "PACKAGES", "RETURNS", "ExportOrder", "ExportReport", "Group", "Key", "Label", "Part"]

Key = int | str
Gain = Literal["keep", "common peak", "common loudness", "each peak", "each loudness"]
Data = Literal["atoms", "midi", "masks", "pictures", "labels", "report"]
PackageName = Literal["files", "rpp", "dawproject", "stem-mp4"]


@dataclass(frozen=True)
class Package:
    """A form that sounds are handed over in.

    Attributes
    ----------
    name
        As on the command line.
    suffix
        Of its own file; empty where the sounds themselves are the files.
    words
        One line for a musician.
    single
        Whether all sounds lie in the one file.
    """

    name: PackageName
    suffix: str
    words: str
    single: bool


@dataclass(frozen=True)
class DataKind:
    """A kind of file that is no sound.

    Attributes
    ----------
    key
        As on the command line.
    name
        What stands in the place of a stem's name.
    suffix
        With the dot.
    words
        One line for a musician.
    paced
        Whether its times follow the tempo that is written.
    """

    key: Data
    name: str
    suffix: str
    words: str
    paced: bool = False


PACKAGES: dict[str, Package] = {
    each.name: each
    for each in (
        Package("files", "", "Sound files, all beginning at 0", False),
        Package("stem-mp4", ".stem.mp4", "Stems for decks (Native Instruments, .stem.mp4)", True),
        Package("dawproject", ".dawproject", "DAWproject: Bitwig, Cubase, Studio One …", True),
        Package("rpp", ".rpp", "REAPER project, with sound files beside it", False),
    )
}
RETURNS = "returns"
"""Key of what reverb and delay give back, which goes to other programs as a sound of its own."""
REAPER_SOURCES = {".wav": "WAVE", ".aiff": "WAVE", ".flac": "FLAC", ".mp3": "MP3", ".ogg": "VORBIS"}
STREAMS = {"aac": "AAC, 256 kbit/s a stream, as decks expect it", "alac": "ALAC: exact, and large"}
DATA: dict[str, DataKind] = {
    "atoms": DataKind("atoms", "atoms", ".npz", "Atoms: templates and activations (.npz)"),
    "midi": DataKind("midi", "notes", ".mid", "Atoms as notes (.mid)", True),
    "masks": DataKind("masks", "masks", ".npz", "Masks of all stems (.npz)"),
    "pictures": DataKind("pictures", "mask", ".png", "Masks as pictures (.png)"),
    "labels": DataKind("labels", "labels", ".txt", "Regions and markers for Audacity (.txt)", True),
    "report": DataKind("report", "report", ".json", "Report: stems, recipes, levels (.json)", True),
}


@dataclass(frozen=True)
class Label:
    """A region or, where both times are the same, a marker.

    Attributes
    ----------
    start, stop
        In seconds from the song's beginning.
    text
        What it says.
    low, high
        In Hz; None where it is about all frequencies.
    """

    start: float
    stop: float
    text: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Group:
    """Stems that are written as one sound.

    Attributes
    ----------
    name
        Of the group: `instrumental`.
    stems
        Their ids.
    """

    name: str
    stems: tuple[int, ...]


@dataclass(frozen=True)
class ExportOrder:
    """What is to be written, and how.

    Attributes
    ----------
    folder
        Where to; made if it is missing.
    stems
        Ids of the stems to write, each as it is without its strip in the mixer.
    mix
        Whether to write the mix as it is heard: gain, pan, mute and solo of every strip.
    format, subtype
        Names in `stemstudio.audio.formats.FORMATS`; None for the format's first quality. For decks the subtype is one
        of `STREAMS`, and the format says nothing.
    template
        File names without suffix; `{song}`, `{stem}` and `{number}` are filled in.
    start, stop
        Range in samples; None for the song's own ends.
    gain
        "keep" changes no level. "common peak" and "common loudness" give all files the one gain that brings the
        loudest of them to `peak_db` or to `lufs`; "each peak" and "each loudness" give every file a gain of its own.
    peak_db
        In dB of full scale.
    dither
        Triangular dither where samples are rounded to 16 or 24 bits.
    tags
        Whether the song's tags are carried over.
    overwrite
        Whether files of the same names may be replaced.
    without
        Ids of stems: the song without each of them, as it is.
    groups
        Stems that are written together.
    upmix
        Whether to write the mix spread over the loudspeakers of the project's room.
    upmix_apart
        Whether to write that as one mono file a loudspeaker.
    data
        What else is written: names in `DATA`.
    package
        The form that the sounds come in; a name in `PACKAGES`.
    rate
        Sample rate of the files in Hz; None for the song's own.
    lufs
        Loudness to reach.
    name
        Of a package's own file, without suffix; empty for the song's title.
    labels
        Regions and markers.
    tempo
        The song's own, in beats a minute; None for that of its beats, where they are known.
    pace
        At which tempo and in which key the sounds are written: each stem is stretched by itself, and the song is what
        they make together.
    """

    folder: Path
    stems: tuple[int, ...] = ()
    mix: bool = False
    format: str = "wav"
    subtype: str | None = None
    template: str = "{song} - {stem}"
    start: int | None = None
    stop: int | None = None
    gain: Gain = "keep"
    peak_db: float = -1.0
    dither: bool = True
    tags: bool = True
    overwrite: bool = False
    without: tuple[int, ...] = ()
    groups: tuple[Group, ...] = ()
    upmix: bool = False
    upmix_apart: bool = False
    data: tuple[Data, ...] = ()
    package: PackageName = "files"
    rate: int | None = None
    lufs: float = -14.0
    name: str = ""
    labels: tuple[Label, ...] = ()
    tempo: float | None = None
    pace: Pace = AS_RECORDED

    def span(self, state: State) -> tuple[int, int]:
        """Samples [start, stop) of the song that are written."""
        length = state.mixture.length
        return max(0, self.start or 0), length if self.stop is None else min(self.stop, length)

    def frames(self, state: State) -> int:
        """Samples a channel of every file."""
        start, stop = self.span(state)
        own = state.mixture.sample_rate
        return -(-self.pace.length(stop - start) * (self.rate or own) // own)

    def second(self, state: State, second: float) -> float:
        """Where a time of the song is in the files."""
        return (second - self.span(state)[0] / state.mixture.sample_rate) / self.pace.tempo


@dataclass(frozen=True)
class Part:
    """One sound that is written.

    Attributes
    ----------
    key
        A stem's id, "mix", "without 3", "group 0", "returns", "upmix", or "upmix Ls".
    name
        For its file and its title.
    stems
        What is summed.
    rest
        Whether it is the song without them.
    colour
        Of its track.
    speaker
        Which channel of the upmix it is; None where it is something else, or all of them.
    """

    key: Key
    name: str
    stems: tuple[int, ...]
    rest: bool = False
    colour: str = "#c9cede"
    speaker: int | None = None


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes
    ----------
    files
        Path by the key of its part, a name in `DATA`, or "package".
    peaks
        Largest absolute sample of each sound, after the gain and before any clipping; 1 is full scale.
    clipped_db
        By how many dB each must be turned down for nothing to be clipped; 0 where nothing was.
    gain_db
        The gain that all files were given; 0 where each had its own.
    null_db
        20 log₁₀ of the peak of song − Σ stems, as read back from the files (from the sound before coding where the
        format is lossy); −400 if there is no difference at all, None if the stems written do not make up the song.
    notes
        Sentences about what a person should know.
    gains_db
        The gain of each sound.
    names
        What each file holds, for people.
    """

    files: Mapping[Key, Path]
    peaks: Mapping[Key, float]
    clipped_db: Mapping[Key, float]
    gain_db: float
    null_db: float | None
    notes: tuple[str, ...] = ()
    gains_db: Mapping[Key, float] = field(default_factory=dict)
    names: Mapping[Key, str] = field(default_factory=dict)
