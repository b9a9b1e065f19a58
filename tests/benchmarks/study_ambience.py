"""What becomes of real stems when their ambience goes behind: what stays in front, how unlike the surrounds are.

`python tests/benchmarks/study_ambience.py AUDIO_FOLDER [--layout 5.1]`: for each true stem the share of its power that
is ambience, by how much the room is louder than the stereo stem (powers of all loudspeakers added up), how much of the
direct sound is in front (correlation of what is in front with the stem), the correlation of the two surrounds with
each other and of the left one with the front, and the largest difference at the edges of blocks to one long block.
AUDIO_FOLDER holds `stems/` with a folder a song.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from study_nmf_quality import SONGS, stems_of

from stemstudio.mixing.ambience import ambience_of
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.mixing.playstate import CHUNK
from stemstudio.mixing.upmix import Spread
from stemstudio.project.room import Place, Room

EDGES = 6  # blocks that are compared with one


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    size = np.sqrt(np.square(first).sum() * np.square(second).sum())
    return float((first * second).sum() / size) if size > 0 else 0.0


def decibels(part: np.ndarray, whole: np.ndarray) -> float:
    return float(
        10 * np.log10(np.square(part, dtype=np.float64).sum() / np.square(whole, dtype=np.float64).sum())
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--layout", default="5.1", choices=["quad", "5.0", "5.1", "7.1"])
    chosen = parser.parse_args()
    layout = LAYOUTS[chosen.layout]
    back = [n for n, each in enumerate(layout.speakers) if abs(each.azimuth or 0.0) >= 90.0]
    front = [n for n in range(layout.channels) if n not in back]
    print(
        f"{'':22}{'ambience':>10}{'louder':>8}{'in front':>10}{'behind':>8}{'Ls~Rs':>8}{'Ls~L':>8}{'edges':>8}"
    )
    for song, folder in SONGS.items():
        _, stems = stems_of(chosen.audio / "stems" / folder)
        for name, stem in stems.items():
            sound = np.broadcast_to(stem.samples, (2, stem.length)).astype(np.float32)
            if not sound.any():
                continue
            room = Spread(Room(layout=chosen.layout), {1: Place(ambience=1.0)}, stem.sample_rate, stem.length)

            def heard(start: int, stop: int, sound: np.ndarray = sound) -> dict[int, np.ndarray]:
                return {1: sound[:, start:stop]}

            whole = room.render(heard, 0, stem.length)
            share = 100 * 10 ** (decibels(ambience_of(sound, stem.sample_rate), sound) / 10)
            begin = 5 * stem.sample_rate
            blocks = [room.render(heard, begin + n * CHUNK, begin + (n + 1) * CHUNK) for n in range(EDGES)]
            off = np.abs(np.concatenate(blocks, axis=1) - whole[:, begin : begin + EDGES * CHUNK]).max()
            surround = [likeness(whole[back[0]], whole[n]) for n in (back[1], 0)]
            behind = decibels(whole[back], whole) if whole[back].any() else -np.inf
            print(
                f"{song + ' ' + name:22}{share:9.1f}%{decibels(whole, sound):+7.2f}"
                f"{likeness(whole[front].sum(axis=0), sound.sum(axis=0)):10.3f}"
                f"{behind:8.1f}{surround[0]:8.2f}{surround[1]:8.2f}{20 * np.log10(max(off, 1e-9)):8.0f}"
            )


if __name__ == "__main__":
    main()
