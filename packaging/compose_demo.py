#!/usr/bin/env python3
"""Compose and render the demo song: `python packaging/compose_demo.py [FOLDER]`.

Writes FOLDER/demo.flac (the mix) and FOLDER/stems/{drums,bass,chords,lead}.flac, all 16-bit stereo at 44.1 kHz.
The mix is the exact integer sum of the stems. Nothing is sampled: the same seed gives the same song, and the first
bars rendered alone are the first bars of the whole.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import soundfile
from demo_song import score
from demo_song.cover import cover_picture, with_cover
from demo_song.instruments import KIT, RATE, Signal, bass, electric_piano, filtered, in_room, pad, room, voice
from numpy.typing import NDArray

SEED = 2024
STEMS = ("drums", "bass", "chords", "lead")
BEAT = 60 / score.TEMPO
_Played = TypeVar("_Played", bound=tuple[Any, ...])
_MASTER = 0.94
"""Common gain: the mix peaks about 1 dB below full scale. Fixed, not measured, so that an excerpt equals the whole."""
_FADE = 1.2
"""Seconds over which the last chord is faded out."""


def render(bars: int = score.BARS, *, seed: int = SEED) -> dict[str, NDArray[np.int16]]:
    """Render the first `bars` bars of every stem.

    Parameters
    ----------
    bars : int
        How many bars, from the beginning; all of them end with a fade, fewer are cut where the next bar would begin.
    seed : int
        Seeds every noise and every small shift of a player's timing.

    Returns
    -------
    dict of str to ndarray of int16, shape (2, samples)
        Stems by name; their sum is the mix.
    """
    if not 1 <= bars <= score.BARS:
        raise ValueError(f"The song has {score.BARS} bars; {bars} cannot be rendered.")
    n = round(bars * 4 * BEAT * RATE)
    response = room(1.3, np.random.default_rng([seed, 99]))
    rendered = {}
    for name, play in _PLAYERS.items():
        sound = play(n, response, seed)
        if bars == score.BARS:
            fade = int(_FADE * RATE)
            sound[:, n - fade :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / fade)
        rendered[name] = np.rint(32767 * _MASTER * sound).astype(np.int16)
    return rendered


def mix(stems: dict[str, NDArray[np.int16]]) -> NDArray[np.int16]:
    """Sum the stems; refuses a sum beyond 16 bits instead of clipping it."""
    total = np.stack(list(stems.values())).sum(axis=0, dtype=np.int32)
    if np.abs(total).max() > 32767:
        raise ValueError(f"The stems add up to {np.abs(total).max()}, more than 16 bits hold.")
    return np.asarray(total, np.int16)


def write(folder: Path, stems: dict[str, NDArray[np.int16]]) -> None:
    """Write the mix and the stems as FLAC files with title, artist and cover."""
    (folder / "stems").mkdir(parents=True, exist_ok=True)
    _write_flac(folder / "demo.flac", mix(stems), "StemStudio demo")
    for name, samples in stems.items():
        _write_flac(folder / "stems" / f"{name}.flac", samples, f"StemStudio demo ({name})")
    song = folder / "demo.flac"
    song.write_bytes(with_cover(song.read_bytes(), cover_picture()))


def _write_flac(path: Path, samples: NDArray[np.int16], title: str) -> None:
    with soundfile.SoundFile(
        path, "w", RATE, samples.shape[0], subtype="PCM_16", format="FLAC", compression_level=1.0
    ) as file:
        file.title, file.artist, file.genre = title, "StemStudio demo", "Demo"
        file.write(samples.T)


def _place(track: Signal, sound: Signal, seconds: float) -> None:
    """Add `sound` (2, m) to `track` at a time; what reaches beyond the end is cut."""
    at = max(0, round(seconds * RATE))
    room_left = max(0, track.shape[1] - at)
    track[:, at : at + sound.shape[1]] += sound[:, :room_left]


def _until(n: int, played: list[_Played]) -> list[_Played]:
    """Keep what begins within the first `n` samples."""
    return [event for event in played if event[0] * BEAT * RATE < n + RATE]


def _panned(sound: Signal, pan: float) -> Signal:
    angle = (pan + 1) * np.pi / 4
    return np.stack([np.cos(angle) * sound, np.sin(angle) * sound])


def _drums(n: int, response: Signal, seed: int) -> Signal:
    track = np.zeros((2, n))
    for i, hit in enumerate(_until(n, score.drums())):
        rng = np.random.default_rng([seed, 1, i])
        late = rng.uniform(-0.003, 0.004)
        sound, gain, pan, further = KIT[hit.drum]
        velocity = hit.velocity * rng.uniform(0.93, 1.0)
        _place(track, _panned(gain * sound(velocity, rng, **further), pan), hit.beat * BEAT + late)
    return 0.55 * filtered(np.tanh(1.45 * in_room(track, response, 0.10)), 28, "highpass")


def _bass(n: int, response: Signal, seed: int) -> Signal:
    track = np.zeros((2, n))
    for i, note in enumerate(_until(n, score.bass())):
        rng = np.random.default_rng([seed, 2, i])
        string = bass(note.pitch, note.velocity, note.length * BEAT)
        _place(track, _panned(string, 0.0), note.beat * BEAT + rng.uniform(0, 0.006))
    return 0.45 * in_room(filtered(track, 32, "highpass"), response, 0.03)


def _chords(n: int, response: Signal, seed: int) -> Signal:
    piano, strings = np.zeros((2, n)), np.zeros((2, n))
    for i, note in enumerate(_until(n, score.piano())):
        rng = np.random.default_rng([seed, 3, i])
        keys = electric_piano(note.pitch, note.velocity * rng.uniform(0.92, 1.0), note.length * BEAT)
        _place(piano, keys, note.beat * BEAT + rng.uniform(0, 0.005))
    for beat, length, voicing in _until(n, score.chords()):
        for pitch in voicing:
            _place(strings, pad(pitch + 12 * (pitch < 57), length * BEAT), beat * BEAT)
    # the tremolo of a stage piano: what one side loses, the other gains
    sway = 0.45 * np.sin(2 * np.pi * 2 / BEAT / 4 * np.arange(n) / RATE)
    piano *= np.sqrt(np.stack([1 + sway, 1 - sway]))
    both = filtered(0.115 * piano + 0.022 * strings, 110, "highpass")
    middle = both.mean(axis=0)
    return in_room(middle + 0.6 * (both - middle), response, 0.22)


def _lead(n: int, response: Signal, seed: int) -> Signal:
    first, second = score.voices()
    sung = _panned(voice(first, BEAT, n, np.random.default_rng([seed, 4])), 0.04)
    sung += 0.42 * _panned(voice(second, BEAT, n, np.random.default_rng([seed, 5])), -0.35)
    return 0.19 * in_room(filtered(sung, 140, "highpass"), response, 0.20)


_PLAYERS: dict[str, Callable[[int, Signal, int], Signal]] = {
    "drums": _drums,
    "bass": _bass,
    "chords": _chords,
    "lead": _lead,
}


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "resources" / "demo"
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else default, render())
