"""Export: stems and the mix as heard, rendered once and written to all files side by side, whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from stemstudio.audio.audio import Samples
from stemstudio.audio.formats import file_format
from stemstudio.audio.names import native
from stemstudio.audio.tags import Tags
from stemstudio.audio.writing import FileExists, SoundWriter, WriteReport, place_all
from stemstudio.errors import StemStudioError, UnwritableFile
from stemstudio.mixing.mixer import gain_of, mix_block, stem_gains
from stemstudio.mixing.naming import distinct, filled
from stemstudio.progress import Progress
from stemstudio.project.project import State
from stemstudio.project.rendering import render

__all__ = ["ExportOrder", "ExportReport", "Key", "export", "file_names", "null_in_decibels"]

Key = int | Literal["mix"]
BLOCK_SECONDS = 20.0
STEM_SECONDS = 100.0  # of all files' sound held at a time; a block is shorter when there are many
THREADS = 4
SILENCE = 1e-20  # what stands for no difference at all: −400 dB


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
        Names in `stemstudio.audio.formats.FORMATS`; None for the format's first quality.
    template
        File names without suffix; `{song}`, `{stem}` and `{number}` are filled in.
    start, stop
        Range in samples; None for the song's own ends.
    gain
        "keep" changes no level. "common peak" gives all files the one gain that brings the loudest to `peak_db`.
    peak_db
        In dB of full scale.
    dither
        Triangular dither where samples are rounded to 16 or 24 bits.
    tags
        Whether the song's tags are carried over.
    overwrite
        Whether files of the same names may be replaced.
    """

    folder: Path
    stems: tuple[int, ...] = ()
    mix: bool = False
    format: str = "wav"
    subtype: str | None = None
    template: str = "{song} - {stem}"
    start: int | None = None
    stop: int | None = None
    gain: Literal["keep", "common peak"] = "keep"
    peak_db: float = -1.0
    dither: bool = True
    tags: bool = True
    overwrite: bool = False

    @property
    def keys(self) -> tuple[Key, ...]:
        """One for each file: the stem's id, or "mix"."""
        return (*dict.fromkeys(self.stems), *(("mix",) if self.mix else ()))


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes
    ----------
    files
        Path by stem id, or "mix".
    peaks
        Largest absolute sample of each, after the gain and before any clipping; 1 is full scale.
    clipped_db
        By how many dB each must be turned down for nothing to be clipped; 0 where nothing was.
    gain_db
        The gain that all files were given.
    null_db
        20 log₁₀ of the peak of song − Σ stems, as read back from the files (from the sound before coding where the
        format is lossy); −400 if there is no difference at all, None if the stems written do not make up the song.
    notes
        Sentences about what a person should know.
    """

    files: Mapping[Key, Path]
    peaks: Mapping[Key, float]
    clipped_db: Mapping[Key, float]
    gain_db: float
    null_db: float | None
    notes: tuple[str, ...] = ()


def file_names(order: ExportOrder, state: State, song: str) -> dict[Key, str]:
    """Name of each file of an order, safe on every system and no two alike.

    Parameters
    ----------
    song
        The song's title.

    Raises
    ------
    StemStudioError
        If the template asks for something unknown, the format is unknown, or there is no such stem.
    """
    words = []
    for number, key in enumerate(order.keys, 1):
        if key != "mix" and key not in state.stems:
            raise StemStudioError(f"There is no stem with the number {key}.")
        stem = "mix" if key == "mix" else state.stems[key].name
        words.append(filled(order.template, song=song, stem=stem, number=number))
    return dict(zip(order.keys, distinct(words, file_format(order.format).suffix), strict=True))


def export(
    state: State,
    order: ExportOrder,
    tags: Tags | None = None,
    progress: Progress | None = None,
    *,
    song: str = "",
) -> ExportReport:
    """Write what is ordered: every file of the song's own rate and exact length.

    All files get their names when all of them are whole; on any error and on `Cancelled` none is left behind.

    Parameters
    ----------
    tags
        Of the song.
    song
        Its title, for file names; the tags' own if empty.

    Raises
    ------
    FileExists
        If there is a file of one of the names already and `overwrite` is False.
    StemStudioError
        If nothing is ordered, the range is empty, the format cannot hold the sound, or the disk will not take it.
    """
    progress = progress or Progress()
    title = song or (tags.title if tags else "") or "song"
    names = file_names(order, state, title)
    start = max(0, order.start or 0)
    stop = state.mixture.length if order.stop is None else min(order.stop, state.mixture.length)
    if not names:
        raise StemStudioError("Nothing is chosen to be written.", "Choose at least one stem, or the mix.")
    if stop <= start:
        raise StemStudioError(
            "The range to be written is empty.", "Select a stretch of the song, or all of it."
        )
    there = [name for name in names.values() if (order.folder / name).exists()]
    if there and not order.overwrite:
        raise FileExists(order.folder / there[0])

    gain, done = 1.0, 0.0
    if order.gain == "common peak":
        peak = _peak(state, order, start, stop, progress.part(0.0, 0.4))
        gain, done = gain_of(order.peak_db) / peak if peak > 0 else 1.0, 0.4
    with _folder(order.folder), ExitStack() as stack:
        writers = {
            key: stack.enter_context(
                SoundWriter(
                    order.folder / name,
                    state.mixture.sample_rate,
                    _channels(state, key),
                    stop - start,
                    format=order.format,
                    subtype=order.subtype,
                    tags=tags if order.tags else None,
                    dither_seed=seed,
                    dither=order.dither,
                    gain=gain,
                    overwrite=order.overwrite,
                )
            )
            for seed, (key, name) in enumerate(names.items())
        }
        reports, rest = _write(state, order, writers, start, stop, progress.part(done, 0.95))
        notes = [f"{report.path.name}: {note}" for report in reports.values() for note in report.notes]
        null_db = None
        if _complete(state, order.stems):
            if file_format(order.format).lossless:
                rest = _rest_in_files(
                    state, order.stems, writers, start, stop, gain, progress.part(0.95, 1.0)
                )
            else:
                rest *= gain
                notes.append("The format changes the samples: the null is that of the sound before coding.")
            null_db = null_in_decibels(rest)
        progress.check()
        place_all(writers.values())
    worst = max(report.clipped_db for report in reports.values())
    if worst and len(reports) > 1:
        notes.append(
            f"With all files turned down by {worst:.1f} dB nothing is clipped and their balance is kept."
        )
    progress(1.0, "Written")
    return ExportReport(
        files={key: report.path for key, report in reports.items()},
        peaks={key: report.peak for key, report in reports.items()},
        clipped_db={key: report.clipped_db for key, report in reports.items()},
        gain_db=20 * math.log10(gain),
        null_db=null_db,
        notes=tuple(notes),
    )


def null_in_decibels(peak: float) -> float:
    """The level of the largest difference between the song and its stems; −400 where there is none."""
    return 20 * math.log10(max(peak, SILENCE))


def _write(
    state: State,
    order: ExportOrder,
    writers: Mapping[Key, SoundWriter],
    start: int,
    stop: int,
    progress: Progress,
) -> tuple[dict[Key, WriteReport], float]:
    """All files in one pass, the encoders working while the next block is rendered; and what the stems left over."""
    rest = 0.0
    pending: list[Future[None]] = []
    with ThreadPoolExecutor(min(THREADS, len(writers))) as pool:
        for low, sounds in _rendered(state, order, start, stop, progress):
            for future in pending:
                future.result()
            pending = [pool.submit(writers[key].write, sound) for key, sound in sounds.items()]
            left = state.mixture.read(low, low + next(iter(sounds.values())).shape[1]).astype(np.float64)
            for stem in dict.fromkeys(order.stems):
                left -= sounds[stem]
            rest = max(rest, float(np.max(np.abs(left), initial=0.0)))
        wait(pending)
        for future in pending:
            future.result()
        progress.check()
        reports = list(pool.map(SoundWriter.finish, writers.values()))
    return dict(zip(writers, reports, strict=True)), rest


def _rendered(
    state: State, order: ExportOrder, start: int, stop: int, progress: Progress
) -> Iterator[tuple[int, dict[Key, Samples]]]:
    """Blocks of every file's sound: where each begins, and (channels, n) by stem or "mix"."""
    leaves = state.leaves()
    gains = stem_gains(leaves)
    wanted = dict.fromkeys((*order.stems, *(leaf.id for leaf in leaves if order.mix)))
    families = [len(state.children(parent)) for parent in state.splits]  # siblings are rendered together
    files = max(len(wanted), *families, 1)
    seconds = min(BLOCK_SECONDS, max(1.0, STEM_SECONDS / files))
    size = max(1, int(seconds * state.mixture.sample_rate))
    for low in range(start, stop, size):
        high = min(stop, low + size)
        progress((low - start) / (stop - start), "Rendering and writing")
        rendered = render(state, wanted, low, high)
        sounds: dict[Key, Samples] = {stem: rendered[stem] for stem in order.stems}
        if order.mix:
            heard = mix_block([rendered[leaf.id] for leaf in leaves], gains)
            sounds["mix"] = heard[: _channels(state, "mix")]
        yield low, sounds


