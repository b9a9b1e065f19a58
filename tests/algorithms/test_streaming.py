"""Recipes of networks: called by the network that they run, wherever a run is named, and stopped while it is loaded."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from small_recipes import write_tiny_roformer, write_tiny_unmix, write_tiny_weights

from stemstudio.algorithms.hpss import HPSS
from stemstudio.algorithms.neural.by_name import recipe_of, sketched
from stemstudio.algorithms.neural.catalogue import MODELS
from stemstudio.algorithms.neural.demucs import HTDemucs
from stemstudio.algorithms.neural.ensemble import Ensemble
from stemstudio.algorithms.neural.openunmix import OpenUnmix
from stemstudio.algorithms.neural.roformer import RoFormer
from stemstudio.audio.audio import Audio
from stemstudio.progress import Cancelled, Progress
from stemstudio.project.takes import described


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (HTDemucs(), "Four stems (htdemucs)"),
        (HTDemucs(model="sketch"), "Four stems (Sketch)"),
        (HTDemucs(model="htdemucs_6s"), "Six stems (htdemucs_6s)"),
        (HTDemucs(model="htdemucs_ft", stems="vocals"), "vocals (htdemucs_ft)"),
        (OpenUnmix(model="umxl"), "Four stems (umxl)"),
        (RoFormer(model="MelBand_kim"), "Stems (MelBand_kim)"),
        (Ensemble(members="sketch, umxl:2"), "Stems (Sketch + umxl)"),
        (HPSS(), HPSS.title),
    ],
)
def test_a_run_is_called_by_its_network(recipe, words):
    assert recipe.called == words
    assert described(recipe) == words


def test_what_else_is_not_as_delivered_is_said_after_it():
    assert described(HTDemucs(model="sketch", shifts=0)) == "Four stems (Sketch) · no shifts"


def test_the_first_model_of_ones_own_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path))
    assert RoFormer().resolved() == RoFormer()
    write_tiny_roformer(tmp_path)
    found = RoFormer().resolved()
    assert found.model
    assert found.called == f"Stems ({found.model})"
    assert RoFormer(model="another").resolved().model == "another"


def test_a_sketch_of_a_run_is_the_small_network_with_the_same_stems_where_it_knows_them():
    asked = HTDemucs(model="htdemucs_ft", stems="vocals", seed=3, shifts=4, device="cpu", precision="half")
    wanted = {"stems": "vocals", "seed": 3, "device": "cpu", "precision": "half"}
    assert sketched(asked) == HTDemucs(model="sketch", shifts=0, **wanted)
    assert sketched(OpenUnmix(stems="bass")) == HTDemucs(model="sketch", shifts=0, stems="bass")
    assert sketched(HTDemucs(model="htdemucs_6s", stems="piano")) is None
    assert sketched(HTDemucs(model="sketch")) is None
    assert sketched(HPSS()) is None


def test_every_model_has_the_recipe_that_runs_it():
    kinds = {"htdemucs_ft": HTDemucs, "mdx_q": HTDemucs, "sketch": HTDemucs, "umxl": OpenUnmix}
    for name, kind in kinds.items():
        assert recipe_of(MODELS[name]) == kind(model=name)


def test_every_network_and_device_has_a_speed_of_its_own():
    recipes = [HTDemucs(), HTDemucs(model="sketch"), HTDemucs(device="cpu"), HTDemucs(precision="half")]
    recipes += [OpenUnmix(), OpenUnmix(model="umxl"), Ensemble(), Ensemble(members="umxl")]
    assert len({recipe.timed_as for recipe in recipes}) == len(recipes)
    assert HTDemucs(overlap=0.5).timed_as == HTDemucs().timed_as


@pytest.mark.parametrize(
    ("kind", "write", "load"),
    [
        (HTDemucs, write_tiny_weights, "stemstudio.algorithms.neural.demucs.load"),
        (OpenUnmix, write_tiny_unmix, "stemstudio.algorithms.neural.openunmix.load"),
        (RoFormer, write_tiny_roformer, "stemstudio.algorithms.neural.own_models.load_own"),
    ],
)
def test_who_stops_does_not_wait_for_a_network_to_be_loaded(tmp_path, monkeypatch, kind, write, load):
    def slow(*_: object) -> None:
        stopped.append(time.monotonic())
        progress.cancel()
        assert read.wait(10)

    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path))
    write(tmp_path)
    monkeypatch.setattr(load, slow)
    stopped: list[float] = []
    read, progress = threading.Event(), Progress()
    song = Audio(np.ones((2, 4410), dtype=np.float32), 44100)
    try:
        with pytest.raises(Cancelled):
            kind().run(song, progress)
        assert time.monotonic() - stopped[0] < 0.3
    finally:
        read.set()
    for thread in threading.enumerate():
        if thread.name == "unhurried":
            thread.join(5)
