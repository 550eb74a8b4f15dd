"""The default detector: a person finder, then a hourglass on each person's crop."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ..models.device import choose_device
from ..models.load import LoadedHourglass, load_hourglass
from ..poses.checks import shaped_array
from ..poses.errors import BadInput
from ..poses.pose import Pose2D
from ..poses.skeleton import Skeleton
from .crop_looks import CropLooks
from .device_frames import cut_squares, fit_frames, upload_frames
from .duplicates import keep_distinct
from .fast_net import FastNet, fast_net
from .openvino_net import has_openvino
from .people import OUTPUTS, FoundPeople, find_people, find_people_alike, find_people_in_inputs
from .preprocess import check_image
from .quickest_dtype import dtype_for
from .squares import Squares
from .video_frames import fill_between, frames_to_look_at

DEFAULT_WEIGHTS = "hourglass-s"
MOST_THREADS = 4
THRESHOLD = 0.26  # on photos that the finder has not seen recall 0.895 at precision 0.871
FINDER_SHARE = 0.3  # of a person's score, in its logarithm; the rest is the joints'
SIZE_SHARE, LARGE = 0.3, 0.5  # weight of a box's side as a part of that part of the photo's
DOUBT = 0.6  # part of the threshold from which the finder proposes people


class HourglassDetector:
    """Find people and their 16 MPII joints in photos.

    A small hourglass finds people in the whole photo, scaled down; another one (Newell et al.,
    2016), with MoveNet beside it, finds the joints in a square crop around each of them. Both say
    how sure they are: the score of a person is the weighted geometric mean of the finder's score
    (0.3) and the joints' mean confidence (0.7), times (s / 0.5)^0.3 where the box's longer side is
    a part s below 0.5 of the photo's: at the same confidence small people are wrong more often. The
    joints are therefore looked for where the finder is in doubt as well.

    Both run as copies with their norms folded in. On a CPU they use bfloat16 where that is
    quicker, which is measured when a network is loaded for the first time on a machine and kept in
    the user's cache folder (see `quickest_dtype`); joints then differ by about a tenth of a
    crop's pixel from those in float32. Where it is not, and OpenVINO is installed (the extra
    `openvino`), OpenVINO takes all frames of videos, and photos and crops of a size from the 17th
    on; joints then differ by less than a thousandth of a pixel. `precision="float32"` gives the
    same on every CPU, by torch; on CUDA torch lets convolutions round to TF32 unless told
    otherwise.

    Args:
        weights: of the joint network: a name of the zoo or a `.safetensors` path.
        finder: of the person finder, likewise.
        device: "auto", "cpu", "cuda", "cuda:N", "mps" or a torch device.
        flip: average the joint maps with those of the mirrored crop: twice the time for the
            joints, one joint in a hundred more. None: always, but with `hourglass-s`, which is to
            keep up with a camera, for people of whom one look is not sure (mean confidence from
            0.3 to 0.75; who has less is hardly a person).
        second_look: find the joints of people who lean by 30 degrees or more, lie or are upside
            down a second time, in a crop that is turned so that they stand upright in it; the
            joints are read off the mean of both looks' maps.
        quarter_turns: before that, look at people of whom the first look is not sure (mean
            confidence below 0.65) in their square turned by 90, 180 and 270 degrees as well; each
            of these looks takes the place of the one before where it is surer by 0.05. None: where
            the network was trained on crops turned upright (`hourglass-m`, not `hourglass-s`), and
            knows upright people best.
        search_size: longer side of the photo in which people are looked for; more finds smaller
            people and takes longer; None: what the finder was trained for.
        threshold: people that score less are left out.
        max_people: at most so many in a photo, the best ones of twice as many that the finder
            proposes.
        batch: crops that run together.
        with_maps: keep each person's crop and heatmaps in `Pose2D.crop`, for lifters that look at
            them.
        precision: "auto" (float16 on CUDA, what is quickest on a CPU), "float32", "bfloat16" or
            "float16".

    Raises:
        BadInput: the joint network's weights are a person finder's, or the other way round, a
            setting is out of its range, or there is no such precision.
    """

    def __init__(
        self,
        weights: str | Path = DEFAULT_WEIGHTS,
        finder: str | Path = "people",
        device: str | torch.device = "auto",
        flip: bool | None = None,
        second_look: bool = True,
        quarter_turns: bool | None = None,
        search_size: int | None = None,
        threshold: float = THRESHOLD,
        max_people: int = 100,
        batch: int = 16,
        with_maps: bool = False,
        precision: str = "auto",
    ) -> None:
        _check_settings(threshold, search_size, max_people, batch)
        self.device = choose_device(str(device))
        joints, people = (load_hourglass(name, self.device) for name in (weights, finder))
        if joints.skeleton is None:
            raise BadInput(f"weights {str(weights)!r} are a person finder's, not a joint network's")
        if people.skeleton is not None or people.net.config.outputs != OUTPUTS:
            raise BadInput(f"finder {str(finder)!r} must be a person finder, got another network")
        flip = True if flip is None and str(weights) != DEFAULT_WEIGHTS else flip
        quick = _quick(joints, 2 if flip else 1, joints.input_size, self.device, precision)
        turns = joints.upright > 0 if quarter_turns is None else quarter_turns
        self.looks = CropLooks(quick, self.device, flip, second_look, turns)
        self._people = _quick(people, 1, people.input_size, self.device, precision)
        self.search_size = search_size or people.input_size
        self.threshold = threshold
        self.max_people = max_people
        self.batch = batch
        self.with_maps = with_maps
        self.weights = (str(weights), str(finder))

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of the poses found."""
        return self.looks.skeleton

    @property
    def _search(self) -> tuple[int, float, int]:
        """Size, least score and most people of the finder's search."""
        return self.search_size, DOUBT * self.threshold, 2 * self.max_people

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Pose2D]]:
        """Return the people of each photo, best first.

        Args:
            images: RGB uint8 (H, W, 3) each, of any size.

        Raises:
            BadInput: an image has another form.
        """
        for image in images:
            check_image(image)
        found = [
            find_people(self._people.net, image, self.device, *self._search) for image in images
        ]
        return self._poses(images, found, quick=False)

    def detect_frames(
        self, images: Sequence[np.ndarray], times_s: Sequence[float]
    ) -> list[list[Pose2D]]:
        """Return the people of consecutive frames of a video, best first, quicker than `detect`.

        People are looked for at least every sixth of a second, and their boxes interpolated
        between; the joints are found in every frame, in one look without mirrored crops. On a
        GPU the frames are cut and scaled there. The result depends on these frames alone.

        Args:
            images: RGB uint8 (H, W, 3), all of one size.
            times_s: seconds of the frames, ascending.

        Raises:
            BadInput: an image has another form or another size than the first, or there are not as
                many times.
        """
        for image in images:
            check_image(image)
        sizes = {image.shape for image in images}
        if len(sizes) > 1 or len(times_s) != len(images):
            raise BadInput(
                "frames must be of one size with a time each, got shapes "
                f"{', '.join(map(str, sorted(sizes)))} and {len(times_s)} times for {len(images)}"
            )
        looks = frames_to_look_at(times_s)
        if not looks:
            return []
        for net in (self._people.net, self.looks.joints.net):
            if isinstance(net, FastNet):
                net.often = True
        if self.device.type == "cuda" and not self.with_maps:
            return self._detect_on_device(images, times_s, looks)
        frames = [images[k] for k in looks]
        seen = find_people_alike(self._people.net, frames, self.device, *self._search)
        return self._poses(images, fill_between(looks, seen, times_s), quick=True)

    def frame_threads(self) -> int:
        """Return from how many threads `detect_frames` may be called at once.

        On a CPU as many as torch would use for one network, 4 at most: decoding keeps up with no
        more, and each holds a batch of frames.
        """
        return min(torch.get_num_threads(), MOST_THREADS) if self.device.type == "cpu" else 1

    def _detect_on_device(
        self, images: Sequence[np.ndarray], times_s: Sequence[float], looks: list[int]
    ) -> list[list[Pose2D]]:
        """Do what `detect_frames` does with frames that go to the device once."""
        people = self._people.net
        frames = upload_frames(images, self.device)
        inputs, factor = fit_frames(frames[looks], self.search_size, people.divisor)
        size_px = (images[0].shape[1], images[0].shape[0])
        seen = find_people_in_inputs(people, inputs, factor, size_px, *self._search[1:])
        found = fill_between(looks, seen, times_s)
        owner = np.array([k for k, each in enumerate(found) for _ in each.score], int)
        boxes = np.concatenate([np.zeros((0, 4)), *(each.box_xyxy_px for each in found)])
        squares, size = Squares.round_boxes(boxes), self.looks.joints.input_size
        poses: list[Pose2D] = []
        for start in range(0, len(boxes), self.batch):
            rows = slice(start, start + self.batch)
            part = squares.rows(rows)
            inputs = cut_squares(frames, owner[rows], part.centre_px, part.side_px, size)
            poses += self.looks.in_inputs(inputs, part, boxes[rows])
        return [
            self._choose([p for p, i in zip(poses, owner, strict=True) if i == k], each, size_px)
            for k, each in enumerate(found)
        ]

    def _poses(
        self, images: Sequence[np.ndarray], found: list[FoundPeople], quick: bool
    ) -> list[list[Pose2D]]:
        """Return the poses of the people found in each image, best first, without doubles."""
        owner = [i for i, people in enumerate(found) for _ in people.score]
        boxes = np.concatenate([np.zeros((0, 4)), *(people.box_xyxy_px for people in found)])
        poses = self._poses_in_boxes([images[i] for i in owner], boxes, quick)
        return [
            self._choose(
                [p for p, i in zip(poses, owner, strict=True) if i == k],
                people,
                images[k].shape[1::-1],
            )
            for k, people in enumerate(found)
        ]

    def detect_in_boxes(
        self, images: Sequence[np.ndarray], boxes_xyxy_px: np.ndarray
    ) -> list[Pose2D]:
        """Return the pose in each box, for people found by other means.

        Args:
            images: RGB uint8 (H, W, 3), one for each box (the same object may come often).
            boxes_xyxy_px: (P, 4) around the whole persons.

        Raises:
            BadInput: an image has another form, or the boxes are not P finite x0 <= x1, y0 <= y1.
        """
        for image in images:
            check_image(image)
        boxes = shaped_array(
            "boxes_xyxy_px", boxes_xyxy_px, (len(images), 4), "give one box for each image"
        )
        bad = np.flatnonzero(~np.isfinite(boxes).all(axis=1) | (boxes[:, :2] > boxes[:, 2:]).any(1))
        if len(bad):
            raise BadInput(
                f"boxes_xyxy_px must be finite, x0 <= x1 and y0 <= y1, got {boxes[bad[0]].tolist()}"
            )
        return self._poses_in_boxes(images, boxes, quick=False)

    def _poses_in_boxes(
        self, images: Sequence[np.ndarray], boxes_xyxy_px: np.ndarray, quick: bool
    ) -> list[Pose2D]:
        squares = Squares.round_boxes(boxes_xyxy_px)
        poses: list[Pose2D] = []
        for start in range(0, len(images), self.batch):
            rows = slice(start, start + self.batch)
            part = images[rows], squares.rows(rows), boxes_xyxy_px[rows]
            if quick:
                poses += self.looks.once(*part, with_crops=self.with_maps)
            elif self.with_maps:
                poses += self.looks.all(*part)
            else:
                poses += [replace(pose, crop=None) for pose in self.looks.all(*part)]
        return poses

    def _choose(
        self, poses: list[Pose2D], people: FoundPeople, size_px: tuple[int, ...]
    ) -> list[Pose2D]:
        """Score the poses of one photo, drop doubles and weak ones, number the rest."""
        joints = np.array([pose.score for pose in poses])
        scores = person_scores(people, joints, max(size_px))
        scored = [
            replace(pose, score=float(score)) for pose, score in zip(poses, scores, strict=True)
        ]
        kept = keep_distinct([pose for pose in scored if pose.score >= self.threshold])
        return [replace(pose, person_id=k) for k, pose in enumerate(kept[: self.max_people])]


