"""The image: its instructions, executed in an empty folder, and the result, run by an unprivileged user."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.client import Client
from tests.bench.journeys import portico
from tests.bench.servers import REDIRECT, Server, written
from tests.deploy.image import Stage, base_programs, follow, stages
from tests.support.ports import free_port
from tests.support.postgres import unprivileged
from tests.support.program import Program, answers

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "image" / "Containerfile"

# packages are fetched and compiled as they are when an image is built
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The executed last stage, in a folder that every user can reach."""
    folder = tmp_path_factory.mktemp("image")
    for each in (folder, *folder.parents):
        if each.owner() != "root" or os.geteuid() != 0 or each == Path("/"):
            continue
        if each.name.startswith(("pytest-", "image")):
            each.chmod(0o755)
    yield follow(stages(FILE), ROOT, folder, base_programs(folder))
    shutil.rmtree(folder)


def environment(image: Stage) -> dict[str, str]:
    """The environment of a process in the image. A Python that was copied has to find its own library."""
    assert image.root is not None
    found = {name: image.translated(value) for name, value in image.environment.items()}
    copied = image.root.parent / "base" / "lib"
    return {**found, "LD_LIBRARY_PATH": str(copied)} if copied.exists() else found


def broker(image: Stage, *words: str) -> list[str]:
    """A command as the image's entry point runs it."""
    (entry,) = image.words("ENTRYPOINT")
    return [str(image.inside("/opt/portico/bin") / entry), *words]


def test_the_last_stage_installs_nothing_and_ends_as_somebody_without_rights() -> None:
    last = stages(FILE)[-1]
    assert not re.search(r"apt|apk|gcc|pip install|npm", " ".join(last.all("RUN")))
    user, _, group = last.all("USER")[-1].partition(":")
    assert int(user) >= 1000
    assert int(group) >= 1000
    assert "slim" in last.base


def test_every_package_is_held_to_its_hash_and_none_is_compiled() -> None:
    (install,) = [text for stage in stages(FILE) for text in stage.all("RUN") if "pip install" in text]
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(install.split())
    assert "/build/run.txt" in install


def test_the_image_is_of_the_python_for_which_the_packages_are_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=")
    assert {stage.base for stage in stages(FILE)} == {"node:22-bookworm-slim", f"python:{oldest}-slim-bookworm"}


def test_nothing_but_what_runs_enters_the_build() -> None:
    lines = (FILE.parent / "Containerfile.dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        word
        for stage in stages(FILE)
        for text in stage.all("COPY")
        if "--from" not in text
        for word in text.split()[:-1]
        if not word.startswith("--")
    }
    for source in copied:
        assert any(source == each or source.startswith(f"{each}/") for each in let_in), f"{source} is kept out"
        assert (ROOT / source).exists()
    for each in let_in:
        assert any(source == each or source.startswith(f"{each}/") for source in copied), (
            f"{each} is let in for nothing"
        )


def test_the_image_holds_neither_tests_nor_tools_nor_the_repository(image: Stage) -> None:
    (packages,) = image.inside("/opt/portico/lib").glob("python*/site-packages")
    installed = {path.name for path in packages.iterdir()}
    assert "starlette" in installed
    assert not installed & {"pip", "setuptools", "pytest", "mypy", "hypothesis", "playwright"}
    assert {path.name for path in image.inside("/srv/portico").iterdir()} == {"broker", "providers"}
    assert not list(image.inside("/srv/portico").rglob("test_*.py"))


def test_the_image_explains_itself(image: Stage) -> None:
    result = subprocess.run(
        broker(image, "--help"),
        env=environment(image),
        cwd=image.inside("/srv/portico"),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "serve" in result.stdout


async def test_a_citizen_signs_in_at_what_came_out_of_the_image_run_by_nobody(
    image: Stage, tmp_path: Path, redis_url: str, database: str
) -> None:
    port, upstream = free_port(), free_port()
    client = Client("bench-oidc", REDIRECT, f"http://127.0.0.1:{port}")
    stores = {"postgres": database, "redis": redis_url}
    config = await asyncio.to_thread(written, tmp_path / "config", port, upstream, stores, [client])
    account = unprivileged()
    if account is not None:
        subprocess.run(["chown", "-R", account, str(config)], check=True)
        for each in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
            each.chmod(0o755)
    provider = Program(
        [sys.executable, "-m", "tests.bench.upstream", str(upstream)], ready=lambda _: answers(upstream), folder=ROOT
    )
    serving = Program(
        broker(image, "serve", "--config", str(config), "--listener", "public"),
        ready=lambda _: answers(port),
        env=environment(image),
        folder=image.inside("/srv/portico"),
        user=account,
    )
    try:
        await asyncio.to_thread(provider.start, 60)
        await asyncio.to_thread(serving.start, 60)
        assert await asyncio.to_thread(healthy, image, port)
        server = Server(portico("the image", "openid profile email offline_access"), client, port, serving, upstream)
        (slot,) = await server.visits(1)
        visit = slot.fresh()
        await server.product.sign_in(visit)
        assert visit.access
        if account is not None:
            assert Path(f"/proc/{serving.pid}").stat().st_uid != 0
    finally:
        status = await asyncio.to_thread(serving.stop)
        await asyncio.to_thread(provider.stop)
    assert status in (0, -15), serving.output[-2000:]


def healthy(image: Stage, port: int) -> bool:
    """Result of the image's health check at this port, and of the same check for readiness."""
    words = json.loads(image.all("HEALTHCHECK")[-1].partition("CMD ")[2])
    asked = [word.replace(":8000/", f":{port}/") for word in words]
    done = subprocess.run(asked, env=environment(image), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=60) as ready:
        return bool(json.load(ready)["ready"])
