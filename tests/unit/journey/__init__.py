"""Tests of the rules of a transaction."""
