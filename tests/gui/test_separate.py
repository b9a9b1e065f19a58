"""The Separate panel: goals in words, recipes behind them, and the job that runs."""

from __future__ import annotations

import threading
import time

import pytest
import shiboken6
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from small_projects import song, split_song, stem_called

from stemstudio.algorithms import algorithm
from stemstudio.gui.forms import RecipeForm
from stemstudio.gui.views import separate as module
from stemstudio.gui.views.goals import what_is_missing
from stemstudio.gui.views.separate import SeparatePanel
from stemstudio.spectral.brushes import Box, Selection


@pytest.fixture
def panel(qtbot, monkeypatch):
    """Builds a panel; neural weights count as there unless said otherwise."""
    kept = []

    def build(document, missing="", speeds=None, show=True):
        monkeypatch.setattr(
            module, "what_is_missing", lambda recipe: missing if recipe.name == "htdemucs" else ""
        )
        made = SeparatePanel(document, speeds=speeds)
        qtbot.addWidget(made)
        made.resize(330, 480)
        if show:
            made.show()
        kept.append((made, document))
        return made

    yield build
    for _, document in kept:
        document.jobs.close()


def click(widget):
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def card(panel, title):
    return next(card for card in panel.cards if card.goal.title == title)


def test_a_panel_may_go_right_after_its_size_changed(qtbot):
    view = SeparatePanel(document := song())
    view.show()
    view.resize(330, 700)
    document.jobs.close()
    shiboken6.delete(view)
    qtbot.wait(20)  # what was put off until then would fail here


def test_the_chosen_goal_is_in_sight_however_low_the_panel_is(panel, qtbot):
    view = panel(song())
    chosen = view.cards[-1]
    click(chosen)
    view.resize(view.width(), view.minimumSizeHint().height())

    def seen() -> bool:
        top = chosen.mapTo(view.choices.viewport(), QPoint(0, 0)).y()
        return (
            top >= 0
            and top + min(chosen.height(), view.choices.viewport().height())
            <= view.choices.viewport().height()
        )

    assert view.choices.verticalScrollBar().maximum() > 0
    qtbot.waitUntil(seen, timeout=2000)


def test_where_there_is_little_room_goals_take_one_line_each(panel):
    view = panel(song(), missing="Not here yet: htdemucs")
    assert not view.cards[0].low
    view.resize(270, 320)
    assert all(card.low for card in view.cards)
    assert card(view, "Four stems").brief == "download"
    assert card(view, "Drums apart from the rest").brief.endswith(" s")
    QTest.qWait(10)
    bottom = view.cards[-1].mapTo(view.choices.viewport(), view.cards[-1].rect().bottomLeft()).y()
    assert bottom <= view.choices.viewport().height(), "all seven are in sight"


def test_run_stays_where_it_is_pressed(panel, qtbot):
    view = panel(song())
    click(view.cards[-1])
    QTest.qWait(10)
    places = [button.y() for button in (view.run_button, view.all)]
    go = threading.Event()
    view._document.jobs.run("NMF", lambda progress: go.wait(5), lambda result: None)
    qtbot.waitUntil(view.running.stop_button.isVisible, timeout=2000)
    QTest.qWait(20)
    assert [button.y() for button in (view.run_button, view.all)] == places
    chosen, seen = view.cards[-1], view.choices.viewport()
    assert chosen.mapTo(seen, chosen.rect().bottomLeft()).y() <= seen.height(), "and so does the goal"
    go.set()
    qtbot.waitUntil(lambda: not view._document.jobs.queue, timeout=2000)


def test_goals_say_what_they_take_and_how_long(panel):
    made = panel(song(), speeds=lambda name: {"hpss": 0.1}.get(name))
    assert [card.goal.title for card in made.cards] == [
        "Vocals and band", "Four stems", "Four stems, a quick sketch", "Six stems", "Drums apart from the rest",
        "A voice, without a download", "By hand, from atoms",
    ]  # fmt: skip
    assert card(made, "Four stems").side_words == "HTDemucs · maybe 7 s", "what was not measured is a guess"
    assert "a guess" in card(made, "Four stems").toolTip()
    assert card(made, "Drums apart from the rest").side_words == "HPSS · about 40 s here"
    assert "as measured here" in card(made, "Drums apart from the rest").toolTip()
    made = panel(song(), speeds=lambda name: {"htdemucs/sketch/auto/full": 0.2}.get(name))
    assert card(made, "Four stems, a quick sketch").side_words == "Sketch: instant preview · about 12 s here"
    assert "maybe" in card(made, "Four stems").side_words, "another network's speed says nothing"


