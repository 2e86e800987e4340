"""Things that no emoji shows, drawn by hand in the icons' manner."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PROPS"]

_TOOL = 78
_DISH = 48

_WATERING_CAN = (
    '<path fill="none" stroke="#26883a" stroke-width="2" d="M10 13C4 12 3 20 9 22"/>'
    '<path fill="#26883a" d="M21 18l6-8 2 1.5-5.500 11.500z"/>'
    '<path fill="#1c6e2d" d="M25.200 8.800l4.900 4 1-1.200-4.900-4z"/>'
    '<path fill="#3fb557" d="M9 13h13v11.500A2.500 2.500 0 0 1 19.500 27h-8A2.500 2.500 0 0 1 9 24.500z"/>'
    '<path fill="#6fd384" d="M11 15h2.200v8.500h-2.200z"/>'
    '<path fill="#26883a" d="M8.500 12h14a1 1 0 0 1 0 2h-14a1 1 0 0 1 0-2z"/>'
    '<path fill="none" stroke="#26883a" stroke-width="1.800" d="M12 12c0-5 7-5 7 0"/>'
    '<path fill="#26c9fc" d="M29 15.500l.900 2a1 1 0 1 1-1.800 0zM31 12.600l.700 1.700a.800.800 0 1 1-1.500 0zM27.300 18.500l.700 1.700a.800.800 0 1 1-1.500 0z"/>'
)
_SHOVEL = (
    '<path fill="#a56953" d="M14.800 9h2.400v12h-2.400z"/>'
    '<path fill="#7d4533" d="M16 9h1.200v12H16z"/>'
    '<path fill="none" stroke="#636363" stroke-width="1.800" d="M13 4.500h6c0 3-1.500 4.500-3 4.500s-3-1.500-3-4.500z"/>'
    '<path fill="#d3d3d3" d="M10.500 19h11v5c0 3.500-3.500 5.500-5.500 7-2-1.500-5.500-3.500-5.500-7z"/>'
    '<path fill="#9b9b9b" d="M16 19h5.500v5c0 3.500-3.500 5.500-5.500 7z"/>'
)
_ROLLING_PIN = (
    '<g transform="rotate(-28 16 16)">'
    '<rect x="0.500" y="14.400" width="31" height="3.200" rx="1.600" fill="#a56953"/>'
    '<rect x="5.500" y="11.500" width="21" height="9" rx="2.800" fill="#f3ad61"/>'
    '<rect x="5.500" y="16.500" width="21" height="4" rx="2" fill="#d3883e"/>'
    '<rect x="7.500" y="12.800" width="14" height="1.300" rx=".650" fill="#ffd3a0"/>'
    "</g>"
)
_MIXING_BOWL = (
    '<path fill="#a56953" d="M21 3.200c1.500-1 3 .300 2.300 1.800L17 16h-3z"/>'
    '<ellipse cx="16" cy="15" rx="13.500" ry="4" fill="#8bc7f0"/>'
    '<ellipse cx="16" cy="15.500" rx="11.500" ry="2.900" fill="#fff2cf"/>'
    '<path fill="#ffe08a" d="M8 15.500c3-1.600 6 1.200 9-.200s5-.600 7.500.400c-2 1.800-5 2.600-8.500 2.600s-6-1-8-2.800z"/>'
    '<path fill="#4ba6e3" d="M2.500 15c0 2.200 6 4 13.500 4s13.500-1.800 13.500-4c0 6.500-4 11.600-8 13H10.500c-4-1.400-8-6.500-8-13z"/>'
    '<path fill="#2c86c7" d="M10 28h12l-.800 1.600H10.800z"/>'
    '<path fill="#8bc7f0" d="M5.200 19.500c1 3 2.600 5.300 4.600 6.700-.900.300-5-3-4.600-6.700z"/>'
)

_HOT_AIR_BALLOON = (
    '<path fill="#f8312f" d="M16 1C9.500 1 4 6 4 12.500c0 5 5 8.500 8.500 12h7c3.500-3.500 8.500-7 8.500-12C28 6 22.500 1 16 1z"/>'
    '<path fill="#fff2cf" d="M16 1c-4 0-7 5-7 11.500 0 5 3 8.500 5 12h4c2-3.500 5-7 5-12C23 6 20 1 16 1z"/>'
    '<path fill="#ffb02e" d="M16 1c-1.700 0-3 5-3 11.500 0 5 1.200 8.500 2 12h2c.800-3.500 2-7 2-12C19 6 17.700 1 16 1z"/>'
    '<path fill="none" stroke="#7d4533" stroke-width=".600" d="M13 24.500l.800 3M19 24.500l-.800 3"/>'
    '<rect x="13" y="27" width="6" height="4.200" rx="1" fill="#a56953"/>'
    '<rect x="12.600" y="26.600" width="6.800" height="1.400" rx=".700" fill="#7d4533"/>'
)

_GREEN_TEA = (
    '<ellipse cx="16" cy="27" rx="14" ry="3.600" fill="#b9d8cf"/>'
    '<ellipse cx="16" cy="26.300" rx="14" ry="3.300" fill="#e4f3ee"/>'
    '<ellipse cx="16" cy="26.600" rx="8" ry="1.600" fill="#b9d8cf"/>'
    '<path fill="none" stroke="#8fc4b4" stroke-width="2.200" d="M25.500 14.500c5-1.500 6 6-2.500 7.500"/>'
    '<path fill="#a8d8c8" d="M4.500 12c0 7 2.500 12 6.500 14h10c4-2 6.500-7 6.500-14z"/>'
    '<path fill="#8fc4b4" d="M19 24c3-2.500 5-7 5.300-12h3.200c0 7-2.500 12-6.500 14H16c1.200-.300 2.200-1 3-2z"/>'
    '<path fill="#d3efe6" d="M7 14.500c.300 3.500 1.300 6.500 3 8.600.600.700 1.600.100 1.200-.700-1-2-1.700-4.500-2-7.700-.100-1.200-2.300-1.400-2.200-.200z"/>'
    '<ellipse cx="16" cy="12" rx="11.500" ry="3.400" fill="#d3efe6"/>'
    '<ellipse cx="16" cy="12.400" rx="10" ry="2.600" fill="#8fae3a"/>'
    '<path fill="#b5cc5a" d="M8 12.200c1.600-1.500 7.500-2 10-1.300-3 .300-7.500.900-10 1.300z"/>'
    '<path fill="#4f8a2d" d="M18 12.800c1-1.200 3.200-1.400 4.500-.800-.900 1.200-3.200 1.600-4.500.800z"/>'
)

_LIGHTHOUSE = (
    '<path fill="#7a6a72" d="M3 31c1-3 4-4.500 6.500-4h13c3-.500 5.500 1 6.500 4z"/>'
    '<path fill="#92828a" d="M5 31c1-2.200 3-3 5-2.600h8c-3 .400-4 1.400-5 2.600z"/>'
    '<path fill="#fff7ee" d="M11.500 11h9l2.500 17H9z"/>'
    '<path fill="#f0483e" d="M11.060 14h9.880l.590 4H10.470zM10.030 21h11.940l.590 4H9.440z"/>'
    '<path fill="#7a2030" fill-opacity=".160" d="M17.500 11h3l2.500 17h-4z"/>'
    '<path fill="#4a3b52" d="M14.400 28v-2.600a1.600 1.600 0 0 1 3.200 0V28z"/>'
    '<rect x="15" y="18.700" width="2" height="2" rx=".800" fill="#4a5a78"/>'
    '<rect x="9.800" y="9.600" width="12.400" height="1.600" rx=".700" fill="#39485f"/>'
    '<rect x="12.400" y="5.400" width="7.200" height="4.400" fill="#ffe07a"/>'
    '<circle cx="16" cy="7.600" r="1.700" fill="#fffbe0"/>'
    '<path fill="#39485f" d="M12 5.400h.900v4.400H12zM15.600 5.400h.800v.800h-.800zM19.100 5.400h.900v4.400h-.900z"/>'
    '<path fill="#d8332b" d="M11.400 5.600C12 3.500 14 2.200 16 2s4 1.500 4.600 3.600z"/>'
    '<path fill="#39485f" d="M15.600.500h.800v2h-.800z"/>'
)
_CURTAIN = (
    '<rect x="6" y="5" width="20" height="22" rx=".800" fill="#fff6e6"/>'
    '<rect x="7.400" y="6.400" width="17.200" height="19.200" fill="#9fd8f5"/>'
    '<path fill="#8fc97f" d="M7.400 21.500c5-3.500 10-2.500 17.200 0v4.100H7.400z"/>'
    '<path fill="#fff6e6" d="M15.400 6h1.200v20h-1.200zM7 15h18v1.200H7z"/>'
    '<path fill="#d9534f" d="M3 3.600h10.500c.800 8-2.200 13.500-5.800 16.600 1.800 2.600 2.300 6 2.300 9.800H3z"/>'
    '<path fill="#d9534f" d="M29 3.600H18.500c-.800 8 2.200 13.500 5.800 16.600-1.800 2.600-2.300 6-2.300 9.800h7z"/>'
    '<path fill="#b93c3c" d="M6 4h1.300c0 7-.800 12-2.300 16.400.700 3.200.800 6.400.700 9.600H4.400c.300-4-.200-7-1-9.400C5 16 6 10 6 4zM26 4h-1.300c0 7 .800 12 2.300 16.400-.700 3.200-.800 6.400-.700 9.600h1.300c-.300-4 .200-7 1-9.400C27 16 26 10 26 4zM10 4h1.200c.200 5.500-1 10-3 13.500C9.500 13.500 10.200 9 10 4zM22 4h-1.200c-.200 5.500 1 10 3 13.500C22.500 13.500 21.800 9 22 4z"/>'
    '<path fill="#ffc94d" d="M2.800 19.200h6.200v1.800H2.800zM23 19.200h6.200v1.800H23z"/>'
    '<rect x="1.200" y="2" width="29.600" height="1.800" rx=".900" fill="#8a5632"/>'
    '<circle cx="1.600" cy="2.900" r="1.500" fill="#a56953"/><circle cx="30.400" cy="2.900" r="1.500" fill="#a56953"/>'
)

PROPS: Mapping[str, tuple[str, int, int, int, int, int, int, int]] = {
    "watering-can": (_WATERING_CAN, _TOOL, 32, 58, 254, 216, 76, 176),
    "shovel": (_SHOVEL, _TOOL, 84, 30, 172, 248, 108, 148),
    "rolling-pin": (_ROLLING_PIN, _DISH, 10, 62, 246, 194, 20, 110),
    "hot-air-balloon": (_HOT_AIR_BALLOON, 56, 32, 8, 224, 250, 104, 152),
    "green-tea": (_GREEN_TEA, _DISH, 16, 69, 240, 245, 40, 216),
    "lighthouse": (_LIGHTHOUSE, 53, 24, 4, 232, 248, 32, 224),
    "curtain": (_CURTAIN, 75, 2, 11, 254, 240, 24, 232),
    "mixing-bowl": (_MIXING_BOWL, _DISH, 20, 22, 236, 237, 84, 172),
}
"""Body, subgroup, and the box as in icons.json.xz: eighths of the 32 units."""
