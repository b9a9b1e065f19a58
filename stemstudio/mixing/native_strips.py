"""What the strips of the mixer do to their stems, as native code: filters, width, pan, curves, sends, and the sum.

`mix_strips` mixes `mix_count` samples of programme `mix_slot` from `mix_position` on with the memory of desk
`mix_desk`, into two rows of `scratch` and, where a strip sends something, of `sends`.  The audio callback and
`bounce` call it; there is no other definition of what is heard.

A strip that only has a fader and a pan costs one multiplication a sample, and at unity its stem passes bit for bit.
Filters are biquads in transposed direct form II, in float64; when they change, the old ones are faded out while the
new ones, with a copy of their memory, are faded in.
"""

# This module is itself imported late.
# ruff: noqa: TID253
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import math

from numba import carray  # type: ignore[attr-defined]

from stemstudio.mixing.native import UNIT, compiled_as, doubles_at, floats_at, inline
from stemstudio.mixing.playstate import BUSES, GAINS, SECTIONS, SLICE

__all__ = ["mix_strips"]

_RMS_SECONDS = 0.3
_SMALLEST, _LARGEST = 1e-30, 1e15  # what a filter's memory may hold: neither denormal nor gone astray
_CURVE = 4  # row of `work` that holds the factors of a curve


@inline
def _head(address):
    """Count and serial number with which an array of filters or of a curve begins; serial 0 is none at all."""
    if address == 0:
        return 0, 0.0
    head = carray(doubles_at(address), (2,))
    return int(head[0]), head[1]


@inline
def _load_filters(s, d, k, address):
    """Put other filters into the bank that is to be the new one."""
    count, serial = _head(address)
    bank = s.bank[d, k]
    s.sections[d, k, bank] = count
    s.filters_taken[d, k] = serial
    if count > 0:
        numbers = carray(doubles_at(address + 16), (5 * count,))
        for section in range(count):
            for j in range(5):
                s.coefficients[d, k, bank, section, j] = numbers[5 * section + j]


@inline
def _begin(s, slot, d, k):
    """Take on at once what is wanted of a strip, with filters at rest."""
    s.ramp_left[d, k] = 0
    for j in range(GAINS):
        gain = s.target[slot, k, j]
        s.aimed[d, k, j] = gain
        s.current[d, k, j] = gain
    s.bank[d, k] = 0
    s.bank_left[d, k] = 0
    _load_filters(s, d, k, s.filters[slot, k])
    for bank in range(2):
        for section in range(SECTIONS):
            for side in range(2):
                s.memory[d, k, bank, section, side, 0] = 0.0
                s.memory[d, k, bank, section, side, 1] = 0.0
    s.curve_taken[d, k] = _head(s.curve[slot, k])[1]
    s.curve_last[d, k] = 1.0
    s.curve_off[d, k] = 0.0
    s.curve_left[d, k] = 0


@inline
def _follow(s, slot, d, k):
    """Start a ramp or a fade towards whatever is wanted now."""
    moved = False
    for j in range(GAINS):
        moved = moved or s.target[slot, k, j] != s.aimed[d, k, j]
    if moved:
        for j in range(GAINS):
            gain = s.target[slot, k, j]
            s.aimed[d, k, j] = gain
            s.step[d, k, j] = (gain - s.current[d, k, j]) / s.ramp
        s.ramp_left[d, k] = s.ramp
    address = s.filters[slot, k]
    if s.bank_left[d, k] == 0 and _head(address)[1] != s.filters_taken[d, k]:
        old = s.bank[d, k]
        new = 1 - old
        for section in range(SECTIONS):
            for side in range(2):
                for j in range(2):
                    s.memory[d, k, new, section, side, j] = s.memory[d, k, old, section, side, j]
        s.bank[d, k] = new
        s.bank_left[d, k] = s.ramp
        _load_filters(s, d, k, address)


