"""The demonstration around the broker: a sample relying service and an inbox. Nothing here runs in production."""
