"""The ROI readers against the truth that three writers were given, against highdicom, and against shapes by hand."""

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.uid import generate_uid

from dicom_writer import FRAME_UID, save, series, square, structure_set, volume
from hscore.imaging.dicom.geometry import stack
from hscore.imaging.dicom.patient_folder import read_folder
from hscore.imaging.grid import Grid
from hscore.imaging.roi import dicom_seg, mask_file, patient_roi
from hscore.imaging.roi import rtstruct as drawn
from hscore.imaging.roi.region import Region, RoiError


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.logical_and(a, b).sum() / (a.sum() + b.sum())


@pytest.fixture(scope="module")
def real(shared_data):
    """Contents of the T2 series that the ROIs were drawn on, its grid, and the true masks on it by name."""
    contents = read_folder(shared_data / "dicom/prostatex_0000/S04_t2_tra")
    grid, _ = stack(contents.series[0].frames)
    truth = {}
    for name in ("GTV_primary", "LN_node"):
        image = sitk.ReadImage(str(shared_data / f"roi/prostatex_0000/mask_{name}.nii.gz"))
        affine = np.eye(4)
        affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
        affine[:3, 3] = image.GetOrigin()
        assert Grid(image.GetSize(), affine).same_as(grid)
        array = sitk.GetArrayFromImage(image) > 0
        # the truth counts slices from the other end where its normal points the other way
        truth[name] = array if affine[:3, 2] @ grid.affine[:3, 2] > 0 else array[::-1]
    return contents, grid, truth


@pytest.mark.parametrize("name", ["GTV_primary", "LN_node"])
@pytest.mark.parametrize("file", ["roi_seg.dcm", "roi_rtstruct.dcm", "roi_rtstruct_unnamed.dcm"])
def test_every_writer_gives_the_truth_back(real, shared_data, file, name):
    contents, grid, truth = real
    path = shared_data / "roi/prostatex_0000" / file
    regions = dicom_seg.read(path) if "seg" in file else drawn.read(path, contents.series)
    region = regions[list(truth).index(name)]
    assert region.name == ("Unknown Structure" if "unnamed" in file else name)
    assert dice(patient_roi.carry([region], grid), truth[name]) >= 0.99


def test_a_nifti_mask_gives_the_truth_back(real, shared_data):
    _, grid, truth = real
    (region,) = mask_file.read(shared_data / "roi/prostatex_0000/mask_GTV_primary.nii.gz")
    assert dice(patient_roi.carry([region], grid), truth["GTV_primary"]) == 1


@pytest.mark.parametrize(
    ("folder", "file"), [("shared_data", "prostatex_0000/roi_seg.dcm"), ("reference_data", "dcmqi_24x38x3/label.seg")]
)
def test_segmentation_agrees_with_highdicom(request, folder, file):
    import highdicom

    path = request.getfixturevalue(folder) / "roi" / file
    reference = highdicom.seg.segread(path)
    for region, number in zip(dicom_seg.read(path), reference.segment_numbers, strict=True):
        theirs = reference.get_volume(segment_numbers=[number], combine_segments=True).array > 0
        assert region.name == reference.get_segment_description(number).segment_label
        assert region.inside.sum() == theirs.sum() > 0


def test_segmentation_of_a_matrix_that_is_not_square(reference_data):
    """Against the label map that dcmqi was given."""
    (region,) = dicom_seg.read(reference_data / "roi/dcmqi_24x38x3/label.seg")
    label = sitk.ReadImage(str(reference_data / "roi/dcmqi_24x38x3/label.nrrd"))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(label.GetDirection(), (3, 3)) * label.GetSpacing()
    affine[:3, 3] = label.GetOrigin()
    carried = patient_roi.carry([region], Grid(label.GetSize(), affine))
    assert dice(carried, sitk.GetArrayFromImage(label) > 0) == 1


