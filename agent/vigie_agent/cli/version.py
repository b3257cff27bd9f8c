"""`vigie-agent version`: which release this is."""

import click


@click.command()
def version() -> None:
    """Print the version of the agent and of Python."""
    import platform
    from importlib.metadata import version as version_of

    click.echo(f"vigie-agent {version_of('vigie')} (Python {platform.python_version()})")
