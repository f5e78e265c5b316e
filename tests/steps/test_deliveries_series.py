"""What hospitals deliver, kinds 1 to 3: the converter's names and extras, every voxel, and the parts of a series."""

import shutil

import numpy as np
import pytest
from deliveries import AGENT, Delivery, dwi, flat, t1, t2
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)

from dicom_writer import SAGITTAL, TRANSVERSE, enhanced, series, volume

CORONAL = [1, 0, 0, 0, 0, -1]


@pytest.fixture
def delivery(tmp_path) -> Delivery:
    return Delivery(tmp_path)


def with_elements(datasets: list, **elements) -> list:
    """The images with elements set; a function of the slice's number gives each its own value."""
    for number, dataset in enumerate(datasets):
        for keyword, value in elements.items():
            setattr(dataset, keyword, value(number) if callable(value) else value)
    return datasets


def sorted_planes(voxels: np.ndarray) -> list:
    """The planes of a volume in an order and orientation that no flip changes."""
    return sorted(sorted(plane.ravel().tolist()) for plane in voxels)


# --- 1. names, extras and omissions of the converter


@pytest.mark.parametrize("uid", ["1.2 3", "a/b", "../../x", ".1.2", "1." + "9" * 68, "1.2", "uid with $(x) `y`", "*"])
def test_a_series_uid_of_any_kind(delivery, uid):
    status = delivery.write(t2=t2(series_uid=uid)).convert()
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and status.findings == []


def test_siemens_xa_whose_series_share_a_time(delivery):
    """dcm2niix names these by their SeriesTime where the SeriesInstanceUID was asked for."""
    xa = {"Manufacturer": "Siemens Healthineers", "SoftwareVersions": "syngo MR XA31", "SeriesTime": "101010.1"}
    status = delivery.write(**{name: with_elements(make(), **xa) for name, make in PARTS.items()}).convert()
    assert status.usable == ["CET1WI", "T2WI", "ADC"]


PARTS = {"t1": t1, "t2": t2, "dwi": dwi}


def test_all_series_under_one_uid(delivery):
    status = delivery.write(**{name: make(series_uid="1.9") for name, make in PARTS.items()}).convert()
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and delivery.level() == 300 and delivery.adc() == 1000


def test_two_series_of_one_uid_number_and_description_are_not_mixed(delivery):
    """Two T2 of equal headers at the same positions: neither is taken for a phase or a part of the other."""
    twice = t2(series_uid="1.9") + with_elements(t2(series_uid="1.9", number=3), PixelData=flat(5)[0].tobytes())
    delivery.write(t2=twice).convert()
    assert "T2WI" not in delivery.status.usable
    assert "occurs 2 times, and no temporal position" in delivery.reason("T2WI", "broken_geometry")


def test_a_uid_for_every_slice(delivery):
    parts = {name: with_elements(make(), SeriesInstanceUID=lambda _: generate_uid()) for name, make in PARTS.items()}
    status = delivery.write(**parts).convert()
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and delivery.level() == 300 and delivery.adc() == 1000


@pytest.mark.parametrize("overlay", [True, False])
def test_additional_outputs_of_the_converter_are_left_aside(delivery, overlay):
    """An overlay becomes a second file (_ROI), a phase image a third (_ph)."""
    extra = {"OverlayRows": 20, "OverlayColumns": 16, "OverlayType": "G", "OverlayOrigin": [1, 1]}
    extra |= {"OverlayBitsAllocated": 1, "OverlayBitPosition": 0, "OverlayData": bytes(40)}
    phase = with_elements(t2(series_uid="1.9"), ImageType=["ORIGINAL", "PRIMARY", "P", "ND"])
    magnitude = t2(series_uid="1.9")
    if overlay:
        for dataset in magnitude:
            for keyword, value in extra.items():
                vr = {"OverlayData": "OB", "OverlayType": "CS", "OverlayOrigin": "SS"}.get(keyword, "US")
                element = {"OverlayRows": 0x10, "OverlayColumns": 0x11, "OverlayType": 0x40, "OverlayOrigin": 0x50}
                element |= {"OverlayBitsAllocated": 0x100, "OverlayBitPosition": 0x102, "OverlayData": 0x3000}
                dataset.add_new((0x6000, element[keyword]), vr, value)
    status = delivery.write(t2=magnitude + with_elements(phase, PixelData=flat(7)[0].tobytes())).convert()
    assert status.usable == ["CET1WI", "T2WI", "ADC"]
    assert sorted_planes(delivery.voxels("T2WI")) == sorted_planes(volume(seed=1))


