"""Install one layer of locked packages into .venv, or into another environment, which is made first if it is missing.

    python3 deploy/setup/python.py LAYER [ENVIRONMENT]

LAYER names a file of deploy/locks without its ending. Every package is held to version and hash, and only ready-made
wheels are taken, so that neither a compiler nor a newly published release can change what is installed.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def works(python: Path) -> bool:
    """True if the environment's Python starts and has pip."""
    return python.exists() and subprocess.run([python, "-c", "import pip"], capture_output=True).returncode == 0


def main(layer: str, environment: str = ".venv") -> int:
    """Install the layer; the exit status of whatever failed, or 0."""
    python = ROOT / environment / "bin" / "python"
    if sys.version_info < (3, 11):
        print(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.", file=sys.stderr)
        print("Name another with: make PYTHON=python3.12 ...", file=sys.stderr)
        return 1
    if not works(python):
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", ROOT / environment])
        if made.returncode != 0:
            print("The environment could not be made. On Debian: apt-get install python3-venv", file=sys.stderr)
            return made.returncode
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    held = ["--require-hashes", "--no-deps", "--only-binary=:all:", "-r", ROOT / "deploy" / "locks" / f"{layer}.txt"]
    return subprocess.run([*pip, *held], stdin=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
