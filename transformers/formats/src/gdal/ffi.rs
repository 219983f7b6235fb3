//! libgdal, loaded when the first external file is opened. Linking it would cost every start 60 ms.
//!
//! GDAL is told to leave netCDF and HDF5 alone: its drivers for them take another lock than our readers of the same
//! libraries (see the list of drivers in [`DRIVERS`]). All calls into it go through one process-wide mutex.

use std::ffi::{CStr, CString, c_char, c_double, c_int, c_uint, c_void};
use std::path::Path;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use libloading::Library;

use super::info::{BandInfo, CrsInfo, PixelWindow, RasterInfo};

/// Drivers that may open a file. Not among them: those for netCDF and HDF5, and those that follow references to other
/// files or to the network (VRT, WMS, …), which a granule has no business to do.
const DRIVERS: [&CStr; 15] = [
    c"GTiff",
    c"GRIB",
    c"HDF4",
    c"HDF4Image",
    c"JP2OpenJPEG",
    c"PNG",
    c"JPEG",
    c"GIF",
    c"BMP",
    c"AAIGrid",
    c"ENVI",
    c"EHdr",
    c"HFA",
    c"SRTMHGT",
    c"NITF",
];

type Handle = *mut c_void;
type Strings = *mut *mut c_char;

macro_rules! api {
    ($($name:ident: fn($($arg:ty),*) $(-> $ret:ty)?;)*) => {
        /// The C functions in use.
        #[expect(non_snake_case, reason = "the names of the C functions")]
        pub(super) struct Api {
            $(pub(super) $name: unsafe extern "C" fn($($arg),*) $(-> $ret)?,)*
            /// Keeps the code mapped.
            _library: Library,
        }

        impl Api {
            #[expect(non_snake_case, reason = "as above")]
            fn from(library: Library) -> Result<Self, libloading::Error> {
                $(
                    // SAFETY: the signature is that of gdal.h, ogr_srs_api.h or cpl_*.h, unchanged from GDAL 2.4 to 3.12.
                    let $name = *unsafe {
                        library.get::<unsafe extern "C" fn($($arg),*) $(-> $ret)?>(concat!(stringify!($name), "\0").as_bytes())
                    }?;
                )*
                Ok(Api { $($name,)* _library: library })
            }
        }
    };
}

api! {
    GDALAllRegister: fn();
    GDALOpenEx: fn(*const c_char, c_uint, *const *const c_char, *const *const c_char, *const *const c_char) -> Handle;
    GDALClose: fn(Handle);
    GDALGetDatasetDriver: fn(Handle) -> Handle;
    GDALGetDriverShortName: fn(Handle) -> *const c_char;
    GDALGetRasterXSize: fn(Handle) -> c_int;
    GDALGetRasterYSize: fn(Handle) -> c_int;
    GDALGetRasterCount: fn(Handle) -> c_int;
    GDALGetGeoTransform: fn(Handle, *mut c_double) -> c_int;
    GDALGetSpatialRef: fn(Handle) -> Handle;
    GDALGetMetadata: fn(Handle, *const c_char) -> Strings;
    GDALGetRasterBand: fn(Handle, c_int) -> Handle;
    GDALGetRasterDataType: fn(Handle) -> c_int;
    GDALGetBlockSize: fn(Handle, *mut c_int, *mut c_int);
    GDALGetRasterNoDataValue: fn(Handle, *mut c_int) -> c_double;
    GDALGetRasterScale: fn(Handle, *mut c_int) -> c_double;
    GDALGetRasterOffset: fn(Handle, *mut c_int) -> c_double;
    GDALGetRasterUnitType: fn(Handle) -> *const c_char;
    GDALGetDescription: fn(Handle) -> *const c_char;
    GDALGetRasterColorTable: fn(Handle) -> Handle;
    GDALGetColorEntryCount: fn(Handle) -> c_int;
    GDALGetColorEntryAsRGB: fn(Handle, c_int, *mut [i16; 4]) -> c_int;
    GDALGetRasterColorInterpretation: fn(Handle) -> c_int;
    GDALGetColorInterpretationName: fn(c_int) -> *const c_char;
    GDALRasterIO: fn(Handle, c_int, c_int, c_int, c_int, c_int, *mut c_void, c_int, c_int, c_int, c_int, c_int) -> c_int;
    OSRExportToWktEx: fn(Handle, *mut *mut c_char, *const *const c_char) -> c_int;
    OSRIsGeographic: fn(Handle) -> c_int;
    OSRGetLinearUnits: fn(Handle, *mut *mut c_char) -> c_double;
    VSIFree: fn(*mut c_void);
    CPLPushErrorHandler: fn(unsafe extern "C" fn(c_int, c_int, *const c_char));
    CPLPopErrorHandler: fn();
    CPLErrorReset: fn();
    CPLGetLastErrorMsg: fn() -> *const c_char;
    CPLSetThreadLocalConfigOption: fn(*const c_char, *const c_char);
}

