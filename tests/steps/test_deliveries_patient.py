"""What hospitals deliver, kinds 6 to 8: one examination, the true reason, and nothing that names the patient."""

import gzip
import json
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
from deliveries import SETTINGS, Delivery, dwi, roi, t1, t2
from pydicom.dataset import Dataset

from dicom_writer import image, volume

FRAME, STUDY = "1.2.826.99", "1.2.826.98"


@pytest.fixture
def delivery(tmp_path) -> Delivery:
    return Delivery(tmp_path)


# --- 6. one examination


def later(**options) -> dict:
    """A second examination: other study and frame of reference, T1 of level 777."""
    options = {"StudyInstanceUID": STUDY, "frame_uid": FRAME} | options
    return {
        "t1 later": t1(777, **{"number": 29} | options),
        "t2 later": t2(**{"number": 23} | options),
        "dwi later": dwi(**{"number": 27} | options),
    }


def drawn_later():
    """A structure set of the second examination."""
    structures = roi(frame_uid=FRAME)
    structures.StudyInstanceUID = STUDY
    return structures


@pytest.mark.parametrize("date", [None, "20200101"])
@pytest.mark.parametrize("second", [False, True])
def test_without_dates_that_help_study_and_frame_of_reference_separate(delivery, date, second):
    """No dates, or the same everywhere; the region decides."""
    dates = {} if date is None else {"StudyDate": date}
    first = {"t1": t1(**dates), "t2": t2(**dates), "dwi": dwi(**dates)}
    delivery.write(**first, **later(**dates), roi=[drawn_later() if second else roi()]).convert()
    assert delivery.level() == (777 if second else 300) and delivery.adc() == 1000
    assert "2 examinations by study and frame of reference" in delivery.reason(code="several_examinations")
    assert "the ROI belongs to it" in delivery.reason(code="several_examinations")


def test_two_examinations_are_never_mixed_even_where_one_lacks_a_sequence(delivery):
    delivery.write(t1=None, **{"t1 later": later()["t1 later"]}).convert()
    assert delivery.status.usable == ["T2WI", "ADC"] and delivery.codes("CET1WI") == ["missing_sequence"]
    assert "of another examination" in delivery.why_not(29, "CET1WI")


def test_a_second_study_in_the_same_frame_of_reference_is_the_same_examination(delivery):
    status = delivery.write(t1=t1(StudyInstanceUID=STUDY)).convert()
    assert status.findings == [] and delivery.level() == 300


def test_a_study_that_passes_midnight_is_one_examination(delivery):
    dates = {"StudyDate": "", "AcquisitionDate": "20200101"}
    status = delivery.write(
        t1=t1(**dates | {"AcquisitionDate": "20200102"}), t2=t2(**dates), dwi=dwi(**dates)
    ).convert()
    assert status.findings == [] and delivery.level() == 300


def test_with_new_uids_for_every_series_the_day_decides_if_the_config_says_so(delivery):
    parts = {
        name: make(StudyInstanceUID=f"1.2.{number}", frame_uid=f"1.3.{number}")
        for number, (name, make) in enumerate({"t1": t1, "t2": t2, "dwi": dwi}.items())
    }
    ignore = SETTINGS | {"roi": SETTINGS["roi"] | {"frame_of_reference": "ignore"}}
    status = delivery.write(**parts).convert(ignore)
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and status.findings == []


def test_of_two_series_the_one_that_the_region_was_drawn_on(delivery):
    """The other one has the later number, which decides otherwise."""
    delivery.write(t2=t2(series_uid="1.2.33"), other=t2(number=33), roi=[roi(series_uid="1.2.33")]).convert()
    assert "series 3 was chosen" in delivery.reason("T2WI")
    delivery.write(roi=[roi()]).convert()
    assert "series 33 was chosen" in delivery.reason("T2WI")


def test_a_series_in_the_regions_frame_of_reference_comes_before_others_of_the_study(delivery):
    delivery.write(other=t1(500, number=20, frame_uid=FRAME)).convert()
    assert delivery.level() == 300


