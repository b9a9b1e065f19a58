"""What an order comes to: its sounds, the names of its files, and about how large they will be."""

from __future__ import annotations

from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.audio.formats import FORMATS, file_format, why_not
from stemstudio.audio.targets import expected_bytes
from stemstudio.errors import StemStudioError
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.mixing.naming import distinct, filled, safe_name
from stemstudio.mixing.order import DATA, PACKAGES, REAPER_SOURCES, RETURNS, ExportOrder, Group, Key, Part
from stemstudio.mixing.strips import strips_of
from stemstudio.project.project import State
from stemstudio.project.stem import MIXTURE

VOICES = ("voc", "vox", "voice", "singer", "singing", "choir", "lead v", "backing v")
MOST_GROUPS = 100


def parts_of(order: ExportOrder, state: State) -> tuple[Part, ...]:
    """The sounds of an order, in order; StemStudioError where there is no such stem."""
    groups = order.groups[:MOST_GROUPS]
    for stem in (*order.stems, *order.without, *(stem for group in groups for stem in group.stems)):
        if stem not in state.stems:
            raise StemStudioError(f"There is no stem with the number {stem}.")
    parts = [
        Part(stem, state.stems[stem].name, (stem,), colour=state.stems[stem].colour)
        for stem in dict.fromkeys(order.stems)
    ]
    sending = _sending(order, state)
    if sending:
        parts.append(Part(RETURNS, "Reverb and delay", sending))
    parts += [
        Part(f"without {stem}", f"without {state.stems[stem].name}", (stem,), True, state.stems[stem].colour)
        for stem in dict.fromkeys(order.without)
    ]
    parts += [
        Part(f"group {number}", group.name, tuple(dict.fromkeys(group.stems)))
        for number, group in enumerate(groups)
    ]
    if order.mix:
        parts.append(Part("mix", "mix", tuple(leaf.id for leaf in state.leaves())))
    if order.upmix:
        parts.append(Part("upmix", f"upmix {state.room.layout}", ()))
    if order.upmix_apart:
        parts += [
            Part(f"upmix {each.name}", f"upmix {state.room.layout} {each.name}", (), speaker=channel)
            for channel, each in enumerate(LAYOUTS[state.room.layout].speakers)
        ]
    return tuple(parts)


def channels_of(state: State, part: Part) -> int:
    """Of a part's file; a mono song's mix is mono as long as nothing is panned or sent to the effects."""
    if part.key == "upmix":
        return LAYOUTS[state.room.layout].channels
    if part.speaker is not None:
        return 1
    if part.key == RETURNS:
        return 2
    if part.key == "mix" and state.mixture.channels == 1:
        return 1 if strips_of(state.leaves(), 1, state.mixture.sample_rate).mono else 2
    return state.mixture.channels


def tempo_of(order: ExportOrder, state: State) -> float | None:
    """In beats a minute, as it is written: what the order says, else that of the beats; None where nobody knows."""
    own = order.tempo or state.beats.bpm
    return own * order.pace.tempo if own else None


def names_of(order: ExportOrder, state: State) -> dict[Key, str]:
    """What each file of an order holds, in a few words."""
    names: dict[Key, str] = {part.key: part.name for part in parts_of(order, state)}
    if PACKAGES[order.package].suffix:
        names["package"] = PACKAGES[order.package].words
    for data in order.data:
        names.update(data_stems(data, state))
    return names


def suggested_groups(state: State) -> tuple[Group, ...]:
    """Instrumental and a cappella, where one of the stems is called a voice and another is not."""
    voices = tuple(leaf.id for leaf in state.leaves() if _sung(state, leaf.id))
    others = tuple(leaf.id for leaf in state.leaves() if leaf.id not in voices)
    if not voices or all(state.is_residual(leaf) for leaf in others):
        return ()
    return Group("instrumental", others), Group("a cappella", voices)


def file_names(order: ExportOrder, state: State, song: str) -> dict[Key, str]:
    """Name of each file of an order, safe on every system and no two alike.

    Parameters
    ----------
    song
        The song's title.

    Raises
    ------
    StemStudioError
        If the template asks for something unknown, the format is unknown, or there is no such stem.
    """
    package = PACKAGES[order.package]
    parts = parts_of(order, state)
    pace = f" ({order.pace.words})" if order.pace.changed else ""
    keys: list[Key] = []
    words: list[str] = []
    suffixes: list[str] = []
    if package.suffix:
        keys, words, suffixes = ["package"], [safe_name(order.name or song + pace)], [package.suffix]
    if not package.single:
        suffix = file_format(order.format).suffix
        for number, part in enumerate(parts, 1):
            keys.append(part.key)
            words.append(filled(order.template, song=song, stem=part.name, number=number) + pace)
            suffixes.append(suffix)
    for data in dict.fromkeys(order.data):
        for key, stem in data_stems(data, state):
            keys.append(key)
            name = filled(order.template, song=song, stem=stem, number=len(keys))
            words.append(name + pace if DATA[data].paced else name)
            suffixes.append(DATA[data].suffix)
    return dict(zip(keys, distinct(words, suffixes), strict=True))


