"""The networks: shapes, what joins where, what is stored with the weights, and refused settings."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hscore.errors import UserError
from hscore.learning import bag_pooling, image_trunks, networks

SOURCE = str(Path(networks.__file__).parents[2])
PAPER = {"name": "paper", "channels": [4, 8], "head": [6], "dropout": 0.5}
SHAPE = (3, 16, 16)


def build(settings=PAPER, shapes=(SHAPE,), clinical=0, aggregation="mean"):
    return networks.build(settings, shapes, clinical, aggregation).eval()


def single(network, images, clinical):
    """Logits [N] of single samples."""
    return network([images], [torch.ones(len(images), 1, dtype=torch.bool)], clinical)[:, 0]


def test_image_network_gives_one_logit_a_sample():
    assert single(build(), torch.randn(5, *SHAPE), torch.empty(5, 0)).shape == (5,)


@pytest.mark.parametrize("joins", ["features", "logit"])
def test_hybrid_uses_image_and_clinical_scalars(joins):
    torch.manual_seed(0)
    network = build(PAPER | {"joins": joins, "head": [32]}, clinical=1)
    images, status = 10 * torch.randn(5, *SHAPE), torch.zeros(5, 1)
    logits = single(network, images, status)
    changed = single(network, images, status + 1) - logits
    assert (changed != 0).all()
    assert not torch.equal(single(network, images + torch.randn_like(images), status), logits)
    # added to the logit a scalar weighs the same in every patient; before the hidden layers it need not
    spread = changed.max() - changed.min()
    assert spread < 1e-6 if joins == "logit" else spread > 1e-5


def test_shared_trunk_has_both_subnetworks_and_the_first_gives_the_score():
    network = build(PAPER | {"trunk": "shared"}, clinical=1)
    images, status = torch.randn(5, *SHAPE), torch.zeros(5, 1)
    mask = [torch.ones(5, 1, dtype=torch.bool)]
    before, after = network([images], mask, status), network([images], mask, status + 1)
    assert before.shape == (5, 2)
    assert (before[:, 0] != after[:, 0]).all() and torch.equal(before[:, 1], after[:, 1])  # subnetwork 2 sees no scalar
    assert build(PAPER | {"trunk": "shared"}, clinical=0)([images], mask, torch.empty(5, 0)).shape == (5, 1)


@pytest.mark.parametrize("aggregation", ["mean", "attention"])
def test_a_missing_sequence_is_not_there(aggregation):
    """The score of a bag without a sequence does not depend on what stands in the empty places."""
    network = build(shapes=[SHAPE, SHAPE], aggregation=aggregation)
    images = [torch.randn(6, *SHAPE), torch.randn(6, *SHAPE)]
    mask = [torch.tensor([[True, True], [True, False], [False, False]]), torch.ones(3, 2, dtype=torch.bool)]
    logits = network(images, mask, torch.empty(3, 0))
    changed = [images[0].clone(), images[1]]
    changed[0][3:] += 5  # the second place of the second bag, both of the third
    assert torch.equal(network(changed, mask, torch.empty(3, 0)), logits)
    changed[0][0] += 5
    assert not torch.equal(network(changed, mask, torch.empty(3, 0))[0], logits[0])


@pytest.mark.parametrize("aggregation", ["mean", "attention"])
def test_the_order_of_a_bag_does_not_matter(aggregation):
    network = build(aggregation=aggregation)
    images = torch.randn(4, *SHAPE)
    mask = [torch.ones(1, 4, dtype=torch.bool)]
    shuffled = network([images[[2, 0, 3, 1]]], mask, torch.empty(1, 0))
    torch.testing.assert_close(shuffled, network([images], mask, torch.empty(1, 0)))


def test_mean_pooling_weighs_sequences_alike():
    features = [torch.tensor([[[1.0], [3.0]]]), torch.tensor([[[10.0]]])]
    mask = [torch.ones(1, 2, dtype=torch.bool), torch.ones(1, 1, dtype=torch.bool)]
    assert bag_pooling.MeanPooling()(features, mask).item() == 6.0  # (mean of 1 and 3, and 10) / 2
    mask[1][:] = False
    assert bag_pooling.MeanPooling()(features, mask).item() == 2.0


def test_gated_attention_equals_the_published_formula():
    torch.manual_seed(0)
    attention = bag_pooling.GatedAttention(3, 4)
    features = torch.randn(1, 5, 3)
    mask = torch.tensor([[True, True, False, True, True]])
    own = features[0, mask[0]].double().numpy()

    def layer(linear, values):
        return values @ linear.weight.detach().double().numpy().T + linear.bias.detach().double().numpy()

    gated = np.tanh(layer(attention.tangent, own)) / (1 + np.exp(-layer(attention.gate, own)))
    energy = np.exp(gated @ attention.weight.weight.detach().double().numpy()[0])
    expected = (energy[:, None] * own).sum(axis=0) / energy.sum()
    np.testing.assert_allclose(attention([features], [mask]).detach().numpy()[0], expected, rtol=1e-5)
    weights = attention.weights([features], [mask])
    assert weights[0, 2] == 0 and weights.sum().item() == pytest.approx(1)


def test_published_default_halves_rows_and_columns_four_times():
    trunk = image_trunks.ConvolutionTrunk(3, [16, 32, 64, 128])
    maps = torch.nn.Sequential.forward(trunk, torch.zeros(2, 3, 64, 64))
    assert maps.shape == (2, 128, 4, 4)
    assert trunk(torch.zeros(2, 3, 64, 64)).shape == (2, 128)


def test_pooling_before_normalisation_is_the_textbook_order():
    """conv -> pool -> norm -> ReLU equals conv -> norm -> ReLU -> pool when the norm's slopes are positive."""
    trunk = image_trunks.ConvolutionTrunk(3, [4]).eval()
    convolution, pool, norm, relu = trunk
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    images = torch.randn(2, *SHAPE)
    expected = pool(torch.relu(norm(convolution(images)))).mean(dim=(2, 3))
    torch.testing.assert_close(trunk(images), expected)


