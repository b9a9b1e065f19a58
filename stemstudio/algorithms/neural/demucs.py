"""HTDemucs and its relatives: a neural network that knows drums, bass, vocals and the rest."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.algorithm import Algorithm, parameter
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural.models import MODELS, load_network, weights_of
from stemstudio.audio.audio import Sound
from stemstudio.errors import BadRecipe, StemStudioError
from stemstudio.progress import Progress

Float = NDArray[np.float32]

PREPARED = 0.03  # of the whole work: loading and resampling
SEPARATED = 0.98


class HTDemucs(Algorithm):
    """Hybrid transformer Demucs through the `demucs` package, on weights that are on this machine."""

    name: ClassVar[str] = "htdemucs"
    title: ClassVar[str] = "Four stems (HTDemucs)"
    summary: ClassVar[str] = (
        "A neural network that knows drums, bass, vocals and the rest; the best start for most songs."
    )
    speed: ClassVar[float] = 2.0
    context: ClassVar[float] = 4.0
    masked: ClassVar[bool] = False

    model: Literal["htdemucs", "htdemucs_ft", "htdemucs_6s", "hdemucs_mmi"] = parameter(
        "htdemucs", "Which network: ft is finer and four times slower, 6s also knows guitar and piano"
    )
    shifts: int = parameter(
        1,
        "How often to separate at slightly shifted times and average: slower, a little better",
        unit="times",
        ge=0,
        le=20,
    )
    overlap: float = parameter(
        0.25, "How much of a segment its neighbours share", ge=0.0, le=0.95, advanced=True
    )
    segment: float = parameter(
        0.0,
        "Length of a segment, never above the network's own; 0 takes the network's own",
        unit="s",
        ge=0.0,
        le=60.0,
        advanced=True,
    )
    seed: int = parameter(
        0, "Which shifts: the same number gives the same stems again", ge=0, le=2**31 - 1, advanced=True
    )
    device: Literal["auto", "cpu", "cuda"] = parameter(
        "auto", "What computes: a graphics card if there is one (auto), or as named"
    )

    def run(self, signal: Sound, progress: Progress) -> Waveforms:
        """The network's sources as waveforms of the song's own rate, channels and length."""
        progress(0.0, "loading the network")
        model = MODELS[self.model]
        paths = weights_of(model)
        if signal.channels > 2:
            raise BadRecipe(
                f"{self.title} takes mono or stereo, not {signal.channels} channels.",
                "Open the song again and take a pair of its channels, or mix them down.",
            )
        import torch
        from demucs.apply import BagOfModels

        progress.check()
        device = self._device(torch)
        networks = []
        for path in paths:
            networks.append(load_network(path))
            progress.check()
        weights = [list(row) for row in model.weights] if model.weights else None
        bag = BagOfModels(networks, weights, model.segment)
        progress(PREPARED / 2, "preparing the song")
        samples = signal.read(0, signal.length)
        names = [str(source) for source in bag.sources]
        if not np.any(samples):
            progress(1.0)
            return Waveforms(names, np.zeros((len(names), signal.channels, signal.length), dtype=np.float32))
        wave = _resampled(samples, signal.sample_rate, bag.samplerate)
        if signal.channels < bag.audio_channels:
            wave = np.repeat(wave[:1], bag.audio_channels, axis=0)
        progress(PREPARED, "separating")
        waves = self._separate(bag, wave, device, progress.part(PREPARED, SEPARATED))
        if not np.isfinite(waves).all():
            raise StemStudioError(
                "The network answered with values that are no sound.",
                "Choose the CPU as the device and run again.",
            )
        if signal.channels == 1:
            waves = waves.mean(axis=1, keepdims=True)
        result = np.empty((len(names), signal.channels, signal.length), dtype=np.float32)
        for row, stem in zip(result, waves, strict=True):
            progress.check()
            row[:] = _fitted(_resampled(stem, bag.samplerate, signal.sample_rate), signal.length)
        progress(1.0)
        return Waveforms(names, result)

    def _device(self, torch: Any) -> str:
        if self.device == "cuda" and not torch.cuda.is_available():
            raise BadRecipe(
                "There is no graphics card here that torch can compute on.",
                "Choose “auto” or “cpu” as the device.",
            )
        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        return self.device

    def _separate(self, bag: Any, wave: Float, device: str, progress: Progress) -> Float:
        """Overlap-add over segments, normalised as `demucs.api` does: float32 (sources, channels, samples)."""
        import torch
        from demucs.apply import apply_model

        mixture = torch.from_numpy(np.array(wave, order="C"))
        reference = mixture.mean(0)
        mean = reference.mean()
        std = reference.std(correction=min(1, wave.shape[1] - 1)) + 1e-8
        own = float(min(network.segment for network in bag.models))
        segment = min(self.segment, own) if self.segment else None
        count = _Count(bag, wave.shape[1], segment, self.overlap, self.shifts, progress)
        with _seeded(self.seed), _watched(bag, count), _plain_attention():
            try:
                out = apply_model(
                    bag,
                    ((mixture - mean) / std)[None],
                    shifts=self.shifts,
                    overlap=self.overlap,
                    segment=segment,
                    device=device,
                    callback=count.segment,
                )
            finally:
                bag.to("cpu")
                if device == "cuda":
                    torch.cuda.empty_cache()
        progress(1.0)
        waves: Float = (out[0] * std + mean).numpy()
        return waves


class _Count:
    """Turns calls of segments and layers into progress."""

    def __init__(
        self, bag: Any, length: int, segment: float | None, overlap: float, shifts: int, progress: Progress
    ) -> None:
        self.progress = progress
        self.layers = [max(1, len(list(_leaves(network)))) for network in bag.models]
        self.calls = self.done = self.total = 0
        rate = bag.samplerate
        for network in bag.models:
            stride = max(1, int((1 - overlap) * int(rate * float(segment or network.segment))))
            padded = length + (rate // 4 if shifts else 0)
            self.total += max(1, shifts) * -(-padded // stride)
        self.seconds = length / rate
        self.network = 0

    def segment(self, state: dict[str, Any]) -> None:
        """Called by demucs before and after each segment."""
        self.network = int(state.get("model_idx_in_bag", 0))
        if state.get("state") == "end":
            self.done += 1
            self.calls = 0
            share = min(1.0, self.done / self.total)
            self.progress(min(share, 0.999), f"{share * self.seconds:.0f} of {self.seconds:.0f} s done")
        else:
            self.progress.check()

    def layer(self, *_: object) -> None:
        """Called before each layer: the place where a cancel takes hold."""
        self.calls += 1
        part = min(0.95, self.calls / self.layers[min(self.network, len(self.layers) - 1)])
        share = min(0.999, (self.done + part) / self.total)
        self.progress(share, f"{share * self.seconds:.0f} of {self.seconds:.0f} s done")


def _leaves(network: Any) -> Iterator[Any]:
    return (layer for layer in network.modules() if not any(layer.children()))


@contextmanager
def _watched(bag: Any, count: _Count) -> Iterator[None]:
    hooks = [layer.register_forward_pre_hook(count.layer) for layer in _leaves(bag)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Demucs draws its shifts from Python's global generator; afterwards that goes on as if nothing had been."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Fused attention instead of torch's transformer fast path: a tenth faster here, and its layers call the hooks."""
    import torch

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _resampled(samples: Float, rate: int, wanted: int) -> Float:
    """Channels × samples at another rate; the very same array where nothing is to do."""
    if rate == wanted:
        return samples
    import soxr

    return np.ascontiguousarray(soxr.resample(samples.T, rate, wanted).T, dtype=np.float32)


def _fitted(samples: Float, length: int) -> Float:
    """Cut, or filled up with zeros: resampling there and back may end a sample early or late."""
    if samples.shape[1] >= length:
        return samples[:, :length]
    return np.pad(samples, ((0, 0), (0, length - samples.shape[1])))
