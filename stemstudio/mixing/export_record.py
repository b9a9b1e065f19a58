"""The report of an export as JSON: the song, how it was taken apart, the strips, the files and their levels."""

from __future__ import annotations

import json
import math
from typing import Any

from stemstudio.mixing.order import ExportReport
from stemstudio.mixing.pace import AS_RECORDED, Pace
from stemstudio.project.project import State
from stemstudio.project.stem import MIXTURE


def export_record(
    state: State, report: ExportReport, song: str, start: int, stop: int, pace: Pace = AS_RECORDED
) -> str:
    """What was written, as JSON that people and scripts read."""
    rate = state.mixture.sample_rate
    gains = report.gains_db
    record: dict[str, Any] = {
        "song": song,
        "sample_rate": rate,
        "channels": state.mixture.channels,
        "seconds": state.mixture.length / rate,
        "range": [start / rate, stop / rate],
        "tempo": pace.tempo,
        "key": pace.semitones,
        "stems": [
            {
                "name": stem.name,
                "colour": stem.colour,
                "of": None if stem.parent in (None, MIXTURE) else state.stems[stem.parent].name,
                "residual": state.is_residual(stem.id),
                "split": stem.id in state.splits,
                "gain_db": finite(stem.gain_db),
                "pan": stem.pan,
                "mute": stem.mute,
                "solo": stem.solo,
            }
            for stem in state.stems.values()
            if stem.parent is not None
        ],
        "splits": [
            {
                "stem": state.stems[stem].name,
                "called": split.recipe.called,
                "recipe": split.recipe.record(),
                "parts": len(split.owners),
            }
            for stem, split in state.splits.items()
        ],
        "strokes": len(state.strokes),
        "files": [
            {
                "file": path.name,
                "what": report.names.get(key, str(key)),
                **(
                    {
                        "peak_db": level(report.peaks[key]),
                        "clipped_db": report.clipped_db[key],
                        "gain_db": gains.get(key, report.gain_db),
                    }
                    if key in report.peaks
                    else {}
                ),
            }
            for key, path in report.files.items()
        ],
        "gain_db": report.gain_db,
        "null_db": report.null_db,
        "notes": list(report.notes),
    }
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def level(peak: float) -> float | None:
    """In dB of full scale; None for silence."""
    return 20 * math.log10(peak) if peak > 0 else None


def finite(level_db: float) -> float | None:
    """JSON has no infinity: None is silence."""
    return level_db if math.isfinite(level_db) else None
