"""Neural separation: exact in any order, heard while it goes on, and what is done when a device fails."""

from __future__ import annotations

import weakref
from dataclasses import replace

import numpy as np
import pytest
from small_recipes import SOURCES, tiny_network

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural import conditions, devices, song
from stemstudio.algorithms.neural.channels_last import Down
from stemstudio.algorithms.neural.checkpoints import one_sentence
from stemstudio.algorithms.neural.devices import Device, chosen, faster_in_half, machine, processor
from stemstudio.algorithms.neural.failing import understood
from stemstudio.algorithms.neural.forward import Run
from stemstudio.algorithms.neural.network import Network
from stemstudio.algorithms.neural.segments import Joined, Waiting, cut, triangle, with_range
from stemstudio.algorithms.neural.separation import Ensemble, How, network_of, separate, stems_named
from stemstudio.algorithms.neural.song import channel_groups
from stemstudio.algorithms.streaming import Said, SoFar
from stemstudio.audio.audio import Audio
from stemstudio.errors import BadRecipe, CardFailed, CardTooSmall, NotEnoughMemory, StemStudioError
from stemstudio.progress import Cancelled, Progress

pytestmark = pytest.mark.usefixtures("one_thread")

RATE = 44100


def noise(channels: int = 2, length: int = 4 * RATE, rate: int = RATE) -> Audio:
    rng = np.random.default_rng(0)
    return Audio((0.1 * rng.standard_normal((channels, length))).astype(np.float32), rate)


def of(*networks: object, weights: list[list[float]] | None = None) -> Ensemble:
    every = tuple(network_of(each) for each in networks)
    return Ensemble(every, np.array(weights) if weights else np.ones((len(every), len(every[0].stems))))


def how(**changes: object) -> How:
    return How(**{"device": Device("cpu", "one core", threads=1), **changes})


@pytest.fixture(scope="module")
def tiny():
    return tiny_network()


