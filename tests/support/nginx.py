"""Runs nginx with the configuration of `deploy/proxy`; only host names, ports, folders and certificates differ."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import Certificate
from tests.support.ports import LOOPBACK, free_port
from tests.support.program import Program, answers
from tests.support.programs import need

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "proxy" / "nginx.conf"
USUAL, WITH_CERTIFICATES = "identity.localhost", "localhost"
"""The names of the two sites. No resolver knows the first one: a client connects to loopback and sends it as Host."""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A proxy that serves all of its sites at one port."""

    port: int

    @property
    def origin(self) -> str:
        """The origin of the site that asks for client certificates."""
        return f"https://{WITH_CERTIFICATES}:{self.port}"


def allocate() -> Nginx:
    """A proxy that is not started yet, but has its port, so that other settings can name it."""
    return Nginx(free_port())


@contextmanager
def running(here: Nginx, folder: Path, site: Certificate, broker: int) -> Iterator[None]:
    """Serves in front of the broker that listens on loopback at port `broker`, until the block ends."""
    folder.mkdir(exist_ok=True)
    temporary = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    other_places = {
        "worker_processes auto;\n": f"worker_processes 1;\ndaemon off;\n{_user()}",
        "pid /run/nginx.pid;": f"pid {folder}/nginx.pid;",
        "http {\n": f"http {{\n{temporary}",
        "/etc/nginx/certificates/site.pem": str(site.chain),
        "/etc/nginx/certificates/site.key": str(site.key),
        "listen 80 default_server": f"listen {LOOPBACK}:{free_port()} default_server",
        "listen 443 ssl": f"listen {LOOPBACK}:{here.port} ssl",
        "mtls.identity.example;\n": f"{WITH_CERTIFICATES};\n",
        "server_name identity.example;": f"server_name {USUAL};",
        "server broker-1:8000;": f"server {LOOPBACK}:{broker};",
        "        server broker-2:8000;\n": "",
        "server broker-1:8001;": f"server {LOOPBACK}:{broker};",
        "        server broker-2:8001;\n": "",
    }
    text = CONFIGURATION.read_text()
    for deployed, there in other_places.items():
        assert deployed in text, deployed
        text = text.replace(deployed, there)
    file = folder / "nginx.conf"
    file.write_text(text)
    program = Program(
        [need("nginx"), "-c", file, "-p", folder, "-e", "stderr"], ready=lambda _: answers(here.port), folder=folder
    )
    program.start()
    try:
        yield
    finally:
        program.stop()


def _user() -> str:
    """Lets nginx's workers run as root if root starts them, so that they can write into a folder of the tests."""
    return "user root;\n" if os.geteuid() == 0 else ""
