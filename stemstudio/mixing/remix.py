"""Remix: the mix as it is heard, whole, into one file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from stemstudio.audio.loudness import LoudnessMeter
from stemstudio.audio.tags import Tags
from stemstudio.audio.writing import SoundWriter
from stemstudio.mixing.order import Part
from stemstudio.mixing.plan import channels_of
from stemstudio.mixing.sounds import rendered
from stemstudio.progress import Progress
from stemstudio.project.project import State

__all__ = ["RemixReport", "write_remix"]


@dataclass(frozen=True)
class RemixReport:
    """What was written.

    Attributes
    ----------
    path
        The file.
    peak
        Largest absolute sample before any clipping; 1 is full scale.
    clipped_db
        By how many dB it must be turned down for nothing to be clipped; 0 where nothing was.
    lufs
        Integrated loudness; −inf for silence.
    notes
        Sentences about what a person should know.
    """

    path: Path
    peak: float
    clipped_db: float
    lufs: float
    notes: tuple[str, ...]


def write_remix(
    state: State,
    path: Path,
    tags: Tags | None = None,
    progress: Progress | None = None,
    *,
    format: str,
    subtype: str | None = None,
    overwrite: bool = False,
) -> RemixReport:
    """Write the mix as the mixer makes it, of the song's own rate and exact length.

    Raises
    ------
    FileExists
        If there is such a file already and `overwrite` is False.
    StemStudioError
        If the format cannot hold the sound, or the disk will not take it.
    """
    progress = progress or Progress()
    part = Part("mix", "mix", tuple(leaf.id for leaf in state.leaves()))
    form = state.mixture
    channels = channels_of(state, part)
    meter = LoudnessMeter(form.sample_rate, channels)
    bad = 0
    with SoundWriter(
        path,
        form.sample_rate,
        channels,
        form.length,
        format=format,
        subtype=subtype,
        tags=tags,
        overwrite=overwrite,
    ) as writer:
        for _, sounds, count in rendered(state, [part], 0, form.length, progress.part(0, 1), "Mixing"):
            bad += count
            meter.take(sounds["mix"])
            writer.write(sounds["mix"])
        report = writer.finish()
        progress.check()
        writer.place()
    notes = list(report.notes)
    if bad:
        notes.append(f"{bad} samples of stems were no numbers and are silent.")
    return RemixReport(path, report.peak, report.clipped_db, meter.integrated, tuple(notes))


def worded(report: RemixReport) -> str:
    """The report in a line."""
    peak = f"{20 * math.log10(report.peak):.1f}" if report.peak > 0 else "−∞"
    loudness = f"{report.lufs:.1f}" if math.isfinite(report.lufs) else "−∞"
    return f"{report.path}: {loudness} LUFS, peak {peak} dBFS"
