//! The only place that talks to libproj. The library is loaded when it is first needed: requests that stay on WGS 84
//! longitudes and latitudes start without it.
//!
//! PROJ objects belong to a context and may be used by one thread at a time. An [`Object`] stays on its thread; a
//! [`Pipeline`] has a context to itself and may move between threads as a whole.

use std::ffi::{CStr, CString, c_char, c_double, c_int, c_void};
use std::ptr;
use std::sync::{Arc, OnceLock};

use libloading::Library;

type Raw = *mut c_void;
type Text = *const c_char;
type Options = *const *const c_char;
type LogFunction = extern "C" fn(*mut c_void, c_int, *const c_char);

/// Declares the table of entry points: one field per function, loaded by name. A missing one is an error.
macro_rules! entry_points {
    ($($name:ident: fn($($arg:ty),*) $(-> $out:ty)?;)*) => {
        struct Api {
            $($name: unsafe extern "C" fn($($arg),*) $(-> $out)?,)*
            /// Keeps the functions above mapped.
            _library: Library,
        }

        impl Api {
            fn from(library: Library) -> Result<Self, String> {
                Ok(Api {
                    $($name: {
                        // SAFETY: the signature is that of proj.h (PROJ 7 to 9), and `_library` outlives the pointer.
                        let symbol = unsafe {
                            library.get::<unsafe extern "C" fn($($arg),*) $(-> $out)?>(
                                concat!(stringify!($name), "\0").as_bytes(),
                            )
                        };
                        *symbol.map_err(|e| e.to_string())?
                    },)*
                    _library: library,
                })
            }
        }
    };
}

entry_points! {
    proj_context_create: fn() -> Raw;
    proj_context_destroy: fn(Raw) -> Raw;
    proj_context_set_enable_network: fn(Raw, c_int) -> c_int;
    proj_context_errno: fn(Raw) -> c_int;
    proj_errno_string: fn(c_int) -> Text;
    proj_log_func: fn(Raw, *mut c_void, LogFunction);
    proj_create: fn(Raw, Text) -> Raw;
    proj_create_crs_to_crs_from_pj: fn(Raw, *const c_void, *const c_void, Raw, Options) -> Raw;
    proj_normalize_for_visualization: fn(Raw, *const c_void) -> Raw;
    proj_destroy: fn(Raw) -> Raw;
    proj_trans_generic: fn(
        Raw, c_int,
        *mut c_double, usize, usize,
        *mut c_double, usize, usize,
        *mut c_double, usize, usize,
        *mut c_double, usize, usize
    ) -> usize;
    proj_is_crs: fn(*const c_void) -> c_int;
    proj_get_type: fn(*const c_void) -> c_int;
    proj_get_name: fn(*const c_void) -> Text;
    proj_get_id_auth_name: fn(*const c_void, c_int) -> Text;
    proj_get_id_code: fn(*const c_void, c_int) -> Text;
    proj_as_wkt: fn(Raw, *const c_void, c_int, Options) -> Text;
    proj_as_proj_string: fn(Raw, *const c_void, c_int, Options) -> Text;
    proj_get_area_of_use: fn(
        Raw, *const c_void, *mut c_double, *mut c_double, *mut c_double, *mut c_double, *mut Text
    ) -> c_int;
    proj_is_equivalent_to: fn(*const c_void, *const c_void, c_int) -> c_int;
    proj_identify: fn(Raw, *const c_void, Text, Options, *mut *mut c_int) -> Raw;
    proj_list_get_count: fn(*const c_void) -> c_int;
    proj_list_get: fn(Raw, *const c_void, c_int) -> Raw;
    proj_list_destroy: fn(Raw);
    proj_int_list_destroy: fn(*mut c_int);
    proj_get_source_crs: fn(Raw, *const c_void) -> Raw;
    proj_crs_get_sub_crs: fn(Raw, *const c_void, c_int) -> Raw;
    proj_crs_get_coordoperation: fn(Raw, *const c_void) -> Raw;
    proj_crs_get_coordinate_system: fn(Raw, *const c_void) -> Raw;
    proj_cs_get_axis_info: fn(
        Raw, *const c_void, c_int, *mut Text, *mut Text, *mut Text, *mut c_double, *mut Text, *mut Text, *mut Text
    ) -> c_int;
    proj_get_ellipsoid: fn(Raw, *const c_void) -> Raw;
    proj_ellipsoid_get_parameters: fn(
        Raw, *const c_void, *mut c_double, *mut c_double, *mut c_int, *mut c_double
    ) -> c_int;
    proj_get_prime_meridian: fn(Raw, *const c_void) -> Raw;
    proj_prime_meridian_get_parameters: fn(
        Raw, *const c_void, *mut c_double, *mut c_double, *mut Text
    ) -> c_int;
}

