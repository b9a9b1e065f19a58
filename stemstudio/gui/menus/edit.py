"""The Edit menu: undo, and what is selected."""

from __future__ import annotations

from PySide6.QtWidgets import QMessageBox

from stemstudio.gui.menus.menu import Command, Menu
from stemstudio.gui.tools import painting


class EditMenu(Menu):
    """Steps, and the selection."""

    words = "&Edit"

    def undo(self) -> None:
        self.document.undo()

    def redo(self) -> None:
        self.document.redo()

    def select_all(self) -> None:
        self.document.select_all()

    def select_none(self) -> None:
        self.document.set_selection(type(self.document.selection)())

    def give_selection(self) -> None:
        """All the light in the selection to the target stem, as one stroke; with the harmonics tool, the melody."""
        tools = self.window.tools
        if tools.tool.draws_melody:
            self.window.menus.tools.paint_melody()
            return
        painting.give_selection(self.document, tools.value("strength"), hint=tools.mode == "hint")

    def escape(self) -> None:
        """End the stroke, then the selection of atoms, then the selection, then (asked) the job."""
        if self.window.sheet.spectrogram.cancel():
            return
        if self.document.atoms:
            self.document.select_atoms(())
        elif self.document.selection:
            self.select_none()
        elif self.document.jobs.queue:
            job = self.document.jobs.queue[0]
            question = f"Stop “{job.title}”? Nothing will have been changed."
            if QMessageBox.question(self.window, "Stop", question) == QMessageBox.StandardButton.Yes:
                job.stop()

    commands = (
        Command(undo, "&Undo", "Undo the last step.", ("Ctrl+Z",), "song"),
        Command(redo, "&Redo", "Do the step again that was undone.", ("Ctrl+Shift+Z", "Ctrl+Y"), "song"),
        Command(select_all, "Select &all", "Select the whole song.", ("Ctrl+A",), "song", rule_before=True),
        Command(select_none, "Select &nothing", "Forget the selection.", ("Ctrl+D",), "song"),
        Command(give_selection, "&Give selection to the target stem", "All the light inside goes to the stem that is outlined in the mixer; with the harmonics tool, the drawn melody.", ("Return", "Enter"), "giving"),
        Command(escape, "Escape", "End the stroke, then the selection, then (asked) the job.", ("Esc",), listed=False),
    )  # fmt: skip
