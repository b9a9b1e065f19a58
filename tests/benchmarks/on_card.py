"""Everything that needs a graphics card, in one call of less than five minutes: its tests, what fails on it, its speed.

Where there is a network, `python tests/benchmarks/on_card.py --pack DIR` gathers the few wheels that a bare machine lacks
(for Linux, Python 3.10 to 3.13). On the machine with the card, which may have none,
`python tests/benchmarks/on_card.py --wheels DIR --out RESULTS` installs those of them that are not there, beside the
machine's own torch, and does all steps. Each is bounded, and what it printed is kept in RESULTS as well, so that one that
hangs or breaks costs no other its answer. Without `--wheels`, pip asks the index that it knows.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEEDED = {  # module: what pip calls it; torch and numpy are the machine's own
    "demucs": "demucs",
    "einops": "einops",
    "julius": "julius",
    "tqdm": "tqdm",
    "annotated_types": "annotated-types",
    "typing_extensions": "typing-extensions",
    "typing_inspection": "typing-inspection",
    "pydantic": "pydantic",
    "pydantic_core": "pydantic-core",
    "pytest": "pytest",
    "pluggy": "pluggy",
    "iniconfig": "iniconfig",
    "packaging": "packaging",
    "pygments": "pygments",
}
COMPILED = ("pydantic-core",)
PYTHONS = ("310", "311", "312", "313")
TESTS = ("tests/algorithms/test_neural_on_card.py",)
LOOK = """
import torch
print("torch", torch.__version__, "cuda", torch.version.cuda, "card", torch.cuda.is_available() and torch.cuda.get_device_name())
raise SystemExit(not torch.cuda.is_available())
"""


def told(name: str, fallback: str) -> str:
    """What stands after an option."""
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else fallback


def pack(folder: Path) -> int:
    """Gather the wheels, in the versions that are installed here."""
    pip = [sys.executable, "-m", "pip", "-q"]
    folder.mkdir(parents=True, exist_ok=True)
    for name in NEEDED.values():
        wanted = f"{name}=={version(name)}"
        if name not in COMPILED:
            subprocess.run([*pip, "wheel", "--no-deps", "-w", str(folder), wanted], check=True)
            continue
        for python in PYTHONS:
            system = [
                "--platform",
                "manylinux_2_17_x86_64",
                "--python-version",
                python,
                "--only-binary=:all:",
            ]
            subprocess.run([*pip, "download", "--no-deps", "-d", str(folder), *system, wanted], check=True)
    return 0


def steps() -> list[tuple[str, list[str], float]]:
    """Name, command, and the most seconds of each."""
    python = sys.executable
    lacking = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    pytest = [
        "-m",
        "pytest",
        "-q",
        "-rs",
        "-c",
        os.devnull,
        "--rootdir",
        str(ROOT),
        "-p",
        "no:cacheprovider",
        "--noconftest",
    ]
    bench = ["tests/benchmarks/bench_neural.py", "--card", "--rounds", "3"]
    found: list[tuple[str, list[str], float]] = [("card", [python, "-c", LOOK], 40.0)]
    if lacking:
        wheels = told("--wheels", "")
        source = ["--no-index", "--find-links", wheels] if wheels else ["--retries", "1", "--timeout", "10"]
        # Without what they ask for: another torch would take minutes.
        install = [python, "-m", "pip", "install", "-q", "--no-input", "--no-deps", *source]
        found.append(("install", [*install, *lacking], 60.0))
    found.append(("tests", [python, *pytest, *TESTS], 80.0))
    found.append(("speed", [python, *bench], 150.0))
    return found


def main() -> int:
    """Do all steps; how many of them failed."""
    if "--pack" in sys.argv:
        return pack(Path(told("--pack", "")))
    out = Path(told("--out", os.environ.get("OUT", "on_card")))
    out.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + float(told("--seconds", "280"))
    failed = 0
    for name, command, most in steps():
        began = time.monotonic()
        code, words = run(command, max(1.0, min(most, ends - began)))
        (out / f"{name}.txt").write_text(words, encoding="utf-8")
        verdict = "good" if code == 0 else f"code {code}"
        print(f"== {name}: {verdict}, {time.monotonic() - began:.0f} s\n{words[-4000:]}", flush=True)
        failed += code != 0
        if failed and name == "card":
            break
    return failed


def run(command: list[str], most: float) -> tuple[int, str]:
    """A step, stopped after `most` seconds: its code, and all that it said."""
    paths = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "benchmarks")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **pipes) as process:
        try:
            words, _ = process.communicate(timeout=most)
        except subprocess.TimeoutExpired:
            stop(process)
            words, _ = process.communicate()
            words += f"\nstopped after {most:.0f} s".encode()
    return process.returncode, words.decode(errors="replace")


def stop(process: subprocess.Popen[bytes]) -> None:
    """It and what it began: the benchmark's sides are processes of their own."""
    if os.name == "posix":
        import signal

        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


if __name__ == "__main__":
    raise SystemExit(main())
