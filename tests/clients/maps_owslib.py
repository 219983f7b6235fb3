"""OWSLib, versions 1.3.0 and 1.1.1: python maps_owslib.py ASKED.json"""

import io

from maps_points import Count, asked
from owslib.wms import WebMapService
from PIL import Image


def main():
    want, count = asked(), Count()
    for version in ["1.3.0", "1.1.1"]:
        service = WebMapService(want["url"] + "?", version=version)
        layer = service.contents[want["layer"]]
        assert layer.styles and layer.timepositions, (layer.styles, layer.timepositions)
        for sheet in want["sheets"]:
            if version == "1.1.1" and sheet["crs"] == "CRS:84":
                # The old version has no such system.
                continue
            answer = service.getmap(layers=[want["layer"]], styles=[""], srs=sheet["crs"], bbox=sheet["bbox"],
                                    size=sheet["size"], format="image/png")
            picture = Image.open(io.BytesIO(answer.read())).convert("RGB")
            assert list(picture.size) == sheet["size"], picture.size
            count.compare(f"OWSLib {version}", sheet, lambda x, y: picture.getpixel((x, y)))
    count.end()


main()
