"""Strokes: every shape that can be painted, told apart by its word in a record."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stemstudio.spectral.brushes import BrushStroke, SelectionFill
from stemstudio.spectral.combs import CombStroke

AnyStroke = BrushStroke | SelectionFill | CombStroke
Stroke = Annotated[AnyStroke, Field(discriminator="shape")]
