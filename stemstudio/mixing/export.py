"""Export: what was ordered, rendered once and written to all files side by side, whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from stemstudio.audio.tags import Tags
from stemstudio.audio.targets import WholeFile, check_room, place_all
from stemstudio.audio.writing import FileExists, SoundWriter
from stemstudio.errors import StemStudioError, UnwritableFile
from stemstudio.mixing import dawproject, reaper
from stemstudio.mixing.data_files import write_data
from stemstudio.mixing.order import PACKAGES, ExportOrder, ExportReport, Key
from stemstudio.mixing.plan import file_names, names_of, parts_of, sizes
from stemstudio.mixing.session import left_behind, session_of
from stemstudio.mixing.sound_files import Written, write_sound_files
from stemstudio.mixing.stem_mp4 import write_stem_mp4
from stemstudio.progress import Progress
from stemstudio.project.project import State

TOLD = {"rpp": reaper.TOLD, "dawproject": dawproject.TOLD}

__all__ = ["ExportOrder", "ExportReport", "Key", "export", "file_names"]


def export(
    state: State,
    order: ExportOrder,
    tags: Tags | None = None,
    progress: Progress | None = None,
    *,
    song: str = "",
) -> ExportReport:
    """Write what is ordered: every file of the song's own rate, unless another is ordered, and exact length.

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
    start, stop = order.span(state)
    if not names:
        raise StemStudioError("Nothing is chosen to be written.", "Choose at least one stem, or the mix.")
    if stop <= start:
        raise StemStudioError(
            "The range to be written is empty.", "Select a stretch of the song, or all of it."
        )
    there = [name for name in names.values() if (order.folder / name).exists()]
    if there and not order.overwrite:
        raise FileExists(order.folder / there[0])
    with _folder(order.folder), ExitStack() as stack:
        _check_room(order, state, title)
        return _written(state, order, tags or Tags(), title, names, stack, progress)


def _check_room(order: ExportOrder, state: State, title: str) -> None:
    """Whether the disk has room for all files together, before the first is begun."""
    files = sizes(order, state, title)
    need = sum(size or 0 for _, size in files.values())
    if order.package == "dawproject":
        need *= 2  # its sounds lie beside it until they are in it
    name = next(iter(files.values()))[0]
    check_room(order.folder / name, need, "it needs" if len(files) == 1 else "all files together need")


def _written(
    state: State,
    order: ExportOrder,
    tags: Tags,
    title: str,
    names: Mapping[Key, str],
    stack: ExitStack,
    progress: Progress,
) -> ExportReport:
    """Everything under its name, `stack` taking away what has none."""
    parts = parts_of(order, state)
    sounding = set() if PACKAGES[order.package].single else {part.key for part in parts}
    others = {
        key: WholeFile(order.folder / name, order.overwrite)
        for key, name in names.items()
        if key not in sounding
    }
    for file in others.values():
        stack.callback(file.discard)
    if order.package == "rpp":
        text = reaper.project_text(session_of(state, order, parts, names, title))
        others["package"].write(lambda path: _put(path, text))
    written: Written | None = None
    files: Mapping[Key, SoundWriter] = {}
    extent = progress.part(0.0, 0.95 if parts or others.get("package") else 0.0)
    if order.package == "dawproject":
        written = dawproject.write_dawproject(others["package"], state, order, parts, tags, title, extent)
    elif order.package == "stem-mp4":
        written = write_stem_mp4(others["package"], state, order, tags, title, extent)
    elif parts:
        written = write_sound_files(state, order, parts, order.folder, names, tags, title, stack, extent)
        files = written.writers
    if written is not None and order.package in TOLD:
        note = left_behind(state, parts, TOLD[order.package])
        written = replace(written, notes=(*written.notes, *filter(None, (note,))))
    report = _reported(order, state, names, written)
    data = {key: file for key, file in others.items() if key != "package"}
    write_data(state, order, data, report, title, progress.part(0.95 if parts else 0.0, 1.0))
    progress.check()
    place_all((*files.values(), *others.values()))
    progress(1.0, "Written")
    return report


def _reported(
    order: ExportOrder, state: State, names: Mapping[Key, str], written: Written | None
) -> ExportReport:
    files = {key: order.folder / name for key, name in names.items()}
    told = names_of(order, state)
    if written is None:
        return ExportReport(files, {}, {}, 0.0, None, names=told)
    levels = {key: 20 * math.log10(gain) for key, gain in written.gains.items()}
    return ExportReport(
        files=files,
        peaks={key: each.peak for key, each in written.reports.items()},
        clipped_db={key: each.clipped_db for key, each in written.reports.items()},
        gain_db=next(iter(levels.values())) if len(set(levels.values())) == 1 else 0.0,
        null_db=written.null_db,
        notes=written.notes,
        gains_db=levels,
        names={**told, **written.names},
    )


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """The folder, made if it is missing, and taken away again if the work fails."""
    try:
        made = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "it is a file" if folder.is_file() else (error.strerror or str(error)).lower()
        raise UnwritableFile(folder, f"the folder cannot be made ({reason})", "Choose another.") from error
    try:
        yield
    except BaseException:
        for each in made:
            with suppress(OSError):
                each.rmdir()
        raise
