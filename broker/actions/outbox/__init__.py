"""The outbox: messages that were stored in the database, in the transaction of what they report, leave from here.

Background tasks call one function for each kind of message; each claims what is due, sends it, and records the result:

- `deliver.deliver`: back-channel logout tokens to services, by POST.
- `notify.deliver`: notifications to citizens, by e-mail or text message.
- `ping.send_pings`: CIBA ping notifications to services.

A claim lasts until a retry time, so that another process takes over after a crash. A message may be sent twice, and
is given up once it expires or after its last attempt.
"""
