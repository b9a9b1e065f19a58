"""How well atoms can be sorted into stems, for choosing NMF's defaults.

`python tests/benchmarks/study_nmf_quality.py AUDIO_FOLDER [--songs NAME,…] [--seeds N] [--masks α,…] [RECIPE …]`: each
RECIPE is FIELD=VALUE,… of the NMF recipe, or plain,FIELD=VALUE,… for the same model in a dozen lines of numpy
(Kullback–Leibler, magnitudes of 4096 samples, multiplicative updates, 200 of them, mask exponent 1). Prints the plain SDR
in dB of every stem under oracle assignment, for several mask exponents, and their means over songs and seeds beside
those of the first recipe. Without recipes: what the defaults were chosen from. AUDIO_FOLDER holds `stems/` with a folder
a song: `mix.flac` and its stems.
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
from stemstudio.algorithms.nmf.spectrum import spectrum
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings

SONGS = {
    "lithium": "everythingisfree/lithium",
    "sodium_a": "everythingisfree/sodium_a",
    "francium": "everythingisfree/francium",
    "funk": "funk/excerpt_24s_44s",
}
RECIPES = (
    "plain,components=32",
    "plain,components=64",
    "components=32,stereo=shared",
    "components=64,stereo=shared",
    "components=32,stereo=panned",
    "components=64,stereo=panned",
)
PLAIN_ITERATIONS = 200


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


def plain_numpy(mix: Audio, components: int, seed: int, iterations: int = PLAIN_ITERATIONS) -> Factorization:
    """KL-NMF as a textbook has it (Lee & Seung 2000), from a random start: what the defaults are measured against."""
    grid = StftSettings()
    V = np.ascontiguousarray(spectrum(mix, grid, 1.0, Progress()))
    rng = np.random.default_rng(seed)
    W = rng.random((len(V), components), dtype=np.float32) + np.float32(1e-3)
    H = rng.random((components, V.shape[1]), dtype=np.float32) + np.float32(1e-3)
    tiny = np.float32(1e-9)
    for _ in range(iterations):
        H *= (W.T @ (V / (W @ H + tiny))) / (W.sum(axis=0)[:, None] + tiny)
        W *= ((V / (W @ H + tiny)) @ H.T) / (H.sum(axis=1) + tiny)
    return Factorization(W, H, grid)


def factorised(text: str, mix: Audio, seed: int) -> Factorization:
    """What a recipe as it stands on the command line finds."""
    words = [word for word in text.split(",") if word]
    settings = dict(word.split("=") for word in words if word != "plain")
    if "plain" in words:
        return plain_numpy(mix, int(settings["components"]), seed)
    return NMF.from_settings({"seed": seed, **settings}).run(mix, Progress())


def scores(
    found: Factorization, mix: Audio, stems: dict[str, Audio], mask_exponents: list[float]
) -> dict[float, dict[str, float]]:
    """Plain SDR of every stem under oracle assignment, for every mask exponent."""
    plain = Factorization(found.templates, found.activations, found.grid, 1.0, pans=found.pans)
    owners = by_references(plain, mix, stems)
    groups = [[atom for atom, owner in enumerate(owners) if owner == name] for name in stems]
    result = {}
    for exponent in mask_exponents:
        shown = Factorization(found.templates, found.activations, found.grid, exponent, pans=found.pans)
        rendered = shown.render(mix, groups, 0, mix.length)
        result[exponent] = {
            name: sdr_plain(stems[name], wave) for name, wave in zip(stems, rendered, strict=True)
        }
    return result


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--songs", default=",".join(SONGS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--masks", default="1,1.5,2")
    asked = parser.parse_intermixed_args()
    names, exponents = asked.songs.split(","), [float(each) for each in asked.masks.split(",")]
    songs = {name: stems_of(asked.audio / "stems" / SONGS[name]) for name in names}
    table: dict[tuple[str, float], dict[str, list[float]]] = {}
    spent: dict[str, list[float]] = {}
    for seed in range(asked.seeds):
        for text in asked.recipes:
            for name, (mix, stems) in songs.items():
                begun = time.perf_counter()
                found = factorised(text, mix, seed)
                seconds = time.perf_counter() - begun
                spent.setdefault(text, []).append(seconds)
                plain = "plain" in text.split(",")
                for exponent, result in scores(found, mix, stems, [1.0] if plain else exponents).items():
                    words = " ".join(f"{stem} {value:5.2f}" for stem, value in result.items())
                    mean = float(np.mean(list(result.values())))
                    table.setdefault((text, exponent), {}).setdefault(name, []).append(mean)
                    print(
                        f"{name:9s} {text:34s} seed {seed} {seconds:6.1f} s mask {exponent:g}: mean {mean:5.2f}  {words}",
                        flush=True,
                    )
    print(f"\nMean over stems, songs and {asked.seeds} seeds, dB; the first is what the others gain on.")
    first = None
    for (text, exponent), row in table.items():
        each = {name: float(np.mean(values)) for name, values in row.items()}
        mean = float(np.mean(list(each.values())))
        first = mean if first is None else first
        print(
            f"{text:34s} mask {exponent:<4g} {mean:5.2f} {mean - first:+5.2f}  "
            + " ".join(f"{name} {value:5.2f}" for name, value in each.items())
            + f"  {np.mean(spent[text]):5.1f} s"
        )


if __name__ == "__main__":
    main()
