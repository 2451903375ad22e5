"""
Hold the size budgets: files of at most 400 lines, functions of at most 50.

Exceptions are listed by name with their reason, and an exception that is no longer needed is an error too.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "bench", "tools")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
UNFINISHED = ("TO" + "DO", "FIX" + "ME", "XX" + "X")

EXCEPTIONS: dict[str, str] = {}
"""``path`` or ``path:function`` and why it may be longer."""


def long_functions(path: Path, tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            docstring = ast.get_docstring(node, clean=False)
            length -= len(docstring.splitlines()) if docstring else 0
            if length > MAX_FUNCTION_LINES:
                yield f"{path.relative_to(ROOT)}:{node.name}", length


def over_budget(path: Path) -> Iterator[tuple[str, int]]:
    text = path.read_text()
    lines = len(text.splitlines())
    if lines > MAX_FILE_LINES:
        yield str(path.relative_to(ROOT)), lines
    if path.suffix == ".py":
        yield from long_functions(path, ast.parse(text))


def unfinished(path: Path) -> Iterator[str]:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if any(word in line for word in UNFINISHED):
            yield f"{path.relative_to(ROOT)}:{number}: unfinished work is not delivered: {line.strip()}"


def main() -> int:
    files = [p for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*")) if p.suffix in {".py", ".sql"}]
    found = dict(pair for path in files for pair in over_budget(path))
    problems = [f"{name}: {lines} lines" for name, lines in found.items() if name not in EXCEPTIONS]
    problems += [f"{name}: no longer over the budget, take it off the list" for name in EXCEPTIONS if name not in found]
    problems += [problem for path in files if path != Path(__file__) for problem in unfinished(path)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
