"""The rules of the code layout: imports between packages, sources of time and randomness, length of files."""

import ast
import graphlib
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.support.syntax_trees import nodes_of, statements_at_import, tree_of

ROOT = Path(__file__).resolve().parents[1]

VOCABULARY = {
    "broker.platform.base64url",
    "broker.model",
    "broker.crypto.jose",
    "broker.crypto.jwe",
    "broker.platform.toml_loader",
    "broker.platform.toml_fields",
    "broker.normalize",
}
GROUND = VOCABULARY | {
    "broker.crypto.seal",
    "broker.crypto.notify_token",
    "broker.platform.system",
    "broker.platform.log_context",
    "broker.platform.http_client",
    "broker.crypto.signing",
    "broker.crypto.jwe_upstream",
    "broker.crypto.passkeys",
    "broker.platform.refreshing_cache",
    "broker.crypto.client_jwks",
    "broker.platform.toml_writer",
    "broker.platform.operator_files",
    "broker.platform.store_urls",
    "broker.platform.redis_urls",
    "broker.platform.tls",
    "broker.crypto.seal_stream",
    "broker.platform.video_header",
}
ROOMS = {"broker.oidc", "broker.journey", "broker.assisted", "broker.account"}
CONTRACT = {"broker.provider", "broker.passkey_provider"}
INSIDE = ROOMS | GROUND | {"broker.crypto.keys"}

MAY_IMPORT: dict[str, set[str]] = {
    "broker.__main__": {"broker.cli"},
    "broker.cli": INSIDE
    | {
        "broker.wiring",
        "broker.server",
        "broker.settings",
        "broker.actions",
        "broker.platform.logging_setup",
        "providers",
        "broker.cli",
    },
    # the packages of the demonstration are imported when the command runs
    "broker.cli.demo": INSIDE | {"broker.wiring", "broker.server", "broker.platform.logging_setup", "broker.demo"},
    # applications, containers and configuration; never the command line
    "broker.server": INSIDE | {"broker.wiring", "broker.settings", "broker.web", "broker.platform.logging_setup"},
    "broker.wiring": INSIDE
    | CONTRACT
    | {
        "broker.settings",
        "broker.web",
        "broker.actions",
        "broker.stores",
        "broker.platform.notifications",
        "broker.platform.connectors",
        "broker.platform.video_rooms",
        "broker.platform.image_child",
        "providers",
    },
    # the contract for the card alone, which is what the picker shows
    "broker.web": INSIDE | CONTRACT | {"broker.actions"},
    "broker.actions": INSIDE | CONTRACT,
    "broker.stores": ROOMS | GROUND,
    "providers": CONTRACT | GROUND,
    # the policy of cases alone, which is also the table [assisted] of broker.toml
    "broker.settings": CONTRACT | GROUND | {"broker.assisted"},
    "broker.platform.notifications": {
        "broker.model",
        "broker.normalize",
        "broker.platform.toml_loader",
        "broker.platform.http_client",
        "broker.platform.system",
        "broker.crypto.notify_token",
    },
    "broker.platform.connectors": {"broker.model", "broker.platform.http_client"},
    "broker.platform.video_rooms": {"broker.platform.http_client"},
    "broker.oidc": VOCABULARY,
    "broker.journey": VOCABULARY | CONTRACT,
    "broker.assisted": VOCABULARY,
    "broker.account": VOCABULARY,
    "broker.provider": GROUND,
    "broker.passkey_provider": GROUND,
    "broker.crypto.keys": GROUND,
    "broker.platform.refreshing_cache": {"broker.platform.system"},
    "broker.crypto.client_jwks": {
        "broker.platform.system",
        "broker.crypto.jose",
        "broker.crypto.jwe",
        "broker.platform.refreshing_cache",
        "broker.platform.http_client",
    },
    "broker.platform.http_client": {
        "broker.model",
        "broker.crypto.jose",
        "broker.platform.system",
        "broker.platform.operator_files",
        "broker.platform.tls",
    },
    "broker.crypto.seal_stream": {"broker.crypto.seal"},
    "broker.platform.video_header": {"broker.model"},
    "broker.platform.image_child": {"broker.model"},
    # a program of its own, which decodes what citizens send
    "broker.platform.imaging": set(),
    "broker.crypto.seal": {"broker.model", "broker.platform.system"},
    "broker.crypto.jose": {"broker.model", "broker.platform.base64url"},
    "broker.crypto.notify_token": {"broker.platform.base64url"},
    "broker.crypto.jwe": {"broker.model", "broker.crypto.jose", "broker.platform.base64url"},
    "broker.crypto.jwe_upstream": {"broker.model", "broker.crypto.jose", "broker.crypto.jwe"},
    "broker.crypto.signing": {"broker.model", "broker.crypto.jose", "broker.platform.base64url"},
    "broker.crypto.passkeys": {"broker.model", "broker.platform.base64url"},
    # the marks of settings: a record that a file fills lies here if the rules use it
    "broker.model": {
        "broker.platform.system",
        "broker.normalize",
        "broker.platform.base64url",
        "broker.platform.toml_loader",
        "broker.platform.toml_fields",
    },
    "broker.platform.base64url": set(),
    "broker.normalize": set(),
    "broker.platform.toml_fields": set(),
    "broker.platform.toml_loader": {"broker.platform.toml_fields"},
    "broker.platform.toml_writer": set(),
    "broker.platform.operator_files": set(),
    "broker.platform.store_urls": set(),
    "broker.platform.redis_urls": {"broker.platform.store_urls"},
    "broker.platform.tls": {"broker.platform.operator_files"},
    "broker.platform.system": set(),
    "broker.platform.log_context": set(),
    "broker.platform.logging_setup": {"broker.platform.log_context"},
    "broker.server.http_protocol": set(),
    # written as an engineer of a service would, who has nothing of ours
    "broker.demo": set(),
    # starts that service, and everything of ours beside it
    "broker.demo.notify": INSIDE | {"broker.wiring", "broker.settings", "broker.demo"},
    "broker.demo.narrator": INSIDE | {"broker.wiring", "broker.actions", "broker.demo"},
    "broker.demo.run": INSIDE | CONTRACT | {"broker.wiring", "broker.settings", "providers", "broker.demo"},
}

