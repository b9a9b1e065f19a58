"""The export dialog: what is written, of which stretch, in which format, where, under which names."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings, QSize, QStandardPaths, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from stemstudio.audio.formats import FORMATS, why_not
from stemstudio.errors import StemStudioError
from stemstudio.gui.document import Document
from stemstudio.gui.files_to_be import FilesToBe
from stemstudio.gui.forms import spaced
from stemstudio.gui.notation import time_text
from stemstudio.gui.views.stem_checklist import MIX, StemChecklist
from stemstudio.mixing.export import ExportOrder, file_names


class ExportDialog(QDialog):
    """Asks for an `ExportOrder`; `order()` gives it."""

    def __init__(
        self,
        document: Document,
        title: str,
        *,
        loop: tuple[int, int] | None = None,
        folder: Path | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`title` is the song's, `loop` in samples; `folder` is offered in place of the one used last."""
        super().__init__(parent)
        self._document, self._title = document, title
        self._problem = ""
        self._spans: dict[str, tuple[int | None, int | None]] = {"song": (None, None)}
        self.setWindowTitle("Export")
        self.setModal(True)
        self._build()
        self._add_spans(loop)
        self._restore(folder)
        self._connect()
        self._format_chosen()
        self._stems_changed()

    def sizeHint(self) -> QSize:
        return QSize(820, 560)

    # what it asks

    def order(self) -> ExportOrder:
        """What the dialog says."""
        start, stop = self._spans[self.span]
        stems = tuple(key for key in self.stems.ticked() if key != MIX)
        return ExportOrder(
            folder=Path(self.folder.text().strip()).expanduser(),
            stems=stems,
            mix=MIX in self.stems.ticked(),
            format=self.format.currentData(),
            subtype=self.quality.currentData(),
            template=self.template.text().strip(),
            start=start,
            stop=stop,
            gain="common peak" if self.common.isChecked() else "keep",
            peak_db=self.peak.value(),
            dither=self.dither.isChecked() and self.dither.isEnabled(),
            tags=self.tags.isChecked(),
            overwrite=self.files.may_replace,
        )

    @property
    def span(self) -> str:
        """ "song", "selection" or "loop"."""
        return next(name for name, button in self.span_buttons.items() if button.isChecked())

    def accept(self) -> None:
        settings = QSettings()
        for name, value in (
            ("folder", self.folder.text()),
            ("format", self.format.currentData()),
            ("quality", self.quality.currentData()),
            ("template", self.template.text()),
        ):
            settings.setValue(f"export/{name}", value)
        super().accept()

    # putting together

    def _build(self) -> None:
        state = self._document.state
        assert state is not None
        self.stems = StemChecklist(state, self)
        self.all = self._link("All", "Tick every stem, and the mix")
        self.none = self._link("None", "Tick nothing")
        self.span_group = QButtonGroup(self)
        self.span_buttons: dict[str, QRadioButton] = {}
        self.spans = QVBoxLayout()
        self.spans.setSpacing(2)
        self.format = QComboBox(self)
        for kind in FORMATS.values():
            self.format.addItem(kind.words, kind.name)
        self.format.setAccessibleName("Format")
        self.format.setToolTip("Kind of file")
        self.quality = QComboBox(self)
        self.quality.setAccessibleName("Quality")
        self.quality.setToolTip("Bits a sample, or size")
        self.keep = QRadioButton("Leave levels as they are", self)
        self.keep.setChecked(True)
        self.keep.setToolTip("The stems then add up to the song")
        self.common = QRadioButton("One common gain for all; highest peak", self)
        self.common.setToolTip("All files get the same gain, so their balance stays")
        self.peak = QDoubleSpinBox(self)
        self.peak.setRange(-24.0, 0.0)
        self.peak.setDecimals(1)
        self.peak.setSingleStep(0.5)
        self.peak.setValue(-1.0)
        self.peak.setSuffix(" dBFS")
        spaced(self.peak)
        self.peak.setAccessibleName("Highest peak")
        self.peak.setToolTip("Level of the loudest sample of all files")
        self.peak.setEnabled(False)
        levels = QButtonGroup(self)
        levels.addButton(self.keep)
        levels.addButton(self.common)
        self.tags = QCheckBox("Carry over the song's tags (artist, album, cover …)", self)
        self.tags.setChecked(True)
        self.tags.setToolTip("Write what the song's file says about itself into the new files too")
        self.dither = QCheckBox("Dither", self)
        self.dither.setChecked(True)
        self.dither.setToolTip("Very quiet noise that hides the steps of rounding to 16 or 24 bits")
        self.folder = QLineEdit(self)
        self.folder.setAccessibleName("Folder")
        self.folder.setToolTip("Where the files go; the folder is made if it is missing")
        self.choose = QPushButton("Choose…", self)
        self.choose.setToolTip("Choose the folder")
        self.template = QLineEdit(self)
        self.template.setAccessibleName("File names")
        self.template.setToolTip(
            "{song}, {stem} and {number} are filled in; the ending comes from the format"
        )
        self.files = FilesToBe(self)
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self.note.setProperty("role", "error")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.export = QPushButton("Export", self)
        self.export.setDefault(True)
        self.export.setProperty("primary", True)
        self.buttons.addButton(self.export, QDialogButtonBox.ButtonRole.AcceptRole)
        self._lay_out()

    def _link(self, words: str, tip: str) -> QPushButton:
        button = QPushButton(words, self)
        button.setProperty("link", True)
        button.setAutoDefault(False)
        button.setToolTip(tip)
        return button

    def _lay_out(self) -> None:
        def heading(words: str) -> QLabel:
            label = QLabel(words, self)
            label.setProperty("role", "title")
            return label

        top = QHBoxLayout()
        top.addWidget(heading("What"))
        top.addStretch(1)
        top.addWidget(self.all)
        top.addWidget(self.none)
        left = QVBoxLayout()
        left.setSpacing(6)
        left.addLayout(top)
        left.addWidget(self.stems, 1)
        left.addWidget(heading("Of"))
        left.addLayout(self.spans)
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        common = QHBoxLayout()
        common.addWidget(self.common)
        common.addWidget(self.peak)
        common.addStretch(1)
        folder = QHBoxLayout()
        folder.addWidget(self.folder, 1)
        folder.addWidget(self.choose)
        form.addRow("Format", self.format)
        form.addRow("Quality", self.quality)
        form.addRow("", self.dither)
        form.addRow("Level", self.keep)
        form.addRow("", common)
        form.addRow("Tags", self.tags)
        form.addRow("Folder", folder)
        form.addRow("Names", self.template)
        right = QVBoxLayout()
        right.setSpacing(6)
        right.addWidget(heading("How and where"))
        right.addLayout(form)
        right.addWidget(self.files, 1)
        right.addWidget(self.note)
        grid = QGridLayout(self)
        grid.setContentsMargins(18, 14, 18, 14)
        grid.setHorizontalSpacing(22)
        grid.setVerticalSpacing(10)
        grid.addLayout(left, 0, 0)
        grid.addLayout(right, 0, 1)
        grid.addWidget(self.buttons, 1, 0, 1, 2)
        grid.setColumnStretch(0, 2)
        grid.setColumnStretch(1, 3)

    def _add_spans(self, loop: tuple[int, int] | None) -> None:
        state = self._document.state
        assert state is not None
        rate, length = state.mixture.sample_rate, state.mixture.length
        words = {"song": f"the whole song ({time_text(length / rate, 1)})"}
        box = self._document.selection.bounds
        if box is not None:
            self._spans["selection"] = (max(0, round(box.start * rate)), min(length, round(box.stop * rate)))
        if loop is not None:
            self._spans["loop"] = (max(0, loop[0]), min(length, loop[1]))
        for name in ("selection", "loop"):
            if name in self._spans:
                start, stop = self._spans[name]
                assert start is not None
                assert stop is not None
                words[name] = (
                    f"the {name} ({time_text(start / rate, 2)}–{time_text(stop / rate, 2)}, all frequencies)"
                )
        for name, text in words.items():
            button = QRadioButton(text, self)
            self.span_group.addButton(button)
            self.span_buttons[name] = button
            self.spans.addWidget(button)
        self.span_buttons["song"].setChecked(True)

    def _restore(self, folder: Path | None) -> None:
        settings = QSettings()
        music = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MusicLocation)
        self.folder.setText(str(folder or settings.value("export/folder") or music))
        self.template.setText(str(settings.value("export/template") or "{song} - {stem}"))
        self.format.setCurrentIndex(max(0, self.format.findData(settings.value("export/format"))))
        self._fill_qualities()
        self.quality.setCurrentIndex(max(0, self.quality.findData(settings.value("export/quality"))))

    def _connect(self) -> None:
        self.stems.changed.connect(self._stems_changed)
        self.all.clicked.connect(lambda: self.stems.tick(True))
        self.none.clicked.connect(lambda: self.stems.tick(False))
        self.format.currentIndexChanged.connect(self._format_changed)
        self.quality.currentIndexChanged.connect(self._format_chosen)
        self.common.toggled.connect(self.peak.setEnabled)
        self.folder.textChanged.connect(self._show_files)
        self.template.textChanged.connect(self._show_files)
        self.choose.clicked.connect(self._choose_folder)
        self.files.replace.toggled.connect(self._enable)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    # what changes

    def _stems_changed(self) -> None:
        count = len(self.stems.ticked())
        self.export.setText("Export 1 file" if count == 1 else f"Export {count} files" if count else "Export")
        self._show_files()

    def _format_changed(self) -> None:
        self._fill_qualities()
        self._format_chosen()

    def _fill_qualities(self) -> None:
        self.quality.blockSignals(True)
        self.quality.clear()
        for subtype in FORMATS[self.format.currentData()].subtypes:
            self.quality.addItem(subtype.words, subtype.name)
        self.quality.blockSignals(False)

    def _format_chosen(self) -> None:
        bits = FORMATS[self.format.currentData()].subtype(self.quality.currentData()).bits
        self.dither.setEnabled(bits is not None)
        self._show_files()

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Export to", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _show_files(self) -> None:
        """List the names as they will be, and mark those that are there already."""
        state = self._document.state
        assert state is not None
        self._problem = ""
        names: list[str] = []
        order = self.order()
        try:
            names = list(file_names(order, state, self._title).values())
            channels = 2 if order.mix else state.mixture.channels
            reason, way_on = why_not(FORMATS[order.format], state.mixture.sample_rate, channels)
            if reason:
                self._problem = f"{reason[:1].upper()}{reason[1:]}. {way_on}"
        except StemStudioError as error:
            self._problem = str(error)
        if not self.folder.text().strip():
            self._problem = "Choose a folder."
        elif order.folder.is_file():
            self._problem = f"“{order.folder.name}” is a file. Choose a folder."
        elif not names and not self._problem:
            self._problem = "Tick at least one stem, or the mix."
        self.files.show_names(order.folder, names)
        self.note.setText(self._problem)
        self.note.setVisible(bool(self._problem))
        self._enable()

    def _enable(self) -> None:
        waiting = bool(self.files.existing()) and not self.files.may_replace
        self.export.setEnabled(not self._problem and not waiting)
        self.export.setToolTip(
            self._problem
            or ("Say whether the files that are there may be replaced" if waiting else "Write the files")
        )
