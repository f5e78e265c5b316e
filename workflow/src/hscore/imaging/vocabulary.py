"""Words and codes by which scanners and hospitals say what an image shows, in the languages of hospitals.

All patterns are searched without regard to case. ``(?<![a-z])`` and ``(?![a-z])`` are word ends at which digits and
underscores count as separators.
"""

import re

# Contrast-enhanced: "t1+c", "T1 CE", "post gad", "nach KM", "T1 inj", "增强", "造影".
CONTRAST = (
    r"\+\s*(c|km|gd|k)(?![a-z])|(?<![a-z])(c\+|ce|cet1\w*|gd|gad[a-z]*|post(?!er)[a-z]*|km|inj[a-z]*|[ck]ontrast[a-z]*"
    r"|enh(anced)?)(?![a-z])|增强|增強|造影|контраст|к/у|조영"
)
# ... and without it, in the same languages; it wins, because "sans injection" contains the word, too.
NO_CONTRAST = (
    r"(?<![a-z])(pre(?![ _-]*(op|sat|treat|therap|chemo|rt))|before|nati(v|ve|vo|va|f|fs)|pr(é|e)vi[oa]|plain"
    r"|unenhanced|nce|c-|basale?|"
    r"(w/?o|non?|without|ohne|sans|sin|senza|sem|vor|avant|antes|prima|before|pre)"
    r"[ _-]*(de +|di +|d'|the +|la +|do +|del +)?(ce|gd|gad[a-z]*|km|inj[a-z]*|[ck]ontrast[a-z]*))(?![a-z])"
    r"|平扫|平掃|单纯|単純|增强前|增強前|造影前|注射前|без (контр|к/у|введ|усил)|до (контраст|введ|к/у)|натив|조영 ?전"
)
# What a header writes under ContrastBolusAgent when none was given.
NO_AGENT = r"|no|none|n|nil|no[nt]?[ _-].*|kein.*|ohne.*|without.*|sans.*|sin .*|0+(\.0+)?( *ml)?|-+|无|無|否|нет|なし"

LOCALIZER = (
    r"local|(?<![a-z])loc(?![a-z])|scout|survey|overview|(ü|ue|u)bersicht|topogram|pilot|rep(e|é)rage|plan[ _-]?scan"
    r"|(?<![a-z])(3|three|tri)[ _-]*(plane|pl)(?![a-z])|calibration|定位|обзор|локал|位置決め|위치"
)
SUBTRACTION = (
    r"\(\d+ *- *\d+\)|(?<![a-z])sub[st]?(?![a-z])|subtr|soustr|sustrac|sottra|вычит|субтр|减影|減影"
    r"|剪影|差分|サブトラ|감산"
)
PROJECTION = r"(?<![a-z])(m|min|mini)ip|projection|(?<![a-z])(mpr|cpr|vrt|3d ?recon)|reformat|projek|最大密度"
INVERTED = (
    r"inverted|invertier|invertid|invertit|(?<![a-z])invers[eéo]?(?![a-z])|(?<![a-z])inv(?![a-z]|[ ._-]*rec)"
    r"|(?<![a-z])negativ|инверт|反色|黑白反"
)
SYNTHETIC = (
    r"synth|syntet|sintét|sintet|(?<![a-z])sy(n|mri?|nmr|maps?)?(?![a-z])|magic(?![a-z])|(?<![a-z])virtual|合成|синтет"
)
# Numbers computed from images: parameter maps of dynamic and relaxation measurements.
MAP = (
    r"wash[ _-]?(in|out)|(?<![a-z])(ttp|pei|iauc|ktrans|kep|t2 ?map|t1 ?map|r2\*?|rela[xk]\w* map|perf\w* map)(?![a-z])"
)
COMPUTED_DIFFUSION = (
    r"calc|comput|(?<![a-z])comp(?![a-z])|berechn|c(á|a)lcul|calcol|extrapol|вычисл|рассч|расч|计算|計算"
    r"|(?<![a-z])[cs][ _-]?dwi(?![a-z])|(?<![a-z])c[ _-]?b[ _=-]?\d|" + SYNTHETIC
)

