"""Atom files: what was found once is where another run starts; a stranger's file is refused in a sentence."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import signals

from stemstudio.algorithms.nmf.atoms_file import UnreadableAtoms, read_atoms, write_atoms
from stemstudio.algorithms.nmf.per_atom import atom_numbers
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.audio.audio import Audio
from stemstudio.audio.targets import FileExists
from stemstudio.errors import BadRecipe
from stemstudio.progress import Progress

SHORT = {"components": 4, "iterations": 10, "fft": 1024, "hop": 256}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    mix, _ = signals.mixture(seconds=1.5)
    found = NMF(**SHORT, stereo="panned").run(mix, Progress())
    path = write_atoms(tmp_path_factory.mktemp("atoms") / "mine", found, mix.sample_rate, 1.0)
    return mix, found, path


def test_what_is_written_is_read(kept):
    mix, found, path = kept
    assert path.name == "mine.npz"
    again = read_atoms(path)
    assert (again.names, again.grid) == (found.names, found.grid)
    assert (again.sample_rate, again.exponent) == (mix.sample_rate, 1.0)
    for one in ("templates", "activations", "pans"):
        np.testing.assert_array_equal(getattr(again, one), getattr(found, one))
    with pytest.raises(FileExists):
        write_atoms(path, found, mix.sample_rate, 1.0)
    write_atoms(path, found, mix.sample_rate, 1.0, overwrite=True)
    assert [each.name for each in path.parent.iterdir()] == ["mine.npz"]


@pytest.mark.parametrize("stereo", ["shared", "panned"])
def test_a_run_starts_from_them_with_each_atom_as_it_is_said(kept, stereo):
    mix, found, path = kept
    recipe = NMF.from_settings(
        {
            **SHORT,
            "given": str(path),
            "fixed_templates": "1-2, 4",
            "fixed_activations": "4",
            "new_activations": "1",
            "free": 1,
            "stereo": stereo,
        }
    )
    after = recipe.run(mix, Progress())
    assert after.names == (*found.names, "Free 1")
    moved = np.abs(after.templates[:, :4] - found.templates).max(axis=0) > 1e-6
    np.testing.assert_array_equal(moved, [False, False, True, False])
    course = [np.corrcoef(a, b)[0, 1] for a, b in zip(after.activations, found.activations, strict=False)]
    assert course[3] > 1 - 1e-6
    assert (after.held_templates, after.held_activations) == ({0, 1, 3}, {3})
    level = after.activations[3].sum() / found.activations[3].sum()
    assert level == pytest.approx(1.0 if stereo == "panned" else 0.5, rel=1e-4)


def test_hold_templates_holds_those_of_the_file(kept):
    mix, found, path = kept
    after = NMF(**SHORT, given=str(path), hold_templates=True, new_activations="all").run(mix, Progress())
    np.testing.assert_allclose(after.templates, found.templates, rtol=1e-5)


def test_spectra_serve_in_another_song_where_activations_do_not(kept):
    _, found, path = kept
    longer, _ = signals.mixture(seconds=2.0)
    with pytest.raises(UnreadableAtoms, match="this song has") as refused:
        NMF(**SHORT, given=str(path)).run(longer, Progress())
    assert "new_activations" in refused.value.way_on
    after = NMF(**SHORT, given=str(path), new_activations="all", fixed_templates="all").run(
        longer, Progress()
    )
    np.testing.assert_allclose(after.templates, found.templates, rtol=1e-5)
    assert after.activations.shape[1] > found.activations.shape[1]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"fft": 2048}, "1024 samples, and here it is 2048"),
        ({"exponent": 2.0}, "exponent of 1, and here it is 2"),
        ({"fixed_templates": "3-5"}, "names atom 5, and there are 4"),
        ({"new_templates": "2", "fixed_templates": "1-3"}, "Atom 2 cannot be kept and found anew"),
        ({"free": 255}, "259 atoms"),
        ({"hop": 512, "fft": 1024}, "steps of 256"),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(kept, settings, words):
    mix, _, path = kept
    with pytest.raises(BadRecipe, match=words) as refused:
        NMF.from_settings({**SHORT, "given": str(path), **settings}).run(mix, Progress())
    assert refused.value.sentence.count(". ") == 0
    assert refused.value.way_on


def test_another_sample_rate_is_noticed(kept):
    mix, _, path = kept
    with pytest.raises(UnreadableAtoms, match="sample rate of 44100 Hz, and here it is 48000"):
        NMF(**SHORT, given=str(path)).run(Audio(mix.samples, 48000), Progress())


def test_atoms_from_chance_cannot_be_kept(kept):
    mix, _, _ = kept
    with pytest.raises(BadRecipe, match="nothing to keep"):
        NMF(**SHORT, fixed_templates="1").run(mix, Progress())
    after = NMF(**{**SHORT, "iterations": 3}, start="harmonic", fixed_templates="2").run(mix, Progress())
    assert after.held_templates == {1}


def test_numbers_in_words():
    assert atom_numbers("1-3, 7", 8, "x") == {0, 1, 2, 6}
    assert atom_numbers(" ALL ", 3, "x") == {0, 1, 2}
    assert atom_numbers("", 3, "x") == frozenset()
    assert atom_numbers("2–3,3", 3, "x") == {1, 2}
    for words in ("0", "3-1", "a", "1,,2", "-2", "1.5", "9" * 30):
        with pytest.raises(BadRecipe, match="is no atom"):
            NMF.from_settings({"fixed_templates": words})


def packed(**members):
    data = io.BytesIO()
    np.savez(data, **members)
    return data.getvalue()


def good(**changed):
    values = {
        "names": np.array(["a", "b"]),
        "templates": np.ones((513, 2), np.float32),
        "activations": np.ones((2, 9), np.float32),
        "fft": np.int64(1024),
        "hop": np.int64(256),
        "sample_rate": np.int64(44100),
        "exponent": np.float64(1),
    }
    values.update(changed)
    return {name: value for name, value in values.items() if value is not None}


class Evil:
    def __reduce__(self):
        return (print, ("run",))


def claiming(shape):
    """An archive in which one array claims to be enormous."""
    data = io.BytesIO(packed(**good()))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    out = io.BytesIO()
    with zipfile.ZipFile(data) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            content = header.getvalue() + b"1234" if entry.filename == "templates.npy" else old.read(entry)
            new.writestr(entry.filename, content)
    return out.getvalue()


BAD = {
    "nothing": b"",
    "no archive": b"RIFF....WAVE",
    "a pickle": packed(**good(names=np.array([Evil(), Evil()], dtype=object))),
    "words as numbers": packed(**good(templates=np.array([["a"]]))),
    "missing activations": packed(**good(activations=None)),
    "something else inside": packed(**good(), more=np.ones(3)),
    "not numbers": packed(**good(templates=np.full((513, 2), np.nan, np.float32))),
    "infinite": packed(**good(activations=np.full((2, 9), np.inf, np.float32))),
    "negative": packed(**good(activations=-np.ones((2, 9), np.float32))),
    "other bins": packed(**good(templates=np.ones((100, 2), np.float32))),
    "other atoms": packed(**good(activations=np.ones((3, 9), np.float32))),
    "pans above one": packed(**good(pans=np.full((2, 2), 2, np.float32))),
    "no atoms": packed(**good(names=np.array([], dtype="<U3"))),
    "a strange grid": packed(**good(fft=np.int64(-4))),
    "a grid in parts": packed(**good(fft=np.ones(3))),
    "a rate of nothing": packed(**good(sample_rate=np.int64(0))),
    "an exponent of nothing": packed(**good(exponent=np.float64(np.nan))),
    "an enormous claim": claiming((10**9, 10**9)),
    "a negative claim": claiming((-1, -4)),
}


@pytest.mark.parametrize("what", BAD)
def test_a_strangers_file_is_refused_in_one_sentence(what, tmp_path, capsys):
    path = tmp_path / "strange.npz"
    path.write_bytes(BAD[what])
    with pytest.raises(UnreadableAtoms) as refused:
        read_atoms(path)
    assert refused.value.sentence.startswith("The atoms of “strange.npz” cannot be used: ")
    assert refused.value.way_on
    assert not capsys.readouterr().out


def test_bits_flipped_and_ends_cut_off_give_atoms_or_a_sentence(kept, tmp_path):
    whole = kept[2].read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "bent.npz"
    refused = 0
    for _ in range(60):
        data = bytearray(whole[: rng.integers(1, len(whole) + 1)] if rng.random() < 0.4 else whole)
        for _ in range(rng.integers(1, 9)):
            data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        path.write_bytes(data)
        try:
            found = read_atoms(path)
        except UnreadableAtoms:
            refused += 1
        else:
            assert np.isfinite(found.templates).all()
    assert refused > 30
    with pytest.raises(UnreadableAtoms, match="not there"):
        read_atoms(tmp_path / "gone.npz")
    with pytest.raises(UnreadableAtoms, match="not a file"):
        read_atoms(tmp_path)
