"""Facts: durable when a method returns. One set of statements, run on SQLite or on PostgreSQL."""
