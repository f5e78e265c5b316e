"""What DICOM-SEG and RTSTRUCT objects may hold that would make a plausible wrong mask."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from dicom_writer import FRAME_UID, STUDY_UID, save, series, square, structure_set, volume
from hscore.imaging.dicom.patient_folder import read_folder
from hscore.imaging.roi import patient_roi
from hscore.imaging.roi.region import RoiError

BLOCK = [square((-5, -5), (5, 5), height) for height in (8.0, 13.0)]


@pytest.fixture
def patient(tmp_path) -> Path:
    save(series(volume(), series_uid="1.2.3", number=3), tmp_path / "t2")
    return tmp_path


def find(folder: Path, **settings) -> patient_roi.RegionChoice:
    return patient_roi.find(read_folder(folder), settings)


def failure(folder: Path, **settings) -> tuple[str, str]:
    with pytest.raises(RoiError) as caught:
        find(folder, **settings)
    return caught.value.code, caught.value.text


# --- RTSTRUCT


def contours(folder: Path, kinds: list[str | None], parts: dict | None = None) -> None:
    """A structure set whose first structure's contours have these types."""
    dataset = structure_set(parts or {"Tumour": BLOCK})
    for contour, kind in zip(dataset.ROIContourSequence[0].ContourSequence, kinds, strict=True):
        if kind is None:
            del contour.ContourGeometricType
        else:
            contour.add_new((0x3006, 0x0042), "CS", kind)
    save([dataset], folder, "rt.dcm")


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "INTERPOLATED_PLANAR", "CLOSEDPLANAR_XOR", "closed_planar "])
def test_contours_that_enclose_an_area_are_read(patient, kind):
    contours(patient, ["CLOSED_PLANAR", kind])
    assert find(patient).regions[0].inside.sum(axis=(1, 2)).tolist() == [0, 49, 49, 0, 0, 0]


@pytest.mark.parametrize("kind", ["OPEN_PLANAR", "OPEN_NONPLANAR", "SPLINE", "", None])
def test_contours_of_another_type_make_the_tumour_incomplete(patient, kind):
    contours(patient, ["CLOSED_PLANAR", kind])
    code, text = failure(patient)
    assert code == "unreadable_roi" and "'Tumour'" in text and (kind or "without a type") in text


def test_contours_of_another_type_in_another_structure_do_not_matter(patient):
    contours(patient, ["OPEN_PLANAR", "POINT"], {"Applicator": BLOCK, "Tumour": BLOCK})
    found = find(patient)
    assert [region.name for region in found.regions] == ["Tumour"] and found.notes == []


def test_points_are_markers_left_out_and_reported(patient):
    contours(patient, ["CLOSED_PLANAR", "POINT"])
    found = find(patient)
    assert found.regions[0].inside.sum() == 49 and "POINT contours of 'Tumour' are markers" in found.notes[0]
    contours(patient, ["POINT", "POINT"])
    code, text = failure(patient)
    assert code == "empty_roi" and "markers" in text


@pytest.mark.parametrize(
    ("corners", "reason"),
    [
        (((-5, -5), (5, 5), 33.0), "mm beyond its slices"),
        (((-5, -5), (5, 5), -2.0), "mm beyond its slices"),
        (((-5, -5), (40, 5), 13.0), "beyond the border of its images"),
        (((-40, -5), (5, 5), 13.0), "beyond the border of its images"),
        (((-5, -5), (5, 40), 13.0), "beyond the border of its images"),
        (((100, 100), (110, 110), 13.0), "beyond the border of its images"),
        (((-5, -5), (5, 5), 15.4), "mm away from the next slice"),
    ],
)
def test_contours_are_filled_in_only_on_a_grid_that_contains_them(patient, corners, reason):
    save([structure_set({"Tumour": [BLOCK[0], square(*corners)]})], patient, "rt.dcm")
    code, text = failure(patient)
    assert code == "unreadable_roi" and "series 3" in text and reason in text


def test_the_series_that_contains_the_contours_is_found(patient):
    save(series(volume(), series_uid="1.2.4", number=4, origin=(-12, -15, 5.5)), patient / "t1")
    save([structure_set({"Tumour": [square((-5, -5), (5, 5), z) for z in (10.5, 15.5)]})], patient, "rt.dcm")
    assert find(patient).regions[0].grid.affine[2, 3] == 5.5