class Halves:
    """A network, as far as the code that runs it looks: half of the song to each of two stems, and counts."""

    def __init__(self, length: int = 1000, fails_above: int = 0) -> None:
        import torch

        self.asked: list[int] = []
        outer = self

        class Module(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = torch.nn.Identity()

            def forward(self, batch):
                if fails_above and len(batch) > fails_above:
                    raise torch.OutOfMemoryError("out of memory")
                outer.asked.append(len(batch))
                return torch.stack([0.5 * self.layer(batch)] * 2, dim=1)

        self.network = Network(Module(), ("one", "two"), 1000, 2, length / 1000)


def test_segments_cover_every_sample_with_weights_that_are_those_of_a_triangle():
    assert triangle(5).tolist() == pytest.approx([1 / 3, 2 / 3, 1, 2 / 3, 1 / 3])
    plan = cut(10_500, [1000], sample_rate=1000, overlap=0.25, shifts=0)
    assert [segment.start for segment in plan.segments] == list(range(0, 10_500, 750))
    assert plan.segments[-1].stop == 10_500
    shifted = cut(10_500, [1000], sample_rate=1000, overlap=0.25, shifts=3, seed=1)
    assert len(shifted.lanes) == 3
    for lane in range(3):
        own = [segment for segment in shifted.segments if segment.lane == lane]
        assert -500 <= own[0].start <= 0
        assert own[-1].stop == 10_500
    assert cut(10_500, [1000, 700], sample_rate=1000, asked=[1]).lengths == (700,)


def test_shifts_are_up_to_half_a_second_and_nothing_before_the_song_is_computed():
    plan = cut(3, [1], sample_rate=4, overlap=0.0, shifts=40)
    first = [min(each.start for each in plan.segments if each.lane == lane) for lane in range(40)]
    assert set(first) == {0}, "segments that end before the song are left out"
    plan = cut(3, [3], sample_rate=4, overlap=0.0, shifts=40)
    assert {min(each.start for each in plan.segments if each.lane == lane) for lane in range(40)} == {
        -2,
        -1,
        0,
    }


def test_joined_answers_are_the_plain_weighted_mean_and_are_let_go():
    """Networks that say different things, with segments of different lengths; a stem that only one of them has."""
    rng = np.random.default_rng(5)
    shares = np.array([[1.0, 0.3], [0.0, 0.7]])
    for shifts in (0, 2):
        plan = cut(2300, [400, 300], sample_rate=400, overlap=0.4, shifts=shifts)
        found = np.full((2, 1, 2300), np.nan, dtype=np.float32)

        def write(start, wave, found=found):
            found[..., start : start + wave.shape[-1]] = wave

        joined, held = Joined(plan, shares, write), []
        total = np.zeros((len(plan.lanes), 2, 1, 2300))
        weight = np.zeros((len(plan.lanes), 2300))
        for number in rng.permutation(len(plan.segments)):
            segment = plan.segments[number]
            wave = rng.standard_normal((2, 1, segment.length)).astype(np.float32)
            own = triangle(plan.lengths[segment.network])[: segment.length].astype(float)
            low = max(0, segment.start)
            inside = slice(low - segment.start, segment.length)
            total[segment.lane, ..., low : segment.stop] += own[inside] * wave[..., inside]
            weight[segment.lane, low : segment.stop] += own[inside]
            joined.add(segment, wave)
            held.append(weakref.ref(wave))
            del wave
        lanes = total / weight[:, None, None]
        wanted = np.zeros((2, 1, 2300))
        for network, lane in zip(plan.lanes, lanes, strict=True):
            wanted += shares[network][:, None, None] / plan.lanes.count(network) * lane
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        assert not any(each() is not None for each in held), "what is joined takes no memory any more"


def test_ranges_that_touch_or_hold_each_other_become_one():
    assert with_range([(0, 10), (20, 30)], (10, 12)) == [(0, 12), (20, 30)]
    assert with_range([(0, 10)], (2, 5)) == [(0, 10)]
    assert with_range([(5, 9)], (0, 4)) == [(0, 4), (5, 9)]


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.8])
@pytest.mark.parametrize("shifts", [0, 1, 3])
def test_joined_pieces_of_a_song_are_the_song_in_any_order(overlap, shifts):
    rng = np.random.default_rng(3)
    song = rng.standard_normal((2, 5300)).astype(np.float32)
    plan = cut(5300, [1000, 700], sample_rate=400, overlap=overlap, shifts=shifts)
    answers = []
    for order in (range(len(plan.segments)), rng.permutation(len(plan.segments))):
        found = np.full((1, 2, 5300), np.nan, dtype=np.float32)

        def write(start, wave, found=found):
            assert np.isnan(found[..., start : start + wave.shape[-1]]).all()
            found[..., start : start + wave.shape[-1]] = wave

        joined = Joined(plan, np.array([[0.25], [0.75]]), write)
        finished = []
        for number in order:
            segment = plan.segments[number]
            low, high = max(0, segment.start), segment.stop
            wave = np.zeros((1, 2, segment.length), dtype=np.float32)
            wave[0, :, low - segment.start :] = song[:, low:high]
            finished += joined.add(segment, wave)
        assert sum(stop - start for start, stop in finished) == 5300
        np.testing.assert_allclose(found[0], song, atol=1e-5)
        answers.append(found)
    assert np.array_equal(*answers)


def test_the_playhead_comes_first_and_then_what_lies_ahead():
    plan = cut(10_000, [1000], sample_rate=1000, overlap=0.0, shifts=0)
    waiting = Waiting(plan.segments)
    starts = []
    while len(waiting):
        starts += [segment.start for segment in waiting.take(6500)]
    assert starts == [6000, 7000, 8000, 9000, 5000, 4000, 3000, 2000, 1000, 0]
    assert Waiting(plan.segments).take(7000)[0].start == 7000


