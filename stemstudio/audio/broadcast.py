"""The bext chunk of a Broadcast Wave file: where on the time line its first sample belongs."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

SET_BROADCAST_INFO = 0x10F1  # SFC_SET_BROADCAST_INFO of libsndfile's sndfile.h
# SF_BROADCAST_INFO with a history of 256 bytes, laid out as a C compiler does: description, originator, reference,
# date, time, time reference (low, high), version, UMID, five loudness values, reserved, history's size, history.
LAYOUT = struct.Struct("@256s32s32s10s8sIIh64s5h180sI256s")
ORIGINATOR = b"StemStudio"


@dataclass(frozen=True)
class Origin:
    """Where a sound comes from.

    Attributes
    ----------
    start
        Which sample of the song its first one is.
    description
        What it is.
    """

    start: int
    description: str = ""


def stamp(file: Any, start: int, description: str = "") -> None:
    """Say in a WAV or RF64 file that its first sample is sample `start` of the song; before any sound is written.

    Parameters
    ----------
    file
        A `soundfile.SoundFile` that is being written. Its library takes this by a call that it has no method for.
    description
        What the sound is; 256 bytes of ASCII at most, as EBU Tech 3285 has it.

    References
    ----------
    EBU Tech 3285, "Specification of the Broadcast Wave Format".
    """
    import soundfile

    low, high = start & 0xFFFFFFFF, start >> 32
    words = description.encode("ascii", "replace")[:256]
    packed = LAYOUT.pack(words, ORIGINATOR, b"", b"", b"", low, high, 1, b"", 0, 0, 0, 0, 0, b"", 0, b"")
    held = soundfile._ffi.new("char[]", packed)
    soundfile._snd.sf_command(file._file, SET_BROADCAST_INFO, held, len(packed))
