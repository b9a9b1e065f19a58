"""Where the sound goes: a device through PortAudio, or a silent clock where there is none.

Both call the audio callback on a `Deck`'s memory and have the same few methods.
sounddevice is imported on first use: without the PortAudio library it raises.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from stemstudio.errors import StemStudioError
from stemstudio.mixing.deck import Deck
from stemstudio.mixing.priority import going_first

__all__ = [
    "DeviceChoice",
    "Latency",
    "NoSound",
    "SilentClock",
    "SoundDevice",
    "devices",
    "fetch",
    "output_order",
    "refresh_devices",
]

Latency = Literal["low", "normal", "high"] | float
_LATENCIES: dict[str, str | float] = {
    "low": "low",
    "normal": 0.06,
    "high": 0.15,
}  # the device's own lowest, or seconds
_ALSA = (0x1, 0x2, 0x10, 0x20, 0x4, 0x8, 0x200, 0x400)  # front, back, centre, low frequencies, side
_INVALID_RATE = -9997  # paInvalidSampleRate


# Streams whose thread may still read: they must not be collected, nor what they play.
_streams: set[SoundDevice] = set()


class NoSound(StemStudioError):
    """A device that cannot be played on."""


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """An output device as offered to the user.

    Attributes
    ----------
    key
        Name by which settings remember it.
    label
        What the user reads.
    index
        PortAudio's number for it; only good until devices are looked for again.
    channels
        Most output channels.
    rate
        The device's own sample rate in Hz.
    host
        Name of the system's own sound layer.
    is_default
        Whether the system plays here unless told otherwise.
    """

    key: str
    label: str
    index: int
    channels: int
    rate: float
    is_default: bool
    host: str = ""


def _sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise NoSound(
            "This machine has no PortAudio library, so nothing can be heard.",
            "Install it (on Debian and Ubuntu: apt-get install libportaudio2) and start again.",
        ) from error
    return sounddevice


def fetch() -> None:
    """Have the sound system ready before somebody plays; called on a thread, as it looks at every device there is."""
    if sys.platform != "win32":  # there, what a thread finds is lost when it ends
        with contextlib.suppress(NoSound):  # said when somebody plays
            _sounddevice()


def output_order(masks: Sequence[int], device: DeviceChoice) -> list[int]:
    """Which of a room's channels goes to each output of a device.

    Parameters
    ----------
    masks
        The bit of each channel in a channel mask, in the order of files.

    Returns
    -------
    list of int
        ALSA has the centre and the low frequencies behind the pairs; others have the order of files.
    """
    order = list(range(len(masks)))
    if device.host != "ALSA":
        return order
    return sorted(order, key=lambda channel: _ALSA.index(masks[channel]) if masks[channel] in _ALSA else 99)


def refresh_devices() -> None:
    """Let PortAudio look for devices again; no stream may be open."""
    sounddevice = _sounddevice()
    sounddevice._terminate()
    sounddevice._initialize()


def devices() -> list[DeviceChoice]:
    """Return the output devices, the default one first; empty on a machine without any."""
    sounddevice = _sounddevice()
    hosts = sounddevice.query_hostapis()
    default = sounddevice.default.device[1]
    if default < 0 and hosts:
        default = hosts[0]["default_output_device"]
    found = []
    for index, device in enumerate(sounddevice.query_devices()):
        if device["max_output_channels"] > 0:
            host = hosts[device["hostapi"]]["name"]
            found.append(
                DeviceChoice(
                    key=f"{device['name']} [{host}]",
                    label=f"{device['name']} ({host})" if len(hosts) > 1 else device["name"],
                    index=index,
                    channels=device["max_output_channels"],
                    rate=device["default_samplerate"],
                    is_default=index == default,
                    host=host,
                )
            )
    return sorted(found, key=lambda choice: not choice.is_default)


class SoundDevice:
    """A PortAudio stream that plays a state.

    Parameters
    ----------
    deck
        What is played; kept alive as long as the stream may read from it.
    device
        A choice, or None for the default one.
    latency
        A word, or seconds.
    channels
        Outputs that are wanted; fewer are taken where the device has no more.

    Raises
    ------
    NoSound
        If there is no such device, or it cannot be opened at the state's rate.
    """

    silent = False

    def __init__(self, deck: Deck, device: DeviceChoice | None, latency: Latency, channels: int = 2) -> None:
        from cffi import FFI  # type: ignore[import-untyped]

        from stemstudio.mixing.callback import callback

        sounddevice = _sounddevice()
        if device is None:
            device = next(iter(devices()), None)
            if device is None:
                raise NoSound("No sound device was found.", "Connect one; until then the song runs silently.")
        self.device = device
        self._deck = deck
        self._lock = threading.Lock()
        self._closed = False
        self._last_time = 0.0
        state = deck.state
        self._error: type[Exception] = sounddevice.PortAudioError
        rate = float(state["rate"][0])
        state["channels_out"] = min(max(2, channels), device.channels)
        ffi = FFI()
        arguments: dict[str, Any] = {
            "kind": "output",
            "samplerate": rate,
            "blocksize": 0,
            "device": device.index,
            "channels": int(state["channels_out"][0]),
            "dtype": "float32",
            "latency": _LATENCIES.get(latency, latency) if isinstance(latency, str) else latency,
            "callback": ffi.cast("void*", callback.address),
            "userdata": ffi.cast("void*", state.ctypes.data),
            "wrap_callback": None,
        }
        if sys.platform == "win32" and "WASAPI" in device.key:
            arguments["extra_settings"] = sounddevice.WasapiSettings(auto_convert=True)
        try:
            # The class for library authors: it takes a native callback.
            with going_first():
                self._stream = sounddevice._StreamBase(**arguments)
        except (self._error, ValueError) as error:
            code = error.args[1] if len(error.args) > 1 else None
            reason = f"does not play at {rate:g} Hz" if code == _INVALID_RATE else "cannot be opened"
            raise NoSound(f"“{device.label}” {reason}.", "Choose another sound device.") from error
        state["latency"] = self.latency

    @property
    def latency(self) -> float:
        """Seconds from mixing to sounding, as the device states it."""
        return float(self._stream.latency)

    def start(self) -> None:
        """Begin calling the callback."""
        _streams.add(self)
        try:
            with going_first():
                self._stream.start()
        except self._error as error:
            raise NoSound(
                f"“{self.device.label}” cannot be started.", "Choose another sound device."
            ) from error

    def time(self) -> float:
        """The device's clock in seconds; may be asked from any thread."""
        with self._lock:
            if not self._closed:
                with contextlib.suppress(self._error):  # a device that has just gone
                    self._last_time = float(self._stream.time)
            return self._last_time

    @property
    def alive(self) -> bool:
        """Whether the stream still runs."""
        try:
            return bool(self._stream.active)
        except self._error:
            return False

    def close(self, *, lost: bool = False) -> bool:
        """Stop calling the callback once all is played; return whether it is certain to have stopped.

        A `lost` device may never answer: it is closed aside, and given a moment.
        """
        if not lost:
            try:
                self._stream.stop()
            except self._error:
                return self.close(lost=True)
            self._close()
            return True
        closing = threading.Thread(target=self._close, name="closing a lost sound device", daemon=True)
        closing.start()
        closing.join(1.0)
        return not closing.is_alive()

    def _close(self) -> None:
        with self._lock:
            self._closed = True
        with contextlib.suppress(self._error):  # a device that has gone cannot be closed, nor need it be
            self._stream.close()
        _streams.discard(self)


