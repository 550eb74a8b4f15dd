"""The skin that clothes leave bare, with the face."""

from dataclasses import dataclass

import numpy as np

from .anatomy import Wearer
from .mesh import face_to_vertex
from .render import Surface

EYE_WHITE, IRIS = np.array([0.55, 0.52, 0.50]), np.array([0.04, 0.028, 0.02])


@dataclass(frozen=True, eq=False)
class BareSkin:
    """How a person's skin looks.

    Attributes:
        colour: (3,).
        hair: (3,) of the brows.
        beard: 0 for none to 1: how much of the hair's colour jaw and lip take.
        glove: (3,) colour of gloves or None.
    """

    colour: np.ndarray
    hair: np.ndarray
    beard: float = 0.0
    glove: np.ndarray | None = None

    def on(self, wearer: Wearer, shown: np.ndarray) -> Surface:
        """Return the faces (F,) that are shown."""
        body = wearer.body
        colour = np.tile(self.colour, (len(body.faces), 1))
        colour[body.is_part("lips")] *= (0.85, 0.62, 0.62)
        colour[body.is_part("brow")] = self.hair
        colour[body.is_part("eye")] = EYE_WHITE
        if self.glove is not None:
            colour[body.is_part("hand")] = self.glove
        colour = face_to_vertex(colour, body.faces, len(body.vertices_mm))
        self._irises(wearer, colour)
        if self.beard:
            self._grow_beard(wearer, colour)
        posed = wearer.posed(body.vertices_mm, slice(None))
        return Surface(posed, body.faces[shown], colour, 0.03, None, None, True, wearer.owner)

    def _irises(self, wearer: Wearer, colour: np.ndarray) -> None:
        body = wearer.body
        eyes = np.unique(body.faces[body.is_part("eye")])
        for side in (1, -1):
            eye = eyes[body.vertices_mm[eyes, 0] * side > 0]
            if len(eye):
                from_centre = body.vertices_mm[eye] - body.vertices_mm[eye].mean(0)
                near = np.linalg.norm(from_centre[:, :2], axis=1) < 7.5
                colour[eye[near & (from_centre[:, 2] > 0)]] = IRIS

    def _grow_beard(self, wearer: Wearer, colour: np.ndarray) -> None:
        body, anatomy = wearer.body, wearer.anatomy
        _, y, z = body.vertices_mm.T
        lips = body.vertices_mm[anatomy.share("lips") > 0.5]
        if not len(lips):
            return
        mouth = lips.mean(0)
        low = np.clip((mouth[1] + 18 - y) / 15, 0, 1) * np.clip((y - mouth[1] + 75) / 15, 0, 1)
        ahead = np.clip((z - mouth[2] + 85) / 20, 0, 1) * (anatomy.share("head") > 0)
        amount = (self.beard * low * ahead * (1 - anatomy.share("lips")))[:, None]
        colour += amount * (self.hair - colour)
