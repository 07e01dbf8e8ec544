"""CPU cost of a complete sign-in. `python -m tests.bench` measures and prints; docs/speed.md explains the figures."""
