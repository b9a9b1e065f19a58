"""A private sound server with nothing but a null sink, and a tape that runs along on its monitor."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 44100
STEREO = ("front-left", "front-right")
ASOUNDRC = """
pcm.!default { type pulse hint { show on description "Null sink" } }
ctl.!default { type pulse }
"""


class SoundServer:
    """A private PulseAudio whose only sink goes nowhere; `places` are the loudspeakers of its channels."""

    def __init__(self, folder: Path, places: tuple[str, ...] = STEREO) -> None:
        self.folder = folder
        self.places = places
        (folder / "asound.conf").write_text(ASOUNDRC)
        self.environment = {
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_STATE_PATH": str(folder / "state"),
            "PULSE_SERVER": f"unix:{folder / 'native'}",
            "PULSE_COOKIE": str(folder / "cookie"),
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
        }
        self._log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            [
                "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--system=false", "--realtime=false",
                "--high-priority=true", "--disable-shm=true", "--use-pid-file=false",
                "-L", f"module-native-protocol-unix socket={folder / 'native'} auth-anonymous=1",
                "-L", f"module-null-sink sink_name=nul format=float32le rate={RATE} channels={len(places)} "
                f"channel_map={','.join(places)}",
            ],
            env={**os.environ, **self.environment},
            stdout=self._log,
            stderr=self._log,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while not (folder / "native").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PulseAudio did not start: {(folder / 'log').read_text()}")
            time.sleep(0.02)

    @classmethod
    def in_a_folder(cls, places: tuple[str, ...] = STEREO) -> SoundServer:
        """A server in a folder of its own; a socket's path may not be longer than 108 bytes."""
        return cls(Path(tempfile.mkdtemp(prefix="pulse-")), places)

    def stop(self) -> None:
        """End the server; whoever plays loses the device."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._log.close()

    def clear(self) -> None:
        """End the server and remove its folder; PortAudio aborts where ALSA's configuration is missing."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def waited(process: int) -> float:
    """Seconds that a process's threads were ready to run and had no processor; 0 where Linux does not tell."""
    total = 0
    for known in Path(f"/proc/{process}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            total += int(known.read_text().split()[1])
    return total / 1e9


class Recording:
    """What the null sink would have played, as it comes.

    Attributes
    ----------
    arrivals
        Pairs of (time.monotonic(), frames so far).
    """

    def __init__(self, server: SoundServer) -> None:
        self._pieces: list[bytes] = []
        self._frame = 4 * len(server.places)
        self.arrivals: list[tuple[float, int]] = []
        self._process = subprocess.Popen(
            ["parec", "--raw", "--device=nul.monitor", "--format=float32le", f"--rate={RATE}",
             f"--channels={len(server.places)}", f"--channel-map={','.join(server.places)}", "--latency-msec=5"],
            env={**os.environ, **server.environment},
            stdout=subprocess.PIPE,
        )  # fmt: skip
        with contextlib.suppress(OSError):  # as the server, where that is allowed
            os.setpriority(os.PRIO_PROCESS, self._process.pid, -11)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._pieces and time.monotonic() < deadline:
            time.sleep(0.01)

    def _read(self) -> None:
        assert self._process.stdout is not None
        total = 0
        while piece := os.read(self._process.stdout.fileno(), 1 << 16):
            total += len(piece)
            self.arrivals.append((time.monotonic(), total // self._frame))
            self._pieces.append(piece)

    def stop(self) -> NDArray[np.float32]:
        """End the recording and return it, shape (channels, samples)."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()
        self._thread.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        sound = b"".join(self._pieces)
        whole = sound[: len(sound) // self._frame * self._frame]
        return np.frombuffer(whole, dtype=np.float32).reshape(-1, self._frame // 4).T

    @property
    def seconds(self) -> float:
        """Length so far."""
        return self.arrivals[-1][1] / RATE if self.arrivals else 0.0
