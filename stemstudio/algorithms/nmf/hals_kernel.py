"""The inner sweep of hierarchical alternating least squares; imported on demand, for it needs numba."""

import numba  # noqa: TID253  (only `hals` imports this module, inside a function)
import numpy as np

LANES = 128  # rows that are solved side by side
AT_ONCE = 4  # atoms whose share is taken off between two accesses to the slopes; written out below


@numba.njit(
    "void(float32[:, ::1], float32[:, ::1], float32[:, ::1], boolean[:, :], int64)",
    cache=True,
    nogil=True,
    fastmath={"contract"},
)
def sweep(products, gram, rows, silent, sweeps):  # type: ignore[no-untyped-def]
    """Lower ½ ‖v − x Fᵀ‖² for every row x of `rows` (n, atoms), in place, one atom after the other, x ≥ 0.

    `products` (n, atoms) holds v F and `gram` (atoms, atoms) FᵀF. Entries where `silent` is true are left as they
    are; it may be empty, (0, 0), where there are none.
    """
    count, atoms = rows.shape
    masked = silent.shape[0] == count
    padded = (atoms + AT_ONCE - 1) // AT_ONCE * AT_ONCE
    overlap = np.zeros((atoms, padded), dtype=np.float32)
    overlap[:, :atoms] = gram
    x = np.zeros((padded, LANES), dtype=np.float32)
    wanted = np.zeros((atoms, LANES), dtype=np.float32)
    slope = np.zeros(LANES, dtype=np.float32)
    for base in range(0, count, LANES):
        lanes = min(LANES, count - base)
        for lane in range(lanes):
            for atom in range(atoms):
                x[atom, lane] = rows[base + lane, atom]
                wanted[atom, lane] = products[base + lane, atom]
        for _ in range(sweeps):
            for atom in range(atoms):
                own = overlap[atom, atom]
                if own <= np.float32(1e-30):
                    continue
                for lane in range(LANES):
                    slope[lane] = wanted[atom, lane]
                for other in range(0, padded, AT_ONCE):
                    a, b = overlap[atom, other], overlap[atom, other + 1]
                    c, d = overlap[atom, other + 2], overlap[atom, other + 3]
                    for lane in range(LANES):
                        slope[lane] -= (
                            a * x[other, lane]
                            + b * x[other + 1, lane]
                            + c * x[other + 2, lane]
                            + d * x[other + 3, lane]
                        )
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
