"""Rules of OGC 06-042 (WMS 1.3.0) against a running service, one test for each rule, named by its clause.

    HARMONY_URL=http://127.0.0.1:3000 HARMONY_WMS_COLLECTION=C1234-LOCAL python tests/conformance/wms_1_3_0.py

The collection must have a variable on a grid that covers the world. Needs Pillow; nothing else but Python.
"""

import io
import os
import unittest
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET

from PIL import Image

URL = os.environ.get("HARMONY_URL", "")
COLLECTION = os.environ.get("HARMONY_WMS_COLLECTION", "")
WMS = "{http://www.opengis.net/wms}"
OGC = "{http://www.opengis.net/ogc}"
XLINK = "{http://www.w3.org/1999/xlink}"


def ask(query, **changes):
    """Status, headers, body of a request; parameters that are None are left out."""
    query = {k: v for k, v in {**query, **changes}.items() if v is not None}
    return fetch(f"{URL}/{COLLECTION}/wms?{urllib.parse.urlencode(query)}")


def fetch(address):
    try:
        with urllib.request.urlopen(address) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def capabilities(**changes):
    status, headers, body = ask({"SERVICE": "WMS", "REQUEST": "GetCapabilities"}, **changes)
    assert status == 200, body
    return headers, ET.fromstring(body)


def layers(root):
    """Layers that can be drawn, with their elements."""
    return [layer for layer in root.iter(f"{WMS}Layer") if layer.find(f"{WMS}Name") is not None]


def picture(body):
    image = Image.open(io.BytesIO(body))
    image.load()
    return image


