"""Learn a template: what it is called, how many atoms it has, how the example sounds; then a job learns it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from stemstudio.algorithms.nmf.learning import Example, learn_templates, preview
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.template_library import Entry, TemplateLibrary
from stemstudio.algorithms.nmf.templates import LONGEST_WORDS, MOST_ATOMS, checked_name
from stemstudio.audio.audio import Sound
from stemstudio.errors import StemStudioError
from stemstudio.gui.document import Document
from stemstudio.gui.forms import spaced
from stemstudio.gui.jobs import Job
from stemstudio.gui.steady import SteadyBar
from stemstudio.progress import Progress

INSTRUMENTS = ("", "kick", "snare", "hi-hat", "cymbal", "percussion", "bass", "guitar", "piano", "voice", "strings", "brass")  # fmt: skip

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Lesson:
    """What is learned from.

    Attributes
    ----------
    sound
        A sound, or a file that is read when it is wanted.
    example
        The part of it.
    words
        What it is, for the person: "0:12.30 – 0:12.52 of drums".
    source
        The same, for the template to keep.
    name
        What the template could be called.
    """

    sound: Sound | Path
    example: Example
    words: str
    source: str
    name: str = ""

    def read(self, progress: Progress) -> Sound:
        """The sound, decoded if it is a file."""
        if isinstance(self.sound, Path):
            from stemstudio.audio.reading import read_song

            return read_song(self.sound, progress)
        return self.sound


class LearnTemplateDialog(QDialog):
    """Asks, learns, and keeps what was learned.

    Signals
    -------
    learned(name)
        A template of that name is in the library now.
    hear_wanted(samples, sample_rate)
        Play the example.
    """

    learned = Signal(str)
    hear_wanted = Signal(object, int)

    def __init__(
        self, lesson: Lesson, library: TemplateLibrary, document: Document, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Learn a template")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(460)
        self._lesson = lesson
        self._library = library
        self._document = document
        self._job: Job | None = None
        self._taken: set[str] = set()
        self._build()
        self._suggest()
        document.jobs.run(
            "Looking into the library",
            lambda progress: {entry.name.casefold() for entry in library.entries()[0]},
            self._know,
            heavy=False,
        )

    def _build(self) -> None:
        what = QLabel(f"From {self._lesson.words}.", self)
        what.setWordWrap(True)
        hint = QLabel(
            "Best is a place where the sound is heard alone. What else sounds there is learned as well.", self
        )
        hint.setWordWrap(True)
        hint.setProperty("role", "muted")
        self.name = QLineEdit(self)
        self.name.setMaxLength(LONGEST_WORDS)
        self.name.setToolTip("What its atoms and its stem will be called")
        self.name.setAccessibleName("Name")
        self.name.textChanged.connect(self._check)
        self.instrument = QComboBox(self)
        self.instrument.setEditable(True)
        self.instrument.addItems(INSTRUMENTS)
        self.instrument.lineEdit().setMaxLength(LONGEST_WORDS)
        self.instrument.setToolTip("A word for what it is, to find it by; may stay empty")
        self.instrument.setAccessibleName("Instrument")
        self.atoms = QSpinBox(self)
        self.atoms.setRange(0, MOST_ATOMS)
        self.atoms.setSpecialValueText("as many as it asks for")
        self.atoms.setToolTip(
            "1 for one hit or one held note; more for a sound that changes, or a stem that plays many things"
        )
        self.atoms.setAccessibleName("Number of atoms")
        spaced(self.atoms)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for word, field in (("Name", self.name), ("Instrument", self.instrument), ("Atoms", self.atoms)):
            form.addRow(word, field)
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self.note.setProperty("role", "warning")
        self.bar = SteadyBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setFixedHeight(8)
        self.bar.setAccessibleName("How far learning is")
        self.bar.hide()
        self.listen = QPushButton("Hear the example", self)
        self.listen.setToolTip("Play what will be learned: its time and its frequencies only")
        self.listen.setAutoDefault(False)
        self.listen.setEnabled(self._document.state is not None)
        self.listen.clicked.connect(self._hear)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)  # Return learns
        self.learn = QPushButton("Learn", self)
        self.learn.setProperty("primary", True)
        self.learn.setDefault(True)
        buttons.addButton(self.learn, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.start)
        buttons.rejected.connect(self.reject)
        bottom = QHBoxLayout()
        bottom.addWidget(self.listen)
        bottom.addWidget(buttons, 1)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(what)
        column.addWidget(hint)
        column.addLayout(form)
        column.addWidget(self.note)
        column.addWidget(self.bar)
        column.addLayout(bottom)

    def start(self) -> None:
        """Learn, and keep it in the library."""
        if not self.learn.isEnabled():
            return
        name, instrument = checked_name(self.name.text()), self.instrument.currentText()
        atoms, lesson, library = self.atoms.value(), self._lesson, self._library
        replacing = name.casefold() in self._taken

        def work(progress: Progress) -> Entry:
            sound = lesson.read(progress.part(0.0, 0.2))
            found = learn_templates(
                sound,
                name,
                example=lesson.example,
                instrument=instrument,
                atoms=atoms,
                grid=NMF().grid,
                source=lesson.source,
                progress=progress.part(0.2, 1.0),
            )
            return library.add(found, replacing=replacing)

        job = self._document.jobs.run(
            f"Learning {name}", work, self._done, failed=self._failed, stopped=self._end
        )
        job.progressed.connect(self._show_progress)
        self._job = job
        self.bar.setValue(0)
        self.bar.show()
        self.note.hide()
        for widget in (self.learn, self.name, self.instrument, self.atoms):
            widget.setEnabled(False)

    def reject(self) -> None:
        """Stop learning; or close, when nothing is being learned."""
        if self._job is not None:
            job, self._job = self._job, None
            self._document.jobs.stop(job)
        super().reject()

    def _done(self, entry: Entry) -> None:
        if self._job is None:
            return
        self._job = None
        atoms = entry.templates.atoms
        self._document.said.emit(f"Learned {entry.name}: {atoms} atom{'' if atoms == 1 else 's'}.")
        self.learned.emit(entry.name)
        self.accept()

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, StemStudioError):
            self._document.jobs.unheard.emit(error)
        self._end(str(error))

    def _show_progress(self, fraction: float, _words: str) -> None:
        self.bar.setValue(round(1000 * fraction))

    def _end(self, words: str = "") -> None:
        if self._job is None:  # closed meanwhile
            return
        self._job = None
        self.bar.hide()
        for widget in (self.name, self.instrument, self.atoms):
            widget.setEnabled(True)
        self._check()
        if words:
            self.note.setText(words)
            self.note.show()

    def _hear(self) -> None:
        lesson = self._lesson

        def work(progress: Progress) -> tuple[Samples, int]:
            sound = lesson.read(progress.part(0.0, 0.7))
            grid = NMF().grid
            return preview(sound, lesson.example, grid, progress.part(0.7, 1.0)), sound.sample_rate

        self._document.jobs.run("Listening", work, self._heard, failed=self._unheard, heavy=False)

    def _heard(self, found: tuple[Samples, int]) -> None:
        self.hear_wanted.emit(*found)

    def _unheard(self, error: Exception) -> None:
        self.note.setText(f"This could not be played: {error}")
        self.note.show()

    def _check(self) -> None:
        """Say what is wrong with the name, or that it is there already."""
        words, good = "", True
        try:
            name = checked_name(self.name.text())
        except StemStudioError as error:
            words, good = (str(error), False) if self.name.text().strip() else ("", False)
        else:
            if name.casefold() in self._taken:
                words = f"{name} is in the library already; it will be replaced."
        self.note.setText(words)
        self.note.setVisible(bool(words))
        self.learn.setEnabled(good)
        self.learn.setToolTip("Learn it, and keep it in the library" if good else "Give it a name first")

    def _suggest(self) -> None:
        self.name.setText(self._free_name(self._lesson.name))
        self.name.selectAll()
        self._check()

    def _know(self, taken: set[str]) -> None:
        """What names are in the library; a name that nobody has typed yet makes way."""
        untouched = self.name.text() == self._free_name(self._lesson.name)
        self._taken = taken
        if untouched:
            self._suggest()
        self._check()

    def _free_name(self, wanted: str) -> str:
        """The wanted name, with a number where it is taken; signs that no name may have are left out."""
        plain = "".join(sign if sign not in ",/\\" and sign.isprintable() else " " for sign in wanted)
        plain = " ".join(plain.split())[: LONGEST_WORDS - 4]
        name, number = plain, 2
        while name.casefold() in self._taken:
            name, number = f"{plain} {number}", number + 1
        return name
