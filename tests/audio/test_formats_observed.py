"""Every odd, rare and broken file opens with what two decoders were seen to make of it, or is refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stemstudio.audio.reading import probe, read_song
from stemstudio.errors import UnreadableSong

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "audio" / "formats"
TABLE = FOLDER / "OBSERVED.tsv"


def rows() -> list[list[str]]:
    if not TABLE.exists():
        return []
    lines = [
        line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith(("#", "file\t"))
    ]
    return [(line + [""] * 7)[:7] for line in lines]


@pytest.mark.skipif(not rows(), reason="the collection of files is not here")
@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
@pytest.mark.timeout(10)
def test_opens_as_observed_or_is_refused(row: list[str]) -> None:
    path = FOLDER / row[0]
    lengths = {int(word) for word in (row[5].split(" ")[0], row[6].split("x")[0]) if word.isdigit()} - {0}
    if not lengths:
        with pytest.raises(UnreadableSong) as refusal:
            read_song(path)
        assert path.name in refusal.value.sentence
        assert refusal.value.sentence.count(".") == path.name.count(".") + 1, "one sentence"
        return
    info = probe(path)
    audio = read_song(path)
    assert (audio.sample_rate, audio.channels) == (int(row[3]), int(row[4]))
    assert (info.sample_rate, info.channels) == (audio.sample_rate, audio.channels)
    assert audio.length in lengths
    assert np.isfinite(audio.samples).all()
    assert not audio.samples.flags.writeable
    observed = [float(row[5].split("peak ")[1])] if "peak " in row[5] else []
    for peak in observed if lengths == {audio.length} else []:
        assert np.abs(audio.samples).max() == pytest.approx(peak, abs=0.01)


@pytest.mark.skipif(not rows(), reason="the collection of files is not here")
@pytest.mark.parametrize(
    "name", ["full.mp3", "full.flac", "full.ogg", "full.m4a", "full.ape", "full.wv", "full.wav", "full.aiff"]
)
def test_tags_of_every_kind_are_read(name: str) -> None:
    tags = probe(FOLDER / "mediafile_MIT" / name).tags
    assert (tags.title, tags.artist, tags.album) == ("full", "the artist", "the album")
    assert tags.genre == "the genre"
    assert int(tags.track.split("/")[0]) == 2


@pytest.mark.skipif(not rows(), reason="the collection of files is not here")
@pytest.mark.parametrize("name", ["image.mp3", "image.flac", "image.ogg", "image.m4a", "image.ape"])
def test_covers_of_every_kind_are_read(name: str) -> None:
    tags = probe(FOLDER / "mediafile_MIT" / name).tags
    assert tags.cover.startswith((b"\x89PNG", b"\xff\xd8\xff"))
    assert tags.cover_mime in ("image/png", "image/jpeg")


@pytest.mark.skipif(not rows(), reason="the collection of files is not here")
@pytest.mark.parametrize("path", sorted((FOLDER / "m4a").glob("*.m4a")), ids=lambda path: path.name)
def test_long_m4a_songs_open(path: Path) -> None:
    info = probe(path)
    audio = read_song(path)
    assert audio.channels == 2
    assert info.duration_estimate == pytest.approx(audio.duration, abs=0.2)
    assert np.abs(audio.samples).max() > 0.01
