"""ToolStrip: the tools, one above the other, with their letters; and the keys that change the brush."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QButtonGroup, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.tools.tool import Tool
from stemstudio.gui.tools.toolbox import ToolBox
from stemstudio.project.project import Change


class ToolButton(QToolButton):
    """A tool's letter with a small word below it; framed in the colour of the target stem while in the hand."""

    def __init__(self, tool: Tool, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tool = tool
        self._document = document
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip(f"{tool.title} ({tool.key})\n{tool.tip}")
        self.setAccessibleName(f"{tool.title} tool")
        self.setText(tool.key)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(max(48, metrics.horizontalAdvance("eraser") + 14), int(metrics.height() * 2.55))

    @drawn
    def paintEvent(self, painter: QPainter, _event: QPaintEvent) -> None:
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        back = "chosen" if self.isChecked() else "hover" if self.underMouse() else "raised"
        painter.setBrush(look.colour(back))
        pen = QPen(Qt.PenStyle.NoPen)
        if self.isChecked():
            pen = QPen(self._colour(), 1.6)
        elif self.hasFocus():
            pen = QPen(look.colour("faint"), 1.0)
        painter.setPen(pen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 7, 7)
        letter, word = self.font(), self.font()
        letter.setBold(True)
        letter.setPointSizeF(self.font().pointSizeF() * 1.2)
        word.setPointSizeF(max(7.0, self.font().pointSizeF() * 0.85))
        middle = self.height() * 0.55
        painter.setFont(letter)
        painter.setPen(look.colour("text"))
        painter.drawText(QRectF(0, 3, self.width(), middle - 2), Qt.AlignmentFlag.AlignCenter, self.tool.key)
        painter.setFont(word)
        painter.setPen(look.colour("text" if self.isChecked() else "muted"))
        area = QRectF(QPointF(0, middle - 1), QPointF(self.width(), self.height() - 4))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.tool.word)

    def _colour(self) -> QColor:
        document = self._document
        if document.state is None or document.target not in document.state.stems:
            return theme.current().colour("accent")
        return QColor(document.state.stems[document.target].colour)


class ToolStrip(QWidget):
    """All tools in menu order."""

    def __init__(self, document: Document, toolbox: ToolBox, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._toolbox = toolbox
        self._group = QButtonGroup(self)
        self.buttons: list[ToolButton] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 0, 6, 0)
        layout.setSpacing(6)
        for tool in toolbox.tools:
            button = ToolButton(tool, document)
            button.clicked.connect(lambda _checked=False, name=tool.name: toolbox.choose(name))
            self._group.addButton(button)
            self.buttons.append(button)
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        toolbox.tool_changed.connect(self._tool_changed)
        document.target_changed.connect(self._colour_changed)
        document.changed.connect(self._changed)
        self._tool_changed()

    def _changed(self, change: Change) -> None:
        if "stems" in change.kinds:
            self._colour_changed()

    def _colour_changed(self) -> None:
        """Only the tool in the hand has the colour of the target."""
        for button in self.buttons:
            if button.isChecked():
                button.update()

    def _tool_changed(self) -> None:
        for button in self.buttons:
            button.setChecked(button.tool is self._toolbox.tool)
