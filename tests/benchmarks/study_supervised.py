"""Drums told apart by what is known of them: taught templates, a score, both, against blind NMF and the ideal mask.

`python tests/benchmarks/study_supervised.py AUDIO_FOLDER [--rows WORD,…] [--kits N]`: plain SDR in dB of kick, snare
and hi-hat of every loop, the mean over the loops, and how much of the gap between blind NMF sorted by timbre (three
stems, the assignment that suits the truth best) and the ideal power-ratio mask is closed. AUDIO_FOLDER holds
`stems/drums`. So that nothing is chosen for two loops alone, there are as many `--kits` again, played at random from the
one-shots there, their onset lists a few milliseconds out of time.

Templates are learned from one half of the true stems and used on the other, and the other way round.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from study_nmf_quality import sdr_plain

from stemstudio.algorithms import algorithm
from stemstudio.algorithms.alike import by_likeness
from stemstudio.algorithms.nmf.learning import Example, learn_templates
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.template_files import write_template
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

DRUMS = ("kick", "snare", "hi-hat")
FILES = ("Kick", "Snare", "Hihat")
FOLDERS = ("kick", "snare", "hihat")
SEEDS = 3
RATE = 44100
ROUNDING = 0.02  # s that an onset may lie before the cut between the halves whose sound is after it


@dataclass(frozen=True)
class Loop:
    """A drum loop of which everything is known: the sum of its drums, and when each is struck."""

    mix: Audio
    drums: tuple[Audio, ...]
    onsets: np.ndarray  # (strokes, 2): seconds, 1 kick, 2 snare, 3 hi-hat


def read(path: Path) -> Audio:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return Audio(np.ascontiguousarray(samples.T), rate)


def known_loop(folder: Path, name: str) -> Loop:
    """808 or Funky."""
    drums = tuple(read(folder / f"runningExample_{name}{drum}.wav") for drum in FILES)
    mix = Audio(np.sum([drum.samples for drum in drums], axis=0), RATE)
    return Loop(mix, drums, np.loadtxt(folder / f"runningExample_{name}Drums.txt"))


def played_loop(folder: Path, number: int) -> Loop:
    """Four bars of a beat with chance in it, on the one-shots of that number."""
    rng = np.random.default_rng(100 + number)
    step = 60 / rng.uniform(85, 135) / 4
    length = int(RATE * (64 * step + 0.3))
    beats = ("x.....x...x.....", "....x.......x...", "x.x.x.x.x.x.x.x.")
    drums, onsets = [], []
    for drum, (name, gain) in enumerate(zip(FOLDERS, (1.0, 0.7, 0.35), strict=True)):
        files = sorted((folder / name).glob("*.wav"))
        hit = read(files[number % len(files)]).samples[0]
        hit = hit / np.abs(hit).max()
        wave = np.zeros(length + hit.size)
        for place in range(64):
            likely = 0.9 if beats[drum][place % 16] == "x" else (0.12 if drum == 2 else 0.05)
            if rng.random() < likely:
                second = max(0.0, place * step + rng.normal(0, 0.004))
                wave[round(second * RATE) :][: hit.size] += 0.5 * gain * rng.uniform(0.5, 1.0) * hit
                onsets.append((max(0.0, second + rng.normal(0, 0.005)), drum + 1))
        drums.append(Audio(wave[None, :length].astype(np.float32), RATE))
    mix = Audio(np.sum([drum.samples for drum in drums], axis=0), RATE)
    return Loop(mix, tuple(drums), np.array(sorted(onsets)))


def score_file(loop: Loop, folder: Path, start: float = 0.0) -> str:
    """The onset list from `start` on; strokes that are struck just before and sound all after it belong to it."""
    path = folder / f"score {id(loop)} {start:.3f}.txt"
    rows = loop.onsets[loop.onsets[:, 0] >= start - ROUNDING] - [start, 0]
    rows[:, 0] = np.maximum(rows[:, 0], 0.0)
    np.savetxt(path, rows, fmt=("%.4f", "%d"), delimiter="\t")
    return str(path)


def scored(loop: Loop, waves: Sequence[np.ndarray]) -> list[float]:
    return [sdr_plain(drum, wave) for drum, wave in zip(loop.drums, waves, strict=True)]


def of_families(found: Any, names: Sequence[str], mix: Audio) -> np.ndarray:
    groups = [[atom for atom, family in enumerate(found.families) if family == name] for name in names]
    return found.render(mix, groups, 0, mix.length)


def ideal(loop: Loop, folder: Path) -> list[float]:
    """The ideal power-ratio mask."""
    grid = StftSettings()
    X = forward(loop.mix, grid)
    power = np.array([np.abs(forward(drum, grid).values) ** 2 for drum in loop.drums])
    masks = power / (power.sum(axis=0) + 1e-20)
    return scored(loop, [inverse(Spectrogram((X.values * mask).astype(np.complex64), grid, RATE, 0, loop.mix.length),
                                 0, loop.mix.length) for mask in masks])  # fmt: skip


def blind(**settings: Any) -> Callable[[Loop, Path], list[float]]:
    """NMF and three stems by timbre, mean over seeds."""

    def run(loop: Loop, folder: Path) -> list[float]:
        reached = []
        for seed in range(SEEDS):
            found = NMF.from_settings({**settings, "seed": seed}).run(loop.mix, Progress())
            owners = by_likeness(found, 3, RATE, likeness="timbre").owners
            groups = [[atom for atom, owner in enumerate(owners) if owner == stem] for stem in range(3)]
            waves = found.render(loop.mix, groups, 0, loop.mix.length)
            reached.append(
                max((scored(loop, waves[list(order)]) for order in itertools.permutations(range(3))), key=sum)
            )
        return list(np.mean(reached, axis=0))

    return run


def supervised(
    atoms: int,
    *,
    score: bool = False,
    teach: Sequence[str] = DRUMS,
    taught: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Callable[[Loop, Path], list[float]]:
    """Templates of each drum to `teach` from the other half of its true stem; with `score`, its onset list too."""

    def run(loop: Loop, folder: Path) -> list[float]:
        half, length = loop.mix.length // 2, loop.mix.length
        waves = np.zeros((3, 1, length))
        for part, (start, stop) in enumerate(((0, half), (half, length))):
            example = Example(half / RATE, length / RATE) if part == 0 else Example(0.0, half / RATE)
            recipe = {"hold_templates": True, **settings}
            grid = StftSettings(fft=recipe.get("fft", 4096), hop=recipe.get("hop", 1024))
            files = []
            for name, drum in zip(DRUMS, loop.drums, strict=True):
                if name not in teach:
                    continue
                learned = learn_templates(
                    drum, name, example=example, atoms=atoms, grid=grid, **(taught or {})
                )
                files.append(write_template(folder / f"{name} {part}", learned, overwrite=True))
            recipe["templates"] = ", ".join(map(str, files))
            if score:
                recipe["score"] = score_file(loop, folder, start / RATE)
            piece = Audio(loop.mix.samples[:, start:stop], RATE)
            found = NMF.from_settings(recipe).run(piece, Progress())
            waves[:, :, start:stop] = of_families(found, DRUMS, piece)
        return scored(loop, waves)

    return run


def informed(**settings: Any) -> Callable[[Loop, Path], list[float]]:
    """The onset list alone."""

    def run(loop: Loop, folder: Path) -> list[float]:
        found = NMF.from_settings({**settings, "score": score_file(loop, folder)}).run(loop.mix, Progress())
        return scored(loop, of_families(found, DRUMS, loop.mix))

    return run


def one_shots(audio: Path, **settings: Any) -> Callable[[Loop, Path], list[float]]:
    """NMFD started from the one-shots of other kits."""

    def run(loop: Loop, folder: Path) -> list[float]:
        for name in FOLDERS:
            target = folder / "one-shots" / name
            target.mkdir(parents=True, exist_ok=True)
            for file in (audio / "stems" / "drums" / name).glob("*.wav"):
                (target / file.name).write_bytes(file.read_bytes())
        recipe = algorithm("nmfd").from_settings(
            {"components": 0, "one_shots": str(folder / "one-shots"), **settings}
        )
        found = recipe.run(loop.mix, Progress())
        order = [found.names.index(name) for name in FOLDERS]
        return scored(loop, found.render(loop.mix, [[part] for part in order], 0, loop.mix.length))

    return run


def rows(audio: Path) -> dict[str, Callable[[Loop, Path], list[float]]]:
    """What is compared, by its words."""
    fine = {"fft": 2048, "hop": 512}
    return {
        "ideal mask": ideal,
        "blind, 32 atoms": blind(),
        "blind, 3 atoms": blind(components=3),
        "NMFD, one-shots": one_shots(audio),
        "taught, 1 atom": supervised(1),
        "taught, 4 atoms": supervised(4),
        "taught, 16 atoms": supervised(16),
        "taught, suggested": supervised(0),
        "taught, suggested, mask 2": supervised(0, firmness=2),
        "taught, 16, mask 2": supervised(16, firmness=2),
        "taught, 16, mask 2, fft 2048": supervised(16, firmness=2, **fine),
        "taught, 16, mask 2, beta 0.5": supervised(16, taught={"beta": 0.5}, firmness=2, beta=0.5),
        "taught, 16, mask 2, beta 2": supervised(16, taught={"beta": 2.0}, firmness=2, beta=2.0),
        "taught, 16, exponent 1.5": supervised(16, taught={"exponent": 1.5}, firmness=1.333, exponent=1.5),
        "taught as a start, 16": supervised(16, hold_templates=False),
        "taught, 16, 4 free": supervised(16, free=4),
        "score": informed(),
        "score, 20 rounds": informed(iterations=20),
        "score, 20 rounds, mask 2": informed(iterations=20, firmness=2),
        "score, 20, mask 2, fft 2048": informed(iterations=20, firmness=2, **fine),
        "score, 20, mask 2, held": informed(iterations=20, firmness=2, hold_templates=True),
        "score and taught, 16, mask 2": supervised(16, score=True, firmness=2),
        "score and taught as a start, 16": supervised(16, score=True, hold_templates=False),
        "score and taught, 16, mask 2, 4 free": supervised(16, score=True, firmness=2, free=4),
        "score, the kick taught, 16, mask 2": supervised(16, score=True, teach=DRUMS[:1], firmness=2),
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--rows", default="", help="only those that begin like one of these")
    parser.add_argument("--kits", type=int, default=5)
    asked = parser.parse_args()
    folder = asked.audio / "stems" / "drums"
    known = {name: known_loop(folder, name) for name in ("808", "Funky")}
    kits = [played_loop(folder, number) for number in range(asked.kits)]
    always = ("ideal mask", "blind, 32 atoms")
    ends: dict[str, float] = {}
    print(f"{'dB: kick, snare, hi-hat':32s}{'808':>22s}{'Funky':>22s}   mean   gap |  kits   gap   time")
    for words, method in rows(asked.audio).items():
        if words not in always and not words.startswith(tuple(asked.rows.split(","))):
            continue
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as place:
            one = [method(loop, Path(place)) for loop in known.values()]
            two = [method(loop, Path(place)) for loop in kits]
        mean, others = float(np.mean(one)), float(np.mean(two)) if two else np.nan
        if words == "ideal mask":
            ends["top"], ends["top kits"] = mean, others
            gaps = ["", ""]
        elif words == "blind, 32 atoms":
            ends["blind"], ends["blind kits"] = mean, others
            gaps = ["0 %", "0 %"]
        else:
            gaps = [
                f"{100 * (value - ends[low]) / (ends[high] - ends[low]):.0f} %"
                for value, low, high in ((mean, "blind", "top"), (others, "blind kits", "top kits"))
            ]
        cells = "".join(f"{' '.join(f'{value:6.1f}' for value in loop):>22s}" for loop in one)
        print(
            f"{words:32s}{cells} {mean:6.1f} {gaps[0]:>5s} | {others:5.1f} {gaps[1]:>5s} "
            f"{time.perf_counter() - begun:6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
