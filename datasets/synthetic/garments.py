"""Tops and trousers: cloth that lies over the body, cut at hems and openings."""

from dataclasses import dataclass

import numpy as np

from .anatomy import Wearer
from .render import Paint, Surface
from .tubes import fade

LIMB_MM = 300.0  # about a segment of a limb, so that all cuts are in millimetres


@dataclass(frozen=True, eq=False)
class Top:
    """A garment of the upper body.

    Attributes:
        paint: its cloth.
        sleeve: where it ends on the arm: 0 shoulder, 1 elbow, 2 wrist.
        hem_mm: where it ends, above the pelvis.
        loose_mm: distance from the skin at neck and hem.
        neck_mm: (depth in front, half of the width) of the opening at the neck.
        open_mm: half of the width of an opening all down the front, as of a jacket; 0 for none.
        folds_mm: height of its folds.
        phase: of its folds.
    """

    paint: Paint
    sleeve: float = 0.66
    hem_mm: float = -25.0
    loose_mm: tuple[float, float] = (9.0, 36.0)
    neck_mm: tuple[float, float] = (52.0, 105.0)
    open_mm: float = 0.0
    folds_mm: float = 5.0
    phase: int = 4

    def on(self, wearer: Wearer) -> Surface:
        """Return it as worn."""
        anatomy, joints = wearer.anatomy, wearer.body.joints_mm
        x, y, z = wearer.body.vertices_mm.T
        arm, leg, neck = anatomy.arm, anatomy.leg, joints[8]
        hem = joints[0, 1] + self.hem_mm
        levels = [hem, hem + 250, neck[1] - 40]
        tight, wide = self.loose_mm
        loose = np.interp(y, levels, [wide, (tight + 2.4 * wide) / 3.6, tight])
        loose = loose + 0.45 * wide * fade(arm, 0.15, 0.9)
        clear = 9.0 if self.open_mm else 6.0  # jacket over shirt over trousers
        rest = wearer.drape(loose, 24, self.folds_mm, self.phase, clear)
        opening = np.maximum(
            neck[1] + self.neck_mm[0] - 0.55 * (z - neck[2]) - y, abs(x) - self.neck_mm[1]
        )
        if self.open_mm:
            opening = np.minimum(opening, np.maximum(abs(x) - self.open_mm, neck[2] - z))
        above_hem = y - hem + LIMB_MM * np.clip(4 * arm, 0, 3)  # hands hang below a short hem
        keep = np.minimum.reduce([above_hem, LIMB_MM * (self.sleeve - arm), opening])
        keep = np.minimum(keep, LIMB_MM * (0.6 - leg))
        keep = np.where(anatomy.share("hand", "head", "hair", "eye", "lips", "brow") > 0, -9, keep)
        keep = anatomy.smooth(keep[:, None], 3)[:, 0]
        return wearer.wear(rest, anatomy.faces_with(keep > 0), self.paint, keep)


@dataclass(frozen=True, eq=False)
class Trousers:
    """A garment of the legs.

    Attributes:
        paint: its cloth.
        length: where it ends on the leg: 0 hip, 1 knee, 2 ankle.
        waist_mm: where it begins, above the pelvis.
        loose_mm: distance from the skin at the hip and at the hem.
        folds_mm: height of its folds.
        phase: of its folds.
    """

    paint: Paint
    length: float = 1.9
    waist_mm: float = 25.0
    loose_mm: tuple[float, float] = (10.0, 38.0)
    folds_mm: float = 5.0
    phase: int = 5

    def on(self, wearer: Wearer) -> Surface:
        """Return it as worn."""
        anatomy = wearer.anatomy
        y, leg = wearer.body.vertices_mm[:, 1], anatomy.leg
        tight, wide = self.loose_mm
        loose = np.interp(
            leg,
            [0, 0.6, 1, 1.5, 2],
            [tight, 0.5 * (tight + wide) * 0.8, 0.7 * wide, 0.95 * wide, wide],
        )
        rest = wearer.drape(loose, 20, self.folds_mm, self.phase, 2.5)
        rest[:, 1] -= np.interp(leg, [1.0, 1.9], [0, 40 if self.length > 1.8 else 0])
        below_waist = wearer.body.joints_mm[0, 1] + self.waist_mm - y
        keep = np.minimum(LIMB_MM * (self.length - leg), below_waist)
        keep = np.where(
            anatomy.share("hips", "upper_leg", "lower_leg", "foot", "torso") > 0, keep, -9
        )
        keep = np.where(anatomy.arm > 0, -9, keep)
        keep = anatomy.smooth(keep[:, None], 3)[:, 0]
        return wearer.wear(rest, anatomy.faces_with(keep > 0), self.paint, keep)
