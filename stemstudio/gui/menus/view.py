"""The View menu: what is on screen, and how large."""

from __future__ import annotations

from typing import get_args

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from stemstudio.gui import theme
from stemstudio.gui.look import View
from stemstudio.gui.menus.menu import Command, Menu
from stemstudio.gui.opinions import opinions_of


class ViewMenu(Menu):
    """What is on screen."""

    words = "&View"

    def zoom_in(self) -> None:
        self._zoom(2.0)

    def zoom_out(self) -> None:
        self._zoom(0.5)

    def _zoom(self, factor: float) -> None:
        view = self.document.viewport
        state = self.document.state
        at = (view.start + view.stop) / 2
        if state is not None:
            playhead = self.player.position / state.mixture.sample_rate
            at = playhead if view.start <= playhead <= view.stop else at
        view.zoom_time(factor, at)

    def zoom_fit(self) -> None:
        self.document.viewport.fit()

    def zoom_selection(self) -> None:
        bounds = self.document.selection.bounds
        if bounds is not None:
            margin = 0.05 * (bounds.stop - bounds.start)
            self.document.viewport.set_time(bounds.start - margin, bounds.stop + margin)
            self.document.viewport.set_frequency(bounds.low, bounds.high)

    def toggle_overlay(self, on: bool) -> None:
        self.document.set_look(overlay=on)

    def next_view(self) -> None:
        """What the spectrogram shows, one after the other."""
        views = get_args(View)
        self.document.set_look(view=views[(views.index(self.document.look.view) + 1) % len(views)])

    def next_doubt(self) -> None:
        opinions_of(self.document).go(1)

    def previous_doubt(self) -> None:
        opinions_of(self.document).go(-1)

    def show_room(self) -> None:
        """The room from above, in a column of its own, or away with it."""
        if self.window.room_dock.toggle():
            self.window.docks["Room"].raise_()
            self.window.room.floor.setFocus()

    def set_theme(self, name: str) -> None:
        QSettings().setValue("theme", name)
        theme.apply(QApplication.instance(), name)
        for widget in QApplication.allWidgets():
            widget.update()

    commands = (
        Command(zoom_in, "Zoom &in", "Fewer seconds on the screen.", ("Ctrl++", "Ctrl+="), "song"),
        Command(zoom_out, "Zoom &out", "More seconds on the screen.", ("Ctrl+-",), "song"),
        Command(zoom_fit, "&Whole song", "All seconds and all frequencies.", ("Ctrl+0",), "song"),
        Command(zoom_selection, "Zoom to the &selection", "Fill the screen with what is selected.", ("Ctrl+Shift+0",), "selection"),
        Command(toggle_overlay, "&Overlay", "The mask of the selected atoms, over the spectrogram.", ("O",), "song", checkable=True, rule_before=True),
        Command(next_view, "&Next overlay", "By stem, the mixture, one stem, its mask, doubt; and around again.", ("Shift+O",), "song"),
        Command(next_doubt, "Next &doubtful place", "Where ways of separating differ most; the largest place comes first.", ("N",), "stems"),
        Command(previous_doubt, "Doubtful place &before", "Back to the doubtful place before.", ("Shift+N",), "stems"),
        Command(show_room, "&Room", "Spread the stems over loudspeakers, seen from above.", ("Ctrl+Shift+U",), "", rule_before=True),
    )  # fmt: skip
