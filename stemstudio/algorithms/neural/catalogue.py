"""The catalogue: which trained models are published, what is known of them, and where from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Model:
    """A published model: one network or several whose answers are averaged.

    Attributes
    ----------
    name
        As its makers call it.
    words
        One sentence for a musician.
    networks
        Signatures, the first part of the file names; for Open-Unmix one a stem, in the order of `stems`.
    repository
        Its name on the model hub.
    licence
        Of the weights.
    stems
        What it knows.
    weights
        Rows networks × columns stems; equal ones if None.
    segment
        Seconds a network takes at once, where it differs from the network's own.
    sdr
        Published SDR in dB by stem; empty where none was published, or none that means anything.
    source
        Where the SDR was published, or why there is none.
    checksums
        For each network the first digits of the SHA-256 of its .th file, as its makers name it.
    packed
        Whether its weights need the `diffq` package to be unpacked.
    family
        Which code runs it.
    file
        How the hub's repository names the file of a network; for a model that somebody added, its file in our folder.
    shipped
        Whether it comes with the program.
    about
        Megabytes to fetch, rounded, for as long as the hub has not said them; None where that is not known.
    """

    name: str
    words: str
    networks: tuple[str, ...]
    repository: str
    licence: str = "MIT"
    stems: tuple[str, ...] = ("drums", "bass", "other", "vocals")
    weights: tuple[tuple[float, ...], ...] | None = None
    segment: float | None = None
    sdr: Mapping[str, float] = field(default_factory=dict)
    source: str = "no figures published for it alone"
    checksums: tuple[str, ...] = ()
    packed: bool = False
    family: Literal["demucs", "unmix", "roformer"] = "demucs"
    file: str = "{}.safetensors"
    shipped: bool = False
    about: int | None = None

    @property
    def title(self) -> str:
        """As in a sentence: its name, and for ours with a capital."""
        return self.name.capitalize() if self.shipped else self.name


_EACH_ITS_OWN = tuple(tuple(float(row == column) for column in range(4)) for row in range(4))
_MDX = ((1.0, 1.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (1.0, 0.0, 1.0, 1.0), (1.0, 0.0, 1.0, 1.0))
_SEEN = "its makers taught it with the test songs too, so that its scores mean nothing"

MODELS: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model(
            "htdemucs",
            "The ordinary one: four stems, the best start for most songs.",
            ("955717e8",),
            "adefossez/HTDemucs",
            checksums=("8726e21a",),
            about=84,
        ),
        Model(
            "htdemucs_ft",
            "Four networks, one a stem: a little cleaner, four times the work.",
            ("f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d"),
            "adefossez/HTDemucs-ft",
            weights=_EACH_ITS_OWN,
            sdr={"vocals": 9.2, "drums": 10.1, "bass": 10.4, "other": 6.3},
            source="Rouard, Massa & Défossez 2023, MUSDB18",
            checksums=("ba3fe64a", "e57c48e6", "ef3bcb9c", "f3cf25b2"),
            about=336,
        ),
        Model(
            "htdemucs_6s",
            "Knows guitar and piano as well; the piano bleeds.",
            ("5c90dfd2",),
            "adefossez/HTDemucs-6s",
            stems=("drums", "bass", "other", "vocals", "guitar", "piano"),
            checksums=("34c22ccb",),
            about=55,
        ),
        Model(
            "hdemucs_mmi",
            "The generation before, without the transformer; for songs that the others trip over.",
            ("75fc33f5",),
            "adefossez/Demucs-hdemucs_mmi",
            segment=44.0,
            checksums=("1941ce65",),
            about=167,
        ),
        Model(
            "mdx",
            "Four networks of the 2021 challenge, taught with the usual songs alone.",
            ("0d19c1c6", "7ecf8ec1", "c511e2ab", "7d865c68"),
            "adefossez/Demucs-mdx",
            weights=_MDX,
            segment=44.0,
            source="2021 Music Demixing Challenge, track A; no figures by stem on MUSDB18",
            checksums=("0f06f20e", "70f50cc9", "fe698775", "3d5dd56b"),
            about=691,
        ),
        Model(
            "mdx_extra",
            "Four networks of the 2021 challenge, taught with more songs.",
            ("e51eebcc", "a1d90b5c", "5d2d6c55", "cfa93e08"),
            "adefossez/Demucs-mdx_extra",
            segment=44.0,
            source=_SEEN,
            checksums=("c1b80bdd", "ae9d2452", "db83574e", "61801ae1"),
            about=669,
        ),
        Model(
            "mdx_q",
            "mdx in a smaller file, a little coarser.",
            ("6b9c2ca1", "b72baf4e", "42e558d4", "305bc58f"),
            "adefossez/Demucs-mdx_q",
            weights=_MDX,
            segment=44.0,
            source="2021 Music Demixing Challenge, track A; no figures by stem on MUSDB18",
            checksums=("3fd82607", "8778635e", "196e0e1b", "18378783"),
            packed=True,
        ),
        Model(
            "mdx_extra_q",
            "mdx_extra in a smaller file, a little coarser.",
            ("83fc094f", "464b36d7", "14fc6a69", "7fd6ef75"),
            "adefossez/Demucs-mdx_extra_q",
            segment=44.0,
            source=_SEEN,
            checksums=("4a16d450", "e5a9386e", "a89dd0ee", "a905dd85"),
            packed=True,
        ),
        Model(
            "umxhq",
            "Open-Unmix: small, quick, watery at times; taught with the usual songs alone.",
            ("vocals-b62c91ce", "drums-9619578f", "bass-8d85a5bd", "other-b52fbbf7"),
            "teamup-tech/Open-Unmix-weights",
            stems=("vocals", "drums", "bass", "other"),
            sdr={"vocals": 6.3, "drums": 5.7, "bass": 5.2, "other": 4.0},
            source="Stöter et al. 2019, MUSDB18",
            family="unmix",
            file="umxhq/{}.pth",
            about=142,
        ),
        Model(
            "umxl",
            "Open-Unmix taught with more songs; its weights may not be used to earn money.",
            ("vocals-bccbd9aa", "drums-69e0ebd4", "bass-2ca1ce51", "other-c8c5b3e6"),
            "teamup-tech/Open-Unmix-weights",
            licence="CC BY-NC-SA 4.0",
            stems=("vocals", "drums", "bass", "other"),
            sdr={"vocals": 7.2, "drums": 7.2, "bass": 6.0, "other": 4.9},
            source="Stöter et al. 2021, MUSDB18",
            family="unmix",
            file="umxl/{}.pth",
            about=452,
        ),
        Model(
            "sketch",
            "Instant preview; the real models are a download away. Comes with the program.",
            ("sketch",),
            repository="",
            licence="GPL-3.0-or-later",
            source="taught with songs that a program invented; on such songs its stems gain 9 dB over the mixture, on four real ones 7 to 10",
            checksums=("cd6a3c24765490bb",),
            shipped=True,
        ),
    )
}