@inline
def _advance(s, d, k, n):
    """Let ramps and fades go on by `n` samples."""
    left = s.ramp_left[d, k]
    if left > 0:
        taken = min(left, n)
        s.ramp_left[d, k] = left - taken
        for j in range(GAINS):
            if left == taken:
                s.current[d, k, j] = s.aimed[d, k, j]
            else:
                s.current[d, k, j] += taken * s.step[d, k, j]
    s.bank_left[d, k] = max(0, s.bank_left[d, k] - n)


@inline
def _plain(s, d, k):
    """Whether a strip is nothing but one factor a side."""
    if s.sections[d, k, 0] > 0 or s.sections[d, k, 1] > 0:
        return False
    if s.curve_taken[d, k] != 0.0 or s.curve_left[d, k] > 0:
        return False
    others = 0.0
    for j in (1, 2, 4, 5):
        others += abs(s.current[d, k, j]) + abs(s.aimed[d, k, j])
    return others == 0.0


@inline
def _meter(s, k, side, n, peak, square):
    decay = math.exp(-n / (_RMS_SECONDS * s.rate))
    s.stem_peak[k, side] = max(s.stem_peak[k, side], peak)
    s.stem_square[k, side] = s.stem_square[k, side] * decay + (1.0 - decay) * square / n


@inline
def _add_plain(s, slot, d, k, position, n, n_in, side):
    """Add one side of a stem at its fader's gain."""
    acc = s.scratch[s.mix_row + side]
    total = s.scratch[4 + side]
    metered = s.mix_metered != 0
    j = 3 * side
    peak = 0.0
    square = 0.0
    gain = s.current[d, k, j]
    left = s.ramp_left[d, k]
    if n_in > 0:
        length = s.length[slot]
        channel = side if s.stem_channels[slot, k] > 1 else 0
        samples = carray(floats_at(s.stem_address[slot, k] + 4 * channel * length), (length,))
        if left > 0:
            step = s.step[d, k, j]
            aimed = s.aimed[d, k, j]
            for i in range(n_in):
                x = samples[position + i]
                v = x * (gain + step * (i + 1) if i + 1 < left else aimed)
                total[i] += x
                acc[i] += v
                peak = max(peak, abs(v))
                square += v * v
        elif gain != 0.0:
            for i in range(n_in):
                x = samples[position + i]
                v = x * gain
                total[i] += x
                acc[i] += v
                peak = max(peak, abs(v))
                square += v * v
        elif metered:
            for i in range(n_in):
                total[i] += samples[position + i]
    if metered:
        _meter(s, k, side, n, peak, square)


@inline
def _read(s, slot, k, position, n, n_in):
    """Read a stem into the first rows of `work`; return how many different channels it has."""
    channels = 2 if s.stem_channels[slot, k] > 1 else 1
    length = s.length[slot]
    for side in range(channels):
        x = s.work[side]
        if n_in > 0:
            samples = carray(floats_at(s.stem_address[slot, k] + 4 * side * length), (length,))
            for i in range(n_in):
                x[i] = samples[position + i]
        for i in range(max(0, n_in), n):
            x[i] = 0.0
    for side in range(2):
        x = s.work[side if channels > 1 else 0]
        total = s.scratch[4 + side]
        for i in range(n):
            total[i] += x[i]
    return channels


@inline
def _sane(value):
    size = abs(value)
    return value if size > _SMALLEST and size < _LARGEST else 0.0


