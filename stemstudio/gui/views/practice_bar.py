"""The practice bar: tempo, beats a minute, key and metronome, in one row of the transport."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QActionGroup, QValidator
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QInputDialog,
    QMenu,
    QSpinBox,
    QToolButton,
    QWidget,
)

from stemstudio.algorithms.beats import KEYS
from stemstudio.gui import icons
from stemstudio.gui.document import Document
from stemstudio.gui.practising import Practising
from stemstudio.project.beat_grid import QUICKEST as QUICKEST_BPM
from stemstudio.project.beat_grid import SLOWEST as SLOWEST_BPM
from stemstudio.project.practice import FASTEST, SLOWEST
from stemstudio.project.project import Change

METRES = (2, 3, 4, 5, 6, 7, 9, 12)
CLICK_LEVELS = (("Loud", 0.0), ("Normal", -6.0), ("Soft", -14.0))


class SemitoneBox(QSpinBox):
    """Semitones, with the key that is heard."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = ""
        self.setRange(-12, 12)

    def textFromValue(self, value: int) -> str:
        words = f"{value:+d}".replace("-", "−") if value else "0"
        return f"{words} · {self.key}" if self.key else f"{words} st"

    def valueFromText(self, text: str) -> int:
        number = text.split("·")[0].replace("st", "").replace("−", "-").strip()
        return int(number) if number.lstrip("+-").isdigit() else self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        return QValidator.State.Acceptable, text, position

    def set_key(self, key: str) -> None:
        """Show the name of the key beside the semitones."""
        if key != self.key:
            self.key = key
            self.lineEdit().setText(self.textFromValue(self.value()))


