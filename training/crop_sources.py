"""Put training and validation crops together from packs and official data sets."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..datasets.coco import read_coco
from ..datasets.crops import CropSet, join_crops, read_crops_pack
from ..datasets.labels import PersonLabels
from ..datasets.lsp import read_lsp, read_lsp_extended
from ..datasets.lsp_faults import lsp_number, mend_lsp_extended
from ..datasets.mpii import read_mpii
from ..datasets.photos import read_photos_pack
from ..poses.errors import BadInput
from .photo_crops import crops_from_labels, crops_from_photos
from .synthetic_crops import crops_of_people

HELD_OUT = 20


@dataclass(frozen=True)
class CropSources:
    """Where crops come from; each may be left out.

    Packs bring their own split. LSP's test part validates; of LSP extended, MPII and COCO every
    twentieth photo is held out for it.

    Attributes:
        crops: a crops pack.
        photos: a photos pack, whose people are cut out for training.
        lsp: LSP's folder.
        lspet: LSP extended's folder.
        mpii: MPII's annotation file and images folder.
        coco: COCO's annotation file and images folder.
        synthetic: shards of synthetic people, for training.
    """

    crops: Path | None = None
    photos: Path | None = None
    lsp: Path | None = None
    lspet: Path | None = None
    mpii: tuple[Path, Path] | None = None
    coco: tuple[Path, Path] | None = None
    synthetic: Path | None = None

    def read(self, mend: bool = True) -> tuple[CropSet, CropSet]:
        """Return all training crops and all validation crops, 192 pixels wide.

        Args:
            mend: correct the labels of LSP extended that are known to be wrong, and leave out
                the people whose labels cannot be; never those that validate.

        Raises:
            BadInput: no source is given, or none with validation crops.
            DecodeError: a source cannot be read.
        """
        train: list[CropSet] = []
        held_out: list[CropSet] = []
        if self.crops:
            train.append(read_crops_pack(self.crops, 0))
            held_out.append(read_crops_pack(self.crops, 1))
        if self.photos:
            train.append(crops_from_photos(read_photos_pack(self.photos, 0)))
        if self.lsp:
            train.append(crops_from_labels(read_lsp(self.lsp, "train")))
            held_out.append(crops_from_labels(read_lsp(self.lsp, "test")))
        for labels in self._official():
            photo = labels.photo
            train.append(crops_from_labels(_rows(labels, photo % HELD_OUT != 0)))
            held_out.append(crops_from_labels(_rows(labels, photo % HELD_OUT == 0)))
        if self.synthetic:
            train.append(crops_of_people(self.synthetic))
        if not train:
            raise BadInput(
                "no data given; pass --crops, --photos, --lsp, --lspet, --mpii, --coco "
                "or --synthetic"
            )
        if not held_out:
            raise BadInput(
                "a photos pack and synthetic people have no validation crops; pass --crops as well"
            )
        if mend:
            train = [mend_crops(each) for each in train]
        for what, sets in (("train on", train), ("validate with", held_out)):
            if not sum(map(len, sets)):
                raise BadInput(f"there is nobody to {what} in the data given; give more photos")
        return join_crops(train), join_crops(held_out)

    def _official(self) -> list[PersonLabels]:
        found = []
        if self.lspet:
            found.append(read_lsp_extended(self.lspet))
        if self.mpii:
            found.append(read_mpii(*self.mpii))
        if self.coco:
            found.append(read_coco(*self.coco))
        return found


def mend_crops(crops: CropSet) -> CropSet:
    """Return crops without the known faults of LSP extended's labels (`datasets.lsp_faults`).

    Raises:
        BadInput: a crop of LSP extended is of a photo with another name than these have.
    """
    sport = np.flatnonzero(crops.source == "lspet")
    if not len(sport):
        return crops
    joints, keep = crops.joints_px.copy(), np.ones(len(crops), bool)
    numbers = np.array([lsp_number(str(name)) for name in crops.photo[sport]], int)
    joints[sport], keep[sport] = mend_lsp_extended(numbers, joints[sport])
    return replace(crops, joints_px=joints).where(keep)


def _rows(labels: PersonLabels, keep: np.ndarray) -> PersonLabels:
    return replace(
        labels,
        photo=labels.photo[keep],
        joints_px=labels.joints_px[keep],
        hidden=labels.hidden[keep],
        box_xyxy_px=labels.box_xyxy_px[keep],
    )
