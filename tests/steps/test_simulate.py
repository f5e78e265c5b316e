"""The two simulation steps: real DICOM of three vendors that other people's software reads back."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import dcm2niix
import highdicom
import nibabel as nib
import numpy as np
import pandas as pd
import pydicom
import pytest
from matplotlib.path import Path as Polygon
from scipy.stats import rankdata

from coarse_simulation import write_coarse
from hscore.simulation import anatomy, planted_faults, scanners
from hscore.simulation.parameters import load
from hscore.simulation.patient_images import write_patient
from hscore.simulation.patients import simulate_center as draw_center
from hscore.simulation.rendering import tumor_mask
from hscore.statistics.diagnosis import shortcut_auc
from hscore.steps import simulate_atlas, simulate_center, simulate_patient

ROOT = Path(__file__).parents[2]
PARAMETERS = ROOT / "resources/simulation.yaml"
SEED = 7
VENDORS = ("siemens", "ge", "philips")


def make_center(folder: Path, scanner: str, parameters: Path = PARAMETERS, patients: int = 4, *options: str) -> Path:
    """Simulate a small centre named after its scanner; returns the path of its truth."""
    truth = folder / f"{scanner}.json"
    arguments = f"--center {scanner} --scanner {scanner} --patients {patients} --lnm-positive 1 --seed {SEED}"
    files = ["--parameters", str(parameters), "--table", str(folder / f"{scanner}.csv"), "--truth", str(truth)]
    simulate_center.main([*arguments.split(), *files, *options])
    return truth


def make_patient(atlas: Path, truth: Path, scanner: str, output: Path, number: int = 1, parameters=PARAMETERS) -> Path:
    """Simulate a patient's images; the truth about them lies beside, as <output>.npz."""
    patient, place = f"{scanner}-{number:04d}", output.with_name(f"{output.name}.batch")
    simulate_patient.main(simulation(atlas, truth, scanner, patient, place, parameters))
    (place / "images" / patient).rename(output)
    (place / f"{patient}.npz").rename(f"{output}.npz")
    return output


def simulation(atlas: Path, truth: Path, scanner: str, patient: str, place: Path, parameters: Path) -> list[str]:
    """The arguments of the step for one patient, whose images and truth go to ``place``."""
    arguments = f"--patients {patient} --scanner {scanner} --seed {SEED}"
    files = ["--truth", str(truth), "--atlas", str(atlas), "--parameters", str(parameters)]
    records = {"--images": "batches/1-of-1.json", "--image-truth": "truth/1-of-1.json"}
    return [*arguments.split(), *files, *(word for key, name in records.items() for word in (key, str(place / name)))]


@pytest.fixture(scope="session")
def atlas(tmp_path_factory) -> Path:
    """The atlas, with as many variants as the parameters ask for."""
    folder = tmp_path_factory.mktemp("atlas") / "atlas"
    simulate_atlas.main(["--parameters", str(PARAMETERS), "--output", str(folder), "--seed", str(SEED)])
    return folder


@pytest.fixture(scope="session")
def full_size(atlas, tmp_path_factory):
    """One patient of each vendor at full size: {scanner: (image folder, truth)}."""
    folder = tmp_path_factory.mktemp("simulated")
    made = {}
    for scanner in VENDORS:
        truth = make_center(folder, scanner)
        made[scanner] = make_patient(atlas, truth, scanner, folder / "images" / scanner), json.loads(truth.read_text())
    return made


@pytest.fixture(scope="session")
def coarse(tmp_path_factory):
    """Parameters with small matrices, for tests that write patients repeatedly."""
    return write_coarse(tmp_path_factory.mktemp("coarse") / "simulation.yaml")


