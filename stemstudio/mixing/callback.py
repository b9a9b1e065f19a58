"""The audio callback: native code that mixes what a `playstate` describes, without the interpreter.

Import this module only where sound is wanted: numba takes a second to import
and the first compilation a few more (kept on disk afterwards).

`callback` has the C signature of PortAudio's stream callback, for interleaved
float32 output; its user data is the address of a `playstate` array.  It never
allocates, locks, or calls into Python.

How it goes: output is made in slices in which nothing but ramps happens.  A
slice ends where a loop wraps, where rendered stems begin or end, and where
the song, or what there is of it for now, ends.  Between slices, commands are taken.  Everything that would
jump (seek, wrap, another source, another programme) starts a crossfade from
an "old voice", which goes on from the old place, to the voice at the new one.
Play and pause, and the end of what there is, move a gate of the same length.

What the voices sound like is made by `native_mix`.
"""

# Signatures are prescribed by numba and PortAudio; and this module is itself imported late.
# ruff: noqa: ARG001, TID253
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import ctypes
import math

from numba import carray, from_dtype, types  # type: ignore[attr-defined]

from stemstudio.mixing.native import bytes_at, call_unit, compiled_as, floats_at, inline
from stemstudio.mixing.playstate import (
    AUDITION,
    CHUNK,
    ORIGINAL,
    PROGRAMMES,
    SEEK_BITS,
    SLICE,
    SPREAD,
    STATE,
    STEMS,
    TRAIL,
)

__all__ = ["callback"]


_UNDERFLOW = 4  # paOutputUnderflow
_RMS_SECONDS = 0.3
_GAP_SECONDS = 0.005  # more than most devices' clocks jitter
_SEEK_MASK = (1 << SEEK_BITS) - 1
_ulong = types.uint64 if ctypes.sizeof(ctypes.c_ulong) == 8 else types.uint32


