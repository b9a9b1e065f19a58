"""The deck: a song and its stems laid into the memory that the audio callback plays from.

A `Deck` is used from one thread (the window's).  It knows neither Qt nor sound
devices; whoever calls the callback sets `running` while it does.
"""

from __future__ import annotations

import _thread
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stemstudio.mixing import playstate
from stemstudio.mixing.effects import Lines, set_effects
from stemstudio.mixing.feeding import Feeder
from stemstudio.mixing.metering import Loudness, Meters, prepare, read_meters
from stemstudio.mixing.metronome import Beats, clicks
from stemstudio.mixing.playstate import CHUNK, MAX_STEMS, PROGRAMMES, SPREAD
from stemstudio.mixing.programme import SOURCES, Programme, Source, address, check
from stemstudio.mixing.strips import Strips
from stemstudio.mixing.transport import Transport
from stemstudio.project.effects import Effects

__all__ = ["Deck"]


class Deck(Transport):
    """Plays one song: its mixture, its stems, or a private buffer over either.

    Attributes
    ----------
    running
        Whether somebody is calling the callback; while False, changes take effect at once.
    lead_in
        Seconds of silence with which a new stream begins.
    at_once
        Whether to run with what native code there is, the song in place of its stems: the rest comes with `tend`.
    """

    def __init__(self, rate: float = 44100.0) -> None:
        super().__init__(playstate.new_state(rate))
        self.lead_in = playstate.LEAD_IN_SECONDS
        self.at_once = False
        self._whole = False
        self._kept: dict[int, Programme] = {0: Programme()}
        self._programme = self._next = Programme()
        self._pending = False
        self._feeder: Feeder | None = None
        self._retired: list[Feeder] = []
        self._closed = False
        self._beats: Beats | None = None
        self._strips = Strips.plain(np.zeros((0, 2)))
        self._replaced: list[tuple[int, Strips]] = []  # with the number of blocks at which it was replaced
        self._effects = Effects()
        self._lines = Lines(self.state)
        self._loudness = Loudness()
        prepare(self.state)
        set_effects(self.state, self._effects)

    # What is played

    @property
    def programme(self) -> Programme:
        """What was last asked to be played."""
        return self._programme

    def load(self, mixture: NDArray[np.float32], rate: float) -> None:
        """Put on a song: stopped at its start, all of it ready, without stems or loop.

        `mixture` has shape (channels, samples), float32, 1 or 2 channels; it may still be written to
        beyond what `set_ready` allows.  A new rate needs the callback at rest.
        """
        check(mixture)
        if rate != self.rate:
            if self._running:
                raise RuntimeError("the rate can only change while nothing calls the callback")
            playstate.set_rate(self.state, rate)
            if self._feeder is not None:
                tempo, semitones = self.tempo, self.semitones
                self._retire()
                self._feeder = None if self._closed else Feeder(self.state, tempo, semitones)
            self._lines = Lines(self.state)
            prepare(self.state)
            set_effects(self.state, self._effects)
        self.pause()
        self.clear_loop()
        self._s["ready"] = mixture.shape[-1]
        self._take_on(Strips.plain(np.zeros((0, 2))))
        self.forget_loudness()
        self._show(Programme(mixture=mixture, click=self._clicks()))
        self.seek(0)

    def set_ready(self, samples: int) -> None:
        """Allow play up to `samples`; beyond, it waits until there is more."""
        self._s["ready"] = max(0, min(samples, self.length))

    def set_stems(
        self,
        stems: Sequence[NDArray[np.float32]],
        valid: NDArray[np.uint8] | None,
        gains: NDArray[np.floating] | Strips,
        *,
        spread: bool = False,
    ) -> None:
        """Play these stems (channels, samples) wherever `valid` (one flag a CHUNK) says that they are rendered.

        With `spread` the only stem is a room of up to `SPREAD` channels, each for an output of its own.
        """
        if len(stems) > MAX_STEMS:
            raise ValueError(f"at most {MAX_STEMS} stems can be mixed, not {len(stems)}")
        if spread and len(stems) != 1:
            raise ValueError(f"a room is one stem, not {len(stems)}")
        for stem in stems:
            check(stem, most=SPREAD if spread else 2)
            if stem.shape[-1] != self.length:
                raise ValueError(f"a stem of {stem.shape[-1]} samples does not fit a song of {self.length}")
        if valid is not None:
            chunks = -(-self.length // CHUNK)
            if valid.dtype != np.uint8 or not valid.flags.c_contiguous or valid.size < chunks:
                raise ValueError(f"valid must be a contiguous uint8 array of {chunks} flags")
        self._take_on(_checked(gains, len(stems)))
        self._show(replace(self._programme, stems=tuple(stems), valid=valid, spread=spread))

    def set_gains(self, gains: NDArray[np.floating] | Strips) -> None:
        """Set the strips: all they do, or just factors of shape (stems, 2); the callback goes over to it smoothly."""
        self._take_on(_checked(gains, len(self._programme.stems)))
        if not self._pending:
            self._put_strips(int(self._s["wanted"]) % PROGRAMMES)

    def _take_on(self, strips: Strips) -> None:
        """Have other strips; the arrays of the old ones may still be read by the block that is being mixed."""
        self._replaced.append((int(self._s["blocks"]), self._strips))
        self._strips = strips

    def _put_strips(self, slot: int) -> None:
        s, count = self._s, len(self._strips.gains)
        s["target"][slot, :count] = self._strips.gains
        s["filters"][slot, :count] = [address(array) for array in self._strips.filters]
        s["curve"][slot, :count] = [address(array) for array in self._strips.curves]

    def set_effects(self, effects: Effects) -> None:
        """Set reverb and delay."""
        self._effects = effects
        set_effects(self.state, effects)

    def set_master(self, gain: float) -> None:
        """Move the master fader, linear."""
        self._s["master"] = gain

    def set_source(self, source: Source) -> None:
        """Choose what is heard."""
        if source not in SOURCES:
            raise ValueError(f"unknown source {source!r}")
        if source != self._programme.source:
            self._show(replace(self._programme, source=source))

    def set_audition(self, buffer: NDArray[np.float32], start: int, *, only: bool) -> None:
        """Play a private buffer whose sample 0 is the song's sample `start`.

        With `only`, play ends (or loops) with the buffer; without, the stems go on around it.
        """
        check(buffer)
        self._show(
            replace(
                self._programme, source="audition", audition=buffer, audition_start=start, audition_only=only
            )
        )

    # Tempo, key and metronome

    @property
    def stretched(self) -> bool:
        """Whether what is read now is a stretched copy of the song."""
        return bool(self._s["strict"][self._s["voice"]])

    @property
    def tempo(self) -> float:
        """The tempo last asked for: 1 is as played."""
        return 1.0 if self._feeder is None else self._feeder.tempo

    @property
    def semitones(self) -> float:
        """The change of key last asked for."""
        return 0.0 if self._feeder is None else self._feeder.semitones

    def seek(self, sample: int) -> None:
        """Go to a sample of the song; what is stretched is made there first."""
        super().seek(sample)
        if self._feeder is not None:
            self._feeder.hurry()

    def set_stretch(self, tempo: float, semitones: float) -> None:
        """Play at another tempo and in another key; 1 and 0 play the song itself, bit for bit.

        While it plays, the change is heard as soon as the first stretch is made.
        """
        if (tempo, semitones) == (self.tempo, self.semitones):
            return
        self._retire()
        unchanged = self._closed or (tempo == 1.0 and semitones == 0.0)
        self._feeder = None if unchanged else Feeder(self.state, tempo, semitones)
        self._show(self._programme)

    def _retire(self) -> None:
        """Let the feeder end, while what it made may still be read."""
        if self._feeder is not None:
            self._feeder.close(join=False)
            self._retired = [feeder for feeder in self._retired if feeder.alive]
            self._retired.append(self._feeder)

    def set_metronome(self, beats: Beats | None) -> None:
        """Click on these beats, at the level of `set_click_gain`."""
        if beats is not self._beats:
            self._beats = beats
            self._show(replace(self._programme, click=self._clicks()))

    def _clicks(self) -> NDArray[np.float64] | None:
        return None if self._beats is None else clicks(self._beats, self.rate)

    def set_click_gain(self, gain: float) -> None:
        """Move the metronome's fader, linear."""
        self._s["click_gain"] = gain

    def renew(self, start: int, stop: int) -> None:
        """Say that samples [start, stop) of the stems hold another sound now; from any thread."""
        feeder = self._feeder
        if feeder is not None:
            feeder.renew(start, stop)

    def close(self) -> None:
        """End the threads that feed the deck, and begin none any more; it is played no more."""
        self._closed = True
        for feeder in (*self._retired, self._feeder):
            if feeder is not None:
                feeder.close()
        self._retired.clear()

    def _show(self, programme: Programme) -> None:
        self._programme = programme
        self.length = int(programme.mixture.shape[-1])
        self._next = programme if self._feeder is None else programme.stretched(self._feeder)
        self._pending = True
        self.tend()

    def tend(self) -> None:
        """Hand over what had to wait and let go of what is no longer read; call now and then."""
        if self._running and not self._whole:
            from stemstudio.mixing.engine import connect

            self._whole = connect(self.state)
        blocks = int(self._s["blocks"])
        self._replaced = [each for each in self._replaced if self._running and each[0] + 2 > blocks]
        settled = int(self._s["settled"])
        gone = [self._kept.pop(number) for number in list(self._kept) if number < settled]
        if any(programme.strict or programme.stems for programme in gone):
            # The system takes back minutes of sound: longer than a window may wait.
            _thread.start_new_thread(gone.clear, ())
        number = int(self._s["wanted"]) + 1
        if not self._pending or (number - PROGRAMMES in self._kept and self._running):
            return
        if self._feeder is not None and self._running and self.playing and not self._feeder.ready():
            return  # what is playing goes on until the new is there
        self._pending = False
        programme = self._next
        slot = number % PROGRAMMES
        programme.put(self.state, slot)
        self._put_strips(slot)
        self._kept[number] = programme
        self._s["wanted"] = number
        if not self._running:
            self._settle()

    def twin(self) -> Deck:
        """A deck at rest with the same song, settings and place, in memory of its own.

        For when a device is gone whose thread may still read this one's.
        """
        twin = Deck(self.rate)
        twin.at_once = self.at_once
        twin.state[:] = self.state
        twin._s["position"] = self.position
        twin._strips, twin._programme, twin._next = self._strips, self._programme, self._next
        twin.length = self.length
        twin._beats, twin._count_in = self._beats, self._count_in
        twin._lines = Lines(twin.state)
        twin._effects, twin._loudness = self._effects, self._loudness
        twin._kept = {int(twin._s["wanted"]): self._programme}
        twin._pending = True
        twin._settle()
        twin.tend()
        tempo, semitones = self.tempo, self.semitones
        self.close()
        twin.set_stretch(tempo, semitones)
        return twin

    # Streams and meters

    @property
    def running(self) -> bool:
        """Whether somebody is calling the callback."""
        return self._running

    @running.setter
    def running(self, running: bool) -> None:
        if running and not self._running:
            from stemstudio.mixing.engine import connect, ready

            if not self.at_once:
                ready()
            self._whole = connect(self.state)
            self._trail_from = int(self._s["trail_count"])
            self._s["gate"] = 0
            self._s["largest_block"] = 0
            self._s["due"] = 0.0
            self._s["hush"] = 0
            self._s["lead_in"] = round(self.lead_in * self.rate)
        self._running = running
        if not running:
            self._settle()

    def meters(self) -> Meters:
        """Read the meters and start them afresh."""
        programme, loudness = self._programme, self._loudness
        loudness.read(self.state, mono=programme.mixture.shape[0] == 1 and self._strips.mono)
        return read_meters(
            self.state,
            None if programme.spread else len(programme.stems),
            loudness,
            null_applies=not (programme.spread or self._feeder is not None),
        )

    def forget_loudness(self) -> None:
        """Measure loudness from here on."""
        self._s["loudness_forget"] += 1
        self._loudness = Loudness()


def _checked(gains: NDArray[np.floating] | Strips, stems: int) -> Strips:
    if isinstance(gains, Strips):
        if len(gains.gains) != stems:
            raise ValueError(f"{len(gains.gains)} strips do not fit {stems} stems")
        return gains
    if np.shape(gains) != (stems, 2):
        raise ValueError(f"expected gains of shape {(stems, 2)}, not {np.shape(gains)}")
    return Strips.plain(gains)
