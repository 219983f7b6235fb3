"""A polygon of 100,000 vertices on a large grid: masked and written."""
import json
import math
from pathlib import Path


QUESTION = 'polygon of 100,000 vertices on a 4000x8000 grid, one variable'
DATA = 'grid.nc'


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
    from peers import check as checks
    import numpy as np
    with checks.netCDF4.Dataset(outputs['ours']) as ds:
        v = ds['v00'][...]
        assert 0.5 < 1 - np.ma.getmaskarray(v).mean() < 0.9, 'the mask is not that of the polygon'
