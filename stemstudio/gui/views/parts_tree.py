"""What can be written, to tick: the mix, stems, the song without each, groups, the upmix, and what is no sound."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QTreeWidget, QTreeWidgetItem, QWidget

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.gui import theme
from stemstudio.gui.views.strip_menu import swatch
from stemstudio.mixing.order import DATA, Data, Group, Key
from stemstudio.mixing.plan import suggested_groups
from stemstudio.project.project import State
from stemstudio.project.stem import MIXTURE

KEY = Qt.ItemDataRole.UserRole
MIX_COLOUR = "#c9cede"
NEUTRAL = "#9aa2b8"
WIDEST = 340  # pixels that the list asks for at most


class PartsTree(QTreeWidget):
    """Stems that were split again are not ticked at first, nor is anything but the leaves.

    Signals
    -------
    changed
        Something was ticked, or no longer.
    """

    changed = Signal()

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._groups: list[Group] = []
        self._rows: dict[Key, QTreeWidgetItem] = {}
        self.setHeaderHidden(True)
        self.setIndentation(16)
        self.setIconSize(QSize(14, 14))
        self.setUniformRowHeights(True)
        self.setViewportMargins(0, 4, 0, 4)
        self.setAccessibleName("What is written")
        self.setToolTip("Everything that is ticked is written")
        self._fill()
        self.itemChanged.connect(lambda _: self.changed.emit())

    def minimumSizeHint(self) -> QSize:
        """So wide that no row is cut, but for very long names."""
        wide = self._widest() + 2 * self.frameWidth() + self.verticalScrollBar().sizeHint().width()
        return QSize(min(WIDEST, wide), super().minimumSizeHint().height())

    def _widest(self) -> int:
        """Pixels of the widest row, be it folded away or out of sight, which Qt leaves out."""
        tops = (self.topLevelItem(row) for row in range(self.topLevelItemCount()))
        rows = [*self._rows.values(), *(top for top in tops if top is not None)]
        deep = self.indentation()
        return max(
            self.sizeHintForIndex(self.indexFromItem(row)).width() + deep * (1 if row.parent() is None else 2)
            for row in rows
        )

    # what is ticked

    def ticked(self) -> list[Key]:
        """Keys of what is ticked: ids of stems, "mix", "without 3", "group 0", "upmix", "upmix apart", names of data."""
        checked = Qt.CheckState.Checked
        return [
            key for key, item in self._rows.items() if item.checkState(0) == checked and not item.isDisabled()
        ]

    def allow_only_stems(self, on: bool) -> None:
        """Whether sounds that are no stems cannot be ticked now; they keep their ticks for later."""
        self.blockSignals(True)
        for key, item in self._rows.items():
            if not isinstance(key, int) and key not in DATA:
                _disable(item, on)
        self.blockSignals(False)
        self.viewport().update()

    @property
    def stems(self) -> tuple[int, ...]:
        return tuple(key for key in self.ticked() if isinstance(key, int))

    @property
    def without(self) -> tuple[int, ...]:
        return tuple(int(key.split()[1]) for key in self._words("without "))

    @property
    def groups(self) -> tuple[Group, ...]:
        return tuple(self._groups[int(key.split()[1])] for key in self._words("group "))

    @property
    def data(self) -> tuple[Data, ...]:
        return tuple(DATA[key].key for key in self._words("") if key in DATA)

    def row(self, key: Key) -> QTreeWidgetItem:
        return self._rows[key]

    def tick(self, on: bool) -> None:
        """Tick the mix and all leaves and nothing else, or nothing at all."""
        self.tick_only({"mix", *(leaf.id for leaf in self._state.leaves())} if on else set())

    def tick_only(self, keys: set[Key]) -> None:
        """Tick just these."""
        self.blockSignals(True)
        for key, item in self._rows.items():
            on = key in keys and not item.isDisabled()
            item.setCheckState(0, _check(on))
            if on and item.parent() is not None:
                item.parent().setExpanded(True)  # so that it is seen why it is written
        self.blockSignals(False)
        self.viewport().update()
        self.changed.emit()

    # groups

    def add_group(self, name: str, stems: tuple[int, ...]) -> Key:
        """One more group, ticked."""
        self.blockSignals(True)
        key = self._add_group(Group(name, stems), True)
        self.blockSignals(False)
        self._group_branch.setExpanded(True)
        self.changed.emit()
        return key

    def group_called(self, name: str) -> Key | None:
        return next(
            (f"group {place}" for place, group in enumerate(self._groups) if group.name == name), None
        )

    # filling

    def _fill(self) -> None:
        state = self._state
        split = MIXTURE in state.splits
        mix = self._row(self, "Mix as heard", "mix", MIX_COLOUR, not split)
        mix.setToolTip(0, "Everything together with its faders, pans, mutes and solos, as it is heard now")
        stems = self._branch("Stems", "Each as it is, without its fader, pan, mute and solo")
        self._add_children(stems, MIXTURE)
        without = self._branch("The song without…", "All but one stem: to sing or to play it oneself")
        for leaf in state.leaves() if split else ():
            row = self._row(without, leaf.name, f"without {leaf.id}", leaf.colour, False)
            row.setToolTip(0, f"The song without {leaf.name}")
        self._group_branch = self._branch("Groups", "Stems that are written as one sound")
        for group in suggested_groups(state):
            self._add_group(group, False)
        room = state.room.layout
        upmix = self._row(self, f"Upmix {room}", "upmix", NEUTRAL, False)
        upmix.setToolTip(0, f"The mix spread over the loudspeakers of the room, {room}; WAV and FLAC hold it")
        apart = self._row(self, f"Upmix {room}, mono files", "upmix apart", NEUTRAL, False)
        apart.setToolTip(0, "The same, one mono file a loudspeaker, for programs that want each by itself")
        data = self._branch("Data", "What is no sound")
        atoms = any(isinstance(each.estimates, Factorization) for each in state.splits.values())
        for name, kind in DATA.items():
            row = self._row(data, kind.words, name, "", False)
            possible = atoms if name in ("atoms", "midi") else split or name in ("labels", "report")
            _disable(row, not possible)
            if not possible:
                what = "Atoms (NMF)" if name in ("atoms", "midi") else "any algorithm"
                row.setToolTip(0, f"There are none yet: take the song apart with {what} first")
        for branch in (stems, without, self._group_branch):
            branch.setHidden(not branch.childCount())
        stems.setExpanded(True)
        self._group_branch.setExpanded(True)
        without.setExpanded(False)

    def _add_children(self, branch: QTreeWidgetItem, parent: int, depth: int = 0) -> None:
        for child in self._state.children(parent):
            whole = child.id not in self._state.splits
            self._row(branch, "    " * depth + child.name, child.id, child.colour, whole)
            self._add_children(branch, child.id, depth + 1)

    def _add_group(self, group: Group, on: bool) -> Key:
        key = f"group {len(self._groups)}"
        self._groups.append(group)
        row = self._row(self._group_branch, group.name, key, NEUTRAL, on)
        row.setToolTip(0, " + ".join(self._state.stems[stem].name for stem in group.stems))
        self._group_branch.setHidden(False)
        return key

    def _branch(self, words: str, tip: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem(self, [words])
        item.setFlags(Qt.ItemFlag.ItemIsEnabled)
        item.setToolTip(0, tip)
        return item

    def _row(
        self, parent: QTreeWidget | QTreeWidgetItem, words: str, key: Key, colour: str, on: bool
    ) -> QTreeWidgetItem:
        item = QTreeWidgetItem(parent, [words])
        if colour:
            item.setIcon(0, swatch(colour))
        item.setData(0, KEY, key)
        item.setFlags(
            Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable
        )
        item.setCheckState(0, _check(on))
        item.setToolTip(0, words.strip())
        self._rows[key] = item
        return item

    def _words(self, start: str) -> Iterator[str]:
        return (key for key in self.ticked() if isinstance(key, str) and key.startswith(start))


def _check(on: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked


def _disable(item: QTreeWidgetItem, on: bool) -> None:
    item.setDisabled(on)
    item.setForeground(0, theme.current().colour("faint" if on else "text"))
