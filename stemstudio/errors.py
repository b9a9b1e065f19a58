"""The errors that users meet: one sentence, and a way on."""

from __future__ import annotations

from pathlib import Path


class StemStudioError(Exception):
    """Something a person can understand and act on.

    Attributes
    ----------
    sentence
        What happened, in one sentence with the value or the file in it.
    way_on
        What to do about it; may be empty.
    """

    def __init__(self, sentence: str, way_on: str = "") -> None:
        super().__init__(f"{sentence} {way_on}".strip())
        self.sentence = sentence
        self.way_on = way_on


class UnreadableSong(StemStudioError):
    """A file that no song can be had from."""

    def __init__(self, path: Path | str, reason: str, way_on: str = "") -> None:
        super().__init__(f"“{Path(path).name}” cannot be opened: {reason}.", way_on)
        self.path = Path(path)
        self.reason = reason


class UnwritableFile(StemStudioError):
    """A file that could not be written; nothing was left in its place."""

    def __init__(self, path: Path | str, reason: str, way_on: str = "Choose another folder.") -> None:
        super().__init__(f"“{Path(path).name}” was not written: {reason}.", way_on)
        self.path = Path(path)
        self.reason = reason


class BadRecipe(StemStudioError):
    """A parameter of an algorithm that is unknown or out of its range."""


class BadProject(StemStudioError):
    """A project file that is damaged, foreign or from a newer version."""


class MissingModel(StemStudioError):
    """A neural model whose weights are not on this machine."""


class DownloadFailed(StemStudioError):
    """Weights that could not be fetched, or not be kept."""


class HubUnreachable(DownloadFailed):
    """The model hub does not answer from here."""


class NotEnoughMemory(StemStudioError):
    """Something that does not fit into the memory of what computes it."""


class CardFailed(StemStudioError):
    """A graphics card that cannot go on; the processor can."""


class CardTooSmall(NotEnoughMemory, CardFailed):
    """A graphics card that does not go on for want of memory."""


class BadModel(StemStudioError):
    """A file of weights that is damaged, or is not what its name says."""

    def __init__(
        self, path: Path | str, reason: str, way_on: str = "Put a fresh copy of the file in its place."
    ) -> None:
        super().__init__(f"The model file “{Path(path).name}” cannot be used: {reason}.", way_on)
        self.path = Path(path)


_SHORT = ("out of memory", "not enough memory", "allocate memory", "alloc_failed", "unable to allocate")


def out_of_memory(error: BaseException) -> bool:
    """Whether somebody asked for more memory than there is, in whichever way numpy, torch and drivers say it."""
    words = str(error).lower() if isinstance(error, RuntimeError) else ""
    return isinstance(error, (MemoryError, NotEnoughMemory)) or any(each in words for each in _SHORT)
