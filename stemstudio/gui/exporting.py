"""Exporting: the dialog's order, carried out in the background, and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox, QWidget

from stemstudio.audio.tags import Tags
from stemstudio.audio.targets import spare
from stemstudio.gui.document import Document
from stemstudio.gui.player import Player
from stemstudio.gui.saving import Saving
from stemstudio.mixing.export import ExportOrder, ExportReport, export, file_names
from stemstudio.progress import Progress
from stemstudio.project.project import Project

if TYPE_CHECKING:
    from stemstudio.gui.dialogs.export import ExportDialog
    from stemstudio.gui.dialogs.export_form import ExportForm

TURN = 1  # ms until the window has looked for input again; after 0 it might go on in the same turn


class Exporting(QObject):
    """Asks what to export, exports it, and says how it went.

    Signals
    -------
    finished(ExportReport)
        The files are there.
    failed(error)
        None of them are.
    """

    finished = Signal(object)
    failed = Signal(object)

    def __init__(self, window: QWidget, document: Document, saving: Saving, player: Player) -> None:
        super().__init__(window)
        self._window = window
        self._document = document
        self._saving = saving
        self._player = player
        self._building = False
        self.finished.connect(self._report)

    def ask(self) -> None:
        """Show the dialog, which takes three turns of the window to build; export when it is confirmed."""
        from stemstudio.gui.dialogs.export_form import ExportForm

        document = self._document
        project = document.project
        if project is None:
            document.said.emit("There is nothing to export yet: open a song first.")
        elif not document.complete:
            document.said.emit("The song is still being read; it can be exported in a moment.")
        elif not self._building:
            self._building = True
            state = project.state
            form = ExportForm(state.mixture.sample_rate, state.beats.bpm)
            QTimer.singleShot(TURN, self, lambda: self._build(project, form))

    def _build(self, project: Project, form: ExportForm) -> None:
        from stemstudio.gui.dialogs.export import ExportDialog

        if self._document.project is not project:
            self._building = False
            return
        title, loop = project.song.title, self._player.loop
        dialog = ExportDialog(self._document, title, loop=loop, form=form, parent=self._window)
        dialog.accepted.connect(lambda: self.run(dialog.order()))
        dialog.finished.connect(dialog.deleteLater)  # it has the song, which may be closed before the window
        QTimer.singleShot(TURN, self, lambda: self._show(project, dialog))

    def _show(self, project: Project, dialog: ExportDialog) -> None:
        self._building = False
        if self._document.project is project:
            dialog.show()
        else:
            dialog.deleteLater()

    def run(self, order: ExportOrder) -> None:
        """Carry an order out."""
        state = self._document.state
        assert state is not None
        title, tags = self.about()
        song = self._saving.song

        def work(progress: Progress) -> ExportReport:
            if song is not None:
                names = file_names(order, state, title).values()
                spare(song.info.path, (order.folder / name for name in names))
            return export(state, order, tags, progress, song=title)

        self._document.jobs.run("Exporting", work, self.finished.emit, failed=self.failed.emit)

    def about(self) -> tuple[str, Tags | None]:
        """The song's title and its tags."""
        project, song = self._document.project, self._saving.song
        return "song" if project is None else project.song.title, None if song is None else song.info.tags

    def _report(self, report: ExportReport) -> None:
        """Say what was written, by how much it nulls, and what would have to be turned down."""
        count = len(report.files)
        folder = next(iter(report.files.values())).parent
        lines = [f"{count} {'file is' if count == 1 else 'files are'} in {folder}."]
        if report.null_db is not None:
            null = "exactly" if report.null_db <= -399 else f"to {report.null_db:.1f} dB".replace("-", "−")
            lines.append(f"The stems add up to the song {null}.")
        loudest = max(report.clipped_db.values(), default=0.0)
        if loudest > 0:
            lines.append(f"Peaks were clipped: turn down by {loudest:.1f} dB, or export as 32-bit float.")
        lines += report.notes
        box = QMessageBox(QMessageBox.Icon.Information, "Exported", lines[0], parent=self._window)
        box.setInformativeText("\n".join(lines[1:]))
        show = box.addButton("Show the folder", QMessageBox.ButtonRole.ActionRole)
        box.setEscapeButton(box.addButton(QMessageBox.StandardButton.Ok))
        show.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))))
        box.setModal(False)
        box.open()
