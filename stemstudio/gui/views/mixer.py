"""The mixer: one strip a leaf of the stem tree, and the master."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QSpacerItem,
    QVBoxLayout,
    QWidget,
)

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.matching import Matching
from stemstudio.gui.soon import Soon
from stemstudio.gui.views.effects_panel import EffectsPanel
from stemstudio.gui.views.master import Master
from stemstudio.gui.views.strip import PLAIN, Strip
from stemstudio.gui.views.strip_menu import stem_menu
from stemstudio.gui.views.strip_panel import StripPanel
from stemstudio.project.project import Change
from stemstudio.project.stem import MIXTURE, Stem

METERS_MS = 33
SPARE = 6  # strips that are built before they are wanted: what a network gives, the residual, and one more
SPARE_AFTER_MS = 400
STRIPS_AFTER_MS = 20  # once the picture has its new colours
BRACKET = 17  # pixels above the strips for each level of splits within splits


class MixerView(QWidget):
    """Strips of all leaves; those of a stem that was split again stand under its name.

    Signals
    -------
    export_wanted
        Export… was pressed.
    split_wanted(stem)
        The person wants to take this stem apart.
    drag_wanted(stem), copy_wanted(stem)
        This stem is to go to another program as a file, by the mouse or by the clipboard.
    curve_wanted(on)
        The volume curve of the target stem is to be drawn on the overview, or no more.
    """

    export_wanted = Signal()
    split_wanted = Signal(int)
    drag_wanted = Signal(int)
    copy_wanted = Signal(int)
    curve_wanted = Signal(bool)

    def __init__(
        self,
        document: Document,
        player: Any = None,
        parent: QWidget | None = None,
        matching: Matching | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._player = player
        self._strips: list[Strip] = []
        self._soon = Soon(self._sync, STRIPS_AFTER_MS, self)
        self.master = Master(document, matching, self)
        self.master.export_wanted.connect(self.export_wanted)
        self.master.effects_wanted.connect(self.open_effects)
        self.panel = StripPanel(document, self)
        self.panel.effects_wanted.connect(self.open_effects)
        self.panel.curve_wanted.connect(self.curve_wanted)
        self.effects = EffectsPanel(document, self)
        if player is not None:
            self.master.loudness_cleared.connect(player.forget_loudness)
            self.master.volume_changed.connect(player.set_master)
            player.state_changed.connect(self._player_changed)
        self._framed = document.target
        self._bench = _Bench(document, self)
        self._hint = QLabel(self._bench)
        self._hint.setProperty("role", "muted")
        self._hint.setWordWrap(True)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        self._row = QHBoxLayout(self._bench)
        self._row.setSpacing(8)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(self._hint, 1)
        self._row.addStretch(0)  # beside few strips that are as wide as they may be
        self.bench_area = QScrollArea(self)
        self.bench_area.setWidget(self._bench)
        self.bench_area.setWidgetResizable(True)
        self.bench_area.setFrameShape(QFrame.Shape.NoFrame)
        self.bench_area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.bench_area.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.bench_area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(8, 6, 8, 6)
        whole.setSpacing(10)
        whole.addWidget(self.bench_area, 1)
        self._above = QSpacerItem(0, 0, QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        right = self._right = QVBoxLayout()
        right.setSpacing(0)
        right.addSpacerItem(self._above)
        right.addWidget(self.master)
        right.addStretch(1)
        whole.addLayout(right)
        self._timer = QTimer(self, interval=METERS_MS)
        self._timer.timeout.connect(self._read_meters)
        self._spare: list[Strip] = []
        self._unpolished: Strip | None = None
        self._building = QTimer(self, singleShot=True)
        self._building.timeout.connect(self._build_spare)
        document.opened.connect(self._opened)
        document.changed.connect(self._changed)
        document.target_changed.connect(self._target_changed)
        self._opened()

    @property
    def strips(self) -> list[Strip]:
        """Those of all leaves, in order."""
        self._soon.settle()
        return self._strips

    def strip_of(self, stem: int) -> Strip | None:
        """The strip of a leaf."""
        return next((strip for strip in self.strips if strip.stem.id == stem), None)

    def rename(self, stem: int) -> None:
        """Let the person type another name for a leaf."""
        strip = self.strip_of(stem)
        if strip is not None:
            self.bench_area.ensureWidgetVisible(strip)
            strip.rename()

    def open_panel(self, stem: int, corner: QPoint | None = None) -> None:
        """Open the panel with everything that a strip does."""
        if self._document.state is None:
            return
        self._document.set_target(stem)
        strip = self.strip_of(stem)
        if corner is None:
            at = strip if strip is not None else self
            corner = at.mapToGlobal(at.rect().topLeft())
        self.panel.open_above(corner)

    def open_effects(self) -> None:
        """Open the settings of reverb and delay."""
        if self._document.state is None:
            return
        self.effects.open_above(self.master.mapToGlobal(self.master.rect().topRight()))

    def open_menu(self, stem: int, point: QPoint) -> None:
        """Open the menu of a leaf at a place of the screen."""
        menu = stem_menu(
            self._document,
            stem,
            lambda: self.rename(stem),
            lambda: self.split_wanted.emit(stem),
            lambda: self.open_panel(stem),
            self,
        )
        copy = menu.addAction("Copy as a sound file", lambda: self.copy_wanted.emit(stem))
        copy.setToolTip("To be pasted in another program, as dragging the strip there does.")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(point)

    def _opened(self) -> None:
        self.master.forget_peak()
        self.master.loudness.clear()
        self.master.show_null(None)
        self.master.export.setEnabled(self._document.state is not None)
        self._sync(everything=True)

    def _changed(self, change: Change) -> None:
        state = self._document.state
        if not change.kinds & {"stems", "mixer"} or state is None:
            return
        known = [strip.stem.id for strip in self._strips]
        if known == [leaf.id for leaf in state.leaves()] or not set(known) <= set(state.stems):
            self._sync()  # nothing of what a strip does may be about a stem that is gone
        else:
            self._soon.ask()

    def _sync(self, everything: bool = False) -> None:
        """Make the strips fit the leaves, keeping those that are still there."""
        self._soon.stop()
        state = self._document.state
        leaves: tuple[Stem, ...] = () if state is None else state.leaves()
        kept = {} if everything else {strip.stem.id: strip for strip in self._strips}
        for strip in self._strips:
            if strip.stem.id not in {leaf.id for leaf in leaves} or everything:
                self._put_away(strip)
        self._strips = []
        self._row.setEnabled(False)  # laid out once, and not for every strip that comes
        for number, leaf in enumerate(leaves, 1):
            strip = kept.get(leaf.id) or (self._spare.pop() if self._spare else self._new_strip(leaf, number))
            strip.show_stem(leaf, number)
            self._strips.append(strip)
            if self._row.indexOf(strip) != number - 1:
                self._row.removeWidget(strip)
                self._row.insertWidget(number - 1, strip, 2, Qt.AlignmentFlag.AlignTop)
            strip.show()
        before: QWidget = self.bench_area
        for strip in self._strips:
            QWidget.setTabOrder(before, strip)
            before = strip.more
        split = state is not None and MIXTURE in state.splits
        self._hint.setText(_EMPTY if state is None else _UNGIVEN if split else _HINT)
        self._hint.setVisible(len(leaves) <= 1)
        for strip in self._strips:
            strip.solo.setEnabled(split)
        if len(self._spare) < SPARE and state is not None:
            self._building.start(SPARE_AFTER_MS)
        self._bench.arrange(self._strips)
        self._row.setContentsMargins(0, BRACKET * self._bench.levels, 0, 0)
        self._row.setEnabled(True)
        self._fit_height()
        if self._framed != self._document.target:
            self._target_changed(self._document.target)

    def _new_strip(self, leaf: Stem, number: int) -> Strip:
        strip = Strip(self._document, leaf, number, self._bench)
        strip.menu_wanted.connect(self.open_menu)
        strip.drag_wanted.connect(self.drag_wanted)
        strip.panel_wanted.connect(self.open_panel)
        return strip

    def _put_away(self, strip: Strip) -> None:
        """Nobody needs it now; the next stem may have it, unless a hand is on it."""
        self._row.removeWidget(strip)
        strip.hide()
        if len(self._spare) < SPARE and strip.put_away():
            self._spare.append(strip)
        else:
            strip.deleteLater()

    def _build_spare(self) -> None:
        """One strip at a time, and its looks in another turn, while nothing else is to be done: more would be felt."""
        if self._unpolished in self._spare:
            _polish(self._unpolished)
            self._unpolished = None
        elif len(self._spare) < SPARE:
            self._unpolished = self._add_spare()
        else:
            return
        self._building.start(SPARE_AFTER_MS // 2)

    def _add_spare(self) -> Strip:
        strip = self._new_strip(PLAIN, 0)
        strip.hide()
        self._spare.append(strip)
        return strip

    def _fit_height(self) -> None:
        bar = self.bench_area.horizontalScrollBar().sizeHint().height()
        if not self._strips and not self._spare:
            _polish(self._add_spare())  # without a song it is as high as with one, and its title has room
        strip = (*self._strips, *self._spare)[0].sizeHint().height()
        self.master.setFixedHeight(max(strip, self.master.minimumSizeHint().height()))
        self._above.changeSize(0, BRACKET * self._bench.levels)
        self._right.invalidate()
        many = self._bench.minimumSizeHint().width() > self.bench_area.viewport().width()
        self.bench_area.setFixedHeight(strip + BRACKET * self._bench.levels + (bar if many else 0))

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._fit_height()

    def sizeHint(self) -> QSize:
        return QSize(1000, self.bench_area.height() + 12)

    def minimumSizeHint(self) -> QSize:
        return QSize(400, self.bench_area.height() + 12)

    def _target_changed(self, stem: int) -> None:
        if self._soon.isActive():
            return  # its strip is not there yet
        for strip in self._strips:
            if strip.stem.id in (stem, self._framed):
                strip.update()  # the frame goes from one to the other
        self._framed = stem
        target = self.strip_of(stem)
        if target is not None:
            self.bench_area.ensureWidgetVisible(target)

    # meters

    def _player_changed(self) -> None:
        if self._player.playing:
            self._timer.start()

    def _read_meters(self) -> None:
        """Feed the meters about 30 times a second, until every light is out."""
        levels = self._player.meters()
        if self._soon.isActive():
            return  # they are of other stems than the strips
        for place, strip in enumerate(self._strips):
            known = place < len(levels.stem_peak)
            strip.meter.show_levels(
                levels.stem_peak[place] if known else (), levels.stem_rms[place] if known else ()
            )
        self.master.show_levels(levels)
        if self._player.playing:
            self.master.show_null(levels.null_db, applies=levels.null_applies)
        elif all(strip.meter.resting for strip in self._strips) and self.master.meter.resting:
            self._timer.stop()


def _polish(strip: Strip) -> None:
    """Give it its looks, before it is seen."""
    for widget in (strip, *strip.findChildren(QWidget)):
        widget.ensurePolished()


class _Bench(QWidget):
    """What the strips stand on; draws the brackets of stems that were split again."""

    def __init__(self, document: Document, parent: QWidget) -> None:
        super().__init__(parent)
        self._document = document
        self._strips: list[Strip] = []
        self.levels = 0

    def arrange(self, strips: list[Strip]) -> None:
        state = self._document.state
        before = self.levels
        self._strips = strips
        self.levels = 0
        if state is not None and strips:
            self.levels = max(len(state.path(strip.stem.id)) for strip in strips) - 1
        self.levels = max(0, self.levels)
        if self.levels or before:
            self.update()  # and with it all strips: only for brackets

    def brackets(self) -> list[tuple[int, int, int, int]]:
        """(split stem, level, left, right) of every bracket, in pixels."""
        state = self._document.state
        found: dict[int, tuple[int, int, int, int]] = {}
        for strip in self._strips:
            if state is None or strip.stem.id not in state.stems:
                continue
            for level, stem in enumerate(state.path(strip.stem.id)[:-1]):
                left, right = strip.x(), strip.x() + strip.width()
                _, _, first, last = found.get(stem, (stem, level, left, right))
                found[stem] = (stem, level, min(first, left), max(last, right))
        return list(found.values())

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        state = self._document.state
        if state is None or not self.levels:
            return
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = painter.fontMetrics()
        for stem, level, left, right in self.brackets():
            colour = look.ink(state.stems[stem].colour)
            top = level * BRACKET
            line = top + BRACKET // 2 + 1
            name = metrics.elidedText(state.stems[stem].name, Qt.TextElideMode.ElideRight, right - left - 40)
            words = left + 22
            painter.setPen(QPen(colour, 1.5))
            painter.drawLine(left + 3, line + 5, left + 3, line)
            painter.drawLine(left + 3, line, words - 6, line)
            painter.drawLine(words + metrics.horizontalAdvance(name) + 6, line, right - 3, line)
            painter.drawLine(right - 3, line, right - 3, line + 5)
            painter.drawText(words, top, right - words, BRACKET, Qt.AlignmentFlag.AlignVCenter, name)


_EMPTY = "Open a song to see its strips here."
_UNGIVEN = "All is in the residual still. Press Suggest above the atoms, or give an atom to + there, and stems appear here."
_HINT = "One strip: the whole song. Choose a goal under Separate, and its stems appear here, each with its own fader."
