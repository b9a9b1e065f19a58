"""The engine is there part by part: the song first, then all that plays."""

from __future__ import annotations

from stemstudio.mixing import output, warming
from stemstudio.mixing.compiling import FIRST, UNITS
from stemstudio.mixing.warming import Warming


def done(made: Warming) -> None:
    made.begin()
    made.begin()  # once is enough
    made._thread.join(20.0)


def test_the_song_can_begin_before_all_is_there(monkeypatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(warming, "load", loaded.append)
    monkeypatch.setattr(warming, "compiled", lambda units, stop: iter(FIRST))
    made = Warming()
    assert not made.can_begin
    done(made)
    assert loaded == list(FIRST)
    assert made.can_begin
    assert not made.whole
    monkeypatch.setattr(warming, "compiled", lambda units, stop: iter(UNITS))
    made = Warming()
    done(made)
    assert made.whole


def test_what_a_compiler_raises_is_kept_to_be_shown(monkeypatch) -> None:
    def broken(units, stop):
        raise OSError("no room on the disk")
        yield

    monkeypatch.setattr(warming, "compiled", broken)
    made = Warming()
    done(made)
    assert str(made.error) == "no room on the disk"
    assert not made.can_begin


def test_closing_ends_the_compilers(monkeypatch) -> None:
    def slow(units, stop):
        stop.wait(60.0)
        return iter(())

    monkeypatch.setattr(warming, "compiled", slow)
    made = Warming()
    made.begin()
    made.close()
    done(made)
    assert not made._thread.is_alive()


def test_sound_devices_are_looked_for_before_somebody_plays(monkeypatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(warming, "load", order.append)
    monkeypatch.setattr(warming, "compiled", lambda units, stop: iter(UNITS))
    monkeypatch.setattr(warming.output, "fetch", lambda: order.append("devices"))
    done(Warming())
    assert order == [*UNITS[: len(FIRST)], "devices", *UNITS[len(FIRST) :]]


def test_without_a_sound_system_nothing_is_said_until_somebody_plays(monkeypatch) -> None:
    def missing() -> None:
        raise output.NoSound("none")

    monkeypatch.setattr(output, "_sounddevice", missing)
    output.fetch()