/// What to do when libproj can't be loaded.
pub const REMEDY: &str = "install libproj (package libproj25 on Debian 12) or run 'make setup'";

/// Kinds of PROJ objects ([`Object::kind`]), numbered as `PJ_TYPE` of proj.h.
pub mod kind {
    pub const GEOGRAPHIC_2D: i32 = 12;
    pub const GEOGRAPHIC_3D: i32 = 13;
    pub const PROJECTED: i32 = 15;
    pub const COMPOUND: i32 = 16;
    pub const BOUND: i32 = 19;
}

/// `PJ_WKT_TYPE` of proj.h.
const WKT2_2019: c_int = 2;
const WKT1_GDAL: c_int = 4;
/// `PJ_PROJ_4`
const PROJ_4: c_int = 1;
/// `PJ_COMP_EQUIVALENT_EXCEPT_AXIS_ORDER_GEOGCRS`
const EQUIVALENT_BUT_FOR_AXES: c_int = 2;
/// PROJ's errors are read from the context; its log would go to stderr.
extern "C" fn silent(_: *mut c_void, _: c_int, _: *const c_char) {}

fn load() -> Result<Api, String> {
    let versioned = (19..=30).rev().map(|n| format!("libproj.so.{n}"));
    let names = ["libproj.so".to_owned()].into_iter().chain(versioned).chain(["libproj.dylib".to_owned()]);
    let mut last = String::new();
    for name in names {
        // SAFETY: libproj's initialisers only set up its own static data.
        match unsafe { Library::new(&name) } {
            Ok(library) => return Api::from(library),
            Err(e) if last.is_empty() => last = e.to_string(),
            Err(_) => {}
        }
    }
    Err(format!("libproj can't be loaded ({last})"))
}

fn api() -> Result<&'static Api, String> {
    static API: OnceLock<Result<Api, String>> = OnceLock::new();
    API.get_or_init(load).as_ref().map_err(Clone::clone)
}

/// Whether libproj is there; the reason when it is not.
///
/// # Errors
/// What the loader said.
pub fn available() -> Result<(), String> {
    api().map(|_| ())
}

/// A PROJ context, destroyed with the last object made in it.
struct Context {
    api: &'static Api,
    raw: Raw,
}

impl Context {
    fn new() -> Result<Arc<Self>, String> {
        let api = api()?;
        // SAFETY: no arguments; null means out of memory and is checked.
        let raw = unsafe { (api.proj_context_create)() };
        if raw.is_null() {
            return Err("PROJ has no memory for a context".into());
        }
        // SAFETY: `raw` is the live context from above; `silent` has the signature of PJ_LOG_FUNCTION and uses no data.
        unsafe {
            (api.proj_log_func)(raw, ptr::null_mut(), silent);
            (api.proj_context_set_enable_network)(raw, 0);
        }
        // Not shared between threads: `Pipeline` says why it may move with all its references.
        #[allow(clippy::arc_with_non_send_sync)]
        Ok(Arc::new(Context { api, raw }))
    }

    /// The last error in PROJ's words.
    fn error(&self) -> String {
        // SAFETY: the context is live; the text is static or null.
        let text = unsafe {
            let number = (self.api.proj_context_errno)(self.raw);
            if number == 0 { None } else { to_text((self.api.proj_errno_string)(number)) }
        };
        text.unwrap_or_else(|| "PROJ does not know it".into())
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: created by proj_context_create, and every object in it held an `Arc` of this and is gone.
        unsafe { (self.api.proj_context_destroy)(self.raw) };
    }
}

/// # Safety
/// `text` is null or a C string that lives until the call returns.
unsafe fn to_text(text: Text) -> Option<String> {
    // SAFETY: promised by the caller.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// A PROJ object, for example a CRS. It and all objects derived from it share one context; it stays on its
/// thread.
pub struct Object {
    raw: Raw,
    context: Arc<Context>,
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: `raw` was handed to us by PROJ, is not null and is destroyed once.
        unsafe { (self.context.api.proj_destroy)(self.raw) };
    }
}

impl Object {
    /// What PROJ makes of a text.
    ///
    /// # Errors
    /// PROJ's reason, or that libproj is missing.
    pub fn create(definition: &str) -> Result<Self, String> {
        Self::create_in(&Context::new()?, definition)
    }

    fn create_in(context: &Arc<Context>, definition: &str) -> Result<Self, String> {
        let text = CString::new(definition).map_err(|_| "it holds a zero byte".to_owned())?;
        // SAFETY: context and text are live; the result is owned by us or null.
        let raw = unsafe { (context.api.proj_create)(context.raw, text.as_ptr()) };
        Self::wrap(context, raw).ok_or_else(|| context.error())
    }

