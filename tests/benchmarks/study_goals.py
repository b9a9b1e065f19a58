"""Whether each goal takes the best of the recipes that need no network: a table for everything a song may be asked for.

`python tests/benchmarks/study_goals.py AUDIO_FOLDER [--songs NAME,…]`: for drums, a voice, a bass and the rest beside
them, the plain SDR in dB of the stem that is meant for it or comes nearest, for every separator without a network as it
is delivered and for the recipe of every goal: song by song, the mean, and its gain over the mixture, as Markdown, the
best first; then the gains in one table. Silence is at 0 dB, and its gain is printed beside. What a recipe leaves of the song
without the stem, as the band without its drums, is wrong by the same sound, and so has the same best. Atoms are gathered
into four stems by Suggest: taken is the one that it calls Drums and its lowest, or whichever fits best. By hand, each
atom goes where the truth says, which is a ceiling. AUDIO_FOLDER holds `stems/` with a folder a song, as study_nmf_quality
says; the demo song comes with the program, and its lead stands for a voice.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from study_nmf_quality import SONGS, sdr_plain, stems_of

from stemstudio.algorithms import algorithm
from stemstudio.algorithms.alike import by_likeness
from stemstudio.algorithms.labelling import by_references
from stemstudio.audio.audio import Audio
from stemstudio.gui.views.goals import GOALS
from stemstudio.progress import Progress

DEMO = Path(__file__).parents[2] / "resources" / "demo"
AIMS = {
    "drums": ("drums",),
    "voice": ("vocals", "lead"),
    "bass": ("bass",),
}  # all other true stems are the rest
REST = "rest"
GATHERED = 4  # stems that Suggest makes of the atoms
ANY = "whichever fits best"
TRUTH = "as the truth says"
LOWEST = "the lowest"  # of Suggest's stems, which stand from low to high
MIXTURE, MINUS = "the song itself", "−"


@dataclass(frozen=True)
class Row:
    """A recipe, and what of it is meant to be each aim; parts in one string, apart by spaces, are added."""

    words: str
    name: str
    parts: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)


def goals() -> list[Row]:
    """The goals' own recipes that need no network."""
    parts = {
        "Drums apart from the rest": {"drums": "percussive"},
        "A voice, without a download": {"voice": "changing"},
        "By hand, from atoms": dict.fromkeys((*AIMS, REST), TRUTH),
    }
    return [
        Row(f"goal “{goal.title}”", goal.name, parts[goal.title], goal.settings)
        for goal in GOALS
        if ".neural." not in type(goal.recipe).__module__
    ]


ROWS = (
    Row("`hpss`", "hpss", {"drums": "percussive", "bass": "harmonic", "rest": "harmonic"}),
    Row("`hpss2`", "hpss2", {"drums": "drums", "voice": "voice", "bass": "sustained", "rest": "sustained"}),
    Row("`repet`", "repet", {"drums": "repeating", "bass": "repeating", "voice": "changing", "rest": "changing"}),
    Row("`rpca`", "rpca", {"drums": "voice", "voice": "voice", "bass": "background", "rest": "background"}),
    Row("`stereo`", "stereo", {"drums": "inside", "voice": "inside", "bass": "inside", "rest": "outside"}),
    Row("`ambience`", "ambience", {"drums": "direct", "voice": "direct", "bass": "direct", "rest": "ambience"}),
    Row("`melody`", "melody", {"voice": "melody", "bass": "melody"}),
    Row("`nmf`, Suggest by name", "nmf", {"drums": "Drums", "bass": LOWEST}),
    Row("`nmf`, best of Suggest’s stems", "nmf", dict.fromkeys((*AIMS, REST), ANY)),
)  # fmt: skip


def song(folder: Path) -> tuple[Audio, dict[str, Audio]]:
    """The mixture and what of it is each aim."""
    if folder == DEMO:
        samples, rate = soundfile.read(DEMO / "demo.flac", dtype="float32", always_2d=True)
        mix = Audio(np.ascontiguousarray(samples.T), rate)
        stems = {
            path.stem: Audio(np.ascontiguousarray(soundfile.read(path, dtype="float32")[0].T), rate)
            for path in sorted((DEMO / "stems").glob("*.flac"))
        }
    else:
        mix, stems = stems_of(folder)
    truth = {aim: stems[name] for aim, names in AIMS.items() for name in names if name in stems}
    truth[REST] = Audio(mix.samples - sum(each.samples for each in truth.values()), mix.sample_rate)
    return mix, truth


