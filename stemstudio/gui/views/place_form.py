"""PlaceForm: where the target stem is in the room, in numbers."""

from __future__ import annotations

from typing import Any, TypeVar

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.elided import Elided
from stemstudio.gui.forms import NumberBox, spaced
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.project.placing import set_place, set_room
from stemstudio.project.room import DEFAULT_LFE, LOUDEST_LFE, SOFTEST_LFE, Move, Place, Room
from stemstudio.project.stem import Stem

NUMBERS = {
    "azimuth": ("Angle", -180.0, 180.0, 5.0, "°", "Degrees: 0 in front, 90 at the right, −90 at the left, 180 behind"),
    "distance": ("Distance", 0.0, 100.0, 5.0, " %", "100 is on the circle, a point; 0 in the middle, all around"),
    "width": ("Width", 0.0, 180.0, 10.0, "°", "Degrees between its left and its right side"),
    "divergence": (
        "Diverge", 0.0, 100.0, 10.0, " %",
        "How far the centre loudspeaker hands on to left and right: 100 leaves it empty",
    ),
    "ambience": ("Ambience", 0.0, 100.0, 10.0, " %", "How much of its reverb comes from behind; the source stays"),
}  # fmt: skip
SHARES = ("distance", "divergence", "ambience")  # written in per cent
MOVE_SECONDS = 4.0
LATEST = 1e6  # seconds
Part = TypeVar("Part", bound=QWidget)


