"""Reverb and delay, as native code: from what strips sent to the two buses to what comes back, in stereo.

The reverb is the plate of J. Dattorro, "Effect Design, Part 1: Reverberator and Other Filters", J. Audio Eng. Soc. 45
(9), 1997, figure 1 and tables 1 and 2: pre-delay, a low-pass, four all-passes that diffuse, and a tank in the shape of
an eight, two of whose all-passes are turned slowly.  The turning follows the place in the song, so that the same
place always sounds the same.  The delay repeats each side after a time, darker from one repeat to the next.
"""

# This module is itself imported late.
# ruff: noqa: TID253
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import math

from numba import carray  # type: ignore[attr-defined]

from stemstudio.mixing.native import UNIT, compiled_as, doubles_at, inline
from stemstudio.mixing.playstate import BUSES, DELAY, EFFECTS, REVERB, REVERB_LINES, SLICE, TAPS

__all__ = ["run_effects"]

# Places in `effects_current`.
_DECAY, _DAMPING, _LEVEL = 0, 1, 2
_ECHO_FEEDBACK, _ECHO_DAMPING, _ECHO_LEVEL = 5, 6, 7
_TAPS = (3, 4)  # pre-delay, delay
# Lines of the reverb.
_BEFORE, _DIFFUSERS, _TANK = 0, 1, 5
_INPUT_DIFFUSION = (0.75, 0.75, 0.625, 0.625)
_DECAY_DIFFUSION = 0.7
_TURNS = 1.0  # a second
_FASTEST = (
    0.05  # samples a sample by which a line may change its length: nothing is heard of a jump in the song
)
_TAP_SECONDS = 0.03  # of the fade from one delay time to another
_OUTPUT = 0.6
_LOUDEST = 1e6  # what is no sound at all is kept out


@inline
def _clear(s):
    """Begin from silence, with the settings that are wanted."""
    length = 0
    for line in range(REVERB_LINES):
        length += s.line_length[line]
        s.line_place[line] = 0
    memory = carray(doubles_at(s.line_address), (length,))
    for i in range(length):
        memory[i] = 0.0
    echo = carray(doubles_at(s.echo_address), (2 * s.echo_length,))
    for i in range(2 * s.echo_length):
        echo[i] = 0.0
    s.echo_place = 0
    s.echo_damped[0] = 0.0
    s.echo_damped[1] = 0.0
    for i in range(8):
        s.tank[i] = 0.0
    s.excursion[0] = 0.0
    s.excursion[1] = s.excursion[2]
    for j in range(EFFECTS):
        s.effects_aimed[j] = s.effects_wanted[j]
        s.effects_current[j] = s.effects_wanted[j]
        s.effects_step[j] = 0.0
    s.effects_ramp_left = 0
    for tap in range(2):
        s.tap_new[tap] = int(s.effects_wanted[_TAPS[tap]])
        s.tap_left[tap] = 0
    s.effects_clear = 0
    s.effects_left = 0


@inline
def _follow(s):
    """Start ramps and fades towards the settings that are wanted."""
    moved = False
    for j in range(EFFECTS):
        moved = moved or s.effects_aimed[j] != s.effects_wanted[j]
    if moved:
        for j in range(EFFECTS):
            s.effects_aimed[j] = s.effects_wanted[j]
            s.effects_step[j] = (s.effects_wanted[j] - s.effects_current[j]) / s.ramp
        s.effects_ramp_left = s.ramp
    for tap in range(2):
        wanted = int(s.effects_wanted[_TAPS[tap]])
        if s.tap_left[tap] == 0 and wanted != s.tap_new[tap]:
            s.tap_old[tap] = s.tap_new[tap]
            s.tap_new[tap] = wanted
            s.tap_left[tap] = int(_TAP_SECONDS * s.rate)


@inline
def _ramp(s):
    """Let the settings go on by one sample."""
    s.effects_ramp_left -= 1
    for j in range(EFFECTS):
        if s.effects_ramp_left == 0:
            s.effects_current[j] = s.effects_aimed[j]
        else:
            s.effects_current[j] += s.effects_step[j]


@inline
def _at(memory, start, length, place, back):
    """What was written to a line `back` samples ago; 1 is the last."""
    at = place - back
    return memory[start + (at if at >= 0 else at + length)]


@inline
def _all_pass(memory, s, line, x, gain):
    """A lattice all-pass as long as its line."""
    start, length, place = s.line_start[line], s.line_length[line], s.line_place[line]
    old = memory[start + place]
    kept = x - gain * old
    memory[start + place] = kept
    place += 1
    s.line_place[line] = place if place < length else 0
    return old + gain * kept


@inline
def _turning_all_pass(memory, s, line, x, gain, middle, excursion):
    """An all-pass whose length moves about its middle, between samples by a straight line."""
    start, length, place = s.line_start[line], s.line_length[line], s.line_place[line]
    back = middle + excursion
    whole = int(back)
    part = back - whole
    near = _at(memory, start, length, place, whole)
    far = _at(memory, start, length, place, whole + 1)
    old = near + part * (far - near)
    kept = x - gain * old
    memory[start + place] = kept
    place += 1
    s.line_place[line] = place if place < length else 0
    return old + gain * kept


@inline
def _delayed(memory, s, line, x):
    """A delay as long as its line."""
    start, length, place = s.line_start[line], s.line_length[line], s.line_place[line]
    old = memory[start + place]
    memory[start + place] = x
    place += 1
    s.line_place[line] = place if place < length else 0
    return old


