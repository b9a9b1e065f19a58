"""Learning: a small HTDemucs, the steps by which it learns, and how well it does on songs it never learned from."""

import copy
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sketch.pool import Pool
from sketch.remixing import Remixer
from sketch.songs import STEMS
from sketch.sound import RATE

SEGMENT = 6
ARCHITECTURE: dict[str, Any] = {
    "sources": list(STEMS),
    "audio_channels": 2,
    "samplerate": RATE,
    "segment": SEGMENT,
    "channels": 20,
    "t_layers": 3,
    "bottom_channels": 0,
    "dconv_mode": 3,
}
TOP_RATE = 1e-3
WARM_STEPS = 200
KEPT = 0.999
"""Of the running mean of the weights, which is what is shipped."""


def network() -> Any:
    """The Sketch network, of random weights."""
    from demucs.htdemucs import HTDemucs

    return HTDemucs(**ARCHITECTURE)


def save(model: Any, path: Path) -> None:
    """Write the weights in half precision, in the layout of Demucs' own safetensors files."""
    import torch
    from safetensors.torch import save_file

    state = {
        name: value.detach().to("cpu", torch.float16).contiguous()
        for name, value in model.state_dict().items()
    }
    metadata = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]", "kwargs": json.dumps(ARCHITECTURE)}
    part = path.with_suffix(".part")
    save_file(state, str(part), metadata)
    part.replace(path)


def restore(path: Path) -> Any:
    """A network from weights that `save` wrote."""
    from safetensors.torch import load_file

    model = network()
    model.load_state_dict({name: value.float() for name, value in load_file(str(path)).items()})
    return model


def improvement(torch: Any, model: Any, songs: Any, batch: int = 8) -> dict[str, float]:
    """SDR of the answers over that of the mixture, dB, by stem: means over the songs where the stem sounds.

    `songs` is (songs, 4, 2, samples); the segments that fit are looked at, each by itself. "mean" is the mean over the
    stems, "sdr" that of the SDR itself: silence for an answer has 0 dB, which is already more than the mixture has.
    """
    size = SEGMENT * RATE
    gains: dict[str, list[float]] = {stem: [] for stem in STEMS}
    ratios: dict[str, list[float]] = {stem: [] for stem in STEMS}
    model.eval()
    with torch.inference_mode():
        for at in range(0, len(songs), batch):
            stems = songs[at : at + batch].float()
            mixture = stems.sum(1)
            starts = range(0, stems.shape[-1] - size + 1, size)
            answers = torch.cat([model(mixture[..., start : start + size]) for start in starts], -1)
            stems, mixture = stems[..., : answers.shape[-1]], mixture[..., : answers.shape[-1]]
            power = stems.pow(2).mean((2, 3))
            wrong = (answers - stems).pow(2).mean((2, 3))
            rest = (mixture[:, None] - stems).pow(2).mean((2, 3))
            better, ratio = 10 * torch.log10(rest / wrong), 10 * torch.log10(power / wrong)
            sounding = (power > 1e-4 * mixture.pow(2).mean((1, 2))[:, None]) & (rest > 1e-8)
            for column, stem in enumerate(STEMS):
                gains[stem] += better[:, column][sounding[:, column]].tolist()
                ratios[stem] += ratio[:, column][sounding[:, column]].tolist()
    model.train()
    means = {stem: sum(values) / max(1, len(values)) for stem, values in gains.items()}
    absolute = [sum(values) / max(1, len(values)) for values in ratios.values()]
    return means | {"mean": sum(means.values()) / len(means), "sdr": sum(absolute) / len(absolute)}


def learn(
    torch: Any,
    model: Any,
    pool: Pool,
    folder: Path,
    tests: Callable[[], Any],
    out: Path,
    *,
    seconds: float,
    batch: int,
    every: float = 60.0,
    top_rate: float = TOP_RATE,
    seed: int = 0,
) -> dict[str, float]:
    """Learn for so many seconds; the best running mean of the weights goes to `out`. How much better it is, by stem."""
    device = pool.songs.device.type
    model.to(device).train()
    mean = copy.deepcopy(model).eval()
    remixer = Remixer(torch, pool, SEGMENT * RATE, seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=top_rate, weight_decay=0.01, fused=device == "cuda")
    begin, told, step, total = time.monotonic(), 0.0, 0, 0.0
    best: dict[str, float] = {"mean": -math.inf}

    def look() -> None:
        nonlocal best
        found = improvement(torch, mean, tests())
        words = " ".join(f"{stem} {value:.2f}" for stem, value in found.items())
        print(
            f"{time.monotonic() - begin:6.0f} s  step {step}  songs {pool.seen}  loss {total:.4f}  {words}",
            flush=True,
        )
        if found["mean"] > best["mean"]:
            best = found
            save(mean, out)

    while (spent := time.monotonic() - begin) < seconds:
        if step % 4 == 0:
            pool.take(folder, 8)
        share = spent / seconds
        rate = top_rate * min(1.0, (step + 1) / WARM_STEPS) * (0.5 + 0.5 * math.cos(math.pi * share)) + 1e-6
        for group in optimizer.param_groups:
            group["lr"] = rate
        mixture, stems = remixer(batch)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            answers = model(mixture)
        loss = torch.nn.functional.l1_loss(answers.float(), stems)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        with torch.no_grad():
            keep = min(KEPT, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(mean.parameters()), list(model.parameters()), 1 - keep)
        if step % 20 == 0:
            total = float(loss)
            if not math.isfinite(total):
                raise SystemExit(f"The loss is {total} after {step} steps.")
        if spent - told > every:
            told = spent
            look()
    look()
    return best
