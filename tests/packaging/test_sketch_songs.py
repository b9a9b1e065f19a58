"""Songs that the Sketch model never learns from, as files."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

SCRIPT = Path(__file__).parents[2] / "packaging" / "train_sketch_model.py"


def test_a_held_back_song_is_written_with_its_true_stems(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "song"
    words = [sys.executable, str(SCRIPT), "--write", str(folder), "--song", "2003", "--seconds", "2"]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    names = {"drums", "bass", "other", "vocals", "mix"}
    assert {path.name for path in folder.iterdir()} == {f"{name}.wav" for name in names}
    sound = {name: soundfile.read(folder / f"{name}.wav", always_2d=True) for name in names}
    assert {(read.shape, rate) for read, rate in sound.values()} == {((88200, 2), 44100)}
    mix = sound.pop("mix")[0]
    np.testing.assert_allclose(sum(read for read, _ in sound.values()), mix, atol=1e-6)
    assert 0.85 < np.abs(mix).max() < 0.95
