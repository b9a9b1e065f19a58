"""Which recipe takes drums, or a voice, apart from the rest best: the tables that goals' defaults are named from.

`python tests/benchmarks/study_drums.py AUDIO_FOLDER [--goal drums|vocals] [--songs NAME,…] [--recipes WORD,…]`: plain SDR
in dB of the wanted part and of the rest, for each song that has it and each recipe, and their means. AUDIO_FOLDER holds
`stems/` with a folder a song: `mix.flac` and its stems, and `score/vocadito` with a singer who is put over the bands
that have none. “True assignment” gives each atom to the side that the truth says, which is a ceiling; “suggested” takes
what Suggest calls Drums, of four stems. What any recipe leaves over counts as the rest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from study_nmf_quality import SONGS, sdr_plain, stems_of

from stemstudio.algorithms import algorithm
from stemstudio.algorithms.alike import by_likeness
from stemstudio.algorithms.labelling import by_references
from stemstudio.audio.audio import Audio
from stemstudio.audio.reading import read_song
from stemstudio.progress import Progress

# Words, algorithm, parts that are wanted (of atoms: None as the truth says, or what the suggestion goes by), settings.
Row = tuple[str, str, tuple[str, ...] | str | None, Mapping[str, Any]]
STEMS = 4  # that atoms are gathered into where the suggestion decides which are the drums
DRUMS: tuple[Row, ...] = (
    ("HPSS", "hpss", ("percussive",), {}),
    ("HPSS binary", "hpss", ("percussive",), {"mask": "binary"}),
    ("HPSS power 1", "hpss", ("percussive",), {"power": 1.0}),
    ("HPSS margin 1.5", "hpss", ("percussive",), {"margin": 1.5}),
    ("HPSS margin 2", "hpss", ("percussive",), {"margin": 2.0}),
    ("HPSS margin 3", "hpss", ("percussive",), {"margin": 3.0}),
    ("HPSS 0.2 s", "hpss", ("percussive",), {"harmonic_length": 0.2}),
    ("HPSS 0.8 s", "hpss", ("percussive",), {"harmonic_length": 0.8}),
    ("HPSS 0.1 s", "hpss", ("percussive",), {"harmonic_length": 0.1}),
    ("HPSS 0.15 s", "hpss", ("percussive",), {"harmonic_length": 0.15}),
    ("HPSS 0.15 s, power 1", "hpss", ("percussive",), {"harmonic_length": 0.15, "power": 1.0}),
    ("HPSS 0.15 s, margin 1.5", "hpss", ("percussive",), {"harmonic_length": 0.15, "margin": 1.5}),
    ("HPSS 0.2 s, margin 2", "hpss", ("percussive",), {"harmonic_length": 0.2, "margin": 2.0}),
    ("HPSS 0.2 s, 90 Hz", "hpss", ("percussive",), {"harmonic_length": 0.2, "percussive_length": 90.0}),
    ("HPSS 0.2 s, 360 Hz", "hpss", ("percussive",), {"harmonic_length": 0.2, "percussive_length": 360.0}),
    ("HPSS 0.2 s, fft 8192", "hpss", ("percussive",), {"harmonic_length": 0.2, "fft": 8192, "hop": 1024}),
    ("HPSS 0.2 s, hop 512", "hpss", ("percussive",), {"harmonic_length": 0.2, "hop": 512}),
    ("HPSS 0.15 s, fft 8192", "hpss", ("percussive",), {"harmonic_length": 0.15, "fft": 8192, "hop": 1024}),
    (
        "HPSS 0.15 s, fft 8192, margin 1.5",
        "hpss",
        ("percussive",),
        {"harmonic_length": 0.15, "fft": 8192, "hop": 1024, "margin": 1.5},
    ),
    ("HPSS 90 Hz", "hpss", ("percussive",), {"percussive_length": 90.0}),
    ("HPSS 500 Hz", "hpss", ("percussive",), {"percussive_length": 500.0}),
    ("HPSS 1000 Hz", "hpss", ("percussive",), {"percussive_length": 1000.0}),
    ("HPSS fft 2048", "hpss", ("percussive",), {"fft": 2048, "hop": 512}),
    ("HPSS fft 1024", "hpss", ("percussive",), {"fft": 1024, "hop": 256}),
    (
        "HPSS fft 2048, 500 Hz, margin 1.5",
        "hpss",
        ("percussive",),
        {"fft": 2048, "hop": 512, "percussive_length": 500.0, "margin": 1.5},
    ),
    (
        "HPSS 500 Hz, margin 2",
        "hpss",
        ("percussive",),
        {"percussive_length": 500.0, "margin": 2.0},
    ),
    ("two-stage", "hpss2", ("drums",), {}),
    ("two-stage, voice 0.05 s", "hpss2", ("drums",), {"voice_length": 0.05}),
    ("two-stage, voice 0.2 s", "hpss2", ("drums",), {"voice_length": 0.2}),
    ("two-stage, slice 0.1 s", "hpss2", ("drums",), {"long_slice": 0.1, "sustained_length": 0.4}),
    ("REPET-SIM", "repet", ("repeating",), {}),
    ("RPCA", "rpca", ("voice",), {}),
    ("RPCA 2", "rpca", ("voice",), {"strictness": 2.0}),
    ("NMF 32, suggested by timbre", "nmf", "timbre", {"components": 32}),
    ("NMF 64, suggested by timbre", "nmf", "timbre", {"components": 64}),
    ("NMF 32, suggested by rhythm", "nmf", "rhythm", {"components": 32}),
    ("NMF 16, true assignment", "nmf", None, {"components": 16}),
    ("NMF 32, true assignment", "nmf", None, {"components": 32}),
    ("NMF 64, true assignment", "nmf", None, {"components": 64}),
)
VOICE: tuple[Row, ...] = (
    ("melody", "melody", ("melody",), {}),
    ("melody, 80 cents", "melody", ("melody",), {"width": 80.0}),
    ("melody, 20 partials", "melody", ("melody",), {"partials": 20}),
    ("RPCA", "rpca", ("voice",), {}),
    ("RPCA 0.7", "rpca", ("voice",), {"strictness": 0.7}),
    ("RPCA 1.5", "rpca", ("voice",), {"strictness": 1.5}),
    ("RPCA 2", "rpca", ("voice",), {"strictness": 2.0}),
    ("RPCA 2, fft 4096", "rpca", ("voice",), {"strictness": 2.0, "fft": 4096, "hop": 1024}),
    ("RPCA firmness 1", "rpca", ("voice",), {"firmness": 1.0}),
    ("REPET-SIM", "repet", ("changing",), {}),
    ("REPET-SIM, firmness 2", "repet", ("changing",), {"firmness": 2.0}),
    ("REPET-SIM, firmness 4", "repet", ("changing",), {"firmness": 4.0}),
    ("REPET-SIM, firmness 2, from 200 Hz", "repet", ("changing",), {"firmness": 2.0, "high_pass": 200.0}),
    ("REPET-SIM, 20 repeats", "repet", ("changing",), {"repeats": 20}),
    ("centre", "stereo", ("inside",), {}),
    ("centre, from 150 Hz", "stereo", ("inside",), {"lowest": 150.0}),
    ("centre, narrow, from 150 Hz", "stereo", ("inside",), {"lowest": 150.0, "width": 0.1}),
    ("centre, 200 Hz to 8 kHz", "stereo", ("inside",), {"lowest": 200.0, "highest": 8000.0}),
    ("two-stage", "hpss2", ("voice",), {}),
    ("two-stage, power 1", "hpss2", ("voice",), {"power": 1.0}),
    ("two-stage, slice 0.4 s", "hpss2", ("voice",), {"long_slice": 0.4}),
    ("two-stage, voice 0.2 s", "hpss2", ("voice",), {"voice_length": 0.2}),
    ("NMF 64, true assignment", "nmf", None, {"components": 64}),
)
GOALS = {"drums": DRUMS, "vocals": VOICE}


def songs_with(part: str, audio: Path, names: list[str]) -> dict[str, tuple[Audio, Audio]]:
    """Mixture and wanted part of the songs that have it; for a voice also a singer over two bands that have none."""
    whole = {name: stems_of(audio / "stems" / SONGS[name]) for name in names}
    found = {name: (mix, stems[part]) for name, (mix, stems) in whole.items() if part in stems}
    singer = audio / "score/vocadito/vocadito_1.wav"
    if part == "vocals" and singer.exists():
        for name, (band, stems) in whole.items():
            if part not in stems:
                found[f"singer+{name}"] = _sung_over(band, read_song(singer))
    return found


def _sung_over(band: Audio, singer: Audio) -> tuple[Audio, Audio]:
    """A song of a band and a singer in the middle, 3 dB below the band; and the singer."""
    from scipy.signal import resample_poly

    voice = singer.samples.mean(axis=0)
    if singer.sample_rate != band.sample_rate:
        voice = resample_poly(voice, band.sample_rate, singer.sample_rate)
    voice = np.resize(voice[: band.length], band.length)
    voice = voice * np.sqrt(0.5 * np.square(band.samples).mean() / np.square(voice).mean())
    sung = Audio(np.repeat(voice[None].astype(np.float32), band.channels, axis=0), band.sample_rate)
    return Audio(band.samples + sung.samples, band.sample_rate), sung


def scored(mix: Audio, wanted: Audio, row: Row) -> tuple[float, float]:
    """Plain SDR of what is wanted and of everything else."""
    _, name, parts, settings = row
    found = algorithm(name).from_settings(settings).run(mix, Progress())
    rest = Audio(mix.samples - wanted.samples, mix.sample_rate)
    if parts is None:
        owners = by_references(found, mix, {"wanted": wanted, "rest": rest})
        group = [atom for atom, owner in enumerate(owners) if owner == "wanted"]
    elif parts in ("timbre", "rhythm"):
        labels = by_likeness(found, STEMS, mix.sample_rate, likeness=parts)
        group = [atom for atom, owner in enumerate(labels.owners) if labels.names[owner] == "Drums"]
    else:
        group = [part for part, each in enumerate(found.names) if each in parts]
    wave = found.render(mix, [group], 0, mix.length)[0]
    return sdr_plain(wanted, wave), sdr_plain(rest, mix.samples - wave)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--goal", choices=list(GOALS), default="drums")
    parser.add_argument("--songs", default=",".join(SONGS))
    parser.add_argument("--recipes", default="", help="only those whose words begin like one of these")
    asked = parser.parse_args()
    songs = songs_with(asked.goal, asked.audio, asked.songs.split(","))
    chosen = [row for row in GOALS[asked.goal] if row[0].startswith(tuple(asked.recipes.split(",")))]
    print(
        f"{f'{asked.goal} / rest, dB':36s}"
        + "".join(f"{name:>16s}" for name in songs)
        + f"{'mean':>16s}  both   time"
    )
    untouched = [
        (sdr_plain(wanted, mix.samples), sdr_plain(wanted, 0 * mix.samples)) for mix, wanted in songs.values()
    ]
    _print("the song itself / silence", untouched, 0.0)
    for row in chosen:
        begun = time.perf_counter()
        pairs = [scored(mix, wanted, row) for mix, wanted in songs.values()]
        _print(row[0], pairs, time.perf_counter() - begun)


def _print(words: str, pairs: list[tuple[float, float]], seconds: float) -> None:
    mean = np.mean(pairs, axis=0)
    cells = "".join(f"{f'{one:.1f} / {other:.1f}':>16s}" for one, other in [*pairs, (mean[0], mean[1])])
    print(f"{words:36s}{cells}  {mean.mean():5.2f} {seconds:5.1f} s", flush=True)


if __name__ == "__main__":
    main()
