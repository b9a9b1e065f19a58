"""Every dialog begins where the last one for the same kind of thing ended."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings

from stemstudio.gui.folders import last_folder, remember_folder


def test_each_kind_of_thing_has_its_own_folder(tmp_path):
    QSettings().clear()
    assert last_folder("open") == str(Path.home())
    assert last_folder("batch", str(tmp_path)) == str(tmp_path)
    remember_folder("open", tmp_path / "songs")
    assert last_folder("open") == str(tmp_path / "songs")
    assert last_folder("save") == str(Path.home())
