"""
Write what is generated from the code: reference pages and schemas.

``--check`` writes nothing, and fails when a file is not what the code says.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from backbone.config.load import load_policy
from backbone.config.policy import PolicyConfig
from backbone.config.policy.standard import standard
from backbone.config.reference import policy_reference, reference
from backbone.config.schema import json_schema

ROOT = Path(__file__).parent.parent
EXAMPLE_POLICY = ROOT / "docs/examples/policy.yaml"

GENERATED: dict[str, Callable[[], str]] = {
    "docs/reference/backbone.schema.json": lambda: json.dumps(json_schema(), indent=2) + "\n",
    "docs/reference/config.md": reference,
    "docs/reference/policy.schema.json": lambda: json.dumps(json_schema(PolicyConfig, "policy.yaml"), indent=2) + "\n",
    "docs/reference/policy.md": policy_reference,
    "docs/reference/tagging-standard.md": lambda: standard(load_policy(EXAMPLE_POLICY).tagging),
}
"""Each generated file and the function that returns its text."""


def stale(root: Path) -> dict[Path, str]:
    """Return the files under *root* that are not what the code says, with what they should be."""
    texts = {root / name: generate() for name, generate in GENERATED.items()}
    return {path: text for path, text in texts.items() if not path.is_file() or path.read_text() != text}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when something is stale")
    parser.add_argument("--root", type=Path, default=ROOT, help="where the files are")
    arguments = parser.parse_args()
    outdated = stale(arguments.root)
    for path, text in outdated.items():
        if arguments.check:
            print(f"{path}: is not what the code says; 'make gen' writes it anew", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(path)
    return 1 if arguments.check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
