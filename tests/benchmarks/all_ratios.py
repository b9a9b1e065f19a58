"""Every figure of the README's performance table, in one go: `python tests/benchmarks/all_ratios.py [--processor] [--rounds N] [NAME …]`.

Names: nmf, classical, nmfd, stft, evaluation; all by default. Prints the table in Markdown. Ours and the peer take
turns in one process, and medians are compared, so that a busy machine is busy for both; on a quiet one it takes about
half an hour, most of it for the peers. With --processor the processor's time is counted instead of the clock's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import bench_classical
import bench_evaluation
import bench_nmf_fast
import bench_nmfd
import bench_stft
from measuring import Goal

ROUNDS = 5
PARTS: dict[str, tuple[str, Callable[[int], list[Goal]]]] = {
    "nmf": ("bench_nmf_fast.py", lambda rounds: bench_nmf_fast.measure(rounds, lambda note: None)[0]),
    "classical": (
        "bench_classical.py",
        lambda rounds: bench_classical.measure(bench_classical.FRAMES, rounds),
    ),
    "nmfd": ("bench_nmfd.py", lambda rounds: bench_nmfd.measure(rounds)[0]),
    "stft": ("bench_stft.py", lambda rounds: bench_stft.measure(rounds)[0]),
    "evaluation": ("bench_evaluation.py", lambda rounds: [bench_evaluation.measure(rounds)[0]]),
}


def lines(names: list[str], rounds: int) -> Iterator[str]:
    """The table, a line at a time."""
    yield "| what | goal | reached | ours | peer | script |"
    yield "|---|---|---|---|---|---|"
    for name in names:
        script, measure = PARTS[name]
        for goal in measure(rounds):
            if goal.peer is None:
                yield f"| {goal.what} | {goal.limit:g} {goal.unit} | {goal.ours:.1f} {goal.unit} | | | {script} |"
                continue
            yield (
                f"| {goal.what} | {1 / goal.limit:.3g} × | {goal.peer / goal.ours:.1f} × "
                f"| {goal.ours:.3g} {goal.unit} | {goal.peer:.3g} {goal.unit} | {script} |"
            )


def main() -> None:
    """Measure what was asked for."""
    asked, rounds = [word for word in sys.argv[1:] if word != "--processor"], ROUNDS
    if "--rounds" in asked:
        at = asked.index("--rounds")
        rounds = int(asked[at + 1])
        del asked[at : at + 2]
    for line in lines(asked or list(PARTS), rounds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
