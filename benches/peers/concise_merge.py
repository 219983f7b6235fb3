"""Stacks granules by concise with its two processes."""
import sys
from pathlib import Path

from podaac.merger.merge import merge_netcdf_files

if __name__ == '__main__':
    source, target = sys.argv[1:]
    files = sorted(Path(source).glob('*.nc'))
    merge_netcdf_files(files, target, granule_urls=[str(f) for f in files], process_count=2)
