"""What hospitals deliver, kind 4: which diffusion images are measured, belong together, and at which b-value."""

import shutil

import numpy as np
import pytest
from deliveries import Delivery, dwi
from pydicom.uid import generate_uid


@pytest.fixture
def delivery(tmp_path) -> Delivery:
    return Delivery(tmp_path)


def brighter(datasets: list, factor: float, **elements) -> list:
    """The images with their signal multiplied, as on another scale or by a computation, and with elements set."""
    for dataset in datasets:
        dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u2") * factor).astype("<u2").tobytes()
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
    return datasets


def one_b(b: float, number: int, **options) -> list:
    """A series of one b-value."""
    return dwi([b], **{"number": number, "description": f"DWI_b{b}"} | options)


def test_synthetic_images_are_no_source_beside_or_within_the_measured_series(delivery):
    uid = generate_uid()
    computed = brighter(dwi([1500], series_uid=uid), 2.0, ImageType=["DERIVED", "PRIMARY", "OTHER"])
    delivery.write(dwi=dwi(series_uid=uid) + computed).convert()
    assert delivery.adc() == 1000
    shutil.rmtree(delivery.images)
    later = brighter(dwi([0, 1500], number=70), 1.7, ImageType=["DERIVED", "PRIMARY", "OTHER"])
    delivery.write(later=later).convert()
    assert delivery.adc() == 1000 and "computed, not measured: image type DERIVED" in delivery.why_not(70, "ADC")


@pytest.mark.parametrize(
    "text",
    [
        *("cDWI b1500", "sDWI", "DW Synthetic: Ax DWI", "DWI berechnet", "DWI calculé", "DWI 计算 b1500"),
        *("ep2d_diff_CALC_BVAL", "DWI_Comp_b2000", "DWI вычисленные", "DWI calcolata", "DWI inverted", "DWI MIP"),
    ],
)
def test_computed_images_by_name(delivery, text):
    later = brighter(dwi([0, 1500], number=70, description=text, SpecificCharacterSet="ISO_IR 192"), 1.7)
    delivery.write(later=later).convert()
    assert delivery.adc() == 1000
    shutil.rmtree(delivery.images / "dwi")
    delivery.convert()
    assert delivery.codes("ADC") == ["missing_sequence"]


def test_trace_weighted_images_are_measured_although_they_are_derived(delivery):
    trace = brighter(dwi(), 1.0, ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "ND"])
    delivery.write(dwi=trace).convert()
    assert delivery.adc() == 1000


@pytest.mark.parametrize("part", [["ADC"], ["EADC"], ["FA"]])
def test_maps_in_the_same_series_do_not_enter_the_fit(delivery, part):
    uid = generate_uid()
    images = brighter(dwi([800], series_uid=uid), 3.0, ImageType=["DERIVED", "PRIMARY", "DIFFUSION", *part])
    delivery.write(dwi=dwi(series_uid=uid) + images).convert()
    assert delivery.adc() == 1000


# --- pooling


def test_one_series_for_each_b_value(delivery):
    delivery.write(dwi=one_b(0, 5), high=one_b(800, 6)).convert()
    assert delivery.adc() == 1000 and delivery.status.findings == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"EchoTime": 60.0}, "echo time"),
        ({"RepetitionTime": 9000.0}, "repetition time"),
        ({"ProtocolName": "DWI_free_breathing"}, "another protocol"),
        ({"origin": (-12.0, -15.0, 4.0)}, "other positions or pixels"),
        ({"frame_uid": "1.2.826.77"}, "frame of reference"),
    ],
)
def test_series_of_different_measurements_are_not_pooled(delivery, options, reason):
    options = {"ProtocolName": "DWI_triggered"} | options
    delivery.write(dwi=one_b(0, 5, ProtocolName="DWI_triggered"), high=one_b(800, 6, **options)).convert()
    assert delivery.adc() is None
    assert reason in delivery.reason("ADC") or "examination" in delivery.reason()


