"""Notifications to citizens.

`texts` has the subject and text of each kind, in every language. `smtp` sends mails, `text_gateway` text messages,
`notify` mails, text messages and letters through GOV.UK Notify; `files` writes them to a folder in development. All
implement `actions.assisted.ports.Notifier`: they return on delivery and raise DeliveryFailed otherwise, which says if
the refusal is permanent and how long to wait. The outbox retries.
"""
