"""Pool: processes that render songs without end, and the songs that are there to learn from."""

import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np
from sketch.songs import STEMS, song
from sketch.sound import RATE


def _render(folder: str, first: int, step: int, seconds: float) -> None:
    os.nice(5)
    seed, target = first, Path(folder)
    while True:
        part = target / f"{seed}.part"
        with part.open("wb") as file:
            np.save(file, song(seed, seconds).astype(np.float16))
        part.replace(target / f"{seed}.npy")
        seed += step


class Renderers:
    """Processes that render the songs of the seeds from `first` on into a folder, until they are stopped."""

    def __init__(self, folder: Path, first: int, workers: int, seconds: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # One thread each: there are as many of them as there are cores.
        os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        context = multiprocessing.get_context("spawn")
        self._processes = [
            context.Process(target=_render, args=(str(folder), first + i, workers, seconds), daemon=True)
            for i in range(workers)
        ]
        for process in self._processes:
            process.start()

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()


class Pool:
    """Songs on the device: a tensor half (room, stems, 2, samples); new ones take the places of the oldest."""

    def __init__(self, torch: Any, device: str, room: int, seconds: float) -> None:
        self._torch = torch
        self.samples = int(seconds * RATE)
        shape = (room, len(STEMS), 2, self.samples)
        self.songs = torch.zeros(shape, dtype=torch.float16, device=device)
        self.seen = 0

    @property
    def count(self) -> int:
        return min(self.seen, len(self.songs))

    def take(self, folder: Path, most: int) -> int:
        """Move finished songs from the folder into the pool, at most so many; how many it were."""
        found = sorted(folder.glob("*.npy"))[:most]
        for path in found:
            track = self._torch.from_numpy(np.load(path))
            self.songs[self.seen % len(self.songs)].copy_(track)
            self.seen += 1
            path.unlink()
        return len(found)
