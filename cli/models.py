"""`lift3d models`: the weights that ship."""

import click


@click.group(short_help="List and check the weights that ship.")
def models() -> None:
    """Show and check the weights that ship with lift3d."""


@models.command("list")
def list_models() -> None:
    """List the weights: name, kind, size, licence, measured error."""
    from ..models.zoo import zoo

    for entry in zoo().values():
        about = entry.about
        click.echo(f"{entry.name}: {entry.kind}, {entry.bytes / 1e6:.2f} MB")
        click.echo(f"  {about['summary']}")
        click.echo(f"  trained on: {about['data']}; licence: {about['licence']}")
        click.echo(f"  measured {about['measured']}: {about['error']}")


@models.command("verify")
@click.pass_context
def verify_models(ctx: click.Context) -> None:
    """Check that every weights file is the one that the zoo names, by SHA-256."""
    from ..models.zoo import verified_path, zoo
    from ..poses.errors import WeightsMissing

    failed = False
    for entry in zoo().values():
        try:
            verified_path(entry.name)
        except WeightsMissing as error:
            failed = True
            click.echo(f"lift3d: {error}", err=True)
        else:
            click.echo(f"{entry.name}: ok  {entry.sha256}")
    ctx.exit(1 if failed else 0)
