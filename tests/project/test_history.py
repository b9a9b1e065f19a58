"""History: where it stands, what is saved, what it forgets."""

from __future__ import annotations

import cut_songs as small
import numpy as np

from stemstudio.project import edits
from stemstudio.project.history import History
from stemstudio.project.project import PaintStroke


def _gain(cut, value: float):
    return edits.set_stem(cut.state, 0, "Gain", gain_db=value)


def _rename(cut, word: str):
    return edits.set_stem(cut.state, 0, f"Rename {word}", name=word)


def test_a_fader_that_moves_is_one_step_until_it_is_let_go() -> None:
    cut, history = small.project(0.1)
    for value in (-1.0, -2.0, -3.0):
        history.do(_gain(cut, value))
    assert history.names == ["Gain"]
    history.settle()
    history.do(_gain(cut, -9.0))
    assert len(history.names) == 2
    history.jump(0)
    assert cut.state.stems[0].gain_db == 0.0
    history.jump(1)
    assert cut.state.stems[0].gain_db == -3.0


def test_the_saved_mark_follows_undo_and_is_lost_with_its_branch() -> None:
    cut, history = small.project(0.1)
    history.do(_rename(cut, "a"))
    history.mark_saved()
    history.do(_rename(cut, "b"))
    assert not history.saved
    history.undo()
    assert history.saved
    history.undo()
    history.do(_rename(cut, "c"))
    history.do(_rename(cut, "d"))
    assert not history.saved
    history.undo()
    assert not history.saved


def test_a_save_that_ends_later_marks_where_it_began() -> None:
    cut, history = small.project(0.1)
    history.do(_gain(cut, -1.0))
    began = history.here()
    history.do(_gain(cut, -2.0))  # the same fader, but not the same step: what is on disk is −1
    history.mark_saved(began)
    assert not history.saved
    history.undo()
    assert history.saved
    assert cut.state.stems[0].gain_db == -1.0


def test_a_save_whose_steps_are_gone_counts_as_unsaved() -> None:
    cut, history = small.project(0.1)
    history.do(_rename(cut, "a"))
    began = history.here()
    history.undo()
    history.do(_rename(cut, "b"))
    history.mark_saved(began)
    assert not history.saved


def test_old_steps_are_forgotten_when_memory_runs_out_but_never_the_last() -> None:
    cut, _ = small.project(2.0)
    history = History(cut, budget=2**20)
    history.do(small.split_edit(cut, 0, small.waves(cut.state)))
    leaf = cut.state.leaves()[0].id
    rng = np.random.default_rng(0)
    for _ in range(12):
        stroke = PaintStroke(leaf, False, small.brush(rng, 2.0))
        edit = edits.paint(cut.state, cut.new_id(), stroke, "Brush")
        if edit is not None:
            history.do(edit)
    assert 1 < len(history.edits) < 12
    assert history.place == len(history.edits)
    assert sum(edit.nbytes for edit in history.edits[:-1]) <= 2**20


def test_listeners_hear_every_step_once() -> None:
    cut, history = small.project(0.1)
    heard: list[str] = []
    stop = history.listen(lambda step: heard.append(step.kind))
    history.do(_gain(cut, -1.0))
    history.do(_gain(cut, -2.0))
    history.undo()
    history.redo()
    assert history.redo() is None
    stop()
    history.undo()
    assert heard == ["done", "merged", "undone", "redone"]


def test_a_button_pressed_twice_is_two_steps() -> None:
    cut, history = small.project(0.1)
    history.do(edits.set_stem(cut.state, 0, "Mute", mute=True))
    history.do(edits.set_stem(cut.state, 0, "Unmute", mute=False))
    history.undo()
    assert cut.state.stems[0].mute


def test_a_jump_over_many_steps_is_looked_at_once() -> None:
    cut, history = small.project(0.1)
    for value in (-1.0, -2.0, -3.0):
        history.do(_gain(cut, value))
        history.settle()
    history.do(_rename(cut, "one"))
    steps: list[str] = []
    heard: list[tuple[float, str]] = []
    kinds: list[frozenset[str]] = []
    history.listen(lambda step: steps.append(step.kind))
    cut.listen(lambda change: kinds.append(change.kinds))
    cut.listen(lambda _: heard.append((cut.state.stems[0].gain_db, cut.state.stems[0].name)))
    history.jump(1)
    assert heard == [(-1.0, "Mixture")]
    assert kinds[0] >= {"stems", "mixer"}
    history.jump(4)
    assert heard[1:] == [(-3.0, "one")]
    history.jump(4)
    assert len(heard) == 2
    assert steps == ["undone"] * 3 + ["redone"] * 3  # those are written down, one by one
    history.undo()
    assert len(heard) == 3
