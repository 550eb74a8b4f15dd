"""The pictures of a photo: the overlay and the 3D figure."""

from .pictures_2d import draw_overlay
from .pictures_3d import draw_figure_3d

__all__ = ["draw_figure_3d", "draw_overlay"]
