"""The key of hashes that is kept beside the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbone.model.errors import StartError
from backbone.process.redact.key import FILE, kept_key


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    key = kept_key(tmp_path / "data")
    assert len(key) == 16
    assert kept_key(tmp_path / "data") == key
    assert (tmp_path / "data" / FILE).stat().st_mode & 0o777 == 0o600
    assert kept_key(tmp_path / "other") != key


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"short")
    with pytest.raises(StartError, match="expected a key of 16 bytes, got 5"):
        kept_key(tmp_path)