HOMES: dict[str, set[str]] = {
    "starlette": {"broker.web", "broker.wiring", "providers.simulator", "broker.demo"},
    "redis": {"broker.stores"},
    "hiredis": {"broker.stores"},
    "asyncpg": {"broker.stores"},
    "sqlalchemy": {"broker.stores"},
    "alembic": {"broker.stores"},
    "jwt": {"broker.crypto.jose"},
    "joserfc": {"broker.crypto.jwe", "broker.crypto.jwe_upstream", "broker.demo", "providers.simulator.national"},
    "webauthn": {"broker.crypto.passkeys"},
    "pkcs11": {"broker.crypto.keys.pkcs11_objects"},
    "cryptography": {
        "broker.crypto.jose",
        "broker.crypto.jwe_upstream",
        "broker.crypto.seal",
        "broker.crypto.seal_stream",
        "broker.crypto.keys",
    },
    "aiosmtplib": {"broker.platform.notifications"},
    "aiohttp": {"broker.platform.http_client"},
    "authlib": {"providers.openid.standard_metadata", "broker.demo"},
    "httpx2": {"broker.demo"},
    "jinja2": {"broker.web", "broker.demo"},
    "markupsafe": {"broker.web"},
    "govuk_frontend_jinja": {"broker.web"},
    "babel": {"broker.web", "broker.platform.notifications"},
    "idna": {"broker.normalize"},
    "phonenumbers": {"broker.normalize"},
    "segno": {"broker.web"},
    "prometheus_client": {"broker.web"},
    "msgspec": {
        "broker.settings.service_cache_file",
        "broker.stores",
        "broker.web",
        "broker.actions",
        "broker.crypto.jose",
    },
    "tomli": {"broker.settings.sources"},
    "PIL": {"broker.platform.imaging"},
    "python_multipart": {"broker.web.shared.upload"},
    "obstore": {"broker.stores.evidence"},
    "scim2_models": {"broker.web.scim"},
    "pydantic": {"broker.web.scim"},
    "uvicorn": {"broker.server", "broker.demo.run"},
    "uvloop": {"broker.server", "broker.demo.run"},
}

FRONT_DOOR = {"broker.platform.system", "broker.server", "broker.cli.main", "broker.cli.demo"}
CLOCKS_AND_DICE = {"time", "random", "secrets"}
ASKING = re.compile(
    r"os\.(environ|environb|getenv|urandom|getrandom)"
    r"|uuid\.(uuid1|uuid4|uuid6|uuid7)"
    r"|(datetime\.)?(datetime|date)\.(now|utcnow|today)"
    r"|asyncio\.(get_running_loop|get_event_loop)\(\)\.time"
)

LONGEST = 400

MADE_OF_HOST = re.compile(r"(request|self\.request|here\.request|visit\.request)\.(url|base_url|url_for)")


def inside(module: str, homes: set[str]) -> bool:
    """True if a module is one of these or lies in one of them."""
    return any(module == home or module.startswith(f"{home}.") for home in homes)


def row(module: str) -> str | None:
    """The entry of MAY_IMPORT that a module falls under: the most exact one."""
    return max((known for known in MAY_IMPORT if inside(module, {known})), key=len, default=None)


