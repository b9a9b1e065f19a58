"""Title, artist, cover and the like: read from a song, written into what is made of it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import Any

LARGEST_COVER = 16 * 2**20
TEXTS = ("title", "artist", "album", "album_artist", "date", "track", "genre", "comment", "composer")
ID3 = dict(zip(TEXTS, ("TIT2", "TPE1", "TALB", "TPE2", "TDRC", "TRCK", "TCON", "COMM", "TCOM"), strict=True))
MP4 = dict(zip(TEXTS, ("©nam", "©ART", "©alb", "aART", "©day", "trkn", "©gen", "©cmt", "©wrt"), strict=True))
VORBIS = dict(zip(TEXTS, (*TEXTS[:3], "albumartist", "date", "tracknumber", *TEXTS[6:]), strict=True))
APE = dict(zip(TEXTS, ("Title", "Artist", "Album", "Album Artist", "Year", "Track", "Genre", "Comment", "Composer"),
               strict=True))  # fmt: skip
ASF = dict(zip(TEXTS, ("Title", "Author", "WM/AlbumTitle", "WM/AlbumArtist", "WM/Year", "WM/TrackNumber", "WM/Genre",
                       "Description", "WM/Composer"), strict=True))  # fmt: skip


@dataclass(frozen=True)
class Tags:
    """What a song says about itself; empty strings where it says nothing.

    Attributes
    ----------
    date
        As written in the file: `1999` or `1999-05-17`.
    track
        `3` or `3/12`.
    cover
        The bytes of the front cover's picture file.
    cover_mime
        Its type: `image/jpeg`, `image/png` …
    """

    title: str = ""
    artist: str = ""
    album: str = ""
    album_artist: str = ""
    date: str = ""
    track: str = ""
    genre: str = ""
    comment: str = ""
    composer: str = ""
    cover: bytes = field(default=b"", repr=False)
    cover_mime: str = ""

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    @property
    def texts(self) -> dict[str, str]:
        """What it says in words, by field."""
        return {name: text for name in TEXTS if (text := getattr(self, name))}


def read_tags(path: Path | str) -> tuple[Tags, str]:
    """The tags of a file, and a sentence if they could not be read; never raises for a damaged file."""
    import mutagen

    path = Path(path)
    try:
        with path.open("rb") as head:
            if head.read(4) == b"RF64":  # mutagen knows none
                return Tags(), ""
        file = mutagen.File(path)
        found = {} if file is None else _found(file)
    except Exception as error:  # noqa: BLE001 - damaged files make mutagen raise anything; the song still opens
        return Tags(), f"The tags of the song could not be read ({_reason(error)})."
    if any("\ufffd" in str(text) for text in found.values()):
        found = {name: _as_latin1(path, VORBIS.get(name, name), text) for name, text in found.items()}
    return Tags(**found), ""


def write_tags(path: Path | str, tags: Tags, format: str) -> str:
    """Put tags into a finished file; a sentence if they could not be, empty if all went well.

    Parameters
    ----------
    format
        One of the names in `stemstudio.audio.formats.FORMATS`; the file's own suffix does not matter.
    """
    if not tags:
        return ""
    try:
        _WRITERS[format](Path(path), tags)
    except Exception as error:  # noqa: BLE001 - whatever mutagen could not do, the sound is whole and is kept
        return f"The tags could not be written ({_reason(error)})."
    if tags.cover and format == "m4a" and tags.cover_mime not in ("image/jpeg", "image/png"):
        return "The cover was left out: M4A takes JPEG and PNG only."
    return ""


def write_channel_mask(path: Path, mask: int) -> None:
    """Say in a FLAC file which loudspeakers its channels are for; programs differ about six without a word."""
    flac: Any = import_module("mutagen.flac")
    file = flac.FLAC(path)
    if file.tags is None:
        file.add_tags()
    file.tags["WAVEFORMATEXTENSIBLE_CHANNEL_MASK"] = [f"0x{mask:04X}"]
    file.save()


def _found(file: Any) -> dict[str, Any]:
    if file.tags is None:
        pictures = getattr(file, "pictures", [])
        return _picture(pictures)
    kinds = {each.__name__ for each in type(file.tags).__mro__}
    if kinds & {"ID3", "ID3Tags"}:
        return _from_id3(file.tags)
    if "MP4Tags" in kinds:
        return _from_mp4(file.tags)
    if "APEv2" in kinds:
        return _from_ape(file.tags)
    if "ASFTags" in kinds:
        return _texts(file.tags, ASF)
    found = _texts(file.tags, VORBIS)
    return {**found, **(_picture(getattr(file, "pictures", [])) or _vorbis_picture(file.tags))}


def _texts(tags: Any, names: dict[str, str]) -> dict[str, Any]:
    found = {}
    for field_name, name in names.items():
        values = tags.get(name) or []
        values = values if isinstance(values, (list, tuple)) else [values]
        text = "; ".join(str(value) for value in values if str(value))
        if text:
            found[field_name] = _clean(text)
    return found


def _from_id3(tags: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field_name, name in ID3.items():
        frames = tags.getall(name)
        if name == "COMM":  # the plain comment, not the numbers that iTunes keeps under a description
            frames = [frame for frame in frames if not frame.desc] or [
                f for f in frames if "iTun" not in f.desc
            ]
        if frames:
            found[field_name] = _clean("; ".join(str(text) for text in frames[0].text))
    return {**found, **_picture(tags.getall("APIC"))}


def _from_mp4(tags: Any) -> dict[str, Any]:
    found = _texts(tags, {field_name: name for field_name, name in MP4.items() if name != "trkn"})
    if tags.get("trkn"):
        number, total = (*tags["trkn"][0], 0)[:2]
        found["track"] = f"{number}/{total}" if total else str(number)
    for cover in tags.get("covr") or []:
        found["cover"] = bytes(cover)[:LARGEST_COVER]
        found["cover_mime"] = _mime(found["cover"])
        break
    return found


def _from_ape(tags: Any) -> dict[str, Any]:
    found = _texts(tags, APE)
    cover = tags.get("Cover Art (Front)")
    if cover is not None and b"\0" in bytes(cover.value):
        found["cover"] = bytes(cover.value).split(b"\0", 1)[1]
        found["cover_mime"] = _mime(found["cover"])
    return found


def _picture(pictures: Any) -> dict[str, Any]:
    for picture in sorted(pictures, key=lambda each: each.type != 3):  # 3 is the front cover
        if 0 < len(picture.data) <= LARGEST_COVER:
            return {"cover": bytes(picture.data), "cover_mime": _mime(picture.data) or _clean(picture.mime)}
    return {}


def _vorbis_picture(tags: Any) -> dict[str, Any]:
    flac: Any = import_module("mutagen.flac")
    return _picture(
        [flac.Picture(base64.b64decode(text)) for text in tags.get("metadata_block_picture") or []]
    )


def _mime(data: bytes) -> str:
    known = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"GIF8": "image/gif", b"BM": "image/bmp"}
    webp = {b"RIFF": "image/webp"} if data[8:12] == b"WEBP" else {}
    return next((mime for start, mime in {**known, **webp}.items() if data.startswith(start)), "")


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()


def _as_latin1(path: Path, name: str, text: Any) -> Any:
    """A Vorbis comment whose bytes are not UTF-8, read again as the Windows Latin that old programs wrote."""
    if not isinstance(text, str) or "\ufffd" not in text:
        return text
    with path.open("rb") as file:
        head = file.read(2**20)
    start = head.lower().find(name.encode() + b"=")
    if start < 4:
        return text
    length = int.from_bytes(head[start - 4 : start], "little")
    value = head[start : start + length].partition(b"=")[2]
    return _clean(value.decode("cp1252", "replace")) if len(value) < 2**16 else text


def _reason(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


def _write_id3(path: Path, tags: Tags, kind: str) -> None:
    from mutagen import aiff, mp3, wave

    id3: Any = import_module("mutagen.id3")
    kinds: dict[str, Any] = {"mp3": mp3.MP3, "wav": wave.WAVE, "aiff": aiff.AIFF}
    file = kinds[kind](path)
    if file.tags is None:
        file.add_tags()
    for field_name, name in ID3.items():
        if text := _clean(getattr(tags, field_name)):
            extra = {"lang": "eng", "desc": ""} if name == "COMM" else {}
            file.tags.add(getattr(id3, name)(encoding=1, text=[text], **extra))
    if tags.cover:
        file.tags.add(
            id3.APIC(encoding=0, mime=tags.cover_mime or "image/", type=3, desc="", data=tags.cover)
        )
    file.save(v2_version=3)


def _write_mp4(path: Path, tags: Tags) -> None:
    mp4: Any = import_module("mutagen.mp4")
    file = mp4.MP4(path)
    if file.tags is None:
        file.add_tags()
    for field_name, name in MP4.items():
        text = _clean(getattr(tags, field_name))
        if text and name != "trkn":
            file.tags[name] = [text]
    numbers = [int(part) for part in tags.track.split("/") if part.strip().isdigit()]
    if numbers:
        file.tags["trkn"] = [(*numbers, 0)[:2]]
    pictures = {"image/jpeg": mp4.MP4Cover.FORMAT_JPEG, "image/png": mp4.MP4Cover.FORMAT_PNG}
    if tags.cover and tags.cover_mime in pictures:
        file.tags["covr"] = [mp4.MP4Cover(tags.cover, pictures[tags.cover_mime])]
    file.save()


def _write_vorbis(path: Path, tags: Tags, kind: str) -> None:
    from mutagen import oggopus, oggvorbis

    flac: Any = import_module("mutagen.flac")
    kinds: dict[str, Any] = {"flac": flac.FLAC, "ogg": oggvorbis.OggVorbis, "opus": oggopus.OggOpus}
    file = kinds[kind](path)
    if file.tags is None:
        file.add_tags()
    for field_name, name in VORBIS.items():
        if text := _clean(getattr(tags, field_name)):
            file.tags[name] = [text]
    if tags.cover:
        picture = flac.Picture()
        picture.type, picture.mime, picture.data = 3, tags.cover_mime or "image/", tags.cover
        if kind == "flac":
            file.add_picture(picture)
        else:
            file.tags["metadata_block_picture"] = [base64.b64encode(picture.write()).decode("ascii")]
    file.save()


_WRITERS: dict[str, Callable[[Path, Tags], None]] = {
    "mp3": lambda path, tags: _write_id3(path, tags, "mp3"),
    "wav": lambda path, tags: _write_id3(path, tags, "wav"),
    "aiff": lambda path, tags: _write_id3(path, tags, "aiff"),
    "m4a": _write_mp4,
    "flac": lambda path, tags: _write_vorbis(path, tags, "flac"),
    "ogg": lambda path, tags: _write_vorbis(path, tags, "ogg"),
    "opus": lambda path, tags: _write_vorbis(path, tags, "opus"),
}
