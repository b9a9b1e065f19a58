"""The model page, and the question before a download: against a hub on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from model_hub import model_hub
from PySide6.QtWidgets import QLabel, QMessageBox, QWidget
from small_projects import song
from small_recipes import write_tiny_roformer, write_tiny_weights

from stemstudio.algorithms import algorithm
from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.neural.catalogue import MODELS
from stemstudio.algorithms.neural.hanging_up import NAME
from stemstudio.algorithms.neural.weights import models_folder
from stemstudio.gui.dialogs.error import show_error
from stemstudio.gui.dialogs.models_table import ModelsTable
from stemstudio.gui.dialogs.trained_models import TrainedModelsDialog
from stemstudio.gui.document import Document
from stemstudio.gui.fetching import Fetching, offer_sketch
from stemstudio.gui.views.separate import SeparatePanel

KEY = "adefossez/HTDemucs/955717e8.safetensors"


@pytest.fixture
def hub(home, monkeypatch, tmp_path):
    for variable in ("STEMSTUDIO_MODELS", "HF_HOME", "HF_HUB_CACHE", "TORCH_HOME"):
        monkeypatch.delenv(variable, raising=False)
    source = tmp_path / "made"
    source.mkdir()
    with model_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.files[KEY] = write_tiny_weights(source).read_bytes()
        yield hub


@pytest.fixture
def page(qtbot, hub):
    """The page of a window with a song, and what downloads."""
    document = song()
    fetching = Fetching(document.jobs)
    dialog = TrainedModelsDialog(document.jobs, fetching)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: bool(dialog.table.rows), timeout=5000)
    errors: list[Exception] = []
    fetching.failed.connect(errors.append)
    dialog.errors = errors
    dialog.document, dialog.fetching = document, fetching
    yield dialog
    document.jobs.close()


def cells(page, name: str) -> list[str]:
    row = list(MODELS).index(name)
    return [page.table.item(row, column).text() for column in range(page.table.columnCount())]


def question(qtbot, window) -> QMessageBox:
    """The question that is asked."""
    qtbot.waitUntil(lambda: any(box.isVisible() for box in window.findChildren(QMessageBox)), timeout=5000)
    return next(box for box in window.findChildren(QMessageBox) if box.isVisible())


def test_every_model_is_there_with_what_is_known_of_it(qtbot, page, hub):
    assert page.table.rowCount() == len(MODELS)
    assert cells(page, "htdemucs_ft")[3:7] == ["9.2", "10.1", "10.4", "6.3"]
    assert cells(page, "umxl")[7] == "CC BY-NC-SA 4.0"
    assert not hub.ranges, "nothing is fetched that nobody asked for"
    asked = f"{len(hub.files[KEY]) / 1e6:.1f} MB"
    qtbot.waitUntil(lambda: cells(page, "htdemucs")[2] == asked, timeout=5000)
    assert cells(page, "htdemucs")[1] == "not here"
    assert cells(page, "sketch")[1] == "comes along"
    page.choose("sketch")
    assert not page.download.isEnabled()
    assert not page.remove.isEnabled()
    page.choose("htdemucs_ft")
    assert "Rouard, Massa & Défossez 2023" in page.details.text()
    page.choose("htdemucs")
    assert "Not on this machine" in page.details.text()
    assert page.download.isEnabled()
    assert not page.verify.isEnabled()
    assert not page.remove.isEnabled()


def test_without_the_hub_sizes_are_said_to_be_asked_and_own_files_have_their_way(qtbot, page, monkeypatch):
    qtbot.waitUntil(lambda: not page.document.jobs._open, timeout=5000)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    page.fetching.sizes.clear()
    page.hide()
    page.show()  # another visit asks again
    qtbot.waitUntil(lambda: cells(page, "mdx_q")[2] == "asked online", timeout=20_000)
    assert cells(page, "htdemucs")[2] == "≈ 84 MB", "what is known without it"
    page.choose("htdemucs")
    assert "about 84 MB to download. The model hub cannot be reached just now" in page.details.text()
    assert cells(page, "sketch")[2] == "7.2 MB", "what comes along is known"
    words = " ".join(label.text() for label in page.findChildren(QLabel))
    assert "RoFormer are not on this list" in words
    assert "“Add a file…”" in words
    assert not page.errors


def test_a_model_is_downloaded_verified_and_removed(qtbot, page, hub):
    page.choose("htdemucs")
    hub.waiting = threading.Event()
    hub.files[KEY] += bytes(3_000_000)
    page.download.click()
    qtbot.waitUntil(
        lambda: "MB" in page.fetch_row.words.text() and page.fetch_row.bar.value() > 0, timeout=5000
    )
    assert page.fetch_row.isVisible()
    assert cells(page, "htdemucs")[1] == "being fetched"
    assert not page.download.isEnabled()
    hub.waiting.set()
    qtbot.waitUntil(lambda: cells(page, "htdemucs")[1] == "here", timeout=5000)
    assert not page.fetch_row.isVisible()
    assert "snapshots" in page.details.text(), "where it lies"
    page.remove.click()
    box = question(qtbot, page)
    next(button for button in box.buttons() if button.text() == "Remove").click()
    qtbot.waitUntil(lambda: cells(page, "htdemucs")[1] == "not here", timeout=5000)
    assert not page.errors


def test_a_download_is_cancelled_at_once_and_gone_on_with_later(qtbot, page, hub):
    page.choose("htdemucs")
    hub.waiting = threading.Event()
    hub.files[KEY] += bytes(4_000_000)
    page.download.click()
    qtbot.waitUntil(lambda: page.fetch_row.bar.value() > 0, timeout=5000)
    page.fetch_row.cancel.click()
    assert not page.fetch_row.isVisible()
    qtbot.waitUntil(  # while the hub still says nothing
        lambda: page.download.isEnabled() and cells(page, "htdemucs")[1] == "partly fetched", timeout=5000
    )
    assert "but for" in page.details.text()
    assert "where Download goes on" in page.details.text()
    assert page.remove.isEnabled()
    qtbot.waitUntil(lambda: NAME not in {thread.name for thread in threading.enumerate()}, timeout=5000)
    hub.waiting = None
    page.download.click()
    qtbot.waitUntil(lambda: cells(page, "htdemucs")[1] == "here", timeout=5000)
    assert hub.ranges[1] > 500_000, "the rest only"
    assert not page.errors


def test_what_one_has_is_added_and_checked(qtbot, page, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    source = write_tiny_weights(mine)
    page.add(mine)
    qtbot.waitUntil(lambda: cells(page, "htdemucs")[1] == "here", timeout=5000)
    assert page.chosen.name == "htdemucs"
    assert str(models_folder() / source.name) in page.details.text()
    page.verify.click()
    qtbot.waitUntil(lambda: "it loads" in page.note.text(), timeout=5000)
    (models_folder() / source.name).write_bytes(b"?" * 100)
    page.verify.click()
    qtbot.waitUntil(lambda: page.note.property("role") == "error", timeout=5000)
    assert "cannot be used" in page.note.text()
    (tmp_path / "song.txt").write_text("la la")
    page.add(tmp_path / "song.txt")
    qtbot.waitUntil(lambda: "no weights of a model" in page.note.text(), timeout=5000)
    page.table.rows = {}
    page.look_again()  # as it does of itself after all that is done with files
    qtbot.waitUntil(lambda: bool(page.table.rows), timeout=5000)
    assert page.note.isVisible(), "it stays to be read"
    assert page.note.property("role") == "error"


def test_a_long_name_leaves_room_and_a_small_window_cuts_nothing(qtbot, page):
    models_folder().mkdir(parents=True, exist_ok=True)
    name = "a_network_that_somebody_shared_under_a_name_that_has_no_end"
    write_tiny_roformer(models_folder(), name)
    page.look_again()
    qtbot.waitUntil(lambda: name in page.table.models, timeout=5000)
    assert page.table.columnWidth(0) < 300
    page.choose(name)
    assert page.name.text() == name
    page.resize(page.minimumSize())
    qtbot.waitUntil(lambda: page.details.height() >= page.details.heightForWidth(page.details.width()))
    assert page.details.geometry().bottom() < page.download.geometry().top()


def test_what_goes_wrong_is_one_sentence(qtbot, page, hub):
    hub.status = 500
    page.choose("htdemucs")
    page.download.click()
    qtbot.waitUntil(lambda: bool(page.errors), timeout=5000)
    said = "htdemucs could not be fetched: the hub has trouble of its own (error 500)."
    assert page.errors[0].sentence == said
    assert page.errors[0].way_on
    assert page.fetching.now is None


def test_the_first_run_asks_with_the_size_and_then_runs(qtbot, hub):
    document = song()
    fetching = Fetching(document.jobs)
    window = QWidget()
    qtbot.addWidget(window)
    panel = SeparatePanel(document, window, fetching=fetching)
    window.show()
    card = next(card for card in panel.cards if card.goal.title == "Four stems")
    assert card.side_words == "HTDemucs · needs a download"
    card.click()
    assert panel.run_button.text() == "Run…"
    assert panel.models_button.isVisible()
    ran: list[Algorithm] = []
    recipe = algorithm("htdemucs")()
    for word in ("Cancel", "Sketch now", "Download and run"):
        fetching.when_here(recipe, ran.append, window)
        box = question(qtbot, window)
        assert f"{len(hub.files[KEY]) / 1e6:.1f} MB to download" in box.text()
        assert "MIT" in box.text()
        assert not hub.ranges
        assert "Sketch" in box.informativeText()
        next(button for button in box.buttons() if button.text().replace("&", "") == word).click()
    qtbot.waitUntil(lambda: len(ran) == 2, timeout=5000)
    assert [each.model for each in ran] == ["sketch", "htdemucs"], "at once, and after the download"
    assert hub.ranges == [0]
    assert panel.run_button.text() == "Run"
    assert "maybe" in card.side_words, "how long it takes, as a guess"
    fetching.when_here(recipe, ran.append, window)
    assert len(ran) == 3, "what is here runs at once"
    document.jobs.close()


def listened_to(
    document: Document,
) -> tuple[Fetching, list[tuple[Exception, Callable[[], None]]], list[Exception]]:
    """What fetches for a document, with what it offers instead and what it says went wrong."""
    fetching = Fetching(document.jobs)
    offers: list[tuple[Exception, Callable[[], None]]] = []
    errors: list[Exception] = []
    fetching.unreachable.connect(lambda error, instead: offers.append((error, instead)))
    fetching.failed.connect(errors.append)
    return fetching, offers, errors


def test_without_a_network_stems_are_one_click_away(qtbot, hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    document = song()
    fetching, offers, errors = listened_to(document)
    ran: list[Algorithm] = []
    window = QWidget()
    qtbot.addWidget(window)
    fetching.when_here(algorithm("htdemucs")(stems="vocals", seed=3), ran.append, window)
    fetching.when_here(algorithm("htdemucs")(model="htdemucs_6s", stems="piano"), ran.append, window)
    qtbot.waitUntil(lambda: bool(offers) and bool(errors), timeout=5000)
    box = show_error(window, offers[0][0])
    offer_sketch(box, offers[0][1])
    next(button for button in box.buttons() if button.text() == "Sketch now").click()
    assert [(each.model, each.stems, each.seed) for each in ran] == [("sketch", "vocals", 3)]
    assert len(errors) == 1, "Sketch knows no piano"
    document.jobs.close()


def test_a_download_that_breaks_off_offers_sketch_too(qtbot, hub):
    document = song()
    fetching, offers, errors = listened_to(document)
    ran: list[Algorithm] = []
    window = QWidget()
    qtbot.addWidget(window)
    fetching.when_here(algorithm("htdemucs")(), ran.append, window)
    box = question(qtbot, window)
    hub.status = 500
    next(each for each in box.buttons() if each.text().replace("&", "") == "Download and run").click()
    qtbot.waitUntil(lambda: bool(offers), timeout=5000)
    assert not errors, "one message, which offers it"
    assert not ran
    offers[0][1]()
    assert [each.model for each in ran] == ["sketch"]
    fetching.fetch([MODELS["htdemucs"]])  # from the page of models: nobody waits for stems
    qtbot.waitUntil(lambda: bool(errors), timeout=5000)
    assert len(offers) == 1
    document.jobs.close()


def test_several_are_fetched_one_after_another(qtbot, page, hub):
    ended: list[str] = []
    hub.files["adefossez/HTDemucs-6s/5c90dfd2.safetensors"] = hub.files[KEY]
    page.fetching.fetch([MODELS["htdemucs"], MODELS["htdemucs_6s"]], lambda: ended.append("all"))
    assert page.fetching.now.name == "htdemucs"
    assert page.fetching.waiting == ("htdemucs_6s",)
    qtbot.waitUntil(lambda: ended == ["all"], timeout=5000)
    assert len(hub.ranges) == 2


def test_columns_are_measured_once_and_not_for_every_cell(qtbot, hub):
    measured: list[int] = []

    class Measured(ModelsTable):
        def sizeHintForColumn(self, column: int) -> int:
            measured.append(column)
            return super().sizeHintForColumn(column)

    document = song()
    table = Measured(Fetching(document.jobs))
    qtbot.addWidget(table)
    table.resize(900, 400)
    table.show()
    del measured[:]
    table.fill()
    qtbot.wait(1)
    assert 0 < len(measured) <= 3 * table.columnCount()
    assert table.columnWidth(0) > table.fontMetrics().horizontalAdvance("htdemucs_ft")
    document.jobs.close()
