"""Long recordings: what is as long as the song lies on disk, and is the same there."""

from __future__ import annotations

import numpy as np
import pytest
import signals
from on_disk import lies_on_disk

from stemstudio.algorithms import algorithm
from stemstudio.audio import scratch
from stemstudio.progress import Progress


@pytest.mark.parametrize("name", ["hpss", "repet", "rpca", "stereo", "ambience", "melody"])
def test_masks_of_a_long_recording_are_the_same_on_disk(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    song, _ = signals.mixture(seconds=2.0)
    recipe = algorithm(name)()
    in_memory = recipe.run(song, Progress())
    monkeypatch.setattr(scratch, "IN_MEMORY", 1000)
    on_disk = recipe.run(song, Progress())
    assert lies_on_disk(on_disk.values)
    assert not lies_on_disk(in_memory.values)
    np.testing.assert_array_equal(on_disk.values, in_memory.values)
