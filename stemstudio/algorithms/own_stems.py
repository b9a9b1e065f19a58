"""Own stems: nothing is estimated; the song's file brings its stems along, as Native Instruments Stems do."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from stemstudio.algorithms.algorithm import Algorithm, parameter
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.audio.audio import Sound
from stemstudio.audio.stem_streams import StemEntry, decode_stems, read_entries
from stemstudio.errors import UnreadableSong
from stemstudio.progress import Progress


class OwnStems(Algorithm):
    """The streams of a `.stem.mp4` file behind its first, which is the song; the residual holds what they leave of it."""

    name: ClassVar[str] = "own-stems"
    title: ClassVar[str] = "Stems of the file"
    summary: ClassVar[str] = "Takes the stems that lie in the song's own file."
    speed: ClassVar[float] = 50.0
    masked: ClassVar[bool] = False

    file: str = parameter("", "The file that holds the stems", max_length=10_000)

    def run(self, signal: Sound, progress: Progress) -> Waveforms:
        return self.read(signal, progress)[0]

    def read(
        self, signal: Sound, progress: Progress
    ) -> tuple[Waveforms, tuple[StemEntry, ...], tuple[str, ...]]:
        """The stems, their entries in the file, and sentences about what was lived with; silent ones are left out."""
        path = Path(self.file)
        entries = read_entries(path)
        if not entries:
            raise UnreadableSong(path, "there are no stems in it")
        waves, notes = decode_stems(
            path, len(entries), signal.channels, signal.sample_rate, signal.length, progress
        )
        heard = [row for row, wave in enumerate(waves) if wave.any()]
        progress(1.0)
        kept = waves if len(heard) == len(waves) else waves[heard]
        return (
            Waveforms([entries[row].name for row in heard], kept),
            tuple(entries[row] for row in heard),
            notes,
        )
