"""Sound at another tempo and in another key: as long as it should be, in tune, its attacks sharp and in their places."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.fft import next_fast_len

from stemstudio.audio.reading import read_song
from stemstudio.mixing.stretching import Stretcher, _quick_to_transform, reach, stretched, stretched_length

RATE = 44100
DRUMS = Path(__file__).resolve().parents[2].parent / "shared" / "audio" / "stems" / "drums"


def tone(hertz: float, seconds: float, rate: int = RATE) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * hertz * time), 0.25 * np.sin(2 * np.pi * hertz * time)]).astype(
        np.float32
    )


def pitch_of(sound: np.ndarray) -> float:
    """The frequency, in cycles a sample, of the strongest partial."""
    window = np.hanning(sound.size)
    power = np.abs(np.fft.rfft(sound * window, 8 * sound.size))
    return float(power.argmax() / (8 * sound.size))


@pytest.mark.parametrize("tempo", [0.25, 0.8, 1.37, 2.0])
def test_another_tempo_changes_the_length_and_nothing_else(tempo):
    song = tone(440, 2.0)
    out = stretched(song, RATE, tempo, 0.0)
    assert out.shape == (2, stretched_length(song.shape[1], tempo))
    assert out.shape[1] == pytest.approx(song.shape[1] / tempo, abs=1)
    middle = out[:, out.shape[1] // 4 : -out.shape[1] // 4]
    assert pitch_of(middle[0]) * RATE == pytest.approx(440, rel=5e-4)
    # As loud as it was, all the time, and in its place between left and right.
    steps = [np.sqrt(np.mean(piece**2)) for piece in np.array_split(middle[0], 20)]
    np.testing.assert_allclose(steps, 0.5 / np.sqrt(2), rtol=0.03)
    np.testing.assert_allclose(middle[1], 0.5 * middle[0], atol=1e-3)


@pytest.mark.parametrize("semitones", [-12.0, -2.0, 7.0, 12.0])
def test_another_key_changes_the_pitch_and_not_the_length(semitones):
    song = tone(330, 1.0)
    out = stretched(song, RATE, 1.0, semitones)
    assert out.shape == song.shape
    middle = out[0, RATE // 4 : -RATE // 4]
    cents = 1200 * np.log2(pitch_of(middle) * RATE / 330)
    assert cents == pytest.approx(100 * semitones, abs=3)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


def test_a_higher_key_does_not_fold_highs_back():
    out = stretched(tone(15000, 1.0), RATE, 1.0, 12.0)
    assert np.abs(out[:, RATE // 4 : -RATE // 4]).max() < 0.01


def test_tempo_1_in_the_same_key_is_the_song_itself():
    song = tone(440, 0.5)
    assert stretched(song, RATE, 1.0, 0.0) is song


@pytest.mark.parametrize("tempo", [0.5, 0.8, 1.5])
def test_hits_stay_as_sharp_as_they_were_and_in_their_places(tempo):
    song = np.zeros((1, 4 * RATE), np.float32)
    hits = [round(second * RATE) for second in (0.5, 1.03, 1.5, 2.21, 3.0)]
    decay = np.exp(-np.arange(4000) / 500) * np.random.default_rng(3).standard_normal(4000)
    for hit in hits:
        song[0, hit : hit + 4000] += 0.3 * decay
    out = stretched(song, RATE, tempo, 0.0)[0]
    for hit in hits:
        place = round(hit / tempo)
        near = np.abs(out[place - 2000 : place + 2000])
        begun = place - 2000 + int(np.argmax(near > 0.1 * near.max()))
        assert abs(begun - place) < 0.002 * RATE  # 2 ms
        before = np.mean(out[begun - 1500 : begun - 50] ** 2)
        assert before < 1e-3 * np.mean(
            out[begun : begun + 1500] ** 2
        )  # 30 dB: nothing sounds ahead of the hit


def test_pieces_make_the_whole_wherever_they_are_cut():
    song = tone(440, 1.0)
    song[:, 9000:] *= 0.1  # and an attack where it comes back
    song[:, 20000:] *= 10
    whole = stretched(song, RATE, 0.8, 3.0)
    stretcher = Stretcher(song, RATE, 0.8, 3.0)
    cuts = [0, 17, 5000, 5001, 20000, 41234, whole.shape[1]]
    pieces = [stretcher.read(a, b) for a, b in pairwise(cuts)]
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=1e-3)


def test_going_back_a_little_reads_the_same_again():
    stretcher = Stretcher(tone(440, 1.0), RATE, 0.8, 0.0)
    first = stretcher.read(10000, 20000)
    np.testing.assert_allclose(stretcher.read(19500, 21000)[:, :500], first[:, -500:], atol=1e-6)


def test_a_new_tempo_waits_for_no_library():
    code = (
        "import sys; from stemstudio.mixing.stretching import reach; reach(44100, 0.8, 2.0); "
        "assert 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    sizes = range(8, 3000, 7)
    assert [_quick_to_transform(size) for size in sizes] == [next_fast_len(size, real=True) for size in sizes]


def test_two_runs_agree_after_the_next_attack():
    song = tone(200, 3.0)
    song[:, :RATE] *= 0.05  # a jump in level at 1 s is an attack
    whole = stretched(song, RATE, 0.8, 0.0)
    later = Stretcher(song, RATE, 0.8, 0.0)
    start, settled = round(0.7 * RATE / 0.8), round(1.1 * RATE / 0.8)
    late = later.read(start, start + 2 * RATE)
    difference = late[:, settled - start :] - whole[:, settled : start + 2 * RATE]
    assert np.abs(difference).max() < 1e-4


def test_only_so_much_around_a_place_is_looked_at():
    song = np.random.default_rng(0).standard_normal((1, 6 * RATE)).astype(np.float32)
    song *= np.repeat(np.random.default_rng(1).choice([0.1, 1.0], 60), RATE // 10)
    other = song.copy()
    other[:, : 2 * RATE] = 0.0
    other[:, 4 * RATE :] = 0.0
    first, last = 2 * RATE + reach(RATE, 0.8, 0.0), 4 * RATE - reach(RATE, 0.8, 0.0)
    begin, end = round(first / 0.8), round(last / 0.8)
    read = [Stretcher(sound, RATE, 0.8, 0.0).read(begin, end) for sound in (song, other)]
    np.testing.assert_array_equal(*read)


@pytest.mark.parametrize("length", [0, 1, 100, 5000])
def test_short_and_silent_sound_comes_out_without_complaint(length):
    out = stretched(np.zeros((1, length), np.float32), 8000, 0.5, -5.0)
    assert out.shape == (1, 2 * length)
    assert not out.any()


def test_impossible_tempi_and_keys_are_refused():
    with pytest.raises(ValueError, match=r"0\.1"):
        Stretcher(tone(440, 0.1), RATE, 0.1, 0.0)
    with pytest.raises(ValueError, match="13"):
        Stretcher(tone(440, 0.1), RATE, 1.0, 13.0)


@pytest.mark.skipif(not DRUMS.exists(), reason="no real audio here")
@pytest.mark.parametrize("kit", ["808", "Funky"])
def test_real_drums_keep_their_onsets(kit):
    song = read_song(DRUMS / f"runningExample_{kit}Mixture.wav").samples
    rate = 44100
    lines = (DRUMS / f"runningExample_{kit}Drums.txt").read_text().split("\n")
    onsets = sorted({float(line.split()[0]) for line in lines if line.strip()})
    alone = [b for a, b in pairwise(onsets) if b - a > 0.15 and b < song.shape[1] / rate - 0.3]
    out = stretched(song, rate, 0.5, 0.0)[0]

    def begun(sound: np.ndarray, second: float) -> float:
        middle = round(second * rate)
        power = np.convolve(sound[middle - 2000 : middle + 2600] ** 2, np.ones(64) / 64)
        return second + (int(np.argmax(power > 0.3 * power.max())) - 2032) / rate

    late = [begun(out, 2 * begun(song[0], onset)) - 2 * begun(song[0], onset) for onset in alone]
    assert len(late) >= 8
    assert np.median(np.abs(late)) < 0.003
