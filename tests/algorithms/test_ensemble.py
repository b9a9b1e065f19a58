"""Several models as one: a mean is a mean, magnitudes go by their order, and a stem that one model lacks is not lost."""

from __future__ import annotations

import numpy as np
import pytest
from small_recipes import write_tiny_unmix, write_tiny_weights

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural import ensemble as module
from stemstudio.algorithms.neural.blending import Member, common_stems, mean, ordered
from stemstudio.algorithms.neural.catalogue import MODELS
from stemstudio.algorithms.neural.demucs import HTDemucs
from stemstudio.algorithms.neural.ensemble import Ensemble
from stemstudio.algorithms.neural.openunmix import OpenUnmix
from stemstudio.algorithms.streaming import Said, SoFar
from stemstudio.audio.audio import Audio
from stemstudio.errors import BadRecipe, MissingModel
from stemstudio.progress import Progress

pytestmark = pytest.mark.usefixtures("one_thread")

RATE = 44100
COMMON = ("vocals", "other")
STEMS = ("drums", "bass", "other", "vocals")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_tiny_weights(folder)
    write_tiny_unmix(folder)
    return folder


@pytest.fixture(autouse=True)
def _models_folder(folder, monkeypatch):
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(folder))


@pytest.fixture(scope="module")
def song():
    samples = np.random.default_rng(5).standard_normal((2, 50_001)).astype(np.float32)
    return Audio(0.1 * samples, RATE)


def member(*scales: float, names: tuple[str, ...] = COMMON, weight: float = 1.0, seed: int = 0) -> Member:
    base = np.random.default_rng(seed).standard_normal((1, 2, 20_000)).astype(np.float32)
    return Member(Waveforms(names, base * np.array(scales, dtype=np.float32)[:, None, None]), weight)


def test_the_mean_is_that_of_the_models_by_their_weights(song):
    first, second = (kind().run(song, Progress()) for kind in (HTDemucs, OpenUnmix))
    seen: list[tuple[tuple[int, int], ...]] = []
    found = Ensemble(members="htdemucs:3, umxhq").run(
        song, Progress(hand_on=lambda so_far: seen.append(so_far.done) if isinstance(so_far, SoFar) else None)
    )
    assert found.names == ("drums", "bass", "other", "vocals")
    for name, wave in zip(found.names, found.waves, strict=True):
        expected = 0.75 * first.waves[first.names.index(name)] + 0.25 * second.waves[second.names.index(name)]
        np.testing.assert_allclose(wave, expected, atol=1e-6)
    assert seen[-1] == ((0, song.length),), "heard while the last model runs"
    alone = Ensemble(members="htdemucs:3, umxhq", stems="vocals").run(song, Progress())
    assert np.array_equal(alone.waves[0], found.waves[3])


class Scripted:
    """Stands for a model's recipe: its stems come in the order of a script."""

    def __init__(self, waves: np.ndarray, ranges: tuple[tuple[tuple[int, int], ...], ...]) -> None:
        self.found, self.ranges = Waveforms(STEMS, waves), ranges

    def run(self, signal, progress, playhead):
        self.playhead = playhead
        progress.hand_on(Said("Memory is short."))
        for done in self.ranges:
            progress.hand_on(SoFar(self.found, done))
        return self.found


