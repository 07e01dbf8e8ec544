"""Handles cannot be guessed."""

import base64

from broker.model import handle
from broker.platform.system import System


def test_a_handle_has_at_least_128_bits_of_chance_and_is_kept_as_a_digest(system: System) -> None:
    """FAPI 2.0 Security Profile 5.4.1, RFC 6749 10.10."""
    made = [handle.new_handle(system, "access") for _ in range(100)]
    assert len(set(made)) == len(made)
    for each in made:
        kind, _, body = each.partition("_")
        assert (kind, len(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))) == ("access", 24)
        assert len(handle.sha256_hex(each)) == 64
        assert body not in handle.sha256_hex(each)
