"""Hints and refining: strokes that teach, on a song of two notes in turn over a hum."""

from __future__ import annotations

import threading
import time

import cut_songs as small
import numpy as np
import pytest

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.solver import Fit, multiplicative_updates
from stemstudio.algorithms.nmf.spectrum import STRIDE, spectrum
from stemstudio.audio.audio import Audio
from stemstudio.progress import Cancelled, Progress
from stemstudio.project import edits
from stemstudio.project.corrections import Lesson
from stemstudio.project.hints import clear, harden, laid_hints, outcome, unlearned
from stemstudio.project.history import History
from stemstudio.project.project import PaintStroke, Project, SongReference
from stemstudio.project.refining import _settled, refine, refined
from stemstudio.project.rendering import render
from stemstudio.spectral.brushes import Box, BrushStroke, Selection, SelectionFill

RATE = small.RATE
NOTE = 0.25  # seconds
SECONDS = 4.0


def notes(channels: int = 2) -> tuple[Audio, dict[str, np.ndarray]]:
    """Two notes in turn, from 500 and from 800 Hz, with partials; a hum at 3 kHz. The song and its parts."""
    when = np.arange(round(SECONDS * RATE)) / RATE
    turn = (when / NOTE).astype(int) % 2
    decay = np.exp(-6 * (when % NOTE)) * np.minimum(1, 200 * (when % NOTE))

    def tone(hertz: float) -> np.ndarray:
        return np.sin(2 * np.pi * hertz * when) + 0.5 * np.sin(4 * np.pi * hertz * when)

    parts = {
        "one": 0.3 * tone(500) * decay * (turn == 0),
        "two": 0.3 * tone(800) * decay * (turn == 1),
        "hum": 0.1 * np.sin(2 * np.pi * 3000 * when),
    }
    sounds = {name: np.stack([part] * channels).astype(np.float32) for name, part in parts.items()}
    return Audio(sum(sounds.values()), RATE), sounds


def fill(start: float, stop: float, low: float, high: float, strength: float = 1.0) -> SelectionFill:
    box = Box(start=start, stop=stop, low=low, high=high)
    return SelectionFill(selection=Selection().combined("replace", box), strength=strength)


FIRST_NOTE = fill(0.03, 0.12, 350, 1250)  # a third of one of the eight times that note one is heard


class Song:
    """The song as a project: both notes are in "keys", the hum in "hum", and "lead" is empty."""

    def __init__(self, *, stereo: bool = False) -> None:
        mix, self.parts = notes()
        self.project = Project(mix, SongReference("", "0" * 64, "Notes"), small.GRID)
        self.history = History(self.project)
        recipe = NMF(components=3, fft=small.GRID.fft, hop=small.GRID.hop)
        V = spectrum(mix, small.GRID, 1.0, Progress())
        spectra = [
            spectrum(Audio(part, RATE), small.GRID, 1.0, Progress()).mean(axis=1)
            for part in self.parts.values()
        ]
        W = np.stack(spectra, axis=1) + np.float32(1e-3)
        H = 0.5 + np.random.default_rng(0).random((3, V.shape[1]), dtype=np.float32)
        fit = multiplicative_updates(V, W, H, iterations=60)
        level = 2 if stereo else 1
        pans = np.full((2, 3), 0.5, dtype=np.float32) if stereo else None
        atoms = Factorization(fit.templates, level * fit.activations, small.GRID, pans=pans)
        self.history.do(
            edits.split(self.project, 0, recipe, atoms, stems=("keys", "hum", "lead"), owners=[0, 0, 1])
        )

    def stem(self, name: str) -> int:
        return next(stem.id for stem in self.state.stems.values() if stem.name == name)

    @property
    def state(self):
        return self.project.state

    def stroke(self, name: str, shape=FIRST_NOTE, mode: str = "hint", erase: bool = False) -> int:
        number = self.project.new_id()
        edit = edits.paint(self.state, number, PaintStroke(self.stem(name), erase, shape, mode), "Stroke")
        assert edit is not None
        self.history.do(edit)
        return number

    def refine(self, **fields) -> None:
        edit = refined(self.state, refine(self.state, Progress(), Lesson(**fields)))
        assert edit is not None
        self.history.do(edit)

    def share(self, part: str, name: str, after: float = 0.0) -> float:
        """How much of a true part is heard in a stem, as a projection, from some second on."""
        start = round(after * RATE)
        sound = render(self.state, [self.stem(name)], start, self.state.mixture.length)[self.stem(name)]
        true = self.parts[part][:, start:]
        return float((sound * true).sum() / np.square(true).sum())


# strokes


