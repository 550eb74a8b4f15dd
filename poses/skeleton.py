"""Skeletons: which joints a pose has, in which order, and how they hang together."""

import difflib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .errors import BadInput
from .skeletons import TABLES, Table


@dataclass(frozen=True)
class Skeleton:
    """Name the joints of a pose and their order, parents and left/right pairs.

    `joints` are the J names, `parents` the index of each joint's parent (-1 for the one root),
    `pairs` the (left, right) indices. Two skeletons are equal when all their fields are.

    Raises BadInput where the fields do not describe one tree.

    >>> skeleton = get_skeleton("h36m17")
    >>> skeleton.n_joints, skeleton.root, skeleton.index("left_wrist")
    (17, 0, 13)
    >>> skeleton.bones[:3]
    [(0, 1), (1, 2), (2, 3)]
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        J = len(self.joints)
        if len(set(self.joints)) != J:
            raise BadInput(f"skeleton {self.name!r} names a joint twice; give each joint one name")
        if len(self.parents) != J:
            raise BadInput(
                f"parents must have one entry for each of the {J} joints of skeleton "
                f"{self.name!r}, got {len(self.parents)}; the root's entry is -1"
            )
        if not _is_one_tree(self.parents):
            raise BadInput(
                f"parents of skeleton {self.name!r} must lead every joint to one root (-1), "
                f"got {self.parents}; check for a second -1, a cycle or an index >= {J}"
            )
        paired = [joint for pair in self.pairs for joint in pair]
        if len(set(paired)) != len(paired) or not all(0 <= joint < J for joint in paired):
            raise BadInput(
                f"pairs of skeleton {self.name!r} must be (left, right) indices below {J}, each "
                f"in one pair, got {self.pairs}; leave joints in the middle out"
            )

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def n_joints(self) -> int:
        """Return the number of joints, J."""
        return len(self.joints)

    @property
    def root(self) -> int:
        """Return the index of the joint without a parent."""
        return self.parents.index(-1)

    @property
    def bones(self) -> list[tuple[int, int]]:
        """Return the (parent, child) indices of every bone, in the order of the children."""
        return [(parent, child) for child, parent in enumerate(self.parents) if parent >= 0]

    @cached_property
    def flip_index(self) -> np.ndarray:
        """Return the permutation (J,) that exchanges left and right: `joints[..., flip, :]`."""
        flip = np.arange(self.n_joints)
        for left, right in self.pairs:
            flip[left], flip[right] = right, left
        flip.flags.writeable = False
        return flip

    def index(self, joint: str) -> int:
        """Return the index of a joint; raise BadInput, closest name first, where it has none."""
        if joint not in self.joints:
            raise BadInput(
                f"skeleton {self.name!r} has no joint {joint!r}; "
                f"it has {_closest_first(joint, self.joints)}"
            )
        return self.joints.index(joint)


def get_skeleton(skeleton: str | Skeleton) -> Skeleton:
    """Return the skeleton of that name; a `Skeleton` comes back as it is.

    Raises BadInput, closest name first, where no skeleton has this name.

    >>> get_skeleton("coco17").joints[:3]
    ('nose', 'left_eye', 'right_eye')
    """
    if isinstance(skeleton, Skeleton):
        return skeleton
    if skeleton not in SKELETONS:
        raise BadInput(
            f"no skeleton is called {skeleton!r}; "
            f"there are {_closest_first(str(skeleton), tuple(SKELETONS))}"
        )
    return SKELETONS[skeleton]


def _closest_first(name: str, names: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
    return ", ".join(repr(n) for n in [*close, *(n for n in names if n not in close)])


def _is_one_tree(parents: tuple[int, ...]) -> bool:
    reached = {-1}
    for _ in parents:
        reached |= {child for child, parent in enumerate(parents) if parent in reached}
    return parents.count(-1) == 1 and len(reached) == len(parents) + 1


def _from_table(name: str, table: Table) -> Skeleton:
    joints = tuple(joint for joint, _ in table)
    return Skeleton(
        name=name,
        joints=joints,
        parents=tuple(-1 if parent is None else joints.index(parent) for _, parent in table),
        pairs=tuple(
            (left, joints.index("right_" + joint.removeprefix("left_")))
            for left, joint in enumerate(joints)
            if joint.startswith("left_")
        ),
    )


SKELETONS: dict[str, Skeleton] = {name: _from_table(name, table) for name, table in TABLES.items()}