@pytest.mark.parametrize("interpretation", ["RGB", "YBR_FULL", "PALETTE COLOR", "MONOCHROME1"])
def test_a_picture_in_colour_or_inverted_is_never_a_source(delivery, interpretation):
    picture = series(volume(slices=9), number=30, description="t2 fusion tra")
    for dataset in picture:
        gray = dataset.pixel_array // 4
        dataset.PhotometricInterpretation = interpretation
        if interpretation in ("RGB", "YBR_FULL"):
            dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
            dataset.BitsAllocated = dataset.BitsStored = 8
            dataset.HighBit = 7
            dataset.PixelData = np.repeat(gray.astype(np.uint8)[..., None], 3, axis=-1).tobytes()
    status = delivery.write(picture=picture).convert()
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and delivery.voxels("T2WI").shape[0] == 6
    assert interpretation in delivery.why_not(30, "T2WI")


def test_only_a_picture_in_colour_is_a_missing_sequence(delivery):
    picture = with_elements(t2(), PhotometricInterpretation="PALETTE COLOR")
    delivery.write(t2=picture).convert()
    assert delivery.codes("T2WI") == ["missing_sequence"]
    assert "a colour picture (PALETTE COLOR)" in delivery.reason("T2WI")


@pytest.mark.parametrize("damage", [{"BitsAllocated": 12}, {"PixelRepresentation": None}, {"Rows": 7}, {"Rows": None}])
def test_whatever_a_reader_raises_is_a_finding_for_that_series(delivery, damage):
    status = delivery.write(t2=with_elements(t2(), **damage)).convert()
    assert status.usable == ["CET1WI", "ADC"] or "T2WI" in status.usable
    if "T2WI" in status.usable:  # GDCM and pydicom both read it: then it is right
        assert sorted_planes(delivery.voxels("T2WI")) == sorted_planes(volume(seed=1))


# --- 2. every voxel from its own file


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless]
)
def test_every_transfer_syntax_gives_the_same_voxels(delivery, syntax):
    parts = {name: make() for name, make in PARTS.items()}
    for datasets in parts.values():
        for dataset in datasets:
            if syntax == RLELossless:
                dataset.compress(syntax, generate_instance_uid=False)
                continue
            dataset.file_meta.TransferSyntaxUID = syntax
            if syntax == ExplicitVRBigEndian:
                dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    status = delivery.write(**parts).convert()
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and delivery.level() == 300 and delivery.adc() == 1000
    assert sorted_planes(delivery.voxels("T2WI")) == sorted_planes(volume(seed=1))


