"""The system programs that tests run: finds and installs them.

    python -m tests.support.programs
    python -m tests.support.programs interop

check that those of `make test`, or of `make interop`, are installed: as root on Debian they install what is missing,
otherwise they print what to install and fail. The product needs none of them.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

# program -> the Debian packages of the program and of its dependencies
PACKAGES = {
    "redis-server": "redis-server",
    "postgres": "postgresql",
    "initdb": "postgresql",
    "createdb": "postgresql",
    "dropdb": "postgresql",
    "psql": "postgresql",
    "haproxy": "haproxy",
    "nginx": "nginx-light",
    "softhsm2-util": "softhsm2",
    "curl": "curl",
    "pgbouncer": "pgbouncer",
    "faketime": "faketime",
    "openssl": "openssl",
    "apache2": "apache2",
    "/usr/lib/apache2/modules/mod_auth_openidc.so": "libapache2-mod-auth-openidc",
    "chromium": "chromium fonts-dejavu-core",
    "chromium-headless-shell": "chromium-headless-shell chromium-sandbox",  # the sandbox for users other than root
}

# the same for the providers that `make interop` runs
INTEROP = {
    "java": "openjdk-17-jre-headless",
    "mvn": "maven",
    "plackup": "libplack-perl",
    "/usr/share/lemonldap-ng/portal/htdocs/index.psgi": "liblemonldap-ng-portal-perl",
    # modules that the portal loads though its package only recommends or suggests them
    "/usr/share/perl5/GD/SecurityImage.pm": "libgd-securityimage-perl libimage-magick-perl",
    "/usr/share/perl5/IO/String.pm": "libio-string-perl",
    "/usr/share/perl5/String/Random.pm": "libstring-random-perl",
}


def find(program: str) -> Path | None:
    """The path of a program: on PATH, or in the newest of Debian's PostgreSQL folders, which are not on PATH.

    A module that another program loads is given by its absolute path.
    """
    if there := shutil.which(program):
        return Path(there)
    if program.startswith("/"):
        return Path(program) if Path(program).is_file() else None
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{program}")
    return max(versions, key=lambda path: int(path.parts[-3]), default=None)


def need(program: str) -> Path:
    """The path of a program. Raises FileNotFoundError, which names the package, if it is not installed."""
    if (there := find(program)) is None:
        raise FileNotFoundError(f"{program} is missing; on Debian: apt-get install {(PACKAGES | INTEROP)[program]}")
    return there


def install(packages: Iterable[str]) -> int:
    """Installs Debian packages without prompts and without starting their services. Returns apt-get's exit status."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    update = ["apt-get", "update", "-qq"]
    get = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", *packages]
    for command in (update, get):
        done = subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            print(done.stdout[-2000:] + done.stderr[-2000:], file=sys.stderr)
            return done.returncode
    return 0


def main(wanted: Mapping[str, str]) -> int:
    """Finds or installs these programs. Returns 0 if all are installed."""
    missing = sorted(
        {each for program, packages in wanted.items() if find(program) is None for each in packages.split()}
    )
    if not missing:
        return 0
    command = f"apt-get install {' '.join(missing)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"The tests run real servers and a real browser. Missing here; on Debian: {command}", file=sys.stderr)
        return 1
    print(f"  {command}", file=sys.stderr)
    return install(missing)


if __name__ == "__main__":
    sys.exit(main(INTEROP if sys.argv[1:] == ["interop"] else PACKAGES))
