"""Detectors and lifters put together and run.

The files stand in families by the first word of their names:

- `pipeline`, `parts`, `conformance`: the pipeline, parts by name, the contract's suites;
- `find_images`, `images`, `image_header`, `photo_*`, `picture*`, `writers`: photos in, results out;
- `sources*`, `stream*`, `detections_file`, `video_*`, `frame`: videos, stage by stage;
- `batch*`, `ray_engine`, `manifest`, `run_lock`: many videos on many processors;
- `tracking*`, `smoothing*` with `zero_phase`, `one_euro` and `gaps`, `bone_lengths`, `trajectory*`,
  `ground_plane`, `body_height`: people over time and in the room.
"""

from .conformance import check_detector, check_lifter
from .parts import load_detector, load_lifter
from .pipeline import Pipeline

__all__ = ["Pipeline", "check_detector", "check_lifter", "load_detector", "load_lifter"]
