"""A mix that is written slower: in blocks as it is whole, its curves where the song has them."""

from __future__ import annotations

import numpy as np
import pytest
import small_projects

from stemstudio.mixing import slowed as module
from stemstudio.mixing.pace import Pace
from stemstudio.mixing.slowed import slowed
from stemstudio.mixing.stretching import stretched
from stemstudio.progress import Progress
from stemstudio.project.rendering import render


def test_blocks_make_the_whole(monkeypatch):
    state = small_projects.song().state
    monkeypatch.setattr(module, "BLOCK_SECONDS", 0.7)
    leaves = [leaf.id for leaf in state.leaves()]
    blocks = list(slowed(state, leaves, Pace(0.8, 2.0), Progress()))
    assert len(blocks) > 4
    rate, length = state.mixture.sample_rate, state.mixture.length
    for leaf in leaves:
        whole = stretched(render(state, [leaf], 0, length)[leaf], rate, 0.8, 2.0)
        made = np.concatenate([sounds[leaf] for sounds, _ in blocks], axis=1)
        assert made.shape == whole.shape
        np.testing.assert_allclose(made, whole, atol=2e-3)
    assert whole.shape[1] == pytest.approx(length / 0.8, abs=1)
