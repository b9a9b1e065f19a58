"""What the units of native code share: pointers from addresses, calls by address, and where compiled code is kept.

Sound is mixed by a few units of native code, each a C function in a file of its own: `callback` (the transport),
`native_mix` (what is heard), `native_strips` (what the mixer's strips do), `native_effects` (reverb and delay) and
`native_meters`.  They call each other by addresses that lie in the `playstate`, so that each is compiled, and kept on
disk, by itself: side by side, and what is needed first before the rest (see `compiling`).
"""

# Signatures are prescribed by numba; and this module is itself imported late.
# ruff: noqa: ARG001, TID253
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import cfunc, from_dtype, njit, types
from numba.core import config as numba_config
from numba.extending import intrinsic

from stemstudio.mixing.compiling import folder
from stemstudio.mixing.playstate import STATE

__all__ = ["UNIT", "bytes_at", "call_unit", "compiled_as", "doubles_at", "floats_at", "inline", "kernel"]

config: Any = numba_config

UNIT = types.void(types.CPointer(from_dtype(STATE)))
"""Signature of a unit: it takes the state, and finds its other arguments there."""


def compiled_as(signature):
    """Decorate a C function: compiled at once, or taken from the folder for these very sources."""
    return lambda function: _kept(lambda cache: cfunc(signature, cache=cache)(function))


def kernel(function):
    """Decorate a function that runs without the interpreter's lock, compiled for its arguments and kept likewise."""
    return _kept(lambda cache: njit(cache=cache, nogil=True)(function))


def _kept(compile_it):
    """What a decorator of numba makes, in our folder."""
    kept = folder()
    if kept is None:
        return compile_it(False)
    before, config.CACHE_DIR = config.CACHE_DIR, str(kept)
    try:
        return compile_it(True)
    finally:
        config.CACHE_DIR = before


inline = njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)  # type: ignore[call-overload]
"""For functions within a unit: only the unit itself is kept on disk."""


def _pointer_maker(element, bits):
    """Return a numba intrinsic that turns an integer address into a pointer to `element`."""

    @intrinsic
    def pointer(typingctx, address):
        def codegen(context, builder, signature, args):
            return builder.inttoptr(args[0], bits.as_pointer())

        return types.CPointer(element)(types.int64), codegen

    return pointer


floats_at = _pointer_maker(types.float32, ir.FloatType())
doubles_at = _pointer_maker(types.float64, ir.DoubleType())
bytes_at = _pointer_maker(types.uint8, ir.IntType(8))


def _call_unit(typingctx, address, state):

    def codegen(context, builder, signature, args):
        data = builder.bitcast(args[1], ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [data])
        return context.get_dummy_value()

    return types.void(types.int64, state), codegen


call_unit: Any = intrinsic(_call_unit)
"""`call_unit(address, state)`: call the unit at an address with the state."""
