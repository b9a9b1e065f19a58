"""Remembered: what the window is like from one start to the next: size, docks, tools, look, sound output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError
from PySide6.QtCore import QByteArray, QObject, QSettings

from stemstudio.gui.look import Look
from stemstudio.gui.views.sheet_and_atoms import DELIVERED

if TYPE_CHECKING:
    from stemstudio.gui.main_window import MainWindow

LAYOUT_VERSION = 2


class Remembered(QObject):
    """Stores and restores the window's settings; made when the window is as delivered."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._delivered = window.saveState(LAYOUT_VERSION)
        window.transport.output_chosen.connect(self._output)
        window.separating.measured.connect(self._speed)

    def restore(self) -> None:
        """As it was when the program ended; what does not fit is left as delivered."""
        window, settings = self._window, QSettings()
        geometry, layout, shares = (
            settings.value(f"window/{name}") for name in ("geometry", "layout", "shares")
        )
        if isinstance(geometry, QByteArray):
            window.restoreGeometry(geometry)
        if isinstance(layout, QByteArray):
            window.restoreState(layout, LAYOUT_VERSION)
        if isinstance(shares, list) and len(shares) == 2 and all(str(share).isdecimal() for share in shares):
            window.sheet_and_atoms.set_shares([int(share) for share in shares])
        window.tools.restore({key: settings.value(f"tools/{key}") for key in window.tools.record()})
        device, latency = settings.value("sound/device"), settings.value("sound/latency")
        if device or latency:
            window.transport.set_output(str(device or ""), str(latency or "normal"))
        window.bindings.actions["auto_solo"].setChecked(str(settings.value("auto solo", "true")) == "true")
        look = settings.value("look")
        if look:
            try:
                window.document.set_look(**Look.model_validate_json(str(look)).model_dump())
            except ValidationError:
                settings.remove("look")  # from another version

    def store(self) -> None:
        """Write down how the window is now."""
        window, settings = self._window, QSettings()
        settings.setValue("window/geometry", window.saveGeometry())
        settings.setValue("window/layout", window.saveState(LAYOUT_VERSION))
        settings.setValue("window/shares", window.sheet_and_atoms.shares)
        for name, value in window.tools.record().items():
            settings.setValue(f"tools/{name}", value)
        settings.setValue("look", window.document.look.model_dump_json())

    def as_delivered(self) -> None:
        """All docks where they were at the first start."""
        self._window.restoreState(self._delivered, LAYOUT_VERSION)
        self._window.sheet_and_atoms.set_shares(DELIVERED)

    def _output(self, device: str, latency: str) -> None:
        QSettings().setValue("sound/device", device)
        QSettings().setValue("sound/latency", latency)

    def _speed(self, name: str, speed: float) -> None:
        QSettings().setValue(f"speed/{name}", speed)


def measured_speed(name: str) -> float | None:
    """Seconds of song that a second of work did when this last ran here, by `Algorithm.timed_as`; None if it never did."""
    value = QSettings().value(f"speed/{name}")
    return None if value is None else float(str(value))
