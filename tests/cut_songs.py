"""Small songs cut with every kind of split, and edits drawn at random, for tests of the project room."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from stemstudio.algorithms.estimates import Estimates, Masks, Waveforms
from stemstudio.algorithms.hpss import HPSS
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.nmf import merging
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.pieces import Piece
from stemstudio.audio.audio import Audio, Stretch
from stemstudio.project import edits, hints, refining, remixing, rendering, splicing
from stemstudio.project.corrections import Lesson
from stemstudio.project.edit import Edit
from stemstudio.project.effects import Equaliser
from stemstudio.project.history import History
from stemstudio.project.project import PaintStroke, Project, SongReference, State
from stemstudio.project.splicing import Found
from stemstudio.spectral.brushes import Box, BrushStroke, Selection, SelectionFill
from stemstudio.spectral.combs import CombStroke
from stemstudio.spectral.stft import StftSettings
from stemstudio.spectral.tiles import TileMask

RATE = 8000
GRID = StftSettings(fft=256, hop=64)
OTHER_GRID = StftSettings(fft=512, hop=128)
KINDS = (
    *("rework", "split", "paint", "paint", "paint", "erase", "fill", "assign", "lock", "set", "add", "mixer"),
    *(
        "merge",
        "delete",
        "join",
        "regrid",
        "splice",
        "hint",
        "harden",
        "clear",
        "refine",
        "mask",
        "melody",
        "comb",
    ),
)
MASKINGS = (
    Masking(kind="binary", margin=1.5),
    Masking(firmness=2.0, margin=2.0),
    Masking(kind="wiener"),
    Masking(phase="misi", phase_iterations=1),
    Masking(kind="wiener", phase="griffin-lim", phase_iterations=1),
    None,
)


def song(seconds: float = 2.0, channels: int = 2, seed: int = 0) -> Audio:
    rng = np.random.default_rng(seed)
    return Audio((0.2 * rng.standard_normal((channels, round(seconds * RATE)))).astype(np.float32), RATE)


def project(seconds: float = 2.0, channels: int = 2, path: str = "") -> tuple[Project, History]:
    cut = Project(song(seconds, channels), SongReference(path, "0" * 64, "Small song"), GRID)
    return cut, History(cut)


def atoms(state: State, count: int = 6, seed: int = 0, grid: StftSettings = GRID) -> Factorization:
    rng = np.random.default_rng(seed)
    W = rng.random((grid.bins, count), dtype=np.float32)
    H = rng.random((count, grid.frames(state.mixture.length)), dtype=np.float32)
    return Factorization(W, H, grid, 1.0, [3.0, 2.0])


def panned_atoms(state: State, seed: int = 0) -> Factorization:
    pans = np.random.default_rng(seed + 1).random((state.mixture.channels, 6), dtype=np.float32)
    return atoms(state, seed=seed).changed(pans=pans / pans.sum(axis=0))


def waves(state: State, names: tuple[str, ...] = ("vocals", "drums"), seed: int = 0) -> Waveforms:
    rng = np.random.default_rng(seed)
    shape = (len(names), state.mixture.channels, state.mixture.length)
    return Waveforms(names, (0.1 * rng.standard_normal(shape)).astype(np.float32))


def masks(
    state: State, names: tuple[str, ...] = ("tones", "hits"), seed: int = 0, grid: StftSettings = GRID
) -> Masks:
    rng = np.random.default_rng(seed)
    values = rng.random((len(names), grid.bins, grid.frames(state.mixture.length)), dtype=np.float32) / len(
        names
    )
    return Masks(names, grid, values.astype(np.float16))


def split_edit(cut: Project, parent: int, estimates: Estimates) -> Edit:
    if isinstance(estimates, Factorization):
        count = len(estimates.names)
        owners = [None if n % 3 == 2 else n % 3 for n in range(count)]
        recipe = NMF(components=count, seed=7)
        return edits.split(cut, parent, recipe, estimates, stems=("voice", "band"), owners=owners)
    return edits.split(cut, parent, HPSS(), estimates)


def found(
    state: State,
    stem: int,
    make: Callable[..., Estimates],
    box: Box,
    seed: int = 0,
    context: float = 0.1,
) -> Found:
    """What a separator that answers as `make` does would find in a selection of a stem."""
    length = state.mixture.length
    start, stop = max(0, round(box.start * RATE)), min(length, round(box.stop * RATE))
    low, high = max(0, start - round(context * RATE)), min(length, stop + round(context * RATE))
    heard = replace(state, mixture=Stretch(state.mixture, low, high - low))
    estimates = make(heard, seed=seed)
    everything = box.low <= 0 and box.high >= RATE / 2
    piece = Piece(
        HPSS(),
        estimates,
        low,
        high - low,
        start,
        stop,
        RATE // 20,
        None if everything else (box.low, box.high),
    )
    names = tuple(estimates.names)
    children = tuple(splicing.by_name(name, state.children(stem)) for name in names)
    return Found(piece, names, tuple(range(len(names))), children)


def brush(rng: np.random.Generator, seconds: float) -> BrushStroke:
    points = [
        (float(rng.uniform(0, seconds)), float(rng.uniform(50, RATE / 2))) for _ in range(rng.integers(1, 4))
    ]
    return BrushStroke(
        points=tuple(points),
        width=float(rng.uniform(0.05, 0.5)),
        height=float(rng.uniform(0.2, 3)),
        hardness=float(rng.uniform()),
        strength=float(rng.uniform(0.2, 1)),
    )


def fill(rng: np.random.Generator, seconds: float) -> SelectionFill:
    start, low = float(rng.uniform(0, seconds)), float(rng.uniform(0, RATE / 2))
    box = Box(start=start, stop=start + 0.3, low=low, high=low + 900)
    return SelectionFill(selection=Selection().combined("replace", box), strength=1.0)


def comb(rng: np.random.Generator, seconds: float) -> CombStroke:
    times = np.sort(rng.uniform(0, seconds, 4))
    pitch = [float(rng.uniform(50, 800)) if rng.integers(4) else 0.0 for _ in times]
    return CombStroke(
        points=tuple(zip(times.tolist(), pitch, strict=True)),
        width=float(rng.uniform(10, 200)),
        partials=int(rng.integers(1, 12)),
        lobe=40.0,
        strength=float(rng.uniform(0.2, 1)),
    )


def random_edit(cut: Project, rng: np.random.Generator) -> Edit | None:
    """Some edit that is possible now, or None where the one drawn is not."""
    state = cut.state
    seconds = state.mixture.length / RATE
    leaf = int(rng.choice([leaf.id for leaf in state.leaves()]))
    kind = str(rng.choice(KINDS))
    if kind == "split" and len(state.stems) < 14:
        make = (atoms, waves, masks, panned_atoms)[rng.integers(4)]
        return split_edit(cut, leaf, make(state, seed=int(rng.integers(1000))))
    if kind == "splice" and len(state.stems) < 20:
        make = (atoms, waves, masks)[rng.integers(3)]
        start, low = float(rng.uniform(0, seconds - 0.3)), float(rng.choice([0.0, 700.0]))
        box = Box(start=start, stop=start + 0.25, low=low, high=RATE / 2 if low == 0 else 1800.0)
        parents = [leaf, *state.splits]
        stem = int(parents[rng.integers(len(parents))])
        return splicing.splice(cut, stem, found(state, stem, make, box, int(rng.integers(1000))))
    if kind in ("paint", "erase", "fill"):
        stroke = PaintStroke(
            leaf, kind == "erase", fill(rng, seconds) if kind == "fill" else brush(rng, seconds)
        )
        return edits.paint(state, cut.new_id(), stroke, f"Brush {state.stems[leaf].name}")
    if kind == "comb":
        painted = PaintStroke(leaf, bool(rng.integers(2)), comb(rng, seconds))
        return edits.paint(state, cut.new_id(), painted, "Paint the melody")
    if kind == "melody":
        start, low, high = rng.uniform(0, seconds), *rng.uniform(50, 2000, 2)
        if rng.integers(3) == 0:
            return edits.draw_melody(state.melody.erased(start, start + 0.2), "Erase the melody")
        run = ((float(start), float(low)), (float(start + 0.3), float(high)))
        return edits.draw_melody(state.melody.drawn(run), "Draw the melody")
    if kind == "hint":
        stroke = PaintStroke(leaf, False, brush(rng, seconds), "hint")
        return edits.paint(state, cut.new_id(), stroke, f"Hint {state.stems[leaf].name}")
    if kind == "harden":
        return hints.harden(state, {number: cut.new_id() for number in hints.hint_numbers(state)[::2]})
    if kind == "clear":
        return hints.clear(state)
    if kind == "refine":
        return refining.refined(state, refining.refine(state, None, Lesson(iterations=2)))
    if kind == "set":
        fields = (
            {"width": float(rng.uniform(0, 2)), "flip": True, "solo_safe": True},
            {"equaliser": Equaliser(low_cut=float(rng.uniform(20, 200)), high=float(rng.uniform(-12, 12)))},
            {"reverb_db": float(rng.uniform(-60, 6)), "delay_db": -np.inf},
            {
                "mutes": ((0.1, float(rng.uniform(0.2, 0.9))),),
                "envelope": ((0.0, 1.0), (0.5, float(rng.uniform(0, 2)))),
            },
            {"gain_db": float(rng.uniform(-60, 6))},
            {"gain_db": -np.inf},
            {"mute": True},
            {"name": "Naïve ♪"},
        )
        return edits.set_stem(state, leaf, "Set", **fields[rng.integers(len(fields))])
    if kind == "mixer":
        return remixing.switch(state, str(rng.choice(list("ABC"))))
    if kind == "regrid":
        return edits.regrid(state, OTHER_GRID if state.grid == GRID else GRID)
    if not state.splits:
        return None
    parent = int(rng.choice(list(state.splits)))
    part = int(rng.integers(len(state.splits[parent].owners)))
    children = [child.id for child in state.children(parent)]
    own = [child for child in children if not state.is_residual(child)]
    if kind == "rework":
        old = state.splits[parent].estimates
        if not isinstance(old, Factorization) or len(old.names) < 3:
            return None
        chosen = [int(atom) for atom in rng.choice(len(old.names), 2, replace=False)]
        done = (merging.merge, merging.delete)[rng.integers(2)](NMF(), old, chosen)
        return edits.refactorise(state, parent, done.estimates, done.origins, "Rework atoms")
    if kind == "lock":
        return edits.lock(state, parent, [part], bool(rng.integers(2)), "Lock")
    if kind == "assign":
        return edits.assign(state, parent, {part: int(rng.choice(children))}, "Move atom")
    if kind == "mask":
        return edits.mask(state, parent, MASKINGS[rng.integers(len(MASKINGS))])
    if kind == "add":
        return edits.add_stem(cut, parent, "new")[0]
    if kind == "join":
        return edits.join(state, parent)
    if kind == "delete" and own:
        return edits.delete(state, int(rng.choice(own)))
    if kind == "merge" and len(own) > 1:
        return edits.merge(state, [int(stem) for stem in rng.choice(own, 2, replace=False)])
    return None


def dense(state: State) -> dict[int, np.ndarray]:
    """Every leaf's whole sound."""
    return rendering.render_leaves(state, 0, state.mixture.length)


