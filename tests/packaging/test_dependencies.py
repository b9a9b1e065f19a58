"""The lists of libraries say what the code uses, and agree with each other."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = [
    Requirement(line)
    for line in (ROOT / "packaging/constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(folder):
    """Every top-level module that the files below `folder` import, and one file that does."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            else:
                continue
            for name in names:
                found.setdefault(name.split(".")[0], path.relative_to(ROOT))
    return found


def test_whatever_the_program_imports_comes_with_it():
    extras = [
        text for name, texts in PROJECT["optional-dependencies"].items() if name != "test" for text in texts
    ]
    declared = {canonical(Requirement(text).name) for text in PROJECT["dependencies"] + extras}
    brought_by = packages_distributions()
    missing = {}
    for module, path in imported(ROOT / "stemstudio").items():
        if module == "stemstudio" or module in sys.stdlib_module_names:
            continue
        if not declared & {canonical(name) for name in brought_by.get(module, [module])}:
            missing[module] = str(path)
    assert missing == {}


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_every_library_has_one_version_for_each_python(python):
    direct = [
        Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
    ]
    versions = {}
    for requirement in direct + CONSTRAINTS:
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python}):
            assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement
            versions.setdefault(canonical(requirement.name), set()).add(str(requirement.specifier))
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
    assert {canonical(requirement.name) for requirement in direct} <= set(versions)
    unbound = {canonical(requirement.name) for requirement in direct}
    unbound -= {canonical(requirement.name) for requirement in CONSTRAINTS}
    assert unbound == {"torch"}
