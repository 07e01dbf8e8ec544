"""Syntax trees of source files, parsed once for all tests of a process."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a Python file. Callers must not change it."""
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a Python file, in the order of `ast.walk`."""
    return tuple(ast.walk(tree_of(path)))


def statements_at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """Every statement that runs when a module is imported: those in functions do not."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if isinstance(child, ast.expr | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            waiting.append(child)
            if isinstance(child, ast.stmt):
                yield child