    fn wrap(context: &Arc<Context>, raw: Raw) -> Option<Self> {
        (!raw.is_null()).then(|| Object { raw, context: context.clone() })
    }

    /// An object that a function of (context, object) makes.
    fn derive(&self, make: unsafe extern "C" fn(Raw, *const c_void) -> Raw) -> Option<Self> {
        // SAFETY: both pointers are live; the result is owned by us or null.
        Self::wrap(&self.context, unsafe { make(self.context.raw, self.raw) })
    }

    pub fn is_crs(&self) -> bool {
        // SAFETY: the object is live.
        unsafe { (self.context.api.proj_is_crs)(self.raw) != 0 }
    }

    /// One of [`kind`], or another number of `PJ_TYPE`.
    pub fn kind(&self) -> i32 {
        // SAFETY: the object is live.
        unsafe { (self.context.api.proj_get_type)(self.raw) }
    }

    pub fn name(&self) -> Option<String> {
        // SAFETY: the object is live, and so is the text for as long.
        unsafe { to_text((self.context.api.proj_get_name)(self.raw)) }
    }

    /// Authority and code that the definition itself gives.
    pub fn id(&self) -> Option<String> {
        let api = self.context.api;
        // SAFETY: the object is live, and so are its texts; index 0 may be out of range and then gives null.
        let (authority, code) = unsafe {
            (to_text((api.proj_get_id_auth_name)(self.raw, 0)), to_text((api.proj_get_id_code)(self.raw, 0)))
        };
        Some(format!("{}:{}", authority?, code?))
    }

    pub fn wkt2(&self) -> Option<String> {
        self.wkt(WKT2_2019)
    }

    pub fn wkt1_gdal(&self) -> Option<String> {
        self.wkt(WKT1_GDAL)
    }

    fn wkt(&self, form: c_int) -> Option<String> {
        let one_line = c"MULTILINE=NO";
        let options = [one_line.as_ptr(), ptr::null()];
        let api = self.context.api;
        // SAFETY: all pointers are live, the options end in null; the text lives as long as the object.
        unsafe { to_text((api.proj_as_wkt)(self.context.raw, self.raw, form, options.as_ptr())) }
    }

    /// PROJ string; `None` when the definition can't be said in one.
    pub fn proj_string(&self) -> Option<String> {
        let api = self.context.api;
        // SAFETY: as in `wkt`; no options.
        unsafe { to_text((api.proj_as_proj_string)(self.context.raw, self.raw, PROJ_4, ptr::null())) }
    }

    /// West, south, east, north in degrees.
    pub fn area_of_use(&self) -> Option<[f64; 4]> {
        let [mut w, mut s, mut e, mut n] = [f64::NAN; 4];
        // SAFETY: the four doubles are ours; the name is not asked for.
        let ok = unsafe {
            let f = self.context.api.proj_get_area_of_use;
            f(self.context.raw, self.raw, &mut w, &mut s, &mut e, &mut n, ptr::null_mut())
        };
        // PROJ says -1000 for unknown.
        (ok != 0 && [w, s, e, n].iter().all(|v| v.abs() <= 360.0)).then_some([w, s, e, n])
    }

    /// Whether both mean the same coordinates, axis order of geographic parts aside.
    pub fn is_equivalent(&self, other: &Object) -> bool {
        // SAFETY: both objects are live, and no other thread holds them.
        unsafe { (self.context.api.proj_is_equivalent_to)(self.raw, other.raw, EQUIVALENT_BUT_FOR_AXES) != 0 }
    }

    /// The EPSG code of an equivalent definition, looked up in PROJ's database.
    pub fn identify(&self) -> Option<String> {
        let (api, context) = (self.context.api, self.context.raw);
        let mut confidence: *mut c_int = ptr::null_mut();
        // SAFETY: pointers are live, the authority is a C string; list and numbers are freed below.
        let list =
            unsafe { (api.proj_identify)(context, self.raw, c"EPSG".as_ptr(), ptr::null(), &mut confidence) };
        if list.is_null() {
            return None;
        }
        // SAFETY: the list is live; indices are below its count; every element is owned by us.
        let found = unsafe {
            (0..(api.proj_list_get_count)(list)).find_map(|i| {
                let candidate = Self::wrap(&self.context, (api.proj_list_get)(context, list, i))?;
                candidate.is_equivalent(self).then(|| candidate.id()).flatten()
            })
        };
        // SAFETY: both came from proj_identify and are freed once; null numbers are allowed.
        unsafe {
            (api.proj_list_destroy)(list);
            (api.proj_int_list_destroy)(confidence);
        }
        found
    }