def test_what_is_taken_at_once_is_of_one_network_and_what_is_put_back_keeps_its_place():
    plan = cut(4000, [1000, 1000], sample_rate=1000, overlap=0.0, shifts=2)
    assert [each.start for each in plan.segments] == sorted(each.start for each in plan.segments)
    waiting = Waiting(plan.segments)
    taken = waiting.take(0, 5)
    assert len(taken) == 5
    assert len({each.network for each in taken}) == 1
    assert len(waiting) == len(plan.segments) - 5
    waiting.put_back(taken[2:])
    left = [waiting.take(-10_000)[0] for _ in range(len(waiting))]
    assert left == [each for each in plan.segments if each not in taken[:2]]


@pytest.mark.parametrize(("shifts", "rate"), [(0, RATE), (2, RATE), (0, 48000)])
def test_the_order_does_not_change_a_bit(tiny, shifts, rate):
    sound = noise(rate=rate)
    first = separate(sound, of(tiny), SOURCES, how(shifts=shifts), Progress())
    other = separate(sound, of(tiny), SOURCES, how(shifts=shifts, playhead=lambda: 100_000), Progress())
    assert np.array_equal(first.waves, other.waves)


def test_segments_of_other_lengths_are_not_computed_together():
    network = Halves()
    unlike = replace(network.network, fixed_length=False, levelled=False)
    sound = noise(length=2600, rate=1000)
    ensemble = Ensemble((unlike,), np.ones((1, 2)))
    found = separate(
        sound, ensemble, ("one", "two"), how(device=Device("cpu", "", batch=8), shifts=0), Progress()
    )
    assert network.asked == [1, 2, 1]
    np.testing.assert_allclose(found.waves.sum(axis=0), sound.samples, atol=1e-6)


def test_a_network_comes_back_as_it_was_without_asking_its_device(monkeypatch):
    import torch

    from stemstudio.algorithms.neural import forward

    monkeypatch.setattr(forward, "give_back", lambda *_: None)
    network = network_of(tiny_network())
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    # What lies on “meta” has no values that could be fetched back.
    with torch.inference_mode(), forward._on_device(torch, network, Device("meta", "nowhere"), "full"):
        assert {value.device.type for value in network.module.state_dict().values()} == {"meta"}
    for name, value in network.module.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("rate", [RATE, 48000])
def test_finished_stretches_are_handed_on_as_they_will_stay(tiny, rate):
    sound, seen = noise(rate=rate), []

    def hand_on(so_far: SoFar) -> None:
        copies = [
            (start, stop, so_far.estimates.waves[..., start:stop].copy()) for start, stop in so_far.done
        ]
        seen.append(copies)

    whole = separate(sound, of(tiny), SOURCES, how(playhead=lambda: 2 * rate), Progress(hand_on=hand_on))
    first = seen[0]
    assert len(first) == 1
    assert first[0][0] <= 2 * rate < first[0][1]
    assert [(start, stop) for start, stop, _ in seen[-1]] == [(0, sound.length)]
    for copies in seen:
        for start, stop, wave in copies:
            later = whole.waves[..., start:stop]
            np.testing.assert_allclose(wave, later, atol=0 if rate == RATE else 1e-5)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (3, 4, 2, 1, 0)], ids=["on", "back"])
