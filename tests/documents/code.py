"""Names that the code defines and the documents use: log events, metrics, words of the source."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

from broker.web.operations.metrics import Metrics
from tests.documents.markdown import ROOT
from tests.support.syntax_trees import tree_of

LEVELS = frozenset({"debug", "info", "warning", "error", "critical", "exception", "log"})
CALL_OF_A_LOGGER = re.compile(r"log(?:ger)?_*\s*\.", re.IGNORECASE)
GRAVE = frozenset({"warning", "error", "critical", "exception"})


def sources() -> list[Path]:
    """Every Python file of the product."""
    return sorted(path for top in ("broker", "providers", "deploy") for path in (ROOT / top).rglob("*.py"))


@cache
def words() -> frozenset[str]:
    """Every identifier and every word inside a string of the product's files, and of the files it ships."""
    shipped = [
        path
        for top in ("broker", "providers", "deploy", "config", "tests")
        for path in (ROOT / top).rglob("*")
        if path.suffix in {".py", ".toml", ".html", ".mjs", ".yaml", ".cfg", ".conf", ".service", ".json", ".po"}
        and "node_modules" not in path.parts
    ]
    return frozenset(re.findall(r"\w+", "\n".join(path.read_text("utf-8") for path in shipped)))


@cache
def log_events() -> dict[str, set[str]]:
    """Every log event with the levels at which it is logged. One ending in `_` means all that begin with it.

    An event is a literal, a choice between literals, a variable that a function fills with literals, or a literal
    beginning with a closed set of endings. Raises LookupError for a call of another form: it could not be documented.
    """
    found: dict[str, set[str]] = {}
    for path in sources():
        if not CALL_OF_A_LOGGER.search(path.read_text("utf-8")):
            continue
        for scope, call in log_calls(tree_of(path)):
            assert isinstance(call.func, ast.Attribute)
            position = 1 if call.func.attr == "log" else 0
            for event in literals(call.args[position], scope, f"{path.relative_to(ROOT)}:{call.lineno}"):
                found.setdefault(event.split(" ")[0], set()).add("warning" if position else call.func.attr)
    return found


def log_calls(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Every call of a logger, with its enclosing function."""
    waiting: list[tuple[ast.AST | None, ast.AST]] = [(None, tree)]
    while waiting:
        scope, node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            scope = node
        waiting += [(scope, child) for child in ast.iter_child_nodes(node)]
        if (
            scope is not None
            and isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in LEVELS
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id.lower().strip("_") in {"log", "logger"}
        ):
            yield scope, node


def literals(value: ast.expr, scope: ast.AST, place: str) -> Iterator[str]:
    """The texts that an expression may have."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from literals(one, scope, place)
            yield from literals(other, scope, place)
        case ast.JoinedStr(values=[ast.Constant(value=str(beginning)), *_]) if beginning.endswith("_"):
            yield beginning
        case ast.Name(id=variable):
            given = [
                node.value
                for node in ast.walk(scope)
                if isinstance(node, ast.Assign) and any(getattr(t, "id", None) == variable for t in node.targets)
            ]
            if not given:
                raise LookupError(f"{place}: the log event {variable} is not a literal of its function")
            for each in given:
                yield from literals(each, scope, place)
        case _:
            raise LookupError(f"{place}: a log event must be a literal")


@cache
def metrics() -> dict[str, tuple[str, ...]]:
    """Every metric, by the name that Prometheus shows, with its labels."""
    meters = Metrics(None)
    found = {}
    for metric in set(meters._registry._collector_to_names):
        if not isinstance(metric, Counter | Gauge | Histogram):
            raise LookupError(f"a metric of an unknown kind: {metric}")
        ending = "_total" if isinstance(metric, Counter) else ""
        found[f"{metric._name}{ending}"] = tuple(metric._labelnames)
    return found
