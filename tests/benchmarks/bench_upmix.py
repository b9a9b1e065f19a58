"""What the room costs: blocks of one stem, a drag until it is heard, a file, and how all that folds down.

`pytest tests/benchmarks/bench_upmix.py -s` prints the figures.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import Qt

from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.audio.audio import Audio
from stemstudio.gui.document import Document
from stemstudio.gui.player import Player
from stemstudio.gui.room_sound import RoomSound
from stemstudio.gui.sounding import Sounding
from stemstudio.mixing.arrangements import arrangement_named
from stemstudio.mixing.hearing import Listening
from stemstudio.mixing.playstate import CHUNK
from stemstudio.mixing.surround import fold_table, write_upmix
from stemstudio.mixing.upmix import Spread
from stemstudio.project import edits
from stemstudio.project.placing import put_in_places, set_place, set_room
from stemstudio.project.project import Project, SongReference
from stemstudio.project.room import Move, Place, Room
from stemstudio.spectral.stft import StftSettings

RATE = 44100
SECONDS = 30.0
NAMES = ("drums", "bass", "guitar", "keys", "vocals")
STAGE = Place(azimuth=-35.0, width=50.0, divergence=0.2, lfe_db=0.0, ambience=1.0)
DRAG_SECONDS = 0.15


def band(seconds: float = SECONDS, places: tuple[Place, ...] = ()) -> Project:
    """Five stems of coloured noise, each with some hall, and what is left of the song."""
    rng = np.random.default_rng(0)
    waves = 0.05 * rng.standard_normal((5, 2, int(seconds * RATE)), dtype=np.float32)
    waves[:, 1] = 0.7 * waves[:, 0] + 0.3 * waves[:, 1]
    project = Project(Audio(waves.sum(axis=0), RATE), SongReference("a.wav", "", "a"), StftSettings())
    edits.split(project, 0, ByHand(), Waveforms(list(NAMES), waves), stems=list(NAMES)).do(project)
    for leaf, place in zip(project.state.leaves(), places, strict=False):
        edit = set_place(project.state, leaf.id, "There", **dict(place))
        if edit is not None:
            edit.do(project)
    return project


def plain(room: Spread, stems: list[np.ndarray]) -> np.ndarray:
    """The same panning by the book: the base of two loudspeakers inverted for every side of every stem, in numpy."""
    speakers = sorted(
        (each.azimuth, n) for n, each in enumerate(room.layout.speakers) if each.azimuth is not None
    )
    mix = np.zeros((room.layout.channels, stems[0].shape[1]))
    for place, stem in zip(room.places.values(), stems, strict=True):
        gains = np.zeros((room.layout.channels, 2))
        for side, sign in enumerate((-1.0, 1.0)):
            azimuth = place.azimuth + sign * 0.5 * place.width * np.cos(np.radians(place.azimuth))
            towards = np.array([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))])
            for (one, first), (two, second) in zip(speakers, speakers[1:] + speakers[:1], strict=True):
                base = np.array([[np.sin(np.radians(each)), np.cos(np.radians(each))] for each in (one, two)])
                pair = np.linalg.solve(base.T, towards)
                if pair.min() >= -1e-9:
                    gains[[first, second], side] = pair / np.linalg.norm(pair)
        gains *= np.sqrt(2.0) / np.linalg.norm(gains.sum(axis=1))
        mix += gains @ stem
    return mix


def best(work, times: int = 5) -> float:
    spent = []
    for _ in range(times):
        begun = time.thread_time()
        work()
        spent.append(time.thread_time() - begun)
    return min(spent)


def test_a_block_of_one_stem_is_a_small_part_of_its_time():
    length = 4 * CHUNK
    sound = 0.1 * np.random.default_rng(1).standard_normal((2, 20 * RATE)).astype(np.float32)
    moving = STAGE.model_copy(update={"move": Move(azimuth=120.0, start=0.0, stop=20.0)})
    print(f"\none stem, a block of {1e3 * length / RATE:.0f} ms:")
    for layout in ("5.1", "7.1"):
        for ear in ("loudspeakers", "fold-down", "headphones"):
            costs = []
            for place in (Place(azimuth=-35.0, lfe_db=None), STAGE, moving):
                spread = Spread(Room(layout=layout, fold_safe=True), {1: place}, RATE, sound.shape[1])
                listening = Listening(spread, ear)

                def work(listening: Listening = listening) -> None:
                    listening.render(
                        lambda start, stop: {1: sound[:, start:stop]}, 5 * RATE, 5 * RATE + length
                    )

                work()
                costs.append(best(work) * RATE / length)
            print(
                f"  {layout}, {ear}: {100 * costs[0]:.1f} % of one core, with ambience and LFE {100 * costs[1]:.1f} %, "
                f"moving {100 * costs[2]:.1f} %"
            )
            assert max(costs) < 0.1


@pytest.mark.parametrize("layout", ["5.1", "7.1"])
def test_plain_panning_costs_no_more_than_by_the_book(layout):
    """And is the same to float32."""
    rng = np.random.default_rng(2)
    stems = [0.1 * rng.standard_normal((2, 10 * RATE)).astype(np.float32) for _ in NAMES]
    angles = (-120.0, -40.0, 0.0, 65.0, 170.0)
    places = {n: Place(azimuth=each, width=40.0, lfe_db=None) for n, each in enumerate(angles)}
    room = Spread(Room(layout=layout), places, RATE, 10 * RATE)

    def ours() -> np.ndarray:
        return room.render(
            lambda start, stop: {n: stem[:, start:stop] for n, stem in enumerate(stems)}, 0, 10 * RATE
        )

    np.testing.assert_allclose(ours(), plain(room, stems), atol=1e-5)
    mine = _wall(ours)
    book = _wall(lambda: plain(room, stems))
    print(
        f"\n5 stems in {layout}, 10 s: {1e3 * mine:.0f} ms, by the book {1e3 * book:.0f} ms, {mine / book:.2f} of it"
    )
    assert mine < book


def _wall(work, times: int = 5) -> float:
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return min(spent)


def test_five_stems_are_written_twenty_times_faster_than_played(tmp_path):
    print()
    for layout, word, sends in (
        ("5.1", "as on a stage", False),
        ("5.1", "as on a stage, reverb and delay on all", True),
        ("5.1", "ambience and LFE of each", False),
        ("7.1", "as on a stage", False),
    ):
        project = band(places=(STAGE,) * 5 if "each" in word else ())
        for edit in (
            set_room(project.state, "Room", layout=layout),
            None
            if "each" in word
            else put_in_places(project.state, arrangement_named("stage").of(project.state), "Stage"),
            *(
                edits.set_stem(project.state, leaf.id, "Send", reverb_db=-12.0, delay_db=-15.0)
                for leaf in project.state.leaves()[:5]
                if sends
            ),
        ):
            if edit is not None:
                edit.do(project)
        write_upmix(project.state, tmp_path / "warm.wav", stop=RATE, overwrite=True)
        begun, worked = time.perf_counter(), time.process_time()
        write_upmix(project.state, tmp_path / "room.wav", subtype="float", overwrite=True)
        took, work = time.perf_counter() - begun, time.process_time() - worked
        print(
            f"5 stems in {layout}, {word}: {SECONDS / took:.0f} × as fast as play, {SECONDS / work:.0f} × a core"
        )
        assert SECONDS / took > 20 or (layout, word) != ("5.1", "as on a stage")


def test_fold_safe_nulls_and_free_does_not():
    print()
    for safe in (True, False):
        project = band(
            5.0, places=(STAGE, Place(azimuth=180.0), Place(distance=0.2), Place(azimuth=100.0, ambience=0.5))
        )
        edit = set_room(project.state, "Room", fold_safe=safe)
        if edit is not None:
            edit.do(project)
        *_, whole = fold_table(project.state)
        print(f"{'fold-safe' if safe else 'free'}: {whole.level_db:+.2f} dB, null {whole.null_db:.0f} dB")
        assert (whole.null_db <= -60) == safe


@pytest.mark.parametrize("sends", [False, True])
@pytest.mark.parametrize("ear", ["fold-down", "headphones"])
def test_a_drag_is_heard_soon(qtbot, ear, sends):
    """From the step of the project to its sound in the memory that is played; the callback adds a block of its own."""
    project = band(20.0, (STAGE,) * 5)
    document, player = Document(), Player()
    sounding = Sounding(document, player)
    room = RoomSound(document, player, sounding)
    try:
        document.set_project(project)
        document.set_reading(project.state.mixture.length, True)
        leaves = [leaf.id for leaf in document.state.leaves()]
        if sends:
            for leaf in leaves[:5]:
                document.do(edits.set_stem(document.state, leaf, "Send", reverb_db=-12.0, delay_db=-15.0))
        room.set_ear(ear)
        here = 10 * RATE
        player.seek(here)
        first = here // CHUNK

        def settled() -> bool:
            return room._listening is not None and not room._status[first : first + 60].any()

        qtbot.waitUntil(settled, timeout=120_000)
        at: list[float] = []
        room.rendered.connect(
            lambda start, stop: at.append(time.perf_counter()) if start <= here < stop else None,
            Qt.ConnectionType.DirectConnection,
        )
        took: dict[str, list[float]] = {"a drag": [], "a fader": []}
        for number in range(5):
            for word, edit in (
                ("a drag", set_place(document.state, leaves[0], "Turn", azimuth=10.0 * number - 75.0)),
                ("a fader", edits.set_stem(document.state, leaves[1], "Softer", gain_db=-1.0 - number)),
            ):
                at.clear()
                begun = time.perf_counter()
                document.do(edit)
                qtbot.waitUntil(lambda: bool(at), timeout=5000)
                took[word].append(at[0] - begun)
                qtbot.waitUntil(settled, timeout=120_000)
        told = ", ".join(
            f"{word} {1e3 * float(np.median(times)):.0f} ms (at most {1e3 * max(times):.0f})"
            for word, times in took.items()
        )
        print(f"\n5 stems in 5.1, {ear}, {'reverb and delay on all' if sends else 'dry'}: {told}")
        assert np.median(took["a drag"]) < DRAG_SECONDS
    finally:
        room.close()
        sounding.close()
        player.close()
        document.jobs.close()
