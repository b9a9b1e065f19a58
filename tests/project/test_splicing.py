"""Splicing: a selection taken apart by itself fades in, the rest of the song stays bit for bit, stems still add up."""

from __future__ import annotations

import json
from pathlib import Path

import cut_songs as small
import numpy as np
import pytest
from signals import mixture

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.hpss import HPSS
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.pieces import Piece
from stemstudio.algorithms.spliced import Spliced
from stemstudio.audio.audio import Audio, Stretch
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress
from stemstudio.project import edits, rendering, showing, splicing
from stemstudio.project.history import History
from stemstudio.project.opening import open_project
from stemstudio.project.project import PaintStroke, Project, SongReference
from stemstudio.project.records import SoundRecord, SplitRecord
from stemstudio.project.storage import Storage
from stemstudio.spectral.brushes import Box, BrushStroke
from stemstudio.spectral.stft import StftSettings

MAKERS = [small.atoms, small.waves, small.masks]
NAMES = ["atoms", "waveforms", "masks"]
MIDDLE = Box(start=0.5, stop=0.9, low=0.0, high=small.RATE / 2)
BAND = Box(start=0.5, stop=0.9, low=1000.0, high=2000.0)
STROKE = BrushStroke(points=((0.2, 900.0), (1.0, 1500.0)), width=0.2, height=1.5, hardness=0.3, strength=0.8)


def _spliced(base=None, make=small.masks, box=MIDDLE, *, painted: bool = False):
    cut, history = small.project(1.4)
    if base is not None:
        history.do(small.split_edit(cut, 0, base(cut.state)))
    if painted:
        leaf = cut.state.leaves()[0].id
        history.do(edits.paint(cut.state, cut.new_id(), PaintStroke(leaf, False, STROKE), "Brush"))
    before = cut.state
    history.do(splicing.splice(cut, 0, small.found(cut.state, 0, make, box)))
    return cut, history, before


def _by_name(state, start=0, stop=None):
    sounds = rendering.render_leaves(state, start, state.mixture.length if stop is None else stop)
    return {state.stems[stem].name: sound for stem, sound in sounds.items()}


@pytest.mark.parametrize("box", [MIDDLE, BAND], ids=["all", "band"])
@pytest.mark.parametrize("painted", [False, True], ids=["plain", "painted"])
@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
@pytest.mark.parametrize("base", [None, *MAKERS], ids=["unsplit", *NAMES])
def test_outside_the_selection_nothing_changes_by_a_bit_and_stems_add_up(base, make, painted, box) -> None:
    painted = painted and base is not None  # there is no stem to paint yet
    cut, _, before = _spliced(base, make, box, painted=painted)
    start, stop = round(box.start * small.RATE), round(box.stop * small.RATE)
    one, two = small.dense(before), small.dense(cut.state)
    residual = cut.state.splits[0].residual
    for leaf, sound in two.items():
        # A new stem is silent there; what the song was before it was split is the residual now.
        old = one.get(leaf, one.get(0) if leaf == residual else np.zeros_like(sound))
        assert np.array_equal(old[:, :start], sound[:, :start])
        assert np.array_equal(old[:, stop:], sound[:, stop:])
    assert any(not np.array_equal(one.get(leaf, 0 * sound), sound) for leaf, sound in two.items())
    assert small.sum_error_db(cut.state) <= -120


def test_it_fades_in_and_out_with_gains_that_add_up_to_one() -> None:
    cut, _, before = _spliced(small.waves, small.waves)
    piece = cut.state.splits[0].estimates.pieces[0]
    names = [stem.name for stem in cut.state.children(0)]
    assert names == ["vocals", "drums", "residual"]  # they go on by name
    old, new = _by_name(before), _by_name(cut.state)
    own = piece.render(cut.state.mixture, [[0], [1]], piece.start, piece.stop)
    ramp = small.RATE // 20
    gain = np.ones(piece.stop - piece.start)
    gain[:ramp] = (np.arange(ramp) + 0.5) / ramp
    gain[-ramp:] = gain[:ramp][::-1]
    for name, sound in zip(("vocals", "drums"), own, strict=True):
        expected = (1 - gain) * old[name][:, piece.start : piece.stop] + gain * sound
        assert np.abs(new[name][:, piece.start : piece.stop] - expected).max() < 1e-6


