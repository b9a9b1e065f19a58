"""Takes heard one against the other: the same loop, equally loud, switched in place, kept by one step."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from signals import mixture

from stemstudio.algorithms.estimates import Estimates, Waveforms
from stemstudio.algorithms.hpss import HPSS
from stemstudio.gui import player as player_module
from stemstudio.gui.comparing import Comparing
from stemstudio.gui.dialogs.compare_by_ear import CompareByEarDialog
from stemstudio.gui.document import Document
from stemstudio.gui.player import Player
from stemstudio.gui.separating import Separating
from stemstudio.mixing import output
from stemstudio.project import edits
from stemstudio.project.project import Project, SongReference
from stemstudio.project.side_by_side import loudness
from stemstudio.project.takes import Answer, take_of
from stemstudio.spectral.brushes import Box, Selection
from stemstudio.spectral.stft import StftSettings

RATE = 22050


@pytest.fixture(autouse=True)
def _no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "devices", list)
    monkeypatch.setattr(player_module, "devices", list)
    monkeypatch.setattr(player_module, "refresh_devices", lambda: None)


class Studio:
    """A song of four known stems, a silent player, and takes that hold the stems in several ways."""

    def __init__(self, qtbot) -> None:
        self.qtbot = qtbot
        mix, self.stems = mixture(6.0, rate=RATE)
        self.document = Document()
        self.document.set_project(
            Project(mix, SongReference("", "", "song"), StftSettings(fft=2048, hop=512))
        )
        self.document.set_reading(mix.length, True)
        self.player = Player()
        self.player.load(mix.samples, RATE)
        self.player.warm()
        qtbot.waitUntil(lambda: self.player.warmed, timeout=180_000)
        self.true: dict = {}
        self.comparing = Comparing(self.document, self.player, references=lambda: self.true)
        self.comparing.set_active(True)

    def take(self, names: dict[str, str], gain: float = 1.0, title: str = "Known"):
        """A take with some of the true stems, under other names."""
        waves = np.stack([gain * self.stems[true].samples for true in names.values()])
        answer = Answer(
            0, HPSS(), Waveforms(tuple(names), waves), tuple(names), tuple(range(len(names))), None, 3.2
        )
        made = take_of(self.document.state, answer)
        object.__setattr__(made, "title", title)
        self.comparing.add(made)
        return made

    def ready(self) -> None:
        self.qtbot.waitUntil(lambda: self.comparing.ready and self.comparing._job is None, timeout=20_000)

    def entry(self, title: str):
        return next(e for e in self.comparing.entries if e.take is not None and e.take.title == title)


@pytest.fixture
def studio(qtbot):
    made = Studio(qtbot)
    yield made
    made.player.close()
    made.document.jobs.close()


def test_takes_are_made_equally_loud_and_say_by_how_much(studio):
    studio.take({"bass": "bass", "drums": "drums"}, title="One")
    studio.take({"bass": "bass", "drums": "drums"}, gain=0.5, title="Half")
    studio.ready()
    comparing = studio.comparing
    assert comparing.roles == ["bass", "drums", "residual"]
    one, half = comparing.parts[studio.entry("One")], comparing.parts[studio.entry("Half")]
    assert (one.stem, half.stem) == ("bass", "bass")
    assert one.level.gain_db == pytest.approx(-6.02, abs=0.05)
    assert half.level.gain_db == 0
    original = comparing.parts[comparing.entries[0]]
    heard = [loudness(part.buffer, RATE) for part in (original, one, half)]
    assert max(heard) - min(heard) < 0.05
    assert one.buffer.shape == half.buffer.shape == original.buffer.shape


def test_switching_goes_on_at_the_same_place_and_changes_nothing_in_the_song(studio, qtbot):
    studio.document.set_selection(
        Selection().combined("replace", Box(start=1.0, stop=3.0, low=0.0, high=11025.0))
    )
    studio.take({"bass": "bass"}, title="One")
    studio.take({"low": "bass", "high": "lead"}, gain=0.7, title="Other")
    studio.ready()
    comparing, player = studio.comparing, studio.player
    assert comparing.stretch == (RATE, 3 * RATE)
    before = studio.document.state
    comparing.choose(studio.entry("One"))
    qtbot.waitUntil(lambda: player.position > 1.4 * RATE, timeout=5000)
    place = player.position
    comparing.choose(studio.entry("Other"))
    after = player.position
    assert 0 <= after - place < 0.2 * RATE, "it went on, and did not start anew"
    assert player.auditions(comparing.parts[studio.entry("Other")].buffer)
    assert comparing.parts[studio.entry("Other")].stem == "low", "by its sound"
    assert player.loop == (RATE, 3 * RATE)
    assert comparing.listening
    qtbot.waitUntil(lambda: player.position < place, timeout=5000)  # it loops
    comparing.toggle()
    assert not player.playing
    comparing.choose(studio.entry("One"))
    assert player.playing
    comparing.stop()
    assert player.source != "audition"
    assert player.loop is None
    assert studio.document.state is before


def test_the_rest_and_another_stem_can_be_heard(studio):
    studio.take({"bass": "bass", "drums": "drums"}, title="One")
    studio.ready()
    comparing = studio.comparing
    comparing.set_role("drums")
    studio.ready()
    part = comparing.parts[studio.entry("One")]
    start, stop = comparing.stretch
    gain = 10 ** (part.level.gain_db / 20)
    drums = studio.stems["drums"].read(start, stop)
    assert np.abs(part.buffer - gain * drums).max() < 1e-5
    comparing.set_rest(True)
    studio.ready()
    part = comparing.parts[studio.entry("One")]
    rest = studio.document.state.mixture.read(start, stop) - drums
    assert np.abs(part.buffer - 10 ** (part.level.gain_db / 20) * rest).max() < 1e-5


def test_what_has_no_such_stem_is_silent_and_says_so(studio):
    studio.take({"bass": "bass"}, title="One")
    studio.take({"highs": "lead"}, title="Other")
    studio.ready()
    part = studio.comparing.parts[studio.entry("Other")]
    assert part.stem in ("", "residual")
    studio.comparing.set_role("highs")
    studio.ready()
    assert studio.comparing.parts[studio.entry("One")].stem in ("", "residual")


def test_scores_are_shown_where_the_true_stems_are_known(studio):
    studio.true = dict(studio.stems)
    studio.take({"bass": "bass"}, title="One")
    studio.take({"bass": "bass"}, gain=0.9, title="Near")
    studio.ready()
    parts = studio.comparing.parts
    assert parts[studio.entry("One")].sdr > 60
    assert parts[studio.entry("Near")].sdr == pytest.approx(20.0, abs=0.1)
    assert parts[studio.comparing.entries[0]].sdr < 10
    studio.comparing.set_rest(True)
    studio.ready()
    assert studio.comparing.parts[studio.entry("One")].sdr > 60


def test_keeping_is_one_step_and_undo_brings_back_what_was_there(studio):
    document = studio.document
    document.do(
        edits.split(document.project, 0, HPSS(), Waveforms(("old",), np.zeros((1, 2, 6 * RATE), np.float32)))
    )
    before = document.state
    studio.take({"bass": "bass", "drums": "drums"}, title="One")
    studio.ready()
    assert [entry.kind for entry in studio.comparing.entries] == ["original", "now", "take"]
    studio.comparing.choose(studio.entry("One"))
    studio.comparing.keep(studio.entry("One"))
    assert document.history.names[-1] == "One"
    assert [leaf.name for leaf in document.state.leaves()] == ["bass", "drums", "residual"]
    assert not studio.player.playing
    studio.ready()
    assert studio.comparing.parts[studio.comparing.entries[1]].stem == "bass", "as it is now"
    document.undo()
    assert document.state.stems == before.stems


def test_stems_as_they_are_now_come_and_go_with_the_split(studio):
    studio.take({"bass": "bass"}, title="One")
    assert [entry.kind for entry in studio.comparing.entries] == ["original", "take"]
    studio.comparing.keep(studio.entry("One"))
    assert [entry.kind for entry in studio.comparing.entries] == ["original", "now", "take"]
    studio.document.undo()
    assert [entry.kind for entry in studio.comparing.entries] == ["original", "take"]


def test_takes_can_be_dropped_and_go_with_the_song(studio):
    studio.take({"bass": "bass"}, title="One")
    studio.take({"bass": "bass"}, title="Two")
    studio.ready()
    studio.comparing.choose(studio.entry("Two"))
    studio.comparing.drop(studio.entry("Two"))
    assert not studio.player.playing
    assert [take.title for take in studio.comparing.takes] == ["One"]
    studio.comparing.drop(studio.entry("One"))
    assert studio.comparing.entries == []
    studio.take({"bass": "bass"}, title="Three")
    studio.document.set_project(None)
    assert studio.comparing.takes == ()
    assert studio.comparing.entries == []


def test_takes_of_several_stems_are_apart(studio):
    document = studio.document
    waves = np.stack([studio.stems["bass"].samples, studio.stems["drums"].samples])
    document.do(edits.split(document.project, 0, HPSS(), Waveforms(("bass", "drums"), waves)))
    studio.take({"bass": "bass"}, title="Song")
    drums = next(leaf.id for leaf in document.state.leaves() if leaf.name == "drums")
    half = Waveforms(("kick",), 0.5 * studio.stems["drums"].samples[None])
    made = take_of(document.state, Answer(drums, HPSS(), half, ("kick",), (0,), None, 1.0))
    studio.comparing.add(made)
    assert studio.comparing.stem == drums
    assert studio.comparing.roles == ["kick", "drums residual"]
    studio.ready()
    original = studio.comparing.parts[studio.comparing.entries[0]]
    kick = studio.comparing.parts[studio.comparing.entries[1]]
    assert original.level.gain_db == pytest.approx(-6.02, abs=0.05)
    assert np.abs(original.buffer - kick.buffer).max() < 0.01
    studio.comparing.set_stem(0)
    assert [e.take.title for e in studio.comparing.entries if e.take] == ["Song"]


def test_loops_of_odd_places(studio):
    comparing, document, player = studio.comparing, studio.document, studio.player
    player.seek(document.state.mixture.length)
    start, stop = comparing.usual_stretch()
    assert 0 <= start < stop <= document.state.mixture.length
    player.set_loop(RATE, 2 * RATE)
    assert comparing.usual_stretch() == (RATE, 2 * RATE)
    tiny = Box(start=5.99, stop=5.995, low=0.0, high=9.0)
    document.set_selection(Selection().combined("replace", tiny))
    start, stop = comparing.usual_stretch()
    assert stop - start >= 0.2 * RATE
    studio.take({"bass": "bass"}, title="One")
    studio.ready()
    assert len(comparing.parts) == 2


@pytest.fixture
def dialog(studio, qtbot):
    made = CompareByEarDialog(studio.document, studio.comparing, studio.player)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()


def _rows(dialog) -> list[list[str]]:
    table = dialog.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_an_empty_comparison_says_how_it_is_filled(dialog):
    assert dialog.pages.currentIndex() == 1
    assert not dialog.keep.isEnabled()
    assert not dialog.play.isEnabled()
    QTest.keyClick(dialog, Qt.Key.Key_1)


def test_number_keys_and_arrows_go_from_take_to_take(studio, dialog, qtbot):
    studio.take({"bass": "bass", "drums": "drums"}, title="One")
    studio.take({"bass": "bass"}, gain=0.5, title="Half")
    studio.ready()
    assert [row[1:5] for row in _rows(dialog)] == [
        ["The original", "", "all of it", _rows(dialog)[0][4]],
        ["One", "3 s", "bass", "−6.0 dB"],
        ["Half", "3 s", "bass", "0.0 dB"],
    ]
    assert not studio.player.playing, "nothing sounds by itself"
    QTest.keyClick(dialog, Qt.Key.Key_2)
    assert studio.comparing.current is studio.entry("One")
    assert studio.comparing.listening
    assert [row[0] for row in _rows(dialog)] == ["1", "▶", "3"]
    dialog.table.setFocus()
    QTest.keyClick(dialog.table, Qt.Key.Key_Down)
    assert studio.comparing.current is studio.entry("Half")
    assert studio.comparing.listening
    QTest.keyClick(dialog.table, Qt.Key.Key_Space)
    assert not studio.player.playing
    assert dialog.play.text().endswith("Play")
    QTest.keyClick(dialog, Qt.Key.Key_9)  # no such row
    assert studio.comparing.current is studio.entry("Half")
    place = dialog.table.visualItemRect(dialog.table.item(0, 1)).center()
    QTest.mouseClick(dialog.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert studio.comparing.current is studio.comparing.entries[0]
    assert studio.comparing.listening
    assert not dialog.keep.isEnabled(), "the original is there already"
    dialog.close()
    assert studio.player.source != "audition"


def test_the_keys_that_are_named_work_without_a_click_into_the_table(studio, dialog, qtbot):
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    studio.take({"bass": "bass"}, title="One")
    studio.take({"bass": "bass"}, gain=0.5, title="Half")
    studio.ready()
    role = studio.comparing.role
    QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Up)
    assert (studio.comparing.role, studio.comparing.current) == (role, studio.entry("One"))
    dialog.role.setFocus()
    QTest.keyClick(dialog, Qt.Key.Key_3)
    assert studio.comparing.listening
    QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Space)
    assert not studio.player.playing
    QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Delete)
    assert [take.title for take in studio.comparing.takes] == ["One"]


def test_what_is_heard_goes_on_where_the_selection_is_now(studio, dialog, qtbot):
    studio.take({"bass": "bass"}, title="One")
    studio.ready()
    studio.comparing.choose(studio.entry("One"))
    studio.document.set_selection(
        Selection().combined("replace", Box(start=4.0, stop=5.0, low=0.0, high=11025.0))
    )
    QTest.mouseClick(dialog.here, Qt.MouseButton.LeftButton)
    studio.ready()
    assert studio.comparing.listening
    assert studio.player.loop == (4 * RATE, 5 * RATE)
    assert 4 * RATE <= studio.player.position < 5 * RATE
    studio.comparing.toggle()
    studio.document.set_selection(
        Selection().combined("replace", Box(start=1.0, stop=2.0, low=0.0, high=11025.0))
    )
    QTest.mouseClick(dialog.here, Qt.MouseButton.LeftButton)
    studio.ready()
    assert not studio.player.playing, "what was paused stays so"


def test_keep_and_drop_by_button(studio, dialog):
    studio.take({"bass": "bass"}, title="One")
    studio.take({"bass": "bass"}, title="Two")
    studio.ready()
    QTest.keyClick(dialog, Qt.Key.Key_3)
    QTest.mouseClick(dialog.drop, Qt.MouseButton.LeftButton)
    assert [row[1] for row in _rows(dialog)] == ["The original", "One"]
    QTest.keyClick(dialog, Qt.Key.Key_2)
    QTest.mouseClick(dialog.keep, Qt.MouseButton.LeftButton)
    assert [leaf.name for leaf in studio.document.state.leaves()] == ["bass", "residual"]
    assert [row[1] for row in _rows(dialog)] == ["The original", "As it is now", "One"]


def test_the_score_column_is_there_only_with_true_stems(studio, dialog):
    studio.take({"bass": "bass"}, gain=0.9, title="One")
    studio.ready()
    assert dialog.table.isColumnHidden(5)
    studio.true = dict(studio.stems)
    studio.comparing.prepare()
    studio.ready()
    assert not dialog.table.isColumnHidden(5)
    assert _rows(dialog)[1][5] == "20.0 dB"


def test_everything_has_a_tooltip_and_a_name(dialog):
    for widget in (dialog.of, dialog.role, dialog.table):
        assert widget.accessibleName()
        assert widget.toolTip()
    for button in (dialog.here, dialog.play, dialog.keep, dialog.drop, dialog.rest):
        assert button.toolTip()


def test_recipes_run_one_after_another_and_leave_the_song_alone(studio, qtbot):
    separating = Separating(studio.document)
    kept: list[Estimates] = []
    separating.keep = lambda estimates, progress: kept.append(estimates) or estimates
    separating.taken.connect(studio.comparing.add)
    before = studio.document.state
    separating.try_out(0, HPSS(fft=2048, hop=512))
    separating.try_out(0, HPSS(fft=2048, hop=512, margin=2.0))
    titles = [job.title for job in studio.document.jobs.queue]
    assert all(title.endswith(" · Mixture · to compare") for title in titles)
    assert ["margin 2" in title for title in titles] == [False, True]
    qtbot.waitUntil(lambda: len(studio.comparing.takes) == 2, timeout=30_000)
    assert studio.document.state is before
    assert len(kept) == 2
    assert [take.title for take in studio.comparing.takes][1].endswith(
        "margin 2 · FFT 2048 samples · hop 512 samples"
    )
    studio.ready()
    assert [part.stem for part in studio.comparing.parts.values()] == ["original", "harmonic", "harmonic"]


def test_only_the_selection_is_taken_apart(studio, qtbot):
    separating = Separating(studio.document)
    failed: list[Exception] = []
    separating.failed.connect(failed.append)
    box = Box(start=2.0, stop=3.0, low=0.0, high=11025.0)
    separating.run(0, HPSS(fft=2048, hop=512), box=box)
    qtbot.waitUntil(lambda: 0 in studio.document.state.splits, timeout=30_000)
    assert studio.document.history.names[-1] == "Harmonic and percussive (HPSS), selection at 2.0 s"
    assert len(studio.document.state.splits[0].estimates.pieces) == 1
    separating.run(0, HPSS(), box=Box(start=2.0, stop=2.01, low=0.0, high=11025.0))
    qtbot.waitUntil(lambda: bool(failed), timeout=30_000)
    assert "too short" in str(failed[0])