def test_the_true_reason_is_a_series_with_a_missing_slice(patient):
    next(path for path in sorted((patient / "t2").iterdir())[3:]).unlink()
    save([structure_set({"Tumour": BLOCK})], patient, "rt.dcm")
    code, text = failure(patient)
    assert code == "unreadable_roi" and "series 3: 1 missing between slices 3 and 4" in text


def test_organs_beyond_the_images_do_not_matter(patient):
    save([structure_set({"Body": [square((-90, -90), (90, 90), 8.0)], "Tumour": BLOCK})], patient, "rt.dcm")
    assert [region.name for region in find(patient).regions] == ["Tumour"]


def test_a_contour_that_is_there_twice_counts_once(patient):
    save([structure_set({"Tumour": [*BLOCK, *BLOCK, BLOCK[0][::-1]]})], patient, "rt.dcm")
    assert find(patient).regions[0].inside.sum() == 2 * 49


def test_a_hole_that_is_there_twice_stays_a_hole(patient):
    hole = square((-2, -2), (2, 2), 8.0)
    save([structure_set({"Tumour": [BLOCK[0], hole, hole]})], patient, "rt.dcm")
    assert find(patient).regions[0].inside.sum() == 49 - 9


def test_contours_that_overlap_are_parts_of_one_region(patient):
    parts = [square((-5, -5), (2, 5), 8.0), square((-2, -5), (5, 5), 8.0)]
    save([structure_set({"Tumour": parts})], patient, "rt.dcm")
    assert find(patient).regions[0].inside.sum() == 49


def test_an_island_in_a_hole_is_inside(patient):
    parts = [square((-8, -8), (8, 8), 8.0), square((-5, -5), (5, 5), 8.0), square((-2, -2), (2, 2), 8.0)]
    save([structure_set({"Tumour": parts})], patient, "rt.dcm")
    inside = find(patient).regions[0].inside
    assert inside[1, 10, 8] and not inside[1, 7, 8] and inside[1, 5, 8]


@pytest.mark.parametrize("damage", ["points", "count", "numbers", "unlisted"])
def test_a_structure_set_that_contradicts_itself_is_unreadable(patient, damage):
    dataset = structure_set({"Tumour": BLOCK, "Bladder": BLOCK})
    contour = dataset.ROIContourSequence[0].ContourSequence[0]
    if damage == "points":
        contour.ContourData = contour.ContourData[:-1]
    if damage == "count":
        contour.NumberOfContourPoints = 9
    if damage == "numbers":
        dataset.StructureSetROISequence[1].ROINumber = 1
    if damage == "unlisted":
        dataset.ROIContourSequence[0].ReferencedROINumber = 7
    save([dataset], patient, "rt.dcm")
    code, text = failure(patient)
    assert code == "unreadable_roi" and "RTSTRUCT cannot be read" in text


# --- DICOM-SEG


