"""Choose the joints that each weak lifter sees (Cha et al. 2018, section 4.1)."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..poses.checks import float_array
from ..poses.errors import BadInput

Groups: TypeAlias = tuple[tuple[int, ...], ...]

MM_PER_M = 1000.0
MOST_DRAWN = 100  # groups, for each joint and each group that it must be in


def trajectory_similarity(
    poses_mm: ArrayLike | Sequence[ArrayLike], *, fps: float | Sequence[float]
) -> np.ndarray:
    """Return how far apart any two joints keep while people move; eq. 1.

    Eq. 1 sums squared distances over the frames, so that its size depends on the unit, the frame
    rate and the length of the recording. Here it is the average over time, in square metres: each
    clip counts by its seconds. An adult's thigh then gives 0.2 and head to foot about 2, so that
    with lambda = 10 and groups of 10 a joint at the far end weighs a third of a near one as the
    second of a group, and hardly anything as the tenth. A low value means that two joints move
    alike; the paper calls it similarity all the same.

    Args:
        poses_mm: (T, J, 3) consecutive poses of one clip, any frame, or a list of such clips.
        fps: frames a second, one number or one for each clip.

    Returns:
        (J, J) symmetric, m^2, zero on the diagonal.

    Raises:
        BadInput: not clips of one skeleton, NaN, single frames instead of trajectories, or frame
            rates that do not fit the clips.

    >>> walk = np.array([[[0.0, 0, 0], [0, 400, 300]], [[0, 0, 9], [0, 400, 309]]])
    >>> trajectory_similarity(walk, fps=25)
    array([[0.  , 0.25],
           [0.25, 0.  ]])
    """
    clips = _checked_clips(poses_mm)
    rates = np.broadcast_to(np.asarray(fps, dtype=np.float64), np.shape(fps) or (len(clips),))
    if rates.shape != (len(clips),) or not (np.isfinite(rates) & (rates > 0)).all():
        raise BadInput(
            f"fps must be one positive number, or one for each of the {len(clips)} clips, "
            f"got {fps!r:.60}"
        )
    J = clips[0].shape[1]
    total, seconds = np.zeros((J, J)), 0.0
    for clip, rate in zip(clips, rates, strict=True):
        metres = clip.astype(np.float64) / MM_PER_M
        apart = metres[:, :, None] - metres[:, None]  # (T, J, J, 3)
        total += np.einsum("tijd,tijd->ij", apart, apart) / rate
        seconds += len(clip) / rate
    return total / seconds


def sample_groups(
    similarity: ArrayLike, *, size: int, least: int, seed: int, lam: float = 10.0
) -> Groups:
    """Return joint groups in which joints that move alike come together; eq. 2.

    The first joint of a group is drawn evenly, each further one without replacement with weight
    exp(-lam / (2 size) * sum of its similarities to the joints already chosen). Groups are drawn
    until every joint is in at least `least` of them. The root is a joint like any other.

    Args:
        similarity: (J, J) from `trajectory_similarity`.
        size: n_g, joints a group, from 2 to J.
        least: m_g, groups that each joint must be in, at least 1.
        seed: of the draw; the same seed gives the same groups.
        lam: lambda; 0 draws evenly.

    Returns:
        G groups of `size` joint indices in rising order. They may repeat: each trains its own
        lifter. Further ones are drawn until all hang together by common joints.

    Raises:
        BadInput: a similarity that is not square and finite, a size or count out of range, or a
            lambda with which the groups never hang together.
    """
    s = float_array("similarity", similarity)
    if s.ndim != 2 or s.shape[0] != s.shape[1] or not np.isfinite(s).all():
        raise BadInput(
            f"similarity must be a finite (J, J) matrix, got shape {s.shape}; "
            "make it with trajectory_similarity"
        )
    J = len(s)
    _check_counts(J, size, least)
    if not (np.isfinite(lam) and lam >= 0):
        raise BadInput(f"lam must be a number >= 0, got {lam!r}")
    rng = np.random.default_rng(seed)
    groups: list[tuple[int, ...]] = []
    count = np.zeros(J, dtype=int)
    while count.min() < least or not _hang_together(groups, J):
        if len(groups) >= MOST_DRAWN * J * least:
            raise BadInput(
                f"{len(groups)} groups of {size} joints do not hang together, or leave joints out; "
                "lower lam, or give the similarity in square metres"
            )
        group = _sample_group(s * (lam / (2 * size)), size, rng)
        groups.append(group)
        count[list(group)] += 1
    return tuple(groups)


def random_groups(n_joints: int, *, size: int, least: int, seed: int) -> Groups:
    """Return groups drawn evenly: the ablation of table 5, `sample_groups` with lam = 0.

    >>> random_groups(3, size=3, least=2, seed=0)
    ((0, 1, 2), (0, 1, 2))
    """
    return sample_groups(np.zeros((n_joints, n_joints)), size=size, least=least, seed=seed, lam=0)


def given_groups(groups: Iterable[Iterable[int]], n_joints: int) -> Groups:
    """Return groups given by hand, each in rising order, once they are found usable.

    Raises:
        BadInput: a joint that does not exist, twice in a group or in no group; a group larger than
            the skeleton or of fewer than two joints; or groups without common joints, which
            nothing could bring into one pose.

    >>> given_groups([[2, 0], [1, 2]], n_joints=3)
    ((0, 2), (1, 2))
    """
    made = tuple(tuple(sorted(int(joint) for joint in group)) for group in groups)
    for index, group in enumerate(made):
        if not 2 <= len(group) <= n_joints:
            raise BadInput(
                f"a group must have from 2 to {n_joints} joints, got {len(group)} in group {index}"
            )
        if group[0] < 0 or group[-1] >= n_joints:
            raise BadInput(
                f"joints must be indices from 0 to {n_joints - 1}, got {group} as group {index}"
            )
        if len(set(group)) < len(group):
            raise BadInput(f"a group must name each joint once, got {group} as group {index}")
    left_out = sorted(set(range(n_joints)) - {joint for group in made for joint in group})
    if left_out:
        raise BadInput(
            f"every one of the {n_joints} joints must be in a group, got none with {left_out}; "
            "add them to groups"
        )
    if not _hang_together(made, n_joints):
        raise BadInput(
            "groups must hang together by common joints, got some that share none with the "
            "others; let each overlap another"
        )
    return made


def group_membership(groups: Groups, n_joints: int) -> np.ndarray:
    """Return which joints each group has.

    Returns:
        (G, J) bool.

    >>> group_membership(((0, 2), (1, 2)), 3).astype(int)
    array([[1, 0, 1],
           [0, 1, 1]])
    """
    member = np.zeros((len(groups), n_joints), dtype=bool)
    for row, group in zip(member, groups, strict=True):
        row[list(group)] = True
    return member


def _sample_group(scaled: np.ndarray, size: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Return one group by eq. 2; `scaled` is the similarity times lambda / (2 n_g)."""
    J = len(scaled)
    group = [int(rng.integers(J))]
    while len(group) < size:
        cost = scaled[group].sum(axis=0)
        cost[group] = np.inf
        w = np.exp(cost.min() - cost)  # the common factor keeps all from underflowing
        group.append(int(rng.choice(J, p=w / w.sum())))
    return tuple(sorted(group))


