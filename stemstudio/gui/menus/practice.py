"""The Practice menu: tempo, key and beats to play along to."""

from __future__ import annotations

from stemstudio.gui.menus.menu import Command, Menu


class PracticeMenu(Menu):
    """How the song is played to play along, and its beats."""

    words = "Pra&ctice"

    def slower(self) -> None:
        self.window.practising.step_tempo(-0.05)

    def faster(self) -> None:
        self.window.practising.step_tempo(0.05)

    def key_down(self) -> None:
        self.window.practising.step_key(-1)

    def key_up(self) -> None:
        self.window.practising.step_key(1)

    def as_recorded(self) -> None:
        self.window.practising.as_recorded()

    def toggle_click(self, on: bool) -> None:
        self.window.practising.set(click=on)

    def toggle_snap(self, on: bool) -> None:
        self.window.practising.set(snap=on)

    def find_beats(self) -> None:
        self.window.practising.find()

    def tap_tempo(self) -> None:
        self.window.practising.tap()

    def halve_beats(self) -> None:
        self.window.practising.change("halved")

    def double_beats(self) -> None:
        self.window.practising.change("doubled")

    def set_song_pace(self) -> None:
        self.window.practice_bar.ask_pace()

    def set_song_key(self) -> None:
        self.window.practice_bar.ask_key()

    def begin_bar(self) -> None:
        self.window.practising.begin_bar(self.window.playhead.seconds)

    def move_beat(self) -> None:
        self.window.practising.move_nearest(self.window.playhead.seconds)

    def forget_beats(self) -> None:
        self.window.practising.forget()

    commands = (
        Command(slower, "S&lower", "A twentieth of the recorded tempo; the pitch stays.", ("Alt+Left",), "song"),
        Command(faster, "&Faster", "A twentieth of the recorded tempo; the pitch stays.", ("Alt+Right",), "song"),
        Command(key_down, "A semitone &down", "The tempo stays.", ("Alt+Down",), "song"),
        Command(key_up, "A semitone &up", "The tempo stays.", ("Alt+Up",), "song"),
        Command(as_recorded, "As &recorded", "The tempo and the key of the recording.", ("Alt+0",), "song"),
        Command(toggle_click, "&Metronome", "Clicks on the beats; never exported.", ("Ctrl+Alt+M",), "song", checkable=True, rule_before=True),
        Command(toggle_snap, "&Snap to beats", "Selections begin and end on beats.", ("Ctrl+Alt+B",), "song", checkable=True),
        Command(find_beats, "Find &beats and key", "Listen for the beats, the bars and the key of the song, in the background.", (), "song", rule_before=True),
        Command(tap_tempo, "&Tap the tempo", "Once a beat, while the song plays; the first tap begins a bar.", ("P",), "song"),
        Command(halve_beats, "&Half as many beats", "", (), "beats"),
        Command(double_beats, "T&wice as many beats", "", (), "beats"),
        Command(set_song_pace, "Beats a &minute…", "Type them: the same tempo all through the song, from the bar at the playhead.", (), "song"),
        Command(set_song_key, "&Key of the song…", "Where it was not found, or is another.", (), "song"),
        Command(begin_bar, "A bar b&egins at the playhead", "At the beat nearest to it.", (), "beats"),
        Command(move_beat, "Mo&ve the nearest beat to the playhead", "", (), "beats"),
        Command(forget_beats, "F&orget the beats", "", (), "beats"),
    )  # fmt: skip
