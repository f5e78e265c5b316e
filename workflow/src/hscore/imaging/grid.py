"""A regular voxel grid and its position in the patient. It needs no DICOM library, so its import is cheap."""

from dataclasses import dataclass

import numpy as np

# mm; scanners round and average the positions in headers, and no real slice is this thin
SAME_POSITION = 0.1


@dataclass(frozen=True)
class Grid:
    """A regular grid of voxels. ``size``: columns, rows, slices; ``affine``: voxel index -> mm (LPS), 4 x 4."""

    size: tuple[int, int, int]
    affine: np.ndarray

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size [mm] along columns, rows, slices."""
        return tuple(float(v) for v in np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel [mm3], also of a sheared grid."""
        return abs(float(np.linalg.det(self.affine[:3, :3])))

    @property
    def volume_mm3(self) -> float:
        """Volume of all voxels [mm3]."""
        return self.voxel_mm3 * float(np.prod(self.size))

    @property
    def corners(self) -> np.ndarray:
        """The eight outermost voxel centres [mm], in the order of their index."""
        last = np.array(self.size) - 1
        index = np.array([[i, j, k] for i in (0, last[0]) for j in (0, last[1]) for k in (0, last[2])])
        return index @ self.affine[:3, :3].T + self.affine[:3, 3]

    def index(self, points: np.ndarray) -> np.ndarray:
        """Return the continuous voxel indices [..., 3] of points [..., 3] in mm."""
        return (points - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T

    def same_as(self, other: "Grid") -> bool:
        """Return whether both grids have the same voxels within ``SAME_POSITION``, in any order of rows and slices."""
        if sorted(self.size) != sorted(other.size):
            return False
        distances = np.linalg.norm(self.corners[:, None] - other.corners[None], axis=2)
        return bool((distances.min(axis=1) < SAME_POSITION).all() and (distances.min(axis=0) < SAME_POSITION).all())
