"""Starts that know a score: an atom a note and some a drum, which sound only where the score says so.

Zeros stay zeros: an activation is zero where the score is silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.informed import Start, harmonic_template, loudness, taught_start
from stemstudio.algorithms.nmf.score import Note
from stemstudio.algorithms.nmf.solver import multiplicative_updates
from stemstudio.algorithms.nmf.strokes import DECAYS, EQUAL_ROUNDS, stroke_rows
from stemstudio.algorithms.nmf.templates import TemplateSet
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]
Flags = NDArray[np.bool_]


def score_start(
    V: Float,
    notes: Sequence[Note],
    grid: StftSettings,
    sample_rate: int,
    *,
    tolerance: float = 0.1,
    onsets: bool = False,
    exponent: float = 1.0,
    taught: Sequence[TemplateSet] = (),
    family: str | None = None,
    progress: Progress | None = None,
) -> Start:
    """Atoms for every note name and every drum of a part, with activations that are zero where the score is silent.

    A note has one atom. A drum, whose strokes have no length, has those of `strokes`: their spectra are found here,
    from all its strokes taken as equally loud.

    Parameters
    ----------
    V
        float32 (bins, frames).
    notes
        The score; notes of one label and part share their atoms. A part is a stem, with its drums;
        what is taught, too, and goes by its name is in it.
    tolerance
        Seconds by which a note may sound before its start and after its end in the score.
    onsets
        Whether every pitched atom gets a second one for its attack: any spectrum, sounding only around onsets.
    exponent
        Of V.
    taught
        Template sets: a label that one of them is named after has its atoms; the others sound at any time. A drum's take
        their place only when the strokes have been told apart without them: many taught atoms could be any drum.
    family
        The stem of all notes with a pitch and of no part, of which none was taught; None for none.

    References
    ----------
    Ewert & Müller 2012, "Using score-informed constraints for NMF-based source separation"; Dittmar & Müller 2016,
    "Reverse engineering the Amen break – score-informed separation and restoration applied to drum recordings".
    """
    frames = V.shape[1]
    known = {each.name.casefold(): each for each in taught}
    alike = {word: each.name for word, each in known.items()}
    columns: list[Float] = []
    rows: list[NDArray[np.generic]] = []
    names: list[str] = []
    families: list[str | None] = []
    equal: list[bool] = []
    stood_in: list[tuple[TemplateSet, slice]] = []

    def add(column: Float, row: NDArray[np.generic], name: str, family: str | None, *, stroke: bool) -> None:
        columns.append(column)
        rows.append(row)
        names.append(name)
        families.append(family)
        equal.append(stroke)

    for (part, label), mine in _by_part_and_pitch(notes).items():
        called = label if part is None else f"{part} {label}"
        stem = alike.get((part or "").casefold(), part)
        pitched = [note.pitch for note in mine if note.pitch is not None]
        starts, ends = [note.start for note in mine], [note.end for note in mine]
        sounding = active_frames(starts, ends, tolerance, grid, sample_rate, frames)
        lasting = all(note.end > note.start for note in mine)
        strokes = stroke_rows(starts, tolerance, grid, sample_rate, frames)
        if label.casefold() in known and (pitched or lasting):
            sound = known.pop(label.casefold())
            row = sounding if lasting else strokes.max(axis=0)
            for name, column in zip(sound.atom_names, sound.on(grid, sample_rate, exponent).T, strict=True):
                add(column, row, name, sound.name, stroke=False)
            continue
        if not pitched:
            if label.casefold() in known:
                stood_in.append((known.pop(label.casefold()), slice(len(names), len(names) + len(DECAYS))))
            for suffix, row in zip(DECAYS, strokes, strict=True):
                add(_mean_spectrum(V, row > 0), row, f"{called}{suffix}", stem or label, stroke=True)
            continue
        template = harmonic_template(float(np.median(pitched)), grid, sample_rate, exponent)
        add(template, sounding, called, stem or family, stroke=False)
        if onsets:
            around = active_frames(starts, starts, tolerance, grid, sample_rate, frames)
            add(_mean_spectrum(V, around), around, f"{called} attack", stem or family, stroke=False)
    none = np.zeros(len(names), dtype=np.bool_)
    activity = np.stack(rows).astype(np.float32)
    heard = np.maximum((activity > 0).sum(axis=0), 1)
    struck = np.array(equal)
    H = np.where(struck[:, None], activity, activity * (loudness(V) / heard)).astype(np.float32)
    start = Start(
        np.stack(columns, axis=1),
        H,
        none,
        none,
        tuple(names),
        families=tuple(families) if any(families) else None,
    )
    if struck.any():
        start = _equal_strokes(V, start, struck, progress or Progress())
        for sound, atoms in reversed(stood_in):
            start = _taught_instead(start, atoms, sound, grid, sample_rate, exponent)
    if known:
        start = start.beside(taught_start(V, tuple(known.values()), grid, sample_rate, exponent))
    return start


def active_frames(
    starts: Sequence[float],
    ends: Sequence[float],
    tolerance: float,
    grid: StftSettings,
    sample_rate: int,
    frames: int,
) -> Flags:
    """Frames centred within `tolerance` seconds of any of the stretches, and at least the nearest: bool (frames,)."""
    active = np.zeros(frames, dtype=np.bool_)
    rate = sample_rate / grid.hop
    for start, end in zip(starts, ends, strict=True):
        first = int(np.ceil((start - tolerance) * rate))
        last = int(np.floor((end + tolerance) * rate)) + 1
        if last <= first:
            first = round(start * rate)
            last = first + 1
        active[max(0, first) : max(0, last)] = True
    return active


def _by_part_and_pitch(notes: Sequence[Note]) -> dict[tuple[str | None, str], list[Note]]:
    """The notes of each part and label: parts in their order in the score, drums first, then notes from low to high."""
    parts = {part: place for place, part in enumerate(dict.fromkeys(note.part for note in notes))}

    def place(note: Note) -> tuple[int, bool, float, str]:
        return parts[note.part], note.pitch is not None, note.pitch or 0.0, note.label

    played: dict[tuple[str | None, str], list[Note]] = {
        (note.part, note.label): [] for note in sorted(notes, key=place)
    }
    for note in notes:
        played[note.part, note.label].append(note)
    return played


def _equal_strokes(V: Float, start: Start, struck: Flags, progress: Progress) -> Start:
    """The start with the spectra that drums have if all their strokes are equally loud, and all others as they are."""
    level = float(V.mean(dtype=np.float64))
    H = start.activations.copy()
    H[struck] *= np.float32(level * V.shape[0])
    fit = multiplicative_updates(
        V,
        start.templates,
        H,
        iterations=EQUAL_ROUNDS,
        progress=progress,
        fixed_templates=~struck,
        fixed_activations=np.ones_like(struck),
    )
    W = np.array(fit.templates)
    H = np.array(fit.activations)
    sums = W.sum(axis=0, dtype=np.float64)
    sums[~struck | (sums <= 0)] = 1.0
    W /= sums.astype(np.float32)
    H *= sums[:, None].astype(np.float32)
    return replace(start, templates=W, activations=H, gentle=True)


def _taught_instead(
    start: Start, atoms: slice, sound: TemplateSet, grid: StftSettings, sample_rate: int, exponent: float
) -> Start:
    """The start with a drum's own atoms in the place of those that the score gave it, together as loud at any time."""
    level = start.activations[atoms].sum(axis=0, keepdims=True) / np.float32(sound.atoms)
    before, after = slice(None, atoms.start), slice(atoms.stop, None)
    W, H, names, families = start.templates, start.activations, start.names or (), start.families or ()
    W = np.concatenate([W[:, before], sound.on(grid, sample_rate, exponent), W[:, after]], axis=1)
    H = np.concatenate([H[before], np.repeat(level, sound.atoms, axis=0), H[after]])
    none = np.zeros(len(H), dtype=np.bool_)
    return replace(
        start,
        templates=W,
        activations=H,
        fixed_templates=none,
        fixed_activations=none,
        names=(*names[before], *sound.atom_names, *names[after]),
        families=(*families[before], *(sound.name for _ in range(sound.atoms)), *families[after]),
    )


def _mean_spectrum(V: Float, frames: Flags) -> Float:
    """Mean of some frames, summing to 1 and nowhere zero where the song is not; flat for silence."""
    where = np.flatnonzero(frames)
    total = V[:, where].sum(axis=1, dtype=np.float64) if where.size else np.zeros(V.shape[0])
    total = total + 1e-6 * total.mean()
    size = float(total.sum())
    mean: Float = (total / size if size > 0 else np.full(V.shape[0], 1.0 / V.shape[0])).astype(np.float32)
    return mean
