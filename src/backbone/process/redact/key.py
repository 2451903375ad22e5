"""The key of hashes where a policy has none: made once, and kept in a file that only its owner may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from backbone.model.errors import StartError
from backbone.process.redact import KEY_BYTES

FILE = "redact.key"


def kept_key(directory: Path) -> bytes:
    """
    Return the key in *directory*, made if there is none.

    Raises:
        StartError: it cannot be read or written, or is no key.
    """
    file = directory / FILE
    try:
        if not file.exists():
            directory.mkdir(parents=True, exist_ok=True)
            fresh = file.with_suffix(".fresh")
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
                opened.write(secrets.token_bytes(KEY_BYTES))
                opened.flush()
                os.fsync(opened.fileno())
            fresh.replace(file)
        key = file.read_bytes()
    except OSError as error:
        raise StartError(f"'{file}': the key of hashes cannot be kept: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise StartError(f"'{file}': expected a key of {KEY_BYTES} bytes, got {len(key)}")
    return key
