"""Whose body it is: shape coefficients and limb lengths, drawn at random."""

from dataclasses import dataclass

import numpy as np

from .body import Body
from .rotations import unit

# bones of each limb's segment (the side is added) and the joints at its ends, left and right
SEGMENTS = {
    ("upperarm_a.", "upperarm_b."): ((11, 12), (14, 15)),
    ("forearm_a.", "forearm_b."): ((12, 13), (15, 16)),
    ("thigh_a.", "thigh_b."): ((4, 5), (1, 2)),
    ("shin.",): ((5, 6), (2, 3)),
}
# factors of the segments' lengths, from and to: MakeHuman's upper arm (0.24 m) is shorter than
# that of people measured in Human3.6M (0.28 m)
LENGTHS = ((1.0, 1.2), (0.93, 1.08), (0.94, 1.08), (0.94, 1.08))


@dataclass(frozen=True)
class Shape:
    """One person's body.

    Attributes:
        coefficients: of the shape targets, by name; targets that a body lacks are left out.
        stretch: of the segments of `SEGMENTS`, in order.
        female: whether clothes and hair follow women's habits.
    """

    coefficients: dict[str, float]
    stretch: tuple[float, ...]
    female: bool

    def apply(self, body: Body) -> Body:
        """Return the body at rest in this shape."""
        return body.shaped({k: v for k, v in self.coefficients.items() if k in body.shape_names})

    def lengthened(self, shaped: Body) -> dict[str, tuple[float, np.ndarray]]:
        """Return what `Body.transforms` takes as `stretch`, for the shaped body."""
        found: dict[str, tuple[float, np.ndarray]] = {}
        for (bones, ends), factor in zip(SEGMENTS.items(), self.stretch, strict=True):
            for side, (first, last) in zip("LR", ends, strict=True):
                axis = unit(shaped.joints_mm[last] - shaped.joints_mm[first])
                found |= {bone + side: (factor, axis) for bone in bones}
        return found


def random_shape(rng: np.random.Generator) -> Shape:
    """Return anybody: sex, weight, muscle, age, height, proportions and descent vary.

    A coefficient of 1 is extreme; heights are kept within 0.2 of the mean.
    """
    gender = rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 1.1)
    found = {"gender": gender}
    for sex, share in (("male_", (1 + gender) / 2), ("female_", (1 - gender) / 2)):
        share = max(share, 0.0)
        amount = rng.dirichlet([0.6, 0.45, 0.6, 0.3]) * rng.uniform(0, 0.95)
        names = ("thin", "fat", "athletic", "bulky")
        found |= {sex + n: share * k for n, k in zip(names, amount, strict=True)}
        found[sex + "old"] = share * max(0.0, rng.uniform(-1.2, 1.0))
    height = float(np.clip(rng.normal(0, 0.08), -0.2, 0.2))
    found["height_max"], found["height_min"] = max(height, 0.0), max(-1.5 * height, 0.0)
    found["child"] = rng.uniform(0.3, 1.0) if rng.random() < 0.07 else 0.0
    ideal = rng.uniform(-1, 1)
    found["proportions_ideal"], found["proportions_uncommon"] = max(ideal, 0), max(-ideal, 0)
    african, asian, caucasian = rng.dirichlet([0.7] * 3)
    found["african"], found["asian"] = 0.8 * (african - caucasian), 0.8 * (asian - caucasian)
    stretch = tuple(float(rng.uniform(*span)) for span in LENGTHS)
    return Shape({k: float(v) for k, v in found.items()}, stretch, bool(gender < 0))
