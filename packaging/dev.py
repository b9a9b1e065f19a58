#!/usr/bin/env python3
"""From a fresh checkout to the running program, or through all its tests: `dev.py run [ARGS…]`, `dev.py test [PYTEST ARGS…]`.

Needs Python 3.10 and nothing else. It keeps its own environment in `.venv`, which a second start finds ready.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import system_needs
from environment import Environment, install_packages, prepare
from steps import Steps, Stop, elapsed

ROOT = Path(__file__).resolve().parent.parent
USAGE = """usage: python3 packaging/dev.py run [ARGS…]           start StemStudio; ARGS as for `stemstudio`
       python3 packaging/dev.py test [PYTEST ARGS…]   check and test everything, or what PYTEST ARGS pick"""
CHECKS = (
    ("lint", ["-m", "ruff", "check"]),
    ("format", ["-m", "ruff", "format", "--check"]),
    ("imports", ["-c", "from importlinter.cli import lint_imports_command as run; run()"]),
    ("types", ["-m", "mypy"]),
)


def main(arguments: Sequence[str]) -> int:
    """Run `arguments` as given on the command line; the exit code."""
    if not arguments or arguments[0] not in ("run", "test"):
        asked = bool(arguments) and arguments[0] in ("-h", "--help")
        print(USAGE, file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    environment = Environment(ROOT)
    steps = Steps()
    tests = arguments[0] == "test"
    try:
        check_system(steps, tests)
        prepare(environment, steps, tests)
        return test(environment, steps, arguments[1:]) if tests else run(environment, arguments[1:])
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"The system refused: {error}.", file=sys.stderr)
        return 1


def check_system(steps: Steps, tests: bool) -> None:
    """Find, and where we may install, what Qt, sound and the tests need of the system."""
    lacking = system_needs.missing(system_needs.needs(tests))
    if lacking and system_needs.can_install():
        install_packages(steps, system_needs.packages_of(lacking))
        lacking = system_needs.missing(lacking)
    if not lacking:
        return
    names = ", ".join(need.what for need in lacking)
    sentence = f"This system lacks {names}. To add it: {system_needs.advice(lacking)}"
    if any(need.vital for need in lacking):
        raise Stop(sentence)
    steps.say(sentence)


def run(environment: Environment, arguments: Sequence[str]) -> int:
    """Become the program, so that its exit code and all signals are its own."""
    command = [str(environment.executable("stemstudio")), *arguments]
    if os.name != "nt":
        os.execv(command[0], command)
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the console gave it to the program too, and the program answers it


def test(environment: Environment, steps: Steps, arguments: Sequence[str]) -> int:
    """Every check, then every test; not 0 if one of them failed."""
    failed = []
    log = environment.folder / "stemstudio-check.log"
    for name, check in CHECKS:
        log.unlink(missing_ok=True)
        if steps.call(f"Checking {name}", [environment.python, *check], log, cwd=environment.root) != 0:
            print(log.read_text(encoding="utf-8", errors="replace").strip(), file=sys.stderr)
            failed.append(name)
    began = time.monotonic()
    env = {**os.environ, "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen")}
    command = [str(environment.python), "-m", "pytest", *(arguments or all_tests())]
    code = subprocess.run(command, cwd=environment.root, env=env, stdin=subprocess.DEVNULL).returncode
    if code != 0:
        failed.append("tests")
    verdict = f"Not good: {', '.join(failed)}" if failed else "All good"
    steps.say(f"{verdict}; tests {elapsed(began)}, altogether {elapsed(steps.started)}.")
    return code if code > 0 else int(bool(failed))


def all_tests() -> list[str]:
    """Everything at once: a process a core, but no more than four, as each takes some GB of memory.

    A process that dies ends the run: another in its place would wait for tests for ever.
    """
    return ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile", "--max-worker-restart", "0"]


if __name__ == "__main__":
    if sys.version_info < (3, 10):  # noqa: UP036 - the one place that an older Python reaches
        sys.exit("StemStudio needs Python 3.10 or newer; this is {}.{}.".format(*sys.version_info))
    sys.exit(main(sys.argv[1:]))
