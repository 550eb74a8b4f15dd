"""Speed and exactness of the consensus solver: `python benchmarks/consensus_solver.py --mocap F`.

Real poses seen by 12 joint groups of 10 joints each, with errors of several kinds. The objective is
compared with that of cvxpy (Clarabel) on the first 200 poses.
"""

import statistics
import time
from pathlib import Path

import click
import machine
import numpy as np
import torch

from lift3d.datasets.mocap import read_mocap
from lift3d.lifting.consensus import Consensus, solve_consensus
from lift3d.lifting.joint_groups import group_membership, random_groups

GROUPS, SIZE, ORACLE, REPEATS = 12, 10, 200, 5

# The row's name, the kind of error, the kind of weights, the norm.
CASES = [
    ("clean: 2 mm noise", "clean", "ones", "l21"),
    ("noisy: 40 mm noise", "noisy", "ones", "l21"),
    ("one group 300 mm off, 20 mm noise", "gross", "ones", "l21"),
    ("  with a confidence 0.05-1 a joint", "gross", "confidence", "l21"),
    ("  with 4 of 17 joints hidden", "gross", "hidden", "l21"),
    ("  l1 (eq. 7) instead of l2,1", "gross", "ones", "l1"),
]


@click.command()
@click.option("--mocap", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--poses", default=8192, help="In one batch.")
@click.option("--seed", default=0)
@click.option("--threads", default=2, help="CPU threads of torch.")
@click.option("--device", default="cpu")
@click.option("--oracle/--no-oracle", default=True, help="Compare with cvxpy.")
def main(mocap: Path, poses: int, seed: int, threads: int, device: str, oracle: bool) -> None:
    """Print poses a second, iterations and the objective's excess over cvxpy's."""
    torch.set_num_threads(threads)
    rng = np.random.default_rng(seed)
    true_mm = read_mocap(mocap).poses_mm
    true_mm = true_mm[rng.choice(len(true_mm), poses)].astype(np.float64)
    member = group_membership(random_groups(17, size=SIZE, least=5, seed=seed), 17)[:GROUPS]
    click.echo(machine.describe(threads))
    click.echo(f"{poses} poses, {GROUPS} groups of {SIZE}, float32, {device}, seed {seed}")
    click.echo(f"a joint is in {member.sum(axis=0).min()} groups or more\n")
    click.echo(f"{'':36}{'poses/s (min-max)':>26}{'iterations':>14}{'excess':>11}{'cvxpy/s':>9}")
    for name, kind, weighting, norm in CASES:
        at = _hypotheses(true_mm, member, kind, rng)
        weights = _weights(len(at), member, weighting, rng)
        _row(name, at, member, weights, norm, device, oracle)
    _moved(true_mm, member, rng, device)
    _single(true_mm, member, rng, device)


def _hypotheses(
    true_mm: np.ndarray, member: np.ndarray, kind: str, rng: np.random.Generator
) -> np.ndarray:
    """Return (N, G, J, 3) centred hypotheses with errors of a kind."""
    sigma = {"clean": 2.0, "noisy": 40.0, "gross": 20.0}[kind]
    at = true_mm[:, None] + rng.normal(0, sigma, (len(true_mm), *member.shape, 3))
    if kind == "gross":
        _spoil(at, rng)
    at[:, ~member] = np.nan
    return at - np.nanmean(at, axis=2, keepdims=True)


def _spoil(at: np.ndarray, rng: np.random.Generator) -> None:
    """Put every joint of one group a pose 300 mm off, each in its own direction, in place."""
    off = rng.normal(size=(len(at), *at.shape[2:]))
    bad = rng.integers(at.shape[1], size=len(at))
    at[np.arange(len(at)), bad] += 300 * off / np.linalg.norm(off, axis=2, keepdims=True)


def _weights(
    count: int, member: np.ndarray, kind: str, rng: np.random.Generator
) -> np.ndarray | None:
    """Return (N, G, J) weights, the same in all groups, or None."""
    if kind == "ones":
        return None
    joint = rng.uniform(0.05, 1, (count, member.shape[1]))
    if kind == "hidden":
        joint[rng.random(joint.shape).argsort(axis=1).argsort(axis=1) < 4] = 0
    return np.broadcast_to(joint[:, None], (count, *member.shape)).copy()


def _row(
    name: str,
    at: np.ndarray,
    member: np.ndarray,
    weights: np.ndarray | None,
    norm: str,
    device: str,
    oracle: bool,
) -> None:
    H = torch.as_tensor(at, dtype=torch.float32, device=device)
    w = None if weights is None else torch.as_tensor(weights, dtype=torch.float32, device=device)
    solve_consensus(H[:2048], member, None if w is None else w[:2048], norm=norm)
    rates = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        found = solve_consensus(H, member, w, norm=norm)
        iterations = found.iterations.float().cpu()  # waits for the device
        rates.append(len(H) / (time.perf_counter() - begin))
    speed = f"{statistics.median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"
    counts = f"{iterations.mean():.0f} (<= {iterations.max():.0f})"
    line = f"{name:36}{speed:>26}{counts:>14}"
    if oracle:
        excess, rate = _excess(found, at, member, weights, norm)
        line += f"{excess:>11.1e}{rate:>9.0f}"
    click.echo(line)


def _excess(
    found: Consensus, at: np.ndarray, member: np.ndarray, weights: np.ndarray | None, norm: str
) -> tuple[float, float]:
    """Return the largest relative excess of the objective over cvxpy's, and cvxpy's poses/s."""
    H = torch.as_tensor(at[:ORACLE])
    w = None if weights is None else torch.as_tensor(weights[:ORACLE])
    begin = time.perf_counter()
    judge = solve_consensus(H, member, w, norm=norm, solver="cvxpy").objective_mm
    rate = len(H) / (time.perf_counter() - begin)
    ours = found.objective_mm[:ORACLE].double().cpu()
    return float(((ours - judge) / judge).max()), rate


def _moved(true_mm: np.ndarray, member: np.ndarray, rng: np.random.Generator, device: str) -> None:
    """Print how far one wrong group moves the consensus and the mean of the groups."""
    for sigma in (3, 10, 20):
        good = true_mm[:2000, None] + rng.normal(0, sigma, (2000, *member.shape, 3))
        bad = good.copy()
        _spoil(bad, rng)
        good[:, ~member] = bad[:, ~member] = np.nan
        poses = [
            solve_consensus(torch.as_tensor(at, dtype=torch.float32, device=device), member)
            .pose_mm.cpu()
            .numpy()
            for at in (good, bad)
        ]
        median = np.linalg.norm(poses[1] - poses[0], axis=2).mean()
        mean = np.linalg.norm(np.nanmean(bad - good, axis=1), axis=2).mean()
        click.echo(
            f"{'' if sigma > 3 else chr(10)}one group 300 mm off, the others {sigma} mm: moves the "
            f"consensus by {median:.1f} mm, the mean by {mean:.1f} mm"
        )


def _single(true_mm: np.ndarray, member: np.ndarray, rng: np.random.Generator, device: str) -> None:
    """Print the time of one pose alone."""
    at = _hypotheses(true_mm[:100], member, "noisy", rng)
    H = torch.as_tensor(at, dtype=torch.float32, device=device)
    times = []
    for one in H:
        begin = time.perf_counter()
        solve_consensus(one[None], member).pose_mm.cpu()
        times.append(1000 * (time.perf_counter() - begin))
    click.echo(f"one pose at a time: {statistics.median(times):.1f} ms (median)")


if __name__ == "__main__":
    main()
