"""Whole photos beside MediaPipe Pose: `python benchmarks/mediapipe_photos.py --help`.

    python3.11 -m venv ../mediapipe-venv && ../mediapipe-venv/bin/pip install mediapipe==0.10.21
    python benchmarks/mediapipe_photos.py --photos photos448.npz --crops crops192.npz \\
        --mediapipe-python ../mediapipe-venv/bin/python

Both get the same whole photos of the validation parts, no boxes: all of LSP extended's crops, each
a photo, and those of COCO's photos that have exactly one labelled person taller than 80 pixels.
LSP extended's crops end shortly behind the joints, where a photo would go on, and MediaPipe misses
people for that: they come a second time with a grey border of a quarter of their side all round.
MediaPipe is 0.10.21, its full model (`model_complexity=1`, `static_image_mode=True`), which finds
one person; of lift3d's people the best-scored one counts. Each at its own default thresholds. In
an environment of its own, since that MediaPipe needs numpy below 2.

PCK@0.2 of the torso is over the 12 limb joints (ankles to hips, wrists to shoulders), which both
have by name; a person not found counts as joints missed. `found`: photos with a person reported,
whoever it is. `recall`: photos whose labelled person was found, at least half of its limb joints
within half a torso. The clock runs from the decoded photo in memory to the joints; both are warm.
"""

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from machine import describe

from lift3d.datasets.crops import read_crops_pack
from lift3d.datasets.photos import read_photos_pack
from lift3d.detectors import HourglassDetector
from lift3d.detectors.preprocess import GREY
from lift3d.evaluation import torso_length_px
from lift3d.evaluation.crops import LIMB_JOINTS, limb_pck
from lift3d.poses import convert_joints, get_skeleton

WORKER = Path(__file__).with_name("mediapipe_worker.py")
MPII = get_skeleton("mpii16")
TALL_PX = 80.0
WARM_UP = 3
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class OnePersonPhotos:
    """Photos (RGB uint8) with one person to find each, its joints (N, 16, 2) `mpii16` in pixels."""

    name: str
    images: list[np.ndarray]
    joints_px: np.ndarray


@dataclass(frozen=True)
class Answers:
    """What a detector found: joints (N, 16, 2), NaN where nobody was, and seconds (N,) a photo."""

    name: str
    joints_px: np.ndarray
    seconds: np.ndarray


@click.command()
@click.option("--photos", type=FILE, help="Photos pack (photos448.npz).")
@click.option("--crops", type=FILE, help="Crops pack (crops192.npz).")
@click.option("--mediapipe-python", help="Python of an environment with mediapipe 0.10.21.")
@click.option(
    "--weights",
    multiple=True,
    default=("hourglass-s", "hourglass-m"),
    show_default=True,
    help="Zoo name or path; several may be given.",
)
@click.option("--finder", default="people", show_default=True, help="Zoo name or path.")
@click.option("--limit", default=None, type=click.IntRange(1), help="So many of each set only.")
@click.option("--threads", default=2, show_default=True, help="CPU threads of torch.")
@click.option("--device", default="cpu", show_default=True)
def main(
    photos: Path | None,
    crops: Path | None,
    mediapipe_python: str | None,
    weights: tuple[str, ...],
    finder: str,
    limit: int | None,
    threads: int,
    device: str,
) -> None:
    """Print PCK, recall and the time for each photo (median, 10 % and 90 % quantile)."""
    import torch

    torch.set_num_threads(threads)
    sets = [lsp_extended(crops, limit, border) for border in (0.0, 0.25)] if crops else []
    sets += [coco_one_person(photos, limit)] if photos else []
    if not sets:
        raise click.UsageError("give --photos, --crops or both")
    detectors = {name: HourglassDetector(name, finder, device) for name in weights}
    click.echo(describe(threads))
    click.echo(f"\n{'':45}{'photos':>7}{'PCK@0.2':>9}{'found':>8}{'recall':>8}   ms a photo")
    for photo_set in sets:
        answers = [ask_lift3d(each, photo_set, f"lift3d {n}") for n, each in detectors.items()]
        if mediapipe_python:
            answers.append(ask_mediapipe(mediapipe_python, photo_set))
        for answer in answers:
            click.echo(row(photo_set, answer))


