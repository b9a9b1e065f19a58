"""ShownHints: the hints of the open song as views need them, worked out in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from stemstudio.algorithms.nmf.hints import STRENGTH
from stemstudio.progress import Progress
from stemstudio.project.hints import LaidHint, Outcome, hint_numbers, laid_hints, outcome, unlearned
from stemstudio.project.project import Change, State
from stemstudio.project.stem import Split
from stemstudio.spectral.tiles import Patch

if TYPE_CHECKING:
    from stemstudio.gui.document import Document

WEAKEST, FIRMEST = 0.5, 12.0  # of λ: e^−λ is −4 to −104 dB
TOUCHED = frozenset({"hints", "paint", "splits", "masks", "grid", "song"})
Known = dict[int, tuple[LaidHint, Split, Outcome]]
Found = tuple[State, tuple[LaidHint, ...], Known]


class ShownHints(QObject):
    """What is left of every hint, which are new, and which were not followed.

    Attributes
    ----------
    laid
        The hints, in order.
    fresh
        Numbers of those that nothing has been learned from yet.
    missed
        Numbers of those that were taught and not followed.
    strength
        λ of the next refinement: how firmly other stems are kept off hinted light.

    Signals
    -------
    changed()
        Hints, or what became of them, are different.
    strength_changed()
        They are to be bound more or less firmly.
    refined(words)
        A refinement was looked at: what became of its hints.
    """

    changed = Signal()
    strength_changed = Signal()
    refined = Signal(str)

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self.laid: tuple[LaidHint, ...] = ()
        self.fresh: tuple[int, ...] = ()
        self.missed: tuple[int, ...] = ()
        self.strength = STRENGTH
        self._known: Known = {}
        self._running = self._asked = False
        document.opened.connect(self._opened)
        document.changed.connect(self._changed)

    @property
    def busy(self) -> bool:
        """Whether the project has changed since this was worked out."""
        return self._running

    def outcome(self, number: int) -> Outcome | None:
        """What became of a hint; None while nothing was learned from it."""
        return self._known[number][2] if number in self._known else None

    def touch(self, patch: Patch) -> bool:
        """Whether a hint may lie within a box of the project's grid."""
        return any(
            hint.patch.bin0 < patch.bin1
            and hint.patch.bin1 > patch.bin0
            and hint.patch.frame0 < patch.frame1
            and hint.patch.frame1 > patch.frame0
            for hint in self.laid
        )

    def set_strength(self, strength: float) -> None:
        """Bind hints more or less firmly from the next refinement on."""
        strength = min(max(WEAKEST, strength), FIRMEST)
        if strength != self.strength:
            self.strength = strength
            self.strength_changed.emit()

    def tell(self) -> None:
        """Say with `refined` what becomes of the hints, as soon as that is known."""
        self._asked = True

    @property
    def words(self) -> str:
        """How many there are and how they fared; "" where there are none."""
        many = len(self.laid)
        if not many:
            return ""
        counted = "1 hint" if many == 1 else f"{many} hints"
        if self.missed:
            return f"{len(self.missed)} of {counted} not followed"
        if self.fresh:
            return f"{counted}, {'new' if len(self.fresh) == many else f'{len(self.fresh)} of them new'}"
        return f"{counted}, followed" if many == 1 else f"{counted}, all followed"

    def _opened(self) -> None:
        self.laid, self.fresh, self.missed, self._known = (), (), (), {}
        self._asked = False
        self.changed.emit()
        self.set_strength(STRENGTH)
        self._look()

    def _changed(self, change: Change) -> None:
        if "stems" in change.kinds and self.laid:
            self.changed.emit()  # colours and names
        if change.kinds & TOUCHED:
            self._look()

    def _look(self) -> None:
        state = self._document.state
        if state is None or self._running or not (self.laid or hint_numbers(state)):
            return
        self._running = True
        known = self._known

        def work(progress: Progress) -> Found:
            laid = laid_hints(state)
            return state, laid, _outcomes(state, laid, known, progress)

        self._document.jobs.run("Looking at the hints", work, self._found, failed=self._failed, heavy=False)

    def _found(self, found: Found) -> None:
        state, laid, known = found
        self._running = False
        now = self._document.state
        if now is None:
            return
        same = now.strokes is state.strokes and now.splits is state.splits and now.grid == state.grid
        if not same or now.mixture is not state.mixture:
            self._look()
            if self._running:
                return
        self.laid, self._known = laid, known
        fresh = tuple(hint.number for hint in unlearned(state, laid))
        self.fresh = fresh
        self.missed = tuple(number for number, (_, _, became) in known.items() if not became.followed)
        self.changed.emit()
        if self._asked:
            self._asked = False
            way_on = "; Tool options can paint them hard" if self.missed else ""
            self.refined.emit(self.words + way_on)

    def _failed(self, error: Exception) -> None:
        self._running = False
        raise error


def _outcomes(state: State, laid: tuple[LaidHint, ...], known: Known, progress: Progress) -> Known:
    """What became of every hint that was taught; what is known already is not worked out again."""
    found: Known = {}
    for hint in laid:
        parent = state.stems[hint.stem].parent
        split = None if parent is None else state.splits.get(parent)
        if parent is None or split is None or hint.number not in split.learned:
            continue
        before = known.get(hint.number)
        if before is not None and before[1] is split and _same(before[0], hint):
            found[hint.number] = before
        else:
            found[hint.number] = hint, split, outcome(state, parent, hint, None, progress)
    return found


def _same(one: LaidHint, other: LaidHint) -> bool:
    return (one.stem, one.patch) == (other.stem, other.patch) and bool((one.weights == other.weights).all())
