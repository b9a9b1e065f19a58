"""Time selection: a stretch of the song, at all frequencies."""

from __future__ import annotations

from stemstudio.gui.tools.selecting import SelectionTool


class TimeSelection(SelectionTool):
    """Drag along the song."""

    name, word, key = "time", "time", "T"
    title = "Time selection"
    tip = "Drag to select a stretch of time. Shift adds, Alt takes away, both keep what overlaps; drag an edge to move it."
    in_frequency = False
