"""The networks: shapes, what joins where, what is stored with the weights, and refused settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hscore.errors import UserError
from hscore.learning import networks

SOURCE = str(Path(networks.__file__).parents[2])
PAPER = {"name": "paper", "channels": [4, 8], "head": [6], "dropout": 0.5}
SHAPE = (3, 16, 16)


def test_image_network_gives_one_logit_a_sample():
    network = networks.build(PAPER, SHAPE, clinical=0).eval()
    assert network(torch.randn(5, *SHAPE), torch.empty(5, 0)).shape == (5,)


def test_hybrid_uses_image_and_clinical_scalars():
    network = networks.build(PAPER, SHAPE, clinical=1).eval()
    images, status = torch.randn(5, *SHAPE), torch.zeros(5, 1)
    logits = network(images, status)
    assert not torch.equal(network(images, status + 1), logits)
    assert not torch.equal(network(images + torch.randn_like(images), status), logits)


def test_published_default_halves_rows_and_columns_four_times():
    trunk = networks.ConvolutionTrunk(3, [16, 32, 64, 128])
    maps = torch.nn.Sequential.forward(trunk, torch.zeros(2, 3, 64, 64))
    assert maps.shape == (2, 128, 4, 4)
    assert trunk(torch.zeros(2, 3, 64, 64)).shape == (2, 128)


def test_pooling_before_normalisation_is_the_textbook_order():
    """conv -> pool -> norm -> ReLU equals conv -> norm -> ReLU -> pool when the norm's slopes are positive."""
    trunk = networks.ConvolutionTrunk(3, [4]).eval()
    convolution, pool, norm, relu = trunk
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    images = torch.randn(2, *SHAPE)
    expected = pool(torch.relu(norm(convolution(images)))).mean(dim=(2, 3))
    torch.testing.assert_close(trunk(images), expected)


def test_clinical_scalars_are_never_dropped():
    head = networks.Head(features=3, clinical=1, hidden=[], dropout=0.9).train()
    with torch.no_grad():
        head.layers[0].weight.copy_(torch.tensor([[0.0, 0.0, 0.0, 1.0]]))
        head.layers[0].bias.zero_()
    assert torch.equal(head(torch.randn(50, 3), torch.ones(50, 1)), torch.ones(50))


def test_standardisation_is_part_of_the_network_and_its_weights():
    network = networks.build(PAPER, SHAPE, clinical=2).eval()
    network.standardize_images.set(torch.tensor(100.0), torch.tensor(20.0))
    network.standardize_clinical.set(torch.tensor([50.0, 0.0]), torch.tensor([10.0, 0.0]))
    images, clinical = torch.randn(4, *SHAPE), torch.randn(4, 2)
    raw = images * 20 + 100, clinical * torch.tensor([10.0, 1.0]) + torch.tensor([50.0, 0.0])
    torch.testing.assert_close(network(*raw), network.logits(images, clinical), rtol=1e-4, atol=1e-5)
    copy = networks.build(PAPER, SHAPE, clinical=2).eval()
    copy.load_state_dict(network.state_dict())
    assert torch.equal(copy(*raw), network(*raw))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "resnet"}, "write 'paper' or 'monai:<name of a network>'"),
        ({"depth": 3}, "'depth' is not a setting of 'paper'"),
        ({"channels": [4] * 5}, "need samples of at least 32 x 32 pixels"),
    ],
)
def test_wrong_settings_are_one_sentence(change, message):
    with pytest.raises(UserError, match=message):
        networks.build(PAPER | change, SHAPE, clinical=0)


def test_monai_is_not_imported_for_the_papers_networks():
    code = "import sys; from hscore.learning import training, ensemble; assert 'monai' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": SOURCE})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("resnet18", {"spatial_dims": 2, "n_input_channels": 3, "conv1_t_stride": 2, "num_classes": 7}),
        ("DenseNet121", {"spatial_dims": 2, "in_channels": 3, "out_channels": 7}),
    ],
)
def test_monai_networks_by_name(name, arguments):
    settings = {"name": f"monai:{name}", "arguments": arguments, "head": [4]}
    network = networks.build(settings, (3, 32, 32), clinical=1).eval()
    assert network.head.layers[0].in_features == 7 + 1
    assert network(torch.randn(2, 3, 32, 32), torch.zeros(2, 1)).shape == (2,)


@pytest.mark.slow
def test_monai_mistakes_are_one_sentence():
    with pytest.raises(UserError, match="has no network 'ResNet99'"):
        networks.build({"name": "monai:ResNet99"}, SHAPE, clinical=0)
    with pytest.raises(UserError, match="monai.networks.nets.DenseNet121 cannot be built"):
        networks.build({"name": "monai:DenseNet121", "arguments": {"depth": 1}}, SHAPE, clinical=0)
    arguments = {"spatial_dims": 2, "in_channels": 1, "out_channels": 7}
    with pytest.raises(UserError, match="cannot take samples of"):
        networks.build({"name": "monai:DenseNet121", "arguments": arguments}, (3, 64, 64), clinical=0)
