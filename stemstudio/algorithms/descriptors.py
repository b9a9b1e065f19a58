"""What atoms are compared by: the envelope of their sound, their place in the stereo, and what seems to play them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.instruments import INSTRUMENTS, instruments
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.timbre import cepstrum, energy

Float = NDArray[np.float32]
Wide = NDArray[np.float64]

# Beside the probabilities of the instruments, whose weight is 1. Chosen as the middle of what does well on songs with
# true stems (tests/benchmarks/study_suggestions.py); half or twice as much is worse, and so is anything of the rhythm
# beside what the instruments have heard of it.
ENVELOPE = 0.58
PLACE = 1.45  # from −1 on the left to 1 on the right
ONE, SEVERAL = 0.6, 0.85
"""Entropy of the instruments of a song, 1 where all four play as much: up to the first it counts as played by one, such
as a drum loop, where what plays tells nothing; from the second on it counts in full, as in all songs with true stems."""
DRUMS, BASS = 0.5, 0.5
"""How probable an instrument has to be, mean over a stem by energy, to lend the stem its name."""
LEAD = 0.1
"""And how much more probable drums are there than in any other stem: a plucked string passes for them as well."""


@dataclass(frozen=True, eq=False)
class Descriptors:
    """Of every atom.

    Attributes
    ----------
    table
        (atoms, features): cepstrum of the template, place in the stereo where that is known, and `instruments` where there
        are several.
    energy
        Share of each atom in the sum of W H.
    centroid
        Of the power, in Hz.
    instruments
        (atoms, 4): how probably each of `INSTRUMENTS` plays it.
    """

    table: Wide
    energy: Wide
    centroid: Wide
    instruments: Wide

    def words(self, owners: NDArray[np.intp], n: int) -> tuple[str, ...]:
        """A guess at a name for each of n stems, all different: Drums or Bass where that is probable, else its height."""
        weights = np.equal.outer(np.arange(n), owners) * (self.energy + 1e-12)
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-30)
        heights = 2.0 ** (weights @ np.log2(self.centroid + 1.0))
        played = weights @ self.instruments
        drums, bass = played[:, INSTRUMENTS.index("drums")], played[:, INSTRUMENTS.index("bass")]
        first = int(drums.argmax())
        leads = drums[first] > DRUMS and drums[first] - np.delete(drums, first).max(initial=0.0) > LEAD
        names: list[str] = []
        for stem in range(n):
            if not (owners == stem).any():
                names.append("Empty")
            elif leads and stem == first:
                names.append("Drums")
            elif bass[stem] > BASS:
                names.append("Bass")
            else:
                names.append(next(word for limit, word in _HEIGHTS if heights[stem] < limit))
        return tuple(_numbered(names))


_HEIGHTS = ((500.0, "Low"), (1500.0, "Middle"), (4000.0, "High"), (np.inf, "Top"))


def descriptors(factorization: Factorization, sample_rate: int) -> Descriptors:
    """Describe every atom of a factorisation by its template's spectrum and its activation's shape.

    Parameters
    ----------
    sample_rate
        In Hz.
    """
    W = factorization.templates.astype(np.float64)
    frequencies = np.arange(len(W)) * sample_rate / factorization.grid.fft
    power = W**2  # names and order go by where the energy is, not by a faint hiss up to 20 kHz
    centroid = (frequencies @ power) / (power.sum(axis=0) + 1e-30)
    played = instruments(factorization, sample_rate)
    share = energy(factorization)
    several = np.clip((_entropy(played, np.sqrt(share)) - ONE) / (SEVERAL - ONE), 0.0, 1.0)
    table = np.column_stack(
        [
            ENVELOPE * cepstrum(W, frequencies),
            PLACE * _place(factorization.pans, W.shape[1]),
            several * played,
        ]
    )
    return Descriptors(table, share, centroid, played)


def _entropy(played: Wide, weights: Wide) -> float:
    """Of how much of the song each instrument plays, 0 … 1."""
    total = weights.sum()
    shares = (weights @ played) / total if total > 0 else played.mean(axis=0)
    return float(-(shares * np.log(shares + 1e-12)).sum() / np.log(len(shares)))


def _place(pans: Float | None, atoms: int) -> Wide:
    """From −1, the first channel alone, to 1, the last alone; 0 without pans."""
    if pans is None or len(pans) < 2:
        return np.zeros(atoms)
    sums = pans.sum(axis=0, dtype=np.float64)
    return np.asarray((pans[-1] - pans[0]) / np.where(sums > 0, sums, 1.0), dtype=np.float64)


def _numbered(names: list[str]) -> list[str]:
    """Names that come twice get a number."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(f"{name} {seen[name]}" if seen[name] > 1 else name)
    return result