def scaled(datasets: list, slope: float, vendor: float | None = None, before: int = 0) -> list:
    """Images with a rescale slope and, if given, Philips' scale slope; ``before``: blocks that others have reserved."""
    for dataset in datasets:
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, 0
        dataset.Manufacturer = "Philips Medical Systems"
        for number in range(before):
            dataset.private_block(0x2005, f"ARCHIVE {number}", create=True).add_new(0x01, "LO", "x")
        if vendor:
            block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
            block.add_new(0x0E, "FL", vendor)
    return datasets


def test_a_rescale_slope_that_differs_needs_the_vendors_own_scale(delivery):
    """Floating-point values are displayed ones / (rescale slope * scale slope): here stored / 2 at b = 800."""
    parts = {"dwi": scaled(one_b(0, 5), 1.0), "high": scaled(one_b(800, 6), 2.5)}
    delivery.write(**parts).convert()
    assert "different rescale slopes (1, 2.5)" in delivery.reason("ADC", "bad_diffusion") and delivery.adc() is None
    shutil.rmtree(delivery.images)
    parts = {"dwi": scaled(one_b(0, 5), 1.0, 1.0), "high": scaled(brighter(one_b(800, 6), 2.0), 2.5, 2.0)}
    delivery.write(**parts).convert()
    assert delivery.adc() == 1000


@pytest.mark.parametrize("before", [0, 1, 5])
def test_philips_scale_slope_counts_in_whichever_block_it_is(delivery, before):
    """Equal rescale slopes announce nothing: without the scale slope the ADC would be plausible and wrong."""
    low = scaled(one_b(0, 5), 1.0, 1.0, before)
    delivery.write(dwi=low, high=scaled(brighter(one_b(800, 6), 2.0), 1.0, 2.0, before)).convert()
    assert delivery.adc() == 1000


@pytest.mark.parametrize(
    ("further", "chosen"),
    [
        ([(0, 7, 2.0), (800, 8, 2.0)], "series 7, 8"),  # a complete repetition, on another scale: the later counts
        ([(800, 8, 0.5)], "series 5, 6"),  # an aborted one: never mixed with the first
        ([(0, 8, 0.5)], "series 5, 6"),
    ],
)
def test_repeated_measurements_are_never_mixed(delivery, further, chosen):
    parts = {str(number): brighter(one_b(b, number), factor) for b, number, factor in further}
    delivery.write(dwi=one_b(0, 5), high=one_b(800, 6), **parts).convert()
    assert delivery.adc() == pytest.approx(1000, abs=2) and f"{chosen} was chosen" in delivery.reason("ADC")


def test_averages_stored_one_by_one_are_one_measurement(delivery):
    uid, images = generate_uid(), []
    for number, acquisition in enumerate((1, 2)):
        images += dwi(series_uid=uid, first_instance=1 + 12 * number, AcquisitionNumber=acquisition)
    delivery.write(dwi=images).convert()
    assert delivery.adc() == 1000


# --- directions


def philips(b: float, kind: str, vector=(0, 0, 0), adc=1e-3, private=False, **options) -> list:
    """One volume of a Philips series, told by standard or by private elements."""
    images = dwi([b], adc=adc, Manufacturer="Philips Medical Systems", **options)
    for image in images:
        if private:
            del image.DiffusionBValue
            block = image.private_block(0x2001, "Philips Imaging DD 001", create=True)
            block.add_new(0x03, "FL", float(b))
            block.add_new(0x04, "CS", kind[0] if kind != "DIRECTIONAL" else "P")
        else:
            image.DiffusionDirectionality = kind
            image.DiffusionGradientOrientation = [float(v) for v in vector]
    return images


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("parts", ["directions and isotropic", "directions", "isotropic"])
def test_philips_directions_and_the_isotropic_image(delivery, parts, private):
    """The directions alone would give 1000, too: their mean; with the isotropic image they must not count twice."""
    images = philips(0, "NONE", private=private, series_uid="1.2.7")
    vectors = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    count = 1
    if "directions" in parts:
        for adc, vector in zip((0.4e-3, 1.0e-3, 1.6e-3), vectors, strict=True):
            options = {"series_uid": "1.2.7", "first_instance": 1 + 6 * count, "private": private}
            images += philips(800, "DIRECTIONAL", vector, adc, **options)
            count += 1
    if "isotropic" in parts:
        options = {"series_uid": "1.2.7", "first_instance": 1 + 6 * count, "private": private}
        images += philips(800, "ISOTROPIC", adc=1.0e-3, **options)
    delivery.write(dwi=images).convert()
    assert delivery.adc() == pytest.approx(1000, abs=4)


