"""What no text of the repository says: package registries, paths of one machine, and sentences without an actor."""

import ast
import re
import subprocess

import pytest

from tests.support.syntax_trees import nodes_of
from tests.test_house import ROOT, product

REGISTRIES = (
    r"p[y]pi\.org|python[h]osted|n[p]mjs|yarn[p]kg|deb[.]debian\.org|crates[.]io|golang[.]org|maven[.]org"
    r"|\"resolve[d]\":"
)
MACHINE_PATHS = r"(?<![\w.])/(wor[k]/|roo[t]/|tm[p]/portico|op[t]/wheels|hom[e]/\w+/)"
NO_ACTOR = re.compile(r"\b(?:nobody|somebody|whoever|whomever|of one's own|is told|are told|anew)\b", re.IGNORECASE)
"""Words for which a docstring names the actor: the citizen, the client, the worker."""
UNSAID = re.compile(f"{REGISTRIES}|{MACHINE_PATHS}")


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        if (path := ROOT / name).is_file():
            text = path.read_text(errors="replace")
            if UNSAID.search(text):
                lines = enumerate(text.splitlines(), 1)
                found += [f"{name}:{number}: {line.strip()[:120]}" for number, line in lines if UNSAID.search(line)]
    assert not found, "\n".join(found)


def test_every_docstring_of_the_product_names_its_actor() -> None:
    found = [
        f"{module}: {problem[0]}"
        for module, path in product()
        for node in nodes_of(path)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        if (problem := NO_ACTOR.search(node.value.value))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("line", "is_said"),
    [
        ("index-url = https://py" + "pi.org/simple", True),
        ('"resolv' + 'ed": "somewhere"', True),
        ("/ro" + "ot/.cache", True),
        ("cd /wor" + "k/main", True),
        ("https://service.test/ho" + "me/page", False),
        ("/usr/lib/postgresql", False),
        ("see /authorize and /tmp", False),
    ],
)
def test_an_address_or_a_path_of_one_machine_is_seen(line: str, *, is_said: bool) -> None:
    assert (UNSAID.search(line) is not None) is is_said
