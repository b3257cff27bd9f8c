"""`vigie-server`: parses, builds, runs, and turns the outcome into an exit code.

Each command lives in a module that loads when it is called: help, and each command, costs what it
uses alone.
"""

from typing import Final

import click

from vigie_server.cli.loading import Later, LoadedWhenCalled

COMMANDS: Final = {
    "account": Later(
        "cli.accounts", "account", "Make, list, reset and lock the accounts of people."
    ),
    "ask": Later(
        "cli.ask",
        "ask",
        "Ask devices an approved QUESTION (see `question approved`), or a SELECT, and wait.",
    ),
    "asset": Later(
        "cli.assets",
        "asset",
        "Keep asset cards: what a person knows of a device and no query sees.",
    ),
    "attest": Later(
        "cli.attest", "attest", "Record what no query sees: plans, contracts, tests, decisions."
    ),
    "backup": Later(
        "cli.backup",
        "backup",
        "Back up authorities, store, settings, own rules and reference data, encrypted.",
    ),
    "copy": Later(
        "cli.copy",
        "copy",
        "Copy a SQLite store to PostgreSQL, whole or not at all, and check that all is there.",
    ),
    "demo": Later(
        "demo.command", "demo", "Show Vigie at work on this machine: server, agent, first verdicts."
    ),
    "devices": Later("cli.devices", "devices", "List devices, approve, retire and revoke them."),
    "exchange": Later(
        "cli.exchange", "exchange", "Write files for other programs, and take theirs."
    ),
    "group": Later(
        "cli.groups",
        "group",
        "Declare groups of devices, by platform, chassis, profile, hostname, roles or ids.",
    ),
    "incident": Later(
        "cli.incident",
        "incident",
        "Keep a site's incident log: entries are added, and never changed.",
    ),
    "init": Later(
        "cli.init", "init", "Make the data folder, the certificate authority and the store."
    ),
    "inventory": Later(
        "cli.maturity", "inventory", "List, review and export the inventories of a site."
    ),
    "mail": Later(
        "cli.mail", "mail", "Declare the mail domains of sites, and check them (question 7)."
    ),
    "migrate": Later("cli.init", "migrate", "Bring the store to this version's schema."),
    "notify": Later(
        "cli.notify", "notify", "Tell people by e-mail or webhook what needs to be seen to."
    ),
    "param": Later(
        "cli.params",
        "param",
        "Set parameters of rules for a site, a group or one device, and see what is in force.",
    ),
    "plan": Later(
        "cli.plan",
        "plan",
        "Say what a fleet takes: cores, memory, database, series, and how to deploy it.",
    ),
    "question": Later(
        "cli.ask",
        "question",
        "Live questions: which may be asked, which were, and what devices answered.",
    ),
    "report": Later(
        "cli.report", "report", "Write the report of a facility, a managing body or a region."
    ),
    "restore": Later(
        "cli.backup",
        "restore",
        "Bring a backup back into the data folder, and into the store that the settings name.",
    ),
    "rules": Later(
        "cli.rules", "rules", "List, check, test and explain rules; judge everything again."
    ),
    "serve": Later(
        "cli.serve", "serve", "Serve devices and readers until stopped (SIGTERM or Ctrl-C)."
    ),
    "setup-code": Later(
        "cli.accounts", "setup_code", "Print a new code that sets up an administrator's account."
    ),
    "site": Later(
        "cli.sites",
        "site",
        "Declare sites: who runs them, where they are, by what their network is known.",
    ),
    "token": Later("cli.tokens", "token", "Make, list and revoke tokens."),
    "updates": Later(
        "cli.updates",
        "updates",
        "Take in the agents' update channel, and roll its releases out.",
    ),
    "waive": Later(
        "cli.waive",
        "waive",
        "Accept the risk of a rule that fails, on devices listed one by one, until a day.",
    ),
}


@click.group(
    cls=LoadedWhenCalled,
    later=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--debug", is_flag=True, help="Log more.")
def main(*, debug: bool) -> None:
    """Judges the digital hygiene of a fleet. Settings are read from VIGIE_SERVER_*."""
    from vigie_server.logs import configure_logs

    configure_logs(debug=debug)


@main.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as version_of

    click.echo(f"vigie-server {version_of('vigie')}")
