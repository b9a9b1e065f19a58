"""EffectsPanel: the one reverb and the one delay that all strips send to."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from stemstudio.gui import wording
from stemstudio.gui.document import Document
from stemstudio.gui.fader import Fader
from stemstudio.project import remixing
from stemstudio.project.effects import Effects
from stemstudio.project.project import Change

PLAIN = Effects()
# Field: label, lowest, highest, step, taper, unit, tip
SETTINGS = {
    "reverb_seconds": ("Length", 0.2, 20.0, 0.05, 0.4, "s", "Time in which the reverb falls by 60 dB"),
    "reverb_damping": ("Darkness", 0.0, 0.95, 0.01, 1.0, "%", "How much darker it becomes as it falls"),
    "reverb_before": ("Begins after", 0.0, 250.0, 1.0, 0.6, "ms", "Silence before the reverb begins"),
    "reverb_level": ("Level", -60.0, 12.0, 0.1, 2.2, "dB", "How loud the reverb comes back"),
    "delay_ms": ("Time", 5.0, 2000.0, 1.0, 0.6, "ms", "Time from one repeat to the next"),
    "delay_feedback": ("Repeats", 0.0, 0.95, 0.01, 1.0, "%", "How loud each repeat is beside the one before"),
    "delay_damping": ("Darkness", 0.0, 0.95, 0.01, 1.0, "%", "How much darker each repeat is"),
    "delay_level": ("Level", -60.0, 12.0, 0.1, 2.2, "dB", "How loud the repeats come back"),
}


class EffectsPanel(QWidget):
    """A small window that stays open while one listens; every change is heard at once and can be undone."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        self._document = document
        self.setWindowTitle("Reverb and delay")
        self.setProperty("panel", True)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.faders: dict[str, Fader] = {}
        self._texts: dict[str, QLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(14, 12, 14, 12)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(1, 180)
        for field, (word, low, high, step, taper, _, tip) in SETTINGS.items():
            if field in ("reverb_seconds", "delay_ms"):
                title = QLabel("Reverb" if field == "reverb_seconds" else "Delay", self)
                title.setProperty("role", "title")
                grid.addWidget(title, grid.rowCount(), 0, 1, 3)
            fader = Fader(low, high, step, getattr(PLAIN, field), taper=taper, parent=self)
            fader.setToolTip(f"{tip} · double-click puts it back")
            fader.setAccessibleName(f"{'Reverb' if field.startswith('reverb') else 'Delay'}: {word}")
            fader.moved.connect(lambda value, field=field: self._moved(field, value))
            fader.settled.connect(document.settle)
            label, text = QLabel(word, self), QLabel(self)
            label.setProperty("role", "muted")
            label.setBuddy(fader)
            text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            text.setMinimumWidth(text.fontMetrics().horizontalAdvance("+12.0 dB") + 2)
            row = grid.rowCount()
            for column, widget in enumerate((label, fader, text)):
                grid.addWidget(widget, row, column)
            self.faders[field], self._texts[field] = fader, text
        self.reset = QPushButton("As delivered", self)
        self.reset.setProperty("link", True)
        self.reset.setToolTip("Put reverb and delay back to where they were at first")
        self.reset.clicked.connect(self._reset)
        grid.addWidget(self.reset, grid.rowCount(), 0, 1, 3, Qt.AlignmentFlag.AlignRight)
        for signal in (document.opened, document.changed):
            signal.connect(self._refresh)
        self._refresh()

    def open_above(self, corner: QPoint) -> None:
        """Show it with its lower right corner at a place of the screen."""
        self.adjustSize()
        screen = self.screen().availableGeometry()
        x = min(max(corner.x() - self.width(), screen.left()), screen.right() - self.width())
        y = min(
            max(corner.y() - self.frameGeometry().height(), screen.top()), screen.bottom() - self.height()
        )
        self.move(x, y)
        self.show()
        self.raise_()
        self.faders["reverb_seconds"].setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
            return
        super().keyPressEvent(event)

    def _refresh(self, change: object = None) -> None:
        if isinstance(change, Change) and not change.kinds & {"mixer", "song"}:
            return
        state = self._document.state
        if state is None:
            self.hide()
        effects = PLAIN if state is None else state.effects
        for field, fader in self.faders.items():
            value = getattr(effects, field)
            if not fader.isSliderDown():
                fader.set_amount(value)
            self._texts[field].setText(worded(field, value))
            fader.setAccessibleDescription(worded(field, value))
        self.reset.setEnabled(effects != PLAIN)

    def _moved(self, field: str, value: float) -> None:
        state = self._document.state
        if state is None:
            return
        low, high = SETTINGS[field][1:3]
        value = round(min(max(value, low), high), 3)
        which = "Reverb" if field.startswith("reverb") else "Delay"
        name = f"{which}: {SETTINGS[field][0].lower()} {worded(field, value)}"
        self._document.do(remixing.set_effects(state, name, **{field: value}))

    def _reset(self) -> None:
        state = self._document.state
        if state is not None:
            self._document.settle()
            self._document.do(remixing.set_effects(state, "Reverb and delay as delivered", **dict(PLAIN)))
            self._document.settle()


def worded(field: str, value: float) -> str:
    """A setting in its unit."""
    unit = SETTINGS[field][5]
    if unit == "dB":
        return f"{wording.signed(value, 1)} dB"
    if unit == "%":
        return f"{100 * value:.0f} %"
    return f"{value:.2f} s" if unit == "s" else f"{value:.0f} ms"
