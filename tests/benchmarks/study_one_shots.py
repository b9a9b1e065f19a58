"""NMFD from one-shots: for how many rounds, and how close to them, on drum loops of which the parts are known.

`python tests/benchmarks/study_one_shots.py AUDIO_FOLDER [--closeness 0,0.005,0.02] [--rounds 10,40,200]`: plain SDR in dB
of kick, snare and hi-hat, and their mean. AUDIO_FOLDER holds `stems/drums`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from study_nmf_quality import sdr_plain

from stemstudio.algorithms.nmf.drums import NMFD
from stemstudio.audio.reading import read_song
from stemstudio.progress import Progress

PARTS = ("kick", "snare", "hihat")


def main() -> None:
    """Print a line for each loop, closeness and number of rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--closeness", default="0,0.005,0.02")
    parser.add_argument("--rounds", default="10,40,200")
    asked = parser.parse_args()
    folder = asked.audio / "stems" / "drums"
    for loop in ("808", "Funky"):
        sounds = {
            word: read_song(folder / f"runningExample_{loop}{word.capitalize()}.wav")
            for word in ("mixture", *PARTS)
        }
        mix = sounds.pop("mixture")
        for closeness in asked.closeness.split(","):
            for rounds in asked.rounds.split(","):
                recipe = NMFD(
                    components=0, one_shots=str(folder), closeness=float(closeness), iterations=int(rounds)
                )
                found = recipe.run(mix, Progress())
                waves = found.render(mix, [[drum] for drum in range(len(found.names))], 0, mix.length)
                heard = dict(zip(found.names, waves, strict=True))
                scores = {part: sdr_plain(sounds[part], heard[part]) for part in PARTS}
                told = "  ".join(f"{part} {score:5.1f}" for part, score in scores.items())
                mean = float(np.mean(list(scores.values())))
                print(
                    f"{loop:6s} closeness {closeness:6s} {rounds:>4s} rounds  {told}  mean {mean:.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
