"""`stemstudio evaluate`: how near stems come to the true ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from stemstudio.cli.console import answer, show_table, tell, working
from stemstudio.errors import StemStudioError

if TYPE_CHECKING:
    from stemstudio.framewise_evaluation import Course

SOURCES = ("SDR", "SIR", "SAR", "SI-SDR", "plain SDR")
SHORTEST, LONGEST = 0.001, 86400.0  # seconds of a window
IMAGES = ("SDR", "ISR", "SIR", "SAR")


def evaluate(
    reference: Annotated[
        Path, typer.Option(help="Folder of the true stems, such as vocals.flac.", metavar="DIR")
    ],
    estimate: Annotated[Path, typer.Option(help="Folder of the stems to be scored.", metavar="DIR")],
    match: Annotated[
        Literal["name", "best"],
        typer.Option(help="Which belongs to which: by file name, or by what fits best."),
    ] = "name",
    images: Annotated[
        bool,
        typer.Option("--images", help="Score stems with all channels as images: SDR, ISR (place), SIR, SAR."),
    ] = False,
    window: Annotated[
        float | None,
        typer.Option(
            min=SHORTEST,
            max=LONGEST,
            help="Score window by window, of so many seconds, and tell the medians.",
            metavar="SECONDS",
        ),
    ] = None,
    hop: Annotated[
        float | None,
        typer.Option(
            min=SHORTEST,
            max=LONGEST,
            help="From one window to the next; as long as a window if not given.",
            metavar="SECONDS",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Score stems against the true ones.

    SDR, SIR and SAR are those of BSSEval v3 for sources, on the mean of the channels; SI-SDR and plain SDR are
    taken over all channels. With --images they are those for images, which count a wrong place too. All in dB.
    With --window 1 they are medians over windows of a second, as separation campaigns report them.
    """
    from stemstudio.evaluation import Figures, Measure, scores
    from stemstudio.framewise_evaluation import framewise
    from stemstudio.image_evaluation import image_scores
    from stemstudio.stem_folders import read_folders

    if hop is not None and window is None:
        raise StemStudioError("A hop is the way from one window to the next.", "Say --window SECONDS, too.")
    measure: Measure = image_scores if images else scores
    found: Mapping[str, Figures]
    courses: Mapping[str, Course] = {}
    with working("Comparing") as progress:
        audio = read_folders(reference, estimate, progress=progress.part(0, 0.4))
        references, estimates = ({name: each.samples for name, each in stems.items()} for stems in audio)
        rate = next(iter(audio[0].values())).sample_rate
        rest = progress.part(0.4, 1)
        if window is None:
            found = measure(references, estimates, match=match, progress=rest)
        else:
            lengths = [max(1, round(seconds * rate)) for seconds in (window, hop or window)]
            found = courses = framewise(
                measure, references, estimates, window=lengths[0], hop=lengths[1], match=match, progress=rest
            )
    if json:
        told: dict[str, dict[str, Any]] = {
            name: {"estimate": score.estimate, **score.as_json()} for name, score in found.items()
        }
        for name, course in courses.items():
            told[name]["windows"] = _by_figure(course, rate)
        answer(told)
        return
    rows = [
        (
            name if name == score.estimate else f"{name} ({score.estimate})",
            *map(_decibels, score.figures.values()),
        )
        for name, score in found.items()
    ]
    show_table(("stem", *(IMAGES if images else SOURCES)), rows, numbers=True)
    for course in list(courses.values())[:1]:
        tell(f"Medians over the {course.counted} of {len(course.starts)} windows in which every stem sounds.")


def _by_figure(course: Course, rate: int) -> dict[str, list[float | None]]:
    """Where each window starts, in seconds, and each figure in all of them."""
    windows = [window.as_json() for window in course.windows]
    return {
        "start": [start / rate for start in course.starts],
        **{name: [window[name] for window in windows] for name in windows[0]},
    }


def _decibels(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.2f}".replace("inf", "∞")
