"""`portico notices`: the texts of messages to citizens."""

import argparse

from broker.cli.context import CommandContext, add_config, load_settings
from broker.settings import TEMPLATE_WAYS
from broker.wiring.notifiers import pasted_templates

HELP = "print the texts of messages to citizens, to paste them into GOV.UK Notify"
DESCRIPTION = """Prints every text as a template of GOV.UK Notify, in every language of the configuration: the
place of its id in the file of template ids, the subject, and the text with ((placeholders))."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_config(parser)
    parser.add_argument("what", choices=["templates"], help="what is printed")
    parser.add_argument("--way", choices=sorted(TEMPLATE_WAYS), action="append", help="only these (default: all)")


def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Prints the templates."""
    settings = load_settings(args, machine)
    for language in settings.broker.languages:
        for template in pasted_templates(language, args.way or TEMPLATE_WAYS):
            print(template)
    return 0
