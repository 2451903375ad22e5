"""Machine code on disk is used again, and never longer than what it was made from stays the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_RUN = "from loops.outer import twice; print(twice(1), sum(twice.stats.cache_hits.values()))"


@pytest.fixture
def loops(tmp_path: Path) -> Path:
    """A package with a loop that calls one of another file, which has a number of a third one."""
    package = tmp_path / "loops"
    (package / "deep").mkdir(parents=True)
    for folder in (package, package / "deep"):
        (folder / "__init__.py").write_text("")
    (package / "deep" / "numbers.py").write_text("STEP = 1\n")
    (package / "inner.py").write_text(
        "from backbone.compiled import kernel\nfrom loops.deep import (\n    numbers,\n)\n\n"
        "STEP = numbers.STEP\n\n\n@kernel\ndef step(x):\n    return x + STEP\n"
    )
    (package / "outer.py").write_text(
        "from backbone.compiled import kernel\nfrom loops.inner import step\n\n\n"
        "@kernel\ndef twice(x):\n    return step(step(x))\n"
    )
    (package / "other.py").write_text("")
    return package


def _run(package: Path) -> str:
    done = subprocess.run([sys.executable, "-c", _RUN], cwd=package.parent, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("file", "before", "after", "answer"),
    [
        pytest.param("other.py", "", "# nothing to do with it\n", "3 1", id="another file: used again"),
        pytest.param("outer.py", "step(step(x))", "step(x)", "2 0", id="its own file"),
        pytest.param("inner.py", "x + STEP", "x + 10 * STEP", "21 0", id="what it calls"),
        pytest.param("deep/numbers.py", "STEP = 1", "STEP = 100", "201 0", id="what that names"),
    ],
)
def test_a_loop_is_compiled_anew_when_what_it_is_made_of_changes(
    loops: Path, file: str, before: str, after: str, answer: str
) -> None:
    first = _run(loops)

    text = (loops / file).read_text()
    (loops / file).write_text(text.replace(before, after) if before else after)

    assert first == "3 0"
    assert _run(loops) == answer
