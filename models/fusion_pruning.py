"""Leave out the layers of a trained fusion network that its sharp fusion no longer uses.

Tekin et al. (2017, section 3.1): fusion layers where w is about 0, and layers of the data streams
where it is about 1, count for nothing.
"""

from dataclasses import replace

import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval, fuse_linear_bn_eval

from ..poses.errors import BadInput
from .dense_layer import DenseLayer
from .efficientnet_lite import NormedConv
from .fusion_net import ConvLayer, FusionNet


def prune(net: FusionNet, tolerance: float = 1e-3) -> FusionNet:
    """Return the network with a fixed fusion and only the layers that count, weights copied.

    Exact where the weights are 0 and 1 (`FusionNet.settle`); else the output changes by about
    `tolerance` of itself. A network without trainable fusion comes back as it is.

    Args:
        net: trained.
        tolerance: how far from 0 and 1 a weight may be.

    Raises:
        BadInput: a weight is farther from 0 and 1.

    >>> from lift3d.models.fusion_config import small_config
    >>> net = FusionNet(small_config(0.25)).eval()
    >>> net.settle()
    >>> prune(net).config.fusion
    5
    """
    if net.config.fusion != "trainable":
        return net
    weights = net.fusion_weights().detach()
    away = torch.minimum(weights, 1 - weights)
    if float(away.max()) > tolerance:
        layer = int(away.argmax())
        raise BadInput(
            f"the fusion is not sharp yet: layer {layer + 1} has weight {weights[layer]:.3f}; "
            "train on, or call settle() and train the rest for the weights 0 and 1"
        )
    config = replace(net.config, fusion=int((weights < 0.5).sum()))
    with torch.device("meta"):
        pruned = FusionNet(config)
    own = net.state_dict()
    kept = {name: own[name].clone() for name in pruned.state_dict()}
    pruned.load_state_dict(kept, assign=True)
    return pruned.train(net.training)


@torch.no_grad()
def fold_norms(net: FusionNet) -> FusionNet:
    """Fold each batch norm into the layer before it, in place, and return the network.

    Gives what the network gives in evaluation mode, up to rounding, and is quicker.
    """
    net.eval()
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, NormedConv):
                setattr(module, name, child.as_conv())
        if isinstance(module, ConvLayer) and isinstance(module.norm, nn.BatchNorm2d):
            module.map = fuse_conv_bn_eval(module.map, module.norm)
            module.norm = nn.Identity()
        elif isinstance(module, DenseLayer) and isinstance(module.norm, nn.BatchNorm1d):
            module.map = fuse_linear_bn_eval(module.map, module.norm)
            module.norm = nn.Identity()
    return net
