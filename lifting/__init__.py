"""2D poses to 3D poses: one lifter a file."""

from .consensus_lifter import ConsensusLifter
from .fusion import FusionLifter
from .ppca import PPCALifter

__all__ = ["ConsensusLifter", "FusionLifter", "PPCALifter"]
