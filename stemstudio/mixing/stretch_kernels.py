"""The inner loops of `stretching`: native code without the interpreter's lock; import late, numba takes a second."""

# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="no-any-return"

from __future__ import annotations

import math

import numpy as np

from stemstudio.mixing.native import kernel


@kernel
def cut_frames(source, centres, window, frames):
    """Windowed pieces of `source` (channels, samples) around `centres`, silence beyond its ends, into `frames`."""
    half = window.size // 2
    length = source.shape[1]
    for k in range(centres.size):
        begin = centres[k] - half
        for c in range(source.shape[0]):
            for i in range(window.size):
                at = begin + i
                frames[k, c, i] = window[i] * source[c, at] if 0 <= at < length else 0.0


@kernel
def turn_phases(now, before, last, turns, fresh):
    """Turn the bins of `now` (frames, channels, bins) in place so that every partial goes on where it was.

    `before` are the spectra one hop earlier in the song, `last` is the spectrum (channels, bins) from which the
    frame before was made, `turns` (bins) are the rotations it was given; both are kept up to date.  Where `fresh`,
    a frame is left as it is.  A partial's peak is turned by as much as its phase would have advanced too far or too
    little; the bins around it are turned along, in all channels alike, so that its shape in time and its place in
    the stereo stay (identity phase locking: Laroche and Dolson 1999, eq. 16).
    """
    frames, channels, bins = now.shape
    power = np.empty(bins, np.float32)
    peaks = np.empty(bins, np.int64)
    for k in range(frames):
        for b in range(bins):
            total = np.float32(0.0)
            for c in range(channels):
                x = now[k, c, b]
                total += x.real * x.real + x.imag * x.imag
            power[b] = total
        if fresh[k]:
            for b in range(bins):
                turns[b] = 1.0
        else:
            count = 0
            for b in range(bins):
                here = power[b]
                if (
                    (b < 1 or here >= power[b - 1])
                    and (b < 2 or here >= power[b - 2])
                    and (b + 1 >= bins or here > power[b + 1])
                    and (b + 2 >= bins or here > power[b + 2])
                ):
                    peaks[count] = b
                    count += 1
            low = 0
            for index in range(count):
                peak = peaks[index]
                if index + 1 < count:
                    high = peak
                    least = power[peak]
                    for b in range(peak + 1, peaks[index + 1]):
                        if power[b] < least:
                            least = power[b]
                            high = b
                    high += 1
                else:
                    high = bins
                turn = np.complex64(0.0)
                for c in range(channels):
                    turn += last[c, peak] * np.conj(before[k, c, peak])
                turn *= turns[peak]
                size = math.sqrt(turn.real * turn.real + turn.imag * turn.imag)
                turn = turn / np.float32(size) if size > 1e-20 else np.complex64(1.0)
                for b in range(low, high):
                    turns[b] = turn
                low = high
        for c in range(channels):
            for b in range(bins):
                last[c, b] = now[k, c, b]
                now[k, c, b] *= turns[b]


@kernel
def add_frames(frames, window, hop, out):
    """Overlap and add windowed `frames` (frames, channels, samples), one hop apart, into `out` (channels, samples)."""
    for k in range(frames.shape[0]):
        for c in range(frames.shape[1]):
            for i in range(window.size):
                out[c, k * hop + i] += window[i] * frames[k, c, i]


@kernel
def read_between(samples, first, step, table, out):
    """Read `samples` (channels, n) at places first + step · i, between samples by a windowed sinc, into `out`.

    `table` (phases + 1, taps) holds the kernel at so many places between two samples; in between it is a straight line.
    """
    phases, taps = table.shape[0] - 1, table.shape[1]
    for i in range(out.shape[1]):
        place = first + step * i
        whole = math.floor(place)
        fine = (place - whole) * phases
        row = int(fine)
        part = np.float32(fine - row)
        begin = int(whole) - taps // 2 + 1
        for c in range(out.shape[0]):
            total = np.float32(0.0)
            for tap in range(taps):
                weight = table[row, tap] + part * (table[row + 1, tap] - table[row, tap])
                total += weight * samples[c, begin + tap]
            out[c, i] = total


@kernel
def find_attacks(source, first, count, hop, before, after, reach, floor, louder):
    """Samples at which an attack begins, of `count` places `hop` apart from sample `first` on.

    It gets louder by `louder` (log10 of a power ratio) from the mean of the `before` hops up to a place to that of
    the `after` hops from there, and nowhere more so within `reach` hops; the attack begins with the first of these
    hops that has a quarter of the power of the strongest.  Power is that of the sound and of its slope, so that the
    highs of an attack count.
    """
    channels, length = source.shape
    power = np.zeros(count + before + after, np.float64)
    for h in range(power.size):
        begin = first + (h - before) * hop
        for c in range(channels):
            for at in range(max(begin, 1), min(begin + hop, length)):
                x = source[c, at]
                slope = x - source[c, at - 1]
                power[h] += x * x + 4.0 * slope * slope
    ground = floor * hop * channels
    rise = np.empty(count, np.float64)
    for n in range(count):
        past = 0.0
        for h in range(n, n + before):
            past += power[h]
        coming = 0.0
        for h in range(n + before, n + before + after):
            coming += power[h]
        rise[n] = math.log10((coming / after + ground) / (past / before + ground))
    found = np.empty(count, np.int64)
    total = 0
    for n in range(reach, count - reach):
        steepest = rise[n] >= louder
        for other in range(n - reach, n + reach + 1):
            steepest = steepest and (rise[other] < rise[n] or (rise[other] == rise[n] and other >= n))
        if steepest:
            strongest = 0.0
            for h in range(n + before, n + before + after):
                strongest = max(strongest, power[h])
            h = n + before
            while power[h] < 0.25 * strongest:
                h += 1
            found[total] = first + (h - before) * hop
            total += 1
    return found[:total].copy()
