"""Separate ▸ Compare with true stems: scores of the stems beside what masks could reach at best; several runs in one table."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
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

from stemstudio.audio.audio import Audio, Samples
from stemstudio.errors import StemStudioError
from stemstudio.evaluation import Score, scores
from stemstudio.gui.dialogs.buttons import close_box, push_button
from stemstudio.gui.document import Document
from stemstudio.gui.folders import last_folder, remember_folder
from stemstudio.gui.jobs import Job, Work
from stemstudio.oracle import KINDS, ceilings
from stemstudio.progress import Progress
from stemstudio.project.project import State
from stemstudio.project.rendering import render_leaves
from stemstudio.stem_folders import read_folder

COLUMNS = {
    "sdr_plain": ("SDR", "Signal to everything that is wrong, 10 log₁₀ |s|² / |s − ŝ|², in dB"),
    "sdr": ("SDR v3", "BSSEval v3: signal to distortion, after a short filter is allowed for"),
    "sir": ("SIR", "BSSEval v3: signal to the other stems that bleed in"),
    "sar": ("SAR", "BSSEval v3: signal to artefacts"),
    "si_sdr": ("SI-SDR", "Signal to distortion when the level does not count"),
}
FIRST = ("Stem", "Run", "Yours")  # columns before the figures
YOURS = "Which of your stems is scored: the one of the same name, else the one that fits best"
MEAN = "mean"
HEADERS = [*FIRST, *(words for words, _ in COLUMNS.values())]
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
BLOCK_SECONDS = 20
SILENT = 1e-9  # of the song's power, below which a stem is nobody's


@dataclass
class Run:
    """Scores of one state of the stems, or of ideal masks.

    Attributes
    ----------
    name
        The last step that made them.
    scores
        By the name of the true stem.
    """

    name: str
    scores: dict[str, Score]

    @property
    def mean(self) -> dict[str, float]:
        """The mean of each figure over the stems that have one."""
        means = {}
        for key in COLUMNS:
            values = [getattr(score, key) for score in self.scores.values()]
            values = [value for value in values if math.isfinite(value)]
            if values:
                means[key] = sum(values) / len(values)
        return means


@dataclass
class Comparison:
    """What has been compared so far, kept while the song is open."""

    folder: Path | None = None
    references: dict[str, Audio] = field(default_factory=dict)
    best: list[Run] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)


class TrueStemsDialog(QDialog):
    """The table, and buttons to choose the true stems and to score the stems as they are now."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare with true stems")
        self.resize(860, 600)
        self._document = document
        self._comparison = Comparison()
        self._job: Job | None = None
        self.folder = QLabel(self)
        self.folder.setWordWrap(True)
        self.choose = push_button(
            "Choose true stems…",
            "A folder with one file a stem, such as vocals.wav and drums.flac",
            self._choose,
            self,
        )
        self.score = push_button(
            "Score the stems as they are now",
            "Adds a run to the table; change something and score again to compare",
            self.run,
            self,
        )
        self.score.setProperty("primary", True)
        self.table = QTableWidget(0, len(FIRST) + len(COLUMNS), self)
        self.table.setHorizontalHeaderLabels(HEADERS)
        for place, (_, tip) in enumerate(COLUMNS.values(), len(FIRST)):
            self.table.horizontalHeaderItem(place).setToolTip(tip)
        self.table.horizontalHeaderItem(2).setToolTip(YOURS)
        for place in range(self.table.columnCount()):
            self.table.horizontalHeaderItem(place).setTextAlignment(RIGHT if place >= len(FIRST) else LEFT)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setAccessibleName("Scores in dB")
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setProperty("role", "muted")
        self.copy = push_button(
            "Copy as text", "The table with tabs between, for a spreadsheet", self._copy, self
        )
        top = QHBoxLayout()
        top.addWidget(self.folder, 1)
        top.addWidget(self.choose)
        bottom = QHBoxLayout()
        bottom.addWidget(self.score)
        bottom.addWidget(self.copy)
        bottom.addWidget(close_box(self), 1)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addWidget(self.words)
        column.addLayout(bottom)
        document.opened.connect(self._song_closed)
        self._show()

    @property
    def references(self) -> dict[str, Audio]:
        """The true stems that were loaded for this song, by name."""
        return self._comparison.references

    def load(self, folder: Path) -> None:
        """Read the true stems of a folder, and find out what masks could reach at best."""
        state, comparison = self._document.state, self._comparison
        assert state is not None

        def work(progress: Progress) -> tuple[dict[str, Audio], list[Run]]:
            references = read_folder(folder, progress=progress.part(0, 0.2))
            reached = ceilings(state.mixture, references, state.grid, progress.part(0.2, 1))
            return references, [Run(KINDS[kind], found) for kind, found in reached.items()]

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

        def done(found: dict[str, Score]) -> None:
            comparison.runs.append(Run(f"{len(comparison.runs) + 1}. {name}", found))
            without = [f"“{each}”" for each in references if each not in found]
            self._end(f"No stem is left for {', '.join(without)}." if without else "")

        self._begin("Scoring", lambda progress: score_leaves(state, references, progress), done)

    # inside

    def _song_closed(self) -> None:
        """Nobody waits for scores of a song that is closed, or wants its true stems."""
        self._comparison = Comparison()
        self._show()
        self.close()

    def _begin(self, title: str, work: Work, done: Callable[[Any], None]) -> None:
        self.words.setText(f"{title}…")
        self.score.setEnabled(False)
        self.choose.setEnabled(False)
        self._job = self._document.jobs.run(
            title, work, done, failed=self._failed, stopped=lambda: self._end("Stopped.")
        )
        self._document.stop_with_song(self._job)

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
        start = last_folder("references")
        name = QFileDialog.getExistingDirectory(self, "Folder of the true stems", start)
        if name:
            remember_folder("references", Path(name))
            self.load(Path(name))

    def _show(self) -> None:
        comparison = self._comparison
        self.choose.setEnabled(self._job is None)
        self.score.setEnabled(self._job is None and bool(comparison.references))
        if comparison.folder is None:
            self.folder.setText("Choose the folder that holds the true stems of this song.")
            self.words.setText("Stems are compared by name; where the names differ, with what fits best.")
        else:
            names = ", ".join(comparison.references)
            self.folder.setText(f"{comparison.folder.name}: {names}")
            self.words.setText(
                "All in dB, higher is better. Ceilings: what masks made from the true stems would reach."
            )
        lines = self._lines()
        self.copy.setEnabled(bool(lines))
        self.table.clearSpans()
        self.table.setRowCount(len(lines))
        top = 0
        for row, texts in enumerate(lines):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setTextAlignment(RIGHT if column >= len(FIRST) else LEFT)
                if column < len(FIRST):
                    item.setToolTip(text)
                self.table.setItem(row, column, item)
            if row + 1 == len(lines) or lines[row + 1][0] != texts[0]:
                if row > top:
                    self.table.setSpan(top, 0, row + 1 - top, 1)
                top = row + 1

    def _lines(self) -> list[list[str]]:
        """The table's text: stem by stem what masks reach at best, and then the runs; their means at the end."""
        comparison = self._comparison
        runs = [*comparison.best, *comparison.runs]
        lines = []
        for stem in comparison.references:
            for run in runs:
                score = run.scores.get(stem)
                figures = {} if score is None else vars(score)
                yours = "" if score is None or run in comparison.best else score.estimate
                lines.append([stem, run.name, yours, *(_text(figures.get(key)) for key in COLUMNS)])
        if len(comparison.references) > 1:
            for run in runs:
                whole = len(run.scores) == len(comparison.references)
                mean = run.mean if whole else {}
                lines.append([MEAN, run.name, "", *(_text(mean.get(key)) for key in COLUMNS)])
        return lines

    def _copy(self) -> None:
        lines = [HEADERS, *([text.replace("−", "-") for text in line] for line in self._lines())]
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))


