"""PyPI's oidc-provider-mock, unchanged, in a process."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from tests.support.ports import LOOPBACK, free_port
from tests.support.program import Program, answers

AMINA: Mapping[str, Any] = {"sub": "amina", "name": "Amina Hughes", "given_name": "Amina", "family_name": "Hughes"}


class MockProvider:
    """One mock with these users. It accepts any client, any secret, any redirect URI."""

    def __init__(self, *people: Mapping[str, Any]) -> None:
        """Nothing is started yet; one person unless others are named."""
        self.port = free_port()
        known = [word for person in people or (AMINA,) for word in ("--user-claims", json.dumps(person))]
        self.program = Program(
            # its warnings about its own libraries are its own
            [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "oidc_provider_mock",
                "--host",
                LOOPBACK,
                "--port",
                str(self.port),
                *known,
            ],
            ready=lambda _: answers(self.port),
        )

    @property
    def url(self) -> str:
        """Its issuer."""
        return f"http://{LOOPBACK}:{self.port}"
