"""Loudness, true peak and correlation of the mix while it plays, as native code.

`measure` takes `mix_count` samples of the first two rows of `scratch`.  Loudness is that of ITU-R BS.1770-4: the sum
of both sides' squares behind the K filter, kept for every tenth of a second; whoever reads these `steps` makes
momentary, short-term and integrated loudness of them.  True peak is looked for between the samples by a filter of
four phases (annex 2).
"""

# This module is itself imported late.
# ruff: noqa: TID253
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import math

from numba import carray  # type: ignore[attr-defined]

from stemstudio.mixing.native import UNIT, compiled_as, inline
from stemstudio.mixing.playstate import PEAK_PHASES, PEAK_TAPS, SLICE, STEPS

__all__ = ["measure"]

_CORRELATION_SECONDS = 0.4


@inline
def _forget(s):
    """Begin again."""
    s.loudness_forgot = s.loudness_forget
    s.loudness_samples = 0
    s.steps_count = 0
    for side in range(2):
        s.loudness_sum[side] = 0.0
        for section in range(2):
            for j in range(2):
                s.weighting_memory[side, section, j] = 0.0
        for i in range(PEAK_TAPS + SLICE):
            s.peak_history[side, i] = 0.0


@inline
def _weigh(s, side, first, stop):
    """Add up the squares of samples [first, stop) behind the K filter."""
    z = s.weighting_memory[side]
    a, b, c, e = z[0, 0], z[0, 1], z[1, 0], z[1, 1]
    f, g = s.weighting[0], s.weighting[1]
    total = 0.0
    for i in range(first, stop):
        x = s.scratch[side, i]
        if not abs(x) < 1e6:
            x = 0.0
        y = f[0] * x + a
        a = f[1] * x + (b - f[3] * y)
        b = f[2] * x - f[4] * y
        v = g[0] * y + c
        c = g[1] * y + (e - g[3] * v)
        e = g[2] * y - g[4] * v
        total += v * v
    z[0, 0] = a if abs(a) > 1e-30 else 0.0
    z[0, 1] = b if abs(b) > 1e-30 else 0.0
    z[1, 0] = c if abs(c) > 1e-30 else 0.0
    z[1, 1] = e if abs(e) > 1e-30 else 0.0
    s.loudness_sum[side] += total


@inline
def _find_peak(s, side, n):
    """Look for the highest value between the samples."""
    history = s.peak_history[side]
    between = s.peak_between
    for i in range(n):
        x = s.scratch[side, i]
        history[PEAK_TAPS + i] = x if abs(x) < 1e6 else 0.0
    peak = s.true_peak
    for phase in range(PEAK_PHASES):
        for i in range(n):
            between[i] = 0.0
        for tap in range(PEAK_TAPS):
            factor = s.peak_taps[phase, tap]
            for i in range(n):
                between[i] += factor * history[1 + tap + i]
        for i in range(n):
            peak = max(peak, abs(between[i]))
    s.true_peak = peak
    for i in range(PEAK_TAPS):
        history[i] = history[n + i]


@compiled_as(UNIT)
def measure(user):
    """Measure a slice of the mix; see the module."""
    s = carray(user, (1,))[0]
    n = min(s.mix_count, SLICE)
    if s.loudness_forget != s.loudness_forgot:
        _forget(s)
    done = 0
    while done < n:
        edge = int(0.1 * (s.steps_count + 1) * s.rate)
        stop = min(n, done + edge - s.loudness_samples)
        for side in range(2):
            _weigh(s, side, done, stop)
        s.loudness_samples += stop - done
        done = stop
        if s.loudness_samples >= edge:
            s.steps[s.steps_count % STEPS] = s.loudness_sum[0] + s.loudness_sum[1]
            s.steps_count += 1
            s.loudness_sum[0] = 0.0
            s.loudness_sum[1] = 0.0
    for side in range(2):
        _find_peak(s, side, n)
    ll, lr, rr = 0.0, 0.0, 0.0
    for i in range(n):
        left, right = s.scratch[0, i], s.scratch[1, i]
        ll += left * left
        lr += left * right
        rr += right * right
    decay = math.exp(-n / (_CORRELATION_SECONDS * s.rate))
    s.cross[0] = s.cross[0] * decay + ll
    s.cross[1] = s.cross[1] * decay + lr
    s.cross[2] = s.cross[2] * decay + rr
