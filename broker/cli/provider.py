"""`portico provider`: what beside turning one off and on can be done: pause, resume, list, test, count accounts."""

import argparse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from broker.cli import switches
from broker.cli.context import AdminStoresPort, CommandContext, add_config, line, load_settings, moment, require_clock
from broker.model.kill_switches import KillSwitches, KillSwitchKind
from broker.settings import ProviderEntry, Settings
from broker.wiring.errors import NOT_NOW, CommandError

PAUSE = """Citizens are not sent to a paused provider, and read why in their language: write the reason with --reason
for every language of the broker. Those who are there may come back. A pause holds for every worker from its next
request on, until it is resumed or its end has come; it is audited. A second pause replaces the first."""

ACCOUNTS = """Counts the accounts that a provider leads to: those that have another way too, and those that have none,
which are lost to their services when the provider leaves. Identities that were not used since their provider is
recorded are not counted. Nothing is changed."""

TEST = """Uses a provider as far as that is possible without a citizen, and prints what works, what does not, and what
in its metadata departs from the standards or from its preset. The exit status is 3 if sign-ins cannot work."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    verbs = switches.add_arguments(parser, KillSwitchKind.PROVIDER)
    pause = verbs.add_parser("pause", help="send no citizen there for a while, and say why", description=PAUSE)
    resume = verbs.add_parser("resume", help="end a pause", description=PAUSE)
    test = verbs.add_parser("test", help="use a provider without a citizen", description=TEST)
    accounts = verbs.add_parser("accounts", help="count the accounts that depend on a provider", description=ACCOUNTS)
    for verb in (pause, resume, test, accounts):
        verb.add_argument("id", type=line, metavar="ID", help="the provider's id")
    pause.add_argument(
        "--reason", type=_text, action="append", required=True, metavar="LANGUAGE=TEXT", help="why, for citizens"
    )
    pause.add_argument(
        "--until", type=moment, metavar="TIME", help="when the pause ends by itself, as 2027-03-31T17:00:00+01:00"
    )
    for verb in (pause, resume):
        verb.add_argument(
            "--by", type=line, metavar="NAME", help="who decided this (default: the user running the command)"
        )
    for verb in (pause, resume, test, accounts):
        add_config(verb)


async def run(args: argparse.Namespace, machine: CommandContext) -> int:
    """Runs the subcommand. Raises CommandError."""
    if args.verb not in ("pause", "resume", "test", "list", "accounts"):
        return await switches.run(args, machine, KillSwitchKind.PROVIDER)
    settings = load_settings(args, machine)
    if args.verb == "test":
        switches.check_known(KillSwitchKind.PROVIDER, args.id, settings)
        return await _test(settings, args.id, machine)
    async with machine.open(settings) as facts:
        if args.verb == "list":
            print("\n".join(await _list(settings, facts, machine.system.now())) or "no provider is configured")
            return 0
        if args.verb == "accounts":
            found = await facts.links.dependents(args.id)
            print(f"{args.id}: {found.alone} accounts have no other way, {found.beside} have one")
            return 0
        require_clock(facts)
        actor, now = args.by or machine.user, machine.system.now()
        if args.verb == "resume":
            resumed = await facts.kill_switches.resume(args.id, actor, now)
            print(f"{args.id} is resumed" if resumed else f"{args.id} was not paused by command")
            return 0
        switches.check_known(KillSwitchKind.PROVIDER, args.id, settings)
        texts = _complete(dict(args.reason), settings.broker.languages)
        if args.until is not None and args.until <= now:
            raise CommandError("--until: this time has passed\n    write a later one, or leave it out")
        await facts.kill_switches.pause(args.id, texts, args.until, actor, now)
    print(f"{args.id} is paused{'' if args.until is None else f' until {_time(args.until)}'}")
    return 0


def _complete(texts: Mapping[str, str], languages: tuple[str, ...]) -> Mapping[str, str]:
    """The texts in the order of the broker's languages. Raises CommandError if one is missing, or one too many."""
    if missing := [code for code in languages if code not in texts]:
        raise CommandError(f"--reason: citizens read it in {', '.join(missing)} too\n    add --reason {missing[0]}=...")
    if strange := [code for code in texts if code not in languages]:
        raise CommandError(f'--reason: "{strange[0]}" is not a language of the broker\n    use {", ".join(languages)}')
    return {code: texts[code] for code in languages}


async def _test(settings: Settings, provider: str, machine: CommandContext) -> int:
    findings = await machine.test_provider(settings, provider)
    for finding in findings:
        print(f"{'fails' if finding.blocks else 'differs'}: {finding.about}: {finding.detail}")
    blocking = [finding.about for finding in findings if finding.blocks]
    if blocking:
        raise CommandError(f"{provider}: no citizen can sign in: {', '.join(blocking)}", NOT_NOW)
    print(f"{provider} works" if not findings else f"{provider} works, and differs in {len(findings)}")
    return 0


async def _list(settings: Settings, facts: AdminStoresPort, now: float) -> list[str]:
    """Every provider in one line: kind and preset, highest level, and whether citizens are sent there."""
    current = await facts.kill_switches.current()
    off = {item.id: item for item in await facts.kill_switches.listing() if item.kind is KillSwitchKind.PROVIDER}
    lines = []
    for provider_id, entry in settings.providers.items():
        preset = f" {entry.preset}" if entry.preset else ""
        states = [switches.describe_state(off[provider_id])] if provider_id in off else []
        states += _states(entry, current, now)
        level = entry.card.max_level.name.lower()
        lines.append(f"{provider_id}  {entry.kind}{preset}, {level}: {'; '.join(states) or 'offered'}")
    gone = [item for provider_id, item in off.items() if provider_id not in settings.providers]
    lines += [f"{switches.describe(item)} (not configured)" for item in gone]
    return lines


def _states(entry: ProviderEntry, current: KillSwitches, now: float) -> Iterator[str]:
    policy = entry.policy
    if not policy.enabled:
        yield "turned off in its file"
    if policy.staff_only:
        yield "for staff only"
    for where, pause in (("by command", current.pause(entry.id, now)), ("in its file", policy.pause(now))):
        if pause is not None:
            end = "" if pause.until is None else f" until {_time(pause.until)}"
            yield f"paused {where}{end}: {next(iter(pause.texts.values()))}"
    if policy.services:
        yield f"only for {', '.join(policy.services)}"
    if policy.share < 100:
        yield f"in {policy.share} % of browsers"
    if policy.accept_new_until is not None:
        yield f"takes nobody new {'from' if policy.accepts_new(now) else 'since'} {_time(policy.accept_new_until)}"
    if policy.accept_sign_in_until is not None:
        yield f"{'left' if policy.has_left(now) else 'leaves'} {_time(policy.accept_sign_in_until)}"


def _text(argument: str) -> tuple[str, str]:
    """A text with its language. Raises ArgumentTypeError."""
    code, equals, text = argument.partition("=")
    if not equals or not code.strip():
        raise argparse.ArgumentTypeError("write it as en=The reason")
    return code.strip().lower(), line(text)


def _time(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
