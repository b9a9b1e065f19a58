"""Native Instruments Stems for decks: one MP4 with the song and four stems that add up to it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from stemstudio.audio.audio import Samples
from stemstudio.audio.encoders import Movie, MovieStream
from stemstudio.audio.stem_streams import STEMS, StemEntry, write_entries
from stemstudio.audio.tags import Tags, write_tags
from stemstudio.audio.targets import WholeFile, check_room
from stemstudio.audio.writing import WriteReport
from stemstudio.errors import StemStudioError
from stemstudio.mixing.order import STREAMS, ExportOrder, Key, Part
from stemstudio.mixing.plan import sizes
from stemstudio.mixing.sound_files import STRETCHED, Written, complete, null_in_decibels
from stemstudio.mixing.sounds import Resampled, Sink, gains_of, no_numbers, write_sounds
from stemstudio.progress import Progress
from stemstudio.project.project import State
from stemstudio.project.stem import MIXTURE, RESIDUAL_COLOUR

RATES = (44_100, 48_000)
BIT_RATE = 256_000
LONGEST_NAME = 40  # decks show about 20 letters


def streams_of(state: State, order: ExportOrder) -> tuple[tuple[Part, ...], str]:
    """The song and the four stems of an order, and a sentence where they are not just the stems that were chosen.

    They always add up to the song: the last stem holds all that the others leave. With more than four stems the first
    three keep a stream of their own; with fewer the streams behind them are silent.
    """
    chosen = [stem for stem in dict.fromkeys(order.stems) if stem != MIXTURE]
    chosen = chosen or [leaf.id for leaf in state.leaves() if leaf.id != MIXTURE]
    chosen = [stem for stem in chosen if not set(state.path(stem)[:-1]) & set(chosen)]
    whole = complete(state, tuple(chosen))
    own = chosen if len(chosen) + (not whole) <= STEMS else chosen[: STEMS - 1]
    parts = [Part(f"stream {n}", state.stems[stem].name, (stem,), colour=state.stems[stem].colour)
             for n, stem in enumerate(own, 1)]  # fmt: skip
    note = ""
    if len(own) < len(chosen) or not whole:
        rest = [stem for stem in chosen[len(own) :] if not state.is_residual(stem)]
        name = " + ".join(state.stems[stem].name for stem in rest) or "rest"
        colour = state.stems[rest[0]].colour if rest else RESIDUAL_COLOUR
        parts.append(Part(f"stream {len(own) + 1}", name, tuple(own), rest=True, colour=colour))
        held = [state.stems[stem].name for stem in chosen[len(own) :]]
        what = " and ".join(filter(None, [", ".join(held[:-1]), *held[-1:]])) or "what was not chosen"
        if len(own) < len(chosen) - 1 or not whole:
            note = (
                f"Decks have four stems: “{name}” holds {what}{'' if whole else ' and the rest of the song'}."
            )
            note = note.replace(
                "holds what was not chosen and the rest of the song", "holds the rest of the song"
            )
    silent = STEMS - len(parts)
    if silent:
        note = f"Decks have four stems: {silent} of them {'is' if silent == 1 else 'are'} silent."
    parts += [
        Part(f"stream {len(parts) + n}", "empty", (), colour=RESIDUAL_COLOUR) for n in range(1, silent + 1)
    ]
    return (Part("stream 0", "the song", (), rest=True), *parts), note


def write_stem_mp4(
    file: WholeFile, state: State, order: ExportOrder, tags: Tags, title: str, progress: Progress
) -> Written:
    """Write the song and its four stems into one file.

    Raises
    ------
    StemStudioError
        If every file is to have a gain of its own: then the stems would not add up to the song.
    """
    if order.gain.startswith("each"):
        raise StemStudioError(
            "The streams of one file cannot have a gain each.", "Choose one common gain, or leave the levels."
        )
    coding = order.subtype or "aac"
    if coding not in STREAMS:
        raise StemStudioError(
            f"Stems for decks are not written as “{coding}”.", f"Choose {' or '.join(STREAMS)}."
        )
    own = state.mixture.sample_rate
    notes = []
    rate = order.rate or own
    if rate not in RATES:
        notes.append(f"Decks do not take {rate} Hz: the file has {RATES[0]} Hz.")
        rate = RATES[0]
    check_room(file.path, sizes(replace(order, rate=rate), state, title)["package"][1] or 0)
    parts, note = streams_of(state, order)
    notes += [note] if note else []
    start, stop = order.span(state)
    length = replace(order, rate=rate).frames(state)
    measured = 0.0 if order.gain == "keep" else 0.4
    gains = gains_of(state, order, parts, start, stop, progress.part(0.0, measured))
    streams: dict[Key, _Stream] = {}

    def fill(path: Path) -> None:
        movie = Movie(path, "mp4", rate)
        try:
            for number, part in enumerate(parts):
                made = movie.add_stream(
                    coding, 2, BIT_RATE, title if part.key == "stream 0" else part.name, number
                )
                streams[part.key] = _Stream(made, gains[part.key])
            sinks: dict[Key, Sink] = {
                key: stream if rate == own else Resampled(stream, own, rate, 2, length)
                for key, stream in streams.items()
            }
            rest, bad = write_sounds(
                state,
                parts,
                {key: _Stereo(sink) for key, sink in sinks.items()},
                start,
                stop,
                progress.part(measured, 1.0),
                () if order.pace.changed else [part.key for part in parts[1:]],
                order.pace,
            )
            for sink in sinks.values():
                if isinstance(sink, Resampled):
                    sink.close()
            for stream in streams.values():
                stream.close()
        except BaseException:
            with suppress(Exception):
                movie.close()
            raise
        movie.close()
        notes.extend(no_numbers(bad))
        if not order.pace.changed:
            nulls.append(null_in_decibels(rest * gains["stream 0"]))
        if order.tags:
            named = (
                f"{tags.title or title} ({order.pace.words})" if order.pace.changed else tags.title or title
            )
            tag_note = write_tags(path, replace(tags, title=named), "m4a")
            notes.extend([tag_note] if tag_note else [])
        write_entries(path, [StemEntry(_short(part.name), part.colour) for part in parts[1:]])

    nulls: list[float] = []
    file.write(fill)
    loudest = max(stream.peak for stream in streams.values())
    over = 20 * float(np.log10(loudest)) if loudest > 1 else 0.0
    if over:
        notes.append(f"The sound goes {over:.1f} dB over full scale, which decks will clip.")
    notes.append(STRETCHED if order.pace.changed else "The null is that of the sound before coding.")
    reports = {
        key: WriteReport(
            file.path, length, stream.peak, over if coding == "alac" and stream.peak > 1 else 0.0
        )
        for key, stream in streams.items()
    }
    told = {part.key: part.name for part in parts}
    return Written({}, reports, gains, next(iter(nulls), None), tuple(notes), told)


class _Stream:
    """A stream with its gain, and its peak."""

    def __init__(self, stream: MovieStream, gain: float) -> None:
        self._stream, self._gain, self.peak = stream, np.float32(gain), 0.0

    def write(self, block: Samples) -> None:
        block = block * self._gain
        self.peak = max(self.peak, float(np.max(np.abs(block), initial=0.0)))
        self._stream.write(block)

    def close(self) -> None:
        self._stream.close()


class _Stereo:
    """Lets a mono sound into both channels."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, block: Samples) -> None:
        self._sink.write(np.repeat(block, 2, axis=0) if block.shape[0] == 1 else block[:2])


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
