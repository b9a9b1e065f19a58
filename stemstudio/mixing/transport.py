"""The transport: the audio callback is told when to play and from where, and asked for the place it has come to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing.playstate import LOOPS, PROGRAMMES, SEEK_BITS, TRAIL

__all__ = ["Transport"]

_LOOKED_BACK = 256


class Transport:
    """Play, pause, seek, loop and count-in of a song; places and lengths are in samples of it.

    Attributes
    ----------
    state
        The memory shared with the callback, see `playstate`.
    length
        Samples of the song.
    """

    def __init__(self, state: NDArray[np.void]) -> None:
        self.state = state
        self.length = 0
        self._s = state[0]
        self._running = False  # whether somebody calls the callback
        self._count_in: NDArray[np.float32] | None = None
        self._trail_from = 0
        self._last_frame = -np.inf

    @property
    def rate(self) -> float:
        """Sample rate in Hz."""
        return float(self._s["rate"])

    @property
    def playing(self) -> bool:
        """Whether play is on, or was asked for and not yet taken up."""
        s = self._s
        return bool(s["play_command"] & 1 if s["play_command"] != s["play_seen"] else s["playing"])

    @property
    def counting(self) -> int:
        """Samples of a count-in that are still to come before play begins; 0 where none runs."""
        s = self._s
        if not self.playing:
            return 0
        if s["play_seen"] != s["play_command"]:
            return int(s["count_in_length"]) if s["count_in_seen"] != s["count_in_command"] else 0
        return int(s["count_in_left"])

    @property
    def waiting(self) -> bool:
        """Whether play is held until more of the song is decoded."""
        return bool(self._s["waiting"])

    @property
    def finished(self) -> int:
        """How often play has come to an end by itself."""
        return int(self._s["finished"])

    def play(self, count_in: NDArray[np.float32] | None = None) -> None:
        """Go on playing, after the clicks of a count-in (mono, as heard) where one is given."""
        if count_in is not None and not self.playing:
            self._count_in = count_in
            self._s["count_in_address"] = count_in.ctypes.data
            self._s["count_in_length"] = count_in.size
            self._s["count_in_command"] += 1
        self._command(True)

    def pause(self) -> None:
        """Stop, keeping the place."""
        self._command(False)

    def _command(self, on: bool) -> None:
        self._s["play_command"] = ((int(self._s["play_command"]) >> 1) + 1) << 1 | on
        if not self._running:
            self._settle()

    def hush(self) -> None:
        """Fade out and hold the place, until the callback is called for another stream."""
        self._s["hush"] = 1

    @property
    def hushed(self) -> bool:
        """Whether only silence is being made."""
        return not self._running or int(self._s["gate"]) == 0

    def seek(self, sample: int) -> None:
        """Go to a sample of the song."""
        sample = max(0, min(int(sample), self.length))
        serial = (int(self._s["seek_command"]) >> SEEK_BITS) + 1
        self._s["seek_command"] = (serial % (1 << 18)) << SEEK_BITS | sample
        if not self._running:
            self._settle()

    @property
    def _sought(self) -> int:
        return int(self._s["seek_command"]) & ((1 << SEEK_BITS) - 1)

    def set_loop(self, start: int, stop: int) -> tuple[int, int]:
        """Repeat [start, stop), at least four fades long; return the loop as it was taken."""
        start, stop = max(0, min(start, stop)), min(self.length, max(start, stop))
        shortest = 4 * int(self._s["fade"])
        if stop - start < shortest:
            stop = min(self.length, start + shortest)
            start = max(0, stop - shortest)
        slot = (int(self._s["loop_slot"]) + 1) % LOOPS
        self._s["loop_start"][slot] = start
        self._s["loop_stop"][slot] = stop
        self._s["loop_slot"] = slot
        return start, stop

    def clear_loop(self) -> None:
        """Play straight on."""
        self._s["loop_slot"] = -1

    @property
    def loop(self) -> tuple[int, int] | None:
        """The loop [start, stop) in samples, if there is one."""
        slot = int(self._s["loop_slot"])
        return None if slot < 0 else (int(self._s["loop_start"][slot]), int(self._s["loop_stop"][slot]))

    # What came of it

    @property
    def position(self) -> int:
        """The sample that the callback mixes next: ahead of the sound by the output latency."""
        pending = self._s["seek_seen"] != self._s["seek_command"]
        if pending:
            return self._sought
        return round(int(self._s["position"]) * float(self._s["tempo"][self._s["voice"]]))

    def sounding(self, now: float) -> int:
        """The sample of the song that sounds at device time `now` in seconds.

        Follows the trail of the callback: the moment each block sounds is smoothed over the last blocks
        (devices report it with jitter), and time never runs backwards.  A seek shows at once.
        """
        s = self._s
        count = int(s["trail_count"])
        first = max(self._trail_from, count - _LOOKED_BACK)
        if not self._running or first >= count:
            return self.position
        entries = np.arange(first, count) % TRAIL
        frame = s["trail_frame"][entries]
        times = s["trail_time"][entries]
        recent = slice(-32, None)
        zero = float(np.median(times[recent] - frame[recent] / self.rate))
        heard = max((now - zero) * self.rate, self._last_frame)
        heard = min(heard, float(s["frames"]))
        self._last_frame = heard
        found = entries[max(0, int(np.searchsorted(frame, heard, side="right")) - 1)]
        if s["trail_seek"][found] != s["seek_command"]:
            return self._sought
        into = max(0.0, min(heard - s["trail_frame"][found], float(s["trail_length"][found])))
        return int(s["trail_position"][found] + s["trail_moving"][found] * into)

    def _settle(self) -> None:
        """Do what the callback does with a programme and a seek, while nobody calls it."""
        s = self._s
        slot = s["wanted"] % PROGRAMMES
        if s["tempo"][slot] != s["tempo"][s["voice"]]:
            s["position"] = round(int(s["position"]) * float(s["tempo"][s["voice"]] / s["tempo"][slot]))
        s["voice"] = slot
        s["fresh"][s["desk"]] = 1
        s["fade_left"] = s["gate"] = 0
        s["taken"] = s["settled"] = s["wanted"]
        if s["play_seen"] != s["play_command"]:
            s["play_seen"] = s["play_command"]
            s["playing"] = s["play_command"] & 1
            counts = s["playing"] and s["count_in_seen"] != s["count_in_command"]
            s["count_in_left"] = s["count_in_length"] if counts else 0
            s["count_in_seen"] = s["count_in_command"]
        if s["seek_seen"] != s["seek_command"]:
            s["seek_seen"] = s["seek_command"]
            s["position"] = round(self._sought / float(s["tempo"][slot]))
