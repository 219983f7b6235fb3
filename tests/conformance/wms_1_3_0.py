"""Rules of OGC 06-042 (WMS 1.3.0) against a running service, one test for each rule, named by its clause.

    HARMONY_URL=http://127.0.0.1:3000 HARMONY_WMS_COLLECTION=C1234-LOCAL python tests/conformance/wms_1_3_0.py

The collection must have a variable on a grid that covers the world, and one with a vertical axis. Needs nothing but
Python: pictures are decoded here as far as the rules need it.

Two rules of the standard are not those of the service, because the contract of the reference is older than it and has
tests of its own (tests/maps): names of parameters that are not known are refused, not ignored (6.8.1), and a request
that lacks a parameter is answered by a bare sentence unless EXCEPTIONS asks for XML (6.9.4, setting `wms_exceptions`).
"""

import os
import struct
import unittest
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
import zlib

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


class Picture:
    """A PNG of 8 or fewer bits without interlace, as red, green, blue and opacity of each pixel."""

    CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

    def __init__(self, body):
        assert body.startswith(b"\x89PNG\r\n\x1a\n"), body[:200]
        chunks, at = [], 8
        while at < len(body):
            (length,) = struct.unpack(">I", body[at:at + 4])
            chunks.append((body[at + 4:at + 8], body[at + 8:at + 8 + length]))
            at += 12 + length
        parts = dict(chunks)
        self.width, self.height, depth, self.kind, _, _, interlace = struct.unpack(">IIBBBBB", parts[b"IHDR"])
        assert interlace == 0 and depth <= 8
        self.size = (self.width, self.height)
        self.palette, self.opacity = parts.get(b"PLTE", b""), parts.get(b"tRNS", b"")
        raw = zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT"))
        self.lines = self.unfiltered(raw, depth)

    def unfiltered(self, raw, depth):
        channels = self.CHANNELS[self.kind]
        stride, step = (self.width * channels * depth + 7) // 8, max(1, channels * depth // 8)
        lines, before = [], bytearray(stride)
        for row in range(self.height):
            start = row * (stride + 1)
            method, line = raw[start], bytearray(raw[start + 1:start + 1 + stride])
            for i in range(stride if method else 0):
                left = line[i - step] if i >= step else 0
                corner = before[i - step] if i >= step else 0
                line[i] = (line[i] + self.guess(method, left, before[i], corner)) & 255
            lines.append(line)
            before = line
        if depth == 8:
            return lines
        bits = range(8 - depth, -1, -depth)
        return [[(byte >> b) & ((1 << depth) - 1) for byte in line for b in bits][:self.width] for line in lines]

    @staticmethod
    def guess(method, left, above, corner):
        if method == 4:
            distances = [abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)]
            return [left, above, corner][distances.index(min(distances))]
        return [0, left, above, (left + above) // 2][method]

    def at(self, column, row):
        line = self.lines[row]
        if self.kind == 3:
            index = line[column]
            opacity = self.opacity[index] if index < len(self.opacity) else 255
            return (*self.palette[3 * index:3 * index + 3], opacity)
        channels = self.CHANNELS[self.kind]
        values = tuple(line[column * channels:(column + 1) * channels])
        return values if channels == 4 else (*values, 255) if channels == 3 else (values[0],) * 3 + (255,)

    def pixels(self):
        return [self.at(column, row) for row in range(self.height) for column in range(self.width)]


def picture(body):
    return Picture(body)


def size_of(body):
    """Width and height of a picture of any format that is served."""
    if body[:3] == b"GIF":
        return struct.unpack("<HH", body[6:10])
    if body[:4] == b"II*\0":
        (at,) = struct.unpack("<I", body[4:8])
        (count,) = struct.unpack("<H", body[at:at + 2])
        entries = [struct.unpack("<HHII", body[at + 2 + 12 * i:at + 14 + 12 * i]) for i in range(count)]
        # A SHORT stands in the first half of the value.
        tags = {tag: value & 0xFFFF if kind == 3 else value for tag, kind, _, value in entries}
        return tags[256], tags[257]
    if body[:2] == b"\xff\xd8":
        at = 2
        while body[at + 1] not in (0xC0, 0xC1, 0xC2):
            at += 2 + struct.unpack(">H", body[at + 2:at + 4])[0]
        height, width = struct.unpack(">HH", body[at + 5:at + 9])
        return width, height
    return Picture(body).size


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
        self.assertEqual({p[3] for p in picture(body).pixels()}, {0})

    def test_6_7_4_a_box_may_reach_over_the_edge(self):
        inside = picture(ask(self.base, TRANSPARENT="TRUE")[2])
        wider = picture(ask(self.base, BBOX="-180,-180,180,180", HEIGHT="200", TRANSPARENT="TRUE")[2])
        self.assertEqual([wider.at(x, 50 + y) for x in (3, 120) for y in (5, 77)],
                         [inside.at(x, y) for x in (3, 120) for y in (5, 77)])
        self.assertEqual({wider.at(x, y)[3] for x in (0, 199) for y in (0, 199)}, {0})

    def test_6_7_2_the_first_pixel_is_the_upper_left_one(self):
        whole = picture(ask(self.base)[2])
        north_west = picture(ask(self.base, BBOX="-180,0,0,90", WIDTH="100", HEIGHT="50")[2])
        self.assertEqual(north_west.at(7, 9), whole.at(7, 9))
        south_east = picture(ask(self.base, BBOX="0,-90,180,0", WIDTH="100", HEIGHT="50")[2])
        self.assertEqual(south_east.at(7, 9), whole.at(107, 59))

    def test_6_7_3_3_epsg_4326_has_latitude_first(self):
        ours = ask(self.base)[2]
        theirs = ask(self.base, CRS="EPSG:4326", BBOX="-90,-180,90,180")[2]
        self.assertEqual(picture(ours).pixels(), picture(theirs).pixels())

    def test_6_7_3_3_epsg_3857_has_east_first(self):
        end = 20037508.342789244
        body = ask(self.base, CRS="EPSG:3857", BBOX=f"0,0,{end},{end}", WIDTH="50", HEIGHT="50")[2]
        world = ask(self.base, CRS="EPSG:3857", BBOX=f"{-end},{-end},{end},{end}", WIDTH="100", HEIGHT="100")[2]
        self.assertEqual(picture(body).at(10, 40), picture(world).at(60, 40))

    # 6.8 request parameters

    def test_6_8_1_names_have_no_case(self):
        lower = {k.lower(): v for k, v in self.base.items()}
        self.assertEqual(ask(lower)[2], ask(self.base)[2])

    def test_6_8_1_parameters_come_in_any_order(self):
        turned = dict(reversed(list(self.base.items())))
        self.assertEqual(ask(turned)[2], ask(self.base)[2])

    def test_6_8_1_values_have_case(self):
        self.report(ask(self.base, LAYERS=self.name.lower() + "x"), "LayerNotDefined")

    def test_6_8_1_a_name_that_is_given_twice_is_no_accident(self):
        query = urllib.parse.urlencode({**self.base, "EXCEPTIONS": "XML"})
        self.report(fetch(f"{URL}/{COLLECTION}/wms?{query}&WIDTH=77"))

    def test_6_5_numbers_may_have_exponents(self):
        same = ask(self.base, BBOX="-1.8e2,-9.0E+1,180.0,+90")
        self.assertEqual(same[2], ask(self.base)[2])

    def test_6_5_numbers_that_are_none_are_exceptions(self):
        for name, value in [("WIDTH", "wide"), ("HEIGHT", "-3"), ("WIDTH", "0"), ("BBOX", "0,0,inf,1")]:
            with self.subTest(name + value):
                self.report(ask(self.base, EXCEPTIONS="XML", **{name: value}))

    def test_6_9_2_an_operation_that_is_not_there(self):
        self.report(ask(self.base, REQUEST="GetNothing", EXCEPTIONS="XML"))

    # 6.4 and 6.10 responses

    def test_6_10_1_media_types_are_those_of_the_body(self):
        for kind, magic in [("image/png", b"\x89PNG"), ("image/jpeg", b"\xff\xd8"), ("image/gif", b"GIF8")]:
            status, headers, body = ask(self.base, FORMAT=kind)
            self.assertEqual((status, headers["Content-Type"]), (200, kind))
            self.assertTrue(body.startswith(magic))
            self.assertEqual(int(headers["Content-Length"]), len(body))

    # 6.9.4 and 6.11 exceptions

    def test_6_9_4_exceptions_are_xml(self):
        self.report(ask(self.base, LAYERS="no_such_layer"), "LayerNotDefined")
        self.report(ask(self.base, LAYERS="no_such_layer", EXCEPTIONS="XML"), "LayerNotDefined")

    def test_7_3_3_11_inimage(self):
        status, headers, body = ask(self.base, LAYERS="no_such_layer", EXCEPTIONS="INIMAGE")
        self.assertEqual((status, headers["Content-Type"]), (200, "image/png"))
        self.assertEqual(picture(body).size, (200, 100))
        self.assertGreater(len(set(picture(body).pixels())), 1)

    def test_7_3_3_11_blank(self):
        _, headers, body = ask(self.base, LAYERS="no_such_layer", EXCEPTIONS="BLANK", TRANSPARENT="TRUE")
        self.assertEqual({p[3] for p in picture(body).pixels()}, {0})
        self.assertIn("error", headers["Harmony-Map"])
        _, _, body = ask(self.base, LAYERS="no_such_layer", EXCEPTIONS="BLANK")
        self.assertEqual(set(picture(body).pixels()), {(255, 255, 255, 255)})
        _, _, body = ask(self.base, LAYERS="no_such_layer", EXCEPTIONS="BLANK", BGCOLOR="0x0A141E")
        self.assertEqual(set(picture(body).pixels()), {(10, 20, 30, 255)})

    def test_7_3_3_11_pictures_of_exceptions_have_the_format_that_was_asked_for(self):
        for form in ["INIMAGE", "BLANK"]:
            _, headers, body = ask(self.base, LAYERS="no_such_layer", EXCEPTIONS=form, FORMAT="image/gif")
            self.assertEqual((headers["Content-Type"], size_of(body)), ("image/gif", (200, 100)))

    def test_6_9_4_every_listed_form_is_given(self):
        forms = [e.text for e in self.root.findall(f"{WMS}Capability/{WMS}Exception/{WMS}Format")]
        self.assertEqual(forms[:3], ["XML", "INIMAGE", "BLANK"])
        kinds = {"XML": "text/xml", "INIMAGE": "image/png", "BLANK": "image/png", "JSON": "application/json"}
        for form in forms:
            headers = ask(self.base, LAYERS="no_such_layer", EXCEPTIONS=form)[1]
            self.assertTrue(headers["Content-Type"].startswith(kinds[form]), form)

    def test_6_11_messages_are_text_whatever_was_sent(self):
        exception = self.report(ask(self.base, LAYERS="<b>&\"'no_such"), "LayerNotDefined")
        self.assertIn("<b>&\"'no_such", exception.text)

    # 7.2 GetCapabilities

    def test_7_2_3_1_the_format_is_xml(self):
        self.assertTrue(self.headers["Content-Type"].startswith("text/xml"))

    def test_7_2_3_1_an_unknown_format_gives_xml(self):
        headers, _ = capabilities(FORMAT="text/nothing")
        self.assertTrue(headers["Content-Type"].startswith("text/xml"))

    def test_7_2_3_2_the_version_is_not_needed_and_the_service_is(self):
        self.assertEqual(ask({"SERVICE": "WMS", "REQUEST": "GetCapabilities"})[0], 200)
        self.report(ask({"REQUEST": "GetCapabilities", "EXCEPTIONS": "XML"}))

    def test_7_2_3_5_update_sequence(self):
        number = int(self.root.get("updateSequence"))
        self.assertEqual(capabilities(UPDATESEQUENCE=str(number - 1))[1].get("updateSequence"), str(number))
        query = {"SERVICE": "WMS", "REQUEST": "GetCapabilities"}
        self.report(ask(query, UPDATESEQUENCE=str(number)), "CurrentUpdateSequence")
        self.report(ask(query, UPDATESEQUENCE=str(number + 1)), "InvalidUpdateSequence")

    def test_7_2_4_the_elements_are_in_the_order_of_the_schema(self):
        order = {
            "Layer": ["Name", "Title", "Abstract", "KeywordList", "CRS", "EX_GeographicBoundingBox", "BoundingBox",
                      "Dimension", "Attribution", "AuthorityURL", "Identifier", "MetadataURL", "DataURL",
                      "FeatureListURL", "Style", "MinScaleDenominator", "MaxScaleDenominator", "Layer"],
            "Service": ["Name", "Title", "Abstract", "KeywordList", "OnlineResource", "ContactInformation", "Fees",
                        "AccessConstraints", "LayerLimit", "MaxWidth", "MaxHeight"],
            "Capability": ["Request", "Exception", "Layer"],
        }
        for name, children in order.items():
            for element in self.root.iter(WMS + name):
                places = [children.index(child.tag.removeprefix(WMS)) for child in element]
                self.assertEqual(places, sorted(places), name)

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

    def test_7_2_4_3_every_operation_is_answered_where_it_says(self):
        request = self.root.find(f"{WMS}Capability/{WMS}Request")
        self.assertEqual([e.tag for e in request], [WMS + n for n in ["GetCapabilities", "GetMap", "GetFeatureInfo"]])
        for get in request.iter(f"{WMS}Get"):
            href = get.find(f"{WMS}OnlineResource").get(f"{XLINK}href")
            self.assertEqual(fetch(href + "SERVICE=WMS&REQUEST=GetCapabilities")[0], 200)

    def test_7_2_4_6_3_a_layer_without_a_name_is_not_drawn(self):
        for layer in self.root.iter(f"{WMS}Layer"):
            if layer.find(f"{WMS}Name") is None:
                self.report(ask(self.base, LAYERS=layer.findtext(f"{WMS}Title")), "LayerNotDefined")

    def test_7_2_4_6_3_names_are_there_once(self):
        names = [layer.findtext(f"{WMS}Name") for layer in layers(self.root)]
        self.assertEqual(len(names), len(set(names)))

    def test_7_2_4_6_5_every_listed_style_is_drawn(self):
        for style in self.layer.findall(f"{WMS}Style/{WMS}Name"):
            self.assertEqual(ask(self.base, STYLES=style.text, WIDTH="20", HEIGHT="10")[0], 200, style.text)

    def test_7_2_4_7_attributes_are_what_the_schema_allows(self):
        for layer in self.root.iter(f"{WMS}Layer"):
            for name in ["queryable", "opaque", "noSubsets"]:
                self.assertIn(layer.get(name), ["0", "1", "true", "false"], name)

    def test_7_2_4_7_2_layers_that_are_queryable_answer(self):
        for layer in layers(self.root):
            if layer.get("queryable") == "1":
                name = layer.findtext(f"{WMS}Name")
                status, _, body = self.info(LAYERS=name, QUERY_LAYERS=name)
                self.assertTrue(status == 200 or b"LayerNotDefined" in body, body)

    def test_7_2_4_6_5_styles_have_names_and_titles(self):
        for style in self.root.iter(f"{WMS}Style"):
            self.assertTrue(style.findtext(f"{WMS}Name") and style.findtext(f"{WMS}Title"))

    def test_7_2_4_6_5_legends_are_pictures(self):
        href = self.layer.find(f"{WMS}Style/{WMS}LegendURL/{WMS}OnlineResource").get(f"{XLINK}href")
        status, headers, body = fetch(href)
        self.assertEqual((status, headers["Content-Type"]), (200, "image/png"), body[:300])
        self.assertGreater(picture(body).width, 100)

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

    def test_7_2_4_6_7_every_listed_crs_is_drawn(self):
        for crs in self.layer.findall(f"{WMS}CRS"):
            box = {"CRS:84": "-10,-10,10,10", "EPSG:4326": "-10,-10,10,10"}.get(crs.text, "-1e6,-1e6,1e6,1e6")
            status, _, body = ask(self.base, CRS=crs.text, BBOX=box, WIDTH="20", HEIGHT="20")
            self.assertEqual(status, 200, (crs.text, body[:300]))

    # 7.3 GetMap

    def test_7_3_2_parameters_are_required(self):
        for name in ["LAYERS", "STYLES", "CRS", "BBOX", "WIDTH", "HEIGHT", "FORMAT"]:
            with self.subTest(name):
                self.report(ask(self.base, EXCEPTIONS="XML", **{name: None}))

    def test_7_3_2_service_is_not_required(self):
        self.assertEqual(ask(self.base, SERVICE=None)[0], 200)

    def test_7_3_3_3_layers_that_are_not_there(self):
        self.report(ask(self.base, LAYERS=f"{self.name},no_such_layer", STYLES=","), "LayerNotDefined")

    def test_7_3_3_3_the_first_layer_lies_at_the_bottom(self):
        twice = {"LAYERS": f"{self.name},{self.name}"}
        for below, above in [("turbo", "viridis"), ("viridis", "turbo")]:
            one = picture(ask(self.base, STYLES=above)[2])
            both = picture(ask(self.base, **twice, STYLES=f"{below},{above}")[2])
            self.assertEqual(both.pixels(), one.pixels())

    def test_7_3_3_4_one_style_for_each_layer(self):
        twice = {"LAYERS": f"{self.name},{self.name}"}
        self.report(ask(self.base, **twice, STYLES="viridis"), "StyleNotDefined")

    def test_7_3_3_4_styles_that_are_not_there(self):
        self.report(ask(self.base, STYLES="no_such_style"), "StyleNotDefined")

    def test_7_3_3_4_empty_styles_are_the_default(self):
        twice = {"LAYERS": f"{self.name},{self.name}"}
        self.assertEqual(ask(self.base, **twice, STYLES="")[2], ask(self.base, **twice, STYLES=",")[2])
        self.assertEqual(ask(self.base, STYLES="default")[2], ask(self.base, STYLES="")[2])

    def test_7_3_3_5_a_crs_that_is_not_there(self):
        self.report(ask(self.base, CRS="EPSG:99999"), "InvalidCRS")
        self.report(ask(self.base, CRS="", EXCEPTIONS="XML"), "InvalidCRS")

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
            self.assertEqual(size_of(body), (200, 100))

    def test_7_3_3_8_the_size_is_exact(self):
        for width, height in [(1, 1), (7, 300), (257, 129)]:
            body = ask(self.base, WIDTH=str(width), HEIGHT=str(height))[2]
            self.assertEqual(picture(body).size, (width, height))

    def test_7_3_3_8_pixels_need_not_be_square(self):
        status, _, body = ask(self.base, BBOX="0,0,10,40", WIDTH="40", HEIGHT="10")
        self.assertEqual((status, picture(body).size), (200, (40, 10)))

    def test_7_3_3_9_transparency(self):
        outside = {"BBOX": "-180,-270,180,90"}
        clear = picture(ask(self.base, **outside, TRANSPARENT="TRUE")[2])
        self.assertEqual(clear.at(5, 98)[3], 0)
        for value in ["FALSE", None]:
            opaque = picture(ask(self.base, **outside, TRANSPARENT=value)[2])
            self.assertEqual({p[3] for p in opaque.pixels()}, {255})

    def test_7_3_3_9_a_format_without_transparency_is_drawn(self):
        status, headers, body = ask(self.base, FORMAT="image/jpeg", TRANSPARENT="TRUE")
        self.assertEqual((status, headers["Content-Type"], size_of(body)), (200, "image/jpeg", (200, 100)))

    def test_7_3_3_10_background(self):
        outside = {"BBOX": "-180,-270,180,90"}
        body = ask(self.base, **outside, BGCOLOR="0x0A141E")[2]
        self.assertEqual(picture(body).at(5, 98), (10, 20, 30, 255))
        body = ask(self.base, **outside)[2]
        self.assertEqual(picture(body).at(5, 98), (255, 255, 255, 255))

    def test_7_3_3_10_a_background_that_is_none(self):
        self.report(ask(self.base, BGCOLOR="red", EXCEPTIONS="XML"))

    def test_7_3_3_12_a_time_that_is_none(self):
        self.report(ask(self.base, TIME="yesterday"), "InvalidDimensionValue")

    def test_c_4_2_the_default_time_is_listed_and_given(self):
        dimension = self.layer.find(f"{WMS}Dimension[@name='time']")
        if dimension is None:
            self.skipTest("the layer has no time")
        status, headers, _ = ask(self.base, TIME=dimension.get("default"))
        self.assertEqual(status, 200)
        self.assertIsNone(headers["Harmony-Map"])

    def test_c_4_2_defaults_are_told(self):
        dimension = self.layer.find(f"{WMS}Dimension[@name='time']")
        if dimension is None:
            self.skipTest("the layer has no time")
        told = ask(self.base)[1].get_all("Warning") or []
        self.assertTrue(any(t.startswith("99 Default value used: time=") for t in told), told)
        asked = ask(self.base, TIME=dimension.get("default"))[1].get_all("Warning") or []
        self.assertFalse(any("Default value used: time" in t for t in asked), asked)

    def test_c_3_2_elevations(self):
        dimension = self.layer.find(f"{WMS}Dimension[@name='elevation']")
        if dimension is None:
            self.skipTest("the layer has no elevation")
        values = dimension.text.split(",")
        self.assertIn(dimension.get("default"), values)
        default = ask(self.base)
        self.assertEqual(ask(self.base, ELEVATION=dimension.get("default"))[2], default[2])
        told = default[1].get_all("Warning") or []
        self.assertTrue(any(t.startswith("99 Default value used: elevation=") for t in told), told)
        self.assertNotEqual(ask(self.base, ELEVATION=values[-1])[2], default[2])
        self.report(ask(self.base, ELEVATION="-12345"), "InvalidDimensionValue")

    def test_c_2_dimensions_have_units(self):
        for dimension in self.root.iter(f"{WMS}Dimension"):
            self.assertIsNotNone(dimension.get("units"))
            if dimension.get("name") == "time":
                self.assertEqual(dimension.get("units"), "ISO8601")

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

    def test_7_4_3_2_parameters_are_required(self):
        for name in ["QUERY_LAYERS", "INFO_FORMAT", "I", "J"]:
            with self.subTest(name):
                self.report(self.info(EXCEPTIONS="XML", **{name: None}))

    def test_7_4_3_5_a_format_that_is_not_there(self):
        self.report(self.info(INFO_FORMAT="text/nothing"), "InvalidFormat")

    def test_7_4_3_6_a_count_that_is_none_is_one(self):
        self.assertEqual(self.info(FEATURE_COUNT="many")[2], self.info()[2])


if __name__ == "__main__":
    unittest.main()
