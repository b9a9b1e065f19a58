"""Commands: what each action of the window does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from PySide6.QtCore import QObject, QSettings
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog, QMessageBox

from stemstudio import __version__
from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.melody import Melody
from stemstudio.algorithms.streaming import Streaming
from stemstudio.gui import theme
from stemstudio.gui.look import View
from stemstudio.gui.opinions import opinions_of
from stemstudio.gui.reworking import reworking_of
from stemstudio.gui.tools import painting
from stemstudio.gui.tools.toolbox import HARDNESS_STEP, SIZE_STEP, STRENGTH_STEP
from stemstudio.gui.views.goals import what_is_missing
from stemstudio.gui.views.strip_menu import silence_selection
from stemstudio.project import edits, hints
from stemstudio.project.stem import MIXTURE
from stemstudio.resources import resource
from stemstudio.spectral.lines import PitchLine

if TYPE_CHECKING:
    from stemstudio.audio.audio import Audio
    from stemstudio.gui.batch_dialog import BatchDialog
    from stemstudio.gui.evaluation_dialog import Comparison, EvaluationDialog
    from stemstudio.gui.help_window import HelpWindow
    from stemstudio.gui.main_window import MainWindow
    from stemstudio.gui.models_dialog import ModelsDialog

SONGS = "*.wav *.flac *.aif *.aiff *.mp3 *.m4a *.mp4 *.ogg *.oga *.opus *.wma *.aac *.alac *.ape *.wv *.mkv *.mov *.webm"


class Commands(QObject):
    """One method a command of `actions.COMMANDS`; they act on the window's document, player and panels."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.document = window.document
        self.player = window.player
        self._reworking = reworking_of(window.document)
        self.opinions = opinions_of(window.document)
        self._comparison: Comparison | None = None
        self._evaluation: EvaluationDialog | None = None
        self._help: HelpWindow | None = None
        self._models: ModelsDialog | None = None
        self._batch: BatchDialog | None = None

    # file

    def open(self) -> None:
        settings = QSettings()
        folder = str(settings.value("folders/open", str(Path.home())))
        filters = f"Songs and projects ({SONGS} *.stems);;All files (*)"
        name, _ = QFileDialog.getOpenFileName(self.window, "Open a song or a project", folder, filters)
        if name:
            settings.setValue("folders/open", str(Path(name).parent))
            self.window.open_path(Path(name))

    def open_demo(self) -> None:
        self.window.open_path(resource("demo/demo.flac"))

    def save(self) -> None:
        self.window.saving.save()

    def save_as(self) -> None:
        self.window.saving.save_as()

    def embed_song(self, on: bool) -> None:
        self.window.saving.set_embedded(on)

    def export(self) -> None:
        self.window.exporting.ask()

    def close_song(self) -> None:
        self.window.close_song()

    def quit(self) -> None:
        self.window.close()

    # edit

    def undo(self) -> None:
        self.document.undo()

    def redo(self) -> None:
        self.document.redo()

    def select_all(self) -> None:
        self.document.select_all()

    def select_none(self) -> None:
        self.document.set_selection(type(self.document.selection)())

    def give_selection(self) -> None:
        """All the light in the selection to the target stem, as one stroke; with the harmonics tool, the melody."""
        tools = self.window.tools
        if tools.tool.draws_melody:
            self.paint_melody()
            return
        painting.give_selection(self.document, tools.value("strength"), hint=tools.mode == "hint")

    # tools

    def choose_tool(self, place: int) -> None:
        self.window.tools.choose(self.window.tools.tools[place].name)

    def swap_mode(self) -> None:
        """Hard paint or hints."""
        tools = self.window.tools
        tools.set_mode("hard" if tools.mode == "hint" else "hint")
        words = (
            "Hints: paint teaches whose the sound is"
            if tools.mode == "hint"
            else "Hard: paint moves the light"
        )
        self.document.said.emit(words)

    def brush_smaller(self) -> None:
        self.window.tools.resize(1 / SIZE_STEP)

    def brush_larger(self) -> None:
        self.window.tools.resize(SIZE_STEP)

    def brush_softer(self) -> None:
        self.window.tools.shift("hardness", -HARDNESS_STEP)

    def brush_harder(self) -> None:
        self.window.tools.shift("hardness", HARDNESS_STEP)

    def brush_weaker(self) -> None:
        self.window.tools.shift("strength", -STRENGTH_STEP)

    def brush_stronger(self) -> None:
        self.window.tools.shift("strength", STRENGTH_STEP)

    def paint_melody(self) -> None:
        value = self.window.tools.value
        painting.paint_melody(
            self.document,
            value("cents"),
            round(value("partials")),
            value("strength"),
            hint=self.window.tools.mode == "hint",
        )

    def separate_melody(self) -> None:
        """Fill the drawn melody into its recipe; Run takes it out."""
        state, value = self.document.state, self.window.tools.value
        if state is None or not state.melody:
            self.document.said.emit(painting.NO_MELODY)
            return
        recipe = Melody(track=state.melody.track, width=value("cents"), partials=round(value("partials")))
        self.window.docks["Separate"].show()
        self.window.docks["Separate"].raise_()
        self.window.separate.show_recipe(recipe)
        self.document.said.emit("The melody is filled in; Run takes it out, with its overtones.")

    def find_melody(self, stem: int = MIXTURE) -> None:
        self.window.melody_finding.find(stem)

    def forget_melody(self) -> None:
        self.document.do(edits.draw_melody(PitchLine(), "Forget the melody"))

    # view

    def zoom_in(self) -> None:
        self._zoom(2.0)

    def zoom_out(self) -> None:
        self._zoom(0.5)

    def _zoom(self, factor: float) -> None:
        view = self.document.viewport
        state = self.document.state
        at = (view.start + view.stop) / 2
        if state is not None:
            playhead = self.player.position / state.mixture.sample_rate
            at = playhead if view.start <= playhead <= view.stop else at
        view.zoom_time(factor, at)

    def show_room(self) -> None:
        """The room from above, in a column of its own, or away with it."""
        if self.window.room_dock.toggle():
            self.window.docks["Room"].raise_()
            self.window.room.floor.setFocus()

    def zoom_fit(self) -> None:
        self.document.viewport.fit()

    def zoom_selection(self) -> None:
        bounds = self.document.selection.bounds
        if bounds is not None:
            margin = 0.05 * (bounds.stop - bounds.start)
            self.document.viewport.set_time(bounds.start - margin, bounds.stop + margin)
            self.document.viewport.set_frequency(bounds.low, bounds.high)

    def toggle_overlay(self, on: bool) -> None:
        self.document.set_look(overlay=on)

    def next_view(self) -> None:
        """What the spectrogram shows, one after the other."""
        views = get_args(View)
        self.document.set_look(view=views[(views.index(self.document.look.view) + 1) % len(views)])

    def next_doubt(self) -> None:
        self.opinions.go(1)

    def previous_doubt(self) -> None:
        self.opinions.go(-1)

    def set_theme(self, name: str) -> None:
        QSettings().setValue("theme", name)
        theme.apply(QApplication.instance(), name)
        for widget in QApplication.allWidgets():
            widget.update()

    # separate

    def run(self) -> None:
        """Refine where there are new hints; else the recipe."""
        if self.document.hints.fresh:
            self.window.separating.refine()
        else:
            self.window.separate.run()

    def run_recipe_again(self) -> None:
        self.window.separate.run()

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

    def several_songs(self, paths: Sequence[Path] = ()) -> None:
        """Songs to be taken apart one after another, each into a folder."""
        panel = self.window.separate
        if self._batch is None:
            from stemstudio.gui.batch_dialog import BatchDialog

            def recipe() -> tuple[Algorithm | None, Mapping[str, str]]:
                goal = panel.goal
                return panel.recipe(), {} if goal is None else goal.together

            files = f"Songs ({SONGS});;All files (*)"
            jobs, fetching = self.document.jobs, self.window.fetching
            self._batch = BatchDialog(jobs, fetching, recipe, files, self.window)
        self._batch.add(paths)
        self._batch.look_again()
        self._batch.show()
        self._batch.raise_()
        self._batch.activateWindow()

    def show_models(self) -> None:
        """The trained models, with the one chosen that the recipe in the panel takes."""
        if self._models is None:
            from stemstudio.gui.models_dialog import ModelsDialog

            self._models = ModelsDialog(self.document.jobs, self.window.fetching, self.window)
        recipe = self.window.separate.recipe()
        if isinstance(recipe, Streaming) and recipe.models:
            self._models.choose(recipe.models[0])
        self._models.show()
        self._models.raise_()
        self._models.activateWindow()

    def add_take(self) -> None:
        self.window.separate.take()

    def compare_by_ear(self) -> None:
        """Show the takes, to be heard one against the other."""
        self.window.compare_takes().show()
        self.window.compare_takes().activateWindow()

    def filter_stems(self) -> None:
        self.window.filtering.by_places()

    def stems_as_atoms(self) -> None:
        self.window.filtering.as_atoms()

    def stop_job(self) -> None:
        for job in self.document.jobs.queue:
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

    @property
    def true_stems(self) -> dict[str, Audio]:
        """The true stems that were loaded for this song, by name."""
        comparison = self._comparison
        if comparison is None or comparison.project is not self.document.project:
            return {}
        return comparison.references

    def compare(self) -> None:
        """Score the stems against the true ones; runs are kept while the song is open."""
        from stemstudio.gui.evaluation_dialog import Comparison, EvaluationDialog

        document = self.document
        if document.project is None or not document.complete:
            document.said.emit("The song is still being read; it can be compared in a moment.")
            return
        if self._comparison is None or self._comparison.project is not document.project:
            self._comparison = Comparison(document.project)
        if self._evaluation is None:
            self._evaluation = EvaluationDialog(document, self._comparison, self.window)
        self._evaluation.take_up(self._comparison)
        self._evaluation.show()
        self._evaluation.raise_()
        self._evaluation.activateWindow()

    def teach_selection(self) -> None:
        self.window.teaching.from_selection()

    def teach_stem(self) -> None:
        self.window.teaching.from_stem()

    def teach_file(self) -> None:
        self.window.teaching.from_file()

    def show_templates(self) -> None:
        self.window.teaching.show_library()

    # atoms

    def suggest_atoms(self) -> None:
        self.window.atoms.suggest()

    def hear_atom(self) -> None:
        document = self.document
        if document.atoms and document.atoms_of is not None:
            self.window.auditions.hear_atom(document.atoms_of, document.atoms[0])

    def lock_atoms(self) -> None:
        document = self.document
        split = document.atom_split
        if split is None or document.state is None or document.atoms_of is None or not document.atoms:
            return
        locked = not all(atom in split.locked for atom in document.atoms)
        count = len(document.atoms)
        what = f"atom {document.atoms[0] + 1}" if count == 1 else f"{count} atoms"
        name = f"{'Lock' if locked else 'Unlock'} {what}"
        document.do(edits.lock(document.state, document.atoms_of, document.atoms, locked, name))

    def go_on_atoms(self) -> None:
        self._reworking.go_on()

    def redraw_atoms(self) -> None:
        self._reworking.draw_anew()

    def split_atom(self) -> None:
        self._reworking.split()

    def merge_atoms(self) -> None:
        self._reworking.merge()

    def delete_atoms(self) -> None:
        self._reworking.delete()

    def save_atoms(self) -> None:
        settings = QSettings()
        folder = str(settings.value("folders/atoms", str(Path.home())))
        name, _ = QFileDialog.getSaveFileName(
            self.window, "Save atoms", f"{folder}/atoms.npz", "Atoms (*.npz)"
        )
        if name:
            settings.setValue("folders/atoms", str(Path(name).parent))
            self._reworking.save(Path(name))

    def select_all_atoms(self) -> None:
        split = self.document.atom_split
        if split is not None:
            self.document.select_atoms(range(len(split.owners)))

    # play

    def play_pause(self) -> None:
        self.player.end_audition()
        self.player.toggle()

    def play_selection(self) -> None:
        self.window.auditions.play_selection(loop=False)

    def loop_selection(self) -> None:
        state, bounds = self.document.state, self.document.selection.bounds
        if self.player.loop is not None:
            self.player.clear_loop()
        elif state is not None and bounds is not None and bounds.stop > bounds.start:
            rate = state.mixture.sample_rate
            self.player.set_loop(int(bounds.start * rate), int(bounds.stop * rate))
        else:
            self.document.said.emit("Nothing is selected to loop; drag with T to select a time.")

    def to_start(self) -> None:
        self.player.seek(0)
        view = self.document.viewport
        view.set_time(0.0, view.stop - view.start)

    # practice

    def slower(self) -> None:
        self.window.practising.step_tempo(-0.05)

    def faster(self) -> None:
        self.window.practising.step_tempo(0.05)

    def key_down(self) -> None:
        self.window.practising.step_key(-1)

    def key_up(self) -> None:
        self.window.practising.step_key(1)

    def as_recorded(self) -> None:
        self.window.practising.as_recorded()

    def toggle_click(self, on: bool) -> None:
        self.window.practising.set(click=on)

    def toggle_snap(self, on: bool) -> None:
        self.window.practising.set(snap=on)

    def find_beats(self) -> None:
        self.window.practising.find()

    def tap_tempo(self) -> None:
        self.window.practising.tap()

    def halve_beats(self) -> None:
        self.window.practising.change("halved")

    def double_beats(self) -> None:
        self.window.practising.change("doubled")

    def set_song_pace(self) -> None:
        self.window.practice_bar.ask_pace()

    def set_song_key(self) -> None:
        self.window.practice_bar.ask_key()

    def begin_bar(self) -> None:
        self.window.practising.begin_bar(self.window.playhead.seconds)

    def move_beat(self) -> None:
        self.window.practising.move_nearest(self.window.playhead.seconds)

    def forget_beats(self) -> None:
        self.window.practising.forget()

    # what is heard instead

    def hear_before(self) -> None:
        self.window.auditions.before_last_edit()

    def hear_before_end(self) -> None:
        self.window.auditions.end()

    def hear_original(self) -> None:
        self.player.set_source("original")

    def hear_original_end(self) -> None:
        self.player.set_source("stems")

    def silence_target(self) -> None:
        silence_selection(self.document, self.document.target)

    def shape_target(self) -> None:
        self.window.mixer.open_panel(self.document.target)

    def draw_volume(self, on: bool) -> None:
        self.window.mixer.panel.draw_curve.setChecked(on)

    def mixer(self, place: int) -> None:
        """Go over to another mixer: 0 is A."""
        self.window.mixer.master.letters.switch("ABCD"[place])

    def auto_solo(self, on: bool) -> None:
        QSettings().setValue("auto solo", "true" if on else "false")

    def mute_target(self) -> None:
        self._toggle("mute")

    def solo_target(self) -> None:
        self._toggle("solo")

    def _toggle(self, field: str, stem: int | None = None) -> None:
        state = self.document.state
        number = self.document.target if stem is None else stem
        if state is None or number not in state.stems:
            return
        strip = state.stems[number]
        on = not getattr(strip, field)
        word = {"mute": ("Mute", "Unmute"), "solo": ("Solo", "Unsolo")}[field][0 if on else 1]
        self.document.do(edits.set_stem(state, number, f"{word} {strip.name}", **{field: on}))
        self.document.settle()

    def number(self, number: int) -> None:
        """Give the selected atoms to stem `number`, or make it the target where no atom is selected."""
        if self.document.atoms and self.window.atoms.isVisible():
            self.window.atoms.assign_to_number(number)
            return
        stem = self.document.target_number(number)
        if stem is not None:
            self.document.set_target(stem)

    def solo_number(self, number: int) -> None:
        stem = self.document.target_number(number)
        if stem is not None:
            self._toggle("solo", stem)

    def escape(self) -> None:
        """End the stroke, then the selection of atoms, then the selection, then (asked) the job."""
        if self.window.sheet.spectrogram.cancel():
            return
        if self.document.atoms:
            self.document.select_atoms(())
        elif self.document.selection:
            self.select_none()
        elif self.document.jobs.queue:
            job = self.document.jobs.queue[0]
            question = f"Stop “{job.title}”? Nothing will have been changed."
            if QMessageBox.question(self.window, "Stop", question) == QMessageBox.StandardButton.Yes:
                job.stop()

    # help

    def show_help(self, name: str = "") -> None:
        """The pages of help, in a window of its own that stays open; at a page where one is named."""
        if self._help is None:
            from stemstudio.gui.help_window import HelpWindow

            self._help = HelpWindow(self.window)
        if name:
            self._help.open(name)
        self._help.show()
        self._help.raise_()
        self._help.activateWindow()

    def show_keys(self) -> None:
        from stemstudio.gui.keyboard_dialog import KeyboardDialog

        KeyboardDialog(self.window.bindings, self.window).exec()

    def show_about(self) -> None:
        text = (
            f"<h3>StemStudio {__version__}</h3>"
            "<p>Takes songs apart, by hand and machine together.</p>"
            "<p>Free software under the GNU General Public License, version 3 or later.</p>"
        )
        QMessageBox.about(self.window, "About StemStudio", text)
