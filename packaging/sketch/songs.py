"""Songs: some seconds of music from a seed, as four stems that add up to it."""

from collections.abc import Sequence

import numpy as np
from sketch import composing, kit, patches, studio
from sketch.composing import Note, Plan
from sketch.sound import RATE, Chance, Signal, between, filtered, noise, panned, place, scaled
from sketch.voices import Sung, singing

STEMS = ("drums", "bass", "other", "vocals")
TAKES = 2
"""How often the same note is rendered anew."""
HELD_BACK = 10_000_000
"""Seeds from here on are never learned from: they are what the model is tested on."""


def song(seed: int, seconds: float) -> Signal:
    """The stems of a song: float32 (4, 2, samples), in the order of `STEMS`; their sum peaks at about 0.9."""
    chance = np.random.default_rng(seed)
    plan, n = Plan(chance, seconds), int(seconds * RATE)
    answer = studio.room(chance)
    wet = scaled(chance, 0.05, 0.8)
    stems = [
        studio.treated(_drums(plan, n, chance), chance, answer, wet=0.4 * wet, beat=plan.beat, drive=0.35),
        studio.treated(_bass(plan, n, chance), chance, answer, wet=0.15 * wet, beat=plan.beat, drive=0.35),
        _harmony(plan, n, chance, answer, wet),
        studio.treated(_vocals(plan, n, chance), chance, answer, wet=wet, beat=plan.beat, drive=0.1),
    ]
    if chance.random() < 0.2:
        depth = between(chance, 0.2, 0.9)
        stems[1:3] = [studio.pumped(stem, plan.beat, depth, plan.late % plan.beat) for stem in stems[1:3]]
    # In dB against each other, as songs are mixed.
    levels = 10 ** (chance.normal((0, -1, 0, 0), 2.5) / 20)
    track = np.stack([_levelled(stem) * level for stem, level in zip(stems, levels, strict=True)])
    track = _rested(track, plan, chance)
    peak = float(np.abs(track.sum(axis=0)).max())
    return (track * (0.9 / max(peak, 1e-6))).astype(np.float32)


def _levelled(stem: Signal) -> Signal:
    """Of the same loudness where it sounds at all."""
    power = (stem.astype(np.float64) ** 2).mean(0)
    loud = power[power > 1e-3 * power.max()] if power.max() > 0 else power
    return stem * np.float32(0.1 / np.sqrt(loud.mean() + 1e-12)) if loud.size and power.max() > 0 else stem


def _rested(track: Signal, plan: Plan, chance: Chance) -> Signal:
    """Some players rest for some bars."""
    n = track.shape[-1]
    for stem in range(len(track)):
        if chance.random() < 0.15:
            bar = 4 * plan.beat
            begin = plan.late + bar * int(chance.integers(0, plan.bars))
            low, high = (
                int(np.clip(x * RATE, 0, n)) for x in (begin, begin + bar * int(chance.integers(1, 3)))
            )
            if high - low > 2000:
                ramp = np.ones(n, np.float32)
                ramp[low:high] = 0
                track[stem] *= np.convolve(ramp, np.ones(441, np.float32) / 441, "same")
    return track


def _drums(plan: Plan, n: int, chance: Chance) -> Signal:
    track, pieces = np.zeros((2, n), np.float32), kit.kit(chance)
    for hit in composing.drums(plan, chance):
        strokes = pieces[hit.drum]
        place(track, strokes[int(chance.integers(len(strokes)))], hit.start, hit.velocity)
    return track


def _played(notes: Sequence[Note], play: patches.Play, tuning: float, n: int, chance: Chance) -> Signal:
    track = np.zeros((2, n), np.float32)
    takes: dict[tuple[float, int, int], list[Signal]] = {}
    for note in notes:
        if not -note.length < note.start < n / RATE:
            continue
        # A few takes of every note are enough.
        loud, held = round(note.velocity * 6), round(note.length * 40)
        ready = takes.setdefault((note.pitch, loud, held), [])
        if len(ready) < TAKES:
            ready.append(play(note.pitch + tuning, max(loud, 1) / 6, max(held, 1) / 40, chance))
            place(track, ready[-1], note.start)
        else:
            place(track, ready[int(chance.integers(TAKES))], note.start)
    return track


def _bass(plan: Plan, n: int, chance: Chance) -> Signal:
    track = _played(composing.bass(plan, chance), patches.bass(chance), plan.tuning, n, chance)
    if chance.random() < 0.5:
        track = filtered(track, scaled(chance, 500, 8000), "lowpass")
    return track


def _harmony(plan: Plan, n: int, chance: Chance, answer: Signal, wet: float) -> Signal:
    """Chords of one to three instruments, now and then a line or sounds from nowhere."""
    total = np.zeros((2, n), np.float32)
    for _ in range(int(chance.choice([1, 1, 2, 2, 3]))):
        part = _played(composing.chords(plan, chance), patches.harmony(chance), plan.tuning, n, chance)
        if chance.random() < 0.2:
            part = studio.driven(part, scaled(chance, 1, 12))
        pan = between(chance, -0.8, 0.8) * (chance.random() < 0.6)
        part = part * np.array([[min(1.0, 1 - pan)], [min(1.0, 1 + pan)]], np.float32)
        part = studio.treated(part, chance, answer, wet=wet, beat=plan.beat, drive=0.2)
        total += _levelled(part) * scaled(chance, 0.3, 1.0)
    if chance.random() < 0.4:
        line = composing.melody(plan, chance, between(chance, 55, 84), busy=between(chance, 0, 2), rests=1.0)
        part = _played(line, patches.harmony(chance), plan.tuning, n, chance)
        part = studio.treated(part, chance, answer, wet=wet, beat=plan.beat, drive=0.2)
        total += _levelled(part) * scaled(chance, 0.3, 1.0)
    if chance.random() < 0.1:
        total += _levelled(_sweep(n, chance)) * scaled(chance, 0.1, 0.5)
    floor = scaled(chance, 40, 220)
    return filtered(total, floor, "highpass")


def _sweep(n: int, chance: Chance) -> Signal:
    """Noise that rises, falls or just hisses."""
    t = np.linspace(0, 1, n, dtype=np.float32)
    level = (t**2, (1 - t) ** 2, np.full_like(t, 0.5))[int(chance.integers(3))]
    low = scaled(chance, 300, 4000)
    return panned(filtered(noise(chance, n), (low, 3 * low), "bandpass") * level, 0.0)


def _vocals(plan: Plan, n: int, chance: Chance) -> Signal:
    line = composing.melody(plan, chance, between(chance, 55, 70), busy=between(chance, 0, 2.5), rests=1.0)
    notes = [Sung(note.start, note.length, note.pitch + plan.tuning) for note in line]
    return singing(notes, n, chance)
