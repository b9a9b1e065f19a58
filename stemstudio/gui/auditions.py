"""Auditions: things heard for themselves: the selection alone, one atom, the song before the last edit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from stemstudio.algorithms.atoms import atoms_of
from stemstudio.audio.audio import Excerpt
from stemstudio.gui.document import Document
from stemstudio.gui.player import Player
from stemstudio.mixing.mixdown import Mixdown
from stemstudio.mixing.strips import strips_of
from stemstudio.progress import Progress
from stemstudio.project.project import State
from stemstudio.project.rendering import StemSound, render_leaves
from stemstudio.project.stem import MIXTURE
from stemstudio.spectral.brushes import Selection, grid_of
from stemstudio.spectral.stft import Spectrogram, forward, inverse
from stemstudio.spectral.tiles import Patch

AHEAD = 6.0  # seconds of "before the last edit" that are rendered when the key is held
ATOM_AT_MOST = 12.0  # seconds of one atom

Samples = NDArray[np.float32]


class Auditions(QObject):
    """Renders short stretches off the GUI thread and plays them in the place of the mix."""

    def __init__(self, document: Document, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._player = player
        self._number = 0

    def play_selection(self, loop: bool = False) -> None:
        """Play what is selected, its time and its frequencies only, of the mix as heard."""
        state, selection = self._document.state, self._document.selection
        bounds = selection.bounds
        if state is None or bounds is None or bounds.stop <= bounds.start:
            self._document.said.emit("Nothing is selected; drag with T, F or R to select.")
            return
        rate = state.mixture.sample_rate
        start = max(0, int(bounds.start * rate))
        stop = min(state.mixture.length, int(np.ceil(bounds.stop * rate)), self._document.ready_samples)
        if stop > start:
            self._run(lambda: filtered_mix(state, selection, start, stop), start, loop)

    def hear_atom(self, parent: int, atom: int) -> None:
        """Play one atom alone, where it is loudest."""
        state = self._document.state
        if state is None or parent not in state.splits:
            return
        split = state.splits[parent]
        atoms = atoms_of(split.estimates)
        if atoms is None or atoms.grid is None:
            return
        grid = atoms.grid
        rate = state.mixture.sample_rate
        view = self._document.viewport
        low, high = int(view.start * rate), int(view.stop * rate)
        frames = atoms.activations[atom, low // grid.hop : high // grid.hop + 1]
        if high - low > ATOM_AT_MOST * rate:
            peak = low + int(np.argmax(frames)) * grid.hop
            low = max(low, peak - int(rate))
            high = min(state.mixture.length, low + int(ATOM_AT_MOST * rate))

        def rendered() -> Samples:
            parts = atoms.render(StemSound(state, parent), [[atom]], low, high)
            return np.ascontiguousarray(parts[0])

        self._run(rendered, low, False)

    def before_last_edit(self) -> None:
        """Play on with the song as it was before the last edit, until `end`."""
        state = self._document.before
        if state is None:
            self._document.said.emit("Nothing was edited yet.")
            return
        rate = state.mixture.sample_rate
        start = max(0, int(self._player.position) - rate // 4)
        stop = min(state.mixture.length, start + int(AHEAD * rate))
        if stop > start:
            self._run(lambda: mix_of(state, start, stop), start, False, over=True)

    def end(self) -> None:
        """Back to the mix."""
        self._number += 1
        self._player.end_audition()

    def _run(self, rendered: Callable[[], Samples], start: int, loop: bool, over: bool = False) -> None:
        self._number += 1
        number = self._number

        def work(progress: Progress) -> Samples:
            progress.check()
            return rendered()

        def done(buffer: Samples) -> None:
            if number == self._number:
                self._player.audition(buffer, start, loop, over=over)

        self._document.jobs.run("Listening", work, done, failed=self._failed, heavy=False)

    def _failed(self, error: Exception) -> None:
        self._document.said.emit(f"This could not be played: {error}")


def mix_of(state: State, start: int, stop: int) -> Samples:
    """The mix as the mixer makes it, float32 (2 or 1 channels, samples)."""
    leaves = state.leaves()
    if len(leaves) == 1 and leaves[0].id == MIXTURE:
        sounds = {MIXTURE: state.mixture.read(start, stop)}
    else:
        sounds = render_leaves(state, start, stop)
    strips = strips_of(leaves, state.mixture.channels, state.mixture.sample_rate)
    mixdown = Mixdown(strips, state.effects, state.mixture.sample_rate, start)
    return mixdown.mix([sounds[leaf.id] for leaf in leaves])


def filtered_mix(state: State, selection: Selection, start: int, stop: int) -> Samples:
    """The mix through the selection as a mask, float32 (channels, stop − start)."""
    grid, rate, length = state.grid, state.mixture.sample_rate, state.mixture.length
    low, high = max(0, start - grid.fft), min(length, stop + grid.fft)
    stretch = Excerpt(mix_of(state, low, high), low, rate, length)
    first, last = grid.frames_touching(start, stop, length)
    sheet = forward(stretch, grid, first=first, last=last)
    seconds, hertz = grid_of(Patch(0, grid.bins, first, last), grid, rate)
    values = sheet.values * selection.weights(seconds, hertz)
    masked = Spectrogram(values, grid, rate, first, length)
    return np.ascontiguousarray(inverse(masked, start, stop))
