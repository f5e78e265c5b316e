"""Mask files of every format against SimpleITK, and everything that makes one unreadable."""

import bz2
import gzip
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from hscore.imaging.roi import mask_file
from hscore.imaging.roi.region import Region, RoiError
from hscore.imaging.roi.region_choice import Rules, is_excluded


def mask(values: tuple[int, ...] = (1,), dtype=np.uint8) -> sitk.Image:
    """An oblique image of 9 x 8 x 7 voxels with one block for each value."""
    array = np.zeros((7, 8, 9), dtype)
    for at, value in enumerate(values):
        array[1 + at, 2:5, 3:7] = value
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.7, 0.9, 4.0))
    image.SetOrigin((-31.0, 22.5, -140.25))
    turn = np.linalg.qr(np.array([[1, 0.1, 0.05], [-0.1, 1, 0.2], [0, -0.2, 1]]))[0]
    image.SetDirection((turn * np.sign(np.diag(turn))).ravel().tolist())
    return image


def affine(image: sitk.Image) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def write(path: Path, image: sitk.Image, compressed: bool = False) -> Path:
    sitk.WriteImage(image, str(path), compressed)
    return path


def refusal(path: Path, **options) -> str:
    with pytest.raises(RoiError) as caught:
        mask_file.read(path, **options)
    assert caught.value.code == "unreadable_roi"
    return caught.value.text


NAMES = ["gtv.nii", "gtv.nii.gz", "gtv.nrrd", "gtv.nhdr", "gtv.mha", "gtv.mhd"]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
def test_every_format_agrees_with_simpleitk(tmp_path, name, compressed, dtype):
    image = mask((3,), dtype)
    (region,) = mask_file.read(write(tmp_path / name, image, compressed))
    assert (region.inside == (sitk.GetArrayFromImage(image) > 0)).all()
    assert region.grid.affine == pytest.approx(affine(image), abs=1e-3)
    assert region.name == "gtv" and region.kind in {"NIfTI", "NRRD", "MetaImage"}


def nrrd(image: sitk.Image, data: bytes, fields: str) -> bytes:
    matrix = affine(image)
    directions = " ".join(f"({','.join(map(str, matrix[:3, k] * [-1, -1, 1]))})" for k in range(3))
    origin = ",".join(map(str, matrix[:3, 3] * [-1, -1, 1]))
    header = f"NRRD0004\n# made by hand\ndimension: 3\nsizes: 9 8 7\nspace: RAS\nspace directions: {directions}\n"
    return (header + f"space origin: ({origin})\n{fields}\n\n").encode() + data


@pytest.mark.parametrize(
    ("fields", "pack"),
    [
        ("type: uchar\nencoding: bzip2", bz2.compress),
        ("type: uint8\nencoding: gz", gzip.compress),
        ("type: uint8\nencoding: raw\nbyte skip: -1", lambda data: b"something before" + data),
        ("type: int16\nendian: big\nencoding: raw", lambda data: np.frombuffer(data, "u1").astype(">i2").tobytes()),
    ],
)
def test_nrrd_of_every_encoding_with_ras_positions(tmp_path, fields, pack):
    image = mask()
    (tmp_path / "gtv.nrrd").write_bytes(nrrd(image, pack(sitk.GetArrayFromImage(image).tobytes()), fields))
    (region,) = mask_file.read(tmp_path / "gtv.nrrd")
    theirs = sitk.GetArrayFromImage(image) > 0
    assert (region.inside == theirs).all() and region.grid.affine == pytest.approx(affine(image), abs=1e-6)


@pytest.mark.parametrize("big", [False, True])
def test_nifti_version_2_in_either_byte_order(tmp_path, big):
    voxels = np.zeros((5, 6, 4), np.int16)
    voxels[1:3, 2:5, 1] = 1
    matrix = np.array([[-1.5, 0, 0, 10], [0, 1.5, 0, -20], [0, 0, 5, 30], [0, 0, 0, 1.0]])
    header = nibabel.Nifti2Header(endianness=">" if big else "<")
    nibabel.save(nibabel.Nifti2Image(voxels, matrix, header), tmp_path / "mask.nii.gz")
    (region,) = mask_file.read(tmp_path / "mask.nii.gz")
    assert (region.inside == (voxels.T > 0)).all()
    assert region.grid.affine == pytest.approx(np.diag([-1, -1, 1, 1]) @ matrix)


