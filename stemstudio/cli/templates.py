"""`stemstudio templates`: the library of taught sounds – list, learn, show, rename, remove, export, import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stemstudio.cli.console import answer, say, show_table, tell, working
from stemstudio.cli.options import Channels, Json, Overwrite, channel_choice

if TYPE_CHECKING:
    from stemstudio.algorithms.nmf.template_library import Entry

HELP = """Sounds that were taught: learn them from examples, keep them, share them.

They are used as in: stemstudio separate SONG --algorithm nmf --set templates=Kick,Snare --set hold_templates=true"""

Name = Annotated[str, typer.Argument(help="Its name, as “stemstudio templates list” shows it.")]


def templates() -> typer.Typer:
    """The commands about templates, in the order of the help."""
    app = typer.Typer(help=HELP, rich_markup_mode=None, subcommand_metavar="COMMAND …", no_args_is_help=True)
    for name, command in (
        ("list", list_),
        ("learn", learn),
        ("show", show),
        ("rename", rename),
        ("remove", remove),
        ("export", export),
        ("import", import_),
    ):
        app.command(name, options_metavar="[OPTIONS]")(command)
    return app


def list_(json: Json = False) -> None:
    """List the templates in the library."""
    from stemstudio.algorithms.nmf.template_library import TemplateLibrary

    library = TemplateLibrary()
    entries, problems = library.entries()
    for problem in problems:
        say(str(problem))
    if json:
        answer({entry.name: _described(entry) for entry in entries})
        return
    if not entries:
        tell(f"There are no templates yet in {library.folder}. “stemstudio templates learn” learns one.")
        return
    rows = [
        (
            entry.name,
            entry.templates.instrument,
            str(entry.templates.atoms),
            f"{entry.templates.sample_rate} Hz",
            entry.templates.learned,
            entry.templates.source,
        )
        for entry in entries
    ]
    show_table(("name", "instrument", "atoms", "from", "learned", "source"), rows)


def learn(
    file: Annotated[Path, typer.Argument(help="A song, a stem, a single hit.", metavar="FILE")],
    name: Annotated[str, typer.Option(help="What to call the sound.", metavar="NAME")],
    instrument: Annotated[str, typer.Option(help="A word for what it is.", metavar="WORD")] = "",
    start: Annotated[
        float, typer.Option(help="Where the example begins, in seconds.", min=0.0, metavar="S")
    ] = 0.0,
    stop: Annotated[
        float | None, typer.Option(help="Where it ends; the end of the file by default.", metavar="S")
    ] = None,
    low: Annotated[
        float | None, typer.Option(help="Lowest frequency that belongs to it, in Hz.", metavar="HZ")
    ] = None,
    high: Annotated[float | None, typer.Option(help="Highest frequency.", metavar="HZ")] = None,
    atoms: Annotated[
        int,
        typer.Option(
            help="How many atoms: 1 for one hit, more for a sound that changes; 0 takes what the example asks for.",
            min=0,
            metavar="N",
        ),
    ] = 0,
    fft: Annotated[int, typer.Option(help="Length of a slice, in samples.", metavar="N")] = 4096,
    channels: Channels = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Learn a template from a file, or from a stretch of it, and keep it in the library."""
    from stemstudio.algorithms.nmf.learning import Example, learn_templates
    from stemstudio.algorithms.nmf.template_library import TemplateLibrary
    from stemstudio.algorithms.nmf.templates import checked_name
    from stemstudio.audio.reading import decode, probe
    from stemstudio.errors import StemStudioError
    from stemstudio.spectral.stft import StftSettings

    name = checked_name(name)
    try:
        grid = StftSettings(fft=fft, hop=max(16, fft // 4))
    except ValueError:
        raise StemStudioError(
            f"A slice of {fft} samples is not possible.", "Take a power of two from 64 to 65536."
        ) from None
    library = TemplateLibrary()
    if not overwrite:
        library.check_free(name)
    info = probe(file)
    choice = channel_choice(channels, info)
    with working(f"Opening {file.name}") as progress:
        audio = decode(info, progress.part(0.0, 0.2), channels=choice, on_note=say)
        stretch = f", {start:.2f}–{audio.duration if stop is None else stop:.2f} s"
        found = learn_templates(
            audio,
            name,
            example=Example(start, stop, low, high),
            instrument=instrument,
            atoms=atoms,
            grid=grid,
            source=file.name + (stretch if start or stop is not None else ""),
            progress=progress.part(0.2, 1.0),
        )
    entry = library.add(found, replacing=overwrite)
    if json:
        answer(_described(entry))
    else:
        tell(
            f"Learned “{entry.name}” with {_count(found.atoms)}. Use it as in: stemstudio separate SONG "
            f"--algorithm nmf --set templates={_quoted(entry.name)} --set hold_templates=true --set free=16 --out DIR"
        )


def show(name: Name, json: Json = False) -> None:
    """Say what a template holds."""
    import numpy as np

    from stemstudio.algorithms.nmf.template_library import TemplateLibrary

    entry = TemplateLibrary().find(name)
    if json:
        answer(_described(entry))
        return
    each = entry.templates
    f = np.arange(each.grid.bins) * (each.sample_rate / each.grid.fft)
    tell(f"{each.name}" + (f" ({each.instrument})" if each.instrument else ""))
    tell(f"{_count(each.atoms)}, learned at {each.sample_rate} Hz in slices of {each.grid.fft} samples")
    if each.source or each.learned:
        tell(f"from {each.source or 'somewhere'}" + (f" on {each.learned}" if each.learned else ""))
    tell(f"{entry.path}")
    rows = [
        (atom, f"{f[int(column.argmax())]:.0f} Hz", f"{float((f * column).sum()):.0f} Hz")
        for atom, column in zip(each.atom_names, each.templates.T, strict=True)
    ]
    show_table(("atom", "loudest at", "centre"), rows, numbers=True)


def rename(
    name: Name,
    new: Annotated[str, typer.Argument(help="Its new name.")],
    instrument: Annotated[
        str | None, typer.Option(help="And another word for what it is.", metavar="WORD")
    ] = None,
    json: Json = False,
) -> None:
    """Give a template another name."""
    from stemstudio.algorithms.nmf.template_library import TemplateLibrary

    entry = TemplateLibrary().rename(name, new, instrument)
    if json:
        answer(_described(entry))
    else:
        tell(f"It is called “{entry.name}” now.")


def remove(name: Name, json: Json = False) -> None:
    """Delete a template from the library."""
    from stemstudio.algorithms.nmf.template_library import TemplateLibrary

    library = TemplateLibrary()
    entry = library.find(name)
    library.remove(entry.name)
    if json:
        answer({"removed": entry.name})
    else:
        tell(f"“{entry.name}” is gone.")


def export(
    name: Name,
    out: Annotated[Path, typer.Option(help="File to write, or a folder for it.", metavar="PATH")],
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write a template to a file that can be shared."""
    from stemstudio.algorithms.nmf.template_files import write_template
    from stemstudio.algorithms.nmf.template_library import TemplateLibrary

    entry = TemplateLibrary().find(name)
    path = out / entry.path.name if out.is_dir() else out
    path = write_template(path, entry.templates, overwrite=overwrite)
    if json:
        answer({"file": str(path)})
    else:
        tell(f"{entry.name}: {path}")


def import_(
    file: Annotated[Path, typer.Argument(help="A template file.", metavar="FILE")],
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Take a template file into the library."""
    from stemstudio.algorithms.nmf.template_library import TemplateLibrary

    entry = TemplateLibrary().bring_in(file, replacing=overwrite)
    if json:
        answer(_described(entry))
    else:
        tell(f"“{entry.name}” is in the library now.")


def _described(entry: Entry) -> dict[str, Any]:
    each = entry.templates
    return {
        "name": each.name,
        "instrument": each.instrument,
        "atoms": each.atoms,
        "sample_rate": each.sample_rate,
        "fft": each.grid.fft,
        "hop": each.grid.hop,
        "exponent": each.exponent,
        "preview_seconds": round(each.preview.size / each.sample_rate, 3),
        "source": each.source,
        "learned": each.learned,
        "file": str(entry.path),
    }


def _count(atoms: int) -> str:
    return f"{atoms} atom{'' if atoms == 1 else 's'}"


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name