def ge(b: float, kind: int, adc=1e-3, **options) -> list:
    """One volume of a GE series; ``kind`` as (0043,xx30) writes it."""
    images = dwi([b], adc=adc, Manufacturer="GE MEDICAL SYSTEMS", series_uid="1.2.7", **options)
    for image in images:
        del image.DiffusionBValue
        block = image.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x30, "SS", kind)
        block.add_new(0x39, "IS", [1_000_000_000 + int(b), 8, 0, 0])
    return images


@pytest.mark.parametrize("combined", [True, False])
def test_ge_directions_and_the_combined_image(delivery, combined):
    images = ge(0, 14)
    for number, (kind, adc) in enumerate(((3, 0.4e-3), (4, 1.0e-3), (5, 1.6e-3)), 1):
        images += ge(800, kind, adc, first_instance=1 + 6 * number)
    if combined:
        images += ge(800, 15, first_instance=25)
    delivery.write(dwi=images).convert()
    assert delivery.adc() == pytest.approx(1000, abs=4)


# --- where the b-value is written


def silent(datasets: list, only=None) -> list:
    """The images without the standard b-value, all or those at b = ``only``."""
    for dataset in datasets:
        if only is None or dataset.DiffusionBValue == only:
            del dataset.DiffusionBValue
    return datasets


def test_a_b_value_in_a_text_counts_for_one_volume_and_one_number(delivery):
    parts = {"dwi": silent(one_b(0, 5)), "high": silent(one_b(800, 6))}
    delivery.write(**parts).convert()
    assert delivery.adc() == 1000
    for text in ("ep2d_diff_b0-800", "DWI b0 b800", "DWI b800", "DWI b50_400_800", "DWI b=0/800"):
        shutil.rmtree(delivery.images)
        delivery.write(dwi=silent(dwi(description=text))).convert()
        assert delivery.adc() is None and "unknown" in delivery.reason("ADC", "bad_diffusion"), text


def moved(datasets: list, group: int, creator: str, element: int, with_creator=True) -> list:
    """The b-value in block 21 of a private group, of which block 10 belongs to somebody else."""
    for dataset in datasets:
        b = float(dataset.DiffusionBValue)
        del dataset.DiffusionBValue
        vr, value = ("IS", int(b)) if group == 0x0019 else ("FL", b)
        dataset.add_new((group, 0x10), "LO", "SOMEBODY ELSE")
        dataset.add_new((group, 0x1000 + element), vr, 7777)
        if with_creator:
            dataset.add_new((group, 0x21), "LO", creator)
        dataset.add_new((group, 0x2100 + element), vr, value)
    return datasets


@pytest.mark.parametrize(
    ("group", "creator", "element", "vendor"),
    [
        (0x0019, "SIEMENS MR HEADER", 0x0C, "SIEMENS"),
        (0x2001, "Philips Imaging DD 001", 0x03, "Philips"),
        (0x0065, "Image Private Header", 0x09, "UIH"),
    ],
)
def test_private_b_values_are_found_by_their_creator(delivery, group, creator, element, vendor):
    images = moved(dwi(Manufacturer=vendor), group, creator, element)
    delivery.write(dwi=images).convert()
    assert delivery.adc() == 1000
    shutil.rmtree(delivery.images)
    images = moved(dwi(Manufacturer=vendor), group, creator, element, with_creator=False)
    delivery.write(dwi=images).convert()
    assert delivery.adc() is None and "unknown" in delivery.reason("ADC")


def test_private_b_values_of_an_anonymiser_that_took_only_the_creators(delivery):
    images = dwi()
    for image in images:
        b = int(image.DiffusionBValue)
        del image.DiffusionBValue
        image.add_new((0x0019, 0x100C), "IS", b)
    delivery.write(dwi=images).convert()
    assert delivery.adc() == 1000