/// GDAL's messages are fetched with `CPLGetLastErrorMsg`; nothing is printed.
unsafe extern "C" fn quiet(_: c_int, _: c_int, _: *const c_char) {}

static GDAL: OnceLock<Result<Mutex<Api>, String>> = OnceLock::new();

/// The library under its lock, GDAL's messages silenced while it is held.
struct Session(MutexGuard<'static, Api>);

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: pops the handler that `session` pushed on this thread.
        unsafe { (self.0.CPLPopErrorHandler)() };
        stdio::discard();
    }
}

fn session() -> Result<Session, String> {
    let gdal = GDAL.get_or_init(|| load().map(Mutex::new)).as_ref().map_err(Clone::clone)?;
    // A panic while the lock was held leaves GDAL's own state as it was.
    let api = gdal.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: `quiet` has the type of CPLErrorHandler and lives for ever.
    unsafe {
        (api.CPLPushErrorHandler)(quiet);
        (api.CPLErrorReset)();
    }
    Ok(Session(api))
}

fn load() -> Result<Api, String> {
    let names = (28..=40).rev().map(|n| format!("libgdal.so.{n}"));
    let names = names.chain(["libgdal.so".into(), "libgdal.dylib".into()]);
    for name in names {
        // SAFETY: libgdal's initialisers only set up its own state.
        let Ok(library) = (unsafe { Library::new(&name) }) else { continue };
        stdio::prepare();
        let api = Api::from(library).map_err(|e| format!("{name} is too old or too new for us ({e})"))?;
        // SAFETY: once, before any other call.
        unsafe { (api.GDALAllRegister)() };
        return Ok(api);
    }
    Err("this format is read through GDAL, which is not installed: run `make setup`, or install the package \
         libgdal32 (Debian, Ubuntu: the libgdalNN of your release, or libgdal-dev)"
        .into())
}

/// GDAL's GRIB decoder writes warnings to C's standard output, where our data may go. Rust does not use C's buffer:
/// it is made large enough to hold a warning back and thrown away.
#[cfg(target_os = "linux")]
mod stdio {
    use std::ffi::{c_char, c_int, c_void};

    unsafe extern "C" {
        static stdout: *mut c_void;
        fn setvbuf(stream: *mut c_void, buffer: *mut c_char, mode: c_int, size: usize) -> c_int;
        fn __fpurge(stream: *mut c_void);
    }

    /// `_IOFBF`: written when full only.
    const FULL: c_int = 0;

    pub fn prepare() {
        // SAFETY: the stream is libc's own; a null buffer makes it allocate one.
        unsafe { setvbuf(stdout, std::ptr::null_mut(), FULL, 1 << 16) };
    }

    pub fn discard() {
        // SAFETY: as above; called under GDAL's lock, the only writer.
        unsafe { __fpurge(stdout) };
    }
}

#[cfg(not(target_os = "linux"))]
mod stdio {
    pub fn prepare() {}
    pub fn discard() {}
}

/// An open raster. Dropping it closes it.
pub struct Dataset {
    handle: Handle,
    /// Configuration that holds while this data set is opened and read.
    config: Vec<(CString, CString)>,
    pub name: String,
}

// SAFETY: the handle is used under the process-wide lock only.
unsafe impl Send for Dataset {}
// SAFETY: as above.
unsafe impl Sync for Dataset {}

fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: GDAL's texts end in NUL and live until the next call, which the lock holds back.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// `KEY=VALUE` texts of a list.
fn pairs(list: Strings) -> Vec<(String, String)> {
    let mut out = Vec::new();
    if list.is_null() {
        return out;
    }
    for i in 0.. {
        // SAFETY: the list ends in a null pointer, where the loop stops.
        let item = unsafe { *list.add(i) };
        if item.is_null() {
            break;
        }
        let item = text(item);
        if let Some((key, value)) = item.split_once('=') {
            out.push((key.to_owned(), value.to_owned()));
        }
    }
    out
}

/// Options for GDAL: pointers to the texts and a null.
fn list(items: &[&CStr]) -> Vec<*const c_char> {
    items.iter().map(|c| c.as_ptr()).chain([std::ptr::null()]).collect()
}

