"""Reading a patient's folder: what hospitals' archives leave in it."""

from pathlib import Path

import numpy as np
import pytest

from dicom_writer import FRAME_UID, diffusion, enhanced, save, series, structure_set, volume
from hscore.imaging.dicom.patient_folder import read_folder


def test_real_series_of_three_scanners(shared_data):
    """Number of images and b-values as dcm2niix and the data's own notes give them."""
    found = {one.description: one for one in read_folder(shared_data / "dicom").series}
    assert len(found["ep2d_diff_tra_DYNDIST"].frames) == 57
    assert found["ep2d_diff_tra_DYNDIST"].b_values == [50, 400, 800]  # Siemens private tag, as bytes
    assert found["t2_tse_tra"].b_values == []


def test_b_values_of_ge_and_of_the_phantom(reference_data):
    (series,) = read_folder(reference_data / "dicom/ge_dwi_tensor_r2/dicom").series
    assert series.description == "Ax DWI TENSOR R2" and series.b_values == [0, 1000]
    phantom = read_folder(reference_data / "phantom").series
    assert [series.b_values for series in phantom] == [[0, 800], [0, 800]]  # Siemens private and standard tag


def test_names_links_and_foreign_files(tmp_path):
    (tmp_path / "检查 一" / "序列").mkdir(parents=True)
    save(series(volume()), tmp_path / "检查 一" / "序列", "图像 {}")
    (tmp_path / "检查 一" / "序列" / "back").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "notes").write_text("not an image")
    (tmp_path / "._IM0001.dcm").write_bytes(b"a Mac's shadow")
    contents = read_folder(tmp_path)
    assert [len(one.frames) for one in contents.series] == [6]
    assert contents.unreadable == []


def test_damaged_files_are_named(tmp_path):
    paths = save(series(volume()), tmp_path / "a")
    paths[1].write_bytes(paths[1].read_bytes()[:-100])  # pixels incomplete
    paths[2].write_bytes(paths[2].read_bytes()[:200])  # ends within the header
    paths[3].write_bytes(b"")
    paths[4].write_bytes(b"something else")
    (tmp_path / "IM7").write_bytes(b"")
    contents = read_folder(tmp_path)
    named = {str(one.path): one.reason for one in contents.unreadable}
    assert set(named) == {"a/IM0002.dcm", "a/IM0003.dcm", "a/IM0004.dcm", "a/IM0005.dcm", "IM7"}
    assert "cut short" in named["a/IM0002.dcm"] and named["a/IM0004.dcm"] == "empty file"
    assert [frame.damage != "" for frame in contents.series[0].frames] == [False, True, False]


@pytest.mark.parametrize("length", [*range(0, 1200, 37), -1, -2])
def test_a_file_cut_anywhere_never_crashes_and_never_passes_as_whole(tmp_path, length):
    (path,) = save(series(volume(slices=1)), tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    contents = read_folder(tmp_path)
    assert [one.path.name for one in contents.unreadable] == [path.name]


def test_a_forbidden_file_is_named(tmp_path, monkeypatch):
    paths = save(series(volume()), tmp_path)
    opened = Path.open

    def forbidden(path, *options):
        if path == paths[2]:
            raise PermissionError(13, "Permission denied")
        return opened(path, *options)

    monkeypatch.setattr(Path, "open", forbidden)
    contents = read_folder(tmp_path)
    assert [(one.path.name, one.reason) for one in contents.unreadable] == [("IM0003.dcm", "Permission denied")]
    assert len(contents.series[0].frames) == 5


def test_a_file_stored_twice_counts_once(tmp_path):
    datasets = series(volume())
    save(datasets, tmp_path / "a")
    paths = save(datasets, tmp_path / "copy")
    paths[0].write_bytes(paths[0].read_bytes()[:-100])
    contents = read_folder(tmp_path)
    assert len(contents.series[0].frames) == 6
    assert not any(frame.damage for frame in contents.series[0].frames)  # the sound copy is used


def test_a_series_is_split_by_orientation_matrix_and_kind_of_image(tmp_path):
    for count, options in enumerate(
        [
            {},
            {"orientation": [0, 1, 0, 0, 0, -1]},
            {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]},
            {"spacing": (1.0, 1.0)},
        ]
    ):
        save(series(volume(slices=3), series_uid="1.2.3", first_instance=10 * count, **options), tmp_path / str(count))
    assert [len(one.frames) for one in read_folder(tmp_path).series] == [3, 3, 3, 3]


