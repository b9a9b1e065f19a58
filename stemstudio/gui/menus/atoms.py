"""The Atoms menu: what is done to the selected atoms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from stemstudio.gui.folders import last_folder, remember_folder
from stemstudio.gui.menus.menu import Command, Menu
from stemstudio.gui.reworking import reworking_of
from stemstudio.gui.views.atom_menu import go_on_for, lock
from stemstudio.gui.views.suggestions import suggestions_of

if TYPE_CHECKING:
    from stemstudio.gui.main_window import MainWindow


class AtomsMenu(Menu):
    """The atoms on display, and those of them that are selected."""

    words = "&Atoms"

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._reworking = reworking_of(window.document)

    def suggest_atoms(self) -> None:
        self.window.atoms.suggest_bar.suggest()

    def let_follow(self) -> None:
        suggestions_of(self.document).suggest(None, "example")

    def hear_atom(self) -> None:
        document = self.document
        if document.atoms and document.atoms_of is not None:
            self.window.auditions.hear_atom(document.atoms_of, document.atoms[0])

    def lock_atoms(self) -> None:
        split, atoms = self.document.atom_split, self.document.atoms
        if split is not None and atoms:
            lock(self.document, not all(atom in split.locked for atom in atoms))

    def go_on_atoms(self) -> None:
        self._reworking.go_on()

    def go_on_atoms_for(self) -> None:
        go_on_for(self.document, self.window)

    def redraw_atoms(self) -> None:
        self._reworking.draw_others_anew()

    def split_atom(self) -> None:
        self._reworking.split()

    def merge_atoms(self) -> None:
        self._reworking.merge()

    def delete_atoms(self) -> None:
        self._reworking.delete()

    def save_atoms(self) -> None:
        folder = last_folder("atoms")
        name, _ = QFileDialog.getSaveFileName(
            self.window, "Save atoms", f"{folder}/atoms.npz", "Atoms (*.npz)"
        )
        if name:
            remember_folder("atoms", Path(name).parent)
            self._reworking.save(Path(name))

    def select_all_atoms(self) -> None:
        split = self.document.atom_split
        if split is not None:
            self.document.select_atoms(range(len(split.owners)))

    commands = (
        Command(suggest_atoms, "&Suggest stems", "Gather atoms that are alike into stems.", ("Ctrl+G",), "atoms"),
        Command(let_follow, "Let the rest &follow", "Atoms that have no stem yet go where those of yours are that they sound like; yours stay.", ("Ctrl+Shift+G",), "atoms"),
        Command(hear_atom, "&Hear the atom", "The selected atom alone.", ("Ctrl+H",), "an atom"),
        Command(lock_atoms, "&Lock or unlock", "Locked atoms stay in their stem.", ("Ctrl+K",), "an atom"),
        Command(go_on_atoms, "&Continue", "Improve all atoms from where they are, by 100 rounds or as many as “Continue for…” was told; none jumps or changes its place.", ("Ctrl+R",), "nmf", rule_before=True),
        Command(go_on_atoms_for, "Continue fo&r…", "As many rounds as you say.", (), "nmf"),
        Command(redraw_atoms, "&Draw the others anew", "Locked atoms stay – or the selected ones, where none is locked – and all others are found anew by another chance.", ("Ctrl+Shift+J",), "nmf"),
        Command(split_atom, "S&plit in two", "Take the selected atom apart into two; both stay in its stem.", ("Ctrl+Shift+K",), "chosen"),
        Command(merge_atoms, "&Merge", "Make the selected atoms one.", ("Ctrl+J",), "chosen"),
        Command(delete_atoms, "D&elete", "Take the selected atoms away; those that sound in the same place get their light.", ("Del",), "chosen"),
        Command(save_atoms, "&Save atoms…", "Write the atoms to a file, to start from them another time: “given” among the parameters of Atoms (NMF).", (), "nmf", rule_before=True),
        Command(select_all_atoms, "Select &all atoms", "", (), "atoms"),
    )  # fmt: skip
