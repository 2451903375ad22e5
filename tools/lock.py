"""
Write the hashed lock files from pyproject.toml.

They name no registry host, so that they install from any mirror.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMON = (
    "--universal",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
    "--no-annotate",
    "--python-version=3.11",
    "--quiet",
)


def compile_lock(output: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "uv", "pip", "compile", *COMMON, *arguments, "--output-file", output]
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    compile_lock("requirements.txt", "pyproject.toml", "--group=build")
    compile_lock("requirements-dev.txt", "pyproject.toml", "--group=dev", "--group=build")
