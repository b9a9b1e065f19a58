"""What a few hint strokes are worth, beside the same strokes as hard paint.

`python tests/benchmarks/study_hints.py AUDIO_FOLDER [--songs NAME,…] [--atoms N] [--strokes N] [--targets N] [--from atoms|stems|sketch|hpss]`
plays a musician: the song is split into atoms, which are gathered into as many stems as it has by timbre; the worst stem
is chosen, and strokes of 0.3 s × ½ octave are laid where the true stem has nearly all the light and the split gives it least.
Prints the plain SDR in dB of every stem before, with the strokes as hard paint, and refined from them as hints; and how far
each stem moved: 10 log₁₀ |s|² / |s − s'|², so that more means less. `--from` begins with stems that are not made of atoms:
stems, the waves of 64 other atoms, sorted by the true stems; sketch, those of the small model that comes along, true stems
that it does not know being “other”; hpss, drums and the rest.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from study_nmf_quality import SONGS, sdr_plain, stems_of

from stemstudio.algorithms.alike import by_likeness
from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.hpss import HPSS
from stemstudio.algorithms.labelling import by_references
from stemstudio.algorithms.neural.by_name import recipe_named
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress
from stemstudio.project import edits
from stemstudio.project.project import PaintStroke, Project, SongReference, State
from stemstudio.project.refining import refine, refined
from stemstudio.project.rendering import render
from stemstudio.project.showing import levels
from stemstudio.spectral.brushes import BrushStroke
from stemstudio.spectral.stft import StftSettings, forward

SECONDS, OCTAVES = 0.3, 0.5
PURE = 0.8  # of the light under a stroke that is the true stem's
LOW, HIGH = 60.0, 12_000.0  # Hz


def split_project(
    mix: Audio, stems: dict[str, Audio], atoms: int, begun: str
) -> tuple[Project, dict[str, Audio]]:
    """The song as it is before anybody paints, and the true stems that it was split into."""
    project = Project(mix, SongReference("", "", "study"), StftSettings())
    if begun in ("sketch", "hpss"):
        recipe = recipe_named("sketch") if begun == "sketch" else HPSS()
        found = recipe.run(mix, Progress())
        known = {"percussive": "drums", "harmonic": "other"}
        parts = [known.get(part, part) for part in found.names]
        true: dict[str, Audio] = {}
        for name, sound in stems.items():
            word = name if name in parts else "other"
            before = true[word].samples if word in true else np.float32(0)
            true[word] = Audio(before + sound.samples, mix.sample_rate)
        names = list(true)
        groups = [
            [number for number, part in enumerate(parts) if (part if part in true else "other") == name]
            for name in names
        ]
        waves = found.render(mix, groups, 0, mix.length)
        edits.split(project, 0, ByHand(), Waveforms(names, waves)).do(project)
        return project, true
    names = list(stems)
    if begun == "stems":
        found = NMF(components=64, seed=1).run(mix, Progress())
        owned = by_references(found, mix, stems)
        groups = [[atom for atom, owner in enumerate(owned) if owner == name] for name in names]
        waves = found.render(mix, groups, 0, mix.length)
        edits.split(project, 0, ByHand(), Waveforms(names, waves)).do(project)
        return project, stems
    recipe = NMF(components=atoms)
    found = recipe.run(mix, Progress())
    owners = by_likeness(found, len(names), mix.sample_rate).owners
    groups = [[atom for atom, owner in enumerate(owners) if owner == n] for n in range(len(names))]
    waves = found.render(mix, groups, 0, mix.length)
    table = np.array([[sdr_plain(stems[name], wave) for wave in waves] for name in names])
    best = max(
        itertools.permutations(range(len(names))),
        key=lambda order: table[range(len(names)), list(order)].sum(),
    )
    stem_of = {cluster: place for place, cluster in enumerate(best)}
    owned = [stem_of[owner] for owner in owners]
    edits.split(project, 0, recipe, found, stems=names, owners=owned).do(project)
    return project, stems


def strokes_for(state: State, stem: int, name: str, stems: dict[str, Audio], count: int) -> list[BrushStroke]:
    """Where a musician who hears the true stem would paint: pure, and loud, and not in its stem yet."""
    grid, rate = state.grid, state.mixture.sample_rate
    power = {key: np.square(np.abs(forward(audio, grid).values)).mean(axis=0) for key, audio in stems.items()}
    whole = np.maximum(sum(power.values()), 1e-20)
    part, mixed = levels(state, [stem, 0], 0, state.frames)
    missed = power[name] * (1 - np.minimum(part / np.maximum(mixed, 1e-12), 1))
    wide = max(1, round(SECONDS * rate / grid.hop))

    def boxes(sheet: np.ndarray, low: int, high: int) -> np.ndarray:
        sums = np.concatenate([[0.0], np.cumsum(sheet[low:high].sum(axis=0, dtype=np.float64))])
        return sums[wide:] - sums[:-wide]

    found = []
    for step in range(int(np.log2(HIGH / LOW) / (OCTAVES / 2))):
        hertz = LOW * 2 ** (step * OCTAVES / 2)
        low, high = int(hertz * grid.fft / rate), int(np.ceil(hertz * 2**OCTAVES * grid.fft / rate)) + 1
        pure = boxes(power[name], low, high) >= PURE * boxes(whole, low, high)
        gains = boxes(missed, low, high)
        found += [(gains[frame], frame, hertz) for frame in np.flatnonzero(pure)]
    chosen: list[tuple[int, float]] = []
    for _, frame, hertz in sorted(found, reverse=True):
        apart = rate / grid.hop
        if all(
            abs(frame - other) > apart or abs(np.log2(hertz / pitch)) >= OCTAVES for other, pitch in chosen
        ):
            chosen.append((int(frame), float(hertz)))
        if len(chosen) == count:
            break
    strokes = []
    for frame, hertz in chosen:
        start, stop = frame * grid.hop / rate, (frame + wide) * grid.hop / rate
        middle, half = hertz * 2 ** (OCTAVES / 2), 0.25 * SECONDS
        points = ((start + half, middle), (max(start + half, stop - half), middle))
        strokes.append(BrushStroke(points=points, width=2 * half, height=OCTAVES, hardness=0.9, strength=1.0))
    return strokes


def painted(project: Project, stem: int, strokes: list[BrushStroke], mode: str) -> None:
    for stroke in strokes:
        edit = edits.paint(project.state, project.new_id(), PaintStroke(stem, False, stroke, mode), "Stroke")
        if edit is not None:
            edit.do(project)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--songs", default=",".join(SONGS))
    parser.add_argument("--atoms", type=int, default=48)
    parser.add_argument("--strokes", type=int, default=5)
    parser.add_argument("--targets", type=int, default=2)
    parser.add_argument("--from", dest="begun", choices=("atoms", "stems", "sketch", "hpss"), default="atoms")
    asked = parser.parse_args()
    gains: dict[str, list[float]] = {"hard": [], "hints": []}
    others: dict[str, list[float]] = {"hard": [], "hints": []}
    for song in asked.songs.split(","):
        mix, stems = stems_of(asked.audio / "stems" / SONGS[song])
        project, stems = split_project(mix, stems, asked.atoms, asked.begun)
        state = project.state
        ids = {stem.name: stem.id for stem in state.stems.values()}

        def sounds(
            project: Project, ids: dict[str, int] = ids, names: tuple[str, ...] = tuple(stems)
        ) -> dict:
            made = render(project.state, [ids[name] for name in names], 0, project.state.mixture.length)
            return {name: made[ids[name]].astype(np.float64) for name in names}

        before = sounds(project)
        scores = {name: sdr_plain(stems[name], before[name]) for name in stems}
        print(f"{song}: before  " + "  ".join(f"{name} {score:5.2f}" for name, score in scores.items()))
        for name in sorted(scores, key=scores.__getitem__)[: asked.targets]:
            strokes = strokes_for(state, ids[name], name, stems, asked.strokes)
            for way in ("hard", "hints"):
                project.put({"splits": state.splits, "paint": dict.fromkeys(project.state.paint)}, _nothing())
                project.put({"strokes": dict.fromkeys(project.state.strokes)}, _nothing())
                painted(project, ids[name], strokes, "hard" if way == "hard" else "hint")
                begun = time.perf_counter()
                if way == "hints":
                    edit = refined(project.state, refine(project.state))
                    assert edit is not None
                    edit.do(project)
                seconds = time.perf_counter() - begun
                after = sounds(project)
                new = {each: sdr_plain(stems[each], after[each]) for each in stems}
                gains[way].append(new[name] - scores[name])
                others[way].append(min(new[each] - scores[each] for each in stems if each != name))
                moved = {
                    each: 10
                    * np.log10(
                        (before[each] ** 2).sum() / max(((after[each] - before[each]) ** 2).sum(), 1e-12)
                    )
                    for each in stems
                }
                print(
                    f"  {len(strokes)} strokes for {name:7s} {way:5s} {seconds:4.1f} s  "
                    + "  ".join(
                        f"{each} {new[each]:5.2f} ({new[each] - scores[each]:+.2f}, moved {moved[each]:.0f} dB)"
                        for each in stems
                    ),
                    flush=True,
                )
    for way, values in gains.items():
        print(
            f"{way}: the painted stem gains {np.mean(values):.2f} dB on average, {min(values):.2f} at worst; "
            f"no other loses more than {-min(0.0, *others[way]):.2f} dB"
        )


def _nothing() -> edits.Change:
    return edits.Change(frozenset({"splits"}))


if __name__ == "__main__":
    main()