def item(**values) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def segmentation(frames: list[tuple[int, int, np.ndarray]], labels: dict[int, str], kind: str = "BINARY") -> Dataset:
    """A DICOM-SEG on the T2 series; ``frames``: (segment, slice, pixels), ``labels``: number -> label."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66." + ("7" if kind == "LABELMAP" else "4")
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.TransferSyntaxUID = (
        dataset.SOPClassUID,
        ExplicitVRLittleEndian,
    )
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = (
        STUDY_UID,
        generate_uid(),
        FRAME_UID,
    )
    dataset.Modality, dataset.PatientID, dataset.SegmentationType = "SEG", "PSEUDONYM", kind
    pixels = np.stack([part for *_, part in frames]).astype(np.uint8)
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    bits = 1 if kind == "BINARY" else 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.MaximumFractionalValue = (
        bits,
        bits,
        bits - 1,
        255,
    )
    content = np.packbits(pixels.ravel(), bitorder="little").tobytes() if bits == 1 else pixels.tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OB"
    dataset.SegmentSequence = [item(SegmentNumber=number, SegmentLabel=label) for number, label in labels.items()]
    measures = item(PixelSpacing=[1.5, 1.5], SliceThickness=5, SpacingBetweenSlices=5)
    orientation = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    dataset.SharedFunctionalGroupsSequence = [
        item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[orientation])
    ]
    dataset.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[-12, -15, 3 + 5 * k])],
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=number)],
        )
        for number, k, _ in frames
    ]
    return dataset


def pixels(value: int = 1, shift: int = 0) -> np.ndarray:
    plane = np.zeros((20, 16), np.uint8)
    plane[7:14, 5 + shift : 10 + shift] = value
    return plane


def test_overlapping_segments_stay_apart(patient):
    frames = [(1, 1, pixels()), (1, 2, pixels()), (2, 1, pixels(shift=2)), (2, 2, pixels(shift=2))]
    save([segmentation(frames, {1: "GTVp", 2: "Uterus"})], patient, "seg.dcm")
    found = find(patient)
    assert [(one.name, int(one.inside.sum())) for one in found.regions] == [("GTVp", 70)]


def test_the_background_of_a_label_map_is_no_region(patient):
    whole = np.zeros((20, 16), np.uint8)
    frames = [(1, k, pixels() if k in (2, 3) else whole) for k in range(6)]
    for number, label in ((0, "Background"), (0, "")):
        dataset = segmentation(frames, {number: label, 1: "Structure"}, "LABELMAP")
        save([dataset], patient, "seg.dcm")
        found = find(patient)
        assert [(one.name, int(one.inside.sum())) for one in found.regions] == [("Structure", 70)]


def test_a_background_by_its_type_is_no_region(patient):
    frames = [(1, 2, pixels()), (2, 2, 1 - pixels())]
    dataset = segmentation(frames, {1: "Segment 1", 2: "Segment 2"})
    dataset.SegmentSequence[1].SegmentedPropertyTypeCodeSequence = Sequence([item(CodeMeaning="Background")])
    save([dataset], patient, "seg.dcm")
    assert [region.name for region in find(patient).regions] == ["Segment 1"]


def test_a_label_map_of_the_tumour_and_a_node(patient):
    both = pixels() + pixels(2, shift=6)
    save([segmentation([(1, 2, both)], {1: "GTVp", 2: "GTVn"}, "LABELMAP")], patient, "seg.dcm")
    found = find(patient)
    assert found.regions[0].inside.sum() == 35 and list(found.rejected) == ["GTVn"]


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_frames_of_a_segment_that_is_not_described(patient, kind):
    frames = [(1, 1, pixels()), (3, 2, pixels(1 if kind == "BINARY" else 3))]
    save([segmentation(frames, {1: "GTVp"}, kind)], patient, "seg.dcm")
    code, text = failure(patient)
    assert code == "unreadable_roi" and "segment 3, which it does not describe" in text


def test_two_frames_of_one_segment_at_one_position(patient):
    save([segmentation([(1, 1, pixels()), (1, 1, pixels())], {1: "GTVp"})], patient, "seg.dcm")
    assert find(patient).regions[0].inside.sum() == 35  # one of them repeats the other
    save([segmentation([(1, 1, pixels()), (1, 1, pixels(shift=3))], {1: "GTVp"})], patient, "seg.dcm")
    code, text = failure(patient)
    assert code == "unreadable_roi" and "two different frames of segment 'GTVp'" in text


def test_two_segments_of_one_label(patient):
    save([segmentation([(1, 1, pixels()), (2, 1, pixels(shift=6))], {1: "Tumour", 2: "Tumour"})], patient, "seg.dcm")
    assert failure(patient)[0] == "unreadable_roi"
    assert len(find(patient, several="join").regions) == 2


@pytest.mark.parametrize("damage", ["shifted", "turned", "spacing", "position", "uneven"])
def test_frames_that_form_no_volume(patient, damage):
    dataset = segmentation([(1, k, pixels()) for k in range(1, 5)], {1: "GTVp"})
    own = dataset.PerFrameFunctionalGroupsSequence[2]
    if damage == "shifted":
        own.PlanePositionSequence[0].ImagePositionPatient = [-6, -15, 18]
    if damage == "turned":
        own.PlaneOrientationSequence = [item(ImageOrientationPatient=[0, 1, 0, 1, 0, 0])]
    if damage == "spacing":
        own.PixelMeasuresSequence = [item(PixelSpacing=[0.75, 0.75])]
    if damage == "position":
        del own.PlanePositionSequence
    if damage == "uneven":
        own.PlanePositionSequence[0].ImagePositionPatient = [-12, -15, 20]
    save([dataset], patient, "seg.dcm")
    code, text = failure(patient)
    assert code == "unreadable_roi" and "DICOM-SEG: " in text


def test_the_images_of_a_segmentation_may_be_named_by_its_frames_alone(patient):
    dataset = segmentation([(1, 1, pixels())], {1: "GTVp"})
    del dataset.FrameOfReferenceUID
    save([dataset], patient, "seg.dcm")
    code, text = failure(patient)
    assert code == "foreign_roi" and "the images it was drawn on are unknown" in text
    source = item(ReferencedSOPInstanceUID=dcmread(next((patient / "t2").iterdir())).SOPInstanceUID)
    derivation = item(SourceImageSequence=[source])
    dataset.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence = [derivation]
    save([dataset], patient, "seg.dcm")
    assert find(patient).regions[0].series == {"1.2.3"}


def test_a_segmentation_of_another_patient_is_foreign(patient):
    dataset = segmentation([(1, 1, pixels())], {1: "GTVp"})
    dataset.PatientID = "SOMEONE-ELSE"
    save([dataset], patient, "seg.dcm")
    code, text = failure(patient)
    assert code == "foreign_roi" and "SOMEONE" not in text


def test_surfaces_are_not_voxels(patient):
    dataset = segmentation([(1, 1, pixels())], {1: "GTVp"})
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.5"
    save([dataset], patient, "seg.dcm")
    code, text = failure(patient)
    assert code == "unreadable_roi" and "surfaces" in text


# --- what an object says about a region besides its name


@pytest.mark.parametrize(
    "words",
    [
        {"ROIDescription": "left obturator lymph node"},
        {"ROIObservationLabel": "LN left"},
        {"RTROIInterpretedType": "PTV"},
        {"RTROIInterpretedType": "ORGAN"},
    ],
)
def test_a_structure_is_known_by_its_description_and_type(patient, words):
    dataset = structure_set({"ROI-1": BLOCK})
    observation = Dataset()
    observation.ReferencedROINumber = 1
    for keyword, value in words.items():
        setattr(dataset.StructureSetROISequence[0] if keyword == "ROIDescription" else observation, keyword, value)
    dataset.RTROIObservationsSequence = Sequence([observation])
    save([dataset], patient, "rt.dcm")
    assert failure(patient)[0] == "no_roi"


def test_a_type_of_organ_does_not_overrule_the_name_of_the_tumour(patient):
    """Planning programs write ORGAN for whatever is drawn by hand."""
    dataset = structure_set({"GTVp": BLOCK})
    observation = Dataset()
    observation.ReferencedROINumber, observation.RTROIInterpretedType = 1, "ORGAN"
    dataset.RTROIObservationsSequence = Sequence([observation])
    save([dataset], patient, "rt.dcm")
    assert [region.name for region in find(patient).regions] == ["GTVp"]


def test_contours_of_images_that_are_not_the_patients_are_not_moved_to_those_that_the_set_lists(patient):
    """A tumour drawn on CT in a set that also lists the registered MR."""
    dataset = structure_set({"GTV": BLOCK}, "9.9", "1.2.3")
    for contour in dataset.ROIContourSequence[0].ContourSequence:
        image = Dataset()
        image.ReferencedSOPInstanceUID = generate_uid()
        contour.ContourImageSequence = Sequence([image])
    save([dataset], patient, "rt.dcm")
    assert failure(patient)[0] == "foreign_roi"


def test_an_unnamed_structure_in_a_folder_of_nodes_is_a_node(patient):
    save([structure_set({"ROI-1": BLOCK})], patient / "lymph_nodes", "rt.dcm")
    assert failure(patient)[0] == "no_roi"


def test_a_part_missing_beside_a_satellite_is_a_forgotten_slice(patient):
    """The slice is not empty, so that only the part tells."""
    heights = (8.0, 13.0, 18.0)
    main = [square((-5, -5), (5, 5), height) for height in (8.0, 18.0)]
    satellite = [square((8, 8), (10, 10), height) for height in heights]
    save([structure_set({"Tumour": main + satellite})], patient, "rt.dcm")
    code, text = failure(patient)
    assert code == "unreadable_roi" and "part of it is missing on slices between outlined ones" in text
    whole = [square((-5, -5), (5, 5), height) for height in heights]
    save([structure_set({"Tumour": whole + satellite})], patient, "rt.dcm")
    assert find(patient).regions
