"""The export dialog: it asks for exactly what it shows, and nothing is overwritten without a word."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog
from small_projects import RATE, Slicer, song, split_song, stem_called, waveforms

from stemstudio.audio.formats import FORMATS
from stemstudio.gui.export_dialog import ExportDialog
from stemstudio.mixing.export import export, file_names
from stemstudio.project import edits
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
    for row in range(dialog.stems.count()):
        item = dialog.stems.item(row)
        if item.text().strip() == name:
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            return
    raise AssertionError(name)


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
    dialog.format.setCurrentIndex(dialog.format.findData("flac"))
    assert files(dialog)[:2] == ["01 vocals.flac", "02 drums.flac"]
    assert files(dialog) == list(file_names(dialog.order(), document.state, "Lithium").values())


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


def test_common_gain_on_request(ask):
    dialog = ask()
    assert not dialog.peak.isEnabled()
    dialog.common.click()
    assert dialog.peak.isEnabled()
    assert (dialog.order().gain, dialog.order().peak_db) == ("common peak", -1.0)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_with_its_qualities(ask, name):
    dialog = ask()
    dialog.format.setCurrentIndex(dialog.format.findData(name))
    kind = FORMATS[name]
    assert [dialog.quality.itemData(n) for n in range(dialog.quality.count())] == [
        s.name for s in kind.subtypes
    ]
    assert all(file.endswith(kind.suffix) for file in files(dialog))
    possible = kind.rates is None or RATE in kind.rates
    assert dialog.export.isEnabled() == possible
    if not possible:
        assert "44100 Hz" in dialog.note.text()
    assert dialog.dither.isEnabled() == (kind.subtypes[0].bits is not None)


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
    dialog.format.setCurrentIndex(dialog.format.findData("flac"))
    dialog.quality.setCurrentIndex(1)
    dialog.folder.setText(str(tmp_path / "new"))
    click(dialog.export)
    again = ask(folder=None)
    assert (again.order().format, again.order().subtype) == ("flac", "16")
    assert again.order().folder == tmp_path / "new"


def test_escape_orders_nothing(ask):
    dialog = ask()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.result() == QDialog.DialogCode.Rejected
