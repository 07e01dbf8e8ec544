"""`portico notices`: the texts of messages to citizens."""

import argparse

from broker.cli.context import CommandContext, add_config, load_settings
from broker.settings import TEMPLATE_WAYS
from broker.wiring.notifiers import every_template

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
    for way, kind, language, text in every_template(settings.broker.languages, args.way or tuple(TEMPLATE_WAYS)):
        print(f"# [{way}.{kind}] {language}", *filter(None, (text.subject,)), "", text.text, "", sep="\n")
    return 0
