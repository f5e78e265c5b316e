"""Tell the body from air in a magnitude volume by intensity."""

import numpy as np

from hscore.imaging.percentiles import percentiles

# Air ends at this fraction of the way from the 2nd to the 98th percentile of intensity. The rule is that of Smith SM.
# Fast robust automated brain extraction. Hum Brain Mapp 2002;17:143-55, with 0.05 in place of 0.1, because muscle far
# from the coil is darker than any part of a brain. Unlike Otsu's threshold, it also works for a field of view without
# air, where Otsu would separate fat from muscle.
AIR_FRACTION = 0.05


def air_limit(volume: np.ndarray) -> float:
    """Return the intensity up to which a voxel of a magnitude volume may be air."""
    low, high = percentiles(volume, [2, 98])
    return float(low + AIR_FRACTION * (high - low))
