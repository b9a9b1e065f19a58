"""The room is heard as it is set up, soon after every change, from whatever is plugged in."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import Qt

from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.audio.audio import Audio
from stemstudio.gui.document import Document
from stemstudio.gui.player import Player
from stemstudio.gui.room_sound import RoomSound
from stemstudio.gui.sounding import Sounding
from stemstudio.mixing.hearing import Listening
from stemstudio.mixing.output import DeviceChoice
from stemstudio.mixing.playstate import CHUNK
from stemstudio.mixing.upmix import Spread, heard_stems
from stemstudio.project import edits
from stemstudio.project.placing import set_place, set_room
from stemstudio.project.project import Project, SongReference
from stemstudio.spectral.stft import StftSettings

RATE = 22050
LENGTH = 6 * RATE


@pytest.fixture
def studio(qtbot):
    """A song of 6 s in two stems of noise and what is left, its player, its rendering and its room."""
    rng = np.random.default_rng(3)
    waves = (0.1 * rng.standard_normal((2, 2, LENGTH))).astype(np.float32)
    document, player = Document(), Player()
    sounding = Sounding(document, player)
    room = RoomSound(document, player, sounding)
    project = Project(Audio(waves.sum(axis=0), RATE), SongReference("a.wav", "", "a"), StftSettings())
    document.set_project(project)
    document.set_reading(LENGTH, True)
    document.do(edits.split(project, 0, ByHand(), Waveforms(["one", "two"], waves), stems=["one", "two"]))
    yield document, player, sounding, room
    room.close()
    sounding.close()
    player.close()
    document.jobs.close()


def settled(qtbot, room, after: int = 0) -> None:
    first = after // CHUNK
    qtbot.waitUntil(lambda: room._listening is not None and not room._status[first:].any(), timeout=60_000)
    qtbot.wait(30)


def played(player) -> np.ndarray:
    (buffer,) = player._deck.programme.stems
    return buffer


def expected(document, ear: str) -> np.ndarray:
    state = document.state
    return Listening(Spread.of(state), ear).render(heard_stems(state), 0, LENGTH)


def test_what_is_heard_follows_every_change(qtbot, studio):
    document, player, sounding, room = studio
    one, two = (leaf.id for leaf in document.state.leaves()[:2])
    assert len(player._deck.programme.stems) == 3
    room.set_ear("headphones")
    settled(qtbot, room)
    np.testing.assert_allclose(played(player), expected(document, "headphones"), atol=1e-5)
    for edit in (
        set_place(document.state, one, "Behind", azimuth=180.0, ambience=0.5),
        set_room(document.state, "Quad", layout="quad"),
        edits.set_stem(document.state, two, "Softer", gain_db=-6.0, pan=0.3),
    ):
        before = played(player).copy()
        document.do(edit)
        settled(qtbot, room)
        assert np.abs(played(player) - before).max() > 1e-2, edit.name
        np.testing.assert_allclose(played(player), expected(document, "headphones"), atol=1e-5)
    document.undo()
    room.set_ear("fold-down")
    settled(qtbot, room)
    np.testing.assert_allclose(played(player), expected(document, "fold-down"), atol=1e-5)
    assert player.meters().null_db is None
    room.set_ear(None)
    assert player._deck.programme.stems == tuple(sounding._buffers)
    assert player._deck._strips.gains[:, [0, 3]].tolist() == np.ones((3, 2)).tolist()


def test_the_meters_of_the_strips_move_while_a_room_is_played(qtbot, studio, monkeypatch):
    document, player, sounding, room = studio
    one, two, rest = (leaf.id for leaf in document.state.leaves())
    document.do(edits.set_stem(document.state, two, "Softer", gain_db=-20.0))
    room.set_ear("fold-down")
    settled(qtbot, room)
    monkeypatch.setattr(type(player), "playing", True)
    monkeypatch.setattr(type(player), "position", 3 * RATE)
    meters = player.meters()
    sounds = sounding.heard(3 * RATE - RATE // 4, 3 * RATE)
    for place, leaf in enumerate((one, two, rest)):
        power = np.sqrt(np.square(sounds[leaf]).mean(axis=1))
        np.testing.assert_allclose(meters.stem_rms[place], power, rtol=0.1, atol=1e-6)
    assert meters.stem_peak[0].min() > 5 * meters.stem_peak[1].max() > 0
    assert not meters.null_applies


def test_a_change_is_heard_within_a_fifth_of_a_second_where_it_plays(qtbot, studio):
    """From the edit to its sound in the memory that is played, at the playhead; the callback adds one block."""
    document, player, _, room = studio
    one = document.state.leaves()[0].id
    document.do(set_place(document.state, one, "Ambience", ambience=1.0))
    room.set_ear("headphones")
    player.seek(2 * RATE)
    settled(qtbot, room, 2 * RATE)
    took, at = [], []

    def catch(start: int, stop: int) -> None:
        if start <= 2 * RATE < stop:
            at.append(time.perf_counter())

    room.rendered.connect(catch, Qt.ConnectionType.DirectConnection)
    for azimuth in (90.0, -90.0, 180.0):
        at.clear()
        begun = time.perf_counter()
        document.do(set_place(document.state, one, "Turn", azimuth=azimuth))
        qtbot.waitUntil(lambda: bool(at), timeout=5000)
        took.append(at[0] - begun)
        settled(qtbot, room, 2 * RATE)
    assert min(took) < 0.2, took


def test_a_drag_needs_no_new_filters_and_tails(qtbot, studio, monkeypatch):
    """Reverb rings for seconds: what is only moved in the room must not wait for it to be worked out again."""
    document, player, sounding, room = studio
    one, two = (leaf.id for leaf in document.state.leaves()[:2])
    document.do(edits.set_stem(document.state, one, "Send", reverb_db=-6.0))
    room.set_ear("fold-down")
    settled(qtbot, room)
    asked: list[tuple[int, int]] = []
    heard = sounding.heard
    monkeypatch.setattr(sounding, "heard", lambda *span: (asked.append(span), heard(*span))[1])
    before = played(player).copy()
    document.do(set_place(document.state, two, "Behind", azimuth=180.0, ambience=0.5))
    settled(qtbot, room)
    assert asked == []
    assert np.abs(played(player) - before).max() > 1e-2
    np.testing.assert_allclose(played(player), expected(document, "fold-down"), atol=1e-4)
    document.do(edits.set_stem(document.state, one, "Louder", gain_db=3.0))
    settled(qtbot, room)
    assert asked, "a fader sends more to the reverb"
    np.testing.assert_allclose(played(player), expected(document, "fold-down"), atol=2e-4)


def test_a_painted_stretch_is_heard_in_the_tail_that_follows_it(qtbot, studio):
    document, player, sounding, room = studio
    one = document.state.leaves()[0].id
    document.do(edits.set_stem(document.state, one, "Send", reverb_db=0.0))
    room.set_ear("fold-down")
    settled(qtbot, room)
    before = played(player).copy()
    # What rendering does after a stroke: new sound in one second of a stem.
    sounding._buffers[0][:, RATE : 2 * RATE] = 0.0
    sounding.rendered.emit(RATE, 2 * RATE)
    settled(qtbot, room)
    after = slice(2 * RATE + CHUNK, 2 * RATE + 2 * CHUNK)
    assert np.abs(played(player) - before)[:, after].max() > 1e-3


def test_loudspeakers_need_as_many_outputs(qtbot, studio, monkeypatch):
    document, player, _, room = studio
    said = []
    document.said.connect(said.append)
    box = DeviceChoice("box", "Box", 0, 2, 48000.0, True, "ALSA")
    monkeypatch.setattr("stemstudio.gui.player.devices", lambda: [box])
    monkeypatch.setattr("stemstudio.gui.player.refresh_devices", lambda: None)
    room.set_ear("loudspeakers")
    assert room.ear is None
    assert said == [
        "5.1 needs 6 outputs, and “Box” has 2. Choose another sound output, or listen on headphones."
    ]
    eight = DeviceChoice("eight", "Eight", 0, 8, 48000.0, True, "ALSA")
    monkeypatch.setattr("stemstudio.gui.player.devices", lambda: [eight])
    room.set_ear("loudspeakers")
    document.do(set_place(document.state, document.state.leaves()[0].id, "Lows", azimuth=70.0, lfe_db=0.0))
    settled(qtbot, room)
    # ALSA has the surrounds before the centre and the low frequencies.
    right = expected(document, "loudspeakers")[[0, 1, 4, 5, 2, 3]]
    np.testing.assert_allclose(played(player), right, atol=1e-5)
    assert right[3].any()
    assert right[5].any()


def test_another_song_and_none_while_the_room_is_heard(qtbot, studio):
    document, player, _, room = studio
    room.set_ear("fold-down")
    settled(qtbot, room)
    mono = Audio((0.1 * np.random.default_rng(0).standard_normal((1, 9000))).astype(np.float32), 8000)
    document.set_project(Project(mono, SongReference("b.wav", "", "b"), StftSettings()))
    document.set_reading(mono.length, True)
    settled(qtbot, room)
    np.testing.assert_allclose(played(player), np.tile(mono.samples, (2, 1)), atol=1e-6)
    document.set_project(None)
    room.set_ear("headphones")
    room.set_ear(None)


def test_reverb_of_the_mixer_is_heard_in_the_room(qtbot, studio):
    document, player, _, room = studio
    one = document.state.leaves()[0].id
    room.set_ear("fold-down")
    settled(qtbot, room)
    dry = played(player).copy()
    document.do(edits.set_stem(document.state, one, "Reverb", reverb_db=0.0))
    settled(qtbot, room)
    wet = played(player)
    assert np.abs(wet - dry).max() > 1e-2
    np.testing.assert_allclose(wet, expected(document, "fold-down"), atol=1e-4)
