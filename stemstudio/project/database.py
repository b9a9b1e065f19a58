"""The tables of a project file, and opening one that a stranger made.

A project is one SQLite database. Nothing in it runs: the schema must be ours to the letter, so there is no trigger,
view, index or expression that we did not write ourselves.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from pathlib import Path

from stemstudio.errors import BadProject

SUFFIX = ".stems"
APPLICATION = 0x53746D53  # "StmS", in the header of the file
VERSION = 1
PAGE = 16384
LONGEST_VALUE = 256 * 2**20  # bytes; more than any row we write, far less than a machine's memory

SCHEMA = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE stems (id INTEGER PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE splits (stem INTEGER PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE strokes (number INTEGER PRIMARY KEY, value TEXT NOT NULL)",
    'CREATE TABLE tiles (stem INTEGER, "row" INTEGER, "column" INTEGER, data BLOB NOT NULL, '
    'PRIMARY KEY (stem, "row", "column"))',
    "CREATE TABLE arrays (id INTEGER PRIMARY KEY AUTOINCREMENT, dtype TEXT NOT NULL, shape TEXT NOT NULL)",
    "CREATE TABLE chunks (array INTEGER, number INTEGER, data BLOB NOT NULL, PRIMARY KEY (array, number))",
    "CREATE TABLE edits (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, time TEXT NOT NULL, "
    "done INTEGER NOT NULL, record TEXT NOT NULL)",
    "CREATE TABLE song_bytes (number INTEGER PRIMARY KEY, data BLOB NOT NULL)",
)


def connect(path: Path, mode: str = "rw") -> sqlite3.Connection:
    """A connection on which nothing in the file can act; `mode` is "rw", "rwc", "ro" or "immutable"."""
    query = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=30,
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA mmap_size = 0")
    if hasattr(connection, "setlimit"):  # Python 3.11
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    return connection


def create(path: Path) -> sqlite3.Connection:
    """A new, empty project database."""
    connection = connect(path, "rwc")
    connection.execute(
        "PRAGMA synchronous = OFF"
    )  # nothing is lost with an empty file, and the window waits for it
    connection.execute(f"PRAGMA page_size = {PAGE}")
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("BEGIN")
    for statement in SCHEMA:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def journal(connection: sqlite3.Connection) -> None:
    """Make a working copy's connection survive the end of the process at any moment."""
    # Entering the mode must not wait for the disk to take in a copy of some hundred megabytes.
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {64 * 2**20}")


def check_header(path: Path) -> None:
    """Look at the first 100 bytes of a file; `BadProject` unless they are those of a project we can read."""
    try:
        if not path.is_file():
            raise BadProject(f"“{path.name}” is not there any more.", "Choose where it is now.")
        with open(path, "rb") as file:
            header = file.read(100)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise BadProject(f"“{path.name}” cannot be opened: {reason}.") from None
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise BadProject(f"“{path.name}” is not a StemStudio project.", "Choose a file that ends in .stems.")
    (version,) = struct.unpack(">I", header[60:64])
    (application,) = struct.unpack(">I", header[68:72])
    if application != APPLICATION:
        raise BadProject(f"“{path.name}” is not a StemStudio project.", "Choose a file that ends in .stems.")
    if version > VERSION:
        raise BadProject(f"“{path.name}” was made by a newer StemStudio.", "Update StemStudio to open it.")
    (page,) = struct.unpack(">H", header[16:18])
    (pages,) = struct.unpack(">I", header[28:32])
    if pages * (65536 if page == 1 else page) > size:
        raise damaged(path, "its end is missing")


def check_database(connection: sqlite3.Connection, path: Path) -> None:
    """`BadProject` unless the file is sound and holds exactly our tables."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    found = {sql for _, _, sql in rows if sql is not None}
    found.discard("CREATE TABLE sqlite_sequence(name,seq)")
    if found != set(SCHEMA):
        raise damaged(path, "it holds tables that are not ours")
    problems = connection.execute("PRAGMA quick_check(1)").fetchone()
    if problems != ("ok",):
        raise damaged(path, "its pages do not fit together")


def damaged(path: Path, reason: str) -> BadProject:
    """The error for a file that cannot be what we wrote."""
    backup = path.with_name(path.name + ".bak")
    way_on = (
        f"The version before is beside it as “{backup.name}”."
        if backup.exists()
        else "Choose another copy of it."
    )
    return BadProject(f"“{path.name}” is damaged: {reason}.", way_on)
