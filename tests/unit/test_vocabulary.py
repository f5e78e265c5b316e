"""The words by which descriptions say what an image shows, in many languages and spellings."""

from pathlib import Path

import pytest
import yaml

from hscore.imaging.convert.recognition import mismatch
from hscore.imaging.dicom.frames import Frame
from hscore.imaging.dicom.grouping import Series
from hscore.imaging.dicom.vocabulary import part_by_words
from workflow_runs import ROOT

RULE = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))["convert"]["sequences"]["CET1WI"]

# Acquired before or without an agent, although the header lists one.
WITHOUT_AGENT = [
    *("T1 vibe o. KM", "T1 vibe oKM", "T1 s/ contraste", "T1 S/C", "T1 senza mdc", "T1 senza m.d.c."),
    *("T1 senza mezzo di contrasto", "T1 sin medio de contraste", "T1 sem meio de contraste"),
    *("T1 sans produit de contraste", "T1 ss inj", "T1 avant IV", "T1 sin CIV", "T1 non enhanced"),
    *("T1 non-enhanced", "T1 not enhanced", "T1 no IV contrast", "T1 without IV contrast", "T1 vibe NCE"),
    *(
        "T1 造影なし",
        "T1 非造影",
        "T1 未造影",
        "T1 造影無し",
        "T1 未增强",
        "T1 无增强",
        "T1 非增强",
        "T1 增强扫描前",
        "T1 비조영",
    ),
    *("T1 조영 전", "T1 до КУ", "T1 без КУ", "T1 доконтрастная", "T1 преконтраст", "T1 перед контрастом"),
    *("T1 бесконтрастная", "T1 vibe -C", "T1 vibe prae KM", "T1 vibe prä KM", "T1 ungecontrast"),
    *("T1 avant gado", "T1 prima di mdc", "T1 precontraste", "T1 pré-contraste", "T1 pré-injection"),
    *("T1 pre-Gd", "T1 vibe mask", "T1 baseline", "T1 phase 0 pre", "T1 unenh", "T1 sine contrast"),
    *("T1 vibe noncon", "T1 VIBE C- FS", "T1 0Gd", "T1 VIBE nativ", "T1_vibe_ohne_KM", "T1 SIN CTE"),
    *("T1 sin Gd", "T1 zonder contrast", "T1 bez kontrastu", "T1 kontrastsiz", "T1 kontrast oncesi"),
]
# Opposed-phase images.
OPPOSED = [
    *("T1 hors phase +C", "T1 hors-phase +C", "T1 opposition de phase +C", "T1 phase opposée +C"),
    *("T1 gegenphasig +KM", "T1 fase opuesta +C", "T1 opposizione di fase +C", "T1 fora de fase +C"),
    *("T1 fora-de-fase +C", "T1 oposição de fase +C", "T1 アウトオブフェーズ 造影", "T1 逆位相 造影", "T1 反相位 增强"),
    *("T1 去相位 增强", "T1 вне фазы +C", "T1 противофаза +C", "T1 OutPhase +C", "T1 OOP +C", "T1 opp-phase +C"),
    *("T1 antiphase +C", "T1 +C DIXON opp.", "T1 LAVA Flex (Out) +C", "OutPhase: Ax LAVA-Flex T1 +C"),
    *("T1 vibe dixon +C_opp", "T1 +C op_phase", "T1 +C OP", "T1 +C O.P."),
]
# Fat images of Dixon acquisitions.
FAT = [
    *("T1 DIXON fat +C", "T1 dixon nur Fett +KM", "T1 DIXON graisse seule +C", "T1 dixon imagen grasa +C"),
    *("T1 dixon solo grasso +C", "T1 dixon gordura +C", "T1 dixon жир +C", "T1 dixon жировой +C"),
    *("T1 dixon 脂肪 增强", "T1 dixon 脂相 增强", "T1 dixon 脂肪画像 造影", "T1 dixon 지방 +C", "FAT: Ax LAVA-Flex +C"),
    *("T1 mDIXON (F) +C", "T1 mDIXON [F] +C", "T1_vibe_dixon_F", "T1 W DIXON_F +C", "T1 vibe dixon F +C"),
    *("T1 dixon FatOnly +C", "T1 dixon_fatonly +C", "T1 dixon FP +C", "T1 IDEAL Fat +C", "T1 vibe_dixon+C_F"),
    *("T1 lipid +C", "T1 WFI_F +C", "T1 dixon non-water +C", "T1 FatImage +C", "T1 water suppressed +C"),
    *("T1 dixon без воды +C",),
]
# Subtractions.
SUBTRACTED = [
    *("T1 vibe Differenz +KM", "T1 vibe minus nativ", "T1 vibe subtração +C", "T1 Post minus Pre"),
    *("T1 ph4-ph1 +C", "(903-902) Ax T1 +C", "T1 vibe SUBTR +C", "T1_vibe_dyn_SUB3", "T1 sottrazione +C"),
    *("T1 substr +C", "T1 soustraction +C", "T1 减影 增强", "T1 差分 造影", "T1 サブトラクション 造影"),
    *("T1 サブ 造影", "T1 вычитание +C", "T1 разность +C", "T1 Abzug +KM", "T1 difference +C"),
    *("T1 diff image +C",),
]
# Maps, projections, overviews, synthetic and inverted images.
DERIVED = [
    *("t1_vibe_dyn_WI", "t1_vibe_dyn_WO", "t1_vibe_dyn_TTP", "t1_vibe_dyn_PEI", "T1_map +C", "T1 mapping +C"),
    *("t1_vibe_dyn_MIPt", "t1_twist_ve", "T1 vibe Slope +C", "T1 vibe Max Enhancement", "t1_vibe_AUC +C"),
    *("T1 signal enhancement ratio", "T1 VIBE +C colour map", "t1_vibe +C MPR cor-tra"),
    *("t1_vibe_+C_REFORMAT", "t1_vibe +C synth", "T1 +C invertiert", "T1 +C inversée", "T1 +C 白黒反転"),
    *("T1 +C 反转", "T1 +C invertida", "T1 +C 合成", "T1 +C synthetisch", "T1 +C sintetica", "T1 +C sintética"),
    *("T1 +C synthétique", "T1 +C локалайзер", "T1 +C 定位像", "T1 +C Lokalisator", "T1 +C localisateur"),
    *("T1 +C localizador", "T1 +C スカウト", "T1 +C repérage", "T1 +C Übersicht"),
    *("T1 +C virtual nonfat", "T1 +C MinIP", "T1 +C 最大値投影", "T1 +C rekonstruiert cor"),
]
# 'post' and 'contrast' of other meanings, without an agent in the header.
OTHER_POST = [
    *("T1 tse post RT", "T1 tse post op", "t1 postoperative", "T1 tse post chemo", "T1 posterior"),
    *("T1 post-treatment", "T1 post partum", "T1 post biopsy", "T1 high contrast", "T1 post void"),
    *("T1 post conisation",),
]
# Contrast-enhanced images whose descriptions contain words of the lists above.
ENHANCED = [
    *("T1 +C sem supressão de gordura", "T1 com supressão de gordura +C", "T1 saturação de gordura +C"),
    *("T1 saturazione del grasso +C", "T1 soppressione del grasso +C", "T1 suppression graisse +C"),
    *("T1 satur. graisse +C", "T1 supresion grasa +C", "T1 con grasa saturada +C"),
    *("T1 с контрастом без жироподавления", "T1 +C без FS", "T1 post KM before treatment", "T1 +C pre RT"),
    *("T1 +C before RT", "T1 CE prä OP", "T1 +C pre-chemoradiation", "T1 +C preoperative"),
    *("T1 +C pretreatment", "T1 +C vor Therapie", "T1 +C vor OP", "T1 +C avant traitement"),
    *("T1 +C antes de tratamiento", "T1 +C prima di terapia", "T1 CE до лечения", "T1 +C 治疗前", "T1 增强 放疗前"),
    *("T1 vibe fs +C native resolution", "T1 +C 3D no gap", "T1 增强 脂肪抑制像", "T1 +C fettsat"),
    *("T1 VIBE +C Fett-Sättigung", "T1 +C fettgesättigt", "T1 +C sin saturación", "T1 +C fat-suppressed"),
    *("T1 +C with fat saturation", "T1 SPAIR +C basal", "T1 +C plain FOV", "T1 +C inversion recovery prep"),
    *("T1 +C subcutaneous", "T1 Sub-mm vibe +C", "T1 vibe +C SPIR agua", "T1 vibe +C map-pelvis"),
    *("T1 +C SPACE no fatsat", "T1 +C local recurrence", "T1 vibe +C P local staging", "T1 +C no MIP"),
    *("T1 +C w/o FS", "T1 +C without fat sat", "T1 +C ohne FS", "T1 +C non FS", "T1 +C sans FS"),
    *("T1 FS+C Cervix vorher", "T1 VIBE +C RT planning scan", "T1 KM Becken planscan", "T1 +C loc adv ca"),
    *("T1 vibe +C in fase tardiva", "T1 +C en fase venosa"),
]
# Contrast-enhanced by name alone.
NAMED = [
    *("T1 c/ contraste", "T1 con mdc", "T1 dopo mdc", "T1 con CIV", "T1 con contraste", "T1 mKM", "T1 m. KM"),
    *("T1 nach KM", "T1 avec gado", "T1 après injection", "T1 с КУ", "T1 с контрастом", "T1 постконтраст"),
    *("T1 增强", "T1 造影", "T1 造影後", "T1 조영증강", "T1 C+", "T1+C", "T1 post", "T1 +Gd", "T1 CE FS", "T1 IV+"),
    *("T1 gado", "T1 Gadovist", "T1 +K", "T1 Dotarem", "T1 post-contrast", "T1 contraste", "T1 Gd-DTPA"),
    *("T1 после контраста", "T1 venous", "T1CE", "T1_CE", "CE-T1", "CE_T1", "ceT1", "T1w_CE", "T1 DCE"),
    *("T1 strengthened",),
]
# What headers write in place of an agent.
NO_AGENT = [
    *("ohne", "ohne KM", "senza", "sem contraste", "N/A", "NA", "None given", "no", "无造影剂", "не вводился"),
    *("NULL", "0", "0.0", "0ml", "No contrast", "UNKNOWN", "ANONYMIZED", "REMOVED", "native", "w/o"),
]