def test_at_another_rate_what_is_called_good_is_good_and_nothing_is_left_out(order):
    length, piece = 30_001, 6100
    room = np.zeros((1, 1, length * 480 // 441), dtype=np.float32)
    wave = np.random.default_rng(0).standard_normal((1, 1, length)).astype(np.float32)
    answers, good, seen = song.Answers(room, 44100, length, 48000), [], []
    for start in (piece * place for place in order):
        own = wave[..., start : start + piece]
        answers.write(start, own)
        first, last = answers.finished(start, start + own.shape[-1])
        good = with_range(good, (first, last))
        seen.append((first, last, room[..., first:last].copy()))
    assert good == [(0, room.shape[-1])]
    assert seen[1][1] - seen[1][0] > 5000, "it is heard soon"
    answers.settle(Progress())
    for first, last, heard in seen:
        np.testing.assert_allclose(heard, room[..., first:last], atol=1e-4)


@pytest.mark.parametrize(("rate", "channels"), [(1000, 4), (4000, 2)])
def test_nothing_is_handed_on_before_all_its_channels_are_there_and_the_playhead_is_first(rate, channels):
    seen: list[tuple[int, int, np.ndarray]] = []

    def hand_on(so_far: SoFar) -> None:
        seen.extend(
            (start, stop, so_far.estimates.waves[..., start:stop].copy()) for start, stop in so_far.done
        )

    sound = tones(rate, channels, 40.0)
    at = how(playhead=lambda: 20 * rate, overlap=0.0, shifts=0)
    found = separate(sound, halves_of(Halves(8000)), ["one", "two"], at, Progress(hand_on=hand_on))
    assert seen[0][0] <= 20 * rate < seen[0][1]
    for start, stop, wave in seen:
        np.testing.assert_allclose(wave, found.waves[..., start:stop], atol=1e-5)


def test_one_stem_asks_only_the_network_that_knows_it():
    experts = [Halves(), Halves()]
    ensemble = Ensemble(tuple(each.network for each in experts), np.eye(2))
    found = separate(noise(rate=1000, length=5000), ensemble, ["two"], how(), Progress())
    assert found.names == ("two",)
    assert not experts[0].asked
    assert experts[1].asked


def test_each_stem_is_of_the_networks_that_have_a_say_in_it_by_their_weights():
    experts = [Halves(), Halves()]
    said = experts[1].network.module.forward
    experts[1].network.module.forward = lambda batch: 3 * said(batch)
    sound = noise(rate=1000, length=3000)
    low = sound.samples - sound.samples.mean()
    for weights, gains in (([[1.0, 0.0], [0.0, 1.0]], (0.5, 1.5)), ([[3.0, 1.0], [1.0, 1.0]], (0.75, 1.0))):
        for shifts in (0, 2):
            ensemble = Ensemble(tuple(each.network for each in experts), np.array(weights))
            found = separate(sound, ensemble, ["one", "two"], how(shifts=shifts), Progress())
            for stem, gain in zip(found.waves, gains, strict=True):
                np.testing.assert_allclose(stem, gain * low + sound.samples.mean(), atol=1e-5)


def tones(rate: int, channels: int, seconds: float = 4.0) -> Audio:
    """Waves that any rate from 800 Hz can hold, each channel its own, of mean 0, that begin and end softly."""
    t = np.arange(int(seconds * rate)) / rate
    swell = np.sin(np.pi * t / seconds) ** 2
    waves = [
        (0.2 + 0.1 * each) * swell * np.sin(2 * np.pi * (40 + 25 * each) * t) for each in range(channels)
    ]
    return Audio(np.array(waves, dtype=np.float32), rate)


@pytest.mark.parametrize(("rate", "channels"), [(1000, 4), (1000, 6), (800, 2), (2250, 1), (2000, 5)])
def test_every_channel_comes_back_at_its_own_place_and_rate(monkeypatch, rate, channels):
    """However many samples are looked at at a time, and though the song ends with silence."""
    monkeypatch.setattr(song, "BLOCK", 1700)
    network, sound = Halves(), tones(rate, channels)
    samples = np.concatenate([sound.samples, np.zeros((channels, 2 * rate), np.float32)], axis=1)
    samples[: (channels + 1) // 2] += 0.25
    found = separate(Audio(samples, rate), halves_of(network), ["one", "two"], how(), Progress())
    for group in channel_groups(channels):
        own = samples[list(group)]
        wanted = 0.5 * (own - own.mean()) + own.mean()
        # Resampling rings where a song begins and ends above 0.
        inside = slice(None) if rate == 1000 else slice(rate // 5, -(rate // 5))
        for stem in found.waves:
            np.testing.assert_allclose(stem[list(group), inside], wanted[:, inside], atol=2e-3)


def test_the_level_is_that_of_demucs_and_a_constant_is_no_silence(monkeypatch):
    import torch

    monkeypatch.setattr(song, "BLOCK", 3)
    sound = noise(length=7, rate=1000)
    middle = torch.from_numpy(sound.samples.copy()).mean(0)
    ready = song.prepared(sound, (0, 1), Halves().network, Progress())
    assert ready.mean == pytest.approx(float(middle.mean()), rel=1e-4)
    assert ready.deviation == pytest.approx(float(middle.std()), rel=1e-4)
    network, constant = Halves(), Audio(np.full((2, 3000), 0.25, dtype=np.float32), 1000)
    found = separate(constant, halves_of(network), ["one"], how(), Progress())
    np.testing.assert_allclose(found.waves, 0.25, atol=1e-6)


def test_silence_is_not_computed():
    for levelled in (True, False):
        network = Halves()
        ensemble = Ensemble((replace(network.network, levelled=levelled),), np.ones((1, 2)))
        silent = Audio(np.zeros((2, 3000), dtype=np.float32), 1000)
        assert not separate(silent, ensemble, ["one"], how(), Progress()).waves.any()
        assert not network.asked


def test_one_stem_of_several_networks_is_the_one_that_all_of_them_give(tiny):
    sound, bag = noise(), [tiny, tiny_network(1)]
    weights = [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 3.0]]
    every = separate(sound, of(*bag, weights=weights), SOURCES, how(shifts=2, seed=4), Progress())
    bass = separate(sound, of(*bag, weights=weights), ["bass"], how(shifts=2, seed=4), Progress())
    assert np.array_equal(bass.waves[0], every.waves[1])


def heard(said: list[str]) -> Progress:
    """A progress that writes down what is said."""
    return Progress(hand_on=lambda each: said.append(each.words) if isinstance(each, Said) else None)


def halves_of(network: Halves) -> Ensemble:
    return Ensemble((network.network,), np.ones((1, 2)))


def check_halves(found: Waveforms, sound: Audio) -> None:
    mean = sound.samples.mean()  # taken away before, and given to every stem afterwards
    for stem in found.waves:
        np.testing.assert_allclose(stem, 0.5 * (sound.samples - mean) + mean, atol=1e-5)


def test_the_first_segment_is_computed_alone_and_then_as_many_as_the_device_takes():
    network, sound = Halves(), noise(rate=1000, length=9000)
    separate(sound, halves_of(network), ["one"], how(device=Device("cpu", "", 4, threads=1)), Progress())
    assert network.asked[:3] == [1, 4, 4]


def test_a_long_pass_tells_how_far_it_is(tiny):
    """A song of one segment: from layer to layer."""
    told: list[float] = []
    progress = Progress(lambda fraction, message: told.append(fraction))
    separate(noise(length=RATE), of(tiny), SOURCES, how(shifts=0), progress)
    assert len({each for each in told if 0.1 < each < 0.9}) > 10


def test_memory_that_runs_out_halves_the_batch_and_says_so():
    network, sound, said = Halves(fails_above=2), noise(rate=1000, length=9000), []
    device = Device("cpu", "", 8, threads=1)
    found = separate(sound, halves_of(network), ["one", "two"], how(device=device), heard(said))
    assert max(network.asked) == 2
    assert said == [
        "Memory is short on the processor: it goes on with 4 segments at a time.",
        "Memory is short on the processor: it goes on with 2 segments at a time.",
    ]
    check_halves(found, sound)


# As numpy, torch on the processor, CUDA and Metal say it.
SHORT = (
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: 12 bytes"),
    RuntimeError("[enforce fail at alloc_cpu.cpp] data. DefaultCPUAllocator: not enough memory: you tried"),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB, other allocations: 2 MB)"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
)


@pytest.mark.parametrize("error", SHORT, ids=lambda error: str(error)[-24:])
def test_memory_that_is_too_small_for_a_segment_halves_it_and_says_so(error):
    network = Halves(length=4000)
    lengths: list[int] = []
    compute = network.network.module.forward

    def forward(batch):
        lengths.append(batch.shape[-1])
        if batch.shape[-1] > 1500:
            raise error
        return compute(batch)

    network.network.module.forward = forward
    network.network.module.segment = 4.0
    sound, said = noise(rate=1000, length=9000), []
    device = Device("cpu", "", 2, threads=1)
    found = separate(sound, halves_of(network), ["one", "two"], how(device=device), heard(said))
    assert sorted(set(lengths), reverse=True) == [4000, 2000, 1000]
    assert said == [
        f"There is not enough memory for this network on the processor. It begins anew, in segments of {size} s."
        for size in ("2.0", "1.0")
    ]
    assert network.network.module.segment == 4.0
    check_halves(found, sound)


def test_memory_that_is_too_small_for_any_segment_is_one_sentence_and_a_way_on():
    network = Halves()

    def fail(batch):
        raise MemoryError

    network.network.module.forward = fail
    with pytest.raises(NotEnoughMemory, match="not enough memory for this network on the processor") as short:
        separate(noise(rate=1000), halves_of(network), ["one"], how(), Progress())
    assert "smaller model" in short.value.way_on
    assert not isinstance(short.value, CardFailed), "there is no other device to offer"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (RuntimeError("MPS backend out of memory"), CardTooSmall, "not enough memory"),
        (
            RuntimeError("CUDA error: an illegal memory access was encountered\nCompile with …"),
            CardFailed,
            "The graphics card (Apple, 3 GB free) broke off: CUDA error: an illegal memory access was encountered.",
        ),
        (NotImplementedError("The operator 'aten::x' is not implemented for MPS"), CardFailed, "'aten::x'"),
    ],
)
def test_a_card_that_cannot_go_on_is_one_sentence_and_leaves_the_processor(error, kind, words):
    with pytest.raises(kind) as failed, understood(Device("mps", "Apple, 3 GB free")):
        raise error
    assert words in failed.value.sentence
    assert "CPU" in failed.value.way_on
    with pytest.raises(ZeroDivisionError), understood(Device("mps", "Apple")):
        raise ZeroDivisionError
    with pytest.raises(RuntimeError, match="shape"), understood(Device("cpu", "")):
        raise RuntimeError("shape '[2]' is invalid: a bug stays one")


