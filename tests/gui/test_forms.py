"""Forms: made from a recipe's declaration alone."""

from __future__ import annotations

from typing import ClassVar, Literal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QSpinBox,
    QToolButton,
)

from stemstudio.algorithms import ALGORITHMS, algorithm
from stemstudio.algorithms.algorithm import Algorithm, parameter
from stemstudio.gui.forms import RecipeForm


class Sampler(Algorithm):
    """Every kind of parameter."""

    name: ClassVar[str] = "sampler"
    title: ClassVar[str] = "Sampler"
    summary: ClassVar[str] = "One of each."

    pieces: int = parameter(8, "How many atoms", unit="atoms", ge=2, le=64)
    length: float = parameter(0.123456, "How long it rings", unit="s", gt=0.0, le=10.0)
    mask: Literal["soft", "binary"] = parameter("soft", "How light is shared")
    fine: bool = parameter(False, "Take longer")
    label: str = parameter("kick", "What to call it")
    fft: int = parameter(4096, "Length of a slice", unit="samples", ge=64, le=65536)
    seed: int = parameter(0, "Which chance", ge=0, le=2**31 - 1, advanced=True)

    def run(self, signal, progress):
        raise NotImplementedError


@pytest.fixture
def form(qtbot):
    made = RecipeForm(Sampler)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.mark.parametrize("kind", [*ALGORITHMS, Sampler], ids=lambda kind: kind.name)
def test_an_untouched_form_gives_the_defaults(qtbot, kind):
    form = RecipeForm(kind)
    qtbot.addWidget(form)
    assert form.recipe() == kind()
    assert set(form.fields) == set(kind.model_fields)


def test_each_kind_of_parameter_has_its_field(form):
    kinds = {name: type(field) for name, field in form.fields.items()}
    assert isinstance(form.fields["pieces"], QSpinBox)
    assert isinstance(form.fields["length"], QDoubleSpinBox)
    assert kinds["mask"] is QComboBox
    assert kinds["fine"] is QCheckBox
    assert kinds["label"] is QLineEdit


def test_range_unit_and_help_are_shown(form):
    pieces = form.fields["pieces"]
    assert (pieces.minimum(), pieces.maximum(), pieces.text()) == (2, 64, "8 atoms")
    assert pieces.toolTip() == "How many atoms. From 2 to 64 atoms."
    assert pieces.accessibleName() == "Pieces"
    assert form.fields["fft"].accessibleName() == "FFT"


def test_a_number_of_one_has_its_unit_in_the_singular(qtbot):
    form = RecipeForm(algorithm("nmf"))
    qtbot.addWidget(form)
    rounds = form.fields["iterations"]
    assert rounds.text() == "100 rounds"
    rounds.setValue(1)
    assert rounds.text() == "1 round"
    form.set_recipe(algorithm("nmf").from_settings({"iterations": 2}))
    assert rounds.text() == "2 rounds"


def test_what_is_filled_in_becomes_the_recipe(form, qtbot):
    with qtbot.waitSignal(form.changed):
        form.fields["pieces"].setFocus()
        form.fields["pieces"].selectAll()
        QTest.keyClicks(form.fields["pieces"], "12")
    form.fields["mask"].setCurrentIndex(1)
    QTest.mouseClick(
        form.fields["fine"], Qt.MouseButton.LeftButton, pos=form.fields["fine"].rect().center() * 0.2
    )
    form.fields["label"].selectAll()
    QTest.keyClicks(form.fields["label"], "snare")
    form.fields["length"].setValue(2.5)
    assert form.recipe() == Sampler(pieces=12, mask="binary", fine=True, label="snare", length=2.5)


def test_a_recipe_fills_the_form_and_comes_back_whole(form):
    recipe = Sampler(pieces=33, length=0.98765432, mask="binary", fine=True, label="x", fft=1024, seed=77)
    form.set_recipe(recipe)
    assert form.recipe() == recipe, "not even a decimal that is not shown is lost"
    assert form.fields["length"].text() == "0.988 s"


def test_lengths_step_from_power_to_power(form):
    fft = form.fields["fft"]
    fft.stepBy(1)
    assert fft.value() == 8192
    fft.stepBy(-2)
    assert fft.value() == 2048


def test_advanced_ones_are_behind_more(form):
    assert not form.fields["seed"].isVisible()
    QTest.mouseClick(form.more, Qt.MouseButton.LeftButton)
    assert form.fields["seed"].isVisible()
    assert form.more.text() == "Less"


def test_what_is_not_possible_is_said_in_a_line(form):
    form.fields["length"].setValue(0.0)  # the range is open at 0
    assert form.recipe() is None
    assert form.error.isVisible()
    assert form.error.text().startswith("Sampler: length = 0.0 is not possible")
    form.fields["length"].setValue(0.5)
    assert form.recipe() is not None
    assert not form.error.isVisible()


def test_fields_that_depend_on_each_other(qtbot):
    nmf = next(kind for kind in ALGORITHMS if kind.name == "nmf")
    form = RecipeForm(nmf)
    qtbot.addWidget(form)
    form.show()
    form.fields["hop"].setValue(1000)
    assert form.recipe() is None
    assert form.error.isVisible()
    assert "hop" in form.error.text()
    assert "components" not in form.error.text(), "not all that is filled in"


def test_texts_that_name_files_have_a_button_to_choose_them(qtbot, monkeypatch):
    asked = []

    def answer(*files):
        return lambda parent, title, folder, filters="": (asked.append((title, folder, filters)), files)[1]

    form = RecipeForm(algorithm("nmf"))
    qtbot.addWidget(form)
    form.more.setChecked(True)
    form.show()
    buttons = {button.objectName() for button in form.findChildren(QToolButton)}
    assert buttons == {"choose score", "choose templates", "choose given"}
    kick, snare = "/sounds/Kick.template", "/sounds/Snare.template"
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", answer([kick, snare], ""))
    changes = []
    form.changed.connect(lambda: changes.append(form.recipe().templates))
    form.fields["templates"].setText(f"Hat, {kick}")
    QTest.mouseClick(form.findChild(QToolButton, "choose templates"), Qt.MouseButton.LeftButton)
    assert changes == [f"Hat, {kick}, {snare}"]
    assert asked[-1] == ("Templates: choose files", "/sounds", "Templates (*.template);;All files (*)")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", answer([], ""))
    QTest.mouseClick(form.findChild(QToolButton, "choose templates"), Qt.MouseButton.LeftButton)
    assert len(changes) == 1  # nothing was chosen
    monkeypatch.setattr(QFileDialog, "getOpenFileName", answer("/songs/tune.mid", ""))
    QTest.mouseClick(form.findChild(QToolButton, "choose score"), Qt.MouseButton.LeftButton)
    assert form.recipe().score == "/songs/tune.mid"
    assert "*.mid" in asked[-1][2]


def test_a_folder_of_one_shots_is_chosen_as_a_folder(qtbot, monkeypatch):
    form = RecipeForm(algorithm("nmfd"))
    qtbot.addWidget(form)
    form.show()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/sounds/drums")
    button = form.findChild(QToolButton, "choose one_shots")
    assert button.accessibleName() == "Choose a folder for one shots"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert form.recipe().one_shots == "/sounds/drums"
