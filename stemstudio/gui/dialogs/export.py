"""The export dialog: what is written, of which stretch, in which form, where, under which names; presets of all that."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings, QSize, QStandardPaths
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from stemstudio.errors import StemStudioError
from stemstudio.gui.dialogs import export_presets
from stemstudio.gui.dialogs.buttons import link_button, push_button
from stemstudio.gui.dialogs.export_files import FilesToBe
from stemstudio.gui.dialogs.export_form import ExportForm
from stemstudio.gui.dialogs.export_preset_bar import PresetBar
from stemstudio.gui.dialogs.export_presets import ExportPreset
from stemstudio.gui.document import Document
from stemstudio.gui.notation import time_text
from stemstudio.gui.views.parts_tree import PartsTree
from stemstudio.mixing.order import PACKAGES, ExportOrder, Key, Label
from stemstudio.mixing.pace import AS_RECORDED, Pace
from stemstudio.mixing.plan import parts_of, sizes, what_is_wrong
from stemstudio.mixing.stem_mp4 import streams_of

ALL = "*"
MIXES = ("mix", "upmix", "upmix apart")
STRETCHED = "Each stem is stretched by itself. They add up to the mix at this tempo; there is no recording to null against."


class ExportDialog(QDialog):
    """Asks for an `ExportOrder`; `order()` gives it."""

    def __init__(
        self,
        document: Document,
        title: str,
        *,
        loop: tuple[int, int] | None = None,
        folder: Path | None = None,
        form: ExportForm | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`title` is the song's, `loop` in samples; `folder` is offered in place of the one used last.

        `form` is put in where it was made in a turn of its own.
        """
        super().__init__(parent)
        assert document.state is not None
        self._document, self._title, self._state = document, title, document.state
        self._problem = ""
        self._heard = Pace.of(self._state.practice)
        self._spans: dict[str, tuple[int | None, int | None]] = {"song": (None, None)}
        self.setWindowTitle("Export")
        self.setModal(True)
        self._build(form or ExportForm(self._state.mixture.sample_rate, self._state.beats.bpm))
        self._lay_out()
        self._add_spans(loop)
        self._restore(folder)
        self._connect()
        self._show_files()

    def sizeHint(self) -> QSize:
        return QSize(940, 660)

    # what it asks

    def order(self) -> ExportOrder:
        """What the dialog says."""
        start, stop = self._spans[self.span]
        ticked = self.parts.ticked()
        return ExportOrder(
            folder=Path(self.folder.text().strip()).expanduser(),
            stems=self.parts.stems,
            mix="mix" in ticked,
            upmix="upmix" in ticked,
            upmix_apart="upmix apart" in ticked,
            without=self.parts.without,
            groups=self.parts.groups,
            data=self.parts.data,
            template=self.template.text().strip(),
            start=start,
            stop=stop,
            overwrite=self.files.may_replace,
            labels=self._labels(),
            pace=self._heard if self.pace.isChecked() else AS_RECORDED,
            tempo=self.form.typed_tempo,
            **self.form.values,
        )

    @property
    def span(self) -> str:
        """ "song", "selection" or "loop"."""
        return next(name for name, button in self.span_buttons.items() if button.isChecked())

    def accept(self) -> None:
        settings = QSettings()
        settings.setValue("export/folder", self.folder.text())
        settings.setValue("export/last", self._preset("last").model_dump_json())
        super().accept()

    # putting together

    def _build(self, form: ExportForm) -> None:
        self.parts = PartsTree(self._state, self)
        self.all = link_button("All", "Tick every stem, and the mix", lambda: self.parts.tick(True), self)
        self.none = link_button("None", "Tick nothing", lambda: self.parts.tick(False), self)
        self.group = link_button(
            "Group…",
            "Write the stems that are ticked as one more sound, under a name",
            self._make_group,
            self,
        )
        self.span_group = QButtonGroup(self)
        self.span_buttons: dict[str, QRadioButton] = {}
        self.spans = QVBoxLayout()
        self.spans.setSpacing(2)
        self.pace = QCheckBox(f"as it is heard now: {self._heard.words}".replace("key -", "key −"), self)
        self.pace.setToolTip(
            "Each stem is stretched by itself, as in play. Together they make the mix at this tempo and in this key; "
            "there is no recording of that to compare them with. Unticked, all is as recorded"
        )
        self.pace.setVisible(self._heard.changed)
        self.presets = PresetBar(self._preset, self)
        self.form = form
        form.setParent(self)  # now, as Tab goes the way that parts come in
        self.folder = QLineEdit(self)
        self.folder.setAccessibleName("Folder")
        self.folder.setToolTip("Where the files go; the folder is made if it is missing")
        self.choose = push_button("Choose…", "Choose the folder", self._choose_folder, self)
        self.template = QLineEdit(self)
        self.template.setAccessibleName("File names")
        self.template.setToolTip(
            "{song}, {stem} and {number} are filled in; the ending comes from the format"
        )
        self.files = FilesToBe(self)
        self.hint = QLabel(self)
        self.hint.setWordWrap(True)
        self.hint.setProperty("role", "muted")
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self.note.setProperty("role", "error")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.export = QPushButton("Export", self)
        self.export.setDefault(True)
        self.export.setProperty("primary", True)
        self.buttons.addButton(self.export, QDialogButtonBox.ButtonRole.AcceptRole)

    def _lay_out(self) -> None:
        def heading(words: str) -> QLabel:
            label = QLabel(words, self)
            label.setProperty("role", "title")
            return label

        def line(*widgets: QWidget | int) -> QHBoxLayout:
            row = QHBoxLayout()
            for widget in widgets:
                if isinstance(widget, int):
                    row.addStretch(widget)
                else:
                    row.addWidget(widget)
            return row

        left, right = QVBoxLayout(), QVBoxLayout()
        for column in (left, right):
            column.setSpacing(6)
        left.addLayout(line(heading("What"), 1, self.all, self.none, self.group))
        left.addWidget(self.parts, 1)
        left.addWidget(heading("Of"))
        left.addLayout(self.spans)
        left.addWidget(self.pace)
        presets = line(heading("How and where"), 1, self.presets)
        folder = line(self.folder, self.choose)
        folder.setStretch(0, 1)
        where = QFormLayout()
        where.setHorizontalSpacing(12)
        where.setVerticalSpacing(6)
        where.addRow("Folder", folder)
        where.addRow("Names", self.template)
        right.addLayout(presets)
        right.addWidget(self.form)
        right.addLayout(where)
        right.addWidget(self.files, 1)
        right.addWidget(self.hint)
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
        rate, length = self._state.mixture.sample_rate, self._state.mixture.length
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

    def _labels(self) -> tuple[Label, ...]:
        """The selection and the loop as labels."""
        rate = self._state.mixture.sample_rate
        found = []
        box = self._document.selection.bounds
        if box is not None:
            found.append(Label(box.start, box.stop, "selection", box.low, box.high))
        if "loop" in self._spans:
            start, stop = self._spans["loop"]
            found.append(Label((start or 0) / rate, (stop or 0) / rate, "loop"))
        return tuple(found)

    def _restore(self, folder: Path | None) -> None:
        """The folder and the form of the last export; what is ticked begins with the stems each time."""
        settings = QSettings()
        music = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MusicLocation)
        self.folder.setText(str(folder or settings.value("export/folder") or music))
        last = export_presets.read_one(str(settings.value("export/last") or ""))
        self.template.setText(last.template)
        self.form.show_values(last.how)

    def _connect(self) -> None:
        self.parts.changed.connect(self._show_files)
        self.form.changed.connect(self._show_files)
        for button in self.span_buttons.values():
            button.toggled.connect(self._show_files)
        self.pace.toggled.connect(self._show_files)
        self.presets.used.connect(self._use_preset)
        self.folder.textChanged.connect(self._show_files)
        self.template.textChanged.connect(self._show_files)
        self.files.replace.toggled.connect(self._enable)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    # what changes

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Export to", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _make_group(self) -> None:
        stems = self.parts.stems
        words = " + ".join(self._state.stems[stem].name for stem in stems)
        name, good = QInputDialog.getText(self, "Group", f"Name for {words}:")
        if good and name.strip():
            self.parts.add_group(name.strip()[:100], stems)

    def _show_files(self) -> None:
        """List the files as they will be, and mark those that are there already."""
        package = PACKAGES[self.form.values["package"]]
        self.parts.allow_only_stems(package.name == "stem-mp4")
        order = self.order()
        self.template.setEnabled(not package.single or bool(order.data))
        hint = STRETCHED if order.pace.changed else ""
        files: dict[str, int | None] = {}
        inside: list[str] = []
        self._problem = ""
        try:
            files = dict(sizes(order, self._state, self._title).values())
            self._problem = what_is_wrong(order, self._state)
            if order.package == "stem-mp4":
                parts, note = streams_of(self._state, order)
                hint = " ".join(filter(None, (note, hint)))
                inside = [f"{number}  {part.name}" for number, part in enumerate(parts)]
            elif order.package == "dawproject":
                inside = [part.name for part in parts_of(order, self._state)]
        except StemStudioError as error:
            self._problem = str(error)
        if not self.folder.text().strip():
            self._problem = "Choose a folder."
        elif order.folder.is_file():
            self._problem = f"“{order.folder.name}” is a file. Choose a folder."
        self.files.show_files(order.folder, files, inside)
        count = len(files)
        self.export.setText("Export 1 file" if count == 1 else f"Export {count} files" if count else "Export")
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))
        self.note.setText(self._problem)
        self.note.setVisible(bool(self._problem))
        self.group.setEnabled(len(order.stems) > 1)
        self._enable()

    def _enable(self) -> None:
        waiting = bool(self.files.existing()) and not self.files.may_replace
        self.export.setEnabled(not self._problem and not waiting)
        self.export.setToolTip(
            self._problem
            or ("Say whether the files that are there may be replaced" if waiting else "Write the files")
        )

    # presets

    def _use_preset(self, preset: ExportPreset) -> None:
        state = self._state
        by_name = {stem.name: stem.id for stem in state.stems.values() if stem.parent is not None}
        leaves = [leaf.id for leaf in state.leaves()]

        def ids(names: tuple[str, ...]) -> list[int]:
            return leaves if ALL in names else [by_name[name] for name in names if name in by_name]

        keys: set[Key] = {
            *preset.other,
            *ids(preset.stems),
            *(f"without {stem}" for stem in ids(preset.without)),
        }
        for name, stems in preset.groups.items():
            found = self.parts.group_called(name)
            members = tuple(by_name[stem] for stem in stems if stem in by_name)
            if found is None and members:
                found = self.parts.add_group(name, members)
            if found is not None:
                keys.add(found)
        self.template.setText(preset.template)
        self.form.show_values(preset.how)
        self.parts.tick_only(keys)

    def _preset(self, name: str) -> ExportPreset:
        """What the dialog says, by the names of stems."""
        state = self._state
        leaves = {leaf.id for leaf in state.leaves()}

        def names(stems: tuple[int, ...]) -> tuple[str, ...]:
            whole = bool(stems) and set(stems) == leaves
            return (ALL,) if whole else tuple(state.stems[stem].name for stem in stems)

        return ExportPreset(
            name=name,
            how=self.form.values,
            template=self.template.text().strip()[:500],
            stems=names(self.parts.stems),
            without=names(self.parts.without),
            groups={group.name: names(group.stems) for group in self.parts.groups},
            other=tuple(str(key) for key in self.parts.ticked() if key in MIXES) + self.parts.data,
        )
