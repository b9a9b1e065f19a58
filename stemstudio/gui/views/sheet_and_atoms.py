"""The middle of the window: the spectrogram above, the atoms below; without atoms, nearly all of it is the spectrogram's."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QWidget

from stemstudio.gui.views.atoms import AtomsView

DELIVERED = (520, 220)


class SheetAndAtoms(QSplitter):
    """Shares the height between the spectrogram and the atoms as the person drew the line between them."""

    def __init__(self, sheet: QWidget, atoms: AtomsView, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self._atoms = atoms
        self._shares = list(DELIVERED)
        self.addWidget(sheet)
        self.addWidget(atoms)
        self.setStretchFactor(0, 3)
        self.setStretchFactor(1, 1)
        self.setCollapsible(0, False)
        self.splitterMoved.connect(self._drawn)
        atoms.emptied.connect(self._settle)
        self._settle()

    @property
    def shares(self) -> list[int]:
        """Heights of the spectrogram and the atoms, pixels, when there are atoms."""
        return list(self._shares)

    def set_shares(self, shares: Sequence[int]) -> None:
        self._shares = list(shares)
        self._settle()

    def _drawn(self) -> None:
        if not self._atoms.empty:
            self._shares = self.sizes()

    def _settle(self) -> None:
        self.setSizes(self._shares)
