"""`stemstudio models`: listed, fetched, added, checked, removed."""

from __future__ import annotations

import pytest
from model_hub import model_hub
from small_recipes import write_tiny_roformer, write_tiny_weights

from stemstudio.algorithms.neural.weights import models_folder

KEY = "adefossez/HTDemucs/955717e8.safetensors"


@pytest.fixture
def empty(home, monkeypatch):
    for variable in ("STEMSTUDIO_MODELS", "HF_HOME", "HF_HUB_CACHE", "TORCH_HOME"):
        monkeypatch.delenv(variable, raising=False)
    return home


def test_the_list_says_what_is_known_of_each(command, empty):
    listed = {model["name"]: model for model in command("models", "list", "--json").json}
    assert set(listed) >= {"htdemucs", "htdemucs_ft", "htdemucs_6s", "hdemucs_mmi", "mdx", "mdx_extra"}
    assert [name for name, model in listed.items() if model["here"]] == ["sketch"], (
        "it comes with the program"
    )
    assert listed["htdemucs_ft"]["sdr"]["vocals"] == 9.2
    assert "MUSDB18" in listed["htdemucs_ft"]["source"]
    assert not listed["mdx_extra"]["sdr"]
    words = command("models", "list").stdout
    assert "htdemucs_6s" in words
    assert "guitar" in words


def test_a_model_is_fetched_checked_and_removed(command, empty, monkeypatch, tmp_path):
    source = tmp_path / "made"
    source.mkdir()
    with model_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.files[KEY] = write_tiny_weights(source).read_bytes()
        fetched = command("models", "download", "htdemucs", "--json")
    assert fetched.code == 0
    assert fetched.json["here"]
    assert fetched.json["bytes"] == len(hub.files[KEY])
    assert "MB to fetch, licence MIT" in fetched.stderr
    checked = command("models", "verify", "--json")
    assert [(each["model"], each["verdict"]) for each in checked.json] == [
        ("htdemucs", "whole"),
        ("sketch", "whole"),
    ]
    assert len(command("models", "remove", "htdemucs", "--json").json) == 1
    assert "not on this machine" in command("models", "verify", "htdemucs").stdout


def test_weights_at_hand_are_added(command, empty, tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    write_tiny_weights(folder)
    added = command("models", "add", folder)
    assert added.code == 0
    assert str(models_folder()) in added.stdout
    assert command("models", "verify", "htdemucs", "--json").json[0]["verdict"] == "unchecked"


def test_what_cannot_be_loaded_is_not_said_to_load(command, empty, monkeypatch):
    from stemstudio.algorithms.neural import packed

    monkeypatch.setattr(packed, "unpacker", dict)
    models_folder().mkdir(parents=True)
    (models_folder() / "6b9c2ca1.safetensors").write_bytes(b"packed")
    ran = command("models", "verify", "mdx_q")
    assert ran.code == 0
    assert "no checksum is known; loading it takes the package diffq" in ran.stdout
    assert "loads;" not in ran.stdout


def test_damaged_weights_are_found(command, empty):
    models_folder().mkdir(parents=True)
    (models_folder() / "955717e8-8726e21a.th").write_bytes(b"not weights")
    ran = command("models", "verify")
    assert ran.code == 2
    assert "damaged" in ran.stderr


def test_what_cannot_be_is_one_sentence(command, empty, tmp_path):
    assert "There is no model “spleeter”" in command("models", "download", "spleeter").sentence
    assert "There is no file" in command("models", "add", tmp_path / "nothing").sentence


def test_a_roformer_is_added_with_its_yaml_and_separates(command, empty, tmp_path, song):
    path = write_tiny_roformer(tmp_path, "voice", stems=1)
    config = path.with_suffix(".yaml").rename(tmp_path / "settings.txt")
    refused = command("models", "add", path)
    assert refused.code == 2
    assert "--config" in refused.stderr
    assert command("models", "add", path, "--config", config).code == 0
    listed = {model["name"]: model for model in command("models", "list", "--json").json}
    assert listed["voice"]["here"]
    assert listed["voice"]["stems"] == ["vocals"]
    assert command("models", "verify", "voice", "--json").json[0]["verdict"] == "unchecked"
    words = ("--algorithm", "roformer", "--set", "model=voice", "--out", tmp_path / "out", "--json")
    made = command("separate", song, *words)
    assert set(made.json["stems"]) == {"vocals", "residual"}
    assert made.json["null_db"] < -90
    assert len(command("models", "remove", "voice", "--json").json) == 2