def one_file(volumes: list, b_values=None, order=None, first=0, **elements) -> Dataset:
    """An enhanced file of whole volumes, with its frames in any order."""
    file = enhanced(np.concatenate(volumes), [0.0])
    count = len(volumes[0])
    for number, groups in enumerate(file.PerFrameFunctionalGroupsSequence):
        groups.PlanePositionSequence[0].ImagePositionPatient = [-12.0, -15.0, 3.0 + 5 * (first + number % count)]
        groups.FrameContentSequence[0].InStackPositionNumber = 1 + number % count
        groups.FrameContentSequence[0].DimensionIndexValues = [1, 1 + number % count, 1 + number // count]
        if b_values is None:
            del groups.MRDiffusionSequence
    for keyword, value in elements.items():
        setattr(file, keyword, value)
    if order is not None:
        frames = list(file.PerFrameFunctionalGroupsSequence)
        pixels = np.concatenate(volumes)
        file.PerFrameFunctionalGroupsSequence = Sequence([frames[n] for n in order])
        file.PixelData = pixels[list(order)].astype("<u2").tobytes()
    return file


T2_ELEMENTS = {"SeriesDescription": "t2_tse", "SeriesInstanceUID": "1.2.3", "SeriesNumber": 3}


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_one_volume_in_two_multi_frame_files(delivery, cut):
    """A concatenation: each slice has the pixels of its own file."""
    voxels = volume(seed=1)
    files = [
        one_file([voxels[:cut]], **T2_ELEMENTS, InstanceNumber=1),
        one_file([voxels[cut:]], first=cut, **T2_ELEMENTS, InstanceNumber=2),
    ]
    status = delivery.write(t2=files).convert()
    assert status.usable == ["CET1WI", "T2WI", "ADC"]
    assert sorted_planes(delivery.voxels("T2WI")) == sorted_planes(voxels)


def test_shuffled_frames_of_a_multi_frame_file(delivery):
    voxels = volume(seed=1)
    status = delivery.write(t2=[one_file([voxels], order=[3, 0, 5, 1, 4, 2], **T2_ELEMENTS)]).convert()
    assert status.usable == ["CET1WI", "T2WI", "ADC"]
    ours, height = delivery.voxels("T2WI"), [plane.max() for plane in voxels]
    found = [plane.max() for plane in ours]
    assert found in (height, height[::-1]) and sorted_planes(ours) == sorted_planes(voxels)


@pytest.mark.parametrize("label", ["TemporalPositionIndex", "FrameAcquisitionNumber", "FrameAcquisitionDateTime"])
def test_phases_of_a_multi_frame_file(delivery, label):
    file = one_file([flat(100), flat(200), flat(300)], order=np.random.default_rng(0).permutation(18))
    levels = file.pixel_array[:, 0, 0] // 100
    for phase, groups in zip(levels, file.PerFrameFunctionalGroupsSequence, strict=True):
        value = f"2024010110{phase:02d}00.5" if "Time" in label else int(phase)
        setattr(groups.FrameContentSequence[0], label, value)
    with_elements([file], SeriesDescription="t1_vibe_dyn", SeriesNumber=9, ContrastBolusAgent="Gadovist")
    delivery.write(t1=[file]).convert()
    assert delivery.level() == 300 and "dynamic_series" in delivery.codes("CET1WI")


def test_a_copy_of_a_file_counts_once_and_another_image_under_its_uid_does_not_pass_as_a_copy(delivery):
    images = t2(series_uid="1.9")
    delivery.write(t2=images, copy=images)
    assert delivery.convert().usable == ["CET1WI", "T2WI", "ADC"]
    shutil.rmtree(delivery.images / "copy")
    delivery.write(t2=images, other=with_elements(images, PixelData=flat(9)[0].tobytes()))
    for path, image in zip(sorted((delivery.images / "t2").iterdir()), t2(series_uid="1.9"), strict=True):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = dcmread(path).SOPInstanceUID
        image.save_as(path, enforce_file_format=True)
    assert "T2WI" not in delivery.convert().usable
    assert "occurs 2 times" in delivery.reason("T2WI")


def test_unused_bits_above_the_stored_ones_are_no_signal(delivery):
    """Twelve bits stored, and a flag in the sixteenth, as overlays once were kept."""
    clean = t2()
    for dataset in clean:
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u2") | 0x8000).astype("<u2").tobytes()
    delivery.write(t2=clean).convert()
    if "T2WI" in delivery.status.usable:
        assert sorted_planes(delivery.voxels("T2WI")) == sorted_planes(volume(seed=1))


# --- 3. volumes by what the headers say


def dynamic(label, levels=(100, 200, 300), restart=True) -> list:
    """Phases of one series; ``label`` sets the headers of (image, phase from 1, slice from 0)."""
    uid, images = generate_uid(), []
    for phase, level in enumerate(levels, 1):
        first = 1 if restart else 1 + 6 * (phase - 1)
        part = t1(level, series_uid=uid, description="t1_vibe_dyn", first_instance=first)
        for place, image in enumerate(part):
            label(image, phase, place)
        images += part
    return images


def setter(**values):
    """A label that sets elements by functions of phase and slice."""

    def label(image, phase, place):
        for keyword, value in values.items():
            setattr(image, keyword, value(phase, place))

    return label


LABELS = {
    "temporal position": setter(TemporalPositionIdentifier=lambda phase, _: phase),
    "acquisition number": setter(AcquisitionNumber=lambda phase, _: phase),
    "trigger time": setter(TriggerTime=lambda phase, _: phase * 1000.5),
    "acquisition time": setter(AcquisitionTime=lambda phase, place: f"1000{10 * phase:02d}.{place}0"),
    "content time": setter(ContentTime=lambda phase, _: ("235950", "000010", "000030")[phase - 1]),  # past midnight
}


@pytest.mark.parametrize("name", LABELS)
def test_phases_are_told_apart_by_any_label_but_not_by_instance_number(delivery, name):
    delivery.write(t1=dynamic(LABELS[name])).convert()
    assert delivery.level() == 300
    assert f"3 complete phases by {name}" in delivery.reason("CET1WI", "dynamic_series")


def test_two_concatenations_per_phase(delivery):
    """Odd and even slices with acquisition numbers of their own: 1 and 2, 3 and 4, 5 and 6."""
    delivery.write(t1=dynamic(setter(AcquisitionNumber=lambda phase, place: 2 * phase - 1 + place % 2))).convert()
    assert delivery.level() == 300


def test_two_concatenations_of_one_volume_are_no_phases(delivery):
    status = delivery.write(t2=with_elements(t2(), AcquisitionNumber=lambda place: 1 + place % 2)).convert()
    assert status.findings == [] and delivery.voxels("T2WI").shape[0] == 6


@pytest.mark.parametrize("restart", [True, False])
def test_phases_that_nothing_tells_apart_are_refused(delivery, restart):
    """Also where instance numbers ascend: they are numbers, not times."""
    delivery.write(t1=dynamic(setter(AcquisitionNumber=lambda *_: 1), restart=restart)).convert()
    assert delivery.level() is None
    assert "no temporal position, acquisition number or time" in delivery.reason("CET1WI", "broken_geometry")


@pytest.mark.parametrize("name", ["temporal position", "acquisition time"])
def test_a_phase_cut_short_is_left_out(delivery, name):
    delivery.write(t1=dynamic(LABELS[name])[:-3]).convert()
    assert delivery.level() == 200 and "1 incomplete" in delivery.reason("CET1WI")


def test_a_slice_missing_in_the_middle_of_a_dynamic_series(delivery):
    """By temporal position the other phases are whole; by times alone nothing says which phase lacks it."""
    images = dynamic(LABELS["temporal position"])
    delivery.write(t1=images[:8] + images[9:]).convert()
    assert delivery.level() == 300
    images = dynamic(LABELS["acquisition time"])
    shutil.rmtree(delivery.images)
    delivery.write(t1=images[:8] + images[9:]).convert()
    assert delivery.level() is None and "slice 3 of 6 occurs 2 times" in delivery.reason("CET1WI")


@pytest.mark.parametrize(
    ("change", "level", "word"),
    [
        ({"ImageType": ["DERIVED", "PRIMARY", "M", "SUB"]}, 200, "2 complete phases"),
        ({"ImageType": ["DERIVED", "SECONDARY", "M", "ND"]}, None, "differ in image type"),
        ({"RepetitionTime": 9.0}, None, "differ in repetition time"),
        ({"EchoTime": 5.0}, 200, "2 complete phases"),
    ],
)
def test_phases_must_be_of_one_kind(delivery, change, level, word):
    def label(image, phase, _):
        image.TemporalPositionIdentifier = phase
        if phase == 3:
            with_elements([image], **change)

    images = dynamic(label)
    if "EchoTime" in change:  # a late echo beside the dynamic series of an early one is opposed-phase at 1.5 T
        with_elements(images, MagneticFieldStrength=1.5)
        for image in images[:12]:
            image.EchoTime = 4.6
        for image in images[12:]:
            image.EchoTime = 2.3
    delivery.write(t1=images).convert()
    assert delivery.level() == level and word in delivery.reason("CET1WI")


NAMES = [
    {"WATER": "t1_vibe_dixon_tra_W +C", "IN": "t1_vibe_dixon_tra_in +C"}
    | {"OPP": "t1_vibe_dixon_tra_opp +C", "FAT": "t1_vibe_dixon_tra_F +C"},
    {"WATER": "WATER: Ax LAVA-Flex +C", "IN": "InPhase: Ax LAVA-Flex +C"}
    | {"OPP": "OutPhase: Ax LAVA-Flex +C", "FAT": "FAT: Ax LAVA-Flex +C"},
    {"WATER": "t1_vibe_tra_W", "IN": "t1_vibe_tra_in", "OPP": "t1_vibe_tra_opp", "FAT": "t1_vibe_tra_F"},
    {"WATER": "T1 水相 增强", "IN": "T1 同相 增强", "OPP": "T1 反相 增强", "FAT": "T1 脂相 增强"},
    {"WATER": "T1 EAU inj", "IN": "T1 en phase inj", "OPP": "T1 OPPOSITION inj", "FAT": "T1 GRAISSE inj"},
    {"WATER": "T1 Wasser KM", "IN": "T1 in phase KM", "OPP": "T1 Gegenphase KM", "FAT": "T1 Fett KM"},
    {"WATER": "mDIXON-W T1 +C", "IN": "mDIXON-IP T1 +C", "OPP": "mDIXON-OP T1 +C", "FAT": "mDIXON-F T1 +C"},
]
LEVELS = {"WATER": 400, "IN": 300, "OPP": 200, "FAT": 100}


@pytest.mark.parametrize("names", NAMES, ids=lambda names: names["WATER"])
@pytest.mark.parametrize("without", [(), ("WATER",), ("WATER", "IN")])
def test_dixon_by_name_prefers_water_then_in_phase_and_never_fat(delivery, names, without):
    parts = {"t1": None}
    for number, (part, text) in enumerate(names.items()):
        if part not in without:
            images = t1(LEVELS[part], number=20 + number, description=text, SpecificCharacterSet="ISO_IR 192")
            parts[part] = images
    delivery.write(**parts).convert()
    assert delivery.level() == {0: 400, 1: 300, 2: None}[len(without)]


@pytest.mark.parametrize("layout", ["one file", "one series", "several series"])
def test_dixon_by_type(delivery, layout):
    kinds = {"WATER": "WATER", "IN": "IN_PHASE", "OPP": "OUT_OF_PHASE", "FAT": "FAT"}
    description = {"SeriesDescription": "mDIXON e-THRIVE +C", "SeriesNumber": 9, "ContrastBolusAgent": "Gd"}
    if layout == "one file":
        file = one_file([flat(LEVELS[part]) for part in kinds], **description)
        for number, groups in enumerate(file.PerFrameFunctionalGroupsSequence):
            item = Dataset()
            item.FrameType = ["ORIGINAL", "PRIMARY", "DIXON", list(kinds.values())[number // 6]]
            groups.MRImageFrameTypeSequence = Sequence([item])
        parts = {"t1": [file]}
    else:
        uid = "1.2.9" if layout == "one series" else None
        parts = {"t1": None}
        for number, (part, kind) in enumerate(kinds.items()):
            image_type = ["DERIVED", "PRIMARY", "DIXON", kind]
            extra = {"series_uid": uid, "first_instance": 1 + 6 * number, "ImageType": image_type}
            parts[part] = with_elements(t1(LEVELS[part], **extra), **description)
    delivery.write(**parts).convert()
    assert delivery.level() == 400


@pytest.mark.parametrize(("tesla", "echoes"), [(3, (1.2, 2.3)), (1.5, (2.3, 4.6))])
def test_two_echoes_of_one_series_by_their_echo_times(delivery, tesla, echoes):
    """Fat and water are in phase after 2.3 ms at 3 T and after 4.6 ms at 1.5 T."""
    images = []
    for level, echo in zip((200, 300), echoes, strict=True):
        images += t1(level, series_uid="1.2.9", EchoTime=echo, MagneticFieldStrength=tesla)
    delivery.write(t1=images).convert()
    assert delivery.level() == 300


def test_parts_of_a_dixon_acquisition_that_nothing_names_are_refused(delivery):
    parts = {part: t1(level, number=20 + level, description="T1 Dixon +C") for part, level in LEVELS.items()}
    delivery.write(t1=None, **parts).convert()
    assert delivery.level() is None
    assert "nothing names it as water, fat" in delivery.reason("CET1WI", "unreadable_sequence")


def test_images_of_one_moment_and_name_that_differ_are_refused(delivery):
    """Equal headers of one acquisition, without a word of Dixon; two exports of the same image are no such case."""
    moment = {"AcquisitionTime": "101010.5"}
    parts = {str(level): t1(level, number=level, **moment) for level in (100, 200)}
    delivery.write(t1=None, **parts).convert()
    assert delivery.level() is None
    shutil.rmtree(delivery.images)
    delivery.write(t1=t1(300, number=9, **moment), again=t1(300, number=10, **moment)).convert()
    assert delivery.level() == 300


NEVER = [
    *("t1_vibe_tra_sub", "T1 subtraction +C", "T1 Soustraction inj", "T1 vibe 减影 增强", "T1 вычитание к/у"),
    *("T1 sustracción contraste", "T1 sottrazione", "T1 减影", "T1 サブトラ 造影"),
    *("T1 natif", "T1 sans injection", "T1 pre contrast", "T1 до контраста", "T1 sin contraste", "T1 senza mdc nativo"),
    *("T1 平扫", "T1 増強前 造影前", "t1 vor KM", "T1 ohne KM", "T1 sem contraste", "T1 unenhanced"),
    *("T1 SyMRI", "T1 synthetic +C", "T1 合成 增强", "MAGiC T1 +C"),
    *("T1 vibe +C inverted", "T1 invertiert KM", "T1 negativ KM", "T1 +C 反色"),
    *("T1w MIP +C", "T1 MPR cor +C", "T1 reformat +C", "T1 wash-in +C", "T1 scout +C", "T1 overview +C"),
]


@pytest.mark.parametrize("text", NEVER)
def test_what_is_never_a_source_whatever_its_language(delivery, text):
    """With a later number and the agent in its header, beside the right series; and alone it is a missing sequence."""
    bad = t1(100, number=30, description=text, SpecificCharacterSet="ISO_IR 192")
    delivery.write(t1=t1(300, description="T1 tra"), bad=bad).convert()
    assert delivery.level() == 300
    shutil.rmtree(delivery.images / "t1")
    delivery.convert()
    assert delivery.codes("CET1WI") == ["missing_sequence"]


def test_if_some_are_named_as_enhanced_the_others_are_no_candidates(delivery):
    """Every header of the examination lists the agent; the later series has the higher number."""
    delivery.write(
        t1=t1(300, number=9, description="T1 tra +C"), other=t1(100, number=30, description="T1 tra")
    ).convert()
    assert delivery.level() == 300
    assert "not named as contrast-enhanced, as series 9 is" in delivery.why_not(30, "CET1WI")


def test_a_series_before_the_agent_was_given(delivery):
    """By the times in the headers, where the names tell nothing."""
    times = {"ContrastBolusStartTime": "100500", "description": "T1 tra"}
    early = t1(100, number=30, AcquisitionTime="100000", **times)
    delivery.write(t1=t1(300, number=9, AcquisitionTime="101000", **times), early=early).convert()
    assert delivery.level() == 300 and "before the contrast agent" in delivery.why_not(30, "CET1WI")


@pytest.mark.parametrize("agent", ["NO", "none", "No contrast", "0", "0 ml", "ohne", "sans produit", "无", "нет"])
def test_words_for_no_agent(delivery, agent):
    images = t1(description="T1 tra", ContrastBolusAgent=agent, SpecificCharacterSet="ISO_IR 192")
    delivery.write(t1=images).convert()
    assert delivery.codes("CET1WI") == ["missing_sequence"]


def turned(sines: list[float]) -> list:
    """T2 images whose rows are turned in their plane, each by its own angle."""
    images = t2()
    for image, sine in zip(images, sines, strict=True):
        cosine = (1 - sine**2) ** 0.5
        image.ImageOrientationPatient = [round(v, 6) for v in (cosine, sine, 0, -sine, cosine, 0)]
    return images


def test_orientations_are_compared_with_a_tolerance(delivery):
    """Rounded on both sides of a digit, they are one volume; turned by more than half a pixel they are refused."""
    status = delivery.write(t2=turned([0.0049, 0.0051] * 3)).convert()
    assert "T2WI" in status.usable and delivery.voxels("T2WI").shape[0] == 6
    for step in (0.02, 0.1):
        shutil.rmtree(delivery.images)
        delivery.write(t2=turned([step * k for k in range(6)])).convert()
        assert "its images differ in orientation" in delivery.reason("T2WI", "broken_geometry")


def test_directions_that_are_none_are_refused(delivery):
    delivery.write(t2=with_elements(t2(), ImageOrientationPatient=[0] * 6)).convert()
    assert "not perpendicular unit vectors" in delivery.reason("T2WI", "missing_sequence")


@pytest.mark.parametrize("numbers", [None, 1])
def test_blank_or_equal_instance_numbers(delivery, numbers):
    parts = {name: with_elements(make(), InstanceNumber=numbers) for name, make in PARTS.items()}
    status = delivery.write(**parts).convert()
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and delivery.level() == 300 and delivery.adc() == 1000


@pytest.mark.parametrize("description", ["t2_haste_overview", "T2 Übersicht", "T2 repérage", "T2 定位", "T2 обзорная"])
def test_an_overview_by_name_is_never_t2(delivery, description):
    overview = series(volume(slices=9), number=30, description=description, SpecificCharacterSet="ISO_IR 192")
    status = delivery.write(overview=overview).convert()
    assert delivery.voxels("T2WI").shape[0] == 6 and status.findings == []
    shutil.rmtree(delivery.images / "t2")
    assert "T2WI" not in delivery.convert().usable


def test_a_coarse_series_is_never_preferred(delivery):
    """A fast series of more, coarser slices beside the T2 for diagnosis."""
    coarse = series(volume(slices=20), number=30, description="t2_haste_tra", spacing=(3.0, 3.0))
    delivery.write(coarse=coarse).convert()
    assert delivery.voxels("T2WI").shape[0] == 6


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"spacing": (6.0, 6.0)}, "pixels of 6.0 mm"),
        ({"thickness": 8.0, "distance": 12.0}, "slices 12.0 mm apart"),
        ({"slices": 3, "description": ""}, "only 3 slices"),
        ({"description": "", "thickness": 4.0, "distance": 8.0}, "8 mm apart, like a localizer's"),
    ],
)
def test_a_series_too_coarse_for_diagnosis_is_no_t2(delivery, options, word):
    options = {"description": "t2_tra", "number": 3} | options
    voxels = volume(slices=options.pop("slices", 6))
    images = series(voxels, **options)
    if "distance" in options:
        with_elements(images, SpacingBetweenSlices=options["distance"])
    delivery.write(t2=images).convert()
    assert word in delivery.reason("T2WI", "missing_sequence")


