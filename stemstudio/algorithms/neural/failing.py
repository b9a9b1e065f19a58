"""Failing: what the device of a network may run into, as one sentence with a way on."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from stemstudio.algorithms.neural.devices import Device
from stemstudio.errors import CardFailed, CardTooSmall, NotEnoughMemory, out_of_memory

SMALLER = "Close other programs, take a smaller model, such as sketch or umxhq, or separate a selection."


@contextmanager
def understood(device: Device) -> Iterator[None]:
    """Whatever happens on a device while a network computes.

    Raises
    ------
    NotEnoughMemory
        Where there is too little; `CardTooSmall` on a card.
    CardFailed
        Where a driver breaks off, or cannot do what a network asks for.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        short = out_of_memory(error)
        if not short and device.name == "cpu":
            raise
        # What the pass had computed is let go: the error holds on to all that its frames hold.
        traceback.clear_frames(error.__traceback__)
        sentence = f"There is not enough memory for this network on {device.title}."
        if short and device.name == "cpu":
            raise NotEnoughMemory(sentence, SMALLER) from error
        if short:
            way_on = "Choose the CPU as the device, or close what else uses the card."
            raise CardTooSmall(sentence, way_on) from error
        words = str(error).strip().splitlines() or [type(error).__name__]
        raise CardFailed(
            f"T{device.title[1:]} broke off: {words[0][:160].rstrip('.')}.",
            "Choose the CPU as the device; where it happens again, start the computer anew or update the card's driver.",
        ) from error


def give_back(torch: Any, device: Device) -> None:
    """Let others have the memory of a card that is not in use; a driver that broke off is left alone."""
    if device.name != "cpu":
        with suppress(RuntimeError):
            getattr(torch, device.name).empty_cache()
