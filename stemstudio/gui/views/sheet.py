"""Sheet: overview, rulers and spectrogram on one time axis."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from stemstudio.gui.document import Document
from stemstudio.gui.light import Light
from stemstudio.gui.peaks import Peaks
from stemstudio.gui.playhead import Playhead
from stemstudio.gui.tools.toolbox import ToolBox
from stemstudio.gui.views.frequency_ruler import FrequencyRuler
from stemstudio.gui.views.overview import Overview
from stemstudio.gui.views.song_pace import SongPace
from stemstudio.gui.views.spectrogram import SpectrogramView
from stemstudio.gui.views.time_ruler import TimeRuler


class Sheet(QWidget):
    """The middle of the window.

    Attributes
    ----------
    spectrogram, overview, time_ruler, frequency_ruler, song_pace
        Its parts; whatever shares the time axis begins `frequency_ruler.width()` pixels from the left.
    """

    def __init__(
        self,
        document: Document,
        light: Light,
        peaks: Peaks,
        toolbox: ToolBox,
        playhead: Playhead,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self.spectrogram = SpectrogramView(document, light, toolbox, playhead)
        self.overview = Overview(document, light, peaks, playhead)
        self.time_ruler = TimeRuler(document, playhead)
        self.frequency_ruler = FrequencyRuler(document)
        self.song_pace = SongPace(document)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(0)
        layout.setVerticalSpacing(0)
        layout.setRowMinimumHeight(1, 6)
        layout.addWidget(self.overview, 0, 1)
        layout.addWidget(self.frequency_ruler, 2, 0)
        layout.addWidget(self.spectrogram, 2, 1)
        layout.addWidget(self.song_pace, 3, 0)
        layout.addWidget(self.time_ruler, 3, 1)
        layout.setRowStretch(2, 1)
        layout.setColumnStretch(1, 1)
        light.playhead = lambda: playhead.seconds
        self.setFocusProxy(self.spectrogram)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        document.opened.connect(self._opened)
        self._opened()

    def _opened(self) -> None:
        """Without a song there is nothing to measure."""
        song = self._document.state is not None
        for part in (self.overview, self.time_ruler, self.frequency_ruler, self.song_pace):
            part.setVisible(song)
