"""The menu of the selected atoms: hear them, give them to a stem, lock them, work on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from stemstudio.algorithms.nmf.given import Part
from stemstudio.algorithms.nmf.recipe import MOST_ROUNDS
from stemstudio.algorithms.parameters import counted
from stemstudio.gui.document import Document
from stemstudio.gui.reworking import reworkable, reworking_of
from stemstudio.gui.views import atom_drag
from stemstudio.gui.views.strip_menu import swatch
from stemstudio.project import edits
from stemstudio.project.reworking import NO_ATOMS, drawn_anew, held, kept_atoms


def atom_menu(
    document: Document, parent: QWidget, order: Sequence[int], hear: Callable[[int], None]
) -> QMenu | None:
    """The menu, where atoms are selected; `order` is that of all of them on screen, and `hear` plays one."""
    state, split, of, atoms = document.state, document.atom_split, document.atoms_of, document.atoms
    if state is None or split is None or of is None or not atoms:
        return None
    menu = QMenu(parent)
    menu.addAction(f"Hear atom {atoms[-1] + 1}\tCtrl+H", lambda: hear(atoms[-1]))
    give = menu.addMenu("Give to")
    for number, stem in enumerate(state.children(of), 1):
        words = f"{stem.name}\t{number}" if number < 10 else stem.name
        action = give.addAction(swatch(stem.colour), words)
        action.triggered.connect(lambda _=False, stem=stem.id: atom_drag.give(document, of, atoms, stem))
    give.addSeparator()
    give.addAction("A new stem", lambda: atom_drag.give_to_new(document, of, atoms))
    locked = all(atom in split.locked for atom in atoms)
    menu.addAction(
        "Unlock\tCtrl+K" if locked else "Lock: stays in its stem\tCtrl+K",
        lambda: lock(document, not locked),
    )
    menu.addSeparator()
    add_work(menu, document)
    menu.addSeparator()
    own = split.owners[atoms[-1]]
    menu.addAction(
        f"Select all of {state.stems[own].name}", lambda: document.select_atoms(split.parts_of(own))
    )
    menu.addAction("Select all atoms\tCtrl+A", lambda: document.select_atoms(order))
    return menu


def add_work(menu: QMenu, document: Document) -> None:
    """What can be done to the atoms themselves; greyed out where it has nothing to work on."""
    work, atoms, split = reworking_of(document), document.atoms, document.atom_split
    ready = reworkable(split) and not work.running
    others = split is not None and drawn_anew(split, kept_atoms(split, atoms)) > 0
    which = f"Split atom {atoms[0] + 1} in two" if len(atoms) == 1 else "Split in two"
    what = f"{len(atoms)} atoms" if len(atoms) > 1 else ""
    gone = what or (f"atom {atoms[0] + 1}" if atoms else "")
    for words, key, tip, slot, possible in (
        (
            f"Continue ({counted(work.rounds, 'rounds')})",
            "Ctrl+R",
            "Improve all atoms from where they are",
            work.go_on,
            True,
        ),
        ("Continue for…", "", "As many rounds as you say", lambda: go_on_for(document, menu), True),
        (
            "Draw the others anew",
            "Ctrl+Shift+J",
            "Locked atoms stay – or the selected ones, where none is locked",
            work.draw_others_anew,
            others,
        ),
        (which, "Ctrl+Shift+K", "Both halves stay in its stem", work.split, len(atoms) == 1),
        (f"Merge {what}".strip(), "Ctrl+J", "The selected atoms become one", work.merge, len(atoms) > 1),
        (
            f"Delete {gone}".strip(),
            "Del",
            "Atoms that sound in the same place get their light",
            work.delete,
            bool(atoms),
        ),
    ):
        action = menu.addAction(f"{words}\t{key}" if key else words, slot)
        action.setToolTip(tip if ready else NO_ATOMS)
        action.setEnabled(ready and possible)
    menu.setToolTipsVisible(True)
    if ready and atoms:
        add_keeping(menu, document)


def add_keeping(menu: QMenu, document: Document) -> None:
    """What of the selected atoms is to stay in whatever rounds come, and what of them is to be found anew."""
    work, atoms, split = reworking_of(document), document.atoms, document.atom_split
    if split is None or not atoms:
        return
    it, sounds = ("it", "it sounds") if len(atoms) == 1 else ("them", "they sound")
    menu.addSeparator()
    keeps: tuple[tuple[Part, str, str], ...] = (
        ("templates", f"Keep what {sounds} like", "Rounds and hints leave the spectrum as it is"),
        ("activations", f"Keep when {sounds}", "Rounds and hints leave the course in time as it is"),
    )
    for part, words, tip in keeps:
        action = menu.addAction(words)
        action.setToolTip(tip)
        action.setCheckable(True)
        action.setChecked(held(split, part) >= set(atoms))
        action.triggered.connect(lambda on, part=part: work.hold(part, on))
    menu.addSeparator()
    draws: tuple[tuple[Part, str, str], ...] = (
        (
            "both",
            f"Draw {it} anew",
            "By another chance, beside all others, which stay; what comes waits in the residual",
        ),
        ("templates", f"Draw anew what {sounds} like", "At the times when it sounds now"),
        ("activations", f"Draw anew when {sounds}", "With the sound that it has now"),
    )
    for part, words, tip in draws:
        action = menu.addAction(words)
        action.setToolTip(tip)
        action.triggered.connect(lambda _=False, part=part: work.draw_anew(part))
    menu.setToolTipsVisible(True)


def go_on_for(document: Document, parent: QWidget) -> None:
    """Ask for how many rounds the atoms are to be improved; Continue goes by it from then on."""
    work = reworking_of(document)
    rounds, given = QInputDialog.getInt(
        parent.window(), "Continue", "Rounds for all atoms, from where they are:", work.rounds, 1, MOST_ROUNDS
    )
    if given:
        work.go_on(rounds)


def lock(document: Document, locked: bool) -> None:
    """Lock the selected atoms, so that they stay in their stem, or unlock them."""
    state, parent, atoms = document.state, document.atoms_of, document.atoms
    if state is None or parent is None or not atoms:
        return
    what = f"atom {atoms[0] + 1}" if len(atoms) == 1 else f"{len(atoms)} atoms"
    document.do(edits.lock(state, parent, atoms, locked, f"{'Lock' if locked else 'Unlock'} {what}"))
