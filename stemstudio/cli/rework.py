"""`stemstudio atoms`: the atoms of a saved project listed, improved, drawn anew, split, merged and deleted."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stemstudio.cli.console import answer, say, show_table, tell, working
from stemstudio.cli.options import Json, Song
from stemstudio.errors import StemStudioError

if TYPE_CHECKING:
    from stemstudio.progress import Progress
    from stemstudio.project.project import State
    from stemstudio.project.reworking import ReworkedSplit

HELP = """Work on the atoms of a saved project, as “Work on them” above the atoms of the window does.

Atoms are told by their numbers, as “stemstudio atoms list” shows them: 1-4, 7. Whose they are and their locks stay."""

ProjectFile = Annotated[Path, typer.Argument(help="The project's file.", metavar="PROJECT")]
Atoms = Annotated[str, typer.Argument(help="Their numbers, such as 1-4, 7.", metavar="ATOMS")]
Out = Annotated[Path, typer.Option(help="The changed project's file.", metavar="PROJECT")]
OfStem = Annotated[
    str,
    typer.Option("--stem", help="Whose atoms, where more than the song is in atoms.", metavar="NAME"),
]
Replace = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")]


def atoms() -> typer.Typer:
    """The commands about atoms, in the order of the help."""
    app = typer.Typer(help=HELP, rich_markup_mode=None, subcommand_metavar="COMMAND …", no_args_is_help=True)
    for name, command in (
        ("list", list_),
        ("continue", continue_),
        ("anew", anew),
        ("split", split),
        ("merge", merge),
        ("delete", delete),
    ):
        app.command(name, options_metavar="[OPTIONS]")(command)
    return app


def list_(project: ProjectFile, stem: OfStem = "", json: Json = False) -> None:
    """List the atoms of a project: their numbers, names, stems and locks."""
    from stemstudio.project.opening import open_project

    opened = open_project(project)
    try:
        state = opened.project.state
        parent = _parent(state, stem, project)
        whole = state.splits[parent]
        rows = [
            (str(part + 1), name, state.stems[owner].name, "locked" if part in whole.locked else "")
            for part, (name, owner) in enumerate(zip(whole.estimates.names, whole.owners, strict=True))
        ]
        if json:
            found = [{"atom": int(n), "name": name, "stem": of, "locked": bool(k)} for n, name, of, k in rows]
            answer({"of": state.stems[parent].name, "atoms": found})
            return
        show_table(("atom", "name", "stem", ""), rows)
    finally:
        opened.storage.close()


def continue_(
    project: ProjectFile,
    out: Out,
    rounds: Annotated[
        int, typer.Option(help="How many more rounds.", min=1, max=10_000, metavar="ROUNDS")
    ] = 100,
    stem: OfStem = "",
    song: Song = None,
    overwrite: Replace = False,
    json: Json = False,
) -> None:
    """Improve all atoms from where they are."""

    def work(state: State, parent: int, progress: Progress) -> tuple[ReworkedSplit, str]:
        from stemstudio.algorithms.parameters import counted
        from stemstudio.project.reworking import go_on

        return go_on(state, parent, rounds, progress), counted(rounds, "more rounds")

    _change(work, project, out, stem, song, overwrite, json)


def anew(
    project: ProjectFile,
    out: Out,
    keep: Annotated[
        str, typer.Option(help="Atoms that stay; the locked ones by default.", metavar="ATOMS")
    ] = "",
    seed: Annotated[
        int | None, typer.Option(help="Which chance it is; the next one by default.", min=0, max=2**31 - 1)
    ] = None,
    stem: OfStem = "",
    song: Song = None,
    overwrite: Replace = False,
    json: Json = False,
) -> None:
    """Keep some atoms just as they are, and find all others anew."""

    def work(state: State, parent: int, progress: Progress) -> tuple[ReworkedSplit, str]:
        from stemstudio.project.reworking import draw_anew, drawn_anew, kept_atoms

        whole = state.splits[parent]
        kept = _numbers(keep, len(whole.owners)) if keep else kept_atoms(whole, ())
        return draw_anew(
            state, parent, kept, progress, seed
        ), f"Draw {_counted(drawn_anew(whole, kept))} anew"

    _change(work, project, out, stem, song, overwrite, json)


def split(
    project: ProjectFile,
    atom: Annotated[int, typer.Argument(help="Its number.", min=1, metavar="ATOM")],
    out: Out,
    stem: OfStem = "",
    song: Song = None,
    overwrite: Replace = False,
    json: Json = False,
) -> None:
    """Make two of an atom that holds two sounds."""

    def work(state: State, parent: int, progress: Progress) -> tuple[ReworkedSplit, str]:
        from stemstudio.project.reworking import split_atom

        (number,) = _numbers(str(atom), len(state.splits[parent].owners))
        return split_atom(state, parent, number, progress), f"Split atom {atom} in two"

    _change(work, project, out, stem, song, overwrite, json)


def merge(
    project: ProjectFile,
    numbers: Atoms,
    out: Out,
    stem: OfStem = "",
    song: Song = None,
    overwrite: Replace = False,
    json: Json = False,
) -> None:
    """Make one of several atoms."""

    def work(state: State, parent: int, progress: Progress) -> tuple[ReworkedSplit, str]:
        from stemstudio.project import reworking

        chosen = _numbers(numbers, len(state.splits[parent].owners))
        return reworking.merge(state, parent, chosen, progress), f"Merge {_counted(len(chosen))}"

    _change(work, project, out, stem, song, overwrite, json)


def delete(
    project: ProjectFile,
    numbers: Atoms,
    out: Out,
    stem: OfStem = "",
    song: Song = None,
    overwrite: Replace = False,
    json: Json = False,
) -> None:
    """Take atoms away; those that sound in the same place get their light. Locked ones stay."""

    def work(state: State, parent: int, progress: Progress) -> tuple[ReworkedSplit, str]:
        from stemstudio.project import reworking

        split = state.splits[parent]
        chosen = _numbers(numbers, len(split.owners))
        going = chosen - split.locked
        if not going:
            raise StemStudioError("Locked atoms stay.", "Unlock them in the window first.")
        if going != chosen:
            say(f"{_counted(len(chosen - going))} stayed, being locked.")
        return reworking.delete(state, parent, going, progress), f"Delete {_counted(len(going))}"

    _change(work, project, out, stem, song, overwrite, json)


def _change(
    work: Callable[[State, int, Progress], tuple[ReworkedSplit, str]],
    project: Path,
    out: Path,
    stem: str,
    song: Path | None,
    overwrite: bool,
    json: bool,
) -> None:
    """The project with one more step, written to a file of its own."""
    from stemstudio.audio.targets import check_name
    from stemstudio.cli.opened import opened_with_song

    check_name(out, overwrite)
    began = time.monotonic()
    with (
        working(f"Working on the atoms of {project.name}") as progress,
        opened_with_song(project, song, progress.part(0.0, 0.3)) as (opened, _),
    ):
        state = opened.project.state
        parent = _parent(state, stem, project)
        done, name = work(state, parent, progress.part(0.3, 0.9))
        edit = done.kept(opened.storage.keep, progress.part(0.9, 0.95)).edit(state, parent, name)
        opened.history.do(edit)
        opened.storage.save(out, progress.part(0.95, 1.0))
    told: dict[str, Any] = {
        "project": str(out),
        "step": edit.name,
        "atoms": len(done.origins),
        "from": [None if origin is None else origin + 1 for origin in done.origins],
        "seconds": round(time.monotonic() - began, 3),
    }
    if json:
        answer(told)
        return
    tell(f"{out}: {edit.name}; {_counted(len(done.origins))}.")


def _parent(state: State, word: str, project: Path) -> int:
    """The stem whose atoms are meant: the one of that name, else the song, else the only one that is in atoms."""
    from stemstudio.project.reworking import places
    from stemstudio.project.stem import MIXTURE

    found = [parent for parent, split in state.splits.items() if places(split)]
    if not found:
        raise StemStudioError(
            f"There are no atoms in “{project.name}” that can be worked on.",
            "Take the song or a stem apart with Atoms (NMF).",
        )
    if word:
        named = [parent for parent in found if state.stems[parent].name.casefold() == word.casefold()]
        if len(named) != 1:
            names = ", ".join(f"“{state.stems[parent].name}”" for parent in found)
            raise StemStudioError(f"“{word}” is not in atoms.", f"In atoms: {names}.")
        return named[0]
    if MIXTURE in found:
        return MIXTURE
    if len(found) > 1:
        names = ", ".join(f"“{state.stems[parent].name}”" for parent in found)
        raise StemStudioError("More than one stem is in atoms.", f"Say which with --stem: {names}.")
    return found[0]


def _numbers(words: str, atoms: int) -> frozenset[int]:
    from stemstudio.algorithms.nmf.per_atom import atom_numbers

    try:
        return atom_numbers(words, atoms, "The command")
    except ValueError as error:
        raise StemStudioError(f"{error}.") from None


def _counted(count: int) -> str:
    return "1 atom" if count == 1 else f"{count} atoms"
