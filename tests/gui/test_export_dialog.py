"""The export dialog: it asks for exactly what it shows, and nothing is overwritten without a word."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QInputDialog
from small_projects import RATE, Slicer, atom_song, song, split_song, stem_called, waveforms

from stemstudio.audio.formats import FORMATS
from stemstudio.gui.dialogs.export import ExportDialog
from stemstudio.mixing.export import export, file_names
from stemstudio.mixing.order import Label
from stemstudio.mixing.pace import Pace
from stemstudio.project import edits
from stemstudio.project.beat_grid import BeatGrid
from stemstudio.project.practising import set_beats, set_practice
from stemstudio.spectral.brushes import Box, Selection


@pytest.fixture
def ask(qtbot, qapp, tmp_path):
    """Opens the dialog for a document."""
    qapp.setOrganizationName("StemStudioTests")
    qapp.setApplicationName("StemStudioTests")
    QSettings().clear()

    def opened(document=None, **options):
        dialog = ExportDialog(document or split_song(), "Lithium", **{"folder": tmp_path, **options})
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    yield opened
    QSettings().clear()


def click(widget):
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def tick(dialog, name, on=True):
    for key in (leaf.id for leaf in dialog._state.stems.values()):
        if dialog._state.stems[key].name == name:
            dialog.parts.row(key).setCheckState(0, Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            return
    raise AssertionError(name)


def choose(box, data):
    box.setCurrentIndex(box.findData(data))


def files(dialog):
    return dialog.files.names()


def test_every_stem_is_ticked_and_levels_are_left_alone(ask, tmp_path):
    document = split_song()
    dialog = ask(document)
    order = dialog.order()
    assert order.stems == tuple(leaf.id for leaf in document.state.leaves())
    assert not order.mix
    assert (order.gain, order.start, order.stop, order.overwrite) == ("keep", None, None, False)
    assert order.folder == tmp_path
    assert dialog.export.text() == "Export 5 files"
    assert dialog.export.isEnabled()


def test_the_names_are_shown_as_they_will_be(ask):
    document = split_song()
    dialog = ask(document)
    assert files(dialog)[0] == "Lithium - vocals.wav"
    dialog.template.selectAll()
    QTest.keyClicks(dialog.template, "{number} {stem}")
    choose(dialog.form.format, "flac")
    assert files(dialog)[:2] == ["01 vocals.flac", "02 drums.flac"]
    assert files(dialog) == list(file_names(dialog.order(), document.state, "Lithium").values())


def test_no_row_is_cut_in_the_smallest_dialog_and_what_is_ticked_is_in_sight(ask):
    document = split_song()
    drums, length = stem_called(document, "drums"), document.state.mixture.length
    pieces = [f"drum {number}" for number in range(9)]  # so many that the last rows are out of sight
    document.do(edits.split(document.project, drums, Slicer(), waveforms(pieces, length)))
    dialog = ask(document)
    dialog.resize(dialog.minimumSizeHint())
    parts = dialog.parts
    upmix = parts.row("upmix apart")
    assert parts.visualItemRect(upmix).top() > parts.viewport().height()
    place = parts.indexFromItem(upmix)
    assert parts.columnWidth(0) >= parts.sizeHintForIndex(place).width() + parts.indentation()
    assert not parts.row("report").parent().isExpanded()
    parts.tick_only({"report"})
    assert parts.row("report").parent().isExpanded()


def test_a_template_that_asks_for_the_unknown_is_said(ask):
    dialog = ask()
    dialog.template.setText("{singer}")
    assert not dialog.export.isEnabled()
    assert dialog.note.isVisible()
    assert "{singer}" in dialog.note.text()
    dialog.template.setText("{stem}")
    assert dialog.export.isEnabled()
    assert not dialog.note.isVisible()


def test_before_a_split_there_is_the_mix(ask):
    dialog = ask(song())
    order = dialog.order()
    assert order.mix
    assert order.stems == ()
    assert files(dialog) == ["Lithium - mix.wav"]


def test_all_and_none(ask):
    dialog = ask()
    click(dialog.none)
    assert not dialog.export.isEnabled()
    assert dialog.note.text() == "Tick at least one stem, or the mix."
    click(dialog.all)
    assert len(dialog.order().stems) == 5
    assert dialog.order().mix
    tick(dialog, "drums", False)
    assert "Lithium - drums.wav" not in files(dialog)


def test_a_stem_that_was_split_again_is_offered_but_not_ticked(ask):
    document = split_song()
    drums = stem_called(document, "drums")
    length = document.state.mixture.length
    document.do(edits.split(document.project, drums, Slicer(), waveforms(["kick", "snare"], length)))
    dialog = ask(document)
    assert drums not in dialog.order().stems
    tick(dialog, "drums")
    assert drums in dialog.order().stems


def test_selection_and_loop(ask):
    document = split_song()
    document.set_selection(Selection().combined("replace", Box(start=1.0, stop=2.5, low=0, high=22050)))
    dialog = ask(document, loop=(RATE, 3 * RATE))
    assert set(dialog.span_buttons) == {"song", "selection", "loop"}
    click(dialog.span_buttons["selection"])
    assert (dialog.order().start, dialog.order().stop) == (RATE, round(2.5 * RATE))
    click(dialog.span_buttons["loop"])
    assert (dialog.order().start, dialog.order().stop) == (RATE, 3 * RATE)
    assert set(ask().span_buttons) == {"song"}


def test_levels_on_request(ask):
    dialog = ask()
    form = dialog.form
    assert not form.level.isEnabled()
    choose(form.gain, "common peak")
    assert form.level.isEnabled()
    assert (dialog.order().gain, dialog.order().peak_db, form.level.suffix()) == (
        "common peak",
        -1.0,
        " dBFS",
    )
    assert form.level.text() == "−1.0 dBFS"
    form.level.clear()
    QTest.keyClicks(form.level, "-2.5")
    assert dialog.order().peak_db == -2.5
    form.level.setValue(-1.0)
    choose(form.gain, "each loudness")
    assert (form.level.value(), form.level.suffix()) == (-14.0, " LUFS")
    form.level.setValue(-23.0)
    assert (dialog.order().gain, dialog.order().lufs, dialog.order().peak_db) == (
        "each loudness",
        -23.0,
        -1.0,
    )
    choose(form.gain, "common peak")
    assert form.level.value() == -1.0


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_with_its_qualities(ask, name):
    dialog = ask()
    choose(dialog.form.format, name)
    kind = FORMATS[name]
    assert [dialog.form.quality.itemData(n) for n in range(dialog.form.quality.count())] == [
        s.name for s in kind.subtypes
    ]
    assert all(file.endswith(kind.suffix) for file in files(dialog))
    possible = kind.rates is None or RATE in kind.rates
    assert dialog.export.isEnabled() == possible
    if not possible:
        assert "44100 Hz" in dialog.note.text()
    assert dialog.form.dither.isEnabled() == (kind.subtypes[0].bits is not None)


def test_files_that_are_there_are_marked_and_asked_about(ask, tmp_path):
    (tmp_path / "Lithium - drums.wav").write_bytes(b"mine")
    dialog = ask()
    assert dialog.files.existing() == ["Lithium - drums.wav"]
    assert not dialog.export.isEnabled()
    assert dialog.files.replace.text() == "1 of these files is there already: replace it"
    dialog.files.replace.click()
    assert dialog.export.isEnabled()
    assert dialog.order().overwrite
    tick(dialog, "bass", False)
    assert not dialog.files.replace.isChecked(), "another list of files is asked about again"
    tick(dialog, "drums", False)
    assert not dialog.files.replace.isVisible()
    assert dialog.export.isEnabled()
    assert not dialog.order().overwrite


def test_a_folder_that_is_a_file_is_refused(ask, tmp_path):
    (tmp_path / "song.wav").write_bytes(b"")
    dialog = ask()
    dialog.folder.setText(str(tmp_path / "song.wav"))
    assert not dialog.export.isEnabled()
    assert dialog.note.text() == "“song.wav” is a file. Choose a folder."
    dialog.folder.setText(" ")
    assert dialog.note.text() == "Choose a folder."


def test_the_order_can_be_carried_out(ask, tmp_path):
    document = split_song(("vocals", "band"))
    dialog = ask(document)
    click(dialog.export)
    assert dialog.result() == QDialog.DialogCode.Accepted
    wanted = files(dialog)
    export(document.state, dialog.order(), song="Lithium")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(wanted)


def test_what_was_chosen_is_remembered(ask, tmp_path):
    dialog = ask()
    choose(dialog.form.format, "flac")
    dialog.form.quality.setCurrentIndex(1)
    dialog.folder.setText(str(tmp_path / "new"))
    click(dialog.export)
    again = ask(folder=None)
    assert (again.order().format, again.order().subtype) == ("flac", "16")
    assert again.order().folder == tmp_path / "new"


def test_what_is_practised_slower_can_be_written_so(ask):
    document = split_song()
    assert not ask(document).pace.isVisible(), "nothing to choose where all is as recorded"
    document.do(set_practice(document.state, tempo=0.8, semitones=-2))
    dialog = ask(document)
    assert dialog.pace.isVisible()
    assert dialog.pace.text() == "as it is heard now: tempo 80 %, key −2"
    assert dialog.order().pace == Pace()
    before = dialog.files.sizes()[0]
    click(dialog.pace)
    assert dialog.order().pace == Pace(0.8, -2)
    assert files(dialog)[0] == "Lithium - vocals (tempo 80 %, key -2).wav"
    assert dialog.files.sizes()[0] != before, "a longer file"
    tick_key(dialog, "upmix")
    assert files(dialog)[-1] == "Lithium - upmix 5.1 (tempo 80 %, key -2).wav"
    assert not dialog.note.text()
    assert dialog.export.isEnabled()


def test_escape_orders_nothing(ask):
    dialog = ask()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.result() == QDialog.DialogCode.Rejected


def named(monkeypatch, *answers):
    """The next questions for a name are answered so."""
    left = list(answers)
    monkeypatch.setattr(QInputDialog, "getText", lambda *a, **k: (left.pop(0), True))


def tick_key(dialog, key, on=True):
    dialog.parts.row(key).setCheckState(0, Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)


def test_the_song_without_a_stem_and_groups(ask, monkeypatch):
    document = split_song()
    vocals, drums = stem_called(document, "vocals"), stem_called(document, "drums")
    dialog = ask(document)
    click(dialog.none)
    tick_key(dialog, f"without {vocals}")
    tick_key(dialog, "group 0")
    order = dialog.order()
    assert (order.without, order.stems) == ((vocals,), ())
    assert order.groups[0].name == "instrumental"
    assert vocals not in order.groups[0].stems
    assert files(dialog) == ["Lithium - without vocals.wav", "Lithium - instrumental.wav"]
    assert not dialog.group.isEnabled(), "one stem is no group"
    tick(dialog, "vocals")
    tick(dialog, "drums")
    named(monkeypatch, " voice and beat ")
    click(dialog.group)
    assert dialog.order().groups[1].stems == (vocals, drums)
    assert files(dialog)[-1] == "Lithium - voice and beat.wav"


def test_sizes_are_shown_and_summed(ask):
    dialog = ask()
    assert dialog.files.sizes() == ["1.1 MB"] * 5  # 4 s of stereo in 24 bits
    assert dialog.files.total.text() == "5 files, about 5.3 MB"
    choose(dialog.form.rate, 88_200)
    assert dialog.files.sizes() == ["2.1 MB"] * 5
    assert dialog.order().rate == 88_200
    tick_key(dialog, "report")
    assert dialog.files.sizes()[-1] == ""
    assert files(dialog)[-1] == "Lithium - report.json"


def test_a_selection_is_as_large_as_it_is(ask):
    dialog = ask(loop=(0, RATE))
    click(dialog.span_buttons["loop"])
    assert dialog.files.sizes() == ["265 kB"] * 5


def test_stems_for_decks_show_what_is_in_them(ask):
    dialog = ask()
    tick_key(dialog, "mix")
    choose(dialog.form.package, "stem-mp4")
    assert files(dialog) == ["Lithium.stem.mp4"]
    assert dialog.files.inside() == ["0  the song", "1  vocals", "2  drums", "3  bass", "4  other"]
    assert dialog.hint.text() == "Decks have four stems: “other” holds other and residual."
    assert not dialog.order().mix
    assert not dialog.form.format.isEnabled()
    choose(dialog.form.quality, "alac")
    assert dialog.order().subtype == "alac"
    choose(dialog.form.gain, "each peak")
    assert not dialog.export.isEnabled()
    assert "cannot have a gain each" in dialog.note.text()
    choose(dialog.form.package, "files")
    assert dialog.order().mix, "ticks come back"
    assert not dialog.hint.isVisible()


def test_packages_for_daws(ask):
    dialog = ask()
    choose(dialog.form.package, "dawproject")
    dialog.form.tempo.setValue(120.5)
    assert files(dialog) == ["Lithium.dawproject"]
    assert dialog.files.inside() == ["vocals", "drums", "bass", "other", "residual"]
    assert dialog.order().tempo == 120.5
    choose(dialog.form.package, "rpp")
    assert files(dialog)[0] == "Lithium.rpp"
    choose(dialog.form.format, "m4a")
    assert "REAPER" in dialog.note.text()
    click(dialog.none)
    assert dialog.note.text() == "Tick at least one stem, or the mix."


def test_the_tempo_of_the_beats_may_sway_and_no_preset_takes_it_to_another_song(ask, monkeypatch):
    document = split_song()
    document.do(set_beats(document.state, BeatGrid.even(123.4567, 0.2, 20.0), "Beats"))
    dialog = ask(document)
    assert dialog.form.tempo.value() == 123.46
    assert dialog.order().tempo is None, "as the beats have it, to the last digit"
    dialog.form.tempo.setValue(90.0)
    assert dialog.order().tempo == 90.0
    monkeypatch.setattr(QInputDialog, "getText", lambda *_a, **_k: ("For the DAW", True))
    click(dialog.presets.keep)
    other = ask()
    other.presets.list.setCurrentIndex(1)
    other.presets.list.activated.emit(1)
    assert other.order().tempo is None


def test_data_is_offered_where_there_is_some(ask):
    before = ask(song())
    assert before.parts.row("masks").isDisabled()
    assert before.parts.row("midi").isDisabled()
    assert not before.parts.row("labels").isDisabled()
    assert not ask().parts.row("masks").isDisabled()
    atoms = ask(atom_song())
    tick_key(atoms, "midi")
    tick_key(atoms, "atoms")
    assert files(atoms)[-2:] == ["Lithium - atoms.npz", "Lithium - notes.mid"]


def test_the_selection_becomes_a_label(ask):
    document = split_song()
    document.set_selection(Selection().combined("replace", Box(start=1.0, stop=2.5, low=100, high=200)))
    labels = ask(document, loop=(0, RATE)).order().labels
    assert labels == (Label(1.0, 2.5, "selection", 100.0, 200.0), Label(0.0, 1.0, "loop"))


def test_a_preset_is_kept_for_the_next_song(ask, monkeypatch):
    dialog = ask()
    choose(dialog.form.format, "flac")
    choose(dialog.form.gain, "common loudness")
    dialog.form.level.setValue(-16.0)
    dialog.template.setText("{number} {stem}")
    tick(dialog, "drums", False)
    tick_key(dialog, "mix")
    tick_key(dialog, f"without {stem_called(dialog._document, 'vocals')}")
    tick_key(dialog, "report")
    named(monkeypatch, "For the band", "Everything")
    click(dialog.presets.keep)
    click(dialog.all)
    click(dialog.presets.keep)
    assert [dialog.presets.list.itemText(row) for row in range(3)] == [
        "Presets",
        "Everything",
        "For the band",
    ]

    other = split_song(("vocals", "strings"))
    again = ask(other)
    assert again.order().format == "wav", "only what was exported is the next start"
    again.presets.list.setCurrentIndex(2)
    again.presets.list.activated.emit(2)
    order = again.order()
    assert order.stems == (stem_called(other, "vocals"), stem_called(other, "residual"))
    assert order.without == (stem_called(other, "vocals"),)
    assert (order.mix, order.data, order.format) == (True, ("report",), "flac")
    assert (order.gain, order.lufs, order.template) == ("common loudness", -16.0, "{number} {stem}")
    again.presets.list.setCurrentIndex(1)
    again.presets.list.activated.emit(1)
    assert len(again.order().stems) == 3, "all stems are all stems of any song"
    click(again.presets.forget)
    assert again.presets.list.count() == 2


def test_presets_from_another_version_are_let_go(ask):
    QSettings().setValue("export/presets", "[{]")
    QSettings().setValue("export/last", "17")
    dialog = ask()
    assert not dialog.presets.list.isEnabled()
    assert dialog.export.isEnabled()
