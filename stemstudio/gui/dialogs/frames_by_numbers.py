"""Frames by numbers: how long the spectrogram's frames are, how far apart, and under which window."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from stemstudio.spectral.stft import StftSettings


class FramesDialog(QDialog):
    """STFT settings, with what they mean in milliseconds and Hz."""

    def __init__(self, grid: StftSettings, sample_rate: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Frames by numbers")
        self._rate = sample_rate
        self.fft = self._choice(
            "Frame length (samples)", "Long frames tell pitches apart, short ones moments"
        )
        self.overlap = self._choice("Hop", "How far the next frame is: smaller is smoother, and takes longer")
        self.shape = self._choice(
            "Window", "How a frame begins and ends; Hann is right for nearly everything"
        )
        for power in range(7, 17):
            self.fft.addItem(str(2**power), 2**power)
        for overlap in (2, 4, 8, 16):
            self.overlap.addItem(f"1/{overlap} of a frame", overlap)
        for shape in ("hann", "hamming", "blackman"):
            self.shape.addItem(shape.capitalize(), shape)
        for box, value in (
            (self.fft, grid.fft),
            (self.overlap, grid.fft // grid.hop),
            (self.shape, grid.window),
        ):
            box.setCurrentIndex(max(0, box.findData(value)))
        self.words = QLabel(self)
        form = QFormLayout()
        for box in (self.fft, self.overlap, self.shape):
            form.addRow(box.accessibleName(), box)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, parent=self
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.words)
        column.addWidget(buttons)
        for box in (self.fft, self.overlap):
            box.currentIndexChanged.connect(self._say)
        self._say()

    @property
    def grid(self) -> StftSettings:
        """What is chosen."""
        fft = self.fft.currentData()
        return StftSettings(fft=fft, hop=fft // self.overlap.currentData(), window=self.shape.currentData())

    def _choice(self, words: str, tip: str) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(words)
        box.setToolTip(tip)
        return box

    def _say(self) -> None:
        grid = self.grid
        self.words.setText(
            f"A frame lasts {1000 * grid.fft / self._rate:.0f} ms, one comes every {1000 * grid.hop / self._rate:.1f} ms; "
            f"bins are {self._rate / grid.fft:.1f} Hz apart."
        )