def test_images_without_a_b_value_are_zero_only_where_that_is_the_only_meaning(delivery):
    """As Canon writes b = 0. Where b = 0 is named, a silent volume is another one that was lost."""
    delivery.write(dwi=silent(dwi(Manufacturer="TOSHIBA"), only=0)).convert()
    assert delivery.adc() == 1000
    shutil.rmtree(delivery.images)
    delivery.write(dwi=silent(dwi([0, 400, 800]), only=400)).convert()
    assert delivery.adc() is None and "1 of 3 volumes of series 7 are unknown" in delivery.reason("ADC")


def test_the_reason_for_unknown_b_values_is_that_they_are_unknown(delivery):
    delivery.write(dwi=silent(dwi())).convert()
    assert "b-values of 2 of 2 volumes of series 7 are unknown" in delivery.reason("ADC", "bad_diffusion")


def test_a_slice_missing_at_one_b_value_is_named(delivery):
    images = dwi()
    delivery.write(dwi=images[:8] + images[9:]).convert()
    assert "b = 800 s/mm2: slice 3 of 6 occurs 0 times" in delivery.reason("ADC", "broken_geometry")


# --- found by trying to break it


@pytest.mark.parametrize("image_type", ["DERIVED/PRIMARY/DIFFUSION/CALC_BVALUE/TRACEW", "ORIGINAL/PRIMARY/CALC_BVALUE"])
@pytest.mark.parametrize("first", [True, False])
def test_calculated_images_by_type_in_the_measured_series(delivery, image_type, first):
    uid = generate_uid()
    options = {"series_uid": uid, "first_instance": 1 if first else 13}
    computed = brighter(dwi([1400], **options), 1.8, ImageType=image_type.split("/"))
    delivery.write(dwi=dwi(series_uid=uid, first_instance=7 if first else 1) + computed).convert()
    assert delivery.adc() == 1000


def test_one_direction_is_not_the_mean_of_three(delivery):
    images = philips(0, "NONE", series_uid="1.2.7")
    images += philips(800, "DIRECTIONAL", (1, 0, 0), 0.6e-3, series_uid="1.2.7", first_instance=7)
    delivery.write(dwi=images).convert()
    assert "1 diffusion directions; the mean needs 3" in delivery.reason("ADC", "bad_diffusion")


def test_each_direction_in_a_series_of_its_own(delivery):
    parts = {"dwi": philips(0, "NONE", number=7, description="DWI")}
    for number, (vector, adc) in enumerate((((1, 0, 0), 0.6e-3), ((0, 1, 0), 1e-3), ((0, 0, 1), 1.4e-3)), 8):
        parts[str(number)] = philips(800, "DIRECTIONAL", vector, adc, number=number, description="DWI")
    delivery.write(**parts).convert()
    assert delivery.adc() == pytest.approx(1000, abs=4)


def test_repeated_measurements_in_the_order_of_their_times(delivery):
    """Series numbers were regenerated: 1 and 4, 5 and 2 belong together."""
    parts = {
        "dwi": one_b(0, 1, AcquisitionTime="100000"),
        "b": one_b(800, 4, AcquisitionTime="100100"),
        "c": brighter(one_b(0, 5, AcquisitionTime="110000"), 0.5),
        "d": brighter(one_b(800, 2, AcquisitionTime="110100"), 0.5),
    }
    delivery.write(**parts).convert()
    assert delivery.adc() == pytest.approx(1000, abs=3)


@pytest.mark.parametrize(
    ("b_values", "options"),
    [
        ([50, 400, 800], {}),  # of a vendor that always writes b = 0
        ([100, 1000], {}),
        ([200, 1000], {"description": "DWI b200-1000", "Manufacturer": "GE MEDICAL SYSTEMS"}),  # the name tells
    ],
)
def test_a_lost_b_value_is_not_taken_for_zero(delivery, b_values, options):
    delivery.write(dwi=silent(dwi(b_values, **options), only=b_values[0])).convert()
    assert delivery.adc() is None and "are unknown" in delivery.reason("ADC", "bad_diffusion")


def test_a_measured_series_may_be_named_after_the_map_that_it_serves(delivery):
    delivery.write(dwi=dwi(description="DWI+ADC tra")).convert()
    assert delivery.adc() == 1000
    delivery.write(dwi=one_b(800, 7, description="ep2d_diff_ADC")).convert()
    assert "it is an ADC map" in delivery.why_not(7, "ADC")