@pytest.mark.parametrize("description", ["", "t2_haste", "AX 5"])
def test_a_localizer_of_three_planes_is_no_t2(delivery, description):
    images = []
    for plane in (TRANSVERSE, SAGITTAL, CORONAL):
        options = {"number": 1, "description": description, "series_uid": "1.2.8", "orientation": plane}
        images += series(volume(slices=3), first_instance=1 + len(images), **options)
    delivery.write(t2=images).convert()
    assert "localizer" in delivery.reason("T2WI", "missing_sequence")


def test_an_agent_without_a_name_is_enough(delivery):
    delivery.write(t1=t1(description="AX 5", **{"ContrastBolusAgent": AGENT["ContrastBolusAgent"]})).convert()
    assert delivery.level() == 300


# --- found by trying to break it


def test_the_agent_given_between_two_phases_does_not_lose_the_series(delivery):
    """All images carry the time of the agent; only the first phase was acquired before it."""
    label = LABELS["acquisition time"]
    delivery.write(t1=with_elements(dynamic(label), ContrastBolusStartTime="100015")).convert()
    assert delivery.level() == 300


@pytest.mark.parametrize("numbers", [(31, 7, 18), (9, 9, 9), (None, None, None)])
def test_phases_as_series_of_their_own_come_in_the_order_of_their_times(delivery, numbers):
    parts = {"t1": None}
    for phase, number in enumerate(numbers, 1):
        time = f"1000{10 * phase:02d}"
        images = with_elements(t1(100 * phase, description="t1_vibe_dyn"), SeriesNumber=number, AcquisitionTime=time)
        parts[str(phase)] = images
    delivery.write(**parts).convert()
    assert delivery.level() == 300


