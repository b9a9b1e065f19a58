"""Working on atoms that are there: going on, drawing some anew, splitting.

Every function answers new estimates and, for each of their atoms, the number of the atom it comes from, so that owners
and locks can be kept. Atoms that are not worked on stay as they are, in their order and with their names.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from stemstudio.algorithms.nmf.beginning import MOST_COMPONENTS
from stemstudio.algorithms.nmf.factorization import LONGEST_NAME, Factorization, numbered
from stemstudio.algorithms.nmf.fitting import Fitting
from stemstudio.algorithms.nmf.given import Given, Part, Use
from stemstudio.algorithms.nmf.informed import Start
from stemstudio.algorithms.nmf.panned import panned_updates
from stemstudio.algorithms.nmf.penalties import Penalties
from stemstudio.algorithms.nmf.recipe import MOST_ROUNDS, NMF
from stemstudio.algorithms.nmf.spectrum import Float, room_for, spectra, spectrum
from stemstudio.algorithms.nmf.starts import STRIDE, random_start
from stemstudio.audio.audio import Sound
from stemstudio.errors import StemStudioError
from stemstudio.progress import Progress

TRACE = np.float32(1e-7)  # of a mean: what an entry that least squares made zero comes back from
FLOOR = np.float32(1e-12)
SPLIT_ROUNDS = 30


@dataclass(frozen=True, eq=False)
class Reworked:
    """Atoms after some work on them.

    Attributes
    ----------
    estimates
        The atoms.
    origins
        For each of them the atom it comes from; None for one that is new.
    recipe
        What they are the result of now.
    """

    estimates: Factorization
    origins: tuple[int | None, ...]
    recipe: NMF


def go_on(recipe: NMF, found: Factorization, sound: Sound, rounds: int, progress: Progress) -> Reworked:
    """More rounds for all atoms, from just where they are: the cost goes on falling, and no atom jumps.

    What the recipe held stays held.
    """
    found = _as_long_as(found, sound)
    given = _given(found, recipe)
    after = recipe.model_copy(update={"iterations": rounds}).run(sound, progress, given)
    if (after.pans is None) == (found.pans is None):
        after = after.changed(costs=found.costs + after.costs)
    total = min(MOST_ROUNDS, recipe.iterations + rounds)
    return Reworked(
        after.changed(mask_exponent=found.mask_exponent, families=found.families),
        tuple(range(len(found.names))),
        recipe.model_copy(update={"iterations": total}),
    )


def draw_anew(
    recipe: NMF,
    found: Factorization,
    sound: Sound,
    kept: Collection[int],
    seed: int,
    progress: Progress,
    part: Part = "both",
) -> Reworked:
    """Atoms drawn by chance and fitted beside those that are kept, which stay exactly as they are.

    With `part` only their templates, or only their activations, are drawn; the others stay, and so do the atoms' names.

    Raises
    ------
    StemStudioError
        Where all atoms are kept, or none.
    """
    atoms = range(len(found.names))
    if not kept or len(set(kept)) == len(atoms):
        raise StemStudioError(
            "There is nothing to draw anew: all atoms are kept, or none.",
            "Lock or select the atoms that are to stay.",
        )
    found = _as_long_as(found, sound)
    drawn: tuple[Use, ...] = tuple("fixed" if atom in kept else "random" for atom in atoms)
    stay: tuple[Use, ...] = tuple("fixed" for _ in atoms)
    same = set(kept) if part == "both" else set(atoms)
    names = tuple(found.names[atom] if atom in same else numbered(atom) for atom in atoms)
    uses = (stay if part == "activations" else drawn, stay if part == "templates" else drawn)
    given = Given(names, found.templates, found.activations, *uses, found.pans)
    again = recipe.model_copy(update={"seed": seed})
    after = again.run(sound, progress, given)
    return Reworked(
        after.changed(
            mask_exponent=found.mask_exponent,
            held_templates=found.held_templates & same,
            held_activations=found.held_activations & same,
        ),
        tuple(atom if atom in same else None for atom in atoms),
        again,
    )


def hold(recipe: NMF, found: Factorization, atoms: Collection[int], part: Part, on: bool) -> Reworked:
    """Atoms whose templates or activations, or both, stay as they are (or may change again) in whatever rounds come."""

    def held(before: frozenset[int], concerned: bool) -> frozenset[int]:
        return before if not concerned else before | set(atoms) if on else before - set(atoms)

    changed = found.changed(
        held_templates=held(found.held_templates, part != "activations"),
        held_activations=held(found.held_activations, part != "templates"),
    )
    return Reworked(changed, tuple(range(len(found.names))), recipe)


def split(
    recipe: NMF, found: Factorization, sound: Sound, atom: int, seed: int, progress: Progress
) -> Reworked:
    """An atom taken apart into two, by NMF of its own share of V; all others stay exactly as they are.

    One half stays in its place, and the other becomes the last atom, so that no other gets another number.

    Under Kullback–Leibler this cannot raise the cost: the share V w h / (W H) is that of the expectation step of its
    EM algorithm.

    Raises
    ------
    StemStudioError
        Where the atom is silent, or there are as many atoms as there can be.
    """
    atoms = len(found.names)
    if atoms >= MOST_COMPONENTS:
        raise StemStudioError(f"There are {atoms} atoms, and there can be no more.", "Merge some first.")
    if not (found.templates[:, atom].any() and found.activations[atom].any()):
        raise StemStudioError(f"{found.names[atom]} is silent: there is nothing to split.")
    found, exponent = _as_long_as(found, sound), recipe.exponent
    if found.pans is None:
        V = spectrum(sound, found.grid, exponent, progress.part(0.0, 0.15))[None]
    else:
        V = spectra(sound, found.grid, exponent, progress.part(0.0, 0.15))
    share = _share(found, V, atom, progress.part(0.15, 0.3))
    mean = share[0] if len(share) == 1 else share.mean(axis=0)
    W, H = random_start(mean, 2, seed)
    fitting = Fitting(recipe.solver, recipe.beta, SPLIT_ROUNDS, Penalties())
    told = progress.part(0.3, 1.0)
    pans = found.pans
    if pans is None:
        fit = fitting.shared(mean, Start.free(W, H), told, lambda fit: None)
    else:
        channels = np.float32(len(pans))
        fit = panned_updates(
            share,
            W,
            H * channels,
            np.repeat(pans[:, atom : atom + 1], 2, axis=1),
            beta=recipe.beta,
            iterations=SPLIT_ROUNDS,
            progress=told,
            accelerated=recipe.solver == "fast",
        )
        assert fit.pans is not None
        pans = np.concatenate([pans, fit.pans[:, 1:]], axis=1)
        pans[:, atom] = fit.pans[:, 0]
    templates = np.concatenate([found.templates, fit.templates[:, 1:]], axis=1)
    activations = np.concatenate([found.activations, fit.activations[1:]])
    templates[:, atom], activations[atom] = fit.templates[:, 0], fit.activations[0]
    names = [*found.names, numbered(atoms)]
    if names[atom] != numbered(atom):
        names[atom], names[-1] = _halves(found, atom)
    return Reworked(
        found.changed(
            templates=templates,
            activations=activations,
            names=names,
            pans=pans,
            held_templates=found.held_templates - {atom},
            held_activations=found.held_activations - {atom},
        ),
        (*range(atoms), atom),
        recipe,
    )


def _as_long_as(found: Factorization, sound: Sound) -> Factorization:
    """The atoms with activations as long as the sound, which may have turned out longer or shorter since."""
    frames, held = found.grid.frames(sound.length), found.activations.shape[1]
    if frames == held:
        return found
    activations = np.zeros((len(found.names), frames), dtype=np.float32)
    activations[:, : min(held, frames)] = found.activations[:, :frames]
    return found.changed(activations=activations)


def _given(found: Factorization, recipe: NMF) -> Given:
    """The atoms as a start that is settled."""
    atoms = range(len(found.names))
    templates, activations = found.templates, found.activations
    if recipe.beta == 2.0 and recipe.solver == "fast" and not _informed(recipe):
        # Least squares takes a zero of its start as said by somebody who knows; these it made itself.
        templates = np.where(templates == 0, TRACE * templates.mean(axis=0), templates)
        activations = np.where(activations == 0, TRACE * activations.mean(axis=1, keepdims=True), activations)
        for atom in found.held_templates:
            templates[:, atom] = found.templates[:, atom]
        for atom in found.held_activations:
            activations[atom] = found.activations[atom]
    return Given(
        found.names,
        templates,
        activations,
        tuple("fixed" if atom in found.held_templates else "given" for atom in atoms),
        tuple("fixed" if atom in found.held_activations else "given" for atom in atoms),
        found.pans,
        settled=True,
    )


def _informed(recipe: NMF) -> bool:
    """Whether zeros of the recipe's start mean something."""
    return bool(recipe.score or recipe.templates or recipe.given) or recipe.start == "harmonic"


