"""Forward: runs segments through networks, on any device, until all of a song is joined.

Written once for every neural separator: batches, precision, cancelling inside a forward pass, memory that runs out,
answers that are no numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.neural.conditions import computing
from stemstudio.algorithms.neural.devices import Device
from stemstudio.algorithms.neural.failing import give_back, understood
from stemstudio.algorithms.neural.network import Network
from stemstudio.algorithms.neural.segments import Joined, Segment, Waiting
from stemstudio.algorithms.streaming import Said
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
        """Compute everything; `Cancelled` takes hold inside a forward pass, and the networks come back to the CPU.

        Where memory is short, fewer segments are taken at once, and somebody is told; `NotEnoughMemory` where there is too
        little for one. `CardFailed` where a card breaks off.
        """
        import torch

        plan = self.joined.plan
        waiting, batch = Waiting(plan.segments, self._kind), self.device.batch
        with ExitStack() as stack:
            stack.enter_context(understood(self.device))
            stack.enter_context(torch.inference_mode())
            modules = [network.module for network in self.networks]
            stack.enter_context(computing(torch, self.device, modules, progress))
            count = _Count(len(plan.segments), plan.length, self.networks, progress)
            for network in self.networks:
                progress.check()
                stack.enter_context(_on_device(torch, network, self.device, self.precision))
                stack.enter_context(_watched(network, count))
            line: Any = None
            if self.device.name == "cuda":
                self.joined.on(lambda array: torch.from_numpy(array).to("cuda"))
                line = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            under_way: _Asked | None = None
            most = 1  # of the first, so that it is soon heard
            while len(waiting) or under_way is not None:
                asked = None
                segments = waiting.take(self.playhead(), most) if len(waiting) else []
                most = batch
                while segments:
                    count.begin(segments)
                    try:
                        with understood(self.device):
                            asked = self._ask(torch, segments)
                        break
                    except NotEnoughMemory:
                        if len(segments) == 1:
                            raise
                    give_back(torch, self.device)
                    most = batch = len(segments) // 2
                    waiting.put_back(segments[batch:])
                    segments = segments[:batch]
                    together = "one segment at a time" if batch == 1 else f"{batch} segments at a time"
                    progress.hand_on(
                        Said(f"Memory is short on {self.device.title}: it goes on with {together}.")
                    )
                if under_way is not None:
                    self._take(torch, under_way, count, line)
                under_way = asked
                if self.device.name == "cpu" and under_way is not None:
                    # A graphics card computes on while its last answer is joined; here that would only be later.
                    self._take(torch, under_way, count, line)
                    under_way = None
        progress(1.0)

    def _ask(self, torch: Any, segments: list[Segment]) -> _Asked:
        """Let a network answer to some segments; a card is only told to, and computes when it comes to it."""
        network = self.networks[segments[0].network]
        on_card = self.device.name == "cuda"
        _, taken = self._frame(network, segments[0])
        inputs = torch.empty((len(segments), network.channels, taken), pin_memory=on_card)
        for row, segment in zip(inputs.numpy(), segments, strict=True):
            row[...] = self._seen(network, segment)
        answer = network.module(inputs.to(self.device.name, non_blocking=True))
        return _Asked(segments, answer, torch.cuda.current_stream().record_event() if on_card else None)

    def _seen(self, network: Network, segment: Segment) -> Float:
        """The stretch of a segment with the song around it, as long as the network wants it."""
        before, taken = self._frame(network, segment)
        return self.read(segment.start - before, segment.start - before + taken)

    def _kind(self, segment: Segment) -> tuple[int, int]:
        """Its network, and how much of the song that sees; what differs in them cannot be computed together."""
        return segment.network, self._frame(self.networks[segment.network], segment)[1]

    def _frame(self, network: Network, segment: Segment) -> tuple[int, int]:
        taken = network.taken(segment.length, self.joined.plan.lengths[segment.network])
        return (taken - segment.length) // 2, taken

    def _take(self, torch: Any, asked: _Asked, count: _Count, line: Any) -> None:
        """Join answers, on a card where they are, and beside what it computes meanwhile, in a line of work of its own."""
        finished: list[tuple[int, int]] = []
        with _beside(torch, asked, line):
            waves = asked.answer.float()
            if line is None:
                waves = waves.cpu()
            # One that is no number makes no sum either.
            sound = torch.isfinite(waves.flatten(1).sum(1)).tolist()
            for row, segment in enumerate(asked.segments):
                network = self.networks[segment.network]
                wave = waves[row] if sound[row] else self._again(torch, network, segment).to(waves.device)
                before, _ = self._frame(network, segment)
                own = self.stems[segment.network]
                wave = wave[:, :, before : before + segment.length]
                if list(own) != list(range(len(wave))):
                    wave = wave[list(own)]
                finished += self.joined.add(segment, wave.numpy() if line is None else wave)
        count.end(asked.segments)
        if self.told is not None:
            for start, stop in finished:
                self.told(start, stop)

    def _again(self, torch: Any, network: Network, segment: Segment) -> Any:
        """The same segment on the CPU in single precision, where a card or half precision gave no numbers."""
        wave = None
        if self.device.name != "cpu" or self.precision == "half":
            import copy

            # Without the hooks, which hold on to what cannot be copied.
            hooks = [
                getattr(layer, name)
                for layer in network.module.modules()
                for name in ("_forward_pre_hooks", "_forward_pre_hooks_with_kwargs")
            ]
            module = copy.deepcopy(network.module, {id(each): type(each)() for each in hooks}).cpu().float()
            inputs = torch.from_numpy(self._seen(network, segment)[None])
            wave = module(inputs)[0]
        if wave is None or not bool(torch.isfinite(wave).all()):
            raise StemStudioError(
                "The network answered with values that are no sound.",
                "Its file may be damaged: take another model, or fetch this one again.",
            )
        return wave


@dataclass(frozen=True)
class _Asked:
    """What a network was asked: its answer, a tensor (batch, stems, channels, samples); on a card, the event after which
    it is there.
    """

    segments: list[Segment]
    answer: Any
    ready: Any


class _Count:
    """Turns batches and layers into progress."""

    def __init__(self, total: int, length: int, networks: Sequence[Network], progress: Progress) -> None:
        self._progress = progress
        self._total = max(1, total)
        self._seconds = length / networks[0].sample_rate
        self._layers = [max(1, sum(1 for _ in network.layers())) for network in networks]
        self._done = self._batch = 0
        self._reached: set[object] = set()  # layers: one that takes its rows some at a time is called often
        self._network, self._share = 0, 0.0

    def begin(self, segments: Sequence[Segment]) -> None:
        self._network, self._batch = segments[0].network, len(segments)
        self._reached.clear()
        self._progress.check()

    def layer(self, layer: object, *_: object) -> None:
        """Called before each layer: the place where a cancel takes hold."""
        self._reached.add(layer)
        self._tell(min(0.95, len(self._reached) / self._layers[self._network]) * self._batch)

    def end(self, segments: Sequence[Segment]) -> None:
        self._done += len(segments)
        self._tell(0.0)

    def _tell(self, part: float) -> None:
        # A card is asked for the next before the last is joined.
        share = self._share = max(self._share, min(0.999, (self._done + part) / self._total))
        self._progress(share, f"{share * self._seconds:.0f} of {self._seconds:.0f} s")


@contextmanager
def _beside(torch: Any, asked: _Asked, line: Any) -> Iterator[None]:
    """On a card: in that line, which waits for this answer alone and not for what the card was told since."""
    if line is None:
        yield
        return
    line.wait_event(asked.ready)
    asked.answer.record_stream(line)
    with torch.cuda.stream(line):
        yield


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
    kept: list[tuple[Any, str, Any, Any]] = []
    try:
        if precision == "half":
            hooks = _halved(torch, network.module)
        kept = list(_held(network.module))
        network.module.to(device.name)
        yield
    finally:
        for hook in hooks:
            hook.remove()
        # Nothing is fetched back from a card, which may have broken off.
        for layer, name, value, data in kept:
            value.data = data
            setattr(layer, name, value)
        give_back(torch, device)


def _held(module: Any) -> Iterator[tuple[Any, str, Any, Any]]:
    """What a network holds: layer, name, tensor, and what that holds on the processor."""
    for layer in module.modules():
        own = itertools.chain(layer.named_parameters(recurse=False), layer.named_buffers(recurse=False))
        for name, value in own:
            yield layer, name, value, value.data


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
