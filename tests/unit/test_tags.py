"""A header's values through the cache of its folder are those of pydicom, whatever was read before."""

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from hscore.imaging.dicom import header, values

# declared character sets -> a name and a description that they can write
ALPHABETS = {
    "none": (None, "Smith^Ann", "T2 tra"),
    "latin": ("ISO_IR 100", "Müller^Änne", "T2 schräg"),
    "utf-8": ("ISO_IR 192", "王^小东", "T2 增强"),
    "gb18030": ("GB18030", "王^小东", "T2 增强"),
    "chinese": (["", "ISO 2022 IR 58"], "Wang^XiaoDong=王^小东", "T2"),
    "japanese": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎", "T2"),
    "korean": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "T2"),
    "three": (["ISO 2022 IR 13", "ISO 2022 IR 87", "ISO 2022 IR 159"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎", "T2"),
}
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


def save(path: Path, alphabet: str, syntax: str = ExplicitVRLittleEndian, **elements: object) -> Path:
    declared, name, description = ALPHABETS[alphabet]
    dataset, meta = Dataset(), FileMetaDataset()
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = syntax
    if declared is not None:
        dataset.SpecificCharacterSet = declared
    dataset.PatientName, dataset.SeriesDescription, dataset.Modality = name, description, "MR"
    dataset.ImagePositionPatient, dataset.SmallestImagePixelValue, dataset.PixelRepresentation = [1.5, -2, 3], 7, 0
    dataset.update(elements)
    dataset.file_meta = meta
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_values_are_those_of_pydicom_in_every_alphabet_in_one_folder(tmp_path, syntax):
    decoded = {}
    for round_number in range(2):  # in the second one every value is in the cache
        for alphabet in ALPHABETS:
            path = save(tmp_path / f"{alphabet}-{round_number}.dcm", alphabet, syntax)
            tags, expected = header.read(path, decoded).tags, pydicom.dcmread(path)
            for element in expected:
                assert tags.get(element.keyword) == element.value, (alphabet, element.keyword)
            assert values.text(tags, "SeriesDescription") == ALPHABETS[alphabet][2]


def test_equal_bytes_of_two_alphabets_are_two_texts(tmp_path):
    decoded, names = {}, []
    for declared in ("ISO_IR 100", "ISO_IR 144"):
        path = save(tmp_path / f"{declared}.dcm", "latin")
        path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", declared.encode()))
        tags = header.read(path, decoded).tags
        assert str(tags.get("PatientName")) == str(pydicom.dcmread(path).PatientName)
        names.append(str(tags.get("PatientName")))
    assert names[0] != names[1]


def test_a_value_whose_type_depends_on_another_element_is_decoded_for_each_file(tmp_path):
    decoded, found = {}, []
    for representation in (0, 1):
        path = save(tmp_path / f"{representation}.dcm", "none", ImplicitVRLittleEndian)
        dataset = pydicom.dcmread(path)
        dataset.PixelRepresentation = representation
        dataset[0x00280106].VR = "US" if representation == 0 else "SS"
        dataset.SmallestImagePixelValue = 65_535 if representation == 0 else -1  # the same two bytes
        dataset.save_as(path)
        found.append(header.read(path, decoded).tags.get("SmallestImagePixelValue"))
    assert found == [65_535, -1]
