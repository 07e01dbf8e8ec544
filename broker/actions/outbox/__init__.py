"""The outbox: messages that were stored in the database, in the transaction of what they report, leave from here.

`worker.send_due` is the one worker. A background task calls it for each kind of message; it claims what is due, lets
the sender of the kind send it, and records the outcome. `retry_policy` says when a failed message is sent again.
`dispatch` runs the worker for each service and kind of delivery by itself, so that one dead receiver delays no other.

- `logout_tokens`: back-channel logout tokens to services, by POST.
- `notices`: notifications to citizens, by e-mail or text message.
- `pings`: CIBA ping notifications to services.

A claim lasts for some seconds, so that another process takes over after a crash. A message may be sent twice, and is
given up once it expires or after its last attempt.
"""
