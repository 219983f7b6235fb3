"""QGIS without a window: /usr/bin/python3 maps_qgis.py ASKED.json"""

import os
import urllib.parse

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from maps_points import Count, asked  # noqa: E402
from qgis.core import (  # noqa: E402
    QgsApplication, QgsCoordinateReferenceSystem, QgsMapRendererParallelJob, QgsMapSettings, QgsRasterLayer,
    QgsRectangle)
from qgis.PyQt.QtCore import QSize  # noqa: E402
from qgis.PyQt.QtGui import QColor  # noqa: E402


def layer(want, crs, version):
    source = {"crs": crs, "format": "image/png", "layers": want["layer"], "styles": "", "version": version,
              "url": want["url"]}
    text = "&".join(f"{k}={urllib.parse.quote(v, safe=':/')}" for k, v in source.items())
    made = QgsRasterLayer(text, "map", "wms")
    assert made.isValid(), (text, made.error().message())
    return made


def main():
    want, count = asked(), Count()
    application = QgsApplication([], False)
    application.initQgis()
    for version in ["1.3.0", "1.1.1"]:
        for sheet in want["sheets"]:
            if sheet["crs"] == "CRS:84" and version == "1.1.1":
                continue
            shown = layer(want, sheet["crs"], version)
            settings = QgsMapSettings()
            settings.setLayers([shown])
            settings.setBackgroundColor(QColor("white"))
            crs = "OGC:CRS84" if sheet["crs"] == "CRS:84" else sheet["crs"]
            settings.setDestinationCrs(QgsCoordinateReferenceSystem(crs))
            settings.setOutputSize(QSize(*sheet["size"]))
            # QGIS widens a box to square pixels: the client's pixels are told by its own transformation.
            settings.setExtent(QgsRectangle(*sheet["bbox"]))
            job = QgsMapRendererParallelJob(settings)
            job.start()
            job.waitForFinished()
            assert not job.errors(), [e.message for e in job.errors()]
            picture = job.renderedImage()
            at = settings.mapToPixel()
            for point in sheet["points"]:
                place = at.transform(point["x"], point["y"])
                colour = QColor(picture.pixel(int(place.x()), int(place.y())))
                count.one(f"QGIS {version} {sheet['crs']}", point, [colour.red(), colour.green(), colour.blue()])
    application.exitQgis()
    count.end()


main()
