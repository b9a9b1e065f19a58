from __future__ import annotations

import pytest
from PySide6.QtCore import QObject, Signal
from split_song import RATE, song

from stemstudio.gui.document import Document
from stemstudio.gui.playhead import Playhead


class Deck(QObject):
    """A player whose place the test says."""

    state_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.position, self.playing, self.loop = 0, False, None

    def seek(self, sample: int) -> None:
        self.position = sample


@pytest.fixture
def document():
    made = Document()
    made.set_project(song(60.0))
    yield made
    made.jobs.close()


def test_the_playhead_is_where_the_sound_is(document, qtbot):
    deck = Deck()
    playhead = Playhead(document, deck)
    deck.position = 3 * RATE
    qtbot.waitUntil(lambda: playhead.seconds == 3.0)
    playhead.seek(10.0)
    assert deck.position == 10 * RATE
    assert playhead.seconds == 10.0
    deck.loop = (RATE, 2 * RATE)
    assert playhead.loop == (1.0, 2.0)


def test_the_view_turns_the_page_while_playing_but_stays_where_one_looks(document, qtbot):
    deck = Deck()
    playhead = Playhead(document, deck)
    view = document.viewport
    view.set_time(0.0, 5.0)
    deck.position = 4 * RATE
    qtbot.waitUntil(lambda: playhead.seconds == 4.0)
    deck.playing = True
    deck.state_changed.emit()
    deck.position = round(5.1 * RATE)
    qtbot.waitUntil(lambda: playhead.seconds > 5.0)
    assert view.start == pytest.approx(5.1)
    assert view.stop - view.start == pytest.approx(5.0)
    view.set_time(30.0, 35.0)
    deck.position = 7 * RATE
    qtbot.waitUntil(lambda: playhead.seconds == 7.0)
    assert view.start == 30.0


def test_a_stopped_playhead_may_be_put_out_of_sight(document):
    playhead = Playhead(document)
    document.viewport.set_time(0.0, 5.0)
    playhead.seek(20.0)
    assert document.viewport.start == 0.0
    document.set_project(None)
    assert playhead.seconds == 0.0
