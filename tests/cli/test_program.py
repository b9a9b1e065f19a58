"""The command line as a shell has it: quick help, exit codes, one sentence for what is wrong, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

HEAVY = ("torch", "librosa", "demucs", "numba", "numpy", "scipy", "pydantic", "soundfile", "av", "PySide6")
COMMANDS = ("algorithms", "separate", "evaluate", "export", "info", "atoms", "templates", "help")
NO_DISPLAY = {"DISPLAY": None, "WAYLAND_DISPLAY": None, "QT_QPA_PLATFORM": None}


def test_help_lists_the_commands_and_fetches_nothing_heavy() -> None:
    code = (
        "import sys; from stemstudio.cli.program import run; code = run(['--help']); "
        f"print(code, sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.strip() == "0 []"
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout
    assert "[SONG | PROJECT] [--demo]" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(command: Any, name: str) -> None:
    ran = command(name, "--help")
    assert ran.code == 0
    assert f"Usage: stemstudio {name}" in ran.stdout


def test_the_version_is_said(command: Any) -> None:
    from stemstudio import __version__

    assert command("--version").stdout == f"stemstudio {__version__}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["separat", "x.wav"], "Did you mean “stemstudio separate”?"),
        (["nowhere.wav"], "“nowhere.wav” cannot be opened: there is no such file"),
        (["."], "it is a folder"),
        (["a\0b"], "cannot be opened"),
        (["separate"], "Missing argument"),
        (["separate", "x.wav", "--algorithm", "nmf"], "Missing option '--out'"),
        (["separate", "nowhere.wav", "--algorithm", "nmf", "--out", "x"], "there is no such file"),
        (["evaluate", "--nonsense"], "No such option: --nonsense"),
        (["evaluate", "--reference", "a", "--estimate", "b", "--match", "luck"], "'luck' is not one of"),
        (["evaluate", "--reference", "nowhere", "--estimate", "b"], "There is no folder “nowhere”"),
        (["algorithms", "magic"], "There is no algorithm “magic”"),
        (["info", "nowhere.wav"], "there is no such file"),
        (["export", "nowhere.stems", "--out", "x"], "“nowhere.stems” is not there"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = command(*words)
    assert ran.code == 2
    assert sentence in ran.sentence
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_one_sentence(command: Any, song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("stemstudio.audio.reading.probe", fail)
    ran = command("info", str(song))
    assert ran.code == 2
    assert (
        ran.stderr
        == "There is not enough memory for this. Close other programs, or take a shorter stretch.\n"
    )


def test_lists_can_be_piped_and_any_encoding_takes_them(process: Any) -> None:
    ran = process("algorithms", env={"PYTHONIOENCODING": "ascii"})
    assert ran.code == 0
    assert ran.stderr == ""
    assert "hpss" in ran.stdout


def test_json_is_all_there_is_on_stdout(process: Any, song: Path) -> None:
    ran = process("info", song, "--json")
    assert ran.code == 0
    assert ran.json["kind"] == "song"
    assert ran.stderr == ""
    wrong = process("info", song.with_name("none.wav"), "--json")
    assert wrong.code == 2
    assert "there is no such file" in wrong.sentence


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
def test_without_a_display_the_command_line_way_is_shown(process: Any, song: Path) -> None:
    for words in ((), (song,), ("--demo",)):
        ran = process(*words, env=NO_DISPLAY)
        assert ran.code == 2
        assert ran.sentence.startswith("There is no display")
        assert "stemstudio separate song.wav --algorithm" in ran.sentence


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send to one process")
def test_ctrl_c_leaves_nothing_behind(song: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["separate", song, "--algorithm", "nmf", "--set", "iterations=10000", "--out", out]
    running = subprocess.Popen(
        [sys.executable, "-m", "stemstudio", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while psutil.Process(running.pid).cpu_times().user < 4:  # under way, on a busy machine too
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        stdout, stderr = running.communicate(timeout=20)
    finally:
        running.kill()
        running.communicate()  # nothing of it is left for the tests after this one
    assert running.returncode == 130
    assert stdout == ""
    assert stderr == "Stopped; nothing was left behind.\n"
    assert not out.exists()


def test_it_ends_well_while_a_library_is_still_at_work() -> None:
    code = (
        "import threading, time, torch\n"
        "from stemstudio.__main__ import leave\n"
        "def work():\n"
        "    while True:\n"
        "        torch.ones(300, 300) @ torch.ones(300, 300)\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "time.sleep(0.2)\n"
        "print('said')\n"
        "leave(130)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "said\n", "")
