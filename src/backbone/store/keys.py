"""Keys that are made once and kept in the data directory, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from backbone.model.errors import StartError


def kept_key(file: Path, size: int) -> bytes:
    """
    Return the key of *size* bytes that a file holds, made at random if there is no file yet.

    Raises:
        StartError: the file cannot be read or written, or holds something else.
    """
    try:
        if not file.exists():
            _make(file, size)
        key = file.read_bytes()
    except OSError as error:
        raise StartError(f"{file}: {(error.strerror or str(error)).lower()}") from error
    if len(key) != size:
        raise StartError(f"{file}: expected a key of {size} bytes, got {len(key)}; hashes of before need the old one")
    return key


def _make(file: Path, size: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
        opened.write(secrets.token_bytes(size))
        opened.flush()
        os.fsync(opened.fileno())
    # Whole or not at all: half a key would be another one.
    fresh.replace(file)
