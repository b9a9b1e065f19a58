"""Forms: a recipe's parameters as fields to fill in, made from its own declaration and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from stemstudio.algorithms.algorithm import Algorithm, Parameter
from stemstudio.algorithms.parameters import counted
from stemstudio.errors import BadRecipe

FAR = 1e9  # where a float has no limit
FAR_INT = 2**31 - 1
DECIMALS = 3
NARROW = 76  # pixels
LONGEST = 10_000_000  # characters: a melody of a whole song is told point by point


class DoublingSpinBox(QSpinBox):
    """Steps from one power of two to the next: lengths of frames."""

    def stepBy(self, steps: int) -> None:
        value = self.value()
        for _ in range(abs(steps)):
            value = value * 2 if steps > 0 else max(1, value // 2)
        self.setValue(value)


class NumberBox(QDoubleSpinBox):
    """Writes a proper minus, and takes a hyphen for one."""

    def textFromValue(self, value: float) -> str:
        return super().textFromValue(value).replace("-", "−")

    def valueFromText(self, text: str) -> float:
        return super().valueFromText(text.replace("−", "-"))

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        state, _, _ = super().validate(text.replace("−", "-"), position)
        return state, text, position


class ShortDoubleSpinBox(NumberBox):
    """Shows no more decimals than there are."""

    def textFromValue(self, value: float) -> str:
        text = self.locale().toString(value, "f", DECIMALS).replace("-", "−")
        point = self.locale().decimalPoint()
        return text.rstrip("0").removesuffix(point) if point in text else text


class RecipeForm(QWidget):
    """Fields for every parameter of an algorithm; advanced ones behind More….

    Signals
    -------
    changed
        The person changed a value.
    """

    changed = Signal()

    def __init__(self, algorithm: type[Algorithm], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.algorithm = algorithm
        self.fields: dict[str, QWidget] = {}
        self._given: dict[str, Any] = {}
        self.more = QPushButton(self)
        self.more.setProperty("link", True)
        self.more.setCheckable(True)
        self.more.setToolTip("Parameters that seldom need a change")
        self.more.toggled.connect(self._show_advanced)
        self.error = QLabel(self)
        self.error.setProperty("role", "error")
        self.error.setWordWrap(True)
        self.error.hide()
        parameters = algorithm.parameters()
        plain, advanced = _form(), _form()
        for parameter in parameters:
            self._add(advanced if parameter.advanced else plain, parameter)
        self._advanced = QWidget(self)
        self._advanced.setLayout(advanced)
        advanced.setContentsMargins(0, 0, 0, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(plain)
        column.addWidget(self.more)
        column.addWidget(self._advanced)
        column.addWidget(self.error)
        self.more.setVisible(any(parameter.advanced for parameter in parameters))
        self._show_advanced(False)
        self.set_recipe(algorithm())

    def set_recipe(self, recipe: Algorithm) -> None:
        """Fill in the values of a recipe."""
        for name, field in self.fields.items():
            value = getattr(recipe, name)
            self._given[name] = value
            with QSignalBlocker(field):
                _put(field, value)
        self._check()

    def say_choices(self, name: str, words: Mapping[str, str], impossible: Mapping[str, str]) -> None:
        """Call the values of a choice by words; those that are impossible here are greyed out, with why as a tip."""
        field = self.fields.get(name)
        if not isinstance(field, QComboBox):
            return
        for place in range(field.count()):
            value = field.itemData(place)
            why = impossible.get(value, "")
            field.setItemText(place, words.get(value, value))
            field.setItemData(place, why or words.get(value, value), Qt.ItemDataRole.ToolTipRole)
            item = field.model().item(place)  # type: ignore[attr-defined]
            item.setEnabled(not why)

    def values(self) -> dict[str, Any]:
        """What stands in the fields, by name."""
        return {name: self._value(name) for name in self.fields}

    def recipe(self) -> Algorithm | None:
        """The recipe that is filled in; None, with the reason on display, where that is not possible."""
        try:
            recipe = self.algorithm.from_settings(self.values())
        except BadRecipe as error:
            self.error.setText(str(error))
            self.error.show()
            return None
        self.error.hide()
        return recipe

    def _value(self, name: str) -> Any:
        field = self.fields[name]
        if isinstance(field, QCheckBox):
            return field.isChecked()
        if isinstance(field, QComboBox):
            return field.currentData()
        if isinstance(field, QLineEdit):
            return field.text()
        assert isinstance(field, QSpinBox | QDoubleSpinBox)
        given = self._given[name]  # a value that was not touched keeps all its decimals
        same = isinstance(given, float) and abs(field.value() - given) < 0.5 * 10**-DECIMALS
        return given if same else field.value()

    def _check(self) -> None:
        for parameter in self.algorithm.parameters():
            field = self.fields[parameter.name]
            if parameter.unit and isinstance(field, QSpinBox | QDoubleSpinBox):
                suffix = _suffix(field.value(), parameter.unit)
                if suffix != field.suffix():
                    with QSignalBlocker(field):
                        field.setSuffix(suffix)
        self.recipe()

    def _edited(self) -> None:
        self._check()
        self.changed.emit()

    def _show_advanced(self, on: bool) -> None:
        self.more.setText("Less" if on else "More…")
        self._advanced.setVisible(on)

    def _add(self, form: QFormLayout, parameter: Parameter) -> None:
        field = self._field(parameter)
        tip = parameter.help if parameter.help.endswith((".", "?")) else f"{parameter.help}."
        limits = _limits(parameter)
        field.setToolTip(f"{tip} {limits}".strip())
        field.setAccessibleName(parameter.label)
        field.setAccessibleDescription(parameter.help)
        field.setObjectName(parameter.name)
        self.fields[parameter.name] = field
        if isinstance(field, QCheckBox):
            form.addRow(field)
            return
        label = QLabel(parameter.label)
        label.setProperty("role", "muted")
        label.setToolTip(field.toolTip())
        label.setBuddy(field)
        if parameter.chooses and isinstance(field, QLineEdit):
            beside = QHBoxLayout()
            beside.setSpacing(4)
            beside.addWidget(field)
            beside.addWidget(self._chooser(parameter, field))
            form.addRow(label, beside)
        else:
            form.addRow(label, field)

    def _chooser(self, parameter: Parameter, field: QLineEdit) -> QToolButton:
        """The button beside a text that names something on the disk."""
        button = QToolButton()
        button.setText("…")
        what = {"file": "a file", "files": "files", "folder": "a folder"}[parameter.chooses]
        button.setToolTip(f"{parameter.label}: choose {what}")
        button.setAccessibleName(f"Choose {what} for {parameter.label.lower()}")
        button.setObjectName(f"choose {parameter.name}")

        def choose() -> None:
            text = chosen(self, parameter, field.text())
            if text is not None:
                field.setText(text)
                self._edited()

        button.clicked.connect(choose)
        return button

    def _field(self, parameter: Parameter) -> QWidget:
        if parameter.kind == "bool":
            box = QCheckBox(parameter.label)
            box.toggled.connect(self._edited)
            return box
        if parameter.kind == "choice":
            choice = QComboBox()
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            choice.setMinimumContentsLength(6)  # what it is called here may be longer than the panel is wide
            for value in parameter.choices:
                choice.addItem(value, value)
            choice.currentIndexChanged.connect(self._edited)
            return choice
        if parameter.kind == "text":
            line = QLineEdit()
            line.setMaxLength(LONGEST)
            line.textEdited.connect(self._edited)
            return line
        if parameter.kind == "int":
            spin: QSpinBox | QDoubleSpinBox = DoublingSpinBox() if parameter.unit == "samples" else QSpinBox()
            spin.setRange(
                int(-FAR_INT if parameter.low is None else parameter.low),
                int(FAR_INT if parameter.high is None else parameter.high),
            )
        else:
            spin = ShortDoubleSpinBox()
            spin.setDecimals(DECIMALS)
            spin.setRange(
                -FAR if parameter.low is None else parameter.low,
                FAR if parameter.high is None else parameter.high,
            )
            spin.setSingleStep(_step(parameter))
        if parameter.unit:
            spin.setSuffix(_suffix(spin.value(), parameter.unit))
        spaced(spin)
        spin.setGroupSeparatorShown(False)
        spin.setMinimumWidth(NARROW)  # what it may hold at most is far longer than what it holds
        spin.setKeyboardTracking(True)
        spin.setCorrectionMode(QAbstractSpinBox.CorrectionMode.CorrectToNearestValue)
        spin.valueChanged.connect(self._edited)
        return spin


def chosen(parent: QWidget, parameter: Parameter, text: str) -> str | None:
    """Ask for what a text may name on the disk; the new text, or None where nothing was chosen.

    Files are put behind the words that are there already.
    """
    title = f"{parameter.label}: choose"
    words = [word.strip() for word in text.split(",") if word.strip()]
    before = Path(words[-1]).expanduser() if words else None
    folder = str(before.parent) if before is not None and before.is_absolute() else ""
    if parameter.chooses == "folder":
        return QFileDialog.getExistingDirectory(parent, f"{title} a folder", text or folder) or None
    own = " ".join(f"*{ending}" for ending in parameter.endings)
    filters = f"{parameter.label} ({own});;All files (*)" if own else ""
    if parameter.chooses == "file":
        return QFileDialog.getOpenFileName(parent, f"{title} a file", folder, filters)[0] or None
    files, _ = QFileDialog.getOpenFileNames(parent, f"{title} files", folder, filters)
    return ", ".join([*words, *(file for file in files if file not in words)]) if files else None


def spaced(spin: QAbstractSpinBox) -> None:
    """Keep the number of a spin box off its edge: style sheets cannot."""
    spin.lineEdit().setTextMargins(5, 0, 0, 0)


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
    form.setHorizontalSpacing(12)
    form.setVerticalSpacing(5)
    return form


def _put(field: QWidget, value: Any) -> None:
    if isinstance(field, QCheckBox):
        field.setChecked(bool(value))
    elif isinstance(field, QComboBox):
        field.setCurrentIndex(max(0, field.findData(str(value))))
    elif isinstance(field, QLineEdit):
        field.setText(str(value))
    else:
        assert isinstance(field, QSpinBox | QDoubleSpinBox)
        field.setValue(value)


def _suffix(value: float, unit: str) -> str:
    return counted(f"{value:g}", unit).removeprefix(f"{value:g}")


def _step(parameter: Parameter) -> float:
    """A tenth or so of what is usual for it."""
    usual = abs(float(parameter.default)) or (parameter.high or 1.0)
    for step in (100.0, 10.0, 1.0, 0.5, 0.1, 0.05):
        if step <= usual / 5:
            return step
    return 0.01


def _limits(parameter: Parameter) -> str:
    low, high = parameter.low, parameter.high
    if parameter.kind not in ("int", "float") or low is None or high is None or high >= FAR_INT:
        return ""
    unit = f" {parameter.unit}" if parameter.unit else ""
    return f"From {low:g} to {high:g}{unit}."
