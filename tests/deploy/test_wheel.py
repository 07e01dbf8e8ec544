"""The wheel in a new environment: `portico demo`, `check` and `serve` in an empty folder."""

import os
import re
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement

from tests.support.ports import free_port, free_ports
from tests.support.program import Program, answers

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_US = {**{name: value for name, value in os.environ.items() if name != "PYTHONPATH"}, "PYTHONSAFEPATH": "1"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel that is built from what the sdist holds."""
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, "sdist", folder)
    (sdist,) = folder.glob("*.tar.gz")
    subprocess.run(["tar", "-xzf", sdist, "-C", folder], check=True)
    build(folder / sdist.name.removesuffix(".tar.gz"), "wheel", folder)
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


def build(source: Path, target: str, folder: Path) -> None:
    """Builds one target of the package in `source`."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    made = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr


@pytest.fixture(scope="module")
def portico(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `portico`, installed into an environment that holds nothing else than the locked packages.

    Those are linked from this environment, into which they were installed with their hashes; test_image installs them
    anew.
    """
    _, wheel = built
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    locked = (ROOT / "deploy" / "locks" / "run.txt").read_text("utf-8")
    for line in re.findall(r"^[\w.-]+==[^\\\n]+", locked, re.MULTILINE):
        needed = Requirement(line)
        if needed.marker is not None and not needed.marker.evaluate():
            continue
        found = distribution(needed.name)
        assert found.version in needed.specifier, needed
        for file in found.files or ():
            if ".." not in file.parts:
                link(Path(str(found.locate_file(file))), packages / file)
    # by this environment's pip: a copy of pip costs more than the installation
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(folder),
        "install",
        "--no-deps",
        "--no-index",
        "--no-compile",
    ]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    done = subprocess.run([*command, *quiet, wheel], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "bin" / "portico"


def link(file: Path, place: Path) -> None:
    """Puts a file at another place, by a symbolic link: the two may lie on different disks."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(file)


def run(command: Path, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end."""
    return subprocess.run(
        [command, *words], cwd=folder, env=WITHOUT_US, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


def test_the_sdist_and_the_wheel_hold_what_the_pages_and_the_demonstration_need(built: tuple[Path, Path]) -> None:
    _, wheel = built
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "broker/web/templates/citizens/choose.html",
        "broker/web/languages/cy.po",
        "broker/web/static/built/portico.css",
        "broker/web/static/built/manifest.json",
        "broker/assisted/profiles.toml",
        "broker/demo/templates/home.html",
        "broker/demo/config/broker.toml",
        "providers/simulator/style.css",
        "broker/py.typed",
        "portico-0.1.0.dist-info/licenses/LICENSE",
    ):
        assert needed in names
    tracked = subprocess.run(["git", "ls-files", "broker", "providers"], cwd=ROOT, capture_output=True, text=True)
    assert set(tracked.stdout.split()) <= names


def test_the_command_line_of_the_installed_package_is_whole(portico: Path, tmp_path: Path) -> None:
    said = run(portico, "--help", folder=tmp_path)
    assert said.returncode == 0
    assert {"serve", "demo", "check", "keys", "migrate", "audit"} <= set(said.stdout.split())


def test_the_demonstration_comes_up_in_an_empty_folder_and_check_and_serve_take_its_configuration(
    portico: Path, tmp_path: Path
) -> None:
    first = free_ports(4)
    env = {"PORTICO_DEMO_PORT": str(first), "PYTHONSAFEPATH": "1"}
    demo = Program([portico, "demo"], ready=lambda it: "Ctrl-C" in it.output, folder=tmp_path, env=env)
    demo.start()
    try:
        for number, path in enumerate(("/livez", "/livez", "/try", "/")):
            assert httpx.get(f"http://localhost:{first + number}{path}").status_code == 200, number
        page = httpx.get(f"http://localhost:{first}/")
        assert "/static/portico." in page.text
    finally:
        demo.stop()
    assert (tmp_path / "config" / "broker.toml").is_file()

    checked = run(portico, "check", "--config", "config", folder=tmp_path)
    assert (checked.returncode, "no problem found" in checked.stdout) == (0, True), checked.stdout + checked.stderr

    port, staff = free_port(), free_port()
    file = tmp_path / "config" / "broker.toml"
    moved = file.read_text("utf-8").replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    file.write_text(moved.replace("127.0.0.1:8001", f"127.0.0.1:{staff}"), "utf-8")
    serve = Program([portico, "serve", "--config", "config"], ready=lambda _: answers(port), folder=tmp_path, env=env)
    serve.start()
    try:
        found = httpx.get(
            f"http://127.0.0.1:{port}/.well-known/openid-configuration", headers={"Host": "localhost:8000"}
        )
        assert found.json()["issuer"] == "http://localhost:8000"
    finally:
        serve.stop()


def test_the_demonstration_says_what_to_do_in_a_folder_that_holds_another_config(portico: Path, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    said = run(portico, "demo", folder=tmp_path)
    assert said.returncode == 1
    assert "has no broker.toml" in said.stderr
    assert "Traceback" not in said.stderr
