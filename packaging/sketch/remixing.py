"""Remixing: from a pool of songs to batches that are never the same twice, on whatever device the pool lies."""

import math
from typing import Any

from sketch.pool import Pool
from sketch.sound import RATE

TOGETHER = 0.5
"""Share of the examples whose stems are of one song; the others' come from anywhere."""
POINTS = 10


class Remixer:
    """Makes examples: (mixture (batch, 2, samples), stems (batch, 4, 2, samples)), of deviation 1."""

    def __init__(self, torch: Any, pool: Pool, samples: int, seed: int) -> None:
        self._torch, self._pool, self._samples = torch, pool, samples
        self._device = pool.songs.device
        self._chance = torch.Generator().manual_seed(seed)
        hertz = torch.fft.rfftfreq(samples, 1 / RATE).clamp(min=20.0)
        place = torch.log2(hertz / 20.0) / math.log2(22050 / 20.0) * (POINTS - 1)
        self._low = place.floor().long().clamp(max=POINTS - 2).to(self._device)
        self._share = (place.to(self._device) - self._low).float()
        self._hertz = hertz.to(self._device)

    def _random(self, *shape: int) -> Any:
        return self._torch.rand(shape, generator=self._chance)

    def _normal(self, *shape: int) -> Any:
        return self._torch.randn(shape, generator=self._chance)

    def __call__(self, batch: int) -> tuple[Any, Any]:
        torch = self._torch
        stems = self._cut_out(batch)
        gains = 10 ** (self._normal(batch, 4) * 3.5 / 20)
        gains *= self._random(batch, 4) > 0.07
        alone = self._random(batch) < 0.03
        gains[alone] *= torch.nn.functional.one_hot(torch.randint(4, (int(alone.sum()),)), 4)
        gains *= 1 - 2.0 * (self._random(batch, 4) < 0.5)
        stems = stems * gains[:, :, None, None].to(self._device)
        swap = (self._random(batch, 4) < 0.5)[:, :, None, None].to(self._device)
        stems = torch.where(swap, stems.flip(2), stems)
        stems = self._widened(stems, batch)
        stems = self._toned(stems, batch)
        mixture = stems.sum(1)
        level = mixture.std((1, 2), keepdim=True) + 1e-4
        return mixture / level, stems / level[:, None]

    def _cut_out(self, batch: int) -> Any:
        """Stretches of the pool's stems, now and then played faster or slower."""
        torch, pool = self._torch, self._pool
        speed = 1.0 if float(self._random(1)) < 0.5 else float(0.84 + 0.36 * self._random(1))
        taken = min(pool.samples, int(self._samples * speed))
        songs = torch.randint(pool.count, (batch, 4), generator=self._chance)
        starts = torch.randint(max(1, pool.samples - taken), (batch, 4), generator=self._chance)
        together = self._random(batch) < TOGETHER
        songs[together] = songs[together][:, :1].clone()
        starts[together] = starts[together][:, :1].clone()
        rows = [
            torch.stack(
                [
                    pool.songs[song, stem, :, start : start + taken]
                    for stem, (song, start) in enumerate(zip(*row, strict=True))
                ]
            )
            for row in zip(songs.tolist(), starts.tolist(), strict=True)
        ]
        found = torch.stack(rows).float()
        if taken != self._samples:
            flat = found.reshape(batch, -1, taken)
            flat = torch.nn.functional.interpolate(flat, size=self._samples, mode="linear")
            found = flat.reshape(batch, 4, 2, self._samples)
        return found

    def _widened(self, stems: Any, batch: int) -> Any:
        width = self._torch.where(self._random(batch, 4) < 0.3, 1.4 * self._random(batch, 4), 1.0)
        middle = stems.mean(2, keepdim=True)
        return middle + (stems - middle) * width[:, :, None, None].to(self._device)

    def _toned(self, stems: Any, batch: int) -> Any:
        """Another tone for each stem, one more for the whole, and at times no heights, as lossy files have none."""
        torch = self._torch
        strength = 5.0 * self._random(batch, 4, 1) * (self._random(batch, 4, 1) < 0.7)
        curves = self._normal(batch, 4, POINTS) * strength
        curves += self._normal(batch, 1, POINTS) * 3.0 * self._random(batch, 1, 1)
        curves = curves.to(self._device)
        gains = curves[..., self._low] * (1 - self._share) + curves[..., self._low + 1] * self._share
        gains = torch.exp2(gains / 6.02)
        roof = torch.where(self._random(batch) < 0.2, 11000 + 9000 * self._random(batch), 30000.0).to(
            self._device
        )
        gains = gains * (self._hertz[None] < roof[:, None])[:, None]
        return torch.fft.irfft(torch.fft.rfft(stems) * gains[:, :, None], n=stems.shape[-1])
