"""The Separate panel: pick a goal or an algorithm, run it, see how far it is, stop it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, SignalInstance
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from stemstudio.algorithms import ALGORITHMS
from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.streaming import Streaming
from stemstudio.gui import theme
from stemstudio.gui.computing import Computing
from stemstudio.gui.document import Document
from stemstudio.gui.elided import Elided
from stemstudio.gui.fetching import Fetching
from stemstudio.gui.forms import RecipeForm
from stemstudio.gui.notation import time_text
from stemstudio.gui.soon import Soon
from stemstudio.gui.views.fetch_row import FetchRow
from stemstudio.gui.views.goals import GOALS, Goal, GoalCard, what_is_missing
from stemstudio.gui.views.pan_histogram import PanHistogramView
from stemstudio.gui.views.running_job import RunningJob
from stemstudio.gui.views.strip_menu import swatch
from stemstudio.gui.views.unfinished_run import UnfinishedRun
from stemstudio.gui.wording import roughly
from stemstudio.project.project import Change
from stemstudio.project.stem import MIXTURE
from stemstudio.spectral.brushes import Box

Speeds = Callable[[str], float | None]
GAP = 4  # pixels between goals
QUIET_MS = 600  # after a goal was chosen, its parameters are made, before somebody looks at them
STEMS_AFTER_MS = 40  # once the mixer has their strips


class SeparatePanel(QWidget):
    """Goals in words; behind them every algorithm with all its parameters.

    Signals
    -------
    run_wanted(stem, recipe, together)
        Take this stem apart. `together` says which parts are to be one stem, {part: stem}; often empty.
    take_wanted(stem, recipe, together)
        The same, but to be compared with others before one is put into the song.
    refine_wanted()
        Learn from the new hints.
    help_wanted(name)
        Show the page of help of that algorithm.
    models_wanted()
        Show the trained models.
    """

    run_wanted = Signal(int, object, object)
    take_wanted = Signal(int, object, object)
    refine_wanted = Signal()
    help_wanted = Signal(str)
    models_wanted = Signal()

    def __init__(
        self,
        document: Document,
        parent: QWidget | None = None,
        *,
        speeds: Speeds | None = None,
        fetching: Fetching | None = None,
    ) -> None:
        """`speeds(timed_as)` is the measured speed of a recipe on this machine, None where none was measured."""
        super().__init__(parent)
        self._document = document
        self._speeds = speeds or (lambda name: None)
        self._fetching = fetching or Fetching(document.jobs, self)
        self._computing = Computing(document.jobs, self)
        self._missing: dict[str, str] = {}
        self._soon = Soon(self._stems_changed, STEMS_AFTER_MS, self)
        self._form: RecipeForm | None = None
        self._unfilled: Algorithm | None = None  # is to be in the form as soon as somebody looks at it
        self._quiet = QTimer(self, interval=QUIET_MS, singleShot=True)
        self._quiet.timeout.connect(lambda: self.form)
        self._build()
        document.opened.connect(self._opened)
        document.changed.connect(self._changed)
        document.selection_changed.connect(self._show_selection)
        document.reading_changed.connect(self._show_times)
        document.hints.changed.connect(self._show_note)
        self._fetching.changed.connect(self._look_for_weights)
        document.jobs.ended.connect(self._job_ended)
        self._pick(self.cards[0])
        self._look_for_weights()
        self._pick(next((card for card in self.cards if not card.needs_weights), self.cards[0]))
        self._opened()

    def _build(self) -> None:
        self.stems = QComboBox(self)
        self.stems.setToolTip("What is taken apart: the whole song, or one of its stems again")
        self.stems.setAccessibleName("What is taken apart")
        self.stems.currentIndexChanged.connect(self._show_times)
        word = QLabel("Split", self)
        word.setProperty("role", "muted")
        word.setBuddy(self.stems)
        self.cards = [GoalCard(goal, self) for goal in GOALS]
        for card in self.cards:
            card.clicked.connect(lambda _=False, card=card: self._pick(card))
        self.all = QPushButton(self)
        self.all.setProperty("link", True)
        self.all.setCheckable(True)
        self.all.setToolTip("Every algorithm, with all its parameters")
        self.all.toggled.connect(self._show_all)
        self.help_button = QPushButton("?", self)
        self.help_button.setProperty("compact", True)
        self.help_button.setToolTip("What this is good for, and what its parameters do to the sound")
        self.help_button.setAccessibleName("Help on this way of separating")
        self.algorithms = QComboBox(self)
        self.algorithms.setAccessibleName("Algorithm")
        # Not as wide as its longest title: the panel is narrow, and what does not fit is cut off.
        self.algorithms.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.algorithms.setMinimumContentsLength(12)
        for kind in ALGORITHMS:
            self.algorithms.addItem(kind.title, kind.name)
            self.algorithms.setItemData(
                self.algorithms.count() - 1, kind.summary, Qt.ItemDataRole.ToolTipRole
            )
        self.help_button.clicked.connect(lambda: self.help_wanted.emit(self.algorithms.currentData()))
        self.algorithms.activated.connect(self._algorithm_chosen)
        self.summary = QLabel(self)
        self.summary.setWordWrap(True)
        self.summary.setProperty("role", "muted")
        self._details = QWidget(self)
        self._form_place = QVBoxLayout(self._details)
        self._form_place.setContentsMargins(2, 2, 2, 2)
        self._form_place.addWidget(self.algorithms)
        self._form_place.addWidget(self.summary)
        self.places = PanHistogramView(self._document, self._details)
        self._form_place.addWidget(self.places)
        # A label that wraps would give the panel a height of its own, and its buttons would be scrolled away.
        self.note = Elided(parent=self)
        self.note.setProperty("role", "warning")
        self.note.hide()
        self.models_button = QPushButton("Models…", self)
        self.models_button.setProperty("link", True)
        self.models_button.setToolTip(
            "Which networks there are, which are on this machine; download, add, remove"
        )
        self.models_button.clicked.connect(self.models_wanted)
        self.fetch_row = FetchRow(self._fetching, self)
        self.run_button = QPushButton("Run", self)
        self.run_button.setProperty("primary", True)
        self.run_button.clicked.connect(self.run)
        self.take_button = QPushButton("Add to comparison", self)
        self.take_button.clicked.connect(self.take)
        self.selection_only = QCheckBox("Only the selection", self)
        self.selection_only.toggled.connect(self._show_times)
        self.running = RunningJob(self._document.jobs, self)
        self.refine_button = QPushButton(self)
        self.refine_button.setProperty("primary", True)
        self.refine_button.clicked.connect(self.refine_wanted)
        self.unfinished = UnfinishedRun(self)
        self._lay_out(word)
        self._show_all(False)

    def _lay_out(self, word: QLabel) -> None:
        top = QHBoxLayout()
        top.addWidget(word)
        top.addWidget(self.stems, 1)
        top.addWidget(self.models_button)
        inside = QWidget(self)
        goals = QVBoxLayout(inside)
        goals.setContentsMargins(0, 0, 4, 0)
        goals.setSpacing(GAP)
        for card in self.cards:
            goals.addWidget(card)
        goals.addWidget(self._details)
        goals.addStretch(1)
        self.choices = QScrollArea(self)
        self.choices.setWidget(inside)
        self.choices.setWidgetResizable(True)
        self.choices.setFrameShape(QFrame.Shape.NoFrame)
        self.choices.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.choices.setMinimumHeight(60)
        self.choices.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.choices.viewport().installEventFilter(self)
        more = QHBoxLayout()
        more.addWidget(self.all)
        more.addStretch(1)
        more.addWidget(self.selection_only)
        bottom = QHBoxLayout()
        bottom.addWidget(self.help_button)
        bottom.addStretch(1)
        bottom.addWidget(self.take_button)
        bottom.addWidget(self.run_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 10)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.choices, 1)
        # What comes and goes takes its room from the goals: the buttons below it stay where they are pressed.
        column.addWidget(self.note)
        column.addWidget(self.fetch_row)
        column.addWidget(self.unfinished)
        column.addWidget(self.running)
        column.addWidget(self.refine_button)
        column.addLayout(more)
        column.addLayout(bottom)
        read = (self.stems, self.models_button, self.cards[0]), (self.all, self.selection_only)
        for upper, lower in (*pairwise(read[0]), *pairwise(read[1]), (self.take_button, self.run_button)):
            QWidget.setTabOrder(upper, lower)

    # what the person chose

    @property
    def goal(self) -> Goal | None:
        """The goal chosen; None while the form says something else."""
        return next((card.goal for card in self.cards if card.isChecked()), None)

    @property
    def stem(self) -> int:
        """Id of the stem that is to be taken apart."""
        self._soon.settle()
        chosen = self.stems.currentData()
        return MIXTURE if chosen is None else int(chosen)

    def set_stem(self, stem: int) -> None:
        """Choose the stem that is to be taken apart."""
        self._soon.settle()
        self.stems.setCurrentIndex(max(0, self.stems.findData(stem)))

    def recipe(self) -> Algorithm | None:
        """The recipe that Run takes; None where the form holds something impossible."""
        goal = self.goal
        if goal is not None:
            return goal.recipe
        return self.form.recipe()

    @property
    def form(self) -> RecipeForm:
        """The parameters of the algorithm chosen; made when they are first looked at."""
        if self._unfilled is not None:
            self._fill(self._unfilled)
        assert self._form is not None
        return self._form

    @property
    def box(self) -> Box | None:
        """The selection, where only that is to be taken apart."""
        return self._document.selection.bounds if self.selection_only.isChecked() else None

    def fill_in(self, recipe: Algorithm) -> None:
        """Put a recipe into the form, with all its fields in sight, for the person to look at and run."""
        self.all.setChecked(True)
        self._set_algorithm(recipe)
        self._own_recipe()
        self.form.more.setChecked(True)

    def run(self) -> None:
        """Ask for the run."""
        self._ask(self.run_wanted)

    def take(self) -> None:
        """Ask for a run that is kept beside the song, to be compared."""
        self._ask(self.take_wanted)

    def _ask(self, signal: SignalInstance) -> None:
        recipe = self.recipe()
        if recipe is None or not self.run_button.isEnabled():
            return
        goal = self.goal
        signal.emit(self.stem, recipe, dict(goal.together) if goal is not None else {})

    def _pick(self, card: GoalCard) -> None:
        for other in self.cards:
            other.setChecked(other is card)
        self._set_algorithm(card.goal.recipe)
        self._missing[card.goal.title] = what_is_missing(card.goal.recipe)
        self._show_times()

    def _algorithm_chosen(self) -> None:
        kind = next(each for each in ALGORITHMS if each.name == self.algorithms.currentData())
        self._set_algorithm(kind())
        self._own_recipe()

    def _own_recipe(self) -> None:
        """The form says something of its own: no goal is chosen any more."""
        for card in self.cards:
            card.setChecked(False)
        self._look_for_own()
        self._show_note()

    def _set_algorithm(self, recipe: Algorithm) -> None:
        self.algorithms.setCurrentIndex(self.algorithms.findData(recipe.name))
        self.summary.setText(recipe.summary)
        self._unfilled = recipe
        if self.all.isChecked():
            self._fill(recipe)
            self._computing.look()
        else:
            self._quiet.start()

    def _fill(self, recipe: Algorithm) -> None:
        """Put a recipe into the fields; those of another algorithm give way."""
        self._unfilled = None
        if self._form is None or self._form.algorithm is not type(recipe):
            if self._form is not None:
                self._form_place.removeWidget(self._form)
                self._form.hide()
                self._form.deleteLater()
            self._form = RecipeForm(type(recipe), self._details)
            self._form.changed.connect(self._own_recipe)
            self._form_place.addWidget(self._form)
        self._computing.show_in(self._form)
        self.places.show_in(self._form if recipe.name == "stereo" else None)
        self._form.set_recipe(recipe)

    # what is said

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # By the panel's height and not by what a running job leaves, or the goals would change under the pointer.
        others = self.stems.height() + self.all.height() + self.run_button.height() + 50
        roomy = sum(card.height_as(False) + GAP for card in self.cards) + others <= event.size().height()
        for card in self.cards:
            card.low = not roomy
        self.choices.widget().layout().setSpacing(GAP if roomy else GAP // 2)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            QTimer.singleShot(0, self, self._show_chosen)  # when the goals have their new height
        return super().eventFilter(watched, event)

    def _show_chosen(self) -> None:
        """However little room there is, the goal that Run would take is in sight."""
        for card in self.cards:
            if card.isChecked():
                self.choices.ensureWidgetVisible(card, 0, 0)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._look_for_weights()

    def _opened(self) -> None:
        self._list_stems()
        self._show_selection()  # and with it how long things take

    def _show_selection(self) -> None:
        """Offer the selection where there is one; without one, everything is taken apart."""
        bounds = self._document.selection.bounds
        self.selection_only.setEnabled(bounds is not None)
        if bounds is None:
            self.selection_only.setChecked(False)
            self.selection_only.setToolTip(
                "Select a time (T) or a box (R) first: then only that is taken apart"
            )
        else:
            span = f"{time_text(bounds.start, 1)} – {time_text(bounds.stop, 1)}"
            self.selection_only.setToolTip(
                f"Only {span} is taken apart and faded in; the rest of the song keeps its sound. "
                "In a box, only the light of its frequencies moves"
            )
        self._show_times()

    def _changed(self, change: Change) -> None:
        if "song" in change.kinds:
            self._list_stems()
            self._show_times()
        elif "stems" in change.kinds:  # "splits" alone moves atoms, no stem
            self._soon.ask()

    def _stems_changed(self) -> None:
        before = self.stem
        self._list_stems()
        if self.stem != before:
            self._show_times()
        else:
            self._show_places()
            self._show_note()

    def _list_stems(self) -> None:
        """The whole song, and every stem below it, indented."""
        chosen = self.stem
        state = self._document.state
        self.stems.blockSignals(True)
        self.stems.clear()
        self.stems.addItem("Whole song", MIXTURE)
        if state is not None:

            def add(parent: int, depth: int) -> None:
                for child in state.children(parent):
                    self.stems.addItem(swatch(child.colour), "   " * depth + child.name, child.id)
                    add(child.id, depth + 1)

            add(MIXTURE, 0)
        self.stems.setCurrentIndex(max(0, self.stems.findData(chosen)))
        self.stems.blockSignals(False)

    def _time(self, recipe: Algorithm, speed: float | None) -> str:
        """How long a recipe will take here, in words that promise nothing that was not measured."""
        box = self.box
        seconds = self._document.duration if box is None else box.stop - box.start + 2 * recipe.context
        work = seconds * recipe.effort / max(1e-3, speed or recipe.speed)
        return roughly(work if speed else recipe.begins + work, measured=speed is not None)

    def _show_places(self) -> None:
        box = self.box
        self.places.of(self.stem, None if box is None else (box.start, box.stop))

    def _show_times(self) -> None:
        there = self._document.state is not None
        self._show_places()
        for card in self.cards:
            recipe = card.goal.recipe
            missing = self._missing.get(card.goal.title, "")
            if missing:
                words = f"{card.goal.words} · needs a download"
                card.say(words, missing, needs_weights=True, brief="download")
            elif there:
                speed = self._speeds(recipe.timed_as)
                measured, takes = speed is not None, self._time(recipe, speed)
                words = f"{card.goal.words} · {takes}" + (" here" if measured else "")
                tip = "as measured here" if measured else "a guess: it has not been timed on this machine yet"
                brief = takes.removeprefix("about ").removeprefix("maybe ")
                card.say(words, f"{recipe.summary} {words}, {tip}.", brief=brief)
            else:
                card.say(card.goal.words, recipe.summary)
        self._show_note()

    def _look_for_weights(self) -> None:
        """Look which weights are here; they may have come since the last look."""
        self._missing = {card.goal.title: what_is_missing(card.goal.recipe) for card in self.cards}
        self._look_for_own()
        self._show_times()

    def _look_for_own(self) -> None:
        own = None if self.goal is not None else self.form.recipe()
        self._missing[""] = "" if own is None else what_is_missing(own)

    def _show_note(self) -> None:
        goal, state = self.goal, self._document.state
        missing = self._missing.get("" if goal is None else goal.title, "")
        wrong = goal is None and self.recipe() is None
        # The form says it too, but its end may be out of sight.
        reason = self.form.error.text() if wrong else ""
        self.note.setText(missing or reason)
        self.note.setToolTip(missing or reason)
        self.note.setVisible(bool(missing or reason))
        recipe = self.recipe()
        self.models_button.setVisible(isinstance(recipe, Streaming))
        many = len(self._document.hints.fresh)
        self.run_button.setEnabled(state is not None and not wrong and self._fetching.now is None)
        self.run_button.setText("Run…" if missing else "Run")
        self.refine_button.setVisible(many > 0)
        self.refine_button.setText("Refine from the hint" if many == 1 else f"Refine from {many} hints")
        self.refine_button.setToolTip("Let the stems learn from the new hints (Ctrl+Return)")
        theme.restyle(self.run_button, primary=many == 0)
        if state is None:
            tip = "Open a song first"
        elif self._fetching.now is not None:
            tip = f"{self._fetching.now.name} is being downloaded"
        elif wrong:
            tip = reason
        elif missing:
            tip = "Asks with the size before anything is downloaded; then it runs (Ctrl+Return)"
        else:
            took = "" if recipe is None else f", {self._time(recipe, self._speeds(recipe.timed_as))}"
            what = "the selection of " if self.box is not None else ""
            tip = f"Take {what}{self.stems.currentText().strip()} apart{took} (Ctrl+Return)"
        # While there are new hints, the key refines from them.
        self.run_button.setToolTip(tip.removesuffix(" (Ctrl+Return)") if many else tip)
        self.take_button.setEnabled(self.run_button.isEnabled())
        self.take_button.setToolTip(
            f"{tip.replace('(Ctrl+Return)', 'to compare it by ear with others')}; the song stays as it is "
            "until you keep one (Ctrl+Shift+Return)"
            if self.run_button.isEnabled()
            else tip
        )

    def _show_all(self, on: bool) -> None:
        self.all.setText("All algorithms ▾" if on else "All algorithms ▸")
        for card in self.cards:
            card.setVisible(not on)
        if on and self._unfilled is not None:
            self._fill(self._unfilled)
        self._details.setVisible(on)
        if on:
            self._computing.look()

    def _job_ended(self, _job: object) -> None:
        if not self._document.jobs.queue:
            self._show_times()
