"""DAWproject: one file with the arrangement as XML and all its sound inside, for Bitwig, Cubase, Studio One …"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

from stemstudio import __version__
from stemstudio.audio.formats import file_format
from stemstudio.audio.tags import Tags
from stemstudio.audio.targets import WholeFile, why
from stemstudio.errors import UnwritableFile
from stemstudio.mixing import filters
from stemstudio.mixing.naming import distinct
from stemstudio.mixing.order import ExportOrder, Part
from stemstudio.mixing.session import Session, Track, session_of
from stemstudio.mixing.sound_files import Written, write_sound_files
from stemstudio.mixing.tempo_map import Passage
from stemstudio.progress import Progress
from stemstudio.project.effects import Equaliser
from stemstudio.project.project import State

Element = ElementTree.Element

TOLD = ("equaliser", "envelope", "mutes")
"""Fields of a strip that are written beside its faders."""

LOUDEST = 4.0  # what the faders of the project reach, as the mixer's +12 dB do
CHUNK = 2**20


def write_dawproject(
    file: WholeFile,
    state: State,
    order: ExportOrder,
    parts: Sequence[Part],
    tags: Tags,
    title: str,
    progress: Progress,
) -> Written:
    """Write the sounds of an order and their arrangement into one file.

    The sounds are written to a folder beside it first, which goes away again; so twice the room is needed.
    """
    names = dict(
        zip(
            (part.key for part in parts),
            distinct([part.name for part in parts], [file_format(order.format).suffix] * len(parts)),
            strict=True,
        )
    )
    session = session_of(state, order, parts, names, title)
    try:
        folder = tempfile.TemporaryDirectory(dir=file.path.parent, prefix=".stemstudio-")
    except OSError as error:
        raise UnwritableFile(file.path, why(error)) from error
    with folder as beside, ExitStack() as stack:
        written = write_sound_files(
            state, order, parts, Path(beside), names, tags, title, stack, progress.part(0.0, 0.85)
        )
        packing = progress.part(0.85, 1.0)

        def pack(path: Path) -> None:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr("metadata.xml", metadata_xml(tags, title))
                archive.writestr("project.xml", project_xml(session))
                for number, part in enumerate(parts):
                    step = packing.part(number / len(parts), (number + 1) / len(parts))
                    _put(archive, f"audio/{names[part.key]}", written.writers[part.key].part, step)

        file.write(pack)
    return written


def project_xml(session: Session) -> bytes:
    """The arrangement, as `Project.xsd` of DAWproject 1.0 has it; times are in seconds.

    References
    ----------
    https://github.com/bitwig/dawproject
    """
    project = Element("Project", version="1.0")
    _below(project, "Application", name="StemStudio", version=__version__)
    if session.tempo:
        transport = _below(project, "Transport")
        _below(
            transport,
            "Tempo",
            id="tempo",
            name="Tempo",
            unit="bpm",
            min="20",
            max="666",
            value=_number(session.tempo),
        )
        _below(transport, "TimeSignature", id="signature", numerator=str(session.metre), denominator="4")
    structure = _below(project, "Structure")
    for number, track in enumerate(session.tracks, 1):
        _add_track(structure, f"track{number}", track)
    master = _below(structure, "Track", id="master", name="Master", contentType="audio", loaded="true")
    _below(master, "Channel", id="master-channel", role="master", audioChannels="2", solo="false")
    arrangement = _below(project, "Arrangement", id="arrangement")
    lanes = _below(arrangement, "Lanes", id="lanes", timeUnit="seconds")
    for number, track in enumerate(session.tracks, 1):
        lane = _below(lanes, "Lanes", id=f"lanes{number}", track=f"track{number}", timeUnit="seconds")
        _add_clip(lane, number, track, session)
        _add_automation(lane, number, track)
    if session.labels:
        markers = _below(arrangement, "Markers", id="markers", timeUnit="seconds")
        marks = [(label.start, label.text) for label in session.labels]
        marks += [
            (label.stop, f"end of {label.text}") for label in session.labels if label.stop > label.start
        ]
        for second, words in sorted(marks, key=lambda mark: mark[0]):  # there are no regions
            _below(markers, "Marker", time=_number(second), name=_words(words))
    if session.passages:
        _add_tempi(arrangement, session.passages)
    return _document(project)


def metadata_xml(tags: Tags, title: str) -> bytes:
    """The song's tags, as `MetaData.xsd` has them."""
    meta = Element("MetaData")
    for name, text in (
        ("Title", tags.title or title),
        ("Artist", tags.artist),
        ("Album", tags.album),
        ("Composer", tags.composer),
        ("Year", tags.date[:4]),
        ("Genre", tags.genre),
        ("Comment", tags.comment),
    ):
        if text:
            _below(meta, name).text = _words(text)
    return _document(meta)