def test_clinical_scalars_are_never_dropped():
    head = networks.Head(features=3, clinical=1, hidden=[], dropout=0.9, joins="features").train()
    with torch.no_grad():
        head.layers[0].weight.copy_(torch.tensor([[0.0, 0.0, 0.0, 1.0]]))
        head.layers[0].bias.zero_()
    assert torch.equal(head(torch.randn(50, 3), torch.ones(50, 1)), torch.ones(50))


def test_standardisation_is_part_of_the_network_and_its_weights():
    network = build(clinical=2)
    network.standardize_images[0].set(torch.tensor(100.0), torch.tensor(20.0))
    network.standardize_clinical.set(torch.tensor([50.0, 0.0]), torch.tensor([10.0, 0.0]))
    images, clinical = torch.randn(4, *SHAPE), torch.randn(4, 2)
    features = network.features(0, images * 20 + 100)
    torch.testing.assert_close(features, network.trunks[0](images), rtol=1e-4, atol=1e-5)
    raw = clinical * torch.tensor([10.0, 1.0]) + torch.tensor([50.0, 0.0])
    torch.testing.assert_close(network.standardize_clinical(raw), clinical)
    copy = build(clinical=2)
    copy.load_state_dict(network.state_dict())
    assert torch.equal(copy.features(0, images), network.features(0, images))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "resnet"}, "write 'paper' or 'monai:<name of a network>'"),
        ({"depth": 3}, "'depth' is not a setting of 'paper'"),
        ({"channels": [4] * 5}, "need samples of at least 32 x 32 pixels"),
        ({"joins": "hidden"}, "joins is 'hidden'; write one of features, logit"),
        ({"trunk": "both"}, "trunk is 'both'; write one of separate, shared"),
    ],
)
def test_wrong_settings_are_one_sentence(change, message):
    with pytest.raises(UserError, match=message):
        build(PAPER | change)


def test_monai_is_not_imported_for_the_papers_networks():
    code = "import sys; from hscore.learning import training, ensemble; assert 'monai' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": SOURCE})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("resnet18", {"spatial_dims": 2, "n_input_channels": 3, "conv1_t_stride": 2, "num_classes": 7}),
        ("DenseNet121", {"spatial_dims": 2, "in_channels": 3, "out_channels": 7}),
        ("resnet10", {"spatial_dims": 3, "n_input_channels": 1, "conv1_t_stride": 2, "num_classes": 7}),
    ],
)
def test_monai_networks_by_name(name, arguments):
    settings = {"name": f"monai:{name}", "arguments": arguments, "head": [4]}
    network = build(settings, [(3, 32, 32)], clinical=1)
    assert network.heads[0].layers[0].in_features == 7 + 1
    assert single(network, torch.randn(2, 3, 32, 32), torch.zeros(2, 1)).shape == (2,)


@pytest.mark.slow
def test_monai_mistakes_are_one_sentence():
    with pytest.raises(UserError, match="has no network 'ResNet99'"):
        build({"name": "monai:ResNet99"})
    with pytest.raises(UserError, match="monai.networks.nets.DenseNet121 cannot be built"):
        build({"name": "monai:DenseNet121", "arguments": {"depth": 1}})
    arguments = {"spatial_dims": 2, "in_channels": 1, "out_channels": 7}
    with pytest.raises(UserError, match="cannot take samples of"):
        build({"name": "monai:DenseNet121", "arguments": arguments}, [(3, 64, 64)])


def test_a_value_of_the_default_network_depends_on_46_rows_and_columns():
    trunk = image_trunks.ConvolutionTrunk(3, [8, 16, 32, 64]).eval()
    images = torch.rand(1, 3, 64, 64, requires_grad=True)
    reached = torch.zeros(64, 64, dtype=torch.bool)
    for _ in range(20):  # max pooling passes only the largest value on
        images.data = torch.rand_like(images)
        images.grad = None
        torch.nn.Sequential.forward(trunk, images)[0, :, 2, 2].sum().backward()
        reached |= (images.grad[0] != 0).any(dim=0)
    rows, columns = (reached.any(dim=axis).nonzero() for axis in (1, 0))
    assert rows.max() - rows.min() + 1 == columns.max() - columns.min() + 1 == 46
