"""Scratch: small arrays in memory, large ones in a file that nobody sees and nobody has to clear away."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from on_disk import lies_on_disk

from stemstudio.audio import scratch as scratch_module
from stemstudio.audio.scratch import scratch
from stemstudio.errors import StemStudioError


@pytest.mark.parametrize(("limit", "on_disk"), [(100, True), (10_000, False)])
def test_large_arrays_are_zeros_on_disk_that_can_be_written(
    tmp_path: Path, limit: int, on_disk: bool
) -> None:
    room = scratch((3, 5, 7), np.float16, in_memory=limit, folder=tmp_path)
    assert (room.shape, room.dtype, float(np.abs(room).sum())) == ((3, 5, 7), np.float16, 0.0)
    assert lies_on_disk(room) == on_disk
    room[1, 2] = np.arange(7)
    assert float(room.sum()) == 21.0
    if os.name == "posix":
        assert list(tmp_path.iterdir()) == []


def test_the_room_is_claimed_before_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch_module, "_reserve", full)
    with pytest.raises(StemStudioError, match="no room on the disk") as raised:
        scratch((1000,), in_memory=100, folder=tmp_path)
    assert str(tmp_path) in raised.value.way_on
    assert list(tmp_path.iterdir()) == []
