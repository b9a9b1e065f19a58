"""RoomPanel: stems spread over loudspeakers, seen from above, typed as numbers, and heard while they are moved."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.forms import spaced
from stemstudio.gui.room_sound import RoomSound
from stemstudio.gui.views.floor import Floor
from stemstudio.gui.views.fold_table import FoldTable
from stemstudio.mixing.arrangements import ARRANGEMENTS, Arrangement
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.mixing.surround import fold_table
from stemstudio.progress import Progress
from stemstudio.project.placing import put_in_places, set_place, set_room
from stemstudio.project.project import Change
from stemstudio.project.room import LOUDEST_LFE, SOFTEST_LFE, Move, Place
from stemstudio.project.stem import MIXTURE

EARS = (
    (None, "Stereo mix", "As in the mixer: the room is not heard"),
    ("fold-down", "Folded to stereo", "What a stereo set makes of it (ITU-R BS.775)"),
    ("headphones", "Headphones", "All loudspeakers around your head, through a round one of our own making"),
    ("loudspeakers", "Loudspeakers", "Every channel on its own output, where the sound device has so many"),
)
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
NOTHING = "Open a song to spread it over a room."
ONE = "One stem: the whole song. Take it apart under Separate, and every stem can have a place of its own."
DEFAULT_LFE = 0.0
MOVE_SECONDS = 4.0


class RoomPanel(QWidget):
    """The room, the stem that is the target, and how the room folds down."""

    def __init__(
        self, document: Document, sound: RoomSound, playhead: Any = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._document, self._sound, self._playhead = document, sound, playhead
        self._measured: object = None
        self._build()
        document.opened.connect(self._opened)
        document.changed.connect(self._changed)
        document.target_changed.connect(lambda _: self._show())
        sound.ear_changed.connect(self._show_ear)
        self._opened()

    # putting together

    def _build(self) -> None:
        self.layouts = QComboBox(self)
        for layout in LAYOUTS.values():
            self.layouts.addItem(layout.words, layout.name)
            order = " ".join(speaker.name for speaker in layout.speakers)
            self.layouts.setItemData(
                self.layouts.count() - 1, f"In this order: {order}", Qt.ItemDataRole.ToolTipRole
            )
        self._describe(
            self.layouts, "Loudspeakers", "Which loudspeakers there are; channels of files are in their order"
        )
        self.layouts.activated.connect(lambda _: self._set_room(f"Loudspeakers {self.layouts.currentText()}", layout=self.layouts.currentData()))  # fmt: skip
        self.ears = QComboBox(self)
        for ear, word, tip in EARS:
            self.ears.addItem(word, ear)
            self.ears.setItemData(self.ears.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self._describe(self.ears, "How the room is heard", "How you hear it while you set it up")
        self.ears.activated.connect(lambda _: self._sound.set_ear(self.ears.currentData()))
        for box in (self.layouts, self.ears):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(6)
        self.floor = Floor(self._document, self._playhead, self)
        self.presets = QToolButton(self)
        self.presets.setText("Presets")
        self.presets.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._describe(
            self.presets, "Presets of the room", "Ready-made places for all stems, by what their names say"
        )
        menu = QMenu(self.presets)
        menu.setToolTipsVisible(True)
        for arrangement in ARRANGEMENTS:
            action = menu.addAction(arrangement.title)
            action.setToolTip(arrangement.tip)
            action.triggered.connect(lambda _=False, arrangement=arrangement: self.arrange(arrangement))
        self.presets.setMenu(menu)
        self.fold_safe = QCheckBox("Fold-safe", self)
        self._describe(
            self.fold_safe,
            "Fold-safe",
            "Keep every stem in what folds down to its stereo: the ring shows where it is heard from then",
        )
        self.fold_safe.clicked.connect(
            lambda on: self._set_room("Fold-safe" if on else "Stems anywhere", fold_safe=on)
        )
        self.name = QLabel(self)
        self.name.setProperty("role", "title")
        self.fields: dict[str, QDoubleSpinBox] = {name: self._number(name) for name in NUMBERS}
        self.lfe = QCheckBox("LFE", self)
        self._describe(
            self.lfe, "To the low-frequency channel", "Send its lows to the low-frequency channel, too"
        )
        self.lfe.clicked.connect(
            lambda on: self._set(f"LFE of {self._word}", lfe_db=DEFAULT_LFE if on else None)
        )
        self.lfe_db = self._spin(SOFTEST_LFE, LOUDEST_LFE, 1.0, " dB", "Level in the low-frequency channel", "How loud its lows go there: 0 is as loud as from the other loudspeakers", decimals=1)  # fmt: skip
        self.lfe_db.valueChanged.connect(lambda level: self._set(f"LFE of {self._word}", lfe_db=level))
        self.crossover = self._spin(80.0, 120.0, 5.0, " Hz", "Crossover of the low-frequency channel", "Up to which pitch the low-frequency channel plays, of all stems")  # fmt: skip
        self.crossover.valueChanged.connect(lambda hertz: self._set_room("Crossover", crossover=hertz))
        self.moves = QCheckBox("Moves", self)
        self._describe(
            self.moves, "Moves", "Let it go to another place between two times; drag the → on the floor"
        )
        self.moves.clicked.connect(self._toggle_move)
        self.leaves = self._spin(
            0.0,
            1e6,
            0.5,
            " s",
            "When it leaves",
            "Second of the song at which it leaves its place",
            decimals=2,
        )
        self.arrives = self._spin(
            0.0, 1e6, 0.5, " s", "When it arrives", "Second of the song at which it arrives", decimals=2
        )
        self.to_azimuth = self._spin(-180.0, 180.0, 5.0, "°", "Angle where it arrives", "Degrees where it arrives: 0 in front, 90 at the right")  # fmt: skip
        self.to_distance = self._spin(0.0, 100.0, 5.0, " %", "Distance where it arrives", "How far out it arrives: 100 is on the circle")  # fmt: skip
        for field in (self.leaves, self.arrives, self.to_azimuth, self.to_distance):
            field.valueChanged.connect(lambda _: self._set_move())
        self.check = QPushButton("Check the fold-down", self)
        self.check.setToolTip(
            "Fold the whole song down to stereo and compare it with the stereo mix, stem by stem"
        )
        self.check.clicked.connect(self.measure)
        self.note = QLabel(self)
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.table = FoldTable(self)
        self._lay_out()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.layouts, 1)
        top.addWidget(self.ears, 1)
        under = QHBoxLayout()
        under.addWidget(self.presets)
        under.addStretch(1)
        under.addWidget(self.fold_safe)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        for place, name in enumerate(NUMBERS):
            self._cell(grid, place // 2, place % 2, NUMBERS[name][0], self.fields[name])
        grid.addWidget(self.lfe, 3, 0)
        grid.addWidget(self.lfe_db, 3, 1)
        self._cell(grid, 3, 1, "up to", self.crossover)
        grid.addWidget(self.moves, 4, 0)
        self.way = QWidget(self)
        way = QGridLayout(self.way)
        way.setContentsMargins(0, 0, 0, 0)
        way.setHorizontalSpacing(8)
        way.setVerticalSpacing(5)
        way.setColumnStretch(1, 1)
        way.setColumnStretch(3, 1)
        self._cell(way, 0, 0, "from", self.leaves)
        self._cell(way, 0, 1, "until", self.arrives)
        self._cell(way, 1, 0, "to", self.to_azimuth)
        self._cell(way, 1, 1, "at", self.to_distance)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 12, 8)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.floor)
        column.addLayout(under)
        column.addWidget(self.name)
        column.addLayout(grid)
        column.addWidget(self.way)
        column.addWidget(self.check, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.note)
        column.addWidget(self.table)
        column.addStretch(1)

    def _cell(self, grid: QGridLayout, row: int, pair: int, word: str, field: QWidget) -> None:
        label = QLabel(word, self)
        label.setProperty("role", "muted")
        label.setBuddy(field)
        label.setToolTip(field.toolTip())
        grid.addWidget(label, row, 2 * pair)
        grid.addWidget(field, row, 2 * pair + 1)

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
        field = QDoubleSpinBox(self)
        field.setRange(low, high)
        field.setSingleStep(step)
        field.setDecimals(decimals)
        field.setSuffix(unit)
        field.setKeyboardTracking(False)
        field.setMinimumWidth(62)
        spaced(field)
        self._describe(field, spoken, tip)
        return field

    def _describe(self, field: QWidget, spoken: str, tip: str) -> None:
        field.setToolTip(tip)
        field.setAccessibleName(spoken)
        field.setAccessibleDescription(tip)

    # what the person does

    def arrange(self, arrangement: Arrangement) -> None:
        """Put all stems in the places of a preset, as one step; hear it, if nothing of the room was heard."""
        state = self._document.state
        if state is None:
            return
        self._document.settle()
        self._document.do(put_in_places(state, arrangement.of(state), f"Room: {arrangement.title}"))

    def measure(self) -> None:
        """Fold the song down and show how it compares, in a worker."""
        state = self._document.state
        if state is None:
            return
        self.check.setEnabled(False)
        self.note.setText("Folding down …")
        self.note.show()

        def work(progress: Progress) -> object:
            return fold_table(state, progress)

        def done(rows: Any) -> None:
            self._measured = (state.room, state.stems)
            self.table.show_rows(rows)
            self.table.show()
            self._show()

        def ended(_: object = None) -> None:
            self._show()

        self._document.jobs.run("Checking the fold-down", work, done, stopped=ended).ended.connect(ended)

    def _toggle_move(self, on: bool) -> None:
        state = self._document.state
        stem = self._stem
        if state is None or stem is None:
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

    def _set(self, words: str, **fields: Any) -> None:
        state, stem = self._document.state, self._stem
        if state is not None and stem is not None:
            self._document.do(set_place(state, stem.id, words, **fields))

    def _set_room(self, words: str, **fields: Any) -> None:
        state = self._document.state
        if state is not None:
            self._document.do(set_room(state, words, **fields))

    @property
    def _stem(self) -> Any:
        """The leaf that is the target."""
        state = self._document.state
        return None if state is None else state.stems.get(self._document.target)

    @property
    def _word(self) -> str:
        return "" if self._stem is None else str(self._stem.name)

    # what is shown

    def _opened(self) -> None:
        self._measured = None
        self.table.hide()
        self._show()

    def _changed(self, change: Change) -> None:
        if change.kinds & {"room", "stems", "mixer", "splits", "song"}:
            self._show()

    def _show_ear(self) -> None:
        with QSignalBlocker(self.ears):
            self.ears.setCurrentIndex(max(0, self.ears.findData(self._sound.ear)))

    def _show(self) -> None:
        state, stem = self._document.state, self._stem
        for part in (self.layouts, self.ears, self.presets, self.fold_safe, self.check, self.crossover):
            part.setEnabled(state is not None)
        for part in (*self.fields.values(), self.lfe, self.lfe_db, self.moves):
            part.setEnabled(stem is not None)
        self._show_ear()
        place = Place() if stem is None else stem.place
        with QSignalBlocker(self.layouts):
            if state is not None:
                self.layouts.setCurrentIndex(self.layouts.findData(state.room.layout))
                self.fold_safe.setChecked(state.room.fold_safe)
                self._put(self.crossover, state.room.crossover)
        layout = LAYOUTS[state.room.layout] if state is not None else LAYOUTS["5.1"]
        for name, field in self.fields.items():
            self._put(field, getattr(place, name) * (100.0 if name in SHARES else 1.0))
        self.fields["divergence"].setEnabled(stem is not None and layout.centre is not None)
        self.fold_safe.setEnabled(state is not None and layout.keeps_stereo)
        there = layout.lfe is not None
        for part in (self.lfe, self.lfe_db, self.crossover):
            part.setEnabled(stem is not None and there)
        self.lfe.setChecked(place.lfe_db is not None)
        self.lfe_db.setEnabled(stem is not None and there and place.lfe_db is not None)
        self._put(self.lfe_db, DEFAULT_LFE if place.lfe_db is None else place.lfe_db)
        self.moves.setChecked(place.move is not None)
        self.way.setVisible(place.move is not None)
        if place.move is not None:
            self._put(self.leaves, place.move.start)
            self._put(self.arrives, place.move.stop)
            self._put(self.to_azimuth, place.move.azimuth)
            self._put(self.to_distance, 100.0 * place.move.distance)
        self.name.setText(self._word or "–")
        if stem is not None:
            self.name.setStyleSheet(f"color: {theme.current().ink(stem.colour).name()};")
        old = self._measured is not None and state is not None and self._measured != (state.room, state.stems)
        self.table.setEnabled(not old)
        words = (
            NOTHING
            if state is None
            else "Changed since it was checked."
            if old
            else ONE
            if MIXTURE not in state.splits
            else ""
        )
        self.note.setText(words)
        self.note.setVisible(bool(words))

    def _put(self, field: QDoubleSpinBox, value: float) -> None:
        with QSignalBlocker(field):
            field.setValue(value)
