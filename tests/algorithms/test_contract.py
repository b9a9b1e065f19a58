"""The contract that every separator keeps, whatever it does inside."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest
from small_recipes import quick, write_tiny_roformer, write_tiny_unmix, write_tiny_weights

from stemstudio.algorithms import ALGORITHMS, ESTIMATES, algorithm, recipe_from_record
from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.own_stems import OwnStems
from stemstudio.audio.audio import Audio
from stemstudio.errors import BadRecipe
from stemstudio.progress import Cancelled, Progress
from stemstudio.project import edits
from stemstudio.project.history import History
from stemstudio.project.project import Project, SongReference
from stemstudio.project.rendering import render_leaves
from stemstudio.spectral.stft import StftSettings

RATE = 44100
GRID = StftSettings()
EVERY = pytest.mark.parametrize("kind", ALGORITHMS, ids=lambda kind: kind.name)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_tiny_weights(folder)
    write_tiny_unmix(folder)
    write_tiny_roformer(folder)
    return folder


@pytest.fixture(autouse=True)
def _models_folder(weights, monkeypatch):
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(weights))


def song(channels: int = 2, seconds: float = 1.3, seed: int = 1, rate: int = RATE) -> Audio:
    """Tones and clicks under a little noise, an odd number of samples long."""
    rng = np.random.default_rng(seed)
    length = int(seconds * rate) | 1
    t = np.arange(length) / rate
    tone = 0.3 * np.sin(2 * np.pi * 330 * t) * (t % 0.5 < 0.3)
    clicks = np.zeros(length)
    clicks[:: rate // 4] = 0.8
    clicks = np.convolve(clicks, rng.standard_normal(400) * np.exp(-np.arange(400) / 80))[:length]
    sides = [tone * (0.5 + 0.5 * side) + clicks * (1 - 0.4 * side) for side in range(channels)]
    noise = 0.01 * rng.standard_normal((channels, length))
    return Audio((np.array(sides) + noise).astype(np.float32), rate)


def arrays_of(estimates) -> dict[str, np.ndarray]:
    return {name: np.asarray(array[:]) for name, array in estimates.arrays().items()}


def rendered(recipe: Algorithm, estimates, sound: Audio, *, gather: bool = False):
    """The leaves of a project in which the sound was split: by name, (channels, samples)."""
    project = Project(sound, SongReference("song.wav", "", "song"), GRID)
    history = History(project)
    if gather:
        owners = [number % 3 if number % 3 < 2 else None for number in range(len(estimates.names))]
        history.do(edits.split(project, 0, recipe, estimates, stems=["one", "two"], owners=owners))
    else:
        history.do(edits.split(project, 0, recipe, estimates))
    sounds = render_leaves(project.state, 0, sound.length)
    return {project.state.stems[stem].name: wave for stem, wave in sounds.items()}


@EVERY
def test_progress_rises_from_0_to_1(kind):
    told: list[float] = []
    quick(kind).run(song(), Progress(lambda fraction, message: told.append(fraction)))
    assert told[0] <= 0.1
    assert told[-1] == 1.0
    assert told == sorted(told)
    assert len(set(told)) >= 3


@EVERY
@pytest.mark.parametrize("when", [0.0, 0.4])
def test_it_stops_within_three_tenths_of_a_second(kind, when):
    recipe = kind() if kind.name == "nmf" else quick(kind)
    sound = song(seconds=20 if kind.name in ("htdemucs", "ensemble") else 60)
    quick(kind).run(song(), Progress())  # imports and compilation happen once, not here
    reached = threading.Event()
    outcome: list[object] = []

    def report(fraction: float, message: str) -> None:
        if fraction >= when:
            reached.set()

    progress = Progress(report)

    def work() -> None:
        try:
            outcome.append(recipe.run(sound, progress))
        except Cancelled as stopped:
            outcome.append(stopped)

    thread = threading.Thread(target=work)
    thread.start()
    assert reached.wait(60)
    time.sleep(0.01)
    asked = time.monotonic()
    progress.cancel()
    thread.join(10)
    took = time.monotonic() - asked
    assert isinstance(outcome[0], Cancelled)
    assert took <= 0.3


@EVERY
def test_a_cancelled_progress_does_no_work(kind):
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        quick(kind).run(song(), progress)


@EVERY
def test_same_seed_same_arrays(kind):
    sound = song()
    first, second = (arrays_of(quick(kind).run(sound, Progress())) for _ in range(2))
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


@EVERY
def test_input_is_read_only_and_results_are_frozen(kind):
    sound = song()
    before = sound.samples.copy()
    assert not sound.samples.flags.writeable
    estimates = quick(kind).run(sound, Progress())
    np.testing.assert_array_equal(sound.samples, before)
    for array in estimates.arrays().values():
        assert not array.flags.writeable


@EVERY
def test_parameters_are_the_fields_and_defaults_validate(kind):
    parameters = kind.parameters()
    assert [parameter.name for parameter in parameters] == list(kind.model_fields)
    defaults = kind()
    for parameter in parameters:
        assert parameter.help, parameter.name
        assert parameter.default == getattr(defaults, parameter.name)
        if parameter.kind in ("int", "float"):
            assert parameter.low is not None, parameter.name
            assert parameter.high is not None, parameter.name
            with pytest.raises(BadRecipe, match=parameter.name):
                kind.from_settings({parameter.name: parameter.high * 2 + 1})
    as_text = {parameter.name: str(parameter.default) for parameter in parameters}
    assert kind.from_settings(as_text) == defaults


@EVERY
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("gather", [False, True])
def test_stems_and_residual_add_up_to_the_song(kind, channels, gather):
    sound = song(channels)
    estimates = quick(kind).run(sound, Progress())
    leaves = rendered(quick(kind), estimates, sound, gather=gather)
    total = np.sum([wave.astype(np.float64) for wave in leaves.values()], axis=0)
    assert total.shape == sound.samples.shape
    null = np.abs(total - sound.samples).max()
    assert 20 * np.log10(max(null, 1e-12)) <= -120
    if not estimates.atoms:
        assert set(estimates.names) <= set(leaves) if not gather else {"one", "two"} <= set(leaves)


@EVERY
def test_parts_are_sound_of_the_song(kind):
    """No part may be louder than the song itself by more than a network's freedom; all are finite."""
    sound = song()
    estimates = quick(kind).run(sound, Progress())
    waves = estimates.render(sound, [[part] for part in range(len(estimates.names))], 0, sound.length)
    assert waves.dtype == np.float32
    assert waves.shape == (len(estimates.names), sound.channels, sound.length)
    assert np.isfinite(waves).all()
    assert np.abs(waves).max() > 1e-4


