"""The demo song that ships: whole, clean, exactly the sum of its stems, and made by the script beside it."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "resources" / "demo"
STEMS = ("drums", "bass", "chords", "lead")


@pytest.fixture(scope="module")
def stems():
    return {name: soundfile.read(DEMO / "stems" / f"{name}.flac", dtype="int16")[0] for name in STEMS}


@pytest.fixture(scope="module")
def song():
    return soundfile.read(DEMO / "demo.flac", dtype="int16")[0]


@pytest.fixture(scope="module")
def composer():
    # the script finds its own modules beside itself, as when it is run
    sys.path.insert(0, str(ROOT / "packaging"))
    try:
        import compose_demo
    finally:
        sys.path.remove(str(ROOT / "packaging"))
    return compose_demo


def test_stems_add_up_to_the_song_exactly(song, stems):
    assert all(stem.shape == song.shape for stem in stems.values())
    assert np.array_equal(sum(stem.astype(np.int32) for stem in stems.values()), song)


def test_song_is_about_forty_seconds_of_stereo_and_small():
    info = soundfile.info(DEMO / "demo.flac")
    assert (info.samplerate, info.channels, info.subtype) == (44100, 2, "PCM_16")
    assert 38 < info.duration < 44
    assert sum(file.stat().st_size for file in DEMO.rglob("*.flac")) < 12e6


def test_song_is_loud_enough_and_does_not_clip(song):
    import pyloudnorm

    peak = 20 * np.log10(np.abs(song.astype(float)).max() / 32768)
    assert -1.5 < peak < -0.5
    assert pyloudnorm.Meter(44100).integrated_loudness(song / 32768) == pytest.approx(-14, abs=1.5)


@pytest.mark.parametrize("name", STEMS)
def test_stem_starts_and_ends_in_silence_without_offset(stems, name):
    stem = stems[name] / 32768
    assert np.abs(stem[:20]).max() < 0.01
    assert np.abs(stem[-200:]).max() < 1e-3
    assert np.abs(stem.mean(axis=0)).max() < 1e-5


def test_stems_differ_in_register_and_width(stems):
    """Bass sits low, hats high, chords wide: what separators and eyes tell apart."""

    def share_below(name, hz):
        power = np.abs(np.fft.rfft(stems[name].astype(float).mean(axis=1))) ** 2
        return power[: int(hz * len(stems[name]) / 44100)].sum() / power.sum()

    def width(name):
        left, right = stems[name].astype(float).T
        return np.sum((left - right) ** 2) / np.sum((left + right) ** 2)

    assert share_below("bass", 250) > 0.9
    assert share_below("lead", 200) < 0.01
    assert share_below("chords", 100) < 0.01
    assert 1 - share_below("drums", 4000) > 0.02
    assert width("chords") > 5 * width("lead") > 5 * width("bass")


def test_drums_rest_in_the_break(stems):
    bar = 4 * 60 / 104 * 44100
    resting = stems["drums"][int(9.2 * bar) : int(9.95 * bar)]
    playing = stems["drums"][int(5.2 * bar) : int(5.95 * bar)]
    assert np.abs(resting).max() < 0.01 * np.abs(playing).max()
    assert all(np.abs(stems[name][int(9.2 * bar) : int(9.95 * bar)]).max() > 1000 for name in STEMS[1:])


def test_title_and_cover_are_in_the_file():
    import mutagen.flac

    file = mutagen.flac.FLAC(DEMO / "demo.flac")
    assert file["title"] == ["StemStudio demo"]
    assert file["artist"] == ["StemStudio demo"]
    assert file.pictures[0].data.startswith(b"\x89PNG")


def test_script_renders_the_very_samples_that_ship(composer, stems):
    """Five bars: the intro with its fill, and the first bar in which everybody plays."""
    excerpt = composer.render(bars=5)
    length = excerpt["drums"].shape[1]
    assert length > 11 * 44100
    for name in STEMS:
        assert np.abs(excerpt[name]).max() > 1000, name
        # other processors round sines and filters differently in the last place: one step of 16 bits, rarely
        off = np.abs(excerpt[name].T.astype(int) - stems[name][:length])
        assert off.max() <= 1, name
        assert np.count_nonzero(off) < 20, name


def test_another_seed_plays_it_a_little_differently(composer):
    first, again, second = (composer.render(bars=2, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in STEMS)
    assert not np.array_equal(first["chords"], second["chords"])


def test_mix_refuses_to_clip(composer):
    loud = np.full((2, 10), 20000, np.int16)
    with pytest.raises(ValueError, match="40000"):
        composer.mix({"a": loud, "b": loud})
