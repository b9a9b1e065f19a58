"""Remix: the mix as it is heard, whole, into one file."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stemstudio.audio.audio import Samples
from stemstudio.audio.levels import Levels, SoundMeter
from stemstudio.audio.loudness import load_meter
from stemstudio.audio.tags import Tags
from stemstudio.audio.writing import SoundWriter
from stemstudio.mixing.matching import loudness_of_mixers, matching_gain_db
from stemstudio.mixing.mixer import gain_of
from stemstudio.mixing.order import Part
from stemstudio.mixing.pace import AS_RECORDED, Pace
from stemstudio.mixing.plan import channels_of
from stemstudio.mixing.sounds import no_numbers, rendered
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
    levels
        What meters say of it.
    notes
        Sentences about what a person should know.
    """

    path: Path
    peak: float
    clipped_db: float
    levels: Levels
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
    pace: Pace = AS_RECORDED,
    match: bool = False,
) -> RemixReport:
    """Write the mix as the mixer makes it, of the song's own rate and exact length.

    At another pace each stem is stretched by itself before it is mixed. With `match` it is as loud as the song.

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
    load_meter(progress)
    gain = 1.0
    if match:
        song, (mix,) = loudness_of_mixers(state, [(state.leaves(), state.effects)], progress.part(0.0, 0.2))
        gain = gain_of(matching_gain_db(song, mix))
    meter = SoundMeter(form.sample_rate, channels)
    bad = 0
    with SoundWriter(
        path,
        form.sample_rate,
        channels,
        pace.length(form.length),
        format=format,
        subtype=subtype,
        tags=tags,
        overwrite=overwrite,
        gain=gain,
    ) as writer:
        made = rendered(
            state, [part], 0, form.length, progress.part(0.2 if match else 0.0, 1), "Mixing", pace
        )

        def take(mix: Samples) -> None:
            meter.take(mix if gain == 1.0 else mix * np.float32(gain))
            writer.write(mix)

        # A block is measured and encoded while the next one is mixed.
        with ThreadPoolExecutor(1) as aside:
            before: Future[None] | None = None
            for _, sounds, count in made:
                bad += count
                if before is not None:
                    before.result()
                before = aside.submit(take, sounds["mix"])
            if before is not None:
                before.result()
        report = writer.finish()
        progress.check()
        writer.place()
    notes = (*report.notes, *no_numbers(bad))
    return RemixReport(path, report.peak, report.clipped_db, meter.finish(), notes)


def worded(report: RemixReport) -> str:
    """The report in a line."""
    return f"{report.path}: {report.levels}"
