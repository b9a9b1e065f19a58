"""Templates of drums from a folder of one-shots: one recording of one stroke a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.spectrum import spectrum
from stemstudio.audio.audio import Audio
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings

Float = NDArray[np.float32]

SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3")
MOST_FILES = 256
MOST_DRUMS = 32
LONGEST_SECONDS = 30.0
QUIET = 0.02  # of the peak: a stroke begins where it is first exceeded


class BadOneShots(StemStudioError):
    """A folder that no drum templates can be had from."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"No drums can be learned from “{folder.name}”: {reason}.",
            "It should hold a folder a drum with recordings of single strokes, or one recording a drum.",
        )


def one_shot_templates(
    folder: Path, grid: StftSettings, sample_rate: int, length: int, exponent: float, progress: Progress
) -> tuple[tuple[str, ...], Float]:
    """The drums' names and W (length, bins, drums), float32, each drum's sum 1.

    A folder inside `folder` is a drum, its template the mean over its files; without any, every file is a drum.

    Raises
    ------
    BadOneShots
        With the reason.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise BadOneShots(folder, "there is no such folder")
    drums = {inner.name: _recordings(inner) for inner in sorted(folder.iterdir()) if inner.is_dir()}
    drums = {name: files for name, files in drums.items() if files}
    drums = drums or {file.stem: [file] for file in _recordings(folder)}
    if not drums:
        raise BadOneShots(folder, "there are no recordings in it")
    count = sum(len(files) for files in drums.values())
    if len(drums) > MOST_DRUMS or count > MOST_FILES:
        raise BadOneShots(
            folder, f"there are {len(drums)} drums and {count} files, more than {MOST_DRUMS} and {MOST_FILES}"
        )
    W = np.zeros((length, grid.bins, len(drums)), dtype=np.float32)
    done = 0
    for number, files in enumerate(drums.values()):
        for file in files:
            stroke = _stroke(file, folder, sample_rate)
            V = spectrum(stroke, grid, exponent, Progress())[:, :length].T
            W[: len(V), :, number] += V / max(float(V.sum(dtype=np.float64)), 1e-20)
            done += 1
            progress(done / count, "listening to the one-shots")
    W /= np.maximum(W.sum(axis=(0, 1)), np.float32(1e-20))
    return tuple(drums), W


def _recordings(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())


def _stroke(file: Path, folder: Path, sample_rate: int) -> Audio:
    """One stroke, from where it begins, at the song's sample rate."""
    from stemstudio.audio.reading import read_song

    audio = read_song(file)
    if audio.duration > LONGEST_SECONDS:
        raise BadOneShots(folder, f"“{file.name}” is {audio.duration:.0f} s long, no single stroke")
    samples = audio.samples
    if audio.sample_rate != sample_rate:
        import soxr

        samples = soxr.resample(samples.T, audio.sample_rate, sample_rate).T
    level = np.abs(samples).max(axis=0)
    if not level.size or level.max() <= 0:
        raise BadOneShots(folder, f"“{file.name}” is silent")
    begin = int(np.argmax(level > QUIET * level.max()))
    return Audio(np.ascontiguousarray(samples[:, begin:], dtype=np.float32), sample_rate)
