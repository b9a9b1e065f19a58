"""`stemstudio evaluate` equals every published score, of sources and of images."""

from __future__ import annotations

import json
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


PERMUTATION = "Source permutation"


@pytest.fixture(params=["01", "03", "06", "07", "09"])
def case(request: pytest.FixtureRequest) -> str:
    if not CONFORMANCE.is_dir():
        pytest.skip("the conformance set is not here")
    return str(request.param)


def check(command: Any, folder: Path, end: str, published: Any, within: float, *words: object) -> None:
    """Run the command and compare all it tells with what is published, window by window where there are windows."""
    rate = soundfile.info(next((folder / f"est{end}").glob("*.wav"))).samplerate
    spans: list[object] = []
    if "win" in published:
        spans = ["--window", published["win"] / rate, "--hop", published["hop"] / rate]
    folders = ("--reference", folder / f"ref{end}", "--estimate", folder / f"est{end}")
    told = command("evaluate", *folders, *words, *spans, "--json").json
    expected = {figure: published[name] for figure, name in FIGURES.items() if name in published}
    assert len(told) == len(expected["sdr"])
    for number, score in enumerate(told.values()):
        order = np.atleast_1d(published[PERMUTATION][number])
        assert {score["estimate"]} == {str(int(each)) for each in order}
        for figure, values in expected.items():
            if (
                figure == "sir" and len(told) == 1
            ):  # nothing interferes: infinite, which JSON has no number for
                assert not np.isfinite(values[number]).any()
                assert score["sir"] is None
                assert score.get("windows", {"sir": [None]})["sir"] == [None] * order.size
            elif spans:
                assert score["windows"][figure] == pytest.approx(values[number], abs=within)
                assert score[figure] == pytest.approx(np.median(values[number]), abs=within)
                starts = np.arange(order.size) * published["hop"] / rate
                assert score["windows"]["start"] == pytest.approx(starts)
            else:
                assert score[figure] == pytest.approx(values[number], abs=within)


def test_the_command_equals_every_published_score_of_sources(command: Any, case: str) -> None:
    published = json.loads((CONFORMANCE / f"output{case}.json").read_text())
    check(command, CONFORMANCE, case, published["Sources"], 1e-6, "--match", "best")
    check(command, CONFORMANCE, case, published["Framewise"], 1e-6)


def test_the_command_equals_every_published_score_of_images(command: Any, case: str, tmp_path: Path) -> None:
    published = json.loads((CONFORMANCE / f"output{case}.json").read_text())
    for name in ("Images", "Images Framewise"):
        expected, place = published[name], tmp_path / name
        for kind, gain in (("ref", 1.0), ("est", expected["gain"])):
            (place / kind).mkdir(parents=True)
            gains = [1.0] + [gain] * (expected["nchan"] - 1)
            gains = gains[::-1] if kind == "est" and expected["reverse"] else gains
            for file in sorted((CONFORMANCE / f"{kind}{case}").glob("*.wav")):
                mono, rate = soundfile.read(file, always_2d=True)
                image = mono.mean(axis=1)[:, None] * np.array(gains)
                soundfile.write(place / kind / file.name, image, rate, subtype="DOUBLE")
        check(command, place, "", expected, 1e-3, "--images", "--match", "best")


def test_medians_are_told_in_a_table_with_how_many_windows_count(command: Any, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).standard_normal((20000, 2)) * 0.1
    for folder, gain in (("true", 1.0), ("mine", 0.9)):
        (tmp_path / folder).mkdir()
        sound = gain * noise
        sound[4000:8000] = 0
        soundfile.write(tmp_path / folder / "voice.wav", sound, 8000)
    words = ("evaluate", "--reference", tmp_path / "true", "--estimate", tmp_path / "mine")
    said = command(*words, "--window", 0.5).stdout
    assert "20.00" in said.split("voice")[1]  # plain SDR
    assert "the 4 of 5 windows" in said
    refused = command(*words, "--hop", 0.5)
    assert refused.code
    assert "--window SECONDS" in refused.stderr
    for seconds in (0, "inf", "nan"):
        assert command(*words, "--window", seconds).code == 2


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
    assert "voice (vocals)" in command(*words, "--match", "best").stdout
