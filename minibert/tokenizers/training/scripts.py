"""Which script a character belongs to, as Unigram training asks: no piece mixes scripts.

Blanks, signs and digits are "Common"; combining marks are "Inherited" and take the script before them.
The tables are those of the installed `regex`; scripts that it does not know count as Common.
"""

from collections.abc import Iterable

INHERITED = "Inherited"
_JAPANESE = {"Hiragana": "Han", "Katakana": "Han"}  # Japanese words mix them
_LONG_VOWEL_SIGN = "ー"

_SCRIPTS = """
Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki
Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee
Chorasmian Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan
Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi
Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited
Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kayah_Li Kharoshthi
Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian
Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui
Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nandinagari New_Tai_Lue
Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic
Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene
Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham
SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham
Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi
Wancho Warang_Citi Yezidi Yi Zanabazar_Square
"""


def scripts_of(characters: Iterable[str]) -> dict[str, str]:
    """character -> script, for these characters.

    >>> scripts_of("aß1か漢")
    {'a': 'Latin', 'ß': 'Latin', '1': 'Common', 'か': 'Han', '漢': 'Han'}
    """
    import regex

    found = dict.fromkeys(characters, "Common")
    text = "".join(found)
    for script in _SCRIPTS.split():
        try:
            members = regex.findall(rf"\p{{Script={script}}}", text)
        except regex.error:  # newer than the installed tables
            continue
        found.update(dict.fromkeys(members, _JAPANESE.get(script, script)))
    if _LONG_VOWEL_SIGN in found:
        found[_LONG_VOWEL_SIGN] = "Han"
    return found
