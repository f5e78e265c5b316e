"""N4 on a regular grid against ITK's own filter, and its B-splines against scipy's."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.interpolate import BSpline

from hscore.imaging.normalize import n4


def head_in_a_coil(shape=(9, 24, 30), seed=0):
    """Three tissues in noise under a smooth field, and a mask that leaves out the corners."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    tissue = np.select([x**2 + y**2 < 0.2, np.abs(x + y) < 0.5], [900, 500], 300)
    field = np.exp(0.4 * x * y + 0.3 * z - 0.2 * y**2)
    inside = x**2 + y**2 < 1.5
    return (tissue * field * rng.normal(1, 0.03, shape)).astype(np.float32), inside


@pytest.mark.parametrize("iterations", [[1], [50], [20, 10], [50, 50, 50]])
@pytest.mark.parametrize("shape", [(9, 24, 30), (5, 31, 17)])
def test_the_field_is_that_of_itk(iterations, shape):
    volume, inside = head_in_a_coil(shape)
    reference = sitk.N4BiasFieldCorrectionImageFilter()
    reference.SetNumberOfThreads(1)
    reference.SetMaximumNumberOfIterations(iterations)
    reference.SetConvergenceThreshold(0.001)
    image = sitk.GetImageFromArray(volume)
    reference.Execute(image, sitk.GetImageFromArray(inside.astype(np.uint8)))
    theirs = sitk.GetArrayFromImage(reference.GetLogBiasFieldAsImage(image))
    axes = [np.linspace(0, 1, n) for n in shape]  # ITK's box ends at the outermost voxel centres
    ours = n4.estimate(volume, inside, axes, iterations, 0.001).at(axes)
    assert theirs[inside].std() > 0.002
    assert ours == pytest.approx(theirs, abs=1e-3)


@pytest.mark.parametrize("count", [4, 5, 7])
def test_basis_is_that_of_scipy(count):
    points = np.linspace(0, 1, 41)
    knots = np.arange(-3, count + 1) / (count - 3)
    theirs = BSpline.design_matrix(np.clip(points, 0, 1 - 1e-12), knots, 3).toarray()
    assert n4.basis(points, count) == pytest.approx(theirs, abs=1e-6)


def test_refinement_leaves_the_function_as_it_is():
    lattice = n4.Lattice(np.random.default_rng(0).normal(size=(4, 5, 7)).astype(np.float32))
    axes = [np.linspace(0, 1, n) for n in (6, 8, 11)]
    assert lattice.refined().coefficients.shape == (5, 7, 11)
    assert lattice.refined().at(axes) == pytest.approx(lattice.at(axes), abs=1e-5)


def test_intensities_that_are_all_equal_have_no_blur():
    logs = np.full(50, 3.0, np.float32)
    assert (n4.sharpened(logs) == logs).all()
