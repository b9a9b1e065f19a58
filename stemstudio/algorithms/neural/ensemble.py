"""Ensemble: several models take the same song apart, and their stems become one: what one gets wrong, others outvote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import field_validator

from stemstudio.algorithms.algorithm import parameter
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural.blending import Member, common_stems, mean, ordered
from stemstudio.algorithms.neural.by_name import RUNS
from stemstudio.algorithms.neural.catalogue import MODELS, Model
from stemstudio.algorithms.neural.forward import Precision
from stemstudio.algorithms.neural.own_models import every_model
from stemstudio.algorithms.neural.parameters import (
    LOADING,
    DeviceName,
    device_parameter,
    precision_parameter,
)
from stemstudio.algorithms.neural.segments import with_range
from stemstudio.algorithms.neural.separation import stems_named
from stemstudio.algorithms.neural.weights import weights_of
from stemstudio.algorithms.streaming import Playhead, SoFar, Streaming, at_the_start
from stemstudio.audio.audio import Sound
from stemstudio.audio.sample_store import SampleStore, frozen
from stemstudio.errors import BadRecipe
from stemstudio.progress import Progress

BLOCK = 2**20  # samples blended at a time
BLENDED = 0.97  # of the work is that of the models
MOST = 16


class Ensemble(Streaming):
    """Several models one after another, and their stems as one."""

    name: ClassVar[str] = "ensemble"
    title: ClassVar[str] = "Several models (ensemble)"
    summary: ClassVar[str] = (
        "Runs several models and joins their stems: steadier than any of them alone, as slow as all together."
    )
    speed: ClassVar[float] = 1.5
    context: ClassVar[float] = 4.0
    masked: ClassVar[bool] = False

    members: str = parameter(
        "htdemucs, umxhq",
        "Which models, with a colon and a number for how much one counts: “htdemucs_ft:2, umxl”",
        max_length=400,
    )
    how: Literal["mean", "median", "smallest", "largest"] = parameter(
        "mean",
        "How their stems become one: the weighted mean of the waves, or in every bin of the spectrum the middle, the "
        "smallest or the largest of their magnitudes",
    )
    stems: str = parameter(
        "",
        "Only these stems, such as “vocals”: all else stays together in the residual; empty takes all",
        max_length=200,
    )
    shifts: int = parameter(
        1,
        "How often each model separates at slightly shifted times, where it knows how: slower, a little better",
        unit="times",
        ge=0,
        le=20,
        advanced=True,
    )
    device: DeviceName = device_parameter()
    precision: Precision = precision_parameter()

    @field_validator("members")
    @classmethod
    def _understood(cls, members: str) -> str:
        _named(members)
        return members

    @property
    def called(self) -> str:
        asked = self.stems.strip()
        names = (MODELS[name].title if name in MODELS else name for name, _ in _named(self.members))
        return f"{asked or 'Stems'} ({' + '.join(names)})"

    @property
    def models(self) -> tuple[str, ...]:
        names = [name for name, _ in _named(self.members)]
        return tuple(name for name in names if name in MODELS)

    @property
    def effort(self) -> float:
        return len(_named(self.members)) / 2

    def run(self, signal: Sound, progress: Progress, playhead: Playhead = at_the_start) -> Waveforms:
        """The joined stems as waveforms of the song's own rate, channels and length.

        A mean is handed on while the last model runs; what goes by magnitudes, at the end.
        """
        progress(0.0, LOADING)
        chosen = _chosen(self.members)
        common = common_stems([model.stems for model, _ in chosen])
        wanted = stems_named(self.stems, common)
        room = SampleStore(len(wanted) * signal.channels, max(1, signal.length)).array[:, : signal.length]
        room = room.reshape(len(wanted), signal.channels, signal.length)
        result = Waveforms(wanted, frozen(room))
        there: list[Member] = []
        told: list[tuple[int, int]] = []
        said: list[object] = []  # once, though it holds for each of them

        def blend(members: Sequence[Member], start: int, stop: int) -> None:
            for row, stem in zip(room, wanted, strict=True):
                if self.how == "mean":
                    row[:, start:stop] = mean(members, stem, common, start, stop)
                else:
                    row[:, start:stop] = ordered(
                        members, stem, common, self.how, start, stop, signal.sample_rate
                    )

        for number, (model, weight) in enumerate(chosen):
            last = number == len(chosen) - 1

            def so_far(found: object, weight: float = weight, last: bool = last) -> None:
                if not isinstance(found, SoFar):
                    if found not in said:
                        said.append(found)
                        progress.hand_on(found)
                    return
                if not last or self.how != "mean":
                    return
                for start, stop in found.done:
                    for low, high in _without((start, stop), told):
                        blend([*there, Member(found.estimates, weight)], low, high)
                    told[:] = with_range(told, (start, stop))
                progress.hand_on(SoFar(result, tuple(told)))

            part = progress.part(
                BLENDED * number / len(chosen), BLENDED * (number + 1) / len(chosen), hand_on=so_far
            )
            there.append(Member(self._member(model).run(signal, part, playhead), weight))
        done = progress.part(BLENDED, 1.0)
        for start in range(0, signal.length, BLOCK):
            done(start / signal.length, "joining the stems")
            blend(there, start, min(signal.length, start + BLOCK))
        progress(1.0)
        return result

    def _member(self, model: Model) -> Streaming:
        kind = RUNS[model.family]
        settings = {"model": model.name}
        own = {name: getattr(self, name) for name in ("shifts", "device", "precision")}
        settings |= {name: value for name, value in own.items() if name in kind.model_fields}
        recipe = kind.from_settings(settings)
        assert isinstance(recipe, Streaming)
        return recipe


def _named(members: str) -> list[tuple[str, float]]:
    """Names and weights; ValueError where they are none."""
    found = []
    for word in filter(None, (word.strip() for word in members.split(","))):
        name, colon, weight = word.partition(":")
        try:
            value = float(weight) if colon else 1.0
        except ValueError:
            value = 0.0
        if not 0.0 < value <= 1000.0:
            raise ValueError(f"“{word[:80]}” does not say how much a model counts; say it as in “htdemucs:2”")
        found.append((name.strip(), value))
    if not 1 <= len(found) <= MOST:
        raise ValueError(f"1 to {MOST} models can be joined, not {len(found)}")
    return found


def _chosen(members: str) -> list[tuple[Model, float]]:
    """The models themselves, all of them here; an error in one sentence otherwise."""
    models, found = every_model(), []
    for name, weight in _named(members):
        if name not in models:
            raise BadRecipe(f"There is no model “{name[:80]}”.", f"There are: {', '.join(models)}.")
        weights_of(models[name])
        found.append((models[name], weight))
    return found


def _without(span: tuple[int, int], gone: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of a range lies in none of the others, which are in order."""
    left, start = [], span[0]
    for low, high in gone:
        if high <= start or low >= span[1]:
            continue
        if low > start:
            left.append((start, low))
        start = max(start, high)
    if start < span[1]:
        left.append((start, span[1]))
    return left