def data_stems(data: str, state: State) -> list[tuple[str, str]]:
    """Key and name of each file of a kind of data: one for each split with atoms, one picture for each leaf."""
    word = DATA[data].name
    if data in ("atoms", "midi"):
        splits = [stem for stem, split in state.splits.items() if isinstance(split.estimates, Factorization)]
        if not splits:
            raise StemStudioError(
                "There are no atoms to write.",
                "Take the song apart with Atoms (NMF) first, or leave them out.",
            )
        return [
            (data, word) if stem == MIXTURE else (f"{data} {stem}", f"{state.stems[stem].name} {word}")
            for stem in splits
        ]
    if data in ("masks", "pictures") and MIXTURE not in state.splits:
        raise StemStudioError(
            "There are no masks to write: the song has not been taken apart.", "Leave them out."
        )
    if data == "pictures":
        return [(f"{data} {leaf.id}", f"{leaf.name} {word}") for leaf in state.leaves()]
    return [(data, word)]


def sizes(order: ExportOrder, state: State, song: str) -> dict[Key, tuple[str, int | None]]:
    """Name of each file, and about how many bytes it will have; None where nobody knows before it is written."""
    names = file_names(order, state, song)
    rate = order.rate or state.mixture.sample_rate
    length = max(0, order.frames(state))
    found: dict[Key, int] = {}
    if order.package == "stem-mp4":
        kind, quality = ("flac", "24") if order.subtype == "alac" else ("m4a", "256")
        found["package"] = 5 * expected_bytes(FORMATS[kind], FORMATS[kind].subtype(quality), rate, 2, length)
    else:
        kind_of = file_format(order.format)
        quality_of = kind_of.subtype(order.subtype)
        for part in parts_of(order, state):
            channels = channels_of(state, part)
            found[part.key] = expected_bytes(kind_of, quality_of, rate, channels, length)
        if order.package == "dawproject":
            found = {"package": sum(found.values())}
    return {key: (name, found.get(key)) for key, name in names.items()}


def what_is_wrong(order: ExportOrder, state: State) -> str:
    """Why an order cannot be carried out, as a sentence with a way on; empty if it can, for all that is known before."""
    parts = parts_of(order, state)
    if not parts and order.package in ("rpp", "dawproject"):
        return "Tick at least one stem, or the mix."
    if not parts and not order.data and order.package != "stem-mp4":
        return "Tick at least one stem, or the mix."
    start, stop = order.span(state)
    if stop <= start:
        return "The range to be written is empty. Select a stretch of the song, or all of it."
    if order.package == "stem-mp4":
        each = order.gain.startswith("each")
        return "The streams of one file cannot have a gain each. Choose another level." if each else ""
    rate = order.rate or state.mixture.sample_rate
    for part in parts:
        reason, way_on = why_not(file_format(order.format), rate, channels_of(state, part))
        if reason:
            return f"{reason[:1].upper()}{reason[1:]}. {way_on}"
    if order.package == "rpp" and file_format(order.format).suffix not in REAPER_SOURCES:
        return "A REAPER project is not written with files of this format. Choose WAV or FLAC."
    return ""


def _sending(order: ExportOrder, state: State) -> tuple[int, ...]:
    """The stems of an order for a DAW that are heard in reverb or delay, which are not there."""
    if order.package not in ("rpp", "dawproject"):
        return ()
    leaves = state.leaves()
    gains = strips_of(leaves, state.mixture.channels, state.mixture.sample_rate).gains
    sent = [any(sends) for sends in gains[:, 4:].tolist()]
    return tuple(
        leaf.id for leaf, heard in zip(leaves, sent, strict=True) if heard and leaf.id in order.stems
    )


def _sung(state: State, stem: int) -> bool:
    words = [state.stems[each].name.casefold() for each in state.path(stem)]
    return not state.is_residual(stem) and any(voice in word for word in words for voice in VOICES)
