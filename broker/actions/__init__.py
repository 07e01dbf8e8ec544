"""The verbs: load, let a rule decide, act, save, record."""
