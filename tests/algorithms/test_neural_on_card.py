"""Neural separation on a graphics card; skipped where there is none."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from small_recipes import SOURCES, tiny_network

from stemstudio.algorithms.neural.devices import Device, chosen
from stemstudio.algorithms.neural.network import Network
from stemstudio.algorithms.neural.separation import Ensemble, How, network_of, separate
from stemstudio.audio.audio import Audio
from stemstudio.progress import Cancelled, Progress

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics card")

RATE = 44100


def noise(length: int = 20 * RATE, rate: int = RATE) -> Audio:
    rng = np.random.default_rng(0)
    return Audio((0.1 * rng.standard_normal((2, length))).astype(np.float32), rate)


def of(network: Network) -> Ensemble:
    return Ensemble((network,), np.ones((1, len(network.stems))))


def halves(forward: object) -> Network:
    class Module(torch.nn.Module):
        def forward(self, batch):
            return forward(batch)

    return Network(Module(), ("one", "two"), 1000, 2, 1.0)


def test_a_card_is_found_and_named():
    device = chosen("auto")
    assert device.name == "cuda"
    assert "GB free" in device.words


@pytest.mark.parametrize("shifts", [0, 2])
def test_the_stems_are_those_of_the_processor(shifts):
    sound, network = noise(), network_of(tiny_network())
    handed_on = []
    progress = Progress(lambda fraction, message: handed_on.append(fraction))
    own = separate(sound, of(network), SOURCES, How(Device("cpu", "", threads=8), shifts=shifts), Progress())
    for batch in (1, 3):
        card = separate(sound, of(network), SOURCES, How(Device("cuda", "", batch), shifts=shifts), progress)
        apart = np.linalg.norm(card.waves - own.waves) / np.linalg.norm(own.waves)
        # Cards multiply in TF32: demucs itself is 43 dB from the processor there.
        assert apart < 1e-2
    assert handed_on[-1] == 1.0


def test_half_precision_is_near():
    sound = noise()
    full = separate(sound, of(network_of(tiny_network())), SOURCES, How(chosen("cuda")), Progress())
    near = How(chosen("cuda"), precision="half")
    half = separate(sound, of(network_of(tiny_network())), SOURCES, near, Progress())
    gap = 20 * np.log10(np.linalg.norm(half.waves - full.waves) / np.linalg.norm(full.waves))
    assert -120 < gap < -30


def test_memory_that_runs_out_halves_the_batch():
    asked = []

    def forward(batch):
        torch.empty(len(batch) * 12 * 2**30, dtype=torch.uint8, device=batch.device)
        asked.append(len(batch))
        return torch.stack([0.5 * batch] * 2, dim=1)

    sound = noise(length=60_000, rate=1000)
    found = separate(sound, of(halves(forward)), ("one", "two"), How(Device("cuda", "card", 32)), Progress())
    assert max(asked) < 16
    mean = sound.samples.mean()
    np.testing.assert_allclose(found.waves[1], 0.5 * (sound.samples - mean) + mean, atol=1e-5)


def test_an_answer_of_no_numbers_is_asked_for_again_on_the_processor():
    on = []

    def forward(batch):
        on.append(batch.device.type)
        wrong = float("nan") if batch.device.type == "cuda" and len(on) == 2 else 1.0
        return torch.stack([0.5 * batch * wrong] * 2, dim=1)

    sound = noise(length=9000, rate=1000)
    found = separate(sound, of(halves(forward)), ("one", "two"), How(Device("cuda", "card", 2)), Progress())
    mean = sound.samples.mean()
    np.testing.assert_allclose(found.waves[0], 0.5 * (sound.samples - mean) + mean, atol=1e-5)
    assert on.count("cpu") == 2


def test_a_cancel_takes_hold_at_once_and_gives_the_memory_back():
    network = network_of(tiny_network())
    at = []

    def report(fraction, message):
        if fraction > 0.4 and not at:
            at.append(time.monotonic())
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        separate(noise(120 * RATE), of(network), SOURCES, How(Device("cuda", "", 2)), progress)
    assert time.monotonic() - at[0] < 1.0
    torch.cuda.synchronize()
    assert torch.cuda.memory_allocated() < 64 * 2**20
    assert next(network.module.parameters()).device.type == "cpu"
