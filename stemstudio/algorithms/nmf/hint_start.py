"""Where learning from hints starts: atoms that carry hinted light for the wrong stem are split.

Multiplicative updates alone would move the hinted light and hardly anything else: what an atom plays in all the other
places is explained just as well by the atom as it is. So such an atom gets a twin in the stem that the light belongs
to. The twin has the spectrum that the atom's light has under the hint, and nearly all of the atom's activation wherever
the song looks like what was painted. Where the twin fits, which is in every repeat of the hinted sound, it stays; where
the light is another's, the old atom, whose spectrum is still the whole one, fits better and wins its activation back
within a few updates. It could not where the spectra are nearly the same, as those of a bass and a guitar on one note.
So frames that look different in the painted bins give the twin less; and so do those where the atom is louder than it
gets under the hint, which are mostly somebody else's: a quarter where it is twice as loud.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.nmf.hints import Hint
from stemstudio.algorithms.nmf.updates import FLOOR, Float
from stemstudio.progress import Progress

LEAST = 0.1  # of the light hinted to a stem that an atom must carry to be split, where any carries twice that
MOST = 8  # atoms split for a stem
GIVEN = 0.97  # of the activation that goes to the twin, where all is as under the hint; elsewhere the rest at least
UNLIKE = 0.8  # cosine with the painted light, in its bins, at which a frame gives the twin nothing
UNPAINTED = 0.3  # what bins outside the hint, in its frames, count for the twin's spectrum: partials that were not painted
KEPT = 1e-3  # of the old spectrum that the twin has everywhere: zeros would stay zeros
STRIDE = 256  # frames of V taken at a time


@dataclass(frozen=True, eq=False)
class HintStart:
    """A factorisation with twins added behind its atoms.

    Attributes
    ----------
    templates, activations
        W (bins, atoms) and H (atoms, frames), float32.
    stems
        For each atom, the number of its stem.
    twin_of
        For each atom added, the one it was split from.
    """

    templates: Float
    activations: Float
    stems: tuple[int, ...]
    twin_of: tuple[int, ...]


def hint_start(
    V: Float,
    W: Float,
    H: Float,
    stems: Sequence[int],
    hints: Sequence[Hint],
    *,
    held: Collection[int] = (),
    room: int = 10_000,
    progress: Progress | None = None,
) -> HintStart:
    """Split the atoms that carry hinted light for another stem than they should.

    Parameters
    ----------
    V, W, H
        The present factorisation: (bins, frames), (bins, atoms), (atoms, frames).
    stems
        For each atom, the number of its stem.
    hints
        What is known.
    held
        Atoms that must not be split.
    room
        How many atoms may be added at most.

    Returns
    -------
    HintStart
        Σ_k w_k h_k is nearly what it was; the twins sum to 1 along frequency, like the atoms.
    """
    progress = progress or Progress()
    labels = np.asarray(stems, dtype=np.int64)
    bound = np.zeros(W.shape[1], dtype=bool)
    bound[list(held)] = True
    new_W: list[Float] = []
    new_H: list[Float] = []
    added: list[int] = []
    twin_of: list[int] = []
    activations = np.array(H, dtype=np.float32)
    for stem in sorted({hint.stem for hint in hints}):
        said = [hint for hint in hints if hint.stem == stem and not hint.patch.empty]
        shares, spectra = np.zeros(W.shape[1]), np.zeros(W.shape)
        for hint in said:
            carried, spectrum = _light_under(V, W, H, hint, progress)
            shares += carried
            spectra += spectrum
        shares /= max(float(shares.sum()), 1e-30)
        least = min(LEAST, 0.5 * float(shares.max(initial=0.0)))
        others = np.flatnonzero((labels != stem) & ~bound & (shares > 0) & (shares >= least))
        others = others[np.argsort(-shares[others], kind="stable")][: min(MOST, room - len(twin_of))]
        likeness = _likeness(V, said if others.size else (), progress)
        for atom in others:
            spectrum = spectra[:, atom] / spectra[:, atom].sum() + KEPT * W[:, atom]
            scale = W[:, atom].sum(dtype=np.float64) / spectrum.sum()
            new_W.append((spectrum * scale).astype(np.float32))
            quieter = np.minimum(1, _loudness(H[atom], said) / np.maximum(H[atom], 1e-20))
            given = (GIVEN * np.maximum(likeness * quieter**2, 1 - GIVEN)).astype(np.float32)
            new_H.append(activations[atom] * given)
            activations[atom] *= 1 - given
            added.append(stem)
            twin_of.append(int(atom))
    templates = np.array(W, dtype=np.float32)
    if twin_of:
        templates = np.hstack([templates, np.stack(new_W, axis=1)])
        activations = np.vstack([activations, np.stack(new_H)])
    return HintStart(templates, activations, (*(int(stem) for stem in stems), *added), tuple(twin_of))


def _light_under(
    V: Float, W: Float, H: Float, hint: Hint, progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each atom explains of V under a hint, (atoms,); and its spectrum in the hint's frames, (bins, atoms)."""
    patch = hint.patch
    carried, spectra = np.zeros(W.shape[1]), np.zeros(W.shape)
    box = slice(patch.bin0, patch.bin1)
    for first in range(patch.frame0, patch.frame1, STRIDE):
        progress.check()
        last = min(patch.frame1, first + STRIDE)
        weights = np.asarray(hint.weights[:, first - patch.frame0 : last - patch.frame0], dtype=np.float32)
        active = H[:, first:last]
        ratio = V[:, first:last] / (W @ active + FLOOR)
        carried += (W[box] * ((ratio[box] * weights) @ active.T)).sum(axis=0, dtype=np.float64)
        ratio[: patch.bin0] *= UNPAINTED * weights.max(axis=0)
        ratio[patch.bin1 :] *= UNPAINTED * weights.max(axis=0)
        ratio[box] *= np.maximum(weights, UNPAINTED * weights.max(axis=0))
        spectra += W * (ratio @ active.T)
    return carried, spectra


def _likeness(V: Float, hints: Sequence[Hint], progress: Progress) -> Float:
    """How far each frame looks, in the bins that were painted, like what was painted: (frames,), 0 to 1."""
    painted = []
    for hint in hints:
        patch = hint.patch
        light = V[patch.bin0 : patch.bin1, patch.frame0 : patch.frame1] * hint.weights.astype(np.float32)
        colour = light.sum(axis=1)
        painted.append((slice(patch.bin0, patch.bin1), colour / max(float(np.linalg.norm(colour)), 1e-20)))
    likeness = np.zeros(V.shape[1], dtype=np.float32)
    for first in range(0, V.shape[1], STRIDE):
        progress.check()
        piece = V[:, first : first + STRIDE]
        for box, colour in painted:
            here = likeness[first : first + STRIDE]
            cosine = colour @ piece[box] / np.maximum(np.linalg.norm(piece[box], axis=0), 1e-20)
            np.maximum(here, (cosine - UNLIKE) / (1 - UNLIKE), out=here)
    for hint in hints:
        under = likeness[hint.patch.frame0 : hint.patch.frame1]
        np.maximum(under, hint.weights.max(axis=0), out=under)
    return np.minimum(likeness, 1)


def _loudness(activation: Float, hints: Sequence[Hint]) -> float:
    """How loud an atom gets under hints."""
    return max(
        float((activation[hint.patch.frame0 : hint.patch.frame1] * hint.weights.max(axis=0)).max())
        for hint in hints
    )