def test_what_a_pass_that_was_too_large_had_computed_is_let_go():
    import gc
    import weakref

    gc.collect()
    network, made, left = Halves(), [], []
    compute = network.network.module.forward

    def forward(batch):
        left.append(sum(each() is not None for each in made))
        value = batch * 2
        made.append(weakref.ref(value))
        if len(batch) > 1:
            raise MemoryError
        return compute(batch)

    network.network.module.forward = forward
    separate(noise(rate=1000), halves_of(network), ["one"], how(device=Device("cpu", "", 4)), Progress())
    assert left == [0] * len(made)

    def never(batch):
        value = batch * 2
        made.append(weakref.ref(value))
        raise MemoryError

    network.network.module.forward = never
    with pytest.raises(NotEnoughMemory) as short:
        separate(noise(rate=1000), halves_of(network), ["one"], how(), Progress())
    assert short.value.sentence
    assert all(each() is None for each in made), "nor does the error hold it, which somebody reads for long"


def test_weights_for_which_there_is_no_memory_are_not_called_damaged(tmp_path):
    with pytest.raises(NotEnoughMemory, match="memory to load"), one_sentence(tmp_path / "big.th"):
        raise SHORT[1]


def test_answers_that_are_no_numbers_are_not_taken_for_sound(monkeypatch):
    network = Halves()
    asked = []

    def forward(batch):
        asked.append(len(batch))
        answer = batch[:, None].repeat(1, 2, 1, 1)
        answer[-1, 0, 0, 7] = float("nan")
        return answer

    network.network.module.forward = forward
    with pytest.raises(StemStudioError, match="no sound"):
        separate(noise(rate=1000), halves_of(network), ["one"], how(), Progress())
    assert len(asked) == 1, "the processor would say the same again"
    monkeypatch.setattr("stemstudio.algorithms.neural.separation.faster_in_half", lambda name: True)
    with pytest.raises(StemStudioError, match="no sound"):
        separate(noise(rate=1000), halves_of(network), ["one"], how(precision="half"), Progress())


