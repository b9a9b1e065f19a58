"""The selected atom: its spectrum, its pitch, whose it is and whose it might be."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QEnterEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from stemstudio.algorithms.atoms import Atoms, atoms_of
from stemstudio.gui import icons, theme
from stemstudio.gui.document import Document
from stemstudio.gui.drawing import drawn
from stemstudio.gui.elided import Elided
from stemstudio.gui.notation import cents_text, hertz_text, hertz_words, note_of
from stemstudio.gui.reworking import reworkable, reworking_of
from stemstudio.gui.views import atom_drag
from stemstudio.gui.views.atom_menu import add_keeping, lock
from stemstudio.gui.views.atom_pictures import spectra
from stemstudio.gui.views.suggestions import suggestions_of
from stemstudio.gui.wording import pan as pan_words
from stemstudio.project.project import Change
from stemstudio.project.stem import Stem

LOWEST = 30.0
TICKS = (55.0, 220.0, 880.0, 3520.0, 14080.0)


class AtomDetail(QWidget):
    """Spectrum, pitch, share, and a row a stem: its probability, a click gives it the atoms.

    Signals
    -------
    hear_atom(parent, atom)
        An atom of the split of stem `parent` is to be heard alone.
    """

    hear_atom = Signal(int, int)

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._suggestions = suggestions_of(document)
        self._reworking = reworking_of(document)
        self._energy: tuple[Atoms, np.ndarray] | None = None
        self.title = Elided(parent=self)
        self.title.setProperty("role", "title")
        self.hear = self._link("Hear", "Hear this atom alone (Ctrl+H)")
        self.hear.clicked.connect(self._hear)
        self.lock = self._link("Lock", "A locked atom stays in its stem, whatever is suggested (Ctrl+K)")
        self.lock.clicked.connect(self._lock)
        self.split = self._link(
            "Split in two", "Take this atom apart into two, both in its stem (Ctrl+Shift+K)"
        )
        self.split.clicked.connect(self._reworking.split)
        self.merge = self._link("Merge", "Make the selected atoms one (Ctrl+J)")
        self.merge.clicked.connect(self._reworking.merge)
        self.delete = self._link(
            "Delete", "Take it away; atoms that sound in the same place get its light (Del)"
        )
        self.delete.clicked.connect(self._reworking.delete)
        self.keep = self._link(
            "Keep or draw anew", "What of it stays while others change, and what of it is found again"
        )
        self.keep.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.keep_menu = QMenu(self.keep)
        self.keep_menu.aboutToShow.connect(self._fill_keep)
        self.keep.setMenu(self.keep_menu)
        self.spectrum = Spectrum(self)
        self.words = Elided(parent=self)
        self.words.setProperty("role", "muted")
        self.hint = QLabel(self)
        self.hint.setProperty("role", "muted")
        self.hint.setWordWrap(True)
        self.stem_rows: list[StemRow] = []
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.hear)
        top.addWidget(self.lock)
        works = QHBoxLayout()
        for link in (self.split, self.merge, self.delete):
            works.addWidget(link)
        works.addStretch(1)
        self._stems = QVBoxLayout()
        self._stems.setSpacing(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 4, 12, 10)
        column.setSpacing(5)
        column.addLayout(top)
        column.addLayout(self._stems)  # first: in a low panel, all below it has to be scrolled to
        column.addWidget(self.words)
        column.addWidget(self.spectrum)
        column.addLayout(works)
        column.addWidget(self.keep, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.hint)
        column.addStretch(1)
        document.opened.connect(self._show)
        document.atoms_changed.connect(self._show)
        document.changed.connect(self._changed)
        self._reworking.running_changed.connect(self._show)
        self._show()

    def _link(self, words: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(words)
        button.setToolTip(tip)
        button.setAccessibleName(words)
        button.setProperty("link", True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        return button

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._show()
        super().changeEvent(event)

    def _changed(self, change: Change) -> None:
        if change.kinds & {"splits", "stems"}:
            self._show()

    def _show(self) -> None:
        state, split, atoms = self._document.state, self._document.atom_split, self._document.atoms
        estimates = None if split is None else atoms_of(split.estimates)
        there = state is not None and bool(atoms) and estimates is not None
        for widget in (self.hear, self.lock, self.spectrum, self.words):
            widget.setVisible(there)
        for link, fitting in (
            (self.split, len(atoms) == 1),
            (self.merge, len(atoms) > 1),
            (self.delete, True),
            (self.keep, True),
        ):
            link.setVisible(there and fitting and reworkable(split))
            link.setEnabled(not self._reworking.running)
        if not there:
            self.title.setText("No atom selected")
            self.title.setToolTip("")
            self.hint.setText(
                "There are no atoms yet: run “By hand, from atoms” under Separate."
                if split is None
                else "Click an atom below the spectrogram to see its sound and whose it is."
            )
            self._show_stems((), ())
            return
        assert state is not None
        assert split is not None
        assert estimates is not None
        atom, rate = atoms[-1], state.mixture.sample_rate
        name = estimates.names[atom]
        own = "" if name == f"Atom {atom + 1}" else f" · {name}"
        self.title.setText(f"Atom {atom + 1}{own}" if len(atoms) == 1 else f"{len(atoms)} atoms")
        self.title.setToolTip(self.title.text())
        look = theme.current()
        self.hear.setIcon(icons.icon("hear", look.link))
        locked = all(each in split.locked for each in atoms)
        self.lock.setText("Unlock" if locked else "Lock")
        self.lock.setAccessibleName(self.lock.text())
        self.lock.setIcon(icons.icon("lock" if locked else "unlock", look.link))
        template = estimates.templates[:, list(atoms)]
        weights = estimates.activations[list(atoms)].sum(axis=1)
        whole = template @ weights if len(atoms) > 1 else template[:, 0]
        self.spectrum.show_template(whole, estimates.grid.fft, rate, state.stems[split.owners[atom]].colour)
        self.words.setText(self._in_words(estimates, atoms, rate))
        self.words.setToolTip(self.words.text())
        parent = self._document.atoms_of
        assert parent is not None
        self._show_stems(state.children(parent), atoms)
        count = len(self.stem_rows)
        what = "it" if len(atoms) == 1 else "them"
        self.hint.setText(
            f"Click a stem, or press 1–{min(9, count)}, to give {what} to it; {count + 1} makes a new one."
        )

    def _fill_keep(self) -> None:
        self.keep_menu.clear()
        add_keeping(self.keep_menu, self._document)

    def _in_words(self, estimates: Atoms, atoms: tuple[int, ...], rate: int) -> str:
        from stemstudio.algorithms.timbre import energy, pitch_of

        if self._energy is None or self._energy[0] is not estimates:
            self._energy = (estimates, energy(estimates))
        share = 100 * float(self._energy[1][list(atoms)].sum())
        words = f"{share:.1f} % of the sound{place_words(estimates, atoms)}"
        if len(atoms) == 1:
            assert estimates.grid is not None
            pitch = pitch_of(estimates.templates[:, atoms[0]], estimates.grid, rate)
            if pitch is None:
                return f"no pitch · {words}"
            name, cents = note_of(pitch)
            return f"{name} {cents_text(cents) if cents else ''} · {hertz_words(pitch)} · {words}".replace(
                "  ", " "
            )
        return words

    def _show_stems(self, stems: tuple[Stem, ...], atoms: tuple[int, ...]) -> None:
        while len(self.stem_rows) > len(stems):
            row = self.stem_rows.pop()
            self._stems.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self.stem_rows) < len(stems):
            row = StemRow(self)
            row.clicked.connect(lambda _=False, row=row: self._give(row.stem))
            self.stem_rows.append(row)
            self._stems.addWidget(row)
        split = self._document.atom_split
        chances = [] if split is None else [self._suggestions.of(split.estimates, atom) for atom in atoms]
        for number, (row, stem) in enumerate(zip(self.stem_rows, stems, strict=True), 1):
            known = any(chances)
            chance = sum(each.get(stem.id, 0.0) for each in chances) / len(chances) if known else None
            own = split is not None and all(split.owners[atom] == stem.id for atom in atoms)
            row.say(number, stem, chance, own)

    def _give(self, stem: int) -> None:
        if self._document.atoms_of is not None:
            atom_drag.give(self._document, self._document.atoms_of, self._document.atoms, stem)

    def _hear(self) -> None:
        if self._document.atoms_of is not None and self._document.atoms:
            self.hear_atom.emit(self._document.atoms_of, self._document.atoms[-1])

    def _lock(self) -> None:
        split = self._document.atom_split
        if split is not None:
            lock(self._document, not all(atom in split.locked for atom in self._document.atoms))


def place_words(estimates: Atoms, atoms: tuple[int, ...]) -> str:
    """Where between left and right atoms of a panned factorisation are, such as " · L 30"; nothing for others."""
    pans = estimates.pans
    if pans is None or len(pans) != 2:
        return ""
    weights = estimates.activations[list(atoms)].sum(axis=1) + 1e-20
    left, right = pans[:, list(atoms)] @ weights
    return f" · {pan_words(float((right - left) / max(1e-20, left + right)))}"


class Spectrum(QWidget):
    """A template over the logarithm of frequency."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._template: np.ndarray | None = None
        self._fft, self._rate, self._colour = 2, 1, ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Spectrum of the atom")
        self.setToolTip("The atom's spectrum: low notes left, high ones right")

    def sizeHint(self) -> QSize:
        return QSize(240, 66)

    def show_template(self, template: np.ndarray, fft: int, sample_rate: int, colour: str) -> None:
        """Show a template, (bins,), in a stem's colour."""
        self._template, self._fft, self._rate, self._colour = template, fft, sample_rate, colour
        self.update()

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._template is None:
            return
        small = self.font()
        small.setPointSizeF(0.82 * small.pointSizeF())
        painter.setFont(small)
        words = painter.fontMetrics().height()
        width, base = self.width(), self.height() - words - 1
        octaves = np.log2(self._rate / 2 / LOWEST)
        for tick in TICKS:
            x = width * np.log2(tick / LOWEST) / octaves
            if x < width - 12:
                painter.setPen(look.colour("border"))
                painter.drawLine(QPointF(x, 2), QPointF(x, base))
                painter.setPen(look.colour("muted"))
                area = QRectF(x - 30, base + 1, 60, words)
                painter.drawText(area, Qt.AlignmentFlag.AlignHCenter, hertz_text(tick))
        heights = spectra(self._template[:, None], self._fft, self._rate, max(2, width), LOWEST)[0]
        points = [QPointF(0, base)]
        points += [QPointF(x, base - (base - 3) * float(height)) for x, height in enumerate(heights)]
        points.append(QPointF(width, base))
        colour = QColor(self._colour) if look.dark else look.ink(self._colour)
        painter.setPen(Qt.PenStyle.NoPen)
        fill = QColor(colour)
        fill.setAlphaF(0.72)
        painter.setBrush(fill)
        painter.drawPolygon(QPolygonF(points))
        painter.setPen(QPen(colour, 1.0))
        painter.drawLine(QPointF(0, base), QPointF(width, base))


