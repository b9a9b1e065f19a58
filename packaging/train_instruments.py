#!/usr/bin/env python3
"""Learn what plays an atom from invented songs: `python packaging/train_instruments.py [--songs 104] [--cache FOLDER]`.

Each song is composed with its four stems, its mixture taken apart into atoms as NMF does it by default, and every atom
belongs to the stem with most of its power. Writes resources/instruments.npz, a logistic regression on the atoms'
features and their products; no recorded song has a part in it. Takes about twenty seconds a song, and the same seeds give
the same file, bit for bit. What was heard is kept nowhere but in `--cache`, if that is said, so that it can go on later;
a cache from before features or NMF have changed is of no use.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from sketch.songs import HELD_BACK, RATE, song

from stemstudio.algorithms.instruments import INSTRUMENTS, Ear, features, terms
from stemstudio.algorithms.labelling import by_stems
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.timbre import energy
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress

OUT = Path(__file__).resolve().parent.parent / "resources" / "instruments.npz"
FIRST = HELD_BACK + 6000
SECONDS = 12.0
RIDGE = 0.0075
SOFTER = 1.25
"""What the logits are divided by, as invented atoms are easier to tell apart than those of songs."""


def heard(number: int, folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, instrument and weight of every atom of one song, from the folder if they are there."""
    path = folder / f"{number}.npz"
    if not path.exists():
        track = song(FIRST + number, SECONDS)
        stems = {
            name: Audio(np.ascontiguousarray(stem), RATE)
            for name, stem in zip(INSTRUMENTS, track, strict=True)
            if (stem**2).mean() > 1e-7
        }
        mix = Audio(np.ascontiguousarray(track.sum(axis=0)), RATE)
        atoms = NMF.from_settings({"seed": number}).run(mix, Progress())
        shares = by_stems(atoms, mix, stems).probabilities
        owner = np.array([*(INSTRUMENTS.index(name) for name in stems), -1])[shares.argmax(axis=1)]
        weight = np.sqrt(energy(atoms)) * shares.max(axis=1)
        for stem in range(len(INSTRUMENTS)):  # every stem of a song counts the same
            weight[owner == stem] /= max(1e-12, weight[owner == stem].sum())
        np.savez(path, table=features(atoms, RATE), owner=owner, weight=weight)
    with np.load(path) as stored:
        known = stored["owner"] >= 0
        return stored["table"][known], stored["owner"][known], stored["weight"][known]


def learned(table: np.ndarray, owner: np.ndarray, weight: np.ndarray) -> Ear:
    """Multinomial logistic regression with a ridge."""
    weight = weight / weight.sum()
    mean = weight @ table
    deviation = np.sqrt(weight @ (table - mean) ** 2)
    count = len(INSTRUMENTS)
    x = terms(table, Ear(mean, deviation, np.zeros(0), np.zeros(0)))
    x = np.column_stack([x, np.ones(len(x))])
    true = np.equal.outer(owner, np.arange(count)).astype(float)

    def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        b = flat.reshape(x.shape[1], count)
        logits = x @ b
        logits -= logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        ridge = np.vstack([b[:-1], np.zeros(count)])
        slope = x.T @ (weight[:, None] * (np.exp(logs) - true)) + 2 * RIDGE * ridge
        return float(-weight @ (true * logs).sum(axis=1) + RIDGE * (ridge**2).sum()), slope.ravel()

    found = minimize(
        cost, np.zeros(x.shape[1] * count), jac=True, method="L-BFGS-B", options={"maxiter": 5000}
    )
    b = found.x.reshape(x.shape[1], count) / SOFTER
    return Ear(mean, deviation, b[:-1], b[-1])


def main() -> None:
    """Hear, learn, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=int, default=104)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    songs = []
    with tempfile.TemporaryDirectory() as passing:
        folder = asked.cache or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(asked.songs):
            songs.append(heard(number, folder))
            print(f"{number + 1} of {asked.songs} songs", file=sys.stderr)
    ear = learned(*(np.concatenate(each) for each in zip(*songs, strict=True)))
    np.savez(asked.out, **{word: value.astype(np.float32) for word, value in ear._asdict().items()})


if __name__ == "__main__":
    main()
