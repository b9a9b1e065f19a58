"""`stemstudio evaluate` equals every published score, of sources and of images."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

CONFORMANCE = Path(__file__).resolve().parents[3] / "shared" / "audio" / "bss"
FIGURES = {
    "sdr": "Source to Distortion",
    "isr": "Image to Spatial",
    "sir": "Source to Interference",
    "sar": "Source to Artifact",
}


@pytest.mark.parametrize("case", ["01", "03", "06", "07", "09"])
def test_the_command_equals_every_published_score(command: Any, case: str, tmp_path: Path) -> None:
    if not CONFORMANCE.is_dir():
        pytest.skip("the conformance set is not here")
    published = json.loads((CONFORMANCE / f"output{case}.json").read_text())

    def evaluated(folder: Path, end: str, *words: str) -> dict[str, list[float]]:
        """Each figure of every stem; those that JSON has no number for are infinite here."""
        ran = command(
            *("evaluate", "--reference", folder / f"ref{end}", "--estimate", folder / f"est{end}"),
            *(*words, "--json"),
        )
        scores = list(ran.json.values())
        return {
            figure: [math.inf if each[figure] is None else each[figure] for each in scores]
            for figure in scores[0]
        }

    found = evaluated(CONFORMANCE, case)
    for figure in ("sdr", "sir", "sar"):
        assert found[figure] == pytest.approx(published["Sources"][FIGURES[figure]], abs=1e-6)

    expected = published["Images"]
    if expected["nchan"] > 2:
        return  # no song here has as many channels; bss_eval_images is tested with them
    for kind, gain in (("ref", 1.0), ("est", expected["gain"])):
        (tmp_path / kind).mkdir()
        gains = [1.0] + [gain] * (expected["nchan"] - 1)
        gains = gains[::-1] if kind == "est" and expected["reverse"] else gains
        for file in sorted((CONFORMANCE / f"{kind}{case}").glob("*.wav")):
            mono, rate = soundfile.read(file, always_2d=True)
            image = mono.mean(axis=1)[:, None] * np.array(gains)
            soundfile.write(tmp_path / kind / file.name, image, rate, subtype="DOUBLE")
    found = evaluated(tmp_path, "", "--images", "--match", "best")
    for figure, name in FIGURES.items():
        undefined = figure == "sir" and len(found["sir"]) == 1
        assert found[figure] == pytest.approx([math.inf] if undefined else expected[name], abs=1e-3)


def test_stems_of_other_names_are_told_how_to_be_matched(command: Any, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal((4000, 1)) * 0.1
    for name in ("true/voice", "mine/vocals"):
        (tmp_path / name).parent.mkdir()
        soundfile.write(tmp_path / f"{name}.wav", noise, 8000)
    words = ("evaluate", "--reference", tmp_path / "true", "--estimate", tmp_path / "mine")
    refused = command(*words)
    assert refused.code
    assert "no estimate of “voice”" in refused.stderr
    assert "--match best" in refused.stderr
    assert "voice (vocals)" in command(*words, "--match", "best").stderr
