"""2D poses to 3D poses: one lifter a file."""

from .ppca import PPCALifter

__all__ = ["PPCALifter"]
