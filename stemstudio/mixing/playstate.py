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
- *filters* and *curves* of a strip are arrays that are never written to again, switched on by storing their address.

Mixing has two *desks*: memory of ramps and filters.  The voice that is heard
has one, the voice that is being faded out the other, so that both go on as if
they were alone.  A desk that is `fresh` takes on what is wanted at once.

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
    "BUSES",
    "CHUNK",
    "DELAY",
    "EFFECTS",
    "FADE_SECONDS",
    "GAINS",
    "LEAD_IN_SECONDS",
    "LOOPS",
    "MAX_STEMS",
    "ORIGINAL",
    "PEAK_PHASES",
    "PEAK_TAPS",
    "PROGRAMMES",
    "RAMP_SECONDS",
    "REVERB",
    "REVERB_LINES",
    "SECTIONS",
    "SEEK_BITS",
    "SLICE",
    "SPREAD",
    "STATE",
    "STEMS",
    "STEPS",
    "TAPS",
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
GAINS = 6
"""Factors of a strip: left to left, right to left, left to right, right to right, to the reverb, to the delay."""
SECTIONS = 5
"""Biquads of a strip, at most."""
BUSES = 2
REVERB, DELAY = 0, 1
"""Buses that strips send to."""
REVERB_LINES, TAPS = 13, 14
EFFECTS = 8
"""Settings of reverb (decay, damping, level, pre-delay) and delay (samples, feedback, damping, level)."""
STEPS = 256
"""Tenths of a second of measured loudness that wait to be read."""
PEAK_PHASES, PEAK_TAPS = 4, 24
"""Places between two samples at which the true peak is looked for, and taps of the filter that finds each."""

