"""Shoes: feet without toes, on soles; and socks."""

from dataclasses import dataclass

import numpy as np

from .anatomy import Wearer
from .mesh import vertex_normals
from .render import Surface


@dataclass(frozen=True, eq=False)
class Shoes:
    """A pair of shoes.

    Attributes:
        colour: (3,) of the upper.
        sole: (3,) of the sole.
        top: where they end on the leg: 1.85 at the ankle, 1.5 for boots.
    """

    colour: np.ndarray
    sole: np.ndarray
    top: float = 1.85

    def on(self, wearer: Wearer) -> list[Surface]:
        """Return them as worn."""
        anatomy, rest = wearer.anatomy, wearer.body.vertices_mm
        keep = np.where(anatomy.leg > 0, 300 * (anatomy.leg - self.top), -9.0)
        keep = anatomy.smooth(keep[:, None], 3)[:, 0]
        faces = anatomy.faces_with(keep > 0)
        upper = anatomy.smooth(rest, 6) + 9 * wearer.normals
        plain = np.tile(self.colour, (len(rest), 1))
        parts = [wearer.wear(upper, faces, plain, keep, 0.06)]
        for toes, low in anatomy.foot_hulls:
            for hull, thick, colour in ((toes, 9, self.colour), (low, 12, self.sole)):
                shape = rest + thick * vertex_normals(rest, hull)
                if hull is low:
                    shape[:, 1] = np.clip(shape[:, 1], -14, 14)
                used, hull = np.unique(hull, return_inverse=True)
                part = Surface(
                    wearer.posed(shape, used), hull.reshape(-1, 3), np.tile(colour, (len(used), 1)),
                    0.06, None, None, True, wearer.owner,
                )  # fmt: skip
                parts.append(part)
        return parts


@dataclass(frozen=True, eq=False)
class Socks:
    """A pair of socks.

    Attributes:
        colour: (3,).
        top: where they end on the leg: 1 knee, 2 ankle.
    """

    colour: np.ndarray
    top: float = 1.7

    def on(self, wearer: Wearer) -> Surface:
        """Return them as worn."""
        anatomy = wearer.anatomy
        keep = np.where(anatomy.leg > 0, 300 * (anatomy.leg - self.top), -9.0)
        keep = anatomy.smooth(keep[:, None], 3)[:, 0]
        rest = wearer.body.vertices_mm + 2.5 * wearer.normals
        plain = np.tile(self.colour, (len(rest), 1))
        return wearer.wear(rest, anatomy.faces_with(keep > 0), plain, keep)
