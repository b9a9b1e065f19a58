"""How a band spread over loudspeakers folds down to stereo: the table of every preset, free and fold-safe.

`python tests/benchmarks/study_folddown.py AUDIO_FOLDER [--song funk] [--layout 5.1] [--presets stage,band]`: for each stem
the level (RMS) in the stereo mix and in the ITU-R BS.775 fold-down, by how much it is louder, the octave that differs
most, and the null, all in dB. AUDIO_FOLDER holds `stems/` with a folder a song: `mix.flac` and its stems.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from study_nmf_quality import SONGS, stems_of

from stemstudio.algorithms.by_hand import ByHand
from stemstudio.algorithms.estimates import Waveforms
from stemstudio.mixing.arrangements import ARRANGEMENTS, arrangement_named
from stemstudio.mixing.layouts import LAYOUTS
from stemstudio.mixing.surround import fold_table
from stemstudio.project import edits
from stemstudio.project.placing import put_in_places, set_room
from stemstudio.project.project import Project, SongReference
from stemstudio.spectral.stft import StftSettings


def band(folder: Path) -> Project:
    """A project with the true stems of a song."""
    mix, stems = stems_of(folder)
    project = Project(mix, SongReference(str(folder), "", folder.name), StftSettings())
    waves = np.stack([np.broadcast_to(stem.samples, mix.samples.shape) for stem in stems.values()])
    edits.split(project, 0, ByHand(), Waveforms(list(stems), waves), stems=list(stems)).do(project)
    return project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--song", default="funk", choices=list(SONGS))
    parser.add_argument("--layout", default="5.1", choices=list(LAYOUTS))
    parser.add_argument("--presets", default=",".join(each.name for each in ARRANGEMENTS))
    chosen = parser.parse_args()
    project = band(chosen.audio / "stems" / SONGS[chosen.song])
    for word in chosen.presets.split(","):
        for fold_safe in (False, True):
            for edit in (
                set_room(project.state, "Room", layout=chosen.layout, fold_safe=fold_safe),
                put_in_places(project.state, arrangement_named(word).of(project.state), word),
            ):
                if edit is not None:
                    edit.do(project)
            began = time.perf_counter()
            rows = fold_table(project.state)
            took = time.perf_counter() - began
            seconds = project.state.mixture.length / project.state.mixture.sample_rate
            print(
                f"\n{word}, {chosen.layout}, {'fold-safe' if fold_safe else 'free'}: {took:.1f} s for {seconds:.0f} s"
            )
            print(f"{'':14}{'stereo':>9}{'fold':>9}{'louder':>9}{'octave':>9}{'null':>9}")
            for row in rows:
                numbers = (row.stereo_db, row.fold_db, row.level_db, row.spectrum_db, row.null_db)
                print(f"{row.name:14}" + "".join(f"{number:9.1f}" for number in numbers))


if __name__ == "__main__":
    main()
