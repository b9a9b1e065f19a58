"""An edit: the only way a project changes.

It holds new values for rows of the project's tables (stems, splits, strokes, paint, grid). Doing it puts them in and
keeps the old ones; undoing puts those back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stemstudio.project.project import SINGLE, Change, Project, State
from stemstudio.project.stem import Split
from stemstudio.spectral.tiles import TileMask

Rows = dict[str, dict[int, Any]]


@dataclass(eq=False)
class Edit:
    """One named step.

    Attributes
    ----------
    name
        As the history shows it, such as "Brush vocals 12.3 s".
    rows
        New values by table and key; None takes a row away.
    change
        What it does, for those who listen.
    merge
        Edits that follow each other with the same merge key become one step (a fader being moved).
    """

    name: str
    rows: Rows
    change: Change
    merge: str = ""
    _old: Rows = field(default_factory=dict, repr=False)
    _nbytes: int = field(default=0, repr=False)

    def do(self, project: Project) -> None:
        self._nbytes = 0
        self._old = {
            table: {key: _row(project.state, table, key) for key in rows} for table, rows in self.rows.items()
        }
        project.put(self.rows, self.change)

    def undo(self, project: Project) -> None:
        project.put(self._old, self.change)

    @property
    def nbytes(self) -> int:
        """Memory that only this step holds on to, roughly; what lies on disk does not count."""
        if not self._nbytes:
            self._nbytes = self._measured()
        return self._nbytes

    def _measured(self) -> int:
        total = 1000
        for table, rows in self.rows.items():
            for key, new in rows.items():
                old = self._old.get(table, {}).get(key)
                if table == "paint":
                    total += 2 * 256 * 256 * len((new or TileMask()).changed_tiles(old or TileMask()))
                elif table == "splits":
                    held, kept = _arrays(old), _arrays(new)
                    total += sum(
                        _nbytes({**held, **kept}[one]) for one in held.keys() ^ kept.keys()
                    )  # an array that both have is not this step's
        return total

    def followed_by(self, later: Edit) -> Edit:
        """This edit and a later one with the same merge key as one step, already done."""
        rows = {
            table: {**self.rows.get(table, {}), **later.rows.get(table, {})}
            for table in {*self.rows, *later.rows}
        }
        merged = Edit(later.name, rows, self.change.union(later.change), self.merge)
        merged._old = {
            table: {**later._old.get(table, {}), **self._old.get(table, {})}
            for table in {*self._old, *later._old}
        }
        return merged


def _row(state: State, table: str, key: int) -> Any:
    value = getattr(state, table)
    return value if table in SINGLE else value.get(key)


def _arrays(split: Split | None) -> dict[int, Any]:
    """The arrays of a split's estimates by their identity."""
    return {} if split is None else {id(array): array for array in split.estimates.arrays().values()}


def _nbytes(array: Any) -> int:
    return array.nbytes if isinstance(array, np.ndarray) and not isinstance(array, np.memmap) else 0
