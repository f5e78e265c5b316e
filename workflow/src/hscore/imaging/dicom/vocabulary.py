"""Words and codes by which scanners and hospitals describe the content of an image, in many languages.

All patterns ignore case. Digits, underscores and punctuation end a word. Chinese, Japanese and Korean words have no
marked end.
"""

import re

_START, _END = r"(?<![^\W\d_])", r"(?![^\W\d_])"


def _words(*alternatives: str) -> str:
    """Return a pattern of whole words; an alternative may itself be a pattern."""
    return f"{_START}(?:{'|'.join(alternatives)}){_END}"


# A contrast agent or its effect: "KM", "Gd", "mdc", "CIV", "inj", "contraste", "Gadovist", "realce".
_PRODUCTS = r"gadovist|dotarem|magnevist|multihance|prohance|omniscan|primovist|clariscan|gadobutrol|gadoterat\w*"
_EFFECT = r"(?:un)?enhanc\w*|realce|rehauss\w*|verst[aä]rk\w*|anreicherung|усил\w*|контрастир\w*"
_AGENT = (
    r"(?:[ck]ontrast\w*|км|km|gd|gad|gado\w*|inj\w*|m\.?d\.?c\.?|civ|(?:i\.?v\.?|в/в)(?: (?:contrast|контраст)\w*)?"
    rf"|ce|cte|enh|{_EFFECT}"
    rf"|(?:mezzo|medio|meio|produit) (?:de|di) contrast\w*|контраст\w*|ку|к/у|введ\w*|{_PRODUCTS})"
)
_AGENT_CJK = r"(?:增强|增強|増強|造影|조영|ce|gd)(?:剂|劑|剤|제)?"
_LINK = r"[ _.-]*(?:(?:the|la|le|do|del|de|di|d'|il|l')[ _]*)?"
_NO = r"(?:w/?o|without|non?|not|ohne|o\.?|sans|ss|sin|senza|sem|s/|zonder|bez|sine|un|без|бес)"
_BEFORE = r"(?:pre|pré|pre[oö]|pra?e|prä|before|vor|avant|antes|prima|до|перед|пре)"
_THERAPY = (
    r"(?:op(?!p)|oper\w*|surg\w*|rt|r\.?t\.?|radio\w*|chemo\w*|treat\w*|trait\w*|trat\w*|therap\w*|terap\w*|biops\w*"
    r"|bx|лечен\w*|терап\w*|治疗|放疗|化疗|术)"
)
_WITH = r"(?:c/|con|com|mit|m\.?|nach|avec|apr[eè]s|with|after|dopo|despu[eé]s|с|после|пост)"
# What may follow "post" or the name of a phase if it refers to an agent: nothing, numbers, or words of the sequence.
# Anything else ("post CRT", "venous plexus") may refer to a therapy or an organ.
_SEQUENCE_FOLLOWS = (
    r"(?=[\W\d_]*(?:$|(?:tra|ax|axial|transv\w*|sag\w*|cor\w*|fs|fatsat|fat|spair|spir|dixon|vibe|lava|thrive|flash"
    r"|fspgr|3d|2d|dyn|dynamic|phase|ph|phas\w*|fase|min|sec|s|mm|t1\w*|pelvis|becken|bassin|iso|hr)(?![^\W\d_])))"
)

