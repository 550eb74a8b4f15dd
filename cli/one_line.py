"""Messages of one line each, whatever stands in the names of files that they tell."""

import re

import click

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(text: str) -> str:
    r"""Return a text with its line breaks and other control characters written as escapes.

    >>> print(one_line("two\nlines.mp4: 3 frames"))
    two\nlines.mp4: 3 frames
    """
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def say(text: str) -> None:
    """Say one line on stderr."""
    click.echo(one_line(text), err=True)
