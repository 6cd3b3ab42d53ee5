import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import requires, version
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]

PINNED_BY_TORCH = ("cuda-", "nvidia-", "triton")
"""The libraries of the GPU builds: torch names their versions itself, and constraints.txt serves every build."""


def applies(requirement: Requirement, extras: Iterable[str] = ()) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def brought_by(requirements: Iterable[Requirement]) -> set[str]:
    """The names of all packages that the requirements install on this machine."""
    waiting = [requirement for requirement in requirements if applies(requirement)]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        current = waiting.pop()
        name = canonicalize_name(current.name)
        key = (name, frozenset(current.extras))
        if key in seen or name.startswith(PINNED_BY_TORCH):
            continue
        seen.add(key)
        needs = [Requirement(line) for line in requires(name) or []]
        waiting += [need for need in needs if applies(need, current.extras)]
    return {name for name, _ in seen}


def test_every_package_that_an_installation_brings_is_pinned_to_the_version_under_test() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = chain(project["dependencies"], *project["optional-dependencies"].values())
    lines = re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    pins = {str(canonicalize_name(name)): number for name, number in lines}

    under_test = {name: version(name).partition("+")[0] for name in brought_by(map(Requirement, declared))}

    assert {"numpy", "tokenizers", "torch"} <= under_test.keys()
    assert under_test == {name: pins.get(name) for name in under_test}
