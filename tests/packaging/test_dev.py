"""dev.py on a checkout whose path has spaces, with a pip that only writes down what it was asked."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
SOURCES = ("dev.py", "environment.py", "steps.py", "system_needs.py")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for pip is a shell script's maker")

# Whatever this machine lacks is not to be installed by a test.
SATISFIED = "import sys; sys.path.insert(0, 'packaging'); import system_needs; system_needs.needs = lambda tests: []; "
DEV = [sys.executable, "-c", SATISFIED + "import dev; sys.exit(dev.main(sys.argv[1:]))"]

PIP = '''
import os, pathlib, sys, time
root = pathlib.Path.cwd()
with open(root / "pip.txt", "a") as record:
    print(*sys.argv[1:], sep="|", file=record)
mood = os.environ.get("PIP_MOOD")
if mood == "hang":
    time.sleep(60)
if mood:
    print("Collecting av" + chr(10) * 20 + mood)
    sys.exit(1)
if "-e" in sys.argv:
    program = root / ".venv/bin/stemstudio"
    program.write_text("""#!/bin/sh
[ "$1" = wait ] && { echo waiting; exec sleep 60; }
printf '<%s>' "$@"
exit 7
""")
    program.chmod(0o755)
'''
CHECK = """
import os, sys
name = os.path.basename(__file__).removesuffix(".py")
if name in os.environ.get("BROKEN", "").split():
    print("something is wrong here")
    sys.exit(3)
if name == "pytest":
    print("pytest", os.environ["QT_QPA_PLATFORM"], *sys.argv[1:])
