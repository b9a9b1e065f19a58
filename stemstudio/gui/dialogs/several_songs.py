"""Several songs: taken apart one after another by the recipe in Separate, each into a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.audio.formats import FORMATS
from stemstudio.errors import StemStudioError
from stemstudio.gui import theme
from stemstudio.gui.dialogs.buttons import close_box, push_button
from stemstudio.gui.elided import Elided
from stemstudio.gui.fetching import Fetching
from stemstudio.gui.folders import last_folder, remember_folder
from stemstudio.gui.jobs import Job, Jobs
from stemstudio.gui.notation import time_text
from stemstudio.gui.steady import SteadyBar
from stemstudio.mixing.batch import Wish, Written, own_folders, separate_song
from stemstudio.progress import Progress
from stemstudio.project.takes import described

Recipe = Callable[[], tuple[Algorithm | None, Mapping[str, str]]]
OFFERED = ("wav", "flac", "mp3")
COLUMNS = ("Song", "How far", "")


@dataclass(eq=False)
class Line:
    """A song of the list.

    Attributes
    ----------
    path
        Its file.
    bar, words
        How far it is.
    job
        What takes it apart; None before and after.
    done
        Whether it was taken apart.
    """

    path: Path
    bar: SteadyBar
    words: Elided
    job: Job | None = None
    done: bool = False


class SeveralSongsDialog(QDialog):
    """Songs, a folder and a format; each song has its own progress, and the others do not wait for one that fails."""

    def __init__(
        self, jobs: Jobs, fetching: Fetching, recipe: Recipe, songs: str, parent: QWidget | None = None
    ) -> None:
        """`recipe()` is what the Separate panel says now; `songs` filters files."""
        super().__init__(parent)
        self.setWindowTitle("Several songs")
        self.resize(700, 440)
        self._jobs, self._fetching, self._recipe, self._filter = jobs, fetching, recipe, songs
        self.lines: list[Line] = []
        music = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MusicLocation)
        self.folder = Path(last_folder("batch", music))
        self._build()
        self.look_again()

    def _build(self) -> None:
        self.recipe_words = QLabel(self)
        self.recipe_words.setWordWrap(True)
        self.table = QTableWidget(0, len(COLUMNS), self)
        self.table.setHorizontalHeaderLabels(COLUMNS)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setAccessibleName("Songs")
        self.table.verticalHeader().hide()
        self.empty = QLabel("No songs yet: press “Add songs…”, or drop several on the window at once.", self)
        self.empty.setProperty("role", "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.setColumnWidth(1, 130)
        self.table.setColumnWidth(2, 230)
        self.table.itemSelectionChanged.connect(self._enable)
        self.add_button = push_button("Add songs…", "Put more songs on the list", self._choose_songs, self)
        self.remove_button = push_button("Take off the list", "", self._remove, self)
        self.where = Elided(parent=self)
        self.where_button = push_button(
            "Into…", "The folder in which each song gets a folder", self._choose_folder, self
        )
        self.format = QComboBox(self)
        self.format.setAccessibleName("Format of the files")
        self.format.setToolTip("What the stems are written as")
        for name in OFFERED:
            kind = FORMATS[name]
            self.format.addItem(f"{name.upper()}, {kind.subtypes[0].words.partition(',')[0]}", name)
        self.start_button = push_button("Start", "", self.start, self)
        self.start_button.setProperty("primary", True)
        self.stop_button = push_button(
            "Stop", "What is done stays; the others are not begun", self.stop, self
        )
        self.show_button = push_button("Show the folder", "", self._show_folder, self)
        self._lay_out()

    def _lay_out(self) -> None:
        songs = QHBoxLayout()
        songs.addWidget(self.add_button)
        songs.addWidget(self.remove_button)
        songs.addStretch(1)
        songs.addWidget(self.format)
        place = QHBoxLayout()
        place.addWidget(self.where_button)
        place.addWidget(self.where, 1)
        place.addWidget(self.show_button)
        bottom = QHBoxLayout()
        bottom.addWidget(self.start_button)
        bottom.addWidget(self.stop_button)
        bottom.addWidget(close_box(self), 1)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(self.recipe_words)
        column.addWidget(self.table, 1)
        column.addWidget(self.empty, 1)
        column.addLayout(songs)
        column.addLayout(place)
        column.addLayout(bottom)

    # the list

    def add(self, paths: Sequence[Path]) -> None:
        """Put songs on the list."""
        known = {line.path for line in self.lines}
        for path in dict.fromkeys(paths):
            if path in known:
                continue
            bar = SteadyBar(self)
            bar.setRange(0, 1000)
            bar.setFixedHeight(8)
            bar.setAccessibleName(f"How far {path.name} is")
            place = QWidget(self)
            inside = QHBoxLayout(place)
            inside.setContentsMargins(8, 0, 8, 0)
            inside.addWidget(bar)
            words = Elided("waiting for Start", self)
            words.setProperty("role", "muted")
            row = self.table.rowCount()
            self.table.insertRow(row)
            name = QTableWidgetItem(path.name)
            name.setToolTip(str(path))
            self.table.setItem(row, 0, name)
            self.table.setCellWidget(row, 1, place)
            self.table.setCellWidget(row, 2, words)
            self.lines.append(Line(path, bar, words))
        self._enable()

    def look_again(self) -> None:
        """Say what the Separate panel says now."""
        recipe, _ = self._recipe()
        words = "nothing that could be run" if recipe is None else described(recipe)
        self.recipe_words.setText(
            f"Every song is taken apart by what is chosen under Separate: {words}. Its stems come into a folder of its "
            "own, the residual among them, so that they add up to the song."
        )
        self.where.setText(str(self.folder))
        self.where.setToolTip(str(self.folder))
        self._enable()

    @property
    def running(self) -> bool:
        return any(line.job is not None for line in self.lines)

    # what is done

    def start(self) -> None:
        """Take all apart that are not yet; a model that is not here is asked about first."""
        recipe, together = self._recipe()
        if recipe is not None and not self.running:
            recipe = recipe.resolved()
            self._fetching.when_here(recipe, partial(self._begin, together), self)

    def stop(self) -> None:
        """Stop the one that is under way and all that wait."""
        for line in reversed(self.lines):
            if line.job is not None:
                self._jobs.stop(line.job)

    def _begin(self, together: Mapping[str, str], recipe: Algorithm) -> None:
        wish = Wish(recipe, together, str(self.format.currentData()))
        left = [line for line in self.lines if not line.done and line.job is None]
        for line, folder in zip(left, own_folders([line.path for line in left], self.folder), strict=True):
            self._run(line, folder, wish)
        self._enable()

    def _run(self, line: Line, folder: Path, wish: Wish) -> None:
        def work(progress: Progress) -> Written:
            return separate_song(line.path, folder, wish, progress)

        def done(written: Written) -> None:
            line.done = True
            files = f"{len(written.files)} files in {folder.name}"
            words = ". ".join((files, " ".join(written.notes))) if written.notes else files
            self._say(line, words, "good", "\n".join((str(folder), *written.notes)))

        def failed(error: Exception) -> None:
            words = error.sentence if isinstance(error, StemStudioError) else "something went wrong"
            words = words.removeprefix(f"“{line.path.name}” ")  # which begins the line already
            self._say(line, words, "error", str(error))
            if not isinstance(error, StemStudioError):
                self._jobs.unheard.emit(error)

        def ended() -> None:
            line.job = None
            line.bar.setValue(1000 if line.done else 0)
            self._enable()

        line.job = self._jobs.run(
            f"{line.path.stem} · {wish.recipe.called}",
            work,
            done,
            failed=failed,
            stopped=lambda: self._say(line, "stopped", "muted"),
        )
        job = line.job
        job.progressed.connect(lambda fraction, words: self._progress(line, job, fraction))
        job.ended.connect(ended)
        self._say(line, "waiting", "muted")

    def _progress(self, line: Line, job: Job, fraction: float) -> None:
        left = job.seconds_left
        words = f"{100 * fraction:.0f} %" + ("" if left is None else f" · {time_text(left)} left")
        line.bar.setValue(round(1000 * fraction))
        self._say(line, words, "muted", job.message)

    def _say(self, line: Line, words: str, role: str, tip: str = "") -> None:
        line.words.setText(words)
        line.words.setToolTip(tip or words)
        theme.restyle(line.words, role=role)

    def _enable(self) -> None:
        running = self.running
        self.table.setVisible(bool(self.lines))
        self.empty.setVisible(not self.lines)
        left = [line for line in self.lines if not line.done]
        self.start_button.setEnabled(bool(left) and not running and self._recipe()[0] is not None)
        self.start_button.setToolTip(
            "Take all songs apart that are not yet" if left else "Put songs on the list first"
        )
        self.stop_button.setEnabled(running)
        self.remove_button.setEnabled(not running and bool(self._chosen()))
        self.remove_button.setToolTip("The chosen songs; their files stay where they are")
        self.where_button.setEnabled(not running)
        self.format.setEnabled(not running)
        self.show_button.setVisible(any(line.done for line in self.lines))

    def _chosen(self) -> list[int]:
        return sorted({item.row() for item in self.table.selectedItems()}, reverse=True)

    def _remove(self) -> None:
        for row in self._chosen():
            self.table.removeRow(row)
            del self.lines[row]
        self._enable()

    def _choose_songs(self) -> None:
        folder = last_folder("open")
        names, _ = QFileDialog.getOpenFileNames(self, "Add songs", folder, self._filter)
        if names:
            remember_folder("open", Path(names[0]).parent)
            self.add([Path(name) for name in names])

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Where the folders of the songs go", str(self.folder))
        if name:
            self.folder = Path(name)
            remember_folder("batch", Path(name))
            self.look_again()

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.folder)))