def _check_settings(threshold: float, search_size: int | None, max_people: int, batch: int) -> None:
    if not 0 <= threshold <= 1:
        raise BadInput(f"threshold must lie in 0..1, got {threshold}")
    for name, count in (("search_size", search_size), ("max_people", max_people), ("batch", batch)):
        if count is not None and count < 1:
            raise BadInput(f"{name} must be 1 or more, got {count}")


def person_scores(people: FoundPeople, joints: np.ndarray, photo_side_px: float) -> np.ndarray:
    """Return the scores (P,) of people by what finder, joints and size say; see the class.

    Args:
        people: boxes and the finder's scores.
        joints: (P,) mean confidences.
        photo_side_px: the photo's longer side.
    """
    side_px = (people.box_xyxy_px[:, 2:] - people.box_xyxy_px[:, :2]).max(1, initial=0)
    size = (side_px / (LARGE * photo_side_px)).clip(0, 1)
    return people.score**FINDER_SHARE * joints ** (1 - FINDER_SHARE) * size**SIZE_SHARE


def _quick(
    loaded: LoadedHourglass, n: int, size: int, device: torch.device, precision: str
) -> LoadedHourglass:
    """Return a network in its quickest form for n inputs of a size at once."""
    side = -(-size // loaded.net.divisor) * loaded.net.divisor
    dtype = dtype_for(loaded.net, (n, 3, side, side), device, precision)
    free = device.type == "cpu" and precision == "auto" and dtype == torch.float32
    return replace(loaded, net=fast_net(loaded.net, dtype, openvino=free and has_openvino()))
