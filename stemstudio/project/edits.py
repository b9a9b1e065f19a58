"""The few kinds of edits: which rows of a project's tables each of them touches, and what it changes for those who listen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemstudio.algorithms.algorithm import Algorithm
from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Estimates
from stemstudio.algorithms.masking import Masking
from stemstudio.progress import Progress
from stemstudio.project.chances import Chances
from stemstudio.project.edit import Edit, Rows
from stemstudio.project.project import Change, PaintStroke, Project, State
from stemstudio.project.stem import COLOURS, RESIDUAL_COLOUR, Split, Stem, in_common
from stemstudio.spectral.brushes import weights
from stemstudio.spectral.lines import PitchLine
from stemstudio.spectral.stft import StftSettings
from stemstudio.spectral.tiles import Patch, TileMask

MOVED = {"gain_db", "pan", "width", "equaliser", "reverb_db", "delay_db", "envelope"}


def paint(state: State, number: int, stroke: PaintStroke, name: str) -> Edit | None:
    """Lay a stroke on a leaf, or erase under it; None when it touches nothing.

    Painting stem k with weight w is alpha compositing, A_j ← (1 − w) A_j for all siblings and A_k ← A_k + w;
    erasing is A_j ← (1 − w) A_j. Painting a leaf deep in the tree paints every stem on its path. A hint moves nothing
    yet.
    """
    path = state.path(stroke.stem)
    patch, amount = weights(stroke.stroke, state.grid, state.mixture.sample_rate, state.frames)
    if not path or patch.empty or not amount.any():
        return None
    box = stroke.stroke.box
    if stroke.mode == "hint":
        return Edit(
            name, {"strokes": {number: stroke}}, Change(frozenset({"hints"}), frozenset({stroke.stem}), box)
        )
    painted = composited(state, state.paint, patch, amount, path, stroke.erase)
    parents = [state.stems[target].parent for target in path]
    heard = below(
        state, [child.id for parent in parents if parent is not None for child in state.children(parent)]
    )
    rows: Rows = {"paint": dict(painted), "strokes": {number: stroke}}
    return Edit(name, rows, Change(frozenset({"paint"}), heard, box))


def composited(
    state: State,
    paint: Mapping[int, TileMask],
    patch: Patch,
    amount: np.ndarray,
    path: Sequence[int],
    erase: bool,
) -> dict[int, TileMask]:
    """New paint of every stem that a stroke changes, by id."""
    result: dict[int, TileMask] = {}
    for target in path:
        parent = state.stems[target].parent
        assert parent is not None
        for sibling in state.children(parent):
            mask = paint.get(sibling.id, TileMask())
            gains = sibling.id == target and not erase
            if not gains and not mask.covers(patch.frame0, patch.frame1):
                continue
            present = mask.read(patch) * (1 - amount)
            if gains:
                present += amount
            result[sibling.id] = mask.with_box(patch, present)
    return result


def assign(state: State, parent: int, parts: Mapping[int, int], name: str) -> Edit | None:
    """Give parts (atoms) of a split to other stems; None when nothing would move."""
    split = state.splits[parent]
    given = split.given(dict(parts))
    if given.owners == split.owners:
        return None
    moved = {
        stem for pair in zip(split.owners, given.owners, strict=True) if pair[0] != pair[1] for stem in pair
    }
    return Edit(name, {"splits": {parent: given}}, Change(frozenset({"splits"}), below(state, moved)))


def refactorise(
    state: State,
    parent: int,
    estimates: Estimates,
    origins: Sequence[int | None],
    name: str,
    recipe: Algorithm | None = None,
) -> Edit:
    """Other parts in the place of those of a split: atoms that were improved, split, merged, drawn anew, taken away.

    `origins` says for each new part which old one it comes from: it has that part's owner and lock. A part that comes
    from none belongs to the residual. Stems, their paint and everything below them stay.
    """
    old = state.splits[parent]
    whole = replace(
        old,
        recipe=recipe or old.recipe,
        estimates=estimates,
        owners=tuple(old.residual if origin is None else old.owners[origin] for origin in origins),
        locked=frozenset(part for part, origin in enumerate(origins) if origin in old.locked),
    )
    heard = below(state, [child.id for child in state.children(parent)])
    return Edit(name, {"splits": {parent: whole}}, Change(frozenset({"splits"}), heard))


def lock(state: State, parent: int, parts: Iterable[int], locked: bool, name: str) -> Edit:
    """Lock or unlock parts of a split against suggestions and keys."""
    split = state.splits[parent]
    kept = split.locked | set(parts) if locked else split.locked - set(parts)
    return Edit(
        name, {"splits": {parent: replace(split, locked=frozenset(kept))}}, Change(frozenset({"stems"}))
    )


def mask(state: State, parent: int, masking: Masking | None) -> Edit | None:
    """Make the masks of a split in another way, or as its algorithm left them (None); None when nothing would change.

    Numbers that are moved, such as the firmness, merge with the move before; a choice is a step each time.
    """
    split = state.splits[parent]
    changed = replace(split, own_masking=masking)
    if changed.masking == split.masking:
        return None
    choices = ("kind", "phase")
    moved = all(getattr(changed.masking, name) == getattr(split.masking, name) for name in choices)
    whose = "" if state.stems[parent].parent is None else f" of {state.stems[parent].name}"
    heard = below(state, {child.id for child in state.children(parent)})
    return Edit(
        f"Masks{whose}: {changed.masking.words}",
        {"splits": {parent: changed}},
        Change(frozenset({"masks"}), heard),
        f"masks.{parent}" if moved and masking is not None else "",
    )


def set_stem(state: State, stem: int, name: str, /, **fields: Any) -> Edit:
    """Change fields of a stem: name, colour, position, and those of its strip.

    What is moved (a fader, a pan pot, a band, a point of the envelope) merges with the move before; what is pressed or typed is a step each time.
    """
    look = {"name", "colour", "position"} & fields.keys()
    kinds = frozenset({"stems"} if look else {"mixer"})
    changed = replace(state.stems[stem], **fields)
    moved = fields.keys() <= MOVED
    merge = f"{stem}.{'.'.join(sorted(fields))}" if moved else ""
    return Edit(name, {"stems": {stem: changed}}, Change(kinds, frozenset({stem})), merge)


def split(
    project: Project,
    parent: int,
    recipe: Algorithm,
    estimates: Estimates,
    *,
    stems: Sequence[str] | None = None,
    owners: Sequence[int | None] | None = None,
    masking: Masking | None = None,
    probabilities: NDArray[np.float32] | None = None,
    name: str = "",
) -> Edit:
    """Take a stem apart: one child a name, and the residual.

    `stems` are the names of the children, and `owners` says for each part the number of its child in `stems`, or None
    for the residual; by default part n goes to child n, atoms of a family to its child, and all others to the
    residual. `masking` says how masks are made, if not as the recipe starts, and `probabilities` whose each
    part probably is: (parts, children), one column more where it may be the residual's. A split that is there already
    is replaced, with everything below it. The children begin with the strip and the place in the room that the light
    had before.
    """
    state = project.state
    gone = _removal(state, parent)
    if stems is None and owners is None:
        stems, owners = estimates.gathered()
    elif stems is None:
        stems = () if estimates.atoms else estimates.names
    elif owners is None:
        owners = [None] * len(estimates.names) if estimates.atoms else list(range(len(estimates.names)))
    assert owners is not None
    inside = parent != 0
    strip = in_common(state.leaves(parent), state.stems[parent])
    ids = [project.new_id() for _ in stems]
    residual = project.new_id()
    used = [stem.colour for stem in state.stems.values() if stem.id not in gone["stems"]]
    rows: Rows = {table: dict(values) for table, values in gone.items()}
    colours = fresh_colours(used, len(ids))
    taken: list[str] = []
    for position, (number, word, colour) in enumerate(zip(ids, stems, colours, strict=True)):
        taken.append(unique_name(state, word, gone["stems"], taken))
        rows["stems"][number] = Stem(number, taken[-1], colour, parent, float(position), **strip)
    rest = f"{state.stems[parent].name} residual" if inside else "residual"
    rows["stems"][residual] = Stem(residual, rest, RESIDUAL_COLOUR, parent, float(len(ids)), **strip)
    owned = tuple(residual if owner is None else ids[owner] for owner in owners)
    chances = None
    if probabilities is not None:
        chances = Chances(estimates, (*ids, residual)[: probabilities.shape[1]], probabilities)
    rows["splits"][parent] = Split(recipe, estimates, owned, residual, own_masking=masking, chances=chances)
    kinds = frozenset({"stems", "splits", "mixer"})
    return Edit(name or recipe.called, rows, Change(kinds, frozenset({parent, *ids, residual})))


def by_hand(project: Project, word: str) -> Edit:
    """Split the song into one empty stem and the residual, which has everything: to be painted by hand."""
    recipe = ByHand()
    nothing = recipe.run(project.state.mixture, Progress())
    return split(project, 0, recipe, nothing, stems=[word], name=f"Add stem {word}")


def join(state: State, parent: int, name: str = "") -> Edit:
    """Undo the split of a stem: it becomes a leaf again, with what its parts' strips have in common."""
    rows = _removal(state, parent)
    rows["stems"][parent] = replace(
        state.stems[parent], **in_common(state.leaves(parent), state.stems[parent])
    )
    stems = frozenset({parent, *rows["stems"]})
    word = name or f"Put {state.stems[parent].name} together again"
    return Edit(word, rows, Change(frozenset({"stems", "splits", "mixer", "paint"}), stems))


