"""Cryptography of the broker: signing, encryption, key management, and encryption at rest.

- `jose`: JWS signing and verification with the checks of RFC 8725, keys, and X.509 certificates of services
- `jwe`: encryption to services, and decryption of what was encrypted to the broker
- `signing`: `sign` for any key of the ring, in memory or in a PKCS#11 token
- `keys`: the key ring in a folder, its rotation, and PKCS#11 tokens
- `client_jwks`: public keys of services, fetched from their `jwks_uri` and cached
- `seal`: authenticated encryption of stored values, and keyed MACs

`jose` and `jwe` know no network, clock or store; times in tokens are checked by the callers.
"""
