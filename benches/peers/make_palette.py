"""Writes a byte GeoTIFF with a colour table."""
import sys

import numpy as np
import rasterio
from rasterio.transform import from_bounds

y, x = np.mgrid[0:4000, 0:4000]
data = (120 + 60 * np.sin(x / 300) * np.cos(y / 200) + ((x * 7919 + y * 104729) % 5)).astype('u1')
with rasterio.open(sys.argv[1], 'w', driver='GTiff', width=4000, height=4000, count=1, dtype='uint8', crs='EPSG:4326',
                   transform=from_bounds(-20, 20, 20, 60, 4000, 4000), photometric='palette') as ds:
    ds.write(data, 1)
    ds.write_colormap(1, {i: (i, 255 - i, (i * 5) % 256, 255) for i in range(256)})