def series_of(folder: Path) -> dict[str, list[pydicom.Dataset]]:
    """All MR images by series description."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.read_bytes()[128:132] == b"DICM":
            dataset = pydicom.dcmread(path)
            if dataset.Modality == "MR":
                found.setdefault(dataset.SeriesDescription, []).append(dataset)
    return found


def protocols(scanner: str) -> dict:
    return load(PARAMETERS)["scanners"][scanner]["series"]


def true_mask(scanner: str, truth: dict) -> np.ndarray:
    """The tumour on CET1WI (sections, rows, columns), from the planted truth."""
    parameters, name = load(PARAMETERS), f"{scanner}-0001"
    pelvis = anatomy.build(parameters, name, truth["patients"][name], SEED)
    return tumor_mask(pelvis, scanners.stack(parameters, protocols(scanner)["CET1WI"], name, "CET1WI", SEED))


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# --- the centre


def test_table_and_truth_agree(tmp_path):
    truth = json.loads(make_center(tmp_path, "ge", patients=9).read_text())
    with (tmp_path / "ge.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9 and sum(row["lnm"] == "1" for row in rows) == 1
    assert truth["simulated"] is True
    for row in rows:
        record = truth["patients"][row["patient"]]
        assert int(row["lnm"]) == record["lnm"]
        assert float(row["mri_ln_short_axis_mm"]) == record["mri_ln_short_axis_mm"]
        assert set(record["signs"]) == {"CET1WI", "T2WI", "ADC"}


def test_step_says_one_sentence_about_a_wrong_request(atlas, tmp_path):
    truth = make_center(tmp_path, "ge")
    with pytest.raises(SystemExit) as stop:
        make_patient(atlas, truth, "ge", tmp_path / "images", number=77)
    expected = "error: patient 'ge-0077': the simulated truth of centre 'ge' does not contain this patient"
    assert stop.value.code == expected
    assert not (tmp_path / "images").exists()


# --- the images


@pytest.mark.parametrize("scanner", VENDORS)
def test_headers_are_those_of_the_vendor_and_hold_no_person(full_size, scanner):
    folder, truth = full_size[scanner]
    series = series_of(folder)
    assert set(series) == {protocol["description"] for protocol in protocols(scanner).values()}
    images = [image for stack in series.values() for image in stack]
    assert len({image.SOPInstanceUID for image in images}) == len(images)
    assert len({image.SeriesInstanceUID for image in images}) == 4
    assert len({(image.StudyInstanceUID, image.FrameOfReferenceUID) for image in images}) == 1
    assert {(str(image.PatientID), str(image.PatientName), image.PatientBirthDate) for image in images} == {
        (f"{scanner}-0001", f"{scanner}-0001", "")
    }
    contrast = {name for name, stack in series.items() if stack[0].get("ContrastBolusAgent")}
    assert contrast == {protocols(scanner)["CET1WI"]["description"]}
    diffusion = series[protocols(scanner)["ADC"]["description"]]
    b_values = set(protocols(scanner)["ADC"]["b_values"])
    if scanner == "siemens":
        assert not any("DiffusionBValue" in image for image in diffusion)
        assert {int(image[0x0019, 0x100C].value) for image in diffusion} == b_values
        assert diffusion[0][0x0019, 0x0010].value == "SIEMENS MR HEADER"
    elif scanner == "ge":
        assert not any("DiffusionBValue" in image for image in diffusion)
        assert {int(image[0x0043, 0x1039].value[0]) - 1_000_000_000 for image in diffusion} == b_values
    else:
        assert {image.DiffusionBValue for image in diffusion} == b_values
        assert {image[0x2001, 0x1003].value for image in diffusion} == b_values


@pytest.mark.parametrize("scanner", VENDORS)
def test_dcm2niix_converts_every_series(full_size, scanner, tmp_path):
    """b-values, shape, affine (from the header, independently) and voxel values."""
    folder, _ = full_size[scanner]
    command = [dcm2niix.bin, "-g", "i", "-z", "n", "-b", "y", "-f", "%s", "-o", str(tmp_path), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    for kind in ("CET1WI", "T2WI", "ADC"):
        protocol = protocols(scanner)[kind]
        stack = series_of(folder)[protocol["description"]]
        image = nib.load(tmp_path / f"{stack[0].SeriesNumber}.nii")
        volumes = len(protocol.get("b_values", [0]))
        expected = (protocol["matrix"], protocol["matrix"], protocol["slices"])
        assert image.shape == (expected if volumes == 1 else (*expected, volumes))
        if kind == "ADC":
            read = (tmp_path / f"{stack[0].SeriesNumber}.bval").read_text().split()
            assert [float(b) for b in read] == protocol["b_values"]
        voxels = image.get_fdata().reshape(*expected, volumes)
        for dataset in stack[:: max(1, len(stack) // 7)]:
            b = protocol["b_values"].index(_b_value(dataset, scanner)) if kind == "ADC" else 0
            _assert_same_pixels(dataset, voxels[..., b], image.affine)


def _b_value(dataset, scanner: str) -> int:
    if scanner == "siemens":
        return int(dataset[0x0019, 0x100C].value)
    if scanner == "ge":
        return int(dataset[0x0043, 0x1039].value[0]) % 100_000
    return int(dataset.DiffusionBValue)


def _assert_same_pixels(dataset, voxels: np.ndarray, affine: np.ndarray) -> None:
    """Every pixel lies in the NIfTI volume where the DICOM plane equation (PS3.3 C.7.6.2.1.1) says, with its value."""
    row, column = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
    spacing = np.array(dataset.PixelSpacing, float)
    pixels = dataset.pixel_array * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
    j, i = np.mgrid[0 : dataset.Rows : 37, 0 : dataset.Columns : 41]
    points = (
        np.array(dataset.ImagePositionPatient, float)
        + i[..., None] * spacing[1] * row
        + j[..., None] * spacing[0] * column
    )
    ras = points * (-1, -1, 1)
    index = (ras - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    assert index == pytest.approx(np.rint(index), abs=5e-3)
    k = np.rint(index).astype(int)
    assert voxels[k[..., 0], k[..., 1], k[..., 2]] == pytest.approx(pixels[j, i], rel=1e-3, abs=0.5)


@pytest.mark.parametrize("scanner", VENDORS)
def test_diffusion_images_hold_the_planted_coefficient(full_size, scanner):
    """Log-linear fit between lowest and highest b inside the tumour's core, against the truth."""
    folder, truth = full_size[scanner]
    record = truth["patients"][f"{scanner}-0001"]
    protocol = protocols(scanner)["ADC"]
    parameters, name = load(PARAMETERS), f"{scanner}-0001"
    pelvis = anatomy.build(parameters, name, record, SEED)
    where = scanners.stack(parameters, protocol, name, "ADC", SEED)
    core = pelvis.tumor.depth(where.z, where.y, where.x) > 5
    stacks = {}
    for image in series_of(folder)[protocol["description"]]:
        stacks.setdefault(_b_value(image, scanner), []).append(image)
    low, high = (
        np.stack([i.pixel_array for i in sorted(stacks[b], key=lambda i: float(i.SliceLocation))])[core].astype(float)
        for b in (protocol["b_values"][0], protocol["b_values"][-1])
    )
    adc = np.log(low.mean() / high.mean()) / (protocol["b_values"][-1] - protocol["b_values"][0]) * 1e6
    assert adc == pytest.approx(record["tissue"]["tumour"]["adc"], rel=0.08)


