"""Other opinions in the window: atoms given by them, doubt seen, and gone to."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from small_projects import GRID, RATE, Slicer, harmonic_atoms, song
from small_recipes import write_tiny_roformer
from split_song import Known, split_song, stage

from stemstudio.algorithms.estimates import Masks, Waveforms
from stemstudio.algorithms.neural.by_name import models_here
from stemstudio.algorithms.pieces import Piece
from stemstudio.gui.opinions import AGREED, NONE_YET, NOT_SPLIT, opinions_of
from stemstudio.gui.tools.painting import give_selection
from stemstudio.gui.views.atom_detail import AtomDetail
from stemstudio.gui.views.atoms import AtomsView
from stemstudio.gui.views.doubt_bar import CHANGED, NO_MODEL, DoubtBar
from stemstudio.gui.views.suggest_bar import NOBODY
from stemstudio.gui.views.suggestions import suggestions_of
from stemstudio.project import edits
from stemstudio.project.project import Change
from stemstudio.project.splicing import Found, splice

CROSSING = 800.0  # Hz


@pytest.fixture(autouse=True)
def _no_models(tmp_path, monkeypatch, home):
    monkeypatch.setenv("STEMSTUDIO_MODELS", str(tmp_path))
    for variable in ("HF_HOME", "HF_HUB_CACHE", "TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def shown(qtbot):
    """Shows a widget made of a document."""
    kept = []

    def show(kind, document):
        host = QWidget()
        qtbot.addWidget(host)
        host.resize(1000, 240)
        widget = kind(document, host)
        QVBoxLayout(host).addWidget(widget)
        host.show()
        kept.append((document, host))
        return widget

    yield show
    for document, _ in kept:
        document.jobs.close()


def by_pitch(document):
    """Split the song by frequency: "low" and "high"."""
    opinions_of(document)  # listens from the first step on, as in the window
    samples = document.state.mixture.samples
    spectrum = np.fft.rfft(samples)
    spectrum[:, int(CROSSING * samples.shape[1] / RATE) :] = 0
    low = np.fft.irfft(spectrum, samples.shape[1]).astype(np.float32)
    waves = np.stack([low, samples - low])
    document.do(edits.split(document.project, 0, Slicer(), Waveforms(["low", "high"], waves)))


def into_atoms(document):
    frames = GRID.frames(document.state.mixture.length)
    found = harmonic_atoms([110.0, 1800.0, 220.0, 620.0], frames)
    document.do(edits.split(document.project, 0, Slicer(), found, stems=["high"], owners=[None] * 4))


def owners(document):
    state = document.state
    return [state.stems[owner].name for owner in document.atom_split.owners]


def test_atoms_go_to_the_stems_that_there_were_before(shown, qtbot):
    document = song(2.0)
    by_pitch(document)
    into_atoms(document)
    view = shown(AtomsView, document)
    detail = AtomDetail(document)
    qtbot.addWidget(detail)
    narrow = view.suggest_bar.minimumSizeHint().width()
    view.suggest_bar.how.setCurrentIndex(view.suggest_bar.how.findData("stems"))
    assert view.suggest_bar.source.currentText() == "Slicer, as it was"
    assert not view.suggest_bar.count.isVisible()
    assert view.suggest_bar.source.sizeHint().width() > view.suggest_bar.count.width(), "the title is long"
    assert view.suggest_bar.minimumSizeHint().width() <= narrow, "the window need not become wider for it"
    steps = len(document.history.edits)
    QTest.mouseClick(view.suggest_bar.suggest_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: owners(document)[0] == "low", timeout=5000)
    assert owners(document) == ["low", "high", "low", "low"]
    assert len(document.history.edits) == steps + 1
    assert document.history.names[-1] == "Label atoms by Slicer, as it was"
    assert [child.name for child in document.state.children(0)] == ["high", "low", "residual"]
    document.select_atoms((3,))
    chances = {row.text(): row.chance for row in detail.stem_rows}
    assert 0.5 < chances["low"] < 0.98
    assert sum(chances.values()) == pytest.approx(1.0, abs=1e-3)
    detail.resize(270, 400)
    detail.show()
    assert detail.stem_rows[-1].geometry().bottom() < detail.spectrum.y(), "in sight in a low panel"
    document.undo()
    assert owners(document) == ["residual"] * 4
    assert not any(row.chance for row in detail.stem_rows), "nobody has said anything yet"
    assert not view.rows._chances(3)
    document.redo()
    assert {row.text(): row.chance for row in detail.stem_rows} == chances
    assert len(view.rows._chances(3)) == 3


def test_asking_again_where_no_atom_moves_says_how_probable_it_is(qtbot):
    document = song(2.0)
    by_pitch(document)
    into_atoms(document)
    pitch = opinions_of(document).of(0)[-1]
    suggestions_of(document).by_opinion(pitch)
    qtbot.waitUntil(lambda: owners(document)[0] == "low", timeout=5000)
    split = document.atom_split
    older = replace(split, chances=None)  # as files from before they were kept have it
    document.project.put({"splits": {0: older}}, Change(frozenset({"splits"})))
    steps = len(document.history.edits)
    suggestions_of(document).by_opinion(pitch)
    qtbot.waitUntil(lambda: document.atom_split.chances is not None, timeout=5000)
    assert document.atom_split.chances.same(split.chances)
    assert document.atom_split.owners == split.owners
    assert len(document.history.edits) == steps + 1
    with qtbot.waitSignal(document.said, check_params_cb=lambda words: "already" in words):
        suggestions_of(document).by_opinion(pitch)
    assert len(document.history.edits) == steps + 1
    document.jobs.close()


def test_atoms_of_a_selection_that_was_taken_apart_anew_follow_too(qtbot):
    document = song(2.0)
    by_pitch(document)
    into_atoms(document)
    length = document.state.mixture.length
    found = harmonic_atoms([110.0, 1800.0], GRID.frames(length))
    piece = Piece(Slicer(), found, 0, length, RATE // 2, 3 * RATE // 2, 0)
    high = document.state.children(0)[0].id
    document.do(splice(document.project, 0, Found(piece, ("high",), (0, 0), (high,))))
    pitch = opinions_of(document).of(0)[-1]
    assert set(pitch.names) >= {"low", "high"}
    suggestions_of(document).by_opinion(pitch)
    qtbot.waitUntil(lambda: owners(document)[-2:] == ["low", "high"], timeout=5000)
    assert owners(document) == ["low", "high", "low", "low", "low", "high"]
    document.jobs.close()


def test_doubtful_atoms_come_first(shown, qtbot):
    document = song(2.0)
    by_pitch(document)
    into_atoms(document)
    view = shown(AtomsView, document)
    view.suggest_bar.how.setCurrentIndex(view.suggest_bar.how.findData("stems"))
    view.suggest_bar.suggest()
    view.sort.setCurrentIndex(view.sort.findData("doubt"))
    suggestions, atoms = view._suggestions, document.atom_split.estimates
    qtbot.waitUntil(lambda: bool(suggestions.of(atoms, 0)) and bool(view.rows.order), timeout=5000)
    sure = [max(suggestions.of(atoms, atom).values()) for atom in view.rows.order]
    assert sure == sorted(sure)
    assert view.rows.order[0] == 3
    assert len(view.rows._chances(3)) == 3
    assert "Probably low" in view.rows._chances_in_words(3)


def test_locked_atoms_stay_whatever_a_model_says(shown, qtbot):
    document = song(2.0)
    by_pitch(document)
    into_atoms(document)
    document.do(edits.lock(document.state, 0, (2,), True, "Lock"))
    view = shown(AtomsView, document)
    view.suggest_bar.how.setCurrentIndex(view.suggest_bar.how.findData("stems"))
    view.suggest_bar.suggest()
    qtbot.waitUntil(lambda: owners(document)[0] == "low", timeout=5000)
    assert owners(document)[2] == "residual"


def test_a_model_is_asked_where_nobody_has_answered(shown, qtbot, tmp_path, monkeypatch):
    document = song(1.0)
    into_atoms(document)
    # The one that comes with the program is always there, and would be asked.
    monkeypatch.setattr(
        "stemstudio.gui.opinions.models_here",
        lambda: tuple(model for model in models_here() if not model.shipped),
    )
    view = shown(AtomsView, document)
    view.suggest_bar.how.setCurrentIndex(view.suggest_bar.how.findData("stems"))
    assert view.suggest_bar.source.currentText() == "nobody yet"
    with qtbot.waitSignal(document.said) as said:
        view.suggest_bar.suggest()
    assert said.args == [NOBODY]
    write_tiny_roformer(tmp_path)
    view.suggest_bar.how.setCurrentIndex(0)
    view.suggest_bar.how.setCurrentIndex(view.suggest_bar.how.findData("stems"))
    qtbot.waitUntil(lambda: view.suggest_bar.source.currentText() == "Ask tiny", timeout=5000)
    view.suggest_bar.suggest()
    assert view.suggest_bar.suggest_button.text() == "Asking…"
    atoms = document.atom_split.estimates
    qtbot.waitUntil(lambda: bool(view._suggestions.of(atoms, 0)), timeout=60_000)
    named = {document.state.stems[stem].name for stem in view._suggestions.of(atoms, 0)}
    assert named == {"vocals", "other", "residual"}
    assert view.suggest_bar.source.itemText(0) == "tiny"
    assert view.suggest_bar.source.currentText() == "tiny", "the answer, and not the question again"
    view.suggest_bar.source.setCurrentIndex(view.suggest_bar.source.findText("Ask tiny"))
    view.suggest_bar._opinions.changed.emit()
    assert view.suggest_bar.source.currentText() == "Ask tiny", "unless somebody wants that"
    assert view.suggest_bar.suggest_button.text() == "Suggest"


def test_doubt_says_how_to_get_another_opinion(shown, qtbot, monkeypatch):
    document = song(2.0)
    bar = shown(DoubtBar, document)
    assert not bar.isVisible()
    document.set_look(view="doubt")
    assert bar.isVisible()
    assert bar.words.toolTip() == NOT_SPLIT
    assert not bar.ask.isEnabled()
    by_pitch(document)
    assert bar.words.toolTip() == NONE_YET
    assert not bar.against.isVisible()
    qtbot.waitUntil(
        lambda: bar.models.actions()[0].text() == "Sketch", timeout=5000
    )  # it comes with the program
    monkeypatch.setattr("stemstudio.gui.opinions.models_here", tuple)
    bar.models.aboutToShow.emit()
    qtbot.waitUntil(lambda: [action.text() for action in bar.models.actions()] == [NO_MODEL], timeout=5000)
    with qtbot.waitSignal(document.said) as said:
        bar.opinions.go(1)
    assert said.args == [NONE_YET]


def test_a_second_opinion_is_asked_for_and_looked_at(shown, qtbot, tmp_path):
    write_tiny_roformer(tmp_path)
    document = song(1.0)
    bar = shown(DoubtBar, document)
    document.set_look(view="doubt")
    by_pitch(document)
    before = document.state
    qtbot.waitUntil(lambda: bar.models.actions()[0].text() == "tiny", timeout=5000)
    bar.models.actions()[0].trigger()
    assert bar.ask.text() == "Asking…"
    qtbot.waitUntil(lambda: bool(bar.opinions.comparisons), timeout=60_000)
    assert document.state is before, "the song stays as it is"
    assert [bar.against.itemText(row) for row in range(bar.against.count())] == ["tiny"]


def crossed(project, crossing):
    """The two tones split again, at another frequency."""
    grid, frames = project.state.grid, project.state.frames
    below = np.arange(grid.bins) * RATE / grid.fft < crossing
    masks = np.stack([below, ~below]).astype(np.float16)[:, :, None].repeat(frames, axis=2)
    return edits.split(project, 0, Known(), Masks(["bass", "lead"], grid, masks))


def test_what_changes_hands_glows_and_is_gone_to(qtbot):
    made = stage(qtbot, split_song(4.0), qtbot.waitUntil)
    document, opinions = made.document, opinions_of(made.document)
    document.do(crossed(document.project, 5000.0))  # the upper tone is the bass's, too
    document.set_look(view="doubt")
    qtbot.waitUntil(lambda: bool(opinions.comparisons) and made.light.idle, timeout=10_000)
    QTest.mouseMove(made.view, QPoint(3, 3))
    red, _green, blue = made.colour(2.0, 3520.0)
    assert red > 150
    assert red > 1.5 * blue
    grey = made.colour(2.0, 220.0)
    assert max(grey) > 100
    assert max(grey) - min(grey) < 12
    document.set_look(overlay=False)
    assert len(set(made.colour(2.0, 3520.0))) == 1
    document.viewport.set_time(3.0, 3.5)
    with qtbot.waitSignal(opinions.went_to, timeout=10_000) as went:
        opinions.go(1)
    region = went.args[0]
    assert region.box.low < 3520 < region.box.high
    assert set(region.stems) == {"bass", "lead"}
    bounds = document.selection.bounds
    assert (bounds.start, bounds.stop) == (region.box.start, region.box.stop)
    assert document.viewport.start <= bounds.start
    assert document.viewport.stop >= bounds.stop
    count = len(opinions.regions)
    for expected in (*range(1, count), 0):
        opinions.go(1)
        assert opinions.place == expected
    opinions.go(-1)
    assert opinions.place == count - 1
    document.jobs.close()


def test_what_was_mended_is_in_doubt_no_more(qtbot):
    made = stage(qtbot, split_song(3.0), qtbot.waitUntil)
    document, opinions = made.document, opinions_of(made.document)
    document.do(crossed(document.project, 5000.0))
    qtbot.waitUntil(lambda: bool(opinions.comparisons), timeout=10_000)
    with qtbot.waitSignal(opinions.went_to, timeout=10_000):
        opinions.go(1)
    document.do(crossed(document.project, 1000.0))
    opinions.choose(opinions.of(0)[1])  # of how it was at first; the latest is the one just given up
    qtbot.waitUntil(lambda: bool(opinions.comparisons), timeout=10_000)
    with qtbot.waitSignal(document.said, timeout=10_000, check_params_cb=lambda words: words == AGREED):
        opinions.go(1)
    document.jobs.close()


def test_after_mending_one_place_the_next_ones_follow(qtbot):
    made = stage(qtbot, split_song(4.0), qtbot.waitUntil)
    document, opinions = made.document, opinions_of(made.document)
    grid, frames = document.state.grid, document.state.frames
    hertz = np.arange(grid.bins)[:, None] * document.state.mixture.sample_rate / grid.fft
    seconds = np.arange(frames)[None] * grid.hop / document.state.mixture.sample_rate
    taken = np.zeros((1, frames), dtype=bool)  # where the bass has the upper tone, too
    for start, stop in ((0.2, 0.6), (1.2, 2.4), (2.9, 3.6)):
        taken |= (start <= seconds) & (seconds < stop)
    below = (hertz < 1000.0) | taken & (hertz < 5000.0)
    masks = np.stack([below, ~below]).astype(np.float16)
    document.do(edits.split(document.project, 0, Known(), Masks(["bass", "lead"], grid, masks)))
    qtbot.waitUntil(lambda: bool(opinions.comparisons), timeout=10_000)

    def gone_to(step, meanwhile=lambda: None):
        with qtbot.waitSignal(opinions.went_to, timeout=10_000) as went:
            opinions.go(step)
            meanwhile()
        return went.args[0].box.start

    assert gone_to(1) == pytest.approx(1.2, abs=0.15)
    assert gone_to(1) == pytest.approx(2.9, abs=0.15)
    bar = DoubtBar(document)
    qtbot.addWidget(bar)
    document.set_look(view="doubt")
    assert bar.words.toolTip().startswith("Doubtful place 2 of 3: ")
    document.do(edits.set_stem(document.state, document.target, "Fader", gain_db=-6.0))
    assert bar.words.toolTip().startswith("Doubtful place 2 of 3: "), "a fader moves no light"
    document.set_target(next(child.id for child in document.state.children(0) if child.name == "lead"))
    assert give_selection(document)
    qtbot.waitUntil(lambda: document.history.names[-1].startswith("Give selection"), timeout=5000)
    assert bar.words.toolTip() == CHANGED
    quieter = edits.set_stem(document.state, document.target, "Fader", gain_db=-3.0)
    assert gone_to(1, lambda: document.do(quieter)) == pytest.approx(0.2, abs=0.15), "not the first one again"
    assert bar.words.toolTip().startswith("Doubtful place ")
    document.undo()
    document.undo()
    assert bar.words.toolTip() == CHANGED
    assert gone_to(-1) == pytest.approx(1.2, abs=0.15)
    assert bar.words.toolTip().startswith("Doubtful place 1 of 3: ")
    assert gone_to(1) == pytest.approx(2.9, abs=0.15), "in doubt again"
    document.jobs.close()


def test_a_model_is_asked_no_more_when_the_song_is_closed(qtbot):
    class Endless(Slicer):
        def run(self, signal, progress):
            while True:
                progress.check()
                time.sleep(0.005)

    document = song(1.0)
    by_pitch(document)
    job = opinions_of(document).ask(0, Endless(), "endless")
    try:
        qtbot.waitUntil(lambda: job.running, timeout=5000)
        document.set_project(None)
        qtbot.waitUntil(lambda: opinions_of(document).asking is None, timeout=5000)
        assert not document.jobs.queue
    finally:
        document.jobs.close()
