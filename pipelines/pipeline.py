"""Photos and videos in, 3D poses out: a detector and a lifter put together."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..poses.errors import BadInput, PluginError
from ..poses.pose import Pose2D, Pose3D
from .body_height import scale_to_height
from .frame import Frame
from .parts import Detector, Lifter, load_detector, load_lifter
from .person_crops import add_crops
from .sources import Selection


class Pipeline:
    """Turn photos and videos into 3D poses.

    Args:
        detector: a name, or an object with `skeleton` and `detect`.
        lifter: a name, or an object with `skeleton`, `needs`, `lift` and `lift_arrays`.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps"; for parts given by name.
        threshold: least score of a person; None: the detector's own.
        max_people: at most so many in a photo, the best ones; None: all that the detector gives.
        height_mm: the people's body height; None: the population's mean size.

    Raises:
        PluginError: a name is unknown, or a part is not what it should be.
        BadInput: a setting is out of its range, or (when run) the detector does not give what the
            lifter needs.
    """

    def __init__(
        self,
        detector: str | Any = "hourglass",
        lifter: str | Any = "consensus",
        device: str = "auto",
        threshold: float | None = None,
        max_people: int | None = None,
        height_mm: float | None = None,
    ) -> None:
        if max_people is not None and max_people < 1:
            raise BadInput(f"max_people must be 1 or more, got {max_people}")
        if threshold is not None and not 0 <= threshold <= 1:
            raise BadInput(f"threshold must lie in 0..1, got {threshold}")
        if height_mm is not None and not 300 <= height_mm <= 2800:
            raise BadInput(f"height_mm must lie in 300..2800 (millimetres), got {height_mm}")
        self.lifter: Lifter = load_lifter(lifter, device)
        self.detector: Detector = load_detector(
            detector, device, threshold, with_maps=bool(self.lifter.needs)
        )
        self.threshold = threshold
        self.max_people = max_people
        self.height_mm = height_mm

    def run(self, image: np.ndarray) -> list[Pose3D]:
        """Return the people in one photo, best first, an empty list where there are none.

        Args:
            image: RGB uint8 (H, W, 3).
        """
        return self.run_batch([image])[0]

    def run_batch(self, images: Sequence[np.ndarray]) -> list[list[Pose3D]]:
        """Return the people in each of several photos; they share the networks' batches."""
        return self.lift_batch(
            [self._number(people[: self.max_people]) for people in self.detect_batch(images)]
        )

    def detect_batch(self, images: Sequence[np.ndarray]) -> list[list[Pose2D]]:
        """Return everybody found in each of several images, best first, above the threshold."""
        found = self._strong(self.detector.detect(list(images)), len(images))
        return self._with_crops(images, found)

    def detect_frames(
        self, images: Sequence[np.ndarray], times_s: Sequence[float]
    ) -> list[list[Pose2D]]:
        """Return everybody found in each of several consecutive frames of a video, best first.

        A detector that has a method `detect_frames(images, times_s)` is asked by it; it may use
        that the frames are alike, but must look at nothing else.
        """
        if not hasattr(self.detector, "detect_frames"):
            return self.detect_batch(images)
        found = self.detector.detect_frames(list(images), list(times_s))
        return self._with_crops(images, self._strong(found, len(images)))

    def frame_threads(self) -> int:
        """Return from how many threads `detect_frames` may be called at once.

        One, unless the detector has a method `frame_threads()` that says more.
        """
        ready = getattr(self.detector, "frame_threads", None)
        return 1 if ready is None else int(ready())

    def _strong(self, found: Any, count: int) -> list[list[Pose2D]]:
        found = _counted(found, count, "detector", "images")
        least = 0.0 if self.threshold is None else self.threshold
        return [
            sorted((pose for pose in people if pose.score >= least), key=lambda p: -p.score)
            for people in found
        ]

    def _with_crops(
        self, images: Sequence[np.ndarray], found: list[list[Pose2D]]
    ) -> list[list[Pose2D]]:
        """Cut out the people for a lifter that looks at them, where the detector did not."""
        if "crop" not in self.lifter.needs:
            return found
        return [add_crops(image, people) for image, people in zip(images, found, strict=True)]

    def lift_batch(self, found: Sequence[Sequence[Pose2D]]) -> list[list[Pose3D]]:
        """Return the 3D pose of each 2D pose of several images, in order."""
        flat = [pose for people in found for pose in people]
        self._check_needs(flat)
        lifted = iter(_counted(self.lifter.lift(flat), len(flat), "lifter", "poses"))
        result = [[_of(next(lifted), pose) for pose in people] for people in found]
        if self.height_mm is None:
            return result
        return [[scale_to_height(p, self.height_mm) for p in people] for people in result]

    def stream(
        self,
        source: str | Path,
        *,
        stride: int = 1,
        start_s: float = 0.0,
        end_s: float | None = None,
        max_frames: int | None = None,
        fps: float | None = None,
        smooth: str | None = None,
        focal_px: float | None = None,
        fov_deg: float | None = None,
    ) -> Iterator[Frame]:
        """Yield the people of a video frame by frame, with identities, at constant memory.

        Decoding, finding and lifting run ahead in threads of their own. At most `max_people` of
        the pipeline are followed, the most prominent ones.

        Args:
            source: a video file, a camera's number or address, "-" for stdin; with `fps` a
                folder or pattern of numbered images.
            stride: take every so many frames one.
            start_s: from this time on, seconds.
            end_s: frames before this time; None: to the end.
            max_frames: at most so many; None: all.
            fps: how many of the images make a second.
            smooth: "offline" (no lag, frames come a little later), "live" or "none"; None:
                "live" for a camera, else "offline".
            focal_px: the camera's focal length in pixels, for `root_mm`.
            fov_deg: or its field of view along the longer side; both None: 60 degrees.

        Raises:
            BadInput: a setting is out of its range, or there is no such source.
            DecodeError: the source cannot be read as video.
        """
        from .stream import stream_frames
        from .stream_settings import StreamSettings

        selection = Selection(stride, start_s, end_s, max_frames)
        settings = StreamSettings(selection, fps, smooth, focal_px, fov_deg, self.max_people)
        return stream_frames(self, source, settings)

    def _check_needs(self, poses: list[Pose2D]) -> None:
        """Raise BadInput where a pose lacks what the lifter looks at."""
        for pose in poses:
            has = {"crop": pose.crop is not None}
            has["heatmaps"] = pose.crop is not None and pose.crop.heatmaps is not None
            missing = [need for need in sorted(self.lifter.needs) if not has.get(need)]
            if missing:
                raise BadInput(
                    f"the lifter needs each person's {' and '.join(missing)}, which the detector "
                    "does not give; choose another detector or lifter"
                )

    def _number(self, people: list[Pose2D]) -> list[Pose2D]:
        return [
            pose if pose.person_id is not None else replace(pose, person_id=k)
            for k, pose in enumerate(people)
        ]


def _of(lifted: Pose3D, pose: Pose2D) -> Pose3D:
    """Return a 3D pose that knows which 2D pose it was lifted from."""
    return replace(lifted, pose2d=pose) if lifted.pose2d is None else lifted


def _counted(results: Any, count: int, part: str, items: str) -> list:
    """Return a part's results, or raise PluginError where they are not as many as asked for."""
    if not isinstance(results, list) or len(results) != count:
        got = f"{len(results)} results" if isinstance(results, list) else type(results).__name__
        raise PluginError(
            f"the {part} must return a list with one result for each of {count} "
            f"{items}, got {got}; try lift3d.check_{part}"
        )
    return results
