"""Damaged files give a song or a refusal: never a crash, a hang, or samples that are no numbers."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import numpy as np
import pytest

from stemstudio.audio.audio import Audio
from stemstudio.audio.channels import ChannelChoice
from stemstudio.audio.formats import FORMATS
from stemstudio.audio.reading import read_song
from stemstudio.audio.tags import Tags
from stemstudio.audio.writing import write_audio
from stemstudio.errors import UnreadableSong

COPIES = 40


def mutate(data: bytes, random: np.random.Generator) -> bytes:
    """One of: bits flipped, a piece cut out, the end cut off, a number near the start or anywhere replaced."""
    hurt = bytearray(data)
    match int(random.integers(5)):
        case 0:
            for at in random.integers(len(hurt), size=int(random.integers(1, 30))):
                hurt[at] ^= 1 << int(random.integers(8))
        case 1:
            start = int(random.integers(len(hurt)))
            del hurt[start : start + int(random.integers(1, 5000))]
        case 2:
            del hurt[int(random.integers(1, len(hurt))) :]
        case 3:
            at = int(random.integers(min(200, len(hurt) - 4)))
            value = int(
                random.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, int(random.integers(2**32))])
            )
            hurt[at : at + 4] = struct.pack(str(random.choice(["<I", ">I"])), value)
        case 4:
            for at in random.integers(min(300, len(hurt)), size=4):
                hurt[at] = int(random.integers(256))
    return bytes(hurt)


def attempt(path: Path) -> tuple[Audio | None, str]:
    try:
        return read_song(path, channels=ChannelChoice.downmix()), ""
    except UnreadableSong as refusal:
        return None, refusal.sentence


@pytest.mark.parametrize(
    ("name", "subtype"), [(name, kind.subtypes[-1].name) for name, kind in FORMATS.items()]
)
@pytest.mark.timeout(120)
def test_a_damaged_file_gives_a_song_or_a_refusal(tmp_path: Path, name: str, subtype: str) -> None:
    random = np.random.default_rng(sum(name.encode()))
    samples = (0.3 * np.sin(np.arange(24_000) * 0.05) + random.normal(0, 0.02, (2, 24_000))).astype(
        np.float32
    )
    whole = tmp_path / f"whole{FORMATS[name].suffix}"
    write_audio(
        whole,
        Audio(samples, 24000),
        format=name,
        subtype=subtype,
        tags=Tags(title="A song", cover=b"\x89PNG" * 50),
    )
    data = whole.read_bytes()
    opened = 0
    for number in range(COPIES):
        path = tmp_path / f"hurt {number}{FORMATS[name].suffix}"
        path.write_bytes(mutate(data, random))
        start = time.perf_counter()
        audio, sentence = attempt(path)
        if audio is None:
            assert path.name in sentence
            assert "\n" not in sentence
        else:
            opened += 1
            assert audio.length > 0
            assert audio.channels in (1, 2)
            assert np.isfinite(audio.samples).all()
        assert time.perf_counter() - start < 5, path
        path.unlink()
    assert 0 < opened < COPIES, "some damage leaves something to hear, and some does not"