# Image type and frame type values, or words of a description, that name one part of a Dixon or complex acquisition.
_NOT_SUPPRESSED = r"(?![ _-]*(sat|sup|sep|suppr|nul|free|less|unterdr|ges|抑|饱|飽|压))"
PARTS = {
    "water": r"w|water|wasser|dixon[ _]w(ater)?|w_\w+",
    "fat": r"f|fat|fett|dixon[ _]f(at)?|f_\w+|ff|fat[ _]?fraction|pdff",
    "in-phase": r"ip|i_?p|in[ _-]?phase|inphase|ip_\w+",
    "opposed-phase": r"op|oop|(opp|opposed|out|out[ _-]of)[ _-]?phase|outphase|op_\w+",
    "phase": r"p|phase|phase[ _]map|p_\w+|b0[ _]map|fieldmap|field[ _]map",
    "real": r"r|real|r_\w+",
    "imaginary": r"i|imaginary|i_\w+",
    "ADC": r"adc|adc_\w+|apparent diffusion coefficient",
    "exponential ADC": r"e_?adc|exp(onential)?(_adc)?",
    "fractional anisotropy": r"fa|fractional[ _]?anisotropy|diffusion_aniso|ra|cfa|colfa|tensor_b0|tensor",
    "subtraction": r"sub|subtraction|subtract",
    "projection": r"mip|minip|max_ip|min_ip|mpr|cpr|projection image|reformatted|mpr thick range|average_proj",
    "map": r"t1 map|t2 map|metabolite_maps|t2_star map|r2_star map|wash.?in|wash.?out|ttp|pei|rcbv|mtt|perfusion_\w+",
}
_PART_WORDS = {
    "fat": r"(?<![a-z])(fat|fett|graisse|grasa|grasso|gordura)(?![a-z])"
    + _NOT_SUPPRESSED
    + r"|жировая фаза|脂肪(相|像|图|圖)|脂相|지방 ?영상",
    "opposed-phase": r"(?<![a-z])(opp|oop|opposed)(?![a-z])|(?<![a-z])out[ _-]*(of)?[ _-]*(ph|phas\w*|fase)(?![a-z])"
    r"|(?<![a-z])(outph\w*|oppph\w*|gegenphase|opposition|oposici\w+|fuera de fase|fuori fase)"
    r"|反相|противофаз|逆位相|역위상",
    "in-phase": r"(?<![a-z])(in[ _-]?ph(ase)?|en phase|en fase|in fase)(?![a-z])|同相|正相|синфаз|동위상",
    "water": r"(?<![a-z])(water|wasser|eau|agua|acqua|água)(?![a-z])(?![ _-]*(exc|anr|sat|sel))|水(相|像|图|圖)|водная",
}
DIXON = r"dixon|(?<![a-z])flex|(?<![a-z])ideal(?![a-z])|lava[ _-]?flex|mdixon|迪克森"
# One letter, as Siemens and Philips abbreviate the parts of a Dixon acquisition at the end of its name.
_LETTERS = {"w": "water", "f": "fat", "in": "in-phase", "ip": "in-phase"} | dict.fromkeys(
    ("opp", "op", "out"), "opposed-phase"
)
_LETTER = re.compile(r"[ _:-](w|f|in|ip|opp|op|out)(?=[ _:+-]|$)", re.IGNORECASE)
_NO_FAT = (
    r"(?<![a-z])(no[nt]?|without|w/?o|ohne|sans|sin|senza|sem)[ _-]*(fat|fett|graisse|grasa|grasso|gordura)(?![a-z])"
)
_FAT_SUPPRESSION = (
    r"(?<![a-z])((sat|supp?r?|suppression|saturation|saturaci\w+|supresi\w+|sopp\w+)[ _-]*(de|di|of|du)?[ _-]*(la|the)?"
    r"[ _-]*(fat|graisse|grasa|grasso|gordura)|suppressed fat)"
)


# Words by which undeclared bytes are recognised as text of one alphabet.
RADIOLOGY_WORDS = (
    "增强|增強|平扫|平掃|造影|轴|軸|横断|矢状|冠状|弥散|扩散|拡散|動態|动态|脂肪|压脂|水相|同相|反相|盆腔|单纯|単純|定位|减影|合成|计算"
    "|контраст|натив|дифф|аксиал|таз|обзор|조영|확산|골반"
)


def found(pattern: str, text: str) -> str | None:
    """Return what a pattern finds in a text, without regard to case; None for nothing."""
    match = re.search(pattern, text, re.IGNORECASE)
    return match[0] if match else None


def part_by_type(image_type: tuple[str, ...]) -> str:
    """Return the part of an acquisition that the values of an image or frame type name; "" for a plain image.

    The first two values (ORIGINAL or DERIVED, PRIMARY or SECONDARY) never name a part.
    """
    for name, pattern in PARTS.items():
        if any(re.fullmatch(pattern, value.strip(), re.IGNORECASE) for value in image_type[2:]):
            return name
    return ""


def part_by_words(text: str, others: frozenset[str] = frozenset()) -> str:
    """Return the part of a Dixon acquisition that a description names; "" where it names none.

    A letter that stands alone (``_W``, ``_F``, ``_in``, ``_opp``) counts where the description names the method, or
    where one of the ``others`` (descriptions of the same folder) differs from it in that letter only.
    """
    letter = _LETTER.search(text)
    if letter:
        siblings = {stem_of_part(other) for other in others if other != text}
        if found(DIXON, text) or stem_of_part(text) in siblings:
            return _LETTERS[letter[1].lower()]
    plain = re.sub(f"{_NO_FAT}|{_FAT_SUPPRESSION}", " ", text, flags=re.IGNORECASE)
    return next((name for name, pattern in _PART_WORDS.items() if found(pattern, plain)), "")


def stem_of_part(text: str) -> str:
    """Return a description without the letter of a Dixon part; "" where it has none."""
    return _LETTER.sub("", text, count=1).lower() if _LETTER.search(text) else ""
