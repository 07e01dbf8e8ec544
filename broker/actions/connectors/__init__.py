"""Connectors: sources outside of the broker that a program asks when a member of staff presses for it.

The agent presses, the case is read and the question is made of what is recorded, the source is asked, and its answer is
recorded as checks with source, reference and time. While the source is asked nothing is locked; if the case was changed
meanwhile, nothing is recorded.
"""
