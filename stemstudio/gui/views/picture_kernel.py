"""The inner loop of a picture, compiled; imported on demand, for it needs numba."""

import numba  # noqa: TID253  (only `picture` imports this module, inside a function)
import numpy as np


@numba.njit(
    [
        f"void({kind}[:, ::1], uint32[::1], uint32[:, ::1], uint32, uint32[::1], uint32[::1], uint32[:, :])"
        for kind in ("uint16", "uint8")
    ],
    cache=True,
    nogil=True,
    parallel=False,
)
def paint(cells, table, rows, start, a, b, out):  # type: ignore[no-untyped-def]
    """Colours into `out` (height, width): pixel (y, x) shows the brighter of two cells, in the columns a[x] and b[x].

    Of the cells' rows y shows the maximum of rows[1, y] from rows[0, y] on; or, where rows[2, y] is not 0, what lies
    rows[2, y] − 1 256ths of the way from the first to the next.
    """
    wide = b[-1] + np.uint32(1)
    line = np.empty(wide, dtype=np.uint32)
    last, highest = np.uint32(table.size - 1), np.uint32(cells.shape[0] - 1)
    whole, one = np.uint32(256), np.uint32(1)
    bits = np.uint32(8 if cells.itemsize == 2 else 0)  # of the owner, below the level
    owners = np.uint32((1 << bits) - 1)
    for y in range(out.shape[0]):
        first = rows[0, y]
        if y == 0 or first != rows[0, y - 1] or rows[1, y] != rows[1, y - 1] or rows[2, y] != rows[2, y - 1]:
            for x in range(wide):
                line[x] = cells[first, start + x]
            for step in range(one, rows[1, y]):
                row = min(first + step, highest)
                for x in range(wide):
                    line[x] = max(line[x], cells[row, start + x])
            if rows[2, y]:
                row, weight = min(first + one, highest), rows[2, y] - one
                for x in range(wide):
                    low, high = line[x], np.uint32(cells[row, start + x])
                    below, above = (low >> bits) * (whole - weight), (high >> bits) * weight
                    owner = low if below >= above else high
                    line[x] = np.uint32((below + above) >> 8 << bits) | (owner & owners)
        for x in range(out.shape[1]):
            out[y, x] = table[min(max(line[a[x]], line[b[x]]), last)]