@pytest.mark.parametrize(
    ("title", "name", "settings"),
    [
        ("Four stems", "htdemucs", {"model": "htdemucs"}),
        ("Four stems, a quick sketch", "htdemucs", {"model": "sketch"}),
        ("Six stems", "htdemucs", {"model": "htdemucs_6s"}),
        ("Drums apart from the rest", "hpss", {"harmonic_length": 0.15}),
        ("By hand, from atoms", "nmf", {"components": 64, "beta": 1.0, "stereo": "panned"}),
    ],
)
def test_a_goal_runs_its_recipe_on_the_whole_song(panel, qtbot, title, name, settings):
    made = panel(song())
    click(card(made, title))
    with qtbot.waitSignal(made.run_wanted) as asked:
        click(made.run_button)
    stem, recipe, together = asked.args
    assert (stem, recipe.name, together) == (0, name, {})
    assert {key: getattr(recipe, key) for key in settings} == settings


def test_vocals_and_band_asks_for_two_stems(panel, qtbot):
    made = panel(song())
    click(card(made, "Vocals and band"))
    with qtbot.waitSignal(made.run_wanted) as asked:
        made.run()
    assert asked.args[2] == {"drums": "band", "bass": "band", "other": "band"}


def test_a_voice_without_a_download_names_its_stems_and_needs_no_weights(panel, qtbot):
    made = panel(song())
    wanted = card(made, "A voice, without a download")
    assert not wanted.needs_weights
    click(wanted)
    with qtbot.waitSignal(made.run_wanted) as asked:
        made.run()
    _, recipe, together = asked.args
    assert recipe.name == "repet"
    assert together == {"changing": "voice", "repeating": "band"}


def test_only_one_goal_is_chosen(panel):
    made = panel(song())
    click(made.cards[3])
    click(made.cards[4])
    click(made.cards[4])
    assert [card.isChecked() for card in made.cards] == [False, False, False, False, True, False, False]


def test_missing_weights_are_said_with_a_way_on(panel, qtbot):
    made = panel(song(), missing="Not here yet: htdemucs")
    assert "needs a download" in card(made, "Four stems").side_words
    assert made.goal.title == "Drums apart from the rest", "what can run is chosen at first"
    assert made.run_button.text() == "Run"
    assert not made.models_button.isVisible()
    click(card(made, "Four stems"))
    assert made.note.isVisible()
    assert made.note.text() == "Not here yet: htdemucs"
    assert made.run_button.text() == "Run…"
    with qtbot.waitSignal(made.models_wanted):
        click(made.models_button)
    with qtbot.waitSignal(made.run_wanted):
        click(made.run_button)
    click(card(made, "By hand, from atoms"))
    assert made.run_button.text() == "Run"
    assert not made.note.isVisible()


def test_weights_are_looked_for_where_they_belong(monkeypatch, tmp_path):
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path))
    recipe = algorithm("htdemucs")()
    assert "htdemucs" in what_is_missing(recipe)
    (tmp_path / "955717e8.safetensors").write_bytes(b"weights")
    assert what_is_missing(recipe) == ""
    assert what_is_missing(algorithm("nmf")()) == ""


def test_all_algorithms_with_their_parameters(panel, qtbot):
    made = panel(song())
    click(card(made, "By hand, from atoms"))
    click(made.all)
    assert not made.cards[0].isVisible()
    assert made.algorithms.currentData() == "nmf", "the goal's recipe is what one starts from"
    made.form.fields["components"].setValue(12)
    assert made.goal is None
    with qtbot.waitSignal(made.run_wanted) as asked:
        made.run()
    assert asked.args[1].components == 12
    made.algorithms.setCurrentIndex(made.algorithms.findData("hpss"))
    made.algorithms.activated.emit(made.algorithms.currentIndex())
    assert "margin" in made.form.fields
    assert made.summary.text() == algorithm("hpss").summary
    with qtbot.waitSignal(made.run_wanted) as asked:
        made.run()
    assert asked.args[1] == algorithm("hpss")()


