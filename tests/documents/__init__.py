"""Documents compared with the code: links, paths, commands, settings, metrics, examples, tables."""