def _share(found: Factorization, V: Float, atom: int, progress: Progress) -> Float:
    """V_c q_ck w_k h_kᵀ / (W diag(q_c) H), frames after each other in memory: (channels, bins, frames)."""
    channels, bins, frames = V.shape
    share = room_for((channels, frames, bins))
    for channel in range(channels):
        W = found.templates if found.pans is None else found.templates * found.pans[channel]
        for start in range(0, frames, STRIDE):
            progress((channel + start / frames) / channels, "taking out the atom")
            stop = min(frames, start + STRIDE)
            H = found.activations[:, start:stop]
            whole = H.T @ W.T
            whole += FLOOR
            own = np.outer(H[atom], W[:, atom])
            own /= whole
            share[channel, start:stop] = own * V[channel, :, start:stop].T
    progress(1.0)
    return share.transpose(0, 2, 1)


def _halves(found: Factorization, atom: int) -> tuple[str, str]:
    """Names for the two halves of an atom that has one: “C4a” and “C4b”, or the next letters that are free."""
    short = found.names[atom][: LONGEST_NAME - 5]
    endings = itertools.chain("abcdefghijklmnopqrstuvwxyz", (f" {number}" for number in itertools.count(1)))
    free = (f"{short}{ending}" for ending in endings if f"{short}{ending}" not in found.names)
    return next(free), next(free)
