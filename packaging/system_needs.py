"""What the operating system must bring for Qt, for sound and for the tests; tried for real, not guessed from a list."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Need:
    """Something outside Python.

    Attributes
    ----------
    what
        A shared library's, a program's or a file's name.
    package
        The Debian package that brings it.
    present
        Tries whether it is there.
    vital
        Without it nothing starts; otherwise something less is possible.
    """

    what: str
    package: str
    present: Callable[[], bool]
    vital: bool


def library_loads(name: str) -> bool:
    """Whether the dynamic linker finds and loads `name`."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def any_file(folders: Iterable[str], pattern: str) -> bool:
    """Whether a file matching `pattern` lies in or below one of `folders`."""
    return any(next(Path(folder).glob(pattern), None) is not None for folder in folders)


# What the PySide6 wheels link to but do not bring.
WINDOW = (
    ("libEGL.so.1", "libegl1"),
    ("libGL.so.1", "libgl1"),
    ("libxkbcommon.so.0", "libxkbcommon0"),
    ("libdbus-1.so.3", "libdbus-1-3"),
    ("libfontconfig.so.1", "libfontconfig1"),
    ("libfreetype.so.6", "libfreetype6"),
    ("libglib-2.0.so.0", "libglib2.0-0"),
    ("libgssapi_krb5.so.2", "libgssapi-krb5-2"),
)
# What Qt's X11 plugin adds …
X11 = (
    ("libX11-xcb.so.1", "libx11-xcb1"),
    ("libxcb-cursor.so.0", "libxcb-cursor0"),
    ("libxcb-icccm.so.4", "libxcb-icccm4"),
    ("libxcb-image.so.0", "libxcb-image0"),
    ("libxcb-keysyms.so.1", "libxcb-keysyms1"),
    ("libxcb-randr.so.0", "libxcb-randr0"),
    ("libxcb-render-util.so.0", "libxcb-render-util0"),
    ("libxcb-shape.so.0", "libxcb-shape0"),
    ("libxcb-sync.so.1", "libxcb-sync1"),
    ("libxcb-xfixes.so.0", "libxcb-xfixes0"),
    ("libxcb-xkb.so.1", "libxcb-xkb1"),
    ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
)
# … and its Wayland plugin.
WAYLAND = (
    ("libwayland-client.so.0", "libwayland-client0"),
    ("libwayland-cursor.so.0", "libwayland-cursor0"),
    ("libwayland-egl.so.1", "libwayland-egl1"),
)
# The sound server that playback is tested on.
SOUND_SERVER = (("pulseaudio", "pulseaudio"), ("pactl", "pulseaudio-utils"), ("parec", "pulseaudio-utils"))


def needs(for_tests: bool) -> list[Need]:
    """All that `run`, or `test`, asks of this system; empty outside Linux, whose wheels bring everything."""
    if not sys.platform.startswith("linux"):
        return []
    libraries = () if for_tests else screen_libraries(os.environ)
    found = [
        Need(name, package, _loads(name), vital=for_tests or bool(libraries)) for name, package in WINDOW
    ]
    found += [Need(name, package, _loads(name), vital=True) for name, package in libraries]
    found.append(Need("libportaudio.so.2", "libportaudio2", _loads("libportaudio.so.2"), vital=False))
    found.append(Need("a font", "fonts-dejavu-core", _has_font, vital=False))
    if for_tests:
        found += [Need(name, package, _runs(name), vital=False) for name, package in SOUND_SERVER]
        found.append(Need("ALSA's pulse plugin", "libasound2-plugins", _has_alsa_pulse, vital=False))
    return found


def screen_libraries(environ: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """What Qt loads to show a window on the screen that `environ` names; nothing where it names none."""
    platform = environ.get("QT_QPA_PLATFORM", "")
    if platform and not platform.startswith(("xcb", "wayland")):
        return ()
    if environ.get("DISPLAY") and not platform.startswith("wayland"):
        return X11
    return WAYLAND if environ.get("WAYLAND_DISPLAY") else ()


def missing(wanted: Sequence[Need]) -> list[Need]:
    """Those of `wanted` that are not there."""
    return [need for need in wanted if not need.present()]


def packages_of(wanted: Iterable[Need]) -> list[str]:
    """The Debian packages that bring `wanted`, each once, in order."""
    return list(dict.fromkeys(need.package for need in wanted))


def can_install() -> bool:
    """Whether this is Debian or a relative of it, and we are root there."""
    return has_apt() and hasattr(os, "geteuid") and os.geteuid() == 0


def has_apt() -> bool:
    """Whether packages come by apt-get here."""
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def install_commands(packages: Sequence[str]) -> list[list[str]]:
    """The commands, in order, by which root installs `packages`."""
    return [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *packages]]


def advice(wanted: Sequence[Need]) -> str:
    """One line that a person can type, or read to whoever keeps the machine."""
    return install_advice(packages_of(wanted), ", ".join(need.what for need in wanted))


def install_advice(packages: Sequence[str], names: str) -> str:
    """The one command for Debian's `packages`, or where there is no apt-get what `names` to look for."""
    if has_apt():
        return "sudo apt-get update && sudo apt-get install -y " + " ".join(packages)
    return f"install {names} with this system's package manager (on Debian: {' '.join(packages)})"


def _loads(name: str) -> Callable[[], bool]:
    return lambda: library_loads(name)


def _runs(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _has_font() -> bool:
    return any_file(
        ["/usr/share/fonts", "/usr/local/share/fonts", os.path.expanduser("~/.local/share/fonts")],
        "**/*.[to]tf",
    )


def _has_alsa_pulse() -> bool:
    name = "libasound_module_pcm_pulse.so"
    return any_file(["/usr/lib", "/usr/lib64"], f"alsa-lib/{name}") or any_file(
        ["/usr/lib"], f"*/alsa-lib/{name}"
    )
