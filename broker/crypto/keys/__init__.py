"""Key ring: signing keys with their states, decryption keys, and sealing secrets.

Keys are PEM files in one folder, or objects in a PKCS#11 token; `keys.toml` in the folder lists the use, the state and
the age of each.

- `index` reads and writes `keys.toml`, and locks the folder
- `ring` imports the keys and builds the ring from them
- `rotation` has the rules by which keys change their state
- `manager` applies changes to the folder
- `live_ring` gives a process the current ring, and follows changes of the folder
- `pkcs11`, `pkcs11_session`, `pkcs11_objects`: keys in a token
"""

from broker.crypto.keys.index import INDEX, KeyState, KeysUnusable
from broker.crypto.keys.live_ring import LiveKeyRing
from broker.crypto.keys.manager import KeyChange, KeyManager, complete_all, create_all
from broker.crypto.keys.pkcs11 import Pkcs11Tokens, finalize_libraries
from broker.crypto.keys.ring import ALGORITHMS, KeyRing, load_all, load_sealing
from broker.crypto.keys.rotation import RotationPolicy

__all__ = [
    "ALGORITHMS",
    "INDEX",
    "KeyChange",
    "KeyManager",
    "KeyRing",
    "KeyState",
    "KeysUnusable",
    "LiveKeyRing",
    "Pkcs11Tokens",
    "RotationPolicy",
    "complete_all",
    "create_all",
    "finalize_libraries",
    "load_all",
    "load_sealing",
]
