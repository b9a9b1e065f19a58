"""The Separate menu: recipes run, compared and refined; stems made and taken away; models and templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QInputDialog, QMessageBox

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.streaming import Streaming
from stemstudio.gui.menus.file import SONGS
from stemstudio.gui.menus.menu import Command, Menu, to_front
from stemstudio.gui.tools import painting
from stemstudio.gui.views.goals import what_is_missing
from stemstudio.project import edits, hints
from stemstudio.project.stem import MIXTURE

if TYPE_CHECKING:
    from stemstudio.audio.audio import Audio
    from stemstudio.gui.dialogs.several_songs import SeveralSongsDialog
    from stemstudio.gui.dialogs.trained_models import TrainedModelsDialog
    from stemstudio.gui.dialogs.true_stems import TrueStemsDialog
    from stemstudio.gui.main_window import MainWindow


class SeparateMenu(Menu):
    """From a song to stems, by recipes and by hand."""

    words = "&Separate"

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._true_stems: TrueStemsDialog | None = None
        self._trained_models: TrainedModelsDialog | None = None
        self._several_songs: SeveralSongsDialog | None = None

    def run(self) -> None:
        """Refine where there are new hints; else the recipe."""
        if self.document.hints.fresh:
            self.window.separating.refine()
        else:
            self.window.separate.run()

    def run_recipe_again(self) -> None:
        self.window.separate.run()

    def run_recipe(self, stem: int, recipe: Algorithm, together: dict[str, str]) -> None:
        """Separate; a stem that is split already is asked about, as its stems would go."""
        project = self.document.project
        state = None if project is None else project.state
        box = self.window.separate.box
        if box is None and state is not None and stem in state.splits:
            name = state.stems[stem].name
            question = f"{name} is split already. Its stems, their atoms and paint would be replaced (Undo brings them back)."
            button = QMessageBox.question(self.window, "Separate again", question + "\n\nSeparate again?")
            if button != QMessageBox.StandardButton.Yes:
                return

        def run(recipe: Algorithm) -> None:
            self.window.separating.run(stem, recipe, together, box)

        self._when_here(recipe, run)

    def try_recipe(self, stem: int, recipe: Algorithm, together: dict[str, str]) -> None:
        """Separate, to compare what comes of it with others; the song stays as it is."""
        box = self.window.separate.box

        def run(recipe: Algorithm) -> None:
            if self.window.separating.try_out(stem, recipe, together, box) is not None:
                self.document.said.emit(
                    f"{recipe.called} will be there to be compared as soon as it is ready."
                )

        self._when_here(recipe, run)

    def _when_here(self, recipe: Algorithm, run: Callable[[Algorithm], None]) -> None:
        """Run what needs a trained model when it is here and the song is still open."""
        from stemstudio.algorithms.neural.weights import missing

        project, lacking = self.document.project, what_is_missing(recipe)

        def go(recipe: Algorithm) -> None:
            if self.document.project is project:
                run(recipe)

        if lacking and not missing(recipe):  # nothing that could be fetched: a file of one's own
            self.document.said.emit(lacking)
            self.show_models()
        else:
            self.window.fetching.when_here(recipe, go, self.window)

    def add_take(self) -> None:
        self.window.separate.take()

    def compare_by_ear(self) -> None:
        """Show the takes, to be heard one against the other."""
        self.window.compare_takes().show()
        self.window.compare_takes().activateWindow()

    def refine(self) -> None:
        self.window.separating.refine(again=not self.document.hints.fresh)

    def paint_hints_hard(self) -> None:
        if self.document.hints.missed:
            painting.paint_hard(self.document, self.document.hints.missed)
        else:
            self.document.said.emit("No hint was left out: all that were taught were followed.")

    def clear_hints(self) -> None:
        if self.document.state is not None:
            self.document.do(hints.clear(self.document.state))

    def filter_stems(self) -> None:
        self.window.filtering.by_places()

    def stems_as_atoms(self) -> None:
        self.window.filtering.as_atoms()

    def stop_job(self) -> None:
        for job in self.document.jobs.queue[:1]:  # those that wait have a cross of their own
            job.stop()

    def add_stem(self) -> None:
        """An empty stem beside the target; in an unsplit song, the first one, beside the residual."""
        document = self.document
        state, project = document.state, document.project
        if state is None or project is None:
            return
        if MIXTURE not in state.splits:
            document.do(edits.by_hand(project, "Stem 1"))
            document.set_target(project.state.children(MIXTURE)[0].id)
            return
        parent = state.stems[document.target].parent
        assert parent is not None
        edit, number = edits.add_stem(project, parent, f"Stem {len(state.children(parent))}")
        document.do(edit)
        document.set_target(number)

    def rename_stem(self) -> None:
        state, target = self.document.state, self.document.target
        if state is None or target == MIXTURE:
            return
        old = state.stems[target].name
        name, good = QInputDialog.getText(self.window, "Rename", f"New name for {old}:", text=old)
        name = name.strip()
        if good and name and name != old:
            unique = edits.unique_name(state, name, {target})
            self.document.do(edits.set_stem(state, target, f"Rename {old} to {unique}", name=unique))

    def join_stem(self) -> None:
        state, target = self.document.state, self.document.target
        if state is None or target == MIXTURE:
            return
        parent = state.stems[target].parent
        assert parent is not None
        self.document.do(edits.join(state, parent))

    def delete_stem(self) -> None:
        state, target = self.document.state, self.document.target
        if state is None or target == MIXTURE:
            return
        if state.is_residual(target):
            self.document.said.emit("The residual cannot be deleted: it holds what no other stem has.")
            return
        self.document.do(edits.delete(state, target))

    def several_songs(self, paths: Sequence[Path] = ()) -> None:
        """Songs to be taken apart one after another, each into a folder."""
        panel = self.window.separate
        if self._several_songs is None:
            from stemstudio.gui.dialogs.several_songs import SeveralSongsDialog

            def recipe() -> tuple[Algorithm | None, Mapping[str, str]]:
                goal = panel.goal
                return panel.recipe(), {} if goal is None else goal.together

            files = f"Songs ({SONGS});;All files (*)"
            jobs, fetching = self.document.jobs, self.window.fetching
            self._several_songs = SeveralSongsDialog(jobs, fetching, recipe, files, self.window)
        self._several_songs.add(paths)
        self._several_songs.look_again()
        to_front(self._several_songs)

    def show_models(self) -> None:
        """The trained models, with the one chosen that the recipe in the panel takes."""
        if self._trained_models is None:
            from stemstudio.gui.dialogs.trained_models import TrainedModelsDialog

            self._trained_models = TrainedModelsDialog(self.document.jobs, self.window.fetching, self.window)
        recipe = self.window.separate.recipe()
        if isinstance(recipe, Streaming) and recipe.models:
            self._trained_models.choose(recipe.models[0])
        to_front(self._trained_models)

    @property
    def true_stems(self) -> dict[str, Audio]:
        """The true stems that were loaded for this song, by name."""
        return {} if self._true_stems is None else self._true_stems.references

    def compare(self) -> None:
        """Score the stems against the true ones; runs are kept while the song is open."""
        document = self.document
        if document.project is None or not document.complete:
            document.said.emit("The song is still being read; it can be compared in a moment.")
            return
        if self._true_stems is None:
            from stemstudio.gui.dialogs.true_stems import TrueStemsDialog

            self._true_stems = TrueStemsDialog(document, self.window)
        to_front(self._true_stems)

    def teach_selection(self) -> None:
        self.window.teaching.from_selection()

    def teach_stem(self) -> None:
        self.window.teaching.from_stem()

    def teach_file(self) -> None:
        self.window.teaching.from_file()

    def show_templates(self) -> None:
        self.window.teaching.show_library()

    commands = (
        Command(run, "&Run, or refine from hints", "Learn from new hints; where there are none, separate with the recipe in the panel.", ("Ctrl+Return",), "song"),
        Command(run_recipe_again, "Run the re&cipe", "Separate with the recipe in the panel, whatever hints there are.", (), "song"),
        Command(add_take, "&Add to comparison", "Separate with the recipe in the panel, to compare by ear; the song stays as it is.", ("Ctrl+Shift+Return",), "song"),
        Command(compare_by_ear, "Compare by &ear…", "The takes of a stem, in the same loop and equally loud; keep the best.", ("Ctrl+Shift+H",), "song"),
        Command(refine, "Refine from &hints", "Let the stems learn from all hints, new and old.", (), "hints"),
        Command(paint_hints_hard, "Paint hints hard that were &not followed", "Their light moves just as painted.", (), "hints"),
        Command(clear_hints, "Clear all h&ints", "What was learned from them stays.", (), "hints"),
        Command(filter_stems, "Tell stems apart by their &places", "One round of a filter that looks at where between the loudspeakers each stem of a network is.", (), "network", rule_before=True),
        Command(stems_as_atoms, "Stems as a&toms", "Learn atoms from every stem of a network, each in its stem: drag one, and a sound moves in the whole song.", (), "network"),
        Command(stop_job, "S&top", "Stop the running job, and go on with the next; the song stays as it is, and finished parts can be kept.", (), "job"),
        Command(add_stem, "&New empty stem", "A stem to paint into, or to give atoms to.", ("Ctrl+T",), "song", rule_before=True),
        Command(rename_stem, "Re&name the target stem…", "", ("F2",), "stems"),
        Command(join_stem, "&Put together again", "The stems that the target was split into become one again.", (), "stems"),
        Command(delete_stem, "&Delete the target stem", "Its light goes to the residual.", (), "stems"),
        Command(several_songs, "Se&veral songs…", "Take many songs apart one after another, each into a folder of its own.", ("Ctrl+Shift+O",), rule_before=True),
        Command(show_models, "Trained &models…", "Which networks there are, which are on this machine; download, add, check, remove.", ("Ctrl+Shift+M",)),
        Command(compare, "&Compare with true stems…", "Scores of the stems, where the true ones are known.", (), "song", rule_before=True),
        Command(teach_selection, "&Learn a template from the selection…", "What is selected of the target stem teaches how a sound looks, to find it all over this song or another.", ("Ctrl+Shift+L",), "selection", rule_before=True),
        Command(teach_stem, "Learn templates from the target &stem…", "All sounds of the target stem, or of the song, as templates.", (), "song"),
        Command(teach_file, "Learn templates from a &file…", "A single hit, a stem or any recording teaches how its sounds look.", ()),
        Command(show_templates, "Template lib&rary…", "Sounds that were taught: hear them, use them in this song, share them.", ("Ctrl+Shift+T",)),
    )  # fmt: skip
