"""`stemstudio evaluate`: how near stems come to the true ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from stemstudio.cli.console import answer, show_table, working

SOURCES = ("SDR", "SIR", "SAR", "SI-SDR", "plain SDR")
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
    json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Score stems against the true ones.

    SDR, SIR and SAR are those of BSSEval v3 for sources, on the mean of the channels; SI-SDR and plain SDR are
    taken over all channels. With --images they are those for images, which count a wrong place too. All in dB.
    """
    from stemstudio.evaluation import Figures, evaluate_folders

    scores: Mapping[str, Figures]
    with working("Comparing") as progress:
        if images:
            from stemstudio.image_evaluation import evaluate_images

            scores = evaluate_images(reference, estimate, match=match, progress=progress)
        else:
            scores = evaluate_folders(reference, estimate, match=match, progress=progress)
    if json:
        answer({name: score.as_json() for name, score in scores.items()})
        return
    rows = [
        (
            name if name == score.estimate else f"{name} ({score.estimate})",
            *map(_decibels, score.figures.values()),
        )
        for name, score in scores.items()
    ]
    show_table(("stem", *(IMAGES if images else SOURCES)), rows, numbers=True)


def _decibels(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.2f}".replace("inf", "∞")
