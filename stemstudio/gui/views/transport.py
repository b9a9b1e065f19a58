"""The transport: play, loop, listen to the selection or the original, where we are, what is selected."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup, QFont, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from stemstudio.gui import icons, theme
from stemstudio.gui.document import Document
from stemstudio.gui.elided import Elided
from stemstudio.gui.notation import hertz_words, note_of, time_text
from stemstudio.gui.steady import Elastic, Steady
from stemstudio.mixing.output import DeviceChoice
from stemstudio.project.project import Change
from stemstudio.spectral.brushes import Box

TICK_MS = 33
NO_SONG = "0:00.000 / 0:00.0"
SAY_MS = 5000
WORDS_FROM = 1860  # pixels of width from which there is room for the name of the sound output, beside the whole selection
BUTTON_WORDS_FROM = 1700  # and for the words of the buttons
NARROWEST = 1000
HELD_SECONDS = 0.2  # what is shorter is not worth a word
HELD = {
    "engine": "Preparing the sound…",
    "mixer": "The stems join in shortly…",
    "stretching": "Making this part at your tempo…",
    "reading": "Reading this part of the song…",
}
WHY_HELD = {
    "engine": "The sound engine is being compiled for this computer, once after installing. Play begins in some seconds.",
    "mixer": "This is the song itself. The mixer is being compiled for this computer, once after installing; "
    "stems, faders and effects are heard in some seconds.",
    "stretching": "This part is being stretched to the tempo and key you chose.",
    "reading": "The file is still being read; play goes on as soon as this part is there.",
}
LATENCIES = (
    ("low", "Short delay (may crackle)"),
    ("normal", "Normal delay"),
    ("high", "Long delay (never crackles)"),
)


class Transport(QWidget):
    """Buttons of the player, the position, and the selection in words.

    Signals
    -------
    play_selection_wanted(loop)
        The selection alone is to be heard, again and again with `loop`.
    before_pressed, before_released
        "As it was before the last edit" is held.
    output_chosen(device, latency)
        The person chose a sound output (its key; "" for the default one) and its delay.
    room_wanted
        The room is to be shown, or put away.
    loop_wanted
        The selected time is to be repeated, or no more.
    """

    play_selection_wanted = Signal(bool)
    before_pressed = Signal()
    before_released = Signal()
    output_chosen = Signal(str, str)
    room_wanted = Signal()
    loop_wanted = Signal()

    def __init__(
        self,
        document: Document,
        player: Any = None,
        parent: QWidget | None = None,
        practice: QWidget | None = None,
        beats_to_count: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__(parent)
        self.practice = practice
        self._beats_to_count = beats_to_count
        self._document = document
        self._player = player
        self._playing_shown: bool | None = None
        self._latency = "normal"
        self._chosen: DeviceChoice | str | None = None
        self._said = QTimer(self, singleShot=True)
        self._said.timeout.connect(self._show_selection)
        self._held, self._held_since = "", 0.0  # what play waits for, and since when
        self._build()
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self.show_position)
        document.opened.connect(self._opened)
        document.selection_changed.connect(self._selection_changed)
        document.changed.connect(self._changed)
        if player is not None:
            player.state_changed.connect(self._player_changed)
            player.finished.connect(self._player_changed)
        self._opened()

    def _build(self) -> None:
        self.start = self._button("start", "Back to the start (Home)", "Back to the start")
        self.play = self._button("play", "Play (Space)", "Play")
        self.play.setIconSize(QSize(26, 26))
        self.loop = self._button("loop", "", "Loop the selection", "loop", checkable=True)
        self.alone = self._button(
            "play selection", "", "Play the selection only", "play selection", checkable=True
        )
        self.before = self._button(
            "before",
            "Hold to hear the song as it was before the last edit (hold \\)",
            "Before the last edit",
            "before",
        )
        self.original = self._button(
            "original",
            "A/B: the original song instead of the stems (hold Shift+\\)",
            "Original song",
            "A/B original",
            checkable=True,
        )
        self.position = Steady(NO_SONG, self)
        large = QFont(self.font())
        large.setPointSizeF(1.55 * large.pointSizeF())
        large.setBold(True)
        self.position.setFont(large)
        self.position.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.position.setToolTip(
            "Where the song is, and how long it is; during a count-in, how many beats are still to come"
        )
        self.position.setAccessibleName("Position")
        self.selection = Elided(parent=self)
        self.selection.setProperty("role", "muted")
        self.selection.setAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        self.room = self._button(
            "room", "The room: stems over more than two loudspeakers (Ctrl+Shift+U)", "The room", "Room"
        )
        self.room.clicked.connect(self.room_wanted)
        self.device = QToolButton(self)
        self.device.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.device.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.device.setProperty("flat", True)
        self.device.setMaximumWidth(210)
        self.device.setAccessibleName("Sound output")
        self.device_menu = QMenu(self.device)
        self.device_menu.aboutToShow.connect(self._fill_devices)
        self.device.setMenu(self.device_menu)
        self.start.clicked.connect(self.back_to_start)
        self.play.clicked.connect(self.toggle)
        self.loop.clicked.connect(self._loop_clicked)
        self.alone.clicked.connect(self._alone_clicked)
        self.before.pressed.connect(self.before_pressed)
        self.before.released.connect(self.before_released)
        self.original.clicked.connect(self.set_original)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 12, 4)
        row.setSpacing(2)
        for button in (self.start, self.play, self.loop, self.alone, self.before, self.original):
            row.addWidget(button)
        row.addSpacing(8)
        row.addWidget(self.position)
        row.addSpacing(12)
        if self.practice is not None:
            row.addWidget(self.practice)
            row.addSpacing(12)
        row.addWidget(Elastic(self.selection, self), 1)
        row.addWidget(self.room)
        row.addWidget(self.device)
        self._dress()

    def _button(
        self, name: str, tip: str, spoken: str, words: str = "", checkable: bool = False
    ) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setProperty("flat", True)
        button.setToolTip(tip)
        button.setAccessibleName(spoken)
        button.setText(words)
        button.setCheckable(checkable)
        button.setIconSize(QSize(20, 20))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if words:
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        return button

    # what it does

    def toggle(self) -> None:
        """Play or pause."""
        if self._player is not None:
            self._player.toggle()

    def back_to_start(self) -> None:
        """Go to the start of the loop, or of the song."""
        if self._player is not None:
            loop = self._player.loop
            self._player.seek(loop[0] if loop and self._player.position > loop[0] else 0)
            self.show_position()

    def _loop_clicked(self) -> None:
        self.loop_wanted.emit()
        self._player_changed()

    def set_original(self, on: bool) -> None:
        """Hear the original song, or the stems."""
        if self._player is not None:
            self._player.set_source("original" if on else "stems")
        self._player_changed()

    def say(self, text: str) -> None:
        """Show a sentence for some seconds, in the place of the selection."""
        theme.restyle(self.selection, role="")
        self.selection.setText(text)
        self.selection.setToolTip(text)
        self._said.start(max(SAY_MS, 60 * len(text)))

    def _alone_clicked(self, on: bool) -> None:
        if on:
            self.play_selection_wanted.emit(self._player.loop is not None)
        else:
            self._player.end_audition()
        self._player_changed()

    # what it shows

    @property
    def _bounds(self) -> Box | None:
        return self._document.selection.bounds

    def _changed(self, change: Change) -> None:
        if "song" in change.kinds:
            self.show_position()

    def _opened(self) -> None:
        there = self._document.state is not None and self._player is not None
        for button in (self.start, self.play, self.before, self.original):
            button.setEnabled(there)
        widest = f"{time_text(self._document.duration, 3)} / {time_text(self._document.duration, 1)}"
        self.position.set_widest(widest)
        self._selection_changed()
        self._player_changed()

    def _player_changed(self) -> None:
        player = self._player
        playing = player is not None and player.playing
        if playing != self._playing_shown:
            self._playing_shown = playing
            self._dress_play()
        if playing:
            self._timer.start()
        else:
            self._timer.stop()
        if player is not None:
            self.loop.setChecked(player.loop is not None)
            self.original.setChecked(player.source == "original")
            self.alone.setChecked(player.source == "audition")
            self._show_device()
        self._enable_selection()
        self.show_position()

    def _show_held(self) -> None:
        """Say what play waits for, as long as it does."""
        held, now = "" if self._player is None else self._player.held_by, time.monotonic()
        if held != self._held:
            self._held, self._held_since = held, now
        words = HELD[held] if held and now - self._held_since > HELD_SECONDS else ""
        said = self.selection.text() if self._said.isActive() else ""
        if words and said in ("", *HELD.values()):
            self.say(words)
            self.selection.setToolTip(WHY_HELD[held])
        elif not held and said in HELD.values():
            self._show_selection()

    def _show_selection(self) -> None:
        self._said.stop()
        theme.restyle(self.selection, role="muted")
        words = selection_words(self._bounds, self._document.viewport.nyquist)
        self.selection.setText(words)
        self.selection.setToolTip(f"Selected: {words}" if words else "")

    def _selection_changed(self) -> None:
        self._show_selection()
        self._enable_selection()

    def _enable_selection(self) -> None:
        there = self._player is not None and self._document.state is not None
        looping = there and self._player.loop is not None
        some = there and self._bounds is not None
        self.loop.setEnabled(some or looping)
        self.alone.setEnabled(some or (there and self._player.source == "audition"))
        none = "Select some time first, with T or R"
        self.loop.setToolTip(
            "Repeat the selected time (Ctrl+L)" if some or looping else f"Loop: {none} (Ctrl+L)"
        )
        words = "Play the selection only: its time and its frequencies (Shift+Space)"
        self.alone.setToolTip(
            words if some else f"Play the selection only: {none[0].lower()}{none[1:]} (Shift+Space)"
        )

    def show_position(self, *_: object) -> None:
        """Write down where the song is, how many beats are still counted before it goes on, and what play waits for."""
        self._show_held()
        state = self._document.state
        if state is None:
            self.position.setText(NO_SONG)
            return
        counted = self._beats_to_count()
        if counted:
            self.position.setText(f"Count-in: {counted}")
            return
        sample = self._player.position if self._player is not None else 0
        seconds = min(sample / state.mixture.sample_rate, self._document.duration)
        self.position.setText(f"{time_text(seconds, 3)} / {time_text(self._document.duration, 1)}")

    # sound output

    def _show_device(self) -> None:
        device, note = self._player.device, self._player.device_note
        words = device.label if device is not None else "No sound" if self._player.silent else "Sound output"
        metrics = self.device.fontMetrics()
        self.device.setText(metrics.elidedText(words, Qt.TextElideMode.ElideRight, 150))
        self.device.setToolTip(note or f"{words} · choose the sound output and its delay")

    def _fill_devices(self) -> None:
        menu = self.device_menu
        menu.clear()
        if self._player is None:
            return
        found = self._player.devices()
        present = self._player.device
        group = QActionGroup(menu)
        for choice in found:
            words = f"{choice.label} (default)" if choice.is_default else choice.label
            chosen = choice.key == present.key if present is not None else choice.is_default
            self._choice(menu, group, words, chosen).triggered.connect(
                lambda _=False, choice=choice: self._open(choice, self._latency)
            )
        if not found:
            menu.addAction(self._player.device_note or "No sound output was found").setEnabled(False)
        menu.addSeparator()
        latencies = QActionGroup(menu)
        for name, words in LATENCIES:
            self._choice(menu, latencies, words, name == self._latency).triggered.connect(
                lambda _=False, name=name: self._open(self._chosen, name)
            )

    def set_output(self, device: str, latency: str) -> None:
        """Play on what was chosen in an earlier session; where it is not there, the player takes the default."""
        self._chosen, self._latency = device or None, latency
        self._player.open(self._chosen, latency)

    def _open(self, device: DeviceChoice | str | None, latency: str) -> None:
        self._chosen, self._latency = device, latency
        self._player.open(device, latency)
        key = device.key if isinstance(device, DeviceChoice) else device or ""
        self.output_chosen.emit(key, latency)

    @staticmethod
    def _choice(menu: QMenu, group: QActionGroup, words: str, chosen: bool) -> QAction:
        action = menu.addAction(words)
        action.setCheckable(True)
        action.setChecked(chosen)
        group.addAction(action)
        return action

    # looks

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._word((self.room, self.device), self.width() >= WORDS_FROM)
        self._word((self.loop, self.alone, self.before, self.original), self.width() >= BUTTON_WORDS_FROM)

    @staticmethod
    def _word(buttons: Iterable[QToolButton], words: bool) -> None:
        beside, only = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly
        for button in buttons:
            button.setToolButtonStyle(beside if words else only)

    def minimumSizeHint(self) -> QSize:
        """As narrow as without the words, which go where there is no room for them."""
        return QSize(NARROWEST, super().minimumSizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)

    def _dress(self) -> None:
        look = theme.current()
        for button, name in (
            (self.start, "start"),
            (self.room, "room"),
            (self.loop, "loop"),
            (self.alone, "play selection"),
            (self.before, "before"),
            (self.original, "original"),
        ):
            button.setIcon(icons.icon(name))
        self.device.setIcon(icons.icon("device", look.muted))
        self._dress_play()

    def _dress_play(self) -> None:
        self.play.setIcon(icons.icon("pause" if self._playing_shown else "play"))
        words = "Pause" if self._playing_shown else "Play"
        self.play.setToolTip(f"{words} (Space)")
        self.play.setAccessibleName(words)


def selection_words(box: Box | None, nyquist: float) -> str:
    """A selection in seconds, Hz and notes; empty without one."""
    if box is None:
        return ""
    words = f"{time_text(box.start, 2)}–{time_text(box.stop, 2)} · {box.stop - box.start:.2f} s"
    if box.low <= 20.0 and box.high >= 0.999 * nyquist:
        return f"{words} · all frequencies"
    low, high = max(box.low, 20.0), min(box.high, nyquist)
    return f"{words} · {hertz_words(low)}–{hertz_words(high)} ({note_of(low)[0]}–{note_of(high)[0]})"