def test_localizer_has_three_planes(full_size):
    folder, _ = full_size["philips"]
    scouts = series_of(folder)["Survey"]
    normals = {
        tuple(np.abs(np.cross(*np.array(i.ImageOrientationPatient, float).reshape(2, 3))).round(1)) for i in scouts
    }
    assert len(scouts) == 9 and len({int(np.argmax(normal)) for normal in normals}) == 3


# --- the regions of interest


def test_dicom_seg_read_by_highdicom_is_the_tumour(full_size):
    folder, truth = full_size["siemens"]
    segmentation = highdicom.seg.segread(folder / "segmentation.dcm")
    images = series_of(folder)[protocols("siemens")["CET1WI"]["description"]]
    images.sort(key=lambda image: float(image.SliceLocation))
    read = segmentation.get_pixels_by_source_instance(
        [image.SOPInstanceUID for image in images], assert_missing_frames_are_empty=True
    )[..., 0]
    assert segmentation.get_segment_description(1).segment_label == "Tumour"
    mask = true_mask("siemens", truth)
    assert mask.any() and np.array_equal(read.astype(bool), mask)
    assert segmentation.NumberOfFrames == mask.any(axis=(1, 2)).sum()
    placed = {
        tuple(map(float, f.PlanePositionSequence[0].ImagePositionPatient))
        for f in segmentation.PerFrameFunctionalGroupsSequence
    }
    assert placed <= {tuple(map(float, image.ImagePositionPatient)) for image in images}


