"""How good Suggest is: what atoms gathered by likeness are worth beside the best assignment, and how true its chances are.

`python tests/benchmarks/study_suggestions.py AUDIO_FOLDER [--songs NAME,…] [--seeds N] [--settings FIELD=VALUE,…]
[--of songs|invented|loops]`: for every song the plain SDR's gain over the mixture, mean over the stems, of atoms gathered by timbre and by rhythm into as
many stems as there are, groups matched to stems as they fit best; beside it the gain of the best assignment, and the
share of it that is reached. Then by example, with one to three of the loudest atoms of every stem given; how many stems
are found; and, for every step of the probability, how often the atom is right. AUDIO_FOLDER as in study_nmf_quality.

The features were chosen on those songs. `--of` listens to others: invented ones, as `packaging/train_instruments.py` has
them but of seeds that nothing was learned from, or three to six of the folder's `loops`, laid on a time line at random
places, levels and pans, each a stem. Of these there are as many as `--seeds` says.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from scipy.optimize import linear_sum_assignment
from study_nmf_quality import SONGS, sdr_plain, stems_of

from stemstudio.algorithms.alike import by_example, by_likeness
from stemstudio.algorithms.labelling import by_references
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.timbre import energy
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress

EXAMPLES = (1, 2, 3)
UNHEARD = 9000  # seeds behind those that are held back: neither the sketch nor the ear learned from them
SECONDS = 16.0


class Gains:
    """What assignments of the atoms of one song are worth, in dB over the mixture."""

    def __init__(self, found: Factorization, mix: Audio, stems: dict[str, Audio]) -> None:
        self.found, self.mix, self.stems = found, mix, list(stems.values())
        self.before = float(np.mean([sdr_plain(stem, mix.samples) for stem in self.stems]))

    def of(self, owners) -> tuple[float, dict[int, int]]:
        """The mean gain of the best matching, and which stem each group is."""
        count = len(self.stems)
        groups = [[atom for atom, owner in enumerate(owners) if owner == stem] for stem in range(count)]
        waves = self.found.render(self.mix, groups, 0, self.mix.length)
        table = np.array([[sdr_plain(stem, wave) for stem in self.stems] for wave in waves])
        rows, columns = linear_sum_assignment(-table)
        matched = dict(zip(rows.tolist(), columns.tolist(), strict=True))
        return float(table[rows, columns].mean()) - self.before, matched


def invented(count: int) -> Iterator[tuple[str, Audio, dict[str, Audio]]]:
    """Songs that a script composes, by name, with their stems."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging"))
    from sketch.songs import HELD_BACK, RATE, STEMS, song

    for number in range(count):
        track = song(HELD_BACK + UNHEARD + number, SECONDS)
        stems = {
            name: Audio(np.ascontiguousarray(stem), RATE)
            for name, stem in zip(STEMS, track, strict=True)
            if (stem**2).mean() > 1e-6
        }
        yield f"song {number}", Audio(sum(stem.samples for stem in stems.values()), RATE), stems


def laid_loops(folder: Path, count: int) -> Iterator[tuple[str, Audio, dict[str, Audio]]]:
    """Mixtures of recorded loops, by name, with each loop as a stem."""
    paths = sorted(folder.glob("*.flac"))
    rate = 44100
    length = int(SECONDS * rate)
    for number in range(count):
        rng = np.random.default_rng(number)
        stems = {}
        for path in rng.permutation(np.array(paths, dtype=object))[: rng.integers(3, 7)]:
            sound = soundfile.read(path, dtype="float32", always_2d=True)[0].T.mean(axis=0)
            every = max(len(sound), int(rate * rng.uniform(0.5, 2.0)))  # one-shots come back
            once = np.pad(sound, (0, every - len(sound)))
            line = np.tile(once, length // every + 2)[(start := int(rng.integers(every))) : start + length]
            line *= 0.1 * 10 ** (rng.normal(0, 3) / 20) / max(1e-9, float(np.sqrt((line**2).mean())))
            right = rng.uniform(0.25, 0.75)
            stems[path.stem] = Audio(
                np.stack([np.sqrt(2 - 2 * right) * line, np.sqrt(2 * right) * line]).astype(np.float32), rate
            )
        yield f"mix {number}", Audio(sum(stem.samples for stem in stems.values()), rate), stems


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--songs", default=",".join(SONGS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--settings", default="")
    parser.add_argument("--of", choices=("songs", "invented", "loops"), default="songs")
    asked = parser.parse_args()
    settings = dict(pair.split("=") for pair in asked.settings.split(",") if pair)
    shares: dict[str, list[float]] = {}
    sure: list[float] = []
    right: list[bool] = []
    right_numbers: list[int] = []
    if asked.of == "songs":
        songs = ((name, *stems_of(asked.audio / "stems" / SONGS[name])) for name in asked.songs.split(","))
    elif asked.of == "invented":
        songs = invented(asked.seeds)
    else:
        songs = laid_loops(asked.audio / "loops", asked.seeds)
    for name, mix, stems in songs:
        for seed in range(asked.seeds if asked.of == "songs" else 1):
            found = NMF.from_settings({**settings, "seed": seed}).run(mix, Progress())
            gains, count = Gains(found, mix, stems), len(stems)
            owners = by_references(found, mix, stems)
            best = [None if owner is None else list(stems).index(owner) for owner in owners]
            ceiling, _ = gains.of(best)
            loud = energy(found)
            tried = {"timbre": by_likeness(found, count, mix.sample_rate)}
            tried["rhythm"] = by_likeness(found, count, mix.sample_rate, likeness="rhythm")
            for each in EXAMPLES:
                given = {
                    int(atom): stem
                    for stem in range(count)
                    for atom in sorted(
                        (atom for atom, owner in enumerate(best) if owner == stem),
                        key=lambda atom: -loud[atom],
                    )[:each]
                }
                tried[f"example {each}"] = by_example(found, mix.sample_rate, given, count)
            words = []
            for way, labels in tried.items():
                gain, matched = gains.of(labels.owners)
                shares.setdefault(way, []).append(gain / ceiling)
                words.append(f"{way} {gain:5.2f} = {gain / ceiling:4.0%}")
                if way == "timbre":
                    for atom, owner in enumerate(labels.owners):
                        if best[atom] is not None:
                            sure.append(float(labels.probabilities[atom].max()))
                            right.append(matched[owner] == best[atom])
            seen = len(by_likeness(found, None, mix.sample_rate).names)
            right_numbers.append(seen - count)
            print(
                f"{name:9s} seed {seed} best {ceiling:5.2f} dB  {'  '.join(words)}  found {seen} of {count} stems",
                flush=True,
            )
    print(
        "\nMean share of the best assignment's gain: "
        + ", ".join(f"{way} {np.mean(each):.0%}" for way, each in shares.items())
    )
    off = np.abs(right_numbers)
    print(f"The number of stems: right in {(off == 0).mean():.0%}, one off in {(off == 1).mean():.0%}")
    chances, hits = np.array(sure), np.array(right)
    for low, high in ((0.0, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.01)):
        there = (chances >= low) & (chances < high)
        if there.any():
            print(
                f"probability {low:.0%} to {min(high, 1):.0%}: {there.sum():4d} atoms, {hits[there].mean():4.0%} right"
            )


if __name__ == "__main__":
    main()
