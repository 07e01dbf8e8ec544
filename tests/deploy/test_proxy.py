"""The reverse proxy, run for real with two stand-ins for brokers: only names, ports and certificates differ."""

import asyncio
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.support.certificates import Authority
from tests.support.ports import LOOPBACK, free_port
from tests.support.program import Program, answers
from tests.support.programs import need

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "proxy" / "haproxy.cfg"

CLAIMED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "http",
    "Client-Cert": ":AA==:",
    "Client-Cert-Chain": ":AA==:",
}


@dataclass
class StandIn:
    """Stand-in for a broker: responds with its name and the request; `/readyz` succeeds until a test changes that."""

    name: str
    ready: bool = True
    port: int = field(default_factory=free_port)
    connections: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                stand_in.connections.append(self.connection)

            def do_GET(self) -> None:
                said = {"name": stand_in.name, "path": self.path, "headers": dict(self.headers.items())}
                body = json.dumps(said).encode()
                self.send_response(200 if self.path != "/readyz" or stand_in.ready else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer((LOOPBACK, self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stops listening and closes every connection, as an ended process does."""
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@dataclass
class Proxy:
    """The proxy and its stand-ins."""

    port: int
    trust: ssl.SSLContext
    first: StandIn
    second: StandIn

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=self.trust, base_url=f"https://localhost:{self.port}")


@pytest.fixture
def proxy(tmp_path: Path, authority: Authority) -> Iterator[Proxy]:
    """The file as it is deployed, on other names and ports."""
    first, second, port = StandIn("first"), StandIn("second"), free_port()
    site = authority.certificate("localhost")
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    (certificates / "site.pem").write_bytes(site.chain.read_bytes() + site.key.read_bytes())
    other_places = {
        "bind :80\n": f"bind {LOOPBACK}:{free_port()}\n",
        "bind :443 ": f"bind {LOOPBACK}:{port} ",
        "/etc/haproxy/certificates": str(certificates),
        " console.identity.example\n": " console.localhost\n",
        " identity.example\n": " localhost\n",
        "broker-1:8000": f"{LOOPBACK}:{first.port}",
        "broker-2:8000": f"{LOOPBACK}:{second.port}",
        "broker-1:8001": f"{LOOPBACK}:{first.port}",
        "broker-2:8001": f"{LOOPBACK}:{second.port}",
    }
    text = CONFIGURATION.read_text()
    for deployed, here in other_places.items():
        assert deployed in text, deployed
        text = text.replace(deployed, here)
    file = tmp_path / "haproxy.cfg"
    file.write_text(text)
    program = Program([need("haproxy"), "-db", "-f", file], ready=lambda _: answers(port), folder=tmp_path)
    program.start(within=60)
    yield Proxy(port, authority.trust(), first, second)
    program.stop()
    first.close()
    second.close()


def test_nothing_older_than_tls_1_2_is_spoken_and_no_suite_that_is_not_recommended() -> None:
    """BCP 195 (RFC 9325) 3.1.1 and 4.2, required by FAPI 2.0 Security Profile 5.2."""
    said = [line.split() for line in CONFIGURATION.read_text().splitlines() if line.strip().startswith("ssl-default-")]
    settings = {words[0]: words[1:] for words in said}
    assert settings["ssl-default-bind-options"][:2] == ["ssl-min-ver", "TLSv1.2"]
    assert set(settings["ssl-default-bind-ciphers"][0].split(":")) == {
        f"ECDHE-{key}-{cipher}" for key in ("ECDSA", "RSA") for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384")
    }


async def test_the_client_s_address_is_told_and_what_the_client_claims_about_it_is_not(proxy: Proxy) -> None:
    async with proxy.client() as client:
        answer = await client.get("/authorize", headers=CLAIMED)
    received = {name.lower(): value for name, value in answer.json()["headers"].items()}
    assert received["x-forwarded-for"] == LOOPBACK
    assert received["x-forwarded-proto"] == "https"
    assert "client-cert" not in received
    assert "client-cert-chain" not in received


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_what_machines_ask_is_not_answered_to_the_world(proxy: Proxy, path: str) -> None:
    async with proxy.client() as client:
        assert (await client.get(path)).status_code == 404


async def test_a_body_that_no_form_of_ours_has_is_refused(proxy: Proxy) -> None:
    async with proxy.client() as client:
        assert (await client.post("/token", content=b"x" * 70_000)).status_code == 413
        assert (await client.post("/token", content=b"x" * 1000)).status_code == 200


async def test_a_name_that_is_not_ours_is_answered_by_nobody(proxy: Proxy) -> None:
    async with proxy.client() as client:
        assert (await client.get("/", headers={"Host": "elsewhere.example"})).status_code == 421


async def test_both_brokers_are_used(proxy: Proxy) -> None:
    async with proxy.client() as client:
        assert {(await client.get("/")).json()["name"] for _ in range(6)} == {"first", "second"}


async def test_a_broker_that_is_draining_gets_no_new_request_and_no_request_fails(proxy: Proxy) -> None:
    async with proxy.client() as client:
        proxy.first.ready = False
        names: list[str] = []
        async with asyncio.timeout(60):
            while names[-6:] != ["second"] * 6:
                answer = await client.post("/token", content=b"a=b")
                assert answer.status_code == 200
                names.append(answer.json()["name"])
                await asyncio.sleep(0.05)
        proxy.first.close()
        assert [(await client.post("/token", content=b"a=b")).status_code for _ in range(10)] == [200] * 10


async def test_a_broker_that_vanished_is_gone_round_at_once(proxy: Proxy) -> None:
    proxy.second.close()
    async with proxy.client() as client:
        answers_given = [await client.post("/token", content=b"a=b") for _ in range(10)]
    assert {answer.status_code for answer in answers_given} == {200}
    assert {answer.json()["name"] for answer in answers_given} == {"first"}
