"""The shadow that people throw on the floor, as the camera sees it."""

import cv2
import numpy as np

from ...poses.camera import PinholeCamera
from .light import Lighting
from .raster import rasterise
from .render import Surface


def floor_shadow(
    surfaces: list[Surface], camera: PinholeCamera, floor_mm: float, lighting: Lighting, size: int
) -> np.ndarray:
    """Return how dark the floor is at each pixel (S, S), 0..1; softer without a sun.

    Args:
        surfaces: what throws the shadow.
        camera: of the picture.
        floor_mm: height of the floor.
        lighting: its first light throws the shadow; without one it comes from straight above.
        size: side of the picture, pixels.
    """
    nothing = np.zeros((size, size), np.float32)
    if camera.to_world(np.zeros(3))[1] < floor_mm + 100:
        return nothing
    sun = lighting.lights[0].towards if lighting.lights else np.array([0, 1.0, 0])
    starts = np.cumsum([0] + [len(s.vertices_mm) for s in surfaces])
    vertices = np.concatenate([s.vertices_mm for s in surfaces])
    faces = np.concatenate([s.faces for s in surfaces])
    faces = faces + np.repeat(starts[:-1], [len(s.faces) for s in surfaces])[:, None]
    fall = (vertices[:, 1] - floor_mm) / max(sun[1], 0.2)
    cast = vertices - fall[:, None] * sun
    cast[:, 1] = floor_mm
    in_camera = camera.to_camera(cast)
    far = np.where(in_camera[:, 2] > 300, in_camera[:, 2], np.nan)
    pixels = (in_camera / far[:, None]) @ camera.K[:2].T
    dark = (rasterise(pixels, far, faces, (size, size))[0] >= 0).astype(np.float32)
    if not lighting.lights:  # the sky's shadow is dark only where the body is near to the floor
        dark *= 0.8
    return cv2.GaussianBlur(dark, (0, 0), size * (0.006 if lighting.lights else 0.03))
