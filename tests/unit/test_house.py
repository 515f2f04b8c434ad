"""The rules of the house, checked."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("ray", "vllm", "torch", "transformers", "sentence_transformers", "sklearn", "matplotlib")


def sources(*folders: str) -> Iterator[Path]:
    """The Python files below these folders."""
    for folder in folders:
        yield from (ROOT / folder).rglob("*.py")


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", list(sources("app")), ids=lambda path: str(path.relative_to(ROOT)))
def test_app_imports_neither_ray_nor_deployments(path: Path) -> None:
    """The product is plain asyncio Python; the shell around it is elsewhere."""
    assert not imported(path) & {"ray", "deployments"}


def test_rooms_have_a_paragraph() -> None:
    """Each package says what comes in, what goes out and what it never does."""
    for init in [*(ROOT / "app").rglob("__init__.py"), ROOT / "deployments/__init__.py"]:
        assert len(ast.get_docstring(ast.parse(init.read_text())) or "") > 80, init


def test_files_are_short() -> None:
    """A file holds one thing."""
    assert [path for path in sources("app", "deployments") if len(path.read_text().splitlines()) > 260] == []


def test_the_ingress_is_light() -> None:
    """What an ingress replica imports, light stages being elsewhere, drags in neither torch nor an engine."""
    code = f"import sys, deployments.ingress; print([name for name in {HEAVY[1:]} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_command_line_is_light() -> None:
    """`leanserve --help` waits for no engine and no cluster."""
    code = f"import sys, app.cli; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "formula",
    [
        r"def logit\(",
        r"def sigmoid\(",
        r"def calibration_error\(",
        r"SessionOptions\(",
        r"\binput \* 3\b|\b3 \* \S*input\b",
    ],
)
def test_a_formula_is_written_once(formula: str) -> None:
    """Whoever needs it takes it from the room where it belongs: two of them drift apart."""
    assert sum(len(re.findall(formula, path.read_text())) for path in sources("app", "deployments")) == 1
