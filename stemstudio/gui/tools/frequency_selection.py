"""Frequency selection: a band, through the whole song."""

from __future__ import annotations

from stemstudio.gui.tools.selecting import SelectionTool


class FrequencySelection(SelectionTool):
    """Drag up or down."""

    name, word, key = "frequency", "freq", "F"
    title = "Frequency selection"
    tip = "Drag to select a band of frequencies. Shift adds, Alt takes away, both keep what overlaps; drag an edge to move it."
    in_time = False