@inline
def _chunk_valid(s, slot, position):
    """Whether all stems are rendered at a sample."""
    if s.valid_address[slot] == 0:
        return True
    if position >= s.length[slot]:
        return True
    flags = carray(bytes_at(s.valid_address[slot]), (s.length[slot] // CHUNK + 1,))
    return flags[position // CHUNK] != 0


@inline
def _placed(s, slot, sample):
    """The sample of a programme at which a sample of the song lies."""
    tempo = s.tempo[slot]
    return sample if tempo == 1.0 else round(sample / tempo)


@inline
def _flagged(address, chunk):
    return address == 0 or carray(bytes_at(address), (chunk + 1,))[chunk] != 0


@inline
def _plays_song(s, slot):
    """Whether the song itself is heard: it is wanted, or there are no stems, or nothing yet that could mix them."""
    return s.source[slot] == ORIGINAL or s.stems[slot] == 0 or s.strips_unit == 0


@inline
def _there(s, slot, chunk):
    """Whether a chunk of a strict programme holds all that its source needs."""
    if s.source[slot] == AUDITION:
        if not _flagged(s.audition_valid_address[slot], chunk):
            return False
        if s.audition_only[slot] != 0:
            return True
    if _plays_song(s, slot):
        return _flagged(s.mixture_valid_address[slot], chunk)
    return _flagged(s.valid_address[slot], chunk)


@inline
def _mode_at(s, slot, position):
    """The source to be heard at a sample: looks one fade ahead, so that a fade ends where its source does."""
    if s.source[slot] == AUDITION:
        start = s.audition_start[slot]
        stop = start + s.audition_length[slot]
        if s.audition_only[slot] != 0 or (start <= position and position + s.fade < stop):
            return AUDITION
    if _plays_song(s, slot):
        return ORIGINAL
    if s.strict[slot] != 0:
        return STEMS
    if _chunk_valid(s, slot, position) and _chunk_valid(s, slot, position + s.fade):
        return STEMS
    return ORIGINAL


@inline
def _end(s, slot):
    """The sample at which play ends by itself."""
    if s.audition_only[slot] != 0 and s.source[slot] == AUDITION:
        return s.audition_start[slot] + s.audition_length[slot]
    return s.length[slot]


@inline
def _limit(s, slot, position):
    """The sample at which there is nothing more to play for now."""
    limit = _end(s, slot)
    if s.source[slot] != AUDITION or s.audition_only[slot] == 0:
        tempo = s.tempo[slot]
        limit = min(limit, s.ready if tempo == 1.0 else math.ceil(s.ready / tempo))
    if s.strict[slot] != 0:
        chunk = position // CHUNK
        for ahead in (chunk, chunk + 1):
            if ahead * CHUNK < limit and not _there(s, slot, ahead):
                return max(position, ahead * CHUNK)
    return limit


@inline
def _nearer(n, position, place):
    """Shorten a slice of `n` samples at `position` so that it does not run over `place`."""
    if position < place < position + n:
        return place - position
    return n


@inline
def _take_commands(s):
    """Take play and pause, seek, another programme, the loop's wrap and a change of source; start a fade if needed."""
    command = s.play_command
    if command != s.play_seen:
        s.play_seen = command
        s.playing = command & 1
        s.waiting = 0
        s.count_in_left = 0
        if s.playing != 0 and s.count_in_seen != s.count_in_command:
            s.count_in_seen = s.count_in_command
            s.count_in_left = s.count_in_length
    if s.fade_left > 0:
        return
    s.settled = s.taken
    old_voice = s.voice
    old_mode = s.mode
    old_position = s.position
    changed = False
    wanted = s.wanted
    if s.taken != wanted:
        s.taken = wanted
        s.voice = wanted % PROGRAMMES
        if s.tempo[s.voice] != s.tempo[old_voice]:
            s.position = round(s.position * s.tempo[old_voice] / s.tempo[s.voice])
        changed = True
    seek = s.seek_command
    if seek != s.seek_seen:
        s.seek_seen = seek
        s.position = _placed(s, s.voice, seek & _SEEK_MASK)
        s.waiting = 0
        s.effects_reset = 1
        changed = True
    loop = s.loop_slot
    if loop >= 0 and s.playing != 0:
        beyond = s.position - _placed(s, s.voice, s.loop_stop[loop])
        if beyond >= 0:
            s.position = _placed(s, s.voice, s.loop_start[loop]) + (beyond if beyond < s.fade else 0)
            changed = True
    s.mode = _mode_at(s, s.voice, s.position)
    if (changed or s.mode != old_mode) and s.gate > 0:
        s.old_voice = old_voice
        s.old_mode = old_mode
        s.old_position = old_position
        s.desk = 1 - s.desk
        s.fresh[s.desk] = 1
        s.fade_left = s.fade
    else:
        s.settled = s.taken


@inline
def _slice_length(s, most):
    """How many samples can be made before something happens."""
    n = min(SLICE, most)
    if s.fade_left > 0:
        n = min(n, s.fade_left)
    position = s.position
    limit = _limit(s, s.voice, position)
    n = _nearer(n, position, limit)
    n = _nearer(n, position, limit - s.fade)
    if s.loop_slot >= 0:
        n = _nearer(n, position, _placed(s, s.voice, s.loop_stop[s.loop_slot]))
    if s.source[s.voice] != ORIGINAL or s.strict[s.voice] != 0:
        boundary = (position // CHUNK + 1) * CHUNK
        n = _nearer(n, position, boundary)
        n = _nearer(n, position, boundary - s.fade)
    if s.source[s.voice] == AUDITION:
        start = s.audition_start[s.voice]
        n = _nearer(n, position, start)
        n = _nearer(n, position, start + s.audition_length[s.voice] - s.fade)
    return n


@inline
def _leave_trail(s, n, moving, time, fresh):
    """Note that the next `n` output frames are the song from `position` on."""
    last = (s.trail_count - 1) % TRAIL
    tempo = s.tempo[s.voice]
    position = s.position * tempo
    if (
        not fresh
        and s.trail_moving[last] == moving * tempo
        and s.trail_seek[last] == s.seek_seen
        and abs(s.trail_position[last] + moving * tempo * s.trail_length[last] - position) < 0.5
    ):
        s.trail_length[last] += n
        return
    entry = s.trail_count % TRAIL
    s.trail_frame[entry] = s.frames
    s.trail_length[entry] = n
    s.trail_position[entry] = position
    s.trail_moving[entry] = moving * tempo
    s.trail_seek[entry] = s.seek_seen
    s.trail_time[entry] = time
    s.trail_count += 1


@inline
def _emit(s, out, done, n, opening):
    """Apply gate and master to the mix, write `n` output frames and meter them."""
    if s.master != s.master_aimed:
        s.master_aimed = s.master
        s.master_step = (s.master - s.master_current) / s.ramp
        s.master_left = s.ramp
    peak_left, peak_right, square_left, square_right = 0.0, 0.0, 0.0, 0.0
    channels = s.channels_out
    gate = s.gate
    gain = s.master_current
    for i in range(n):
        if opening:
            gate = min(s.fade, gate + 1)
        else:
            gate = max(0, gate - 1)
        left = s.scratch[0, i]
        right = s.scratch[1, i]
        factor = gain + s.master_step * (i + 1) if i + 1 < s.master_left else s.master_aimed
        if gate < s.fade:
            factor *= gate / s.fade
        left *= factor
        right *= factor
        peak_left = max(peak_left, abs(left))
        peak_right = max(peak_right, abs(right))
        square_left += left * left
        square_right += right * right
        frame = (done + i) * channels
        if channels == 1:
            out[frame] = 0.5 * (left + right)
        else:
            out[frame] = left
            out[frame + 1] = right
            for channel in range(2, min(channels, SPREAD)):
                out[frame + channel] = factor * s.scratch[4 + channel, i]
            for channel in range(SPREAD, channels):
                out[frame + channel] = 0.0
    s.gate = gate
    taken = min(n, s.master_left)
    if taken > 0:
        s.master_left -= taken
        s.master_current += taken * s.master_step
        if s.master_left == 0:
            s.master_current = s.master_aimed
            s.master_step = 0.0
    decay = math.exp(-n / (_RMS_SECONDS * s.rate))
    s.master_peak[0] = max(s.master_peak[0], peak_left)
    s.master_peak[1] = max(s.master_peak[1], peak_right)
    s.master_square[0] = s.master_square[0] * decay + (1.0 - decay) * square_left / n
    s.master_square[1] = s.master_square[1] * decay + (1.0 - decay) * square_right / n


@inline
def _emit_silence(s, out, done, n):
    for i in range(done * s.channels_out, (done + n) * s.channels_out):
        out[i] = 0.0
    _rest_meters(s, n)


@inline
def _emit_count_in(s, out, done, n):
    """Write the next `n` samples of the count-in, over silence."""
    samples = carray(floats_at(s.count_in_address), (s.count_in_length,))
    begin = s.count_in_length - s.count_in_left
    for i in range(n):
        sample = samples[begin + i] * s.master_current
        for channel in range(min(2, s.channels_out)):
            out[(done + i) * s.channels_out + channel] = sample
    s.count_in_left -= n


@inline
def _rest_meters(s, n):
    decay = math.exp(-n / (_RMS_SECONDS * s.rate))
    for side in range(2):
        s.master_square[side] *= decay
        for k in range(s.stems[s.voice]):
            s.stem_square[k, side] *= decay


@inline
def _fill(s, out, frames, time):
    """Make `frames` output frames, the first of which sounds at `time` (seconds on the device's clock)."""
    done = 0
    fresh = True
    while done < frames:
        _take_commands(s)
        limit = _limit(s, s.voice, s.position)
        at_end = s.position >= limit
        if s.playing != 0 and at_end and s.gate == 0 and s.fade_left == 0:
            if limit < _end(s, s.voice):
                s.waiting = 1
            else:
                s.playing = 0
                s.finished += 1
                s.position = limit
        elif not at_end:
            s.waiting = 0
        counting = s.count_in_left > 0 and s.playing != 0 and s.hush == 0 and s.lead_in == 0
        held = s.hush != 0 or s.lead_in > 0 or counting
        opening = s.playing != 0 and s.position < limit - s.fade and not held
        n = _slice_length(s, frames - done)
        if s.gate > 0 and not opening:
            n = min(n, s.gate)
        if s.lead_in > 0:
            n = min(n, s.lead_in)
            s.lead_in -= n
        if counting:
            n = min(n, s.count_in_left)
        moving = 1 if s.gate > 0 or opening or (s.playing != 0 and not at_end and not held) else 0
        _leave_trail(s, n, moving, time + done / s.rate, fresh)
        fresh = False
        if moving == 0 or (s.gate == 0 and not opening):
            _emit_silence(s, out, done, n)
            if counting:
                _emit_count_in(s, out, done, n)
        else:
            if s.gate == 0:
                s.fresh[s.desk] = 1
                s.effects_clear = 1
                s.effects_reset = 0
            s.mix_count = n
            call_unit(s.mix_unit, s)
            _emit(s, out, done, n, opening)
            s.click_current = s.click_gain
        if s.fade_left > 0:
            s.old_position += n
            s.fade_left -= n
        if s.fade_left == 0 and s.effects_reset != 0:
            s.effects_reset = 0
            s.effects_clear = 1
        s.position += moving * n
        s.frames += n
        done += n


@compiled_as(
    types.intc(
        types.voidptr,
        types.CPointer(types.float32),
        _ulong,
        types.CPointer(types.float64),
        _ulong,
        types.CPointer(from_dtype(STATE)),
    )
)
def callback(unused, output, frame_count, times, flags, user):
    """PortAudio's stream callback (`PaStreamCallback`); see the module."""
    s = carray(user, (1,))[0]
    frames = types.int64(frame_count)
    out = carray(output, (frames * s.channels_out,))
    s.blocks += 1
    s.largest_block = max(s.largest_block, frames)
    if types.int64(flags) & _UNDERFLOW != 0 and s.playing != 0:
        s.underflows += 1
    # PaStreamCallbackTimeInfo: input time, time now, time at which this block sounds.
    clock = carray(times, (3,))
    now, sounds = clock[1], clock[2]
    if not now <= sounds <= now + 10.0:
        sounds = now + s.latency
    # Not every host tells of underflows (ALSA's PulseAudio plug-in does not).
    if s.playing != 0 and s.due > 0.0 and sounds - s.due > _GAP_SECONDS:
        s.gaps += 1
    s.due = sounds + frames / s.rate
    _fill(s, out, frames, sounds)
    return types.intc(0)
