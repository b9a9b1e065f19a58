#!/usr/bin/env python3
"""Train the Sketch model: `python packaging/train_sketch_model.py --minutes 8`.

Songs are invented and rendered by processes of their own while a small HTDemucs learns to take them apart; nothing is
recorded, nothing is fetched. Writes resources/models/sketch.safetensors, the running mean of the weights at the best
moment as judged on songs whose seeds are never learned from. `--test` only says how well a file does on others again,
and `--write DIR` only renders one that is never learned from, as `mix.wav` and its true stems.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

OUT = Path(__file__).resolve().parent.parent / "resources" / "models" / "sketch.safetensors"
SONG = 12.0
"""Seconds of an invented song."""
JUDGED, TESTED = 32, 24
"""Songs that say which moment was best, and others, each of one segment, that say how good it is."""


def main() -> None:
    """Train or test, as told."""
    options = _options()
    if options.write:
        write(options.write, options.song, options.seconds)
        return
    import numpy as np
    import torch
    from sketch import learning
    from sketch.pool import Pool, Renderers
    from sketch.songs import HELD_BACK, song

    if options.test:
        seeds = range(HELD_BACK + 1000, HELD_BACK + 1000 + TESTED)
        tracks = torch.from_numpy(np.stack([song(seed, learning.SEGMENT) for seed in seeds]))
        print(learning.improvement(torch, learning.restore(options.out), tracks, 1))
        return
    folder = options.pool or Path(tempfile.mkdtemp(prefix="sketch-"))
    renderers = Renderers(folder, options.first_seed, options.workers, SONG)
    judged = Renderers(folder / "judged", HELD_BACK, min(4, options.judged), SONG)
    try:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
            torch.backends.cudnn.benchmark = True
        pool = Pool(torch, device, options.room, SONG)
        tests: list[Any] = []

        def judging() -> Any:
            """The songs to be judged on, once they are rendered."""
            if not tests:
                while len(paths := sorted((folder / "judged").glob("*.npy"))) < options.judged:
                    time.sleep(0.1)
                judged.stop()
                tests.append(
                    torch.from_numpy(np.stack([np.load(path) for path in paths[: options.judged]])).to(device)
                )
            return tests[0]

        while pool.count < options.least:
            pool.take(folder, 100)
            time.sleep(0.1)
        print(f"{pool.count} songs to begin with", flush=True)
        torch.manual_seed(options.seed)
        model = learning.restore(options.start) if options.start else learning.network()
        options.out.parent.mkdir(parents=True, exist_ok=True)
        best = learning.learn(
            torch,
            model,
            pool,
            folder,
            judging,
            options.out,
            seconds=60 * options.minutes,
            batch=options.batch,
            every=options.every,
            top_rate=options.rate,
            seed=options.seed,
        )
        print(f"best {best}", flush=True)
    finally:
        renderers.stop()
        judged.stop()


def write(folder: Path, number: int, seconds: float) -> None:
    """One of the songs that are never learned from, as files: its stems, and `mix.wav`, which is their sum."""
    import soundfile
    from sketch.songs import HELD_BACK, RATE, STEMS, song

    folder.mkdir(parents=True, exist_ok=True)
    tracks = song(HELD_BACK + number, seconds)
    for name, track in (*zip(STEMS, tracks, strict=True), ("mix", tracks.sum(axis=0))):
        soundfile.write(folder / f"{name}.wav", track.T, RATE, subtype="FLOAT")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=OUT, help="where the weights go")
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--test", action="store_true", help="only test the weights in --out")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="DIR",
        help="only write a song that is never learned from into this folder",
    )
    parser.add_argument("--song", type=int, default=2000, help="which one to write")
    parser.add_argument("--seconds", type=float, default=SONG, help="how long it is")
    parser.add_argument("--minutes", type=float, default=8.0, help="how long to learn")
    parser.add_argument("--batch", type=int, default=32, help="examples a step")
    parser.add_argument("--rate", type=float, default=1e-3, help="of learning, at its highest")
    parser.add_argument(
        "--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="processes that render"
    )
    parser.add_argument("--room", type=int, default=3500, help="songs kept at once")
    parser.add_argument("--least", type=int, default=60, help="songs to wait for at the beginning")
    parser.add_argument("--judged", type=int, default=JUDGED, help="songs to be judged on")
    parser.add_argument(
        "--every", type=float, default=60.0, help="seconds between two looks at how well it does"
    )
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1, help="of the first weights and of the remixing")
    parser.add_argument("--pool", type=Path, help="a folder that songs are rendered into, and found in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
