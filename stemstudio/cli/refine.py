"""`stemstudio refine`: the hints of a saved project taught to its splits, as the window does it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from stemstudio.cli.console import answer, tell, working
from stemstudio.cli.options import Json, Song
from stemstudio.errors import StemStudioError


def refine(
    project: Annotated[Path, typer.Argument(help="The project's file.", metavar="PROJECT")],
    out: Annotated[Path, typer.Option(help="The refined project's file.", metavar="PROJECT")],
    strength: Annotated[
        float,
        typer.Option(
            help="How firmly the other stems are kept off hinted light; 6 is firm, 1 a suggestion.",
            min=0.0,
            max=50.0,
        ),
    ] = 6.0,
    iterations: Annotated[
        int, typer.Option(help="How long to learn, in rounds.", min=1, max=10_000, metavar="ROUNDS")
    ] = 30,
    song: Song = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    json: Json = False,
) -> None:
    """Let the stems of a project learn from its hints.

    All hints are taught, also those that were learned from before.
    """
    from stemstudio.audio.targets import check_name
    from stemstudio.cli.opened import opened_with_song
    from stemstudio.project.corrections import Lesson
    from stemstudio.project.hints import laid_hints, outcome
    from stemstudio.project.refining import refine as learn
    from stemstudio.project.refining import refined

    check_name(out, overwrite)
    began = time.monotonic()
    with (
        working(f"Opening {project.name}") as progress,
        opened_with_song(project, song, progress.part(0.0, 0.3)) as (opened, _),
    ):
        state = opened.project.state
        hints = laid_hints(state)
        if not hints:
            raise StemStudioError(
                f"There are no hints in “{project.name}”.", "Paint some in the window, with the brush and X."
            )
        results = learn(state, progress.part(0.3, 0.9), Lesson(strength, iterations), again=True)
        edit = refined(state, results)
        if edit is None:
            raise StemStudioError(
                "There is nothing to learn from these hints.",
                "They lie where the song is silent, or on no stem.",
            )
        opened.history.do(edit)
        state = opened.project.state
        shares = {}
        for hint in hints:
            parent = state.stems[hint.stem].parent
            assert parent is not None
            shares[hint] = outcome(state, parent, hint, None, progress.part(0.9, 0.95))
        opened.storage.save(out, progress.part(0.95, 1.0))
    followed = sum(result.followed for result in shares.values())
    if json:
        answer(
            {
                "project": str(out),
                "step": edit.name,
                "hints": [
                    {
                        "stem": state.stems[hint.stem].name,
                        "start": round(state.strokes[hint.number].stroke.box.start, 3),
                        "share": round(result.share, 4),
                        "followed": result.followed,
                    }
                    for hint, result in shares.items()
                ],
                "seconds": round(time.monotonic() - began, 3),
            }
        )
        return
    tell(f"{out}: {edit.name}; {followed} of {len(hints)} followed.")