# --- several labels


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_of_several_labels_needs_a_number(tmp_path, name):
    path = write(tmp_path / name, mask((1, 2, 5)))
    text = refusal(path)
    assert "3 labels: 1 (12 voxels), 2 (12 voxels), 5 (12 voxels)" in text and "convert.roi.label" in text
    (region,) = mask_file.read(path, label=2)
    assert region.inside.sum() == 12 and region.inside[2].any()
    assert "no label 3" in refusal(path, label=3)


def test_a_single_label_that_is_not_the_chosen_one_is_not_the_tumour(tmp_path):
    """The file of a patient whose tumour was not drawn holds the uterus (label 2) alone."""
    path = write(tmp_path / "gtv.nii.gz", mask((2,)))
    assert "no label 1" in refusal(path, label=1) and len(mask_file.read(path)) == 1


def slicer(path: Path, array: np.ndarray, segments: list[dict], compressed: bool = True) -> Path:
    """A segmentation as 3D Slicer writes it; ``array`` [z, y, x] or, of several layers, [z, y, x, layer]."""
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    image.SetOrigin((-31.0, 22.5, -140.25))
    image.SetSpacing((0.7, 0.9, 4.0))
    for number, segment in enumerate(segments):
        for key, value in segment.items():
            image.SetMetaData(f"Segment{number}_{key}", str(value))
    return write(path, image, compressed)


def test_slicers_segments_have_names(tmp_path):
    array = np.zeros((7, 8, 9), np.uint8)
    array[1:3, 2:5, 2:5], array[4, 2:5, 2:5], array[5] = 1, 2, 3
    names = ("GTVp", "LN left", "Background")
    segments = [{"Name": name, "LabelValue": n, "Layer": 0} for n, name in enumerate(names, 1)]
    regions = mask_file.read(slicer(tmp_path / "s.seg.nrrd", array, segments))
    assert [(region.name, int(region.inside.sum())) for region in regions] == [("GTVp", 18), ("LN left", 9)]


def test_slicers_own_names_say_nothing_and_its_files_do(tmp_path):
    array = np.zeros((7, 8, 9), np.uint8)
    array[1] = 1
    (region,) = mask_file.read(slicer(tmp_path / "LN.seg.nrrd", array, [{"Name": "Segment_1"}]), folder=tmp_path)
    assert region.name == "Segment_1" and is_excluded(region, Rules())
    (region,) = mask_file.read(slicer(tmp_path / "T_and_LN.seg.nrrd", array, [{"Name": "GTVp"}]), folder=tmp_path)
    assert not is_excluded(region, Rules())


def test_slicers_layers_hold_segments_that_overlap(tmp_path):
    array = np.zeros((7, 8, 9, 2), np.uint8)
    array[1:3, 2:5, 2:5, 0], array[1:5, 2:7, 2:7, 1] = 1, 1
    segments = [{"Name": "GTVp", "LabelValue": 1, "Layer": 0}, {"Name": "Uterus", "LabelValue": 1, "Layer": 1}]
    regions = mask_file.read(slicer(tmp_path / "s.seg.nrrd", array, segments))
    assert [(region.name, int(region.inside.sum())) for region in regions] == [("GTVp", 18), ("Uterus", 100)]
    assert regions[0].grid.size == (9, 8, 7)
    old = [{"Name": "GTVp"}, {"Name": "Uterus"}]  # before 4.11, each segment had a layer of its own
    regions = mask_file.read(slicer(tmp_path / "old.seg.nrrd", array, old))
    assert [int(region.inside.sum()) for region in regions] == [18, 100]


