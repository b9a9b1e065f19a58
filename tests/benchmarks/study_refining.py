"""What refining stems is worth: by the places of the stems, and by atoms that are learned from them.

`python tests/benchmarks/study_refining.py AUDIO_FOLDER [--songs NAME,…] [--model NAME]`: for every song the gain in plain
SDR over the mixture, mean over the stems, of the stems themselves, of one and two rounds of the filter, and of atoms
seeded by them, their spectra fixed and updated. The stems are stand-ins, true stems made worse in known ways, and with
--model those of a network that is on this machine and knows the stems of the song. AUDIO_FOLDER as in
study_nmf_quality.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from standins import STANDINS
from study_nmf_quality import SONGS, sdr_plain, stems_of

from stemstudio.algorithms.estimates import Waveforms
from stemstudio.algorithms.neural.by_name import recipe_named
from stemstudio.algorithms.neural.places import placed
from stemstudio.algorithms.nmf.recipe import NMF
from stemstudio.algorithms.nmf.seeding import seeded
from stemstudio.audio.audio import Audio
from stemstudio.progress import Progress


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--songs", default=",".join(SONGS))
    parser.add_argument("--model", default="")
    asked = parser.parse_args()
    made: dict[str, Callable[..., dict[str, Audio]]] = dict(STANDINS)
    if asked.model:
        made = {asked.model: lambda stems, mix: by_model(asked.model, list(stems), mix)}
    for name in asked.songs.split(","):
        mix, stems = stems_of(asked.audio / "stems" / SONGS[name])
        for word, make in made.items():
            given = make(stems, mix)
            known = {stem: sound for stem, sound in stems.items() if stem in given}
            if not known:
                continue

            def gain(waves: dict[str, np.ndarray], known=known, mix=mix) -> float:
                return float(
                    np.mean(
                        [
                            sdr_plain(sound, waves[stem]) - sdr_plain(sound, mix.samples)
                            for stem, sound in known.items()
                        ]
                    )
                )

            told = [f"itself {gain({stem: sound.samples for stem, sound in given.items()}):6.2f}"]
            waves = Waveforms(list(given), np.stack([sound.samples for sound in given.values()]))
            for rounds in (1, 2):
                found = placed(mix, waves, rounds, Progress())
                told.append(f"places {rounds}: {gain(dict(zip(found.names, found.waves, strict=True))):6.2f}")
            for hold in (True, False):
                atoms = seeded(NMF(hold_templates=hold), mix, given, Progress())
                groups = [
                    [atom for atom, family in enumerate(atoms.families or ()) if family == stem]
                    for stem in given
                ]
                sounds = atoms.render(mix, groups, 0, mix.length)
                told.append(
                    f"atoms {'held' if hold else 'free'} {gain(dict(zip(given, sounds, strict=True))):6.2f}"
                )
            print(f"{name:9s} {word:9s} {len(known)} stems  " + "  ".join(told), flush=True)


def by_model(name: str, wanted: list[str], mix: Audio) -> dict[str, Audio]:
    """The stems of a network."""
    found = recipe_named(name).run(mix, Progress())
    return {
        part: Audio(wave, mix.sample_rate)
        for part, wave in zip(found.names, found.waves, strict=True)
        if part in wanted or len(found.names) > 1
    }


if __name__ == "__main__":
    main()
