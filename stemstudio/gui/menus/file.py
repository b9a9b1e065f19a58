"""The File menu: songs and projects: open, save, export, close."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from stemstudio.gui.folders import last_folder, remember_folder
from stemstudio.gui.menus.menu import Command, Menu
from stemstudio.resources import resource

SONGS = "*.wav *.flac *.aif *.aiff *.mp3 *.m4a *.mp4 *.ogg *.oga *.opus *.wma *.aac *.alac *.ape *.wv *.mkv *.mov *.webm"


class FileMenu(Menu):
    """Songs and projects."""

    words = "&File"

    def open(self) -> None:
        folder = last_folder("open")
        filters = f"Songs and projects ({SONGS} *.stems);;All files (*)"
        name, _ = QFileDialog.getOpenFileName(self.window, "Open a song or a project", folder, filters)
        if name:
            remember_folder("open", Path(name).parent)
            self.window.open_path(Path(name))

    def open_demo(self) -> None:
        self.window.open_path(resource("demo/demo.flac"))

    def save(self) -> None:
        self.window.saving.save()

    def save_as(self) -> None:
        self.window.saving.save_as()

    def embed_song(self, on: bool) -> None:
        self.window.saving.set_embedded(on)

    def export(self) -> None:
        self.window.exporting.ask()

    def close_song(self) -> None:
        self.window.close_song()

    def quit(self) -> None:
        self.window.close()

    commands = (
        Command(open, "&Open…", "Open a song or a project.", ("Ctrl+O",)),
        Command(open_demo, "Open the &demo song", "A short song with known stems, to try things on."),
        Command(save, "&Save", "Save the project; the version before stays beside it as .bak.", ("Ctrl+S",), "song", rule_before=True),
        Command(save_as, "Save &as…", "Save the project under another name.", ("Ctrl+Shift+S",), "song"),
        Command(embed_song, "Keep the song &inside the project", "The project file then needs no other file.", (), "song", checkable=True),
        Command(export, "&Export…", "Write stems, or the mix as heard, to files.", ("Ctrl+E",), "song", rule_before=True),
        Command(close_song, "&Close", "Close the song.", ("Ctrl+W",), "song", rule_before=True),
        Command(quit, "&Quit", "Leave StemStudio.", ("Ctrl+Q",)),
    )  # fmt: skip