impl Dataset {
    /// Opens `path` (a file, or the name of a subdataset of one) with the drivers we allow.
    ///
    /// # Errors
    /// GDAL's message, or that it isn't installed.
    pub fn open(path: &str, config: &[(&str, &str)]) -> Result<Self, String> {
        let c_path = CString::new(path).map_err(|_| "the path holds a NUL byte".to_owned())?;
        let pair = |(k, v): &(&str, &str)| Some((CString::new(*k).ok()?, CString::new(*v).ok()?));
        let config: Vec<_> = config.iter().filter_map(pair).collect();
        let drivers = list(&DRIVERS);
        let session = session()?;
        let api = &*session.0;
        let guard = Config::set(api, &config);
        const RASTER: c_uint = 0x02;
        const VERBOSE_ERROR: c_uint = 0x40;
        // SAFETY: all texts and lists live through the call; the lists end in null.
        let handle = unsafe {
            let (none, flags) = (std::ptr::null(), RASTER | VERBOSE_ERROR);
            (api.GDALOpenEx)(c_path.as_ptr(), flags, drivers.as_ptr(), none, none)
        };
        if handle.is_null() {
            return Err(last_error(api));
        }
        drop(guard);
        let name =
            Path::new(path).file_name().map_or_else(|| path.into(), |n| n.to_string_lossy().into_owned());
        Ok(Dataset { handle, config, name })
    }

    /// Everything but the pixels.
    ///
    /// # Errors
    /// When GDAL can't be had any more.
    pub fn info(&self) -> Result<RasterInfo, String> {
        let session = session()?;
        let api = &*session.0;
        // SAFETY: the handle is open; all functions only read; `transform` has six elements.
        unsafe {
            let driver = (api.GDALGetDatasetDriver)(self.handle);
            let mut transform = [0.0; 6];
            let located = (api.GDALGetGeoTransform)(self.handle, transform.as_mut_ptr()) == 0;
            let count = (api.GDALGetRasterCount)(self.handle).max(0);
            let subdatasets = pairs((api.GDALGetMetadata)(self.handle, c"SUBDATASETS".as_ptr()));
            Ok(RasterInfo {
                driver: text((api.GDALGetDriverShortName)(driver)),
                width: (api.GDALGetRasterXSize)(self.handle).max(0) as u64,
                height: (api.GDALGetRasterYSize)(self.handle).max(0) as u64,
                bands: (1..=count).map(|n| band_info(api, (api.GDALGetRasterBand)(self.handle, n))).collect(),
                transform: located.then_some(transform),
                crs: crs_info(api, (api.GDALGetSpatialRef)(self.handle)),
                metadata: pairs((api.GDALGetMetadata)(self.handle, std::ptr::null())),
                subdatasets: subdatasets
                    .into_iter()
                    .filter(|(k, _)| k.ends_with("_NAME"))
                    .map(|p| p.1)
                    .collect(),
            })
        }
    }

    /// Pixels of a window of a band (from 1) as elements of GDAL type `kind`, `size` bytes each, row by row.
    ///
    /// # Errors
    /// GDAL's message.
    pub fn read(
        &self,
        band: u32,
        kind: c_int,
        size: usize,
        w: PixelWindow,
        out: &mut [u8],
    ) -> Result<(), String> {
        let int = |v: u64| c_int::try_from(v).map_err(|_| "the window is too large for GDAL".to_owned());
        let (x, y, width, height) = (int(w.x)?, int(w.y)?, int(w.width)?, int(w.height)?);
        let needed = w.width.checked_mul(w.height).and_then(|n| n.checked_mul(size as u64));
        if needed != Some(out.len() as u64) {
            return Err("the buffer is not as large as the window".into());
        }
        if out.is_empty() {
            return Ok(());
        }
        let line = int(w.width * size as u64)?;
        let session = session()?;
        let api = &*session.0;
        let _guard = Config::set(api, &self.config);
        let band = c_int::try_from(band).unwrap_or(0);
        // SAFETY: the band belongs to the open data set; the buffer holds height lines of width elements, and GDAL
        // refuses windows outside the raster.
        let failed = unsafe {
            let band = (api.GDALGetRasterBand)(self.handle, band);
            if band.is_null() {
                return Err(last_error(api));
            }
            let data = out.as_mut_ptr().cast();
            (api.GDALRasterIO)(band, 0, x, y, width, height, data, width, height, kind, size as c_int, line)
        };
        if failed == 0 { Ok(()) } else { Err(last_error(api)) }
    }
}

