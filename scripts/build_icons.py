"""Build the offline painter's icons and keywords from two published npm packages.

Run it with the project's interpreter, with the extra `offline` installed and `npm` on the path:

    .venv/bin/python scripts/build_icons.py

It packs the packages into a temporary folder, or reads them from `--packages FOLDER` where
`npm pack` left them before. The same packages give the same bytes.
"""

from __future__ import annotations

import argparse
import io
import json
import lzma
import re
import subprocess
import tarfile
import tempfile
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import resvg_py
from PIL import Image

PACKAGES = ("@iconify-json/fluent-emoji-flat@1.2.6", "emojibase-data@17.0.0", "cldr-core@48.2.0")
"""Icons, keywords, and the licence of the data from which the keywords were derived."""
LANGUAGES = {
    "en": ("en",),
    "zh": ("zh", "zh-hant"),
    "ja": ("ja",),
    "es": ("es",),
    "de": ("de",),
    "fr": ("fr",),
    "ko": ("ko",),
}
"""Our language to the folders of the keyword package; Chinese is one language in two scripts."""
MAX_BYTES = 1_500_000
FOLDER = Path(__file__).parent.parent / "src/limner/images/offline"

# Subgroups of emojibase that are things one can stand on a table or in a field.
# Not among them: smileys, gestures in many variants, clock faces, signs, symbols, flags.
DRAWABLE = {11, 14, *range(16, 24), *range(25, 30), *range(34, 83)}
PEOPLE = {25, 26, 27, 28, 29}
# Whole pictures, signs and offence: they spoil a scene, whatever the prompt says.
SPOILERS = """
    foggy night-with-stars cityscape sunrise-over-mountains sunrise cityscape-at-dusk sunset bridge-at-night
    hot-springs milky-way shooting-star national-park desert motorway railway-track map-of-japan
    globe-with-meridians metro fireworks sparkler moon-viewing-ceremony x-ray bus-stop station fog cyclone
    globe-showing-europe-africa love-hotel middle-finger pile-of-poo white-flower japanese-post-office
    bell-with-slash muted-speaker speaker-low-volume speaker-medium-volume speaker-high-volume
    mobile-phone-with-arrow incoming-envelope envelope-with-arrow chart-increasing-with-yen e-mail
    outbox-tray inbox-tray elevator placard cigarette wastebasket new-moon-face full-moon-face sun-with-face
    first-quarter-moon-face last-quarter-moon-face new-moon beach-with-umbrella camping desert-island kaaba
    nazar-amulet hamsa heart-exclamation speech-balloon anatomical-heart lungs drop-of-blood spade-suit
    heart-suit diamond-suit club-suit joker atm-sign leaf-fluttering-in-wind wind-face waxing-crescent-moon
    first-quarter-moon waxing-gibbous-moon waning-gibbous-moon last-quarter-moon waning-crescent-moon
    breast-feeding rosette building-construction construction police-car-light horizontal-traffic-light
    kiss-mark pig-nose
"""
# Where several icons carry a word, the first of these that does is drawn.
FAVOURITES = """
    red-apple cat dog fox horse cow pig rabbit-face mouse bird tiger bear whale fish butterfly chicken
    deciduous-tree potted-plant seedling tulip house castle automobile bicycle sailboat train airplane
    rocket closed-book open-book books pencil hot-beverage teacup-without-handle teapot bread rice-ball
    cooked-rice birthday-cake ice-cream pot-of-food steaming-bowl cooking egg droplet fire star sun
    crescent-moon hammer kitchen-knife spoon fork-and-knife key locked envelope gem-stone mobile-phone
    laptop light-bulb camera umbrella mountain snowman red-heart guitar drum baby child boy girl man woman
    person old-man old-woman mushroom hot-pepper cut-of-meat beer-mug wine-glass soccer-ball
    palms-up-together paw-prints mantelpiece-clock broom basket coin chart-increasing world-map
"""


@dataclass
class Icon:
    """One icon with its words."""

    name: str
    body: str
    subgroup: int
    box: list[int]
    words: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    """Per language: word to strength; 3 the name, 2 a word of the name, 1 a keyword."""


def fold(word: str) -> str:
    """`word` as the index has it: NFKC, lower case, Latin letters without their accents."""
    plain = unicodedata.normalize("NFKC", word).casefold()
    parts = []
    for char in plain:
        first = unicodedata.normalize("NFD", char)
        parts.append(first[0] if len(first) > 1 and first[0] < "\u0250" else char)
    return " ".join("".join(parts).replace("’", "'").split())


def code_of(hexcode: str) -> str:
    """A sequence without its presentation selectors, so that both packages agree."""
    return hexcode.upper().replace("-FE0F", "")


