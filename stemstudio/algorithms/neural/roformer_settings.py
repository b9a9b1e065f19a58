"""What the YAML beside a RoFormer checkpoint says, read without trust: plain values only, and none out of reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stemstudio.algorithms.neural.checkpoints import one_sentence
from stemstudio.algorithms.neural.pickles import check_file
from stemstudio.errors import BadModel

MOST_TEXT = 2**17  # bytes of a YAML; published ones have some thousand
MOST_STEMS = 64
PYTHON = "tag:yaml.org,2002:python/"


@dataclass(frozen=True)
class Settings:
    """What a YAML says that the weights do not.

    Attributes
    ----------
    stems
        Names of what the network answers with.
    sample_rate, channels
        Of what it takes.
    segment
        Seconds that it was taught with.
    levelled
        Whether it takes songs of mean 0 and deviation 1.
    mel_bands
        Number of its bands, where they are those of the mel scale.
    fft, hop, window, scaled, skips, no_offset
        As in `Shape`.
    claims
        Sizes that the YAML names, to be held against those of the weights.
    """

    stems: tuple[str, ...]
    sample_rate: int
    channels: int
    segment: float
    levelled: bool
    mel_bands: int
    fft: int
    hop: int
    window: int
    scaled: bool
    skips: bool
    no_offset: bool
    claims: Mapping[str, int]


def read_settings(config: Path) -> Settings:
    """What a YAML says; `BadModel` where it is none of such a network."""
    with one_sentence(config):
        told = _parsed(config)
        model, audio, training, inference = (
            _section(told, name) for name in ("model", "audio", "training", "inference")
        )
        if not model:
            raise BadModel(config, "it describes no network: there is no “model” in it")
        if model.get("linear_transformer_depth"):
            raise BadModel(config, "its network has linear attention, which is not known here")
        rate = _whole(
            config, {**model, **audio}, "sample_rate", model.get("sample_rate", 44100), 8000, 192000
        )
        chunk = inference.get("chunk_size", audio.get("chunk_size"))
        fft = _whole(config, model, "stft_n_fft", 2048, 64, 2**16)
        hop = _whole(config, model, "stft_hop_length", 512, 1, fft)
        frames = _whole(config, {**audio, **inference}, "dim_t", 0, 1, 10**6)
        spans = hop * (frames - 1)  # older YAMLs say it in frames alone
        length = spans if rate // 4 <= spans <= 120 * rate else 8 * rate
        length = _whole(config, {"chunk_size": chunk}, "chunk_size", length, rate // 4, 120 * rate)
        claims = {
            name: _whole(config, model, name, 0, 1, 100_000)
            for name in ("dim", "depth", "heads", "num_stems")
            if name in model
        }
        return Settings(
            stems=_stems(config, training),
            sample_rate=rate,
            channels=2 if model.get("stereo", False) is True else 1,
            segment=length / rate,
            levelled=inference.get("normalize") is True,
            mel_bands=_whole(config, model, "num_bands", 60, 1, 1024),
            fft=fft,
            hop=hop,
            window=_whole(config, model, "stft_win_length", fft, 16, fft),
            scaled=model.get("stft_normalized") is True,
            skips=model.get("skip_connection") is True,
            no_offset=model.get("zero_dc") is True,
            claims=claims,
        )


def config_beside(path: Path) -> Path | None:
    """The YAML that belongs to a checkpoint: of its name, or the only one in its folder."""
    same = [path.with_suffix(suffix) for suffix in (".yaml", ".yml")]
    same += [path.with_name(f"{path.name}{suffix}") for suffix in (".yaml", ".yml")]
    found = [each for each in same if each.is_file()]
    if not found and path.parent.is_dir():
        found = [
            each for each in path.parent.iterdir() if each.suffix in (".yaml", ".yml") and each.is_file()
        ]
        found = found if len(found) == 1 else []
    return found[0] if found else None


def _parsed(config: Path) -> Mapping[str, Any]:
    """The document, of plain values only: a tag of Python's is read as what it is written on, and never called."""
    import yaml

    def untagged(loader: Any, _suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node)
        return loader.construct_mapping(node) if isinstance(node, yaml.MappingNode) else str(node.value)

    # Its own class, as constructors belong to one. Keys “<<” are refused: a few, one in the other, would fill the memory.
    plain: Any = type("Plain", (yaml.SafeLoader,), {"flatten_mapping": lambda loader, node: None})
    plain.add_multi_constructor(PYTHON, untagged)
    check_file(config)
    if config.stat().st_size > MOST_TEXT:
        raise BadModel(config, "it is too long to describe a network")
    try:
        told = yaml.load(config.read_text(encoding="utf-8"), plain)
    except (yaml.YAMLError, RecursionError) as error:
        raise BadModel(config, "it is no YAML that could describe a network") from error
    if not isinstance(told, dict):
        raise BadModel(config, "it describes no network")
    return told


def _section(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = told.get(name)
    return section if isinstance(section, dict) else {}


def _whole(config: Path, section: Mapping[str, Any], name: str, default: Any, low: int, high: int) -> int:
    value = section.get(name)
    value = default if value is None else value
    good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if value is not default and not good:
        shown = value if isinstance(value, (bool, int, float, str)) else type(value).__name__
        raise BadModel(config, f"{name} is {shown!s:.20}, and must be a number from {low} to {high}")
    return int(value)


def _stems(config: Path, training: Mapping[str, Any]) -> tuple[str, ...]:
    target, named = training.get("target_instrument"), training.get("instruments")
    names = [target] if target else named
    if (
        not isinstance(names, (list, tuple))
        or not 1 <= len(names) <= MOST_STEMS
        or not all(isinstance(name, str) and name.strip() for name in names)
        or len(set(names)) < len(names)
    ):
        raise BadModel(config, "it does not say which stems its network answers with")
    return tuple(name.strip()[:60] for name in names)
