"""RoomPanel: stems spread over loudspeakers, seen from above, typed as numbers, and heard while they are moved."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from stemstudio.gui.document import Document
from stemstudio.gui.room_sound import RoomSound
from stemstudio.gui.views.floor import Floor
from stemstudio.gui.views.fold_check import FoldCheck
from stemstudio.gui.views.place_form import PlaceForm
from stemstudio.mixing.arrangements import ARRANGEMENTS, Arrangement
from stemstudio.mixing.hearing import Ear
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.project.placing import put_in_places, set_room
from stemstudio.project.project import Change
from stemstudio.project.stem import MIXTURE

EARS = (
    (None, "Stereo mix", "As in the mixer: the room is not heard"),
    ("fold-down", "Folded to stereo", "What a stereo set makes of it (ITU-R BS.775)"),
    ("headphones", "Headphones", "All loudspeakers around your head, through a round one of our own making"),
    ("loudspeakers", "Loudspeakers", "Every channel on its own output, where the sound device has so many"),
)
NOTHING = "Open a song to spread it over a room."
ONE = "One stem: the whole song. Take it apart under Separate, and every stem can have a place of its own."
WIDE = 640  # pixels from which the numbers stand beside the floor
NUMBERS_WIDTH = 300  # that they have there
COMFORT = 270  # pixels of height that the floor keeps before numbers and fold-down share one place
GAP = 8


class RoomPanel(QWidget):
    """The room, the stem that is the target, and how the room folds down.

    Numbers stand under the floor, or beside it where the panel is wide. Where the panel is too low for both, numbers
    and fold-down lie over each other, with a bar to choose from: nothing has to be scrolled to.
    """

    def __init__(
        self, document: Document, sound: RoomSound, playhead: Any = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._document, self._sound = document, sound
        self._refusal = ""  # why the loudspeakers are not heard, until something else is chosen
        self.floor = Floor(document, playhead, self)
        self.place = PlaceForm(document, playhead, self)
        self.fold = FoldCheck(document, self)
        self._build()
        self._lay_out()
        document.opened.connect(self._opened)
        document.changed.connect(self._changed)
        document.target_changed.connect(self._target_changed)
        sound.ear_changed.connect(self._show)
        sound.refused.connect(self._refused)
        self.fold.measured.connect(self._measured)
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
        _describe(
            self.layouts, "Loudspeakers", "Which loudspeakers there are; channels of files are in their order"
        )
        self.layouts.activated.connect(lambda _: self._set_room(f"Loudspeakers {self.layouts.currentText()}", layout=self.layouts.currentData()))  # fmt: skip
        self.ears = QComboBox(self)
        for ear, word, tip in EARS:
            self.ears.addItem(word, ear)
            self.ears.setItemData(self.ears.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        _describe(self.ears, "How the room is heard", "How you hear it while you set it up")
        self.ears.activated.connect(lambda _: self._hear(self.ears.currentData()))
        for box in (self.layouts, self.ears):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(6)
        self.presets = QToolButton(self)
        self.presets.setText("Presets")
        self.presets.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        _describe(
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
        _describe(
            self.fold_safe,
            "Fold-safe",
            "Keep every stem in what folds down to its stereo: the ring shows where it is heard from then",
        )
        self.fold_safe.clicked.connect(
            lambda on: self._set_room("Fold-safe" if on else "Stems anywhere", fold_safe=on)
        )
        self.note = QLabel(self)
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.hear = QPushButton("Hear it", self)
        self.hear.setProperty("primary", True)
        self.hear.setProperty("compact", True)
        _describe(
            self.hear,
            "Hear the room",
            "You hear the stereo mix: hear this room instead, folded to stereo. The box above has headphones and "
            "loudspeakers, too.",
        )
        kept = self.hear.sizePolicy()
        kept.setRetainSizeWhenHidden(True)
        self.hear.setSizePolicy(kept)
        self.hear.clicked.connect(lambda: self._hear("fold-down"))
        self.headphones = QPushButton("Headphones", self)
        self.headphones.setToolTip("Hear all the loudspeakers around your head instead")
        self.headphones.clicked.connect(lambda: self._hear("headphones"))
        self.pages = QTabBar(self)
        self.pages.setDrawBase(False)
        self.pages.setExpanding(False)
        for word, tip in (
            ("Place", "Where the target stem is"),
            ("Fold-down", "How near the room comes to the stereo mix on two loudspeakers"),
        ):
            self.pages.setTabToolTip(self.pages.addTab(word), tip)
        self.pages.setAccessibleName("Numbers of the stem, or the fold-down")
        self.pages.currentChanged.connect(lambda _: self._share())

    def _lay_out(self) -> None:
        self._head = QWidget(self)
        head = QVBoxLayout(self._head)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(GAP)
        top = QHBoxLayout()
        top.setSpacing(GAP)
        top.addWidget(self.layouts, 1)
        top.addWidget(self.ears, 1)
        under = QHBoxLayout()
        under.addWidget(self.presets)
        under.addStretch(1)
        under.addWidget(self.hear)  # in a row that is there anyway: the floor stays under a hand that drags
        under.addStretch(1)
        under.addWidget(self.fold_safe)
        head.addLayout(top)
        head.addLayout(under)
        head.addWidget(self.note)
        head.addWidget(self.headphones, 0, Qt.AlignmentFlag.AlignLeft)
        self._body = QWidget(self)
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(GAP)
        body.addWidget(self.pages)
        body.addWidget(self.place)
        body.addWidget(self.fold)
        body.addStretch(1)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 6, 12, GAP)
        self._grid.setSpacing(GAP)
        for part in (self._head, self.floor, self._body):
            self._grid.addWidget(part)
        self._wide: bool | None = None
        self._share()

    # how the room of the panel is shared

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show()

    def sizeHint(self) -> QSize:
        return QSize(330, 760)

    def minimumSizeHint(self) -> QSize:
        """With numbers or fold-down alone, whichever is shown: a scroll bar comes only below that."""
        margins = self._grid.contentsMargins()
        page = max(self._height(self.place), self.fold.minimumSizeHint().height())
        parts = [self._height(self._head), self.pages.sizeHint().height() + GAP + page]
        if not self._wide:
            parts.append(self.floor.minimumHeight())
        height = margins.top() + sum(parts) + (len(parts) - 1) * GAP + margins.bottom()
        return QSize(super().minimumSizeHint().width(), max(height, self.floor.minimumHeight()))

    def heightForWidth(self, width: int) -> int:
        """As for `minimumSizeHint`: sentences that are broken make a scroll area ask."""
        return self.minimumSizeHint().height()

    def _share(self) -> None:
        """Put the numbers under the floor or beside it, and show the fold-down with them or in their place."""
        self._arrange(self.width() >= WIDE)
        margins = self._grid.contentsMargins()
        left = self.height() - margins.top() - margins.bottom() - self._height(self._head) - GAP
        if not self._wide:
            left -= COMFORT + GAP
        both = left >= self._height(self.place) + GAP + self._height(self.fold)
        self.pages.setVisible(not both)
        self.place.setVisible(both or self.pages.currentIndex() == 0)
        self.fold.setVisible(both or self.pages.currentIndex() == 1)
        self._grid.activate()  # at once: a hand may be on the floor

    def _arrange(self, wide: bool) -> None:
        if wide == self._wide:
            return
        self._wide = wide
        grid = self._grid
        for part in (self._head, self.floor, self._body):
            grid.removeWidget(part)
        if wide:
            grid.addWidget(self.floor, 0, 0, 2, 1)
            grid.addWidget(self._head, 0, 1)
            grid.addWidget(self._body, 1, 1)
        else:
            grid.addWidget(self._head, 0, 0)
            grid.addWidget(self.floor, 1, 0)
            grid.addWidget(self._body, 2, 0)
        grid.setRowStretch(1, 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnMinimumWidth(1, NUMBERS_WIDTH if wide else 0)
        grid.setHorizontalSpacing(2 * GAP if wide else 0)
        QWidget.setTabOrder(self._head, self.floor)

    def _height(self, part: QWidget) -> int:
        """Pixels that a part takes at the width it has here."""
        width = NUMBERS_WIDTH if self._wide else self.width() - 24
        layout = part.layout()
        if layout is not None and layout.hasHeightForWidth():
            return layout.totalHeightForWidth(max(100, width))
        return part.sizeHint().height()

    def _measured(self) -> None:
        self.pages.setCurrentIndex(1)
        self._share()

    # what the person does

    def arrange(self, arrangement: Arrangement) -> None:
        """Put all stems in the places of a preset, as one step."""
        state = self._document.state
        if state is None:
            return
        self._document.settle()
        self._document.do(put_in_places(state, arrangement.of(state), f"Room: {arrangement.title}"))

    def _hear(self, ear: Ear | None) -> None:
        self._refusal = ""
        self._sound.set_ear(ear)
        self._show()

    def _set_room(self, words: str, **fields: Any) -> None:
        state = self._document.state
        if state is not None:
            self._refusal = ""
            self._document.do(set_room(state, words, **fields))
            self._show()

    # what is shown

    def _opened(self) -> None:
        self._refusal = ""
        self.fold.forget()
        if self.isVisible():
            self._show()

    def _refused(self, words: str) -> None:
        self._refusal = words
        self._show()

    def _changed(self, change: Change) -> None:
        # What nobody sees waits until it is seen: each step of the song would pay for it.
        if self.isVisible() and change.kinds & {"room", "stems", "mixer", "splits", "song"}:
            self._show()

    def _target_changed(self) -> None:
        if self.isVisible():
            self._show()

    def _show(self) -> None:
        state = self._document.state
        for part in (self.layouts, self.ears, self.presets):
            part.setEnabled(state is not None)
        self.fold_safe.setEnabled(state is not None and LAYOUTS[state.room.layout].keeps_stereo)
        with QSignalBlocker(self.layouts), QSignalBlocker(self.ears):
            self.ears.setCurrentIndex(max(0, self.ears.findData(self._sound.ear)))
            if state is not None:
                self.layouts.setCurrentIndex(self.layouts.findData(state.room.layout))
                self.fold_safe.setChecked(state.room.fold_safe)
        self.place.show_place()
        self.fold.show_state()
        unheard = (
            state is not None
            and self._sound.ear is None
            and not all(leaf.place.in_stereo for leaf in state.leaves())
        )
        words = NOTHING if state is None else self._refusal or ("" if MIXTURE in state.splits else ONE)
        self.note.setText(words)
        self.note.setVisible(bool(words))
        self.hear.setVisible(unheard)
        self.headphones.setVisible(bool(self._refusal))
        self._share()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._show()
        super().changeEvent(event)


def _describe(field: QWidget, spoken: str, tip: str) -> None:
    field.setToolTip(tip)
    field.setAccessibleName(spoken)
    field.setAccessibleDescription(tip)
