"""Which recipe takes drums apart from the rest best: the table that the goal's default is named from.

`python tests/benchmarks/study_drums.py AUDIO_FOLDER [--songs NAME,…] [--recipes WORD,…]`: plain SDR in dB of the drums and
of the rest, for each song and recipe, and their means. AUDIO_FOLDER holds `stems/` with a folder a song: `mix.flac`
and its stems, one of them `drums.flac`. Atoms are given to the side that the truth says, so that NMF's figures are a
ceiling; what any recipe leaves over counts as the rest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from study_nmf_quality import SONGS, sdr_plain, stems_of

from stemstudio.algorithms import algorithm
from stemstudio.algorithms.labelling import by_references
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress

# Words, algorithm, parts that are drums (None: as the truth says, of atoms), settings.
RECIPES: tuple[tuple[str, str, tuple[str, ...] | None, Mapping[str, Any]], ...] = (
    ("HPSS", "hpss", ("percussive",), {}),
    ("HPSS binary", "hpss", ("percussive",), {"mask": "binary"}),
    ("HPSS power 1", "hpss", ("percussive",), {"power": 1.0}),
    ("HPSS margin 1.5", "hpss", ("percussive",), {"margin": 1.5}),
    ("HPSS margin 2", "hpss", ("percussive",), {"margin": 2.0}),
    ("HPSS margin 3", "hpss", ("percussive",), {"margin": 3.0}),
    ("HPSS 0.2 s", "hpss", ("percussive",), {"harmonic_length": 0.2}),
    ("HPSS 0.8 s", "hpss", ("percussive",), {"harmonic_length": 0.8}),
    ("HPSS 0.1 s", "hpss", ("percussive",), {"harmonic_length": 0.1}),
    ("HPSS 0.15 s", "hpss", ("percussive",), {"harmonic_length": 0.15}),
    ("HPSS 0.15 s, power 1", "hpss", ("percussive",), {"harmonic_length": 0.15, "power": 1.0}),
    ("HPSS 0.15 s, margin 1.5", "hpss", ("percussive",), {"harmonic_length": 0.15, "margin": 1.5}),
    ("HPSS 0.2 s, margin 2", "hpss", ("percussive",), {"harmonic_length": 0.2, "margin": 2.0}),
    ("HPSS 0.2 s, 90 Hz", "hpss", ("percussive",), {"harmonic_length": 0.2, "percussive_length": 90.0}),
    ("HPSS 0.2 s, 360 Hz", "hpss", ("percussive",), {"harmonic_length": 0.2, "percussive_length": 360.0}),
    ("HPSS 0.2 s, fft 8192", "hpss", ("percussive",), {"harmonic_length": 0.2, "fft": 8192, "hop": 1024}),
    ("HPSS 0.2 s, hop 512", "hpss", ("percussive",), {"harmonic_length": 0.2, "hop": 512}),
    ("HPSS 0.15 s, fft 8192", "hpss", ("percussive",), {"harmonic_length": 0.15, "fft": 8192, "hop": 1024}),
    (
        "HPSS 0.15 s, fft 8192, margin 1.5",
        "hpss",
        ("percussive",),
        {"harmonic_length": 0.15, "fft": 8192, "hop": 1024, "margin": 1.5},
    ),
    ("HPSS 90 Hz", "hpss", ("percussive",), {"percussive_length": 90.0}),
    ("HPSS 500 Hz", "hpss", ("percussive",), {"percussive_length": 500.0}),
    ("HPSS 1000 Hz", "hpss", ("percussive",), {"percussive_length": 1000.0}),
    ("HPSS fft 2048", "hpss", ("percussive",), {"fft": 2048, "hop": 512}),
    ("HPSS fft 1024", "hpss", ("percussive",), {"fft": 1024, "hop": 256}),
    (
        "HPSS fft 2048, 500 Hz, margin 1.5",
        "hpss",
        ("percussive",),
        {"fft": 2048, "hop": 512, "percussive_length": 500.0, "margin": 1.5},
    ),
    (
        "HPSS 500 Hz, margin 2",
        "hpss",
        ("percussive",),
        {"percussive_length": 500.0, "margin": 2.0},
    ),
    ("two-stage", "hpss2", ("drums",), {}),
    ("two-stage, voice 0.05 s", "hpss2", ("drums",), {"voice_length": 0.05}),
    ("two-stage, voice 0.2 s", "hpss2", ("drums",), {"voice_length": 0.2}),
    ("two-stage, slice 0.1 s", "hpss2", ("drums",), {"long_slice": 0.1, "sustained_length": 0.4}),
    ("REPET-SIM", "repet", ("repeating",), {}),
    ("RPCA", "rpca", ("voice",), {}),
    ("RPCA 2", "rpca", ("voice",), {"strictness": 2.0}),
    ("NMF 16, true assignment", "nmf", None, {"components": 16}),
    ("NMF 32, true assignment", "nmf", None, {"components": 32}),
    ("NMF 64, true assignment", "nmf", None, {"components": 64}),
)


def scored(mix: Audio, stems: Mapping[str, Audio], row: tuple[Any, ...]) -> tuple[float, float]:
    """Plain SDR of the drums and of everything else."""
    _, name, drums, settings = row
    found = algorithm(name).from_settings(settings).run(mix, Progress())
    rest = Audio(mix.samples - stems["drums"].samples, mix.sample_rate)
    if drums is None:
        owners = by_references(found, mix, {"drums": stems["drums"], "rest": rest})
        group = [atom for atom, owner in enumerate(owners) if owner == "drums"]
    else:
        group = [part for part, each in enumerate(found.names) if each in drums]
    wave = found.render(mix, [group], 0, mix.length)[0]
    return sdr_plain(stems["drums"], wave), sdr_plain(rest, mix.samples - wave)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--songs", default=",".join(SONGS))
    parser.add_argument("--recipes", default="", help="only those whose words begin like one of these")
    asked = parser.parse_args()
    names = asked.songs.split(",")
    songs = {name: stems_of(asked.audio / "stems" / SONGS[name]) for name in names}
    chosen = [row for row in RECIPES if row[0].startswith(tuple(asked.recipes.split(",")))]
    print(
        f"{'drums / rest, dB':36s}"
        + "".join(f"{name:>16s}" for name in names)
        + f"{'mean':>16s}  both   time"
    )
    untouched = [
        (sdr_plain(s["drums"], m.samples), sdr_plain(s["drums"], 0 * m.samples)) for m, s in songs.values()
    ]
    _print("the song itself / silence", untouched, 0.0)
    for row in chosen:
        begun = time.perf_counter()
        _print(
            row[0], [scored(mix, stems, row) for mix, stems in songs.values()], time.perf_counter() - begun
        )


def _print(words: str, pairs: list[tuple[float, float]], seconds: float) -> None:
    mean = np.mean(pairs, axis=0)
    cells = "".join(f"{f'{one:.1f} / {other:.1f}':>16s}" for one, other in [*pairs, (mean[0], mean[1])])
    print(f"{words:36s}{cells}  {mean.mean():5.2f} {seconds:5.1f} s", flush=True)


if __name__ == "__main__":
    main()
