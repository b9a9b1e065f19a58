"""Masking: every separator that estimates spectrograms can be masked in every way, and the stems still add up."""

from __future__ import annotations

import numpy as np
import pytest
from small_recipes import quick

from stemstudio.algorithms import ALGORITHMS, ESTIMATES, algorithm
from stemstudio.algorithms.estimates import MaskEstimates, Masks
from stemstudio.algorithms.masking import Masking, shares_of
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.streaming import Streaming
from stemstudio.algorithms.stretches import Cut
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.project import Project, SongReference
from stemstudio.project.rendering import render_leaves
from stemstudio.spectral.masks import multichannel_wiener
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

RATE = 22050
MASKED = [kind for kind in ALGORITHMS if kind.masked]
KINDS = {
    "soft": Masking(firmness=2.0),
    "margin": Masking(firmness=0.7, margin=2.0),
    "binary": Masking(kind="binary"),
    "binary with margin": Masking(kind="binary", margin=1.5),
    "wiener": Masking(kind="wiener"),
    "wiener, 2 rounds": Masking(kind="wiener", firmness=2.0, margin=1.3, iterations=2),
    "griffin-lim": Masking(phase="griffin-lim", phase_iterations=2),
    "misi": Masking(phase="misi", phase_iterations=2),
    "wiener and misi": Masking(kind="wiener", phase="misi", phase_iterations=2),
}
EVERY = pytest.mark.parametrize("kind", MASKED, ids=lambda kind: kind.name)
EACH = pytest.mark.parametrize("masking", KINDS.values(), ids=KINDS)


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch):
    """Several of them in a song of a second."""
    monkeypatch.setattr("stemstudio.algorithms.stretches.SECONDS", 0.45)
    monkeypatch.setattr("stemstudio.algorithms.stretches.SHORT", 0.45)
    monkeypatch.setattr("stemstudio.algorithms.stretches.FADE", 0.05)
    monkeypatch.setattr("stemstudio.algorithms.stretches.CONTEXT", 0.1)


def song(channels: int = 2, seconds: float = 1.2, seed: int = 1) -> Audio:
    """A tone on one side, strokes on the other, a silence, an odd number of samples."""
    rng = np.random.default_rng(seed)
    length = int(seconds * RATE) | 1
    t = np.arange(length) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 330 * t) * (t % 0.5 < 0.3)
    strokes = 0.3 * rng.standard_normal(length) * np.exp(-(t % 0.25) / 0.02)
    sides = np.stack([tone * (1 - 0.8 * side) + strokes * (0.2 + 0.8 * side) for side in range(channels)])
    sides[:, int(0.8 * RATE) : int(0.9 * RATE)] = 0
    return Audio(sides.astype(np.float32), RATE)


@pytest.fixture(scope="module")
def found():
    """What every separator finds in the song, by name and number of channels."""
    return {
        (kind.name, channels): quick(kind).run(song(channels), Progress())
        for kind in MASKED
        for channels in (1, 2)
    }


def split(recipe, estimates, sound: Audio, masking: Masking) -> Project:
    project = Project(sound, SongReference("song.wav", "", "song"), StftSettings())
    owners = [number % 3 if number % 3 < 2 else None for number in range(len(estimates.names))]
    edits.split(project, 0, recipe, estimates, stems=["one", "two"], owners=owners, masking=masking).do(
        project
    )
    return project


@pytest.mark.parametrize("kind", ALGORITHMS, ids=lambda kind: kind.name)
def test_a_recipe_says_beforehand_whether_it_makes_masks(kind):
    if issubclass(kind, Streaming):  # they want weights
        assert not kind.masked
        return
    assert isinstance(quick(kind).run(song(seconds=0.3), Progress()), MaskEstimates) == kind.masked


@EVERY
@EACH
@pytest.mark.parametrize("channels", [1, 2])
def test_stems_add_up_and_are_sound(found, kind, masking, channels):
    sound, estimates = song(channels), found[kind.name, channels]
    state = split(quick(kind), estimates, sound, masking).state
    leaves = render_leaves(state, 0, sound.length)
    total = np.sum([wave.astype(np.float64) for wave in leaves.values()], axis=0)
    assert 20 * np.log10(max(np.abs(total - sound.samples).max(), 1e-12)) <= -120
    for wave in leaves.values():
        assert np.isfinite(wave).all()
        assert np.abs(wave).max() < 1.5


