"""Meters: how loud a stem is, as rows of small lights."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import lru_cache

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from stemstudio.gui import theme
from stemstudio.gui.drawing import drawn

FLOOR_DB = -60.0
FALL = 24.0  # dB a second, after the sound is gone
HOLD = 1.2  # seconds that the highest light stays
LIGHT, GAP = 4, 1  # pixels
HOT_DB, CLIP_DB = -9.0, -0.1


class LevelMeter(QWidget):
    """Peak (dim, with a held light) and RMS (bright) of one or two channels.

    Signals
    -------
    cleared
        It was clicked, which forgets that full scale was passed.
    """

    cleared = Signal()

    def __init__(self, channels: int = 2, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rms = [FLOOR_DB] * channels
        self._peak = [FLOOR_DB] * channels
        self._held = [FLOOR_DB] * channels
        self._held_since = [0.0] * channels
        self._time = 0.0
        self.over = False  # whether full scale was passed since it was last clicked
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(4 * channels + 2 * (channels - 1) + 2)

    def sizeHint(self) -> QSize:
        return QSize(160, self.height())

    @property
    def resting(self) -> bool:
        """Whether every light is out."""
        return max(*self._peak, *self._held, FLOOR_DB) <= FLOOR_DB

    @property
    def peak_db(self) -> float:
        """The level the highest light of the moment stands for."""
        return max(self._peak)

    def show_levels(self, peak: Sequence[float], rms: Sequence[float], now: float | None = None) -> None:
        """Take in linear levels since the last call; lights fall slowly."""
        now = time.monotonic() if now is None else now
        fallen = FALL * min(max(now - self._time, 0.0), 1.0)
        self._time = now
        before = (list(self._rms), list(self._peak), list(self._held))
        for channel in range(len(self._peak)):
            loud = _db(peak[channel]) if channel < len(peak) else FLOOR_DB
            body = _db(rms[channel]) if channel < len(rms) else FLOOR_DB
            self._peak[channel] = max(loud, self._peak[channel] - fallen, FLOOR_DB)
            self._rms[channel] = max(body, self._rms[channel] - fallen, FLOOR_DB)
            if loud >= self._held[channel]:
                self._held[channel], self._held_since[channel] = loud, now
            elif now - self._held_since[channel] > HOLD:
                self._held[channel] = self._peak[channel]
            if loud > 0.0:
                self.over = True
        if before != (self._rms, self._peak, self._held):
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.over:
            self.over = False
            self.update()
            self.cleared.emit()
        event.ignore()  # a click on a strip makes it the target, wherever it falls

    @drawn
    def paintEvent(self, painter: QPainter, event: QPaintEvent) -> None:
        dark, dim, bright = (self._lights(kind) for kind in ("dark", "dim", "bright"))
        for channel in range(len(self._peak)):
            y = 1 + 6 * channel
            painter.drawImage(0, y, dark)
            self._draw_lit(painter, dim, y, self._peak[channel])
            self._draw_lit(painter, bright, y, self._rms[channel])
            held = self._columns(self._held[channel])
            if held:
                x = (held - 1) * (LIGHT + GAP)
                painter.drawImage(x, y, bright, round(x * self._ratio), 0, round(LIGHT * self._ratio), -1)
        if self.over:
            painter.fillRect(self.width() - 6, 1, 6, self.height() - 2, theme.current().colour("danger"))

    @property
    def _ratio(self) -> float:
        return self.devicePixelRatioF()

    @property
    def _count(self) -> int:
        return max(1, (self.width() + GAP) // (LIGHT + GAP))

    def _columns(self, level_db: float) -> int:
        share = (level_db - FLOOR_DB) / -FLOOR_DB
        return min(self._count, math.ceil(share * self._count)) if share > 0 else 0

    def _draw_lit(self, painter: QPainter, picture: QImage, y: int, level_db: float) -> None:
        columns = self._columns(level_db)
        if columns:
            width = columns * (LIGHT + GAP)
            painter.drawImage(0, y, picture, 0, 0, round(width * self._ratio), -1)

    def _lights(self, kind: str) -> QImage:
        return _row(kind, theme.current(), self.width(), self._ratio, self._count)


@lru_cache(maxsize=64)
def _row(kind: str, look: theme.Theme, width: int, ratio: float, count: int) -> QImage:
    """All lights of a row, drawn once for all meters of a width."""
    made = QImage(round(width * ratio), round(4 * ratio), QImage.Format.Format_ARGB32_Premultiplied)
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    with QPainter(made) as painter:
        for column in range(count):
            level_db = FLOOR_DB + (column + 1) / count * -FLOOR_DB
            painter.fillRect(QRectF(column * (LIGHT + GAP), 0, LIGHT, 4), _colour(kind, level_db, look))
    return made


def _colour(kind: str, level_db: float, look: theme.Theme) -> QColor:
    if kind == "dark":
        return look.colour("groove", 0.75)
    role = "danger" if level_db > CLIP_DB - 1 else "warning" if level_db > HOT_DB else "good"
    return look.colour(role, 1.0 if kind == "bright" else 0.42)


def _db(gain: float) -> float:
    return 20.0 * math.log10(gain) if gain > 1e-3 else FLOOR_DB
