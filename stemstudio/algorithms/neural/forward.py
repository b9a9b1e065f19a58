"""Forward: runs segments through networks, on any device, until all of a song is joined.

Written once for every neural separator: batches, precision, cancelling inside a forward pass, memory that runs out,
answers that are no numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.neural.devices import Device
from stemstudio.algorithms.neural.network import Network
from stemstudio.algorithms.neural.segments import Joined, Segment, Waiting
from stemstudio.errors import NotEnoughMemory, StemStudioError
from stemstudio.progress import Progress

Float = NDArray[np.float32]
Precision = Literal["full", "half"]
Read = Callable[[int, int], Float]


@dataclass
class Run:
    """Networks at work on one song.

    Parameters
    ----------
    networks
        As in the cut.
    read
        The song as the networks want it: `read(start, stop)` gives float32 (channels, stop − start), zeros outside.
    joined
        Where the answers go.
    stems
        For each network, which of its stems the answers are.
    device, precision
        What computes, and whether in single ("full") or half precision.
    playhead
        The sample that is wanted first; asked before every batch.
    told
        Called with every range of samples [start, stop) that is finished.
    """

    networks: Sequence[Network]
    read: Read
    joined: Joined
    stems: Sequence[Sequence[int]]
    device: Device
    precision: Precision = "full"
    playhead: Callable[[], int] = lambda: 0
    told: Callable[[int, int], None] | None = None

    def __call__(self, progress: Progress) -> None:
        """Compute everything; `Cancelled` takes hold inside a forward pass, and the networks come back to the CPU."""
        import torch

        plan = self.joined.plan
        waiting, batch = Waiting(plan.segments), self.device.batch
        count = _Count(len(plan.segments), plan.length, self.networks, progress)
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode())
            stack.enter_context(_plain_attention(torch))
            stack.enter_context(_chances_kept())
            for network in self.networks:
                stack.enter_context(_on_device(torch, network, self.device, self.precision))
                stack.enter_context(_watched(network, count))
            under_way: tuple[list[Segment], Any] | None = None
            while len(waiting) or under_way is not None:
                answer = None
                segments = waiting.take(self.playhead(), batch) if len(waiting) else []
                while segments:
                    count.begin(segments)
                    try:
                        answer = self._ask(torch, segments)
                        break
                    except torch.OutOfMemoryError as error:
                        batch = self._smaller(torch, batch, error)
                        waiting.put_back(segments[batch:])
                        segments = segments[:batch]
                if under_way is not None:
                    self._take(torch, *under_way, count)
                under_way = (segments, answer) if segments else None
                if self.device.name == "cpu" and under_way is not None:
                    # A graphics card computes on while its last answer is joined; here that would only be later.
                    self._take(torch, *under_way, count)
                    under_way = None
        progress(1.0)

    def _ask(self, torch: Any, segments: Sequence[Segment]) -> Any:
        """What a network answers to some segments: a tensor on the device, (batch, stems, channels, samples)."""
        network = self.networks[segments[0].network]
        inputs = torch.from_numpy(np.stack([self._seen(network, segment) for segment in segments]))
        if self.device.name == "cuda":
            inputs = inputs.pin_memory()
        return network.module(inputs.to(self.device.name, non_blocking=True))

    def _seen(self, network: Network, segment: Segment) -> Float:
        """The stretch of a segment with the song around it, as long as the network wants it."""
        before, taken = self._frame(network, segment)
        return self.read(segment.start - before, segment.start - before + taken)

    def _frame(self, network: Network, segment: Segment) -> tuple[int, int]:
        taken = network.taken(segment.length, self.joined.plan.lengths[segment.network])
        return (taken - segment.length) // 2, taken

    def _take(self, torch: Any, segments: Sequence[Segment], answer: Any, count: _Count) -> None:
        waves: Float = answer.float().cpu().numpy()
        finished: list[tuple[int, int]] = []
        for row, segment in enumerate(segments):
            network = self.networks[segment.network]
            wave = waves[row]
            if not np.isfinite(wave).all():
                wave = self._again(torch, network, segment)
            before, _ = self._frame(network, segment)
            own = list(self.stems[segment.network])
            finished += self.joined.add(segment, wave[own, :, before : before + segment.length])
        count.end(segments)
        if self.told is not None:
            for start, stop in finished:
                self.told(start, stop)

    def _again(self, torch: Any, network: Network, segment: Segment) -> Float:
        """The same segment on the CPU in single precision, where a card or half precision gave no numbers."""
        wave = None
        if self.device.name != "cpu" or self.precision == "half":
            import copy

            module = copy.deepcopy(network.module).cpu().float()
            for layer in module.modules():
                layer._forward_pre_hooks.clear()
            inputs = torch.from_numpy(self._seen(network, segment)[None])
            wave = module(inputs)[0].numpy()
        if wave is None or not np.isfinite(wave).all():
            raise StemStudioError(
                "The network answered with values that are no sound.",
                "Its file may be damaged: take another model, or fetch this one again.",
            )
        found: Float = wave
        return found

    def _smaller(self, torch: Any, batch: int, error: Exception) -> int:
        if self.device.name == "cuda":
            torch.cuda.empty_cache()
        if batch == 1:
            raise NotEnoughMemory(
                f"There is not enough memory for this network on {self.device.words}.",
                "Choose the CPU as the device, or close what else uses the card.",
            ) from error
        return batch // 2


class _Count:
    """Turns batches and layers into progress."""

    def __init__(self, total: int, length: int, networks: Sequence[Network], progress: Progress) -> None:
        self._progress = progress
        self._total = max(1, total)
        self._seconds = length / networks[0].sample_rate
        self._layers = [max(1, sum(1 for _ in network.layers())) for network in networks]
        self._done = self._batch = self._calls = 0
        self._network = 0

    def begin(self, segments: Sequence[Segment]) -> None:
        self._network, self._batch, self._calls = segments[0].network, len(segments), 0
        self._progress.check()

    def layer(self, *_: object) -> None:
        """Called before each layer: the place where a cancel takes hold."""
        self._calls += 1
        self._tell(min(0.95, self._calls / self._layers[self._network]) * self._batch)

    def end(self, segments: Sequence[Segment]) -> None:
        self._done += len(segments)
        self._batch = self._calls = 0
        self._tell(0.0)

    def _tell(self, part: float) -> None:
        share = min(0.999, (self._done + part) / self._total)
        self._progress(share, f"{share * self._seconds:.0f} of {self._seconds:.0f} s done")


@contextmanager
def _watched(network: Network, count: _Count) -> Iterator[None]:
    hooks = [layer.register_forward_pre_hook(count.layer) for layer in network.layers()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _on_device(torch: Any, network: Network, device: Device, precision: Precision) -> Iterator[None]:
    """The network on its device until the end; weights that were made half as precise stay so."""
    hooks: list[Any] = []
    try:
        if precision == "half":
            hooks = _halved(torch, network.module)
        network.module.to(device.name)
        yield
    finally:
        for hook in hooks:
            hook.remove()
        network.module.to("cpu")
        if device.name == "cuda":
            torch.cuda.empty_cache()


def _halved(torch: Any, module: Any) -> list[Any]:
    """Weights as bfloat16, once; what comes into a layer is made to fit. Means, Fourier transforms stay as they are."""

    def fit(layer: Any, args: Any, kwargs: Any) -> Any:
        wanted = layer.__dict__["_half_dtype"]

        def fitted(value: Any) -> Any:
            is_float = isinstance(value, torch.Tensor) and value.dtype in (torch.float32, torch.bfloat16)
            return value.to(wanted) if is_float else value

        return tuple(map(fitted, args)), {key: fitted(value) for key, value in kwargs.items()}

    hooks = []
    for layer in module.modules():
        own = next(layer.parameters(recurse=False), None)
        if own is not None and own.is_floating_point():
            layer.to(torch.bfloat16)
            layer.__dict__["_half_dtype"] = torch.bfloat16
            hooks.append(layer.register_forward_pre_hook(fit, with_kwargs=True))
    return hooks


@contextmanager
def _plain_attention(torch: Any) -> Iterator[None]:
    """Fused attention instead of torch's transformer fast path: a tenth faster here, and its layers call the hooks."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def _chances_kept() -> Iterator[None]:
    """Networks may draw from Python's own generator; afterwards that goes on as if nothing had been."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