def add_stem(project: Project, parent: int, word: str, name: str = "") -> tuple[Edit, int]:
    """An empty stem beside the children of `parent`, to assign atoms to and paint into; the edit and its id."""
    state = project.state
    number = project.new_id()
    siblings = state.children(parent)
    position = (
        max((child.position for child in siblings if not state.is_residual(child.id)), default=-1.0) + 1
    )
    colour = fresh_colours([stem.colour for stem in state.stems.values()], 1)[0]
    strip = in_common(state.leaves(parent), state.stems[parent])
    stem = Stem(number, unique_name(state, word), colour, parent, position, **strip)
    edit = Edit(
        name or f"Add stem {stem.name}",
        {"stems": {number: stem}},
        Change(frozenset({"stems", "mixer"}), frozenset({number})),
    )
    return edit, number


def merge(state: State, stems: Sequence[int], name: str = "") -> Edit:
    """Merge siblings into the first of them: their parts, their strokes and their paint."""
    target, others = stems[0], stems[1:]
    words = " + ".join(state.stems[stem].name for stem in stems)
    return _poured(state, target, others, name or f"Merge {words}")


def delete(state: State, stem: int, name: str = "") -> Edit:
    """Delete a stem: its light goes to the residual beside it."""
    parent = state.stems[stem].parent
    assert parent is not None
    assert not state.is_residual(stem)
    return _poured(state, state.splits[parent].residual, [stem], name or f"Delete {state.stems[stem].name}")


