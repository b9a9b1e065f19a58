"""The player: a song and its stems heard through a device, with Qt's signals.

The sound itself is made by the audio callback (`stemstudio.mixing.callback`)
from a `Deck`; the player opens devices, notices when one is gone, and keeps
time for the window.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from stemstudio.errors import StemStudioError
from stemstudio.mixing.deck import Deck
from stemstudio.mixing.metering import Meters
from stemstudio.mixing.metronome import Beats
from stemstudio.mixing.output import (
    DeviceChoice,
    Latency,
    NoSound,
    SilentClock,
    SoundDevice,
    devices,
    refresh_devices,
)
from stemstudio.mixing.patching import Patches
from stemstudio.mixing.programme import Source
from stemstudio.mixing.strips import Strips
from stemstudio.mixing.warming import Warming
from stemstudio.project.effects import Effects

__all__ = ["Held", "Player"]

Held = Literal["", "engine", "mixer", "stretching", "reading"]

_log = logging.getLogger(__name__)
_TICK = 0.02  # seconds between looks at the device
_HUNG = 1.0  # seconds without a block after which a device counts as gone
_SLOW_START = 5.0  # the same in the first second of a stream: some sleep deeply
_HUSHED = 0.2  # seconds to wait for the fade before a device is closed
_IDLE = 20.0  # seconds of pause after which the device is released


class Player(QObject):
    """Plays a song.  All methods but `replace` are for the window's thread.

    Attributes
    ----------
    device_note
        A sentence about the sound output that the user should see, or "".
    lead
        Asked when play begins: at which sample, and after which clicks of a count-in.
    stem_levels
        Asked for peaks and RMS of the stems, shape (stems, 2), at a sample while a room is played: it is mixed before.

    Signals
    -------
    state_changed
        Play, pause, source, loop or device changed.
    device_lost(str)
        The device went away; the sentence says what is played on now.
    finished
        The end of the song, or of a private buffer, was reached.
    """

    state_changed = Signal()
    device_lost = Signal(str)
    finished = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.device_note = ""
        self.lead: Callable[[], tuple[int, NDArray[np.float32] | None]] | None = None
        self.stem_levels: Callable[[int], tuple[NDArray[np.float64], NDArray[np.float64]]] | None = None
        self._deck = Deck()
        self._deck.at_once = True
        self._output: SoundDevice | SilentClock | None = None
        self._device: DeviceChoice | str | None = None
        self._latency: Latency = "normal"
        self._channels = 2
        self._warming = Warming()
        self._abandoned: list[object] = []
        self._before_audition: tuple[Source, tuple[int, int] | None] | None = None
        self._patches = Patches()
        self._finished_seen = 0
        self._blocks_seen = -1
        self._blocks_time = self._started = 0.0
        self._paused_since = 0.0
        self._timer = QTimer(self, interval=int(1000 * _TICK))
        self._timer.timeout.connect(self._look)

    # Devices

    def warm(self) -> None:
        """Compile or load the audio engine on a thread; play waits for it by itself."""
        self._warming.begin()

    @property
    def warmed(self) -> bool:
        """Whether all that plays is there: stems, strips, effects and meters."""
        return self._warming.whole

    @property
    def held_by(self) -> Held:
        """What keeps play from being heard, or heard in full: the engine, the mixer, stretching, reading; or nothing."""
        if not self.playing:
            return ""
        if not self._warming.can_begin:
            return "engine"
        if self._deck.waiting:
            return "stretching" if self._deck.stretched else "reading"
        return "" if self.warmed else "mixer"

    @property
    def counting(self) -> int:
        """Samples of the count-in that are still to come."""
        return self._deck.counting

    def devices(self) -> list[DeviceChoice]:
        """The output devices there are, the default first; empty where there are none."""
        try:
            if not isinstance(self._output, SoundDevice):
                refresh_devices()
            return devices()
        except NoSound as error:
            self.device_note = str(error)
            return []

    def open(self, device: DeviceChoice | str | None = None, latency: Latency = "normal") -> None:
        """Play on a device (None: the default; a string: its key) from now on, keeping the place.

        Where it cannot be opened, the default one is taken, else a silent clock; `device_note` says so.
        """
        self._device, self._latency = device, latency
        if self._output is not None:
            self._close()
            self._start()
        self.state_changed.emit()

    @property
    def device(self) -> DeviceChoice | None:
        """The device that is played on; None while there is none or the clock is silent."""
        return self._output.device if self._output is not None else None

    def set_channels(self, channels: int) -> DeviceChoice | None:
        """Play on so many outputs from now on; the device that will play them, or None where it has not as many."""
        chosen = self._output.device if self._output is not None else None
        if chosen is None:
            try:
                chosen = self._found(self._device) or next(iter(self.devices()), None)
            except NoSound:
                chosen = next(iter(self.devices()), None)
        if channels > 2 and (chosen is None or chosen.channels < channels):
            return None
        if channels != self._channels:
            self._channels = channels
            if self._output is not None:
                self._close()
                self._start()
        return chosen

    @property
    def silent(self) -> bool:
        """Whether play goes on without sound, for want of a device."""
        return self._output is not None and self._output.silent

    def close(self) -> None:
        """Stop and let go of the device."""
        self._warming.close()
        self._timer.stop()
        self._deck.pause()
        self._close()
        self._deck.close()

    def _close(self, *, lost: bool = False) -> None:
        output, self._output = self._output, None
        if output is None:
            return
        if not lost and not self._deck.hushed:
            self._deck.hush()
            deadline = time.monotonic() + _HUSHED
            while not self._deck.hushed and time.monotonic() < deadline:
                time.sleep(0.002)
            time.sleep(min(output.latency, _HUSHED))  # some hosts drop what they have not played yet
        if output.close(lost=lost):
            self._deck.running = False
        else:
            # Its thread may still wake up and read: leave it the memory, and go on with a copy.
            self._abandoned.append((output, self._deck))
            self._deck = self._deck.twin()
            self._finished_seen = self._deck.finished
        self._patches.settle(None, self._guard)

    def _start(self) -> None:
        """Start the output on the chosen device, or on what there is."""
        self.device_note = ""
        for device in dict.fromkeys((self._device, None)):
            try:
                output: SoundDevice | SilentClock = SoundDevice(
                    self._deck, self._found(device), self._latency, self._channels
                )
                self._deck.running = True
                output.start()
                break
            except NoSound as error:
                self._deck.running = False
                self.device_note = self.device_note or str(error)
        else:
            output = SilentClock(self._deck)
            self._deck.running = True
            output.start()
        self._output = output
        self._blocks_seen, self._blocks_time = -1, time.monotonic()
        self._started = self._blocks_time

    def _found(self, device: DeviceChoice | str | None) -> DeviceChoice | None:
        """The device of that key as it is numbered now."""
        if device is None:
            return None
        key = device if isinstance(device, str) else device.key
        for choice in devices():
            if choice.key == key:
                return choice
        raise NoSound(f"The sound device “{key}” is not there.", "Connect it, or choose another one.")

    # What is played

    def load(self, mixture: NDArray[np.float32], sample_rate: float) -> None:
        """Put on a song, (channels, samples) float32: stopped at its start, without stems or loop."""
        if sample_rate != self._deck.rate:
            self._close()
        self._before_audition = None
        self._patches.forget()
        self._deck.load(mixture, sample_rate)
        self.state_changed.emit()

    def set_ready(self, samples: int) -> None:
        """Say how much of a song that is still being decoded may be played."""
        self._deck.set_ready(samples)

    def set_stems(
        self,
        buffers: Sequence[NDArray[np.float32]],
        valid: NDArray[np.uint8] | None,
        gains: NDArray[np.floating] | Strips,
        *,
        spread: bool = False,
    ) -> None:
        """Play these stems wherever `valid` (one flag a `playstate.CHUNK`) is not 0, the song elsewhere.

        With `spread` the only one is a room, see `Deck.set_stems`.
        """
        self._patches.settle(None, self._guard)
        self._deck.set_stems(buffers, valid, gains, spread=spread)

    def plays(self, buffer: NDArray[np.float32]) -> bool:
        """Whether this very buffer is one of the stems."""
        return any(stem is buffer for stem in self._deck.programme.stems)

    def set_gains(self, gains: NDArray[np.floating] | Strips) -> None:
        """Set the strips: all that they do, or just linear factors of shape (stems, 2)."""
        self._deck.set_gains(gains)

    def set_effects(self, effects: Effects) -> None:
        """Set reverb and delay."""
        self._deck.set_effects(effects)

    def set_master(self, gain: float) -> None:
        """Move the master fader, linear."""
        self._deck.set_master(gain)

    def set_source(self, source: Source) -> None:
        """Choose between the stems and the original song; ends an audition."""
        if self._before_audition is not None and source != "audition":
            self._restore_loop()
        self._deck.set_source(source)
        self.state_changed.emit()

    @property
    def source(self) -> Source:
        """What is heard."""
        return self._deck.programme.source

    def audition(
        self,
        buffer: NDArray[np.float32],
        start_sample: int,
        loop: bool = False,
        *,
        over: bool = False,
        instead: bool = False,
    ) -> None:
        """Play a private buffer, (channels, n), whose sample 0 lies at `start_sample` of the song.

        Starts there and ends (or loops) with the buffer; the source and loop from before come back
        afterwards.  With `over`, play goes on where it is, and the stems are heard around the buffer:
        for "before the last edit".  With `instead`, a buffer that takes the place of the one being auditioned,
        of the same stretch, is faded to where play is: for going to and fro between takes.
        """
        heard = self._deck.programme
        same = (start_sample, buffer.shape[-1]) == (heard.audition_start, heard.audition.shape[-1])
        if instead and same and heard.audition_only and self._before_audition is not None:
            self._deck.set_audition(buffer, start_sample, only=True)
            self.state_changed.emit()
            return
        if self._before_audition is None:
            self._before_audition = (self.source, self._deck.loop)
        elif not over:
            self._restore_loop(keep=True)
        self._deck.set_audition(buffer, start_sample, only=not over)
        if not over:
            self._deck.clear_loop()
            if loop:
                self._deck.set_loop(start_sample, start_sample + buffer.shape[-1])
            self._deck.seek(start_sample)
            self.play()
        self.state_changed.emit()

    def auditions(self, buffer: NDArray[np.float32] | None) -> bool:
        """Whether this very buffer is what is being auditioned, playing or paused."""
        return buffer is not None and self.source == "audition" and self._deck.programme.audition is buffer

    def end_audition(self) -> None:
        """Go back to the source and the loop from before; play goes on if it is on."""
        if self._before_audition is not None:
            source = self._before_audition[0]
            self._restore_loop()
            self._deck.set_source(source)
            self.state_changed.emit()

    def _restore_loop(self, *, keep: bool = False) -> None:
        assert self._before_audition is not None
        loop = self._before_audition[1]
        if not keep:
            self._before_audition = None
        if loop is None:
            self._deck.clear_loop()
        else:
            self._deck.set_loop(*loop)

    # Transport

    @property
    def playing(self) -> bool:
        """Whether play is on."""
        return self._deck.playing

    def play(self) -> None:
        """Play on; from the start when the end was reached.  Starts as soon as the callback is compiled."""
        if self._deck.length == 0:
            return
        if self._deck.position >= self._deck.length:
            self._deck.seek(0)
        self._finished_seen = self._deck.finished
        clicks = None
        if self.lead is not None and not self.playing and self._before_audition is None:
            start, clicks = self.lead()
            if start != self._deck.position:
                self._deck.seek(start)
        self._deck.play(clicks)
        self.warm()
        if self._warming.can_begin and self._output is None:
            self._start()
        self._timer.start()
        self.state_changed.emit()

    def pause(self) -> None:
        """Stop, keeping the place."""
        self._deck.pause()
        self._paused_since = time.monotonic()
        self.state_changed.emit()

    def toggle(self) -> None:
        """Play or pause."""
        if self.playing:
            self.pause()
        else:
            self.play()

    def stop(self) -> None:
        """Pause, end an audition, and go back to the start of the loop or of the song."""
        self.pause()
        self.end_audition()
        loop = self._deck.loop
        self.seek(loop[0] if loop else 0)

    def seek(self, sample: int) -> None:
        """Go to a sample of the song; ends an audition that does not reach there."""
        programme = self._deck.programme
        begin = programme.audition_start
        if (
            self._before_audition is not None
            and programme.audition_only
            and not (begin <= sample < begin + programme.audition.shape[-1])
        ):
            self.end_audition()
        self._deck.seek(sample)

    def set_loop(self, start: int, stop: int) -> tuple[int, int]:
        """Repeat [start, stop) in samples; very short loops are lengthened.  Returns the loop as taken.

        While something is heard for itself that does not reach there, the loop begins afterwards.
        """
        if self._before_audition is not None:
            self._before_audition = (self._before_audition[0], (start, stop))
            heard = self._deck.programme
            end = heard.audition_start + heard.audition.shape[-1]
            if heard.audition_only and not heard.audition_start <= start < stop <= end:
                return start, stop
        loop = self._deck.set_loop(start, stop)
        self.state_changed.emit()
        return loop

    def clear_loop(self) -> None:
        """Play straight on."""
        if self._before_audition is not None:
            self._before_audition = (self._before_audition[0], None)
        self._deck.clear_loop()
        self.state_changed.emit()

    @property
    def loop(self) -> tuple[int, int] | None:
        """The loop [start, stop) in samples, if there is one."""
        return self._deck.loop

    @property
    def position(self) -> int:
        """The sample of the song that sounds now: output latency is accounted for."""
        deck, output = self._deck, self._output  # may be asked from a rendering thread
        return deck.position if output is None else deck.sounding(output.time())

    def meters(self) -> Meters:
        """Read the meters and start them afresh."""
        meters = self._deck.meters()
        if self._deck.programme.spread and self.stem_levels is not None and self.playing:
            peak, rms = self.stem_levels(self.position)
            meters = replace(meters, stem_peak=peak, stem_rms=rms)
        return meters

    def forget_loudness(self) -> None:
        """Measure loudness from here on."""
        self._deck.forget_loudness()

    # To play along

    def set_stretch(self, tempo: float, semitones: float) -> None:
        """Play slower or faster, higher or lower; 1 and 0 play the song itself."""
        self._deck.set_stretch(tempo, semitones)

    def set_metronome(self, beats: Beats | None, gain: float) -> None:
        """Click on these beats (None: on none), at a linear level."""
        self._deck.set_click_gain(0.0 if beats is None else gain)
        self._deck.set_metronome(beats)

    # Stems that change while they play

    def replace(self, new: Sequence[NDArray[np.float32]], start: int) -> None:
        """Put newly rendered sound, (channels, n) a stem, into the stems from sample `start` on, without a click.

        Unlike all else here, it may be called on any thread: what is heard does not wait for the window.
        """
        with self._patches.lock:
            live = self._deck.programme.stems
            self._patches.put(live, new, start, self._read_next, self._guard, int(0.005 * self._deck.rate))
            self._deck.renew(start, start + (new[0].shape[-1] if new else 0))

    @property
    def _read_next(self) -> int | None:
        """The sample of the stems that is read next; None while nobody reads."""
        reading = self._output is not None and self.playing and not self._deck.stretched
        return self._deck.position if reading else None

    @property
    def _guard(self) -> int:
        """Samples that the callback may read before a patch is in place: two blocks, 20 ms at least."""
        return max(2 * int(self._deck.state["largest_block"][0]), int(0.02 * self._deck.rate))

    # Keeping an eye on it

    def _look(self) -> None:
        """Look after the device, commands that had to wait, and the end of the song."""
        if self._output is None:
            if self._warming.error is not None:
                self._deck.pause()
                self._timer.stop()
                self.device_note = f"Sound cannot be played: {self._warming.error}."
                self.device_lost.emit(self.device_note)
                self.state_changed.emit()
            elif self._warming.can_begin and self.playing:
                self._start()
                self.state_changed.emit()
            return
        self._deck.tend()
        self._patches.settle(self._read_next, self._guard)
        self._watch_device()
        if self._deck.finished != self._finished_seen:
            self._finished_seen = self._deck.finished
            self._paused_since = time.monotonic()
            self.end_audition()
            self.finished.emit()
            self.state_changed.emit()
        elif not self.playing and time.monotonic() - self._paused_since > _IDLE and not self._patches:
            self._close()
            self._timer.stop()

    def _watch_device(self) -> None:
        assert self._output is not None
        blocks, now = int(self._deck.state["blocks"][0]), time.monotonic()
        if blocks != self._blocks_seen:
            self._blocks_seen, self._blocks_time = blocks, now
        patience = _HUNG if self._blocks_time - self._started > 1.0 else _SLOW_START
        if self._output.alive and now - self._blocks_time < patience:
            return
        gone = self._output.device
        self._close(lost=True)
        if gone is not None:
            try:
                refresh_devices()
            except StemStudioError as error:
                _log.warning("%s", error)
        self._device = None
        self._start()
        name = f"“{gone.label}”" if gone is not None else "The sound device"
        here = f"playing on “{self.device.label}” now." if self.device else "the song goes on silently."
        self.device_note = f"{name} is gone; {here}"
        self.device_lost.emit(self.device_note)
        self.state_changed.emit()
