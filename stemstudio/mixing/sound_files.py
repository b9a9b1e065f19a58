"""The sound files of an export: a writer for each part, filled side by side, and what can be said of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from stemstudio.audio.broadcast import Origin
from stemstudio.audio.formats import file_format
from stemstudio.audio.names import native
from stemstudio.audio.tags import Tags
from stemstudio.audio.writing import SoundWriter, WriteReport
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.mixing.order import ExportOrder, Key, Part
from stemstudio.mixing.pace import AS_RECORDED, Pace
from stemstudio.mixing.plan import channels_of
from stemstudio.mixing.sounds import THREADS, Resampled, gains_of, no_numbers, write_sounds
from stemstudio.progress import Progress
from stemstudio.project.project import State

__all__ = ["Written", "null_in_decibels", "titled", "write_sound_files"]

CHECKED_SECONDS = 2.0  # of all files' sound, looked at by each thread at a time
STRETCHED = (
    "Each stem was stretched by itself, and together they are the song at this tempo and in this key: "
    "no recording of that is there to null against."
)
SILENCE = 1e-20  # what stands for no difference at all: −400 dB


@dataclass(frozen=True)
class Written:
    """Sounds that are written and have no names yet.

    Attributes
    ----------
    writers
        By part; finished.
    reports
        Of each.
    gains
        The factor of each.
    null_db
        As `ExportReport` has it.
    notes
        Sentences about what a person should know.
    names
        Of sounds that are none of the order's parts.
    """

    writers: Mapping[Key, SoundWriter]
    reports: Mapping[Key, WriteReport]
    gains: Mapping[Key, float]
    null_db: float | None
    notes: tuple[str, ...]
    names: Mapping[Key, str] = field(default_factory=dict)


def write_sound_files(
    state: State,
    order: ExportOrder,
    parts: Sequence[Part],
    folder: Path,
    names: Mapping[Key, str],
    tags: Tags,
    title: str,
    stack: ExitStack,
    progress: Progress,
) -> Written:
    """Write every part to its file in a folder; `stack` takes away what gets no name.

    Parameters
    ----------
    names
        Of the files, by part.
    title
        Of the song.
    """
    start, stop = order.span(state)
    own, rate = state.mixture.sample_rate, order.rate or state.mixture.sample_rate
    length = order.frames(state)
    measured = 0.0 if order.gain == "keep" else 0.4
    gains = gains_of(state, order, parts, start, stop, progress.part(0.0, measured))
    writers = {
        part.key: stack.enter_context(
            SoundWriter(
                folder / names[part.key],
                rate,
                channels_of(state, part),
                length,
                format=order.format,
                subtype=order.subtype,
                tags=titled(tags, title, part, order.pace) if order.tags and tags else None,
                dither_seed=seed,
                dither=order.dither,
                gain=gains[part.key],
                overwrite=order.overwrite,
                origin=Origin(order.pace.place(start) * rate // own, f"{title} - {part.name}"),
                channel_mask=LAYOUTS[state.room.layout].mask if part.key == "upmix" else None,
            )
        )
        for seed, part in enumerate(parts)
    }
    sinks = {
        part.key: writers[part.key]
        if rate == own
        else Resampled(writers[part.key], own, rate, channels_of(state, part), length)
        for part in parts
    }
    whole = complete(state, order.stems)
    checked = tuple(dict.fromkeys(order.stems)) if whole and not order.pace.changed else ()
    exact = file_format(order.format).lossless and rate == own  # then the files themselves are looked at
    rest, bad = write_sounds(
        state, parts, sinks, start, stop, progress.part(measured, 0.9), () if exact else checked, order.pace
    )
    for sink in sinks.values():
        if isinstance(sink, Resampled):
            sink.close()
    with ThreadPoolExecutor(THREADS) as pool:  # the disk takes some time to have it all
        finished = {key: pool.submit(writer.finish) for key, writer in writers.items()}
    reports = {key: future.result() for key, future in finished.items()}
    notes = no_numbers(bad)
    notes += [f"{report.path.name}: {note}" for report in reports.values() for note in report.notes]
    null_db = None
    if checked and len(set(gains.values())) == 1:
        gain = gains[checked[0]]
        if exact:
            rest = _rest_in_files(state, checked, writers, start, stop, gain, progress.part(0.9, 1.0))
        else:
            rest *= gain
            notes.append(
                "The format changes the samples: the null is that of the sound before coding."
                if rate == own
                else "The sample rate is another: the null is that of the sound before."
            )
        null_db = null_in_decibels(rest)
    elif whole and order.pace.changed:
        notes.append(STRETCHED)
    elif checked:
        notes.append("Every file has a gain of its own, so that they do not add up to the song any more.")
    worst = max((report.clipped_db for report in reports.values()), default=0.0)
    if worst and len(reports) > 1:
        notes.append(
            f"With all files turned down by {worst:.1f} dB nothing is clipped and their balance is kept."
        )
    return Written(writers, reports, gains, null_db, tuple(notes))


def null_in_decibels(peak: float) -> float:
    """The level of the largest difference between the song and its stems; −400 where there is none."""
    return 20 * math.log10(max(peak, SILENCE))


def titled(tags: Tags, title: str, part: Part, pace: Pace = AS_RECORDED) -> Tags:
    """The song's tags for one of its sounds: the stem's name and the pace behind the title; the mix is the song."""
    words = tags.title if part.key == "mix" else f"{tags.title or title} - {part.name}"
    return replace(tags, title=f"{words or title} ({pace.words})" if pace.changed else words)


def _rest_in_files(
    state: State,
    stems: Sequence[int],
    writers: Mapping[Key, SoundWriter],
    start: int,
    stop: int,
    gain: float,
    progress: Progress,
) -> float:
    """Peak of song − Σ stems, read back from the finished files, stretches of the song side by side."""
    import soundfile

    size = max(1, int(CHECKED_SECONDS * state.mixture.sample_rate))
    share = max(size, -(-(stop - start) // THREADS))
    done = [0] * THREADS

    def look(number: int) -> float:
        peak = 0.0
        first, last = start + number * share, min(stop, start + (number + 1) * share)
        with ExitStack() as stack:
            files = [stack.enter_context(soundfile.SoundFile(native(writers[stem].part))) for stem in stems]
            for file in files if first < last else ():
                file.seek(first - start)
            for low in range(first, last, size):
                progress.check()
                high = min(last, low + size)
                left = state.mixture.read(low, high).T.astype(np.float64)
                left *= gain
                for file in files:
                    left -= file.read(high - low, dtype="float32", always_2d=True)
                peak = max(peak, float(left.max(initial=0.0)), -float(left.min(initial=0.0)))
                done[number] = high - first
        return peak

    with ThreadPoolExecutor(THREADS) as pool:
        looks = [pool.submit(look, number) for number in range(THREADS)]
        while any(not each.done() for each in looks):
            wait(looks, timeout=0.05)
            progress(sum(done) / (stop - start), "Checking that the stems add up")
        return max(each.result() for each in looks)


def complete(state: State, stems: tuple[int, ...]) -> bool:
    """Whether some stems make up the song, each part of it once."""
    chosen = set(stems)
    return all(len(chosen & {0, *state.path(leaf.id)}) == 1 for leaf in state.leaves())
