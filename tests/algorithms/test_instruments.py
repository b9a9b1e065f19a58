"""What plays an atom."""

from __future__ import annotations

import numpy as np
import pytest
from small_atoms import GRID, RATE, band
from true_stems import excerpt

from stemstudio.algorithms.alike import by_likeness
from stemstudio.algorithms.descriptors import Descriptors
from stemstudio.algorithms.instruments import INSTRUMENTS, instruments
from stemstudio.algorithms.labelling import by_references
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.progress import Progress


def test_drums_and_a_bass_are_heard():
    found, true = band()
    heard = [INSTRUMENTS[most] for most in instruments(found, RATE).argmax(axis=1)]
    for name in ("drums", "bass"):
        assert [word for word, each in zip(heard, true, strict=True) if each == name] == [name] * 4


def test_an_instrument_is_as_probable_at_any_level():
    found, _ = band()
    louder = Factorization(found.templates, 30 * found.activations, GRID)
    np.testing.assert_allclose(instruments(found, RATE), instruments(louder, RATE), atol=1e-5)


@pytest.mark.parametrize(("atoms", "frames"), [(1, 1), (3, 2), (4, 30)])
def test_silence_and_next_to_nothing_give_probabilities_too(atoms, frames):
    nothing = np.zeros((GRID.bins, atoms), np.float32), np.zeros((atoms, frames), np.float32)
    shares = instruments(Factorization(*nothing, GRID), RATE)
    assert np.isfinite(shares).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert np.isfinite(instruments(Factorization(*nothing, GRID), 8000)).all()


def described(*played: tuple[float, float]) -> tuple[str, ...]:
    """Names of stems of one atom each, that are drums or a bass as probably as that."""
    shares = np.array([[drums, bass, 1 - drums - bass, 0.0] for drums, bass in played])
    ones = np.ones(len(played))
    return Descriptors(shares, ones, 900.0 * ones, shares).words(np.arange(len(played)), len(played))


def test_a_stem_has_the_name_of_what_plays_it_where_that_is_probable():
    assert described((0.8, 0.1), (0.1, 0.8), (0.1, 0.1)) == ("Drums", "Bass", "Middle")


def test_two_stems_like_drums_are_called_drums_by_the_one_that_leads():
    assert described((0.9, 0.0), (0.7, 0.0)) == ("Drums", "Middle")
    assert described((0.9, 0.0), (0.85, 0.0)) == ("Middle", "Middle 2"), "either could be"


def test_drums_and_bass_of_a_song_have_their_names():
    mix, stems = excerpt("lithium", 8.0)
    found = NMF(components=48, iterations=30).run(mix, Progress())
    best = by_references(found, mix, stems)
    labels = by_likeness(found, len(stems), mix.sample_rate)
    loud = found.activations.sum(axis=1) * found.templates.sum(axis=0)
    for name in ("Drums", "Bass"):
        assert name in labels.names
        own = [atom for atom, owner in enumerate(labels.owners) if labels.names[owner] == name]
        right = [atom for atom in own if best[atom] == name.lower()]
        assert loud[right].sum() > 0.6 * loud[own].sum()
