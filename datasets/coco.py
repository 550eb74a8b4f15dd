"""COCO keypoints: the reader of the official annotation files."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..poses.errors import DecodeError
from .labels import PersonLabels, mpii16_rows


def read_coco(json_path: str | Path, images: str | Path) -> PersonLabels:
    """Read the people with labelled joints of a COCO keypoints file (Lin et al., ECCV 2014).

    Crowds and people without labelled joints are left out. Joints are copied by name; what COCO
    does not label (pelvis, thorax, upper neck, head top) is NaN. COCO's keypoints are indices of
    pixels from 0 and stay as they are; its boxes are measured from the corner of the first pixel,
    half a pixel before its centre: 0.5 is subtracted.

    Args:
        json_path: `person_keypoints_train2017.json` or a file of this form.
        images: the folder of the photos.

    Raises:
        DecodeError: the file is missing, damaged or of another form.
    """
    try:
        content = json.loads(Path(json_path).read_bytes())
        names = {entry["id"]: str(entry["file_name"]) for entry in content["images"]}
        people = [person for person in content["annotations"] if _is_labelled(person)]
        shown = {person["image_id"] for person in people}
        number = {key: index for index, key in enumerate(key for key in names if key in shown)}
        photo = np.array([number[person["image_id"]] for person in people], np.int64)
        keypoints = np.array([person["keypoints"] for person in people], np.float32)
        box = np.array([person["bbox"] for person in people], np.float32).reshape(len(people), 4)
        keypoints = keypoints.reshape(len(people), 17, 3)  # (M, 51) -> (M, 17, 3)
    except FileNotFoundError:
        raise DecodeError(f"{json_path} does not exist; give a person_keypoints_*.json") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise DecodeError(f"{json_path} is no readable JSON file ({error})") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DecodeError(
            f"{json_path} is not laid out as COCO keypoints ({type(error).__name__}: {error})"
        ) from error
    if not (np.isfinite(keypoints).all() and np.isfinite(box).all()):
        raise DecodeError(f"{json_path} has keypoints or boxes that are not finite; mend the file")
    box[:, 2:] += box[:, :2]
    theirs, ours = mpii16_rows("coco17")
    joints = np.full((len(people), 16, 2), np.nan, np.float32)
    flag = keypoints[..., 2:]
    joints[:, ours] = np.where(flag > 0, keypoints[..., :2], np.nan)[:, theirs]
    hidden = np.zeros((len(people), 16), bool)
    hidden[:, ours] = (flag[..., 0] == 1)[:, theirs]
    paths = [Path(images) / names[key] for key in number]
    return PersonLabels(paths, photo, joints, hidden, box - 0.5, "coco")


def _is_labelled(person: dict[str, Any]) -> bool:
    return not person.get("iscrowd", 0) and any(person["keypoints"][2::3])