def ellipsoid(grid: Grid, center: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Voxels [slice, row, column] whose centre lies inside an ellipsoid in patient coordinates."""
    k, j, i = np.indices(grid.size[::-1])
    points = np.stack([i, j, k], axis=-1) @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    return (((points - center) / radii) ** 2).sum(axis=-1) < 1


def nearest(region: Region, grid: Grid) -> np.ndarray:
    """The other way to carry a mask: the nearest voxel of the drawn grid."""
    k, j, i = np.indices(grid.size[::-1])
    points = np.stack([i, j, k], axis=-1) @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    index = np.rint(region.grid.index(points)).astype(int)
    valid = ((index >= 0) & (index < region.grid.size)).all(axis=-1)
    index[~valid] = 0
    return region.inside[index[..., 2], index[..., 1], index[..., 0]] & valid


def oblique(size, spacing, origin, degrees: float) -> Grid:
    angle = np.deg2rad(degrees)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = origin
    return Grid(size, affine)


def test_carrying_over_thick_slices_follows_the_shape_better_than_the_nearest_voxel():
    """Ellipsoids drawn on slices of 3 to 7 mm and carried to oblique ones, against the shape itself sampled there."""
    random = np.random.default_rng(0)
    linear, other = [], []
    for _ in range(15):
        radii = random.uniform(10, 22) * np.array([1, *random.uniform(0.6, 1, 2)])
        center, drawn_slice, slice_ = random.uniform(-3, 3, 3), random.choice([3.0, 5, 7]), random.choice([3.0, 4, 6])
        drawn = oblique((100, 100, int(80 / drawn_slice)), (0.7, 0.7, drawn_slice), (-35, -35, -40), 0)
        start = -45 + random.uniform(-2, 2, 3)
        target = oblique((45, 45, int(90 / slice_)), (2, 2, slice_), start, random.choice([0, 5, 12]))
        region = Region("tumour", "NIfTI", ellipsoid(drawn, center, radii), drawn)
        truth = ellipsoid(target, center, radii)
        linear.append(dice(patient_roi.carry([region], target), truth))
        other.append(dice(nearest(region, target), truth))
    assert np.mean(linear) > 0.9
    assert np.mean(linear) > np.mean(other)


def test_interpolation_is_that_of_simpleitk():
    """An oblique box within and beyond the source."""
    rng = np.random.default_rng(3)
    source = np.pad(rng.random((5, 7, 6), np.float32), 1)
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0] @ np.diag([0.7, 0.6, 0.5])
    affine[:3, 3] = 3, 4, 3
    first, last = np.array([-8, -9, -7]), np.array([9, 8, 10])
    ours = patient_roi.interpolate(source, affine, first, last)
    image = sitk.GetImageFromArray(source)
    transform = sitk.AffineTransform(affine[:3, :3].ravel().tolist(), affine[:3, 3].tolist())
    box = sitk.Image([int(n) for n in last - first], sitk.sitkFloat32)
    box.SetOrigin(first.astype(float).tolist())
    theirs = sitk.GetArrayFromImage(sitk.Resample(image, box, transform, sitk.sitkLinear, 0.0))
    assert (ours > 0).mean() > 0.1
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_carrying_to_its_own_grid_changes_nothing():
    grid = oblique((20, 24, 9), (0.8, 1.1, 4.0), (-3, 5, 7), 17)
    inside = np.random.default_rng(1).random(grid.size[::-1]) > 0.7
    assert (patient_roi.carry([Region("x", "NIfTI", inside, grid)], grid) == inside).all()


def test_regions_are_joined():
    grid = oblique((10, 10, 4), (1, 1, 1), (0, 0, 0), 0)
    first, second = np.zeros((2, *grid.size[::-1]), bool)
    first[1, 2:4, 2:4] = second[2, 6:8, 6:8] = True
    joined = patient_roi.carry([Region("a", "NIfTI", first, grid), Region("b", "NIfTI", second, grid)], grid)
    assert (joined == (first | second)).all()


def test_outside_fraction_is_the_share_of_volume():
    grid = oblique((10, 10, 4), (1, 1, 1), (0, 0, 0), 0)
    region = Region("a", "NIfTI", np.ones(grid.size[::-1], bool), grid)
    assert patient_roi.outside_fraction([region], grid) == 0
    assert patient_roi.outside_fraction([region], oblique((10, 10, 3), (1, 1, 1), (0, 0, 0), 0)) == pytest.approx(0.25)
    assert patient_roi.outside_fraction([region], oblique((10, 10, 4), (1, 1, 1), (100, 0, 0), 0)) == 1


def test_contours_make_holes_and_count_their_border():
    grid = oblique((12, 12, 3), (2, 2, 5), (0, 0, 0), 0)
    outer, inner = square((2, 2), (18, 18), 5), square((6, 6), (14, 14), 5)  # through pixel centres 1..9 and 3..7
    filled = drawn.fill([outer, inner], grid)
    expected = np.zeros((3, 12, 12), bool)
    expected[1, 1:10, 1:10] = True
    expected[1, 4:7, 4:7] = False  # the hole's border belongs to the mask around it
    assert (filled == expected).all()


def test_two_contours_on_one_slice_and_a_single_point():
    grid = oblique((12, 12, 3), (1, 1, 5), (0, 0, 0), 0)
    contours = [square((0.5, 0.5), (2.5, 2.5), 10), square((5.5, 5.5), (8.5, 7.5), 10), np.array([[3.0, 10.0, 0.0]])]
    filled = drawn.fill(contours, grid)
    assert filled[2].sum() == 4 + 6
    assert filled[0].sum() == 1 and filled[0, 10, 3]


def test_fill_agrees_with_an_independent_point_in_polygon_test():
    from matplotlib.path import Path as Polygon

    random = np.random.default_rng(4)
    angles = np.sort(random.uniform(0, 2 * np.pi, 40))
    radii = random.uniform(5, 19, 40)
    corners = np.column_stack([20 + radii * np.cos(angles), 20 + radii * np.sin(angles)])
    grid = oblique((40, 40, 1), (1, 1, 1), (0, 0, 0), 0)
    filled = drawn.fill([np.column_stack([corners, np.zeros(40)])], grid)[0]
    x, y = np.meshgrid(np.arange(40), np.arange(40))
    centers = np.column_stack([x.ravel(), y.ravel()])
    theirs = [Polygon(corners).contains_points(centers, radius=grow).reshape(40, 40) for grow in (-0.05, 0.05)]
    assert (filled == theirs[0])[theirs[0] == theirs[1]].all()  # all but the centres within 0.05 of the border
    assert (theirs[0] != theirs[1]).sum() < 20


@pytest.fixture
def patient(tmp_path):
    save(series(volume(), series_uid="1.2.3"), tmp_path / "t2")
    return tmp_path


def find(folder, **settings):
    return patient_roi.find(read_folder(folder), settings)


def failure(folder, **settings) -> tuple[str, str]:
    with pytest.raises(RoiError) as caught:
        find(folder, **settings)
    return caught.value.code, caught.value.text


def test_a_single_structure_is_taken_whatever_its_name(patient):
    save([structure_set({"Structure 1": [square((-5, -5), (5, 5), 8.0)]})], patient, "rt.dcm")
    found = find(patient)
    assert [region.name for region in found.regions] == ["Structure 1"]
    assert found.regions[0].inside[1].sum() == found.regions[0].inside.sum() > 0


def test_of_several_structures_the_pattern_chooses(patient):
    parts = {"Bladder": 8.0, "Tumor": 13.0, "Structure 3": 18.0}
    save([structure_set({name: [square((-5, -5), (5, 5), z)] for name, z in parts.items()})], patient, "rt.dcm")
    found = find(patient)
    assert [region.name for region in found.regions] == ["Tumor"]
    assert list(found.rejected) == ["Bladder", "Structure 3"] and found.notes == []


def test_several_structures_without_a_matching_name(patient):
    save([structure_set({"A": [square((-5, -5), (5, 5), 8)], "B": [square((-5, -5), (5, 5), 13)]})], patient, "rt.dcm")
    code, text = failure(patient)
    assert code == "unreadable_roi" and "'A'" in text and "'B'" in text and "convert.roi.segment" in text


@pytest.mark.parametrize(
    ("frame", "uid", "accepted"), [("1.9", "", False), ("1.9", "1.2.3", True), (FRAME_UID, "", True)]
)
def test_the_roi_must_refer_to_the_patients_images(patient, frame, uid, accepted):
    save([structure_set({"tumour": [square((-5, -5), (5, 5), 8)]}, frame, uid)], patient, "rt.dcm")
    if accepted:
        assert find(patient).regions
    else:
        assert failure(patient)[0] == "foreign_roi"


def test_contours_between_the_slices_are_not_guessed(patient):
    save([structure_set({"tumour": [square((-5, -5), (5, 5), 10.4)]})], patient, "rt.dcm")
    assert failure(patient)[0] == "unreadable_roi"


def test_a_structure_without_contours_is_empty(patient):
    save([structure_set({"tumour": []})], patient, "rt.dcm")
    assert failure(patient)[0] == "empty_roi"


def test_no_roi_at_all(patient):
    assert failure(patient)[0] == "no_roi"


def test_a_damaged_structure_set_is_reported_and_a_good_one_used(patient):
    save([structure_set({"tumour": [square((-5, -5), (5, 5), 8)]})], patient, "good.dcm")
    broken = structure_set({"tumour": [square((-5, -5), (5, 5), 8)]})
    del broken.StructureSetROISequence
    (path,) = save([broken], patient, "broken.dcm")
    found = find(patient)
    assert len(found.regions) == 1 and "*.dcm: RTSTRUCT cannot be read" in found.unreadable[0]
    (patient / "good.dcm").unlink()
    assert failure(patient)[0] == "unreadable_roi"


def test_a_picture_is_not_a_mask(patient):
    picture = sitk.GetImageFromArray(np.arange(1000, dtype=np.float32).reshape(10, 10, 10))
    sitk.WriteImage(picture, str(patient / "t2.nii.gz"))
    assert failure(patient)[0] == "unreadable_roi"
    (patient / "broken.nii").write_bytes(b"no NIfTI")
    assert failure(patient)[0] == "unreadable_roi"


@pytest.mark.parametrize("dialect", ["plain", "gzip", "float", "int64", "scaled", "big-endian", "qform only", "4D"])
def test_nifti_masks_of_every_dialect(tmp_path, dialect):
    voxels = np.zeros((5, 6, 4), np.uint8)
    voxels[1:3, 2:5, 1] = 2
    affine = np.array([[-1.5, 0, 0.2, 10], [0, 1.5, 0, -20], [0, 0.1, 5, 30], [0, 0, 0, 1.0]])
    affine[:3, :3] = np.linalg.qr(affine[:3, :3])[0] @ np.diag([1.5, 1.5, 5])
    kind = {"float": np.float32, "int64": np.int64}.get(dialect, np.uint8)
    image = nibabel.Nifti1Image((voxels[..., None] if dialect == "4D" else voxels).astype(kind), affine, dtype=kind)
    if dialect == "scaled":
        image.header.set_slope_inter(0.5, 0)
    if dialect == "big-endian":
        image = nibabel.Nifti1Image(voxels, affine, nibabel.Nifti1Header(endianness=">"))
    if dialect == "qform only":
        image.set_qform(affine, 1)
        image.set_sform(None, 0)
    path = tmp_path / ("mask.nii.gz" if dialect == "gzip" else "mask.nii")
    nibabel.save(image, path)
    (region,) = mask_file.read(path)
    assert (region.inside == (voxels.T != 0)).all()
    assert region.grid.affine == pytest.approx(np.diag([-1, -1, 1, 1]) @ affine, abs=1e-3)


def test_a_damaged_mask_is_a_finding(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.ones((9, 9, 9), np.uint8), np.eye(4)), tmp_path / "mask.nii.gz")
    content = (tmp_path / "mask.nii.gz").read_bytes()
    (tmp_path / "mask.nii.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(RoiError, match=r"mask\.nii\.gz: its compressed data are cut short or altered"):
        mask_file.read(tmp_path / "mask.nii.gz")


def test_segmentation_kinds_and_damage(patient, tmp_path):
    """What highdicom writes (fractional and binary), and a copy without pixels."""
    import highdicom
    from pydicom import dcmread
    from pydicom.sr.codedict import codes

    sources = [dcmread(path) for path in sorted((patient / "t2").iterdir())]
    for source in sources:
        source.StudyDate = source.StudyTime = source.PatientBirthDate = source.PatientSex = source.AccessionNumber = ""
        source.StudyID = source.PositionReferenceIndicator = ""
    inside = np.zeros((6, 20, 16), bool)
    inside[2:4, 5:12, 4:9] = True
    for kind in ("BINARY", "FRACTIONAL", "LABELMAP"):
        description = highdicom.seg.SegmentDescription(
            segment_number=1,
            segment_label="Cervical tumour",
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=codes.SCT.Neoplasm,
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        dicom_seg = highdicom.seg.Segmentation(
            source_images=sources,
            pixel_array=inside * 0.8 if kind == "FRACTIONAL" else inside.astype(np.uint8),
            segmentation_type=kind,
            segment_descriptions=[description],
            series_instance_uid=generate_uid(),
            series_number=99,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="m",
            manufacturer_model_name="m",
            software_versions="1",
            device_serial_number="1",
        )
        dicom_seg.save_as(tmp_path / "seg.dcm")
        (region,) = find(tmp_path).regions
        contents = read_folder(tmp_path)
        grid, _ = stack(contents.series[0].frames)
        assert region.name == "Cervical tumour"
        assert (patient_roi.carry([region], grid) == inside).all()
    content = (tmp_path / "seg.dcm").read_bytes()
    (tmp_path / "seg.dcm").write_bytes(content[: len(content) - 400])
    assert failure(tmp_path)[0] == "unreadable_roi"