class PracticeBar(QWidget):
    """How fast, how high, and with which clicks the song is played."""

    def __init__(self, document: Document, practising: Practising, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._practising = document, practising
        self._showing = False
        self.tempo = QDoubleSpinBox(self)
        self.tempo.setRange(SLOWEST, FASTEST)
        self.tempo.setSingleStep(0.05)
        self.tempo.setSuffix(" ×")
        self.tempo.setToolTip(
            "Tempo: 1 is as recorded, 0.5 half as fast; the pitch stays (Alt+Left, Alt+Right)"
        )
        self.tempo.setAccessibleName("Tempo")
        self.tempo.valueChanged.connect(lambda value: self._set(tempo=round(value, 2)))
        self.bpm = QDoubleSpinBox(self)
        self.bpm.setDecimals(1)
        self.bpm.setSuffix(" BPM")
        self.bpm.setAccessibleName("Beats a minute")
        self.bpm.setToolTip("Beats a minute, as heard; type the tempo that you want")
        self.bpm.valueChanged.connect(self._bpm_changed)
        self.find_button = self._button("", "Find beats", "Find the beats and the key of the song")
        self.find_button.setText("Find beats")
        self.find_button.clicked.connect(lambda: practising.find())
        self.semitones = SemitoneBox(self)
        self.semitones.setToolTip(
            "Key: semitones higher or lower than recorded; the tempo stays (Alt+Down, Alt+Up)"
        )
        self.semitones.setAccessibleName("Key in semitones")
        self.semitones.valueChanged.connect(lambda value: self._set(semitones=value))
        for box, wide in (
            (self.tempo, "2.00 × "),
            (self.bpm, "280.0 BPM "),
            (self.semitones, "−12 · G♯ minor "),
        ):
            box.setFixedWidth(box.fontMetrics().horizontalAdvance(wide) + 34)
            box.setKeyboardTracking(False)
            box.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.click = self._button(
            "metronome", "Metronome", "Metronome: clicks on the beats; never exported (Ctrl+Alt+M)"
        )
        self.click.setCheckable(True)
        self.click.clicked.connect(lambda on: self._set(click=on))
        self.more = self._button("", "Practice options", "Count-in, pre-roll, beats and bars")
        self.more.setText("More")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.more)
        self.menu.aboutToShow.connect(self._fill)
        self.more.setMenu(self.menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for part in (self.tempo, self.bpm, self.find_button, self.semitones, self.click, self.more):
            row.addWidget(part)
        document.opened.connect(self.show_state)
        document.changed.connect(self._changed)
        self.show_state()

    def _button(self, icon: str, spoken: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setProperty("flat", True)
        if icon:
            button.setIcon(icons.icon(icon))
            button.setIconSize(QSize(20, 20))
        button.setAccessibleName(spoken)
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _changed(self, change: Change) -> None:
        if change.kinds & {"practice", "beats", "song"}:
            self.show_state()

    def show_state(self) -> None:
        """Show how the song is practised."""
        there = self._document.state is not None
        practice, beats = self._practising.practice, self._practising.beats
        for part in (self.tempo, self.semitones, self.click, self.more, self.find_button):
            part.setEnabled(there)
        self._showing = True
        self.tempo.setValue(practice.tempo)
        own = beats.bpm
        self.bpm.setVisible(own is not None)
        self.find_button.setVisible(own is None)
        if own is not None:
            self.bpm.setRange(round(own * SLOWEST, 1), round(own * FASTEST, 1))
            self.bpm.setValue(own * practice.tempo)
        self.semitones.setValue(practice.semitones)
        self.semitones.set_key(self._practising.key)
        self.click.setChecked(practice.click)
        self._showing = False

    def _set(self, **fields: object) -> None:
        if not self._showing:
            self._practising.set(**fields)

    def _bpm_changed(self, bpm: float) -> None:
        if not self._showing:
            self._practising.set_bpm(bpm)

    # The menu

    def _fill(self) -> None:
        menu, practising = self.menu, self._practising
        practice, beats = practising.practice, practising.beats
        menu.clear()
        self._choices(
            menu.addMenu("Count-in"),
            [("None", 0), ("1 bar", 1), ("2 bars", 2), ("4 bars", 4)],
            practice.count_in,
            lambda bars: practising.set(count_in=bars),
        )
        self._choices(
            menu.addMenu("Pre-roll before a loop"),
            [("None", 0), ("1 bar", 1), ("2 bars", 2), ("4 bars", 4)],
            practice.pre_roll,
            lambda bars: practising.set(pre_roll=bars),
        )
        self._choices(
            menu.addMenu("Metronome level"),
            CLICK_LEVELS,
            practice.click_db,
            lambda level: practising.set(click_db=level),
        )
        snap = menu.addAction("Selections snap to beats")
        snap.setCheckable(True)
        snap.setChecked(practice.snap)
        snap.toggled.connect(lambda on: practising.set(snap=on))
        menu.addSeparator()
        menu.addAction("Find beats and key", practising.find)
        some = bool(beats)
        menu.addAction("Half as many beats", lambda: practising.change("halved")).setEnabled(some)
        menu.addAction("Twice as many beats", lambda: practising.change("doubled")).setEnabled(some)
        metres = menu.addMenu("Beats a bar")
        metres.setEnabled(some)
        menu.addAction("Beats a minute…", self.ask_pace)
        menu.addAction("Key of the song…", self.ask_key)
        self._choices(metres, [(str(n), n) for n in METRES], beats.metre, practising.set_metre)
        menu.addSeparator()
        menu.addAction("Tempo and key as recorded", practising.as_recorded)

    def ask_pace(self) -> None:
        """Let the person type the song's own beats a minute."""
        bpm, good = QInputDialog.getDouble(
            self,
            "Beats a minute",
            "The song as recorded, at the same tempo all through:",
            self._practising.beats.bpm or 120.0,
            SLOWEST_BPM,
            QUICKEST_BPM,
            2,
        )
        if good:
            self._practising.set_pace(bpm)

    def ask_key(self) -> None:
        """Let the person choose the song's own key."""
        names = ["not known", *(f"{note} {mode}" for mode, notes in KEYS.items() for note in notes)]
        key = self._practising.beats.key
        chosen, good = QInputDialog.getItem(
            self,
            "Key of the song",
            "The song as recorded is in",
            names,
            names.index(key) if key in names else 0,
            False,
        )
        if good:
            self._practising.set_key("" if chosen == names[0] else chosen)

    @staticmethod
    def _choices(menu: QMenu, choices: object, present: float, chosen: object) -> None:
        group = QActionGroup(menu)
        for words, value in choices:  # type: ignore[attr-defined]
            action = menu.addAction(words)
            action.setCheckable(True)
            action.setChecked(value == present)
            action.triggered.connect(lambda _=False, value=value: chosen(value))  # type: ignore[operator]
            group.addAction(action)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self.click.setIcon(icons.icon("metronome"))
        super().changeEvent(event)