def _peak(state: State, order: ExportOrder, start: int, stop: int, progress: Progress) -> float:
    peak = 0.0
    for _, sounds in _rendered(state, order, start, stop, progress):
        peak = max(peak, *(float(np.max(np.abs(sound), initial=0.0)) for sound in sounds.values()))
    return peak


def _rest_in_files(
    state: State,
    stems: tuple[int, ...],
    writers: Mapping[Key, SoundWriter],
    start: int,
    stop: int,
    gain: float,
    progress: Progress,
) -> float:
    """Peak of song − Σ stems, read back from the finished files."""
    import soundfile

    size = max(1, int(BLOCK_SECONDS / 4 * state.mixture.sample_rate))
    peak = 0.0
    with ExitStack() as stack:
        files = [
            stack.enter_context(soundfile.SoundFile(native(writers[stem].part)))
            for stem in dict.fromkeys(stems)
        ]
        for low in range(start, stop, size):
            progress((low - start) / (stop - start), "Checking that the stems add up")
            high = min(stop, low + size)
            left = state.mixture.read(low, high).T.astype(np.float64) * gain
            for file in files:
                left -= file.read(high - low, dtype="float32", always_2d=True)
            peak = max(peak, float(np.max(np.abs(left), initial=0.0)))
    return peak


def _complete(state: State, stems: tuple[int, ...]) -> bool:
    """Whether some stems make up the song, each part of it once."""
    chosen = set(stems)
    return all(len(chosen & {0, *state.path(leaf.id)}) == 1 for leaf in state.leaves())


def _channels(state: State, key: Key) -> int:
    """A mono song's mix is mono as long as nothing is panned."""
    if key == "mix" and state.mixture.channels == 1:
        gains = stem_gains(state.leaves())
        return 1 if np.array_equal(gains[:, 0], gains[:, 1]) else 2
    return state.mixture.channels


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """The folder, made if it is missing, and taken away again if the work fails."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnwritableFile(folder, f"the folder cannot be made ({reason})", "Choose another.") from error
    try:
        yield
    except BaseException:
        for each in made:
            with suppress(OSError):
                each.rmdir()
        raise
