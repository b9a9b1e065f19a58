"""The rows of atoms: number, template and activation of each, on the spectrogram's own time axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QScrollBar, QToolTip, QWidget

from stemstudio.gui import theme
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.notation import hertz_words, note_of
from stemstudio.gui.views import atom_drag, navigation
from stemstudio.gui.views.atom_painting import HEAR, NUMBER, curves_image, drag_picture, draw_head
from stemstudio.gui.views.atom_pictures import AtomPictures
from stemstudio.gui.views.suggestions import suggestions_of
from stemstudio.project.stem import RESIDUAL_COLOUR, Split

LOWEST_ROW, HIGHEST_ROW = 15, 30
BAR = 11  # width of the scroll bar
LEFT, RIGHT = 104, 12
MOST_HEADS = 1000  # that are kept
SHINE = 0.78  # opacity of the curve of an atom that is not selected


class AtomRows(QWidget):
    """One row an atom, in the order that it is given.

    Signals
    -------
    hear_wanted(atom)
        ▶ or a double click.
    menu_wanted(point)
        The menu of the selected atoms is to open at this place of the screen.
    """

    hear_wanted = Signal(int)
    menu_wanted = Signal(object)

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._suggestions = suggestions_of(document)
        self.pictures: AtomPictures | None = None
        self.order: tuple[int, ...] = ()
        self.empty_words = ""
        self.playhead: Callable[[], float | None] = lambda: None
        self._left, self._right = LEFT, RIGHT
        self._anchor: int | None = None
        self._pressed: tuple[QPoint, int] | None = None
        self._drop_row: int | None = None
        self._image: tuple[object, QImage] | None = None
        self._heads: dict[object, QPixmap] = {}
        self.bar = QScrollBar(Qt.Orientation.Vertical, self)
        self.bar.valueChanged.connect(self.update)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAcceptDrops(True)
        self.setMouseTracking(True)
        self.setMinimumHeight(3 * LOWEST_ROW)
        self.setAccessibleName("Atoms")
        self.setAccessibleDescription(
            "One row an atom. Arrows move, Shift extends, a number key gives the selected atoms to that stem."
        )
        document.viewport.time_changed.connect(self.update)
        document.atoms_changed.connect(self._atoms_changed)

    # what it shows

    def set_margins(self, left: int, right: int) -> None:
        """Leave so many pixels at the sides of the time axis."""
        self._left, self._right = left, right
        self._place_bar()
        self.update()

    def show_atoms(self, pictures: AtomPictures | None, order: Sequence[int]) -> None:
        """Show these atoms, in this order."""
        if pictures is not self.pictures:
            self._heads.clear()
        self.pictures, self.order = pictures, tuple(order)
        self._place_bar()
        self.update()

    @property
    def row_height(self) -> int:
        return min(HIGHEST_ROW, max(LOWEST_ROW, self.height() // max(1, len(self.order))))

    def row_at(self, y: float) -> int | None:
        """Number of the row at a height, None below the last."""
        row = int((y + self.bar.value()) // self.row_height)
        return row if 0 <= row < len(self.order) else None

    def area_of(self, atom: int) -> QRect:
        """Where the row of an atom is."""
        row = self.order.index(atom)
        return QRect(0, row * self.row_height - self.bar.value(), self.width(), self.row_height)

    def hear_area(self, atom: int) -> QRect:
        """Where the ▶ of an atom is."""
        return QRect(NUMBER, self.area_of(atom).top(), HEAR, self.row_height)

    @property
    def time_area(self) -> QRect:
        """Where activations are drawn."""
        return QRect(self._left, 0, max(1, self.width() - self._left - self._right), self.height())

    def reveal(self, atom: int) -> None:
        """Scroll so that an atom is seen."""
        if atom in self.order:
            top = self.order.index(atom) * self.row_height
            if top < self.bar.value():
                self.bar.setValue(top)
            elif top + self.row_height > self.bar.value() + self.height():
                self.bar.setValue(top + self.row_height - self.height())

    def move_playhead(self, *seconds: float) -> None:
        """The playhead went from one place to another: draw only these anew, and no heads of rows."""
        if self.pictures is None or not self.order:
            return  # there is none over the words of an empty pane
        area, view = self.time_area, self._document.viewport
        for second in seconds:
            x = round(area.left() + view.x_of(second, area.width()))
            if area.left() - 3 <= x <= area.right() + 3:
                self.update(QRect(max(x - 3, area.left()), 0, 7, self.height()))

    def _split(self) -> Split | None:
        """Whose atoms these are; None while those of a run that has not ended are shown: they are in no stem yet."""
        split = self._document.atom_split
        shown = self.pictures is not None and split is not None and split.estimates is self.pictures.estimates
        return split if shown else None

    def colour_of(self, atom: int) -> QColor:
        state, split = self._document.state, self._split()
        if state is None or split is None:
            return QColor(RESIDUAL_COLOUR)
        return QColor(state.stems[split.owners[atom]].colour)

    # painting

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        look = theme.current()
        painter.fillRect(self.rect(), look.colour("background"))
        area = self.time_area
        painter.fillRect(area, look.colour("sheet"))
        if self.pictures is None or not self.order:
            painter.setPen(look.colour("muted"))
            inner = self.rect().adjusted(24, 0, -24, 0)
            painter.fillRect(self.rect(), look.colour("background"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(inner, flags, self.empty_words)
            return
        height = self.row_height
        first = self.bar.value() // height
        last = min(len(self.order), (self.bar.value() + self.height()) // height + 1)
        shown = self.order[first:last]
        split = self._split()
        chosen = set() if split is None else set(self._document.atoms)
        for row, atom in enumerate(shown, first):
            y = row * height - self.bar.value()
            if atom in chosen:
                painter.fillRect(QRect(0, y, area.left(), height), look.colour("chosen"))
                painter.fillRect(QRect(area.left(), y, area.width(), height), theme.DARK.colour("chosen"))
            if row == self._drop_row:
                painter.fillRect(QRect(0, y, area.right() + 1, height), look.colour("hover"))
        image = self._curves(shown, chosen)
        painter.drawImage(
            QRectF(area.left(), first * height - self.bar.value(), area.width(), height * len(shown)), image
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        heads = (
            enumerate(shown, first) if event.rect().left() < self._left else ()
        )  # not for the playhead alone
        kind = (self._left, height, self.devicePixelRatioF(), look.name, self.font().key())
        for row, atom in heads:
            y = row * height - self.bar.value()
            locked = split is not None and atom in split.locked
            painter.drawPixmap(0, y, self._head(atom, kind, atom in chosen, locked))
        self._draw_playhead(painter, look, area)
        if self.hasFocus():
            painter.setPen(look.colour("accent_hover"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def _head(self, atom: int, kind: tuple[int, int, float, str, str], chosen: bool, locked: bool) -> QPixmap:
        """The left end of a row; kept for as long as nothing of it changes. `kind` is what all rows have in common."""
        colour, chances = self.colour_of(atom), self._chances(atom)
        likely = tuple((each.rgb(), chance) for each, chance in chances)
        key = (atom, kind, colour.rgb(), chosen, locked, likely)
        head = self._heads.get(key)
        if head is None:
            assert self.pictures is not None
            if len(self._heads) > MOST_HEADS:
                self._heads.clear()
            _, height, ratio, *_ = kind
            head = QPixmap(round(self._left * ratio), round(height * ratio))
            head.setDevicePixelRatio(ratio)
            head.fill(Qt.GlobalColor.transparent)
            with QPainter(head) as painter:
                painter.setFont(self.font())
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                area = QRect(0, 0, self._left, height)
                draw_head(painter, area, self.pictures, atom, colour, chosen, locked, chances)
            self._heads[key] = head
        return head

    def _chances(self, atom: int) -> list[tuple[QColor, float]]:
        """Colours of the stems that an atom may be in, and how probably; empty where nothing was suggested."""
        state = self._document.state
        if state is None or self.pictures is None:
            return []
        found = self._suggestions.of(self.pictures.estimates, atom)
        return [
            (QColor(state.stems[stem].colour), chance)
            for stem, chance in found.items()
            if stem in state.stems
        ]

    def _curves(self, shown: Sequence[int], chosen: set[int]) -> QImage:
        """The activations of the rows on screen; kept until something of it changes."""
        view, ratio = self._document.viewport, self.devicePixelRatioF()
        width, height = max(1, round(self.time_area.width() * ratio)), max(1, round(self.row_height * ratio))
        looks = tuple((self.colour_of(atom).rgb(), 1.0 if atom in chosen else SHINE) for atom in shown)
        key = (id(self.pictures), tuple(shown), view.start, view.stop, width, height, looks)
        if self._image is None or self._image[0] != key:
            assert self.pictures is not None
            heights = self.pictures.curves(shown, view.start, view.stop, width)
            self._image = (key, curves_image(heights, looks, height))
        return self._image[1]

    def _draw_playhead(self, painter: QPainter, look: theme.Theme, area: QRect) -> None:
        seconds = self.playhead()
        view = self._document.viewport
        if seconds is not None and view.start <= seconds <= view.stop:
            x = area.left() + view.x_of(seconds, area.width())
            painter.fillRect(QRectF(x - 0.75, 0, 1.5, self.height()), QColor(255, 255, 255, 230))

    # selecting

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self.row_at(event.position().y())
        if row is None:
            self._document.select_atoms(())
            return
        if self._split() is None:
            return  # of a run that has not ended: nothing can be done with them yet
        atom = self.order[row]
        if event.button() == Qt.MouseButton.RightButton:
            if atom not in self._document.atoms:
                self._choose(row, Qt.KeyboardModifier.NoModifier)
            self.menu_wanted.emit(event.globalPosition().toPoint())
            return
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        if self.hear_area(atom).contains(event.position().toPoint()):
            self._choose(row, Qt.KeyboardModifier.NoModifier)
            self.hear_wanted.emit(atom)
            return
        self._pressed = (event.position().toPoint(), row)
        plain = not event.modifiers() & (
            Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
        )
        if not (
            plain and atom in self._document.atoms
        ):  # a chosen one may be about to be dragged with the others
            self._choose(row, event.modifiers())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        moved = (event.position().toPoint() - self._pressed[0]).manhattanLength()
        if (
            moved >= QApplication.startDragDistance()
            and self._document.atoms
            and self._document.atoms_of is not None
        ):
            self._pressed = None
            self.drag().exec(Qt.DropAction.MoveAction)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        plain = not event.modifiers() & (
            Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
        )
        if pressed is not None and plain and len(self._document.atoms) > 1:
            self._choose(pressed[1], Qt.KeyboardModifier.NoModifier)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        row = self.row_at(event.position().y())
        if row is not None and event.button() == Qt.MouseButton.LeftButton:
            self.hear_wanted.emit(self.order[row])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, shift = event.key(), event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        steps: dict[int, int] = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -8,
            Qt.Key.Key_PageDown: 8,
        }
        if key in steps and self.order and self._split() is not None:
            now = [self.order.index(atom) for atom in self._document.atoms if atom in self.order]
            at = (now[-1] if now else -1) + steps[key]
            self._choose(
                min(max(at, 0), len(self.order) - 1), event.modifiers() if shift else Qt.KeyboardModifier(0)
            )
        elif key == Qt.Key.Key_A and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._document.select_atoms(self.order)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._document.atoms:
            self.hear_wanted.emit(self._document.atoms[-1])
        elif key == Qt.Key.Key_Menu and self._document.atoms:
            self.menu_wanted.emit(self.mapToGlobal(self.area_of(self._document.atoms[-1]).center()))
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:
            assert isinstance(event, QKeyEvent)
            control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
            if (event.key() == Qt.Key.Key_A and control) or event.key() in (
                Qt.Key.Key_Return,
                Qt.Key.Key_Enter,
            ):
                event.accept()  # here Ctrl+A means all atoms, and Return hears one
                return True
        if event.type() == QEvent.Type.ToolTip:
            assert isinstance(event, QHelpEvent)
            self._say_tip(event)
            return True
        return super().event(event)

    def _choose(self, row: int, modifiers: Qt.KeyboardModifier) -> None:
        atom, chosen = self.order[row], self._document.atoms
        if modifiers & Qt.KeyboardModifier.ShiftModifier and self._anchor in self.order:
            other = self.order.index(self._anchor)
            span = self.order[min(row, other) : max(row, other) + 1]
            self._document.select_atoms(span if row >= other else tuple(reversed(span)))
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            self._anchor = atom
            self._document.select_atoms(
                tuple(each for each in chosen if each != atom) if atom in chosen else (*chosen, atom)
            )
        else:
            self._anchor = atom
            self._document.select_atoms((atom,))
        self.reveal(atom)

    def _atoms_changed(self) -> None:
        if len(self._document.atoms) == 1:
            self._anchor = self._document.atoms[0]
            self.reveal(self._document.atoms[0])
        self.update()

    def _say_tip(self, event: QHelpEvent) -> None:
        row = self.row_at(event.pos().y())
        state, split = self._document.state, self._split()
        if row is None or self.pictures is None or state is None:
            QToolTip.hideText()
            return
        atom = self.order[row]
        if self.hear_area(atom).contains(event.pos()):
            words = f"Hear atom {atom + 1} alone (double-click, or Ctrl+H)"
        else:
            words = f"Atom {atom + 1} · {100 * self.pictures.energy[atom]:.1f} % of the sound"
            pitch = self.pictures.pitches[atom]
            words += f" · {note_of(pitch)[0]}, {hertz_words(pitch)}" if pitch else " · no pitch"
            if split is not None:
                words += f" · {state.stems[split.owners[atom]].name}" + (
                    " · locked" if atom in split.locked else ""
                )
                words += self._chances_in_words(atom)
                words += "\nDrag it to a stem, or press 1–9"
        QToolTip.showText(event.globalPos(), words, self)

    def _chances_in_words(self, atom: int) -> str:
        state = self._document.state
        found = {} if self.pictures is None else self._suggestions.of(self.pictures.estimates, atom)
        if state is None or not found:
            return ""
        likely = sorted(found.items(), key=lambda each: -each[1])[:3]
        told = [
            f"{state.stems[stem].name} {100 * chance:.0f} %"
            for stem, chance in likely
            if stem in state.stems and chance >= 0.01
        ]
        return "\nProbably " + ", ".join(told)

    # dragging

    def drag(self) -> QDrag:
        """A drag of the selected atoms, not begun yet."""
        atoms, parent = self._document.atoms, self._document.atoms_of
        assert parent is not None
        drag = QDrag(self)
        drag.setMimeData(atom_drag.packed(parent, atoms))
        words = f"Atom {atoms[0] + 1}" if len(atoms) == 1 else f"{len(atoms)} atoms"
        picture = drag_picture(words, self.colour_of(atoms[0]), self.fontMetrics())
        drag.setPixmap(picture)
        drag.setHotSpot(QPoint(-8, picture.height() // 2))
        return drag

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if atom_drag.unpacked(event.mimeData(), self._document.state) is not None:
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self._drop_row = self.row_at(event.position().y())
        event.setAccepted(self._drop_row is not None and self._split() is not None)
        self.update()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._drop_row = None
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        """Dropped on another atom's row: they go to that atom's stem."""
        self._drop_row = None
        row = self.row_at(event.position().y())
        drag, split = atom_drag.unpacked(event.mimeData(), self._document.state), self._split()
        if row is not None and drag is not None and split is not None and drag[0] == self._document.atoms_of:
            event.acceptProposedAction()
            atom_drag.give(self._document, *drag, split.owners[self.order[row]])
        self.update()

    # scrolling

    def wheelEvent(self, event: QWheelEvent) -> None:
        area = self.time_area
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            at = QPointF(event.position().x() - area.left(), event.position().y())
            amount = sum(navigation.steps_of(event))
            navigation.zoom(self._document.viewport, navigation.ZOOM**amount, at, area.width(), area.height())
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier or not event.angleDelta().y():
            view = self._document.viewport
            view.scroll_time(-navigation.SCROLL * sum(navigation.steps_of(event)) * (view.stop - view.start))
        else:
            self.bar.setValue(round(self.bar.value() - 2.5 * self.row_height * event.angleDelta().y() / 120))
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place_bar()

    def _place_bar(self) -> None:
        self.bar.setGeometry(self.width() - BAR, 0, BAR, self.height())
        whole = self.row_height * len(self.order)
        self.bar.setRange(0, max(0, whole - self.height()))
        self.bar.setPageStep(self.height())
        self.bar.setSingleStep(self.row_height)
        self.bar.setVisible(whole > self.height())
