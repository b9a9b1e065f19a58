"""What is heard for itself: a selection, an atom, the song before the last edit."""

from __future__ import annotations

import numpy as np
import pytest

from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.audio.audio import Audio
from stemstudio.gui.auditions import Auditions, filtered_mix, mix_of
from stemstudio.gui.document import Document
from stemstudio.gui.player import Player
from stemstudio.gui.practising import Practising
from stemstudio.gui.views.strip_menu import silence_selection
from stemstudio.project import edits
from stemstudio.project.project import Project, SongReference
from stemstudio.spectral.brushes import Box, Selection
from stemstudio.spectral.stft import StftSettings

RATE = 44100


@pytest.fixture
def document(qtbot):
    """Eight seconds of two tones, 440 Hz on the left and 3 kHz on the right, with one atom each."""
    seconds = np.arange(8 * RATE) / RATE
    mixture = Audio(
        np.stack([0.3 * np.sin(2 * np.pi * 440 * seconds), 0.2 * np.sin(2 * np.pi * 3000 * seconds)]).astype(
            np.float32
        ),
        RATE,
    )
    grid = StftSettings()
    templates = np.zeros((grid.bins, 2), dtype=np.float32)
    split = round(1000 * grid.fft / RATE)
    templates[:split, 0], templates[split:, 1] = 1, 1
    atoms = Factorization(templates, np.ones((2, grid.frames(mixture.length)), dtype=np.float32), grid)
    document = Document()
    document.set_project(Project(mixture, SongReference("song.wav", "", "song"), grid))
    document.set_reading(mixture.length, True)
    document.do(edits.split(document.project, 0, ByHand(), atoms, stems=["low", "high"], owners=[0, 1]))
    yield document
    document.jobs.close()


@pytest.fixture
def player(document):
    player = Player()
    player.load(document.state.mixture.samples, RATE)
    yield player
    player.close()


def level(samples: np.ndarray, hertz: float) -> float:
    """Amplitude of a tone, the louder channel's."""
    seconds = np.arange(samples.shape[1]) / RATE
    wave = np.exp(-2j * np.pi * hertz * seconds) * np.hanning(samples.shape[1])
    return float(np.abs(samples @ wave).max() / (np.hanning(samples.shape[1]).sum() / 2))


def test_a_selection_holds_its_time_and_frequencies_only(document):
    box = Box(start=2.0, stop=4.0, low=300.0, high=700.0)
    heard = filtered_mix(document.state, Selection().combined("replace", box), 2 * RATE, 4 * RATE)
    assert heard.shape == (2, 2 * RATE)
    assert level(heard, 440) == pytest.approx(0.3, rel=0.02)
    assert level(heard, 3000) < 1e-4


def test_the_mix_follows_the_strips(document):
    low, high = document.state.leaves()[:2]
    document.do(edits.set_stem(document.state, low.id, "Mute low", mute=True))
    document.do(edits.set_stem(document.state, high.id, "Gain", gain_db=-6.0206))
    mix = mix_of(document.state, RATE, 3 * RATE)
    assert level(mix, 440) < 1e-3
    assert level(mix, 3000) == pytest.approx(0.1, rel=0.02)


def test_an_atom_is_heard_alone(qtbot, document, player):
    auditions = Auditions(document, player)
    auditions.hear_atom(0, 1)
    qtbot.waitUntil(lambda: player.source == "audition", timeout=10_000)
    buffer = player._deck.programme.audition
    assert level(buffer[:, RATE : 3 * RATE], 3000) == pytest.approx(0.2, rel=0.02)
    assert level(buffer[:, RATE : 3 * RATE], 440) < 1e-3
    auditions.end()
    assert player.source == "stems"


def test_before_the_last_edit_is_what_was_before(qtbot, document, player):
    state = document.state
    low = state.leaves()[0]
    document.do(edits.set_stem(state, low.id, "Mute low", mute=True))
    document.do(edits.assign(document.state, 0, {1: low.id}, "Atom 2 to low"))
    assert level(mix_of(document.state, RATE, 2 * RATE), 3000) < 1e-3
    auditions = Auditions(document, player)
    auditions.before_last_edit()
    qtbot.waitUntil(lambda: player.source == "audition", timeout=10_000)
    buffer = player._deck.programme.audition
    assert level(buffer[:, :RATE], 3000) == pytest.approx(0.2, rel=0.02)
    auditions.end()


def test_nothing_selected_is_said(qtbot, document, player):
    auditions = Auditions(document, player)
    with qtbot.waitSignal(document.said, timeout=1000) as said:
        auditions.play_selection()
    assert "selected" in said.args[0]
    assert player.source == "stems"


def test_a_selection_of_no_length_is_a_sentence(document, player):
    told = []
    document.said.connect(told.append)
    document.set_selection(Selection().combined("replace", Box(start=2.0, stop=2.0, low=0.0, high=20_000.0)))
    Auditions(document, player).play_selection()
    Practising(document, player).toggle_loop()
    silence_selection(document, document.state.leaves()[0].id)
    assert ["selected" in words or "no length" in words for words in told] == [True] * 3
    assert player.loop is None
    assert not document.state.leaves()[0].mutes