def _add_track(structure: Element, name: str, track: Track) -> None:
    element = _below(
        structure,
        "Track",
        id=name,
        name=_words(track.name),
        color=track.colour,
        contentType="audio",
        loaded="true",
    )
    channel = _below(
        element,
        "Channel",
        id=f"{name}-channel",
        role="regular",
        audioChannels=str(track.channels),
        destination="master-channel",
        solo=_truth(track.solo),
    )
    if not track.equaliser.flat:
        _add_equaliser(channel, name, track.equaliser)
    _below(channel, "Mute", id=f"{name}-mute", name="Mute", value=_truth(track.mute))
    pan = _number((track.pan + 1) / 2)
    _below(channel, "Pan", id=f"{name}-pan", name="Pan", unit="normalized", min="0", max="1", value=pan)
    _below(
        channel,
        "Volume",
        id=f"{name}-volume",
        name="Volume",
        unit="linear",
        min="0",
        max=_number(max(LOUDEST, track.gain, *(track.gain * factor for _, factor in track.curve))),
        value=_number(track.gain),
    )


def _add_equaliser(channel: Element, name: str, equaliser: Equaliser) -> None:
    """The filters of a strip as those of the program's own equaliser, from the lowest to the highest."""
    flat = filters.FLAT_Q
    bands = (
        ("highPass", equaliser.low_cut, None, flat),
        ("lowShelf", equaliser.low_at, equaliser.low, flat),
        ("bell", equaliser.mid_at, equaliser.mid, equaliser.mid_width),
        ("highShelf", equaliser.high_at, equaliser.high, flat),
        ("lowPass", equaliser.high_cut, None, flat),
    )
    device = _below(
        _below(channel, "Devices"),
        "Equalizer",
        id=f"{name}-equalizer",
        deviceName="Equalizer",
        deviceRole="audioFX",
        loaded="true",
    )
    _below(device, "Enabled", id=f"{name}-equalizer-on", name="On/Off", value="true")
    for kind, hertz, gain, width in bands:
        if not hertz or gain == 0.0:
            continue
        band = _below(device, "Band", type=kind, **({"order": "2"} if gain is None else {}))
        _below(band, "Freq", unit="hertz", value=_number(hertz))
        if gain is not None:
            _below(band, "Gain", unit="decibel", value=_number(gain))
        _below(band, "Q", unit="linear", value=_number(width))
        _below(band, "Enabled", value="true")


def _add_automation(lane: Element, number: int, track: Track) -> None:
    """The volume curve, which takes the place of the fader, and where the track is muted."""
    name = f"track{number}"
    if track.curve:
        points = _points(lane, f"{name}-volume", unit="linear")
        for second, factor in track.curve:
            value = _number(factor * track.gain)
            _below(points, "RealPoint", time=_number(second), value=value, interpolation="linear")
    if track.mutes and not track.mute:  # automation would switch the track on
        points = _points(lane, f"{name}-mute")
        edges = [(0.0, False)] if track.mutes[0][0] > 0 else []
        edges += [(edge, edge == start) for start, stop in track.mutes for edge in (start, stop)]
        for second, silent in edges:
            _below(points, "BoolPoint", time=_number(second), value=_truth(silent))


def _points(lane: Element, parameter: str, **attributes: str) -> Element:
    points = _below(lane, "Points", id=f"{parameter}-points", timeUnit="seconds", **attributes)
    _below(points, "Target", parameter=parameter)
    return points


def _add_tempi(arrangement: Element, passages: Sequence[Passage]) -> None:
    """The tempi and metres that bring the grid onto the bars of the song."""
    tempi = _below(arrangement, "TempoAutomation", id="tempi", timeUnit="seconds", unit="bpm")
    _below(tempi, "Target", parameter="tempo")
    metres = _below(arrangement, "TimeSignatureAutomation", id="signatures", timeUnit="seconds")
    _below(metres, "Target", parameter="signature")
    for each in passages:
        time = _number(each.second)
        _below(tempi, "RealPoint", time=time, value=_number(each.bpm), interpolation="hold")
        _below(metres, "TimeSignaturePoint", time=time, numerator=str(each.beats), denominator=str(each.unit))


def _add_clip(lane: Element, number: int, track: Track, session: Session) -> None:
    seconds = _number(session.seconds)
    clips = _below(lane, "Clips", id=f"clips{number}")
    clip = _below(
        clips,
        "Clip",
        time="0",
        duration=seconds,
        playStart="0",
        contentTimeUnit="seconds",
        name=_words(track.name),
    )
    audio = _below(
        clip,
        "Audio",
        id=f"audio{number}",
        duration=seconds,
        channels=str(track.channels),
        sampleRate=str(session.sample_rate),
        timeUnit="seconds",
    )
    _below(audio, "File", path=f"audio/{track.file}", external="false")


def _put(archive: zipfile.ZipFile, name: str, source: Path, progress: Progress) -> None:
    size = max(1, source.stat().st_size)
    with source.open("rb") as sound, archive.open(name, "w", force_zip64=True) as member:
        done = 0
        while block := sound.read(CHUNK):
            progress(done / size, "Packing")
            member.write(block)
            done += len(block)


def _below(parent: Element, tag: str, /, **attributes: str) -> Element:
    return ElementTree.SubElement(parent, tag, attributes)


def _document(root: Element) -> bytes:
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _words(text: str) -> str:
    """What XML can hold of a name: no control characters, no halves of pairs, nothing unassigned."""
    return "".join(sign for sign in text if sign.isprintable())


def _number(value: float) -> str:
    return f"{value:.12g}"


def _truth(value: bool) -> str:
    return "true" if value else "false"
