"""What is heard, from the voices: stems, song or private buffer, faded into each other, with the effects, as native code.

`mix_voices` mixes the next `mix_count` samples into the first two rows of `scratch`, before gate and master volume.
Stems are mixed by `native_strips`.  What they send to the buses is blended as the voices are, and what
`native_effects` makes of it is added.  The effects ring on over loops and changes of what is played; a seek fades
them out with the old voice.  The mix is measured by `native_meters` before the metronome is added.  `bounce` is the same without a transport, for export.
"""

# This module is itself imported late.
# ruff: noqa: TID253
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import math

from numba import carray, from_dtype, types  # type: ignore[attr-defined]

from stemstudio.mixing.native import UNIT, call_unit, compiled_as, doubles_at, floats_at, inline
from stemstudio.mixing.playstate import AUDITION, BUSES, SLICE, SPREAD, STATE, STEMS

__all__ = ["bounce", "mix_voices"]

_RMS_SECONDS = 0.3


@inline
def _add(acc, begin, n, address, channels, length, side, position):
    """Add `n` samples of one channel of a buffer to `acc`; silence outside the buffer."""
    first = max(0, -position)
    last = min(n, length - position)
    if address == 0 or last <= first:
        return
    channel = side if channels > 1 else 0
    samples = carray(floats_at(address + 4 * channel * length), (length,))
    for i in range(first, last):
        acc[begin + i] += samples[position + i]


