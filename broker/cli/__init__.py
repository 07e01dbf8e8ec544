"""The command line: `main` parses it and turns errors into text and exit status; one module for each command.

Commands get a `CommandContext`, which opens the stores that they need. A command that cannot do what was asked raises
CommandError with the reason and the fix. Nothing below imports this package.
"""
