"""The checkout's own Python environment in `.venv`: made, brought up to date, or found ready."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import system_needs
from steps import Steps, Stop, elapsed, last_lines

UNREACHABLE = re.compile(
    r"name resolution|NewConnectionError|Network is unreachable|getaddrinfo|ConnectTimeout|ReadTimeout",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Stamp:
    """What an environment was made for; it is up to date while this is unchanged.

    Attributes
    ----------
    root
        The checkout: an environment that was moved has scripts that point to where it was.
    python
        Major and minor version.
    pins
        Hash of all files that say which libraries are wanted.
    tests
        Whether the libraries for testing are there too.
    """

    root: str
    python: str
    pins: str
    tests: bool

    def serves(self, wanted: Stamp) -> bool:
        """Whether nothing need be installed for `wanted`."""
        return self == wanted or (self.tests and self == Stamp(wanted.root, wanted.python, wanted.pins, True))


@dataclass(frozen=True)
class Environment:
    """The checkout's own Python environment.

    Attributes
    ----------
    root
        The checkout.
    """

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / ".venv"

    @property
    def stamp_file(self) -> Path:
        return self.folder / "stemstudio-stamp.json"

    @property
    def unfinished_file(self) -> Path:
        """There while an installation is under way, and after one that was cut off."""
        return self.folder / "stemstudio-unfinished"

    @property
    def log_file(self) -> Path:
        return self.folder / "stemstudio-install.log"

    def executable(self, name: str) -> Path:
        """A program of the environment."""
        return self.folder / (f"Scripts/{name}.exe" if os.name == "nt" else f"bin/{name}")

    @property
    def python(self) -> Path:
        return self.executable("python")

    def stamp(self) -> Stamp | None:
        """What the environment was last made for, or None if that is unknown."""
        try:
            return Stamp(**json.loads(self.stamp_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write_stamp(self, stamp: Stamp) -> None:
        """Call the environment complete."""
        fresh = self.stamp_file.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(stamp), indent=1) + "\n", encoding="utf-8")
        os.replace(fresh, self.stamp_file)
        self.unfinished_file.unlink(missing_ok=True)

    def wanted(self, tests: bool) -> Stamp:
        """What the checkout asks for now."""
        pins = hashlib.sha256()
        for path in (
            self.root / "pyproject.toml",
            *sorted((self.root / "packaging").glob("constraints*.txt")),
        ):
            pins.update(path.read_bytes() + b"\0")
        return Stamp(str(self.root), "{}.{}".format(*sys.version_info), pins.hexdigest(), tests)

    def ready(self, wanted: Stamp) -> bool:
        """Whether the environment can be used as it is."""
        stamp = self.stamp()
        return (
            stamp is not None
            and stamp.serves(wanted)
            and not self.unfinished_file.exists()
            and self.executable("stemstudio").exists()
            and self.python.exists()
        )


def prepare(environment: Environment, steps: Steps, tests: bool) -> None:
    """Make the environment, or bring it up to date; at once where there is nothing to do."""
    wanted = environment.wanted(tests)
    if environment.ready(wanted):
        return
    before = environment.stamp()
    tests = tests or (before is not None and before.tests)
    if environment.folder.exists() and not usable(environment, wanted, before):
        steps.say("The environment in .venv is unfinished or made for something else: making it anew.")
        remove(environment.folder)
    if not environment.folder.exists():
        create(environment, steps)
    environment.stamp_file.unlink(missing_ok=True)
    environment.unfinished_file.touch()
    environment.log_file.unlink(missing_ok=True)
    pip = [environment.python, "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    pip += ["--disable-pip-version-check", "-c", environment.root / "packaging" / "constraints.txt"]
    torch = re.search(r'"(torch==[^"]+)"', (environment.root / "pyproject.toml").read_text(encoding="utf-8"))
    # torch is most of the download; by itself, a local build of the same version is taken where one is offered.
    parts = [("Installing torch, the largest library", [torch[1]])] if torch else []
    parts.append(("Installing StemStudio and its libraries", ["-e", ".[test]" if tests else "."]))
    for text, what in parts:
        # A person's own `user = true` for pip makes no sense in an environment, and pip would refuse.
        private = {"PIP_USER": "0"}
        if steps.call(text, [*pip, *what], environment.log_file, private, environment.root) != 0:
            raise Stop(pip_failure(environment))
    # Not worth failing for: whoever plays first waits for it otherwise.
    engine = [environment.python, "-m", "stemstudio.mixing.compiling"]
    steps.call("Compiling the sound engine", engine, environment.log_file, cwd=environment.folder)
    environment.write_stamp(environment.wanted(tests))
    steps.say(f"StemStudio is ready after {elapsed(steps.started)}.")


def pip_failure(environment: Environment) -> str:
    """What to say when pip gave up by itself, which leaves the environment sound."""
    environment.unfinished_file.unlink(missing_ok=True)
    text = last_lines(environment.log_file)
    if UNREACHABLE.search(environment.log_file.read_text(encoding="utf-8", errors="replace")):
        return f"{text}\nA library could not be fetched: check the network and start again; what is here already is kept."
    return f"{text}\nThe libraries could not be installed; the whole account is in {environment.log_file}."


def usable(environment: Environment, wanted: Stamp, before: Stamp | None) -> bool:
    """Whether the environment that is there can be brought up to date rather than made anew."""
    if environment.unfinished_file.exists():
        return False
    if before is not None and (before.root, before.python) != (wanted.root, wanted.python):
        return False
    probe = "import sys, pip; print('{}.{}'.format(*sys.version_info))"
    try:
        answer = subprocess.run(
            [environment.python, "-c", probe],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == wanted.python


def create(environment: Environment, steps: Steps) -> None:
    """Make an empty environment that has pip."""
    if importlib.util.find_spec("ensurepip") is None:
        package = "python{}.{}-venv".format(*sys.version_info)
        if system_needs.can_install():
            install_packages(steps, [package])
            importlib.invalidate_caches()
        if importlib.util.find_spec("ensurepip") is None:
            advice = system_needs.install_advice([package], "Python's venv and ensurepip modules")
            raise Stop(f"This Python cannot make environments. To add that: {advice}")
    # Where dev.py itself runs in the old .venv, the new one must come from the Python behind it.
    python = getattr(sys, "_base_executable", None) or sys.executable
    environment.folder.mkdir()
    environment.unfinished_file.touch()
    log = environment.log_file
    if steps.call("Making the environment .venv", [python, "-m", "venv", environment.folder], log) != 0:
        text = last_lines(log)
        remove(environment.folder)
        raise Stop(f"{text}\nThe environment could not be made with {python}.")


def install_packages(steps: Steps, packages: Sequence[str]) -> None:
    """Have apt-get install `packages`; what it could not bring is noticed by whoever looks next."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "apt.log"
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        update, install = system_needs.install_commands(packages)
        # A list that cannot be refreshed may still be good enough to install from.
        steps.call("Refreshing the list of system packages", update, log, quiet)
        if steps.call(f"Installing {' '.join(packages)}", install, log, quiet) != 0:
            steps.say(last_lines(log))


def remove(folder: Path) -> None:
    """Delete a folder and all that is in it."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Stop(
            f"{folder} is in the way and cannot be deleted ({error}); close what uses it and start again."
        ) from error
