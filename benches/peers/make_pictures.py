"""Writes pictures of 4000 x 4000 pixels as GeoTIFF into a folder.

`palette` is a byte field with a colour table and a small pattern, `classes` one with large flat areas, `smooth` a field
in single precision, `rgb` three bytes with noise. `smooth-bytes` is `smooth` as grey levels, for programs that can't
stretch it themselves.
"""
import sys
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_bounds

SIDE = 4000
Y, X = np.mgrid[0:SIDE, 0:SIDE]


def save(path, bands, colours=None, **options):
    with rasterio.open(path, 'w', driver='GTiff', width=SIDE, height=SIDE, count=len(bands), dtype=bands[0].dtype,
                       crs='EPSG:4326', transform=from_bounds(-20, 20, 20, 60, SIDE, SIDE), **options) as ds:
        for i, band in enumerate(bands):
            ds.write(band, i + 1)
        if colours:
            ds.write_colormap(1, colours)


def palette():
    field = 120 + 60 * np.sin(X / 300) * np.cos(Y / 200) + ((X * 7919 + Y * 104729) % 5)
    return field.astype('u1')


def classes(rng):
    x, y = X / SIDE, Y / SIDE
    field = np.sin(9 * x + 2 * np.sin(6 * y)) + np.cos(8 * y + 2 * np.sin(5 * x)) + 0.3 * np.sin(60 * x) * np.sin(50 * y)
    field += rng.normal(0, 0.01, field.shape)
    return np.digitize(field, [-1.5, -1, -0.4, 0, 0.3, 0.8, 1.2]).astype('u1')


def smooth():
    x, y = X / SIDE, Y / SIDE
    field = 285 + 15 * np.sin(7 * x) * np.cos(5 * y) + 3 * np.sin(40 * x + 9 * y) + 1.5 * np.sin(90 * y - 50 * x)
    return field.astype('f4')


def rgb(rng):
    x, y = X / SIDE, Y / SIDE
    band = lambda i: 128 + 90 * np.sin(6 * x + i) * np.cos(5 * y - i) + 20 * np.sin(80 * x + 30 * y * (i + 1))
    return [np.clip(band(i) + rng.normal(0, 2.5, x.shape), 0, 255).astype('u1') for i in range(3)]


def main():
    folder = Path(sys.argv[1])
    folder.mkdir()
    rng = np.random.default_rng(1)
    colours = {i: (i, 255 - i, (i * 5) % 256, 255) for i in range(256)}
    save(folder / 'palette.tif', [palette()], colours, photometric='palette')
    save(folder / 'classes.tif', [classes(rng)], colours, photometric='palette')
    save(folder / 'rgb.tif', rgb(rng), photometric='rgb', interleave='pixel')
    field = smooth()
    save(folder / 'smooth.tif', [field])
    low, high = np.quantile(field, [0.02, 0.98])
    save(folder / 'smooth-bytes.tif', [(np.clip(np.rint((field - low) / (high - low) * 254), 0, 254) + 1).astype('u1')])


main()