class PlaceForm(QWidget):
    """The numbers of the target stem's place; each that is typed is one step of the history."""

    def __init__(self, document: Document, playhead: Any = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._playhead = document, playhead
        self._build()
        self._lay_out()

    def _build(self) -> None:
        self.name = Elided(parent=self)
        self.name.setProperty("role", "title")
        self.fields: dict[str, QDoubleSpinBox] = {name: self._number(name) for name in NUMBERS}
        self.lfe = self._switch("LFE", "To the low-frequency channel", "Send its lows to the low-frequency channel, too")  # fmt: skip
        self.lfe.clicked.connect(lambda on: self._set(f"LFE of {self._word}", lfe_db=DEFAULT_LFE if on else None))  # fmt: skip
        self.lfe_db = self._spin(SOFTEST_LFE, LOUDEST_LFE, 1.0, " dB", "Level in the low-frequency channel", "How loud its lows go there: 0 is as loud as from the other loudspeakers", decimals=1)  # fmt: skip
        self.lfe_db.valueChanged.connect(lambda level: self._set(f"LFE of {self._word}", lfe_db=level))
        self.crossover = self._spin(80.0, 120.0, 5.0, " Hz", "Crossover of the low-frequency channel", "Up to which pitch the low-frequency channel plays, of all stems")  # fmt: skip
        self.crossover.valueChanged.connect(self._set_crossover)
        self.moves = self._switch("Moves", "Moves", "Let it go to another place between two times; drag the → on the floor")  # fmt: skip
        self.moves.clicked.connect(self._toggle_move)
        self.leaves = self._spin(0.0, LATEST, 0.5, " s", "When it leaves", "Second of the song at which it leaves its place", decimals=2)  # fmt: skip
        self.arrives = self._spin(0.0, LATEST, 0.5, " s", "When it arrives", "Second of the song at which it arrives", decimals=2)  # fmt: skip
        self.to_azimuth = self._spin(-180.0, 180.0, 5.0, "°", "Angle where it arrives", "Degrees where it arrives: 0 in front, 90 at the right")  # fmt: skip
        self.to_distance = self._spin(0.0, 100.0, 5.0, " %", "Distance where it arrives", "How far out it arrives: 100 is on the circle")  # fmt: skip
        for field in (self.leaves, self.arrives, self.to_azimuth, self.to_distance):
            field.valueChanged.connect(lambda _: self._set_move())

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        for place, name in enumerate(NUMBERS):
            self._cell(grid, place // 2, place % 2, NUMBERS[name][0], self.fields[name])
        grid.addWidget(self.moves, 2, 2, 1, 2)
        grid.addWidget(self.lfe, 3, 0)
        grid.addWidget(self.lfe_db, 3, 1)
        self._cell(grid, 3, 1, "up to", self.crossover)
        self._way = [
            part
            for row, pair, word, field in (
                (4, 0, "from", self.leaves),
                (4, 1, "until", self.arrives),
                (5, 0, "to", self.to_azimuth),
                (5, 1, "at", self.to_distance),
            )
            for part in self._cell(grid, row, pair, word, field)
        ]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addWidget(self.name)
        column.addLayout(grid)

    def _cell(self, grid: QGridLayout, row: int, pair: int, word: str, field: QWidget) -> tuple[QWidget, ...]:
        """Put a word and its number beside each other."""
        label = QLabel(word, self)
        label.setProperty("role", "muted")
        label.setBuddy(field)
        label.setToolTip(field.toolTip())
        grid.addWidget(label, row, 2 * pair)
        grid.addWidget(field, row, 2 * pair + 1)
        return label, field

    def _number(self, name: str) -> QDoubleSpinBox:
        word, low, high, step, unit, tip = NUMBERS[name]
        field = self._spin(low, high, step, unit, f"{word} of the stem", tip)
        share = 0.01 if name in SHARES else 1.0
        field.valueChanged.connect(
            lambda value: self._set(f"{word} of {self._word}", **{name: round(share * value, 4)})
        )
        return field

    def _spin(
        self, low: float, high: float, step: float, unit: str, spoken: str, tip: str, decimals: int = 0
    ) -> QDoubleSpinBox:
        field = NumberBox(self)
        field.setRange(low, high)
        field.setSingleStep(step)
        field.setDecimals(decimals)
        field.setSuffix(unit)
        field.setKeyboardTracking(False)
        field.setMinimumWidth(62)
        spaced(field)
        return _described(field, spoken, tip)

    def _switch(self, word: str, spoken: str, tip: str) -> QCheckBox:
        return _described(QCheckBox(word, self), spoken, tip)

    # what the person does

    def _toggle_move(self, on: bool) -> None:
        stem = self._stem
        if stem is None:
            return
        move = None
        if on:
            bounds = self._document.selection.bounds
            now = 0.0 if self._playhead is None else float(self._playhead.seconds)
            start, stop = (bounds.start, bounds.stop) if bounds is not None else (now, now + MOVE_SECONDS)
            there = -stem.place.azimuth if abs(stem.place.azimuth) > 5.0 else 180.0
            move = Move(azimuth=there, start=round(max(0.0, start), 2), stop=round(max(start + 0.1, stop), 2))
        self._set(f"{self._word} moves" if on else f"{self._word} stays", move=move)
        self._document.settle()

    def _set_move(self) -> None:
        start = self.leaves.value()
        self._set(
            f"Way of {self._word}",
            move=Move(
                azimuth=self.to_azimuth.value(),
                distance=round(0.01 * self.to_distance.value(), 4),
                start=start,
                stop=max(self.arrives.value(), start + 0.1),
            ),
        )

    def _set_crossover(self, hertz: float) -> None:
        state = self._document.state
        if state is not None:
            self._document.do(set_room(state, "Crossover", crossover=hertz))

    def _set(self, words: str, **fields: Any) -> None:
        state, stem = self._document.state, self._stem
        if state is not None and stem is not None:
            self._document.do(set_place(state, stem.id, words, **fields))

    @property
    def _stem(self) -> Stem | None:
        """The leaf that is the target."""
        state = self._document.state
        return None if state is None else state.stems.get(self._document.target)

    @property
    def _word(self) -> str:
        return "" if self._stem is None else self._stem.name

    # what is shown

    def show_place(self) -> None:
        """Take on the target's numbers."""
        state, stem = self._document.state, self._stem
        room, place = (Room() if state is None else state.room), (Place() if stem is None else stem.place)
        layout = LAYOUTS[room.layout]
        for part in (*self.fields.values(), self.moves):
            part.setEnabled(stem is not None)
        self.fields["divergence"].setEnabled(stem is not None and layout.centre is not None)
        for name, field in self.fields.items():
            _put(field, getattr(place, name) * (100.0 if name in SHARES else 1.0))
        there = stem is not None and layout.lfe is not None
        for part in (self.lfe, self.crossover):
            part.setEnabled(there)
        self.lfe.setChecked(place.lfe_db is not None)
        self.lfe_db.setEnabled(there and place.lfe_db is not None)
        _put(self.lfe_db, DEFAULT_LFE if place.lfe_db is None else place.lfe_db)
        _put(self.crossover, room.crossover)
        self.moves.setChecked(place.move is not None)
        for part in self._way:
            part.setVisible(place.move is not None)
        if place.move is not None:
            _put(self.leaves, place.move.start)
            _put(self.arrives, place.move.stop)
            _put(self.to_azimuth, place.move.azimuth)
            _put(self.to_distance, 100.0 * place.move.distance)
        self.name.setText(self._word or "–")
        if stem is not None:
            self.name.setStyleSheet(f"color: {theme.current().ink(stem.colour).name()};")


def _described(part: Part, spoken: str, tip: str) -> Part:
    part.setToolTip(tip)
    part.setAccessibleName(spoken)
    part.setAccessibleDescription(tip)
    return part


def _put(field: QDoubleSpinBox, value: float) -> None:
    with QSignalBlocker(field):
        field.setValue(value)
