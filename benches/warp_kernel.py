"""Reprojection alone, in memory: our kernels against GDAL's, two threads each, both on the field of `warp`.

Ours is the example `warp_kernel` (control points and kernels; no reading, no writing), GDAL's is `rasterio.warp.reproject`
from array to array with the error threshold of `gdalwarp`. They take turns, the best of the rounds counts. Not a
question of `run.py`, which times whole processes:

    warp_kernel.py EXAMPLE FIELD.TIF [ROUNDS]
"""
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_bounds
from rasterio.warp import Resampling, reproject

from warp import GRIDS

KERNELS = {'near': Resampling.nearest, 'bilinear': Resampling.bilinear, 'average': Resampling.average}


def theirs(field, transform, crs, kernel):
    """Seconds and result of one reprojection by GDAL."""
    extent, width, height = GRIDS[crs]
    out = np.full((height, width), np.nan, 'f4')
    start = time.perf_counter()
    reproject(field, out, src_transform=transform, src_crs='EPSG:4326', src_nodata=np.nan,
              dst_transform=from_bounds(*map(float, extent.split(',')), width, height), dst_crs=f'EPSG:{crs}',
              dst_nodata=np.nan, resampling=KERNELS[kernel], num_threads=2, tolerance=0.125, warp_mem_limit=2048)
    return time.perf_counter() - start, out


def ours(example, folder):
    """Milliseconds of each reprojection; results are files in the folder."""
    text = subprocess.run([example, '2', '4000', '1', folder], check=True, capture_output=True, text=True).stdout
    words = [line.split() for line in text.splitlines()]
    return {(w[0].removeprefix('EPSG:'), w[2]): float(w[3]) / 1e3 for w in words}


def compare(a, b):
    """Cells valid in one only, and the differences where both are."""
    both = ~(np.isnan(a) | np.isnan(b))
    differ = np.count_nonzero(np.isnan(a) != np.isnan(b))
    assert differ < 0.002 * a.size, f'{differ} cells are valid in one only'
    return differ, np.abs(a[both] - b[both])


def main():
    example, data = sys.argv[1], sys.argv[2]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with rasterio.open(data) as d:
        field, transform = d.read(1, masked=True).filled(np.nan), d.transform
    best = {}
    with tempfile.TemporaryDirectory(prefix='bench-') as folder:
        field.tofile(Path(folder) / 'field.f32')
        for _ in range(rounds):
            for key, seconds in ours(example, folder).items():
                best.setdefault(key, {})['ours'] = min(seconds, best.get(key, {}).get('ours', np.inf))
                taken, result = theirs(field, transform, *key)
                best[key]['gdal'] = min(taken, best[key].get('gdal', np.inf))
                best[key]['result'] = result
        for (crs, kernel), b in best.items():
            _, width, height = GRIDS[crs]
            mine = np.fromfile(Path(folder) / f'{crs}-{kernel}.f32', 'f4').reshape(height, width)
            differ, off = compare(mine, b['result'])
            quantiles = ' '.join(f'{q:.4f}' for q in np.quantile(off, [0.5, 0.99, 1]))
            print(f'EPSG:{crs} {kernel:9} ours {b["ours"] * 1e3:7.1f} ms  GDAL {b["gdal"] * 1e3:7.1f} ms  '
                  f'x{b["gdal"] / b["ours"]:.2f}  difference (median, 99 %, most) {quantiles}, valid in one only {differ}')


if __name__ == '__main__':
    main()