@EVERY
@EACH
def test_any_range_is_a_cut_from_the_whole(found, kind, masking):
    """In another order, too, and by estimates that have not worked anything out yet."""
    sound, estimates = song(), found[kind.name, 2]
    fresh = ESTIMATES[estimates.kind].from_record(estimates.header(), estimates.arrays())
    whole = estimates.render(sound, [[0], [1]], 0, sound.length, masking)
    for start, stop in ((20001, 23017), (9001, 12000), (0, 1), (15000, 15000), (5, sound.length)):
        piece = fresh.render(sound, [[0], [1]], start, stop, masking)
        if masking.local:
            np.testing.assert_allclose(piece, whole[..., start:stop], atol=1e-6)
        else:
            np.testing.assert_array_equal(piece, whole[..., start:stop])


@EVERY
def test_silence_stays_silent(kind):
    silence = Audio(np.zeros((2, RATE // 2), dtype=np.float32), RATE)
    estimates = quick(kind).run(silence, Progress())
    for masking in KINDS.values():
        assert not estimates.render(silence, [[0], [1]], 0, silence.length, masking).any()


@EACH
def test_a_sound_of_a_few_samples(masking):
    sound = Audio(np.array([[0.5, -0.5, 0.25]], dtype=np.float32), RATE)
    estimates = quick(MASKED[0]).run(sound, Progress())
    waves = estimates.render(sound, [[0], [1]], 0, 3, masking)
    assert waves.shape == (2, 1, 3)
    assert np.isfinite(waves).all()


@EACH
def test_a_group_with_nothing_in_it_is_silent(found, masking):
    sound, estimates = song(), found["nmf", 2]
    waves = estimates.render(sound, [[0, 1, 2], [], [3, 4, 5]], 0, sound.length, masking)
    assert not waves[1].any()
    assert np.abs(waves[0]).max() > 1e-3


def known_factorization(frames: int = 40, grid: StftSettings | None = None) -> Factorization:
    """Atoms of magnitude 3, 1 and 2 in every bin."""
    grid = grid or StftSettings(fft=64, hop=16)
    W = np.repeat(np.array([[3.0, 1.0, 2.0]], dtype=np.float32), grid.bins, axis=0)
    return Factorization(W, np.ones((3, frames), dtype=np.float32), grid)


def test_shares_are_the_formula_with_the_residual_as_one_more_stem():
    atoms = known_factorization()

    def of(**how):
        return atoms.masks([[0], [1]], 0, 4, Masking(**how))[:, 5, 0]

    np.testing.assert_allclose(of(), [3 / 6, 1 / 6], rtol=1e-6)
    np.testing.assert_allclose(of(firmness=2), [9 / 14, 1 / 14], rtol=1e-6)
    np.testing.assert_allclose(of(margin=2), [3 / 9, 1 / 11], rtol=1e-6)
    np.testing.assert_allclose(of(firmness=2, margin=2), [9 / 29, 1 / 53], rtol=1e-6)
    np.testing.assert_array_equal(of(kind="binary"), [1, 0])
    np.testing.assert_array_equal(of(kind="binary", margin=1.4), [1, 0])
    np.testing.assert_array_equal(of(kind="binary", margin=1.6), [0, 0])
    np.testing.assert_array_equal(atoms.masks([[1]], 0, 4, Masking(kind="binary"))[:, 5, 0], [0])


def test_the_plainest_masking_leaves_everything_as_it_was():
    """Bit for bit: atoms share by their magnitudes, stored masks are the masks."""
    rng = np.random.default_rng(0)
    grid = StftSettings(fft=64, hop=16)
    W, H = rng.random((grid.bins, 5), dtype=np.float32), rng.random((5, 30), dtype=np.float32)
    models = [W[:, [4]] @ H[[4]], W[:, [0, 2]] @ H[[0, 2]], W[:, [1, 3]] @ H[[1, 3]]]
    total = models[0] + models[1] + models[2]
    masks = Factorization(W, H, grid).masks([[0, 2], [1, 3]], 0, 30)
    np.testing.assert_allclose(masks, [models[1] / total, models[2] / total], rtol=1e-6)
    stored = (rng.random((2, grid.bins, 30)) / 2).astype(np.float16)
    kept = Masks(("a", "b"), grid, stored)
    assert kept.masking == Masking()
    np.testing.assert_array_equal(kept.masks([[0], [1]], 3, 20), stored[..., 3:20].astype(np.float32))


def test_what_no_stored_mask_claims_stays_the_residuals():
    grid = StftSettings(fft=64, hop=16)
    stored = np.zeros((2, grid.bins, 4), dtype=np.float16)
    stored[0], stored[1] = 0.5, 0.125
    kept = Masks(("a", "b"), grid, stored)
    firm = kept.masks([[0], [1]], 0, 4, Masking(firmness=2))[:, 0, 0]
    np.testing.assert_allclose(firm, np.array([16, 1]) / (16 + 1 + 9), rtol=1e-5)
    stored[0], stored[1] = 0.25, 0.25
    assert not Masks(("a", "b"), grid, stored).masks([[0], [1]], 0, 4, Masking(kind="binary")).any()


def test_shares_stay_shares_where_numbers_are_at_their_ends():
    rng = np.random.default_rng(0)
    for exponent, margin in ((16.0, 20.0), (16.0, 1.0), (1e-3, 1.0), (0.1, 20.0)):
        for scale in (1e-18, 1.0, 1e18):
            models = (rng.random((4, 9, 7)) ** 8 * scale).astype(np.float32)
            shares = shares_of(models, Masking(firmness=exponent, margin=margin))
            assert np.isfinite(shares).all()
            assert shares.min() >= 0
            assert shares.sum(axis=0).max() <= 1 + 1e-5


def test_estimates_remember_what_masks_they_start_with():
    grid = StftSettings(fft=64, hop=16)
    start = Masking(kind="binary", margin=3.0)
    kept = Masks(("a",), grid, np.full((1, grid.bins, 4), 0.8, dtype=np.float16), start)
    again = Masks.from_record(kept.header(), kept.arrays())
    assert again.masking == start
    np.testing.assert_array_equal(again.masks([[0]], 0, 4), np.ones((1, grid.bins, 4)))
    old = {name: value for name, value in kept.header().items() if name != "masking"}
    assert Masks.from_record(old, kept.arrays()).masking == Masking()


def test_one_stretch_is_the_wiener_filter_of_the_whole_song(monkeypatch):
    monkeypatch.setattr("stemstudio.algorithms.stretches.SECONDS", 60.0)
    sound, grid = song(), StftSettings(fft=1024, hop=256)
    atoms = known_factorization(grid.frames(sound.length), grid)
    rng = np.random.default_rng(3)
    atoms = Factorization(
        rng.random((grid.bins, 3), dtype=np.float32),
        rng.random(atoms.activations.shape, dtype=np.float32),
        grid,
    )
    masking = Masking(kind="wiener", iterations=2)
    groups = [[0], [1], [2]]
    mixture = forward(sound, grid)
    spectra = multichannel_wiener(
        mixture.values, atoms.masks(groups, 0, grid.frames(sound.length)), iterations=2
    )
    waves = atoms.render(sound, groups, 0, sound.length, masking)
    for wave, spectrum in zip(waves, spectra, strict=True):
        expected = inverse(Spectrogram(spectrum, grid, RATE, 0, sound.length))
        np.testing.assert_allclose(wave, expected, atol=1e-5)


def test_the_wiener_filter_tells_sides_apart_that_the_models_do_not():
    """Two noises, one a side, under models that know only when each is loud."""
    rng = np.random.default_rng(0)
    grid, length = StftSettings(fft=1024, hop=256), 2 * RATE
    t = np.arange(length) / RATE
    sides = 0.2 * rng.standard_normal((2, length)) * np.stack([t % 0.5 < 0.3, t % 0.5 >= 0.2])
    sound = Audio(sides.astype(np.float32), RATE)
    loud = np.stack(
        [forward(Audio(side[None].astype(np.float32), RATE), grid).magnitude[0] for side in sides]
    )
    H = loud.mean(axis=1).astype(np.float32)
    atoms = Factorization(np.ones((grid.bins, 2), dtype=np.float32), H, grid)
    truth = np.zeros((2, 2, length), dtype=np.float32)
    truth[0, 0], truth[1, 1] = sides

    def error(masking: Masking) -> float:
        return float(np.linalg.norm(atoms.render(sound, [[0], [1]], 0, length, masking) - truth))

    assert error(Masking(kind="wiener", iterations=3)) < 0.5 * error(Masking())


def test_misi_gives_the_residual_a_phase_of_its_own_and_silent_stems_nothing():
    sound, grid = song(), StftSettings(fft=1024, hop=256)
    frames = grid.frames(sound.length)
    stored = np.zeros((3, grid.bins, frames), dtype=np.float16)
    stored[0, :100], stored[1, 100:] = 0.7, 0.6
    kept = Masks(("low", "high", "nothing"), grid, stored)
    waves = kept.render(sound, [[0], [1], [2]], 0, sound.length, Masking(phase="misi", phase_iterations=3))
    assert not waves[2].any()
    plain = kept.render(sound, [[0], [1], [2]], 0, sound.length)
    assert np.abs(waves - plain).max() > 1e-4


def test_a_seam_is_not_heard():
    """Rendered by stretches, a stem differs from the whole song's by little, and no more at the seams."""
    sound, grid = song(seconds=2.5), StftSettings(fft=512, hop=128)
    rng = np.random.default_rng(0)
    stored = np.repeat(rng.random((2, grid.bins, 1)) / 2, grid.frames(sound.length), axis=2)
    kept = Masks(("a", "b"), grid, stored.astype(np.float16))
    masking = Masking(phase="griffin-lim", phase_iterations=3)
    waves = kept.render(sound, [[0], [1]], 0, sound.length, masking)
    cut = Cut.of(grid, RATE, sound.length, masking)
    assert cut.count > 3
    jumps = np.abs(np.diff(waves, axis=-1))
    loudest = np.abs(np.diff(sound.samples)).max()
    for number in range(1, cut.count):
        assert jumps[..., number * cut.every - 3 : number * cut.every + 3].max() <= loudest


@pytest.mark.parametrize("length", [1, 500, 9922, 9923, 20000, 44100])
def test_every_sample_has_its_whole_share_of_stretches(length):
    cut = Cut.of(StftSettings(fft=512, hop=128), RATE, length, Masking(kind="wiener"))
    total = np.zeros(length)
    for number in range(cut.count):
        start, stop = cut.core(number)
        heard = cut.heard(number)
        assert heard[0] % 128 == 0
        assert heard[0] <= start < stop <= heard[1] <= length
        total[start:stop] += cut.weights(number, start, stop)
        assert number in cut.touching(start, stop)
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert list(cut.touching(0, length)) == list(range(cut.count))
    assert max(stop - start for start, stop in map(cut.heard, range(cut.count))) <= cut.reach + cut.context


def test_a_stretch_is_worked_out_once(monkeypatch):
    calls = []
    real = multichannel_wiener

    def counted(*given, **settings):
        calls.append(1)
        return real(*given, **settings)

    monkeypatch.setattr("stemstudio.algorithms.stretches.multichannel_wiener", counted)
    sound, grid = song(), StftSettings(fft=512, hop=128)
    stored = np.full((1, grid.bins, grid.frames(sound.length)), 0.5, dtype=np.float16)
    kept = Masks(("a",), grid, stored)
    masking = Masking(kind="wiener")
    for start in range(0, sound.length, 2000):
        kept.render(sound, [[0]], start, min(sound.length, start + 2000), masking)
    assert len(calls) == Cut.of(grid, RATE, sound.length, masking).count
    kept.render(sound, [[0]], 0, 2000, Masking(kind="wiener", firmness=2.0))
    assert len(calls) == Cut.of(grid, RATE, sound.length, masking).count + 1


def test_a_stretch_that_fails_says_so_and_is_tried_again(monkeypatch):
    sound, grid = song(), StftSettings(fft=512, hop=128)
    kept = Masks(("a",), grid, np.full((1, grid.bins, grid.frames(sound.length)), 0.5, dtype=np.float16))

    def broken(*given, **settings):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("stemstudio.algorithms.stretches.multichannel_wiener", broken)
        with pytest.raises(MemoryError):
            kept.render(sound, [[0]], 0, 1000, Masking(kind="wiener"))
    assert np.isfinite(kept.render(sound, [[0]], 0, 1000, Masking(kind="wiener"))).all()


def test_words_name_what_differs():
    assert Masking().words == "soft"
    assert Masking(kind="binary", margin=1.5, phase="misi").words == "binary, margin 1.5, phase MISI"
    assert Masking(kind="wiener", firmness=2, iterations=3).words == "Wiener, firmness 2, 3 rounds"
    assert Masking(phase="misi", phase_iterations=9).words == "soft, phase MISI, 9 rounds"


@pytest.mark.parametrize(
    ("name", "before"),
    [("nmf", "mask_exponent"), ("nmfd", "mask_exponent"), ("hpss", "power"), ("hpss2", "power")],
)
def test_firmness_is_one_word_and_old_commands_and_projects_say_it_in_theirs(name, before):
    assert algorithm(name).from_settings({before: 2.5}) == algorithm(name)(firmness=2.5)
    assert Masking.from_settings({"exponent": "2.5"}) == Masking(firmness=2.5)
    assert "firmness" in Masking(firmness=2.5).record()
    words = {each.name for kind in (Masking, algorithm(name)) for each in kind.parameters()}
    assert "firmness" in words
    assert not words & {"mask_exponent", "power"}
