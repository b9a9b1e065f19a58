"""An error in a picture is an error, and not the end of the process."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

import stemstudio
from stemstudio.gui.drawing import drawn


class Broken(QWidget):
    """Fails in the midst of its second picture."""

    pictures = 0

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        painter.fillRect(event.rect(), QColor("red"))
        self.pictures += 1
        if self.pictures == 2:
            raise LookupError("no such colour")


def test_a_picture_that_fails_leaves_the_window_drawable(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    broken = Broken()
    QVBoxLayout(window).addWidget(broken)
    window.resize(100, 100)
    window.show()
    qtbot.waitUntil(lambda: broken.pictures == 1)
    with pytest.raises(LookupError):
        broken.repaint()
    window.resize(300, 200)  # takes the store of pixels away that it failed in
    qtbot.waitUntil(lambda: broken.pictures > 2)
    assert broken.grab().toImage().pixelColor(5, 5) == QColor("red")


def test_every_painter_is_ended_whatever_happens():
    loose = []
    for path in Path(stemstudio.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        held = {
            id(item.context_expr)
            for each in ast.walk(tree)
            if isinstance(each, ast.With)
            for item in each.items
        }
        loose += [
            f"{path.name}:{each.lineno}"
            for each in ast.walk(tree)
            if isinstance(each, ast.Call)
            and getattr(each.func, "id", "") == "QPainter"
            and id(each) not in held
        ]
    assert not loose