def _hang_together(groups: Sequence[Sequence[int]], n_joints: int) -> bool:
    """Say whether common joints lead from every joint to every other."""
    reached = {0}
    while True:
        more = reached.union(*(group for group in groups if not reached.isdisjoint(group)))
        if more == reached:
            return len(reached) == n_joints
        reached = more


def _check_counts(J: int, size: int, least: int) -> None:
    if not 2 <= size <= J:
        raise BadInput(f"size must be from 2 to the skeleton's {J} joints, got {size}")
    if least < 1:
        raise BadInput(f"least must be at least 1, got {least}; the paper uses 10")


def _checked_clips(poses_mm: ArrayLike | Sequence[ArrayLike]) -> list[np.ndarray]:
    """Return clips as arrays (T, J, 3) of one skeleton with at least one trajectory."""
    several = isinstance(poses_mm, (list, tuple)) and np.ndim(poses_mm[0] if poses_mm else 0) == 3
    given: list[Any] = list(poses_mm) if several else [poses_mm]  # type: ignore[arg-type]
    clips = [float_array("poses_mm", clip) for clip in given]
    wrong = [clip.shape for clip in clips if clip.ndim != 3 or clip.shape[2] != 3]
    wrong += [clip.shape for clip in clips if clip.ndim == 3 and clip.shape[1] != clips[0].shape[1]]
    if wrong:
        raise BadInput(
            "poses_mm must be one clip (T, J, 3) or a list of clips of one skeleton, "
            f"got {wrong[0]}; put frames first and coordinates last"
        )
    bad = sum(not np.isfinite(clip).all() for clip in clips)
    if bad:
        raise BadInput(
            f"poses_mm must be finite, got {bad} of {len(clips)} clips with NaN or inf; drop them"
        )
    if all(len(clip) < 2 for clip in clips):
        raise BadInput(
            "poses_mm must hold trajectories, clips of two or more consecutive frames, got "
            f"{len(clips)} with {max(len(clip) for clip in clips)} at most; without video use "
            "random_groups or given_groups"
        )
    return clips
