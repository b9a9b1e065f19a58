"""A song that brings its stems along is split into them when it is opened, as a step that can be undone."""

from __future__ import annotations

import numpy as np
import pytest
from signals import mixture
from taken_apart import taken_apart

from stemstudio.audio.mp4_boxes import put_user_data
from stemstudio.errors import StemStudioError
from stemstudio.gui.document import Document
from stemstudio.gui.opening import Opening
from stemstudio.gui.own_stems import OwnStemsReading
from stemstudio.mixing.export import ExportOrder, export
from stemstudio.project.rendering import render_leaves


@pytest.fixture
def document(qtbot):
    document = Document()
    yield document
    document.jobs.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    project = taken_apart(mixture(1.0, 44100)[0], ("kick", "snare", "hats"))
    order = ExportOrder(tmp_path_factory.mktemp("stems"), package="stem-mp4", subtype="alac")
    return export(project.state, order, song="Beat").files["package"]


def open_song(qtbot, document, path, keep=lambda estimates, progress: estimates):
    opening = Opening(document)
    reading = OwnStemsReading(document, keep)
    opening.read.connect(reading.look)
    with qtbot.waitSignal(opening.read, timeout=20_000):
        opening.open(path)
    return reading


def test_its_stems_are_there(qtbot, document, written):
    said = []
    document.said.connect(said.append)
    open_song(qtbot, document, written)
    qtbot.waitUntil(lambda: bool(document.state.splits), timeout=10_000)
    state = document.state
    assert [leaf.name for leaf in state.leaves()] == [
        "kick",
        "snare",
        "hats",
        "residual",
        "residual of the file",
    ]
    sounds = render_leaves(state, 0, state.mixture.length)
    song = state.mixture.read(0, state.mixture.length)
    assert np.abs(sum(sounds.values()) - song).max() < 1e-6
    assert said[-1] == "The song has brought its own stems."
    document.undo()
    assert not document.state.splits


def test_a_disk_without_room_is_said_and_the_stems_are_there(qtbot, document, written):
    said = []
    document.said.connect(said.append)

    def full(estimates, progress):
        raise StemStudioError("The disk is full.")

    open_song(qtbot, document, written, full)
    qtbot.waitUntil(lambda: bool(document.state.splits), timeout=10_000)
    assert "they stay in memory" in said[-1]


def test_damaged_stems_leave_the_song(qtbot, document, written, tmp_path):
    path = tmp_path / "damaged.stem.mp4"
    path.write_bytes(written.read_bytes())
    put_user_data(path, b"stem", b"nonsense")
    errors = []
    reading = open_song(qtbot, document, path)
    reading.failed.connect(errors.append)
    qtbot.waitUntil(lambda: bool(errors), timeout=10_000)
    assert str(errors[0]) == "“damaged.stem.mp4” cannot be opened: what it says of its stems is damaged."
    assert document.complete
    assert not document.state.splits
