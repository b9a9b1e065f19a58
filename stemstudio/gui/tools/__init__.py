"""The tools, one file each; `TOOLS` has them in menu order."""

from __future__ import annotations

from stemstudio.gui.tools.atom_picker import AtomPicker
from stemstudio.gui.tools.brush import Brush
from stemstudio.gui.tools.eraser import Eraser
from stemstudio.gui.tools.frequency_selection import FrequencySelection
from stemstudio.gui.tools.hand import Hand
from stemstudio.gui.tools.harmonics import Harmonics
from stemstudio.gui.tools.lasso import Lasso
from stemstudio.gui.tools.rectangle import Rectangle
from stemstudio.gui.tools.time_selection import TimeSelection
from stemstudio.gui.tools.tool import Tool
from stemstudio.gui.tools.wand import MagicWand

TOOLS: tuple[type[Tool], ...] = (
    Hand,
    TimeSelection,
    FrequencySelection,
    Rectangle,
    Lasso,
    Brush,
    Eraser,
    MagicWand,
    Harmonics,
    AtomPicker,
)