def reason(description: str, agent: str) -> str | None:
    """Why a series with this description is not contrast-enhanced T1; None where it is."""
    frames = [
        Frame(
            path=Path("x"),
            instance=number,
            position=(0.0, 0.0, 5.0 * number),
            orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
            spacing=(1.0, 1.0),
            size=(20, 16),
            image_type=("ORIGINAL", "PRIMARY", "M", "ND"),
            b_value=None,
            echo_time=2.0,
            repetition_time=5.0,
        )
        for number in range(8)
    ]
    series = Series(
        uid="1",
        number=9,
        modality="MR",
        description=description,
        protocol="",
        vendor="SIEMENS",
        model="",
        field_strength=3.0,
        contrast_agent=agent,
        before_contrast=False,
        study="1",
        day=None,
        echo_planar=False,
        frame_of_reference="1",
        thickness=5.0,
        slice_distance=5.0,
        frames=frames,
        part=part_by_words(description),
    )
    return mismatch(series, RULE)


@pytest.mark.parametrize("description", WITHOUT_AGENT)
def test_a_series_named_as_without_agent_is_refused_for_that(description):
    assert "without contrast agent" in reason(description, "Gadovist")


@pytest.mark.parametrize("description", OPPOSED)
def test_an_opposed_phase_image_is_refused(description):
    assert reason(description, "Gadovist") == "it shows the opposed-phase image"


@pytest.mark.parametrize("description", FAT)
def test_a_fat_image_is_refused(description):
    assert reason(description, "Gadovist") == "it shows the fat image"


@pytest.mark.parametrize("description", SUBTRACTED)
def test_a_subtraction_is_refused(description):
    assert reason(description, "Gadovist")


@pytest.mark.parametrize("description", DERIVED)
def test_a_derived_image_is_refused(description):
    assert reason(description, "Gadovist")


@pytest.mark.parametrize("description", OTHER_POST)
def test_after_an_operation_is_not_after_an_agent(description):
    assert reason(description, "") == "no contrast agent"


@pytest.mark.parametrize("agent", NO_AGENT)
def test_a_word_for_no_agent_is_none(agent):
    assert reason("T1 vibe tra", agent) == "no contrast agent"


@pytest.mark.parametrize("description", ENHANCED)
def test_words_of_other_meanings_lose_no_series(description):
    assert reason(description, "Gadovist") is None


@pytest.mark.parametrize("description", NAMED)
def test_the_name_alone_is_enough(description):
    assert reason(description, "") is None
