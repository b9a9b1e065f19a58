"""Strip: one stem in the mixer."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from stemstudio.gui import icons, theme, wording
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.elided import Elided
from stemstudio.gui.fader import Fader
from stemstudio.gui.views import atom_drag
from stemstudio.gui.views.meters import LevelMeter
from stemstudio.project import edits
from stemstudio.project.stem import MIXTURE, STRIP, Stem

LOW_DB, HIGH_DB = -60.0, 12.0
PLAIN = Stem(0, "", "", None)
SHAPING = tuple(name for name in STRIP if name not in ("gain_db", "pan", "mute", "solo"))
NARROWEST, WIDEST = 160, 300
ROOMY = 186  # width from which there is room for ⋯ beside the name, which a right-click opens, too


class Strip(QWidget):
    """Name, mute, solo, gain, pan and meter of a stem; a click makes it the target.

    Signals
    -------
    menu_wanted(stem, point)
        Its menu is to open at this place of the screen.
    drag_wanted(stem)
        It is being dragged out by the mouse.
    panel_wanted(stem, point)
        Its equaliser, sends and so on are to open above this place.
    """

    menu_wanted = Signal(int, object)
    drag_wanted = Signal(int)
    panel_wanted = Signal(int, object)

    def __init__(self, document: Document, stem: Stem, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.stem = stem
        self.number = number
        self._dropping = False
        self._pressed: QPoint | None = None
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAcceptDrops(True)
        self.setMinimumWidth(NARROWEST)
        self.setMaximumWidth(WIDEST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._build()
        self.show_stem(stem, number)

    def _build(self) -> None:
        self.number_label = QLabel(self)
        self.name_label = Elided(parent=self)
        bold = self.name_label.font()
        bold.setBold(True)
        for label in (self.number_label, self.name_label):
            label.setFont(bold)
        self.name_label.installEventFilter(self)
        self.name_edit = QLineEdit(self)
        self.name_edit.setAccessibleName("New name of the stem")
        self.name_edit.hide()
        self.name_edit.installEventFilter(self)
        self.name_edit.editingFinished.connect(self._named)
        self.mute = self._switch("M", "mute", "Mute: do not hear this stem (M, when it is the target)")
        self.solo = self._switch(
            "S", "solo", "Solo: hear only this stem, and others with S (S, when it is the target)"
        )
        self.mute.clicked.connect(
            lambda on: self._set(f"{'Mute' if on else 'Unmute'} {self.stem.name}", mute=on)
        )
        self.solo.clicked.connect(
            lambda on: self._set(f"{'Solo' if on else 'End solo of'} {self.stem.name}", solo=on)
        )
        self.shape = self._switch(
            "EQ", "shape", "Equaliser, sends, width, volume curve … (lit where any is in use)"
        )
        self.shape.setCheckable(False)
        self.shape.clicked.connect(
            lambda: self.panel_wanted.emit(self.stem.id, self.mapToGlobal(self.rect().topLeft()))
        )
        self.more = QToolButton(self)
        self.more.setProperty("flat", True)
        self.more.setProperty("small", True)
        self.more.setFixedSize(20, 20)
        self.more.setIconSize(QSize(18, 18))
        self.more.setToolTip("More: rename, colour, split, merge, delete")
        self.more.setAccessibleName("More about this stem")
        self.more.clicked.connect(
            lambda: self.menu_wanted.emit(self.stem.id, self.more.mapToGlobal(self.more.rect().bottomLeft()))
        )
        self.gain = Fader(LOW_DB, HIGH_DB, 0.1, taper=2.2, nudge=0.5, parent=self)
        self.gain.setToolTip("Gain in dB · wheel for half a dB · double-click for 0.0")
        self.gain.moved.connect(self._gain_moved)
        self.pan = Fader(-1.0, 1.0, 0.01, fill_from=0.0, nudge=0.05, parent=self)
        self.pan.setToolTip("Pan: left or right · double-click for the centre")
        self.pan.moved.connect(self._pan_moved)
        for fader in (self.gain, self.pan):
            fader.settled.connect(self._document.settle)
        self.gain_text, self.pan_text = QLabel(self), QLabel(self)
        for label in (self.gain_text, self.pan_text):
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            label.setFixedWidth(label.fontMetrics().horizontalAdvance("+12.0") + 2)
            label.installEventFilter(self)
        self.meter = LevelMeter(2, self)
        self.meter.setToolTip("Level after the fader: bright is the body of the sound, dim its peaks")
        QWidget.setTabOrder(self.shape, self.mute)
        top = QHBoxLayout()
        top.setSpacing(2)
        top.addWidget(self.number_label)
        top.addSpacing(2)
        top.addWidget(self.name_label, 1)
        top.addWidget(self.name_edit, 1)
        for button in (self.shape, self.mute, self.solo, self.more):
            top.addWidget(button)
        rows = QGridLayout()
        rows.setHorizontalSpacing(6)
        rows.setVerticalSpacing(1)
        for row, (word, fader, text) in enumerate(
            (("gain", self.gain, self.gain_text), ("pan", self.pan, self.pan_text))
        ):
            label = QLabel(word, self)
            label.setProperty("role", "muted")
            rows.addWidget(label, row, 0)
            rows.addWidget(fader, row, 1)
            rows.addWidget(text, row, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 7, 6, 9)
        column.setSpacing(4)
        column.addLayout(top)
        column.addLayout(rows)
        column.addWidget(self.meter)
        self._dress()

    def _switch(self, letter: str, kind: str, tip: str) -> QPushButton:
        button = QPushButton(letter, self)
        button.setCheckable(True)
        button.setProperty("strip", kind)
        button.setFixedSize(22, 20)
        button.setToolTip(tip)
        return button

    def sizeHint(self) -> QSize:
        return QSize(224, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.more.setVisible(self.width() >= ROOMY)
        super().resizeEvent(event)

    # what it shows

    def show_stem(self, stem: Stem, number: int) -> None:
        """Take on the present values of its stem, and its place in the mixer."""
        before = self.stem, self.number
        self.stem, self.number = stem, number
        self.number_label.setText(str(number))
        self.name_label.setText(stem.name)
        self.mute.setChecked(stem.mute)
        self.solo.setChecked(stem.solo)
        for fader, amount in ((self.gain, stem.gain_db), (self.pan, stem.pan)):
            if not fader.isSliderDown():
                fader.set_amount(max(LOW_DB, amount))
        self.gain_text.setText(wording.signed(stem.gain_db, 1))
        self.pan_text.setText(wording.pan(stem.pan))
        self._light_shape()
        self.gain.set_colour(stem.colour)
        self.pan.set_colour(stem.colour)
        key = f"{number} makes it the target" if number < 10 else "click makes it the target"
        self.setToolTip(
            f"{stem.name} · {key} · double-click the name to rename it · drag it into another program"
        )
        self.setAccessibleName(f"Stem {number}, {stem.name}")
        self.shape.setAccessibleName(f"Equaliser and more of {stem.name}")
        self.mute.setAccessibleName(f"Mute {stem.name}")
        self.solo.setAccessibleName(f"Solo {stem.name}")
        self.gain.setAccessibleName(f"Gain of {stem.name}")
        self.gain.setAccessibleDescription(f"{wording.signed(stem.gain_db, 1)} dB")
        self.pan.setAccessibleName(f"Pan of {stem.name}")
        self.pan.setAccessibleDescription(wording.pan(stem.pan))
        if (stem, number) != before:
            self.update()

    def _light_shape(self) -> None:
        """Light the EQ button where a strip does more than its faders show."""
        shaped = any(getattr(self.stem, name) != getattr(PLAIN, name) for name in SHAPING)
        theme.restyle(self.shape, lit=shaped)

    def put_away(self) -> bool:
        """Forget what is under way; False where a hand is on it, so that it had better not be another stem's."""
        held = self.gain.isSliderDown() or self.pan.isSliderDown() or self.underMouse()
        self._pressed, self._dropping = None, False
        if not self.name_edit.isHidden():
            self.name_edit.hide()
            self.name_label.show()
        self.meter.show_levels((), ())
        return not held

    def rename(self) -> None:
        """Let the person type another name."""
        self.name_label.hide()
        self.name_edit.setText(self.stem.name)
        self.name_edit.show()
        self.name_edit.selectAll()
        self.name_edit.setFocus(Qt.FocusReason.OtherFocusReason)

    # what the person does

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._document.set_target(self.stem.id)
        self._pressed = event.position().toPoint() if event.button() == Qt.MouseButton.LeftButton else None
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        way = event.position().toPoint() - self._pressed
        if way.manhattanLength() >= QApplication.startDragDistance():
            self._pressed = None
            self.drag_wanted.emit(self.stem.id)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pressed = None
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(self.stem.id, event.globalPos())

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._document.set_target(self.stem.id)
        elif event.key() == Qt.Key.Key_F2:
            self.rename()
        elif event.key() == Qt.Key.Key_Menu:
            self.menu_wanted.emit(self.stem.id, self.mapToGlobal(self.rect().center()))
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Hundreds of events pass here when stems appear: the class is looked at first, as asking for the type takes longer.
        if type(event) not in (QMouseEvent, QKeyEvent):
            return False
        kind = event.type()
        if kind == QEvent.Type.MouseButtonDblClick:
            if watched is self.name_label:
                self.rename()
                return True
            if watched is self.gain_text:
                self._set(f"Gain {self.stem.name} 0.0 dB", gain_db=0.0)
            elif watched is self.pan_text:
                self._set(f"Pan {self.stem.name} C", pan=0.0)
        elif watched is self.name_edit and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self.name_edit.setText(self.stem.name)
            self.name_edit.clearFocus()
            return True
        elif watched is self.name_edit and kind == QEvent.Type.ShortcutOverride:
            event.accept()  # letters are letters here, not tools
            return True
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)

    def _dress(self) -> None:
        self.more.setIcon(icons.icon("more", theme.current().muted))

    def _named(self) -> None:
        if self.name_edit.isHidden():
            return
        self.name_edit.hide()
        self.name_label.show()
        name = self.name_edit.text().strip()
        state = self._document.state
        if name and name != self.stem.name and state is not None and self.stem.id in state.stems:
            self._set(f"Rename {self.stem.name} to {name}", name=edits.unique_name(state, name))

    def _gain_moved(self, amount: float) -> None:
        gain_db = round(amount, 1)
        self._set(f"Gain {self.stem.name} {wording.signed(gain_db, 1)} dB", settle=False, gain_db=gain_db)

    def _pan_moved(self, amount: float) -> None:
        pan = round(amount, 2)
        self._set(f"Pan {self.stem.name} {wording.pan(pan)}", settle=False, pan=pan)

    def _set(self, name: str, /, *, settle: bool = True, **fields: object) -> None:
        state = self._document.state
        if state is None:
            return
        if settle:
            self._document.settle()
        self._document.do(edits.set_stem(state, self.stem.id, name, **fields))
        if settle:
            self._document.settle()

    # atoms that are dropped on it

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        state = self._document.state
        drag = atom_drag.unpacked(event.mimeData(), state)
        if (
            drag is not None
            and state is not None
            and atom_drag.receiver(state, drag[0], self.stem.id) is not None
        ):
            event.acceptProposedAction()
            self._show_dropping(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._show_dropping(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._show_dropping(False)
        state = self._document.state
        drag = atom_drag.unpacked(event.mimeData(), state)
        if drag is None or state is None:
            return
        stem = atom_drag.receiver(state, drag[0], self.stem.id)
        if stem is not None:
            event.acceptProposedAction()
            atom_drag.give(self._document, *drag, stem)

    def _show_dropping(self, on: bool) -> None:
        self._dropping = on
        self.update()

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        target = self._document.target == self.stem.id and self.stem.id != MIXTURE
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        shape = QPainterPath()
        shape.addRoundedRect(area, 7, 7)
        painter.fillPath(shape, look.colour("hover" if self._dropping else "card"))
        painter.save()
        painter.setClipPath(shape)
        painter.fillRect(QRectF(area.left(), area.top(), 6, area.height()), QColor(self.stem.colour))
        painter.restore()
        if self._dropping:
            painter.setPen(QPen(QColor(self.stem.colour), 2))
        elif target:
            painter.setPen(QPen(look.colour("text"), 1.4))
        elif self.hasFocus():
            painter.setPen(QPen(look.colour("accent_hover"), 1.4))
        else:
            return
        painter.drawPath(shape)