class SilentClock:
    """Plays a state to nowhere in real time, so that everything but the ear can follow."""

    silent = True
    device: DeviceChoice | None = None
    latency = 0.0

    def __init__(self, deck: Deck, period: float = 0.01) -> None:
        self._deck = deck
        self._state = deck.state
        self._period = period
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="silent clock", daemon=True)
        self._state["channels_out"] = 2
        self._state["latency"] = 0.0

    def start(self) -> None:
        """Begin calling the callback."""
        self._thread.start()

    def time(self) -> float:
        """The clock in seconds."""
        return time.perf_counter()

    @property
    def alive(self) -> bool:
        """Whether the clock runs."""
        return self._thread.is_alive()

    def close(self, *, lost: bool = False) -> bool:
        """Stop calling the callback."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        return True

    def _run(self) -> None:
        from stemstudio.mixing.callback import callback

        rate = float(self._state["rate"][0])
        output = np.zeros((4096, 2), dtype=np.float32)
        times = (ctypes.c_double * 3)()
        begun = time.perf_counter()
        delivered = 0
        while not self._stop.wait(self._period):
            due = int((time.perf_counter() - begun) * rate) - delivered
            if due > 20 * len(output):  # the machine slept: go on from here
                begun += (due - len(output)) / rate
                due = len(output)
            while due > 0:
                frames = min(due, len(output))
                times[1] = times[2] = begun + delivered / rate
                callback.ctypes(
                    None,
                    output.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
                    frames,
                    times,
                    0,
                    self._state.ctypes.data,
                )
                delivered += frames
                due -= frames