@inline
def _render(s, slot, mode, position, n, row, desk):
    """Write `n` stereo samples of a voice into scratch rows `row` and `row` + 1, before gate and master."""
    s.sending[row // 2] = 0
    if mode == STEMS:
        s.mix_slot = slot
        s.mix_desk = desk
        s.mix_position = position
        s.mix_count = n
        s.mix_row = row
        s.mix_metered = 1 if row == 0 else 0
        call_unit(s.strips_unit, s)
        return
    for side in range(2):
        acc = s.scratch[row + side]
        for i in range(n):
            acc[i] = 0.0
        if mode == AUDITION:
            _add(
                acc,
                0,
                n,
                s.audition_address[slot],
                s.audition_channels[slot],
                s.audition_length[slot],
                side,
                position - s.audition_start[slot],
            )
        else:
            _add(acc, 0, n, s.mixture_address[slot], s.mixture_channels[slot], s.length[slot], side, position)


@inline
def _rest_stem_meters(s, n):
    decay = math.exp(-n / (_RMS_SECONDS * s.rate))
    for k in range(s.stems[s.voice]):
        s.stem_square[k, 0] *= decay
        s.stem_square[k, 1] *= decay


@inline
def _blend(s, n):
    """Fade from the old voice to the one heard, and what both sent to the buses with them."""
    fading = s.fade_left > 0
    sent = s.sending[0] != 0 or (fading and s.sending[1] != 0)
    if sent:
        for bus in range(BUSES):
            for side in range(2):
                for i in range(n):
                    new = (s.fade - s.fade_left + i + 1) / (s.fade + 1) if fading else 1.0
                    x = new * s.sends[0, bus, side, i] if s.sending[0] != 0 else 0.0
                    if fading and s.sending[1] != 0:
                        x += (1.0 - new) * s.sends[1, bus, side, i]
                    s.bus_in[bus, side, i] = x
    if fading:
        for i in range(n):
            new = (s.fade - s.fade_left + i + 1) / (s.fade + 1)
            s.scratch[0, i] = new * s.scratch[0, i] + (1.0 - new) * s.scratch[2, i]
            s.scratch[1, i] = new * s.scratch[1, i] + (1.0 - new) * s.scratch[3, i]
    _add_effects(s, n, sent)


@inline
def _add_effects(s, n, sent):
    """Let reverb and delay go on, and add what comes back where the stems are heard."""
    if s.effects_unit == 0:
        return
    if not sent:
        if s.effects_left == 0:
            s.effects_clear = 1  # the next sound begins from silence
            return
        for bus in range(BUSES):
            for side in range(2):
                for i in range(n):
                    s.bus_in[bus, side, i] = 0.0
    s.effects_position = int(s.position * s.tempo[s.voice]) + s.origin[s.voice]
    call_unit(s.effects_unit, s)
    if sent:
        s.effects_left = s.effects_tail
    fading = s.fade_left > 0
    heard = 1.0 if s.mode == STEMS else 0.0
    old = heard
    if fading:
        old = 1.0 if s.old_mode == STEMS else 0.0
        if s.effects_reset != 0:
            heard = 0.0
    for i in range(n):
        new = (s.fade - s.fade_left + i + 1) / (s.fade + 1) if fading else 1.0
        share = new * heard + (1.0 - new) * old
        s.scratch[0, i] += share * s.wet[0, i]
        s.scratch[1, i] += share * s.wet[1, i]


@inline
def _render_further(s, n):
    """Write the third… channels of a room into scratch rows 6…, blended from the old voice to the new one."""
    for channel in range(2, min(s.channels_out, SPREAD)):
        acc = s.scratch[4 + channel]
        for i in range(n):
            acc[i] = 0.0
        _add_further(s, s.voice, s.mode, s.position, n, channel, acc)
        if s.fade_left > 0:
            for i in range(n):
                acc[i] *= (s.fade - s.fade_left + i + 1) / (s.fade + 1)
            old = s.scratch[4]  # its sum of stems is not wanted any more
            for i in range(n):
                old[i] = 0.0
            _add_further(s, s.old_voice, s.old_mode, s.old_position, n, channel, old)
            for i in range(n):
                acc[i] += (1.0 - (s.fade - s.fade_left + i + 1) / (s.fade + 1)) * old[i]


@inline
def _add_further(s, slot, mode, position, n, channel, acc):
    if mode == STEMS and s.spread[slot] != 0 and s.stem_channels[slot, 0] > channel:
        length = s.length[slot]
        last = min(n, length - position)
        samples = carray(floats_at(s.stem_address[slot, 0] + 4 * channel * length), (length,))
        for i in range(last):
            acc[i] += samples[position + i]


@inline
def _add_clicks(s, n, slot, position, old):
    """Add the metronome of a voice, whose level moves on a straight line within a slice."""
    address = s.click_address[slot]
    if address == 0 or (s.click_current == 0.0 and s.click_gain == 0.0):
        return
    head = carray(doubles_at(address), (2,))
    count, size = int(head[0]), int(head[1])
    tones = carray(doubles_at(address + 16), (2, size))
    beats = carray(doubles_at(address + 16 * (1 + size)), (count, 2))
    tempo = s.tempo[slot]  # beats lie in the song
    low, high = 0, count  # beats[low] is the first one whose click has not died away
    while low < high:
        middle = (low + high) // 2
        if beats[middle, 0] / tempo + size < position:
            low = middle + 1
        else:
            high = middle
    step = (s.click_gain - s.click_current) / n
    stop = min(n, s.length[slot] - position)
    while low < count:
        place = round(beats[low, 0] / tempo) - position
        if place >= stop:
            return
        tone = tones[int(beats[low, 1])]
        for i in range(max(0, place), min(stop, place + size)):
            new = (s.fade - s.fade_left + i + 1) / (s.fade + 1) if s.fade_left > 0 else 1.0
            click = tone[i - place] * (s.click_current + step * (i + 1)) * (1.0 - new if old else new)
            s.scratch[0, i] += click
            s.scratch[1, i] += click
        low += 1


@compiled_as(UNIT)
def mix_voices(user):
    """Mix a slice of what is heard; see the module."""
    s = carray(user, (1,))[0]
    n = s.mix_count
    _render(s, s.voice, s.mode, s.position, n, 0, s.desk)
    if s.mode != STEMS:
        _rest_stem_meters(s, n)
    if s.fade_left > 0:
        _render(s, s.old_voice, s.old_mode, s.old_position, n, 2, 1 - s.desk)
    _blend(s, n)
    s.mix_count = n
    if s.meters_unit != 0:
        call_unit(s.meters_unit, s)
    _add_clicks(s, n, s.voice, s.position, False)
    if s.fade_left > 0:
        _add_clicks(s, n, s.old_voice, s.old_position, True)
    _render_further(s, n)


@compiled_as(types.void(types.CPointer(from_dtype(STATE)), types.CPointer(types.float32), types.int64))
def bounce(user, output, frames):
    """Mix programme slot 0 from `position` on, without gate and master, into (2, frames): what an export writes."""
    s = carray(user, (1,))[0]
    out = carray(output, (2, frames))
    done = 0
    while done < frames:
        n = min(SLICE, frames - done)
        _render(s, 0, STEMS, s.position, n, 0, 0)
        _blend(s, n)
        for side in range(2):
            for i in range(n):
                out[side, done + i] = s.scratch[side, i]
        s.position += n
        done += n