def test_slicers_header_must_describe_its_voxels(tmp_path):
    array = np.zeros((7, 8, 9), np.uint8)
    array[1], array[2] = 1, 4
    path = tmp_path / "s.seg.nrrd"
    assert "label 4" in refusal(slicer(path, array, [{"Name": "GTVp", "LabelValue": 1}]))
    twice = [{"Name": "GTVp", "LabelValue": 1}, {"Name": "LN", "LabelValue": 1}]
    assert "share one label" in refusal(slicer(path, array, twice))
    assert "layer" in refusal(slicer(path, array, [{"Name": "GTVp", "LabelValue": 1, "Layer": 3}]))


# --- damage


@pytest.mark.parametrize("name", ["gtv.nii.gz", "gtv.nrrd", "gtv.mha"])
@pytest.mark.parametrize("damage", ["cut", "last byte", "checksum", "middle"])
def test_a_compressed_mask_cut_short_or_altered_is_unreadable(tmp_path, name, damage):
    path = write(tmp_path / name, mask(), True)
    content = bytearray(path.read_bytes())
    at = {"cut": 0, "last byte": 0, "checksum": -6 if name != "gtv.mha" else -2, "middle": -15}[damage]
    if at:
        content[at] ^= 0x10
    else:
        content = content[: -1 if damage == "last byte" else -20]
    path.write_bytes(content)
    assert "cut short or altered" in refusal(path)


@pytest.mark.parametrize("name", ["gtv.nii", "gtv.nrrd", "gtv.mha"])
@pytest.mark.parametrize("change", [-1, 1])
def test_an_uncompressed_mask_holds_exactly_the_bytes_its_header_announces(tmp_path, name, change):
    path = write(tmp_path / name, mask())
    content = path.read_bytes()
    path.write_bytes(content[:-1] if change < 0 else content + b"\0")
    assert "its header announces 504 bytes" in refusal(path)


def test_a_compressed_stream_that_is_sound_and_too_short(tmp_path):
    path = write(tmp_path / "gtv.nii.gz", mask())
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-30]))
    assert "its header announces 504 bytes of voxels, but it contains 474" in refusal(path)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_another_kind_under_a_masks_name(tmp_path, name):
    for content in (b"", b"<html>not found</html>", b"version https://git-lfs.github.com/spec/v1\n" * 20):
        (tmp_path / name).write_bytes(content)
        assert "cannot be read" in refusal(tmp_path / name)


@pytest.mark.parametrize("name", ["gtv.nii", "gtv.nrrd", "gtv.mha", "gtv.mhd", "gtv.nhdr"])
def test_a_header_with_any_damage_is_refused_or_read(tmp_path, name):
    """Bytes changed at random: nothing but a region or a refusal comes out."""
    content = write(tmp_path / name, mask()).read_bytes()
    random = np.random.default_rng(5)
    for _ in range(300):
        changed = bytearray(content)
        for at in random.integers(0, min(len(content), 560), 2):
            changed[at] = random.integers(0, 256)
        (tmp_path / name).write_bytes(changed)
        try:
            assert all(region.inside.shape == region.grid.size[::-1] for region in mask_file.read(tmp_path / name))
        except RoiError as error:
            assert error.code == "unreadable_roi"


@pytest.mark.parametrize("name", ["gtv.mhd", "gtv.nhdr"])
def test_a_header_without_its_data_file(tmp_path, name):
    path = write(tmp_path / name, mask())
    for other in tmp_path.iterdir():
        if other != path:
            other.unlink()
    assert "not next to it" in refusal(path)


def test_probabilities_and_pictures_are_no_masks(tmp_path):
    array = np.zeros((7, 8, 9), np.float32)
    array[2:5, 2:5, 2:5] = 0.7
    for values in (array, array * np.nan, -np.ceil(array), np.arange(504, dtype=np.float32).reshape(7, 8, 9)):
        image = sitk.GetImageFromArray(values)
        image.CopyInformation(mask())
        assert "not a mask" in refusal(write(tmp_path / "gtv.nii.gz", image))


