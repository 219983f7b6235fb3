"""GDAL's WMS driver, versions 1.3.0 and 1.1.1: python maps_gdal.py ASKED.json

The programs are used, not the bindings: pictures come as PPM, which needs no library.
"""

import re
import subprocess
import urllib.parse

from maps_points import Count, asked


def picture(file):
    """Width, height and bytes of a binary PPM."""
    with open(file, "rb") as stream:
        data = stream.read()
    head = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    return int(head[1]), int(head[2]), data[head.end():]


def source(want, sheet, version):
    west, south, east, north = sheet["bbox"]
    query = {"SERVICE": "WMS", "VERSION": version, "REQUEST": "GetMap", "LAYERS": want["layer"], "STYLES": "",
             "FORMAT": "image/png", "CRS" if version == "1.3.0" else "SRS": sheet["crs"]}
    if version == "1.3.0" and sheet["crs"] == "EPSG:4326":
        # The box stays x before y; the driver turns it where BBOXORDER says so.
        query["BBOXORDER"] = "yxYX"
        query["BBOX"] = f"{south},{west},{north},{east}"
    else:
        query["BBOX"] = f"{west},{south},{east},{north}"
    return f"WMS:{want['url']}?{urllib.parse.urlencode(query, safe=':/,')}"


def main():
    want, count = asked(), Count()
    for version in ["1.3.0", "1.1.1"]:
        for number, sheet in enumerate(want["sheets"]):
            if version == "1.1.1" and sheet["crs"] == "CRS:84":
                continue
            width, height = sheet["size"]
            file = f"{version}-{number}.ppm"
            command = ["gdal_translate", "-q", "-of", "PNM", "-b", "1", "-b", "2", "-b", "3", "-r", "near",
                       "-outsize", str(width), str(height), source(want, sheet, version), file]
            subprocess.run(command, check=True)
            columns, rows, pixels = picture(file)
            assert [columns, rows] == sheet["size"]
            count.compare(f"GDAL {version}", sheet, lambda x, y: pixels[3 * (y * columns + x):][:3])
    listed = subprocess.run(["gdalinfo", f"WMS:{want['url']}?"], check=True, capture_output=True, text=True).stdout
    assert urllib.parse.quote(want["layer"], safe="") in listed or want["layer"] in listed, listed
    count.end()


main()