"""


class Checkout:
    """A copy of what dev.py needs, and how it went."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a check out"
        (self.root / "packaging").mkdir(parents=True)
        for name in SOURCES:
            shutil.copy(PACKAGING / name, self.root / "packaging")
        (self.root / "packaging/constraints.txt").write_text("numpy==1.0\n")
        (self.root / "pyproject.toml").write_text('dependencies = [\n    "torch==2.13.0",\n]\n')
        self.stand_ins = folder / "stand-ins"
        (self.stand_ins / "pip").mkdir(parents=True)
        (self.stand_ins / "pip/__init__.py").touch()
        (self.stand_ins / "pip/__main__.py").write_text(PIP)
        (self.stand_ins / "importlinter").mkdir()
        (self.stand_ins / "importlinter/__init__.py").touch()
        (self.stand_ins / "importlinter/cli.py").write_text("def lint_imports_command(): pass\n")
        for name in ("ruff", "mypy", "pytest"):
            (self.stand_ins / f"{name}.py").write_text(CHECK)

    def environ(self, **more: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"}
        return {**clean, "PYTHONPATH": str(self.stand_ins), **more}

    def dev(self, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        result = subprocess.run(
            [*DEV, *arguments],
            cwd=self.root,
            env=self.environ(**environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "Traceback" not in result.stderr, result.stderr
        return result

    def installations(self) -> list[str]:
        """What pip was asked to install, oldest first."""
        record = self.root / "pip.txt"
        lines = record.read_text().splitlines() if record.exists() else []
        return [line.rsplit("|", 1)[1] for line in lines]


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.fixture
def made(checkout):
    """A checkout whose environment is there, without the seconds that making it takes."""
    venv = checkout.root / ".venv"
    subprocess.run([sys._base_executable, "-m", "venv", "--without-pip", venv], check=True)
    assert checkout.dev("run").returncode == 7
    return checkout


def test_first_start_makes_the_environment_and_the_second_only_starts(checkout):
    first = checkout.dev("run")
    assert first.returncode == 7
    assert "Making the environment .venv" in first.stderr
    assert "StemStudio is ready" in first.stderr
    assert checkout.installations() == ["torch==2.13.0", "."]
    second = checkout.dev("run")
    assert second.returncode == 7
    assert second.stderr == ""
    assert len(checkout.installations()) == 2


def test_pip_is_bound_to_the_pinned_versions(made):
    for line in (made.root / "pip.txt").read_text().splitlines():
        assert f"-c|{made.root}/packaging/constraints.txt" in line


def test_starting_costs_less_than_a_fifth_of_a_second(made):
    def seconds(command):
        times = []
        for _ in range(5):
            began = time.perf_counter()
            subprocess.run(command, cwd=made.root, env=made.environ(), capture_output=True)
            times.append(time.perf_counter() - began)
        return min(times)

    program = str(made.root / ".venv/bin/stemstudio")
    python = seconds([sys.executable, "-c", "pass"])
    assert seconds([sys.executable, "packaging/dev.py", "run"]) - seconds([program]) - python < 0.2


def test_arguments_and_output_are_the_programs_own(made):
    result = made.dev("run", "separate", "my song.wav", "--json")
    assert result.stdout == "<separate><my song.wav><--json>"


def test_signals_reach_the_program(made):
    process = subprocess.Popen(
        [*DEV, "run", "wait"], cwd=made.root, env=made.environ(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    process.stdout.close()


def test_changed_pins_are_installed_once(made):
    for change in ("pyproject.toml", "packaging/constraints.txt"):
        with (made.root / change).open("a") as file:
            file.write("# changed\n")
        before = len(made.installations())
        made.dev("run")
        made.dev("run")
        assert len(made.installations()) == before + 2  # torch, and all else


def test_tests_add_their_libraries_and_running_keeps_them(made):
    made.dev("test")
    assert made.installations()[-1] == ".[test]"
    count = len(made.installations())
    made.dev("run")
    made.dev("test")
    assert len(made.installations()) == count
    (made.root / "pyproject.toml").write_text('"torch==2.14.0"')
    made.dev("run")
    assert made.installations()[-2:] == ["torch==2.14.0", ".[test]"]


@pytest.mark.parametrize(("field", "value"), [("python", "2.7"), ("root", "/elsewhere")])
def test_environment_of_another_python_or_place_is_made_anew(made, field, value):
    stamp = made.root / ".venv/stemstudio-stamp.json"
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), field: value}))
    (made.root / ".venv/leftover").touch()
    assert made.dev("run").returncode == 7
    assert not (made.root / ".venv/leftover").exists()


def test_damaged_stamp_is_not_believed(made):
    (made.root / ".venv/stemstudio-stamp.json").write_text('{"root": 3')
    assert "Installing StemStudio" in made.dev("run").stderr


def test_broken_python_is_replaced(made):
    (made.root / ".venv/stemstudio-stamp.json").unlink()
    (made.root / ".venv/bin/python").unlink()
    assert made.dev("run").returncode == 7


def test_killed_installation_is_mended_by_the_next_start(checkout):
    process = subprocess.Popen(
        [*DEV, "run"], cwd=checkout.root, env=checkout.environ(PIP_MOOD="hang"), start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not checkout.installations():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (checkout.root / ".venv/half-written").touch()
    result = checkout.dev("run")
    assert result.returncode == 7
    assert "making it anew" in result.stderr
    assert not (checkout.root / ".venv/half-written").exists()
    assert checkout.dev("run").stderr == ""


def test_failing_pip_is_quoted_in_short_and_a_retry_keeps_the_environment(made):
    (made.root / "packaging/constraints.txt").write_text("numpy==2.0\n")
    (made.root / ".venv/kept").touch()
    failed = made.dev("run", PIP_MOOD="ERROR: No space left on device")
    assert failed.returncode == 1
    assert "    ERROR: No space left on device\n" in failed.stderr
    assert "Collecting av" not in failed.stderr
    assert "could not be installed" in failed.stderr.splitlines()[-1]
    assert made.dev("run").returncode == 7
    assert (made.root / ".venv/kept").exists()


def test_without_network_it_says_so(made):
    (made.root / "packaging/constraints.txt").write_text("numpy==2.0\n")
    failed = made.dev("run", PIP_MOOD="[Errno -3] Temporary failure in name resolution")
    assert failed.returncode == 1
    assert "check the network" in failed.stderr.splitlines()[-1]


def test_all_checks_then_the_tests_offscreen(made):
    good = made.dev("test", "-k", "two words")
    assert good.returncode == 0
    assert good.stdout == "pytest offscreen -k two words\n"
    told = [line for line in good.stderr.splitlines() if line.startswith("Checking")]
    assert [line.split()[1] for line in told] == ["lint", "format", "imports", "types"]
    assert good.stderr.splitlines()[-1].startswith("All good")


def test_failed_check_is_shown_and_fails_the_whole_though_tests_still_run(made):
    result = made.dev("test", BROKEN="mypy")
    assert result.returncode == 1
    assert "something is wrong here" in result.stderr
    assert result.stdout.startswith("pytest offscreen -n "), "all tests, on all cores"
    assert result.stderr.splitlines()[-1].startswith("Not good: types;")


def test_failed_tests_give_pytests_exit_code(made):
    assert made.dev("test", BROKEN="pytest").returncode == 3


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["walk"], 2), (["--help"], 0)])
def test_wrong_use_is_answered_with_the_two_commands(checkout, arguments, code):
    result = checkout.dev(*arguments)
    assert result.returncode == code
    assert "dev.py run [ARGS" in result.stdout + result.stderr
    assert "dev.py test [PYTEST ARGS" in result.stdout + result.stderr
    assert not (checkout.root / ".venv").exists()


