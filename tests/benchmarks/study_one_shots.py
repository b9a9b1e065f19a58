"""NMFD from one-shots: for how many rounds, how close to them, and with a free drum beside them, on loops of known parts.

`python tests/benchmarks/study_one_shots.py AUDIO_FOLDER [--closeness 0,0.005,0.02] [--rounds 10,40,200]
[--beside none,kick,snare,hihat,nothing]`: plain SDR in dB of kick, snare and hi-hat, and their mean. Without a free drum
(`none`); with one for the drum that is named, whose one-shots are held back; or with one that there is `nothing` for: it
takes a part of another drum, which counts as it is and, after the arrow, with the two put together again.
AUDIO_FOLDER holds `stems/drums`.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

import numpy as np
from study_nmf_quality import sdr_plain

from stemstudio.algorithms.nmf.drums import NMFD
from stemstudio.audio.audio import Audio
from stemstudio.audio.reading import read_song
from stemstudio.progress import Progress

PARTS = ("kick", "snare", "hihat")


def main() -> None:
    """Print a line for each loop, closeness, number of rounds and kind of free drum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--closeness", default="0,0.005,0.02")
    parser.add_argument("--rounds", default="10,40,200")
    parser.add_argument("--beside", default="none,kick,snare,hihat,nothing")
    asked = parser.parse_args()
    folder = asked.audio / "stems" / "drums"
    for loop in ("808", "Funky"):
        sounds = {
            word: read_song(folder / f"runningExample_{loop}{word.capitalize()}.wav")
            for word in ("mixture", *PARTS)
        }
        cases = product(asked.beside.split(","), asked.closeness.split(","), asked.rounds.split(","))
        for beside, closeness, rounds in cases:
            scores = drums_found(folder, sounds, beside, float(closeness), int(rounds))
            told = "  ".join(f"{part} " + " -> ".join(f"{s:5.1f}" for s in scores[part]) for part in PARTS)
            mean = float(np.mean([each[-1] for each in scores.values()]))
            case = f"{loop:6s} free for {beside:7s}  closeness {closeness:6s} {rounds:>4s} rounds"
            print(f"{case}  {told}  mean {mean:.1f}", flush=True)


def drums_found(
    folder: Path, sounds: dict[str, Audio], beside: str, closeness: float, rounds: int
) -> dict[str, list[float]]:
    """SDR of each part; with a second one, put together with the free drum, where that is meant for nothing."""
    mix = sounds["mixture"]
    free = 0 if beside == "none" else 1
    with TemporaryDirectory() as given:
        for part in PARTS:
            if part != beside:
                copytree(folder / part, Path(given) / part)
        recipe = NMFD(components=free, one_shots=given, closeness=closeness, iterations=rounds)
        found = recipe.run(mix, Progress())
    waves = found.render(mix, [[drum] for drum in range(len(found.names))], 0, mix.length)
    heard = dict(zip(found.names, waves, strict=True))
    left = heard.pop("Drum 1", None)
    if beside in PARTS:
        heard[beside] = left
    scores = {part: [sdr_plain(sounds[part], heard[part])] for part in PARTS}
    if beside == "nothing":
        joined = {part: sdr_plain(sounds[part], heard[part] + left) for part in PARTS}
        owner = max(PARTS, key=lambda part: joined[part] - scores[part][0])
        scores[owner].append(joined[owner])
    return scores


if __name__ == "__main__":
    main()