def scored(row: Row, found: Any, mix: Audio, truth: Mapping[str, Audio]) -> dict[str, float]:
    """Plain SDR of what a recipe makes for every aim that it has and the song has."""
    wanted = {aim: part for aim, part in row.parts.items() if aim in truth}
    if row.name == "nmf":
        if TRUTH in row.parts.values():
            owners = by_references(found, mix, truth)
            names = {aim: aim for aim in truth}
            waves = _gathered(found, mix, owners, list(truth))
        else:
            labels = by_likeness(found, GATHERED, mix.sample_rate)
            waves = _gathered(found, mix, [labels.names[owner] for owner in labels.owners], labels.names)
            names = {aim: labels.names[0] if part == LOWEST else part for aim, part in wanted.items()}
    else:
        whole = found.render(mix, [[part] for part in range(len(found.names))], 0, mix.length)
        waves, names = dict(zip(found.names, whole, strict=True)), wanted
    scores = {}
    for aim in wanted:
        chosen = list(waves) if names[aim] == ANY else [names[aim]]
        silence = np.zeros_like(mix.samples)  # where Suggest finds nothing of the name
        scores[aim] = max(sdr_plain(truth[aim], waves.get(name, silence)) for name in chosen)
    return scores


def _gathered(found: Any, mix: Audio, owners: list[str | None], names: Any) -> dict[str, np.ndarray]:
    groups = [[atom for atom, owner in enumerate(owners) if owner == name] for name in names]
    return dict(zip(names, found.render(mix, groups, 0, mix.length), strict=True))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--songs", default=",".join([*SONGS, "demo"]))
    asked = parser.parse_args()
    rows = [*goals(), *ROWS]
    reached: dict[str, dict[str, dict[str, float]]] = {}  # by aim, words and song
    for name in asked.songs.split(","):
        mix, truth = song(DEMO if name == "demo" else asked.audio / "stems" / SONGS[name])
        for aim, true in truth.items():
            words = reached.setdefault(aim, {})
            words.setdefault(MIXTURE, {})[name] = sdr_plain(true, mix.samples)
            words.setdefault("silence", {})[name] = 0.0
        runs: dict[Any, Any] = {}
        for row in rows:
            recipe = algorithm(row.name).from_settings(row.settings)
            if recipe not in runs:
                runs[recipe] = recipe.run(mix, Progress())
            for aim, score in scored(row, runs[recipe], mix, truth).items():
                reached[aim].setdefault(row.words, {})[name] = score
    for aim, table in reached.items():
        _print(aim, table)
    print(f"\n| gain over the mixture, dB | {' | '.join(reached)} |\n|---{'|---' * len(reached)}|")
    for words in ["silence", *(row.words for row in rows)]:
        gains = [f"{_gain(table, words):+.1f}" if words in table else "" for table in reached.values()]
        print(f"| {words} | {' | '.join(gains).replace('-', MINUS)} |")


def _gain(table: Mapping[str, Mapping[str, float]], words: str) -> float:
    return float(np.mean([score - table[MIXTURE][name] for name, score in table[words].items()]))


def _print(aim: str, table: Mapping[str, Mapping[str, float]]) -> None:
    songs = list(table[MIXTURE])
    print(f"\n| {aim}, dB | {' | '.join(songs)} | mean | gain |\n|---{'|---' * (len(songs) + 2)}|")
    for words in sorted(table, key=lambda words: -_gain(table, words)):
        scores = [table[words][name] for name in songs]
        cells = " | ".join(f"{score:.1f}" for score in [*scores, np.mean(scores)])
        print(f"| {words} | {cells} | {_gain(table, words):+.1f} |".replace(" -", f" {MINUS}"))


if __name__ == "__main__":
    main()
