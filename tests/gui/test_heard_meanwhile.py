"""A separation is seen and heard while it goes on; what is finished of one that was stopped can be kept."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest
from small_projects import RATE, song
from small_recipes import write_tiny_weights

from stemstudio.algorithms.algorithm import parameter
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural.demucs import HTDemucs
from stemstudio.algorithms.streaming import SoFar, Streaming
from stemstudio.errors import CardTooSmall
from stemstudio.gui.document import UNFINISHED
from stemstudio.gui.light import Light
from stemstudio.gui.player import Player
from stemstudio.gui.separating import Separating
from stemstudio.gui.sounding import Sounding
from stemstudio.gui.views.separate import SeparatePanel
from stemstudio.project import edits
from stemstudio.project.rendering import render_leaves
from stemstudio.spectral.brushes import Box

GO: dict[str, threading.Event] = {}


class Steps(Streaming):
    """Gives half of the song to each stem, a second at a time from the playhead on, and waits between."""

    name = "steps"
    title = "Steps"
    summary = "A second at a time."
    masked = False

    fails: bool = parameter(False, "Whether it breaks off.")
    part: float = parameter(0.5, "Of the song, in each stem.")
    device: Literal["auto", "cpu"] = parameter("auto", "What computes.")

    def run(self, signal, progress, playhead=lambda: 0):
        if self.fails and self.device == "auto" and GO["small"].is_set():
            raise CardTooSmall("There is not enough memory.", "Choose the CPU.")
        waves = np.zeros((2, signal.channels, signal.length), dtype=np.float32)
        found = Waveforms(["one", "two"], waves)
        first = playhead() // RATE
        seconds = [*range(first, signal.length // RATE), *range(first)[::-1]]
        for number in range(len(seconds)):
            progress(number / len(seconds))
            low, high = min(seconds[: number + 1]) * RATE, (max(seconds[: number + 1]) + 1) * RATE
            waves[..., low:high] = self.part * signal.read(low, high)
            progress.hand_on(SoFar(found, ((low, high),)))
            while not GO["next"].wait(0.02):
                progress.check()
            GO["next"].clear()
        if self.fails:
            raise RuntimeError("the driver is gone")
        progress(1.0)
        return found


@pytest.fixture
def studio(qtbot):
    """A song of four seconds with everything that shows and plays it."""
    GO["next"], GO["small"] = threading.Event(), threading.Event()
    document = song(4.0)
    player = Player()
    sounding = Sounding(document, player)
    document.opened.emit()
    document.set_reading(document.state.mixture.length, True)
    separating = Separating(document)
    separating.playhead = lambda: player.position
    panel = SeparatePanel(document)
    qtbot.addWidget(panel)
    separating.unfinished.connect(panel.unfinished.ask)
    panel.unfinished.keep_wanted.connect(separating.keep_finished)
    panel.unfinished.forget_wanted.connect(separating.forget_finished)
    panel.show()
    said: list[str] = []
    document.said.connect(said.append)
    yield SimpleNamespace(
        document=document,
        player=player,
        sounding=sounding,
        light=Light(document),
        separating=separating,
        panel=panel,
        said=said,
    )
    sounding.close()
    player.close()
    document.jobs.close()


def halves(mixture) -> Waveforms:
    return Waveforms(["one", "two"], np.stack([0.5 * mixture.read(0, mixture.length)] * 2))


def shown(document) -> list[str]:
    return [leaf.name for leaf in document.state.leaves()]


def heard(studio) -> list[np.ndarray]:
    """The buffers that the player mixes."""
    return list(studio.player._deck.programme.stems)


def second(studio, number: int) -> slice:
    """The middle of a second, away from fades."""
    return slice(int((number + 0.2) * RATE), int((number + 0.8) * RATE))


def wait_for(qtbot, studio, done: tuple[int, int]) -> None:
    document = studio.document
    qtbot.waitUntil(
        lambda: document.provisional is not None and document.provisional.done == (done,), timeout=5000
    )
    qtbot.waitUntil(lambda: not (studio.sounding._status != 0).any(), timeout=5000)


def test_the_part_at_the_playhead_is_heard_first_and_the_end_is_one_step(qtbot, studio):
    document, player = studio.document, studio.player
    player.seek(2 * RATE + 100)
    studio.separating.run(0, Steps())
    wait_for(qtbot, studio, (2 * RATE, 3 * RATE))
    assert shown(document) == ["one", "two", "residual"]
    assert not document.project.state.splits
    assert not document.history.edits, "no step yet"
    mixture = document.state.mixture.read(0, 4 * RATE)
    one, _, residual = heard(studio)
    np.testing.assert_allclose(one[:, second(studio, 2)], 0.5 * mixture[:, second(studio, 2)], atol=1e-6)
    assert not one[:, second(studio, 1)].any()
    np.testing.assert_allclose(residual[:, second(studio, 1)], mixture[:, second(studio, 1)], atol=1e-6)
    qtbot.waitUntil(lambda: studio.light.idle, timeout=10_000)
    owners = np.unique(studio.light.dominant[: document.state.frames // 16])
    assert len(owners) >= 2, "finished and unfinished parts look different"

    number = document.state.leaves()[0].id
    document.do(edits.set_stem(document.state, number, "Solo one", solo=True))
    document.set_target(number)
    for done in ((2 * RATE, 4 * RATE), (RATE, 4 * RATE), (0, 4 * RATE)):
        GO["next"].set()
        wait_for(qtbot, studio, done)
    before = [buffer.copy() for buffer in heard(studio)]
    GO["next"].set()
    qtbot.waitUntil(lambda: 0 in document.project.state.splits, timeout=5000)
    assert document.provisional is None
    assert [edit.name for edit in document.history.edits] == ["Steps"]
    assert document.target == number
    assert document.state.stems[number].solo
    expected = render_leaves(document.state, 0, 4 * RATE)
    for buffer, old, leaf in zip(heard(studio), before, studio.sounding.leaves, strict=True):
        assert np.array_equal(buffer, old)
        np.testing.assert_allclose(buffer, expected[leaf], atol=1e-6)
    document.undo()
    assert shown(document) == ["Mixture"]


def test_what_is_finished_can_be_kept_or_forgotten(qtbot, studio):
    document, panel = studio.document, studio.panel
    for keep in (False, True):
        GO["next"].clear()
        job = studio.separating.run(0, Steps())
        wait_for(qtbot, studio, (0, RATE))
        job.stop()
        qtbot.waitUntil(panel.unfinished.keep_button.isVisible, timeout=5000)
        assert panel.unfinished.words.text() == "0:01 of 0:04 is done."
        assert "what is finished can be kept" in studio.said[-1]
        assert shown(document) == ["one", "two", "residual"]
        (panel.unfinished.keep_button if keep else panel.unfinished.forget_button).click()
        qtbot.waitUntil(lambda: not panel.unfinished.keep_button.isVisible(), timeout=5000)
        assert shown(document) == (["one", "two", "residual"] if keep else ["Mixture"])
    assert [edit.name for edit in document.history.edits] == ["Steps, unfinished"]
    mixture = document.state.mixture.read(0, 4 * RATE)
    sounds = list(render_leaves(document.project.state, 0, 4 * RATE).values())
    np.testing.assert_allclose(sum(sounds), mixture, atol=1e-6)
    assert np.abs(sounds[0][:, : RATE // 2]).max() > 0.1
    assert not sounds[0][:, RATE:].any()
    document.undo()
    assert shown(document) == ["Mixture"]


def test_a_run_that_breaks_off_leaves_what_it_had(qtbot, studio):
    errors = []
    studio.separating.failed.connect(errors.append)
    studio.separating.run(0, Steps(fails=True))
    for done in (1, 2, 3, 4):
        wait_for(qtbot, studio, (0, done * RATE))
        GO["next"].set()
    qtbot.waitUntil(studio.panel.unfinished.keep_button.isVisible, timeout=5000)
    assert [str(error) for error in errors] == ["the driver is gone"]


def test_a_card_that_is_too_small_offers_the_processor(qtbot, studio):
    offers = []
    GO["small"].set()
    studio.separating.card_failed.connect(lambda error, again: offers.append((error, again)))
    studio.separating.run(0, Steps(fails=True))
    qtbot.waitUntil(lambda: bool(offers), timeout=5000)
    assert "not enough memory" in str(offers[0][0])
    offers[0][1]()
    wait_for(qtbot, studio, (0, RATE))
    assert studio.document.provisional.split.recipe.device == "cpu"


def test_of_a_song_that_is_closed_nothing_more_is_said(qtbot, studio):
    studio.separating.run(0, Steps())
    wait_for(qtbot, studio, (0, RATE))
    studio.document.set_project(None)
    qtbot.waitUntil(lambda: not studio.document.jobs.queue, timeout=2000)
    assert not studio.said
    assert not studio.panel.unfinished.isVisible()


def test_other_work_goes_on_meanwhile(qtbot, studio):
    document = studio.document
    document.do(edits.set_stem(document.state, 0, "Softer", gain_db=-3.0))
    studio.separating.run(0, Steps())
    wait_for(qtbot, studio, (0, RATE))
    one = document.state.leaves()[0].id
    assert not document.do(edits.delete(document.state, one))
    assert studio.said[-1] == UNFINISHED
    document.undo()
    assert document.state.stems[0].gain_db == 0.0
    assert shown(document) == ["one", "two", "residual"], "another step is none of its business"
    assert not document.do(edits.by_hand(document.project, "Mine"))
    document.set_project(None)
    assert document.provisional is None
    assert document.state is None


def test_a_selection_is_heard_while_it_works_too(qtbot, studio):
    document, player = studio.document, studio.player
    document.do(edits.split(document.project, 0, Steps(), halves(document.state.mixture)))
    old = render_leaves(document.state, 0, 4 * RATE)
    player.seek(2 * RATE + 100)
    box = Box(start=1.25, stop=2.75, low=0.0, high=RATE / 2)
    studio.separating.run(0, Steps(part=0.25), box=box)
    wait_for(qtbot, studio, (2 * RATE, round(2.75 * RATE)))
    assert shown(document) == ["one", "two", "residual"]
    mixture = document.state.mixture.read(0, 4 * RATE)
    middle = slice(int(2.2 * RATE), int(2.6 * RATE))
    one, _, residual = heard(studio)
    np.testing.assert_allclose(one[:, middle], 0.25 * mixture[:, middle], atol=1e-6)
    np.testing.assert_allclose(residual[:, middle], 0.5 * mixture[:, middle], atol=1e-6)
    np.testing.assert_array_equal(one[:, : 2 * RATE], next(iter(old.values()))[:, : 2 * RATE])
    number = document.state.leaves()[0].id
    assert document.do(edits.set_stem(document.state, number, "Softer", gain_db=-3.0)), "stems go on"
    for _ in range(3):
        GO["next"].set()
        qtbot.waitUntil(lambda: not GO["next"].is_set(), timeout=5000)
    qtbot.waitUntil(lambda: len(document.history.edits) == 3, timeout=5000)
    assert document.provisional is None
    assert document.history.names[-1] == "Steps, selection at 1.2 s"
    assert document.state.stems[number].gain_db == -3.0
    new = render_leaves(document.state, 0, 4 * RATE)
    np.testing.assert_allclose(sum(new.values()), mixture, atol=1e-6)


def test_a_selection_that_was_stopped_leaves_what_is_finished(qtbot, studio):
    document = studio.document
    studio.player.seek(2 * RATE + 100)
    job = studio.separating.run(0, Steps(), box=Box(start=1.25, stop=2.75, low=0.0, high=RATE / 2))
    wait_for(qtbot, studio, (2 * RATE, round(2.75 * RATE)))
    job.stop()
    qtbot.waitUntil(studio.panel.unfinished.keep_button.isVisible, timeout=5000)
    assert studio.panel.unfinished.words.text() == "0:01 of 0:02 is done."
    studio.panel.unfinished.keep_button.click()
    qtbot.waitUntil(lambda: len(document.history.edits) == 1, timeout=5000)
    assert document.history.names == ["Steps, unfinished"]
    assert shown(document) == ["one", "two", "residual"]


def test_a_selection_is_taken_apart_anew_by_a_network_alone(qtbot, studio, monkeypatch, tmp_path):
    """Another place of the cuts for one second: the rest keeps its sound to the bit, and all adds up."""
    import torch

    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path))
    write_tiny_weights(tmp_path)
    document, separating = studio.document, studio.separating
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    separating.run(0, HTDemucs(stems="vocals, drums", shifts=0))
    qtbot.waitUntil(lambda: 0 in document.project.state.splits, timeout=60_000)
    mixture = document.state.mixture.read(0, 4 * RATE)
    old = render_leaves(document.state, 0, 4 * RATE)
    box = Box(start=1.5, stop=2.5, low=0.0, high=RATE / 2)
    separating.run(0, HTDemucs(stems="vocals, drums", seed=7), box=box)
    qtbot.waitUntil(lambda: len(document.history.edits) == 2, timeout=60_000)
    torch.set_num_threads(before)
    assert document.history.edits[-1].name.endswith("selection at 1.5 s")
    assert shown(document) == ["drums", "vocals", "residual"], "the stems that were there go on"
    new = render_leaves(document.state, 0, 4 * RATE)
    np.testing.assert_allclose(sum(new.values()), mixture, atol=1e-6)
    outside = np.r_[0 : int(1.5 * RATE), int(2.5 * RATE) : 4 * RATE]
    for stem, wave in new.items():
        assert np.array_equal(wave[:, outside], old[stem][:, outside])
        change = np.abs(wave - old[stem]).max(axis=0)
        assert change[int(1.6 * RATE) : int(2.4 * RATE)].max() > 1e-4
        assert change[int(1.5 * RATE)] < 0.05 * change.max() + 1e-6, "faded in"
    document.undo()
    for stem, wave in render_leaves(document.state, 0, 4 * RATE).items():
        assert np.array_equal(wave, old[stem])
