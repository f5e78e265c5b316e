"""Which names are the tumour's, and which are nodes, margins or organs, in the languages of several hospitals."""

import pytest
import yaml

from hscore.imaging.roi import region_names
from hscore.imaging.roi.region_choice import Rules
from workflow_runs import ROOT

TUMORS = """GTVp|GTV-T|GTV_primary|IBS-GTVp|cervix tumour|CervixTumor|肿瘤|病灶|宫颈癌|Tumor|tumour_new
cervix uteri tumour|Nodular tumour|GTV_new|GTV new|GTVnew|Tumor nodule|Lesion 1|Tumeur|lésion|Läsion
GTV|gtv-2|GTV1|primary tumor|cervical cancer|bladder-invading tumour|necrotic tumour
tumour of the uterus|GTV_cervix|GTVpost|Cervical tumour|tumor_nonenhancing|GTV_T2|uterine cervix tumor
GTV-P1|CxCa|Portio-Karzinom|lésion|ＧＴＶｐ|tumor_notes"""
OTHERS = """GTVn|GTVN|GTVn1|GTV-N1|GTV_N_left|GTV_nd|GTV_LN|GTVln|GTV LN left|LN left|LN|LN1|left_LN|LeftLN|lymph
lymph_node|nodes|lymphnode|nodal|GTVnode|GTVnodal|GTV_nodes|nGTV|GTV_node|tumor_node|nodal tumour|N1|n
淋巴结|肿大淋巴结|Lymphknoten|LK links|ganglion|ganglio linfatico|linfonodo|adénopathie|adénopathie
adenopathy|metastasis|HR-CTV|CTV|PTV|ITV|HRCTV|IR_CTV|CTVp|GTV_PTV|peritumoral|tumor_margin|ring 5
GTV+5mm|Bladder|bladder_wall|Harnblase|vessie|Rectum|Rektum|Sigmoid|bowel_bag|Small Bowel|uterus
UTERUS|vagina|ovary_l|Ovaries|femur|Femoral Head L|FemoralHeadL|body|BODY|External|skin|background
couch|CouchSurface|膀胱|直肠|子宫|阴道|GTVpn|GTV p+n|pelvic LN|PALN|para-aortic|лимфоузел
Węzły chłonne|リンパ節|L obturator|metastatic node|utérus|útero|recto|fémur|tumor-free tissue
non_tumour|ILN|nodes/mask|LN/roi"""
SILENT = """Structure 1|label|mask|roi|Segment_1|cervix|宫颈|A|Unknown Structure|annotation|director|stable
analysis|P001|abnormal|T2_ROI|子宫颈|zhangsan_mask|Struct_2|region|anode|normalized_mask
T1_fat_sat_mask|arterial_phase_roi|external_test_mask|Outline|Contour outline|T2_FS_mask|N12
Segmentation"""


def names(text: str) -> list[str]:
    return text.replace("\n", "|").split("|")


@pytest.mark.parametrize("name", names(TUMORS))
def test_names_of_the_tumour(name):
    assert region_names.matches(region_names.SEGMENT, name)
    assert not region_names.matches(region_names.EXCLUDE, name)


@pytest.mark.parametrize("name", names(OTHERS))
def test_names_that_are_never_the_tumour(name):
    assert region_names.matches(region_names.EXCLUDE, name)


@pytest.mark.parametrize("name", names(SILENT))
def test_names_that_say_nothing(name):
    assert not region_names.matches(region_names.EXCLUDE, name)
    assert not region_names.matches(region_names.SEGMENT, name)


def test_a_pattern_sees_the_name_as_it_is_written_and_its_words():
    assert region_names.readings("GTV_LN2") == ["GTV_LN2", "GTV LN 2"]
    assert region_names.matches("GTV_primary", "gtv_primary") and region_names.matches(r"\bln\b", "LeftLN")


def test_the_config_leaves_the_patterns_to_the_code():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))["convert"]["roi"]
    assert (Rules(**config).segment, Rules(**config).exclude) == (region_names.SEGMENT, region_names.EXCLUDE)


@pytest.mark.parametrize(
    "name",
    [
        *("盆腔LN", "LN左髂外", "GTV左LN", "primary+N", "Tumor_N", "N1_left", "ADP iliaque G", "GTV ADP", "л/у справа"),
        *(
            "Nodo pelvico D",
            "GTVLK",
            "GTVnod_L",
            "lnodes",
            "GTV_PAN",
            "임파선",
            "GTV+5",
            "GTV_5mm",
            "Tumorbett",
            "瘤周",
        ),
        *("GTV_exp", "not GTV", "Uterus-GTV", "肿瘤外放5mm"),
    ],
)
def test_nodes_and_margins_in_further_spellings(name):
    assert region_names.matches(region_names.EXCLUDE, name)


@pytest.mark.parametrize("name", ["Milano_tumour", "adeno_tumor", "Stefano_tumor", "Tumor_IIB_N0", "T2N1 tumor"])
def test_words_that_only_look_like_exclusions(name):
    assert not region_names.matches(region_names.EXCLUDE, name)