# Contrast-enhanced: "t1+c", "T1 CE", "post gad", "nach KM", "T1 inj", "增强", "造影".
CONTRAST = "|".join(
    (
        r"\+\s*(?:c|km|gd|k)(?![^\W\d_])",
        r"(?<!un)(?<![^\W\d_])c\+",
        rf"{_START}iv\+",
        rf"{_START}post{_SEQUENCE_FOLLOWS}",
        _words(rf"post[ _-]?{_AGENT}", rf"{_WITH}{_LINK}{_AGENT}"),
        _words("ce", r"cet1\w*", r"t1w?ce", "dce", "gd", r"gad\w*", "km", r"inj\w*", "enh", "enhanced", "strengthened"),
        _words(r"[ck]ontrast\w*", _PRODUCTS, "mdc", "civ"),
        rf"{_START}(?:arteri\w*|(?:portal[ -]?)?ven(?:ous|osa|ös|euse|oso)|delayed|tardi\w*|spät){_SEQUENCE_FOLLOWS}",
        r"增强|增強|造影|조영|контраст|к/у|動脈期|动脉期|静脉期|静脈期|延迟期|平衡期",
    )
)
# Without contrast, in the same languages. It wins over CONTRAST, because "sans injection" contains the word, too.
NO_CONTRAST = "|".join(
    (
        _words(rf"{_NO}{_LINK}(?:iv )?{_AGENT}", rf"{_BEFORE}{_LINK}{_AGENT}", rf"{_AGENT}siz", rf"{_AGENT} [oö]ncesi"),
        rf"{_START}(?:{_AGENT}|c)[ _]*(?:\(\s*[-–]\s*\)|[-–](?![^\W_])|[ _-]?free{_END})",  # "Gd(-)", "KM-", "Gd free"
        _words(r"pr[eé][ _-]?con\w*", rf"pr[eé](?![ _.-]*{_THERAPY})", r"nati(?:v|ve|vo|va|f|fs)(?! *res)"),
        _words("unenh", "ungecontrast", "noncon", "nce", r"unverst[aä]rkt", r"leer(?:aufnahme)?"),
        _words(r"s/ ?c", r"0 ?gd", r"pr[eé]vi[oa]", r"натив\w*"),
        r"(?<![\w+])-\s*c(?![^\W\d_])",
        rf"平扫|平掃|单纯|単純|(?:非|未|无|無){_AGENT_CJK}|{_AGENT_CJK}(?:なし|無し|无|無|전)",
        rf"(?:{_AGENT_CJK}|注射)(?:扫描|掃描|検査)?前|비조영|조영 ?전",
    )
)
# Words for "without contrast" that have other meanings, too. They count only if no word says that an agent was given.
PERHAPS_NO_CONTRAST = _words("plain", r"basale?", "baseline", "mask")
# Words of contrast that refer to the picture, not to an agent.
PICTURE_CONTRAST = _words(r"(?:high|low|soft|tissue|image|good|best)[ _-]*(?:tissue[ _-]*)?contrast")
# Content of ContrastBolusAgent if none was given or the value was removed.
NO_AGENT = (
    r"|n|nil|null|n/?a|no(?:ne|t|n)?(?:[ _-].*)?"
    r"|(?:kein|ohne|without|sans|sin |senza|sem|w/?o|nativ|не |без|нет|无|無|なし).*"
    r"|unknown|anonymi[sz]ed|removed|0+(?:\.0+)?(?: *ml)?|-+|否"
)

LOCALIZER = (
    _words(
        r"locali[sz]\w*", r"lokali\w*", r"local(?![ _-]*(?:recur|stag|adv|tumou?r|contr|progr))", r"loc(?![ _-]*adv)"
    )
    + r"|scout|survey|overview|(?:ü|ue|u)bersicht|topogram|"
    + _words("pilot", r"rep[eé]rage", r"(?:3|three|tri)[ _-]*pl(?:ane)?", "calibration", r"обзор\w*", r"локал\w*")
    + "|定位|位置決め|スカウト|위치"
)
SUBTRACTION = (
    r"\(\d+ *- *\d+\)|ph\w*\d+ *- *ph\w*\d+|"
    + _words(
        r"sub[st]?\d*(?![ _-]*(?:mm|vol|cut|max))",
        r"substr\w*",
        r"subtr\w*",
        r"soustr\w*",
        r"sustrac\w*",
        r"sottra\w*",
        r"(?:post|ph\w*|km|gd|ce|\d) *minus",
        "dsa",
    )
    + "|"
    + _words(r"diff[eé]ren[cz]\w*", r"diff image", "abzug", r"вычит\w*", r"субтр\w*", r"разност\w*")
    + "|减影|減影|剪影|差分|相減|相减|サブ(?:トラ|像|$|[ _])|감산"
)
PROJECTION = (
    r"(?<!no )(?<!non )(?<![^\W\d_])(?:m|min|mini)ip|projection|projek|"
    + _words("mpr", "cpr", "vrt", r"3d ?recon\w*", r"reformat\w*", r"rekonstr\w*")
    + "|最大密度|最大値|投影"
)
INVERTED = (
    _words("inverted", r"inverti\w*", r"invers[eéo]e?s?", r"inv(?![ ._-]*rec)", r"negati(?:v|ve|vo|f|va)", r"инверт\w*")
    + "|反色|黑白反|白黒反|反[转轉転](?!恢|回)"
)
SYNTHETIC = (
    _words(
        r"synth\w*", r"syntet\w*", r"s[ií]nt[eé]t\w*", r"sy(?:n|mri?|nmr|maps?)?", "magic", r"virtual\w*", r"синтет\w*"
    )
    + "|合成|합성"
)
# Numbers computed from images: parameter maps of dynamic and relaxation measurements, and means of phases.
MAP = (
    _words(
        r"wash[ _-]?(?:in|out)",
        "ttp",
        "pei",
        "iauc",
        "ktrans",
        "kep",
        r"t[12][ _]?map(?:ping)?",
        r"r2\*?",
        r"relax\w* map",
    )
    + "|"
    + _words(r"perf\w* map", r"colou?r map", "slope", r"max(?:imum)? enhancement", "enhancement ratio", r"i?auc")
    + r"|(?:dyn|dce|twist)\w*_(?:wi|wo|mipt|ve|vp)(?![^\W\d_])"
)
COMPUTED_DIFFUSION = (
    r"calc|comput|berechn|c(?:á|a)lcul|calcol|extrapol|вычисл|рассч|расч|计算|計算|"
    + _words("comp", r"[cs][ _-]?dwi", r"c[ _-]?b[ _=-]?\d+")
    + "|"
    + SYNTHETIC
)
ADC_MAP = _words("adc", r"e-?adc", r"apparent\w*") + "|表观|見かけ"
# Single-shot T2, for planning and for breathing patients; its contrast is coarser than that of the diagnostic T2.
SINGLE_SHOT = _words("haste", r"ss-?f?s?e", "ssfse", r"ss-?tse", r"single[ _-]*shot", "ufse")

