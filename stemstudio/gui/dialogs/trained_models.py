"""Trained models: every one there is, what is known of it, whether it is here; download, add, check, remove."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from stemstudio.algorithms.neural.catalogue import MODELS, Model
from stemstudio.algorithms.neural.own_models import every_model, is_own
from stemstudio.algorithms.neural.roformer_settings import config_beside
from stemstudio.algorithms.neural.weights import (
    Checked,
    add,
    checked,
    models_folder,
    remove,
)
from stemstudio.errors import StemStudioError
from stemstudio.gui import theme
from stemstudio.gui.dialogs.buttons import close_box, push_button
from stemstudio.gui.dialogs.models_table import ModelsTable, Row
from stemstudio.gui.fetching import Fetching, megabytes
from stemstudio.gui.folders import last_folder, remember_folder
from stemstudio.gui.jobs import Job, Jobs
from stemstudio.gui.views.fetch_row import FetchRow
from stemstudio.progress import Progress

FILES = "Weights (*.safetensors *.th *.pth *.ckpt);;All files (*)"
VERDICTS = {
    "whole": "whole: it matches its publisher's checksum",
    "unchecked": "it loads; its publisher gives no checksum",
    "damaged": "damaged",
}


class TrainedModelsDialog(QDialog):
    """The catalogue as a table; below it what is known of the model that is chosen, and what can be done with it."""

    def __init__(self, jobs: Jobs, fetching: Fetching, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Trained models")
        self.resize(1000, 640)
        self.setMinimumSize(620, 560)  # below that, words would stand upon buttons
        self._jobs = jobs
        self._fetching = fetching
        self._verdicts: dict[
            str, tuple[str, str]
        ] = {}  # what became of a model's files, and in which role it is said
        self._job: Job | None = None
        self._wanted = ""  # to be chosen when the models have been looked for
        self._asking = True  # the hub is to be asked how large models are
        self._build()
        fetching.changed.connect(self.look_again)
        fetching.sized.connect(self._fill)
        self.table.selectRow(0)

    def _build(self) -> None:
        words = QLabel(
            "A trained network recognises instruments. Its weights are a file of their own, and nothing is fetched "
            "unless you press Download. Figures are published SDR in dB: more is cleaner.\n"
            "BS-RoFormer and Mel-Band RoFormer are not on this list: people share them as a checkpoint with a YAML. Get both "
            "from their makers, then press “Add a file…”; they are run as “A model of yours” in Separate.",
            self,
        )
        words.setWordWrap(True)
        words.setProperty("role", "muted")
        self.table = ModelsTable(self._fetching, self)
        self.table.itemSelectionChanged.connect(self._show_chosen)
        self.name = QLabel(self)
        self.name.setProperty("role", "title")
        self.details = QLabel(self)
        self.details.setWordWrap(True)
        self.details.setTextFormat(Qt.TextFormat.PlainText)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.details.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self.details.setMinimumHeight(5 * self.fontMetrics().lineSpacing())
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self.note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note.hide()
        self.download = push_button("Download", "", self._download, self)
        self.download.setProperty("primary", True)
        self.verify = push_button(
            "Verify", "Hold its files against their checksums, and load them", self._verify, self
        )
        self.remove = push_button("Remove…", "", self._remove, self)
        self.add_file = push_button(
            "Add a file…", "Take in weights that you have already; they are copied", self._add_file, self
        )
        self.add_folder = push_button(
            "Add a folder…", "Take in all weights that lie in a folder", self._add_folder, self
        )
        self._lay_out(words)

    def _lay_out(self, words: QLabel) -> None:
        card = QFrame(self)
        card.setProperty("panel", True)
        mine = QHBoxLayout()
        for button in (self.download, self.verify, self.remove):
            mine.addWidget(button)
        mine.addStretch(1)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(14, 10, 14, 12)
        inside.setSpacing(6)
        inside.addWidget(self.name)
        inside.addWidget(self.details, 1)
        inside.addWidget(self.note)
        inside.addLayout(mine)
        self.fetch_row = FetchRow(self._fetching, card)
        inside.addWidget(self.fetch_row)
        bottom = QHBoxLayout()
        bottom.addWidget(self.add_file)
        bottom.addWidget(self.add_folder)
        bottom.addWidget(close_box(self), 1)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(words)
        column.addWidget(self.table, 1)
        column.addWidget(card)
        column.addLayout(bottom)

    # what there is

    @property
    def chosen(self) -> Model:
        """The model that is chosen."""
        return self.table.chosen

    def choose(self, name: str) -> None:
        """Choose a model by its name."""
        self.table.choose(name)

    def look_again(self) -> None:
        """Look which files are here, in the background; once a visit, the hub is asked how large the others are."""

        chosen = self.chosen.name

        def look(_progress: Progress) -> tuple[Mapping[str, Model], dict[str, Row]]:
            models = every_model()
            return models, {name: Row.of(model) for name, model in models.items()}

        def looked(found: tuple[Mapping[str, Model], dict[str, Row]]) -> None:
            self.table.show_models(*found)
            self._show_chosen()
            self.choose(self._wanted or chosen)
            self._wanted = ""
            if self._asking:
                self._asking = False
                listed = [
                    model
                    for name, model in MODELS.items()
                    if model.repository and not self.table.rows[name].whole
                ]
                self._fetching.look_up_sizes(listed)

        self._jobs.run("Looking for models", look, looked, heavy=False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._fill()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._asking = True
        self.look_again()

    def _fill(self) -> None:
        self.table.fill()
        self._show_chosen()

    def _show_chosen(self) -> None:
        model = self.chosen
        row, now = self.table.rows.get(model.name), self._fetching.now
        self.name.setText(model.name)
        lines = [model.words, f"Stems: {', '.join(model.stems)}. Licence of the weights: {model.licence}."]
        lines.append(f"Figures: {model.source}.")
        if model.packed:
            lines.append("Its weights are packed; unpacking them takes the package diffq.")
        if row is not None and row.paths:
            lines.append("\n".join(str(path) for path in row.paths))
        else:
            size, came = self._fetching.sizes.get(model.name), 0 if row is None else row.begun
            told = "Not on this machine"
            if came:
                told += f" but for {megabytes(came)}, where Download goes on"
            if size is not None:
                lines.append(f"{told}: {megabytes(max(0, size - came))} to download.")
            elif self._fetching.offline:
                about = f": about {model.about} MB to download" if model.about is not None else ""
                lines.append(
                    f"{told}{about}. The model hub cannot be reached just now; “Add a file…” needs no network."
                )
            else:
                lines.append(f"{told}.")
        self.details.setText("\n".join(lines))
        verdict = self._verdicts.get(model.name)
        busy = self._job is not None
        fetched = now is model or model.name in self._fetching.waiting
        here = row is not None and row.whole
        self.download.setEnabled(row is not None and not here and not fetched and bool(model.repository))
        self.download.setToolTip(
            "It is here already" if here else f"Fetch its weights from the model hub ({model.repository})"
        )
        self.verify.setEnabled(not busy and row is not None and bool(row.paths))
        mine = row is not None and row.removable
        self.remove.setEnabled(not busy and mine)
        self.remove.setToolTip(
            "Delete its files from this machine"
            if mine or row is None or not row.paths
            else "These files belong to the program, or to another one"
        )
        if verdict:
            self._say(*verdict)
        elif not busy:
            self.note.hide()

    def _say(self, words: str, role: str = "muted") -> None:
        self.note.setText(words)
        theme.restyle(self.note, role=role)
        self.note.show()

    # what can be done

    def _download(self) -> None:
        self._fetching.fetch([self.chosen])

    def _verify(self) -> None:
        model = self.chosen

        def done(found: tuple[Checked, ...]) -> None:
            words = [f"{each.path.name}: {each.why or VERDICTS[each.verdict]}." for each in found]
            role = "error" if any(each.verdict == "damaged" for each in found) else "good"
            self._verdicts[model.name] = "\n".join(word.replace("..", ".") for word in words), role

        self._run(f"Checking {model.name}", lambda progress: checked([model], progress), done)

    def _remove(self) -> None:
        model, row = self.chosen, self.table.rows.get(self.chosen.name)
        if row is None:
            return
        box = QMessageBox(
            QMessageBox.Icon.Question,
            "Remove",
            f"Delete the weights of {model.name} ({megabytes(row.size + row.begun)}) from this machine?",
            parent=self,
        )
        box.setInformativeText("They can be downloaded again.")
        box.addButton(QMessageBox.StandardButton.Cancel)
        yes = box.addButton("Remove", QMessageBox.ButtonRole.DestructiveRole)
        yes.clicked.connect(
            lambda: self._run(f"Removing {model.name}", lambda progress: remove(model), _nothing)
        )
        box.finished.connect(box.deleteLater)
        box.setModal(False)
        box.open()

    def _add_file(self) -> None:
        folder = last_folder("models")
        name, _ = QFileDialog.getOpenFileName(self, "Add a file of weights", folder, FILES)
        if not name:
            return
        remember_folder("models", Path(name).parent)
        path, config = Path(name), None
        if is_own(path) and config_beside(path) is None:
            told, _ = QFileDialog.getOpenFileName(
                self, f"The YAML that describes {path.name}", str(path.parent), "Descriptions (*.yaml *.yml)"
            )
            if not told:
                return
            config = Path(told)
        self.add(path, config)

    def _add_folder(self) -> None:
        folder = last_folder("models")
        name = QFileDialog.getExistingDirectory(self, "Add a folder of weights", folder)
        if name:
            remember_folder("models", Path(name))
            self.add(Path(name))

    def add(self, path: Path, config: Path | None = None) -> None:
        """Take in a file of weights, or all those in a folder; a network of one's own with its description."""

        def done(names: tuple[str, ...]) -> None:
            self._wanted = names[0]
            self._verdicts[names[0]] = f"Added {', '.join(names)} to {models_folder()}.", "good"

        self._run(f"Adding {path.name}", lambda progress: add(path, progress, config), done)

    def _run(self, title: str, work: Callable[[Progress], Any], done: Callable[[Any], None]) -> None:
        """Something with files, in the background; how it goes is said below the model."""
        self._verdicts.clear()

        def ended(result: Any) -> None:
            self._job = None
            self.note.hide()
            done(result)
            self._fetching.changed.emit()

        def failed(error: Exception) -> None:
            self._job = None
            self._fetching.changed.emit()
            if not isinstance(error, StemStudioError):
                self._jobs.unheard.emit(error)
            else:
                self._verdicts[self.chosen.name] = str(error), "error"
                self._show_chosen()

        self._job = self._jobs.run(title, work, ended, failed=failed, heavy=False)
        self._job.progressed.connect(
            lambda fraction, words: self._say(f"{title}: {100 * fraction:.0f} % {words}")
        )
        self._say(f"{title}…")
        self._show_chosen()


def _nothing(_: object) -> None:
    """There is nothing to say about it."""
