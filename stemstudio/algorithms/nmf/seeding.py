"""Seeding: atoms that are learned from stems somebody has made, and then fitted to the sound that the stems are of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.given import Given, Use
from stemstudio.audio.audio import Samples, Sound
from stemstudio.progress import Progress

if TYPE_CHECKING:
    from stemstudio.algorithms.nmf.recipe import NMF

ROUNDS = 3  # on the mixture; with more, atoms go back to where NMF alone would have them
LEARNED = 0.9  # of the work
HEARD = 0.1  # what the stems leave over has atoms of its own where it is that loud, of the whole
PLAIN = {
    "seeds": "",
    "coverage": 0.0,
    "start": "random",
    "free": 0,
    "hold_activations": False,
    "fixed_templates": "",
    "fixed_activations": "",
    "new_templates": "",
    "new_activations": "",
}
BLOCK = 2**18  # samples looked at for that at a time


@dataclass(frozen=True)
class Rest:
    """What stems leave of a sound."""

    sound: Sound
    stems: tuple[Sound, ...]

    @property
    def sample_rate(self) -> int:
        return self.sound.sample_rate

    @property
    def channels(self) -> int:
        return self.sound.channels

    @property
    def length(self) -> int:
        return self.sound.length

    def read(self, start: int, stop: int) -> Samples:
        """float32 (channels, stop − start)."""
        left = np.array(self.sound.read(start, stop), dtype=np.float32)
        for stem in self.stems:
            left -= stem.read(start, stop)
        return left


def seeded(recipe: NMF, sound: Sound, stems: Mapping[str, Sound], progress: Progress) -> Factorization:
    """Factorise every stem into its share of the recipe's atoms, and decompose the sound on all of them together.

    V_s ≈ W_s H_s for every stem; then V ≈ [W_1 … W_J] H, which begins with the H_s and goes on for a few rounds: with
    the spectra as they are where the recipe holds its templates, or with both. So the masks start as what the stems
    say, and bin by bin are shared out by the atoms, which know each stem's own spectra. What the stems leave over is
    one more, of the residual, where it can be heard.

    Returns
    -------
    Factorization
        Atoms of families, the names of their stems.
    """
    rest = Rest(sound, tuple(stems.values()))
    parts: dict[str | None, Sound] = dict(stems.items())
    if _heard(rest):
        parts[None] = rest
    count = max(1, recipe.components // max(1, len(parts)))
    plain = recipe.model_copy(update=PLAIN)
    alone = plain.model_copy(update={"components": count})
    use: Use = "fixed" if recipe.hold_templates else "given"
    begin: Use = "given"
    given: Given | None = None
    families: list[str | None] = []
    for number, (name, stem) in enumerate(parts.items()):
        span = (LEARNED * number / len(parts), LEARNED * (number + 1) / len(parts))
        # Atoms so far of one stem are not yet those of the sound.
        found = alone.run(stem, progress.part(*span, hand_on=lambda _: None))
        word = name or "Rest"
        names = tuple(f"{word} {atom + 1}" for atom in range(count))
        own = Given(names, found.templates, found.activations, (use,) * count, (begin,) * count, found.pans)
        given = own if given is None else given.beside(own)
        families += [name] * count
    assert given is not None
    whole = plain.model_copy(update={"iterations": ROUNDS, "components": count * len(parts)})
    found = whole.run(sound, progress.part(LEARNED, 1.0), replace(given, settled=True))
    return found.changed(families=tuple(families))


def _heard(rest: Rest) -> bool:
    """Whether what the stems leave over is more than a trifle."""
    left = whole = 0.0
    for start in range(0, rest.length, BLOCK):
        stop = min(rest.length, start + BLOCK)
        left += float(np.square(rest.read(start, stop), dtype=np.float64).sum())
        whole += float(np.square(rest.sound.read(start, stop), dtype=np.float64).sum())
    return left > HEARD**2 * whole
