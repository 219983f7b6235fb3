"""What the map clients have in common: the file that says what to draw, and the comparison of known points."""

import json
import sys

# Neighbouring cells of a known point differ by 4 at most; blending on white rounds once more.
TOLERANCE = 5


def asked():
    with open(sys.argv[1], encoding="utf-8") as file:
        return json.load(file)


def pixel_of(sheet, point):
    """Column and row of a point on a sheet."""
    west, south, east, north = sheet["bbox"]
    width, height = sheet["size"]
    column = int((point["x"] - west) / (east - west) * width)
    row = int((north - point["y"]) / (north - south) * height)
    return column, row


class Count:
    """Counts points and remembers those with another colour."""

    def __init__(self):
        self.seen = 0
        self.wrong = []

    def compare(self, what, sheet, colour_at):
        """`colour_at(column, row)` gives red, green, blue of the picture of a sheet."""
        for point in sheet["points"]:
            self.one(f"{what} {sheet['crs']}", point, colour_at(*pixel_of(sheet, point)))

    def one(self, what, point, colour):
        self.seen += 1
        if any(abs(a - b) > TOLERANCE for a, b in zip(point["rgb"], colour)):
            self.wrong.append(f"{what}: {point['lon']}, {point['lat']} is {tuple(colour)}, not {point['rgb']}")

    def end(self):
        if self.wrong:
            sys.exit("\n".join([f"{len(self.wrong)} of {self.seen} points differ", *self.wrong[:20]]))
        print(f"{self.seen} points agree")