    /// The CRS inside a bound CRS, the horizontal one of a compound CRS, else none.
    pub fn inner_crs(&self) -> Option<Object> {
        match self.kind() {
            kind::BOUND => self.derive(self.context.api.proj_get_source_crs),
            kind::COMPOUND => {
                // SAFETY: the object is live; the result is ours or null.
                let raw = unsafe { (self.context.api.proj_crs_get_sub_crs)(self.context.raw, self.raw, 0) };
                Self::wrap(&self.context, raw)
            }
            _ => None,
        }
    }

    /// Whether a geographic CRS is derived from another one: a rotated pole.
    pub fn is_derived(&self) -> bool {
        self.derive(self.context.api.proj_crs_get_coordoperation).is_some()
    }

    /// Name of the first axis (`Geodetic latitude`, `Easting`, …) and size of its unit in metres or radians.
    pub fn first_axis(&self) -> Option<(String, f64)> {
        let system = self.derive(self.context.api.proj_crs_get_coordinate_system)?;
        let (mut name, mut factor) = (ptr::null(), 0.0);
        let none = ptr::null_mut();
        // SAFETY: `system` is live, index 0 is checked by PROJ, outputs are ours or null.
        let ok = unsafe {
            let f = self.context.api.proj_cs_get_axis_info;
            f(self.context.raw, system.raw, 0, &mut name, none, none, &mut factor, none, none, none)
        };
        // SAFETY: the text lives as long as `system`.
        let name = unsafe { to_text(name) };
        if ok == 0 { None } else { Some((name?, factor)) }
    }

    /// Name, semi-major axis in metres and inverse flattening (0: sphere).
    pub fn ellipsoid(&self) -> Option<(String, f64, f64)> {
        let ellipsoid = self.derive(self.context.api.proj_get_ellipsoid)?;
        let (mut a, mut rf) = (0.0, 0.0);
        // SAFETY: the object is live; outputs are ours or null.
        let ok = unsafe {
            let f = self.context.api.proj_ellipsoid_get_parameters;
            f(self.context.raw, ellipsoid.raw, &mut a, ptr::null_mut(), ptr::null_mut(), &mut rf)
        };
        (ok != 0).then(|| (ellipsoid.name().unwrap_or_default(), a, rf))
    }

    /// Longitude of the prime meridian in degrees east of Greenwich.
    pub fn prime_meridian(&self) -> Option<f64> {
        let meridian = self.derive(self.context.api.proj_get_prime_meridian)?;
        let (mut longitude, mut factor) = (0.0, 0.0);
        // SAFETY: the object is live; outputs are ours or null.
        let ok = unsafe {
            let f = self.context.api.proj_prime_meridian_get_parameters;
            f(self.context.raw, meridian.raw, &mut longitude, &mut factor, ptr::null_mut())
        };
        (ok != 0).then(|| longitude * factor.to_degrees())
    }
}

/// A transformation between two CRS in visualisation order (longitude or x first).
pub struct Pipeline(Object);

// SAFETY: `Pipeline::new` makes a context of its own, and every object made in it but this one is dropped there. Whoever
// owns the pipeline therefore owns all that points to the context; PROJ keeps no data of a context per thread.
unsafe impl Send for Pipeline {}

impl Pipeline {
    /// Between two definitions that PROJ understands.
    ///
    /// # Errors
    /// PROJ's reason.
    pub fn new(from: &str, to: &str) -> Result<Self, String> {
        let context = Context::new()?;
        let source = Object::create_in(&context, from)?;
        let target = Object::create_in(&context, to)?;
        let api = context.api;
        // SAFETY: context and objects are live; no area and no options; the result is ours or null.
        let raw = unsafe {
            let f = api.proj_create_crs_to_crs_from_pj;
            f(context.raw, source.raw, target.raw, ptr::null_mut(), ptr::null())
        };
        let plain = Object::wrap(&context, raw).ok_or_else(|| context.error())?;
        plain.derive(api.proj_normalize_for_visualization).map(Pipeline).ok_or_else(|| context.error())
    }

    /// Transforms in place; points that have no image become infinite.
    ///
    /// # Panics
    /// When the slices differ in length.
    pub fn apply(&mut self, inverse: bool, xs: &mut [f64], ys: &mut [f64]) {
        assert_eq!(xs.len(), ys.len(), "as many x as y");
        let stride = size_of::<f64>();
        let (direction, n) = (if inverse { -1 } else { 1 }, xs.len());
        let none = ptr::null_mut();
        // SAFETY: both arrays hold `n` doubles, one every `stride` bytes; heights and times are not given (count 0).
        // `&mut self` makes this the only user of the context.
        unsafe {
            (self.0.context.api.proj_trans_generic)(
                self.0.raw,
                direction,
                xs.as_mut_ptr(),
                stride,
                n,
                ys.as_mut_ptr(),
                stride,
                n,
                none,
                0,
                0,
                none,
                0,
                0,
            )
        };
    }
}
