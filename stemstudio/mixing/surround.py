"""An upmix into files, and the proof of how it folds down to stereo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stemstudio.audio.audio import Samples
from stemstudio.audio.formats import file_format
from stemstudio.audio.tags import Tags
from stemstudio.audio.writing import SoundWriter, place_all
from stemstudio.errors import StemStudioError
from stemstudio.mixing.folddown import FoldRow, FoldTable, folded
from stemstudio.mixing.layouts import Layout
from stemstudio.mixing.pace import AS_RECORDED, Pace
from stemstudio.mixing.slowed import slowed
from stemstudio.mixing.slowed_room import SlowedStems, spread_at
from stemstudio.mixing.upmix import RETURNS, RETURNS_NAME, Heard, Spread, heard_stems
from stemstudio.progress import Progress
from stemstudio.project.project import State

__all__ = ["UpmixReport", "fold_table", "upmix_files", "write_upmix"]

BLOCK_SECONDS = 5.0
WHOLE = "All together"
NO_NUMBERS = "Some samples of stems were no numbers and became silence."


@dataclass(frozen=True)
class UpmixReport:
    """What was written.

    Attributes
    ----------
    layout
        The loudspeakers.
    files
        One, or one a channel.
    peak
        Largest absolute sample; 1 is full scale.
    clipped_db
        By how many dB it must be turned down for nothing to be clipped; 0 where nothing was.
    fold
        How the stereo fold-down compares with the stereo mix, each stem and last all together.
    notes
        Sentences about what a person should know.
    """

    layout: Layout
    files: tuple[Path, ...]
    peak: float
    clipped_db: float
    fold: tuple[FoldRow, ...]
    notes: tuple[str, ...] = ()


def upmix_files(path: Path, layout: Layout, *, apart: bool = False) -> tuple[Path, ...]:
    """The files that an upmix goes to: `path`, or one a channel with the loudspeaker's name before its suffix."""
    if not apart:
        return (path,)
    return tuple(path.with_name(f"{path.stem}.{each.name}{path.suffix}") for each in layout.speakers)


def write_upmix(
    state: State,
    path: Path,
    tags: Tags | None = None,
    progress: Progress | None = None,
    *,
    format: str = "wav",
    subtype: str | None = None,
    apart: bool = False,
    start: int = 0,
    stop: int | None = None,
    gain: float = 1.0,
    dither: bool = True,
    overwrite: bool = False,
    pace: Pace = AS_RECORDED,
) -> UpmixReport:
    """Write the upmix of a project, as its room and the places of its stems say; memory does not grow with the song.

    Parameters
    ----------
    tags
        Of the song.
    format, subtype
        Names in `FORMATS`; WAV (RF64 above 4 GB) and FLAC hold more than two channels, with their order stated.
    apart
        One mono file a channel instead of one file.
    start, stop
        Samples of the song; all of it by default.
    gain
        Factor on everything.
    pace
        At another one each stem is stretched by itself before it is spread.

    Raises
    ------
    FileExists
        If there is a file of that name already and `overwrite` is False.
    StemStudioError
        If the range is empty, the format cannot hold so many channels, or the disk will not take it.
    """
    progress = progress or Progress()
    spread = Spread.of(state)
    layout = spread.layout
    stop = spread.length if stop is None else min(stop, spread.length)
    start = max(0, start)
    if stop <= start:
        raise StemStudioError(
            "The range to be written is empty.", "Select a stretch of the song, or all of it."
        )
    table, bad = FoldTable(spread.rate), set[str]()
    heard: Heard = heard_stems(state, lambda: bad.add(NO_NUMBERS))
    files = upmix_files(path, layout, apart=apart)
    with ExitStack() as stack:
        if pace.changed:
            stems = [leaf.id for leaf in state.leaves()]
            blocks = stack.enter_context(closing(slowed(state, stems, pace, progress.watched(), start, stop)))
            spread = spread_at(state, pace, start, stop)
            heard = SlowedStems(state, spread, blocks, pace, start, lambda: bad.add(NO_NUMBERS))
            start, stop = pace.place(start), spread.length
        writers = [
            stack.enter_context(
                SoundWriter(
                    file,
                    spread.rate,
                    1 if apart else layout.channels,
                    stop - start,
                    format=file_format(format).name,
                    subtype=subtype,
                    tags=tags,
                    dither_seed=seed,
                    dither=dither,
                    gain=gain,
                    overwrite=overwrite,
                    channel_mask=layout.mask,
                )
            )
            for seed, file in enumerate(files)
        ]
        for block in _blocks(state, spread, heard, start, stop, table, progress.part(0.0, 0.97)):
            for number, writer in enumerate(writers):
                writer.write(block[number : number + 1] if apart else block)
        reports = [writer.finish() for writer in writers]
        progress.check()
        place_all(writers)
    progress(1.0, "Written")
    worst = max(report.clipped_db for report in reports)
    notes = dict.fromkeys(
        f"{report.path.name}: {note}" for report in reports for note in report.notes if "clipped" not in note
    )
    if worst:
        notes[f"It is clipped: turn everything down by {worst:.1f} dB, or write 32-bit float."] = None
    return UpmixReport(
        layout,
        tuple(report.path for report in reports),
        max(report.peak for report in reports),
        worst,
        table.rows(stop - start),
        (*bad, *notes),
    )


def fold_table(
    state: State, progress: Progress | None = None, *, start: int = 0, stop: int | None = None
) -> tuple[FoldRow, ...]:
    """How the stereo fold-down of a project's upmix compares with its stereo mix: each stem, and last all together."""
    progress = progress or Progress()
    spread = Spread.of(state)
    stop = spread.length if stop is None else min(stop, spread.length)
    table = FoldTable(spread.rate)
    for _ in _blocks(state, spread, heard_stems(state), max(0, start), stop, table, progress):
        pass
    progress(1.0)
    return table.rows(stop - start)


def _blocks(
    state: State, spread: Spread, heard: Heard, start: int, stop: int, table: FoldTable, progress: Progress
) -> Iterator[Samples]:
    """Blocks (channels, n) of the upmix, each stem and all together taken into the table as they go by."""
    names = {RETURNS: RETURNS_NAME, **{leaf.id: leaf.name for leaf in state.leaves()}}
    size = max(1, int(BLOCK_SECONDS * spread.rate))
    for low in range(start, stop, size):
        progress((low - start) / (stop - start), "Spreading the stems")
        high = min(stop, low + size)
        stereo = np.zeros((2, high - low), dtype=np.float32)
        block = spread.render(heard, low, high, _taken(table, names, spread.layout, stereo, progress))
        table.add(WHOLE, stereo, folded(spread.layout, block))
        yield block


def _taken(
    table: FoldTable, names: dict[int, str], layout: Layout, total: np.ndarray, progress: Progress
) -> Callable[[int, Samples, np.ndarray], None]:
    def take(stem: int, stereo: Samples, own: np.ndarray) -> None:
        progress.check()
        table.add(names[stem], stereo, folded(layout, own))
        total[:] += stereo

    return take
