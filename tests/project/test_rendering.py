"""Rendering: any range sounds as it does in the whole, paint does what the formula says, the rest stays untouched."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cut_songs as small
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemstudio.algorithms.estimates import Masks
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.overlaid import Overlaid
from stemstudio.algorithms.spliced import Spliced
from stemstudio.project import edits, rendering, showing
from stemstudio.project.project import PaintStroke, State
from stemstudio.spectral.brushes import Box, BrushStroke, Selection, SelectionFill, weights
from stemstudio.spectral.stft import Spectrogram, forward, inverse
from stemstudio.spectral.tiles import Patch, TileMask

MAKERS = [
    small.atoms,
    small.panned_atoms,
    small.waves,
    small.masks,
    lambda state: small.masks(state, grid=small.OTHER_GRID),
]
NAMES = ["atoms", "panned atoms", "waveforms", "masks", "masks on another grid"]
STROKE = BrushStroke(points=((0.4, 900.0), (0.7, 1500.0)), width=0.2, height=1.5, hardness=0.3, strength=0.8)


def _painted(make, *, deep: bool = False, masking: Masking | None = None):
    cut, history = small.project(1.2)
    history.do(small.split_edit(cut, 0, make(cut.state)))
    if masking is not None:
        history.do(edits.mask(cut.state, 0, masking))
    first = cut.state.children(0)[0].id
    if deep:
        history.do(small.split_edit(cut, first, small.waves(cut.state)))
    before = cut.state
    leaf = before.leaves()[0].id
    history.do(edits.paint(before, cut.new_id(), PaintStroke(leaf, False, STROKE), "Brush"))
    return before, cut.state, leaf


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_paint_is_the_formula_over_the_whole_song(make) -> None:
    before, after, leaf = _painted(make)
    length = after.mixture.length
    children = [child.id for child in after.children(0)]
    sheets = {c: forward(rendering.StemSound(before, c), after.grid).values for c in children}
    song = forward(after.mixture, after.grid).values
    patch, amount = weights(STROKE, after.grid, small.RATE, after.frames)
    A = np.zeros((after.grid.bins, after.frames), np.float32)
    A[patch.bin0 : patch.bin1, patch.frame0 : patch.frame1] = amount
    A = A.astype(np.float16).astype(np.float32)
    for child in children:
        values = (1 - A) * sheets[child] + (A * song if child == leaf else 0)
        expected = inverse(Spectrogram(values.astype(np.complex64), after.grid, small.RATE, 0, length))
        got = rendering.render(after, [child], 0, length)[child]
        # A mask on the sheet itself is painted before the only inverse; elsewhere the estimate takes one turn more.
        assert np.abs(got - expected).max() < (
            2e-2 if make in (small.atoms, small.panned_atoms, small.masks) else 1e-5
        )


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
@pytest.mark.parametrize("deep", [False, True])
def test_any_range_is_a_cut_from_the_whole(make, deep: bool) -> None:
    _, state, _ = _painted(make, deep=deep)
    whole = small.dense(state)
    rng = np.random.default_rng(0)
    for _ in range(8):
        start, stop = sorted(rng.integers(0, state.mixture.length + 1, 2))
        piece = rendering.render_leaves(state, int(start), int(stop))
        for leaf, sound in piece.items():
            assert sound.shape == (2, stop - start)
            assert np.abs(sound - whole[leaf][:, start:stop]).max(initial=0) < 2e-6


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_two_halves_made_at_once_are_the_whole(make) -> None:
    _, state, _ = _painted(make, deep=True)
    leaves = [leaf.id for leaf in state.leaves()]
    whole = small.dense(state)
    with ThreadPoolExecutor(1) as other:
        for start, middle, stop in ((1000, 4000, 9600), (0, 1, 3000)):
            halves = rendering.render_halves(state, leaves, start, middle, stop, other)
            assert list(halves) == leaves
            for leaf, sound in halves.items():
                assert sound.shape == (2, stop - start)
                assert np.abs(sound - whole[leaf][:, start:stop]).max() < 2e-6


def test_a_half_that_fails_is_not_passed_over(monkeypatch) -> None:
    _, state, leaf = _painted(small.masks)
    whole = rendering.render

    def failing(state: State, stems: list[int], start: int, stop: int):
        if start >= 200:
            raise OSError("the song is gone")
        return whole(state, stems, start, stop)

    monkeypatch.setattr(rendering, "render", failing)
    with ThreadPoolExecutor(1) as other, pytest.raises(OSError, match="is gone"):
        rendering.render_halves(state, [leaf], 100, 200, 500, other)


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_what_the_brush_did_not_reach_is_the_same_bit_for_bit(make) -> None:
    before, after, _ = _painted(make)
    start, stop = rendering.dirty_range(after, STROKE.box)
    one, two = small.dense(before), small.dense(after)
    assert 0 < start < stop < after.mixture.length
    for leaf in one:
        assert np.array_equal(one[leaf][:, :start], two[leaf][:, :start])
        assert np.array_equal(one[leaf][:, stop:], two[leaf][:, stop:])
        assert not np.array_equal(one[leaf][:, start:stop], two[leaf][:, start:stop])


@pytest.mark.parametrize("masking", small.MASKINGS[:-1], ids=lambda masking: masking.words)
@pytest.mark.parametrize("deep", [False, True])
def test_paint_and_ranges_keep_their_meaning_with_masks_of_every_kind(
    masking, deep: bool, monkeypatch
) -> None:
    monkeypatch.setattr("stemstudio.algorithms.stretches.SECONDS", 0.4)
    monkeypatch.setattr("stemstudio.algorithms.stretches.SHORT", 0.4)
    monkeypatch.setattr("stemstudio.algorithms.stretches.FADE", 0.05)
    monkeypatch.setattr("stemstudio.algorithms.stretches.CONTEXT", 0.05)
    before, state, _ = _painted(small.atoms, deep=deep, masking=masking)
    whole, unpainted = small.dense(state), small.dense(before)
    assert small.sum_error_db(state) <= -120
    rng = np.random.default_rng(0)
    for _ in range(6):
        start, stop = (int(at) for at in sorted(rng.integers(0, state.mixture.length + 1, 2)))
        for leaf, sound in rendering.render_leaves(state, start, stop).items():
            assert np.abs(sound - whole[leaf][:, start:stop]).max(initial=0) < 2e-6
    start, stop = rendering.dirty_range(state, STROKE.box)
    assert 0 < start < stop < state.mixture.length
    for leaf in whole:
        assert np.array_equal(unpainted[leaf][:, :start], whole[leaf][:, :start])
        assert not np.array_equal(unpainted[leaf][:, start:stop], whole[leaf][:, start:stop])


def laid_over_a_selection(state: State) -> Overlaid:
    """Masks of which a second was taken apart anew, under hints."""
    piece = small.found(state, 0, small.masks, Box(start=1.5, stop=2.5, low=0.0, high=small.RATE / 2)).piece
    return Overlaid(Spliced(small.masks(state), [piece]), small.GRID, ("hum",), (TileMask(),))


@pytest.mark.parametrize(
    "make", [lambda state: small.atoms(state, seed=1), laid_over_a_selection], ids=["atoms", "deep"]
)
def test_a_stroke_reaches_as_far_as_the_stretches_below_it(make, monkeypatch) -> None:
    """A stem of a stem that is masked by stretches hears paint on its parent over the whole stretch."""
    monkeypatch.setattr("stemstudio.algorithms.stretches.SECONDS", 0.4)
    monkeypatch.setattr("stemstudio.algorithms.stretches.FADE", 0.05)
    monkeypatch.setattr("stemstudio.algorithms.stretches.CONTEXT", 0.05)
    cut, history = small.project(4.0)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    first, second, _ = (stem.id for stem in cut.state.children(0))
    history.do(small.split_edit(cut, first, make(cut.state)))
    history.do(edits.mask(cut.state, first, Masking(kind="wiener", iterations=3)))
    assert cut.state.splits[first].masked
    assert rendering.by_stretches(cut.state)
    before = small.dense(cut.state)
    shape = BrushStroke(points=((2.0, 1000.0),), width=0.1, height=2.0, hardness=1.0, strength=1.0)
    history.do(edits.paint(cut.state, cut.new_id(), PaintStroke(second, False, shape), "Brush"))
    after = small.dense(cut.state)
    start, stop = rendering.dirty_range(cut.state, shape.box)
    assert 0 < start < stop < cut.state.mixture.length
    for leaf in before:
        assert np.array_equal(before[leaf][:, :start], after[leaf][:, :start])
        assert np.array_equal(before[leaf][:, stop:], after[leaf][:, stop:])


def test_masks_of_a_split_change_what_is_heard_and_drawn_alike() -> None:
    cut, history = small.project(1.2)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    leaves = [leaf.id for leaf in cut.state.leaves()]
    pictures, sounds = [], []
    for masking in (None, *small.MASKINGS[:3]):
        if masking is not None:
            history.do(edits.mask(cut.state, 0, masking))
        pictures.append(showing.levels(cut.state, leaves, 0, cut.state.frames).ravel())
        heard = (rendering.StemSound(cut.state, leaf) for leaf in leaves)
        sounds.append(np.ravel([showing.power_mean(forward(sound, cut.state.grid)) for sound in heard]))
        shares = [showing.net_mask(cut.state, leaf, 0, cut.state.frames) for leaf in leaves]
        if masking is not None and masking.kind == "wiener":
            assert shares == [None] * len(leaves)
        else:
            assert np.allclose(sum(shares), 1.0, atol=1e-5)
    alike = np.corrcoef(sounds, pictures)[:4, 4:]
    assert list(alike[:3, :3].argmax(axis=0)) == [0, 1, 2]  # each picture is most like its own sound
    assert alike.diagonal().min() > 0.7
    assert alike[3, 3] > 0.999  # drawn from its sound


def test_a_picture_does_not_wait_for_a_phase(monkeypatch) -> None:
    """It would be minutes of a song; the magnitudes are nearly those that the masks say."""
    cut, history = small.project(1.2)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    leaves = [leaf.id for leaf in cut.state.leaves()]
    history.do(edits.mask(cut.state, 0, Masking(kind="wiener")))
    expected = showing.levels(cut.state, leaves, 0, cut.state.frames)
    history.do(edits.mask(cut.state, 0, Masking(kind="wiener", phase="misi", phase_iterations=2)))
    heard = [showing.power_mean(forward(rendering.StemSound(cut.state, leaf), small.GRID)) for leaf in leaves]
    assert np.corrcoef(np.ravel(heard), expected.ravel())[0, 1] > 0.98
    monkeypatch.setattr("stemstudio.algorithms.stretches.misi", None)
    assert np.array_equal(showing.levels(cut.state, leaves, 0, cut.state.frames), expected)


def test_the_sound_of_a_stem_is_the_same_until_something_on_its_way_changes() -> None:
    cut, history = small.project(1.2)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    first, second, _ = (stem.id for stem in cut.state.children(0))
    sound = rendering.StemSound(cut.state, first)
    history.do(edits.set_stem(cut.state, first, "Gain", gain_db=-3.0))
    history.do(edits.lock(cut.state, 0, [0], True, "Lock"))
    assert rendering.StemSound(cut.state, first) == sound
    assert hash(rendering.StemSound(cut.state, first)) == hash(sound)
    assert rendering.StemSound(cut.state, second) != sound
    for change in (
        edits.mask(cut.state, 0, Masking(firmness=2.0)),
        edits.assign(cut.state, 0, {1: first}, "Give"),
        edits.paint(cut.state, 99, PaintStroke(second, False, STROKE), "Brush"),
    ):
        history.do(change)
        assert rendering.StemSound(cut.state, first) != sound
        history.undo()
        assert rendering.StemSound(cut.state, first) == sound


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_stems_sum_to_the_song_after_any_edits_in_any_range(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cut, history = small.project(1.0)
    for _ in range(12):
        edit = small.random_edit(cut, rng)
        if edit is not None:
            history.do(edit)
    length = cut.state.mixture.length
    for _ in range(3):
        start, stop = (int(at) for at in sorted(rng.integers(0, length + 1, 2)))
        sounds = rendering.render_leaves(cut.state, start, stop)
        total = sum(sound.astype(np.float64) for sound in sounds.values())
        assert np.abs(total - cut.state.mixture.read(start, stop)).max(initial=0) < 1e-6


def test_a_fully_given_selection_takes_all_its_light_from_the_others() -> None:
    cut, history = small.project(1.2)
    history.do(small.split_edit(cut, 0, small.waves(cut.state)))
    vocals, drums, _ = (stem.id for stem in cut.state.children(0))
    everything = Selection().combined("replace", Box(start=-1, stop=9, low=0, high=small.RATE))
    stroke = PaintStroke(vocals, False, SelectionFill(selection=everything, strength=1.0))
    history.do(edits.paint(cut.state, cut.new_id(), stroke, "Fill"))
    sounds = small.dense(cut.state)
    assert np.abs(sounds[vocals] - cut.state.mixture.read(0, cut.state.mixture.length)).max() < 1e-5
    assert np.abs(sounds[drums]).max() < 1e-5


def test_painting_a_stem_of_a_stem_brings_the_light_all_the_way_down() -> None:
    _before, after, leaf = _painted(small.atoms, deep=True)
    _, amount = weights(STROKE, after.grid, small.RATE, after.frames)
    assert amount.max() > 0.79
    for stem in after.path(leaf):
        assert after.paint[stem].read(Patch(0, after.grid.bins, 0, after.frames)).max() > 0.79
    assert small.sum_error_db(after) <= -120


@pytest.mark.parametrize("make", [small.atoms, small.masks], ids=["atoms", "masks"])
def test_levels_of_masks_share_the_mixtures_light(make) -> None:
    _, state, _ = _painted(make)
    leaves = [leaf.id for leaf in state.leaves()]
    drawn = showing.levels(state, leaves, 0, state.frames)
    mixture = showing.power_mean(forward(state.mixture, state.grid))
    shares = [showing.net_mask(state, leaf, 0, state.frames) for leaf in leaves]
    assert np.allclose(sum(shares), 1.0, atol=2e-3)
    assert np.allclose(drawn, np.stack(shares) * mixture, atol=1e-5)


def test_a_level_that_is_drawn_is_the_level_that_sounds() -> None:
    cut, history = small.project(1.2)
    even = np.full((2, small.GRID.bins, cut.state.frames), 0.25, np.float16)
    history.do(small.split_edit(cut, 0, Masks(("a", "b"), small.GRID, even)))
    leaves = [leaf.id for leaf in cut.state.leaves()]
    for stem, drawn in zip(leaves, showing.levels(cut.state, leaves, 0, cut.state.frames), strict=True):
        heard = showing.power_mean(forward(rendering.StemSound(cut.state, stem), cut.state.grid))
        assert np.allclose(drawn, heard, atol=1e-4)


def test_reading_beyond_the_song_gives_silence() -> None:
    _, state, leaf = _painted(small.waves)
    sound = rendering.StemSound(state, leaf)
    piece = sound.read(-100, sound.length + 50)
    assert piece.shape == (2, sound.length + 150)
    assert not piece[:, :100].any()
    assert not piece[:, -50:].any()
    assert np.abs(piece[:, 100:-50] - small.dense(state)[leaf]).max() < 2e-6


def test_a_silent_song_stays_silent() -> None:
    cut, history = small.project(0.5)
    history.do(small.split_edit(cut, 0, small.atoms(cut.state)))
    silent = State(
        small.Audio(np.zeros((2, cut.state.mixture.length), np.float32), small.RATE),
        cut.state.grid,
        cut.state.stems,
        cut.state.splits,
    )
    for sound in small.dense(silent).values():
        assert not sound.any()
