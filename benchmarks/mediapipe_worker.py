"""Run MediaPipe Pose over photos: the part of `mediapipe_photos.py` that runs in its environment.

    python mediapipe_worker.py PHOTOS.npz RESULTS.npz

It needs mediapipe 0.10.21 and numpy, and nothing of lift3d. Photos come as `pixels` (uint8, one
after the other) and `shapes` (N, 3); results go as `landmarks_px` (N, 33, 2), NaN where nobody was
found, `seconds` (N,) and `version`.
"""

import sys
import time

import mediapipe
import numpy as np

WARM_UP = 3


def main(source: str, target: str) -> None:
    """Find the one person that MediaPipe's classic API gives in each photo, and time it."""
    with np.load(source, allow_pickle=False) as pack:
        pixels, shapes = pack["pixels"], pack["shapes"]
    parts = np.split(pixels, np.cumsum(shapes.prod(1))[:-1])
    images = [part.reshape(shape) for part, shape in zip(parts, shapes)]  # noqa: B905
    pose = mediapipe.solutions.pose.Pose(static_image_mode=True, model_complexity=1)
    for image in images[:WARM_UP]:
        pose.process(image)
    landmarks_px, seconds = np.full((len(images), 33, 2), np.nan), np.zeros(len(images))
    for k, image in enumerate(images):
        begin = time.perf_counter()
        found = pose.process(image).pose_landmarks
        seconds[k] = time.perf_counter() - begin
        if found is not None:
            size = np.array(image.shape[1::-1])
            # their 0..1 run from edge to edge, our pixel centres lie at integers
            landmarks_px[k] = [(p.x, p.y) for p in found.landmark] * size - 0.5
    version = np.array(mediapipe.__version__)
    np.savez(target, landmarks_px=landmarks_px, seconds=seconds, version=version)


if __name__ == "__main__":
    main(*sys.argv[1:])