def test_a_draw_between_contrast_enhanced_series_is_refused(delivery):
    """No times, one number: nothing says which of them is the last phase."""
    parts = {str(level): t1(level, number=9, description="t1_vibe_dyn") for level in (100, 200)}
    delivery.write(t1=None, **parts).convert()
    assert delivery.level() is None and "which was acquired last" in delivery.reason("CET1WI", "unreadable_sequence")


def test_a_field_strength_in_gauss_and_none_at_all(delivery):
    images = []
    for level, echo in ((200, 1.15), (300, 2.3)):
        images += t1(level, series_uid="1.2.9", EchoTime=echo, MagneticFieldStrength=30_000)
    delivery.write(t1=images).convert()
    assert delivery.level() == 300
    shutil.rmtree(delivery.images)
    delivery.write(t1=with_elements(images, MagneticFieldStrength=None)).convert()
    assert delivery.level() is None and "without a field strength" in delivery.reason("CET1WI")


def test_two_echoes_of_one_moment_in_two_series(delivery):
    moment = {"AcquisitionTime": "100000", "description": "t1_fl2d_tra +C"}
    late = t1(200, number=10, **moment | {"EchoTime": 1.23})
    delivery.write(t1=t1(300, number=9, **moment | {"EchoTime": 2.46}), other=late).convert()
    assert delivery.level() == 300


