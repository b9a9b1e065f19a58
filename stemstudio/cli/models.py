"""`stemstudio models`: which trained models there are, fetched, added, checked and removed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from stemstudio.cli.console import answer, say, show_table, tell, working
from stemstudio.cli.options import Json
from stemstudio.errors import StemStudioError

Name = Annotated[str, typer.Argument(help="Of a model, such as htdemucs.", metavar="NAME")]
MEGABYTE = 1_000_000


def models() -> typer.Typer:
    """The group of commands."""
    app = typer.Typer(
        help="Trained models: list, download, add, verify, remove.",
        no_args_is_help=True,
        rich_markup_mode=None,
        options_metavar="",
    )
    app.command("list", options_metavar="[OPTIONS]")(list_models)
    app.command("download", options_metavar="[OPTIONS]")(download_model)
    app.command("add", options_metavar="[OPTIONS]")(add_file)
    app.command("verify", options_metavar="[OPTIONS]")(verify_models)
    app.command("remove", options_metavar="[OPTIONS]")(remove_model)
    return app


def list_models(json: Json = False) -> None:
    """Say which models there are, and which are here."""
    from stemstudio.algorithms.neural.own_models import every_model

    found = [_told(model) for model in every_model().values()]
    if json:
        answer(found)
        return
    rows = [
        [
            each["name"],
            "here" if each["here"] else "partly here" if each["files"] or each["begun"] else "–",
            f"{each['bytes'] / MEGABYTE:.0f} MB"
            if each["here"]
            else f"≈ {each['about_megabytes']} MB"
            if each["about_megabytes"] is not None
            else "",
            each["licence"],
            " ".join(f"{stem} {value:.1f}" for stem, value in each["sdr"].items()) or "–",
            each["words"],
        ]
        for each in found
    ]
    show_table(["model", "", "size", "licence", "published SDR, dB", "what it is"], rows)
    tell(
        "“download” asks the hub how large exactly what is not here is, and says it first. BS-RoFormer and Mel-Band RoFormer are "
        "shared as a checkpoint with a YAML: get both from their makers, then “stemstudio models add FILE --config YAML”."
    )


def download_model(name: Name, json: Json = False) -> None:
    """Fetch a model's weights from the model hub."""
    from stemstudio.algorithms.neural.download import download, size_of
    from stemstudio.algorithms.neural.hub_files import begun

    model = _model(name)
    size, came = size_of(model), begun(model)
    if size:
        here = f", {came / MEGABYTE:.0f} MB of them have come already" if came else ""
        say(f"{model.name}: {size / MEGABYTE:.0f} MB to fetch{here}, licence {model.licence}.")
    with working(f"fetching {model.name}") as progress:
        paths = download(model, progress)
    if json:
        answer(_told(model))
        return
    for path in paths:
        tell(f"{path}")


def add_file(
    file: Annotated[Path, typer.Argument(help="Weights, or a folder with some.", metavar="FILE")],
    config: Annotated[
        Path | None,
        typer.Option(
            help="For a RoFormer checkpoint: the YAML that its makers give with it; found by itself beside the file.",
            metavar="YAML",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Take in weights that you have already.

    A file, or all those in a folder; a RoFormer with its YAML.
    """
    from stemstudio.algorithms.neural.weights import add, models_folder

    with working("adding weights") as progress:
        names = add(file, progress, config)
    if json:
        answer([_told(_model(name)) for name in names])
        return
    tell(f"Added weights of {', '.join(names)} to {models_folder()}.")


def verify_models(
    name: Annotated[
        str, typer.Argument(help="Of a model; all that are here by default.", metavar="[NAME]")
    ] = "",
    json: Json = False,
) -> None:
    """Hold weights against their checksums.

    They are loaded, too.
    """
    from stemstudio.algorithms.neural.own_models import every_model
    from stemstudio.algorithms.neural.weights import checked

    with working("checking weights") as progress:
        every = checked([_model(name)] if name else every_model().values(), progress)
    found = [
        {"model": each.model, "path": str(each.path), "verdict": each.verdict, "why": each.why}
        for each in every
    ]
    if json:
        answer(found)
    else:
        _tell_verdicts(found, name)
    if any(entry["verdict"] == "damaged" for entry in found):
        raise StemStudioError("Some weights are damaged.", "Remove them and fetch them again.")


def _tell_verdicts(found: list[dict[str, str]], name: str) -> None:
    words = {"whole": "whole", "unchecked": "loads; no checksum is known", "damaged": "damaged"}
    for entry in found:
        verdict = words[entry["verdict"]]
        if entry["why"] and entry["verdict"] != "damaged":
            verdict = f"{'whole' if entry['verdict'] == 'whole' else 'no checksum is known'}; {entry['why']}"
        why = entry["why"] if entry["verdict"] == "damaged" else ""
        tell(f"{entry['model']}: {verdict} – {entry['path']} {why}".rstrip())
    if not found:
        tell(
            "No weights are on this machine."
            if not name
            else f"The weights of {name} are not on this machine."
        )


def remove_model(name: Name, json: Json = False) -> None:
    """Delete a model's weights from this machine."""
    from stemstudio.algorithms.neural.weights import remove

    gone = remove(_model(name))
    if json:
        answer([str(path) for path in gone])
        return
    for path in gone:
        tell(f"Removed {path}")
    if not gone:
        tell(f"There was nothing of {name} to remove.")


def _model(name: str) -> Any:
    from stemstudio.algorithms.neural.own_models import every_model

    models = every_model()
    if name not in models:
        raise StemStudioError(f"There is no model “{name}”.", f"There are: {', '.join(models)}.")
    return models[name]


def _told(model: Any) -> Mapping[str, Any]:
    from stemstudio.algorithms.neural.hub_files import begun
    from stemstudio.algorithms.neural.weights import look_for

    files = [each.path for each in look_for(model) if each.path is not None]
    return {
        "name": model.name,
        "words": model.words,
        "stems": list(model.stems),
        "licence": model.licence,
        "sdr": dict(model.sdr),
        "source": model.source,
        "here": len(files) == len(model.networks),
        "files": [str(path) for path in files],
        "bytes": sum(path.stat().st_size for path in files),
        "begun": begun(model),
        "about_megabytes": model.about,
    }
