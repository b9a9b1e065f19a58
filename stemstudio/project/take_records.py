"""Takes and opinions as they lie in the project file, and back again with every value checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, JsonValue

from stemstudio.algorithms import recipe_from_record
from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.masking import Masking
from stemstudio.algorithms.pieces import Piece
from stemstudio.project.opinions import Remembered
from stemstudio.project.records import Number, Record, SoundRecord, Word, stored_estimates
from stemstudio.project.splicing import Found
from stemstudio.project.takes import Answer

MOST_TAKES = 100
MOST_BYTES = 2**30  # of the takes of a song, and of the opinions; older ones are not kept beyond it

Owners = Annotated[list[Number | None], Field(max_length=100_000)]


class PieceRecord(Record):
    """Where a selection that was taken apart has its place, and which stems go on in it."""

    offset: Number
    length: Number
    start: Number
    stop: Number
    ramp: Number
    band: tuple[float, float] | None
    children: Annotated[list[Number | None], Field(max_length=100_000)]


class TakeRecord(Record):
    """An answer; `arrays` are the numbers of its large arrays by name."""

    stem: Number
    recipe: dict[str, JsonValue]
    kind: Word
    header: dict[str, JsonValue]
    arrays: dict[str, Number]
    stems: Annotated[list[Word], Field(max_length=100_000)]
    owners: Owners
    seconds: Annotated[float, Field(ge=0)] = 0.0
    piece: PieceRecord | None = None

    @classmethod
    def of(cls, answer: Answer, arrays: Mapping[str, int]) -> TakeRecord:
        found = answer.found
        piece = None
        if found is not None:
            own = found.piece
            piece = PieceRecord(
                offset=own.offset,
                length=own.length,
                start=own.start,
                stop=own.stop,
                ramp=own.ramp,
                band=own.band,
                children=list(found.children),
            )
        return cls(
            stem=answer.stem,
            recipe=answer.recipe.record(),
            kind=answer.estimates.kind,
            header=answer.estimates.header(),
            arrays=dict(arrays),
            stems=[word[:500] for word in answer.stems],
            owners=list(answer.owners),
            seconds=answer.seconds,
            piece=piece,
        )

    def answer(self, array: Callable[[int, tuple[float, float]], Any], sound: SoundRecord) -> Answer:
        """The answer, with its arrays as `array(number, bounds)` gives them; ValueError where anything does not fit."""
        recipe = recipe_from_record(self.recipe)
        estimates = stored_estimates(self.kind, self.header, self.arrays, array, sound)
        stems, owners = tuple(self.stems), tuple(self.owners)
        if len(owners) != len(estimates.names):
            raise ValueError("a take has parts that are not there")
        if any(owner is not None and owner >= len(stems) for owner in owners):
            raise ValueError("parts of a take belong to stems that are not there")
        found = None
        if self.piece is not None:
            own = self.piece
            if own.offset + own.length > sound.length + 10 * sound.sample_rate:
                raise ValueError("a selection that was taken apart lies beyond the song")
            if len(own.children) != len(stems):
                raise ValueError("a take goes on in stems that are not there")
            piece = Piece(recipe, estimates, own.offset, own.length, own.start, own.stop, own.ramp, own.band)
            found = Found(piece, stems, owners, tuple(own.children))
        return Answer(self.stem, recipe, estimates, stems, owners, found, self.seconds)


class TakesRecord(Record):
    """All that are kept, in the order in which they were made."""

    takes: list[TakeRecord] = Field(default_factory=list, max_length=MOST_TAKES)


class OpinionRecord(Record):
    """Another answer to whose the sound of a stem is."""

    title: Word
    answer: TakeRecord
    masking: dict[str, JsonValue] | None = None
    before: bool = False

    def remembered(self, array: Callable[[int, tuple[float, float]], Any], sound: SoundRecord) -> Remembered:
        """The opinion, with its arrays as `array(number, bounds)` gives them; ValueError where anything does not fit."""
        masking = None if self.masking is None else Masking.model_validate(self.masking)
        return Remembered(self.title, self.answer.answer(array, sound), masking, self.before)


class OpinionsRecord(Record):
    """All that are kept, the oldest first."""

    opinions: list[OpinionRecord] = Field(default_factory=list, max_length=MOST_TAKES)


Arrays = Callable[[Estimates], Mapping[str, int]]


def takes_text(answers: Sequence[Answer], arrays: Arrays) -> str:
    """Takes as JSON: the newest of them, as many as may lie in a project's file."""
    kept = answers[len(answers) - _newest(answers) :]
    return TakesRecord(takes=[TakeRecord.of(one, arrays(one.estimates)) for one in kept]).model_dump_json()


def opinions_text(opinions: Sequence[Remembered], arrays: Arrays) -> str:
    """Opinions as JSON: the newest of them, as many as may lie in a project's file."""
    kept = opinions[len(opinions) - _newest([one.answer for one in opinions]) :]
    records = [
        OpinionRecord(
            title=one.title[:500],
            answer=TakeRecord.of(one.answer, arrays(one.answer.estimates)),
            masking=None if one.masking is None else one.masking.record(),
            before=one.before,
        )
        for one in kept
    ]
    return OpinionsRecord(opinions=records).model_dump_json()


def _newest(answers: Sequence[Answer]) -> int:
    """How many of them, from the end, may lie in a project's file."""
    size = 0
    for count, answer in enumerate(reversed(answers)):
        size += sum(int(array.nbytes) for array in answer.estimates.arrays().values())
        if count == MOST_TAKES or size > MOST_BYTES:
            return count
    return len(answers)
