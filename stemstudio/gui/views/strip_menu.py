"""The menu of a stem: rename, colour, split, merge, delete, solo only, reset."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QColorDialog, QMenu, QWidget

from stemstudio.gui.document import Document
from stemstudio.project import edits, remixing
from stemstudio.project.project import State
from stemstudio.project.stem import COLOURS, MIXTURE, RESIDUAL_COLOUR

COLOUR_NAMES = ("Coral", "Yellow", "Blue", "Green", "Magenta", "Sky", "Lime", "Pink", "Violet")


def stem_menu(
    document: Document,
    stem: int,
    rename: Callable[[], None],
    split: Callable[[], None],
    panel: Callable[[], None],
    parent: QWidget,
) -> QMenu:
    """Build the menu of a stem, to be opened by whoever asked for it."""
    state = document.state
    assert state is not None
    values = state.stems[stem]
    above = values.parent
    menu = QMenu(parent)
    menu.setToolTipsVisible(True)
    menu.addAction("Rename…\tF2", rename)
    _add_colours(menu.addMenu("Colour"), document, stem)
    menu.addSeparator()
    menu.addAction("Split this stem…", split).setToolTip(
        "Take this stem apart further, in the Separate panel."
    )
    merging = menu.addMenu("Merge with")
    siblings = [] if above is None else [each for each in state.children(above) if each.id != stem]
    for sibling in siblings:
        order = [sibling.id, stem] if state.is_residual(sibling.id) else [stem, sibling.id]
        action = merging.addAction(swatch(sibling.colour), sibling.name)
        action.triggered.connect(
            lambda _=False, order=order: document.do(edits.merge(_state(document), order))
        )
    merging.setEnabled(bool(siblings))
    if above not in (None, MIXTURE):
        name = state.stems[above].name
        menu.addAction(f"Put {name} together again", lambda: document.do(edits.join(_state(document), above)))
    delete = menu.addAction("Delete (its light goes to the residual)")
    delete.triggered.connect(lambda: document.do(edits.delete(_state(document), stem)))
    delete.setEnabled(above is not None and not state.is_residual(stem))
    menu.addSeparator()
    only = menu.addAction("Solo only this", lambda: solo_only(document, stem))
    only.setEnabled(above is not None)
    menu.addAction("Equaliser, sends, volume curve…", panel).setToolTip(
        "All that does not fit on the strip: equaliser, reverb, delay, width, phase, muted stretches."
    )
    flip = menu.addAction("Turn the phase over")
    flip.setCheckable(True)
    flip.setChecked(values.flip)
    flip.triggered.connect(lambda on: _switch(document, stem, "Turn the phase of", flip=on))
    safe = menu.addAction("Safe from solo")
    safe.setCheckable(True)
    safe.setChecked(values.solo_safe)
    safe.triggered.connect(lambda on: _switch(document, stem, "Solo-safe", solo_safe=on))
    bounds = document.selection.bounds
    silence = menu.addAction("Silence the selection")
    silence.setEnabled(bounds is not None)
    silence.triggered.connect(lambda: silence_selection(document, stem))
    again = menu.addAction("Hear muted stretches again")
    again.setEnabled(bool(values.mutes))
    again.triggered.connect(lambda: hear_again(document, stem))
    menu.addAction("Reset the strip", lambda: reset(document, stem))
    return menu


def solo_only(document: Document, stem: int) -> None:
    """Solo a stem and end every other solo, as one step."""
    state = _state(document)
    steps = [
        edits.set_stem(state, leaf.id, "", solo=leaf.id == stem)
        for leaf in state.leaves()
        if leaf.solo != (leaf.id == stem)
    ]
    if steps:
        document.do(edits.together(f"Solo only {state.stems[stem].name}", steps))


def reset(document: Document, stem: int) -> None:
    """Put a whole strip back to where it was at first."""
    document.do(remixing.reset_strip(_state(document), stem))
    document.settle()


def silence_selection(document: Document, stem: int) -> None:
    """Silence a stem for as long as the time selection lasts."""
    bounds = document.selection.bounds
    if bounds is None or bounds.stop <= bounds.start:
        document.said.emit("The selection has no length; drag with T to select a time.")
    else:
        document.do(remixing.silence(_state(document), stem, bounds.start, bounds.stop))
        document.settle()


def hear_again(document: Document, stem: int) -> None:
    """Hear muted stretches again, within the time selection where there is one."""
    bounds = document.selection.bounds
    start, stop = (0.0, math.inf) if bounds is None else (bounds.start, bounds.stop)
    document.do(remixing.sound_again(_state(document), stem, start, stop))
    document.settle()


def _switch(document: Document, stem: int, words: str, **fields: bool) -> None:
    state = _state(document)
    document.settle()
    document.do(edits.set_stem(state, stem, f"{words} {state.stems[stem].name}", **fields))
    document.settle()


@lru_cache(maxsize=64)
def swatch(colour: str) -> QIcon:
    """A small disc of a stem's colour."""
    picture = QPixmap(32, 32)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawEllipse(5, 5, 22, 22)
    return QIcon(picture)


def _add_colours(menu: QMenu, document: Document, stem: int) -> None:
    present = _state(document).stems[stem].colour
    for word, colour in (*zip(COLOUR_NAMES, COLOURS, strict=True), ("Grey", RESIDUAL_COLOUR)):
        action = menu.addAction(swatch(colour), word + ("  (now)" if colour == present else ""))
        action.triggered.connect(lambda _=False, colour=colour: _colour(document, stem, colour))
    menu.addSeparator()
    menu.addAction("Other…", lambda: _choose_colour(document, stem, menu.parentWidget()))


def _choose_colour(document: Document, stem: int, parent: QWidget | None) -> None:
    name, present = _state(document).stems[stem].name, QColor(_state(document).stems[stem].colour)
    chosen = QColorDialog.getColor(present, parent, f"Colour of {name}")
    if chosen.isValid():
        _colour(document, stem, chosen.name())


def _colour(document: Document, stem: int, colour: str) -> None:
    state = _state(document)
    document.do(edits.set_stem(state, stem, f"Colour of {state.stems[stem].name}", colour=colour))
    document.settle()


def _state(document: Document) -> State:
    state = document.state
    assert state is not None
    return state
