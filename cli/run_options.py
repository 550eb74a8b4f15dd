"""Options that `lift3d run` and `lift3d batch` share."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .shared_options import PART, FiniteRange, device_option

if TYPE_CHECKING:
    from ..pipelines.stream_settings import StreamSettings

Command = Callable[..., Any]

PARTS = (
    click.option("--detector", default="hourglass", show_default=True, help=PART),
    click.option("--lifter", default="consensus", show_default=True, help=PART),
    device_option(),
    click.option("--height-mm", type=FiniteRange(300, 2800), help="The people's body height."),
    click.option(
        "--conf",
        type=FiniteRange(0, 1),
        help="Least score of a person.  [default: the detector's; hourglass 0.26]",
    ),
)

VIDEOS = (
    click.option(
        "--stride",
        default=1,
        show_default=True,
        type=click.IntRange(1),
        help="Take every N-th frame of a video.",
    ),
    click.option("--start", default=0.0, type=FiniteRange(0), help="Begin so many seconds in."),
    click.option("--end", type=FiniteRange(0), help="Stop before so many seconds."),
    click.option("--max-frames", type=click.IntRange(1), help="Take at most so many frames."),
    click.option(
        "--smooth",
        type=click.Choice(("offline", "live", "none")),
        help="Smoothing over time.  [default: offline; live for a camera]",
    ),
    click.option(
        "--constant-bones", is_flag=True, help="Give each person of a video one length a bone."
    ),
    click.option(
        "--floor",
        is_flag=True,
        help="Set people on the floor, as standing feet tell it; the camera must not move.",
    ),
    click.option("--focal-px", type=float, help="The camera's focal length in pixels."),
    click.option(
        "--fov-deg",
        type=float,
        help="Or its field of view, longer side.  [default: photos' EXIF; videos 60]",
    ),
    click.option("--overlay", is_flag=True, help="Write videos with the people drawn in."),
)


def add_options(*groups: tuple[Callable[[Command], Command], ...]) -> Callable[[Command], Command]:
    """Return a decorator that adds groups of options to a command, in order."""

    def add(command: Command) -> Command:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return add


def stream_settings(given: dict[str, Any]) -> "StreamSettings":
    """Return the settings of videos that the options name."""
    from ..pipelines.sources import Selection
    from ..pipelines.stream_settings import StreamSettings

    selection = Selection(given["stride"], given["start"], given["end"], given["max_frames"])
    return StreamSettings(
        selection,
        given.get("fps"),
        given["smooth"],
        given["focal_px"],
        given["fov_deg"],
        given["max_people"],
        given["constant_bones"],
        given["floor"],
    )
