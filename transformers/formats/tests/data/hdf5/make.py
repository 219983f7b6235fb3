"""Writes the HDF5 fixtures of this folder: run `python make.py` here (h5py 3.16 with HDF5 2.0, netCDF4 1.7)."""

import ctypes
import glob
import os

import h5py
import netCDF4
import numpy as np
from h5py import h5d, h5f, h5p, h5s, h5t

OLDEST = ("earliest", "v114")


def old():
    """Structures of HDF5 1.6: symbol tables, version-1 headers and B-trees, behind a user block."""
    with h5py.File("old.h5", "w", libver=OLDEST, userblock_size=512) as f:
        f.attrs["title"] = "old"
        f.attrs["fixed"] = np.array([b"ab", b"cd"], "S2")
        f.attrs["texts"] = ["a", "bb", ""]
        f.attrs["big"] = np.arange(3, dtype=">i2")
        f.attrs["null"] = h5py.Empty("f4")
        f["i2be"] = np.arange(6, dtype=">i2").reshape(2, 3)
        f.create_dataset("deflated", data=np.arange(100, dtype="<i4").reshape(10, 10), chunks=(4, 3),
                         compression="gzip", shuffle=True, fletcher32=True)
        f.create_dataset("sparse", shape=(50,), dtype="f8", chunks=(5,), maxshape=(None,), fillvalue=-1.5)[20:23] = 7
        f.create_dataset("texts", data=np.array(["x", "", "long" * 9], object), dtype=h5py.string_dtype())
        f.create_dataset("chars", data=np.array(list("abc"), "S1"))
        sequences = f.create_dataset("sequences", shape=(3,), dtype=h5py.vlen_dtype(">i4"))
        h5d_write_sequences(sequences)
        record = np.dtype([("a", "<i4"), ("b", ">f8"), ("m", "<f4", (2, 2))])
        values = np.zeros(3, record)
        values["a"], values["b"] = [1, 2, 3], [0.5, 1.5, 2.5]
        f.create_dataset("records", data=values)
        f.create_dataset("enum", data=np.array([0, -2], "i2"), dtype=h5py.enum_dtype({"no": 0, "neg": -2}, "i2"))
        f.create_dataset("half", data=np.arange(3, dtype="<f2"))
        f["never"] = h5py.SoftLink("/nowhere")
        f["alias"] = f["i2be"]
        group = f.create_group("g")
        group["soft"] = h5py.SoftLink("/g/sub/x")
        group["up"] = f["/"]
        group.create_group("sub")["x"] = np.arange(3, dtype="u1")


def h5d_write_sequences(dataset):
    for i in range(3):
        dataset[i] = np.arange(i, dtype="<i4")


def new():
    """Structures of HDF5 1.10: every chunk index, dense links and attributes."""
    def with_unlimited(f, name, shape, chunks, maxshape, **more):
        count = int(np.prod(shape))
        f.create_dataset(name, data=np.arange(count, dtype="<u2").reshape(shape), chunks=chunks, maxshape=maxshape,
                         **more)

    with h5py.File("new.h5", "w", libver="latest", track_order=True) as f:
        with_unlimited(f, "single", (4, 3), (4, 3), None, compression="gzip")
        with_unlimited(f, "fixed", (7, 5), (2, 2), (9, 8))
        with_unlimited(f, "extensible", (5, 40), (2, 2), (5, None), compression="gzip")
        with_unlimited(f, "tree", (7, 5), (2, 2), (None, None))
        create = h5p.create(h5p.DATASET_CREATE)
        create.set_chunk((3, 4))
        create.set_alloc_time(h5d.ALLOC_TIME_EARLY)
        implicit = h5d.create(f.id, b"implicit", h5t.STD_U16LE, h5s.create_simple((7, 5), (7, 9)), create)
        implicit.write(h5s.ALL, h5s.ALL, np.arange(35, dtype="<u2").reshape(7, 5))
        dense = f.create_dataset("dense", data=np.int8(5), track_order=True)
        for i in range(12):
            dense.attrs[f"a{(i * 7) % 12}"] = np.int32(i)
    with h5py.File("paged.h5", "w", libver="latest") as f:
        paged = f.create_dataset("paged", shape=(3000,), dtype="u1", chunks=(2,), fillvalue=9)
        paged[0], paged[2999] = 1, 2


