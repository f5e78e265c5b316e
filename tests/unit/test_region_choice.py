"""Which of several regions, files, kinds and readers is the tumour, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dicom_writer import FRAME_UID, save, series, square, structure_set, volume
from hscore.imaging.dicom.patient_folder import read_folder
from hscore.imaging.roi import patient_roi
from hscore.imaging.roi.region import RoiError

LOW, HIGH = (-5, -5), (5, 5)


@pytest.fixture
def patient(tmp_path) -> Path:
    save(series(volume(), series_uid="1.2.3", number=3), tmp_path / "t2")
    return tmp_path


def block(low=LOW, high=HIGH, heights=(8.0, 13.0)) -> list[np.ndarray]:
    return [square(low, high, height) for height in heights]


def structures(folder: Path, contours: dict, name: str = "rt.dcm", **elements) -> None:
    dataset = structure_set(contours)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    save([dataset], folder, name)


def mask_like(points: list[np.ndarray]) -> sitk.Image:
    """The pixels of the T2 series inside rectangles, as an image."""
    array = np.zeros((6, 20, 16), np.uint8)
    for corners in points:
        index = np.rint((corners - [-12, -15, 3]) / [1.5, 1.5, 5] - [0.01, 0.01, 0]).astype(int)
        (i, j, k), (m, n, _) = index.min(axis=0), index.max(axis=0)
        array[k, j : n + 1, i : m + 1] = 1
    return placed(array)


def placed(array: np.ndarray, origin=(-12.0, -15.0, 3.0)) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.5, 1.5, 5.0))
    image.SetOrigin(origin)
    return image


def write(path: Path, image: sitk.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))


def find(folder: Path, **settings) -> patient_roi.RegionChoice:
    return patient_roi.find(read_folder(folder), settings)


def failure(folder: Path, **settings) -> tuple[str, str]:
    with pytest.raises(RoiError) as caught:
        find(folder, **settings)
    return caught.value.code, caught.value.text


# --- nodes, organs, margins


@pytest.mark.parametrize(
    "others", [["GTVn"], ["GTV_LN"], ["HR-CTV", "GTV-N1"], ["Bladder", "LN left", "PTV_45"], ["Body"]]
)
def test_the_tumour_is_taken_without_nodes_organs_and_margins(patient, others):
    structures(patient, {name: block((-2, -2), (2, 2)) for name in others} | {"GTVp": block()})
    found = find(patient)
    assert [region.name for region in found.regions] == ["GTVp"] and list(found.rejected) == others
    assert all("convert.roi.exclude" in why for why in found.rejected.values())


@pytest.mark.parametrize(
    "names", [["HR-CTV", "GTV_LN"], ["GTVn"], ["lymph node"], ["Bladder", "Rectum"], ["淋巴结"], ["BODY"]]
)
def test_without_a_tumour_there_is_no_roi(patient, names):
    structures(patient, {name: block() for name in names}, SpecificCharacterSet="ISO_IR 192")
    code, text = failure(patient)
    assert code == "no_roi" and all(f"'{name}'" in text for name in names)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_name_in_an_undeclared_character_set_is_read(patient, encoding):
    structures(patient, {"@" * 12: block()})
    name = "淋巴结".encode(encoding)
    content = (patient / "rt.dcm").read_bytes().replace(b"@" * 12, name + b" " * (12 - len(name)))
    (patient / "rt.dcm").write_bytes(content)
    code, text = failure(patient)
    assert code == "no_roi" and "淋巴结" in text


@pytest.mark.parametrize(
    "name", ["lymph_node.nii.gz", "LN.nrrd", "P1_nodes.mha", "GTV-N.nii", "bladder.nii.gz", "nodes/mask.nii.gz"]
)
def test_a_lone_file_of_a_node_or_an_organ_is_not_the_tumour(patient, name):
    write(patient / name, mask_like(block()))
    assert failure(patient)[0] == "no_roi"


@pytest.mark.parametrize(
    "elements", [{"SeriesDescription": "LN segmentation"}, {"StructureSetLabel": "Lymph nodes"}, {}]
)
def test_a_region_without_a_telling_name_is_what_its_object_says(patient, elements):
    structures(patient, {"Structure 1": block()}, "rt.dcm" if elements else "lymph_nodes.dcm", **elements)
    assert failure(patient)[0] == "no_roi"


def test_a_file_of_the_tumour_may_lie_beside_one_of_the_node(patient):
    write(patient / "GTV.nii.gz", mask_like(block()))
    write(patient / "LN.nii.gz", mask_like(block((-2, -2), (2, 2))))
    found = find(patient)
    assert [region.name for region in found.regions] == ["GTV"] and list(found.rejected) == ["LN"]


@pytest.mark.parametrize("name", ["Structure 1", "label", "mask", "ROI", "Cervix"])
def test_a_lone_region_whose_name_says_nothing_is_taken(patient, name):
    structures(patient, {name: block()})
    assert [region.name for region in find(patient).regions] == [name]


def test_help_structures_are_not_taken_by_elimination(patient):
    structures(patient, {"Bladder": block(), "Rectum": block(), "zHelp": block()})
    code, text = failure(patient)
    assert code == "unreadable_roi" and "'zHelp'" in text and "convert.roi.segment" in text


def test_the_only_region_that_is_drawn_is_taken_and_reported(patient):
    structures(patient, {"Segment_1": block(), "Segment_2": []})
    found = find(patient)
    assert [region.name for region in found.regions] == ["Segment_1"] and "are empty" in found.notes[0]


def test_a_tumour_that_is_listed_and_not_drawn_is_empty(patient):
    dataset = structure_set({"GTV": block(), "Structure 2": block()})
    del dataset.ROIContourSequence[0]  # listed, and without even an empty list of contours
    save([dataset], patient, "rt.dcm")
    code, text = failure(patient)
    assert code == "empty_roi" and "'GTV'" in text


# --- several regions


def test_several_parts_of_a_tumour_are_refused_or_joined_and_reported(patient):
    structures(patient, {"GTV 1": block(), "GTV 2": block((-9, -9), (-6, -6))})
    code, text = failure(patient)
    assert code == "unreadable_roi" and "'GTV 1'" in text and "'GTV 2'" in text and "convert.roi.several: join" in text
    found = find(patient, several="join")
    assert [region.name for region in found.regions] == ["GTV 1", "GTV 2"] and "joined" in found.notes[0]


@pytest.mark.parametrize(
    "names", [("GTV reader 1", "GTV reader 2"), ("Tumour_obs1", "Tumour_obs2"), ("GTV R1", "GTV R2")]
)
def test_regions_of_two_readers_are_never_joined(patient, names):
    structures(patient, {names[0]: block(), names[1]: block((-5, -5), (9, 5))})
    code, text = failure(patient, several="join")
    assert code == "unreadable_roi" and "several readers" in text and all(name in text for name in names)


def test_two_readers_who_agree_are_one(patient):
    structures(patient, {"GTV reader 1": block(), "GTV reader 2": block()})
    found = find(patient)
    assert [region.name for region in found.regions] == ["GTV reader 1"] and "Dice 1.00" in found.notes[0]
    assert "same tumour" in found.rejected["GTV reader 2"]


def test_two_structures_of_one_name_are_two(patient):
    dataset = structure_set({"Tumour": block(), "x": block((-9, -9), (-6, -6))})
    dataset.StructureSetROISequence[1].ROIName = "Tumour"
    save([dataset], patient, "rt.dcm")
    assert failure(patient)[0] == "unreadable_roi"


# --- several files and kinds


def test_the_same_tumour_in_two_kinds_is_taken_from_the_first_and_reported(patient):
    structures(patient, {"GTVp": block()})
    write(patient / "tumour.nii.gz", mask_like(block()))
    found = find(patient)
    assert [region.kind for region in found.regions] == ["RTSTRUCT"]
    assert "'GTVp' (RTSTRUCT), 'tumour' (NIfTI) are the same tumour (Dice 1.00)" in found.notes[0]


def test_two_kinds_that_differ_are_refused_with_their_names(patient):
    structures(patient, {"GTVp": block()})
    write(patient / "tumour.nii.gz", mask_like(block((-5, -5), (0, 5))))
    for several in ("refuse", "join"):
        code, text = failure(patient, several=several)
        assert code == "unreadable_roi" and "'GTVp'" in text and "'tumour'" in text and "Dice 0." in text


def test_two_files_that_differ_are_refused(patient):
    write(patient / "a/mask.nii.gz", mask_like(block()))
    write(patient / "b/mask.nii.gz", mask_like(block((-5, -5), (0, 5))))
    assert failure(patient)[0] == "unreadable_roi"


def test_the_parts_of_a_tumour_in_two_files_may_be_joined(patient):
    write(patient / "tumour_1.nii.gz", mask_like(block()))
    write(patient / "tumour_2.nii.gz", mask_like(block((-11, -11), (-8, -8))))
    assert failure(patient)[0] == "unreadable_roi"
    found = find(patient, several="join")
    assert len(found.regions) == 2 and "joined" in found.notes[0]


def test_a_named_region_is_preferred_to_one_without_a_name_and_that_is_reported(patient):
    structures(patient, {"GTVp": block()})
    write(patient / "mask.nii.gz", mask_like(block((-2, -2), (9, 9))))
    found = find(patient)
    assert [region.name for region in found.regions] == ["GTVp"] and "not used: 'mask' (NIfTI)" in found.notes[0]


def test_an_object_of_other_images_hides_no_usable_mask_and_is_reported(patient):
    save([structure_set({"GTVp": block()}, "9.9", "9.8")], patient, "rt.dcm")
    write(patient / "mask.nii.gz", mask_like(block()))
    found = find(patient)
    assert [region.kind for region in found.regions] == ["NIfTI"] and "refers to other images" in found.notes[0]


def test_a_lone_region_is_not_trusted_beside_a_file_that_cannot_be_read(patient):
    """The damaged file may be the tumour's, and this one the node's."""
    write(patient / "roi_1.nii.gz", mask_like(block()))
    content = (patient / "roi_1.nii.gz").read_bytes()
    (patient / "roi_2.nii.gz").write_bytes(content[:-9])
    code, text = failure(patient)
    assert code == "unreadable_roi" and "roi_2.nii.gz" in text
    (patient / "roi_1.nii.gz").rename(patient / "tumour_1.nii.gz")
    assert "roi_2.nii.gz" in find(patient).unreadable[0]


def test_a_picture_beside_the_mask_is_no_second_region(patient):
    write(patient / "T2.nii.gz", placed(np.arange(1920, dtype=np.int16).reshape(6, 20, 16)))
    pictures = np.arange(3840, dtype=np.int16).reshape(2, 6, 20, 16)
    sitk.WriteImage(sitk.GetImageFromArray(pictures, isVector=False), str(patient / "DWI.nii.gz"))
    write(patient / "mask.nii.gz", mask_like(block()))
    found = find(patient)
    assert len(found.unreadable) == 2
    found.unreadable.sort(reverse=True)
    assert [region.name for region in found.regions] == ["mask"] and "T2.nii.gz: it is a picture" in found.unreadable[0]


# --- whose region it is


@pytest.mark.parametrize("frames", ["strict", "ignore"])
def test_the_patient_id_must_be_that_of_the_images(patient, frames):
    structures(patient, {"GTVp": block()}, PatientID="SOMEONE-ELSE")
    code, text = failure(patient, frame_of_reference=frames)
    assert code == "foreign_roi" and "PatientID" in text and "SOMEONE" not in text and "PSEUDONYM" not in text


@pytest.mark.parametrize("identity", ["", "PSEUDONYM ", "pseudonym"])
def test_an_empty_or_equal_patient_id_is_accepted(patient, identity):
    structures(patient, {"GTVp": block()}, PatientID=identity)
    assert find(patient).regions


def test_the_setting_that_helps_is_named(patient):
    save([structure_set({"GTVp": block()}, "9.9", "9.8")], patient, "rt.dcm")
    code, text = failure(patient)
    assert code == "foreign_roi" and "convert.roi.frame_of_reference: ignore" in text
    assert find(patient, frame_of_reference="ignore").regions


def test_a_structure_set_that_names_no_images_says_so(patient):
    dataset = structure_set({"GTVp": block()})
    del dataset.ReferencedFrameOfReferenceSequence, dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID
    save([dataset], patient, "rt.dcm")
    code, text = failure(patient)
    assert code == "foreign_roi" and "the images it was drawn on are unknown" in text


@pytest.mark.parametrize("frame", [FRAME_UID, "9.9"])
def test_the_series_a_region_was_drawn_on_is_known(patient, frame):
    """By the grid of a mask file, and by the images that contours name, even in another frame of reference."""
    uid = read_folder(patient).instances
    dataset = structure_set({"GTVp": block()}, frame)
    dataset.ROIContourSequence[0].ContourSequence[0].ContourImageSequence = [type(dataset)()]
    image = dataset.ROIContourSequence[0].ContourSequence[0].ContourImageSequence[0]
    image.ReferencedSOPInstanceUID = next(iter(uid))
    save([dataset], patient, "rt.dcm")
    (region,) = find(patient).regions
    assert region.series == {"1.2.3"} and region.inside.any()
    (patient / "rt.dcm").unlink()
    write(patient / "mask.nii.gz", mask_like(block()))
    assert find(patient).regions[0].series == {"1.2.3"}


def test_a_mask_on_the_grid_of_one_series_holds_for_its_frame_of_reference(patient):
    save(series(volume(), series_uid="1.2.4", number=4, frame_uid=FRAME_UID + ".1", origin=(0, 0, 3)), patient / "t1")
    write(patient / "mask.nii.gz", mask_like(block()))
    contents = read_folder(patient)
    (region,) = patient_roi.find(contents, {}).regions
    assert [patient_roi.same_frame(region, one, contents.series) for one in contents.series] == [True, False]


# --- where it is


@pytest.mark.parametrize("name", ["tumour.nii.gz", "tumour.nrrd", "tumour.mha"])
@pytest.mark.parametrize("spacing", [(1, 1, 1), (1.5, 1.5, 5)])
def test_a_mask_at_the_origin_of_nowhere_has_no_position(patient, name, spacing):
    image = mask_like(block())
    image.SetOrigin((0, 0, 0))
    image.SetSpacing(spacing)
    write(patient / name, image)
    code, text = failure(patient)
    assert code == "unreadable_roi" and "it has no position" in text and "export it with the position" in text


def test_images_that_really_begin_at_zero_keep_their_mask(tmp_path):
    save(series(volume(), origin=(0, 0, 0)), tmp_path / "t2")
    image = mask_like(block())
    image.SetOrigin((0, 0, 0))
    write(tmp_path / "tumour.nii.gz", image)
    assert find(tmp_path).regions


@pytest.mark.parametrize("change", ["mirrored", "centred", "turned"])
def test_the_matrix_of_a_series_at_another_position_is_a_lost_position(patient, change):
    image = mask_like(block())
    if change == "mirrored":  # RAS numbers written as LPS
        image.SetOrigin((12.0, 15.0, 3.0))
    if change == "centred":  # nibabel's affine for a file without one
        image.SetOrigin((-11.25, -14.25, -12.5))
    if change == "turned":  # directions left out on export
        image.SetDirection((1, 0, 0, 0, 0, 1, 0, -1, 0))
    write(patient / "tumour.nii.gz", image)
    code, text = failure(patient)
    assert code == "unreadable_roi" and "matrix of series 3" in text


def test_a_mask_on_a_grid_of_its_own_is_carried(patient):
    array = np.zeros((20, 40, 40), np.uint8)
    array[5:10, 10:20, 10:20] = 1
    image = sitk.GetImageFromArray(array)
    image.SetOrigin((-15.0, -15.0, 3.0))
    write(patient / "tumour.nii.gz", image)
    assert find(patient).regions[0].volume_mm3 == pytest.approx(500)


def test_a_good_object_is_used_though_a_mask_has_no_position(patient):
    structures(patient, {"GTVp": block()})
    image = mask_like(block())
    image.SetOrigin((0, 0, 0))
    write(patient / "tumour.nii.gz", image)
    found = find(patient)
    assert [region.kind for region in found.regions] == ["RTSTRUCT"] and "no position" in found.unreadable[0]


# --- how large and how complete it is


@pytest.mark.parametrize("inside", ["everything", "inverted", "body", "body on some slices"])
def test_a_mask_of_most_of_the_body_is_refused(patient, inside):
    array = np.ones((6, 20, 16), np.uint8)
    if inside == "inverted":
        array[2:4, 7:12, 5:10] = 0
    if inside == "body":
        array = (volume() > 100).astype(np.uint8)
    if inside == "body on some slices":
        array = np.zeros_like(array)
        array[2:4, 2:18, 2:14] = 1
    write(patient / "tumour.nii.gz", placed(array))
    code, text = failure(patient)
    assert code == "unreadable_roi" and "of series 3, and a tumour at most" in text and "inverted" in text


@pytest.mark.parametrize("heights", [(3.0, 13.0), (3.0, 13.0, 23.0), (3.0, 18.0, 23.0), (3.0, 8.0, 18.0)])
@pytest.mark.parametrize("kind", ["contours", "mask"])
def test_slices_left_out_in_the_middle_are_a_finding(patient, heights, kind):
    if kind == "contours":
        structures(patient, {"GTVp": block(heights=heights)})
    else:
        write(patient / "tumour.nii.gz", mask_like(block(heights=heights)))
    code, text = failure(patient)
    assert code == "unreadable_roi" and "empty though it is drawn on both sides" in text


def test_two_lesions_are_not_a_gap(patient):
    structures(patient, {"GTVp": [square((-9, -9), (-6, -6), 3.0), square((2, 2), (8, 8), 18.0)]})
    assert find(patient).notes == []
    structures(patient, {"GTVp": block(heights=(3.0, 23.0))})
    assert "two lesions" in find(patient).notes[0]


# --- what is not read


@pytest.mark.parametrize(
    "name",
    ["tumour.stl", "scene.mrml", "P.mrb", "gtv.hdr", "x.rois_series", "mask.npy", "roi.csv", "mask.png", "r.xml"],
)
def test_files_that_look_like_regions_are_named_in_the_refusal(patient, name):
    (patient / name).write_bytes(b"something")
    code, text = failure(patient)
    assert code == "no_roi" and "not read: " in text and name.rsplit(".")[-1][:3] in text + "rois_series"
    assert "RTSTRUCT" in text and ".seg.nrrd" in text and ".mha" in text


def test_files_that_do_not_look_like_regions_are_not_named(patient):
    for name in ("report.pdf", "bvals.txt", "list.csv", "screen.png"):
        (patient / name).write_bytes(b"something")
    assert "not read" not in failure(patient)[1]


def test_names_of_files_are_not_written(patient):
    (patient / "zhangsanmask.stl").write_bytes(b"something")
    assert "zhang" not in failure(patient)[1]
    write(patient / "zhangsan_tumour.nii.gz", mask_like(block()))
    write(patient / "zhangsan_gtv.nrrd", mask_like(block((-5, -5), (0, 5))))
    assert "zhang" not in failure(patient)[1]
    write(patient / "zhangsan_gtv.nrrd", mask_like(block()))
    found = find(patient)
    assert "zhang" not in str([found.rejected, found.notes, [region.name for region in found.regions]])
