"""Demonstration: a sample relying service, an inbox and simulated providers around the broker. Not for production.

`run` places the configuration, creates missing keys, and builds the four applications on consecutive ports. `service`
is the sample service, written with Authlib: `multi_tab_oauth` for several tabs, `ciba_client` for backchannel
authentication, `backchannel_logout` for logout tokens. `inbox` shows the notifications that would have been sent.
"""
