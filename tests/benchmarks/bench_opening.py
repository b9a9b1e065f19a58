"""How soon a song is seen: its first picture and all of it, against librosa's load and STFT alone.

`python tests/benchmarks/bench_opening.py [--json]`: a song of four minutes, FLAC and WAV, in the real window with no
screen; ours and librosa's turns alternate in one process, medians of five.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from statistics import median

from measuring import Goal, private_home, report, write_song

SECONDS = 240
ROUNDS = 5
FIRST, ALL = 1 / 3, 2 / 3


def librosa_seconds(path: Path, fft: int, hop: int) -> float:
    """What the peer takes for samples and spectrum."""
    import librosa

    begun = time.perf_counter()
    samples, _ = librosa.load(path, sr=None, mono=False)
    spectrum = librosa.stft(samples, n_fft=fft, hop_length=hop)
    took = time.perf_counter() - begun
    assert spectrum.shape[1] == fft // 2 + 1
    return took


def our_seconds(window, path: Path) -> tuple[float, float]:
    """Until the first slice of light is painted on the window, and until all of it can be."""
    from PySide6.QtWidgets import QApplication

    document, light, sheet = window.document, window.light, window.sheet.spectrogram
    document.set_project(None)
    QApplication.processEvents()
    seen: list[float] = []
    paint = type(sheet).paintEvent

    def painted(event) -> None:
        paint(sheet, event)
        if not seen and light.sheet is not None and light.sheet.levels[-1].any():
            seen.append(time.perf_counter())

    sheet.paintEvent = painted
    begun = time.perf_counter()
    window.opening.open(path)
    while not (seen and document.complete and light.idle):
        QApplication.processEvents()
        time.sleep(0.0005)  # the window is not busy: it waits for its workers
        if time.perf_counter() - begun > 120:
            raise TimeoutError("the song does not get there")
    QApplication.processEvents()
    took = time.perf_counter() - begun
    del sheet.paintEvent
    return seen[0] - begun, took


def main() -> int:
    home = private_home()
    from stemstudio.gui.application import make_application
    from stemstudio.gui.main_window import MainWindow

    application = make_application()
    window = MainWindow()
    window.resize(1600, 1000)
    window.show()
    goals: list[Goal] = []
    notes: list[str] = []
    try:
        for suffix in ("flac", "wav"):
            path = write_song(home / f"song.{suffix}", SECONDS)
            first, whole, peer = [], [], []
            for turn in range(ROUNDS + 1):
                shown, done = our_seconds(window, path)
                grid = window.document.state.grid
                theirs = librosa_seconds(path, grid.fft, grid.hop)
                if turn:  # the first one of each compiles and imports
                    first.append(shown)
                    whole.append(done)
                    peer.append(theirs)
            name = suffix.upper()
            goals.append(Goal(f"{name}, 4 min: first picture", median(first), FIRST, median(peer)))
            goals.append(Goal(f"{name}, 4 min: all of it", median(whole), ALL, median(peer)))
            best = min(first) / min(peer), min(whole) / min(peer)
            notes.append(f"{name}, ratio of the best: first picture {best[0]:.2f}, all of it {best[1]:.2f}")
    finally:
        window.document.set_project(None)
        window.close()
        shutil.rmtree(home, ignore_errors=True)
    del application
    return report(goals, notes)


if __name__ == "__main__":
    sys.exit(main())
