"""Layers of Demucs laid out for a processor: the same stems, and nothing of it left afterwards."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from small_recipes import SOURCES, tiny_network

from stemstudio.algorithms.neural.channels_last import Across, Branch, Down, Up
from stemstudio.algorithms.neural.quickened import quickened
from stemstudio.progress import Cancelled, Progress


def lively(network):
    """Weights as after training: new ones leave the branches and the norms as good as out."""
    import torch

    random = torch.Generator().manual_seed(1)
    for name, value in network.named_parameters():
        if name.endswith(("scale", "bias")) or "norm" in name or value.dim() == 1:
            value.data = 0.6 + 0.4 * torch.rand(value.shape, generator=random)
    return network


def older_network():
    """A hybrid Demucs without a transformer, whose inner layers have norms, LSTMs and attention."""
    import torch
    from demucs.hdemucs import HDemucs

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return HDemucs(SOURCES, channels=4, nfft=1024, depth=5, norm_starts=3, dconv_mode=3).eval()


@pytest.mark.parametrize("made", [tiny_network, older_network])
def test_a_network_answers_as_it_does_by_itself(made):
    import torch

    network = lively(made())
    wave = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 2, 44100), dtype=np.float32))
    kept = list(network.modules())
    with torch.inference_mode():
        own = network(wave)
        with quickened(network):
            kinds = [type(layer) for layer in network.modules()]
            found = network(wave)
            # A segment that is asked for again is answered by a copy.
            again = copy.deepcopy(network).float()(wave)
    assert {Down, Up, Branch} | ({Across} if made is tiny_network else set()) <= set(kinds)
    assert list(network.modules()) == kept
    assert not {"_spec", "_mask", "_ispec"} & set(vars(network))
    assert torch.equal(again, found)
    assert own.abs().max() > 0.1
    np.testing.assert_allclose(found, own, atol=2e-6 * float(own.abs().max()))


@pytest.mark.parametrize("made", [tiny_network, older_network])
@pytest.mark.parametrize("length", [44100, 700])
def test_with_its_transforms_alone_it_answers_as_it_does_by_itself(made, length):
    import torch

    network = lively(made())
    wave = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 2, length), dtype=np.float32))
    kept = list(network.modules())
    with torch.inference_mode():
        own = network(wave)
        with quickened(network, layers=False):
            assert list(network.modules()) == kept
            found = network(wave)
    assert not {"_spec", "_mask", "_ispec"} & set(vars(network))
    np.testing.assert_allclose(found, own, atol=2e-6 * float(own.abs().max()))


def test_a_card_is_told_a_whole_pass_without_being_asked_or_given_anything():
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    from stemstudio.algorithms.neural.conditions import computing
    from stemstudio.algorithms.neural.devices import Device

    elsewhere = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            answer = function(*args, **(kwargs or {}))
            held = [each for each in tree_leaves((args, kwargs, answer)) if isinstance(each, torch.Tensor)]
            if any(each.device.type != "meta" for each in held):
                elsewhere.append(str(function))
            return answer

    network = tiny_network().to("meta")
    # There is nothing on “meta” to ask for: what asks, such as an inverse transform that looks at its window, fails.
    wave = torch.zeros((2, 2, 44100), device="meta")
    with torch.inference_mode(), computing(torch, Device("cuda", "a card"), [network]):
        network(wave)
        with Watch():
            answer = network(wave)
    assert answer.shape == (2, 4, 2, 44100)
    assert elsewhere == []


@pytest.mark.parametrize(
    "changes",
    [
        {"norm_starts": 0},
        {"dconv_lstm": 0},
        {"cac": False},
        {"hybrid_old": True},
        {"rewrite": False},
    ],
    ids=str,
)
def test_a_network_that_is_built_otherwise_answers_as_it_does_by_itself(changes):
    import torch
    from demucs.hdemucs import HDemucs

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        small = {"channels": 4, "nfft": 256, "depth": 4, "dconv_mode": 3}
        network = lively(HDemucs(SOURCES, **{**small, **changes}).eval())
    wave = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 2, 9000), dtype=np.float32))
    with torch.inference_mode():
        own = network(wave)
        with quickened(network):
            np.testing.assert_allclose(network(wave), own, atol=2e-6 * float(own.abs().max()))


def test_all_is_put_back_after_an_error():
    network = tiny_network()
    kept = list(network.modules())

    def fail() -> None:
        with quickened(network):
            assert list(network.modules()) != kept
            raise Cancelled

    with pytest.raises(Cancelled):
        fail()
    assert list(network.modules()) == kept
    assert not {"_spec", "_mask", "_ispec"} & set(vars(network))


def test_who_stops_while_layers_are_laid_out_waits_for_none_of_the_rest(monkeypatch):
    import torch

    from stemstudio.algorithms.neural import quickened as here
    from stemstudio.algorithms.neural.conditions import computing
    from stemstudio.algorithms.neural.devices import Device

    networks = [tiny_network(), tiny_network()]
    kept = [list(network.modules()) for network in networks]
    layers = len([*networks[0].encoder, *networks[0].tencoder, *networks[0].decoder, *networks[0].tdecoder])
    laid_out, progress = [], Progress()

    def and_stop(layer):
        laid_out.append(layer)
        if len(laid_out) == layers + 2:
            progress.cancel()
        return Down(layer) if type(layer).__name__ == "HEncLayer" and not layer.empty else layer

    monkeypatch.setattr(here, "_quicker", and_stop)
    with pytest.raises(Cancelled), computing(torch, Device("cpu", ""), networks, progress):
        pytest.fail("it goes on")
    assert len(laid_out) == layers + 2
    assert [list(network.modules()) for network in networks] == kept


def test_what_is_built_in_another_way_stays_as_it_is():
    import torch

    network = torch.nn.Sequential(torch.nn.Conv1d(2, 2, 3))
    kept = list(network.modules())
    with quickened(network):
        assert list(network.modules()) == kept