impl Drop for Dataset {
    fn drop(&mut self) {
        if let Ok(session) = session() {
            // SAFETY: the handle is open and not used after this.
            unsafe { (session.0.GDALClose)(self.handle) };
        }
    }
}

/// Configuration of this thread, taken back at the end.
struct Config<'a> {
    api: &'a Api,
    options: &'a [(CString, CString)],
}

impl<'a> Config<'a> {
    fn set(api: &'a Api, options: &'a [(CString, CString)]) -> Self {
        for (key, value) in options {
            // SAFETY: GDAL copies both texts.
            unsafe { (api.CPLSetThreadLocalConfigOption)(key.as_ptr(), value.as_ptr()) };
        }
        Config { api, options }
    }
}

impl Drop for Config<'_> {
    fn drop(&mut self) {
        for (key, _) in self.options {
            // SAFETY: a null value removes the option.
            unsafe { (self.api.CPLSetThreadLocalConfigOption)(key.as_ptr(), std::ptr::null()) };
        }
    }
}

fn last_error(api: &Api) -> String {
    // SAFETY: the message lives until the next error of this thread.
    let message = text(unsafe { (api.CPLGetLastErrorMsg)() });
    if message.is_empty() { "GDAL gave no reason".into() } else { message }
}

/// # Safety
/// `band` is a band of an open data set; the lock is held.
unsafe fn band_info(api: &Api, band: Handle) -> BandInfo {
    if band.is_null() {
        return BandInfo::default();
    }
    let optional = |get: unsafe extern "C" fn(Handle, *mut c_int) -> c_double| {
        let mut given = 0;
        // SAFETY: as for this function.
        let value = unsafe { get(band, &mut given) };
        (given != 0).then_some(value)
    };
    // SAFETY: as for this function; out-parameters are valid.
    unsafe {
        let (mut columns, mut rows) = (0, 0);
        (api.GDALGetBlockSize)(band, &mut columns, &mut rows);
        let table = (api.GDALGetRasterColorTable)(band);
        let entries = if table.is_null() { 0 } else { (api.GDALGetColorEntryCount)(table).clamp(0, 65536) };
        let color = |i| {
            let mut rgba = [0; 4];
            (api.GDALGetColorEntryAsRGB)(table, i, &mut rgba);
            rgba
        };
        let structure = pairs((api.GDALGetMetadata)(band, c"IMAGE_STRUCTURE".as_ptr()));
        BandInfo {
            kind: (api.GDALGetRasterDataType)(band),
            block: (columns.max(1) as u64, rows.max(1) as u64),
            nodata: optional(api.GDALGetRasterNoDataValue),
            scale: optional(api.GDALGetRasterScale),
            offset: optional(api.GDALGetRasterOffset),
            unit: text((api.GDALGetRasterUnitType)(band)),
            description: text((api.GDALGetDescription)(band)),
            interpretation: text((api.GDALGetColorInterpretationName)((api
                .GDALGetRasterColorInterpretation)(
                band
            ))),
            colors: (0..entries).map(color).collect(),
            metadata: pairs((api.GDALGetMetadata)(band, std::ptr::null())),
            signed_byte: structure.iter().any(|(k, v)| k == "PIXELTYPE" && v == "SIGNEDBYTE"),
        }
    }
}

/// # Safety
/// `crs` is null or a spatial reference; the lock is held.
unsafe fn crs_info(api: &Api, crs: Handle) -> Option<CrsInfo> {
    if crs.is_null() {
        return None;
    }
    let wkt = |format: &CStr| {
        let mut out: *mut c_char = null_mut();
        let options = list(&[format]);
        // SAFETY: GDAL allocates the text, which is copied and freed.
        unsafe {
            let ok = (api.OSRExportToWktEx)(crs, &mut out, options.as_ptr()) == 0;
            let value = text(out);
            (api.VSIFree)(out.cast());
            (ok && !value.is_empty()).then_some(value)
        }
    };
    // SAFETY: as for this function; the name of the unit belongs to `crs`.
    let (geographic, unit) = unsafe {
        let mut name: *mut c_char = null_mut();
        let metres = (api.OSRGetLinearUnits)(crs, &mut name);
        ((api.OSRIsGeographic)(crs) != 0, (metres, text(name)))
    };
    let wkt1 = wkt(c"FORMAT=WKT1_GDAL");
    let wkt2 = wkt(c"FORMAT=WKT2_2019").or_else(|| wkt1.clone())?;
    Some(CrsInfo { wkt1: wkt1.unwrap_or_default(), wkt2, geographic, unit })
}