def assert_same(one: State, other: State, *, sound: bool = True) -> None:
    """What a person would notice, were it different."""
    assert dict(one.stems) == dict(other.stems)
    assert dict(one.strokes) == dict(other.strokes)
    assert one.grid == other.grid
    assert one.melody == other.melody
    assert (one.effects, one.snapshots) == (other.effects, other.snapshots)
    assert set(one.splits) == set(other.splits)
    for parent, split in one.splits.items():
        twin = other.splits[parent]
        assert (split.recipe, split.owners) == (twin.recipe, twin.owners)
        assert (split.residual, split.locked) == (twin.residual, twin.locked)
        assert split.learned == twin.learned
        assert (split.own_masking, split.masking) == (twin.own_masking, twin.masking)
        assert split.estimates.header() == twin.estimates.header()
        for name, array in split.estimates.arrays().items():
            assert np.array_equal(np.asarray(array[:]), np.asarray(twin.estimates.arrays()[name][:])), name
    for stem in {*one.paint, *other.paint}:
        assert one.paint.get(stem, TileMask()) == other.paint.get(stem, TileMask())
    if sound:
        mine, theirs = dense(one), dense(other)
        assert mine.keys() == theirs.keys()
        for leaf in mine:
            assert np.array_equal(mine[leaf], theirs[leaf])


def sum_error_db(state: State) -> float:
    """Peak of song − Σ leaves, in dB."""
    whole = state.mixture.read(0, state.mixture.length).astype(np.float64)
    rest = whole - sum(sound.astype(np.float64) for sound in dense(state).values())
    return float(20 * np.log10(max(float(np.abs(rest).max()), 1e-12)))


def write_song(path: Path, data: bytes = b"RIFF the song's own bytes") -> SongReference:
    """A file that stands for a song; nobody decodes it."""
    path.write_bytes(data)
    return SongReference(str(path), hashlib.sha256(data).hexdigest(), path.stem)
