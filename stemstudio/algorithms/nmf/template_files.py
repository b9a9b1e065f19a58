"""Template files: one template set in one file that can be shared; reading trusts nothing in it.

The format is safetensors: plain numbers under names, and words beside them. Nothing in such a file can run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from stemstudio.algorithms.nmf.templates import (
    LONGEST_SOURCE,
    LONGEST_WORDS,
    BadTemplate,
    TemplateSet,
    checked_name,
)
from stemstudio.audio.targets import check_name, why, write_whole
from stemstudio.spectral.stft import StftSettings

SUFFIX = ".template"
LARGEST_FILE = 64 << 20  # bytes
FORMAT = "StemStudio template 1"


class UnreadableTemplate(BadTemplate):
    """A template file that is missing, damaged or something else."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The template file “{path.name}” cannot be used: {reason}.",
            "Take another, or ask for a fresh copy of it.",
        )
        self.path = path
        self.reason = reason


def write_template(path: Path, templates: TemplateSet, *, overwrite: bool = False) -> Path:
    """Write a template set to a file, whole or not at all; the suffix is added where there is none.

    Raises
    ------
    UnwritableFile
        With the reason; `FileExists` where there is one already and it may not be replaced.
    """
    from safetensors.numpy import save

    path = path if path.suffix.lower() == SUFFIX else path.with_name(path.name + SUFFIX)
    check_name(path, overwrite)
    words = {
        "format": FORMAT,
        "name": templates.name,
        "instrument": templates.instrument[:LONGEST_WORDS],
        "fft": str(templates.grid.fft),
        "hop": str(templates.grid.hop),
        "window": templates.grid.window,
        "sample_rate": str(templates.sample_rate),
        "exponent": repr(templates.exponent),
        "source": templates.source[:LONGEST_SOURCE],
        "learned": templates.learned,
    }
    arrays: dict[str, NDArray[Any]] = {
        "templates": np.ascontiguousarray(templates.templates, dtype=np.float32),
        "preview": np.ascontiguousarray(templates.preview, dtype=np.float16),  # 11 bits: enough to know it by
    }
    data = save(arrays, metadata=words)
    write_whole(path, data)
    return path


def read_template(path: Path) -> TemplateSet:
    """The template set in a file.

    Raises
    ------
    UnreadableTemplate
        In one sentence, when the file is missing, damaged, too large, or no template.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path).expanduser()
    try:
        if not path.is_file():
            raise UnreadableTemplate(path, "it is not a file" if path.exists() else "it is not there")
        if path.stat().st_size > LARGEST_FILE:
            raise UnreadableTemplate(path, f"it is larger than {LARGEST_FILE >> 20} MB")
        with safe_open(path, framework="numpy") as file:
            words = dict(file.metadata() or {})
            if words.get("format") != FORMAT:
                raise UnreadableTemplate(path, "it is no template of StemStudio, or one of a newer version")
            if not {"templates", "preview"} <= set(file.keys()):
                raise UnreadableTemplate(path, "it is damaged")
            W, preview = file.get_tensor("templates"), file.get_tensor("preview")
    except OSError as error:
        raise UnreadableTemplate(path, why(error)) from None
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        reason = "it is damaged" if isinstance(error, SafetensorError) else f"it is damaged ({error})"
        raise UnreadableTemplate(path, reason) from None
    if W.dtype != np.float32 or preview.dtype != np.float16:
        raise UnreadableTemplate(path, "it is damaged")
    try:
        grid = StftSettings(
            fft=int(words["fft"]),
            hop=int(words["hop"]),
            window=words["window"],
        )
        return TemplateSet(
            checked_name(words["name"]),
            _plain(words.get("instrument", ""), LONGEST_WORDS),
            W,
            grid,
            int(words["sample_rate"]),
            float(words["exponent"]),
            preview.astype(np.float32),
            _plain(words.get("source", ""), LONGEST_SOURCE),
            _plain(words.get("learned", ""), 20),
        )
    except BadTemplate as error:
        raise UnreadableTemplate(path, error.sentence.rstrip(".").partition(": ")[2] or str(error)) from None
    except (KeyError, ValueError, ValidationError, OverflowError):
        raise UnreadableTemplate(path, "what it says of itself makes no sense") from None


def _plain(words: str, longest: int) -> str:
    """Words of a stranger on one line, no longer than ours are."""
    return "".join(sign if sign.isprintable() else " " for sign in words)[:longest].strip()
