"""Make a test video: the person of examples/person.jpg strolls about, once or several times.

    python examples/make_video.py out.mp4 --seconds 10 --people 2

No photo is involved, and no data: examples/make_person.py has drawn the person. Everybody sways in
a lane of their own, so that identities, speed and memory can be measured on any machine.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from lift3d import read_image

PERSON = Path(__file__).with_name("person.jpg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--people", type=int, default=1)
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--size", default="1280x720", help="width x height")
    parser.add_argument("--still", action="store_true", help="nobody moves")
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    count = round(args.seconds * args.fps)
    pictures = frames(count, args.fps, (width, height), args.people, args.still)
    write_video(args.out, pictures, args.fps, (width, height))


def frames(
    count: int, fps: int, size: tuple[int, int], people: int, still: bool
) -> Iterator[np.ndarray]:
    """Yield RGB frames (H, W, 3)."""
    width, height = size
    picture = read_image(PERSON)
    scale = min(0.92 * height / picture.shape[0], width / people / picture.shape[1])
    wall = cv2.resize(cv2.GaussianBlur(picture, (0, 0), 25), size)
    person = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    h, w = person.shape[:2]
    lane = width / people
    for k in range(count):
        frame = wall.copy()
        for n in range(people):
            t = 0.0 if still else k / fps
            x = lane * n + (lane - w) / 2 * (1 + 0.9 * np.sin(1.1 * t + 2 * n))
            y = (height - h) / 2 * (1 + 0.8 * np.sin(1.7 * t + n))
            shift = np.array([[1, 0, x], [0, 1, y]])
            cv2.warpAffine(person, shift, size, dst=frame, borderMode=cv2.BORDER_TRANSPARENT)
        yield frame


def write_video(
    path: Path, pictures: Iterator[np.ndarray], fps: int, size: tuple[int, int]
) -> None:
    """Write RGB pictures of a size (width, height) as H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
