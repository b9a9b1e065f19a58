"""Estimates: what a separator answers, frozen, and rendered by range.

A separator splits its input into *parts*: the stems of a neural model, harmonic and percussive, the atoms of a
factorisation. Parts are grouped into stems; whatever the groups leave over of the input is the residual.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.masking import Masking, shares_of
from stemstudio.algorithms.stretches import Stretches
from stemstudio.audio.audio import Sound, read_padded
from stemstudio.spectral.stft import Spectrogram, StftSettings, forward, inverse

Groups = Sequence[Sequence[int]]
Float = NDArray[np.float32]
ROUNDING = np.float32(5e-4)  # of a share in half precision


class Estimates(ABC):
    """Parts of a sound.

    Attributes
    ----------
    kind
        Name of the class in project files.
    names
        Of the parts.
    grid
        The STFT settings that masks are on; None for waveforms.
    atoms
        Whether the parts are atoms, to be gathered into stems, rather than stems themselves.
    families
        For each atom the taught sound or the drum that it is a part of, None for one that stands alone; None if all do.
    masking
        How masks are made of them unless somebody says otherwise; it says nothing about waveforms.
    """

    kind: ClassVar[str]
    atoms: bool = False
    names: tuple[str, ...]
    grid: StftSettings | None = None
    families: tuple[str | None, ...] | None = None
    masking: Masking = Masking()

    def gathered(self) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
        """Names of the stems that are clear without anybody's judgement, and each part's own; None is the residual.

        Parts that are stems are each their own; atoms go to the stem of their family, those of none to the residual.
        """
        if not self.atoms:
            return self.names, tuple(range(len(self.names)))
        families = self.families or (None,) * len(self.names)
        stems = tuple(dict.fromkeys(family for family in families if family is not None))
        return stems, tuple(None if family is None else stems.index(family) for family in families)

    @property
    def reach(self) -> int:
        """Samples that lie between a change of the parent's sound and the farthest that a part sounds different."""
        return self.grid.fft if self.grid is not None else 0

    def made_of(self) -> Mapping[str, Estimates]:
        """Whole estimates that these hold, by the word before their arrays' names: stored once, however often used."""
        return {}

    def within(self) -> Iterator[Estimates]:
        """These, what they are made of, and so on."""
        yield self
        for held in self.made_of().values():
            yield from held.within()

    @abstractmethod
    def render(
        self, parent: Sound, groups: Groups, start: int, stop: int, masking: Masking | None = None
    ) -> Float:
        """Sound of groups of parts over samples [start, stop).

        Parameters
        ----------
        parent
            The sound that was taken apart.
        groups
            Disjoint groups of part numbers; parts in no group form one more, silent, group.
        masking
            How masks are made, if not as `self.masking` says; without a meaning for waveforms.

        Returns
        -------
        ndarray
            float32 (groups, channels, stop − start).
        """

    @abstractmethod
    def header(self) -> dict[str, Any]:
        """What is small, as JSON data."""

    @abstractmethod
    def arrays(self) -> dict[str, Any]:
        """What is large: arrays (or what slices like one along the last axis) by name."""

    @classmethod
    @abstractmethod
    def from_record(cls, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Estimates:
        """The estimates that `header()` and `arrays()` describe; ValueError where they do not fit together."""


@dataclass(frozen=True)
class PartSound:
    """The sound of one part, rendered when it is read."""

    parent: Sound
    estimates: Estimates
    part: int

    @property
    def sample_rate(self) -> int:
        return self.parent.sample_rate

    @property
    def channels(self) -> int:
        return self.parent.channels

    @property
    def length(self) -> int:
        return self.parent.length

    def read(self, start: int, stop: int) -> Float:
        """float32 (channels, stop − start); zeros outside the sound."""
        low, high = max(0, start), min(self.length, stop)
        result = np.zeros((self.channels, max(0, stop - start)), dtype=np.float32)
        if high > low:
            found = self.estimates.render(self.parent, [[self.part]], low, high)
            result[:, low - start : high - start] = found[0]
        return result


class Waveforms(Estimates):
    """Parts that are waveforms.

    Parameters
    ----------
    names
        Of the parts.
    waves
        float32 (parts, channels, samples), read-only; a memory map or a stored array serves.
    """

    kind = "waveforms"

    def __init__(self, names: Sequence[str], waves: Any) -> None:
        if len(waves.shape) != 3 or waves.shape[0] != len(names):
            raise ValueError(f"{len(names)} names do not fit waves of shape {tuple(waves.shape)}")
        self.names = tuple(names)
        self.waves = frozen(waves)

    def render(
        self, parent: Sound, groups: Groups, start: int, stop: int, masking: Masking | None = None
    ) -> Float:
        result = np.zeros((len(groups), parent.channels, stop - start), dtype=np.float32)
        for row, group in zip(result, groups, strict=True):
            for part in group:
                row += read_padded(self.waves[part], start, stop)
        return result

    def header(self) -> dict[str, Any]:
        return {"names": list(self.names)}

    def arrays(self) -> dict[str, Any]:
        return {"waves": self.waves}

    @classmethod
    def from_record(cls, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Waveforms:
        return cls([str(name) for name in header["names"]], arrays["waves"])


class MaskEstimates(Estimates):
    """Parts that become masks on the parent's STFT: subclasses say what each group of them is thought to hold."""

    grid: StftSettings

    @abstractmethod
    def models(self, groups: Groups, first: int, last: int) -> Float:
        """What groups are thought to hold over frames [first, last), on any common scale.

        Returns
        -------
        ndarray
            float32 (1 + groups, bins, frames), ≥ 0, own memory; row 0 is the parts in no group, and what no part has.
        """

    def channel_models(self, groups: Groups, first: int, last: int) -> Float:
        """As `models`: (1 + groups, 1, bins, frames), or one for each channel where those have models of their own."""
        return self.models(groups, first, last)[:, None]

    def masks(self, groups: Groups, first: int, last: int, masking: Masking | None = None) -> Float:
        """Masks of groups over frames [first, last), frame by frame.

        Returns
        -------
        ndarray
            float32 (groups, bins, frames), ≥ 0, their sum ≤ 1. For a masking that is not `local`, those it starts from.
        """
        return self._shares(self.models(groups, first, last), masking or self.masking)

    def channel_masks(self, groups: Groups, first: int, last: int, masking: Masking | None = None) -> Float:
        """The masks that sound is rendered with, own arrays: (groups, 1, bins, frames), or one for each channel.

        Where channels have masks of their own, `masks` tells what the groups have of all channels together.
        """
        return self._shares(self.channel_models(groups, first, last), masking or self.masking)

    def render(
        self, parent: Sound, groups: Groups, start: int, stop: int, masking: Masking | None = None
    ) -> Float:
        if not any(groups):
            return np.zeros((len(groups), parent.channels, stop - start), dtype=np.float32)
        chosen = masking or self.masking
        if not chosen.local:
            return self._stretches.render(self.channel_masks, self.grid, chosen, parent, groups, start, stop)
        first, last = self.grid.frames_touching(start, stop, parent.length)
        mixture = forward(parent, self.grid, first=first, last=last)
        values = self.channel_masks(groups, first, last, chosen) * mixture.values[None]
        flat = values.reshape(-1, *values.shape[2:])
        masked = Spectrogram(flat, self.grid, parent.sample_rate, first, parent.length)
        return inverse(masked, start, stop).reshape(len(groups), parent.channels, stop - start)

    def _shares(self, models: Float, masking: Masking) -> Float:
        return shares_of(models, masking)[1:]

    @cached_property
    def _stretches(self) -> Stretches:
        return Stretches()


class Masks(MaskEstimates):
    """Parts whose masks are stored.

    Parameters
    ----------
    names
        Of the parts.
    grid
        STFT settings of the masks.
    values
        float16 (parts, bins, frames) in [0, 1], read-only; a memory map or a stored array serves.
    masking
        What is made of them: by default they are the masks, as they are.
    """

    kind = "masks"

    def __init__(
        self, names: Sequence[str], grid: StftSettings, values: Any, masking: Masking | None = None
    ) -> None:
        if len(values.shape) != 3 or tuple(values.shape[:2]) != (len(names), grid.bins):
            raise ValueError(
                f"{len(names)} names and {grid.bins} bins do not fit masks {tuple(values.shape)}"
            )
        self.names = tuple(names)
        self.grid = grid
        self.values = frozen(values)
        self.masking = masking or Masking()

    def models(self, groups: Groups, first: int, last: int) -> Float:
        stored = np.asarray(self.values[..., first:last], dtype=np.float32)
        result = np.zeros((1 + len(groups), self.grid.bins, last - first), dtype=np.float32)
        for row, group in zip(result[1:], groups, strict=True):
            for part in group:
                row[:, : stored.shape[2]] += stored[part]
        np.subtract(1, result[1:].sum(axis=0), out=result[0])
        result[0][result[0] < ROUNDING * len(self.names)] = 0
        return result

    def _shares(self, models: Float, masking: Masking) -> Float:
        if masking.kind != "binary" and masking.firmness == masking.margin == 1.0:
            return models[1:]  # shares already
        return super()._shares(models, masking)

    def header(self) -> dict[str, Any]:
        own = {} if self.masking == Masking() else {"masking": self.masking.record()}
        return {"names": list(self.names), "grid": self.grid.model_dump(), **own}

    def arrays(self) -> dict[str, Any]:
        return {"masks": self.values} if self.names else {}

    @classmethod
    def from_record(cls, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> Masks:
        names = [str(name) for name in header["names"]]
        grid = StftSettings.model_validate(header["grid"])
        values = arrays["masks"] if names else np.zeros((0, grid.bins, 0), dtype=np.float16)
        return cls(names, grid, values, Masking.model_validate(header.get("masking", {})))


def frozen(array: Any) -> Any:
    """A read-only view of an ndarray; anything else is given back as it is."""
    if isinstance(array, np.ndarray) and array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array
