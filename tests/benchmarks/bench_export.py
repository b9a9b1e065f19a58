"""How quick an export is, and that its memory does not grow with the song.

`python tests/benchmarks/bench_export.py [--json] [--processor]`: five stems of a song of four minutes as FLAC of 24 bits,
checked that they add up, side by side; and the same work – rendering once, writing, reading back – one after another
on one thread, taking turns in one process.
The mix as heard with filters and sends. What numpy and Python hold at most while a short song and a long one are
exported.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import soundfile
from measuring import RATE, Goal, clock, report, write_song

from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.audio.audio import Audio
from stemstudio.audio.reading import read_song
from stemstudio.audio.writing import write_audio
from stemstudio.mixing.export import ExportOrder, export
from stemstudio.project import edits
from stemstudio.project.effects import Equaliser
from stemstudio.project.project import Project, SongReference, State
from stemstudio.project.rendering import render
from stemstudio.spectral.stft import StftSettings

SECONDS = 240.0
LONGER = 4  # times
SIDE_BY_SIDE = 1.6
REAL_TIME = 50.0
BLOCK = 2 * RATE
NAMES = ("vocals", "drums", "bass", "other")
SHARES = (0.4, 0.3, 0.2, 0.05)


def song_in_five(folder: Path, seconds: float) -> Project:
    """A song in four stems that are parts of it, and the residual."""
    audio = read_song(write_song(folder / "song.wav", seconds))
    project = Project(audio, SongReference("song.wav", "", "song"), StftSettings())
    shifted = [share * np.roll(audio.samples, 7 * n, axis=1) for n, share in enumerate(SHARES)]
    waves = np.stack(shifted).astype(np.float32)
    edits.split(project, 0, ByHand(), Waveforms(NAMES, waves)).do(project)
    return project


def side_by_side(project: Project, folder: Path, rounds: int) -> Goal:
    """Five stems, as the export writes them, and the same one after another."""
    state = project.state
    stems = tuple(leaf.id for leaf in state.leaves())
    ours, peer = [], []
    for turn in range(rounds):
        for together in (True, False) if turn % 2 else (False, True):
            target = folder / f"{turn} {together}"
            target.mkdir()
            began = clock()
            if together:
                report = export(state, ExportOrder(target, stems, format="flac", subtype="24"))
                rest = report.null_db
            else:
                rest = 20 * np.log10(one_after_another(state, stems, target))
            (ours if together else peer).append(clock() - began)
            assert rest is not None
            assert -150 < rest < -120, rest
            shutil.rmtree(target)
    return Goal(
        f"five stems of {SECONDS:.0f} s as FLAC 24, beside one after another",
        min(ours),
        1 / SIDE_BY_SIDE,
        min(peer),
    )


def one_after_another(state: State, stems: tuple[int, ...], folder: Path) -> float:
    """Render all stems at once, write each when the one before is whole, and see what they leave of the song."""
    song = state.mixture
    paths = [folder / f"{number}.flac" for number in range(len(stems))]
    sounds = render(state, stems, 0, song.length)
    for number, (path, stem) in enumerate(zip(paths, stems, strict=True)):
        sound = Audio(sounds[stem], RATE)
        write_audio(path, sound, format="flac", subtype="24", dither_seed=number)
    files = [soundfile.SoundFile(path) for path in paths]
    peak = 0.0
    for low in range(0, song.length, BLOCK):
        left = song.read(low, min(song.length, low + BLOCK)).T.astype(np.float64)
        for file in files:
            left -= file.read(len(left), dtype="float32", always_2d=True)
        peak = max(peak, float(left.max()), -float(left.min()))
    for file in files:
        file.close()
    return peak


def mix_as_heard(project: Project, folder: Path, rounds: int) -> Goal:
    """The mix with an equaliser, a curve and sends on every strip."""
    for leaf in project.state.leaves():
        edits.set_stem(
            project.state,
            leaf.id,
            "",
            equaliser=Equaliser(low=3.0, mid=-2.0, high=1.5, low_cut=40.0),
            reverb_db=-12.0,
            delay_db=-18.0,
            envelope=((0.0, 1.0), (100.0, 0.5)),
        ).do(project)
    spent = []
    for turn in range(rounds):
        began = clock()
        export(project.state, ExportOrder(folder / f"mix {turn}", mix=True, subtype="float"))
        spent.append(clock() - began)
        shutil.rmtree(folder / f"mix {turn}")
    return Goal(f"mix as heard of {SECONDS:.0f} s, offline", min(spent), SECONDS / REAL_TIME)


def memory(folder: Path) -> Goal:
    """What is held at most while a song and one that is several times longer are exported, the songs themselves aside."""
    most = []
    for seconds in (5.0, SECONDS / LONGER, SECONDS):  # the first has what is loaded once
        project = song_in_five(folder, seconds)
        stems = tuple(leaf.id for leaf in project.state.leaves())
        tracemalloc.start()
        export(
            project.state, ExportOrder(folder / "out", stems, mix=True, format="flac", gain="common loudness")
        )
        most.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
        shutil.rmtree(folder / "out")
    return Goal(
        f"memory of exporting {SECONDS:.0f} s, beside {SECONDS / LONGER:.0f} s", most[2], 1.05, most[1], "MiB"
    )


def measure(rounds: int) -> list[Goal]:
    """All figures."""
    folder = Path(tempfile.mkdtemp(prefix="stemstudio-export-"))
    try:
        project = song_in_five(folder, SECONDS)
        return [
            side_by_side(project, folder, rounds),
            mix_as_heard(project, folder, rounds),
            memory(folder),
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--processor", action="store_true")
    raise SystemExit(report(measure(parser.parse_args().rounds)))
