"""Neural separation against demucs itself: the same random weights at the real size, the same cuts, side by side.

`python tests/benchmarks/bench_neural.py` measures the processor, and a graphics card where there is one (`--card` only
that, `--processor-only` not that). Demucs and ours each live in a process of their own and are asked in turn, so that
neither gains from what the other does to memory. Both are given all cores, or `--threads N`. `--rounds N` asks more
often; the least time of each counts. On a card, the song is four minutes long. On a busy machine, `--processor
--threads 1` counts the seconds of work instead of those that went by.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
from typing import Any

import numpy as np
from measuring import Goal, clock, report

RATE = 44100
SOURCES = ["drums", "bass", "other", "vocals"]
ARCHITECTURE: dict[str, Any] = {
    "channels": 48,
    "bottom_channels": 512,
    "t_layers": 5,
    "dconv_mode": 3,
    "segment": 7.8,
}
SEED = 0
TENSOR_CORES = 989e12  # operations a second of an H100 or H200 in bfloat16, dense, by its datasheet


def threads() -> int:
    """How many cores each side is given."""
    return int(sys.argv[sys.argv.index("--threads") + 1]) if "--threads" in sys.argv else os.cpu_count() or 1


def network(seed: int) -> Any:
    """A network as large as htdemucs, of random weights."""
    import torch
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(seed)
    return HTDemucs(SOURCES, **ARCHITECTURE).eval()


def song(seconds: float) -> Any:
    """Noise that swells, float32 (2, samples)."""
    rng = np.random.default_rng(1)
    n = int(seconds * RATE)
    swell = 0.6 + 0.4 * np.sin(np.arange(n, dtype=np.float32) / RATE)
    return (0.1 * swell * rng.standard_normal((2, n), dtype=np.float32)).astype(np.float32)


def serve(side: str, link: Any) -> None:
    """A process that separates as it is told: (what, seconds, device, …) → (seconds taken, stems or None)."""
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    import torch

    torch.set_num_threads(threads())
    networks = [network(seed) for seed in range(2)]
    answers = {"demucs": demucs, "ours": ours}
    while (asked := link.recv()) is not None:
        link.send(answers[side](networks, **asked))


def demucs(networks: list[Any], seconds: float, device: str, bag: int = 1, **_: Any) -> Any:
    """As demucs.api.Separator does it."""
    import random

    import torch
    from demucs.apply import BagOfModels, apply_model

    wave = torch.from_numpy(song(seconds))
    random.seed(SEED)
    model = networks[0] if bag == 1 else BagOfModels([networks[i % 2] for i in range(bag)])
    begin = clock()
    level = wave.mean(0)
    mix = (wave - level.mean()) / (level.std() + 1e-8)
    found = apply_model(model, mix[None], device=device, shifts=1, overlap=0.25)[0]
    found = found * (level.std() + 1e-8) + level.mean()
    taken = clock() - begin
    return taken, found.numpy() if seconds < 60 else None


def ours(
    networks: list[Any],
    seconds: float,
    device: str,
    precision: str = "full",
    bag: int = 1,
    stem: str = "",
    first: bool = False,
    cancel: float = 0.0,
) -> Any:
    """The way of every neural recipe. With `first`, the time to the first second that can be heard; with `cancel`, the
    time from the press of Stop at that share to the end.
    """
    import copy

    from stemstudio.algorithms.neural.devices import Device, chosen
    from stemstudio.algorithms.neural.separation import Ensemble, How, network_of, separate, stems_named
    from stemstudio.audio.audio import Audio
    from stemstudio.progress import Cancelled, Progress

    sound = Audio(song(seconds), RATE)
    on = Device("cpu", "processor", threads=threads()) if device == "cpu" else chosen("cuda")
    # Half precision rounds the weights where they are.
    modules = [copy.deepcopy(networks[i % 2]) if precision == "half" else networks[i % 2] for i in range(bag)]
    weights = np.eye(4) if bag == 4 else np.ones((bag, 4))
    ensemble = Ensemble(tuple(network_of(module) for module in modules), weights)
    wanted = stems_named(stem, ensemble.stems)
    heard: list[float] = []
    begin = clock()

    class Watched(Progress):
        def hand_on(self, result: Any) -> None:
            if not heard and any(stop - start >= RATE for start, stop in result.done):
                heard.append(clock() - begin)
                if first:
                    self.cancel()

    at: list[float] = []

    def told(fraction: float, message: str) -> None:
        if cancel and fraction > cancel and not at:
            at.append(clock())
            progress.cancel()

    progress = Watched(told)
    try:
        waves = separate(sound, ensemble, wanted, How(on, seed=SEED, precision=precision), progress).waves  # type: ignore[arg-type]
    except Cancelled:
        return (heard[0] if first else clock() - at[0]), None
    taken = clock() - begin
    return taken, np.array(waves) if seconds < 60 else None


class Sides:
    """Both processes."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._links, self._processes = {}, []
        for side in ("demucs", "ours"):
            here, there = context.Pipe()
            process = context.Process(target=serve, args=(side, there), daemon=True)
            process.start()
            self._links[side] = here
            self._processes.append(process)

    def ask(self, side: str, **what: Any) -> Any:
        self._links[side].send(what)
        return self._links[side].recv()

    def end(self) -> None:
        for link in self._links.values():
            link.send(None)
        for process in self._processes:
            process.join()


