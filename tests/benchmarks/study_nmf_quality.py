"""How well atoms can be sorted into stems, for choosing NMF's defaults.

`python tests/benchmarks/study_nmf_quality.py AUDIO_FOLDER [--songs NAME,…] [--seeds N] [FIELD=VALUE,… …]`: each
argument is a recipe; prints the plain SDR in dB of every stem under oracle assignment, for several mask exponents.
AUDIO_FOLDER holds `stems/` with a folder a song: `mix.flac` and its stems.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import soundfile

from stemstudio.algorithms.labelling import by_references
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress

SONGS = {
    "lithium": "everythingisfree/lithium",
    "sodium_a": "everythingisfree/sodium_a",
    "francium": "everythingisfree/francium",
    "funk": "funk/excerpt_24s_44s",
}


def stems_of(folder: Path) -> tuple[Audio, dict[str, Audio]]:
    """The mixture and its true stems."""
    found = {}
    for path in sorted(folder.glob("*.flac")):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        found[path.stem] = Audio(np.ascontiguousarray(samples.T), rate)
    return found.pop("mix"), found


def sdr_plain(reference: Audio, estimate: np.ndarray) -> float:
    """10 log₁₀ |s|² / |s − ŝ|² over all channels."""
    true = reference.samples.astype(np.float64)
    return float(10 * np.log10((true**2).sum() / ((true - estimate) ** 2).sum()))


def scores(
    found: Factorization, mix: Audio, stems: dict[str, Audio], mask_exponent: float
) -> dict[str, float]:
    """Plain SDR of every stem under oracle assignment."""
    shown = found.changed(mask_exponent=mask_exponent)
    owners = by_references(shown, mix, stems)
    groups = [[atom for atom, owner in enumerate(owners) if owner == name] for name in stems]
    rendered = shown.render(mix, groups, 0, mix.length)
    return {name: sdr_plain(stems[name], wave) for name, wave in zip(stems, rendered, strict=True)}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("recipes", nargs="*", default=[""])
    parser.add_argument("--songs", default=",".join(SONGS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--masks", default="1,1.5,2")
    asked = parser.parse_args()
    for name in asked.songs.split(","):
        mix, stems = stems_of(asked.audio / "stems" / SONGS[name])
        for text in asked.recipes:
            for seed in range(asked.seeds):
                settings = dict(pair.split("=") for pair in text.split(",") if pair)
                recipe = NMF.from_settings({"components": 64, "seed": seed, **settings})
                begun = time.perf_counter()
                found = recipe.run(mix, Progress())
                seconds = time.perf_counter() - begun
                for exponent in map(float, asked.masks.split(",")):
                    result = scores(found, mix, stems, exponent)
                    words = " ".join(f"{stem} {value:5.2f}" for stem, value in result.items())
                    mean = np.mean(list(result.values()))
                    print(
                        f"{name:9s} {text:28s} seed {seed} {seconds:5.1f} s mask {exponent:g}: mean {mean:5.2f}  {words}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
