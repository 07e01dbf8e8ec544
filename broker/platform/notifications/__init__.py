"""Notifications to citizens.

`texts` has the subject and text of each kind, in every language. `smtp` sends them by mail, `files` writes them to a
folder in development. Both implement `actions.assisted.ports.Notifier`: they return on delivery and raise
DeliveryFailed otherwise; the outbox retries.
"""
