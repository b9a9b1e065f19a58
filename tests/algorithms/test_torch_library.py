"""Torch's library: opened while other threads go on, and found there by the import."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
import sys
from pathlib import Path
from stemstudio.algorithms.neural.torch_library import opened

def held():
    return {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith("libtorch_cpu.so")}

library = opened()
assert "torch" not in sys.modules
assert library is None or held() == {str(library)}
import torch
assert float(torch.ones(3).sum()) == 3.0
assert len(held()) == 1
assert opened() is None
print("opened" if library else "left")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="left to the import elsewhere")
def test_the_largest_part_is_opened_once_and_before_the_import():
    import torch

    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == ("left" if torch.version.cuda else "opened")


def test_a_torch_that_is_there_is_left_alone():
    import torch

    from stemstudio.algorithms.neural.torch_library import opened

    assert torch.__name__ in sys.modules
    assert opened() is None