def processor(sides: Sides, rounds: int) -> tuple[list[Goal], list[str]]:
    """Goals of the processor, on four segments."""
    whole = {"seconds": 22.0, "device": "cpu"}
    times: dict[str, list[float]] = {}
    stems: dict[str, Any] = {}
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "demucs": ("demucs", {}),
        "full": ("ours", {}),
        "half": ("ours", {"precision": "half"}),
        "one": ("ours", {"bag": 4, "stem": "bass"}),
        "first": ("ours", {"first": True}),
    }
    for side in ("demucs", "ours"):
        sides.ask(side, seconds=1.0, device="cpu")
    for _ in range(rounds):
        for kind, (side, more) in kinds.items():
            taken, found = sides.ask(side, **whole, **more)
            times.setdefault(kind, []).append(taken)
            stems[kind] = found
    least = {kind: min(values) for kind, values in times.items()}
    segment = least["full"] / 4
    gap = float(np.abs(stems["full"] - stems["demucs"]).max())
    apart = 20 * np.log10(np.linalg.norm(stems["half"] - stems["full"]) / np.linalg.norm(stems["full"]))
    stop, _ = sides.ask("ours", seconds=22.0, device="cpu", cancel=0.3)
    goals = [
        Goal("processor, full precision", least["full"], 1 / 1.2, least["demucs"]),
        Goal("processor, half precision", least["half"], 1 / 1.9, least["demucs"]),
        Goal("one stem of four networks, against one network", least["one"], 1.1, least["full"]),
        Goal("first second heard, against one segment", least["first"], 1.3, segment),
        Goal("from Stop to the end", stop, 0.3),
        Goal("difference from demucs", gap, 1e-5, unit="of full scale"),
        Goal("half precision, difference from full", float(apart), -40.0, unit="dB"),
    ]
    return goals, [f"processor: {threads()} of {os.cpu_count()} cores"]


def card(sides: Sides, rounds: int) -> tuple[list[Goal], list[str]]:
    """Goals of a graphics card, on four minutes."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    minutes = {"seconds": 240.0, "device": "cuda"}
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "demucs": ("demucs", {}),
        "full": ("ours", {}),
        "half": ("ours", {"precision": "half"}),
        "one": ("ours", {"precision": "half", "bag": 4, "stem": "bass"}),
        "first": ("ours", {"precision": "half", "first": True}),
    }
    times: dict[str, list[float]] = {}
    for round_ in range(rounds + 1):
        for kind, (side, more) in kinds.items():
            taken, _ = sides.ask(side, **minutes, **more)
            if round_:  # the first is to warm up
                times.setdefault(kind, []).append(taken)
    usual = {kind: statistics.median(values) for kind, values in times.items()}
    short = {"seconds": 22.0, "device": "cuda"}
    theirs, full, half = (
        sides.ask(side, **short, precision=precision)[1]
        for side, precision in (("demucs", "full"), ("ours", "full"), ("ours", "half"))
    )
    exact = sides.ask("ours", seconds=22.0, device="cpu")[1]
    stop, _ = sides.ask("ours", seconds=240.0, device="cuda", cancel=0.3)

    def apart(found: Any) -> float:
        return float(20 * np.log10(np.linalg.norm(found - exact) / np.linalg.norm(exact)))

    with FlopCounterMode(display=False) as counted, torch.inference_mode():
        network(0)(torch.zeros(1, 2, int(ARCHITECTURE["segment"] * RATE)))
    segments = 42
    share = counted.get_total_flops() * segments / usual["half"] / TENSOR_CORES
    goals = [
        Goal("card, half precision", usual["half"], 1 / 3, usual["demucs"]),
        Goal("card, full precision", usual["full"], 1 / 1.5, usual["demucs"]),
        Goal("card, one stem of four networks, against one", usual["one"], 1.15, usual["half"]),
        Goal("card, first second heard", usual["first"], 0.5),
        Goal("card, from Stop to the end", stop, 0.5),
    ]
    notes = [
        f"card: {torch.cuda.get_device_name()}",
        f"all times in s: { {kind: [round(value, 3) for value in values] for kind, values in times.items()} }",
        f"difference from the processor in dB: demucs {apart(theirs):.1f}, ours {apart(full):.1f}, half {apart(half):.1f}",
        f"{counted.get_total_flops() / 1e9:.0f} billion operations a segment: half precision uses {share:.2%} of the card's "
        "limit for products of matrices in bfloat16",
    ]
    return goals, notes


def main() -> int:
    """Measure and print."""
    import torch

    rounds = int(sys.argv[sys.argv.index("--rounds") + 1]) if "--rounds" in sys.argv else 3
    goals: list[Goal] = []
    notes: list[str] = []
    sides = Sides()
    try:
        for wanted, measured in (("--processor-only", processor), ("--card", card)):
            other = {"--processor-only": "--card", "--card": "--processor-only"}[wanted]
            if other in sys.argv or (measured is card and not torch.cuda.is_available()):
                continue
            more, words = measured(sides, rounds)
            goals += more
            notes += words
    finally:
        sides.end()
    return report(goals, notes)


if __name__ == "__main__":
    raise SystemExit(main())
