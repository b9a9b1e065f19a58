"""DropZone: what is there before there is a song."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from stemstudio.gui import theme
from stemstudio.gui.drawing import drawn


class DropZone(QWidget):
    """ "Drop a song here", and two buttons.

    Signals
    -------
    open_wanted(), demo_wanted()
        A button was pressed.
    """

    open_wanted = Signal()
    demo_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hovered = False
        title = QLabel("Drop a song here")
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.9)
        font.setBold(True)
        title.setFont(font)
        words = QLabel("WAV, FLAC, MP3, M4A, Ogg, Opus, AIFF — or the sound of a video")
        self.open_button = QPushButton("Open a song…")
        self.open_button.setProperty("primary", True)
        self.open_button.setToolTip("Choose a song or a project (Ctrl+O)")
        self.demo_button = QPushButton("Try the demo song")
        self.demo_button.setToolTip("Open a short song that comes with the program")
        hint = QLabel("Ctrl+O")
        for label in (words, hint):
            label.setProperty("role", "muted")
        for button in (self.open_button, self.demo_button):
            button.setAccessibleName(button.text())
            button.setCursor(Qt.CursorShape.PointingHandCursor)
        self.open_button.clicked.connect(self.open_wanted)
        self.demo_button.clicked.connect(self.demo_wanted)
        buttons = QHBoxLayout()
        buttons.setSpacing(12)
        buttons.addStretch()
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.demo_button)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setSpacing(14)
        layout.addStretch()
        for label in (title, words):
            layout.addWidget(label, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(8)
        layout.addLayout(buttons)
        layout.addWidget(hint, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()

    def set_hovered(self, hovered: bool) -> None:
        """Whether something is held over it that could be dropped."""
        if hovered != self.hovered:
            self.hovered = hovered
            self.update()

    @drawn
    def paintEvent(self, painter: QPainter, _event: QPaintEvent) -> None:
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), look.colour("background"))
        room = QRectF(self.rect()).adjusted(18, 18, -18, -18)
        painter.setBrush(look.colour("chosen" if self.hovered else "panel", 0.5))
        pen = QPen(look.colour("accent" if self.hovered else "border"), 1.6)
        pen.setDashPattern([5.0, 4.0])
        painter.setPen(pen)
        painter.drawRoundedRect(room, 14, 14)
