"""The passes of robust PCA over the whole matrix; imported on demand, for they need numba."""

import numba  # noqa: TID253  (only `rpca` imports this module, inside a function)


@numba.njit(
    [
        "float64(float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], float32, float32)",
        "float64(float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64, float64)",
    ],
    cache=True,
    nogil=True,
    parallel=False,
)
def clip_and_sum(V, L, Y, M, shrink, limit):  # type: ignore[no-untyped-def]
    """One step between two singular value thresholdings; how far L + S is from V, as a sum of squares.

    With Y the multipliers divided by μ, on entry as of the last step: Y' = M − L; M' = L + clip(V − L + Y'·shrink,
    ± limit). `shrink` is μ / μ' and `limit` λ / μ'. Both are written over the old values.
    """
    missed = 0.0
    for row in range(V.shape[0]):
        for column in range(V.shape[1]):
            low_rank = L[row, column]
            multiplier = M[row, column] - low_rank
            # V − L − S of the step that ends here is the multipliers' change.
            gap = multiplier - Y[row, column]
            missed += gap * gap
            multiplier *= shrink
            Y[row, column] = multiplier
            apart = V[row, column] - low_rank + multiplier
            M[row, column] = low_rank + min(limit, max(-limit, apart))
    return missed
