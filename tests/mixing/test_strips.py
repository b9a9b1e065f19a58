"""What strips do, heard through the audio callback and in a mixdown: filters, width, curves, sends."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt, sosfreqz

from stemstudio.mixing.deck import Deck
from stemstudio.mixing.filters import equaliser_array, equaliser_sections, response_db
from stemstudio.mixing.mixdown import BehindStrips, Mixdown
from stemstudio.mixing.mixer import mix_block
from stemstudio.mixing.strips import EDGE_SECONDS, Strips, curve_array, curve_points, strips_of
from stemstudio.project.effects import Effects, Equaliser
from stemstudio.project.stem import Stem

RATE = 44100
FADE, RAMP = 220, 441
EQUALISER = Equaliser(low_cut=60.0, low=4.0, mid=-6.0, mid_at=800.0, high=3.0, high_cut=12_000.0)
TINY = 10 ** (-90 / 20)


def strip(number: int = 1, **fields) -> Stem:
    return Stem(number, f"stem {number}", "#ffffff", 0, **fields)


def mixed(stems, strips, effects=None, start=0):
    return Mixdown(strips_of(strips, stems[0].shape[0], RATE), effects or Effects(), RATE, start).mix(stems)


def noise(seconds: float, channels: int = 2, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((channels, int(seconds * RATE)))).astype(np.float32)


def hum(seconds: float) -> np.ndarray:
    """A slow sine on both sides, on which every click stands out."""
    time = np.arange(int(seconds * RATE)) / RATE
    return np.tile(0.5 * np.sin(2 * np.pi * 100 * time), (2, 1)).astype(np.float32)


def biggest_jump(sound: np.ndarray) -> float:
    return float(np.abs(np.diff(sound, axis=1)).max())


def bend(sound: np.ndarray) -> float:
    """How sharply a sound turns at most: a click turns far more sharply than any slow sine."""
    return float(np.abs(np.diff(sound, 2, axis=1)).max())


# filters


def test_cuts_are_those_of_scipy():
    found = equaliser_sections(Equaliser(low_cut=80.0, high_cut=9000.0), RATE)
    low = butter(2, 80.0, "highpass", fs=RATE, output="sos")[0]
    high = butter(2, 9000.0, "lowpass", fs=RATE, output="sos")[0]
    np.testing.assert_allclose(found[0], [*low[:3], *low[4:]], atol=1e-9)
    np.testing.assert_allclose(found[1], [*high[:3], *high[4:]], atol=1e-9)


def test_bands_do_what_their_knobs_say():
    equaliser = Equaliser(low=6.0, low_at=200.0, mid=-9.0, mid_at=1500.0, high=4.0, high_at=8000.0)
    shape = response_db(
        equaliser_sections(equaliser, RATE), RATE, np.array([5.0, 200.0, 1500.0, 8000.0, 21_000.0])
    )
    np.testing.assert_allclose(shape, [6.0, 3.0, -9.0, 2.0, 4.0], atol=0.45)
    sos = [[*each[:3], 1.0, *each[3:]] for each in equaliser_sections(equaliser, RATE)]
    hertz = np.geomspace(20, 20_000, 60)
    _, expected = sosfreqz(sos, hertz, fs=RATE)
    np.testing.assert_allclose(
        response_db(equaliser_sections(equaliser, RATE), RATE, hertz),
        20 * np.log10(np.abs(expected)),
        atol=1e-6,
    )


def test_flat_equaliser_is_no_filter_and_equal_ones_are_one():
    assert equaliser_array(Equaliser(low_at=300.0), RATE) is None
    assert equaliser_array(Equaliser(low=1.0), RATE) is equaliser_array(Equaliser(low=1.0), RATE)
    for rate in (8000.0, 192_000.0):
        high = equaliser_sections(Equaliser(high=12.0, high_at=20_000.0, high_cut=22_000.0), rate)
        for section in high:
            assert np.abs(np.roots([1.0, *section[3:]])).max() < 1.0  # stable even above half the rate


@pytest.mark.parametrize("channels", [1, 2])
def test_stem_is_filtered_as_scipy_does(channels):
    sound = noise(0.5, channels)
    sos = [[*each[:3], 1.0, *each[3:]] for each in equaliser_sections(EQUALISER, RATE)]
    expected = np.broadcast_to(sosfilt(sos, sound.astype(float)), (2, sound.shape[1]))
    np.testing.assert_allclose(mixed([sound], [strip(equaliser=EQUALISER)]), expected, atol=1e-6)


# the plainest strips, and what else they do


def test_simple_strips_sound_the_same_with_and_without_the_engine(monkeypatch):
    stems = [noise(0.2, 2, 1), noise(0.2, 1, 2), noise(0.2, 2, 3)]
    strips = Strips.plain(np.array([[0.5, 1.0], [0.3, -0.7], [0.0, 0.0]]))
    assert strips.simple
    without = Mixdown(strips, Effects(), RATE).mix(stems)
    monkeypatch.setattr(Strips, "simple", False)
    np.testing.assert_array_equal(Mixdown(strips, Effects(), RATE).mix(stems), without)


def test_flip_nulls_against_the_stem_itself():
    sound = noise(0.1)
    assert not mixed([sound, sound], [strip(), strip(2, flip=True)]).any()


def test_mono_width_leaves_only_the_middle():
    sound = noise(0.1)
    mix = mixed([sound], [strip(width=0.0)])
    np.testing.assert_allclose(mix, np.tile(sound.mean(axis=0), (2, 1)), atol=1e-7)


def test_not_finite_sound_does_not_silence_the_filters_for_ever():
    sound = noise(0.5)
    sound[:, 1000] = np.nan
    mix = mixed([sound], [strip(equaliser=EQUALISER, reverb_db=0.0, delay_db=0.0)])
    assert np.isfinite(mix[:, 5000:]).all()
    assert mix[:, 5000:].std() > 0.05


# curves


def test_muted_stretch_is_silent_and_nothing_else_is_touched():
    sound = noise(1.0)
    mix = mixed([sound], [strip(mutes=((0.25, 0.5),))])
    first, last = int(0.25 * RATE), int(0.5 * RATE)
    edge = int(EDGE_SECONDS * RATE) + 1
    np.testing.assert_array_equal(mix[:, :first], sound[:, :first])
    np.testing.assert_array_equal(mix[:, last + 1 :], sound[:, last + 1 :])
    assert not mix[:, first + edge : last - edge].any()


def test_envelope_goes_straight_from_point_to_point():
    sound = np.ones((2, RATE), np.float32)
    mix = mixed([sound], [strip(envelope=((0.2, 1.0), (0.4, 0.0), (0.6, 1.5)))])
    time = np.arange(RATE) / RATE
    np.testing.assert_allclose(mix[0], np.interp(time, (0.2, 0.4, 0.6), (1.0, 0.0, 1.5)), atol=1e-6)
    np.testing.assert_array_equal(mix[0], mix[1])


def test_curve_knows_its_place_in_the_song():
    sound, strips = noise(1.0), [strip(envelope=((0.3, 1.0), (0.6, 0.2)), mutes=((0.7, 0.8),))]
    whole = mixed([sound], strips)
    part = mixed([sound[:, 12_345:]], strips, start=12_345)
    np.testing.assert_allclose(part, whole[:, 12_345:], atol=1e-7)


def test_muted_stretches_that_overlap_are_one_and_steps_become_ramps():
    assert curve_points((), ((1.0, 2.0), (1.5, 3.0))) == curve_points((), ((1.0, 3.0),))
    assert curve_array((), ((2.0, 2.0),), RATE) is None
    (first, _), (second, _) = curve_points(((1.0, 1.0), (1.0, 0.0)), ())
    assert second - first == pytest.approx(EDGE_SECONDS)


# reverb and delay


def test_reverb_falls_by_60_db_in_its_time():
    click = np.zeros((2, 3 * RATE), np.float32)
    click[:, 0] = 1.0
    wet = mixed([click], [strip(reverb_db=0.0)], Effects(reverb_seconds=1.2, reverb_damping=0.0)) - click
    power = (wet.astype(float) ** 2).sum(axis=0)
    left = 10 * np.log10(np.cumsum(power[::-1])[::-1] / power.sum() + 1e-15)
    fall = (np.argmax(left < -35) - np.argmax(left < -5)) / RATE
    assert 2 * fall == pytest.approx(1.2, rel=0.1)
    assert np.abs(np.corrcoef(wet)[0, 1]) < 0.3  # wide
    assert 0.3 < power.sum() / 2 < 3.0  # as much as was sent, roughly


def test_delay_repeats_in_its_time_each_softer_by_the_feedback():
    click = np.zeros((2, RATE), np.float32)
    click[0, 100] = 1.0
    effects = Effects(delay_ms=100.0, delay_feedback=0.5, delay_damping=0.0)
    wet = mixed([click], [strip(delay_db=-6.0206)], effects) - click
    places = np.flatnonzero(np.abs(wet[0]) > 1e-6)
    np.testing.assert_array_equal(places[:4], 100 + 4410 * np.arange(1, 5))
    np.testing.assert_allclose(wet[0, places[:4]], 0.5 ** np.arange(1, 5), rtol=1e-4)
    assert not wet[1].any()


def test_muted_stem_sends_nothing():
    assert not mixed([noise(0.3)], [strip(mute=True, reverb_db=0.0, delay_db=0.0)]).any()


# bounce and playback


@pytest.fixture
def strips() -> list[Stem]:
    return [
        strip(1, gain_db=-3.0, pan=0.3, width=1.4, equaliser=EQUALISER, reverb_db=-10.0),
        strip(2, flip=True, delay_db=-8.0, envelope=((0.1, 1.0), (0.9, 0.3)), mutes=((0.4, 0.5),)),
        strip(3, pan=-0.6, equaliser=Equaliser(high=-6.0)),
    ]


def playing(stems, strips, effects=None) -> Deck:
    deck = Deck(RATE)
    deck.load(mix_block(stems, np.ones((len(stems), 2))), RATE)
    deck.set_stems(stems, None, strips_of(strips, 2, RATE))
    deck.set_effects(effects or Effects(delay_ms=130.0, reverb_seconds=0.8))
    deck.play()
    return deck


EFFECTS = Effects(delay_ms=90.0, delay_feedback=0.2, reverb_seconds=0.5)


def bounced(stems, strips, block=20_000):
    mixdown = Mixdown(strips_of(strips, 2, RATE), EFFECTS, RATE)
    length = stems[0].shape[1]
    pieces = [mixdown.mix([stem[:, low : low + block] for stem in stems]) for low in range(0, length, block)]
    return np.concatenate(pieces, axis=1)


def test_bounce_equals_what_was_played(strips, tape):
    stems = [noise(1.0, 2, seed) for seed in range(3)]
    heard = tape(playing(stems, strips, EFFECTS), 333).run(40_000)
    assert np.abs(heard - bounced(stems, strips)[:, :40_000])[:, FADE:].max() < TINY


def test_bounce_equals_what_is_played_once_changes_have_settled(strips, tape):
    stems = [noise(2.5, 2, seed) for seed in range(3)]
    deck = playing(stems, strips, EFFECTS)
    recorder = tape(deck, 512)
    recorder.run(2048)
    deck.set_gains(strips_of([strip(1), strip(2, mute=True), strip(3, reverb_db=0.0, pan=1.0)], 2, RATE))
    recorder.run(6 * 512)
    deck.set_effects(Effects(delay_ms=300.0))
    recorder.run(2048)
    deck.set_gains(strips_of(strips, 2, RATE))
    deck.set_effects(EFFECTS)
    recorder.run(1024)
    rest = recorder.run(90_000)
    at = 2 * RATE
    begun = 8192
    difference = rest[:, at - begun :] - bounced(stems, strips)[:, at : 90_000 + begun]
    assert np.abs(difference).max() < TINY


def test_same_place_sounds_the_same_each_time(strips, tape):
    stems = [noise(1.0, 2, seed) for seed in range(3)]
    deck = playing(stems, strips)
    recorder = tape(deck)
    takes = []
    for _ in range(2):
        deck.seek(10_000)
        deck.play()
        takes.append(recorder.run(20_480))
        deck.pause()
        recorder.run(2048)
    np.testing.assert_array_equal(*takes)


def test_whatever_is_changed_never_clicks(tape):
    sound = hum(4.0)
    deck = playing([sound], [strip(gain_db=-6.0)])
    recorder = tape(deck, 256)
    recorder.run(2048)
    changes = [
        {"equaliser": Equaliser(mid=12.0, mid_at=100.0, mid_width=2.0)},
        {"equaliser": Equaliser(low_cut=300.0)},
        {},
        {"width": 0.2},
        {"flip": True},
        {"envelope": ((0.0, 0.2), (4.0, 0.2))},
        {"mutes": ((0.0, 4.0),)},
        {"mute": True},
        {"pan": -1.0},
    ]
    heard = []
    for turn in range(3 * len(changes)):
        deck.set_gains(strips_of([strip(gain_db=-6.0, **changes[turn % len(changes)])], 2, RATE))
        heard.append(recorder.run(300 if turn % 2 else 1500))
    assert (
        bend(np.concatenate(heard, axis=1)) < 2.5 / RAMP
    )  # the kinks of the steepest ramp of all, from +12 dB to −12 dB turned over


def test_effects_that_are_changed_never_click(tape):
    deck = playing([hum(3.0)], [strip(reverb_db=-6.0, delay_db=-6.0)])
    recorder = tape(deck, 256)
    heard = [recorder.run(RATE)]
    for ms, level in ((50.0, 0.0), (400.0, -20.0), (51.0, 6.0), (350.0, -60.0)):
        deck.set_effects(Effects(delay_ms=ms, reverb_level=level, reverb_before=ms / 2, delay_level=-6.0))
        heard.append(recorder.run(3000))
    out = np.concatenate(heard, axis=1)[:, FADE:]
    assert biggest_jump(out) < 0.06


def test_tail_is_gone_after_a_seek_and_after_a_pause(tape):
    burst = np.zeros((2, 4 * RATE), np.float32)
    burst[:, :4000] = hum(1.0)[:, :4000] * np.hanning(4000)
    deck = playing([burst], [strip(reverb_db=0.0)])
    recorder = tape(deck)
    assert recorder.run(8192)[:, 5000:].std() > 1e-3  # it rings
    deck.seek(2 * RATE)
    out = recorder.run(8192)
    assert biggest_jump(out) < 0.02
    assert not out[:, 512 + 2 * FADE :].any()
    deck.seek(0)
    recorder.run(8192)
    deck.pause()
    recorder.run(2048)
    deck.seek(3 * RATE)
    deck.play()
    assert not recorder.run(8192).any()


def test_tail_rings_on_over_a_loop_but_not_over_the_original(tape):
    song = np.zeros((2, RATE), np.float32)
    song[:, :3000] = noise(1.0)[:, :3000]
    deck = playing([song], [strip(reverb_db=0.0)])
    deck.set_loop(0, 12_000)
    recorder = tape(deck)
    once = recorder.run(12_000)
    twice = recorder.run(12_000)
    assert np.abs(twice[:, 3500:] - once[:, 3500:]).max() > 1e-3
    deck.set_source("original")
    recorder.run(1024)
    np.testing.assert_array_equal(recorder.run(6000)[:, :6000], song[:, 1024:7024])


def test_stems_behind_their_strips_add_up_to_the_dry_mix(strips):
    stems = [noise(1.5, 2, seed) for seed in range(3)]
    numbers = strips_of(strips, 2, RATE)
    whole = Mixdown(
        Strips(numbers.gains * [1, 1, 1, 1, 0, 0], numbers.filters, numbers.curves), Effects(), RATE
    ).mix(stems)
    behind = BehindStrips(numbers, RATE)
    assert behind.context > 0
    low = RATE - behind.context
    parts = behind.heard([stem[:, low:] for stem in stems], low)
    assert np.abs(sum(parts) - whole[:, low:])[:, behind.context :].max() < TINY
