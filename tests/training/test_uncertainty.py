import numpy as np
import pytest

from lift3d.datasets.mocap import MocapPack
from lift3d.poses import get_skeleton
from lift3d.training.lifting_samples import LiftingSamples
from lift3d.training.uncertainty import fit_sigma


class KnownError:
    """Stand in for a lifter whose errors have a known relation to its spread."""

    skeleton = get_skeleton("h36m17")
    sigma_ = (9.0, 9.0)

    def __init__(self, a, b):
        self.a, self.b, self.rng = a, b, np.random.default_rng(0)

    def lift_with_sigma(self, joints_px, confidence, *, skeleton):
        spread = self.rng.uniform(0, 60, joints_px.shape[:2])
        sd = np.sqrt(self.a**2 + (self.b * spread) ** 2)[..., None]
        return self.truth + sd * self.rng.normal(size=(*spread.shape, 3)), spread


@pytest.mark.parametrize(("a", "b"), [(20.0, 1.5), (0.0, 2.0), (30.0, 0.0)])
def test_the_relation_of_error_and_spread_is_found(a, b):
    pack = MocapPack(np.zeros((4, 17, 3), np.float32), np.zeros(4, int), *([np.zeros(1, int)] * 6))
    lifter = KnownError(a, b)
    truth = np.zeros((8192, 17, 3))
    lifter.truth = truth

    class Draws(LiftingSamples):
        def draw(self, poses_mm, rng):
            return np.zeros((len(poses_mm), 17, 2)), np.ones((len(poses_mm), 17)), truth

    found = fit_sigma(lifter, pack, np.arange(4), Draws(), seed=0)

    assert found[0] == pytest.approx(a, abs=2.5 if a else 4.0)
    assert found[1] == pytest.approx(b, abs=0.1)
    assert lifter.sigma_ == (9.0, 9.0)
