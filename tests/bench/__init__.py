"""What a complete sign-in costs. `python -m tests.bench` measures and prints; docs/speed.md says how to read it."""
