"""Separate ▸ Compare with true stems: scores of the stems beside what masks could reach at best; several runs in one table."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from stemstudio.audio.audio import Audio
from stemstudio.errors import StemStudioError
from stemstudio.evaluation import Score, read_folder, scores
from stemstudio.gui.document import Document
from stemstudio.gui.jobs import Job
from stemstudio.oracle import KINDS, ceilings
from stemstudio.progress import Progress
from stemstudio.project.project import Project, State
from stemstudio.project.rendering import render_leaves

COLUMNS = {
    "sdr_plain": ("SDR", "Signal to everything that is wrong, 10 log₁₀ |s|² / |s − ŝ|², in dB"),
    "sdr": ("SDR v3", "BSSEval v3: signal to distortion, after a short filter is allowed for"),
    "sir": ("SIR", "BSSEval v3: signal to the other stems that bleed in"),
    "sar": ("SAR", "BSSEval v3: signal to artefacts"),
    "si_sdr": ("SI-SDR", "Signal to distortion when the level does not count"),
}
BLOCK_SECONDS = 20


@dataclass
class Run:
    """Scores of one state of the stems.

    Attributes
    ----------
    name
        The last step that made them.
    rows
        Figures by reference and column.
    """

    name: str
    rows: dict[str, dict[str, float]]


@dataclass
class Comparison:
    """What has been compared so far, kept while the song is open."""

    project: Project
    folder: Path | None = None
    references: dict[str, Audio] = field(default_factory=dict)
    best: list[Run] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)


class EvaluationDialog(QDialog):
    """The table, and buttons to choose the true stems and to score the stems as they are now."""

    def __init__(self, document: Document, comparison: Comparison, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare with true stems")
        self.resize(780, 520)
        self._document = document
        self._comparison = comparison
        self._job: Job | None = None
        self.folder = QLabel(self)
        self.folder.setWordWrap(True)
        self.choose = QPushButton("Choose true stems…", self)
        self.choose.setToolTip("A folder with one file a stem, such as vocals.wav and drums.flac")
        self.choose.clicked.connect(self._choose)
        self.score = QPushButton("Score the stems as they are now", self)
        self.score.setToolTip("Adds a run to the table; change something and score again to compare")
        self.score.setProperty("primary", True)
        self.score.clicked.connect(self.run)
        self.table = QTableWidget(0, 2 + len(COLUMNS), self)
        self.table.setHorizontalHeaderLabels(["Run", "Stem", *(words for words, _ in COLUMNS.values())])
        for column, (_, tip) in enumerate(COLUMNS.values(), 2):
            self.table.horizontalHeaderItem(column).setToolTip(tip)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setAlternatingRowColors(True)
        self.table.setAccessibleName("Scores in dB")
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setProperty("role", "muted")
        copy = QPushButton("Copy as text", self)
        copy.setToolTip("The table with tabs between, for a spreadsheet")
        copy.clicked.connect(self._copy)
        top = QHBoxLayout()
        top.addWidget(self.folder, 1)
        top.addWidget(self.choose)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        bottom = QHBoxLayout()
        bottom.addWidget(self.score)
        bottom.addWidget(copy)
        bottom.addWidget(buttons, 1)
        for button in (self.choose, self.score, copy):
            button.setAutoDefault(False)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addWidget(self.words)
        column.addLayout(bottom)
        self._show()

    def load(self, folder: Path) -> None:
        """Read the true stems of a folder, and find out what masks could reach at best."""
        state, comparison = self._document.state, self._comparison
        assert state is not None

        def work(progress: Progress) -> tuple[dict[str, Audio], list[Run]]:
            references = read_folder(folder, progress=progress.part(0, 0.4))
            if not references:
                raise StemStudioError(
                    f"There are no stems in {folder.name}.", "Choose a folder with one file a stem."
                )
            reached = ceilings(state.mixture, references, state.grid, progress.part(0.4, 1))
            best = [
                Run(
                    f"{KINDS[kind][:1].upper()}{KINDS[kind][1:]}",
                    {name: {"sdr_plain": value} for name, value in figures.items()},
                )
                for kind, figures in reached.items()
            ]
            return references, best

        def done(result: tuple[dict[str, Audio], list[Run]]) -> None:
            comparison.folder, comparison.runs = folder, []
            comparison.references, comparison.best = result
            self._end("")

        self._begin("Reading the true stems", work, done)

    def run(self) -> None:
        """Score the leaves as they are now against the true stems."""
        state, history = self._document.state, self._document.history
        references, comparison = self._comparison.references, self._comparison
        if state is None or history is None or not references:
            return
        name = history.names[history.place - 1] if history.place else "Mixture"

        def done(rows: dict[str, dict[str, float]]) -> None:
            comparison.runs.append(Run(f"{len(comparison.runs) + 1}. {name}", rows))
            self._end("")

        self._begin("Scoring", lambda progress: score_leaves(state, references, progress), done)

    # inside

    def _begin(self, title: str, work: object, done: object) -> None:
        self.words.setText(f"{title}…")
        self.score.setEnabled(False)
        self.choose.setEnabled(False)
        self._job = self._document.jobs.run(
            title, work, done, failed=self._failed, stopped=lambda: self._end("Stopped.")
        )

    def _end(self, words: str) -> None:
        self._job = None
        self._show()
        if words:
            self.words.setText(words)

    def _failed(self, error: Exception) -> None:
        self._end(str(error))
        if not isinstance(error, StemStudioError):
            raise error

    def _choose(self) -> None:
        settings = QSettings()
        start = str(settings.value("folders/references", str(Path.home())))
        name = QFileDialog.getExistingDirectory(self, "Folder of the true stems", start)
        if name:
            settings.setValue("folders/references", name)
            self.load(Path(name))

    def _show(self) -> None:
        comparison = self._comparison
        self.choose.setEnabled(self._job is None)
        self.score.setEnabled(self._job is None and bool(comparison.references))
        if comparison.folder is None:
            self.folder.setText("Choose the folder that holds the true stems of this song.")
            self.words.setText(
                "Stems are compared by name; where the names differ, the best permutation is taken."
            )
        else:
            names = ", ".join(comparison.references)
            self.folder.setText(f"{comparison.folder.name}: {names}")
            self.words.setText(
                "All in dB, higher is better. Ceilings: what masks made from the true stems would reach."
            )
        rows = [
            (run.name, stem, figures)
            for run in (*comparison.best, *comparison.runs)
            for stem, figures in (*run.rows.items(), *_mean(run))
        ]
        self.table.setRowCount(len(rows))
        for row, (run_name, stem, figures) in enumerate(rows):
            texts = [run_name, stem, *(_text(figures.get(key)) for key in COLUMNS)]
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column > 1:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        self.table.scrollToBottom()

    def _copy(self) -> None:
        lines = ["\t".join(["Run", "Stem", *(words for words, _ in COLUMNS.values())])]
        for row in range(self.table.rowCount()):
            cells = (self.table.item(row, column) for column in range(self.table.columnCount()))
            lines.append("\t".join("" if cell is None else cell.text().replace("−", "-") for cell in cells))
        QGuiApplication.clipboard().setText("\n".join(lines))


def score_leaves(
    state: State, references: dict[str, Audio], progress: Progress
) -> dict[str, dict[str, float]]:
    """Scores of the leaves of a snapshot, by the name of the true stem and the column."""
    leaves, length = state.leaves(), state.mixture.length
    sounds = {leaf.name: np.empty((state.mixture.channels, length), dtype=np.float32) for leaf in leaves}
    step = BLOCK_SECONDS * state.mixture.sample_rate
    for start in range(0, length, step):
        stop = min(start + step, length)
        for leaf in leaves:
            if leaf.parent is None:
                sounds[leaf.name][:, start:stop] = state.mixture.read(start, stop)
        if leaves[0].parent is not None:
            for number, samples in render_leaves(state, start, stop).items():
                sounds[state.stems[number].name][:, start:stop] = samples
        progress(0.4 * stop / length, "Rendering")
    known = {name.casefold(): name for name in sounds}
    truth = {name: audio.samples for name, audio in references.items()}
    by_name = all(name.casefold() in known for name in truth)
    if by_name:
        sounds = {name: sounds[known[name.casefold()]] for name in truth}
    elif len(sounds) < len(truth):
        raise StemStudioError(
            f"There are {len(truth)} true stems and {len(sounds)} stems to compare with them.",
            "Separate into more stems first.",
        )
    found: dict[str, Score] = scores(
        truth, sounds, match="name" if by_name else "best", progress=progress.part(0.4, 1)
    )
    return {name: vars(score) for name, score in found.items()}


def _mean(run: Run) -> list[tuple[str, dict[str, float]]]:
    """The mean over the stems that have a figure."""
    if len(run.rows) < 2:
        return []
    means = {}
    for key in COLUMNS:
        values = [row[key] for row in run.rows.values() if key in row and math.isfinite(row[key])]
        if values:
            means[key] = sum(values) / len(values)
    return [("mean", means)]


def _text(value: float | None) -> str:
    if value is None:
        return ""
    if math.isnan(value):
        return "–"
    return "∞" if math.isinf(value) else f"{value:.1f}".replace("-", "−")