def test_an_answer_of_no_numbers_in_half_precision_is_asked_for_again_in_full(monkeypatch):
    import torch

    monkeypatch.setattr("stemstudio.algorithms.neural.separation.faster_in_half", lambda name: True)

    network = Halves(length=2000)
    network.network.module.layer = torch.nn.Conv1d(2, 2, 1, bias=False)
    network.network.module.layer.weight.data = torch.eye(2)[:, :, None]

    def forward(self, batch):
        answer = torch.stack([0.5 * self.layer(batch)] * 2, dim=1)
        return answer * float("nan") if answer.dtype == torch.bfloat16 else answer

    type(network.network.module).forward = forward
    sound = noise(rate=1000, length=5000)
    every = Ensemble((network.network,), np.ones((1, 2)))
    found = separate(sound, every, ["one"], how(precision="half"), Progress())
    mean = sound.samples.mean()
    np.testing.assert_allclose(found.waves[0], 0.5 * (sound.samples - mean) + mean, atol=1e-5)


def test_what_holds_while_networks_compute_is_as_before_afterwards(tiny):
    import torch
    from demucs import transformer

    def state():
        fast = torch.backends.mha.get_fastpath_enabled()
        quick = any(isinstance(layer, Down) for layer in tiny.modules())
        return torch.get_num_threads(), fast, quick, transformer.create_2d_sin_embedding

    before, within = state(), []
    progress = Progress(lambda fraction, message: within.append(state()))
    separate(noise(), of(tiny), SOURCES, how(device=Device("cpu", "", threads=2)), progress)
    assert state() == before
    threads, fast, quick, positions = within[len(within) // 2]
    assert threads == 2
    assert not fast
    assert quick
    assert positions is not before[3]
    stopped = Progress(lambda fraction, message: stopped.cancel())
    with pytest.raises(Cancelled):
        separate(noise(), of(tiny), SOURCES, how(device=Device("cpu", "", threads=2)), stopped)
    assert state() == before


def test_memory_is_kept_only_while_networks_compute(monkeypatch):
    import torch

    asked: list[tuple[int, ...]] = []

    class Library:
        def mallopt(self, option, value):
            asked.append((option, value))

        def malloc_trim(self, spare):
            asked.append((spare,))

    monkeypatch.setattr(conditions, "_glibc", Library)

    def fail() -> None:
        with conditions.computing(torch, Device("cpu", "")):
            assert dict(asked) == {-4: 0, -1: 2**31 - 1, -2: 256 * 2**20}
            asked.clear()
            raise Cancelled

    with pytest.raises(Cancelled):
        fail()
    assert asked == [(-4, 65536), (-1, 128 * 1024), (-2, 128 * 1024), (0,)]


@pytest.mark.parametrize(
    ("able", "capability", "own", "faster"),
    [
        (False, "AVX512", True, False),
        (True, "AVX512", True, True),
        (True, "AVX512", False, False),
        (True, "SVE", False, True),
    ],
)
def test_half_precision_is_faster_where_a_processor_multiplies_such_numbers(
    monkeypatch, able, capability, own, faster
):
    monkeypatch.setattr("torch.ops.mkldnn._is_mkldnn_bf16_supported", lambda: able)
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: capability)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: own, raising=False)
    assert faster_in_half("cpu") is faster


