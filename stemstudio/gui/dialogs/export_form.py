"""How an export is written: its form, format, quality, rate, level, tempo and tags."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QWidget,
)

from stemstudio.audio.formats import FORMATS
from stemstudio.gui.forms import NumberBox, spaced
from stemstudio.mixing.order import PACKAGES, STREAMS, Gain, PackageName

RATES = (44_100, 48_000, 88_200, 96_000)
LEVELS: tuple[tuple[Gain, str, str], ...] = (
    ("keep", "Leave levels as they are", "The stems then add up to the song"),
    ("common peak", "One gain for all; highest peak", "All files get the same gain, so their balance stays"),
    (
        "common loudness",
        "One gain for all; loudest file",
        "All files get the same gain, so their balance stays",
    ),
    ("each peak", "Each to the same peak", "Every file gets a gain of its own: their balance is lost"),
    (
        "each loudness",
        "Each to the same loudness",
        "Every file gets a gain of its own: their balance is lost",
    ),
)
NO_TEMPO = 0.0


class ExportForm(QWidget):
    """The right side of the export dialog.

    Signals
    -------
    changed
        Of anything in it.
    """

    changed = Signal()

    def __init__(self, own_rate: int, found: float | None = None, parent: QWidget | None = None) -> None:
        """`found` is the tempo of the song's beats, where they are known."""
        super().__init__(parent)
        self._found = found
        self._peak_db, self._lufs = -1.0, -14.0
        self.package = self._choice(
            "Form", "What the sounds come in: files, or one package for a DAW or a deck"
        )
        for package in PACKAGES.values():
            self.package.addItem(package.words, package.name)
        self.format = self._choice("Format", "Kind of sound file")
        for kind in FORMATS.values():
            self.format.addItem(kind.words, kind.name)
        self.quality = self._choice("Quality", "Bits a sample, or size")
        self.rate = self._choice("Sample rate", "Samples a second; the song's own changes nothing")
        self.rate.addItem(f"{_thousands(own_rate)} Hz, the song's own", None)
        for rate in RATES:
            if rate != own_rate:
                self.rate.addItem(f"{_thousands(rate)} Hz", rate)
        self.dither = QCheckBox("Dither", self)
        self.dither.setChecked(True)
        self.dither.setToolTip(
            "Very quiet noise that hides the steps of rounding to 16 or 24 bits; silence stays silent"
        )
        self.gain = self._choice("Level", "Whether files are made louder or quieter")
        for name, words, tip in LEVELS:
            self.gain.addItem(words, name)
            self.gain.setItemData(self.gain.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.level = NumberBox(self)
        self.level.setDecimals(1)
        self.level.setSingleStep(0.5)
        self.level.setMinimumWidth(110)
        spaced(self.level)
        self.tempo = NumberBox(self)
        self.tempo.setRange(NO_TEMPO, 999.0)
        self.tempo.setDecimals(2)
        self.tempo.setSpecialValueText("not known")
        self.tempo.setSuffix(" BPM")
        self.tempo.setValue(found or NO_TEMPO)
        self.tempo.setAccessibleName("Tempo")
        self.tempo.setToolTip("For DAWs and notes; sounds and times are right without it, too")
        spaced(self.tempo)
        self.tags = QCheckBox("Carry over artist, album, cover …", self)
        self.tags.setChecked(True)
        self.tags.setToolTip("What the song's file says about itself; the stem's name goes behind the title")
        self._lay_out()
        self._fill_qualities()
        self._show_level()
        self._connect()

    # what it says

    @property
    def values(self) -> dict[str, Any]:
        """Fields of `ExportOrder`, but for the tempo, which is the song's own."""
        return {
            "package": self.package.currentData(),
            "format": self.format.currentData(),
            "subtype": self.quality.currentData(),
            "rate": self.rate.currentData(),
            "dither": self.dither.isChecked(),
            "gain": self.gain.currentData(),
            "peak_db": self._peak_db,
            "lufs": self._lufs,
            "tags": self.tags.isChecked(),
        }

    @property
    def typed_tempo(self) -> float | None:
        """The tempo that somebody typed in; None where it is still that of the beats, which may sway."""
        typed = self.tempo.value()
        return None if self._found and typed == round(self._found, 2) else typed or None

    def show_values(self, values: dict[str, Any]) -> None:
        """Take on what `values` gave, or a part of it; what is not known here is left as it is."""
        self.blockSignals(True)
        self._peak_db = float(values.get("peak_db", self._peak_db))
        self._lufs = float(values.get("lufs", self._lufs))
        for box, name in ((self.package, "package"), (self.format, "format"), (self.gain, "gain")):
            _choose(box, values.get(name))
        self._fill_qualities()
        _choose(self.quality, values.get("subtype"))
        if "rate" in values:
            self.rate.setCurrentIndex(max(0, self.rate.findData(values["rate"])))
        self.dither.setChecked(bool(values.get("dither", self.dither.isChecked())))
        self.tags.setChecked(bool(values.get("tags", self.tags.isChecked())))
        self._show_level()
        self.blockSignals(False)
        self._enable()
        self.changed.emit()

    # inside

    def _choice(self, name: str, tip: str) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(name)
        box.setToolTip(tip)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(22)
        return box

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        level = QHBoxLayout()
        level.addWidget(self.gain, 1)
        level.addWidget(self.level)
        rate = QHBoxLayout()
        rate.addWidget(self.rate, 1)
        rate.addWidget(self.dither)
        rows: tuple[tuple[str, QWidget | QHBoxLayout], ...] = (
            ("Form", self.package), ("Format", self.format), ("Quality", self.quality), ("Rate", rate),
            ("Level", level), ("Tempo", self.tempo), ("Tags", self.tags),
        )  # fmt: skip
        for words, field in rows:
            form.addRow(words, field)

    def _connect(self) -> None:
        for box in (self.package, self.format):
            box.currentIndexChanged.connect(self._kind_changed)
        self.gain.currentIndexChanged.connect(self._gain_changed)
        self.level.valueChanged.connect(self._level_changed)
        for box in (self.quality, self.rate):
            box.currentIndexChanged.connect(self._changed)
        for check in (self.dither, self.tags):
            check.toggled.connect(self.changed)
        self.tempo.valueChanged.connect(lambda _: self.changed.emit())

    def _kind_changed(self) -> None:
        self._fill_qualities()
        self._changed()

    def _changed(self) -> None:
        self._enable()
        self.changed.emit()

    def _gain_changed(self) -> None:
        self._show_level()
        self.changed.emit()

    def _level_changed(self, value: float) -> None:
        if str(self.gain.currentData()).endswith("loudness"):
            self._lufs = value
        else:
            self._peak_db = value
        self.changed.emit()

    def _show_level(self) -> None:
        loudness = str(self.gain.currentData()).endswith("loudness")
        self.level.blockSignals(True)
        self.level.setRange(*((-60.0, 0.0) if loudness else (-24.0, 0.0)))
        self.level.setSuffix(" LUFS" if loudness else " dBFS")
        self.level.setValue(self._lufs if loudness else self._peak_db)
        self.level.blockSignals(False)
        self.level.setAccessibleName("Loudness" if loudness else "Highest peak")
        self.level.setToolTip(
            "Integrated loudness after ITU-R BS.1770; streaming plays at about −14 LUFS"
            if loudness
            else "Level of the loudest sample of all files"
        )
        self.level.setEnabled(self.gain.currentData() != "keep")
        self.gain.setToolTip(next(tip for name, _, tip in LEVELS if name == self.gain.currentData()))

    def _fill_qualities(self) -> None:
        package: PackageName = self.package.currentData()
        before = self.quality.currentData()
        self.quality.blockSignals(True)
        self.quality.clear()
        if package == "stem-mp4":
            for name, words in STREAMS.items():
                self.quality.addItem(words, name)
        else:
            for subtype in FORMATS[self.format.currentData()].subtypes:
                self.quality.addItem(subtype.words, subtype.name)
        _choose(self.quality, before)
        self.quality.blockSignals(False)
        self._enable()

    def _enable(self) -> None:
        package: PackageName = self.package.currentData()
        decks = package == "stem-mp4"
        self.format.setEnabled(not decks)
        bits = None if decks else FORMATS[self.format.currentData()].subtype(self.quality.currentData()).bits
        self.dither.setEnabled(bits is not None)


def _choose(box: QComboBox, data: object) -> None:
    place = box.findData(data) if data is not None else -1
    if place >= 0:
        box.setCurrentIndex(place)


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")
