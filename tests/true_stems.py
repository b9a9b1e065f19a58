"""Real songs whose true stems are known, where they are on this machine; and what an assignment of atoms is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.optimize import linear_sum_assignment

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.audio.audio import Audio

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "audio" / "stems"
SONGS = {
    "lithium": "everythingisfree/lithium",
    "sodium_a": "everythingisfree/sodium_a",
    "francium": "everythingisfree/francium",
    "funk": "funk/excerpt_24s_44s",
}


def excerpt(name: str, seconds: float) -> tuple[Audio, dict[str, Audio]]:
    """The first seconds of a song, and its stems; the test is skipped where the song is not."""
    folder = FOLDER / SONGS[name]
    if not folder.is_dir():
        pytest.skip("the songs with true stems are not on this machine")
    found = {}
    for path in sorted(folder.glob("*.flac")):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True, frames=round(seconds * 44100))
        found[path.stem] = Audio(np.ascontiguousarray(samples.T), rate)
    return found.pop("mix"), found


def sdr_plain(reference: Audio, estimate: np.ndarray) -> float:
    """10 log₁₀ |s|² / |s − ŝ|² over all channels."""
    true = reference.samples.astype(np.float64)
    return float(10 * np.log10((true**2).sum() / ((true - estimate) ** 2).sum()))


def improvement(
    found: Factorization, mix: Audio, stems: Mapping[str, Audio], owners: Sequence[int | None]
) -> float:
    """Mean over the stems of SDR − SDR of the mixture, in dB, groups matched to stems as they fit best."""
    groups = [[atom for atom, owner in enumerate(owners) if owner == stem] for stem in range(len(stems))]
    waves = found.render(mix, groups, 0, mix.length)
    table = np.array([[sdr_plain(stem, wave) for stem in stems.values()] for wave in waves])
    rows, columns = linear_sum_assignment(-table)
    before = np.mean([sdr_plain(stem, mix.samples) for stem in stems.values()])
    return float(table[rows, columns].mean() - before)
