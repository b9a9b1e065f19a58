"""How many free atoms stand best beside taught sounds: what the template library's *Free atoms for the rest* takes.

`python tests/benchmarks/study_free_atoms.py AUDIO_FOLDER [--free N,…]`: plain SDR in dB of every taught stem. In songs, a
stem is taught by eight seconds of the true one, alone and beside others; in drum loops, kick and snare by one hit each.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from study_nmf_quality import sdr_plain
from study_supervised import read

from stemstudio.algorithms.nmf.learning import Example, learn_templates
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.template_files import write_template
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress

SONGS = {
    "everythingisfree/lithium": ("drums,bass", "drums", "bass"),
    "everythingisfree/sodium_a": ("drums,bass", "drums"),
    "everythingisfree/francium": ("vocals,drums", "vocals"),
    "funk/excerpt_24s_44s": ("drums,bass,horns", "bass", "horns"),
}
TAUGHT = Example(6.0, 14.0)
HIT = 0.3  # seconds


def first_hit(stem: Audio) -> Example:
    """Where a drum is struck for the first time."""
    loud = np.abs(stem.samples).max(axis=0)
    start = max(0.0, float(np.argmax(loud > 0.3 * loud.max())) / stem.sample_rate - 0.01)
    return Example(start, start + HIT)


def scores(mix: Audio, true: Sequence[Audio], taught: Sequence[Example], free: int) -> list[float]:
    """SDR of each stem that was taught."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, (stem, example) in enumerate(zip(true, taught, strict=True)):
            learned = learn_templates(stem, f"taught {number}", example=example)
            paths.append(str(write_template(Path(folder) / str(number), learned)))
        found = NMF(templates=",".join(paths), hold_templates=True, free=free).run(mix, Progress())
    _, owners = found.gathered()
    groups = [[atom for atom, owner in enumerate(owners) if owner == stem] for stem in range(len(true))]
    waves = found.render(mix, groups, 0, mix.length)
    return [sdr_plain(stem, wave) for stem, wave in zip(true, waves, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--free", default="8,16,32")
    asked = parser.parse_args()
    stems = asked.folder / "stems"
    rows: list[tuple[str, Audio, list[Audio], list[Example]]] = []
    for loop in ("808", "Funky"):
        start = stems / "drums" / f"runningExample_{loop}"
        drums = [read(start.with_name(f"{start.name}{drum}.wav")) for drum in ("Kick", "Snare")]
        mix = read(start.with_name(f"{start.name}Mixture.wav"))
        shortest = min(mix.length, *(drum.length for drum in drums))
        mix, *drums = (Audio(each.samples[:, :shortest].copy(), each.sample_rate) for each in (mix, *drums))
        rows.append((f"{loop} Kick,Snare", mix, drums, [first_hit(drum) for drum in drums]))
    for song, sets in SONGS.items():
        for words in sets:
            true = [read(stems / song / f"{name}.flac") for name in words.split(",")]
            mix = read(stems / song / "mix.flac")
            rows.append((f"{Path(song).parts[-1]} {words}", mix, true, [TAUGHT] * len(true)))
    for words, mix, true, taught in rows:
        for free in map(int, asked.free.split(",")):
            found = " · ".join(f"{score:.1f}" for score in scores(mix, true, taught, free))
            print(f"{words:36s} {free:3d} free  {found}", flush=True)


if __name__ == "__main__":
    main()
