"""The processes that serve: uvicorn's options, the workers and their supervisor, signals.

One process (`serve_here`) or several (`serve_workers`) open the container of `broker.wiring` and put its applications
on the configured addresses. Each process then

1. takes what the start made out of the garbage collection (`freeze_gc`),
2. reads its settings again at SIGHUP (`reload_on_sighup`),
3. at SIGTERM reports itself as not ready, and stops accepting connections two seconds later (`drain_on_sigterm`).

The supervisor restarts workers that end or stop responding, and passes SIGHUP on to every process.
"""
