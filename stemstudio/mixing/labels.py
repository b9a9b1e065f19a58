"""Audacity label files: regions and markers as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from stemstudio.mixing.order import ExportOrder, Label
from stemstudio.project.project import State


def labels_of(state: State) -> tuple[Label, ...]:
    """What was painted, stroke by stroke: where, at which pitches, whose it is now; and where stems are muted."""
    found = [
        Label(start, stop, f"{stem.name} muted")
        for stem in state.leaves()
        for start, stop in sorted(stem.mutes)
    ]
    for number in sorted(state.strokes):
        stroke = state.strokes[number]
        box = stroke.stroke.box
        name = state.stems[stroke.stem].name
        words = f"erase {name}" if stroke.erase else f"hint {name}" if stroke.mode == "hint" else name
        found.append(Label(max(0.0, box.start), max(0.0, box.stop), words, max(0.0, box.low), box.high))
    return tuple(found)


def bars_of(state: State) -> tuple[Label, ...]:
    """A marker at the beginning of each whole bar, where the beats are known."""
    beats = state.beats
    found = []
    for beat in range(beats.one % beats.metre, len(beats.beats), beats.metre):
        second = beats.beats[beat]
        found.append(Label(second, second, f"bar {beats.bar_of(beat)[0]}"))
    return tuple(found)


def within(labels: Iterable[Label], start: float, stop: float) -> tuple[Label, ...]:
    """Labels of a stretch of the song, in its own time; what reaches beyond it is cut off."""
    return tuple(
        Label(max(0.0, one.start - start), min(stop, one.stop) - start, one.text, one.low, one.high)
        for one in labels
        if one.start <= stop and one.stop >= start
    )


def placed(labels: Iterable[Label], order: ExportOrder, state: State) -> tuple[Label, ...]:
    """The labels of an order, and others, in the time of its files."""
    start, stop = order.span(state)
    rate, tempo = state.mixture.sample_rate, order.pace.tempo
    cut = within((*order.labels, *labels), start / rate, stop / rate)
    return tuple(replace(one, start=one.start / tempo, stop=one.stop / tempo) for one in cut)


def label_text(labels: Iterable[Label]) -> str:
    """Labels as Audacity reads them: seconds and words with tabs between, and a line for frequencies below."""
    lines = []
    for label in sorted(labels, key=lambda each: (each.start, each.stop)):
        words = " ".join(label.text.split())
        lines.append(f"{label.start:.6f}\t{label.stop:.6f}\t{words}\n")
        if label.low is not None and label.high is not None:
            lines.append(f"\\\t{label.low:.6f}\t{label.high:.6f}\n")
    return "".join(lines)
