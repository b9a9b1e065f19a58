"""The files of an export that hold no sound: atoms, notes, masks, labels, the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stemstudio.algorithms.nmf.atoms_file import packed_atoms
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.audio.targets import WholeFile
from stemstudio.mixing.atom_notes import midi_file
from stemstudio.mixing.export_record import export_record
from stemstudio.mixing.labels import bars_of, label_text, labels_of, placed
from stemstudio.mixing.mask_files import write_masks, write_pictures
from stemstudio.mixing.order import ExportOrder, ExportReport, Key
from stemstudio.mixing.plan import tempo_of
from stemstudio.progress import Progress
from stemstudio.project.project import State
from stemstudio.project.stem import MIXTURE, Split

__all__ = ["write_data"]


def write_data(
    state: State,
    order: ExportOrder,
    files: Mapping[Key, WholeFile],
    report: ExportReport,
    song: str,
    progress: Progress,
) -> None:
    """Fill the files of an order that hold no sound; they get their names later.

    Parameters
    ----------
    files
        By the keys that `order.data_stems` gives.
    report
        Of the sounds, for the report.
    song
        Its title.
    """
    start, stop = order.span(state)
    rate = state.mixture.sample_rate
    pictures: dict[int, Path] = {}
    for number, (key, file) in enumerate(files.items()):
        part = progress.part(number / len(files), (number + 1) / len(files))
        part(0.0, f"Writing {file.path.name}")
        kind, _, stem = str(key).partition(" ")
        split = int(stem) if stem else MIXTURE
        if kind == "pictures":
            pictures[split] = file.part
        elif kind == "masks":
            file.write(lambda path, part=part: write_masks(path, state, part))  # type: ignore[misc]
        else:
            if kind == "atoms":
                data = _atoms(state.splits[split], rate)
            elif kind == "midi":
                data = midi_file(
                    state,
                    state.splits[split],
                    start / rate,
                    stop / rate,
                    tempo_of(order, state),
                    order.pace,
                )
            elif kind == "labels":
                data = label_text(placed((*labels_of(state), *bars_of(state)), order, state)).encode()
            else:
                data = export_record(state, report, song, start, stop, order.pace).encode()
            file.write(lambda path, data=data: _put(path, data))  # type: ignore[misc]
    if pictures:
        write_pictures(pictures, state, progress)
        for key, file in files.items():
            if str(key).startswith("pictures"):
                file.write(lambda path: None)  # it is filled: the disk is to take it now


def _put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _atoms(split: Split, rate: int) -> bytes:
    assert isinstance(split.estimates, Factorization)
    exponent = split.recipe.exponent if isinstance(split.recipe, NMF) else 1.0
    return packed_atoms(split.estimates, rate, exponent)
