"""Goals: what a person may want of a song, in words, and the recipe that each takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from stemstudio.algorithms import algorithm
from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.neural.roformer import RoFormer
from stemstudio.errors import MissingModel
from stemstudio.gui import theme
from stemstudio.gui.drawing import drawn


@dataclass(frozen=True)
class Goal:
    """Something to reach.

    Attributes
    ----------
    title
        In the musician's words.
    name, settings
        Of the algorithm.
    words
        What the card calls the algorithm.
    together
        Stem by part, where parts are to be one stem.
    """

    title: str
    name: str
    words: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    together: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def recipe(self) -> Algorithm:
        return algorithm(self.name).from_settings(self.settings)


GOALS = (
    Goal(
        "Vocals and band", "htdemucs", "HTDemucs", together={"drums": "band", "bass": "band", "other": "band"}
    ),
    Goal("Four stems", "htdemucs", "HTDemucs"),
    Goal(
        "Four stems, a quick sketch", "htdemucs", "Sketch: instant preview", {"model": "sketch", "shifts": 0}
    ),
    Goal("Six stems", "htdemucs", "HTDemucs 6s", {"model": "htdemucs_6s"}),
    # These two are the best of the tables that tests/benchmarks/study_drums.py makes; for the voice, on songs that people
    # mixed: a singer whom the script puts dry into the middle is better found by the middle.
    Goal("Drums apart from the rest", "hpss", "HPSS", {"harmonic_length": 0.15}),
    Goal(
        "A voice, without a download",
        "repet",
        "REPET-SIM",
        together={"changing": "voice", "repeating": "band"},
    ),
    Goal("By hand, from atoms", "nmf", "NMF, 64 atoms in stereo"),
)


def what_is_missing(recipe: Algorithm) -> str:
    """What a recipe needs that is not on this machine, in a few words; empty if it can run."""
    from stemstudio.algorithms.neural.own_models import own_model
    from stemstudio.algorithms.neural.weights import missing

    if isinstance(recipe, RoFormer):
        try:
            own_model(recipe.model)
        except MissingModel as error:
            return error.sentence
    names = [model.name for model in missing(recipe)]
    return "" if not names else f"Not here yet: {', '.join(names)}"


class GoalCard(QAbstractButton):
    """A goal to be chosen: its title, and below it what it takes; on one line where there is little room."""

    def __init__(self, goal: Goal, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.goal = goal
        self.setText(goal.title)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.needs_weights = False
        self.side_words = self.brief = ""
        self._low = False
        self.say(goal.words)

    @property
    def low(self) -> bool:
        """Whether title and time share one line; the algorithm is then in the tooltip only."""
        return self._low

    @low.setter
    def low(self, low: bool) -> None:
        if low != self._low:
            self._low = low
            self.updateGeometry()
            self.update()

    def height_as(self, low: bool) -> int:
        """Its height in pixels, on one line or on two."""
        return (1 if low else 2) * self.fontMetrics().height() + 8

    def say(self, words: str, tip: str = "", needs_weights: bool = False, brief: str = "") -> None:
        """Set the line below the title, the tooltip, and what is said of it beside the title where both share a line."""
        before = self.side_words, self.needs_weights, self.brief
        self.side_words, self.needs_weights, self.brief = words, needs_weights, brief
        self.setToolTip(tip or f"{self.goal.title}: {words}")
        self.setAccessibleName(self.goal.title)
        self.setAccessibleDescription(words)
        if before != (words, needs_weights, brief):
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, self.height_as(self._low))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        back = "chosen" if self.isChecked() else "hover" if self.underMouse() else "raised"
        painter.setBrush(look.colour(back))
        line = "text" if self.hasFocus() else "accent" if self.isChecked() else ""
        painter.setPen(QPen(look.colour(line), 1.3) if line else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(area, 6, 6)
        inner = self.rect().adjusted(11, 4, -8, -4)
        upper, lower = inner, inner
        flags = Qt.AlignmentFlag.AlignVCenter
        if not self._low:
            half = inner.height() // 2
            upper, lower = inner.adjusted(0, 0, 0, -half), inner.adjusted(0, half, 0, 0)
        bold, small = self.font(), self.font()
        bold.setBold(True)
        small.setPointSizeF(0.9 * small.pointSizeF())
        painter.setFont(bold)
        painter.setPen(look.colour("text" if self.isEnabled() else "faint"))
        title = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, upper.width())
        painter.drawText(upper, flags, title)
        words = self.brief if self._low else self.side_words
        if self._low:
            lower = inner.adjusted(painter.fontMetrics().horizontalAdvance(title) + 10, 0, 0, 0)
            flags |= Qt.AlignmentFlag.AlignRight
        painter.setFont(small)
        side = "warning" if self.needs_weights else "muted"
        painter.setPen(look.colour(side if self.isEnabled() else "faint"))
        words = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, lower.width())
        painter.drawText(lower, flags, words)
