"""NMF as a recipe: take a sound apart into atoms, each a spectrum and when it sounds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import model_validator

from stemstudio.algorithms.algorithm import Algorithm, parameter
from stemstudio.algorithms.estimates import PartSound
from stemstudio.algorithms.framing import fft_parameter, hop_parameter
from stemstudio.algorithms.nmf.beginning import MOST_COMPONENTS, beginning
from stemstudio.algorithms.nmf.factorization import Factorization
from stemstudio.algorithms.nmf.fitting import Fitting
from stemstudio.algorithms.nmf.given import Given
from stemstudio.algorithms.nmf.informed import Start
from stemstudio.algorithms.nmf.penalties import Penalties
from stemstudio.algorithms.nmf.per_atom import PerAtom, check_numbers
from stemstudio.algorithms.nmf.solver import Fit
from stemstudio.algorithms.nmf.spectrum import spectrum
from stemstudio.algorithms.nmf.starts import components_for_coverage
from stemstudio.audio.audio import Sound
from stemstudio.progress import Progress
from stemstudio.spectral.stft import StftSettings

FIRST_LOOK = 5  # iterations until the atoms are handed on for the first time
LOOK_SECONDS = 1.0  # and between two times after that
SEPARATED = 0.5  # of the work, where a model separates first
MOST_ROUNDS = 10_000
PANNED_EFFORT = 1.6  # of a run with a pan for every atom, on a stereo song, against one without


class NMF(Algorithm):
    """Non-negative matrix factorisation, V ≈ W H; its parts are atoms.

    The number of atoms, their pans and the exponent of the masks are the best of the table that
    tests/benchmarks/study_nmf_quality.py makes.
    """

    name: ClassVar[str] = "nmf"
    title: ClassVar[str] = "Atoms (NMF)"
    formerly: ClassVar[Mapping[str, str]] = {"mask_exponent": "firmness"}
    summary: ClassVar[str] = (
        "Finds the sounds that come back in a song – a note, a drum hit, a vowel – as atoms to hear and to sort into stems."
    )
    speed: ClassVar[float] = 4.0
    atoms: ClassVar[bool] = True

    components: int = parameter(
        64,
        "How many atoms to look for: more follow finer detail, fewer are quicker to sort",
        unit="atoms",
        ge=1,
        le=MOST_COMPONENTS,
    )
    coverage: float = parameter(
        0.0,
        "How much of the song the atoms should be able to cover, such as 0.9: the song then says how many atoms "
        "that takes; 0 takes the number above",
        ge=0.0,
        le=0.99,
    )
    iterations: int = parameter(
        100, "How long to keep improving the atoms", unit="rounds", ge=1, le=MOST_ROUNDS
    )
    beta: float = parameter(
        1.0,
        "What counts as a good match: 2 favours loud sounds, 1 balances, 0 hears quiet as well as loud",
        ge=0.0,
        le=2.0,
    )
    start: Literal["random", "nndsvd", "harmonic"] = parameter(
        "random",
        "What the atoms grow from: chance (random), the strongest patterns of the song (nndsvd), or one atom a semitone "
        "with its overtones (harmonic)",
    )
    lowest: int = parameter(
        36,
        "The lowest note of a harmonic start; 60 is the middle C",
        unit="MIDI note",
        ge=0,
        le=127,
        advanced=True,
    )
    highest: int = parameter(
        84, "The highest note of a harmonic start", unit="MIDI note", ge=0, le=127, advanced=True
    )
    score: str = parameter(
        "",
        "A file that tells which notes sound when, MIDI or a table: every note or drum becomes an atom that sounds only "
        "where the score says so, and every track of a MIDI file with several is a stem",
        chooses="file",
        endings=".mid .midi .csv .tsv .txt",
        max_length=1000,
    )
    templates: str = parameter(
        "",
        "Sounds that were taught, by name: templates of the library or template files, with commas between them; their "
        "atoms come first, and a drum or note of the score that has the name of one sounds like it",
        chooses="files",
        endings=".template",
        max_length=1000,
    )
    seeds: str = parameter(
        "",
        "The name of a trained model on this machine, such as htdemucs: the song is first separated by it, the atoms are "
        "learned from its stems, and each belongs to the stem that it was learned from",
        max_length=200,
    )
    tolerance: float = parameter(
        0.1,
        "How far a note may sound before and after its place in the score: more forgives a score that is not quite in time",
        unit="s",
        ge=0.0,
        le=2.0,
        advanced=True,
    )
    onsets: bool = parameter(
        False,
        "Give every note of the score a second atom for its attack: the pick, the hammer, the consonant",
        advanced=True,
    )
    free: int = parameter(
        0,
        "Atoms beside those of templates, a score or a harmonic start, for all that they leave over",
        unit="atoms",
        ge=0,
        le=MOST_COMPONENTS,
        advanced=True,
    )
    hold_templates: bool = parameter(
        False,
        "Keep the spectra of a file, templates, a score or a harmonic start as they are; only when they sound is found",
        advanced=True,
    )
    hold_activations: bool = parameter(
        False,
        "Keep when the atoms of a score or a file sound as it is; only their spectra are found",
        advanced=True,
    )
    given: str = parameter(
        "",
        "A file of atoms to start from, as Atoms ▸ Save atoms writes it; nothing else is said of a start then but the "
        "free atoms beside them",
        chooses="file",
        endings=".npz",
        max_length=1000,
        advanced=True,
    )
    fixed_templates: str = parameter(
        "",
        "Atoms that keep the spectrum they are given, by a file, templates, a score or a harmonic start: numbers such as "
        "1-4, 7, or all",
        max_length=1000,
        advanced=True,
    )
    fixed_activations: str = parameter(
        "", "Atoms that sound just when they are given to, in the same words", max_length=1000, advanced=True
    )
    new_templates: str = parameter(
        "", "Atoms of the file whose spectrum is found anew, from chance", max_length=1000, advanced=True
    )
    new_activations: str = parameter(
        "",
        "Atoms of the file of which it is found anew when they sound; all of them for another song",
        max_length=1000,
        advanced=True,
    )
    solver: Literal["fast", "multiplicative"] = parameter(
        "fast",
        "How the atoms are improved: fast gets there in a fraction of the time, multiplicative is the slow textbook way",
        advanced=True,
    )
    stereo: Literal["shared", "panned"] = parameter(
        "panned",
        "What left and right are to an atom: shared looks at both as one, panned finds each atom its place between them, "
        "which tells sounds apart that are mixed to different sides",
    )
    seed: int = parameter(
        0, "Which chance it is: the same number finds the same atoms again", ge=0, le=2**31 - 1
    )
    fft: int = fft_parameter(advanced=False)
    hop: int = hop_parameter(advanced=False)
    exponent: float = parameter(
        1.0,
        "How loudness is seen: 1 as amplitude, 2 as power, less than 1 brings quiet sounds forward",
        ge=0.1,
        le=2.0,
        advanced=True,
    )
    sparsity: float = parameter(
        0.0,
        "Fewer atoms at a time: each moment of the song is made of as few as will do; 0.1 is gentle, 1 is strong",
        ge=0.0,
        le=10.0,
        advanced=True,
    )
    smoothness: float = parameter(
        0.0,
        "Steadier atoms: they swell and fade instead of flickering, good for held notes and bad for drums; 1 is strong",
        ge=0.0,
        le=100.0,
        advanced=True,
    )
    decorrelation: float = parameter(
        0.0,
        "Atoms that differ more: they keep out of each other's pitches; 1 is strong",
        ge=0.0,
        le=10.0,
        advanced=True,
    )
    firmness: float = parameter(
        1.5,
        "How firmly the stems are told apart: higher is cleaner but rougher, lower is softer with more bleed",
        ge=0.25,
        le=8.0,
        advanced=True,
    )

    @model_validator(mode="after")
    def _grid_fits(self) -> NMF:
        StftSettings(fft=self.fft, hop=self.hop)
        if self.lowest > self.highest:
            raise ValueError(f"the lowest note, {self.lowest}, is above the highest, {self.highest}")
        if self.seeds and (self.given or self.score or self.templates):
            raise ValueError(
                "atoms are learned from a model's stems, or given by a file, a score or templates, not both"
            )
        for words in (self.fixed_templates, self.fixed_activations, self.new_templates, self.new_activations):
            check_numbers(words)
        return self

    @property
    def grid(self) -> StftSettings:
        """The STFT settings that V and the masks are made on."""
        return StftSettings(fft=self.fft, hop=self.hop)

    @property
    def effort(self) -> float:
        defaults = type(self).model_fields
        shares = (
            self.components / defaults["components"].default,
            self.iterations / defaults["iterations"].default,
        )
        panned = 1.0 if self.stereo == "panned" else 1.0 / PANNED_EFFORT
        return float(max(0.05, shares[0] * shares[1]) * panned)

    def run(self, signal: Sound, progress: Progress, given: Given | None = None) -> Factorization:
        """The atoms of a sound; those found so far are handed on while it works.

        With `given`, they start from just those atoms, and what the recipe says of a start is not looked at.
        """
        if self.seeds and given is None:
            return self._seeded(signal, progress)
        progress(0.0, "transforming")
        V = spectrum(signal, self.grid, self.exponent, progress.part(0.0, 0.05))
        components, told = self.components, given is not None
        if given is None and self.given:
            given = self._per_atom().given(
                Path(self.given),
                self.grid,
                signal.sample_rate,
                self.exponent,
                V.shape[1],
                free=self.free,
                most=MOST_COMPONENTS,
            )
        if self.coverage > 0 and given is None:
            counting = progress.part(0.05, 0.08)
            counting(0.0, "counting the patterns of the song")
            components = components_for_coverage(V, self.coverage, MOST_COMPONENTS, self.seed, counting)
            counting(1.0, f"{components} atoms for {self.coverage:.0%} of the song")
        panned = self.stereo == "panned" and signal.channels > 1
        if given is not None:
            start = given.start(V, self.seed, signal.channels if panned else 1)
        else:
            start = beginning(self, V, signal, components, progress.part(0.08, 0.1))
        if not told:
            start = self._per_atom().held(start, self.free)
        handed_on = 0.0

        def watch(fit: Fit) -> None:
            nonlocal handed_on
            now = time.monotonic()
            if (
                fit.iteration >= FIRST_LOOK
                and now - handed_on >= LOOK_SECONDS
                and fit.iteration < self.iterations
            ):
                progress.hand_on(self._estimates(fit, start, copied=True))
                handed_on = time.monotonic()

        fitting = Fitting(
            "multiplicative" if start.gentle else self.solver,
            self.beta,
            self.iterations,
            Penalties(self.sparsity, self.smoothness, self.decorrelation),
            settled=given.settled if given is not None else start.settled,
        )
        fitted = progress.part(0.1, 1.0)
        if panned:
            fit = fitting.panned(signal, self.grid, self.exponent, V, start, fitted, watch)
        else:
            fit = fitting.shared(V, start, fitted, watch)
        return self._estimates(fit, start, copied=False)

    def _seeded(self, signal: Sound, progress: Progress) -> Factorization:
        from stemstudio.algorithms.neural.by_name import recipe_named
        from stemstudio.algorithms.nmf.seeding import seeded

        stems = recipe_named(self.seeds).run(signal, progress.part(0.0, SEPARATED, hand_on=lambda _: None))
        sounds = {name: PartSound(signal, stems, number) for number, name in enumerate(stems.names)}
        return seeded(self, signal, sounds, progress.part(SEPARATED, 1.0))

    def _per_atom(self) -> PerAtom:
        held = "all" if self.given and self.hold_templates else self.fixed_templates
        still = "all" if self.given and self.hold_activations else self.fixed_activations
        return PerAtom(held, still, self.new_templates, self.new_activations)

    def _estimates(self, fit: Fit, start: Start, *, copied: bool) -> Factorization:
        W, H = fit.templates, fit.activations
        if copied:
            W, H = W.copy(), H.copy()
        return Factorization(
            W,
            np.ascontiguousarray(H),  # Rendering reads H by range of frames: a row an atom, contiguous.
            self.grid,
            self.firmness,
            fit.costs,
            start.names,
            fit.pans,
            np.flatnonzero(start.fixed_templates),
            np.flatnonzero(start.fixed_activations),
            start.families,
        )
