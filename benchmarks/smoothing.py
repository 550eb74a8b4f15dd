"""Jitter, lag and error of the smoothers: `python benchmarks/smoothing.py [--mocap FILE]`.

A standing person with white noise: the mean acceleration after smoothing over that before, and the
time that a person and frame takes. A swinging forearm (2 Hz) with the same noise: lag in frames and
gain of the wave. With motion capture: the mean distance of the joints from the truth with white
noise, with noise of which half lasts (over a quarter of a second), and in gaps that were filled.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
from machine import describe

from lift3d.datasets.mocap import VALIDATION, read_mocap
from lift3d.pipelines.frame import Frame
from lift3d.pipelines.smoothing import LiveSmoother, OfflineSmoother
from lift3d.poses import Pose2D, Pose3D, get_skeleton

H36M17 = get_skeleton("h36m17")
ELBOW, WRIST = H36M17.index("right_elbow"), H36M17.index("right_wrist")
X = [0, -100, -110, -110, 100, 110, 110, 0, 0, 0, 0, 160, 180, 190, -160, -180, -190]
Y = [0, 0, 420, 840, 0, 420, 840, -230, -470, -560, -680, -450, -180, 60, -450, -180, 60]
BODY = np.stack([X, Y, np.zeros(17)], -1).astype(float)
SMOOTHERS: dict[str, Callable[[], OfflineSmoother | LiveSmoother]] = {
    "Butterworth": OfflineSmoother,
    "Savitzky-Golay": lambda: OfflineSmoother(method="savitzky-golay"),
    "one-euro, live": LiveSmoother,
}


@click.command()
@click.option("--mocap", type=click.Path(exists=True, path_type=Path), help="Motion capture.")
@click.option("--seconds", default=20.0, show_default=True, help="Length of the scripted clips.")
def main(mocap: Path | None, seconds: float) -> None:
    """Print the tables."""
    click.echo(describe(1))
    click.echo(f"\n{'':16}{'fps':>5}{'noise mm':>10}{'jitter':>9}{'lag':>8}{'gain':>7}{'ms':>8}")
    for name, make in SMOOTHERS.items():
        for fps in (25, 30):
            for sigma_mm in (5, 15, 30):
                _scripted(name, make, fps, sigma_mm, seconds)
    if mocap is not None:
        _captured(mocap)


def _scripted(name: str, make: Callable, fps: int, sigma_mm: float, seconds: float) -> None:
    rng = np.random.default_rng(0)
    t = np.arange(int(seconds * fps)) / fps
    noise = rng.normal(0, sigma_mm, (len(t), 17, 3))
    start = time.perf_counter()
    still = _smoothed(make(), BODY + noise, fps)
    spent_ms = 1000 * (time.perf_counter() - start) / len(t)
    jitter = _acceleration(still) / _acceleration(BODY + noise)
    angle = 150 / 240 * np.sin(2 * np.pi * 2 * t)
    wave = np.repeat(BODY[None], len(t), 0)
    wave[:, WRIST] = wave[:, ELBOW] + 240 * np.stack([np.sin(angle), np.cos(angle), 0 * t], -1)
    smooth = _smoothed(make(), wave + noise, fps)
    inside = (t >= 2) & (t < seconds - 2)
    turn = np.exp(-2j * np.pi * 2 * t[inside])
    ratio = (smooth[inside, WRIST, 0] @ turn) / ((wave + noise)[inside, WRIST, 0] @ turn)
    lag = -np.angle(ratio) / (2 * np.pi * 2) * fps
    click.echo(
        f"{name:16}{fps:>5}{sigma_mm:>10}{jitter:>9.3f}{lag:>8.2f}{abs(ratio):>7.3f}{spent_ms:>8.2f}"
    )


def _captured(path: Path) -> None:
    pack = read_mocap(path)
    rows = pack.rows(split=VALIDATION, grades=(0,))
    clips = [rows[pack.clip[rows] == clip] for clip in np.unique(pack.clip[rows])]
    click.echo(f"\n{len(clips)} clips of the validation subjects, mean joint error, mm")
    click.echo(f"{'':16}{'noise mm':>10}{'white':>9}{'lasting':>9}{'gap .4 s':>10}")
    for sigma_mm in (15, 30):
        for name, make in {"none": None, **SMOOTHERS}.items():
            errors = [list(_clip_errors(pack, clip, make, sigma_mm)) for clip in clips]
            white, lasting, gap = (_mean(column) for column in np.array(errors).T)
            click.echo(f"{name:16}{sigma_mm:>10}{white:>9.1f}{lasting:>9.1f}{gap:>10.1f}")


def _clip_errors(
    pack: object, rows: np.ndarray, make: Callable | None, sigma_mm: float
) -> Iterator[float]:
    """Yield the mean error with white noise, with lasting noise, and in gaps of 0.4 s."""
    true = pack.poses_mm[rows].astype(float)  # type: ignore[attr-defined]
    true -= true[:, :1]
    fps = float(pack.clip_fps[pack.clip[rows[0]]])  # type: ignore[attr-defined]
    rng = np.random.default_rng(0)
    white = rng.normal(0, sigma_mm, true.shape)
    slow = np.zeros_like(white)
    for k in range(1, len(true)):
        keep = np.exp(-1 / (0.25 * fps))
        slow[k] = keep * slow[k - 1] + np.sqrt(1 - keep**2) * rng.normal(0, sigma_mm, (17, 3))
    for noise in (white, (white + slow) / np.sqrt(2)):
        smooth = true + noise if make is None else _smoothed(make(), true + noise, fps)
        yield float(np.linalg.norm(smooth - true, axis=-1).mean())
    gap = np.arange(len(true)) % 40 >= 40 - int(0.4 * fps)
    gap[-5:] = False
    if make is None or isinstance(make(), LiveSmoother):  # they fill nothing
        yield np.nan
        return
    filled = _smoothed(make(), true + white, fps, gap)
    yield _mean(np.linalg.norm((filled - true)[gap], axis=-1))


def _mean(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN, NaN where there is none."""
    found = values[np.isfinite(values)]
    return float(found.mean()) if len(found) else np.nan


def _smoothed(
    smoother: OfflineSmoother | LiveSmoother,
    joints_mm: np.ndarray,
    fps: float,
    missing: np.ndarray | None = None,
) -> np.ndarray:
    """Return the smoothed joints (T, 17, 3), NaN where there is nobody."""
    frames = []
    for k, joints in enumerate(joints_mm):
        pose2d = Pose2D(joints[:, :2], np.ones(17), H36M17, person_id=0)
        people = [Pose3D(joints, np.ones(17), H36M17, pose2d=pose2d)]
        frames.append(Frame(k, k / fps, [] if missing is not None and missing[k] else people))
    if isinstance(smoother, LiveSmoother):
        done = [smoother.update(frame) for frame in frames]
    else:
        done = [ready for frame in frames for ready in smoother.push(frame)] + smoother.finish()
    lost = np.full((17, 3), np.nan)
    return np.stack([f.people[0].joints_mm if f.people else lost for f in done])


def _acceleration(joints_mm: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(joints_mm, 2, axis=0), axis=-1)[30:-10].mean())


if __name__ == "__main__":
    main()