# --- 7. the true reason


def packed(delivery: Delivery, kind: str) -> None:
    """The patient's files in an archive instead of a folder."""
    source = delivery.folder / "unpacked"
    delivery.images.rename(source)
    delivery.images.mkdir()
    files = sorted(source.rglob("*.dcm"))
    if kind == "zip archive":
        with zipfile.ZipFile(delivery.images / "ZHANG SAN.zip", "w") as archive:
            for path in files:
                archive.write(path, path.name)
    elif kind == "tar archive":
        with tarfile.open(delivery.images / "zhangsan.tar", "w") as archive:
            archive.add(source)
    else:
        for path in files:
            (delivery.images / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))


@pytest.mark.parametrize("kind", ["zip archive", "tar archive", "gzip file"])
def test_archives_are_named_as_what_they_are(delivery, kind):
    packed(delivery.write(), kind)
    delivery.convert()
    assert delivery.codes() == ["unreadable_file", "no_dicom"]
    assert f"{kind}: unpack it into the patient's folder" in delivery.reason(code="unreadable_file")
    assert "it contains archives: unpack them there" in delivery.reason(code="no_dicom")
    assert "ZHANG" not in delivery.reason() and "zhangsan" not in delivery.reason()


def test_an_empty_description_is_called_empty(delivery):
    delivery.write(t2=t2(description="", ProtocolName="", EchoTime=300.0)).convert()
    assert "it has no description, and echo time 300 ms, not 60 to 200 ms" in delivery.reason("T2WI")


def grid_of_images(b: float, instance: int, positions=True) -> Dataset:
    """A diffusion volume as one picture, as United Imaging stores it: 3 x 2 images of 16 x 20 pixels."""
    voxels = np.rint(volume().astype(float) * np.exp(-b * 1e-3)).astype(np.uint16)
    picture = np.zeros((2 * 20, 3 * 16), np.uint16)
    for number, plane in enumerate(voxels):
        row, column = number // 3 * 20, number % 3 * 16
        picture[row : row + 20, column : column + 16] = plane
    options = {"number": 7, "description": "epi_dwi_tra", "Manufacturer": "UIH"}
    dataset = image(
        picture, [-12, -15, 3.0], instance, "1.2.77", ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"], **options
    )
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x09, "FD", float(b))
    block.add_new(0x50, "DS", str(len(voxels)))
    if positions:
        frames = []
        for number in range(len(voxels)):
            frame = Dataset()
            frame.ImagePositionPatient = [-12, -15, 3.0 + 5 * number]
            frames.append(frame)
        block.add_new(0x51, "SQ", frames)
    return dataset


def test_united_imagings_grid_of_images_is_read(delivery):
    delivery.write(dwi=[grid_of_images(0, 1), grid_of_images(800, 2)]).convert()
    assert delivery.adc() == 1000
    adc, t2wi = (delivery.voxels(name) for name in ("ADC", "T2WI"))
    assert adc.shape == t2wi.shape