def draw_melody(line: PitchLine, name: str) -> Edit:
    """Another melody on the sheet; it moves no light."""
    return Edit(name, {"melody": {0: line}}, Change(frozenset({"melody"})))


def regrid(state: State, grid: StftSettings, name: str = "") -> Edit:
    """Other STFT settings for paint and picture: every stroke is laid anew on the new grid."""
    blank = replace(state, grid=grid, paint={})
    paint: dict[int, TileMask] = {}
    for number in sorted(state.strokes):
        stroke = state.strokes[number]
        path = blank.path(stroke.stem)
        patch, amount = weights(stroke.stroke, grid, state.mixture.sample_rate, blank.frames)
        if path and not patch.empty and stroke.mode == "hard":
            paint.update(composited(blank, paint, patch, amount, path, stroke.erase))
    rows: Rows = {"grid": {0: grid}, "paint": {**dict.fromkeys(state.paint), **paint}}
    return Edit(
        name or f"Frames of {grid.fft} / {grid.hop}",
        rows,
        Change(frozenset({"grid", "paint"}), frozenset(state.paint)),
    )


def together(name: str, edits: Sequence[Edit]) -> Edit:
    """Several edits, made against the same state and touching different rows, as one step."""
    rows: Rows = {}
    change = edits[0].change
    for edit in edits:
        change = change.union(edit.change)
        for table, values in edit.rows.items():
            rows.setdefault(table, {}).update(values)
    return Edit(name, rows, change)


