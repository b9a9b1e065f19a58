"""Separation: networks on a whole song, heard while it goes on; the one way that every neural recipe takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural.devices import Device, faster_in_half
from stemstudio.algorithms.neural.forward import Precision, Run
from stemstudio.algorithms.neural.network import Network
from stemstudio.algorithms.neural.segments import Joined, cut, with_range
from stemstudio.algorithms.neural.song import Answers, Prepared, channel_groups, prepared
from stemstudio.algorithms.streaming import Playhead, Ranges, Said, SoFar, at_the_start
from stemstudio.audio.audio import Sound
from stemstudio.audio.sample_store import SampleStore, frozen
from stemstudio.errors import BadRecipe, NotEnoughMemory
from stemstudio.progress import Progress

Float = NDArray[np.float32]

SHORTEST = 1.0  # seconds of a segment that is still worth asking about
SEPARATED = 0.97  # of the work of some channels; the rest is resampling, where there is any


@dataclass(frozen=True)
class Ensemble:
    """Networks whose answers are averaged.

    Attributes
    ----------
    networks
        All of one sample rate, number of channels, and list of stems.
    weights
        (networks, stems), ≥ 0; each stem's are divided by their sum.
    """

    networks: tuple[Network, ...]
    weights: NDArray[np.float64]

    @property
    def stems(self) -> tuple[str, ...]:
        return self.networks[0].stems

    def asked(self, wanted: Sequence[str]) -> list[int]:
        """Which networks have a say in these stems."""
        columns = self.weights[:, [self.stems.index(name) for name in wanted]]
        return [row for row in range(len(self.networks)) if columns[row].any()]


@dataclass(frozen=True)
class How:
    """How a song is separated; see the recipe's parameters.

    Attributes
    ----------
    overlap, shifts, seed, segment
        As in `cut`; the segment in seconds, 0 for the networks' own.
    device, precision
        What computes, and how exactly; in full where half precision is no faster.
    playhead
        The sample of the song that is wanted first, whenever it is asked.
    settled
        Whether the answer is final, with no filter to follow.
    """

    device: Device
    overlap: float = 0.25
    shifts: int = 1
    seed: int = 0
    segment: float = 0.0
    precision: Precision = "full"
    playhead: Playhead = at_the_start
    settled: bool = True


def stems_named(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """The stems that a recipe asks for, in the network's order; all for an empty text. `BadRecipe` for others."""
    asked = [word.strip() for word in text.split(",") if word.strip()]
    for word in asked:
        if word not in known:
            raise BadRecipe(f"This network knows no “{word}”.", f"It knows: {', '.join(known)}.")
    return tuple(name for name in known if name in asked or not asked)


def separate(
    sound: Sound, ensemble: Ensemble, wanted: Sequence[str], how: How, progress: Progress
) -> Waveforms:
    """Stems of a song, of its own rate, channels and length.

    Every stretch is handed on as `SoFar` when it is finished, the one at the playhead first; the order has no
    influence on the numbers.

    Parameters
    ----------
    sound
        Of any rate and number of channels; pairs of channels are separated one after the other.
    ensemble
        The networks, as they came.
    wanted
        Stems of theirs; networks that have no say in these are not asked.

    References
    ----------
    Défossez 2021, "Hybrid spectrogram and waveform source separation", for the overlap-add and the shifts; the same
    numbers as `demucs.api.Separator` for the same chances.
    """
    if how.precision == "half" and not faster_in_half(how.device.name):
        how = replace(how, precision="full")
        device = how.device.title
        progress.hand_on(Said(f"Half precision would be slower on {device}: it computes in full precision."))
    room = SampleStore(len(wanted) * sound.channels, max(1, sound.length)).array[:, : sound.length]
    room = room.reshape(len(wanted), sound.channels, sound.length)
    result = Waveforms(wanted, frozen(room))
    groups = channel_groups(sound.channels) if sound.length else ()
    for number, taken in enumerate(groups):
        last = number == len(groups) - 1
        part = progress.part(number / len(groups), (number + 1) / len(groups))
        channels = slice(taken[0], taken[-1] + 1)
        tell = (lambda done: progress.hand_on(SoFar(result, done, how.settled))) if last else None
        _separate_channels(sound, taken, ensemble, wanted, how, room[:, channels], part, tell)
    progress(1.0)
    return result


