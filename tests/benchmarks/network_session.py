"""What a person does while networks work, step by step: for `bench_long_session.py --network`.

Sketch on the whole song, heard while its stretches are laid over; undo and redo right after; a selection again, alone
and by an ensemble; Stop, and what is finished kept; one run behind another; a network of the real size, of random
weights. It plays all the time, on a null sink where PulseAudio is installed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from bench_long_session import STILL_MS, Watched
from measuring import RATE, REPOSITORY, Goal

CHOSEN = 20.0  # seconds of the selection in the middle; a quarter of a short song


def real_weights(folder: Path) -> None:
    """A network as large as htdemucs, where htdemucs is looked for."""
    from bench_neural import ARCHITECTURE, SOURCES, network
    from safetensors.torch import save_file

    folder.mkdir()
    os.environ["STEMSTUDIO_MODELS"] = str(folder)
    told = {
        "klass": "demucs.htdemucs.HTDemucs",
        "args": "[]",
        "kwargs": json.dumps({"sources": SOURCES, **ARCHITECTURE}),
    }
    state = {key: value.contiguous() for key, value in network(0).state_dict().items()}
    save_file(state, folder / "955717e8.safetensors", told)


def meanwhile(path: Path, folder: Path) -> tuple[list[Goal], list[str]]:
    """All steps, one after the other."""
    server = None
    if shutil.which("pulseaudio"):
        sys.path.insert(0, str(REPOSITORY / "tests"))
        from null_sink import SoundServer

        server = SoundServer.in_a_folder()
        os.environ.update(server.environment)
    try:
        real_weights(folder / "models")
        return _steps(path)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        if server is not None:
            server.clear()


def _steps(path: Path) -> tuple[list[Goal], list[str]]:
    from stemstudio.algorithms.algorithm import Algorithm
    from stemstudio.algorithms.neural.demucs import HTDemucs
    from stemstudio.algorithms.neural.ensemble import Ensemble
    from stemstudio.gui.application import make_application
    from stemstudio.spectral.brushes import Box

    application = make_application()
    goals: list[Goal] = []
    notes: list[str] = []

    def told(what: str) -> None:
        goals.append(Goal(f"{what}: longest turn of the window", studio.longest, STILL_MS, unit="ms"))
        own, idle = studio.shares
        rest = max(0.0, studio.by_clock - own - idle)
        words = f"{what}: {studio.longest:.1f} ms; by the clock {studio.by_clock:.0f}, of which {own:.0f} at work, "
        words += f"{idle:.0f} without a processor, {rest:.0f} waiting"
        notes.extend([words, *(f"  {spent:.0f} ms in {doing}" for spent, doing in studio.still)])
        print(*notes[-1 - len(studio.still) :], sep="\n", file=sys.stderr)
        studio.begin()

    studio = Watched(path)
    window, document = studio.window, studio.document
    player, menus, jobs = window.player, window.menus, document.jobs
    player.devices()
    studio.until(lambda: window.light.idle)
    studio.do(player.play, 1.0)
    told("opened and played")

    def begin(what: str, recipe: Algorithm, box: Box | None = None) -> None:
        studio.do(lambda: window.separating.run(0, recipe, None, box))
        studio.until(lambda: document.provisional is not None or not jobs.queue)
        studio.rest(0.7)
        told(f"{what}: until its first stretch is laid over")

    def end(what: str) -> None:
        studio.until(lambda: not jobs.queue)
        studio.rest(1.0)
        told(f"{what}: until it is a step")

    sketch = HTDemucs(model="sketch")
    begin("Sketch", sketch)
    end("Sketch")
    for step in ("undo", "redo"):
        studio.do(lambda step=step: document._step(step), 0.5)
        told(f"Sketch: {step}")
    middle, half = document.duration / 2, min(CHOSEN, document.duration / 4) / 2
    box = Box(start=middle - half, stop=middle + half, low=0.0, high=RATE / 2)
    for what, recipe in (
        ("selection", HTDemucs(model="sketch", shifts=2)),
        ("ensemble", Ensemble(members="sketch, sketch:2")),
    ):
        begin(what, recipe, box)
        end(what)
        studio.do(document.undo, 0.5)
        told(f"{what}: undo")
    begin("again", sketch)
    studio.do(lambda: window.separating.run(0, HTDemucs(model="htdemucs")), 0.3)
    told("a second one waits")
    if len(jobs.queue) > 1:  # of a short song, the first may have ended by itself
        studio.do(menus.separate.stop_job)
    studio.until(lambda: len(jobs.queue) < 2)
    studio.rest(1.0)
    told("stopped, and the second begins")
    if document.provisional is not None:
        studio.do(window.separate.unfinished.forget_button.click)
    studio.until(lambda: document.provisional is not None or not jobs.queue)
    studio.rest(0.7)
    told("real size: until its first stretch is laid over")
    first = document.provisional
    studio.until(lambda: document.provisional is not first or not jobs.queue)
    studio.rest(0.7)
    told("real size: its next stretch")
    studio.do(menus.separate.stop_job)
    studio.until(lambda: not jobs.queue)
    studio.rest(0.5)
    told("real size: stopped")
    assert document.provisional is not None, "the run ended before it was stopped: there is nothing to keep"
    studio.do(window.separate.unfinished.keep_button.click)
    studio.until(lambda: document.provisional is None)
    studio.rest(0.7)
    told("real size: what is finished is kept")
    studio.do(document.undo, 0.7)
    told("real size: undo")
    studio.do(player.pause)
    notes.append(f"{player.meters().underflows} underflows")
    studio.close()
    del application
    return goals, notes
