"""One synthetic picture of a person with everything that is known about it."""

import json
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ...poses.boxes import apply_affine, square_affine
from ...poses.camera import PinholeCamera
from ...poses.errors import DecodeError


@dataclass(frozen=True, eq=False)
class CropCamera:
    """The camera of a virtual photo, and the square of the photo that was cut out.

    Both intrinsics belong to the same pinhole: the crop's principal point lies off its centre.

    Attributes:
        photo_K: (3, 3) intrinsics of the photo, pixels.
        photo_size: width and height of the photo, pixels.
        centre_px: (2,) of the square in the photo.
        side_px: side of the square in the photo.
        size: side of the crop in its own pixels.
        R: (3, 3) turns world axes (y up) into camera axes; the floor is level in the world.
        pitch_deg: how far the camera looks down.
        roll_deg: how far it is turned about its optical axis.
    """

    photo_K: np.ndarray  # noqa: N815 - K is the field's name of the matrix
    photo_size: tuple[int, int]
    centre_px: np.ndarray
    side_px: float
    size: int
    R: np.ndarray
    pitch_deg: float
    roll_deg: float

    @property
    def crop_K(self) -> np.ndarray:  # noqa: N802 - K is the field's name of the matrix
        """Return the intrinsics (3, 3) of the crop."""
        affine = square_affine(self.centre_px, self.side_px, self.size)
        return np.vstack([affine, [0, 0, 1]]) @ self.photo_K

    def project(self, camera_mm: np.ndarray) -> np.ndarray:
        """Return crop pixels (..., 2) of points (..., 3) in camera axes, from the camera."""
        return PinholeCamera(self.crop_K).project(camera_mm)

    def to_photo(self, crop_px: np.ndarray) -> np.ndarray:
        """Return photo pixels (K, 2) of crop pixels (K, 2)."""
        scale = self.side_px / self.size
        back = np.array([[scale, 0, 0], [0, scale, 0]])
        back[:, 2] = self.centre_px - scale * (self.size - 1) / 2
        return apply_affine(back, crop_px)


@dataclass(frozen=True, eq=False)
class Sample:
    """A square picture of one person, cut from a virtual photo; the joints are `h36m17`.

    Attributes:
        jpeg: the picture as JPEG; `image` decodes it.
        mask: (S, S) bool, the pixels that show this person; what hides the person is left out.
        joints_px: (17, 2) crop pixels; may lie outside of the crop.
        joints_mm: (17, 3) camera axes, millimetres, relative to the pelvis.
        root_mm: (3,) the pelvis in camera axes, from the camera.
        visible: (17,) bool: inside the photo, and nothing else of scene or body in front.
        camera: of the crop and of the virtual photo.
        seed: of the set.
        index: in the set; (seed, index) and the data give the sample.
        source: what the pose is from, for example "07_01 frame 40".
    """

    jpeg: bytes
    mask: np.ndarray
    joints_px: np.ndarray
    joints_mm: np.ndarray
    root_mm: np.ndarray
    visible: np.ndarray
    camera: CropCamera
    seed: int
    index: int
    source: str

    @property
    def image(self) -> np.ndarray:
        """Return the picture (S, S, 3), RGB uint8."""
        decoded = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if decoded is None:
            raise DecodeError(f"the picture of sample {self.index} is damaged; make it again")
        return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)

    @property
    def camera_joints_mm(self) -> np.ndarray:
        """Return the joints (17, 3) in camera axes, from the camera, millimetres."""
        return self.joints_mm + self.root_mm

    def to_json(self) -> str:
        """Return everything but picture and mask as JSON."""
        camera = self.camera
        return json.dumps(
            {
                "joints_px": self.joints_px.tolist(),
                "joints_mm": self.joints_mm.tolist(),
                "root_mm": self.root_mm.tolist(),
                "visible": self.visible.tolist(),
                "photo_K": camera.photo_K.tolist(),
                "photo_size": list(camera.photo_size),
                "centre_px": camera.centre_px.tolist(),
                "side_px": camera.side_px,
                "size": camera.size,
                "crop_K": camera.crop_K.tolist(),
                "R": camera.R.tolist(),
                "pitch_deg": camera.pitch_deg,
                "roll_deg": camera.roll_deg,
                "seed": self.seed,
                "index": self.index,
                "source": self.source,
                "skeleton": "h36m17",
            },
            allow_nan=False,
        )


def sample_from(jpeg: bytes, mask_png: bytes, text: str) -> Sample:
    """Return a sample from the members of a shard.

    Raises:
        DecodeError: the text is no such JSON, or the mask no picture.
    """
    mask = cv2.imdecode(np.frombuffer(mask_png, np.uint8), cv2.IMREAD_GRAYSCALE)
    try:
        found = json.loads(text)
        if found["skeleton"] != "h36m17":
            raise ValueError(f"skeleton {found['skeleton']!r}")
        camera = CropCamera(
            photo_K=_numbers(found, "photo_K", (3, 3)),
            photo_size=(int(found["photo_size"][0]), int(found["photo_size"][1])),
            centre_px=_numbers(found, "centre_px", (2,)),
            side_px=float(found["side_px"]),
            size=int(found["size"]),
            R=_numbers(found, "R", (3, 3)),
            pitch_deg=float(found["pitch_deg"]),
            roll_deg=float(found["roll_deg"]),
        )
        shapes = {"joints_px": (17, 2), "joints_mm": (17, 3), "root_mm": (3,), "visible": (17,)}
        arrays = {key: _numbers(found, key, shape) for key, shape in shapes.items()}
        visible = arrays.pop("visible").astype(bool)
        seed, index, source = int(found["seed"]), int(found["index"]), str(found["source"])
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
        raise DecodeError(f"a sample's JSON is damaged ({error!r}); make its shard again") from None
    if mask is None:
        raise DecodeError(f"the mask of sample {index} is damaged; make its shard again")
    return Sample(
        jpeg, mask > 0, **arrays, visible=visible, camera=camera, seed=seed, index=index,
        source=source,
    )  # fmt: skip


def _numbers(found: dict[str, Any], key: str, shape: tuple[int, ...]) -> np.ndarray:
    array = np.array(found[key], float)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{key} of shape {array.shape}")
    return array
