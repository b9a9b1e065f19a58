"""The demo song's cover, drawn by a formula, and how it gets into a FLAC file."""

import struct
import zlib

import numpy as np

_SIZE = 256
# one colour a stem, as bands of light on a dark sheet
_BANDS = (((255, 107, 96), 0.80), ((255, 190, 84), 0.62), ((92, 200, 170), 0.42), ((120, 150, 255), 0.22))


def cover_picture() -> bytes:
    """Draw the cover: four coloured waves on a dark ground, one for each stem; PNG, 256 x 256."""
    y, x = np.mgrid[0:_SIZE, 0:_SIZE] / _SIZE
    picture = np.full((_SIZE, _SIZE, 3), (18.0, 20.0, 28.0))
    for i, (colour, height) in enumerate(_BANDS):
        wave = height + 0.05 * np.sin(2 * np.pi * (1.5 + i) * x + i) * np.sin(np.pi * x)
        light = np.exp(-(((y - wave) / 0.022) ** 2)) + 0.25 * np.exp(-(((y - wave) / 0.07) ** 2))
        picture += light[..., None] * np.array(colour) * np.sin(np.pi * np.clip(x, 0.04, 0.96))[..., None]
    rows = np.clip(picture, 0, 255).astype(np.uint8).reshape(_SIZE, -1)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", _SIZE, _SIZE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    framed = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def with_cover(flac: bytes, png: bytes) -> bytes:
    """Return the FLAC stream with `png` as its front cover: a PICTURE block right after STREAMINFO (RFC 9639, 8.8)."""
    mime = b"image/png"
    front_cover, no_description, bits = 3, 0, 24
    body = struct.pack(">II", front_cover, len(mime)) + mime
    body += struct.pack(">IIIIII", no_description, _SIZE, _SIZE, bits, 0, len(png)) + png
    block = struct.pack(">I", 6 << 24 | len(body)) + body
    after_streaminfo = 4 + 4 + 34
    return flac[:after_streaminfo] + block + flac[after_streaminfo:]
