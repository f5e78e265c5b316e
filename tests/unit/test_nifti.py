"""The NIfTI files of the stages: other readers find in them what was written, and the reverse."""

import gzip
import struct

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from hscore.imaging import nifti

OBLIQUE = (0.96, 0.0, 0.28, 0.0, 1.0, 0.0, -0.28, 0.0, 0.96)


@pytest.fixture
def by_simpleitk(tmp_path):
    """A file that SimpleITK wrote on an oblique grid, and its voxels."""
    voxels = np.random.default_rng(0).integers(0, 200, (4, 6, 5)).astype(np.int16)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((1.5, 2.0, 5.0))
    image.SetOrigin((-10.0, 20.0, 30.0))
    image.SetDirection(OBLIQUE)
    sitk.WriteImage(image, str(tmp_path / "theirs.nii"))
    return tmp_path / "theirs.nii", voxels


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.float32, np.uint16])
def test_volumes_are_read_as_simpleitk_reads_them(tmp_path, name, kind):
    voxels = np.random.default_rng(0).integers(0, 200, (4, 6, 5)).astype(kind)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((1.5, 2.0, 5.0))
    sitk.WriteImage(image, str(tmp_path / name))
    volume = nifti.read(tmp_path / name)
    assert (volume.values() == voxels).all() and volume.grid.spacing == (1.5, 2.0, 5.0)
    # an image in DICOM's orientation (rows to the left, columns to the back) is upright as it is
    assert (volume.upright(volume.stored[0]) == voxels[0]).all()
    image.SetDirection((1, 0, 0, 0, -1, 0, 0, 0, 1))  # stored from the back to the front
    sitk.WriteImage(image, str(tmp_path / name))
    assert (nifti.read(tmp_path / name).upright(voxels[0]) == voxels[0][::-1]).all()


def test_a_sagittal_section_is_upright_with_the_head_at_the_top(tmp_path):
    voxels = np.arange(30, dtype=np.int16).reshape(1, 6, 5)
    image = sitk.GetImageFromArray(voxels)
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, 1, 0))  # columns to the back, rows to the head
    sitk.WriteImage(image, str(tmp_path / "a.nii"))
    volume = nifti.read(tmp_path / "a.nii")
    assert (volume.upright(volume.stored[0]) == voxels[0][::-1]).all()


def test_the_grid_is_that_of_simpleitk(by_simpleitk):
    path, _ = by_simpleitk
    image, grid = sitk.ReadImage(str(path)), nifti.read(path).grid
    assert grid.size == image.GetSize()
    for index in ((0, 0, 0), (4, 5, 3)):
        assert grid.affine @ [*index, 1] == pytest.approx([*image.TransformIndexToPhysicalPoint(index), 1], abs=1e-4)


@pytest.mark.parametrize("name", ["b.nii", "b.nii.gz"])
@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.float32])
def test_what_is_written_other_readers_find_on_the_grid_of_its_model(by_simpleitk, name, kind):
    path, voxels = by_simpleitk
    nifti.write(voxels.astype(kind), nifti.read(path), path.with_name(name))
    theirs, image = nibabel.load(path.with_name(name)), sitk.ReadImage(str(path.with_name(name)))
    assert theirs.get_data_dtype() == kind and (voxels == theirs.get_fdata().T).all()
    assert theirs.affine == pytest.approx(nibabel.load(path).affine)
    assert (sitk.GetArrayFromImage(image) == voxels).all()
    assert image.GetDirection() == pytest.approx(OBLIQUE, abs=1e-6) and image.GetSpacing() == (1.5, 2.0, 5.0)


def test_one_of_several_volumes_is_written_as_one(tmp_path):
    voxels = np.random.default_rng(0).integers(0, 99, (5, 6, 4, 3)).astype(np.int16)  # x, y, z, volume
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([2.0, 2, 5, 1])), tmp_path / "four.nii")
    volume = nifti.read(tmp_path / "four.nii")
    assert (volume.values() == voxels.T).all()
    nifti.write(volume.stored[1], volume, tmp_path / "one.nii")
    one = nibabel.load(tmp_path / "one.nii")
    assert one.shape == (5, 6, 4) and (one.get_fdata() == voxels[..., 1]).all()


def test_free_text_of_the_model_is_not_handed_on_and_bytes_repeat(by_simpleitk):
    path, voxels = by_simpleitk
    named = nibabel.load(path, mmap=False)
    for field in nifti.FREE_TEXT:
        named.header[field] = b"Li Ming 19600101 TE=80 acquisition"
    path.write_bytes(named.to_bytes())
    for name in ("a.nii.gz", "b.nii.gz"):
        nifti.write(voxels, nifti.read(path), path.with_name(name))
    first = path.with_name("a.nii.gz").read_bytes()
    assert first == path.with_name("b.nii.gz").read_bytes()
    assert b"Li Ming" in path.read_bytes() and b"Li Ming" not in gzip.decompress(first)


def test_scaled_integers_are_read_alike_by_nibabel_and_lose_next_to_nothing(by_simpleitk):
    path, voxels = by_simpleitk
    values = np.random.default_rng(0).normal(2, 5, voxels.shape).astype(np.float32)
    model, error = nifti.read(path), float(np.ptp(values)) / 1e5
    nifti.write_scaled(values, model, path.with_name("a.nii"))
    assert nifti.read(path.with_name("a.nii")).values() == pytest.approx(values, abs=error)
    assert pytest.approx(values, abs=error) == nibabel.load(path.with_name("a.nii")).get_fdata().T
    nifti.write_scaled(np.full_like(values, 3), model, path.with_name("b.nii"))
    assert (nifti.read(path.with_name("b.nii")).values() == 3).all()


@pytest.mark.parametrize("offset", [344, 70, 254])
def test_other_kinds_of_file_are_refused(by_simpleitk, offset):
    path, _ = by_simpleitk
    content = bytearray(path.read_bytes())
    struct.pack_into("<h", content, offset, 0)  # no magic; no data type; no affine
    path.write_bytes(content)
    with pytest.raises(ValueError, match="theirs.nii is not"):
        nifti.read(path)
