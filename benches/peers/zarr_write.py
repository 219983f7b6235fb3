"""One variable to Zarr by zarr-python."""
import sys

import netCDF4
import numcodecs
import zarr

source, target, version, codec = sys.argv[1:]
zarr.config.set({'threading.max_workers': 2, 'async.concurrency': 8})
with netCDF4.Dataset(source) as ds:
    ds.set_auto_maskandscale(False)
    data = ds['v00'][:]
group = zarr.open_group(target, mode='w', zarr_format=2 if version == 'v2' else 3)
if version == 'v2':
    compressor = numcodecs.GZip(5) if codec == 'gzip' else numcodecs.Zstd(3)
    array = group.create_array('v00', shape=data.shape, dtype=data.dtype, chunks=(500, 500), compressors=compressor)
else:
    compressor = zarr.codecs.GzipCodec(level=5) if codec == 'gzip' else zarr.codecs.ZstdCodec(level=3)
    array = group.create_array('v00', shape=data.shape, dtype=data.dtype, chunks=(500, 500), compressors=compressor)
array[:] = data
