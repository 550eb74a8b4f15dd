"""Recipe: motion capture to the weights of the group lifter (Cha et al. 2018, sections 4 and 6)."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..datasets.mocap import MocapPack
from ..evaluation.lifting import score_lifter
from ..evaluation.lifting_sets import LiftingSet, lifting_set
from ..lifting.consensus_lifter import ConsensusLifter
from ..lifting.group_hypotheses import UNIT_MM
from ..lifting.joint_groups import (
    Groups,
    given_groups,
    random_groups,
    sample_groups,
    trajectory_similarity,
)
from ..lifting.joint_inputs import joint_inputs
from ..models.bfloat16 import quick_autocast
from ..models.residual_mlp import FusedMLP, ResidualMLP, ResidualMLPConfig
from ..poses.errors import BadInput
from .distributed import Place, join_processes, leave_processes
from .group_loss import BODY, GroupLoss
from .lifting_samples import LiftingSamples, PoseDraws, training_rows
from .loop import LoopSettings, Progress, make_output_folder, train_loop
from .uncertainty import fit_sigma

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConsensusRecipe:
    """Everything that decides what a training of the group lifter gives.

    Attributes:
        size: n_g, joints in a group.
        least: m_g, groups that each joint is in at least.
        lam: lambda of eq. 2.
        grouping: "similarity" (eq. 2) or "random" (the ablation of table 5).
        most: keep at most so many groups; None: all that the sampling gave.
        width: of the networks' hidden layers.
        shared: one network lifts all groups (the ablation of appendix A.1).
        max_norm: largest norm of a unit's weights (Martinez et al.: 1); None: any.
        aggregation: weight of L_aggre, eq. 12; 0 leaves it out.
        together: weight of L_consensus, see `GroupLoss`; 0 leaves it out.
        samples: in the whole training.
        batch: samples in a step, over all processes.
        rate: peak learning rate of AdamW.
        warm_up: samples over which the rate rises.
        decay: of the moving average of the weights.
        seed: of the groups, the first weights and every random draw.
        draws: what the samples are like.
        hold_out: subjects left out of training, to choose settings by.
    """

    size: int = 15
    least: int = 7
    lam: float = 3.0
    grouping: str = "similarity"
    most: int | None = None
    width: int = 256
    shared: bool = False
    max_norm: float | None = None
    aggregation: float = 0.1
    together: float = 1.0
    samples: int = 14_000_000
    batch: int = 256
    rate: float = 1e-3
    warm_up: int = 50_000
    decay: float = 0.9995
    seed: int = 1
    draws: LiftingSamples = field(default_factory=LiftingSamples)
    hold_out: tuple[int, ...] = ()


def train_consensus(
    recipe: ConsensusRecipe,
    pack: MocapPack,
    folder: Path,
    device: torch.device,
    checkpoint_every: int,
    progress: Progress,
    groups: Groups | None = None,
) -> Path:
    """Train the group lifter, or go on with the training that `folder` holds.

    Args:
        recipe: the settings.
        pack: motion capture; split 0 trains, split 1 validates.
        folder: for the checkpoint, the log and the weights.
        device: where to train.
        checkpoint_every: samples between two checkpoints, each with a validation.
        progress: called after each step.
        groups: joint groups given by hand; None: sampled as the recipe says.

    Returns:
        The path of the weights, `consensus.safetensors` in the folder.

    Raises:
        BadInput: the pack has no poses to train on, a setting is out of range, or the folder holds
            a training by another recipe.
        WeightsMissing: the folder holds the training of another network.
    """
    rows = training_rows(pack, recipe.hold_out)
    groups = _of_one_size(groups) if groups else joint_groups(recipe, pack, rows)
    make_output_folder(folder)
    place = join_processes(device)
    torch.manual_seed(recipe.seed)
    net = group_network(recipe, groups).to(place.device)
    loss = _Batches(recipe, pack, rows, groups, place)
    validation = [lifting_set(pack, case) for case in ("true", "detector")]
    path = folder / "consensus.safetensors"

    def on_checkpoint(average: dict[str, Tensor]) -> dict[str, float]:
        lifter = as_lifter(net.config, average, groups)
        lifter.save(path)
        return validation_scores(lifter, validation)

    settings = LoopSettings.of(recipe, checkpoint_every, groups=groups, poses=len(rows))
    try:
        train_loop(net, loss, settings, folder, place, on_checkpoint, progress)
        if place.rank == 0:
            lifter = ConsensusLifter.load(path)
            lifter.sigma_ = fit_sigma(lifter, pack, rows, recipe.draws, recipe.seed)
            log.info("sigma^2 = %.1f^2 + (%.2f spread)^2", *lifter.sigma_)
            lifter.save(path)
    finally:
        leave_processes()
    return path


def joint_groups(recipe: ConsensusRecipe, pack: MocapPack, rows: NDArray[np.integer]) -> Groups:
    """Return the joint groups of a recipe.

    Raises:
        BadInput: of so few groups as the recipe keeps some joint is in none.
    """
    if recipe.grouping == "random":
        made = random_groups(BODY.n_joints, size=recipe.size, least=recipe.least, seed=recipe.seed)
        return given_groups(made[: recipe.most], BODY.n_joints)
    clips = np.unique(pack.clip[rows])
    similarity = trajectory_similarity(
        [pack.poses_mm[rows[pack.clip[rows] == clip]] for clip in clips],
        fps=[float(pack.clip_fps[clip]) for clip in clips],
    )
    made = sample_groups(
        similarity, size=recipe.size, least=recipe.least, seed=recipe.seed, lam=recipe.lam
    )
    return given_groups(made[: recipe.most], BODY.n_joints)


def _of_one_size(groups: Groups) -> Groups:
    """Return groups given by hand once they are found usable for networks side by side."""
    made = given_groups(groups, BODY.n_joints)
    if len({len(group) for group in made}) > 1:
        raise BadInput(
            f"groups must all have the same number of joints, got {[len(group) for group in made]}"
        )
    return made


def group_network(recipe: ConsensusRecipe, groups: Groups) -> ResidualMLP:
    """Return the untrained networks: x, y, confidence in and x, y, z out for each joint."""
    size = len(groups[0])
    return ResidualMLP(
        ResidualMLPConfig(
            inputs=3 * size,
            outputs=3 * size,
            width=recipe.width,
            groups=1 if recipe.shared else len(groups),
            dropout=0.0,  # every sample is new, so there is nothing to learn by heart
        )
    )


class _Batches:
    """Draw fresh samples and return the loss of each batch of them."""

    def __init__(
        self,
        recipe: ConsensusRecipe,
        pack: MocapPack,
        rows: NDArray[np.integer],
        groups: Groups,
        place: Place,
    ) -> None:
        self.recipe, self.place = recipe, place
        self.draws = PoseDraws(pack, rows, recipe.draws)
        self.loss = GroupLoss(
            groups,
            aggregation=recipe.aggregation,
            together=recipe.together,
            device=place.device,
        )

    def __call__(self, net: nn.Module, seen: int, generator: torch.Generator) -> Tensor:
        """Return the loss of the next batch."""
        if self.recipe.max_norm:
            for module in net.modules():  # the network may be wrapped for several processes
                if isinstance(module, ResidualMLP):
                    module.limit_norms(self.recipe.max_norm)
        rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
        count = self.recipe.batch // self.place.world
        joints_px, confidence, joints_mm = self.draws(count, rng)
        device, index = self.place.device, self.loss.index
        inputs = joint_inputs(torch.from_numpy(joints_px), torch.from_numpy(confidence))
        inputs = inputs.float().to(device)
        truth = torch.from_numpy(joints_mm).to(device, torch.float32) / UNIT_MM
        with quick_autocast(device):
            members = inputs.features[:, index].flatten(2)  # (N, G, n_g * 3)
            output = net(members.flatten(0, 1)[:, None] if self.recipe.shared else members)
        return self.loss(output.float().view(count, *index.shape, 3), truth)


def as_lifter(
    config: ResidualMLPConfig, state: dict[str, Tensor], groups: Groups
) -> ConsensusLifter:
    """Return the lifter of a network's state, on the CPU."""
    net = ResidualMLP(config)
    net.load_state_dict({key: value.cpu() for key, value in state.items()})
    fused = FusedMLP.of(net.eval())
    if config.groups == 1 < len(groups):  # one network for all groups
        matrices = [matrix.expand(len(groups), -1, -1) for matrix in fused.matrices]
        fused = FusedMLP(matrices, [shift[:, 0].expand(len(groups), -1) for shift in fused.shifts])
    return ConsensusLifter.of(fused, groups)


def validation_scores(lifter: ConsensusLifter, sets: list[LiftingSet]) -> dict[str, float]:
    """Return root- and similarity-aligned errors for true and for detector-like 2D joints."""
    scores = {}
    for name, test in zip(("true", "detector"), sets, strict=True):
        score = score_lifter(lifter, test)
        scores[f"{name}_root_mm"] = round(score.root_mm, 2)
        scores[f"{name}_similarity_mm"] = round(score.similarity_mm, 2)
    return scores
