"""`stemstudio evaluate`: how near stems come to the true ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from stemstudio.cli.console import answer, show_table, working


def evaluate(
    reference: Annotated[
        Path, typer.Option(help="Folder of the true stems, such as vocals.flac.", metavar="DIR")
    ],
    estimate: Annotated[Path, typer.Option(help="Folder of the stems to be scored.", metavar="DIR")],
    match: Annotated[
        Literal["name", "best"],
        typer.Option(help="Which belongs to which: by file name, or by what fits best."),
    ] = "name",
    json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Score stems against the true ones.

    SDR, SIR and SAR are those of BSSEval v3; SI-SDR and plain SDR are taken over all channels. All in dB.
    """
    from stemstudio.evaluation import evaluate_folders

    with working("Comparing") as progress:
        scores = evaluate_folders(reference, estimate, match=match, progress=progress)
    if json:
        answer({name: score.as_json() for name, score in scores.items()})
        return
    rows = [
        (
            name if name == score.estimate else f"{name} ({score.estimate})",
            *(_decibels(value) for value in (score.sdr, score.sir, score.sar, score.si_sdr, score.sdr_plain)),
        )
        for name, score in scores.items()
    ]
    show_table(("stem", "SDR", "SIR", "SAR", "SI-SDR", "plain SDR"), rows, numbers=True)


def _decibels(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.2f}".replace("inf", "∞")
