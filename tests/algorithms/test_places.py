"""Stems filtered by their places between the loudspeakers."""

from __future__ import annotations

import numpy as np
import pytest
from signals import mixture

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural import places
from stemstudio.algorithms.neural.places import placed
from stemstudio.audio.audio import Audio
from stemstudio.progress import Cancelled, Progress
from stemstudio.spectral.masks import multichannel_wiener, replaced

RATE = 22050


def bled(stems: dict[str, Audio], leak: float) -> Waveforms:
    """Every stem with some of all the others."""
    waves = np.stack([stem.samples for stem in stems.values()])
    others = waves.sum(axis=0) - waves
    return Waveforms(list(stems), (1 - leak) * waves + leak / (len(stems) - 1) * others)


def worth(stems: dict[str, Audio], found: Waveforms) -> float:
    """Mean signal-to-distortion ratio in dB."""
    ratios = [
        10 * np.log10((stem.samples**2).sum() / ((stem.samples - wave) ** 2).sum())
        for stem, wave in zip(stems.values(), found.waves, strict=True)
    ]
    return float(np.mean(ratios))


def test_stems_that_bleed_come_out_cleaner():
    mix, stems = mixture(4.0, RATE)
    given = bled(stems, 0.3)
    found = placed(mix, given, 1, Progress())
    assert found.names == given.names
    assert not found.waves.flags.writeable
    assert worth(stems, found) > worth(stems, given) + 3


def test_true_stems_stay_nearly_what_they_are():
    mix, stems = mixture(4.0, RATE)
    true = bled(stems, 0.0)
    assert worth(stems, placed(mix, true, 1, Progress())) > 15


def test_no_rounds_are_no_change():
    mix, stems = mixture(1.0, RATE)
    given = bled(stems, 0.3)
    assert placed(mix, given, 0, Progress()) is given


def test_one_round_is_the_textbook_s():
    """From the start that `multichannel_wiener` takes, the same numbers, for one channel, two and three."""
    rng = np.random.default_rng(1)
    for channels in (1, 2, 3):
        x = rng.standard_normal((channels, 20, 50)) + 1j * rng.standard_normal((channels, 20, 50))
        V = rng.random((3, 20, 50))
        start = (V / V.sum(axis=0))[:, None] * x
        found = replaced(x, start, iterations=2)
        np.testing.assert_allclose(found, multichannel_wiener(x, V, iterations=2, eps=1e-10), atol=2e-4)


@pytest.mark.parametrize("loudness", [0.3, 30.0])
def test_rounds_are_norberts_from_any_stems(loudness):
    """Begun with stems that are no shares of the mixture, and as well where it is loud."""
    norbert = pytest.importorskip("norbert")
    rng = np.random.default_rng(2)
    y = loudness * (rng.standard_normal((3, 2, 15, 30)) + 1j * rng.standard_normal((3, 2, 15, 30)))
    x = y.sum(axis=0) + 0.1 * loudness * rng.standard_normal((2, 15, 30))
    scale = max(1.0, np.abs(x).max() / 10)
    given = np.ascontiguousarray(y.transpose(3, 2, 1, 0)) / scale
    wanted, *_ = norbert.expectation_maximization(given, x.transpose(2, 1, 0) / scale, 2, eps=1e-10)
    found = replaced(x, y, iterations=2)
    np.testing.assert_allclose(found, scale * wanted.transpose(3, 2, 1, 0), atol=1e-4 * loudness)


def test_stretches_join_without_a_seam(monkeypatch):
    mix, stems = mixture(6.0, RATE)
    given = bled(stems, 0.2)
    whole = placed(mix, given, 1, Progress()).waves
    monkeypatch.setattr(places, "STRETCH", 2.0)
    monkeypatch.setattr(places, "FADE", 0.5)
    pieces = placed(mix, given, 1, Progress()).waves
    assert 0 < np.linalg.norm(pieces - whole) < 0.1 * np.linalg.norm(whole)
    jumps = np.abs(np.diff(pieces - whole, axis=-1)).max()
    assert jumps < 0.05


@pytest.mark.parametrize(("channels", "length"), [(1, 3000), (2, 1), (2, 100), (3, 5000), (6, 2000)])
def test_any_channels_and_length_will_do(channels, length):
    rng = np.random.default_rng(0)
    sound = Audio(rng.standard_normal((channels, length)).astype(np.float32), RATE)
    given = Waveforms(["a", "b"], np.stack([0.7 * sound.samples, 0.2 * sound.samples]))
    found = placed(sound, given, 1, Progress())
    assert found.waves.shape == given.waves.shape
    assert np.isfinite(found.waves).all()
    silent = Audio(np.zeros((channels, length), dtype=np.float32), RATE)
    nothing = Waveforms(["a"], silent.samples[None].copy())
    assert not placed(silent, nothing, 1, Progress()).waves.any()


def test_it_can_be_stopped():
    mix, stems = mixture(1.0, RATE)
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        placed(mix, bled(stems, 0.1), 1, progress)