def shared():
    """Shared messages, filtered heap of links, short addresses: what few files have."""
    library = [p for p in glob.glob(os.path.join(os.path.dirname(h5py.__file__), "../h5py.libs/libhdf5-*"))][0]
    c = ctypes.CDLL(library)
    hid = ctypes.c_int64
    file_create = h5p.create(h5p.FILE_CREATE)
    c.H5Pset_shared_mesg_nindexes(hid(file_create.id), ctypes.c_uint(1))
    c.H5Pset_shared_mesg_index(hid(file_create.id), 0, ctypes.c_uint(0x182A), ctypes.c_uint(10))
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_libver_bounds(h5f.LIBVER_LATEST, h5f.LIBVER_LATEST)
    with h5py.File(h5f.create(b"shared.h5", h5f.ACC_TRUNC, file_create, access)) as f:
        for i in range(3):
            d = f.create_dataset(f"d{i}", data=np.arange(4, dtype="<f4"), chunks=(2,), compression="gzip")
            d.attrs["note"] = np.bytes_("the same text on every dataset")
        create = h5p.create(h5p.GROUP_CREATE)
        c.H5Pset_deflate(hid(create.id), ctypes.c_uint(6))
        group = h5py.Group(h5py.h5g.create(f.id, b"packed", gcpl=create))
        for i in range(20):
            group[f"link_to_a_dataset_{i:02}"] = f["d0"]
    file_create = h5p.create(h5p.FILE_CREATE)
    file_create.set_sizes(4, 4)
    access.set_libver_bounds(h5f.LIBVER_EARLIEST, h5f.LIBVER_LATEST)
    with h5py.File(h5f.create(b"short.h5", h5f.ACC_TRUNC, file_create, access)) as f:
        f.create_dataset("texts", data=np.array(["x", "yyy", ""], object), dtype=h5py.string_dtype())
        f.create_dataset("c", data=np.arange(30, dtype="<i4"), chunks=(4,), maxshape=(None,), compression="gzip")
        x = f.create_dataset("x", data=np.arange(30.0))
        x.make_scale("x")
        f["c"].dims[0].attach_scale(x)
        f.attrs["texts"] = ["a", "bb"]


def netcdf():
    """Dimensions as netCDF-4 writes them."""
    with netCDF4.Dataset("dims.nc", "w") as f:
        f.createDimension("time", None)
        f.createDimension("lat", 3)
        f.createDimension("lon", 4)
        f.createDimension("nv", 2)
        temp = f.createVariable("temp", "f4", ("time", "lat", "lon"), fill_value=-9, chunksizes=(2, 3, 4))
        temp[0:3] = np.arange(36).reshape(3, 3, 4)
        temp.units = "K"
        f.createVariable("time", "f8", ("time",), chunksizes=(4,))[:] = [0.0, 1.0]
        f.createVariable("lon", "f4", ("lat", "lon"))[:] = np.arange(12).reshape(3, 4)
        f.createVariable("nv", "i2", ("lat", "lat"))[:] = 2
        f.createEnumType("u1", "kind", {"a": 0, "b": 3})
        group = f.createGroup("g")
        group.createDimension("lat", 2)
        group.createVariable("v", "i2", ("lat", "lon"))[:] = 3
        group.createVariable("late", "i2", ("time",), chunksizes=(4,))[:] = [1, 2, 3, 4]
    with h5py.File("phony.h5", "w") as f:
        f["a"], f["b"] = np.zeros((3, 4), "u1"), np.zeros((4, 4), "u1")
        f.create_group("g")["q"] = np.zeros((4, 3), "u1")


if __name__ == "__main__":
    old()
    new()
    shared()
    netcdf()