@pytest.mark.parametrize("how", ["mean", "median"])
def test_what_is_heard_while_the_last_model_runs_is_as_it_will_stay(monkeypatch, how):
    monkeypatch.setattr(module, "BLOCK", 1000)
    rng = np.random.default_rng(1)
    first, last = (rng.standard_normal((4, 2, 2500)).astype(np.float32) for _ in range(2))
    ranges = (((100, 300),), ((100, 300), (600, 900)), ((0, 1100),))
    models = [Scripted(first, (((0, 2500),),)), Scripted(last, ranges)]
    left = list(models)
    monkeypatch.setattr(Ensemble, "_member", lambda self, model: left.pop(0))
    wanted = 0.25 * first + 0.75 * last
    heard: list[object] = []

    def hand_on(found: object) -> None:
        heard.append(found.done if isinstance(found, SoFar) else found)
        for start, stop in found.done if isinstance(found, SoFar) else ():
            np.testing.assert_allclose(
                found.estimates.waves[..., start:stop], wanted[..., start:stop], atol=1e-6
            )

    def playhead() -> int:
        return 0

    recipe = Ensemble(members="htdemucs:2, umxhq:6", how=how)
    found = recipe.run(Audio(first[0], RATE), Progress(hand_on=hand_on), playhead)
    assert heard == [Said("Memory is short."), *(ranges if how == "mean" else ())], "each is said once"
    assert all(model.playhead is playhead for model in models)
    if how == "mean":
        np.testing.assert_allclose(found.waves, wanted, atol=1e-6)
    else:
        assert found.waves[..., -1].all()


def test_each_model_runs_as_the_ensemble_says():
    recipe = Ensemble(shifts=3, device="cpu", precision="half")
    demucs, unmix = (recipe._member(MODELS[name]) for name in ("htdemucs", "umxhq"))
    assert (demucs.shifts, demucs.device, demucs.precision) == (3, "cpu", "half")
    assert (unmix.model, unmix.device) == ("umxhq", "cpu")


def test_what_is_alike_stays_as_it_is_whatever_the_order():
    members = [member(1.0, 2.0)] * 3
    wanted = members[0].found.waves[0]
    for how in ("median", "smallest", "largest"):
        for start, stop in ((0, 20_000), (5000, 9000)):
            wave = ordered(members, "vocals", COMMON, how, start, stop, RATE)
            np.testing.assert_allclose(wave, wanted[:, start:stop], atol=1e-5)


def test_magnitudes_go_by_their_order():
    members = [member(0.5, 0.0), member(3.0, 0.0), member(1.0, 0.0)]
    one = members[2].found.waves[0]
    for how, factor in (("smallest", 0.5), ("median", 1.0), ("largest", 3.0)):
        wave = ordered(members, "vocals", COMMON, how, 0, 20_000, RATE)
        np.testing.assert_allclose(wave, factor * one, atol=1e-4)
    even = ordered(members[:2], "vocals", COMMON, "median", 0, 20_000, RATE)
    np.testing.assert_allclose(even, 1.75 * one, atol=1e-4)


def test_a_stem_that_one_model_lacks_is_part_of_the_rest():
    four = member(1.0, 3.0)
    six = member(1.0, 1.0, 2.0, names=("vocals", "other", "guitar"))
    rest = mean([four, six], "other", COMMON, 0, 20_000)
    np.testing.assert_allclose(rest, four.found.waves[1], atol=1e-5)
    voice = mean([four, six], "vocals", COMMON, 0, 20_000)
    np.testing.assert_allclose(voice, four.found.waves[0], atol=1e-5)
    assert common_stems([("drums", "vocals", "other"), ("vocals", "other", "piano")]) == COMMON


def test_names_that_say_nothing_are_refused(monkeypatch):
    monkeypatch.setattr(Ensemble, "_member", None)  # nothing runs before all of it is known to be here
    for members in ("htdemucs:much", "htdemucs:-1", "htdemucs:1001", "", ", ".join(["htdemucs"] * 17)):
        with pytest.raises(BadRecipe, match="members"):
            Ensemble.from_settings({"members": members})
    with pytest.raises(BadRecipe, match="no model “spleeter”"):
        Ensemble(members="spleeter").run(Audio(np.zeros((2, 100), np.float32), RATE), Progress())
    with pytest.raises(MissingModel, match="umxl"):
        Ensemble(members="htdemucs, umxl").run(Audio(np.zeros((2, 100), np.float32), RATE), Progress())
    assert Ensemble(members="htdemucs_ft:2, umxl").models == ("htdemucs_ft", "umxl")