def test_devices_and_precision_are_said_in_words(panel, qtbot, monkeypatch):
    from stemstudio.algorithms.neural.devices import Machine
    from stemstudio.gui import computing

    card_words = "NVIDIA H100, 70 GB free"
    found = Machine(
        {"auto": card_words, "cpu": "processor, 8 cores", "cuda": card_words}, frozenset({"auto", "cuda"})
    )
    monkeypatch.setattr(computing, "machine", lambda: found)
    made = panel(song())
    click(card(made, "Four stems"))
    click(made.all)
    device, precision = made.form.fields["device"], made.form.fields["precision"]
    qtbot.waitUntil(lambda: device.itemText(0) == f"best: {card_words}", timeout=5000)
    assert device.itemText(device.findData("cpu")) == "CPU: processor, 8 cores"
    assert not device.model().item(device.findData("mps")).isEnabled(), "there is none here"
    assert "−40 dB" in precision.itemText(precision.findData("half"))
    with qtbot.waitSignal(made.run_wanted) as asked:
        device.setCurrentIndex(device.findData("cpu"))
        made.run()
    assert asked.args[1].device == "cpu"
    click(card(made, "By hand, from atoms"))
    made.algorithms.setCurrentIndex(made.algorithms.findData("openunmix"))
    made.algorithms.activated.emit(made.algorithms.currentIndex())
    assert made.form.fields["device"].itemText(0) == f"best: {card_words}", "known from then on"


def test_what_computes_and_the_longest_title_are_not_cut_off(panel, qtbot, monkeypatch):
    from stemstudio.algorithms.neural.devices import Machine
    from stemstudio.gui import computing

    words = "processor, 16 cores"
    monkeypatch.setattr(computing, "machine", lambda: Machine({"auto": words, "cpu": words}, frozenset()))
    made = panel(song())
    made.resize(290, 600)
    click(made.all)
    made.algorithms.setCurrentIndex(made.algorithms.findData("ensemble"))
    made.algorithms.activated.emit(made.algorithms.currentIndex())
    device = made.form.fields["device"]
    qtbot.waitUntil(lambda: device.itemText(0) == "best: CPU, 16 cores", timeout=5000)
    qtbot.waitUntil(lambda: device.width() > 0 and device.width() < 290)
    for box in (device, made.algorithms):
        needed = box.fontMetrics().horizontalAdvance(box.currentText())
        assert needed <= box.width() - 34, box.currentText()  # what the frame and the arrow take


def test_an_impossible_recipe_cannot_be_run(panel):
    made = panel(song())
    click(card(made, "By hand, from atoms"))
    click(made.all)
    made.form.fields["hop"].setValue(999)
    assert not made.run_button.isEnabled()
    assert made.note.isVisibleTo(made), "the end of the form, which says it too, may be out of sight"
    assert made.note.text() == made.form.error.text() == made.run_button.toolTip() != ""
    assert made.form.error.isVisible()


def test_stems_can_be_split_again(panel, qtbot):
    document = split_song()
    made = panel(document)
    words = [made.stems.itemText(n).strip() for n in range(made.stems.count())]
    assert words == ["Whole song", "vocals", "drums", "bass", "other", "residual"]
    drums = stem_called(document, "drums")
    made.set_stem(drums)
    with qtbot.waitSignal(made.run_wanted) as asked:
        made.run()
    assert asked.args[0] == drums
    document.undo()
    assert made.stem == 0, "a stem that is gone cannot be chosen"


def test_without_a_song_nothing_runs(panel, qtbot):
    document = song()
    document.set_project(None)
    made = panel(document)
    assert not made.run_button.isEnabled()
    assert made.run_button.toolTip() == "Open a song first"
    with qtbot.assertNotEmitted(made.run_wanted):
        made.run()


def test_a_job_shows_how_far_it_is_and_stops(panel, qtbot):
    document = song()
    made = panel(document)
    assert not made.running.bar.isVisible()
    stopped = threading.Event()

    def work(progress):
        fraction = 0.0
        while True:
            fraction = min(0.9, fraction + 0.02)
            progress(fraction, "round 7")
            time.sleep(0.02)

    document.jobs.run("NMF · song", work, lambda result: None, stopped=stopped.set)
    assert made.running.bar.isVisible()
    qtbot.waitUntil(lambda: "left" in made.running.words.text(), timeout=5000)
    assert made.running.bar.value() > 0
    assert "% · 0:0" in made.running.words.text()
    assert made.running.words.text().endswith("round 7")
    click(made.running.stop_button)
    assert made.running.words.text() == "stopping…"
    qtbot.waitUntil(lambda: not made.running.bar.isVisible(), timeout=5000)
    assert stopped.is_set()


