"""The main window: puts views, panels and menus together; what can be done with them is in `menus`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QInputDialog,
    QMainWindow,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from stemstudio.audio.channels import ChannelChoice
from stemstudio.audio.reading import SongInfo
from stemstudio.errors import StemStudioError
from stemstudio.gui import theme
from stemstudio.gui.auditions import Auditions
from stemstudio.gui.bindings import Bindings
from stemstudio.gui.comparing import Comparing
from stemstudio.gui.dialogs.error import show_error
from stemstudio.gui.dialogs.left_behind import SUFFIX
from stemstudio.gui.document import Document
from stemstudio.gui.exporting import Exporting
from stemstudio.gui.fetching import Fetching, offer_sketch
from stemstudio.gui.filtering import Filtering
from stemstudio.gui.light import Light
from stemstudio.gui.matching import Matching
from stemstudio.gui.melody_finding import MelodyFinding
from stemstudio.gui.menus import Menus
from stemstudio.gui.menus.menu_bar import MenuBar
from stemstudio.gui.opening import Opening, Song
from stemstudio.gui.opinions import opinions_of
from stemstudio.gui.own_stems import OwnStemsReading
from stemstudio.gui.panels import STACK, Panels
from stemstudio.gui.peaks import Peaks
from stemstudio.gui.player import Player
from stemstudio.gui.playhead import Playhead
from stemstudio.gui.practising import Practising
from stemstudio.gui.recent import Recent
from stemstudio.gui.remembered import Remembered, measured_speed
from stemstudio.gui.reworking import reworking_of
from stemstudio.gui.room_dock import RoomDock
from stemstudio.gui.room_sound import RoomSound
from stemstudio.gui.saving import Saving
from stemstudio.gui.separating import Separating
from stemstudio.gui.sounding import Sounding
from stemstudio.gui.stem_files import StemFiles
from stemstudio.gui.tab_order import RaisedByFocus, chain
from stemstudio.gui.teaching import Teaching
from stemstudio.gui.tools.toolbox import ToolBox
from stemstudio.gui.views.atom_detail import AtomDetail
from stemstudio.gui.views.atoms import AtomsView
from stemstudio.gui.views.doubt_bar import DoubtBar
from stemstudio.gui.views.history import HistoryView
from stemstudio.gui.views.masks import MasksPanel
from stemstudio.gui.views.mixer import MixerView
from stemstudio.gui.views.picture_bar import PictureBar
from stemstudio.gui.views.practice_bar import PracticeBar
from stemstudio.gui.views.room import RoomPanel
from stemstudio.gui.views.separate import SeparatePanel
from stemstudio.gui.views.sheet import Sheet
from stemstudio.gui.views.sheet_and_atoms import SheetAndAtoms
from stemstudio.gui.views.tool_bar import ToolStrip
from stemstudio.gui.views.tool_options import ToolOptions
from stemstudio.gui.views.transport import Transport
from stemstudio.project.doubt import Region
from stemstudio.project.takes import Take

if TYPE_CHECKING:
    from stemstudio.gui.dialogs.compare_by_ear import CompareByEarDialog


class MainWindow(QMainWindow):
    """The one window. Holds the document, what works on it, and the views of it."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("StemStudio")
        self.setAcceptDrops(True)
        self.setDockOptions(QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowNestedDocks)
        settings = QSettings()
        theme.apply(QApplication.instance(), str(settings.value("theme", "dark")))
        self.document = Document(self)
        self.player = Player(self)
        self.tools = ToolBox(self)
        self.opening = Opening(self.document, self)
        self.sounding = Sounding(self.document, self.player, self)
        self.room_sound = RoomSound(self.document, self.player, self.sounding, self)
        self.practising = Practising(self.document, self.player, self)
        self.separating = Separating(self.document, self)
        self.fetching = Fetching(self.document.jobs, self)
        self.separating.playhead = lambda: self.player.position
        self.melody_finding = MelodyFinding(self.document, self)
        self.auditions = Auditions(self.document, self.player, self)
        self.saving = Saving(self, self.document, self.opening, self.player)
        self.reworking = reworking_of(self.document)
        self.separating.keep = self.reworking.keep = self.saving.keep
        self.own_stems = OwnStemsReading(self.document, self.saving.keep, self)
        self.exporting = Exporting(self, self.document, self.saving, self.player)
        self.stem_files = StemFiles(self.document, self.exporting.about, self)
        self.recent = Recent(self)
        self._make_views()
        self.teaching = Teaching(self.document, self.player, self.separate, self)
        self.menus = Menus(self)
        self.comparing = Comparing(
            self.document, self.player, self, references=lambda: self.menus.separate.true_stems
        )
        self.comparing.takes_changed.connect(lambda: self.saving.keep_takes(self.comparing.takes))
        self.saving.takes_read.connect(self.comparing.restore)
        self._compare: CompareByEarDialog | None = None
        self.filtering = Filtering(self.document)
        self.filtering.keep = self.saving.keep
        opinions = opinions_of(self.document)
        opinions.keep = self.saving.keep
        opinions.takes = lambda: self.comparing.takes
        self.comparing.changed.connect(opinions.takes_changed)
        opinions.kept.connect(lambda found, asked: self.saving.keep_opinions(found, asked=asked))
        self.saving.opinions_read.connect(opinions.restore)
        opinions.went_to.connect(self._go_to_doubt)
        self.bindings = Bindings(self, self.menus.all)
        self.menu_bar = MenuBar(self)
        self.statusBar()  # has its place from the start: nothing moves when the first line is said
        self._connect()
        self._order_tabs()
        self.resize(1600, 1000)
        self.panels.share_height()
        self.remembered = Remembered(self)
        self.remembered.restore()
        self.room_dock.fit()
        self._refresh()

    # starting and ending

    def begin(self, path: Path | None = None, demo: bool = False) -> None:
        """After the first picture: compile the callback, offer what was left behind, open what was asked for."""
        self.player.warm()
        if self.saving.offer_recovery():
            return
        if path is not None:
            self.open_path(path)
        elif demo:
            self.menus.file.open_demo()

    def open_path(self, path: Path, channels: ChannelChoice | None = None) -> None:
        """Open a song or a project; what is open is asked about first."""
        if not self.saving.allowed_to_close():
            return
        if path.suffix.lower() == SUFFIX:
            self.saving.open(path)
        else:
            self.opening.open(path, channels)

    def close_song(self) -> None:
        """Close the song; the window stays."""
        if self.saving.allowed_to_close():
            self.opening.cancel()
            self.player.pause()
            self.document.set_project(None)
            self.statusBar().clearMessage()
            self._refresh()

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.saving.allowed_to_close():
            event.ignore()
            return
        self.room_dock.bring_back()
        self.remembered.store()
        self.sheet.spectrogram.cancel()
        self.opening.cancel()
        self.player.close()
        self.room_sound.close()
        self.sounding.close()
        self.document.jobs.close()
        self.saving.close()
        event.accept()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.source() is None and any(url.isLocalFile() for url in event.mimeData().urls()):
            self.sheet.spectrogram.drop_zone.set_hovered(True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        self.sheet.spectrogram.drop_zone.set_hovered(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.sheet.spectrogram.drop_zone.set_hovered(False)
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            # Not within the drop: the other program waits until this returns, and a question may come up.
            songs = [path for path in paths if path.suffix.lower() != SUFFIX]
            if len(songs) > 1:
                QTimer.singleShot(0, self, lambda: self.menus.separate.several_songs(songs))
            else:
                QTimer.singleShot(0, self, lambda: self.open_path(paths[0]))

    # putting together

    def _make_views(self) -> None:
        document, player = self.document, self.player
        self.playhead = playhead = Playhead(document, player)
        self.light, self.peaks = Light(document, self), Peaks(document, self)
        self.sheet = Sheet(document, self.light, self.peaks, self.tools, playhead, self)
        self.picture_bar = PictureBar(document, self)
        self.doubt_bar = DoubtBar(document, self)
        self.atoms = AtomsView(document, self, playhead=playhead)
        self.atom_detail = AtomDetail(document, self)
        self.masks = MasksPanel(document, self)
        self.room = RoomPanel(document, self.room_sound, playhead, self)
        self.matching = Matching(document, self.sounding, self)
        self.mixer = MixerView(document, player, self, self.matching)
        self.mixer.curve_wanted.connect(self.sheet.overview.curve.set_editing)
        self.practice_bar = PracticeBar(document, self.practising, self)
        self.transport = Transport(
            document, player, self, self.practice_bar, lambda: self.practising.beats_to_count
        )
        self.separate = SeparatePanel(document, self, speeds=measured_speed, fetching=self.fetching)
        self.tool_options = ToolOptions(document, self.tools, self)
        self.history = HistoryView(document, self)
        self.tool_strip = ToolStrip(document, self.tools, self)

        top = QWidget(self)
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.picture_bar)
        column.addWidget(self.doubt_bar)
        column.addWidget(self.sheet, 1)
        self.sheet_and_atoms = SheetAndAtoms(top, self.atoms, self)
        self.atoms.set_margins(self.sheet.frequency_ruler.width(), 0)
        self.setCentralWidget(self.sheet_and_atoms)

        right, bottom = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea
        self.panels = panels = Panels(self)
        self.docks, self.bars = panels.docks, panels.bars
        panels.add_bar("Tools", self.tool_strip, Qt.ToolBarArea.LeftToolBarArea)
        panels.add_bar("Transport", self.transport, Qt.ToolBarArea.BottomToolBarArea)
        panels.add("Separate", self.separate, right)
        panels.add("Room", self.room, right)
        panels.add("Tool options", self.tool_options, right)
        panels.add("Atom", self.atom_detail, right)
        panels.add("Masks", self.masks, right)
        panels.add("History", self.history, right, scroll=False)
        panels.stack()
        self.room_dock = RoomDock(self, self.docks["Room"], [self.docks[title] for title in STACK])
        panels.add("Mixer", self.mixer, bottom, scroll=False)
        self.docks["Mixer"].setFeatures(
            self.docks["Mixer"].features() | QDockWidget.DockWidgetFeature.DockWidgetVerticalTitleBar
        )

    def _order_tabs(self) -> None:
        """Tab goes from the tools over the picture to the panels, then to what is below them."""
        right = [
            self.docks[title] for title in ("Separate", "Tool options", "Atom", "Masks", "History", "Room")
        ]
        mixer, picture = self.mixer, (self.picture_bar, self.doubt_bar, self.sheet, self.atoms)
        chain((self.tool_strip, *picture, *right, mixer.bench_area, mixer.master, self.transport))
        RaisedByFocus(right, self)

    def _connect(self) -> None:
        document = self.document
        self.mixer.curve_wanted.connect(self.bindings.actions["draw_volume"].setChecked)
        for signal in (
            self.opening.failed,
            self.saving.failed,
            self.separating.failed,
            self.fetching.failed,
            self.sounding.failed,
            self.room_sound.failed,
            self.practising.failed,
            self.reworking.failed,
            self.filtering.failed,
            self.melody_finding.failed,
            self.exporting.failed,
            self.own_stems.failed,
            self.stem_files.failed,
            opinions_of(document).failed,
            document.jobs.unheard,
        ):
            signal.connect(self._show_error)
        self.opening.channels_wanted.connect(self._ask_channels)
        self.opening.read.connect(self._song_read)
        self.saving.changed.connect(self._refresh)
        self.saving.opened.connect(self.recent.add)
        self.recent.chosen.connect(self.open_path)
        self.separating.atoms_so_far.connect(self.atoms.show_preview)
        self.separating.ended.connect(self.atoms.end_preview)
        self.separating.card_failed.connect(self._offer_processor)
        self.fetching.unreachable.connect(self._offer_sketch)
        self.separating.unfinished.connect(self.separate.unfinished.ask)
        self.separate.models_wanted.connect(self.menus.separate.show_models)
        self.separate.unfinished.keep_wanted.connect(self.separating.keep_finished)
        self.separate.unfinished.forget_wanted.connect(self.separating.forget_finished)
        self.separate.run_wanted.connect(self.menus.separate.run_recipe)
        self.separate.help_wanted.connect(self.menus.help.show_help)
        self.separate.take_wanted.connect(self.menus.separate.try_recipe)
        self.separating.taken.connect(self._take_ready)
        melody = self.tool_options.melody
        melody.paint_wanted.connect(self.menus.tools.paint_melody)
        melody.separate_wanted.connect(self.menus.tools.separate_melody)
        melody.find_wanted.connect(self.menus.tools.find_melody)
        self.tools.tool_changed.connect(self._refresh)
        spectrogram = self.sheet.spectrogram
        spectrogram.open_wanted.connect(self.menus.file.open)
        spectrogram.demo_wanted.connect(self.menus.file.open_demo)
        spectrogram.painting.connect(self._painting)
        spectrogram.play_wanted.connect(self.menus.play.play_pause)
        self.mixer.export_wanted.connect(self.menus.file.export)
        self.mixer.split_wanted.connect(self._choose_split)
        self.mixer.drag_wanted.connect(self.stem_files.drag)
        self.mixer.copy_wanted.connect(self.stem_files.copy)
        self.transport.play_selection_wanted.connect(self._play_selection)
        self.transport.room_wanted.connect(self.menus.view.show_room)
        self.transport.loop_wanted.connect(self.practising.toggle_loop)
        self.transport.before_pressed.connect(self.menus.play.hear_before)
        self.transport.before_released.connect(self.menus.play.hear_before_end)
        self.atoms.hear_atom.connect(self.auditions.hear_atom)
        self.atom_detail.hear_atom.connect(self.auditions.hear_atom)
        self.playhead.moved.connect(self.transport.show_position)
        self.sheet.time_ruler.beat_moved.connect(self.practising.move)
        self.player.device_lost.connect(self._say)
        document.said.connect(self._say)
        for signal in (
            document.opened,
            document.history_changed,
            document.reading_changed,
            document.atoms_changed,
            document.target_changed,
            document.selection_changed,
            document.hints.changed,
            document.jobs.started,
            document.jobs.ended,
        ):
            signal.connect(self._refresh)
        document.hints.refined.connect(self._say)
        self.tool_options.hints.refine_wanted.connect(self.menus.separate.refine)
        self.separate.refine_wanted.connect(self.menus.separate.refine)

    # what changes

    def _refresh(self) -> None:
        """Title, and which commands make sense now."""
        document, saving = self.document, self.saving
        project = document.project
        if project is None:
            self.setWindowTitle("StemStudio")
        else:
            path = saving.path
            name = project.song.title + ("" if path is None else f" — {path.name}")
            self.setWindowTitle(f"{name}[*] — StemStudio")
        self.setWindowModified(saving.unsaved)
        self.menu_bar.refresh()

    def _song_read(self, song: Song) -> None:
        if self.saving.path is None:
            self.recent.add(song.info.path)
        for note in song.notes:
            self._say(note)
        self.own_stems.look(song)
        self._refresh()

    def _say(self, text: str) -> None:
        self.statusBar().showMessage(text, 10_000)

    def _painting(self, on: bool) -> None:
        """While a stroke is made, the stem under work is heard alone, if the person likes that."""
        wanted = on and self.player.playing and self.bindings.actions["auto_solo"].isChecked()
        self.sounding.hear_alone(self.document.target if wanted else None)

    def _play_selection(self, on: bool) -> None:
        if on:
            self.auditions.play_selection(loop=self.player.loop is not None)
        else:
            self.auditions.end()

    def _choose_split(self, stem: int) -> None:
        """The mixer's "Split…": the Separate panel, with that stem chosen."""
        self.separate.set_stem(stem)
        self.docks["Separate"].show()
        self.docks["Separate"].raise_()
        self.separate.setFocus()

    def compare_takes(self) -> CompareByEarDialog:
        """The window in which takes are heard one against the other."""
        if self._compare is None:
            from stemstudio.gui.dialogs.compare_by_ear import CompareByEarDialog

            self._compare = CompareByEarDialog(self.document, self.comparing, self.player, self)
        return self._compare

    def _take_ready(self, take: Take) -> None:
        self.comparing.add(take)
        self.compare_takes().show()
        self._say(f"{take.title} is ready to be heard.")

    def _go_to_doubt(self, region: Region) -> None:
        if self.document.state is not None:
            self.player.seek(int(region.box.start * self.document.state.mixture.sample_rate))

    def _show_error(self, error: Exception) -> None:
        show_error(self, error)

    def _offer_processor(self, error: Exception, again: Callable[[], object]) -> None:
        """A graphics card is too small, or breaks off: the processor would do it, in more time."""
        box = show_error(self, error)
        slower = box.addButton("Use the processor", QMessageBox.ButtonRole.ActionRole)
        slower.setToolTip("The same once more, slower, in the memory of the computer")
        slower.clicked.connect(lambda: again())

    def _offer_sketch(self, error: Exception, instead: Callable[[], None]) -> None:
        """Weights cannot be fetched just now: the small network is here."""
        offer_sketch(show_error(self, error), instead)

    def _ask_channels(self, info: SongInfo, error: StemStudioError) -> None:
        """A song with more than two channels: fold it down, or take a pair."""
        fold = f"All {info.channels} folded down to stereo"
        pairs = {f"Channels {n + 1} and {n + 2}": (n, n + 1) for n in range(0, info.channels - 1, 2)}
        words = [fold, *pairs]
        choice, good = QInputDialog.getItem(
            self, "More than two channels", f"{error.sentence} Take:", words, 0, False
        )
        if good:
            picked = ChannelChoice.downmix() if choice == fold else ChannelChoice.of(*pairs[choice])
            self.opening.open(info.path, picked)
