"""Node programs in tests/interop: providers, relying services and checks of other projects."""

import sys
from pathlib import Path

from tests.support.ports import LOOPBACK, free_port
from tests.support.program import Program

PEERS = Path(__file__).resolve().parents[1] / "interop"
NODE = Path(sys.prefix) / "bin" / "node"
AXE = PEERS / "node_modules" / "axe-core" / "axe.min.js"
READY = "ready"


class Peer:
    """A Node script of tests/interop that serves HTTP on the port in its environment (`PORT`) and prints a line
    that is or begins with `ready` once it listens."""

    def __init__(
        self, script: str, *arguments: str, port: int | None = None, env: dict[str, str] | None = None
    ) -> None:
        """`script` is a path inside tests/interop; nothing is started yet."""
        self.port = port or free_port()
        self.program = Program(
            [NODE, PEERS / script, *arguments],
            ready=lambda program: any(line.startswith(READY) for line in program.output.splitlines()),
            env={"PORT": str(self.port), "NODE_NO_WARNINGS": "1", **(env or {})},
            folder=PEERS,
        )

    @property
    def url(self) -> str:
        """Its base URL: http://localhost:port, without a slash at the end."""
        return f"http://localhost:{self.port}"

    @property
    def address(self) -> str:
        """Its base URL with the IP address: http://127.0.0.1:port."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> "Peer":
        """Starts it and waits for its ready line. Returns itself."""
        self.program.start()
        return self

    def stop(self) -> None:
        """Ends its process."""
        self.program.stop()
