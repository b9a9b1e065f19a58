"""Rectangle: a box of time and frequency."""

from __future__ import annotations

from stemstudio.gui.tools.selecting import SelectionTool


class Rectangle(SelectionTool):
    """Drag a box."""

    name, word, key = "rectangle", "box", "R"
    title = "Box selection"
    tip = "Drag to select a box of time and frequency. Shift adds, Alt takes away, both keep what overlaps; drag an edge to move it."
