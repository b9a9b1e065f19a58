"""How good atoms labelled by a network's stems are, with stand-ins for the network: true stems made worse in known ways.

`python tests/benchmarks/study_labelling.py AUDIO_FOLDER [--songs NAME,…] [--settings FIELD=VALUE,…]`: for every song and
stand-in the gain in plain SDR over the mixture, mean over the stems, of the stand-in itself, of the atoms labelled by
it, and of the atoms that are given to the stems that come nearest to it (`by_references`). AUDIO_FOLDER as in
study_nmf_quality.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from standins import STANDINS
from study_nmf_quality import SONGS, sdr_plain, stems_of

from stemstudio.algorithms.labelling import by_references, by_stems
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.progress import Progress


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--songs", default=",".join(SONGS))
    parser.add_argument("--settings", default="components=64,stereo=panned,firmness=1.5")
    asked = parser.parse_args()
    settings = dict(pair.split("=") for pair in asked.settings.split(",") if pair)
    for name in asked.songs.split(","):
        mix, stems = stems_of(asked.audio / "stems" / SONGS[name])
        found = NMF.from_settings(settings).run(mix, Progress())
        before = np.array([sdr_plain(stem, mix.samples) for stem in stems.values()])

        def gain(waves, stems=stems, before=before) -> float:
            after = [sdr_plain(stem, wave) for stem, wave in zip(stems.values(), waves, strict=True)]
            return float(np.mean(after - before))

        for word, made in STANDINS.items():
            given = made(stems, mix)
            labels = by_stems(found, mix, given)
            near = by_references(found, mix, given)
            own = [labels.names[owner] if owner is not None else None for owner in labels.owners]
            tried = []
            for owners in (own, near):
                groups = [[atom for atom, owner in enumerate(owners) if owner == stem] for stem in stems]
                tried.append(gain(found.render(mix, groups, 0, mix.length)))
            itself = gain([sound.samples for sound in given.values()])
            print(
                f"{name:9s} {word:8s} itself {itself:6.2f}  labelled {tried[0]:6.2f}  nearest {tried[1]:6.2f} dB",
                flush=True,
            )


if __name__ == "__main__":
    main()
