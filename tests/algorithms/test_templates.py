"""Template sets: learned, carried to other songs, kept in files and in the library."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from stemstudio.algorithms.nmf.learning import Example, learn_templates, suggested_atoms
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.template_files import SUFFIX, UnreadableTemplate, read_template, write_template
from stemstudio.algorithms.nmf.template_library import NoSuchTemplate, TemplateLibrary, library_folder
from stemstudio.algorithms.nmf.templates import BadTemplate, TemplateSet, converted
from stemstudio.audio.audio import Audio
from stemstudio.audio.targets import FileExists
from stemstudio.errors import UnwritableFile
from stemstudio.progress import Cancelled, Progress
from stemstudio.spectral.stft import StftSettings

GRID = StftSettings(fft=2048, hop=512)


def bell(rate: int = 44100, seconds: float = 0.6, pitch: float = 523.25) -> np.ndarray:
    """A struck tone with five partials, float64 (samples,)."""
    t = np.arange(round(seconds * rate)) / rate
    partials = (1.0, 2.0, 2.98, 4.1, 5.3)
    return sum(
        0.2 / n * np.sin(2 * np.pi * pitch * ratio * t) for n, ratio in enumerate(partials, 1)
    ) * np.exp(-4 * t)


def hiss(rate: int = 44100, seconds: float = 0.3, seed: int = 1) -> np.ndarray:
    """A stroke of noise that leans to high frequencies."""
    noise = np.diff(np.random.default_rng(seed).standard_normal(round(seconds * rate) + 1))
    return 0.15 * noise * np.exp(-12 * np.arange(noise.size) / rate)


def laid(strokes: dict[float, np.ndarray], seconds: float, rate: int = 44100) -> np.ndarray:
    """Strokes at their seconds."""
    wave = np.zeros(round(seconds * rate))
    for second, stroke in strokes.items():
        start = round(second * rate)
        wave[start : start + stroke.size] += stroke[: wave.size - start]
    return wave


def audio(wave: np.ndarray, rate: int = 44100) -> Audio:
    return Audio(np.atleast_2d(wave).astype(np.float32), rate)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def sdr(true: np.ndarray, estimate: np.ndarray) -> float:
    return float(10 * np.log10((true**2).sum() / ((true - estimate) ** 2).sum()))


@pytest.fixture
def library(tmp_path: Path) -> TemplateLibrary:
    return TemplateLibrary(tmp_path / "templates")


@pytest.fixture(scope="module")
def bell_set() -> TemplateSet:
    return learn_templates(audio(bell()), "Bell", instrument="bell", atoms=1, grid=GRID, source="a tune, 0 s")


def test_one_hit_is_learned_as_its_spectrum(bell_set):
    template = bell_set.templates[:, 0]
    assert bell_set.templates.shape == (GRID.bins, 1)
    assert template.sum() == pytest.approx(1.0, abs=1e-5)
    peak = np.argmax(template) * 44100 / GRID.fft
    assert peak == pytest.approx(523.25, abs=22)
    assert not bell_set.templates.flags.writeable
    assert not bell_set.preview.flags.writeable
    assert bell_set.atom_names == ("Bell",)
    assert bell_set.preview.size == bell().size
    assert len(bell_set.learned) == 10


def test_only_the_marked_stretch_and_band_are_learned():
    song = laid({0.2: bell(), 1.0: hiss()}, 2.0)
    marked = learn_templates(audio(song), "Hiss", example=Example(1.0, 1.3), atoms=1, grid=GRID)
    alone = learn_templates(
        audio(laid({1.0: hiss()}, 2.0)), "Hiss", example=Example(1.0, 1.3), atoms=1, grid=GRID
    )
    assert cosine(marked.templates, alone.templates) > 0.97
    band = learn_templates(audio(song), "Low", example=Example(0.2, 0.8, 400.0, 700.0), atoms=1, grid=GRID)
    f = np.arange(GRID.bins) * 44100 / GRID.fft
    assert (band.templates[(f < 380) | (f > 720)] == 0).all()
    assert band.templates[(f > 500) & (f < 545)].sum() > 0.5
    power = np.abs(np.fft.rfft(band.preview)) ** 2
    heard = np.fft.rfftfreq(band.preview.size, 1 / 44100)
    assert power[(heard > 350) & (heard < 750)].sum() > 0.99 * power.sum()


def test_weights_of_any_shape_say_what_counts():
    song = audio(laid({0.2: bell(), 0.25: hiss()}, 1.2))

    def weights(first: int, last: int) -> np.ndarray:
        inside = np.zeros((GRID.bins, last - first), dtype=np.float32)
        inside[20:30] = 1.0
        return inside

    found = learn_templates(song, "Part", example=Example(0.1, 0.9, weights=weights), atoms=1, grid=GRID)
    assert (found.templates[:20] == 0).all()
    assert (found.templates[30:] == 0).all()
    assert found.templates[20:30].sum() == pytest.approx(1.0, abs=1e-5)


def test_a_hit_asks_for_fewer_atoms_than_a_tune():
    grid = StftSettings()

    def asked(wave):
        return learn_templates(audio(wave), "x", grid=grid).atoms

    tune = laid(
        {
            0.4 * step: bell(pitch=262 * 2 ** (note / 12), seconds=0.35)
            for step, note in enumerate((0, 4, 7, 11, 2, 5))
        },
        2.6,
    )
    assert asked(bell()) <= 2
    assert asked(bell()) < asked(tune) <= 16
    assert suggested_atoms(np.zeros((10, 4), dtype=np.float32)) == 1


def test_the_loudest_three_seconds_are_the_preview():
    song = laid({1.0: 0.1 * bell(), 8.0: bell(), 8.5: bell()}, 12.0)
    found = learn_templates(audio(song), "Bell", atoms=1, grid=GRID)
    assert found.preview.size == 3 * 44100
    assert (found.preview**2).sum() > 0.9 * (song[7 * 44100 :] ** 2).sum()


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (Example(1.0, 1.0), "nothing between"),
        (Example(60.0, 61.0), "The song ends at 2.0 s"),
        (Example(0.0, 0.4), "silent"),
        (Example(0.5, 1.5, 800.0, 300.0), "nothing between"),
    ],
)
def test_where_nothing_can_be_learned_one_sentence_says_why(example, words):
    song = laid({0.7: bell(seconds=0.3)}, 2.0)
    with pytest.raises(BadTemplate, match=words):
        learn_templates(audio(song), "Bell", example=example, grid=GRID)


def test_very_short_mono_stereo_and_cancelled():
    short = audio(np.array([bell()[:50], bell()[:50]]))
    found = learn_templates(short, "Tick", grid=GRID)
    assert np.isfinite(found.templates).all()
    stopped = Progress()
    stopped.cancel()
    with pytest.raises(Cancelled):
        learn_templates(short, "Tick", grid=GRID, progress=stopped)


@pytest.mark.parametrize(
    ("rate", "grid", "exponent"),
    [
        (48000, GRID, 1.0),
        (44100, StftSettings(fft=4096, hop=1024), 1.0),
        (44100, StftSettings(fft=1024, hop=256), 1.0),
        (48000, StftSettings(), 2.0),
        (22050, GRID, 1.0),
    ],
)
def test_a_template_is_carried_to_another_song_as_if_learned_there(rate, grid, exponent):
    """Learned at 44.1 kHz and carried over, against learned there: the sound itself is the same."""
    for sound in (bell, lambda rate: hiss(44100) if rate == 44100 else resampled(hiss(44100), rate)):
        here = learn_templates(audio(sound(44100)), "x", atoms=1, grid=GRID)
        there = learn_templates(audio(sound(rate), rate), "x", atoms=1, grid=grid, exponent=exponent)
        carried = here.on(grid, rate, exponent)
        assert carried.shape == (grid.bins, 1)
        assert carried.sum() == pytest.approx(1.0, abs=1e-4)
        # A spectrum cannot become sharper than it was learned: seen as coarsely, they are the same.
        wide = 2 * max(1, round(grid.fft / rate * 44100 / GRID.fft)) + 1
        known = np.arange(grid.bins) * rate / grid.fft < 0.95 * min(rate, 44100) / 2
        seen = [np.convolve(W[known, 0], np.ones(wide), "valid") for W in (carried, there.templates)]
        assert cosine(*seen) > 0.96


def resampled(wave: np.ndarray, rate: int) -> np.ndarray:
    import soxr

    return soxr.resample(wave, 44100, rate)


def test_the_same_grid_and_rate_change_nothing(bell_set):
    assert bell_set.on(GRID, 44100, 1.0) is bell_set.templates
    again = converted(bell_set.templates, (GRID, 44100, 1.0), (StftSettings(fft=2048, hop=1024), 44100, 1.0))
    np.testing.assert_array_equal(again, bell_set.templates)


def test_a_template_above_all_that_a_song_has_claims_nothing_in_particular():
    W = np.zeros((GRID.bins, 1), dtype=np.float32)
    W[-3:] = 1 / 3
    carried = converted(W, (GRID, 44100, 1.0), (GRID, 8000, 1.0))
    np.testing.assert_allclose(carried, 1 / GRID.bins, rtol=1e-5)


def test_a_file_keeps_everything(tmp_path, bell_set):
    path = write_template(tmp_path / "Bell", bell_set)
    assert path.name == "Bell.template"
    back = read_template(path)
    np.testing.assert_allclose(back.templates, bell_set.templates, rtol=1e-6)
    np.testing.assert_allclose(back.preview, bell_set.preview, atol=1e-3)
    for field in ("name", "instrument", "grid", "sample_rate", "exponent", "source", "learned"):
        assert getattr(back, field) == getattr(bell_set, field)
    assert path.stat().st_size < 150_000
    with pytest.raises(FileExists):
        write_template(path, bell_set)
    with pytest.raises(UnwritableFile):
        write_template(tmp_path / "nowhere" / "Bell", bell_set)
    assert [each.name for each in tmp_path.iterdir()] == ["Bell.template"]


def test_damaged_and_foreign_files_say_one_sentence(tmp_path, bell_set):
    from safetensors.numpy import save_file

    path = write_template(tmp_path / "Bell", bell_set)
    data = path.read_bytes()
    bad = {
        "empty": b"",
        "cut": data[:-500],
        "garbage": os.urandom(4000),
        "lie": (2**40).to_bytes(8, "little") + data[8:],
        "nan": data[:-4000] + b"\xff" * 4000,
        "words": data.replace(b'"sample_rate":"44100"', b'"sample_rate":"-4100"'),
        "older": data.replace(b"StemStudio template 1", b"StemStudio template 9"),
        "grid": data.replace(b'"fft":"2048"', b'"fft":"4096"'),
    }
    for name, content in bad.items():
        file = tmp_path / f"{name}.template"
        file.write_bytes(content)
        with pytest.raises(UnreadableTemplate, match=f"“{name}.template” cannot be used") as caught:
            read_template(file)
        assert caught.value.sentence.count(".") <= 2, caught.value.sentence
    other = tmp_path / "weights.template"
    save_file({"weight": np.zeros(3, dtype=np.float32)}, other)
    with pytest.raises(UnreadableTemplate, match="no template"):
        read_template(other)
    with pytest.raises(UnreadableTemplate, match="not there"):
        read_template(tmp_path / "none.template")
    with pytest.raises(UnreadableTemplate, match="not a file"):
        read_template(tmp_path)


def test_random_damage_gives_a_template_or_a_sentence(tmp_path, bell_set):
    data = bytearray(write_template(tmp_path / "Bell", bell_set).read_bytes())
    rng = np.random.default_rng(3)
    file = tmp_path / "damaged.template"
    for _ in range(150):
        damaged = bytearray(data)
        for place in rng.integers(0, 700 if rng.random() < 0.7 else len(data), rng.integers(1, 4)):
            damaged[place] = rng.integers(0, 256)
        file.write_bytes(damaged)
        try:
            found = read_template(file)
        except UnreadableTemplate:
            continue
        assert np.isfinite(found.templates).all()
        assert np.isfinite(found.on(StftSettings(), 48000, 1.0)).all()


def test_names_that_cannot_stand_in_a_list_are_refused(bell_set):
    for name in ("", "  ", "a,b", "a/b", "a\\b", "x" * 81, "a\x00b"):
        with pytest.raises(BadTemplate):
            TemplateSet(name, "", bell_set.templates, GRID, 44100, 1.0, bell_set.preview)
    assert (
        TemplateSet("  My   kick ", "", bell_set.templates, GRID, 44100, 1.0, bell_set.preview).name
        == "My kick"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"templates": np.full((GRID.bins, 1), -1, dtype=np.float32)},
        {"templates": np.full((GRID.bins, 1), np.nan, dtype=np.float32)},
        {"templates": np.zeros((GRID.bins, 1), dtype=np.float32)},
        {"templates": np.ones((7, 1), dtype=np.float32)},
        {"templates": np.ones((GRID.bins, 65), dtype=np.float32)},
        {"sample_rate": 0},
        {"exponent": 9.0},
        {"preview": np.zeros(44100 * 4, dtype=np.float32)},
        {"preview": np.array([np.inf], dtype=np.float32)},
    ],
)
def test_a_set_of_impossible_values_is_refused(bell_set, change):
    from dataclasses import replace

    with pytest.raises(BadTemplate, match="cannot be used"):
        replace(bell_set, **change)


def test_the_library_adds_finds_renames_and_removes(library, bell_set):
    assert library.entries() == ([], [])
    assert not library.folder.exists()
    with pytest.raises(NoSuchTemplate, match="library is empty"):
        library.find("Bell")
    library.add(bell_set)
    with pytest.raises(BadTemplate, match="already"):
        library.add(bell_set)
    library.add(bell_set, replacing=True)
    assert [entry.name for entry in library.entries()[0]] == ["Bell"]
    assert library.find(" bELL ").templates.instrument == "bell"
    renamed = library.rename("Bell", "Church bell", "bells")
    assert renamed.path == library.entries()[0][0].path
    assert library.find("church bell").templates.instrument == "bells"
    library.add(bell_set)
    with pytest.raises(BadTemplate, match="already"):
        library.rename("Bell", "CHURCH BELL")
    library.remove("Bell")
    with pytest.raises(NoSuchTemplate, match="There are: Church bell"):
        library.remove("Bell")


def test_a_file_that_cannot_be_read_is_told_and_does_not_hide_the_others(library, bell_set):
    library.add(bell_set)
    (library.folder / f"broken{SUFFIX}").write_bytes(b"nonsense")
    (library.folder / "notes.txt").write_text("not mine")
    entries, problems = library.entries()
    assert [entry.name for entry in entries] == ["Bell"]
    assert len(problems) == 1
    assert "broken" in problems[0].sentence


def test_a_file_can_be_shared(library, bell_set, tmp_path):
    library.add(bell_set)
    path = write_template(tmp_path / "for a friend", library.find("Bell").templates)
    other = TemplateLibrary(tmp_path / "other")
    assert other.bring_in(path).name == "Bell"
    np.testing.assert_allclose(other.find("Bell").templates.templates, bell_set.templates, rtol=1e-6)


def test_the_folder_is_the_users_or_the_one_named(monkeypatch, tmp_path):
    monkeypatch.delenv("STEMSTUDIO_TEMPLATES", raising=False)
    assert library_folder().name == "templates"
    monkeypatch.setenv("STEMSTUDIO_TEMPLATES", str(tmp_path))
    assert library_folder() == tmp_path


def test_names_and_files_are_resolved_together(library, bell_set, tmp_path):
    library.add(bell_set)
    hat = learn_templates(audio(hiss()), "Hat", atoms=2, grid=GRID)
    file = write_template(tmp_path / "hat", hat)
    found = library.resolve(f"bell, {file}, Bell")
    assert [each.name for each in found] == ["Bell", "Hat"]
    assert library.resolve(" , ") == ()
    with pytest.raises(NoSuchTemplate, match="There are: Bell"):
        library.resolve("Bell, Kazoo")
    with pytest.raises(UnreadableTemplate):
        library.resolve("missing.template")
    same = write_template(tmp_path / "bell2", bell_set)
    with pytest.raises(BadTemplate, match="two templates"):
        library.resolve(f"Bell, {same}")


@pytest.fixture
def kept(library, bell_set, monkeypatch) -> TemplateLibrary:
    """A library of a bell and a hat that the recipe looks into."""
    monkeypatch.setenv("STEMSTUDIO_TEMPLATES", str(library.folder))
    library.add(bell_set)
    library.add(learn_templates(audio(hiss(seed=9)), "Hat", atoms=2, grid=GRID))
    return library


def test_taught_sounds_are_found_in_another_song_of_another_rate(kept):
    rate = 48000
    parts = {
        "Bell": laid({second: bell(rate) for second in (0.1, 0.9, 1.2)}, 2.0, rate),
        "Hat": laid({second: hiss(rate, seed=round(10 * second)) for second in (0.3, 0.9, 1.5)}, 2.0, rate),
    }
    song = audio(sum(parts.values()), rate)
    found = NMF(templates="Bell, Hat", hold_templates=True, fft=2048, hop=512).run(song, Progress())
    assert found.names == ("Bell", "Hat 1", "Hat 2")
    assert found.families == ("Bell", "Hat", "Hat")
    np.testing.assert_allclose(
        found.templates[:, :1], kept.find("Bell").templates.on(GRID, rate, 1.0), rtol=1e-4, atol=1e-9
    )
    waves = found.render(song, [[0], [1, 2]], 0, song.length)
    for (name, part), wave in zip(parts.items(), waves, strict=True):
        assert sdr(part, wave[0]) > 12, name


def test_beside_free_atoms_what_was_not_taught_goes_there(kept):
    hum = 0.2 * np.sin(2 * np.pi * 130 * np.arange(2 * 44100) / 44100)
    taught = laid({second: bell() for second in (0.1, 0.9, 1.2)}, 2.0)
    song = audio(taught + hum)
    alone = NMF(templates="Bell", hold_templates=True, fft=2048, hop=512).run(song, Progress())
    beside = NMF(templates="Bell", hold_templates=True, free=4, fft=2048, hop=512).run(song, Progress())
    assert beside.names == ("Bell", "Free 1", "Free 2", "Free 3", "Free 4")
    assert beside.families == ("Bell", None, None, None, None)
    reached = [sdr(taught, each.render(song, [[0]], 0, song.length)[0, 0]) for each in (alone, beside)]
    assert reached[1] > reached[0] + 6
    assert reached[1] > 10
    started = NMF(templates="Bell", free=4, fft=2048, hop=512).run(song, Progress())
    assert np.abs(started.templates[:, 0] - beside.templates[:, 0]).max() > 1e-4


def test_a_score_says_when_a_taught_sound_is_heard(kept, tmp_path):
    score = tmp_path / "score.csv"
    score.write_text("onset,label\n0.1,bell\n0.9,bell\n0.5,clap\n")
    song = audio(laid({0.1: bell(), 0.9: bell(), 0.5: hiss(seed=5)}, 1.6))
    found = NMF(templates="Bell, Hat", score=str(score), fft=2048, hop=512).run(song, Progress())
    assert set(found.families) == {"Bell", "Hat", "clap"}
    assert found.names.count("Bell") == 1

    def frame(second):
        return round(second * 44100 / 512)

    heard = found.activations[found.names.index("Bell")]
    assert heard[frame(0.12)] > 0
    assert heard[frame(0.92)] > 0
    clap = [atom for atom, family in enumerate(found.families) if family == "clap"]
    assert (found.activations[clap, : frame(0.3)] == 0).all()
    assert (found.activations[clap, frame(0.52)] > 0).any()


def test_families_survive_a_project_file_and_forget_atoms_that_changed(kept):
    found = NMF(templates="Bell, Hat", free=1, fft=2048, hop=512, iterations=2).run(audio(bell()), Progress())
    back = type(found).from_record(found.header(), found.arrays())
    assert back.families == found.families == ("Bell", "Hat", "Hat", None)
    assert found.changed(costs=()).families == found.families
    fewer = found.changed(
        templates=found.templates[:, :2], activations=found.activations[:2], names=found.names[:2]
    )
    assert fewer.families is None


# dB of kick, snare and hi-hat; see test_score.py for what blind NMF and the ideal mask make of these loops.
@pytest.mark.parametrize(
    ("loop", "least"), [("808", (43.0, 8.5, 14.0)), ("Funky", (24.0, 14.5, 8.0))], ids=["808", "Funky"]
)
def test_drums_taught_from_one_half_of_a_loop_come_out_of_the_other(shared_audio, kept, loop, least):
    import soundfile

    folder = shared_audio / "stems" / "drums"
    names, wrong, right = ("Kick", "Snare", "Hihat"), np.zeros(3), np.zeros(3)
    drums = [
        audio(soundfile.read(folder / f"runningExample_{loop}{name}.wav", dtype="float32")[0])
        for name in names
    ]
    half, length = drums[0].length // 2, drums[0].length
    mix = np.sum([drum.samples for drum in drums], axis=0)
    for start, stop, example in (
        (0, half, Example(half / 44100)),
        (half, length, Example(0.0, half / 44100)),
    ):
        for name, drum in zip(names, drums, strict=True):
            kept.add(learn_templates(drum, name, example=example), replacing=True)
        recipe = NMF(templates=", ".join(names), hold_templates=True, firmness=2)
        piece = audio(mix[:, start:stop])
        found = recipe.run(piece, Progress())
        groups = [[atom for atom, family in enumerate(found.families) if family == name] for name in names]
        waves = found.render(piece, groups, 0, piece.length)
        for drum, (true, wave) in enumerate(zip(drums, waves, strict=True)):
            part = true.samples[:, start:stop].astype(np.float64)
            right[drum] += (part**2).sum()
            wrong[drum] += ((part - wave) ** 2).sum()
    reached = 10 * np.log10(right / wrong)
    assert (reached >= least).all(), reached