def fresh_colours(used: Sequence[str], count: int) -> list[str]:
    """Colours for new stems, those not in use first."""
    free = [colour for colour in COLOURS if colour not in used]
    return [(free + list(COLOURS) * (count // len(COLOURS) + 1))[place] for place in range(count)]


def unique_name(state: State, word: str, without: Iterable[int] = (), also: Iterable[str] = ()) -> str:
    """`word`, with a number behind it if a stem is called that already, or `also` holds it."""
    gone = set(without)
    taken = {stem.name for stem in state.stems.values() if stem.id not in gone} | set(also)
    names = chain([word], (f"{word} {number}" for number in count(2)))
    return next(name for name in names if name not in taken)


def _poured(state: State, target: int, others: Sequence[int], name: str) -> Edit:
    """Everything of some siblings poured into another: parts, splits below them gone, strokes, paint."""
    parent = state.stems[target].parent
    assert parent is not None
    rows: Rows = {"stems": {}, "splits": {}, "strokes": {}, "paint": {}}
    for stem in (target, *others):
        for table, values in _removal(state, stem).items():
            rows[table].update(values)
    whole = state.splits[parent]
    rows["splits"][parent] = replace(
        whole, owners=tuple(target if owner in others else owner for owner in whole.owners)
    )
    mask = state.paint.get(target, TileMask())
    for stem in others:
        rows["stems"][stem] = None
        if stem in state.paint:
            mask = mask.plus(state.paint[stem])
            rows["paint"][stem] = None
    if mask:
        rows["paint"][target] = mask
    if target in state.splits:
        rows["stems"][target] = replace(
            state.stems[target], **in_common(state.leaves(target), state.stems[target])
        )
    gone = {*others, *rows["stems"]}
    for number, stroke in state.strokes.items():
        if stroke.stem in gone or (stroke.stem in _all_below(state, target)):
            rows["strokes"][number] = replace(stroke, stem=target)
    kinds = frozenset({"stems", "splits", "mixer", "paint"})
    return Edit(name, rows, Change(kinds, below(state, {target, *others})))


def _removal(state: State, stem: int) -> Rows:
    """Rows that take away everything below a stem; strokes on it move up to it."""
    below = _all_below(state, stem)
    rows: Rows = {"stems": dict.fromkeys(below), "splits": {}, "strokes": {}, "paint": {}}
    for number in (stem, *below):
        if number in state.splits:
            rows["splits"][number] = None
    for number in below:
        if number in state.paint:
            rows["paint"][number] = None
    for number, stroke in state.strokes.items():
        if stroke.stem in below:
            rows["strokes"][number] = replace(stroke, stem=stem) if stem != 0 else None
    return rows


def _all_below(state: State, stem: int) -> list[int]:
    found: list[int] = []
    for child in state.children(stem):
        found += [child.id, *_all_below(state, child.id)]
    return found


def below(state: State, stems: Iterable[int]) -> frozenset[int]:
    """The stems and everything below them."""
    return frozenset(number for stem in stems for number in (stem, *_all_below(state, stem)))
