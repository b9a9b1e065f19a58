"""Opening: songs into the window as they are decoded."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from stemstudio.audio.audio import Audio, Samples
from stemstudio.audio.channels import ChannelChoice
from stemstudio.audio.reading import NeedsChannelChoice, SongInfo, decode, probe, song_hash
from stemstudio.gui.document import Document
from stemstudio.gui.jobs import Job
from stemstudio.progress import Progress
from stemstudio.project.project import Project, SongReference
from stemstudio.spectral.stft import StftSettings

SHOWN_AT_FIRST = 0.05  # seconds between two looks at what has been decoded
SHOWN_LATER = 0.12  # and once the beginning is there: each look has much of the window painted


@dataclass(frozen=True)
class Song:
    """A song that was opened: where it came from, what its file said, what was lived with."""

    info: SongInfo
    reference: SongReference
    notes: tuple[str, ...] = ()


def title_of(info: SongInfo) -> str:
    """What to call a song: its title, else its file's name."""
    return info.tags.title or info.path.stem


class Opening(QObject):
    """Decodes songs in the background and hands them to the document block by block.

    Signals
    -------
    read(Song)
        The song is complete; its reference is filled in.
    channels_wanted(SongInfo, error)
        The song has more than two channels; call `open` again with a choice.
    failed(error)
        No song could be had; what was open before is untouched.
    """

    read = Signal(object)
    channels_wanted = Signal(object, object)
    failed = Signal(object)
    _arrived = Signal(object, object, int)

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._job: Job | None = None
        self._number = 0
        self._shown: Samples | None = None
        self._shown_job = -1
        self._keep_project: Project | None = None
        self._arrived.connect(self._take)

    @property
    def number(self) -> int:
        """Counts what was opened: an answer that comes under another number is too late."""
        return self._number

    @property
    def busy(self) -> bool:
        return self._job is not None

    def cancel(self) -> None:
        """Stop reading; what has been read so far is forgotten with the project."""
        self._number += 1
        if self._job is not None:
            self._job.stop()
            self._job = None

    def open(self, path: Path, channels: ChannelChoice | None = None, into: Project | None = None) -> None:
        """Read a song; a new project appears with its first block, or `into` gets its sound."""
        self.cancel()
        number = self._number
        self._shown, self._shown_job = None, -1
        self._keep_project = into

        def work(progress: Progress) -> tuple[SongInfo, Audio, Song]:
            notes: list[str] = []
            info = probe(path)
            notes += info.notes
            began = time.monotonic()
            last = 0.0

            def on_block(buffer: Samples, start: int, stop: int) -> None:
                nonlocal last
                now = time.monotonic()
                pause = SHOWN_AT_FIRST if now - began < 5 * SHOWN_AT_FIRST else SHOWN_LATER
                if start == 0 or now - last >= pause:
                    last = now
                    self._arrived.emit((number, info), buffer, stop)

            audio = decode(info, progress, channels=channels, on_block=on_block, on_note=notes.append)
            taken = "all" if channels is None else str(channels)
            reference = SongReference(str(path.resolve()), song_hash(path), title_of(info), taken)
            return info, audio, Song(info, reference, tuple(notes))

        def done(result: tuple[SongInfo, Audio, Song]) -> None:
            if number == self._number:
                self._job = None
                self._finish(*result)

        def failed(error: Exception) -> None:
            if number != self._number:
                return
            self._job = None
            if isinstance(error, NeedsChannelChoice):
                self.channels_wanted.emit(error.info, error)
                return
            if self._shown_job == number and into is None:
                self._document.set_project(None)
            self.failed.emit(error)

        self._job = self._document.jobs.run(f"Opening {path.name}", work, done, failed=failed, heavy=False)

    def _take(self, which: tuple[int, SongInfo], buffer: Samples, stop: int) -> None:
        """A block has been decoded (GUI thread)."""
        number, info = which
        if number != self._number:
            return
        if self._shown_job != number:
            self._begin(Audio(buffer, info.sample_rate), info)
            self._shown_job = number
        elif self._shown is not buffer:
            self._document.set_mixture(Audio(buffer, info.sample_rate))
        self._shown = buffer
        self._document.set_reading(stop, False)

    def _begin(self, audio: Audio, info: SongInfo) -> None:
        document = self._document
        if self._keep_project is not None:
            document.set_mixture(audio)
            return
        reference = SongReference(str(info.path.resolve()), "", title_of(info))
        document.set_project(Project(audio, reference, StftSettings()))

    def _finish(self, info: SongInfo, audio: Audio, song: Song) -> None:
        document = self._document
        if self._shown_job != self._number:
            self._begin(audio, info)
        project = document.project
        assert project is not None
        if project.state.mixture.length != audio.length or self._shown is None:
            document.set_mixture(audio)
        if self._keep_project is None:
            project.song = song.reference
        else:
            project.song = replace(project.song, path=song.reference.path)
        document.set_reading(audio.length, True)
        self.read.emit(song)
