"""Dead cycles are cleared away on the GUI thread, whoever allocates; looks are short."""

from __future__ import annotations

import gc
import threading
import weakref

from PySide6.QtCore import QObject

from stemstudio.gui import garbage


class Widget(QObject):
    """Refers to itself, as a widget does whose signal is connected to a closure over it."""

    def __init__(self) -> None:
        super().__init__()
        self.me = self


def allocate(cycles: int) -> None:
    for _ in range(cycles):
        cell: list[object] = []
        cell.append(cell)


def test_a_busy_thread_does_not_destroy_widgets(qtbot):
    looking = garbage.Garbage()
    died: list[int] = []
    weakref.finalize(Widget(), lambda: died.append(threading.get_ident()))
    worker = threading.Thread(target=allocate, args=(20_000,))
    worker.start()
    worker.join()
    assert not died
    qtbot.waitUntil(lambda: bool(died), timeout=5000)
    looking.deleteLater()
    assert died == [threading.get_ident()]


def test_what_a_library_brings_in_is_set_aside():
    kept = [[number] for number in range(garbage.MANY + 1000)]
    before = gc.get_freeze_count()
    garbage.look()
    assert gc.get_freeze_count() > before + garbage.MANY
    assert kept


def test_few_new_objects_are_left_for_later():
    gc.collect(0)
    dead = weakref.ref(Widget())
    garbage.look()
    assert dead() is not None
    allocate(2 * garbage.YOUNG)
    garbage.look()
    assert dead() is None


def test_a_look_at_old_objects_is_short_and_still_finds_what_died(monkeypatch):
    monkeypatch.setattr(garbage, "SELDOM", 0)  # older ones, too, with every look
    gc.freeze()
    dead = weakref.ref(Widget())
    gc.collect(0) if dead() is None else None
    allocate(2 * garbage.YOUNG)
    garbage.look()
    assert dead() is None
    kept = [[number] for number in range(garbage.MANY - 1000)]
    monkeypatch.setattr(garbage, "MOST", len(kept) // 2)
    looked: list[int] = []
    monkeypatch.setattr(garbage.gc, "collect", looked.append)
    before = gc.get_freeze_count()
    garbage.look()
    assert not looked, "so many would be felt"
    assert gc.get_freeze_count() >= before + len(kept)