@inline
def _filter(s, d, k, bank, row, channels, n):
    """Run a bank of biquads over rows of `work`, in place."""
    for section in range(s.sections[d, k, bank]):
        c = s.coefficients[d, k, bank, section]
        b0, b1, b2, a1, a2 = c[0], c[1], c[2], c[3], c[4]
        z = s.memory[d, k, bank, section]
        p1, p2 = z[0, 0], z[0, 1]
        left = s.work[row]
        if channels > 1:
            # Both sides in one loop: neither waits for the other's last result.
            q1, q2 = z[1, 0], z[1, 1]
            right = s.work[row + 1]
            for i in range(n):
                x, u = left[i], right[i]
                y, v = b0 * x + p1, b0 * u + q1
                p1, q1 = b1 * x + (p2 - a1 * y), b1 * u + (q2 - a1 * v)
                p2, q2 = b2 * x - a2 * y, b2 * u - a2 * v
                left[i], right[i] = y, v
            z[1, 0], z[1, 1] = _sane(q1), _sane(q2)
        else:
            for i in range(n):
                x = left[i]
                y = b0 * x + p1
                p1 = b1 * x + (p2 - a1 * y)
                p2 = b2 * x - a2 * y
                left[i] = y
        z[0, 0], z[0, 1] = _sane(p1), _sane(p2)


@inline
def _filtered(s, d, k, channels, n):
    """Filter the stem in `work`, fading from old filters to new ones where they were changed."""
    left = s.bank_left[d, k]
    if left > 0:
        for side in range(channels):
            for i in range(n):
                s.work[2 + side, i] = s.work[side, i]
    for old in range(2 if left > 0 else 1):
        _filter(s, d, k, s.bank[d, k] ^ old, 2 * old, channels, n)
    if left == 0:
        return
    for side in range(channels):
        for i in range(n):
            new = min(1.0, (s.ramp - left + i + 1) / s.ramp)
            s.work[side, i] = new * s.work[side, i] + (1.0 - new) * s.work[2 + side, i]
    if left <= n:
        s.sections[d, k, 1 - s.bank[d, k]] = 0


@inline
def _bend(s, slot, d, k, position, n):
    """Write the factors of a strip's curve into `work`; return whether there are any."""
    address = s.curve[slot, k]
    count, serial = _head(address)
    new = serial != s.curve_taken[d, k]
    if count == 0 and not new and s.curve_left[d, k] == 0:
        s.curve_last[d, k] = 1.0
        return False
    factors = s.work[_CURVE]
    if count == 0:
        for i in range(n):
            factors[i] = 1.0
    else:
        points = carray(doubles_at(address + 16), (count, 2))
        tempo = s.tempo[slot]  # curves lie in the song
        place = position * tempo + s.origin[slot]
        low, high = 0, count  # points[low - 1] is the last one at or before `place`
        while low < high:
            middle = (low + high) // 2
            if points[middle, 0] <= place:
                low = middle + 1
            else:
                high = middle
        i = 0
        while i < n:
            if low == 0 or low == count:
                stop = n if low == count else min(n, i + math.ceil((points[0, 0] - place) / tempo))
                value = points[max(0, low - 1), 1]
                for j in range(i, stop):
                    factors[j] = value
            else:
                stop = min(n, i + math.ceil((points[low, 0] - place) / tempo))
                slope = (points[low, 1] - points[low - 1, 1]) / (points[low, 0] - points[low - 1, 0])
                value = points[low - 1, 1] + slope * (place - points[low - 1, 0])
                for j in range(i, stop):
                    factors[j] = value + slope * tempo * (j - i)
            place += tempo * (stop - i)
            i = stop
            while low < count and points[low, 0] <= place:
                low += 1
    if new:
        s.curve_taken[d, k] = serial
        s.curve_off[d, k] = s.curve_last[d, k] - factors[0]
        s.curve_left[d, k] = s.ramp
    left = s.curve_left[d, k]
    if left > 0:
        for i in range(min(n, left)):
            factors[i] += s.curve_off[d, k] * (left - i) / s.ramp
        s.curve_left[d, k] = max(0, left - n)
    s.curve_last[d, k] = factors[n - 1]
    return True


