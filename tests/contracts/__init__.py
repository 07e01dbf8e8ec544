"""Contracts: what every implementation of a store guarantees, on real servers."""