# Values of image type and frame type that name one part of a Dixon or complex acquisition, or a derived image.
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
DIXON = r"dixon|" + _words(r"(?:lava|vibe|fgre)?[ _-]?flex(?![ _-]*coil)", "ideal", "wfi", "fwi") + "|迪克森"
_FAT = r"(?:fat|fett|graisses?|grasa|grassi?o?|gordura|жир\w*)"
_SUPPRESSED = r"[^\W\d_]*(?:sat|supp|supr|sopp|unterdr|s[aä]tt|nul|sep|free|less|抑|饱|飽|压)[^\W\d_]*"
_PART_WORDS = {
    "fat": _words(rf"{_FAT}\w*", r"lipid\w*", r"non-?water", r"water[ _-]*supp\w*", "без воды")
    + r"|脂肪(?:相|像|图|圖|画)(?!.*抑)|脂相|지방 ?영상",
    "opposed-phase": _words(
        r"opp", "oop", "opposed", r"opp?[ _-]?ph\w*", r"out[ _-]*(?:of)?[ _-]*(?:ph|phas\w*|fase)", r"outph\w*"
    )
    + "|"
    + _words(
        r"gegenphas\w*",
        r"oppon\w*",
        r"au(?:ß|ss)er phase",
        "o-phase",
        "не в фазе",
        r"opposition\w*",
        r"oposi\w+",
        r"opposizion\w*",
        r"phase oppos\w*",
        "fase opuesta",
        "antiphase",
    )
    + "|"
    + _words(r"hors[ _-]phase", r"f(?:uera|ora)[ _-](?:de[ _-])?fase", "fuori fase", "вне фазы", r"противофаз\w*")
    + r"|反相|去相|逆位相|アウト\w*フェ|역위상",
    "in-phase": _words(r"in[ _-]?ph(?:ase)?", "en phase", r"(?:en|in|em) fase(?! *(?:ven|art|tard|port|eq|par|prec))")
    + r"|同相|正相|синфаз|동위상|インフェ",
    "water": _words("water", "wasser", "eau", "agua", "acqua", "água", "водная")
    + r"(?![ _-]*(?:exc|anr|sat|sel))|水(?:相|像|图|圖|画)",
}
# In the name of a Dixon acquisition these mean fat without a word for its image.
_FAT_OF_DIXON = r"脂肪(?!抑|饱|飽)|지방|" + _words(r"жир\w*", "fp", r"fat[ _-]?\w*")
# Abbreviations of the parts of a Dixon acquisition in its name.
_LETTERS = {"w": "water", "f": "fat", "in": "in-phase", "ip": "in-phase"} | dict.fromkeys(
    ("opp", "op", "out"), "opposed-phase"
)
_LETTER = re.compile(r"[ _:([-](w|f|in|ip|opp|op|out)(?=[ _:+)\].-]|$)", re.IGNORECASE)
_OPPOSED_AT_END = re.compile(r"(?<!post)(?<!pr[eäé])(?<!vor)(?<!nach)[ _-]o\.?p\.?$", re.IGNORECASE)
_NO_FAT = _words(rf"(?:{_NO}|{_WITH})[ _-]*{_FAT}")  # also "with fat", which means without fat suppression
_FAT_SUPPRESSION = rf"{_SUPPRESSED}\.?[ _-]*(?:d[eioau]l?l?a?|of)?[ _-]*(?:la|the|il)?[ _-]*{_FAT}" + (
    rf"|{_FAT}[ _-]*{_SUPPRESSED}|жироподав\w*"
)

