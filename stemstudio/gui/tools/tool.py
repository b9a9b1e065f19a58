"""Tool: what the pointer does on the sheet. A tool is one file; a gesture is one generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter

from stemstudio.gui.document import Document
from stemstudio.gui.tools.toolbox import ToolBox
from stemstudio.gui.viewport import Viewport
from stemstudio.gui.views.melody_marks import MelodyLook
from stemstudio.spectral.brushes import Box, BrushStroke


class Canvas(Protocol):
    """The sheet that tools work on, as they see it."""

    document: Document
    toolbox: ToolBox

    @property
    def viewport(self) -> Viewport: ...

    def width(self) -> int: ...

    def height(self) -> int: ...

    def show_stroke(self, piece: BrushStroke, *, erase: bool, hint: bool = False) -> None:
        """Add a piece of the stroke in the hand to what is seen."""

    def hide_stroke(self) -> None:
        """Take the stroke in the hand off the screen."""

    def settle_stroke(self, box: Box) -> None:
        """The stroke was done: show it until the sheet itself shows it."""

    def update(self) -> None:
        """Draw everything that lies over the light anew."""

    def update_between(self, start: float, stop: float) -> None:
        """Draw what lies over the light between two times, and just beside them, anew."""

    def offer(self, title: str, choices: list[tuple[str, str, Callable[[], None]]]) -> None:
        """Show a menu at the pointer: (words, colour, what to do) each."""


@dataclass
class Gesture:
    """Where the pointer is, from press to release; the same object is brought up to date at every step.

    Attributes
    ----------
    canvas
        The sheet.
    seconds, hertz
        Where the pointer is.
    point
        The same in pixels of the view.
    shift, alt, control
        Keys held now.
    secondary
        Whether it is the right button.
    down
        Whether the button is still down: False once, at the end.
    """

    canvas: Canvas
    seconds: float
    hertz: float
    point: QPointF
    shift: bool = False
    alt: bool = False
    control: bool = False
    secondary: bool = False
    down: bool = True

    @property
    def document(self) -> Document:
        return self.canvas.document


@dataclass(frozen=True)
class Option:
    """A number that a tool asks for.

    Attributes
    ----------
    name
        Of the value in the tool box.
    label, tip
        Words for it.
    low, high
        Limits.
    write
        How a value is written.
    log
        Whether equal steps of the slider are equal factors.
    """

    name: str
    label: str
    tip: str
    low: float
    high: float
    write: Callable[[float], str]
    log: bool = False


class Tool:
    """One tool.

    Class attributes
    ----------------
    name, word
        What it is called in settings, and below its letter.
    key
        Its key, which is also its sign.
    title, tip
        Heading of its options; one plain sentence.
    cursor
        Shape of the pointer.
    options
        Numbers it asks for.
    gives_selection, paints
        Whether what it selects can be given to a stem, and whether it lays paint: hard, or as a hint.
    draws_melody
        Whether it is about the melody, which is then what is given to a stem.
    """

    name: ClassVar[str]
    word: ClassVar[str]
    key: ClassVar[str]
    title: ClassVar[str]
    tip: ClassVar[str]
    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.CrossCursor
    options: ClassVar[tuple[Option, ...]] = ()
    gives_selection: ClassVar[bool] = False
    paints: ClassVar[bool] = False
    draws_melody: ClassVar[bool] = False

    def press(self, gesture: Gesture) -> Iterator[None]:
        """What happens from press to release.

        Runs from the press to its first `yield`, then once at every move, and a last time at the release, with
        `gesture.down` False. When the person cancels, the generator is closed: put things back in `finally`.
        """
        raise NotImplementedError

    def hover(self, canvas: Canvas, point: QPointF) -> Qt.CursorShape:
        """Shape of the pointer at a place of the view."""
        return self.cursor

    def reach(self, canvas: Canvas, seconds: float, hertz: float) -> Box | None:
        """What a press would touch here, when the tool has a footprint."""
        return None

    def melody(self, canvas: Canvas) -> MelodyLook | None:
        """How the melody lies over the light: as a faint line, unless the tool is about it."""
        state = canvas.document.state
        return MelodyLook(state.melody) if state is not None and state.melody else None

    def paint_over(self, painter: QPainter, canvas: Canvas) -> None:
        """Draw what the tool lays over the light wherever the pointer is."""

    def paint_cursor(self, painter: QPainter, canvas: Canvas, seconds: float, hertz: float) -> None:
        """Draw the footprint."""
