"""Tests of signing, encryption, keys and sealing."""