def score_leaves(state: State, references: dict[str, Audio], progress: Progress) -> dict[str, Score]:
    """Scores of the leaves of a snapshot by the name of the true stem, as far as there are leaves for them."""
    leaves, length = state.leaves(), state.mixture.length
    sounds = {leaf.name: np.empty((state.mixture.channels, length), dtype=np.float32) for leaf in leaves}
    step = BLOCK_SECONDS * state.mixture.sample_rate
    power, all_power = dict.fromkeys(sounds, 0.0), 0.0
    for start in range(0, length, step):
        stop = min(start + step, length)
        mixed = state.mixture.read(start, stop)
        all_power += _power(mixed)
        for leaf in leaves:
            if leaf.parent is None:
                sounds[leaf.name][:, start:stop] = mixed
        if leaves[0].parent is not None:
            for number, samples in render_leaves(state, start, stop).items():
                sounds[state.stems[number].name][:, start:stop] = samples
        for name, sound in sounds.items():
            power[name] += _power(sound[:, start:stop])
        progress(0.4 * stop / length, "Rendering")
    # What is left over by a separation that shares everything out is rounding, which may be like anything.
    known = {name.casefold() for name in references}
    heard = {
        name: sound
        for name, sound in sounds.items()
        if name.casefold() in known or power[name] > SILENT * all_power
    }
    truth = {name: audio.samples for name, audio in references.items()}
    return scores(truth, heard, match="either", progress=progress.part(0.4, 1))


def _power(samples: Samples) -> float:
    return float(np.square(samples, dtype=np.float64).sum())


def _text(value: float | None) -> str:
    if value is None:
        return ""
    if math.isnan(value):
        return "–"
    text = f"{value:.1f}".replace("inf", "∞").replace("-", "−")
    return "0.0" if text == "−0.0" else text