@unittest.skipUnless(URL and COLLECTION, "HARMONY_URL and HARMONY_WMS_COLLECTION are not set")
class Wms130(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.headers, cls.root = capabilities()
        cls.layer = layers(cls.root)[0]
        cls.name = cls.layer.findtext(f"{WMS}Name")
        cls.base = {
            "VERSION": "1.3.0", "SERVICE": "WMS", "REQUEST": "GetMap", "LAYERS": cls.name, "STYLES": "",
            "CRS": "CRS:84", "BBOX": "-180,-90,180,90", "WIDTH": "200", "HEIGHT": "100", "FORMAT": "image/png",
        }

    def report(self, answer, code=None):
        """The exception report of an answer; its code must be `code`."""
        status, headers, body = answer
        self.assertGreaterEqual(status, 400)
        self.assertTrue(headers["Content-Type"].startswith("text/xml"), headers["Content-Type"])
        root = ET.fromstring(body)
        self.assertEqual(root.tag, f"{OGC}ServiceExceptionReport")
        self.assertEqual(root.get("version"), "1.3.0")
        exception = root.find(f"{OGC}ServiceException")
        self.assertIsNotNone(exception)
        if code:
            self.assertEqual(exception.get("code"), code)
        return exception

    # 6.2 version numbering and negotiation

    def test_6_2_4_no_version_gives_the_highest(self):
        self.assertEqual(self.root.get("version"), "1.3.0")

    def test_6_2_4_a_higher_version_gives_the_highest(self):
        self.assertEqual(capabilities(VERSION="100.0.0")[1].get("version"), "1.3.0")

    def test_6_2_4_a_lower_version_gives_a_lower_one(self):
        _, root = capabilities(VERSION="1.1.1")
        self.assertEqual((root.tag, root.get("version")), ("WMT_MS_Capabilities", "1.1.1"))

    def test_6_2_4_below_the_lowest_gives_the_lowest(self):
        self.assertEqual(capabilities(VERSION="0.0.0")[1].get("version"), "1.1.1")

    # 6.7.4 bounding boxes

    def test_6_7_4_a_box_without_area_is_an_exception(self):
        self.report(ask(self.base, BBOX="10,10,10,20", EXCEPTIONS="XML"))
        self.report(ask(self.base, BBOX="20,10,10,20", EXCEPTIONS="XML"))

    def test_6_7_4_a_box_outside_gives_a_map_without_values(self):
        status, headers, body = ask(self.base, BBOX="-180,-270,180,-91", TRANSPARENT="TRUE")
        self.assertEqual(status, 200)
        self.assertIn("empty", headers["Harmony-Map"])
        self.assertEqual(picture(body).convert("RGBA").getextrema()[3], (0, 0))

    def test_6_7_2_epsg_4326_has_latitude_first(self):
        ours = ask(self.base)[2]
        theirs = ask(self.base, CRS="EPSG:4326", BBOX="-90,-180,90,180")[2]
        self.assertEqual(picture(ours).convert("RGBA").tobytes(), picture(theirs).convert("RGBA").tobytes())

    # 6.8 request parameters

    def test_6_8_1_names_have_no_case(self):
        lower = {k.lower(): v for k, v in self.base.items()}
        self.assertEqual(ask(lower)[2], ask(self.base)[2])

    def test_6_8_1_parameters_come_in_any_order(self):
        turned = dict(reversed(list(self.base.items())))
        self.assertEqual(ask(turned)[2], ask(self.base)[2])

    # 6.9.4 and 6.11 exceptions

    def test_6_9_4_exceptions_are_xml(self):
        self.report(ask(self.base, LAYERS="no_such_layer"), "LayerNotDefined")
        self.report(ask(self.base, LAYERS="no_such_layer", EXCEPTIONS="XML"), "LayerNotDefined")

    def test_7_3_3_11_inimage(self):
        status, headers, body = ask(self.base, LAYERS="no_such_layer", EXCEPTIONS="INIMAGE")
        self.assertEqual((status, headers["Content-Type"]), (200, "image/png"))
        self.assertEqual(picture(body).size, (200, 100))
        self.assertGreater(len(picture(body).convert("RGB").getcolors()), 1)

    def test_7_3_3_11_blank(self):
        _, _, body = ask(self.base, LAYERS="no_such_layer", EXCEPTIONS="BLANK", TRANSPARENT="TRUE")
        self.assertEqual(picture(body).convert("RGBA").getextrema()[3], (0, 0))
        _, _, body = ask(self.base, LAYERS="no_such_layer", EXCEPTIONS="BLANK")
        self.assertEqual(picture(body).convert("RGBA").getcolors(), [(20000, (255, 255, 255, 255))])

    # 7.2 GetCapabilities

    def test_7_2_3_1_the_format_is_xml(self):
        self.assertTrue(self.headers["Content-Type"].startswith("text/xml"))

    def test_7_2_4_2_the_service_is_called_wms(self):
        self.assertEqual(self.root.findtext(f"{WMS}Service/{WMS}Name"), "WMS")
        for element in ["Title", "OnlineResource"]:
            self.assertIsNotNone(self.root.find(f"{WMS}Service/{WMS}{element}"), element)

    def test_7_2_4_2_limits_are_true(self):
        limit = int(self.root.findtext(f"{WMS}Service/{WMS}MaxWidth"))
        self.report(ask(self.base, WIDTH=str(limit + 1), EXCEPTIONS="XML"))
        count = int(self.root.findtext(f"{WMS}Service/{WMS}LayerLimit"))
        names = ",".join([self.name] * (count + 1))
        self.report(ask(self.base, LAYERS=names, EXCEPTIONS="XML"))

    def test_7_2_4_4_addresses_end_so_that_parameters_can_follow(self):
        for get in self.root.iter(f"{WMS}Get"):
            href = get.find(f"{WMS}OnlineResource").get(f"{XLINK}href")
            self.assertTrue(href.endswith(("?", "&")), href)

    def test_7_2_4_6_every_layer_has_a_title(self):
        for layer in self.root.iter(f"{WMS}Layer"):
            self.assertTrue(layer.findtext(f"{WMS}Title"))

    def test_7_2_4_6_5_styles_have_names_and_titles(self):
        for style in self.root.iter(f"{WMS}Style"):
            self.assertTrue(style.findtext(f"{WMS}Name") and style.findtext(f"{WMS}Title"))

    def test_7_2_4_6_5_legends_are_pictures(self):
        href = self.layer.find(f"{WMS}Style/{WMS}LegendURL/{WMS}OnlineResource").get(f"{XLINK}href")
        status, headers, body = fetch(href)
        self.assertEqual((status, headers["Content-Type"]), (200, "image/png"), body[:300])
        picture(body)

    def test_7_2_4_6_6_layers_have_a_geographic_box(self):
        for layer in layers(self.root):
            box = layer.find(f"{WMS}EX_GeographicBoundingBox")
            west, east, south, north = (float(e.text) for e in box)
            self.assertTrue(-180 <= west < east <= 180 and -90 <= south < north <= 90)

    def test_7_2_4_6_7_crs_84_comes_first(self):
        for layer in layers(self.root):
            self.assertEqual(layer.find(f"{WMS}CRS").text, "CRS:84")

    def test_7_2_4_6_8_boxes_are_in_the_order_of_the_crs(self):
        boxes = {b.get("CRS"): b for b in self.layer.findall(f"{WMS}BoundingBox")}
        plain, turned = boxes["CRS:84"], boxes["EPSG:4326"]
        self.assertEqual(plain.get("minx"), turned.get("miny"))
        self.assertEqual(plain.get("miny"), turned.get("minx"))

    # 7.3 GetMap

    def test_7_3_2_parameters_are_required(self):
        for name in ["LAYERS", "STYLES", "CRS", "BBOX", "WIDTH", "HEIGHT", "FORMAT"]:
            with self.subTest(name):
                self.report(ask(self.base, EXCEPTIONS="XML", **{name: None}))

    def test_7_3_2_service_is_not_required(self):
        self.assertEqual(ask(self.base, SERVICE=None)[0], 200)

    def test_7_3_3_3_layers_that_are_not_there(self):
        self.report(ask(self.base, LAYERS=f"{self.name},no_such_layer", STYLES=","), "LayerNotDefined")

    def test_7_3_3_4_styles_that_are_not_there(self):
        self.report(ask(self.base, STYLES="no_such_style"), "StyleNotDefined")

    def test_7_3_3_4_empty_styles_are_the_default(self):
        twice = {"LAYERS": f"{self.name},{self.name}"}
        self.assertEqual(ask(self.base, **twice, STYLES="")[2], ask(self.base, **twice, STYLES=",")[2])
        self.assertEqual(ask(self.base, STYLES="default")[2], ask(self.base, STYLES="")[2])

    def test_7_3_3_5_a_crs_that_is_not_there(self):
        self.report(ask(self.base, CRS="EPSG:99999"), "InvalidCRS")

    def test_7_3_3_6_a_box_that_is_no_box(self):
        for box in ["1,2,3", "a,b,c,d", "1,2,3,4,5", ""]:
            with self.subTest(box):
                self.report(ask(self.base, BBOX=box, EXCEPTIONS="XML"))

    def test_7_3_3_7_a_format_that_is_not_there(self):
        self.report(ask(self.base, FORMAT="image/nothing"), "InvalidFormat")

    def test_7_3_3_7_every_listed_format_is_given(self):
        for element in self.root.findall(f"{WMS}Capability/{WMS}Request/{WMS}GetMap/{WMS}Format"):
            status, headers, body = ask(self.base, FORMAT=element.text)
            self.assertEqual((status, headers["Content-Type"]), (200, element.text))
            self.assertEqual(picture(body).size, (200, 100))

    def test_7_3_3_8_the_size_is_exact(self):
        for width, height in [(1, 1), (7, 300), (257, 129)]:
            body = ask(self.base, WIDTH=str(width), HEIGHT=str(height))[2]
            self.assertEqual(picture(body).size, (width, height))

    def test_7_3_3_8_pixels_need_not_be_square(self):
        status, _, body = ask(self.base, BBOX="0,0,10,40", WIDTH="40", HEIGHT="10")
        self.assertEqual((status, picture(body).size), (200, (40, 10)))

    def test_7_3_3_9_transparency(self):
        outside = {"BBOX": "-180,-270,180,90"}
        clear = picture(ask(self.base, **outside, TRANSPARENT="TRUE")[2]).convert("RGBA")
        self.assertEqual(clear.getpixel((5, 98))[3], 0)
        for value in ["FALSE", None]:
            opaque = picture(ask(self.base, **outside, TRANSPARENT=value)[2]).convert("RGBA")
            self.assertEqual(opaque.getextrema()[3], (255, 255))

    def test_7_3_3_10_background(self):
        outside = {"BBOX": "-180,-270,180,90"}
        body = ask(self.base, **outside, BGCOLOR="0x0A141E")[2]
        self.assertEqual(picture(body).convert("RGB").getpixel((5, 98)), (10, 20, 30))
        body = ask(self.base, **outside)[2]
        self.assertEqual(picture(body).convert("RGB").getpixel((5, 98)), (255, 255, 255))

    def test_7_3_3_12_a_time_that_is_none(self):
        self.report(ask(self.base, TIME="yesterday"), "InvalidDimensionValue")

    def test_c_4_2_the_default_time_is_listed_and_given(self):
        dimension = self.layer.find(f"{WMS}Dimension[@name='time']")
        if dimension is None:
            self.skipTest("the layer has no time")
        status, headers, _ = ask(self.base, TIME=dimension.get("default"))
        self.assertEqual(status, 200)
        self.assertIsNone(headers["Harmony-Map"])

    # 7.4 GetFeatureInfo

    def info(self, **changes):
        query = {**self.base, "REQUEST": "GetFeatureInfo", "QUERY_LAYERS": self.name, "I": "100", "J": "50",
                 "INFO_FORMAT": "application/json"}
        return ask(query, **changes)

    def test_7_4_3_5_every_listed_format_is_given(self):
        for element in self.root.findall(f"{WMS}Capability/{WMS}Request/{WMS}GetFeatureInfo/{WMS}Format"):
            status, headers, _ = self.info(INFO_FORMAT=element.text)
            self.assertEqual(status, 200)
            self.assertTrue(headers["Content-Type"].startswith(element.text))

    def test_7_4_3_7_a_point_outside_the_map(self):
        self.report(self.info(I="200"), "InvalidPoint")
        self.report(self.info(J="-1"), "InvalidPoint")

    def test_7_4_3_4_a_layer_that_is_not_drawn(self):
        self.report(self.info(QUERY_LAYERS="no_such_layer"), "LayerNotDefined")


if __name__ == "__main__":
    unittest.main()