def test_b_values_of_united_imaging_canon_and_anonymised_siemens(tmp_path):
    def stored(name: str, change) -> list[float]:
        datasets = diffusion([0, 800], Manufacturer=name)
        for dataset in datasets:
            b = dataset.DiffusionBValue
            del dataset.DiffusionBValue
            change(dataset, b)
        folder = tmp_path / name
        save(datasets, folder)
        return read_folder(folder).series[0].b_values

    def united(dataset, b):
        dataset.private_block(0x0065, "Image Private Header", create=True).add_new(0x09, "FD", b)

    def philips(dataset, b):
        block = dataset.private_block(0x2001, "Philips Imaging DD 001", create=True)
        block.add_new(0x03, "UN", np.float32(b).tobytes())

    def ge(dataset, b):
        block = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x39, "IS", [1_000_000_000 + int(b), 8, 0, 0])

    def siemens(dataset, b):
        dataset.SequenceName = f"*ep_b{b:.0f}t"

    def canon(dataset, b):
        if b:
            dataset.ImageComments = f"b={b:.0f}(0.1,0.2,0.3)"

    assert stored("UIH", united) == [0, 800]
    assert stored("Philips Medical Systems", philips) == [0, 800]
    assert stored("GE MEDICAL SYSTEMS", ge) == [0, 800]
    assert stored("SIEMENS", siemens) == [0, 800]
    assert stored("CANON_MEC", canon) == [0, 800]


def test_a_b_value_may_stand_in_the_description_only(tmp_path):
    datasets = series(volume(), description="DWI b=800 tra")
    save(datasets, tmp_path)
    assert read_folder(tmp_path).series[0].b_values == [800]


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [("GB18030", "gb18030"), ("ISO_IR 192", "utf-8"), (None, "gb18030"), (None, "utf-8"), ("ISO_IR 100", "latin-1")],
)
def test_descriptions_in_every_character_set(tmp_path, declared, encoding):
    text = "für T2" if encoding == "latin-1" else "T2加权 轴位"
    (path,) = save(series(volume(slices=1), description="@" * 24), tmp_path)
    content = path.read_bytes()
    written = text.encode(encoding)
    content = content.replace(b"@" * 24, written + b" " * (24 - len(written)))
    if declared:
        name = declared.encode() + b" " * (len(declared) % 2)
        element = b"\x08\x00\x05\x00CS" + len(name).to_bytes(2, "little") + name
        at = content.index(b"\x08\x00\x08\x00CS")
        content = content[:at] + element + content[at:]
    path.write_bytes(content)
    assert read_folder(tmp_path).series[0].description == text


def test_patients_identifiers_and_roi_objects(tmp_path):
    save(series(volume(), patient_id="A1", number=3), tmp_path / "a")
    save(series(volume(), patient_id="B2", number=4), tmp_path / "b")
    other = structure_set({"x": []})
    other.PatientID = "C3"  # ROI programs write their own: that is no other patient
    save([other], tmp_path)
    contents = read_folder(tmp_path)
    assert contents.patients == {"A1": {3}, "B2": {4}}
    assert {"A1", "B2", "C3"} <= contents.identifiers
    assert len(contents.structure_sets) == 1


def test_enhanced_multi_frame(tmp_path):
    """All geometry and b-values in functional groups; the frame order is not the spatial one."""
    save([enhanced(volume(), [0.0, 800.0])], tmp_path)
    (one,) = read_folder(tmp_path).series
    assert len(one.frames) == 12 and one.b_values == [0, 800]
    assert one.echo_time == 70 and one.frame_of_reference == FRAME_UID
    assert one.frames[0].spacing == (1.5, 1.5)
    assert len({frame.position for frame in one.frames}) == 6
