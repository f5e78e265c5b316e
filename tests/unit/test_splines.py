"""Restricted cubic splines: the properties that define them."""

import numpy as np

from hscore.statistics.common import splines

KNOTS = np.array([0.1, 0.3, 0.6, 0.9])


def test_they_are_straight_beyond_the_outer_knots_and_smooth_between():
    x = np.linspace(-0.5, 1.5, 2001)
    curve = splines.basis(x, KNOTS)
    second = np.diff(curve, 2, axis=0) / (x[1] - x[0]) ** 2
    outside = (x[1:-1] < 0.099) | (x[1:-1] > 0.901)
    np.testing.assert_allclose(second[outside], 0, atol=1e-6)
    assert np.abs(second[~outside][:, 1:]).max() > 1
    assert np.abs(np.diff(second, axis=0)).max() < 0.2  # no jump in the second derivative


def test_number_of_columns_and_the_first_is_the_score_itself():
    x = np.linspace(0, 1, 11)
    assert splines.basis(x, KNOTS).shape == (11, 3)
    np.testing.assert_array_equal(splines.basis(x, KNOTS)[:, 0], x)


def test_knots_that_coincide_are_merged():
    assert splines.knots(np.array([0.1] * 50 + [0.6] * 50), 4).size == 2