def lsp_extended(path: Path, limit: int | None, border: float) -> OnePersonPhotos:
    """Return the validation crops of LSP extended, each as a photo with a border of its side."""
    crops = read_crops_pack(path, 1)
    rows = np.flatnonzero(crops.source == "lspet")[:limit]
    wide = round(border * crops.images.shape[1])
    images = np.pad(
        crops.images[rows], ((0, 0), (wide, wide), (wide, wide), (0, 0)), constant_values=GREY
    )
    name = "LSP extended" + (", border" if wide else "")
    return OnePersonPhotos(name, list(images), crops.joints_px[rows] + wide)


def coco_one_person(path: Path, limit: int | None) -> OnePersonPhotos:
    """Return the validation photos with exactly one labelled person taller than 80 pixels."""
    photos = read_photos_pack(path, 1)
    tall = photos.box_xyxy_px[:, 3] - photos.box_xyxy_px[:, 1] > TALL_PX
    alone = [rows[tall[rows]] for rows in map(photos.people, range(len(photos)))]
    chosen = [i for i, rows in enumerate(alone) if len(rows) == 1][:limit]
    joints_px = photos.mpii16_px()[[alone[i][0] for i in chosen]]
    return OnePersonPhotos("COCO, one person", [photos.load(i) for i in chosen], joints_px)


def ask_lift3d(detector: HourglassDetector, photos: OnePersonPhotos, name: str) -> Answers:
    """Return the joints of the best-scored person of each photo."""
    for image in photos.images[:WARM_UP]:
        detector.detect([image])
    joints, seconds = np.full(photos.joints_px.shape, np.nan), np.zeros(len(photos.images))
    for k, image in enumerate(photos.images):
        begin = time.perf_counter()
        people = detector.detect([image])[0]
        seconds[k] = time.perf_counter() - begin
        if people:
            best = max(people, key=lambda pose: pose.score)
            joints[k] = convert_joints(best.joints_px, None, best.skeleton, MPII).joints
    return Answers(name, joints, seconds)


def ask_mediapipe(python: str, photos: OnePersonPhotos) -> Answers:
    """Return the joints that MediaPipe finds, in a process with another Python."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "photos.npz"), Path(folder, "results.npz")
        pixels = np.concatenate([image.ravel() for image in photos.images])
        np.savez(source, pixels=pixels, shapes=np.array([i.shape for i in photos.images]))
        command = [python, str(WORKER), str(source), str(target)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
            raise click.ClickException(f"{python} {WORKER.name} failed: {last}")
        with np.load(target, allow_pickle=False) as results:
            found, seconds, version = (
                results[key] for key in ("landmarks_px", "seconds", "version")
            )
    joints = convert_joints(found, None, "blazepose33", MPII).joints
    return Answers(f"MediaPipe {version} full", joints, seconds)


def row(photos: OnePersonPhotos, answers: Answers) -> str:
    """Return a line of the table."""
    limbs = list(LIMB_JOINTS)
    true_px, found_px = photos.joints_px[:, limbs], answers.joints_px[:, limbs]
    found = np.isfinite(found_px).all(-1).any(1)
    off = np.linalg.norm(found_px - true_px, axis=-1)
    torso = torso_length_px(photos.joints_px, MPII)
    labelled = np.isfinite(true_px).all(-1)
    usable = (torso > 0) & labelled.any(1)
    near = ((off <= 0.5 * torso[:, None]) & labelled).sum(1) >= 0.5 * labelled.sum(1)
    low, middle, high = np.quantile(1000 * answers.seconds, (0.1, 0.5, 0.9))
    return (
        f"{photos.name:22}{answers.name:23}{int(usable.sum()):7}"
        f"{limb_pck(answers.joints_px, photos.joints_px):9.4f}{found[usable].mean():8.3f}"
        f"{near[usable].mean():8.3f}   {middle:.1f} ({low:.1f}-{high:.1f})"
    )


if __name__ == "__main__":
    main()