@inline
def _scale(s, d, k, j, left, x, out, n):
    """Add `x` to `out` at gain `j` of a strip, which may be on its way."""
    gain, step, aimed = s.current[d, k, j], s.step[d, k, j], s.aimed[d, k, j]
    if left > 0:
        for i in range(n):
            out[i] += x[i] * (gain + step * (i + 1) if i + 1 < left else aimed)
    elif gain != 0.0:
        for i in range(n):
            out[i] += x[i] * gain


@inline
def _add_full(s, slot, d, k, position, n, n_in):
    """Add a stem through its filters, curve, width, pan and sends."""
    channels = _read(s, slot, k, position, n, n_in)
    _filtered(s, d, k, channels, n)
    if _bend(s, slot, d, k, position, n):
        for side in range(channels):
            for i in range(n):
                s.work[side, i] *= s.work[_CURVE, i]
    left = s.ramp_left[d, k]
    for side in range(2):
        out = s.work[2 + side]
        for i in range(n):
            out[i] = 0.0
        for source in range(channels):
            # A mono stem is the left one to the left and the right one to the right.
            j = 3 * side if channels == 1 else 2 * side + source
            _scale(s, d, k, j, left, s.work[source], out, n)
    for bus in range(BUSES):
        j = 4 + bus
        if s.current[d, k, j] != 0.0 or s.aimed[d, k, j] != 0.0:
            _send(s, d, k, bus, n)
    for side in range(2):
        v = s.work[2 + side]
        acc = s.scratch[s.mix_row + side]
        peak = 0.0
        square = 0.0
        for i in range(n):
            acc[i] += v[i]
            peak = max(peak, abs(v[i]))
            square += v[i] * v[i]
        if s.mix_metered != 0:
            _meter(s, k, side, n, peak, square)


@inline
def _send(s, d, k, bus, n):
    """Add what is behind fader and pan to a bus."""
    row = s.mix_row // 2
    if s.sending[row] == 0:
        s.sending[row] = 1
        for each in range(BUSES):
            for side in range(2):
                for i in range(n):
                    s.sends[row, each, side, i] = 0.0
    for side in range(2):
        _scale(s, d, k, 4 + bus, s.ramp_left[d, k], s.work[2 + side], s.sends[row, bus, side], n)


@inline
def _measure_null(s, slot, position, n_in):
    """Keep the largest difference between the song and the sum of its stems."""
    length = s.length[slot]
    for side in range(2):
        channel = side if s.mixture_channels[slot] > 1 else 0
        samples = carray(floats_at(s.mixture_address[slot] + 4 * channel * length), (length,))
        total = s.scratch[4 + side]
        worst = s.null_peak
        for i in range(n_in):
            worst = max(worst, abs(samples[position + i] - total[i]))
        s.null_peak = worst


@compiled_as(UNIT)
def mix_strips(user):
    """Mix a slice of all stems; see the module."""
    s = carray(user, (1,))[0]
    slot, d, position, n = s.mix_slot, s.mix_desk, s.mix_position, min(s.mix_count, SLICE)
    n_in = min(n, s.length[slot] - position)
    s.sending[s.mix_row // 2] = 0
    for side in range(2):
        for i in range(n):
            s.scratch[s.mix_row + side, i] = 0.0
            s.scratch[4 + side, i] = 0.0
    for k in range(s.stems[slot]):
        if s.fresh[d] != 0:
            _begin(s, slot, d, k)
        else:
            _follow(s, slot, d, k)
        if _plain(s, d, k) and s.curve[slot, k] == 0:
            for side in range(2):
                _add_plain(s, slot, d, k, position, n, n_in, side)
        else:
            _add_full(s, slot, d, k, position, n, n_in)
        _advance(s, d, k, n)
    s.fresh[d] = 0
    # Stems that were stretched one by one have phases of their own: their sum says nothing about them.
    if s.mix_metered != 0 and s.mixture_address[slot] != 0 and n_in > 0 and s.strict[slot] == 0:
        _measure_null(s, slot, position, n_in)
