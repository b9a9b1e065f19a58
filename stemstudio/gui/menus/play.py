"""The Play menu: what is heard, and which stems of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from PySide6.QtCore import QSettings

from stemstudio.gui.menus.menu import Command, Menu
from stemstudio.gui.views.strip_menu import silence_selection
from stemstudio.project import edits


def _mixers(switch: Callable[..., None]) -> Iterable[Command]:
    for place, letter in enumerate("ABCD"):
        tip = f"Go over to mixer {letter}; one that is not there yet begins as a copy of this one."
        yield Command(
            switch, f"Mixer {letter}", tip, (f"F{5 + place}",), "song", argument=place, listed=False
        )


def _numbered(do: Callable[..., None], text: str, tip: str, key: str) -> Iterable[Command]:
    for n in range(1, 10):
        yield Command(do, text.format(n), tip.format(n), (key.format(n),), "song", argument=n, listed=False)


class PlayMenu(Menu):
    """What is heard, and how the stem under work is heard in it."""

    words = "&Play"

    def loop_selection(self) -> None:
        self.window.practising.toggle_loop()

    def play_pause(self) -> None:
        self.player.end_audition()
        self.player.toggle()

    def play_selection(self) -> None:
        self.window.auditions.play_selection(loop=False)

    def to_start(self) -> None:
        self.player.seek(0)
        view = self.document.viewport
        view.set_time(0.0, view.stop - view.start)

    def hear_before(self) -> None:
        self.window.auditions.before_last_edit()

    def hear_before_end(self) -> None:
        self.window.auditions.end()

    def hear_original(self) -> None:
        self.player.set_source("original")

    def hear_original_end(self) -> None:
        self.player.set_source("stems")

    def mute_target(self) -> None:
        self._toggle("mute", self.document.target)

    def solo_target(self) -> None:
        self._toggle("solo", self.document.target)

    def _toggle(self, field: Literal["mute", "solo"], stem: int) -> None:
        state = self.document.state
        if state is None or stem not in state.stems:
            return
        strip = state.stems[stem]
        on = not getattr(strip, field)
        word = {"mute": ("Mute", "Unmute"), "solo": ("Solo", "Unsolo")}[field][0 if on else 1]
        self.document.do(edits.set_stem(state, stem, f"{word} {strip.name}", **{field: on}))
        self.document.settle()

    def silence_target(self) -> None:
        silence_selection(self.document, self.document.target)

    def shape_target(self) -> None:
        self.window.mixer.open_panel(self.document.target)

    def draw_volume(self, on: bool) -> None:
        self.window.mixer.panel.draw_curve.setChecked(on)

    def auto_solo(self, on: bool) -> None:
        QSettings().setValue("auto solo", "true" if on else "false")

    def mixer(self, place: int) -> None:
        """Go over to another mixer: 0 is A."""
        self.window.mixer.master.letters.switch("ABCD"[place])

    def number(self, number: int) -> None:
        """Give the selected atoms to stem `number`, or make it the target where no atom is selected."""
        if self.document.atoms and self.window.atoms.isVisible():
            self.window.atoms.assign_to_number(number)
            return
        stem = self.document.target_number(number)
        if stem is not None:
            self.document.set_target(stem)

    def solo_number(self, number: int) -> None:
        stem = self.document.target_number(number)
        if stem is not None:
            self._toggle("solo", stem)

    commands = (
        Command(loop_selection, "&Loop the selection", "Repeat the selected time; again to go straight on.", ("Ctrl+L",), "song"),
        Command(play_pause, "&Play or pause", "", ("Space",), "song"),
        Command(play_selection, "Play the &selection only", "Its time and its frequencies, nothing else.", ("Shift+Space",), "song"),
        Command(to_start, "Back to the &start", "", ("Home",), "song"),
        Command(hear_before, "&Before the last edit (hold)", "As it was before the last edit, for as long as the key is held.", ("\\",), "song", end=hear_before_end),
        Command(hear_original, "The &original (hold)", "The original mixture, for as long as the keys are held.", ("Shift+\\", "Shift+|", "|"), "song", end=hear_original_end),
        Command(mute_target, "&Mute the target stem", "", ("M",), "stems", rule_before=True),
        Command(solo_target, "S&olo the target stem", "", ("S",), "stems"),
        Command(silence_target, "S&ilence the target in the selection", "The target stem is muted for as long as the time selection lasts.", (), "selection"),
        Command(shape_target, "&Equaliser, sends, volume curve…", "All that does not fit on the strip of the target stem.", ("Ctrl+Shift+E",), "song"),
        Command(draw_volume, "Draw the &volume curve", "The volume curve of the target stem, on the overview above the spectrogram.", (), "song", checkable=True),
        Command(auto_solo, "The target &alone while painting", "While a stroke is being made, the stem under work is heard alone.", (), "", checkable=True, rule_before=True),
        *_mixers(mixer),
        *_numbered(number, "Stem {}", "Make stem {} the target, or give it the selected atoms.", "{}"),
        *_numbered(solo_number, "Solo stem {}", "Solo stem {}.", "Alt+{}"),
    )  # fmt: skip
