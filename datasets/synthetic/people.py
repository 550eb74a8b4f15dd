"""Pictures of synthetic people with exact joints, each made from (seed, index) alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np

from ...poses.camera import PinholeCamera
from ..mocap import TRAIN, MocapPack
from ..pose_variety import PoseVariety
from .anatomy import Anatomy
from .backgrounds import PhotoFolder, drawn_background
from .body import Body
from .floor_shadow import floor_shadow
from .light import Lighting, illuminate
from .paints import to_srgb
from .photo_faults import encode, spoil
from .poses import PoseSource, pose_source
from .props import random_prop
from .render import Seen, Surface, look
from .sample import Sample
from .scene import Person, random_light, random_person
from .views import View, ViewRanges, outside_photo, random_view
from .visibility import hidden_joints
from .workers import in_order

OVER = 2  # pictures are drawn so many times larger, then averaged
GREY = 114  # outside of the photo
VARIETY = PoseVariety(crossed=0.2, bent=0.25, build_sd=0.0, size_sd=0.0, tumbled=0.07)
_STREAMS = ("pose", "person", "view", "light", "background", "others", "props", "faults")


@dataclass(frozen=True)
class SceneRanges:
    """How often what is in the pictures.

    Attributes:
        others: share of the pictures with one or two more people.
        props: share with a thing in front.
        patches: share with a patch of another texture in front, as of things cut by the border.
        floor_shadow: share with a shadow on the floor.
        view: cameras and crops.
    """

    others: float = 0.22
    props: float = 0.2
    patches: float = 0.08
    floor_shadow: float = 0.75
    view: ViewRanges = field(default_factory=ViewRanges)


@dataclass(frozen=True, eq=False)
class SyntheticPeople:
    """An endless set of samples: `sample(index)` gives the same one on every worker.

    Attributes:
        body: of the people; `read_body` or `capsule_body`.
        mocap: their poses.
        backgrounds: photos; None draws backgrounds.
        size: side of the pictures, pixels.
        seed: other seeds give other sets.
        split: 0 poses of the training subjects, 1 of the validation subjects.
        grades: of the motion capture.
        variety: of the poses; None for poses as they were captured.
        scenes: how often what is in the pictures.
    """

    body: Body
    mocap: MocapPack
    backgrounds: PhotoFolder | None = None
    size: int = 256
    seed: int = 0
    split: int = TRAIN
    grades: tuple[int, ...] = (0, 1, 2)
    variety: PoseVariety | None = VARIETY
    scenes: SceneRanges = field(default_factory=SceneRanges)

    @cached_property
    def anatomy(self) -> Anatomy:
        """Return what clothes need to know of the body."""
        return Anatomy(self.body)

    @cached_property
    def poses(self) -> PoseSource:
        """Return the poses to draw from."""
        return pose_source(self.mocap, self.split, self.grades, self.variety)

    def sample(self, index: int) -> Sample:
        """Return sample `index`, 0 or more."""
        draws = {
            name: np.random.default_rng([self.seed, index, k]) for k, name in enumerate(_STREAMS)
        }
        pose, neutral, source = self.poses.draw(draws["pose"])
        person = random_person(self.anatomy, pose, neutral, draws["person"])
        view = random_view(person.joints_mm, self.size, self.scenes.view, draws["view"])
        surfaces = person.surfaces + self._others(person, view, draws["others"])
        surfaces += self._props(person, view, draws["props"])
        camera = _larger(view.camera, OVER)
        seen = look(surfaces, camera, (OVER * self.size, OVER * self.size))
        lighting = random_light(view.crop.R, draws["light"])
        back = self._background(view, person, surfaces, lighting, draws["background"])
        picture = self._compose(seen, surfaces, camera, lighting, back, draws["light"])
        covered = self._cover(picture, view, draws)
        picture = spoil(picture, draws["faults"])
        border = outside_photo(view.crop)
        picture[border] = GREY
        covered |= border
        joints_mm = view.camera.to_camera(person.joints_mm)
        joints_px = view.camera.project(person.joints_mm)
        return Sample(
            jpeg=encode(picture, int(draws["faults"].integers(45, 96))),
            mask=(_coverage(seen, seen.owner == 0, self.size) > 0.5) & ~covered,
            joints_px=np.round(joints_px, 2),
            joints_mm=np.round(joints_mm - joints_mm[0], 1),
            root_mm=np.round(joints_mm[0], 1),
            visible=~hidden_joints(seen, joints_px, joints_mm[:, 2], OVER, covered),
            camera=view.crop,
            seed=self.seed,
            index=index,
            source=source,
        )

    def stream(self, indices: Sequence[int], workers: int = 0) -> Iterator[Sample]:
        """Yield the samples of some indices in their order, made by so many processes.

        These import the calling script: its own work must stand below `if __name__ == "__main__":`.
        """
        return in_order(self, indices, workers)

    def _others(self, person: Person, view: View, rng: np.random.Generator) -> list[Surface]:
        """Return the surfaces of the people beside, behind or in front."""
        if rng.random() >= self.scenes.others:
            return []
        surfaces: list[Surface] = []
        across, ahead = view.crop.R[0] * [1, 0, 1], view.crop.R[2] * [1, 0, 1]
        for number in range(1, 3 if rng.random() < 0.25 else 2):
            pose, neutral, _ = self.poses.draw(rng)
            away = rng.uniform(-900, 2600)
            aside = rng.choice([-1, 1]) * rng.uniform(420 if away < 300 else 150, 1100)
            shift = person.joints_mm[0] + aside * across + away * ahead
            other = random_person(self.anatomy, pose, neutral, rng, shift, number)
            # both stand on one floor, and nobody is right before the lens
            drop = person.skin_mm[:, 1].min() - other.skin_mm[:, 1].min()
            near = (other.skin_mm @ view.camera.R.T + view.camera.t_mm)[:, 2].min()
            if near > 900 or (not surfaces and near > 700):
                moved = (
                    replace(s, vertices_mm=s.vertices_mm + np.array([0, drop, 0]))
                    for s in other.surfaces
                )
                surfaces += moved
        return surfaces

    def _props(self, person: Person, view: View, rng: np.random.Generator) -> list[Surface]:
        if rng.random() >= self.scenes.props:
            return []
        target = person.joints_mm[rng.integers(17)]
        return [random_prop(target, view.camera.to_world(np.zeros(3)), 100, rng)]

    def _cover(
        self, picture: np.ndarray, view: View, draws: dict[str, np.random.Generator]
    ) -> np.ndarray:
        """Draw a patch into some pictures; return its mask (S, S)."""
        rng, mask = draws["props"], np.zeros((self.size, self.size), np.uint8)
        if rng.random() < self.scenes.patches:
            at = rng.uniform(0, 2 * np.pi)
            middle = self.size * (0.5 + 0.6 * np.array([np.cos(at), np.sin(at)]))
            corners = middle + self.size * rng.uniform(-0.3, 0.3, (7, 2))
            cv2.fillPoly(mask, [cv2.convexHull(corners.astype(np.float32)).astype(np.int32)], 1)
            picture[mask > 0] = self._piece(view, draws["background"])[mask > 0]
        return mask > 0

    def _piece(self, view: View, rng: np.random.Generator) -> np.ndarray:
        """Return a background (S, S, 3), float32 0..255."""
        if self.backgrounds:
            return self.backgrounds.piece(self.size, rng).astype(np.float32)
        level = view.crop.R @ (view.crop.R[2] * [1, 0, 1])  # far away on the floor
        horizon = (view.camera.K @ level)[1] / max(level[2], 1e-3)
        return drawn_background(self.size, horizon, rng).astype(np.float32)

    def _background(
        self,
        view: View,
        person: Person,
        surfaces: list[Surface],
        lighting: Lighting,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Return what is behind the people, with their shadow on the floor."""
        back = self._piece(view, rng)
        if rng.random() >= self.scenes.floor_shadow:
            return back
        floor_mm = float(person.skin_mm[:, 1].min()) - 12
        shade = floor_shadow(surfaces, view.camera, floor_mm, lighting, self.size)
        return back * (1 - rng.uniform(0.25, 0.6) * shade[..., None])

    def _compose(
        self,
        seen: Seen,
        surfaces: list[Surface],
        camera: PinholeCamera,
        lighting: Lighting,
        back: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Return the lit people before the background (S, S, 3), float32 0..255."""
        eye = camera.to_world(np.zeros(3))
        light = illuminate(seen, surfaces, lighting, eye)
        # exposed for the scene: a dark room makes dark people
        gain = rng.uniform(0.7, 1.25) * (0.55 + 0.45 * float(back.mean()) / 115)
        cover = _coverage(seen, np.ones(len(seen.pixels), bool), self.size)[..., None]
        drawn = seen.picture(to_srgb(gain * light).astype(np.float32))
        drawn = cv2.resize(drawn, (self.size, self.size), interpolation=cv2.INTER_AREA)
        return (drawn + back * (1 - cover)).astype(np.float32)


def _larger(camera: PinholeCamera, over: int) -> PinholeCamera:
    """Return the camera of a picture with `over` times as many pixels a side."""
    scale = np.array([[over, 0, (over - 1) / 2], [0, over, (over - 1) / 2], [0, 0, 1.0]])
    return PinholeCamera(scale @ camera.K, camera.R, camera.t_mm)


def _coverage(seen: Seen, rows: np.ndarray, size: int) -> np.ndarray:
    """Return the part (S, S) of each pixel of the small picture that the rows (P,) cover."""
    whole = seen.picture(rows.astype(np.float32))
    return cv2.resize(whole, (size, size), interpolation=cv2.INTER_AREA)
