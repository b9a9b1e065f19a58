"""The inner loops of a picture, compiled; imported on demand, for it needs numba."""

import numba  # noqa: TID253  (only `picture` imports this module, inside a function)
import numpy as np

KINDS = [
    f"void({kind}[:, ::1], uint32[::1], uint32[:, ::1], uint32, uint32[::1], uint32[::1], uint32[:, ::1], uint32)"
    for kind in ("uint16", "uint8")
]


@numba.njit(KINDS, cache=True, nogil=True, parallel=False)
def paint(cells, table, rows, start, a, b, out, left):  # type: ignore[no-untyped-def]
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
        row = out[y, left : left + a.size]
        for x in range(a.size):
            row[x] = table[min(max(line[a[x]], line[b[x]]), last)]


@numba.njit(KINDS, cache=True, nogil=True, parallel=False)
def magnify(cells, table, rows, start, place, weight, out, left):  # type: ignore[no-untyped-def]
    """Colours into `out`, where a cell covers several pixels: they flow into each other.

    Pixel (y, x) lies weight[x] 256ths of the way from column start + place[x] to the next; of the rows it shows what
    `paint` does, but blends colours and not levels.
    """
    wide = place[-1] + np.uint32(2)
    # The four bytes of a colour, each with room to be multiplied: 0x00gg00aa 0x00bb00rr, or in any other order.
    low, high = np.empty(wide, dtype=np.uint64), np.empty(wide, dtype=np.uint64)
    line, rise = np.empty(wide, dtype=np.uint64), np.zeros(wide, dtype=np.uint64)
    last, highest = np.uint32(table.size - 1), np.uint32(cells.shape[0] - 1)
    rightmost, one = np.uint32(cells.shape[1] - 1), np.uint32(1)
    roomy, upper, lower = np.uint64(0x00FF00FF00FF00FF), np.uint64(0xFF00FF00), np.uint64(0x00FF00FF)
    eight, half = np.uint64(8), np.uint64(32)
    for y in range(out.shape[0]):
        first, count, blend = rows[0, y], rows[1, y], rows[2, y]
        if (
            y == 0
            or first != rows[0, y - 1]
            or count != rows[1, y - 1]
            or (blend == 0) != (rows[2, y - 1] == 0)
        ):
            above = min(first + one, highest)
            for x in range(wide):
                column = min(start + x, rightmost)
                most = np.uint32(cells[first, column])
                if blend:
                    colour = np.uint64(table[min(np.uint32(cells[above, column]), last)])
                    high[x] = (colour | colour << np.uint64(24)) & roomy
                else:
                    for step in range(one, count):
                        most = max(most, np.uint32(cells[min(first + step, highest), column]))
                colour = np.uint64(table[min(most, last)])
                low[x] = (colour | colour << np.uint64(24)) & roomy
        up = np.uint64(blend - one) if blend else np.uint64(0)
        for x in range(wide):
            line[x] = (((low[x] << eight) + (high[x] - low[x]) * up) >> eight) & roomy if up else low[x]
        for x in range(wide - 1):
            rise[x] = line[x + 1] - line[x]
        row = out[y, left : left + place.size]
        for x in range(place.size):
            mixed = (line[place[x]] << eight) + rise[place[x]] * np.uint64(weight[x])
            row[x] = np.uint32(((mixed >> eight) & lower) | ((mixed >> half) & upper))


@numba.njit(
    "void(uint8[:, ::1], int64[::1], int64[::1], uint8, uint32[:, ::1], int64, int64, int64, uint32[:, :])",
    cache=True,
    nogil=True,
    parallel=False,
)
def hatch(levels, rows, columns, least, table, skip, begin, phase, out):  # type: ignore[no-untyped-def]
    """A hatched area into `out`: cell (r, c) has levels[rows[r], columns[c]], and is `skip` × `skip` pixels large.

    Cells of `least` and more that have another neighbour are its rim, the last column of `table` (period, levels + 1); its
    rows are the places in the period of the hatch. Pixel (0, 0) lies at place `phase`, `begin` pixels into the cells.
    """
    period, rim = np.uint32(table.shape[0]), np.uint8(table.shape[1] - 1)
    high, wide, one, two = rows.size, np.uint32(columns.size), np.uint32(1), np.uint32(2)
    # Three rows of cells, with nothing around them.
    above, here = np.zeros(wide + 2, dtype=np.uint8), np.zeros(wide + 2, dtype=np.uint8)
    below = np.zeros(wide + 2, dtype=np.uint8)
    line = np.empty(wide, dtype=np.uint8)
    for r in range(-1, high):
        above, here, below = here, below, above
        if r + 1 < high:
            for c in range(wide):
                below[c + one] = levels[np.uint32(rows[r + 1]), np.uint32(columns[c])]
        else:
            below[:] = 0
        if r < 0:
            continue
        for c in range(wide):
            level = here[c + one]
            inner = min(min(above[c + one], below[c + one]), min(here[c], here[c + two]))
            line[c] = rim if level >= least and inner < least else level
        for y in range(r * skip, min((r + 1) * skip, out.shape[0])):
            place, row = np.uint32((phase + y) % period), out[y]
            cell, left = np.uint32(begin // skip), skip - begin % skip
            for x in range(out.shape[1]):
                if line[cell]:
                    row[x] = table[place, line[cell]]
                place = np.uint32(0) if place == period - one else place + one
                left -= 1
                if left == 0:
                    cell, left = cell + one, skip
