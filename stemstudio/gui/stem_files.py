"""Stems as files for other programs: dragged out of the window by their strip, or copied."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, QRectF, Qt, QUrl, Signal
from PySide6.QtGui import QColor, QDrag, QGuiApplication, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from stemstudio.audio.tags import Tags
from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.jobs import Job
from stemstudio.mixing.export import ExportOrder, export
from stemstudio.progress import Progress
from stemstudio.project.rendering import StemSound
from stemstudio.project.stem import Stem

KEPT_SECONDS = 7 * 24 * 3600.0  # a program that took a file may play it from where it lies
CHIP = (180, 30)


class StemFiles(QObject):
    """Writes a stem to a file on a worker, and hands it to the mouse or to the clipboard when it is whole.

    Signals
    -------
    failed(error)
        It could not be written.
    """

    failed = Signal(object)

    def __init__(
        self,
        document: Document,
        about: Callable[[], tuple[str, Tags | None]],
        parent: QWidget,
    ) -> None:
        """`about()` gives the song's title and its tags."""
        super().__init__(parent)
        self._document, self._about = document, about
        self._written: dict[StemSound, Path] = {}
        self._job: Job | None = None
        document.opened.connect(self._written.clear)

    def drag(self, stem: int) -> None:
        """Begin to drag a stem: at once where its file is there, else as soon as it is, if the mouse is still held."""
        self._then(stem, self._carry, "keep the mouse held")

    def copy(self, stem: int) -> None:
        """Put a stem's file on the clipboard, to be pasted in another program."""
        self._then(stem, self._put_on_clipboard, "it can be pasted in a moment")

    # inside

    def _then(self, stem: int, hand_over: Callable[[Stem, Path], None], wait: str) -> None:
        document, state = self._document, self._document.state
        if state is None or stem not in state.stems or (self._job is not None and not self._job.over):
            return
        if not document.complete:
            document.said.emit("The song is still being read; its stems can be taken in a moment.")
            return
        sound = StemSound(state, stem)
        kept = self._written.get(sound)
        if kept is not None and kept.exists():
            hand_over(state.stems[stem], kept)
            return
        title, tags = self._about()

        def work(progress: Progress) -> Path:
            home = dragged_home()
            forget_old(home)
            order = ExportOrder(home / uuid.uuid4().hex, (stem,))
            return export(state, order, tags, progress, song=title).files[stem]

        def done(path: Path) -> None:
            QGuiApplication.restoreOverrideCursor()
            self._written[sound] = path
            hand_over(state.stems[stem], path)

        def failed(error: Exception) -> None:
            QGuiApplication.restoreOverrideCursor()
            self.failed.emit(error)

        document.said.emit(f"Writing {state.stems[stem].name}: {wait}.")
        QGuiApplication.setOverrideCursor(Qt.CursorShape.BusyCursor)
        self._job = document.jobs.run(
            f"Writing {state.stems[stem].name}",
            work,
            done,
            failed=failed,
            stopped=QGuiApplication.restoreOverrideCursor,
            heavy=False,
        )

    def _carry(self, stem: Stem, path: Path) -> None:
        if not QGuiApplication.mouseButtons() & Qt.MouseButton.LeftButton:
            self._document.said.emit(f"{stem.name} is written: drag it once more.")
            return
        source = self.parent()
        assert isinstance(source, QWidget)
        drag = QDrag(source)
        drag.setMimeData(file_data(path))
        drag.setPixmap(chip(stem))
        carry(drag)

    def _put_on_clipboard(self, stem: Stem, path: Path) -> None:
        QGuiApplication.clipboard().setMimeData(file_data(path))
        self._document.said.emit(f"{stem.name} is on the clipboard as a file.")


def carry(drag: QDrag) -> None:
    """Let the mouse carry it; returns when it is dropped."""
    drag.exec(Qt.DropAction.CopyAction)


def file_data(path: Path) -> QMimeData:
    """A file as other programs take it."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    return data


def chip(stem: Stem) -> QPixmap:
    """What is seen under the mouse: the stem's name on its colour."""
    look = theme.current()
    picture = QPixmap(*CHIP)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        area = QRectF(0, 0, *CHIP)
        painter.setBrush(look.colour("card"))
        painter.drawRoundedRect(area, 7, 7)
        painter.setBrush(QColor(stem.colour))
        painter.drawRoundedRect(QRectF(0, 0, 7, CHIP[1]), 3, 3)
        painter.setPen(look.colour("text"))
        words = painter.fontMetrics().elidedText(stem.name, Qt.TextElideMode.ElideRight, CHIP[0] - 26)
        painter.drawText(area.adjusted(16, 0, -8, 0), int(Qt.AlignmentFlag.AlignVCenter), words)
    return picture


def dragged_home() -> Path:
    """Where such files lie."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("stemstudio", appauthor=False)) / "dragged"


def forget_old(home: Path, now: float | None = None) -> None:
    """Take away what was dragged more than a week ago."""
    if not home.is_dir():
        return
    present = time.time() if now is None else now
    for folder in home.iterdir():
        if folder.is_dir() and present - folder.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
