"""The template library: a folder of template files, each known by the name inside it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stemstudio.algorithms.nmf.template_files import SUFFIX, read_template, write_template
from stemstudio.algorithms.nmf.templates import BadTemplate, TemplateSet, checked_name, together
from stemstudio.audio.targets import why
from stemstudio.errors import StemStudioError, UnwritableFile

FOLDER_VARIABLE = "STEMSTUDIO_TEMPLATES"
MOST_FILES = 2000


def library_folder() -> Path:
    """Where templates are kept: the folder that STEMSTUDIO_TEMPLATES names, or one among the user's data."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("StemStudio", appauthor=False)) / "templates"


class NoSuchTemplate(BadTemplate):
    """A name that nothing in the library has."""


@dataclass(frozen=True)
class Entry:
    """One file of the library.

    Attributes
    ----------
    path
        The file.
    templates
        What it holds.
    """

    path: Path
    templates: TemplateSet

    @property
    def name(self) -> str:
        return self.templates.name


class TemplateLibrary:
    """The templates in a folder; names differ by more than upper and lower case.

    Every call looks at the folder anew: another window, or a person with a file manager, may have been there.

    Parameters
    ----------
    folder
        `library_folder()` if not given. Made when something is added.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = library_folder() if folder is None else folder

    def entries(self) -> tuple[list[Entry], list[StemStudioError]]:
        """Everything that can be read, by name, and what is wrong with the files that cannot."""
        found: list[Entry] = []
        problems: list[StemStudioError] = []
        for path in self._files():
            try:
                found.append(Entry(path, read_template(path)))
            except StemStudioError as error:
                problems.append(error)
        return sorted(found, key=lambda entry: (entry.name.casefold(), entry.path.name)), problems

    def find(self, name: str) -> Entry:
        """The entry of that name; `NoSuchTemplate` says what there is."""
        entries, _ = self.entries()
        wanted = " ".join(name.split()).casefold()
        for entry in entries:
            if entry.name.casefold() == wanted:
                return entry
        known = ", ".join(entry.name for entry in entries)
        raise NoSuchTemplate(
            f"There is no template “{name}”.",
            f"There are: {known}." if known else "The library is empty: learn one first, or import a file.",
        )

    def check_free(self, name: str) -> None:
        """`BadTemplate` where the name is taken."""
        there = self._of_name(name)
        if there is not None:
            raise BadTemplate(
                f"There is a template “{there.name}” in the library already.",
                "Choose another name, or replace it.",
            )

    def add(self, templates: TemplateSet, *, replacing: bool = False) -> Entry:
        """Keep a template set; `BadTemplate` where its name is taken and may not be replaced."""
        there = self._of_name(templates.name)
        if not replacing:
            self.check_free(templates.name)
        self._make_folder()
        path = there.path if there is not None else self._free_path(templates.name)
        write_template(path, templates, overwrite=there is not None)
        return Entry(path, templates)

    def remove(self, name: str) -> None:
        """Delete an entry's file."""
        path = self.find(name).path
        try:
            path.unlink()
        except OSError as error:
            raise UnwritableFile(path, why(error)) from error

    def rename(self, name: str, new: str, instrument: str | None = None) -> Entry:
        """Give an entry another name, and another instrument if one is said; the file keeps its own name."""
        entry, new = self.find(name), checked_name(new)
        other = self._of_name(new)
        if other is not None and other.path != entry.path:
            raise BadTemplate(
                f"There is a template “{other.name}” in the library already.", "Choose another name."
            )
        templates = replace(
            entry.templates,
            name=new,
            instrument=entry.templates.instrument if instrument is None else instrument.strip(),
        )
        write_template(entry.path, templates, overwrite=True)
        return Entry(entry.path, templates)

    def bring_in(self, path: Path, *, replacing: bool = False) -> Entry:
        """Add the template set in somebody's file."""
        return self.add(read_template(path), replacing=replacing)

    def resolve(self, words: str) -> tuple[TemplateSet, ...]:
        """The template sets that a list of names and files says, such as `Kick, ~/shared/Snare.template`.

        Raises
        ------
        BadTemplate
            Where one is not there or cannot be read, or two have the same name.
        """
        wanted = [word.strip() for word in words.split(",") if word.strip()]
        entries = self.entries()[0] if wanted else []
        by_name = {entry.name.casefold(): entry.templates for entry in entries}
        found = []
        for word in wanted:
            if word.casefold() in by_name:
                found.append(by_name[word.casefold()])
            elif word.lower().endswith(SUFFIX) or os.sep in word or "/" in word:
                found.append(read_template(Path(word)))
            else:
                found.append(self.find(word).templates)
        return together(found)

    def _of_name(self, name: str) -> Entry | None:
        entries, _ = self.entries()
        return next((entry for entry in entries if entry.name.casefold() == name.casefold()), None)

    def _files(self) -> Sequence[Path]:
        try:
            files = [path for path in self.folder.iterdir() if path.suffix.lower() == SUFFIX]
        except OSError:
            return []  # it is made when something is added
        return sorted(path for path in files if not path.is_dir())[:MOST_FILES]

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnwritableFile(self.folder, why(error)) from error

    def _free_path(self, name: str) -> Path:
        """A name for a file that every system takes, and that is not taken."""
        plain = re.sub(r"[^\w\- ]+", "", name).strip()[:60] or "template"
        if re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", plain):
            plain += " template"
        for number in range(1, MOST_FILES + 2):
            path = self.folder / f"{plain}{'' if number == 1 else f' {number}'}{SUFFIX}"
            if not path.exists():
                return path
        raise UnwritableFile(self.folder, "the library is full")
