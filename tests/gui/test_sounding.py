"""What the player mixes is what the project says, soon after every edit."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from PySide6.QtCore import Qt

from stemstudio.algorithms import stretches
from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.audio.audio import Audio
from stemstudio.gui.document import Document
from stemstudio.gui.player import Player
from stemstudio.gui.sounding import Sounding
from stemstudio.mixing.playstate import CHUNK
from stemstudio.progress import Cancelled
from stemstudio.project import edits
from stemstudio.project.project import PaintStroke, Project, SongReference
from stemstudio.project.rendering import render_leaves
from stemstudio.spectral.brushes import BrushStroke
from stemstudio.spectral.stft import StftSettings

RATE = 44100


@pytest.fixture
def studio(qtbot):
    """A document of 12 s of noise with eight atoms in two stems, its player and its rendering."""
    rng = np.random.default_rng(3)
    mixture = Audio((0.1 * rng.standard_normal((2, 12 * RATE))).astype(np.float32), RATE)
    grid = StftSettings(fft=2048, hop=512)
    atoms = Factorization(
        rng.random((grid.bins, 8), dtype=np.float32),
        rng.random((8, grid.frames(mixture.length)), dtype=np.float32),
        grid,
    )
    document, player = Document(), Player()
    sounding = Sounding(document, player)
    document.set_project(Project(mixture, SongReference("song.wav", "", "song"), grid))
    document.set_reading(mixture.length, True)
    yield document, player, sounding, atoms
    sounding.close()
    player.close()
    document.jobs.close()


def split(document, atoms) -> tuple[int, int, int]:
    document.do(
        edits.split(
            document.project, 0, ByHand(), atoms, stems=["one", "two"], owners=[0, 0, 0, 1, 1, 1, None, None]
        )
    )
    one, two, residual = (stem.id for stem in document.state.children(0))
    return one, two, residual


def buffers(player) -> list[np.ndarray]:
    return list(player._deck.programme.stems)


def wait_until_rendered(qtbot, sounding, seconds: float = 12.0) -> None:
    qtbot.waitUntil(lambda: bool(sounding._valid[: int(seconds * RATE) // 8192].all()), timeout=20_000)
    qtbot.waitUntil(lambda: not (sounding._status[: int(seconds * RATE) // 8192] != 0).any(), timeout=20_000)
    qtbot.wait(50)


def test_every_leaf_is_rendered_and_adds_up(qtbot, studio):
    document, player, sounding, atoms = studio
    split(document, atoms)
    wait_until_rendered(qtbot, sounding)
    length = document.state.mixture.length
    expected = render_leaves(document.state, 0, length)
    for buffer, leaf in zip(buffers(player), sounding.leaves, strict=True):
        assert np.abs(buffer - expected[leaf]).max() < 1e-6
    assert np.abs(sum(buffers(player)) - document.state.mixture.read(0, length)).max() < 1e-6


def test_what_is_no_number_is_silence_to_the_player(qtbot, studio):
    document, player, sounding, _ = studio
    waves = np.full((1, 2, document.state.mixture.length), 0.25, dtype=np.float32)
    waves[0, 1, 1000:1100] = np.nan
    document.do(edits.split(document.project, 0, ByHand(), Waveforms(("broken",), waves), stems=["broken"]))
    wait_until_rendered(qtbot, sounding)
    broken, residual = buffers(player)
    assert np.isfinite(broken).all()
    assert np.isfinite(residual).all()
    assert not broken[1, 1000:1100].any()
    assert broken[1, 1200] == 0.25


def test_a_stroke_is_heard_and_undone(qtbot, studio):
    document, player, sounding, atoms = studio
    _one, two, _ = split(document, atoms)
    wait_until_rendered(qtbot, sounding)
    before = [buffer.copy() for buffer in buffers(player)]
    stroke = BrushStroke(
        points=((3.0, 500.0), (3.5, 4000.0)), width=0.3, height=2.0, hardness=0.8, strength=1.0
    )
    paint = PaintStroke(two, False, stroke)
    with qtbot.waitSignal(sounding.rendered, timeout=5000) as rendered:
        document.do(edits.paint(document.state, document.project.new_id(), paint, "Brush two"))
    assert rendered.args[0] <= 3.0 * RATE
    assert rendered.args[1] >= 3.5 * RATE
    wait_until_rendered(qtbot, sounding)
    after = buffers(player)
    near = slice(int(2.9 * RATE), int(3.6 * RATE))
    far = slice(int(8 * RATE), int(12 * RATE))
    assert np.abs(after[0][:, near] - before[0][:, near]).max() > 1e-3
    assert np.array_equal(after[0][:, far], before[0][:, far])
    assert np.abs(sum(after) - sum(before)).max() < 1e-6
    document.undo()
    wait_until_rendered(qtbot, sounding)
    for buffer, old in zip(buffers(player), before, strict=True):
        assert np.abs(buffer - old).max() < 1e-6


def test_moving_an_atom_changes_the_sound_everywhere(qtbot, studio):
    document, player, sounding, atoms = studio
    _one, two, _ = split(document, atoms)
    wait_until_rendered(qtbot, sounding)
    document.do(edits.assign(document.state, 0, {0: two}, "Atom 1 to two"))
    wait_until_rendered(qtbot, sounding)
    expected = render_leaves(document.state, 0, document.state.mixture.length)
    for buffer, leaf in zip(buffers(player), sounding.leaves, strict=True):
        assert np.abs(buffer - expected[leaf]).max() < 1e-6


def test_other_masks_are_heard_at_the_playhead_first(qtbot, studio):
    document, player, sounding, atoms = studio
    split(document, atoms)
    player.seek(round(1.5 * RATE))
    wait_until_rendered(qtbot, sounding)
    spans: list[tuple[int, int]] = []
    sounding.rendered.connect(
        lambda start, stop: spans.append((start, stop)), Qt.ConnectionType.DirectConnection
    )
    document.do(edits.mask(document.state, 0, Masking(firmness=1.7, margin=2.0)))
    wait_until_rendered(qtbot, sounding)
    expected = render_leaves(document.state, 0, document.state.mixture.length)
    for buffer, leaf in zip(buffers(player), sounding.leaves, strict=True):
        assert np.abs(buffer - expected[leaf]).max() < 1e-6
    (start, middle), (before, end), *others = spans
    assert start <= 1.5 * RATE
    assert middle >= 2.5 * RATE, "a second after the playhead in one go"
    assert before <= 0.5 * RATE
    assert end == start, "then a second before it"
    assert max(stop - start for start, stop in others) <= 2 * CHUNK, (
        "the rest in pieces that keep no edit waiting"
    )


def test_mute_needs_no_rendering(qtbot, studio):
    document, _player, sounding, atoms = studio
    one, *_ = split(document, atoms)
    wait_until_rendered(qtbot, sounding)
    generation = sounding._generation
    document.do(edits.set_stem(document.state, one, "Mute one", mute=True))
    qtbot.wait(50)
    assert sounding._generation == generation
    assert (sounding._status[:64] == 0).all()


def test_a_song_that_turns_out_shorter_is_played_on(studio):
    document, player, _, _ = studio
    whole = document.state.mixture
    document.set_mixture(Audio(whole.samples[:, : 5 * RATE], RATE))
    assert player._deck.length == 5 * RATE
    np.testing.assert_array_equal(player._deck.programme.mixture, whole.samples[:, : 5 * RATE])


def test_a_project_without_its_sound_takes_edits(qtbot, studio):
    document, player, _, _ = studio

    class Silence:
        sample_rate, channels, length = RATE, 2, RATE

        def read(self, start: int, stop: int) -> np.ndarray:
            return np.zeros((2, stop - start), np.float32)

    document.set_project(Project(Silence(), SongReference("gone.wav", "", "gone"), StftSettings()))
    document.do(edits.set_stem(document.state, 0, "Softer", gain_db=-6.0))
    assert player._deck._strips.gains.max() == pytest.approx(0.5, abs=0.01)


def test_masks_that_were_changed_again_are_not_waited_for(qtbot, studio, monkeypatch):
    """Griffin–Lim of the masks before is broken off, and the stretch at the playhead is heard before its neighbours."""
    document, player, sounding, atoms = studio
    split(document, atoms)
    player.seek(round(1.5 * RATE))
    wait_until_rendered(qtbot, sounding)
    stopped, begun = [], threading.Event()
    real = stretches.griffin_lim

    def slow(*given, progress, **settings):
        if settings["iterations"] < 100:
            return real(*given, progress=progress, **settings)
        begun.set()
        while True:
            time.sleep(0.002)
            try:
                progress.check()
            except Cancelled:
                stopped.append(True)
                raise

    monkeypatch.setattr(stretches, "griffin_lim", slow)
    document.do(edits.mask(document.state, 0, Masking(phase="griffin-lim", phase_iterations=100)))
    assert begun.wait(5)
    spans: list[tuple[int, int]] = []
    sounding.rendered.connect(
        lambda start, stop: spans.append((start, stop)), Qt.ConnectionType.DirectConnection
    )
    document.do(edits.mask(document.state, 0, Masking(phase="griffin-lim", phase_iterations=1)))
    qtbot.waitUntil(lambda: bool(spans), timeout=10_000)
    assert stopped
    assert spans[0][0] <= 1.5 * RATE < spans[0][1]
    assert spans[0][1] - spans[0][0] <= 2 * CHUNK
