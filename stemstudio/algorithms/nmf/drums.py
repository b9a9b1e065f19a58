"""NMFD as a recipe: take drums apart, each with the course of its sound."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import model_validator

from stemstudio.algorithms.algorithm import Algorithm, parameter
from stemstudio.algorithms.nmf.convolutive_factorization import ConvolutiveFactorization
from stemstudio.algorithms.nmf.convolutive_fast import fast_convolutive_updates
from stemstudio.algorithms.nmf.one_shots import one_shot_templates
from stemstudio.algorithms.nmf.spectrum import Float, spectrum
from stemstudio.algorithms.nmf.starts import random_start
from stemstudio.audio.audio import Sound
from stemstudio.errors import BadRecipe
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings

LONGEST = 512  # slices of a stroke


class NMFD(Algorithm):
    """Convolutive NMF, V ≈ Σ_l W_l shift(H, l): its parts are drums, or other sounds that come back as a whole."""

    name: ClassVar[str] = "nmfd"
    title: ClassVar[str] = "Drums apart (NMFD)"
    formerly: ClassVar[Mapping[str, str]] = {"mask_exponent": "firmness"}
    summary: ClassVar[str] = (
        "Takes a drum track apart into its drums, each learned as a whole stroke from the click to the tail."
    )
    speed: ClassVar[float] = 10.0

    components: int = parameter(
        3, "How many drums to look for; with one-shots, how many beside them", unit="drums", ge=0, le=32
    )
    one_shots: str = parameter(
        "",
        "A folder with recordings of single strokes, a folder a drum: the search begins with their sound",
        chooses="folder",
        max_length=1000,
    )
    length: float = parameter(
        0.2,
        "How long a stroke may sound: longer keeps tails together, shorter is quicker",
        unit="s",
        ge=0.01,
        le=1.0,
    )
    iterations: int = parameter(40, "How long to keep improving the drums", unit="rounds", ge=1, le=10_000)
    seed: int = parameter(
        0, "Which chance it is: the same number finds the same drums again", ge=0, le=2**31 - 1
    )
    closeness: float = parameter(
        0.005,
        "How close the drums stay to their one-shots: 0 lets the song bend them at will, 0.1 bends them little",
        ge=0.0,
        le=10.0,
        advanced=True,
    )
    hold_templates: bool = parameter(
        False, "Keep the one-shots' sound as it is; only when they are struck is found", advanced=True
    )
    fft: int = parameter(
        2048, "Length of a slice of sound: short ones, for drums are quick", unit="samples", ge=64, le=65536
    )
    hop: int = parameter(
        512,
        "Step from one slice to the next; the slice must be a multiple of it",
        unit="samples",
        ge=16,
        le=32768,
    )
    firmness: float = parameter(
        1.0,
        "How firmly the drums are told apart: higher is cleaner but rougher, lower is softer with more bleed",
        ge=0.25,
        le=8.0,
        advanced=True,
    )

    @model_validator(mode="after")
    def _fits(self) -> NMFD:
        StftSettings(fft=self.fft, hop=self.hop)
        if not self.one_shots and self.components == 0:
            raise ValueError("there is nothing to look for without drums or one-shots")
        return self

    def run(self, signal: Sound, progress: Progress) -> ConvolutiveFactorization:
        """The drums of a sound. The folder of one-shots is read here and nowhere else."""
        progress(0.0, "transforming")
        grid = StftSettings(fft=self.fft, hop=self.hop)
        length = max(1, round(self.length * signal.sample_rate / self.hop))
        if length > LONGEST:
            raise BadRecipe(
                f"A stroke of {self.length:g} s would be {length} slices long, and {LONGEST} is the most.",
                "Take a shorter stroke or a longer step.",
            )
        V = spectrum(signal, grid, 1.0, progress.part(0.0, 0.05))
        names, W, H = self._start(V, grid, signal.sample_rate, length, progress.part(0.05, 0.1))
        known = np.arange(len(names)) < len(names) - self.components
        fit = fast_convolutive_updates(
            V,
            W,
            H,
            iterations=self.iterations,
            hold_templates=self.hold_templates and bool(self.one_shots),
            closeness=np.where(known, np.float32(self.closeness), np.float32(0)),
            progress=progress.part(0.1, 1.0),
        )
        return ConvolutiveFactorization(names, fit.templates, fit.activations, grid, self.firmness, fit.costs)

    def _start(
        self, V: Float, grid: StftSettings, sample_rate: int, length: int, progress: Progress
    ) -> tuple[tuple[str, ...], Float, Float]:
        names: tuple[str, ...] = tuple(f"Drum {number + 1}" for number in range(self.components))
        spectra, H = random_start(V, self.components, self.seed) if self.components else (None, None)
        parts: list[Float] = []
        if self.one_shots:
            given, W = one_shot_templates(Path(self.one_shots), grid, sample_rate, length, 1.0, progress)
            names, parts = given + names, [W]
        if spectra is not None:
            # A stroke is loudest at first; the noise lets every lag find its own spectrum.
            rng = np.random.default_rng(self.seed + 1)
            fade = np.exp(-3.0 * np.arange(length) / length).astype(np.float32)[:, None, None]
            noise = 0.5 + rng.random((length, *spectra.shape), dtype=np.float32)
            free = fade * noise * spectra
            parts.append(free / np.maximum(free.sum(axis=(0, 1)), np.float32(1e-20)))
        if len(names) != self.components or H is None:
            loudness = V.sum(axis=0, dtype=np.float64).astype(np.float32)
            H = np.repeat(loudness[None] / np.float32(len(names)), len(names), axis=0)
        return names, np.concatenate(parts, axis=2), H
