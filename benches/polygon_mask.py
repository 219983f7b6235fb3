"""A polygon of 100,000 vertices on a large grid: masked and written."""
import json
import math
from pathlib import Path

QUESTION = 'polygon of 100,000 vertices on a 4000x8000 grid, one variable'
DATA = 'grid.nc'
LIMITS = {'seconds': 1}


def polygon(data):
    path = Path(data).with_name('polygon100k.geojson')
    if not path.exists():
        ring = []
        for i in range(100_000):
            t = 2 * math.pi * i / 100_000
            r = 40 + 3 * math.sin(37 * t) + 0.5 * math.sin(1001 * t)
            ring.append([2 * r * math.cos(t), r * math.sin(t)])
        ring.append(ring[0])
        path.write_text(json.dumps({'type': 'Polygon', 'coordinates': [ring]}))
    return path


def ours(data):
    return [f'--shape={polygon(data)}', '--variable=v00', data]


def peers(tools):
    return {}


def check(data, outputs):
    """300 cells, chosen with a fixed seed, are masked just where an even-odd count says that their centre is outside."""
    import numpy as np
    from peers import check as checks
    ring = np.array(json.loads(polygon(data).read_text())['coordinates'][0])
    (x0, y0), (x1, y1) = ring[:-1].T, ring[1:].T
    with checks.netCDF4.Dataset(outputs['ours']) as ours, checks.netCDF4.Dataset(data) as whole:
        lat, lon = ours['lat'][:], ours['lon'][:]
        rows0 = int(np.argmin(abs(whole['lat'][:] - lat[0])))
        cols0 = int(np.argmin(abs(whole['lon'][:] - lon[0])))
        rng = np.random.default_rng(7)
        for row, col in zip(rng.integers(0, lat.size, 300), rng.integers(0, lon.size, 300)):
            y, x = lat[row], lon[col]
            crossed = (y0 > y) != (y1 > y)
            at = x0[crossed] + (y - y0[crossed]) * (x1[crossed] - x0[crossed]) / (y1[crossed] - y0[crossed])
            inside = (at > x).sum() % 2 == 1
            value, original = ours['v00'][row, col], whole['v00'][rows0 + row, cols0 + col]
            expected = original if inside else np.ma.masked
            assert (value is np.ma.masked) == (expected is np.ma.masked), (row, col, x, y)
            assert value is np.ma.masked or value == expected, (row, col)
