"""What a change brings about in a panel comes in a turn of its own; whoever looks before has it done."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from stemstudio.gui.soon import Soon


def test_it_is_done_once_and_later(qtbot):
    widget, done = QWidget(), []
    qtbot.addWidget(widget)
    soon = Soon(lambda: done.append(True), 5, widget)
    soon.ask()
    assert done == [True], "nobody sees the widget: nothing is gained by waiting"
    widget.show()
    for _ in range(3):
        soon.ask()
    assert done == [True]
    qtbot.waitUntil(lambda: len(done) == 2, timeout=2000)
    soon.settle()
    qtbot.wait(20)
    assert len(done) == 2


def test_who_looks_before_has_it_done_at_once(qtbot):
    widget, done = QWidget(), []
    qtbot.addWidget(widget)
    widget.show()
    soon = Soon(lambda: done.append(True), 5, widget)
    soon.ask()
    soon.settle()
    assert done == [True]
    qtbot.wait(20)
    assert done == [True]