def package(folder: Path, spec: str) -> Path:
    """Unpack one package below `folder`, fetching it first unless it is there."""
    name, _, version = spec.rpartition("@")
    archive = folder / f"{name.lstrip('@').replace('/', '-')}-{version}.tgz"
    if not archive.exists():
        subprocess.run(["npm", "pack", "--silent", spec], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    target = folder / archive.stem
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    return target / "package"


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def body_of(icons: dict[str, Any], name: str) -> str:
    """The SVG of one icon; an alias is its parent, mirrored where it says so."""
    if name in icons["icons"]:
        return str(icons["icons"][name]["body"])
    alias = icons["aliases"][name]
    body = body_of(icons, alias["parent"])
    return f'<g transform="matrix(-1 0 0 1 32 0)">{body}</g>' if alias.get("hFlip") else body


def measure(body: str) -> list[int]:
    """What the icon covers, in eighths of its 32 units: left, top, right, bottom, and its foot's left and right."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256" viewBox="0 0 32 32">{body}</svg>'
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)
    alpha = (
        Image.open(io.BytesIO(bytes(png)))
        .convert("RGBA")
        .getchannel("A")
        .point(lambda a: 255 if a > 96 else 0)
    )
    box = alpha.getbbox()
    if box is None:
        raise SystemExit("an icon is empty")
    left, top, right, bottom = box
    foot = alpha.crop((0, max(top, bottom - (bottom - top) // 8 - 2), 256, bottom)).getbbox() or (
        left,
        0,
        right,
        0,
    )
    return [left, top, right, bottom, foot[0], foot[2]]


def chosen(entry: dict[str, Any], name: str) -> bool:
    """Whether the icon can stand in a scene."""
    subgroup = entry.get("subgroup")
    if subgroup not in DRAWABLE or name in SPOILERS.split() or "oclock" in name or "thirty" in name:
        return False
    if subgroup in PEOPLE and name.startswith(("man-", "woman-", "men-", "women-")) and "dancing" not in name:
        return False  # the neutral figure stands for all three
    return "facing-right" not in name


def gather(icon_folder: Path, word_folder: Path) -> list[Icon]:
    """Every drawable icon with its words, in the order of the keyword package."""
    icons = read(icon_folder / "icons.json")
    names = {code_of(code): name for code, name in read(icon_folder / "chars.json").items()}
    found: dict[str, Icon] = {}
    for entry in read(word_folder / "en/data.json"):
        name = names.get(code_of(entry["hexcode"]))
        if name is not None and chosen(entry, name):
            body = body_of(icons, name)
            found[code_of(entry["hexcode"])] = Icon(name, body, entry["subgroup"], measure(body))
    for language, folders in LANGUAGES.items():
        for folder in folders:
            for entry in read(word_folder / folder / "data.json"):
                icon = found.get(code_of(entry["hexcode"]))
                if icon is not None:
                    add_words(icon, language, entry)
    return list(found.values())


def add_words(icon: Icon, language: str, entry: dict[str, Any]) -> None:
    """The words of one icon in one language, each with its strength."""
    label = fold(entry["label"])
    parts = set(re.findall(r"[^\W\d_]+", label))
    words = icon.words[language]
    for word in (fold(tag) for tag in entry.get("tags", ())):
        words[word] = max(words.get(word, 0), 2 if word in parts else 1)
    for word in label.split():
        if language == "en" and word == label.split()[-1] and len(word) > 2:
            words[word] = max(words.get(word, 0), 2)
    words[label] = 3


def index(icons: list[Icon], language: str) -> list[dict[str, int]]:
    """Three maps from word to the icon's place: names, words of names, keywords."""
    rivals: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    favourites = {name: rank for rank, name in enumerate(FAVOURITES.split())}
    for place, icon in enumerate(icons):
        for word, strength in icon.words[language].items():
            if re.search(r"[^\W\d_]", word) and len(word) <= 30:
                rivals[word].append((-strength, favourites.get(icon.name, 999), place))
    maps: list[dict[str, int]] = [{}, {}, {}]
    for word in sorted(rivals):
        best = min(rivals[word])
        # A keyword that many icons share names a kind of thing, not a thing.
        if best[0] == -1 and best[1] == 999 and len(rivals[word]) > 3:
            continue
        maps[3 + best[0]][word] = best[2]
    return maps


def licences(word_folder: Path, cldr_folder: Path) -> str:
    """The three licences in full, each under a line that says what it covers."""
    emojibase = (word_folder / "LICENSE").read_text(encoding="utf-8").strip()
    permission = emojibase.partition("Permission is hereby granted")
    fluent = "MIT License\n\nCopyright (c) Microsoft Corporation.\n\n" + permission[1] + permission[2]
    unicode = (cldr_folder / "LICENSE").read_text(encoding="utf-8").strip()
    covers = "The file icons.json.xz beside this one holds material of others, each under its own licence."
    chapters = (
        ("Icons: Fluent Emoji Flat, as published in @iconify-json/fluent-emoji-flat", fluent),
        ("Keywords: emojibase-data", emojibase),
        ("Keywords: the Unicode CLDR data from which emojibase-data is derived", unicode),
    )
    return covers + "".join(f"\n\n\n{title}\n{'=' * len(title)}\n\n{text}" for title, text in chapters) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, help="where `npm pack` left the packages")
    parser.add_argument("--out", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        icon_folder, word_folder, cldr_folder = (
            package(arguments.packages or Path(temporary), spec) for spec in PACKAGES
        )
        icons = gather(icon_folder, word_folder)
        content = {
            "icons": {icon.name: [icon.body, icon.subgroup, *icon.box] for icon in icons},
            "words": {language: index(icons, language) for language in LANGUAGES},
        }
        text = licences(word_folder, cldr_folder)
    plain = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    packed = lzma.compress(
        plain, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=9 | lzma.PRESET_EXTREME
    )
    if len(packed) > MAX_BYTES:
        raise SystemExit(f"{len(packed)} bytes are more than {MAX_BYTES}; leave a language out")
    (arguments.out / "icons.json.xz").write_bytes(packed)
    (arguments.out / "LICENSES.txt").write_text(text, encoding="utf-8")
    print(f"{len(icons)} icons, {len(plain)} bytes, packed {len(packed)}")


if __name__ == "__main__":
    main()
