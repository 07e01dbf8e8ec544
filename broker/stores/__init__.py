"""Where things are kept: facts in SQL, passing state in memory or Redis. The only place that knows either."""
