"""Stream synthetic people into a training: made on the fly or read from shards, by processes."""

import atexit
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..evaluation.fusion import KnownPerson
from ..poses.errors import BadInput, Lift3dError


class PersonSource(Protocol):
    """Where people come from; any index gives one."""

    def sample(self, index: int) -> KnownPerson:
        """Return a person, always the same one for the same index."""


@dataclass(frozen=True)
class StoredPeople:
    """People that are there already, in a new order each time round.

    Attributes:
        people: a sequence.
        seed: of the orders.
    """

    people: "PeopleSequence"
    seed: int

    def sample(self, index: int) -> KnownPerson:
        """Return a person; every one comes once in each round."""
        count = len(self.people)
        order = _order(self.seed, index // count, count)
        return self.people[int(order[index % count])]


@lru_cache(maxsize=4)
def _order(seed: int, number: int, count: int) -> np.ndarray:
    """Return the order of the people in one round."""
    return np.random.default_rng([seed, number]).permutation(count)


class PeopleSequence(Protocol):
    """A list of people, perhaps read when asked for."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, index: int, /) -> KnownPerson:
        """Return one."""


@dataclass(frozen=True)
class PictureBatch:
    """N pictures with their joints.

    Attributes:
        images: uint8 (N, 3, S, S).
        joints_px: float32 (N, 17, 2) pixels of the pictures.
        joints_mm: float32 (N, 17, 3).
    """

    images: Tensor
    joints_px: Tensor
    joints_mm: Tensor

    def to(self, device: torch.device) -> "PictureBatch":
        """Return the same on a device."""
        images = self.images.to(device, non_blocking=True)
        joints = self.joints_px.to(device, non_blocking=True)
        return PictureBatch(images, joints, self.joints_mm.to(device, non_blocking=True))


class SyntheticPictures:
    """Batches of people in a fixed order, from any place of it.

    Args:
        source: gives a person for an index.
        size: side that the pictures are scaled to.
        workers: processes that make or read the pictures; 0: this one does.
        pinned: keep the batches where a GPU copies from quickly.
    """

    def __init__(
        self, source: PersonSource, size: int, workers: int = 0, pinned: bool = False
    ) -> None:
        if workers < 0:
            raise BadInput(f"workers must be 0 or more, got {workers}")
        self.source, self.size, self.workers, self.pinned = source, size, workers, pinned

    def batches(self, start: int, count: int, stride: int) -> Iterator[PictureBatch]:
        """Yield batches without end: indices start .. start + count, then `stride` further on.

        Args:
            start: index of the first person.
            count: people in a batch.
            stride: from one batch's first index to the next one's.
        """
        loader = DataLoader(
            _Pictures(self.source, self.size),
            batch_sampler=_Runs(start, count, stride),
            num_workers=self.workers,
            multiprocessing_context="spawn" if self.workers else None,  # forks hang beside threads
            worker_init_fn=_begin,
            collate_fn=_stack,
            pin_memory=self.pinned,
            prefetch_factor=4 if self.workers else None,
        )
        try:
            for images, joints_px, joints_mm in loader:
                yield PictureBatch(images, joints_px, joints_mm)
        except Lift3dError as error:
            # from another process it comes with that one's traceback; its own line is the last
            last = str(error).strip().splitlines()[-1]
            line = last.split(": ", 1)[1] if self.workers and ": " in last else str(error)
            raise type(error)(line) from None


class _Runs:
    """Indices of the batches: runs of `count`, each `stride` behind the one before."""

    def __init__(self, start: int, count: int, stride: int) -> None:
        self.start, self.count, self.stride = start, count, stride

    def __iter__(self) -> Iterator[list[int]]:
        first = self.start
        while True:
            yield list(range(first, first + self.count))
            first += self.stride


def _begin(number: int) -> None:
    cv2.setNumThreads(1)  # the processes share the cores
    # at its end a process would destroy threads of its libraries, which now and then aborts it
    atexit.register(os._exit, 0)


class _Pictures(Dataset):
    """Pictures by index, scaled."""

    def __init__(self, source: PersonSource, size: int) -> None:
        self.source, self.size = source, size

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return scaled_person(self.source.sample(index), self.size)


def scaled_person(person: KnownPerson, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a picture (size, size, 3) with its joints in its pixels and in millimetres.

    Raises:
        BadInput: the picture is not square or not RGB uint8.
    """
    image = person.image
    side = image.shape[0]
    if image.dtype != np.uint8 or image.shape != (side, side, 3):
        raise BadInput(
            f"pictures of synthetic people must be square RGB uint8, got {image.shape} "
            f"{image.dtype}; make the set anew"
        )
    if side != size:
        way = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
        image = cv2.resize(image, (size, size), interpolation=way)
    joints_px = (np.asarray(person.joints_px) + 0.5) * (size / side) - 0.5
    return image, joints_px.astype(np.float32), np.asarray(person.joints_mm, np.float32)


def _stack(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[Tensor, ...]:
    images, joints_px, joints_mm = (
        torch.from_numpy(np.stack(part)) for part in zip(*parts, strict=True)
    )
    return images.permute(0, 3, 1, 2), joints_px, joints_mm  # (N, S, S, 3) -> (N, 3, S, S)