def test_rtstruct_contours_give_the_tumour_back(full_size):
    folder, truth = full_size["ge"]
    structures = pydicom.dcmread(folder / "RTSTRUCT.dcm")
    names = {int(item.ROINumber): item.ROIName for item in structures.StructureSetROISequence}
    assert sorted(names.values()) == ["Bladder", "Tumour"]
    images = series_of(folder)[protocols("ge")["CET1WI"]["description"]]
    images.sort(key=lambda image: float(image.SliceLocation))
    by_uid = {image.SOPInstanceUID: number for number, image in enumerate(images)}
    mask = np.zeros((len(images), images[0].Rows, images[0].Columns), bool)
    centers = np.stack(np.meshgrid(np.arange(images[0].Columns), np.arange(images[0].Rows)), -1).reshape(-1, 2)
    for item in structures.ROIContourSequence:
        if names[int(item.ReferencedROINumber)] != "Tumour":
            continue
        for contour in item.ContourSequence:
            section = by_uid[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
            image = images[section]
            axes = np.array(image.ImageOrientationPatient, float).reshape(2, 3)
            points = np.array(contour.ContourData, float).reshape(-1, 3) - np.array(image.ImagePositionPatient, float)
            assert points @ np.cross(*axes) == pytest.approx(0, abs=1e-3)
            outline = points @ axes.T / np.array(image.PixelSpacing, float)
            mask[section] ^= Polygon(outline).contains_points(centers).reshape(mask.shape[1:])
    assert mask.any() and np.array_equal(mask, true_mask("ge", truth))


def test_nifti_mask_lies_on_the_tumour(full_size):
    folder, truth = full_size["philips"]
    image = nib.load(folder / "tumour_mask.nii.gz")
    mask = true_mask("philips", truth)
    assert np.array_equal(np.asarray(image.dataobj).astype(bool), mask.transpose(2, 1, 0))
    stack = series_of(folder)[protocols("philips")["CET1WI"]["description"]]
    first = min(stack, key=lambda dataset: float(dataset.SliceLocation))
    assert image.affine[:3, 3] * (-1, -1, 1) == pytest.approx(np.array(first.ImagePositionPatient, float), abs=1e-3)


# --- what must not happen


@pytest.mark.parametrize("scanner", VENDORS)
def test_same_seed_gives_the_same_bytes(atlas, coarse, tmp_path, scanner):
    truth = make_center(tmp_path, scanner, coarse)
    one = digest(make_patient(atlas, truth, scanner, tmp_path / "one", parameters=coarse))
    two = digest(make_patient(atlas, truth, scanner, tmp_path / "two", parameters=coarse))
    assert one == two and len(one) > 25
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_files_do_not_depend_on_who_else_is_simulated_nor_on_the_number_of_threads(atlas, coarse, tmp_path):
    """The same patient as one of four and as one of five, made in another process that was offered more threads."""
    (tmp_path / "more").mkdir()
    few, many = make_center(tmp_path, "ge", coarse, 4), make_center(tmp_path / "more", "ge", coarse, 5)
    status = [
        {name: record["lnm"] for name, record in json.loads(truth.read_text())["patients"].items()}
        for truth in (few, many)
    ]
    number = next(n for n in range(1, 5) if status[0][f"ge-{n:04d}"] == status[1][f"ge-{n:04d}"])
    one = digest(make_patient(atlas, few, "ge", tmp_path / "one", number, coarse))
    patient, place = f"ge-{number:04d}", tmp_path / "two"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/src"), "OMP_NUM_THREADS": "4"}
    command = [sys.executable, "-m", "hscore.steps.simulate_patient"]
    arguments = simulation(atlas, many, "ge", patient, place, coarse)
    subprocess.run([*command, *arguments], check=True, env=environment)
    assert digest(place / "images" / patient) == one


def test_label_itself_reaches_no_byte(atlas, coarse, tmp_path):
    """Only the signs (which overlap) carry the disease: the label, outcome and score may be anything."""
    path = make_center(tmp_path, "ge", coarse)
    before = digest(make_patient(atlas, path, "ge", tmp_path / "before", parameters=coarse))
    truth = json.loads(path.read_text())
    record = truth["patients"]["ge-0001"]
    record |= {"lnm": 1 - record["lnm"], "high_risk": not record["high_risk"], "ideal_h_score": 0.5, "latent_risk": 0}
    record["dfs"] = {"months": 1.0, "event": 1}
    path.write_text(json.dumps(truth))
    assert digest(make_patient(atlas, path, "ge", tmp_path / "after", parameters=coarse)) == before


@pytest.mark.parametrize("lacking", ["T2WI", "CET1WI", "roi"])
def test_a_missing_part_is_simply_not_there(atlas, coarse, tmp_path, lacking):
    path = make_center(tmp_path, "siemens", coarse)
    truth = json.loads(path.read_text())
    missing = truth["patients"]["siemens-0001"]["missing"]
    missing.update({"roi": True} if lacking == "roi" else {"sequence": lacking})
    path.write_text(json.dumps(truth))
    folder = make_patient(atlas, path, "siemens", tmp_path / "images", parameters=coarse)
    descriptions = {protocol["description"]: kind for kind, protocol in protocols("siemens").items()}
    kinds = {descriptions[name] for name in series_of(folder)}
    assert kinds == {"CET1WI", "T2WI", "ADC", "localizer"} - {lacking}
    assert (folder / "segmentation.dcm").exists() == (lacking == "T2WI")


# --- nothing but the signs tells the label


@pytest.fixture(scope="module")
def many(atlas, coarse, tmp_path_factory):
    """Images of 48 patients, half with LNM: (LNM, header features by patient, pixels by sequence)."""
    folder = tmp_path_factory.mktemp("many")
    parameters = load(coarse)
    rows, truth = draw_center(parameters, "ge", "ge", 48, 24, SEED)
    headers, pixels = [], {}
    for row in rows:
        target = folder / row["patient"]
        target.mkdir()
        record = truth["patients"][row["patient"]]
        record["missing"] = {"sequence": None, "roi": False, "clinical": []}
        write_patient(target, parameters, truth, atlas, row["patient"], "ge", SEED)
        stacks = series_of(target)
        headers.append(header_features([image for stack in stacks.values() for image in stack]))
        for kind in ("CET1WI", "T2WI", "ADC"):
            stack = stacks[protocols("ge")[kind]["description"]]
            stack.sort(key=lambda image: image.InstanceNumber)
            pixels.setdefault(kind, []).append(np.stack([image.pixel_array for image in stack]))
    return np.array([row["lnm"] for row in rows]) == 1, headers, {kind: np.stack(p) for kind, p in pixels.items()}


def header_features(images) -> dict:
    """Every element of a patient's headers: numbers as their mean over the images, other values as the first's text."""
    found = {}
    for image in images:
        for element in image:
            if element.keyword in ("PixelData", "PatientAge"):  # age is a clinical variable, planted with a shift
                continue
            values = element.value if element.VM > 1 else [element.value]
            for place, value in enumerate(values):
                found.setdefault(f"{element.tag} {place}", []).append(value)
    return {name: mean_or_text(values) for name, values in found.items()}


def mean_or_text(values):
    try:
        return float(np.mean([float(value) for value in values]))
    except (TypeError, ValueError):
        return str(values[0])


def test_no_header_gives_the_label_away(many):
    lnm, headers, _ = many
    table = pd.DataFrame(headers)
    for name, values in table.items():
        if not pd.api.types.is_numeric_dtype(values):
            table[name] = values.astype(str).rank()  # texts in their order
    found = shortcut_auc.report(table, lnm)
    assert len(found["features"]) > 20 and found["flagged"] == []
    aucs = np.array([row["auc"] for row in found["features"]])
    assert np.median(np.abs(aucs - 0.5)) < 0.1  # chance with 24 against 24: 0.057
    table["leak"] = lnm + np.random.default_rng(0).normal(0, 0.5, lnm.size)
    assert shortcut_auc.report(table, lnm)["flagged"] == ["leak"]


def pixel_aucs(values: np.ndarray, lnm: np.ndarray) -> np.ndarray:
    """AUC of every pixel, `values` (patients, pixels)."""
    ranks = rankdata(values, axis=0)
    positives = lnm.sum()
    return (ranks[lnm].sum(axis=0) - positives * (positives + 1) / 2) / (positives * (~lnm).sum())


@pytest.mark.parametrize("kind", ["CET1WI", "T2WI", "ADC"])
def test_no_pixel_gives_the_label_away(many, kind):
    """Far from the tumour no pixel knows more than chance; near it none separates the patients."""
    lnm, _, pixels = many
    stack = pixels[kind]
    flat = stack.reshape(len(stack), -1)
    far = np.ones(stack.shape[1:], bool)
    rows, columns = far.shape[1:]
    far[:, rows // 4 : -rows // 4, columns // 5 : -columns // 5] = False  # tumour, parametria, pelvic nodes
    random = np.random.default_rng(0)
    chance = [np.abs(pixel_aucs(flat[:, far.ravel()], random.permutation(lnm)) - 0.5).max() for _ in range(20)]
    assert np.abs(pixel_aucs(flat[:, far.ravel()], lnm) - 0.5).max() <= max(chance) + 0.02
    assert np.abs(pixel_aucs(flat, lnm) - 0.5).max() < 0.5


# --- the truth about the images


@pytest.mark.parametrize("scanner", VENDORS)
def test_image_truth_is_the_tumour_on_every_sequence(full_size, scanner):
    folder, truth = full_size[scanner]
    true = np.load(f"{folder}.npz")
    mask = true_mask(scanner, truth)
    sections, rows, columns = true["first_CET1WI"]
    block = true["mask_CET1WI"]
    assert tuple(true["shape_CET1WI"]) == mask.shape
    held = mask[sections : sections + block.shape[0], rows : rows + block.shape[1], columns : columns + block.shape[2]]
    assert np.array_equal(held, block) and held.sum() == mask.sum()
    volumes = []
    for kind in ("CET1WI", "T2WI", "ADC"):
        stack = series_of(folder)[protocols(scanner)[kind]["description"]]
        first = min(stack, key=lambda image: float(image.SliceLocation))
        affine = true[f"affine_{kind}"]
        assert affine[:3, 3] == pytest.approx(np.array(first.ImagePositionPatient, float), abs=1e-6)
        voxel = abs(np.linalg.det(affine[:3, :3]))
        volumes.append(true[f"mask_{kind}"].sum() * voxel / 1000)
    assert np.std(volumes) < 0.1 * np.mean(volumes)  # millilitres of the same tumour
    assert true["tumour_adc"] == pytest.approx(
        truth["patients"][f"{scanner}-0001"]["tissue"]["tumour"]["adc"], rel=0.05
    )


# --- negative controls


def test_noise_control_has_headers_but_no_image(atlas, coarse, tmp_path):
    truth = make_center(tmp_path, "ge", coarse, 4, "--control", "noise_images")
    folder = make_patient(atlas, truth, "ge", tmp_path / "images", parameters=coarse)
    pixels = series_of(folder)[protocols("ge")["T2WI"]["description"]][2].pixel_array.astype(float)
    assert pixels.std() / pixels.mean() == pytest.approx(np.sqrt(4 / np.pi - 1), rel=0.1)  # Rayleigh
    middle, edge = pixels[20:50, 20:50], pixels[:8]
    assert middle.mean() == pytest.approx(edge.mean(), rel=0.15)


def test_corner_leak_tells_the_label_and_changes_nothing_else(atlas, coarse, tmp_path):
    plain = make_center(tmp_path, "ge", coarse)
    name = protocols("ge")["CET1WI"]["description"]
    clean = series_of(make_patient(atlas, plain, "ge", tmp_path / "plain", parameters=coarse))[name][5].pixel_array
    (tmp_path / "leak").mkdir()
    leaking = make_center(tmp_path / "leak", "ge", coarse, 4, "--control", "corner_leak")
    images = []
    for lnm in (0, 1):
        truth = json.loads(leaking.read_text())
        truth["patients"]["ge-0001"]["lnm"] = lnm
        leaking.write_text(json.dumps(truth))
        folder = make_patient(atlas, leaking, "ge", tmp_path / f"leak{lnm}", parameters=coarse)
        images.append(series_of(folder)[name][5].pixel_array.astype(float))
    corner = (slice(planted_faults.CORNER),) * 2
    assert images[1][corner].mean() > 1.3 * images[0][corner].mean()
    for image in images:
        image[corner] = clean[corner]
        assert np.array_equal(image, clean)
