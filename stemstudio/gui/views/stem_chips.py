"""Chips: the stems that atoms can be given to, with how many each has; atoms are dropped on them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QEnterEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.views import atom_drag
from stemstudio.project.project import Change

NEW = -1  # in the place of a stem's id: a stem that is made when atoms are given to it
WIDEST = 160


class Chip(QAbstractButton):
    """A stem, or “+” for a new one.

    Signals
    -------
    atoms_dropped(parent, atoms, stem)
        As `atom_drag.unpacked` reads them.
    """

    atoms_dropped = Signal(int, object, int)

    def __init__(self, document: Document, stem: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.stem = stem
        self.count = 0
        self._colour = ""
        self._dropping = False
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def say(self, number: int, name: str, colour: str, count: int) -> None:
        """Show a stem by its name and number of atoms."""
        self.setText(name)
        self._colour, self.count = colour, count
        atoms = "1 atom" if count == 1 else f"{count} atoms"
        if self.stem == NEW:
            self.setToolTip("Drop atoms here, or click, to give them to a new stem")
        else:
            key = f", or press {number}" if number < 10 else ""
            self.setToolTip(
                f"{name}: {atoms}. Click selects them; drop atoms here{key}, to give them to {name}"
            )
        self.setAccessibleName("New stem" if self.stem == NEW else f"{name}, {atoms}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        if self.stem == NEW:
            return QSize(metrics.horizontalAdvance(self.text()) + 26, metrics.height() + 8)
        words = metrics.horizontalAdvance(self.text()) + metrics.horizontalAdvance(f" {self.count}")
        return QSize(min(WIDEST, words + 42), metrics.height() + 8)

    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        drag = atom_drag.unpacked(event.mimeData(), self._document.state)
        if drag is not None and drag[0] == self._document.atoms_of:
            event.acceptProposedAction()
            self._dropping = True
            self.update()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._dropping = False
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        self._dropping = False
        self.update()
        drag = atom_drag.unpacked(event.mimeData(), self._document.state)
        if drag is not None:
            event.acceptProposedAction()
            self.atoms_dropped.emit(*drag, self.stem)

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75)
        painter.setBrush(look.colour("hover" if self.underMouse() or self._dropping else "raised"))
        new = self.stem == NEW
        line = look.colour("faint") if new else look.colour("raised")
        if self._dropping:
            line = look.colour("accent") if new else QColor(self._colour)
        elif self.hasFocus():
            line = look.colour("accent_hover")
        painter.setPen(
            QPen(line, 1.5, Qt.PenStyle.DashLine if new and not self._dropping else Qt.PenStyle.SolidLine)
        )
        painter.drawRoundedRect(area, area.height() / 2, area.height() / 2)
        inner = self.rect().adjusted(11, 0, -10, 0)
        if not new:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._colour))
            painter.drawEllipse(QRectF(inner.left(), inner.center().y() - 3.5, 8, 8))
            inner.adjust(13, 0, 0, 0)
            painter.setPen(look.colour("muted"))
            painter.drawText(
                inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, str(self.count)
            )
            inner.adjust(0, 0, -self.fontMetrics().horizontalAdvance(f" {self.count}"), 0)
        painter.setPen(look.colour("muted" if new else "text"))
        name = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter, name)


class StemChips(QWidget):
    """All stems of the split on display, and “+” for a new one."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.chips: list[Chip] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(5)
        self._row.addStretch(1)
        document.opened.connect(self.show_stems)
        document.changed.connect(self._changed)
        document.atoms_changed.connect(self._split_changed)
        self._shown_for: int | None = None
        self.show_stems()

    def _changed(self, change: Change) -> None:
        if change.kinds & {"stems", "splits"}:
            self.show_stems()

    def _split_changed(self) -> None:
        if self._document.atoms_of != self._shown_for:
            self.show_stems()

    def show_stems(self) -> None:
        """Make the chips fit the children of the split."""
        state, split, parent = self._document.state, self._document.atom_split, self._document.atoms_of
        self._shown_for = parent
        stems = () if state is None or split is None or parent is None else state.children(parent)
        wanted = [stem.id for stem in stems] + ([NEW] if stems else [])
        if wanted != [chip.stem for chip in self.chips]:
            for chip in self.chips:
                self._row.removeWidget(chip)
                chip.hide()
                chip.deleteLater()
            self.chips = [self._chip(stem) for stem in wanted]
            for place, chip in enumerate(self.chips):
                self._row.insertWidget(place, chip)
                chip.show()  # now, or the row would not count it yet when its place is chosen
        for number, (chip, stem) in enumerate(zip(self.chips, stems, strict=False), 1):
            assert split is not None
            chip.say(number, stem.name, stem.colour, len(split.parts_of(stem.id)))
        if self.chips:
            self.chips[-1].say(len(self.chips), "+", "", 0)

    def _chip(self, stem: int) -> Chip:
        chip = Chip(self._document, stem, self)
        chip.clicked.connect(lambda: self._clicked(stem))
        chip.atoms_dropped.connect(self._give)
        return chip

    def _clicked(self, stem: int) -> None:
        split, parent = self._document.atom_split, self._document.atoms_of
        if split is None or parent is None:
            return
        if stem != NEW:
            self._document.select_atoms(split.parts_of(stem))
        elif self._document.atoms:
            self._give(parent, self._document.atoms, NEW)
        else:
            self._document.said.emit("Select some atoms first; they then go to the new stem.")

    def _give(self, parent: int, atoms: tuple[int, ...], stem: int) -> None:
        if stem == NEW:
            atom_drag.give_to_new(self._document, parent, atoms)
        else:
            atom_drag.give(self._document, parent, atoms, stem)
