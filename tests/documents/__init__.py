"""What the documents say, held against the code: links, paths, commands, settings, metrics, examples, tables."""