def _separate_channels(
    sound: Sound,
    taken: Sequence[int],
    ensemble: Ensemble,
    wanted: Sequence[str],
    how: How,
    room: Float,
    progress: Progress,
    tell: Callable[[Ranges], None] | None,
) -> None:
    asked, numbers = ensemble.asked(wanted), [ensemble.stems.index(name) for name in wanted]
    networks = [ensemble.networks[place] for place in asked]
    ready = prepared(sound, taken, networks[0], progress.part(0.0, 1 - SEPARATED))
    if ready.silent:
        progress(1.0)
        return
    seconds = 0.0  # that a segment is cut to where memory is short
    while True:
        now = replace(how, segment=seconds) if seconds else how
        part = progress.part(1 - SEPARATED, SEPARATED)
        try:
            with _no_longer(networks, seconds):
                answers = _computed(sound, ready, ensemble, asked, numbers, now, room, part, tell)
            break
        except NotEnoughMemory as error:
            seconds = (seconds or how.segment or max(network.segment for network in networks)) / 2
            if seconds < SHORTEST:
                raise
            short = error.sentence
        progress.hand_on(Said(f"{short} It begins anew, in segments of {seconds:.1f} s."))
    answers.settle(progress.part(SEPARATED, 1.0))


def _computed(
    sound: Sound,
    ready: Prepared,
    ensemble: Ensemble,
    asked: Sequence[int],
    numbers: Sequence[int],
    how: How,
    room: Float,
    progress: Progress,
    tell: Callable[[Ranges], None] | None,
) -> Answers:
    """Ask the networks about all of the song; the answers lie in the room."""
    networks = [ensemble.networks[place] for place in asked]
    rate = networks[0].sample_rate
    plan = cut(
        ready.length,
        [network.samples(how.segment) for network in ensemble.networks],
        sample_rate=rate,
        overlap=how.overlap,
        shifts=how.shifts,
        seed=how.seed,
        chances=[network.chances for network in ensemble.networks],
        asked=asked,
    )
    answers = Answers(room, rate, ready.length, sound.sample_rate)
    weights = ensemble.weights[np.ix_(asked, numbers)]
    shares = weights / weights.sum(axis=0)
    joined = Joined(plan, shares, lambda start, wave: answers.write(start, ready.back(wave)))
    done: list[tuple[int, int]] = []

    def told(start: int, stop: int) -> None:
        good = answers.finished(start, stop)
        if tell is not None:
            if good[1] > good[0]:
                done[:] = with_range(done, good)
            tell(tuple(done))

    run = Run(
        networks,
        ready.read,
        joined,
        [list(numbers)] * len(networks),
        how.device,
        how.precision,
        lambda: math.floor(how.playhead() * rate / sound.sample_rate),
        told,
    )
    run(progress)
    return answers


@contextmanager
def _no_longer(networks: Sequence[Network], seconds: float) -> Iterator[None]:
    """Let networks that always compute a whole segment compute shorter ones, where memory is short."""
    fixed = [
        network.module for network in networks if network.fixed_length and hasattr(network.module, "segment")
    ]
    before = [module.segment for module in fixed]
    for module in fixed:
        module.segment = min(module.segment, seconds) if seconds else module.segment
    try:
        yield
    finally:
        for module, segment in zip(fixed, before, strict=True):
            module.segment = segment


def network_of(module: Any) -> Network:
    """A network of the `demucs` package."""
    return Network(
        module,
        tuple(str(source) for source in module.sources),
        int(module.samplerate),
        int(module.audio_channels),
        float(module.segment),
        fixed_length=bool(getattr(module, "use_train_segment", False)),
        chances=_chances(module),
    )


def _chances(module: Any) -> int:
    """Demucs' transformer draws where its positions begin."""
    transformer: Any = getattr(module, "crosstransformer", None)
    if transformer is None or transformer.emb != "sin":
        return 0
    return int(transformer.sin_random_shift) + 1