def test_at_the_edge_of_the_song_there_is_nothing_to_fade_from() -> None:
    piece = Piece(HPSS(), small.masks(small.project(0.5)[0].state), 0, 4000, 0, 4000, 400)
    assert (piece.gain(0, 4000, 4000) == 1).all()
    assert piece.gain(0, 4100, 8000)[[0, 3599, 3800, 3999, 4000]] == pytest.approx(
        [1, 1, 0.49875, 0.00125, 0]
    )


def test_a_band_moves_the_light_of_that_band_alone() -> None:
    cut, _, before = _spliced(small.waves, small.waves, BAND)
    old, new = _by_name(before)["vocals"], _by_name(cut.state)["vocals"]
    inner = slice(round(0.6 * small.RATE), round(0.8 * small.RATE))
    change = np.abs(np.fft.rfft((new - old)[0, inner] * np.hanning(inner.stop - inner.start)))
    hertz = np.fft.rfftfreq(inner.stop - inner.start, 1 / small.RATE)
    inside = change[(hertz > 1100) & (hertz < 1900)].mean()
    assert inside > 1
    assert change[hertz < 900].max() < 0.01 * inside
    assert change[hertz > 2100].max() < 0.01 * inside


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
@pytest.mark.parametrize("box", [MIDDLE, BAND], ids=["all", "band"])
def test_any_range_is_a_cut_from_the_whole(make, box) -> None:
    cut, _, _ = _spliced(small.masks, make, box, painted=True)
    whole = small.dense(cut.state)
    rng = np.random.default_rng(0)
    for _ in range(8):
        start, stop = sorted(int(at) for at in rng.integers(0, cut.state.mixture.length + 1, 2))
        for leaf, sound in rendering.render_leaves(cut.state, start, stop).items():
            assert np.abs(sound - whole[leaf][:, start:stop]).max(initial=0) < 2e-6


def test_only_the_range_that_changed_is_made_anew() -> None:
    cut, history, before = _spliced(small.waves, small.waves)
    edit = history.edits[-1]
    start, stop = rendering.dirty_range(cut.state, edit.change.box)
    assert 0 < start <= 0.5 * small.RATE < 0.9 * small.RATE <= stop < cut.state.mixture.length
    assert edit.change.kinds == {"splits"}
    assert edit.name == "Harmonic and percussive (HPSS), selection at 0.5 s"
    history.undo()
    small.assert_same(before, cut.state)


