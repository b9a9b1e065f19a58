"""The one block of memory that a player and the audio callback share.

The callback runs on a real-time thread without the interpreter's lock, so
nothing here is locked.  Every field has one writer.  What must change together
is written aside and then switched on by storing a single integer:

- *programmes* (what is played: buffers, source, gains) lie in `PROGRAMMES`
  slots; the player fills a free one and then stores its number in `wanted`.
  The callback crossfades to it and reports in `settled` the oldest number
  that it may still read from.
- *commands* (play, pause, seek) carry a serial number beside their value in
  one integer.
- *loops* lie in a ring of their own, switched by `loop_slot`.

A programme may hold the song at another tempo: `tempo` says how many samples of
the song pass in one of its own.  What comes and goes between player and
callback (seeks, loops, what is ready, the trail) is in samples of the song;
`position` and what a programme holds are in its own.

The callback reports where it is in `position` and leaves a trail (`trail_…`)
of which song samples it put into which output samples, and when they sound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AUDITION",
    "CHUNK",
    "FADE_SECONDS",
    "LEAD_IN_SECONDS",
    "LOOPS",
    "MAX_STEMS",
    "ORIGINAL",
    "PROGRAMMES",
    "RAMP_SECONDS",
    "SEEK_BITS",
    "SLICE",
    "SPREAD",
    "STATE",
    "STEMS",
    "TRAIL",
    "new_state",
    "set_rate",
]

MAX_STEMS = 64
"""Stems that can be mixed at once."""
CHUNK = 8192
"""Samples for which one flag says whether all stems are rendered."""
FADE_SECONDS = 0.005
"""Length of the crossfade at start, stop, seek, loop and change of source."""
RAMP_SECONDS = 0.010
"""Time in which a gain reaches its new value."""
LEAD_IN_SECONDS = 0.03
"""Silence before play on a fresh stream: sound servers swallow some of the first samples."""
SLICE = 256
"""Most samples the callback mixes in one go; its scratch memory."""
SPREAD = 8
"""Most channels of a room that are played directly, each on an output of its own."""
PROGRAMMES = 4
LOOPS = 8
TRAIL = 1024
SEEK_BITS = 44
"""Low bits of a seek command that hold the sample; the rest is its serial number."""

STEMS, ORIGINAL, AUDITION = 0, 1, 2
"""Sources: the mix of the stems, the song itself, a private buffer laid over either."""

_P, _N = PROGRAMMES, MAX_STEMS
STATE = np.dtype(
    [
        # Written by the player.
        ("wanted", "i8"),
        ("play_command", "i8"),  # serial << 1 | on
        ("seek_command", "i8"),  # serial << SEEK_BITS | sample
        ("loop_slot", "i8"),  # -1: no loop
        ("loop_start", "i8", (LOOPS,)),
        ("loop_stop", "i8", (LOOPS,)),
        ("ready", "i8"),  # samples decoded so far
        ("hush", "i8"),  # 1: fade out and hold the place
        ("channels_out", "i8"),
        ("rate", "f8"),
        ("fade", "i8"),  # samples
        ("ramp", "i8"),  # samples
        ("latency", "f8"),  # seconds, where the device gives no time of its own
        ("master", "f8"),
        ("click_gain", "f8"),  # of the metronome
        ("count_in_command", "i8"),  # serial; a new one starts the count-in with the next play
        ("count_in_address", "i8"),  # mono, output samples
        ("count_in_length", "i8"),
        # Programmes, written by the player while not in use; `target` at any time.
        ("source", "i8", (_P,)),
        ("tempo", "f8", (_P,)),  # song samples a sample
        ("length", "i8", (_P,)),
        ("stems", "i8", (_P,)),
        ("stem_address", "i8", (_P, _N)),
        ("stem_channels", "i8", (_P, _N)),
        (
            "spread",
            "i8",
            (_P,),
        ),  # 1: the one stem is a room, and its third… channels go to outputs of their own
        ("mixture_address", "i8", (_P,)),
        ("mixture_channels", "i8", (_P,)),
        ("valid_address", "i8", (_P,)),  # uint8 a chunk; 0: all valid
        ("strict", "i8", (_P,)),  # 1: play waits for what is not valid; 0: the song itself is played there
        ("mixture_valid_address", "i8", (_P,)),  # these two count where play waits
        ("audition_valid_address", "i8", (_P,)),
        ("click_address", "i8", (_P,)),  # the metronome, mono, as long as the programme; 0: none
        ("audition_address", "i8", (_P,)),
        ("audition_channels", "i8", (_P,)),
        ("audition_start", "i8", (_P,)),
        ("audition_length", "i8", (_P,)),
        ("audition_only", "i8", (_P,)),  # 1: play stops or loops where the buffer ends
        ("target", "f8", (_P, _N, 2)),
        # Written by the callback.
        ("current", "f8", (_P, _N, 2)),
        ("aimed", "f8", (_P, _N, 2)),
        ("step", "f8", (_P, _N, 2)),
        ("ramp_left", "i8", (_P, _N)),
        ("master_current", "f8"),
        ("master_aimed", "f8"),
        ("master_step", "f8"),
        ("master_left", "i8"),
        ("click_current", "f8"),
        ("count_in_seen", "i8"),
        ("count_in_left", "i8"),  # samples of it still to come
        ("lead_in", "i8"),  # frames of silence still to come, set before the first block
        ("taken", "i8"),  # number of the programme heard
        ("settled", "i8"),
        ("playing", "i8"),
        ("play_seen", "i8"),
        ("seek_seen", "i8"),
        ("finished", "i8"),  # how often the end was reached
        ("waiting", "i8"),  # 1: held until more is decoded
        ("position", "i8"),
        ("gate", "i8"),  # 0...fade: how far play is faded in
        ("voice", "i8"),  # programme slot heard
        ("mode", "i8"),  # source heard, after falling back
        ("old_voice", "i8"),
        ("old_mode", "i8"),
        ("old_position", "i8"),
        ("fade_left", "i8"),
        ("blocks", "i8"),
        ("largest_block", "i8"),
        ("frames", "i8"),  # output frames delivered so far
        ("underflows", "i8"),
        ("gaps", "i8"),  # blocks that sound later than the end of the one before
        ("due", "f8"),  # device time at which the next block should sound; 0 at first
        # Meters: peaks are the largest since the player last wrote 0; squares decay.
        ("stem_peak", "f8", (_N, 2)),
        ("stem_square", "f8", (_N, 2)),
        ("master_peak", "f8", (2,)),
        ("master_square", "f8", (2,)),
        ("null_peak", "f8"),
        # The trail: entry i % TRAIL says that output frames frame...frame + count
        # are song samples position, position + moving, …
        ("trail_count", "i8"),
        ("trail_frame", "i8", (TRAIL,)),
        ("trail_length", "i8", (TRAIL,)),
        ("trail_position", "f8", (TRAIL,)),
        ("trail_moving", "f8", (TRAIL,)),  # song samples a frame
        ("trail_seek", "i8", (TRAIL,)),
        ("trail_time", "f8", (TRAIL,)),  # device time at which `frame` sounds
        ("scratch", "f8", (4 + SPREAD, SLICE)),  # two voices, sums of stems over further outputs
    ],
    align=True,
)


def new_state(rate: float = 44100.0) -> NDArray[np.void]:
    """Return a fresh state: an array of shape (1,) and dtype `STATE`, at rest, without a song."""
    state = np.zeros(1, dtype=STATE)
    state["loop_slot"] = -1
    state["channels_out"] = 2
    state["null_peak"] = -1.0
    state["tempo"] = 1.0
    set_rate(state, rate)
    state["master"] = state["master_current"] = state["master_aimed"] = 1.0
    return state


def set_rate(state: NDArray[np.void], rate: float) -> None:
    """Set the sample rate in Hz, and with it the lengths of fades and ramps; nothing may be playing."""
    state["rate"] = rate
    state["fade"] = max(16, round(FADE_SECONDS * rate))
    state["ramp"] = max(32, round(RAMP_SECONDS * rate))
    state["gate"] = state["fade_left"] = 0