@EVERY
@pytest.mark.parametrize("channels", [1, 2])
def test_silence_in_silence_out(kind, channels):
    sound = Audio(np.zeros((channels, RATE // 2), dtype=np.float32), RATE)
    estimates = quick(kind).run(sound, Progress())
    for name, array in arrays_of(estimates).items():
        assert np.isfinite(array).all(), name
    for name, wave in rendered(quick(kind), estimates, sound).items():
        assert np.abs(wave).max() == 0.0, name


@EVERY
@pytest.mark.parametrize("length", [1, 2, 100, 1025, 4097])
def test_any_length_will_do(kind, length):
    sound = Audio(song().samples[:, :length].copy(), RATE)
    estimates = quick(kind).run(sound, Progress())
    leaves = rendered(quick(kind), estimates, sound)
    for wave in leaves.values():
        assert wave.shape == (2, length)
        assert np.isfinite(wave).all()
    assert np.abs(sum(leaves.values()) - sound.samples).max() <= 1e-6


@EVERY
def test_recipe_survives_json(kind):
    recipe = quick(kind)
    record = json.loads(json.dumps(recipe.record()))
    again = recipe_from_record(record)
    assert again == recipe
    assert type(again) is kind
    assert record["algorithm"] == kind.name
    assert algorithm(kind.name) is kind


@EVERY
def test_estimates_survive_a_record(kind):
    sound = song()
    estimates = quick(kind).run(sound, Progress())
    header = json.loads(json.dumps(estimates.header()))
    again = ESTIMATES[estimates.kind].from_record(header, estimates.arrays())
    assert again.names == estimates.names
    groups = [[0], [1]]
    np.testing.assert_array_equal(
        again.render(sound, groups, 5000, 9000), estimates.render(sound, groups, 5000, 9000)
    )


@EVERY
def test_rendering_by_range_is_rendering_the_whole(kind):
    sound = song()
    estimates = quick(kind).run(sound, Progress())
    whole = estimates.render(sound, [[0], [1]], 0, sound.length)
    piece = estimates.render(sound, [[0], [1]], 20001, 30002)
    np.testing.assert_allclose(piece, whole[..., 20001:30002], atol=1e-6)


def test_unknown_names_are_refused_in_one_sentence():
    with pytest.raises(BadRecipe, match="no algorithm “magic”"):
        algorithm("magic")
    with pytest.raises(BadRecipe, match="nmf"):
        recipe_from_record({"algorithm": "magic"})
    with pytest.raises(BadRecipe):
        recipe_from_record({"components": 3})
    with pytest.raises(BadRecipe, match="no parameter “depth”"):
        recipe_from_record({"algorithm": "nmf", "depth": 3})


def test_the_list_of_separators_costs_no_start_up_time():
    import subprocess
    import sys

    code = (
        "import sys, stemstudio.algorithms; "
        "print([m for m in ('torch', 'librosa', 'numba', 'demucs', 'sklearn', 'scipy.signal', 'scipy.ndimage')"
        " if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_split_by_hand_is_known_to_project_files_but_no_menu():
    for recipe in (ByHand(), OwnStems(file="song.stem.mp4")):
        assert recipe_from_record(recipe.record()) == recipe
        assert type(recipe) not in ALGORITHMS