def test_a_grid_of_images_without_positions_and_a_mosaic_are_called_so(delivery):
    mosaic = t2(ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    delivery.write(dwi=[grid_of_images(b, 1, positions=False) for b in (0, 800)], t2=mosaic).convert()
    for sequence in ("ADC", "T2WI"):
        assert "a volume as one picture; export its slices as single images" in delivery.reason(sequence)


def test_several_frames_without_positions_are_refused(delivery):
    file = t2()[0]
    file.NumberOfFrames = 6
    file.PixelData = volume(seed=1).tobytes()
    delivery.write(t2=[file]).convert()
    assert "have no position" in delivery.reason("T2WI")


# --- 8. identity


@pytest.mark.parametrize("declared", ["ISO_IR 100", "ISO_IR 192", "ISO_IR 144", "GB18030", "GBK", "NONSENSE", ""])
@pytest.mark.parametrize(("text", "encoding"), [("T1增强 轴位", "gb18030"), ("T1 с контрастом", "cp1251")])
def test_a_wrongly_declared_character_set_does_not_lose_a_sequence(delivery, declared, text, encoding):
    """Without an agent in the header, the description alone says that it is contrast-enhanced."""
    images = t1(description="?", ProtocolName="", ContrastBolusAgent="", SpecificCharacterSet="ISO_IR 100")
    for one in images:
        one.SeriesDescription = text.encode(encoding).decode("latin-1")
    delivery.write(t1=images)
    for path in (delivery.images / "t1").iterdir():
        path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", declared.ljust(10).encode()))
    delivery.convert()
    assert delivery.level() == 300
    listed = json.loads((delivery.out / "series.json").read_text(encoding="utf-8"))["series"]
    assert text in [one["description"] for one in listed]


@pytest.mark.parametrize(
    ("written", "declared"),
    [
        ("T1+C 减影 横断位 增".encode("gb18030")[:-1], "ISO_IR 100"),  # cut within a character
        ("T1+C 减影 横断位 扫".encode()[:-1], "ISO_IR 192"),
        ("T1+C 减影".encode().decode("latin-1").encode(), "ISO_IR 192"),  # UTF-8 twice
        ("T1+C 差分".encode("iso2022_jp"), ""),
        ("T1+C 減影".encode("big5"), ""),
        ("T1+C 감산".encode("euc_kr"), ""),
        (b"\x1b$)CSUB T1+C " + "조영".encode("euc_kr"), "\\ISO 2022 IR 149"),  # the escape announces the alphabet
        (b"SUB T1+C \x1b$)C" + "조영".encode("euc_kr"), "\\ISO 2022 IR 149"),
        (b"\x1b$)ASUB T1+C " + "增强".encode("gb2312"), "\\ISO 2022 IR 58"),
        (b"\x1b$)ASUB T1+C " + "增强".encode("gb2312"), "ISO_IR 100"),
    ],
)
def test_a_subtraction_is_known_in_any_bytes(delivery, written, declared):
    places = ["ISO_IR 100", "ISO_IR 101"]
    images = t1(30, number=20, description="@" * 64, ProtocolName="", SpecificCharacterSet=places)
    delivery.write(late=images)
    for path in (delivery.images / "late").iterdir():
        content = path.read_bytes().replace(b"@" * 64, written.ljust(64))
        path.write_bytes(content.replace("\\".join(places).encode(), declared.ljust(21).encode()))
    delivery.convert()
    assert delivery.level() == 300 and "it is a subtraction" in delivery.why_not(20, "CET1WI")


def test_no_file_name_of_the_delivery_is_written(delivery):
    """A pinyin name as one word, in names of files that are unreadable, archives, damaged, or a mask."""
    delivery.write(roi=None)
    for name in ("wangxiaoming.dcm", "WangXiaoMing.dcm", "wang_xiao_ming_19670423.dcm"):
        (delivery.images / name).write_bytes(b"")
    damaged = sorted((delivery.images / "t1").iterdir())[0]
    damaged.with_name("xiaomingwang.dcm").write_bytes(damaged.read_bytes()[:-50])
    (delivery.images / "wangxiaoming.nii.gz").write_bytes(b"no mask")
    (delivery.images / "wangxiaoming.zip").write_bytes(b"PK\3\4")
    folder = delivery.images / "wangxiaoming"
    shutil.copytree(delivery.images / "t2", folder)
    delivery.convert()
    for path in delivery.out.glob("*.json"):
        content = path.read_text(encoding="utf-8").lower()
        assert not [word for word in ("wang", "xiao", "ming", "19670423") if word in content], path.name


@pytest.mark.parametrize("written", ["zhangsan", "ZhangSan", "sanzhang", "ZHANG_SAN", "zhang san1", "san.zhang"])
def test_a_name_written_as_one_word_in_a_description_is_hidden(delivery, written):
    images = t2(description=f"t2_tse_tra {written}")
    for one in images:
        one.PatientName = "ZHANG^SAN"
    delivery.write(t2=images).convert()
    content = (delivery.out / "series.json").read_text(encoding="utf-8").lower()
    assert "zhang" not in content and "t2_tse_tra" in content
