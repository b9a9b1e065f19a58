"""Multiplicative updates with momentum: from a point moved on in the direction of the last step."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from stemstudio.algorithms.nmf.updates import NOTHING, Float, Work, descending_exponent

MOST_MOMENTUM = 0.95
FARTHEST = np.float32(1e3)  # an entry moves on by this factor at most


class Accelerated(Work):
    """Updates of Ĥ = H (H / H_before)^b and Ŵ alike: positive stays positive and zero stays zero.

    b = n / (n + 3) grows with the iterations done, up to 0.95 (Nesterov 1983, in the logarithm). The exponent is 1 for
    all β, which descends in practice; `carry_on(calmly=True)` takes away both momentum and that liberty.
    """

    iterations_done = 0
    calm = False
    before: tuple[Float, Float] | None = None

    def carry_on(self, *, calmly: bool) -> None:
        """From here on with momentum as before, or without and building it up anew later."""
        if calmly or self.calm:
            self.before, self.iterations_done = None, 0
        self.calm = calmly
        self.gamma = self.templates_gamma = np.float32(descending_exponent(self.beta) if calmly else 1.0)

    def iterate(self, pool: ThreadPoolExecutor, look: bool) -> float:
        """Move on, then update H and W; the cost between the two if it is asked for."""
        W, H = self.templates.copy(), self.activations.copy()
        if self.before is not None and not self.calm:
            b = np.float32(momentum(self.iterations_done))
            before = self.before
            move_on(self.templates, before[0], b)

            def move(lane: list[tuple[int, int]]) -> None:
                for start, stop in lane:
                    move_on(self.activations[start:stop], before[1][start:stop], b)

            list(pool.map(move, self.lanes))
        self.before = (W, H)
        self.iterations_done += 1
        return super().iterate(pool, look)


def momentum(iterations_done: int) -> float:
    """b after so many iterations."""
    return min(MOST_MOMENTUM, iterations_done / (iterations_done + 3))


def move_on(values: Float, before: Float, b: np.float32) -> None:
    """values ← values (values / before)^b, in place."""
    ratio = np.divide(values, np.maximum(before, NOTHING))
    np.clip(ratio, 1 / FARTHEST, FARTHEST, out=ratio)
    np.power(ratio, b, out=ratio)
    values *= ratio