class StemRow(QAbstractButton):
    """A stem, how probably the atom is its, and a way to give it the atom."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stem = 0
        self.chance: float | None = None
        self.own = False
        self._colour = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def say(self, number: int, stem: Stem, chance: float | None, own: bool) -> None:
        """Show a stem; `chance` from 0 to 1, None where nothing was suggested."""
        self.stem, self.chance, self.own, self._colour = stem.id, chance, own, stem.colour
        self.setText(stem.name)
        words = f"It is in {stem.name} now" if own else f"Give it to {stem.name} ({number})"
        likely = "" if chance is None else f"; {100 * chance:.0f} % by its sound"
        self.setToolTip(words + likely)
        self.setAccessibleName(f"Give to {stem.name}")
        self.setAccessibleDescription(words + likely)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(220, self.fontMetrics().height() + 6)

    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.underMouse() or self.hasFocus():
            painter.setPen(QPen(look.colour("accent_hover")) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(look.colour("hover"))
            painter.drawRoundedRect(area, 5, 5)
        inner = self.rect().adjusted(4, 0, -4, 0)
        metrics = self.fontMetrics()
        names = min(110, inner.width() // 3)
        middle = inner.center().y() + 0.5
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._colour) if self.own else Qt.BrushStyle.NoBrush)
        if not self.own:
            painter.setPen(QPen(QColor(self._colour), 1.5))
        painter.drawEllipse(QRectF(inner.left() + 1, middle - 4, 8, 8))
        font = self.font()
        font.setBold(self.own)
        painter.setFont(font)
        painter.setPen(look.ink(self._colour))
        name = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, names)
        painter.drawText(inner.adjusted(16, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, name)
        if self.chance is None:
            return
        number = metrics.horizontalAdvance("100 %")
        left, right = inner.left() + 16 + names + 8, inner.right() - number - 8
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("groove"))
        painter.drawRoundedRect(QRectF(left, middle - 2.5, right - left, 5), 2.5, 2.5)
        painter.setBrush(QColor(self._colour))
        painter.drawRoundedRect(
            QRectF(left, middle - 2.5, max(5.0, (right - left) * self.chance), 5), 2.5, 2.5
        )
        painter.setFont(self.font())
        painter.setPen(look.colour("text"))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(inner, flags, f"{100 * self.chance:.0f} %")