def test_a_named_water_image_comes_before_one_that_nothing_names(delivery):
    other = t1(50, number=10, description="t1_vibe_dixon_tra +C")
    delivery.write(t1=t1(400, number=9, description="t1_vibe_dixon_tra +C_W"), other=other).convert()
    assert delivery.level() == 400


@pytest.mark.parametrize("text", ["t2_haste_tra", "T2 SSFSE", "T2 single shot"])
def test_a_single_shot_t2_comes_after_the_one_for_diagnosis(delivery, text):
    delivery.write(other=series(volume(slices=20), number=30, description=text)).convert()
    assert delivery.voxels("T2WI").shape[0] == 6


def test_phases_of_other_flip_angles_are_no_phases(delivery):
    def label(image, phase, _):
        image.AcquisitionNumber, image.FlipAngle = phase, 12 if phase < 3 else 2

    delivery.write(t1=dynamic(label)).convert()
    assert "differ in flip angle" in delivery.reason("CET1WI", "broken_geometry")


def test_a_lost_part_of_a_concatenation_is_named(delivery):
    part = {"InConcatenationNumber": 1, "InConcatenationTotalNumber": 2}
    delivery.write(t2=[one_file([volume(seed=1)[:4]], **T2_ELEMENTS, **part)]).convert()
    assert "part 2 of 2 of its files is missing" in delivery.reason("T2WI", "broken_geometry")


