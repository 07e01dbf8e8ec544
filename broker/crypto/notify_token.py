"""API tokens of GOV.UK Notify: JWTs with HS256, whose secret is in the API key. `crypto.jose` knows no such algorithm.

An API key is `<name>-<service id>-<secret>`, where service id and secret are UUIDs.
"""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from typing import Final

from broker.platform import base64url

_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY: Final = re.compile(rf"(?:.+-)?({_UUID})-({_UUID})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NotifyKey:
    """An API key: the service's id, and the secret that signs."""

    service: str
    secret: str = field(repr=False)

    def token(self, now: float) -> str:
        """Returns a token for the moment `now`. Notify accepts it for 30 seconds before and after."""
        parts = ({"typ": "JWT", "alg": "HS256"}, {"iss": self.service, "iat": int(now)})
        signed = ".".join(base64url.encode(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
        mac = hmac.digest(self.secret.encode("ascii"), signed.encode("ascii"), hashlib.sha256)
        return f"{signed}.{base64url.encode(mac)}"


def read_notify_key(text: str) -> NotifyKey:
    """Reads an API key. Raises ValueError, without the key, if it has another form."""
    found = _KEY.fullmatch(text.strip())
    if found is None:
        raise ValueError("not an API key of GOV.UK Notify")
    return NotifyKey(found[1], found[2])