@inline
def _half(memory, s, first, x, turn, held):
    """One half of the tank: what goes into the other one."""
    middle = s.line_length[first] - 2 - s.excursion[2]
    y = _turning_all_pass(memory, s, first, x, -_DECAY_DIFFUSION, middle, turn)
    y = _delayed(memory, s, first + 1, y)
    s.tank[held] += (1.0 - s.effects_current[_DAMPING]) * (y - s.tank[held])
    decay = s.effects_current[_DECAY]
    y = _all_pass(memory, s, first + 2, decay * s.tank[held], min(0.5, max(0.25, decay + 0.15)))
    return decay * _delayed(memory, s, first + 3, y)


@inline
def _faded(s, tap, i):
    """How far a tap has come from the old time to the new one at sample `i` of a slice."""
    whole = int(_TAP_SECONDS * s.rate)
    return min(1.0, (whole - s.tap_left[tap] + i + 1) / whole)


@inline
def _reverb(s, memory, i, x):
    """One sample of the reverb."""
    start, length, place = s.line_start[_BEFORE], s.line_length[_BEFORE], s.line_place[_BEFORE]
    memory[start + place] = x
    place = place + 1 if place + 1 < length else 0
    s.line_place[_BEFORE] = place
    x = _at(memory, start, length, place, s.tap_new[REVERB] + 1)
    if s.tap_left[REVERB] > i:
        new = _faded(s, REVERB, i)
        x = new * x + (1.0 - new) * _at(memory, start, length, place, s.tap_old[REVERB] + 1)
    s.tank[4] += 0.9995 * (x - s.tank[4])
    x = s.tank[4]
    for diffuser in range(4):
        x = _all_pass(memory, s, _DIFFUSERS + diffuser, x, _INPUT_DIFFUSION[diffuser])
    first, second = s.tank[0], s.tank[1]
    for half in range(2):
        across = first if half == 1 else second
        s.tank[half] = _half(memory, s, _TANK + 4 * half, x + across, s.excursion[half], 2 + half)
    gain = _OUTPUT * s.effects_current[_LEVEL]
    for tap in range(TAPS):
        line = s.tap_line[tap]
        y = _at(memory, s.line_start[line], s.line_length[line], s.line_place[line], s.tap_back[tap])
        s.wet[tap // (TAPS // 2), i] += gain * s.tap_sign[tap] * y


@inline
def _echo(s, echo, i):
    """One sample of the delay."""
    place = s.echo_place
    gain = s.effects_current[_ECHO_LEVEL]
    for side in range(2):
        start = side * s.echo_length
        y = _at(echo, start, s.echo_length, place, s.tap_new[DELAY])
        if s.tap_left[DELAY] > i:
            new = _faded(s, DELAY, i)
            y = new * y + (1.0 - new) * _at(echo, start, s.echo_length, place, s.tap_old[DELAY])
        s.echo_damped[side] += (1.0 - s.effects_current[_ECHO_DAMPING]) * (y - s.echo_damped[side])
        y = s.echo_damped[side]
        s.wet[side, i] += gain * y
        echo[start + place] = s.bus_in[DELAY, side, i] + s.effects_current[_ECHO_FEEDBACK] * y
    s.echo_place = place + 1 if place + 1 < s.echo_length else 0


@inline
def _glide(now, wanted):
    return now + min(_FASTEST, max(-_FASTEST, wanted - now))


@compiled_as(UNIT)
def run_effects(user):
    """Put what comes back from `mix_count` samples of the buses into `wet`."""
    s = carray(user, (1,))[0]
    n = min(s.mix_count, SLICE)
    if s.effects_clear != 0:
        _clear(s)
    _follow(s)
    for side in range(2):
        for i in range(n):
            s.wet[side, i] = 0.0
            for bus in range(BUSES):
                if not abs(s.bus_in[bus, side, i]) < _LOUDEST:
                    s.bus_in[bus, side, i] = 0.0
    length = 0
    for line in range(REVERB_LINES):
        length += s.line_length[line]
    memory = carray(doubles_at(s.line_address), (length,))
    echo = carray(doubles_at(s.echo_address), (2 * s.echo_length,))
    angle = 2.0 * math.pi * _TURNS / s.rate
    # The wheel is set anew for each slice, by the place in the song, and turned from sample to sample.
    sine, cosine = math.sin(angle * s.effects_position), math.cos(angle * s.effects_position)
    turn_sine, turn_cosine = math.sin(angle), math.cos(angle)
    most = s.excursion[2]
    for i in range(n):
        if s.effects_ramp_left > 0:
            _ramp(s)
        s.excursion[0] = _glide(s.excursion[0], most * sine)
        s.excursion[1] = _glide(s.excursion[1], most * cosine)
        _reverb(s, memory, i, 0.5 * (s.bus_in[REVERB, 0, i] + s.bus_in[REVERB, 1, i]))
        _echo(s, echo, i)
        sine, cosine = sine * turn_cosine + cosine * turn_sine, cosine * turn_cosine - sine * turn_sine
    for i in range(8):
        if not abs(s.tank[i]) > 1e-30:
            s.tank[i] = 0.0
    for tap in range(2):
        s.tap_left[tap] = max(0, s.tap_left[tap] - n)
    s.effects_left = max(0, s.effects_left - n)