@pytest.mark.parametrize("box", [MIDDLE, BAND], ids=["all", "band"])
def test_the_picture_shows_the_masks_that_are_heard(box) -> None:
    cut, _, before = _spliced(small.masks, small.atoms, box)
    state, piece = cut.state, cut.state.splits[0].estimates.pieces[0]
    first, last = 0, state.frames
    leaves = [leaf.id for leaf in state.leaves()]
    shares = {leaf: showing.net_mask(state, leaf, first, last) for leaf in leaves}
    assert all(share is not None for share in shares.values())
    assert np.abs(sum(shares.values()) - 1).max() < 1e-5
    outer = slice(0, round(0.5 * small.RATE) // small.GRID.hop)
    for leaf in (stem.id for stem in before.leaves()):
        old = showing.net_mask(before, leaf, first, last)
        assert np.array_equal(old[:, outer], shares[leaf][:, outer])
    inner = slice(round(0.6 * small.RATE) // small.GRID.hop, round(0.8 * small.RATE) // small.GRID.hop)
    bins = slice(33, 64) if box is BAND else slice(0, small.GRID.bins)
    ahead = piece.offset // small.GRID.hop
    own = piece.estimates.masks([[0]], inner.start - ahead, inner.stop - ahead)[0]
    new = next(leaf for leaf in leaves if state.stems[leaf].name == piece.estimates.names[0])
    assert np.abs(shares[new][bins, inner] - own[bins]).max() < 1e-6
    if box is BAND:
        assert np.abs(shares[new][80:, inner]).max() == 0


def test_a_piece_beyond_the_song_is_refused() -> None:
    cut, _, _ = _spliced(small.masks)
    split = cut.state.splits[0]
    arrays = split.estimates.arrays()
    numbers = {name: place for place, name in enumerate(arrays)}
    record = SplitRecord.of(split, numbers)

    def array(number: int, bounds: tuple[float, float]) -> np.ndarray:
        return list(arrays.values())[number]

    good = SoundRecord(sample_rate=small.RATE, channels=2, length=cut.state.mixture.length)
    assert record.split(array, good).owners == split.owners
    header = json.loads(json.dumps(record.header))
    header["pieces"][0]["length"] = 2**39
    with pytest.raises(ValueError, match="beyond the song"):
        record.model_copy(update={"header": header}).split(array, good)


def test_parts_of_a_piece_can_be_given_to_other_stems() -> None:
    cut, history, _ = _spliced(small.waves, small.masks)
    split = cut.state.splits[0]
    vocals = next(stem.id for stem in cut.state.stems.values() if stem.name == "vocals")
    tones = split.estimates.parts_of(1)[0]
    assert cut.state.stems[split.owners[tones]].name == "tones"
    history.do(edits.assign(cut.state, 0, {tones: vocals}, "Move"))
    here = slice(round(0.6 * small.RATE), round(0.8 * small.RATE))
    sounds = _by_name(cut.state)
    assert np.abs(sounds["tones"]).max() == 0
    assert np.abs(sounds["vocals"][:, here]).max() > 0.01
    assert small.sum_error_db(cut.state) <= -120


def test_a_selection_taken_apart_again_replaces_what_lay_there() -> None:
    cut, history, before = _spliced(small.waves, small.masks)
    wider = Box(start=0.4, stop=1.0, low=0.0, high=small.RATE / 2)
    history.do(splicing.splice(cut, 0, small.found(cut.state, 0, small.waves, wider)))
    estimates = cut.state.splits[0].estimates
    assert len(estimates.pieces) == 1
    assert len(cut.state.splits[0].owners) == len(estimates.names) == 4
    elsewhere = Box(start=0.1, stop=0.3, low=0.0, high=small.RATE / 2)
    history.do(splicing.splice(cut, 0, small.found(cut.state, 0, small.masks, elsewhere)))
    assert len(cut.state.splits[0].estimates.pieces) == 2
    assert small.sum_error_db(cut.state) <= -120
    for _ in range(3):
        history.undo()
    small.assert_same(before, cut.state)


def test_a_new_stem_takes_the_place_of_one_that_went_meanwhile() -> None:
    cut, history, _ = _spliced(small.waves, small.waves)
    found = small.found(cut.state, 0, small.waves, Box(start=0.1, stop=0.3, low=0, high=small.RATE / 2))
    vocals = next(stem.id for stem in cut.state.stems.values() if stem.name == "vocals")
    history.do(edits.delete(cut.state, vocals))
    history.do(splicing.splice(cut, 0, found))
    assert [stem.name for stem in cut.state.children(0)] == ["drums", "vocals", "residual"]


@pytest.mark.parametrize("base", [None, *MAKERS], ids=["unsplit", *NAMES])
def test_it_is_saved_and_comes_back_the_same(tmp_path: Path, base) -> None:
    cut, history = small.project(1.4)
    storage = Storage.create(cut, history, home=tmp_path / "home")
    try:
        if base is not None:
            history.do(small.split_edit(cut, 0, base(cut.state)))
        for make, box in ((small.atoms, BAND), (small.waves, MIDDLE)):
            history.do(splicing.splice(cut, 0, small.found(cut.state, 0, make, box)))
        storage.save(tmp_path / "song.stems")
    finally:
        storage.close()
    opened = open_project(tmp_path / "song.stems", home=tmp_path / "home")
    try:
        opened.project.set_mixture(cut.state.mixture)
        again = opened.project.state.splits[0]
        assert again.owners == cut.state.splits[0].owners
        assert again.locked == cut.state.splits[0].locked
        one, two = small.dense(cut.state), small.dense(opened.project.state)
        assert one.keys() == two.keys()
        assert all(np.array_equal(one[leaf], two[leaf]) for leaf in one)
        # and it goes on from there
        more = small.found(opened.project.state, 0, small.masks, Box(start=0.1, stop=0.3, low=0, high=4000))
        opened.history.do(splicing.splice(opened.project, 0, more))
        opened.storage.save()
    finally:
        opened.storage.close()


def test_large_arrays_are_written_once(tmp_path: Path) -> None:
    cut, history = small.project(1.4)
    storage = Storage.create(cut, history, home=tmp_path / "home")
    try:
        base = storage.keep(small.waves(cut.state))
        history.do(small.split_edit(cut, 0, base))
        storage.flush()
        before = storage.kept.numbers(base)
        history.do(splicing.splice(cut, 0, small.found(cut.state, 0, small.masks, MIDDLE)))
        storage.flush()
        after = storage.kept.numbers(cut.state.splits[0].estimates)
        assert before is not None
        assert after is not None
        assert after["base/waves"] == before["waves"]
        assert set(after) == {"base/waves", "piece 1/masks"}
    finally:
        storage.close()


def _song(seconds: float = 6.0):
    sound, stems = mixture(seconds)
    cut = Project(sound, SongReference("", "0" * 64, "Song"), StftSettings())
    return cut, History(cut), stems


def test_a_recipe_hears_what_is_around_the_selection_and_takes_it_apart_as_it_would_the_song() -> None:
    cut, history, _ = _song()
    box = Box(start=2.0, stop=3.5, low=0.0, high=22050.0)
    told: list[float] = []
    found = splicing.separate_range(
        cut.state, 0, HPSS(), box, Progress(lambda fraction, _: told.append(fraction))
    )
    assert found.piece.offset <= 44100
    assert found.piece.band is None
    assert told == sorted(told)
    assert told[-1] == 1
    history.do(splicing.splice(cut, 0, found))
    whole = HPSS().run(cut.state.mixture, Progress())
    expected = whole.render(cut.state.mixture, [[0], [1]], 2 * 44100, round(3.5 * 44100))
    sounds = _by_name(cut.state, 2 * 44100, round(3.5 * 44100))
    inner = slice(4410, -4410)
    for name, sound in zip(whole.names, expected, strict=True):
        error = np.square(sounds[name][:, inner] - sound[:, inner]).sum() / np.square(sound[:, inner]).sum()
        assert error < 1e-6
    assert [leaf.name for leaf in cut.state.leaves()] == [*whole.names, "residual"]


def test_stems_go_on_by_the_likeness_of_their_sound_where_names_differ() -> None:
    cut, history, _ = _song()
    estimates = HPSS().run(cut.state.mixture, Progress())
    history.do(edits.split(cut, 0, HPSS(), estimates, stems=("band", "kit"), owners=(0, 1)))
    box = Box(start=2.0, stop=3.5, low=0.0, high=22050.0)
    found = splicing.separate_range(cut.state, 0, HPSS(harmonic_length=0.3), box, Progress())
    assert [cut.state.stems[child].name for child in found.children] == ["band", "kit"]
    history.do(splicing.splice(cut, 0, found))
    assert [leaf.name for leaf in cut.state.leaves()] == ["band", "kit", "residual"]


class FromParts(HPSS):
    """Finds given sounds, as the parts of given names."""

    def __init__(self, parts) -> None:
        super().__init__()
        self._parts = parts

    def run(self, signal, progress):
        start = signal.start if isinstance(signal, Stretch) else 0
        waves = np.stack([part[:, start : start + signal.length] for part in self._parts.values()])
        return Waveforms(tuple(self._parts), waves)


@pytest.mark.parametrize("first", ["same model", "two parts", "two parts, other kept its name"])
def test_in_vocals_and_band_the_instruments_of_a_selection_stay_in_the_band(first) -> None:
    rng = np.random.default_rng(3)
    four = {
        name: (0.1 * rng.standard_normal((1, 2 * small.RATE))).astype(np.float32)
        for name in ("drums", "bass", "other", "vocals")
    }
    rest = four["drums"] + four["bass"] + four["other"]
    cut = Project(Audio(rest + four["vocals"], small.RATE), SongReference("", "", ""), small.GRID)
    history = History(cut)
    two, stems = {"vocals": four["vocals"], "other": rest}, ("vocals", "band")
    if first == "two parts, other kept its name":
        stems = ("vocals", "other")
    whole = FromParts(four if first == "same model" else two)
    owners = (1, 1, 1, 0) if first == "same model" else (0, 1)
    history.do(
        edits.split(cut, 0, whole, whole.run(cut.state.mixture, Progress()), stems=stems, owners=owners)
    )
    before = _by_name(cut.state)
    box = Box(start=0.5, stop=1.5, low=0.0, high=small.RATE / 2)
    found = splicing.separate_range(cut.state, 0, FromParts(four), box, Progress())
    assert [cut.state.stems[child].name for child in found.children] == [stems[1]] * 3 + ["vocals"]
    history.do(splicing.splice(cut, 0, found))
    assert [leaf.name for leaf in cut.state.leaves()] == [*stems, "residual"]
    assert np.abs(_by_name(cut.state)[stems[1]] - rest).max() < 1e-5
    assert small.sum_error_db(cut.state) <= -120
    history.undo()
    after = _by_name(cut.state)
    assert list(after) == list(before)
    assert all(np.array_equal(after[name], before[name]) for name in before)


def test_atoms_of_a_selection_go_to_the_stems_they_sound_like() -> None:
    cut, history, _ = _song()
    history.do(edits.split(cut, 0, HPSS(), HPSS().run(cut.state.mixture, Progress())))
    box = Box(start=2.0, stop=3.0, low=0.0, high=22050.0)
    found = splicing.separate_range(cut.state, 0, NMF(components=8, iterations=30), box, Progress())
    assert len(found.owners) == 8
    before = _by_name(cut.state, round(2.2 * 44100), round(2.8 * 44100))
    history.do(splicing.splice(cut, 0, found))
    after = _by_name(cut.state, round(2.2 * 44100), round(2.8 * 44100))
    for name in ("harmonic", "percussive"):
        assert splicing.correlation([after[name]], [before[name]])[0, 0] > 0.6
    split = cut.state.splits[0]
    # The atoms can be shown and moved; the parts that are none are held fast.
    assert split.estimates.atoms
    assert split.locked == {0, 1}
    grid = split.estimates.grid
    assert split.estimates.templates.shape == (grid.bins, 10)
    H = split.estimates.activations
    assert H[:2].max() == 0
    assert H[2:, : 2 * 44100 // grid.hop].max() == 0
    assert H[2:, 2 * 44100 // grid.hop + 4 : 3 * 44100 // grid.hop - 4].max() > 0


def test_taught_sounds_of_a_selection_go_on_in_the_stems_of_their_names() -> None:
    class Taught(HPSS):
        def run(self, signal, progress):
            grid = small.GRID
            rng = np.random.default_rng(0)
            W, H = (
                rng.random((grid.bins, 3), np.float32),
                rng.random((3, grid.frames(signal.length)), np.float32),
            )
            return Factorization(W, H, grid, families=("snare", None, "drums"))

    box = Box(start=0.5, stop=0.9, low=0.0, high=small.RATE / 2)
    cut, history = small.project(1.4)
    fresh = splicing.separate_range(cut.state, 0, Taught(), box, Progress())
    assert (fresh.stems, fresh.owners) == (("snare", "drums"), (0, None, 1))
    history.do(small.split_edit(cut, 0, small.waves(cut.state)))
    found = splicing.separate_range(cut.state, 0, Taught(), box, Progress())
    assert found.stems == ("vocals", "drums")
    assert found.owners[2] == 1
    history.do(splicing.splice(cut, 0, found))
    assert cut.state.splits[0].estimates.families == (None, None, "snare", None, "drums")


def test_below_a_piece_that_fills_the_range_nothing_is_rendered() -> None:
    cut, _, _ = _spliced(small.waves, small.masks)
    estimates, sound = cut.state.splits[0].estimates, cut.state.mixture
    piece = estimates.pieces[0]
    groups = [[0], [1], [2], [3]]
    whole = estimates.render(sound, groups, 0, sound.length)
    asked: list[object] = []

    def rendered(source, own, low, high):
        asked.append(source)
        return source.render(sound, own, low, high)

    inner = piece.start + piece.ramp, piece.stop - piece.ramp
    got = estimates.blended(rendered, sound, groups, *inner)
    assert asked == [piece]
    assert np.abs(got - whole[..., slice(*inner)]).max() < 2e-6
    asked.clear()
    estimates.blended(rendered, sound, groups, inner[0] - 1, inner[1])
    assert asked == [estimates.base, piece]


def test_silence_and_too_short_selections() -> None:
    cut, history = small.project(1.0)
    with pytest.raises(StemStudioError, match="too short"):
        splicing.separate_range(cut.state, 0, HPSS(), Box(start=0.5, stop=0.51, low=0, high=4000), Progress())
    history.do(edits.by_hand(cut, "empty"))
    empty = cut.state.leaves()[0].id
    found = splicing.separate_range(
        cut.state, empty, HPSS(), Box(start=0.2, stop=0.6, low=0, high=4000), Progress()
    )
    history.do(splicing.splice(cut, empty, found))
    sounds = _by_name(cut.state)
    assert np.abs(sounds["harmonic"]).max() == 0
    assert np.isfinite(sounds["residual"]).all()


def test_pieces_that_do_not_fit_are_refused() -> None:
    estimates = small.masks(small.project(0.5)[0].state)
    with pytest.raises(ValueError, match="ramps"):
        Piece(HPSS(), estimates, 0, 4000, 100, 200, 60)
    with pytest.raises(ValueError, match="do not lie"):
        Piece(HPSS(), estimates, 200, 4000, 100, 200, 10)
    with pytest.raises(ValueError, match="band"):
        Piece(HPSS(), estimates, 0, 4000, 100, 200, 10, (300.0, 100.0))
    inside = Spliced(estimates, [Piece(HPSS(), estimates, 0, 4000, 100, 200, 10)])
    with pytest.raises(ValueError, match="pieces itself"):
        Spliced(estimates, [Piece(HPSS(), inside, 0, 4000, 100, 200, 10)])


def test_a_stretch_is_a_sound_of_its_own() -> None:
    song = small.song(0.5)
    stretch = Stretch(song, 1000, 500)
    assert np.array_equal(stretch.read(100, 200), song.samples[:, 1100:1200])
    edge = stretch.read(-10, 520)
    assert edge.shape == (2, 530)
    assert np.abs(edge[:, :10]).max() == np.abs(edge[:, 510:]).max() == 0
    assert np.array_equal(edge[:, 10:510], song.samples[:, 1000:1500])
