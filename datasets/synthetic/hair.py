"""Hair: a cap that follows the scalp, and long hair that hangs over neck and back."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .anatomy import Wearer
from .body import skin
from .render import Paint, Surface
from .tubes import fade, sheet_faces

RINGS, AROUND = 14, 22
HEAD_PARTS = ("head", "hair", "eye", "lips", "brow")


@dataclass(frozen=True, eq=False)
class Hair:
    """Hair, or a cap.

    Attributes:
        colour: (3,).
        thick_mm: at the crown.
        style: "short" follows the scalp; "long" hangs down behind and at the sides, "tail" is bound
            at the back of the head.
        length_mm: of what hangs, from the ears or from the tie.
        seed: of the strands.
    """

    colour: np.ndarray
    thick_mm: float = 22.0
    style: Literal["short", "long", "tail"] = "short"
    length_mm: float = 250.0
    seed: int = 2

    def on(self, wearer: Wearer) -> list[Surface]:
        """Return it as worn."""
        surfaces = [self._cap(wearer)]
        if self.style == "long":
            surfaces.append(self._curtain(wearer))
        if self.style == "tail":
            surfaces.append(self._tail(wearer))
        return surfaces

    def _cap(self, wearer: Wearer) -> Surface:
        anatomy, rng = wearer.anatomy, np.random.default_rng(self.seed)
        V = len(wearer.body.vertices_mm)
        faces = anatomy.faces_with(anatomy.scalp > 0.2)
        thick = 4 + self.thick_mm * np.clip(2 * anatomy.deep - 0.8, 0, 1)
        thick = thick + rng.normal(0, 1.3, V) * anatomy.deep
        rest = wearer.body.vertices_mm + thick[:, None] * wearer.normals
        colour = self.colour * rng.uniform(0.6, 1.5, (len(faces), 1))
        return wearer.wear(rest, faces, colour, anatomy.scalp - 0.5, 0.05, True)

    def _strands(self) -> Paint:
        phase = np.random.default_rng(self.seed).uniform(0, 7, 4)

        def paint(p: np.ndarray) -> np.ndarray:
            along = np.arctan2(p[:, 0], -p[:, 2] - 20)
            tone = sum(np.sin(f * along + s) for f, s in zip((23, 41, 67, 97), phase, strict=True))
            return self.colour * (1 + 0.16 * tone)[:, None]

        return paint

    def _head(self, wearer: Wearer) -> tuple[np.ndarray, np.ndarray]:
        """Return the middle (3,) of the skull at the height of the ears, and its half size (3,)."""
        rows = wearer.anatomy.share("hair") > 0.5
        skull = wearer.body.vertices_mm[rows]
        low, high = skull.min(0), skull.max(0)
        head = wearer.body.vertices_mm[wearer.anatomy.share(*HEAD_PARTS) > 0.5]
        middle = np.array(
            [0, low[1] + 0.45 * (high[1] - low[1]), (head[:, 2].min() + skull[:, 2].max()) / 2]
        )
        return middle, np.array([abs(skull[:, 0]).max(), high[1] - middle[1], middle[2] - low[2]])

    def _curtain(self, wearer: Wearer) -> Surface:
        body, joints = wearer.body, wearer.body.joints_mm
        middle, half = self._head(wearer)
        top = middle[1] + 0.55 * half[1]
        y = np.linspace(top, middle[1] - self.length_mm, RINGS)
        trunk = body.vertices_mm[wearer.anatomy.share("torso", "neck", "upper_arm") > 0]
        behind = []
        for level in y:
            band = trunk[(abs(trunk[:, 1] - level) < 25) & (abs(trunk[:, 0]) < 110)]
            behind.append(middle[2] - band[:, 2].min() + 14 if len(band) else 0.0)
        dome = np.sqrt(np.clip(1 - ((y - middle[1]) / (1.25 * half[1])).clip(0) ** 2, 0, 1))
        back = np.maximum(half[2] * dome + 10, np.array(behind))
        side = half[0] * dome + 9 + 0.10 * (middle[1] - y).clip(0, 160)
        # to the front it reaches just over the ears
        angle = np.linspace(-1.75, 1.75, AROUND)
        s, c = np.sin(angle), np.cos(angle)
        x = side[:, None] * s
        z = middle[2] - np.where(c > 0, back[:, None], 0.45 * half[2]) * c
        rest = np.stack([x, np.broadcast_to(y[:, None], x.shape), z], -1).reshape(-1, 3)
        to_chest = 0.85 * fade(rest[:, 1], joints[9, 1] - 30, joints[8, 1] - 60)
        weights = np.stack([1 - to_chest, to_chest], -1)
        bones = np.array([body.bone["head"], body.bone["chest"]])
        posed = skin(rest, np.tile(bones, (len(rest), 1)), weights, wearer.maps)
        faces = sheet_faces(RINGS, AROUND, closed=False)
        return Surface(posed, faces, self._strands(), 0.05, None, rest, False, wearer.owner)

    def _tail(self, wearer: Wearer) -> Surface:
        body, joints = wearer.body, wearer.body.joints_mm
        middle, half = self._head(wearer)
        t = np.linspace(0, 1, RINGS)
        radius = 24 * np.sin(np.pi * (0.12 + 0.83 * t)) ** 0.6
        y = middle[1] + 0.35 * half[1] + 20 * np.sin(3 * t) - self.length_mm * t**1.3
        z = middle[2] - half[2] - 8 - 55 * np.sin(np.pi * np.clip(t, 0, 0.75)) - 10 * t
        angle = np.arange(10) * 2 * np.pi / 10
        x = radius[:, None] * np.cos(angle)
        depth = z[:, None] - radius[:, None] * np.sin(angle)
        rest = np.stack([x, np.broadcast_to(y[:, None], x.shape), depth], -1).reshape(-1, 3)
        to_chest = 0.8 * fade(rest[:, 1], joints[9, 1] - 40, joints[8, 1] - 120)
        weights = np.stack([1 - to_chest, to_chest], -1)
        bones = np.array([body.bone["head"], body.bone["chest"]])
        posed = skin(rest, np.tile(bones, (len(rest), 1)), weights, wearer.maps)
        faces = sheet_faces(RINGS, 10, closed=True)
        return Surface(posed, faces, self._strands(), 0.05, None, rest, False, wearer.owner)
