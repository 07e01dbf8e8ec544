"""Passing state: may be lost at any instant, and the only effect is that somebody starts again."""
