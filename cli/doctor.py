"""`lift3d doctor`: is this installation sound?"""

import platform
from importlib.metadata import PackageNotFoundError, version

import click

PACKAGES = ("torch", "numpy", "scipy", "safetensors", "click", "rich", "av")
OPENCV_WHEELS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)


@click.command(short_help="Check this installation.")
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Check versions, devices, OpenCV's wheels and the weights; exit code 1 where one is wrong."""
    from .. import __version__

    click.echo(f"lift3d {__version__}, Python {platform.python_version()}, {platform.platform()}")
    sound = [_check_packages(), _check_opencv(), _check_weights(), _check_devices()]
    ctx.exit(0 if all(sound) else 1)


def _check_packages() -> bool:
    missing = [name for name in PACKAGES if not _installed(name)]
    for name in PACKAGES:
        if name in missing:
            click.echo(f"PROBLEM: {name} is not installed; run: pip install {name}")
        else:
            click.echo(f"{name} {version(name)}")
    return not missing


def _check_opencv() -> bool:
    found = [name for name in OPENCV_WHEELS if _installed(name)]
    for name in found:
        click.echo(f"{name} {version(name)}")
    if len(found) == 1:
        return _loads_opencv()
    if found:
        click.echo(
            f"PROBLEM: {' and '.join(found)} overwrite each other's cv2; "
            f"run: pip uninstall {' '.join(found)} && pip install opencv-python"
        )
    else:
        click.echo("PROBLEM: no OpenCV wheel found; run: pip install opencv-python")
    return False


def _loads_opencv() -> bool:
    try:
        import cv2  # noqa: F401
    except ImportError as error:
        wheel = "opencv-python-headless"
        click.echo(f"PROBLEM: cv2 cannot be loaded ({error}); without a display use {wheel}")
        return False
    return True


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _check_weights() -> bool:
    from ..models.zoo import verified_path, zoo
    from ..poses.errors import WeightsMissing

    sound = True
    for name in zoo():
        try:
            verified_path(name)
            click.echo(f"weights {name}: ok")
        except WeightsMissing as error:
            sound = False
            click.echo(f"PROBLEM: {error}")
    return sound


def _check_devices() -> bool:
    try:
        import torch
    except (ImportError, OSError) as error:
        click.echo(f"PROBLEM: torch cannot be loaded ({error}); run: pip install torch")
        return False
    click.echo(f"device cpu: {torch.get_num_threads()} threads")
    sound = _check_openvino()
    for index in range(torch.cuda.device_count()):
        click.echo(f"device cuda:{index}: {torch.cuda.get_device_name(index)}")
    if torch.backends.mps.is_available():
        click.echo("device mps")
    return sound


def _check_openvino() -> bool:
    """Tell what finds people on a processor without bfloat16, and what would do it sooner."""
    from ..detectors.openvino_net import has_openvino, processor
    from ..models.bfloat16 import may_pay

    if may_pay():
        return True
    if not has_openvino():
        click.echo("no bfloat16 here: for quicker videos and folders run: pip install openvino")
        return True
    try:
        name = processor().get_property("CPU", "FULL_DEVICE_NAME")
    except Exception as error:
        click.echo(
            f"PROBLEM: openvino cannot be loaded ({error}); "
            "run: pip install --force-reinstall openvino"
        )
        return False
    click.echo(f"openvino finds people in videos and many photos, on {name}")
    return True
