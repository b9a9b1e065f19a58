"""Remix: the mix as it is heard, whole, into one file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from stemstudio.audio.audio import Samples
from stemstudio.audio.loudness import LoudnessMeter
from stemstudio.audio.tags import Tags
from stemstudio.audio.writing import SoundWriter
from stemstudio.mixing.mixdown import Mixdown
from stemstudio.mixing.order import Part
from stemstudio.mixing.plan import channels_of
from stemstudio.mixing.slowed import slowed
from stemstudio.mixing.sounds import rendered
from stemstudio.mixing.stretching import stretched_length
from stemstudio.mixing.strips import strips_of
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
    tempo: float = 1.0,
    semitones: float = 0.0,
) -> RemixReport:
    """Write the mix as the mixer makes it, of the song's own rate and exact length.

    At another `tempo` or in another key, by so many `semitones`, each stem is stretched by itself before it is mixed.

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
    changed = tempo != 1.0 or semitones != 0.0
    with SoundWriter(
        path,
        form.sample_rate,
        channels,
        stretched_length(form.length, tempo),
        format=format,
        subtype=subtype,
        tags=tags,
        overwrite=overwrite,
    ) as writer:
        if changed:
            blocks = _slowed(state, tempo, semitones, progress.part(0, 1))
        else:
            made = rendered(state, [part], 0, form.length, progress.part(0, 1), "Mixing")
            blocks = ((sounds["mix"], count) for _, sounds, count in made)

        def take(mix: Samples) -> None:
            meter.take(mix)
            writer.write(mix)

        # A block is measured and encoded while the next one is mixed.
        with ThreadPoolExecutor(1) as aside:
            before: Future[None] | None = None
            for mix, count in blocks:
                bad += count
                if before is not None:
                    before.result()
                before = aside.submit(take, mix[:channels])
            if before is not None:
                before.result()
        report = writer.finish()
        progress.check()
        writer.place()
    notes = list(report.notes)
    if bad:
        notes.append(f"{bad} samples of stems were no numbers and are silent.")
    return RemixReport(path, report.peak, report.clipped_db, meter.integrated, tuple(notes))


def _slowed(
    state: State, tempo: float, semitones: float, progress: Progress
) -> Iterator[tuple[Samples, int]]:
    """Blocks of the mix at another tempo and in another key."""
    leaves, form = state.leaves(), state.mixture
    strips = strips_of(leaves, form.channels, form.sample_rate)
    mixdown = Mixdown(strips, state.effects, form.sample_rate, tempo=tempo)
    for stems, count in slowed(state, [leaf.id for leaf in leaves], tempo, semitones, progress):
        yield mixdown.mix([stems[leaf.id] for leaf in leaves]), count


def worded(report: RemixReport) -> str:
    """The report in a line."""
    peak = f"{20 * math.log10(report.peak):.1f}" if report.peak > 0 else "−∞"
    loudness = f"{report.lufs:.1f}" if math.isfinite(report.lufs) else "−∞"
    return f"{report.path}: {loudness} LUFS, peak {peak} dBFS"
