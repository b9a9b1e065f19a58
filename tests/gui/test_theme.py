"""The themes: readable in both, and every icon drawn."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor, QImage, QPalette
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QTableWidget, QWidget

from stemstudio.gui import icons, theme
from stemstudio.project.stem import COLOURS, RESIDUAL_COLOUR


@pytest.fixture
def dressed(qapp):
    """Applies a theme, and takes it off again."""
    yield lambda name: theme.apply(qapp, name)
    theme.apply(qapp, "dark")
    qapp.setStyleSheet("")


@pytest.mark.parametrize("look", theme.THEMES.values(), ids=theme.THEMES)
def test_words_can_be_read_wherever_they_stand(look):
    for back in ("background", "panel", "raised", "card", "hover"):
        assert theme.contrast(look.colour("text"), look.colour(back)) >= 7, back
        assert theme.contrast(look.colour("muted"), look.colour(back)) >= 4.5, back
    for words, back in (
        ("on_accent", "accent"), ("link", "panel"), ("danger", "panel"), ("warning", "panel"), ("text", "chosen"),
        ("mute", "mute_back"), ("solo", "solo_back"), ("warning", "raised"), ("good", "panel"), ("good", "card"),
    ):  # fmt: skip
        assert theme.contrast(look.colour(words), look.colour(back)) >= 4.5, (words, back)
    for back in ("background", "panel", "card"):
        assert theme.contrast(look.colour("faint"), look.colour(back)) >= 3.5, "undone steps are still read"


@pytest.mark.parametrize("look", theme.THEMES.values(), ids=theme.THEMES)
def test_stem_colours_can_be_read_as_words(look):
    for colour in (*COLOURS, RESIDUAL_COLOUR, "#000000", "#ffffff"):
        ink = look.ink(colour)
        assert theme.contrast(ink, look.colour("panel")) >= 4.4, colour
        if QColor(colour).hsvSaturation() > 60:
            assert abs(ink.hsvHueF() - QColor(colour).hsvHueF()) < 0.05, "the hue stays the stem's"


def test_dark_is_dark_and_light_is_light(dressed, qtbot):
    brightness = {}
    for name in ("dark", "light"):
        assert dressed(name) is theme.current()
        window = QWidget()
        qtbot.addWidget(window)
        button = QPushButton("Run", window)
        window.resize(200, 80)
        window.show()
        assert button.isVisible()
        brightness[name] = window.grab().toImage().pixelColor(190, 70).lightness()
    assert brightness["dark"] < 40
    assert brightness["light"] > 200


def test_an_unknown_name_gives_the_dark_one(dressed):
    assert dressed("mauve") is theme.DARK


def test_focus_can_be_seen(dressed, qtbot):
    for name in ("dark", "light"):
        dressed(name)
        window = QWidget()
        qtbot.addWidget(window)
        first, second = QPushButton("one", window), QCheckBox("two", window)
        second.move(0, 40)
        window.resize(160, 80)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        for widget in (first, second):
            widget.clearFocus()
            plain = widget.grab().toImage()
            widget.setFocus()
            assert widget.hasFocus()
            assert widget.grab().toImage() != plain, (name, widget.text())


def test_the_frame_of_a_focused_table_is_whole(dressed, qtbot):
    look = dressed("dark")
    window = QWidget()
    qtbot.addWidget(window)
    table = QTableWidget(6, 1, window)
    table.setAlternatingRowColors(True)
    table.horizontalHeader().setStretchLastSection(True)
    table.horizontalHeader().hide()
    table.verticalHeader().hide()
    table.resize(120, 100)
    window.resize(160, 120)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    table.setFocus()
    picture = table.grab().toImage()
    frame = {picture.pixelColor(x, y).name() for x in (0, picture.width() - 1) for y in range(8, 92)}
    assert frame == {look.accent_hover}, "no row lies over it"


@pytest.mark.parametrize("name", icons.NAMES)
def test_every_icon_fills_its_square_without_being_cut(qapp, name):
    picture = (
        icons.pixmap(name, QColor("#ffffff"), scale=2).toImage().convertToFormat(QImage.Format.Format_ARGB32)
    )
    side = 2 * icons.SIDE
    inked = [(x, y) for x in range(side) for y in range(side) if picture.pixelColor(x, y).alpha() > 40]
    assert len(inked) > 60
    xs, ys = {x for x, _ in inked}, {y for _, y in inked}
    assert min(xs) > 0
    assert max(xs) < side - 1
    assert min(ys) > 0
    assert max(ys) < side - 1


def test_another_theme_dresses_every_widget_once(dressed, qtbot):
    dressed("dark")

    class Label(QLabel):
        dresses = 0

        def changeEvent(self, event):
            self.dresses += event.type() == QEvent.Type.StyleChange
            super().changeEvent(event)

    label = Label("words")
    qtbot.addWidget(label)
    label.show()
    label.dresses = 0
    dressed("light")
    assert label.dresses == 1
    assert label.palette().color(QPalette.ColorRole.WindowText) == theme.LIGHT.colour("text")
