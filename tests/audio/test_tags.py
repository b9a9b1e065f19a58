"""Tags and covers go through every format, whatever their bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen import flac, id3

from stemstudio.audio.audio import Audio
from stemstudio.audio.formats import FORMATS
from stemstudio.audio.reading import probe, read_song
from stemstudio.audio.tags import Tags, read_tags, write_tags
from stemstudio.audio.writing import write_audio

SOUND = Audio(np.full((2, 3000), 0.1, dtype=np.float32), 48000)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
FULL = Tags(
    title="Früh am Morgen ☀",
    artist="A & B",
    album="Alben",
    album_artist="Viele",
    date="1999-05-17",
    track="3/12",
    genre="Pop",
    comment="two\nlines",
    composer="J. S. B.",
    cover=PNG,
    cover_mime="image/png",
)


@pytest.mark.parametrize("format", list(FORMATS))
def test_tags_and_cover_come_back(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"song{FORMATS[format].suffix}"
    report = write_audio(path, SOUND, format=format, tags=FULL)
    assert report.notes == ()
    assert probe(path).tags == FULL
    assert read_song(path).length == SOUND.length


@pytest.mark.parametrize("format", list(FORMATS))
def test_bytes_that_are_no_text_do_not_stop_anything(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"song{FORMATS[format].suffix}"
    odd = Tags(
        title="half a \ud83d surrogate\0",
        track="three",
        date="yesterday",
        cover=b"no picture",
        cover_mime="text/plain",
    )
    write_audio(path, SOUND, format=format, tags=odd)
    assert probe(path).tags.title == "half a ? surrogate"
    assert read_song(path).length == SOUND.length


def test_text_that_is_not_utf8_is_read_as_latin(tmp_path: Path) -> None:
    path = tmp_path / "old.flac"
    write_audio(path, SOUND, format="flac", tags=Tags(title="Caf@ del Mar", artist="Björk"))
    path.write_bytes(path.read_bytes().replace(b"Caf@ del", b"Caf\xe9 del"))
    tags, note = read_tags(path)
    assert (tags.title, tags.artist, note) == ("Café del Mar", "Björk", "")


def test_damaged_tags_are_said_and_the_song_opens(tmp_path: Path) -> None:
    path = tmp_path / "hurt.mp3"
    write_audio(path, SOUND, format="mp3", tags=FULL)
    data = bytearray(path.read_bytes())
    data[3] = 9  # a version of ID3 that never was
    path.write_bytes(data)
    info = probe(path)
    assert info.tags == Tags()
    assert "tags of the song could not be read" in info.notes[0]


def test_a_failure_is_a_note(tmp_path: Path) -> None:
    path = tmp_path / "not.flac"
    path.write_bytes(b"nothing of the kind")
    assert write_tags(path, FULL, "flac").startswith("The tags could not be written (")
    assert path.read_bytes() == b"nothing of the kind"


def test_a_cover_that_m4a_cannot_hold_is_said(tmp_path: Path) -> None:
    report = write_audio(
        tmp_path / "x.m4a",
        SOUND,
        format="m4a",
        tags=Tags(title="x", cover=b"GIF89a...", cover_mime="image/gif"),
    )
    assert report.notes == ("The cover was left out: M4A takes JPEG and PNG only.",)


def test_the_front_cover_is_taken_before_others(tmp_path: Path) -> None:
    path = tmp_path / "two.flac"
    soundfile.write(path, SOUND.samples.T, 48000)
    file = flac.FLAC(path)
    for kind, data in ((4, b"\xff\xd8\xffback"), (3, PNG)):
        picture = flac.Picture()
        picture.type, picture.mime, picture.data = kind, "image/jpeg", data
        file.add_picture(picture)
    file.save()
    tags, _ = read_tags(path)
    assert (tags.cover, tags.cover_mime) == (PNG, "image/png"), "the bytes are believed, not the label"


def test_the_plain_comment_is_taken_and_not_itunes_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    write_audio(path, SOUND, format="mp3")
    tags = id3.ID3()
    tags.add(id3.COMM(encoding=3, lang="eng", desc="iTunNORM", text="000001 000002"))
    tags.add(id3.COMM(encoding=3, lang="eng", desc="", text="recorded live"))
    tags.save(path)
    assert read_tags(path)[0].comment == "recorded live"


def test_no_tags_are_no_tags(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    report = write_audio(path, SOUND, format="wav", tags=Tags())
    assert report.notes == ()
    assert read_tags(path) == (Tags(), "")
    assert not Tags()
    assert FULL
