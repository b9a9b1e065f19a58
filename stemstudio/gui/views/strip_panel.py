"""StripPanel: what does not fit on a strip: equaliser, sends, width, phase, muted stretches and the volume curve."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from stemstudio.gui import wording
from stemstudio.gui.document import Document
from stemstudio.gui.fader import Fader
from stemstudio.gui.forms import NumberBox, spaced
from stemstudio.gui.views.equaliser import BANDS, LIMITS, PLAIN, EqualiserCurve
from stemstudio.gui.views.strip_menu import hear_again, silence_selection
from stemstudio.project import edits
from stemstudio.project.effects import Equaliser
from stemstudio.project.project import Change
from stemstudio.project.stem import Stem

NOTHING_DB, MOST_DB = -60.0, 6.0  # of a send
OFF = {"low_cut": 19.0, "high_cut": 199.0}  # of a box, stands for no cut


class StripPanel(QWidget):
    """A small window that shows the strip of the target stem, and stays open while one listens.

    Signals
    -------
    effects_wanted
        The settings of reverb and delay are to be shown.
    curve_wanted(on)
        The volume curve is to be drawn on the overview, or no more.
    """

    effects_wanted = Signal()
    curve_wanted = Signal(bool)

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        self._document = document
        self.setProperty("panel", True)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._boxes: dict[str, QDoubleSpinBox] = {}
        self._build()
        for signal in (
            document.opened,
            document.changed,
            document.target_changed,
            document.selection_changed,
        ):
            signal.connect(self._refresh)
        self._refresh()

    @property
    def stem(self) -> Stem | None:
        """The leaf that is shown."""
        state = self._document.state
        if state is None or self._document.target not in {leaf.id for leaf in state.leaves()}:
            return None
        return state.stems[self._document.target]

    def open_above(self, corner: QPoint) -> None:
        """Show it with its lower left corner at a place of the screen, as far as the screen has room."""
        self.adjustSize()
        screen = self.screen().availableGeometry()
        x = min(max(corner.x(), screen.left()), screen.right() - self.width())
        y = min(
            max(corner.y() - self.frameGeometry().height(), screen.top()), screen.bottom() - self.height()
        )
        self.move(x, y)
        self.show()
        self.raise_()
        self.curve.setFocus(Qt.FocusReason.PopupFocusReason)

    # building

    def _build(self) -> None:
        self.curve = EqualiserCurve(self)
        self.curve.moved.connect(self._equalised)
        self.curve.settled.connect(self._document.settle)
        self.flat = QPushButton("Flat", self)
        self.flat.setProperty("link", True)
        self.flat.setToolTip("Put the whole equaliser back to where it changes nothing")
        self.flat.clicked.connect(lambda: self._set(f"Flat {self._name}", settle=True, equaliser=PLAIN))
        self.reverb, self.reverb_text = self._fader(
            "Reverb", NOTHING_DB, MOST_DB, NOTHING_DB, "How much of this stem goes to the reverb, in dB"
        )
        self.delay, self.delay_text = self._fader(
            "Delay", NOTHING_DB, MOST_DB, NOTHING_DB, "How much of this stem goes to the delay, in dB"
        )
        self.width_fader, self.width_text = self._fader(
            "Width", 0.0, 2.0, 1.0, "0 % is mono, 100 % as it is, 200 % as wide as can be", step=0.01
        )
        self.reverb.moved.connect(lambda value: self._sent("reverb", value))
        self.delay.moved.connect(lambda value: self._sent("delay", value))
        self.width_fader.moved.connect(
            lambda value: self._set(f"Width {self._name} {100 * value:.0f} %", width=round(value, 2))
        )
        self.effects = QPushButton("Settings…", self)
        self.effects.setProperty("link", True)
        self.effects.setToolTip("Time, colour and level of the reverb and the delay that all strips share")
        self.effects.setAccessibleName("Settings of reverb and delay")
        self.effects.clicked.connect(self.effects_wanted)
        self.flip = QCheckBox("Turn the phase over", self)
        self.flip.setToolTip("Up becomes down; what this stem shares with another then cancels out")
        self.flip.clicked.connect(
            lambda on: self._set(f"{'Turn' if on else 'Turn back'} the phase of {self._name}", True, flip=on)
        )
        self.safe = QCheckBox("Safe from solo", self)
        self.safe.setToolTip("Goes on being heard when other stems have S")
        self.safe.clicked.connect(
            lambda on: self._set(
                f"{'Keep' if on else 'No longer keep'} {self._name} through solo", True, solo_safe=on
            )
        )
        self.silence = QPushButton("Silence the selection", self)
        self.silence.setToolTip("Mute this stem for as long as the time selection lasts")
        self.silence.clicked.connect(lambda: silence_selection(self._document, self._document.target))
        self.sound = QPushButton("Hear it again", self)
        self.sound.setToolTip("Within the time selection, or everywhere where nothing is selected")
        self.sound.setAccessibleName("Hear muted stretches again")
        self.sound.clicked.connect(lambda: hear_again(self._document, self._document.target))
        self.draw_curve = QPushButton("Draw on the overview", self)
        self.draw_curve.setCheckable(True)
        self.draw_curve.setToolTip(
            "Show the volume curve of this stem on the overview above the spectrogram: click for a point, drag it, "
            "double-click takes it away"
        )
        self.draw_curve.setAccessibleName("Draw the volume curve on the overview")
        self.draw_curve.toggled.connect(self.curve_wanted)
        self.no_curve = QPushButton("Straight", self)
        self.no_curve.setToolTip("Take the volume curve away")
        self.no_curve.setAccessibleName("Take the volume curve away")
        self.no_curve.clicked.connect(
            lambda: self._set(f"No volume curve for {self._name}", True, envelope=())
        )
        self._lay_out()

    def _lay_out(self) -> None:
        bands = QGridLayout()
        bands.setHorizontalSpacing(6)
        bands.setVerticalSpacing(3)
        for place, (band, word) in enumerate(BANDS.items()):
            label = QLabel(word, self)
            label.setProperty("role", "muted")
            bands.addWidget(label, 0, place)
            if band.endswith("_cut"):
                bands.addWidget(self._box(band, f"{word}, Hz", OFF[band], LIMITS[band][1], " Hz"), 1, place)
            else:
                bands.addWidget(self._box(band, f"{word}, dB", -24.0, 24.0, " dB"), 1, place)
                bands.addWidget(self._box(f"{band}_at", f"{word}, Hz", *LIMITS[band], " Hz"), 2, place)
            bands.setColumnStretch(place, 1)
        q = self._box("mid_width", "Narrowness of the middle", 0.2, 12.0, "")
        q.setPrefix("Q ")
        bands.addWidget(q, 3, 2)
        bands.addWidget(self.flat, 3, 4)
        rows = QGridLayout()
        rows.setHorizontalSpacing(8)
        rows.setVerticalSpacing(2)
        for row, (word, fader, text) in enumerate(
            (
                ("Reverb", self.reverb, self.reverb_text),
                ("Delay", self.delay, self.delay_text),
                ("Width", self.width_fader, self.width_text),
            )
        ):
            label = QLabel(word, self)
            label.setProperty("role", "muted")
            label.setBuddy(fader)
            rows.addWidget(label, row, 0)
            rows.addWidget(fader, row, 1)
            rows.addWidget(text, row, 2)
        rows.addWidget(self.effects, 0, 3, 2, 1)
        rows.setColumnStretch(1, 1)
        checks = QHBoxLayout()
        checks.setSpacing(16)
        checks.addWidget(self.flip)
        checks.addWidget(self.safe)
        checks.addStretch(1)
        times = QGridLayout()
        times.setHorizontalSpacing(8)
        times.setVerticalSpacing(4)
        for row, (word, first, second) in enumerate(
            (("Muting", self.silence, self.sound), ("Volume curve", self.draw_curve, self.no_curve))
        ):
            label = QLabel(word, self)
            label.setProperty("role", "muted")
            times.addWidget(label, row, 0)
            times.addWidget(first, row, 1)
            times.addWidget(second, row, 2)
        times.setColumnStretch(3, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(10)
        column.addWidget(self.curve, 1)
        for part in (bands, rows, checks, times):
            column.addLayout(part)

    def _box(self, field: str, name: str, low: float, high: float, unit: str) -> QDoubleSpinBox:
        box = NumberBox(self)
        box.setRange(low, high)
        box.setSuffix(unit)
        box.setDecimals({" Hz": 0, " dB": 1}.get(unit, 2))
        box.setSingleStep({" dB": 0.5, "": 0.1}.get(unit, 10.0))
        if unit == " Hz":
            box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        if field in OFF:
            box.setSpecialValueText("off")
            box.setToolTip(
                f"{name.partition(',')[0]}: everything beyond this pitch is taken away, 12 dB an octave"
            )
        else:
            box.setToolTip(name)
        box.setKeyboardTracking(False)
        spaced(box)
        box.setAccessibleName(name)
        box.valueChanged.connect(lambda value: self._boxed(field, value))
        box.editingFinished.connect(self._document.settle)
        self._boxes[field] = box
        return box

    def _fader(
        self, name: str, low: float, high: float, rest: float, tip: str, step: float = 0.1
    ) -> tuple[Fader, QLabel]:
        taper, nudge = (2.2, 0.5) if step == 0.1 else (1.0, 0.05)
        fader = Fader(low, high, step, rest, taper=taper, nudge=nudge, parent=self)
        fader.setToolTip(f"{tip} · double-click puts it back")
        fader.setAccessibleName(name)
        fader.settled.connect(self._document.settle)
        text = QLabel(self)
        text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        text.setFixedWidth(text.fontMetrics().horizontalAdvance("−60.0 dB") + 2)
        return fader, text

    # showing

    def _refresh(self, change: object = None) -> None:
        if isinstance(change, Change) and not change.kinds & {"mixer", "stems", "song"}:
            return
        stem, state = self.stem, self._document.state
        if stem is None or state is None:
            self.hide()
            return
        self.setWindowTitle(f"Strip – {stem.name}")
        rate = state.mixture.sample_rate
        self.curve.show_equaliser(stem.equaliser, rate, stem.colour)
        for field, box in self._boxes.items():
            value = getattr(stem.equaliser, field)
            with QSignalBlocker(box):
                box.setValue(OFF[field] if value is None else value)
        for fader, amount in (
            (self.reverb, max(NOTHING_DB, stem.reverb_db)),
            (self.delay, max(NOTHING_DB, stem.delay_db)),
            (self.width_fader, stem.width),
        ):
            fader.set_colour(stem.colour)
            if not fader.isSliderDown():
                fader.set_amount(amount)
        self.reverb_text.setText(_sent_words(stem.reverb_db))
        self.delay_text.setText(_sent_words(stem.delay_db))
        self.width_text.setText(f"{100 * stem.width:.0f} %")
        mono = state.mixture.channels == 1
        self.width_fader.setEnabled(not mono)
        self.flip.setChecked(stem.flip)
        self.safe.setChecked(stem.solo_safe)
        bounds = self._document.selection.bounds
        self.silence.setEnabled(bounds is not None)
        self.sound.setEnabled(bool(stem.mutes))
        self.no_curve.setEnabled(bool(stem.envelope))
        self.flat.setEnabled(not stem.equaliser.flat)

    # doing

    @property
    def _name(self) -> str:
        return self.stem.name if self.stem is not None else ""

    def _set(self, name: str, settle: bool = False, **fields: Any) -> None:
        stem, state = self.stem, self._document.state
        if stem is None or state is None or all(getattr(stem, key) == value for key, value in fields.items()):
            return
        if settle:
            self._document.settle()
        self._document.do(edits.set_stem(state, stem.id, name, **fields))
        if settle:
            self._document.settle()

    def _equalised(self, band: str, equaliser: Equaliser) -> None:
        self._set(f"{self._name}: {self.curve.words(band)}", equaliser=equaliser)

    def _boxed(self, field: str, value: float) -> None:
        if self.stem is None:
            return
        number = None if field in OFF and value <= OFF[field] else round(value, 2)
        changed = Equaliser.model_validate({**dict(self.stem.equaliser), field: number})
        word = field.removesuffix("_at").removesuffix("_width")
        self.curve.equaliser = changed
        self._equalised(word, changed)

    def _sent(self, bus: str, value: float) -> None:
        level = -math.inf if value <= NOTHING_DB else round(value, 1)
        fields: dict[str, Any] = {f"{bus}_db": level}
        self._set(f"{self._name} to the {bus} {_sent_words(level)}", **fields)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
            return
        super().keyPressEvent(event)


def _sent_words(level: float) -> str:
    return "off" if level <= NOTHING_DB else f"{wording.signed(level, 1)} dB"
