"""Names of exported files: from a template, and safe on Windows, macOS and Linux alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from stemstudio.errors import StemStudioError

FIELDS = ("song", "stem", "number")
LONGEST = 200  # bytes of UTF-8; file systems take 255, and `.part` and a suffix come behind it
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)


def filled(template: str, *, song: str, stem: str, number: int) -> str:
    """A template such as `{song} - {stem}` with its fields filled in.

    Raises
    ------
    StemStudioError
        If it asks for a field that there is not, or for a path: fields with a slash in them are made safe, but whoever
        writes one down means another folder.
    """
    if re.search(r"[/\\]", template):
        raise StemStudioError(
            "A file name cannot have / or \\ in it: all files go into the one folder.",
            "Choose that folder instead.",
        )

    def value(match: re.Match[str]) -> str:
        values = {"song": song, "stem": stem, "number": f"{number:02}"}
        if match[1] not in values:
            listed = ", ".join(f"{{{field}}}" for field in FIELDS)
            raise StemStudioError(f"A file name cannot have {{{match[1]}}} in it.", f"There are {listed}.")
        return values[match[1]]

    return re.sub(r"\{([^{}]*)\}", value, template)


def safe_name(words: str, suffix: str = "") -> str:
    """Words as a file name that every system takes: no path, nothing forbidden or reserved, not too long.

    Parameters
    ----------
    suffix
        Comes behind it unchanged, with its dot.
    """
    name = unicodedata.normalize("NFC", words).encode("utf-8", "replace").decode("utf-8")
    name = FORBIDDEN.sub("_", name).strip().rstrip(". ")
    if name.startswith("."):
        name = "_" + name[1:]  # no hidden files
    name = _cut(name, LONGEST) or "sound"
    if RESERVED.fullmatch(name):
        name = f"_{name}"
    return name + suffix


def distinct(names: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    """Safe names, with numbers behind those that a system blind to case would take for the same."""
    taken: set[str] = set()
    result = []
    for words, suffix in zip(names, suffixes, strict=True):
        base, count = safe_name(words), 1
        name = base + suffix
        while name.casefold() in taken:
            count += 1
            name = f"{_cut(base, LONGEST - 6)} {count}{suffix}"
        taken.add(name.casefold())
        result.append(name)
    return result


def _cut(name: str, most: int) -> str:
    """As much of a name as fits in so many bytes, whole characters only."""
    return name.encode("utf-8")[:most].decode("utf-8", "ignore").rstrip(". ")
