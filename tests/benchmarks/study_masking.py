"""What each way of making masks is worth, for choosing what recipes start with.

`python tests/benchmarks/study_masking.py AUDIO_FOLDER [--songs NAME,…] [--atoms N] [--whole]`: 64 atoms of NMF under
oracle assignment, and HPSS with the true drums against the rest, masked in every way; prints the mean over stems of
the plain SDR in dB. `--whole` adds by how many dB the stretches that Wiener filter and phase are worked out in differ
from the song worked out at once. AUDIO_FOLDER holds `stems/` with a folder a song: `mix.flac` and its stems.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from study_nmf_quality import SONGS, sdr_plain, stems_of

from stemstudio.algorithms import stretches
from stemstudio.algorithms.estimates import MaskEstimates
from stemstudio.algorithms.hpss import HPSS
from stemstudio.algorithms.labelling import by_references
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress

LOCAL = (
    *(Masking(firmness=each) for each in (0.5, 1.0, 1.5, 2.0, 3.0)),
    *(Masking(firmness=each, margin=1.5) for each in (1.0, 2.0)),
    Masking(kind="binary"),
    Masking(kind="binary", margin=1.5),
)
WIENER = (
    *(Masking(kind="wiener", firmness=each, iterations=n) for each in (1.0, 1.5) for n in (1, 2, 3)),
    Masking(kind="wiener", firmness=2.0),
)
PHASE = (
    Masking(firmness=1.5, phase="griffin-lim"),
    Masking(firmness=1.5, phase="misi"),
    Masking(kind="wiener", phase="misi"),
)


def problems(mix: Audio, stems: dict[str, Audio], atoms: int):
    """What is to be masked: its name, the estimates, the groups, and what each group should be."""
    found = NMF(components=atoms).run(mix, Progress())
    owners = by_references(found, mix, stems)
    groups = [[atom for atom, owner in enumerate(owners) if owner == name] for name in stems]
    yield "atoms", found, groups, list(stems.values())
    if "drums" in stems:
        rest = Audio(mix.samples - stems["drums"].samples, mix.sample_rate)
        yield "HPSS", HPSS(harmonic_length=0.15).run(mix, Progress()), [[1], [0]], [stems["drums"], rest]


def rendered(found: MaskEstimates, mix: Audio, groups: list[list[int]], masking: Masking) -> np.ndarray:
    """The sound of the groups, worked out anew."""
    found.__dict__.pop("_stretches", None)
    return found.render(mix, groups, 0, mix.length, masking)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--songs", default=",".join(SONGS))
    parser.add_argument("--atoms", type=int, default=64)
    parser.add_argument("--whole", action="store_true")
    asked = parser.parse_args()
    every = (*LOCAL, *WIENER, *PHASE)
    means: dict[tuple[str, str], list[float]] = {}
    for name in asked.songs.split(","):
        mix, stems = stems_of(asked.audio / "stems" / SONGS[name])
        for what, found, groups, truth in problems(mix, stems, asked.atoms):
            for masking in every:
                words = f"{masking.words}" + (
                    f" {masking.phase_iterations}" if masking.phase != "mixture" else ""
                )
                begun = time.perf_counter()
                waves = rendered(found, mix, groups, masking)
                seconds = time.perf_counter() - begun
                scores = [sdr_plain(true, wave) for true, wave in zip(truth, waves, strict=True)]
                means.setdefault((what, words), []).append(float(np.mean(scores)))
                line = f"{name:9s} {what:12s} {words:42s} mean {np.mean(scores):6.2f}  "
                line += " ".join(f"{score:6.2f}" for score in scores) + f"  {seconds:5.1f} s"
                if asked.whole and not masking.local:
                    seconds_kept, stretches.SECONDS = stretches.SECONDS, 1e6
                    whole = rendered(found, mix, groups, masking)
                    stretches.SECONDS = seconds_kept
                    apart = np.linalg.norm(waves - whole) / np.linalg.norm(whole)
                    scores = [sdr_plain(true, wave) for true, wave in zip(truth, whole, strict=True)]
                    line += f"  whole song {np.mean(scores):6.2f}, {20 * np.log10(apart):.1f} dB apart"
                print(line, flush=True)
    print("\nMean over songs")
    for (what, words), scores in means.items():
        print(f"{what:12s} {words:42s} {np.mean(scores):6.2f}   ({len(scores)} songs)")


if __name__ == "__main__":
    main()