@pytest.fixture
def modules(monkeypatch):
    """dev.py and its neighbours, loaded here."""
    monkeypatch.syspath_prepend(str(PACKAGING))
    for name in ("dev", "environment", "steps", "system_needs"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import dev
    import environment
    import steps
    import system_needs

    yield SimpleNamespace(dev=dev, environment=environment, steps=steps, system_needs=system_needs)
    for name in ("dev", "environment", "steps", "system_needs"):
        del sys.modules[name]


@pytest.fixture
def lacking(modules, monkeypatch):
    """A Debian that lacks what is asked for, until it is installed."""
    system = modules.system_needs
    state = SimpleNamespace(root=False, installed=False, called=[])

    def call(self, text, command, log, env=None, cwd=None):
        state.called.append(command)
        log.write_text("E: nothing")
        state.installed = state.installed or "install" in command
        return 0

    def needs(vital):
        there = lambda: state.installed  # noqa: E731
        state.needs = [
            system.Need("libEGL.so.1", "libegl1", there, vital),
            system.Need("pactl", "pulseaudio-utils", there, False),
            system.Need("parec", "pulseaudio-utils", there, False),
        ]
        monkeypatch.setattr(system, "needs", lambda tests: state.needs)

    state.ask = needs
    monkeypatch.setattr(system, "has_apt", lambda: True)
    monkeypatch.setattr(system, "can_install", lambda: state.root)
    monkeypatch.setattr(modules.steps.Steps, "call", call)
    return state


COMMAND = "sudo apt-get update && sudo apt-get install -y libegl1 pulseaudio-utils"


def test_a_vital_library_stops_with_the_one_command(modules, lacking):
    lacking.ask(vital=True)
    with pytest.raises(modules.steps.Stop) as stop:
        modules.dev.check_system(modules.steps.Steps(), tests=True)
    assert str(stop.value) == f"This system lacks libEGL.so.1, pactl, parec. To add it: {COMMAND}"
    assert lacking.called == []


def test_what_is_not_vital_is_only_told(modules, lacking, capsys):
    lacking.ask(vital=False)
    modules.dev.check_system(modules.steps.Steps(), tests=True)
    assert COMMAND in capsys.readouterr().err


def test_root_on_debian_installs_after_refreshing(modules, lacking, capsys):
    lacking.root = True
    lacking.ask(vital=True)
    modules.dev.check_system(modules.steps.Steps(), tests=True)
    update, install = lacking.called
    assert update == ["apt-get", "update"]
    assert install[:3] == ["apt-get", "install", "-y"]
    assert install[-2:] == ["libegl1", "pulseaudio-utils"]
    assert "lacks" not in capsys.readouterr().err


def test_other_systems_are_told_names_to_look_for(modules, monkeypatch):
    monkeypatch.setattr(modules.system_needs, "has_apt", lambda: False)
    need = modules.system_needs.Need("libEGL.so.1", "libegl1", lambda: False, True)
    assert "libEGL.so.1" in modules.system_needs.advice([need])
    assert "apt-get" not in modules.system_needs.advice([need])


def test_python_without_venv_is_told_the_one_command(modules, lacking, tmp_path, monkeypatch):
    monkeypatch.setattr(modules.environment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(modules.steps.Stop) as stop:
        modules.environment.create(modules.environment.Environment(tmp_path), modules.steps.Steps())
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    assert f"sudo apt-get install -y {package}" in str(stop.value)
    assert not (tmp_path / ".venv").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lends libraries")
def test_libraries_are_tried_for_real(modules):
    system = modules.system_needs
    assert system.library_loads("libc.so.6")
    assert not system.library_loads("libnot-there.so.1")
    wanted = {need.what for need in system.needs(for_tests=True)}
    assert {"libEGL.so.1", "libportaudio.so.2", "pulseaudio", "a font"} <= wanted


@pytest.mark.parametrize(
    ("environ", "library"),
    [
        ({"DISPLAY": ":0"}, "libxcb-cursor.so.0"),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, "libxcb-cursor.so.0"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "libwayland-cursor.so.0"),
        ({}, None),
        ({"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen"}, None),
    ],
)
def test_only_the_screen_at_hand_asks_for_libraries(modules, environ, library):
    names = [name for name, _ in modules.system_needs.screen_libraries(environ)]
    assert (library in names) if library else (names == [])


def test_continuous_integration_calls_the_same_command():
    script = (ROOT / ".ci/run").read_text()
    commands = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert commands == ["set -e", 'cd "$(dirname "$0")/.."', "python3 packaging/dev.py test"]
    assert os.access(ROOT / ".ci/run", os.X_OK)
