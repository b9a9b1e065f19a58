"""Stems in folders: which files are stems, with all their channels, and what cannot be compared."""

import numpy as np
import pytest
import soundfile

from stemstudio.errors import StemStudioError
from stemstudio.stem_folders import read_folder, read_folders


@pytest.fixture
def stem():
    return 0.1 * np.random.default_rng(0).standard_normal((2, 8000)).astype(np.float32)


def write(folder, name, samples, rate=8000):
    folder.mkdir(exist_ok=True)
    soundfile.write(folder / name, samples.T, rate, subtype="PCM_24")


def test_folders_are_read_without_the_mix_and_other_files(tmp_path, stem):
    for name in ("vocals.wav", "Bass.FLAC", "mix.flac", "vocals (old).wav"):
        write(tmp_path, name, stem)
    (tmp_path / "separation.json").write_text("{}")
    (tmp_path / "fine").mkdir()
    found = read_folder(tmp_path)
    assert sorted(found) == ["Bass", "vocals", "vocals (old)"]
    assert found["vocals"].sample_rate == 8000
    assert np.allclose(found["vocals"].samples, stem, atol=1e-6)


def test_folders_against_each_other(tmp_path, stem):
    for name in ("vocals", "drums"):
        write(tmp_path / "true", f"{name}.flac", stem)
        write(tmp_path / "guessed", f"{name}.wav", np.concatenate([stem, stem[:1]]))
    write(tmp_path / "guessed", "residual.wav", stem)
    references, estimates = read_folders(tmp_path / "true", tmp_path / "guessed")
    assert list(references) == ["drums", "vocals"]
    assert list(estimates) == ["drums", "residual", "vocals"]
    assert estimates["vocals"].channels == 3
    assert np.allclose(estimates["vocals"].samples[:2], stem, atol=1e-6)


def test_folders_that_cannot_be_compared(tmp_path, stem):
    with pytest.raises(StemStudioError, match="no folder"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StemStudioError, match="no stems"):
        read_folder(tmp_path / "empty")
    write(tmp_path / "a", "bass.wav", stem)
    write(tmp_path / "b", "bass.wav", stem, rate=16000)
    with pytest.raises(StemStudioError, match="8000 Hz and 16000 Hz"):
        read_folders(tmp_path / "a", tmp_path / "b")
    write(tmp_path / "a", "bass.flac", stem)
    with pytest.raises(StemStudioError, match="twice"):
        read_folder(tmp_path / "a")