def test_a_core_is_left_for_all_else_where_there_are_three(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    threads = []
    for cores in (1, 2, 3, 8):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        threads.append(processor().threads)
    assert threads == [1, 2, 2, 7]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert processor().threads is None


def test_a_card_that_does_not_compute_is_not_taken(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "Card")
    monkeypatch.setattr(devices, "_computes", lambda torch, name: False)
    assert chosen("auto").name == "cpu"
    with pytest.raises(BadRecipe, match="does not compute"):
        chosen("cuda")
    monkeypatch.setattr(devices, "_computes", lambda torch, name: True)
    for free, batch in ((1, 1), (20, 10), (80, 16)):
        monkeypatch.setattr("torch.cuda.mem_get_info", lambda free=free: (free * 2**30, 80 * 2**30))
        assert chosen("auto") == Device("cuda", f"Card, {free} GB free", batch)


def test_half_precision_is_not_taken_where_it_would_be_slower(tiny, monkeypatch):
    import torch

    monkeypatch.setattr("torch.ops.mkldnn._is_mkldnn_bf16_supported", lambda: False)
    assert not faster_in_half("cpu")
    assert "cpu" not in machine().half, "nor offered"
    said: list[object] = []
    progress = Progress(hand_on=said.append)
    asked = separate(noise(), of(tiny), SOURCES, how(precision="half"), progress)
    words = [each.words for each in said if isinstance(each, Said)]
    assert words == ["Half precision would be slower on the processor: it computes in full precision."]
    assert {each.dtype for each in tiny.parameters()} == {torch.float32}
    exact = separate(noise(), of(tiny), SOURCES, how(), Progress())
    np.testing.assert_array_equal(asked.waves, exact.waves)


def test_half_precision_is_near(tiny, monkeypatch):
    monkeypatch.setattr("stemstudio.algorithms.neural.separation.faster_in_half", lambda name: True)
    sound = noise()
    exact = separate(sound, of(tiny), SOURCES, how(), Progress()).waves
    network = tiny_network()
    near = separate(sound, of(network), SOURCES, how(precision="half"), Progress()).waves
    assert not any(layer._forward_pre_hooks for layer in network.modules())
    gap = 20 * np.log10(np.linalg.norm(near - exact) / np.linalg.norm(exact))
    assert -120 < gap < -30


def test_a_cancel_takes_hold_inside_a_forward_pass(tiny):
    calls = []

    def report(fraction, message):
        calls.append(fraction)
        if len(calls) == 30:
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        separate(noise(length=20 * RATE), of(tiny), SOURCES, how(), progress)
    assert len(calls) == 30
    assert calls == sorted(calls)
    assert not any(layer._forward_pre_hooks for layer in tiny.modules())


@pytest.mark.parametrize("channels", [1, 3, 5, 6, 8])
def test_any_number_of_channels(tiny, channels):
    assert channel_groups(6) == ((0, 1), (2,), (3,), (4, 5)), "centre and low frequencies are no pair"
    assert channel_groups(8) == ((0, 1), (2,), (3,), (4, 5), (6, 7))
    assert sorted(sum(channel_groups(channels), ())) == list(range(channels))
    sound = noise(channels=channels, length=RATE)
    found = separate(sound, of(tiny), SOURCES, how(), Progress())
    assert found.waves.shape == (4, channels, RATE)
    assert all(found.waves[:, channel].any() for channel in range(channels))


def test_stems_are_named_in_the_networks_order():
    assert stems_named("", SOURCES) == tuple(SOURCES)
    assert stems_named(" vocals ,drums", SOURCES) == ("drums", "vocals")
    with pytest.raises(BadRecipe, match="“flute”"):
        stems_named("flute", SOURCES)


def test_devices_are_named_in_words():
    assert "processor" in chosen("cpu").words
    assert chosen("auto").batch >= 1
    found = machine()
    assert found.devices["auto"] in [found.devices[name] for name in found.devices if name != "auto"]
    assert "cores" in found.devices["cpu"]
    assert found.half <= set(found.devices)


def test_nothing_is_left_running(tiny):
    from stemstudio.algorithms.neural import forward

    assert forward.Run is Run
    with pytest.raises(ValueError, match="stop here"):
        separate(noise(), of(tiny), SOURCES, how(playhead=_stop), Progress())
    assert not any(layer._forward_pre_hooks for layer in tiny.modules())


def _stop() -> int:
    raise ValueError("stop here")