_P, _N, _D = PROGRAMMES, MAX_STEMS, 2
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
        ("effects_wanted", "f8", (EFFECTS,)),
        ("effects_tail", "i8"),  # samples after which nothing of a sound is left in them
        # Addresses of the units of native code; 0: not there yet (stems, effects, meters do without).
        ("mix_unit", "i8"),
        ("strips_unit", "i8"),
        ("effects_unit", "i8"),
        ("meters_unit", "i8"),
        # Programmes, written by the player while not in use; `target`, `filters`, `curve` at any time.
        ("source", "i8", (_P,)),
        ("tempo", "f8", (_P,)),  # song samples a sample
        ("length", "i8", (_P,)),
        ("origin", "i8", (_P,)),  # where in the song the buffers begin, for curves
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
        ("click_address", "i8", (_P,)),  # the metronome, see `metronome.clicks`; 0: none
        ("audition_address", "i8", (_P,)),
        ("audition_channels", "i8", (_P,)),
        ("audition_start", "i8", (_P,)),
        ("audition_length", "i8", (_P,)),
        ("audition_only", "i8", (_P,)),  # 1: play stops or loops where the buffer ends
        ("target", "f8", (_P, _N, GAINS)),
        ("filters", "i8", (_P, _N)),  # count, serial, then b0 b1 b2 a1 a2 a section; 0: none
        ("curve", "i8", (_P, _N)),  # count, serial, then pairs of sample and factor; 0: none
        # Written by the callback: what a desk has taken on of what is wanted.
        ("fresh", "i8", (_D,)),
        ("current", "f8", (_D, _N, GAINS)),
        ("aimed", "f8", (_D, _N, GAINS)),
        ("step", "f8", (_D, _N, GAINS)),
        ("ramp_left", "i8", (_D, _N)),
        ("filters_taken", "f8", (_D, _N)),  # serial
        ("bank", "i8", (_D, _N)),  # which of two sets of sections is the new one
        ("bank_left", "i8", (_D, _N)),  # samples until the old set is faded out
        ("sections", "i8", (_D, _N, 2)),
        ("coefficients", "f8", (_D, _N, 2, SECTIONS, 5)),
        ("memory", "f8", (_D, _N, 2, SECTIONS, 2, 2)),  # of a section: channel, then two values
        ("curve_taken", "f8", (_D, _N)),  # serial
        ("curve_last", "f8", (_D, _N)),
        ("curve_off", "f8", (_D, _N)),  # what a new curve jumped by, taken back over a ramp
        ("curve_left", "i8", (_D, _N)),
        # What the strips are asked to mix, and the buses they sent to.
        ("mix_slot", "i8"),
        ("mix_desk", "i8"),
        ("mix_position", "i8"),
        ("mix_count", "i8"),
        ("mix_row", "i8"),  # rows of `scratch` and of `sends` it goes to
        ("mix_metered", "i8"),
        ("sends", "f8", (2, BUSES, 2, SLICE)),  # of the voice heard, and of the old one
        ("sending", "i8", (2,)),
        # The effects.
        ("effects_clear", "i8"),  # 1: begin from silence
        ("effects_reset", "i8"),  # 1: begin from silence after this crossfade
        ("effects_left", "i8"),  # samples until nothing sounds in them
        ("effects_position", "i8"),  # in the song, for the slow turning of the reverb
        ("effects_current", "f8", (EFFECTS,)),
        ("effects_aimed", "f8", (EFFECTS,)),
        ("effects_step", "f8", (EFFECTS,)),
        ("effects_ramp_left", "i8"),
        ("tap_old", "i8", (2,)),  # of pre-delay and delay, in samples
        ("tap_new", "i8", (2,)),
        ("tap_left", "i8", (2,)),
        ("bus_in", "f8", (BUSES, 2, SLICE)),
        ("wet", "f8", (2, SLICE)),
        ("line_address", "i8"),
        ("line_start", "i8", (REVERB_LINES,)),
        ("line_length", "i8", (REVERB_LINES,)),
        ("line_place", "i8", (REVERB_LINES,)),
        (
            "tap_line",
            "i8",
            (TAPS,),
        ),  # where the reverb is heard: seven places to the left, seven to the right
        ("tap_back", "i8", (TAPS,)),
        ("tap_sign", "f8", (TAPS,)),
        ("excursion", "f8", (3,)),  # of the two turning lines now, and at most
        ("tank", "f8", (8,)),  # what goes round: two sums, two dampers, bandwidth
        ("echo_address", "i8"),
        ("echo_length", "i8"),
        ("echo_place", "i8"),
        ("echo_damped", "f8", (2,)),
        # The mix.
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
        ("desk", "i8"),  # desk of the voice heard; the old voice has the other
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
        # Loudness, before the master volume.
        ("weighting", "f8", (2, 5)),  # the K filter: two biquads
        ("weighting_memory", "f8", (2, 2, 2)),
        ("loudness_forget", "i8"),  # raised by the player: begin again
        ("loudness_forgot", "i8"),
        ("loudness_samples", "i8"),
        ("loudness_sum", "f8", (2,)),
        ("steps_count", "i8"),
        ("steps", "f8", (STEPS,)),  # energy of a tenth of a second, both sides
        ("peak_taps", "f8", (PEAK_PHASES, PEAK_TAPS)),
        ("peak_history", "f8", (2, PEAK_TAPS + SLICE)),
        ("peak_between", "f8", (SLICE,)),
        ("true_peak", "f8"),  # since the player last wrote 0
        ("cross", "f8", (3,)),  # left × left, left × right, right × right; decaying
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
        ("work", "f8", (5, SLICE)),
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
    state["fresh"] = state["effects_clear"] = 1
    return state


def set_rate(state: NDArray[np.void], rate: float) -> None:
    """Set the sample rate in Hz, and with it the lengths of fades and ramps; nothing may be playing."""
    state["rate"] = rate
    state["fade"] = max(16, round(FADE_SECONDS * rate))
    state["ramp"] = max(32, round(RAMP_SECONDS * rate))
    state["gate"] = state["fade_left"] = 0