def test_a_hint_moves_nothing_by_itself_and_is_one_step() -> None:
    song = Song()
    before = small.dense(song.state)
    heard = []
    song.project.listen(heard.append)
    number = song.stroke("lead")
    assert [change.kinds for change in heard] == [frozenset({"hints"})]
    assert not heard[0].sounds
    after = small.dense(song.state)
    assert all(np.array_equal(before[leaf], after[leaf]) for leaf in before)
    assert not song.state.paint
    assert [hint.number for hint in laid_hints(song.state)] == [number]
    song.history.undo()
    assert not song.state.strokes


def test_later_strokes_cover_hints_and_the_same_stems_paint_does_not() -> None:
    song = Song()
    song.stroke("lead", fill(0.0, 1.0, 200, 2000))
    song.stroke("keys", fill(0.2, 0.4, 200, 2000, 0.25))
    song.stroke("hum", fill(0.6, 0.8, 200, 2000), mode="hard")
    song.stroke("lead", fill(0.8, 1.0, 200, 2000), mode="hard")
    lead, keys = laid_hints(song.state)
    seconds = np.arange(lead.patch.frame0, lead.patch.frame1) * small.GRID.hop / RATE
    row = lead.weights[lead.weights.shape[0] // 2].astype(float)
    assert row[(seconds > 0.21) & (seconds < 0.39)] == pytest.approx(0.75, abs=1e-3)
    assert (row[(seconds > 0.61) & (seconds < 0.79)] == 0).all()
    assert (row[seconds > 0.81] == 1).all()
    assert keys.weights.max() == 0.25


def test_the_eraser_takes_hints_away() -> None:
    song = Song()
    song.stroke("lead")
    song.stroke(
        "keys", BrushStroke(points=((0.08, 700.0),), width=3, height=9, hardness=1, strength=1), erase=True
    )
    assert laid_hints(song.state) == ()
    song.history.undo()
    assert len(laid_hints(song.state)) == 1


def test_hints_are_laid_anew_on_another_grid_and_follow_their_stem() -> None:
    song = Song()
    song.stroke("lead")
    song.history.do(edits.regrid(song.state, small.OTHER_GRID))
    (hint,) = laid_hints(song.state)
    assert not song.state.paint
    seconds = hint.patch.frame1 * small.OTHER_GRID.hop / RATE
    assert seconds == pytest.approx(0.12, abs=0.03)
    song.history.do(edits.merge(song.state, [song.stem("hum"), song.stem("lead")]))
    assert laid_hints(song.state)[0].stem == song.stem("hum")
    song.history.do(edits.delete(song.state, song.stem("hum")))
    assert song.state.is_residual(laid_hints(song.state)[0].stem)


def test_clearing_takes_all_hints_and_no_paint_in_one_step() -> None:
    song = Song()
    song.stroke("lead")
    song.stroke("keys", fill(2, 2.1, 300, 900))
    hard = song.stroke("hum", fill(1, 1.2, 300, 900), mode="hard")
    edit = clear(song.state)
    assert edit is not None
    assert edit.name == "Clear 2 hints"
    song.history.do(edit)
    assert list(song.state.strokes) == [hard]
    assert clear(song.state) is None
    song.history.undo()
    assert len(laid_hints(song.state)) == 2


def test_painting_hints_hard_moves_their_light_in_one_step_that_survives_a_new_grid() -> None:
    song = Song()
    song.stroke("hum", fill(0.0, 0.2, 200, 2000), mode="hard")
    number = song.stroke("lead")
    assert song.share("one", "lead") == pytest.approx(0, abs=1e-3)
    edit = harden(song.state, {number: song.project.new_id()})
    assert edit is not None
    song.history.do(edit)
    assert laid_hints(song.state) == ()
    painted = song.share("one", "lead")
    assert painted > 0.05
    assert small.sum_error_db(song.state) < -110
    same = edits.regrid(song.state, song.state.grid)
    song.history.do(same)
    assert song.share("one", "lead") == pytest.approx(painted, rel=1e-3)
    song.history.undo()
    song.history.undo()
    assert song.share("one", "lead") == pytest.approx(0, abs=1e-3)
    assert harden(song.state, {}) is None


# refining


@pytest.mark.parametrize("stereo", [False, True], ids=["one model", "a pan an atom"])
def test_one_stroke_brings_every_repeat_over_and_leaves_the_rest(stereo: bool) -> None:
    song = Song(stereo=stereo)
    number = song.stroke("lead")
    before = dict(song.state.stems)
    assert song.share("one", "lead") < 0.01
    song.refine()
    assert song.share("one", "lead", after=0.5) > 0.9
    assert song.share("two", "keys") > 0.9
    assert song.share("hum", "hum") > 0.97
    assert song.share("two", "lead") < 0.05
    assert dict(song.state.stems) == before
    split = song.state.splits[0]
    assert split.learned == {number}
    assert small.sum_error_db(song.state) < -110
    assert song.history.edits[-1].name == "Refine from 1 hint"
    (hint,) = laid_hints(song.state)
    assert outcome(song.state, 0, hint).followed
    song.history.undo()
    assert song.share("one", "lead") < 0.01
    assert song.state.splits[0].learned == frozenset()


def test_an_atom_whose_twin_took_all_of_it_has_moved_and_keeps_its_number() -> None:
    begun = small.atoms(Song().state, count=3)
    W = np.hstack([begun.templates, begun.templates[:, [1, 1, 2]] + 1])
    H = np.vstack([begun.activations, begun.activations[[1, 1, 2]]])
    H[1] *= 1e-3
    H[4] *= 1e-4
    H[5] *= 1e-5
    estimates, owners = _settled(begun, Fit(W, H), [7, 7, 7, 8, 9, 8], [1, 1, 2])
    assert owners == [7, 8, 7]
    assert np.array_equal(estimates.templates, W[:, [0, 3, 2]])
    assert np.array_equal(estimates.activations, H[[0, 3, 2]])
    named = begun.changed(names=["C", "D", "E"])
    both, owners = _settled(
        named, Fit(W, np.vstack([begun.activations, H[3:4], H[[3, 5]]])), [7, 7, 7, 8, 9, 8], [1, 1, 2]
    )
    assert both.names == ("C", "D", "E", "D (hint)", "D (hint)")
    assert owners == [7, 7, 7, 8, 9]


def test_a_locked_atom_is_not_split() -> None:
    song = Song()
    song.history.do(edits.lock(song.state, 0, range(3), True, "Lock"))
    song.stroke("lead")
    song.refine()
    assert len(song.state.splits[0].owners) == 3
    assert song.stem("lead") not in song.state.splits[0].owners
    (hint,) = laid_hints(song.state)
    result = outcome(song.state, 0, hint)
    assert not result.followed
    assert result.missed.mean() > 0.9


def test_what_is_hinted_is_taught_once_unless_asked_again() -> None:
    song = Song()
    assert refine(song.state) == ()
    song.stroke("lead")
    assert len(unlearned(song.state, laid_hints(song.state))) == 1
    song.refine()
    assert unlearned(song.state, laid_hints(song.state)) == ()
    assert refine(song.state) == ()
    assert len(refine(song.state, again=True)) == 1
    song.stroke("keys", fill(0.3, 0.4, 600, 1000))
    (again,) = refine(song.state)
    assert len(again.learned) == 2


@pytest.mark.parametrize("kind", ["waveforms", "masks", "by hand"])
def test_a_split_without_atoms_learns_from_the_stems_it_has(kind: str) -> None:
    mix, parts = notes()
    project = Project(mix, SongReference("", "0" * 64, "Notes"), small.GRID)
    history = History(project)
    song = Song.__new__(Song)
    song.project, song.history, song.parts = project, history, parts
    if kind == "by hand":
        history.do(edits.by_hand(project, "lead"))
    else:
        estimates = small.waves(project.state, ("keys", "hum"))
        waves = np.stack([parts["one"] + parts["two"], parts["hum"]])
        if kind == "waveforms":
            estimates = type(estimates)(("keys", "hum"), waves)
        else:
            below = (np.arange(small.GRID.bins) * RATE / small.GRID.fft < 2300).astype(np.float16)
            values = np.stack([below, 1 - below])[:, :, None].repeat(project.state.frames, axis=2)
            estimates = small.Masks(("keys", "hum"), small.GRID, values)
        history.do(edits.split(project, 0, small.HPSS(), estimates))
        history.do(edits.add_stem(project, 0, "lead")[0])
    song.stroke("lead", fill(1.0, 1.1, 2800, 3200), mode="hard")
    song.stroke("lead", fill(0.0, 0.12, 350, 1250))  # attack and all
    stems, paint = dict(project.state.stems), dict(project.state.paint)
    song.refine()
    assert song.share("one", "lead", after=0.5) > 0.8
    rest = "residual" if kind == "by hand" else "keys"
    assert song.share("two", rest) > 0.8
    assert song.share("hum", "residual" if kind == "by hand" else "hum") > 0.85
    assert dict(project.state.stems) == stems
    assert dict(project.state.paint) == paint
    assert small.sum_error_db(project.state) < -110


def test_a_stem_of_a_stem_learns_in_its_own_split_and_brings_light_over_from_another_branch() -> None:
    song = Song()
    hum = song.stem("hum")
    song.history.do(edits.split(song.project, hum, small.HPSS(), small.masks(song.state, ("upper", "lower"))))
    song.stroke("upper")
    edit_of = refine(song.state)
    assert [result.parent for result in edit_of] == [0, hum]
    song.refine()
    assert song.share("one", "hum", after=0.5) > 0.9
    assert song.share("one", "upper", after=0.5) > 3 * song.share("one", "lower", after=0.5)


def test_stems_that_are_not_atoms_are_listened_to_together(monkeypatch) -> None:
    song = Song()
    song.history.do(edits.split(song.project, 0, small.HPSS(), small.masks(song.state, ("tones", "noise"))))
    song.stroke("tones")
    made, asked = type(song.state.splits[0].estimates), []
    whole = made.render

    def counted(*args, **named):
        asked.append(args)
        return whole(*args, **named)

    monkeypatch.setattr(made, "render", counted)
    assert refine(song.state)
    assert len(asked) == -(-song.state.frames // STRIDE), (
        "their split makes all stems at once: ask it once a stretch"
    )


def test_light_that_is_in_the_right_branch_already_leaves_the_outer_split_alone() -> None:
    song = Song()
    keys = song.stem("keys")
    song.history.do(edits.split(song.project, keys, small.HPSS(), small.masks(song.state)))
    song.stroke("tones")
    assert [result.parent for result in refine(song.state)] == [keys]


def test_atoms_moved_meanwhile_stay_where_they_were_put_and_a_split_done_anew_is_left_alone() -> None:
    song = Song()
    song.stroke("lead")
    results = refine(song.state)
    (hum_atom,) = song.state.splits[0].parts_of(song.stem("hum"))
    song.history.do(edits.assign(song.state, 0, {hum_atom: song.stem("keys")}, "Move"))
    edit = refined(song.state, results)
    assert edit is not None
    song.history.do(edit)
    assert song.state.splits[0].owners[hum_atom] == song.stem("keys")
    song.history.do(edits.delete(song.state, song.stem("lead")))
    song.history.do(edits.split(song.project, 0, small.HPSS(), small.masks(song.state)))
    assert refined(song.state, results) is None


def test_a_stem_that_was_deleted_meanwhile_leaves_its_atoms_to_the_residual() -> None:
    song = Song()
    song.stroke("lead")
    results = refine(song.state)
    residual = song.state.splits[0].residual
    song.history.do(edits.delete(song.state, song.stem("lead")))
    edit = refined(song.state, results)
    assert edit is not None
    song.history.do(edit)
    assert set(song.state.splits[0].owners) <= set(song.state.stems)
    assert residual in song.state.splits[0].owners
    assert small.sum_error_db(song.state) < -110


def test_the_same_hints_teach_the_same_atoms() -> None:
    song = Song()
    song.stroke("lead")
    (one,), (two,) = refine(song.state), refine(song.state)
    assert np.array_equal(one.estimates.templates, two.estimates.templates)
    assert np.array_equal(one.estimates.activations, two.estimates.activations)
    assert one.owners == two.owners


def test_odd_songs_are_refined_without_a_fuss() -> None:
    for samples in (np.zeros((1, 4000)), np.ones((2, 7)), np.zeros((2, 0))):
        mix = Audio(samples.astype(np.float32), RATE)
        project = Project(mix, SongReference("", "0" * 64, "Odd"), small.GRID)
        edits.by_hand(project, "lead").do(project)
        lead = project.state.children(0)[0].id
        edit = edits.paint(project.state, 99, PaintStroke(lead, False, fill(0, 1, 0, 4000), "hint"), "Hint")
        if edit is not None:
            edit.do(project)
        for result in refine(project.state):
            for array in result.estimates.arrays().values():
                assert np.isfinite(array).all()
            change = refined(project.state, [result])
            assert change is not None
            change.do(project)


def test_refining_stops_when_asked_and_rises_while_it_works() -> None:
    song = Song()
    song.stroke("lead")
    told: list[float] = []
    refine(song.state, Progress(lambda fraction, _message: told.append(fraction)))
    assert told[0] == 0
    assert told[-1] == 1
    assert told == sorted(told)
    progress = Progress()
    asked: list[float] = []

    def stop() -> None:
        asked.append(time.monotonic())
        progress.cancel()

    timer = threading.Timer(0.2, stop)
    timer.start()
    with pytest.raises(Cancelled):
        refine(song.state, progress, Lesson(iterations=100_000))
    assert time.monotonic() - asked[0] < 0.3
    timer.join()
