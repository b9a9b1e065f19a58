"""Hard paint or hints: the switch between them; and what became of the hints, with what can be done about it."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.shown_hints import FIRMEST, WEAKEST
from stemstudio.gui.tools.painting import paint_hard
from stemstudio.gui.tools.toolbox import Mode, ToolBox
from stemstudio.project.hints import clear

STEPS = 2  # of the slider, for each 1 of λ
DECIBELS = 8.686  # of e

MODES: tuple[tuple[Mode, str, str], ...] = (
    ("hard", "Hard", "Paint moves the light itself, just where you paint (X swaps)"),
    (
        "hint",
        "Hint",
        "Paint teaches whose the sound is: Refine then finds it wherever it comes back (X swaps)",
    ),
)


class ModeSwitch(QWidget):
    """Hard | Hint, while the tool in the hand can be either."""

    def __init__(self, toolbox: ToolBox, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._toolbox = toolbox
        self._group = QButtonGroup(self)
        self.buttons: dict[Mode, QPushButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for mode, word, tip in MODES:
            button = QPushButton(word)
            button.setCheckable(True)
            button.setToolTip(tip)
            button.setAccessibleName(f"{word} paint")
            button.clicked.connect(lambda _checked=False, mode=mode: toolbox.set_mode(mode))
            self._group.addButton(button)
            self.buttons[mode] = button
            row.addWidget(button)
        toolbox.options_changed.connect(self._show)
        toolbox.tool_changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        tool = self._toolbox.tool
        self.setVisible(tool.paints or tool.gives_selection)
        self.buttons[self._toolbox.mode].setChecked(True)


class HintOptions(QWidget):
    """How the hints fared; shown while there are any.

    Signals
    -------
    refine_wanted()
        Learn from the hints.
    """

    refine_wanted = Signal()

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.refine = QPushButton("Refine")
        self.refine.setAccessibleName("Refine from hints")
        self.refine.setToolTip(
            "Let the stems learn from all hints, new and old (Ctrl+Return where there are new ones)"
        )
        self.refine.clicked.connect(self.refine_wanted)
        self.paint_hard = QPushButton()
        self.paint_hard.clicked.connect(lambda: paint_hard(document, document.hints.missed))
        self.clear = QPushButton("Clear")
        self.clear.setAccessibleName("Clear hints")
        self.clear.setToolTip("Take all hints off the sheet; what was learned from them stays")
        self.clear.clicked.connect(self._clear)
        self.firmness = QSlider(Qt.Orientation.Horizontal)
        self.firmness.setRange(round(WEAKEST * STEPS), round(FIRMEST * STEPS))
        self.firmness.setPageStep(STEPS)
        self.firmness.setMinimumWidth(60)
        self.firmness.setAccessibleName("Firmness of hints")
        self.firmness.setToolTip(
            "By how much the next Refine turns down all other stems where a hint lies: little is a suggestion that "
            "atoms may overrule, much an order"
        )
        self.firmness.valueChanged.connect(lambda place: document.hints.set_strength(place / STEPS))
        self.firmness_words = QLabel()
        self.firmness_words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.firmness_words.setMinimumWidth(self.firmness_words.fontMetrics().horizontalAdvance("−104 dB"))
        label = QLabel("Firmness")
        label.setProperty("role", "muted")
        label.setBuddy(self.firmness)
        firmly = QHBoxLayout()
        firmly.setSpacing(10)
        firmly.addWidget(label)
        firmly.addWidget(self.firmness, 1)
        firmly.addWidget(self.firmness_words)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(5)
        grid.addWidget(self.words, 0, 0, 1, 3)
        grid.addLayout(firmly, 2, 0, 1, 3)
        for column, button in enumerate((self.paint_hard, self.refine, self.clear)):
            grid.addWidget(button, 1, column)
            grid.setColumnStretch(column, 1)
        document.hints.changed.connect(self._show)
        document.hints.strength_changed.connect(self._show_firmness)
        self._show_firmness()
        self._show()

    def _show_firmness(self) -> None:
        strength = self._document.hints.strength
        with QSignalBlocker(self.firmness):
            self.firmness.setValue(round(strength * STEPS))
        self.firmness_words.setText(f"−{DECIBELS * strength:.0f} dB")

    def _show(self) -> None:
        hints = self._document.hints
        self.words.setText(hints.words)
        many = len(hints.missed)
        self.paint_hard.setVisible(many > 0)
        self.paint_hard.setText("Paint it hard" if many == 1 else "Paint them hard")
        self.paint_hard.setToolTip(
            "The hints that were not followed become hard paint: their light moves as painted"
        )
        theme.restyle(self.words, role="warning" if many else "muted")
        theme.restyle(self.refine, primary=bool(hints.fresh))
        self.setVisible(bool(hints.laid))

    def _clear(self) -> None:
        if self._document.state is not None:
            self._document.do(clear(self._document.state))