def test_waiting_jobs_are_listed_and_can_be_taken_out(panel, qtbot):
    document = song()
    made = panel(document)
    go = threading.Event()
    ran: list[str] = []
    stopped: list[str] = []

    def start(name):
        def work(progress):
            while not go.wait(0.02):
                progress(0.5, "")
            ran.append(name)

        document.jobs.run(name, work, lambda result: None, stopped=lambda: stopped.append(name))

    for name in ("HPSS", "RPCA", "NMF"):
        start(name)
    qtbot.waitUntil(lambda: made.running.words.text().startswith("50 %"), timeout=5000)
    assert [words.text() for words, _ in made.running.waiting.rows] == ["Next: RPCA", "Then: NMF"]
    assert made.running.waiting.isVisible()
    click(made.running.waiting.rows[0][1])
    assert stopped == ["RPCA"], "it is gone at once, not when its turn comes"
    assert [words.text() for words, _ in made.running.waiting.rows] == ["Next: NMF"]
    go.set()
    qtbot.waitUntil(lambda: not document.jobs.queue, timeout=5000)
    assert ran == ["HPSS", "NMF"]
    assert not made.running.stop_button.isVisible()
    assert not made.running.waiting.isVisible()


def test_more_jobs_than_there_is_room_for_are_counted(panel, qtbot):
    document = song()
    made = panel(document)
    go = threading.Event()
    for number in range(8):
        document.jobs.run(f"Job {number}", lambda progress: go.wait(5), lambda result: None)
    assert [words.text() for words, _ in made.running.waiting.rows] == [
        "Next: Job 1", "Then: Job 2", "Then: Job 3", "Then: Job 4, and 3 more",
    ]  # fmt: skip
    go.set()
    qtbot.waitUntil(lambda: not document.jobs.queue, timeout=5000)


def test_a_recipe_can_be_added_to_the_comparison(panel, qtbot):
    made = panel(song())
    click(card(made, "Drums apart from the rest"))
    with qtbot.assertNotEmitted(made.run_wanted), qtbot.waitSignal(made.take_wanted) as asked:
        click(made.take_button)
    assert asked.args[1].name == "hpss"
    assert "the song stays as it is" in made.take_button.toolTip()
    assert "Ctrl+Shift+Return" in made.take_button.toolTip()


def test_only_the_selection_needs_one_and_says_which(panel):
    document = song()
    made = panel(document, speeds=lambda name: 1.0)
    click(card(made, "Drums apart from the rest"))
    assert not made.selection_only.isEnabled()
    assert made.box is None
    before = card(made, "Drums apart from the rest").side_words
    box = Box(start=1.0, stop=1.5, low=0.0, high=22050.0)
    document.set_selection(Selection().combined("replace", box))
    assert made.box is None, "the whole song, as long as nobody ticks it"
    click(made.selection_only)
    assert made.box == box
    assert "0:01.0 – 0:01.5" in made.selection_only.toolTip()
    assert card(made, "Drums apart from the rest").side_words != before, "it takes less time"
    assert "the selection of" in made.run_button.toolTip()
    document.set_selection(Selection())
    assert made.box is None
    assert not made.selection_only.isChecked()


@pytest.mark.parametrize("width", [250, 330])
def test_all_buttons_have_room(panel, width):
    made = panel(song())
    made.resize(width, 480)
    QTest.qWait(20)
    for button in (made.all, made.selection_only, made.take_button, made.run_button):
        right = button.mapTo(made, button.rect().topRight()).x()
        assert right < made.width()
        assert button.width() >= button.sizeHint().width()


def test_parameters_are_made_in_a_quiet_moment_or_when_somebody_looks_at_them(panel, qtbot, monkeypatch):
    monkeypatch.setattr(module, "QUIET_MS", 60_000)
    made = panel(song())
    for title in ("Drums apart from the rest", "By hand, from atoms"):
        click(card(made, title))
    assert not made.findChildren(RecipeForm), "a click on a goal waits for no form"
    assert made.recipe().name == "nmf"
    click(made.all)
    (form,) = made.findChildren(RecipeForm)
    assert form.isVisible()
    assert form.algorithm is algorithm("nmf")
    assert form.recipe() == made.recipe()
    click(made.all)
    made._quiet.setInterval(1)
    click(card(made, "Drums apart from the rest"))
    qtbot.waitUntil(lambda: made._form.algorithm is algorithm("hpss"))
