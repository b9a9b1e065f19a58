"""ToolBox: the tool in the hand, and the numbers that tools share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from stemstudio.gui.tools.tool import Tool

DEFAULTS = {
    "width": 0.12,
    "height": 1 / 3,
    "hardness": 0.7,
    "strength": 1.0,
    "cents": 40.0,
    "partials": 20.0,
}
Mode = Literal["hard", "hint"]
SIZE_STEP, HARDNESS_STEP, STRENGTH_STEP = 1.2, 0.1, 0.1
LIMITS = {
    "width": (0.005, 10.0),
    "height": (1 / 24, 8.0),
    "hardness": (0.0, 1.0),
    "strength": (0.05, 1.0),
    "cents": (5.0, 300.0),
    "partials": (1.0, 60.0),
}


class ToolBox(QObject):
    """The tool in the hand, and the size, hardness and strength that all tools share.

    Signals
    -------
    tool_changed()
        Another tool is in the hand.
    options_changed()
        A number, or the mode of paint, is different.

    Attributes
    ----------
    mode
        What paint does: "hard" moves the light itself, "hint" teaches the atoms whose it is.
    """

    tool_changed = Signal()
    options_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        from stemstudio.gui.tools import TOOLS

        self.tools: tuple[Tool, ...] = tuple(kind() for kind in TOOLS)
        self.tool: Tool = self.tools[0]
        self.mode: Mode = "hard"
        self._values = dict(DEFAULTS)

    def choose(self, name: str) -> None:
        """Take a tool in the hand."""
        for tool in self.tools:
            if tool.name == name and tool is not self.tool:
                self.tool = tool
                self.tool_changed.emit()

    def set_mode(self, mode: Mode) -> None:
        """Paint hard, or by hint, from now on."""
        if mode != self.mode:
            self.mode = mode
            self.options_changed.emit()

    def value(self, name: str) -> float:
        return self._values[name]

    def set_value(self, name: str, value: float) -> None:
        """Set a number, cut to its limits."""
        low, high = LIMITS[name]
        value = min(max(float(value), low), high)
        if value != self._values[name]:
            self._values[name] = value
            self.options_changed.emit()

    def scale(self, name: str, factor: float) -> None:
        """Make a number larger or smaller by a factor."""
        self.set_value(name, self._values[name] * factor)

    def resize(self, factor: float) -> None:
        """Make the brush larger or smaller both ways."""
        self.scale("width", factor)
        self.scale("height", factor)

    def shift(self, name: str, step: float) -> None:
        """Add to a number."""
        self.set_value(name, round(self._values[name] + step, 6))

    def record(self) -> dict[str, Any]:
        """What to remember until the next start."""
        return {"tool": self.tool.name, "mode": self.mode, **self._values}

    def restore(self, record: Mapping[str, Any]) -> None:
        """Take up what was remembered; what does not fit is passed over."""
        for name in DEFAULTS:
            try:
                self.set_value(name, float(record[name]))
            except (KeyError, TypeError, ValueError):
                continue
        self.set_mode("hint" if record.get("mode") == "hint" else "hard")
        self.choose(str(record.get("tool", "")))