def test_several_volumes_are_not_one_mask(tmp_path):
    image = nibabel.Nifti1Image(np.ones((5, 6, 4, 3), np.uint8), np.diag([2.0, 2, 5, 1]))
    nibabel.save(image, tmp_path / "gtv.nii.gz")
    assert "contains 3 volumes" in refusal(tmp_path / "gtv.nii.gz")


# --- no position


def test_nifti_without_qform_and_sform(tmp_path):
    image = nibabel.Nifti1Image(np.ones((5, 6, 4), np.uint8), None)
    image.header.set_zooms((2, 2, 5))
    nibabel.save(image, tmp_path / "gtv.nii.gz")
    text = refusal(tmp_path / "gtv.nii.gz")
    assert "no position" in text and "export it with the position of the images" in text


@pytest.mark.parametrize(("qform", "sform", "reason"), [(0, 4, "template"), (3, 0, "template"), (1, 2, "differently")])
def test_nifti_positions_that_are_not_the_patients(tmp_path, qform, sform, reason):
    image = nibabel.Nifti1Image(np.ones((5, 6, 4), np.uint8), np.diag([2.0, 2, 5, 1]))
    moved = np.diag([2.0, 2, 5, 1])
    moved[0, 3] = 30
    image.set_qform(np.diag([2.0, 2, 5, 1]), qform)
    image.set_sform(moved, sform)
    nibabel.save(image, tmp_path / "gtv.nii.gz")
    assert reason in refusal(tmp_path / "gtv.nii.gz")


@pytest.mark.parametrize("length", [0, -2])
def test_nifti_with_a_qform_and_an_axis_of_no_length(tmp_path, length):
    """nibabel would take 0 for 1 mm and -2 for 2 mm."""
    path = write(tmp_path / "gtv.nii", mask())
    content = bytearray(path.read_bytes())
    content[252:256] = struct.pack("<2h", 1, 0)
    content[88:92] = struct.pack("<f", length)
    path.write_bytes(content)
    assert "an axis has no length" in refusal(path)


def test_nifti_with_a_quaternion_a_rounding_longer_than_one(tmp_path):
    path = write(tmp_path / "gtv.nii", mask())
    content = bytearray(path.read_bytes())
    content[252:256] = struct.pack("<2h", 1, 1)
    content[256:268] = struct.pack("<3f", 0, 0, 1 + 2e-7)
    content[280:328] = struct.pack("<12f", -2, 0, 0, 0, 0, -2, 0, 0, 0, 0, 5, 0)
    content[268:280] = bytes(12)
    content[76:92] = struct.pack("<4f", 1, 2, 2, 5)
    path.write_bytes(content)
    (region,) = mask_file.read(path)
    assert region.grid.spacing == pytest.approx((2, 2, 5))


def test_nifti_with_an_axis_of_no_length(tmp_path):
    path = write(tmp_path / "gtv.nii", mask())
    content = bytearray(path.read_bytes())
    content[252:256] = struct.pack("<2h", 0, 1)
    content[280:296] = bytes(16)
    path.write_bytes(content)
    assert "affine is not usable" in refusal(path)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gtv.mha", "Offset"),
        ("gtv.mha", "TransformMatrix"),
        ("gtv.nrrd", "space:"),
        ("gtv.nrrd", "space origin"),
        ("gtv.nrrd", "space directions"),
    ],
)
def test_a_header_without_position(tmp_path, name, line):
    """SimpleITK would fill in an identity."""
    path = write(tmp_path / name, mask())
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(one for one in lines if not one.startswith(line.encode())))
    assert "it has no position" in refusal(path)


def test_the_name_of_a_file_is_matched_and_never_written(tmp_path):
    (tmp_path / "LN").mkdir()
    (region,) = mask_file.read(write(tmp_path / "LN/zhangsan_tumour.nii.gz", mask()), folder=tmp_path)
    assert isinstance(region, Region)
    assert region.matched == "zhangsan_tumour" and region.context == "LN"
    assert "zhang" not in region.name + region.where and "tumour" in region.name
    assert "zhang" not in refusal(write(tmp_path / "zhangsan_roi.nii.gz", mask((1, 2))))