def package(module: str, level: int, *, is_package: bool) -> str:
    """What a relative import of this level starts from."""
    parts = module.split(".")
    return ".".join(parts[: len(parts) - level + is_package])


def imports(module: str, nodes: Sequence[ast.AST], *, is_package: bool) -> Iterator[tuple[str, str]]:
    """Each import in a module as (module, name); the name is empty for a plain import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package(module, node.level, is_package=is_package) if node.level else ""
            source = ".".join(part for part in (base, node.module or "") if part)
            yield from ((source, alias.name) for alias in node.names)


def wrong_import(module: str, source: str, name: str) -> str | None:
    """What is wrong with an import, or nothing."""
    whole = f"{source}.{name}" if name else source
    top = source.split(".")[0]
    if top == "importlib" and not source.startswith(("importlib.resources", "importlib.metadata")):
        if name not in ("resources", "metadata"):
            return "imports what cannot be read here (importlib)"
    elif top in sys.stdlib_module_names:
        return None
    elif top in ("broker", "providers"):
        mine = row(module)
        if mine is None:
            return "has no row in MAY_IMPORT: say what it may import"
        to = row(whole) or row(source)
        if to != mine and not inside(whole, MAY_IMPORT[mine]) and not inside(source, MAY_IMPORT[mine]):
            return f"imports {whole}"
        if mine == "broker.stores" and inside(source, ROOMS) and not name[:1].isupper():
            return f"imports {whole}, which is no record"
    elif top not in HOMES:
        return f"imports {top}, which has no home in HOMES"
    elif not inside(module, HOMES[top]):
        return f"imports {top}, which lives in {', '.join(sorted(HOMES[top]))}"
    return None


def written(node: ast.expr) -> str:
    """A chain of names and of calls without arguments as it is written in the file; "?" for any other expression."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=name):
            return f"{written(inner)}.{name}"
        case ast.Call(func=inner, args=[], keywords=[]):
            return f"{written(inner)}()"
        case _:
            return "?"


def complaints(module: str, nodes: Sequence[ast.AST], lines: int, *, is_package: bool = False) -> list[str]:
    """All that is wrong with a module of the product, of which these are the nodes and the number of lines."""
    imported = list(imports(module, nodes, is_package=is_package))
    chains = [(node.lineno, written(node)) for node in nodes if isinstance(node, ast.Attribute)]
    found = [wrong_import(module, source, name) for source, name in imported]
    if not inside(module, FRONT_DOOR | {"broker.demo"}):
        asked = [
            f"{source} {name}".strip()
            for source, name in imported
            if source in CLOCKS_AND_DICE or ASKING.fullmatch(f"{source}.{name}")
        ]
        asked += [chain for _, chain in chains if ASKING.fullmatch(chain)]
        found += [f"asks for {what} instead of the ambient" for what in asked]
    found += [f"makes something of Host in line {line}" for line, chain in chains if MADE_OF_HOST.fullmatch(chain)]
    found += [f"asserts in line {node.lineno}" for node in nodes if isinstance(node, ast.Assert)]
    if lines > LONGEST:
        found.append(f"has {lines} lines")
    return [f"{module} {what}" for what in found if what]


