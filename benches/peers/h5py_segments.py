"""h5py_segments.py IN OUT W S E N: box of an ATL03-like granule with h5py and numpy, photons by segment, index rebased."""
import sys

import h5py
import numpy as np

source, target, *box = sys.argv[1:]
w, s, e, n = map(float, box)
with h5py.File(source) as f, h5py.File(target, 'w') as out:
    for beam in f:
        if 'geolocation' not in f[beam]:
            continue
        g, h = f[beam]['geolocation'], f[beam]['heights']
        lat, lon = g['reference_photon_lat'][:], g['reference_photon_lon'][:]
        keep = (lon >= w) & (lon <= e) & (lat >= s) & (lat <= n)
        if not keep.any():
            continue
        begin, count = g['ph_index_beg'][:], g['segment_ph_cnt'][:]
        photons = np.zeros(h['h_ph'].shape[0], bool)
        for b, c in zip(begin[keep], count[keep]):
            if b > 0:
                photons[b - 1:b - 1 + c] = True
        for group, mask in ((g, keep), (h, photons)):
            index = np.flatnonzero(mask)
            first, last = index[0], index[-1] + 1
            for name, d in group.items():
                data = d[first:last][mask[first:last]]
                if name == 'ph_index_beg':
                    data = np.concatenate([[1], 1 + np.cumsum(count[keep])[:-1]])
                    data = np.where(begin[keep] > 0, data, begin[keep])
                out.create_dataset(f'{beam}/{group.name.rsplit("/", 1)[1]}/{name}', data=data, compression='gzip',
                                   compression_opts=d.compression_opts or 4, shuffle=True)