def test_an_agent_that_was_not_administered(delivery):
    file = one_file([flat(100)])
    usage, agent = Dataset(), Dataset()
    usage.ContrastBolusAgentNumber, usage.ContrastBolusAgentAdministered = 1, "NO"
    agent.CodeMeaning = "Gadoterate"
    for groups in file.PerFrameFunctionalGroupsSequence:
        groups.ContrastBolusUsageSequence = Sequence([usage])
    elements = {"SeriesDescription": "T1 eTHRIVE", "SeriesNumber": 9}
    delivery.write(t1=[with_elements([file], ContrastBolusAgentSequence=Sequence([agent]), **elements)[0]]).convert()
    assert "no contrast agent" in delivery.reason("CET1WI", "missing_sequence")


@pytest.mark.parametrize("time", ["1000", "10:00:{:02d}", "20240101100000.5-0500", "20240101100000+0100"])
def test_times_in_every_form(delivery, time):
    """Hours and minutes alone, with colons, with a date and a time zone."""

    def label(image, phase, _):
        clock = f"10{phase:02d}"
        forms = {"1000": clock, "10:00:{:02d}": f"10:00:{phase:02d}"}
        image.AcquisitionDateTime = forms.get(time) or f"20240101{clock}{time[12:]}"
        if time in forms:
            image.AcquisitionTime = image.AcquisitionDateTime
            del image.AcquisitionDateTime

    delivery.write(t1=dynamic(label)).convert()
    assert delivery.level() == 300