def product() -> Iterator[tuple[str, Path]]:
    """Every Python file of the product with the name of its module."""
    for folder in ("broker", "providers"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def test_every_module_keeps_the_rules_of_the_house() -> None:
    found = [
        complaint
        for module, path in product()
        for complaint in complaints(
            module, nodes_of(path), len(path.read_text().splitlines()), is_package=path.name == "__init__.py"
        )
    ]
    assert not found, "\n".join(found)


@cache
def dependencies() -> dict[str, set[str]]:
    """The modules that each module of the product imports when it is imported itself."""
    known = dict(product())
    found: dict[str, set[str]] = {}
    for module, path in known.items():
        early = list(statements_at_import(tree_of(path)))
        wanted = imports(module, early, is_package=path.name == "__init__.py")
        found[module] = {
            whole if whole in known else source
            for source, name in wanted
            if (whole := f"{source}.{name}") in known or source in known
        } - {module}
    return found


def test_no_module_imports_itself_through_others() -> None:
    graphlib.TopologicalSorter(dependencies()).prepare()


def test_a_circle_of_imports_is_seen() -> None:
    circle = dependencies() | {
        "broker.model.claims": {"broker.oidc.scopes"},
        "broker.oidc.scopes": {"broker.model.claims"},
    }
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(circle).prepare()


@pytest.mark.parametrize(
    ("module", "text", "complaint"),
    [
        ("broker.journey.transitions", "from broker.oidc import errors", "imports broker.oidc.errors"),
        ("broker.journey.transitions", "from broker.crypto.seal import Sealer", "imports broker.crypto.seal.Sealer"),
        ("broker.journey.transitions", "from broker import provider\nfrom broker.model.request import Request", None),
        ("broker.oidc.token_request", "from broker.provider import Provider", "imports broker.provider.Provider"),
        ("broker.oidc.token_request", "from ..journey import transitions", "imports broker.journey.transitions"),
        ("broker.oidc.token_request", "from .errors import Refused\nfrom . import metadata", None),
        ("broker.model.request", "from broker.crypto.jose import sign", "imports broker.crypto.jose.sign"),
        ("broker.actions.sign_in", "from broker.stores import sql_stores", "imports broker.stores.sql_stores"),
        ("broker.actions.sign_in", "import broker.journey.transitions\nfrom broker.provider import Provider", None),
        ("broker.web.shared.site_info", "import broker.stores", "imports broker.stores"),
        (
            "broker.web.shared.site_info",
            "from broker.stores.sql_stores import Facts",
            "imports broker.stores.sql_stores.Facts",
        ),
        ("broker.stores.sql_stores", "from broker.journey.transitions import Transaction", None),
        ("broker.stores.sql_stores", "from broker.journey.transitions import decide", "which is no record"),
        ("broker.stores.sql_stores", "from broker.actions.ports import Grants", "imports broker.actions.ports.Grants"),
        ("broker.__main__", "from broker.stores import sql_stores", "imports broker.stores.sql_stores"),
        ("broker.wiring", "import providers\nfrom broker.stores import sql_stores", None),
        ("broker.lobby", "from broker import model", "has no row"),
        (
            "providers.openid.kind",
            "from broker.provider import Provider\nfrom broker.platform.http_client import Client",
            None,
        ),
        ("providers.openid.kind", "from broker.actions import sign_in", "imports broker.actions.sign_in"),
        ("providers.openid.kind", "import aiohttp", "imports aiohttp, which lives in broker.platform.http_client"),
        ("providers.openid.kind", "from authlib.oauth2 import rfc7636", "imports authlib, which lives in"),
        ("providers.openid.standard_metadata", "from authlib.oidc import discovery", None),
        ("providers.openid.kind", "import starlette.routing", "imports starlette, which lives in"),
        ("providers.simulator.server", "import starlette.routing", None),
        ("broker.web.shared.site_info", "import requests", "imports requests, which has no home"),
        (
            "broker.web.shared.site_info",
            "def late():\n    from redis import Redis",
            "imports redis, which lives in broker.stores",
        ),
        ("broker.wiring", "import importlib", "cannot be read here"),
        ("broker.web.shared.site_info", "from importlib.resources import files", None),
        ("broker.web.shared.site_info", "import time", "asks for time"),
        ("broker.web.shared.site_info", "from secrets import token_bytes", "asks for secrets token_bytes"),
        ("broker.web.shared.site_info", "import os\nos.environ['A']", "asks for os.environ"),
        ("broker.web.shared.site_info", "from os import getenv", "asks for os getenv"),
        ("broker.web.shared.site_info", "import os\nos.path.join('a')", None),
        ("broker.web.shared.site_info", "import uuid\nuuid.uuid4()", "asks for uuid.uuid4"),
        ("broker.web.shared.site_info", "from datetime import datetime\ndatetime.now()", "asks for datetime.now"),
        ("broker.web.shared.site_info", "import datetime\ndatetime.datetime.now()", "asks for datetime.datetime.now"),
        ("broker.web.shared.site_info", "import datetime\ndatetime.datetime.fromtimestamp(1, datetime.UTC)", None),
        ("broker.platform.system", "import time, secrets", None),
        (
            "broker.web.shared.site_info",
            "def f(request):\n    return request.url.path",
            "makes something of Host in line 2",
        ),
        (
            "broker.web.shared.site_info",
            "def f(here):\n    return here.request.base_url",
            "makes something of Host in line 2",
        ),
        ("providers.simulator.server", "def f(request):\n    return request.url_for('x')", "makes something of Host"),
        ("broker.web.shared.site_info", "def f(request):\n    return request.scope['path']", None),
        ("broker.web.shared.site_info", "assert True", "asserts in line 1"),
        ("broker.web.shared.site_info", "\n" * 401, "has 401 lines"),
    ],
)
def test_a_breach_of_the_rules_is_seen_and_nothing_else_is(module: str, text: str, complaint: str | None) -> None:
    found = complaints(module, list(ast.walk(ast.parse(text))), len(text.splitlines()))
    if complaint is None:
        assert found == []
    else:
        assert any(complaint in each for each in found)
