"""The inner sweep of hierarchical alternating least squares; imported on demand, for it needs numba."""

import numba  # noqa: TID253  (only `hals` imports this module, inside a function)
import numpy as np

LANES = 64  # rows that are solved side by side, in the registers' full width


@numba.njit(
    "void(float32[:, ::1], float32[:, ::1], float32[:, ::1], boolean[:, :], int64)",
    cache=True,
    nogil=True,
    parallel=False,
)
def sweep(products, gram, rows, silent, sweeps):  # type: ignore[no-untyped-def]
    """Lower ½ ‖v − x Fᵀ‖² for every row x of `rows` (n, atoms), in place, one atom after the other, x ≥ 0.

    `products` (n, atoms) holds v F and `gram` (atoms, atoms) FᵀF. Entries where `silent` is true are left as they
    are; it may be empty, (0, 0), where there are none.
    """
    count, atoms = rows.shape
    masked = silent.shape[0] == count
    x = np.zeros((atoms, LANES), dtype=np.float32)
    slope = np.zeros(LANES, dtype=np.float32)
    for base in range(0, count, LANES):
        lanes = min(LANES, count - base)
        for lane in range(lanes):
            for atom in range(atoms):
                x[atom, lane] = rows[base + lane, atom]
        for _ in range(sweeps):
            for atom in range(atoms):
                own = gram[atom, atom]
                if own <= np.float32(1e-30):
                    continue
                for lane in range(lanes):
                    slope[lane] = products[base + lane, atom]
                for other in range(atoms):
                    weight = gram[atom, other]
                    for lane in range(LANES):
                        slope[lane] -= weight * x[other, lane]
                step = np.float32(1.0) / own
                if masked:
                    for lane in range(lanes):
                        if silent[base + lane, atom]:
                            slope[lane] = np.float32(0.0)
                for lane in range(LANES):
                    x[atom, lane] = max(np.float32(0.0), x[atom, lane] + slope[lane] * step)
        for lane in range(lanes):
            for atom in range(atoms):
                rows[base + lane, atom] = x[atom, lane]
