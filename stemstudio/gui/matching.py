"""Matching: mixers under different letters are heard equally loud, as loud as the song."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import QObject, QSettings, QTimer, Signal

from stemstudio.gui.document import Document
from stemstudio.gui.sounding import Sounding
from stemstudio.mixing.matching import Mixer, loudness_of_mixers, matching_gain_db
from stemstudio.progress import Progress
from stemstudio.project.project import Change
from stemstudio.project.snapshots import Snapshot
from stemstudio.project.stem import Stem

SETTLED_MS = 500  # after the last change, before anything is measured


class Matching(QObject):
    """Measures mixers aside and plays each as loud as the song; what is exported is not touched.

    A letter's level is found when it is switched to, and stays while its faders are moved.

    Attributes
    ----------
    on
        Whether this is wanted.
    gain_db
        What the mixer that is heard is turned up by.

    Signals
    -------
    changed
        Of either.
    """

    changed = Signal()

    def __init__(self, document: Document, sounding: Sounding, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.on = QSettings().value("match mixers", "true") == "true"
        self.gain_db = 0.0
        self._document, self._sounding = document, sounding
        self._known: dict[Mixer, float] = {}  # dB by what the mixer was
        self._letter = ""
        self._switched: Mixer | None = None
        self._measuring = False
        self._timer = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._timer.timeout.connect(self._measure)
        document.opened.connect(self._opened)
        document.changed.connect(self._changed)
        document.reading_changed.connect(self._timer.start)

    def set_on(self, on: bool) -> None:
        """Want it, or not."""
        self.on = on
        QSettings().setValue("match mixers", "true" if on else "false")
        self._switched = self._present()
        self._apply()
        self._timer.start()

    def _opened(self) -> None:
        self._known.clear()
        state = self._document.state
        self._letter = "" if state is None else state.snapshots.current
        self._switched = self._present()
        self._set(0.0)
        self._timer.start()

    def _changed(self, change: Change) -> None:
        state = self._document.state
        if state is None:
            return
        if change.sounds or "stems" in change.kinds:
            self._known.clear()
        if state.snapshots.current != self._letter:
            self._letter = state.snapshots.current
            self._switched = self._present()
            self._apply()
        self._timer.start()

    def _present(self) -> Mixer | None:
        state = self._document.state
        return None if state is None else (_strips(state.leaves()), state.effects)

    def _mixers(self) -> list[Mixer]:
        """All that can be switched to, and what was switched to last; none while there is only one."""
        state, switched = self._document.state, self._switched
        if state is None or switched is None or not state.snapshots.kept:
            return []
        kept = [self._restored(each) for each in state.snapshots.kept]
        return list(dict.fromkeys([switched, *kept]))

    def _restored(self, snapshot: Snapshot) -> Mixer:
        state = self._document.state
        assert state is not None
        fields = {number: record.fields() for number, record in snapshot.strips}
        return (
            _strips(replace(leaf, **fields.get(leaf.id, {})) for leaf in state.leaves()),
            snapshot.effects,
        )

    def _measure(self) -> None:
        state = self._document.state
        missing = [mixer for mixer in self._mixers() if mixer not in self._known]
        if state is None or not missing or not self.on or self._measuring or not self._document.complete:
            self._apply()
            return
        self._measuring = True

        def work(progress: Progress) -> tuple[float, list[float]]:
            return loudness_of_mixers(state, missing, progress)

        def done(levels: tuple[float, list[float]]) -> None:
            self._measuring = False
            now = self._document.state
            if now is not None and now.splits is state.splits and now.paint is state.paint:
                song, mixes = levels
                for mixer, level in zip(missing, mixes, strict=True):
                    self._known[mixer] = matching_gain_db(song, level)
            self._timer.start()

        def failed(error: Exception) -> None:
            self._measuring = False
            self._document.said.emit(f"How loud the mixers are could not be measured: {error}")

        def stopped() -> None:
            self._measuring = False

        self._document.jobs.run("Measuring", work, done, failed=failed, stopped=stopped, heavy=False)

    def _apply(self) -> None:
        if not self.on or not self._mixers() or self._switched is None:
            self._set(0.0)
        elif self._switched in self._known:
            self._set(self._known[self._switched])

    def _set(self, gain_db: float) -> None:
        if gain_db != self.gain_db:
            self.gain_db = gain_db
            self._sounding.set_match(gain_db)
        self.changed.emit()


def _strips(leaves: Iterable[Stem]) -> tuple[Stem, ...]:
    """Strips without what is only seen of them: another name or colour sounds the same."""
    return tuple(replace(leaf, name="", colour="", position=0.0) for leaf in leaves)
