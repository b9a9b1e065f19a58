"""Comparing: takes of a stem heard one against the other: the same loop, at the same level, switched at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PySide6.QtCore import QObject, Signal

from stemstudio.audio.audio import Samples, Sound
from stemstudio.gui.document import Document
from stemstudio.gui.jobs import Job
from stemstudio.gui.player import Player
from stemstudio.project.project import Change, State
from stemstudio.project.side_by_side import LONGEST, Entry, Part, Ready, Wanted, made_ready
from stemstudio.project.stem import MIXTURE
from stemstudio.project.takes import Take

SHORTEST = 0.2  # seconds of a loop
USUAL = 10.0  # seconds of a loop where nobody has chosen one

References = Callable[[], Mapping[str, Sound]]


class Comparing(QObject):
    """Holds the takes of the open song, renders a loop of each, and plays them in turn.

    Attributes
    ----------
    entries
        What can be heard: the original, the stems as they are now, the takes in the order they came.
    stem
        The stem that was taken apart.
    parts
        What is heard of each entry; empty until the loop is rendered.
    current
        The entry that is chosen.

    Signals
    -------
    changed
        Entries came, went, or are ready to be heard.
    chosen_changed
        Another entry is chosen.
    progressed(fraction)
        Of the rendering; 1 when nothing is being rendered.
    takes_changed
        A take came or went, so that others have to be kept with the song.
    """

    changed = Signal()
    chosen_changed = Signal()
    progressed = Signal(float)
    takes_changed = Signal()

    def __init__(
        self,
        document: Document,
        player: Player,
        parent: QObject | None = None,
        *,
        references: References | None = None,
    ) -> None:
        """`references()` are the true stems by name, where somebody has loaded them."""
        super().__init__(parent)
        self._document = document
        self._player = player
        self._references = references or dict
        self._takes: list[Take] = []
        self._job: Job | None = None
        self._given: Samples | None = None  # what the player was given last
        self._active = False
        self._play_when_ready = False
        self._now: State | None = None  # what "as it is now" was rendered from
        self.stem = MIXTURE
        self.role = ""
        self.rest = False
        self.stretch: tuple[int, int] | None = None
        self.entries: list[Entry] = []
        self.parts: dict[Entry, Part] = {}
        self.current: Entry | None = None
        document.opened.connect(self.forget)
        document.changed.connect(self._edited)

    def set_active(self, active: bool) -> None:
        """Whether somebody is looking: nothing is rendered otherwise."""
        self._active = active
        if active:
            self.prepare()
        else:
            self._stop_job()
            self.stop()

    # takes

    @property
    def takes(self) -> tuple[Take, ...]:
        """All takes, of whatever stem."""
        return tuple(self._takes)

    def add(self, take: Take) -> None:
        """One more take; those of its stem are what is compared now."""
        self._takes.append(take)
        if take.answer.stem != self.stem or not self.entries:
            self.set_stem(take.answer.stem)
        else:
            self.entries.append(Entry("take", take))
            self._settle_role()
            self.prepare()
        self.takes_changed.emit()

    def restore(self, takes: Sequence[Take]) -> None:
        """Those that were kept with the song."""
        self._takes = list(takes)
        if takes:
            self.set_stem(takes[-1].answer.stem)

    def set_stem(self, stem: int) -> None:
        """Compare the takes of another stem."""
        self._stop_listening()
        self.stem = stem
        mine = [take for take in self._takes if take.answer.stem == stem]
        self.entries = [Entry("original"), *(Entry("take", take) for take in mine)]
        self.current, self.parts = None, {}
        self._settle_now()
        self._settle_role()
        self.prepare()

    def drop(self, entry: Entry) -> None:
        """Forget a take."""
        if entry.take is None:
            return
        if entry is self.current:
            self._stop_listening()
            self.current = None
        self._takes.remove(entry.take)
        self.entries.remove(entry)
        self.parts.pop(entry, None)
        if not any(other.take for other in self.entries):
            self.entries, self.parts = [], {}
            if self._takes:
                self.set_stem(self._takes[-1].answer.stem)
        else:
            self._settle_role()
        self.chosen_changed.emit()
        self.changed.emit()
        self.takes_changed.emit()

    def keep(self, entry: Entry) -> None:
        """Put a take into the song, as one step."""
        document, take = self._document, entry.take
        state, project = document.state, document.project
        if take is None or state is None or project is None:
            return
        stem = take.answer.stem
        if stem not in state.stems:
            document.said.emit(
                "The stem that this take was made of is not there any more; Undo may bring it back."
            )
            return
        self._stop_listening()
        name = take.title if stem == MIXTURE else f"{take.title} of {state.stems[stem].name}"
        document.do(take.answer.edit(project, name))
        if take.answer.estimates.atoms:
            document.show_atoms_of(stem)

    def forget(self) -> None:
        """Another song, or none."""
        self._stop_listening()
        self._stop_job()
        self._takes, self.entries, self.parts = [], [], {}
        self.current, self.stretch, self._now, self.role = None, None, None, ""
        self.changed.emit()
        self.chosen_changed.emit()

    # what is compared

    @property
    def roles(self) -> list[str]:
        """Names of the stems that can be compared: those of the takes, then those of the song."""
        names: list[str] = []
        for entry in self.entries:
            if entry.take is not None:
                names += [leaf.name for leaf in entry.take.state.leaves(self.stem)]
        state = self._document.state
        if state is not None and self.stem in state.splits:
            names += [leaf.name for leaf in state.leaves(self.stem)]
        unique: dict[str, str] = {}
        for name in names:
            unique.setdefault(name.strip().casefold(), name)
        return list(unique.values())

    def set_role(self, role: str) -> None:
        """Compare the stem of this name."""
        if role != self.role:
            self.role = role
            self.prepare()

    def set_rest(self, rest: bool) -> None:
        """Hear everything but the stem, to find what of it stayed behind."""
        if rest != self.rest:
            self.rest = rest
            self.prepare()

    def set_stretch(self, stretch: tuple[int, int] | None = None) -> None:
        """Listen to samples [start, stop); by default to the selection, else the loop, else around the playhead.

        What was being heard goes on there.
        """
        found = stretch or self.usual_stretch()
        if found is not None and found != self.stretch:
            self._play_when_ready = self._play_when_ready or self.listening
            self._stop_listening()
            self.stretch, self.parts = found, {}
            for entry in self.entries:
                entry.stems = None
            self.prepare()

    def usual_stretch(self) -> tuple[int, int] | None:
        """What somebody who says nothing wants to listen to; half a minute at most."""
        state = self._document.state
        if state is None:
            return None
        rate, length = state.mixture.sample_rate, state.mixture.length
        bounds = self._document.selection.bounds
        if bounds is not None:
            start, stop = int(bounds.start * rate), int(np.ceil(bounds.stop * rate))
        elif self._player.loop is not None and self._player.source != "audition":
            start, stop = self._player.loop
        else:
            start = int(min(self._player.position, max(0, length - USUAL * rate)))
            stop = start + int(USUAL * rate)
        start, stop = max(0, start), min(length, stop, start + int(LONGEST * rate))
        if stop - start < SHORTEST * rate:
            stop = min(length, start + int(USUAL * rate))
            start = max(0, min(start, stop - int(SHORTEST * rate)))
        return (start, stop) if stop > start else None

    # listening

    @property
    def listening(self) -> bool:
        """Whether one of the entries is being heard."""
        return self._player.auditions(self._given) and self._player.playing

    @property
    def ready(self) -> bool:
        """Whether every entry can be heard at once."""
        return bool(self.entries) and all(entry in self.parts for entry in self.entries)

    def choose(self, entry: Entry | None, *, play: bool = True) -> None:
        """Hear this one, from where the other is just now."""
        if entry is not self.current:
            self.current = entry
            self.chosen_changed.emit()
        if entry is None or not play:
            return
        if entry in self.parts:
            self._hear(entry)
            self._player.play()
        else:
            self._play_when_ready = True
            self.prepare()

    def toggle(self) -> None:
        """Play or pause; the first entry where none is chosen."""
        if self.listening:
            self._player.pause()
        elif self._player.auditions(self._given):
            self._player.play()
        elif self.entries:
            self.choose(self.current or self.entries[-1])

    def stop(self) -> None:
        """Back to the mix."""
        self._play_when_ready = False
        self._stop_listening()

    def _hear(self, entry: Entry) -> None:
        """Give the player what is heard of an entry; play goes on where it is."""
        if self.stretch is not None:
            ours = self._player.auditions(self._given)
            self._play_when_ready = False
            self._given = self.parts[entry].buffer
            self._player.audition(self._given, self.stretch[0], loop=True, instead=ours)

    def _stop_listening(self) -> None:
        if self._player.auditions(self._given):
            self._player.pause()
            self._player.end_audition()
        self._given = None

    # rendering

    def prepare(self) -> None:
        """Render what is missing of the loop, and bring all to one level; a newer wish ends the older."""
        state = self._document.state
        there = state is not None and self.stem in state.stems and self._document.complete
        if state is None or not there or not self.entries or not self._active:
            self.changed.emit()
            return
        if self.stretch is None:
            self.stretch = self.usual_stretch()
        if self.stretch is None:
            return
        self._stop_job()
        held = {entry: entry.stems for entry in self.entries if entry.stems is not None}
        if self._now is not state:
            held = {entry: stems for entry, stems in held.items() if entry.kind == "take"}
        wanted = Wanted(
            state,
            self.stem,
            *self.stretch,
            self.role,
            self.rest,
            tuple(self.entries),
            held,
            dict(self._references()),
        )
        self.progressed.emit(0.0)
        self._job = self._document.jobs.run(
            "Comparing",
            lambda progress: made_ready(wanted, progress),
            lambda ready: self._rendered(job, ready),
            failed=self._failed,
            heavy=False,
        )
        job = self._job
        job.progressed.connect(lambda fraction, _: self._progress(job, fraction))
        self.changed.emit()

    def _rendered(self, job: Job, ready: Ready) -> None:
        if job is not self._job:
            return
        self._job, self._now = None, ready.state
        for entry, stems in ready.stems.items():
            entry.stems = stems
        self.parts = {entry: part for entry, part in ready.parts.items() if entry in self.entries}
        self.progressed.emit(1.0)
        self.changed.emit()
        if self.current in self.parts:
            if self._player.auditions(self._given):
                self._hear(self.current)
            elif self._play_when_ready:
                self._hear(self.current)
                self._player.play()

    def _progress(self, job: Job, fraction: float) -> None:
        if job is self._job:
            self.progressed.emit(min(fraction, 0.999))

    def _failed(self, error: Exception) -> None:
        self._job = None
        self.progressed.emit(1.0)
        self._document.said.emit(f"The takes could not be made ready: {error}")

    def _stop_job(self) -> None:
        if self._job is not None:
            self._job.stop()
            self._job = None

    def _settle_now(self) -> None:
        """The stems as they are now are compared where there are any."""
        state = self._document.state
        split = state is not None and self.stem in state.splits
        now = next((entry for entry in self.entries if entry.kind == "now"), None)
        if split and now is None:
            self.entries.insert(1, Entry("now"))
        elif not split and now is not None:
            if now is self.current:
                self._stop_listening()
                self.current = None
            self.entries.remove(now)
            self.parts.pop(now, None)

    def _settle_role(self) -> None:
        roles = self.roles
        if self.role not in roles:
            self.role = roles[0] if roles else ""

    def _edited(self, change: Change) -> None:
        """The stems as they are now sound different; what is being heard goes on until they are rendered."""
        if not self.entries or not (change.sounds or "stems" in change.kinds):
            return
        state = self._document.state
        if state is not None and self.stem not in state.stems:
            self._stop_listening()
        self._settle_now()
        self._settle_role()
        self.prepare()