# Words by which undeclared bytes are recognised as text in one alphabet.
RADIOLOGY_WORDS = (
    "增强|增強|平扫|平掃|造影|轴|軸|横断|矢状|冠状|弥散|扩散|拡散|動態|动态|脂肪|压脂|水相|同相|反相|盆腔|单纯|単純|定位|减影|減影|剪影|差分|合成|计算|計算"
    "|表观|见かけ|サブトラ|スカウト|アウト|最大値|反转|反転|水像|コロナル|アキシャル|^[无無]$|^なし$"
    "|контраст|натив|дифф|аксиал|таз|обзор|вычит|разност|синтет|^нет$|조영|확산|골반|감산|합성|위상|지방"
)


def first_match(pattern: str, text: str) -> str | None:
    """Return the first match of a pattern in a text, ignoring case, or None."""
    match = re.search(pattern, text, re.IGNORECASE)
    return match[0] if match else None


def enhanced_by(text: str) -> str | None:
    """Return the words of a description that say that an agent was given, or None."""
    return None if without_agent(text) else first_match(CONTRAST, _no_picture_contrast(text))


def without_agent(text: str) -> str | None:
    """Return the words of a description that say that no agent was given, or None."""
    plain = _no_picture_contrast(text)
    perhaps = None if first_match(CONTRAST, plain) else first_match(PERHAPS_NO_CONTRAST, plain)
    return first_match(NO_CONTRAST, plain) or perhaps


def _no_picture_contrast(text: str) -> str:
    """Return a text without words of contrast that refer to the picture."""
    return re.sub(PICTURE_CONTRAST, " ", text, flags=re.IGNORECASE)


def part_by_type(image_type: tuple[str, ...]) -> str:
    """Return the part of an acquisition that an image or frame type names; "" for a plain image.

    The first two values (ORIGINAL or DERIVED, PRIMARY or SECONDARY) never name a part.
    """
    for name, pattern in PARTS.items():
        if any(re.fullmatch(pattern, value.strip(), re.IGNORECASE) for value in image_type[2:]):
            return name
    return ""


def part_by_words(text: str, others: frozenset[str] = frozenset()) -> str:
    """Return the part of a Dixon acquisition that a description names; "" if it names none.

    A single letter or abbreviation (``_W``, ``_F``, ``_in``, ``_opp``) counts if the description names the method, or
    if one of the ``others`` (descriptions of the same folder) differs from it only in that abbreviation.
    """
    dixon = first_match(DIXON, text)
    letters = _LETTER.findall(text)
    if letters:
        siblings = {stem_of_part(description) for description in others if description != text}
        if dixon or stem_of_part(text) in siblings:
            return _LETTERS[letters[-1].lower()]
    plain = re.sub(f"{_NO_FAT}|{_FAT_SUPPRESSION}", " ", text, flags=re.IGNORECASE)
    named = next((name for name, pattern in _PART_WORDS.items() if first_match(pattern, plain)), "")
    if not named and dixon and first_match(_FAT_OF_DIXON, plain):
        return "fat"
    return named or ("opposed-phase" if _OPPOSED_AT_END.search(plain.strip()) else "")


def stem_of_part(text: str) -> str:
    """Return a description without its last abbreviation of a Dixon part; "" if it has none."""
    places = list(_LETTER.finditer(text))
    return (text[: places[-1].start()] + text[places[-1].end() :]).lower() if places else ""
