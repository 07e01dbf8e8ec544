"""The doors to the world: the only place that knows Starlette, and with it pages, cookies and forms."""
