"""Help ▸ Contents: the pages of help beside the song, with a search, links, and the way back."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, Qt, QUrl
from PySide6.QtGui import QKeySequence, QPixmap, QResizeEvent, QShortcut, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QTextBrowser,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from stemstudio.gui import theme
from stemstudio.gui.dialogs.buttons import close_box, push_button
from stemstudio.gui.dialogs.help_pages import page_html, page_name, picture
from stemstudio.manual import CHAPTERS, START, page, search

COLUMN = 720  # pixels of the widest line
MARGIN = 28
NAME = Qt.ItemDataRole.UserRole
HTML = QTextDocument.ResourceType.HtmlResource


class Reader(QTextBrowser):
    """Shows one page; links lead to others, and back again.

    Attributes
    ----------
    shown
        Name of the page on show; "" before the first.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenExternalLinks(False)
        self.setAccessibleName("Page of help")
        self.setProperty("page", True)
        self.document().setDocumentMargin(MARGIN)
        self.shown = ""
        # While Qt says that the page has changed, its own `source()` is still the page before.
        self.sourceChanged.connect(self._remember)

    def show_page(self, name: str) -> None:
        """Go to a page; where it is on show already, to its top."""
        if name != self.shown:
            self.setSource(QUrl(f"{name}.html"), HTML)
        self.verticalScrollBar().setValue(0)

    def mark(self, words: str) -> int:
        """Mark every place where one of some words stands, show the first, and say how many there are."""
        marks = []
        for word in words.split():
            found = self.document().find(word)
            while not found.isNull():
                mark = QTextEdit.ExtraSelection()
                mark.cursor = found
                mark.format.setBackground(theme.current().colour("warning", 0.35))
                marks.append(mark)
                found = self.document().find(word, found)
        self.setExtraSelections(marks)
        if marks:
            first = min(marks, key=lambda mark: mark.cursor.position())
            place = QTextCursor(first.cursor)
            place.clearSelection()
            self.setTextCursor(place)
            self.ensureCursorVisible()
        return len(marks)

    def _remember(self, address: QUrl) -> None:
        self.shown = page_name(address.toString())

    def loadResource(self, kind: int, name: QUrl | str) -> Any:
        if kind == HTML.value:
            return page_html(page_name(QUrl(name).toString()))
        if kind == QTextDocument.ResourceType.ImageResource.value:
            return QPixmap(picture(QUrl(name).toString()))
        return None

    def resizeEvent(self, event: QResizeEvent) -> None:
        side = max(0, (self.width() - COLUMN - 2 * MARGIN) // 2)
        if self.viewportMargins().left() != side:
            self.setViewportMargins(side, 0, side, 0)
        super().resizeEvent(event)


class HelpWindow(QDialog):
    """Contents or what was found on the left, the page on the right; it stays open beside the song."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Help")
        self._worn = theme.current()  # Qt tells of another palette with the first picture, too
        self.resize(1040, 760)
        self.wanted = QLineEdit(self)
        self.wanted.setPlaceholderText("Find in the help")
        self.wanted.setAccessibleName("Find in the help")
        self.wanted.setToolTip(
            "Words that must all be on a page (Ctrl+F); Return goes to the first page found"
        )
        self.wanted.setClearButtonEnabled(True)
        self.wanted.textChanged.connect(self._list)
        self.wanted.returnPressed.connect(self._open_first)
        self.list = QListWidget(self)
        self.list.setAccessibleName("Pages of help")
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentItemChanged.connect(self._chosen)
        self.reader = Reader(self)
        self.reader.sourceChanged.connect(self._follow)
        reader = self.reader
        self.back = push_button("◂ Back", "The page before (Alt+Left)", reader.backward, self)
        self.forward = push_button(
            "Forward ▸", "The page that you came back from (Alt+Right)", reader.forward, self
        )
        for button, available in (
            (self.back, reader.backwardAvailable),
            (self.forward, reader.forwardAvailable),
        ):
            button.setEnabled(False)
            available.connect(button.setEnabled)
        QShortcut(QKeySequence("Ctrl+F"), self, self._look)
        QShortcut(QKeySequence("Alt+Left"), self, self.reader.backward)
        QShortcut(QKeySequence("Alt+Right"), self, self.reader.forward)
        self._lay_out()
        self._list()
        self.open_page(START)

    def _lay_out(self) -> None:
        left = QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.wanted)
        column.addWidget(self.list, 1)
        split = QSplitter(Qt.Orientation.Horizontal, self)
        split.addWidget(left)
        split.addWidget(self.reader)
        split.setStretchFactor(1, 1)
        split.setSizes([270, 760])
        split.setChildrenCollapsible(False)
        row = QHBoxLayout()
        row.addWidget(self.back)
        row.addWidget(self.forward)
        row.addStretch(1)
        row.addWidget(close_box(self, "Close the help (Esc)"))
        whole = QVBoxLayout(self)
        whole.addWidget(split, 1)
        whole.addLayout(row)

    def open_page(self, name: str) -> None:
        """Show a page, and forget what was looked for."""
        self.wanted.clear()
        self.reader.show_page(name)

    def _list(self, words: str = "") -> None:
        """The contents; while something is looked for, the pages that have it."""
        self.list.blockSignals(True)
        self.list.clear()
        if words.strip():
            found = search(words)
            for each in found:
                self._row(f"{each.page.title}\n{each.excerpt}", each.page.name)
            if not found:
                self._heading(f"No page has “{words.strip()}”")
        else:
            for chapter, names in CHAPTERS:
                if chapter:
                    self._heading(chapter)
                for name in names:
                    self._row(page(name).title, name)
        self.list.blockSignals(False)
        self._follow()
        self.reader.mark(words)

    def _row(self, text: str, name: str) -> None:
        item = QListWidgetItem(text, self.list)
        item.setData(NAME, name)

    def _heading(self, text: str) -> None:
        item = QListWidgetItem(f"\n{text}" if self.list.count() else text, self.list)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        font = item.font()
        font.setBold(True)
        item.setFont(font)
        item.setForeground(theme.current().colour("muted"))

    def _chosen(self, item: QListWidgetItem | None) -> None:
        if item is not None and item.data(NAME):
            self.reader.show_page(item.data(NAME))

    def _follow(self, *_: object) -> None:
        """Choose the page on show in the list, and mark in it what is looked for."""
        self.list.blockSignals(True)
        names = [self.list.item(row).data(NAME) for row in range(self.list.count())]
        self.list.setCurrentRow(names.index(self.reader.shown) if self.reader.shown in names else -1)
        self.list.blockSignals(False)
        if self.wanted.text().strip():
            self.reader.mark(self.wanted.text())

    def _open_first(self) -> None:
        names = [self.list.item(row).data(NAME) for row in range(self.list.count())]
        if names and names[0]:
            self.reader.show_page(names[0])
            self.reader.setFocus()

    def _look(self) -> None:
        self.wanted.setFocus()
        self.wanted.selectAll()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._worn != theme.current():
            self._worn = theme.current()
            place = self.reader.verticalScrollBar().value()
            self.reader.reload()
            self._list(self.wanted.text())
            self.reader.verticalScrollBar().setValue(place)
