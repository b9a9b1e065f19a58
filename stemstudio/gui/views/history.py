"""The history: every step by name; a click goes there."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QCursor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from stemstudio.gui import theme
from stemstudio.gui.document import Document

PLACE = Qt.ItemDataRole.UserRole  # how many steps are done once this row is the present
STANDING = Qt.ItemDataRole.UserRole + 1  # "done", "now" or "undone"
SAVED = Qt.ItemDataRole.UserRole + 2


class HistoryView(QWidget):
    """Steps from the opening of the song on; ▸ is where we are, grey is undone, a disc is what was saved."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.list = QListWidget(self)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setItemDelegate(_Row(self.list))
        self.list.setAccessibleName("History")
        self.list.setToolTip("Click a step to go back, or forth, to it (Ctrl+Z, Ctrl+Shift+Z)")
        self.list.itemClicked.connect(self._go)
        self.list.itemActivated.connect(self._go)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 6)
        column.addWidget(self.list)
        document.history_changed.connect(self._show)
        document.opened.connect(self._show)
        self._show()

    def rows(self) -> list[tuple[str, str]]:
        """(words, "earlier" | "done" | "now" | "undone") of every row."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [(item.text(), item.data(STANDING)) for item in items]

    def _show(self) -> None:
        history, project = self._document.history, self._document.project
        if history is None or project is None:
            self.list.clear()
            item = QListWidgetItem("Nothing yet: open a song.")
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            item.setData(STANDING, "undone")
            self.list.addItem(item)
            return
        earlier = self._document.earlier
        words = [*earlier, f"Open {project.song.title}", *history.names]
        while self.list.count() > len(words):
            self.list.takeItem(self.list.count() - 1)
        saved = history.saved_place
        for row, word in enumerate(words):
            if row == self.list.count():
                self.list.addItem(QListWidgetItem())
            item = self.list.item(row)
            place = row - len(earlier)
            if place < 0:
                item.setText(word)
                item.setFlags(Qt.ItemFlag.NoItemFlags)
                item.setData(PLACE, None)
                item.setData(STANDING, "earlier")
                item.setData(SAVED, False)
                item.setToolTip(f"{word} · from an earlier session: it cannot be undone any more")
                continue
            standing = "now" if place == history.place else "done" if place < history.place else "undone"
            item.setText(word)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            item.setData(PLACE, place)
            item.setData(STANDING, standing)
            item.setData(SAVED, place == saved)
            notes = [word, {"undone": "undone: click to do it again"}.get(standing, "")]
            notes.append("saved" if place == saved else "")
            item.setToolTip(" · ".join(note for note in notes if note))
        self.list.setCurrentRow(len(earlier) + history.place)
        self.list.scrollToItem(self.list.item(len(earlier) + history.place))

    def _go(self, item: QListWidgetItem) -> None:
        place = item.data(PLACE)
        history = self._document.history
        if place is not None and history is not None and place != history.place:
            self._document.jump(place)


class _Row(QStyledItemDelegate):
    """Draws a step."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, option.fontMetrics.height() + 7)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        look = theme.current()
        standing = index.data(STANDING)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = option.rect.adjusted(0, 0, -1, -1)
        widget = option.widget
        focus = isinstance(widget, QListWidget) and widget.hasFocus() and widget.currentIndex() == index
        under = (
            isinstance(widget, QListWidget) and widget.underMouse() and self._pointed(widget) == index.row()
        )
        if focus or (under and index.flags() & Qt.ItemFlag.ItemIsEnabled):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour("chosen" if focus else "hover"))
            painter.drawRoundedRect(area, 5, 5)
        colour = {"now": "text", "done": "muted", "undone": "faint", "earlier": "faint"}.get(
            standing, "muted"
        )
        painter.setPen(look.colour(colour))
        if standing == "now":
            painter.drawText(area.adjusted(5, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, "▸")
        inner = area.adjusted(18, 0, -22, 0)
        font = painter.font()
        font.setBold(standing == "now")
        painter.setFont(font)
        words = painter.fontMetrics().elidedText(index.data(), Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter, words)
        if index.data(SAVED):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour("good"))
            middle = area.center().y() + 1
            painter.drawEllipse(area.right() - 15, middle - 3, 7, 7)
        painter.restore()

    @staticmethod
    def _pointed(widget: QListWidget) -> int:
        return widget.indexAt(widget.viewport().mapFromGlobal(QCursor.pos())).row()
