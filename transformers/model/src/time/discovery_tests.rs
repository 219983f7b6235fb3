//! Discovery on small granules in memory that are built like the products they are named after.

use std::sync::Arc;

use super::*;
use crate::geolocation::{GeolocationTable, Hints};
use crate::granule::{DimId, Granule, GroupId, VarId};
use crate::{Attribute, DType, MemoryArray, Window};

const ROOT: GroupId = Granule::ROOT;

fn numbers(
    g: &mut Granule,
    group: GroupId,
    name: &str,
    dims: &[DimId],
    values: &[f64],
    attrs: &[(&str, &str)],
) -> VarId {
    let shape: Vec<u64> = dims.iter().map(|&d| g.dim(d).len).collect();
    let id = g.add_var(group, name, DType::F64, dims.to_vec(), Arc::new(MemoryArray::of(&shape, values)));
    g.vars[id.0].attrs = attrs.iter().map(|(n, v)| Attribute::text(n, v)).collect();
    id
}

fn table(g: &Granule) -> TimeTable {
    discover(g, &GeolocationTable::default(), &Hints::default())
}

fn at(text: &str) -> f64 {
    DateTime::parse(text).unwrap().seconds()
}

fn read(g: &Granule, axis: &TimeAxis) -> Vec<String> {
    let seconds = axis.read_all(g).unwrap();
    seconds.iter().map(|&s| DateTime::from_seconds(s).map_or("none".into(), |t| t.to_string())).collect()
}

#[test]
fn a_dimension_coordinate_with_bounds() {
    let mut g = Granule::new("grid.nc", "netcdf4");
    let (t, nv, y) = (g.add_dim(ROOT, "time", 2), g.add_dim(ROOT, "nv", 2), g.add_dim(ROOT, "lat", 3));
    let data = numbers(&mut g, ROOT, "data", &[t, y], &[0.0; 6], &[]);
    let time = numbers(
        &mut g,
        ROOT,
        "time",
        &[t],
        &[0.5, 1.5],
        &[("units", "hours since 2021-01-10"), ("standard_name", "time"), ("bounds", "time_bnds")],
    );
    let bounds = numbers(&mut g, ROOT, "time_bnds", &[t, nv], &[0.0, 1.0, 2.0, 1.0], &[]);
    let lat = numbers(&mut g, ROOT, "lat", &[y], &[0.0; 3], &[]);
    let table = table(&g);
    let axis = table.for_var(data).unwrap();
    assert_eq!((axis.var, axis.rule, axis.bounds), (time, TimeRule::DimensionCoordinate, Some(bounds)));
    assert_eq!(read(&g, axis), ["2021-01-10T00:30:00Z", "2021-01-10T01:30:00Z"]);
    let start = at("2021-01-10");
    let expected = [[start, start + 3600.0], [start + 3600.0, start + 7200.0]];
    assert_eq!(axis.bounds_seconds(&g).unwrap().unwrap(), expected);
    assert!(table.for_var(lat).is_none() && table.for_dims(&[y]).is_none());
    assert_eq!(table.for_dims(&[y, t]).unwrap().var, time);
    assert!(table.is_time(bounds) && table.is_time(time) && !table.is_time(data));
    assert_eq!(axis.read_seconds(&g, &Window::block(&[1], &[1])).unwrap(), [start + 5400.0]);
    assert!(axis.read_seconds(&g, &Window::block(&[0, 0], &[1, 1])).is_err());
    assert!(axis.describe(&g).contains("dimension coordinate"));
}

#[test]
fn ghrsst_samples_are_reference_plus_offset() {
    let mut g = Granule::new("viirs.nc", "netcdf4");
    let dims = [g.add_dim(ROOT, "time", 1), g.add_dim(ROOT, "nj", 2), g.add_dim(ROOT, "ni", 2)];
    let lat = numbers(&mut g, ROOT, "lat", &dims[1..], &[0.0; 4], &[]);
    numbers(
        &mut g,
        ROOT,
        "time",
        &dims[..1],
        &[1_000.0],
        &[
            ("units", "seconds since 1981-01-01 00:00:00"),
            ("standard_name", "time"),
            ("long_name", "reference time of sst file"),
        ],
    );
    let dtime = numbers(&mut g, ROOT, "sst_dtime", &dims, &[0.0, 4.0, -9.0, 8.0], &[("units", "second")]);
    g.vars[dtime.0].attrs.push(Attribute::numbers("scale_factor", &[0.25f32]));
    g.vars[dtime.0].attrs.push(Attribute::numbers("_FillValue", &[-9.0f64]));
    numbers(&mut g, ROOT, "adi_dtime_from_sst", &dims, &[0.0; 4], &[("units", "hour")]);
    let table = table(&g);
    let axis = table.for_var(lat).unwrap();
    assert_eq!((axis.var, axis.rule), (dtime, TimeRule::ReferenceAndOffset));
    let base = at("1981-01-01") + 1000.0;
    let seconds = axis.read_all(&g).unwrap();
    assert_eq!((seconds[0], seconds[1], seconds[3]), (base, base + 1.0, base + 2.0));
    assert!(seconds[2].is_nan());
    assert_eq!(table.for_dims(&dims[1..]).unwrap().var, dtime);
}

#[test]
fn tropomi_offsets_follow_the_axis_of_their_reference() {
    let mut g = Granule::new("S5P.nc", "netcdf4");
    let product = g.add_group(ROOT, "PRODUCT");
    let dims = [g.add_dim(product, "time", 2), g.add_dim(product, "scanline", 2)];
    numbers(
        &mut g,
        product,
        "time",
        &dims[..1],
        &[0.0, 86_400.0],
        &[("units", "seconds since 2018-07-25"), ("standard_name", "time")],
    );
    let delta = numbers(
        &mut g,
        product,
        "delta_time",
        &dims,
        &[0.0, 500.0, 1000.0, 1500.0],
        &[("units", "milliseconds"), ("long_name", "offset from reference start time of measurement")],
    );
    let table = table(&g);
    let axis = table.for_var(delta).unwrap();
    assert_eq!(
        read(&g, axis),
        ["2018-07-25T00:00:00Z", "2018-07-25T00:00:00.5Z", "2018-07-26T00:00:01Z", "2018-07-26T00:00:01.5Z"]
    );
    let last = axis.read_seconds(&g, &Window::block(&[1, 1], &[1, 1])).unwrap();
    assert_eq!(last, [at("2018-07-26T00:00:01.5Z")]);
}

#[test]
fn a_comment_names_the_reference() {
    let mut g = Granule::new("SNDR.nc", "netcdf4");
    let d = g.add_dim(ROOT, "atrack", 1);
    numbers(&mut g, ROOT, "start_time", &[], &[10.0], &[("units", "seconds since 2020-01-01")]);
    let obs = numbers(
        &mut g,
        ROOT,
        "obs_time",
        &[d],
        &[2.0],
        &[("units", "seconds"), ("comment", "start_time plus this is the time of observation")],
    );
    assert_eq!(read(&g, table(&g).for_var(obs).unwrap()), ["2020-01-01T00:00:12Z"]);
}

#[test]
fn utc_goes_before_tai_of_the_same_samples() {
    for (tai_first, file) in [(true, "x.nc"), (false, "x.nc"), (true, "S6A_P4.nc")] {
        let mut g = Granule::new(file, "netcdf4");
        let d = g.add_dim(ROOT, "n", 1);
        let units = ("units", "seconds since 2000-01-01 00:00:00.0");
        let tai = [units, ("standard_name", "time"), ("long_name", "time in TAI")];
        let utc = [units, ("standard_name", "time"), ("long_name", "time in UTC")];
        let mut add =
            |name: &str, value: f64, a: &[(&str, &str)]| numbers(&mut g, ROOT, name, &[d], &[value], a);
        if tai_first {
            add("time_tai", 670_812_059.526_918, &tai);
        }
        let time = add("time", 670_812_022.526_918, &utc);
        if !tai_first {
            add("time_tai", 670_812_059.526_918, &tai);
        }
        let found = table(&g);
        assert_eq!(found.for_dims(&[d]).unwrap().var, time);
        if file == "x.nc" {
            // Both are right, whichever is read.
            let seconds: Vec<f64> = found.axes.iter().map(|a| a.read_all(&g).unwrap()[0]).collect();
            assert!((seconds[0] - seconds[1]).abs() < 1e-6, "{seconds:?}");
        }
    }
}

#[test]
fn gps_and_tai93_axes_become_utc() {
    let mut g = Granule::new("TEMPO_NO2_L2_V03_20240601T210934Z_S012G01_subsetted.nc4", "netcdf4");
    let geolocation = g.add_group(ROOT, "geolocation");
    let d = g.add_dim(ROOT, "mirror_step", 1);
    let axis = at("2024-06-01T21:09:52.154Z") - at("1980-01-06");
    let t = numbers(
        &mut g,
        geolocation,
        "time",
        &[d],
        &[axis],
        &[("units", "seconds since 1980-01-06T00:00:00Z")],
    );
    let found = table(&g);
    let axis = found.for_var(t).unwrap();
    assert_eq!((axis.scale(), axis.rule), (TimeScale::Gps, TimeRule::ProductTable));
    assert!((axis.read_all(&g).unwrap()[0] - at("2024-06-01T21:09:34.154Z")).abs() < 2e-6);

    let mut g = Granule::new("MLS.he5", "netcdf4");
    let swath = ["HDFEOS", "SWATHS", "IWC"].iter().fold(ROOT, |p, n| g.add_group(p, n));
    let other = g.add_group(GroupId(2), "IWP");
    let mut add = |swath: GroupId, tai: f64| {
        let [geo, fields] = ["Geolocation Fields", "Data Fields"].map(|n| g.add_group(swath, n));
        let [a, b, levels] = [(geo, 4), (fields, 4), (fields, 3)].map(|(group, len)| {
            let dim = g.add_dim(group, "phony", len);
            g.dims[dim.0].anonymous = true;
            dim
        });
        let time =
            numbers(&mut g, geo, "Time", &[a], &[tai, tai + 1.0, tai + 2.0, tai + 3.0], &[("Units", "s")]);
        (time, numbers(&mut g, fields, "Value", &[b, levels], &[0.0; 12], &[]))
    };
    let (time, value) = add(swath, 459_820_806.0);
    let (other_time, other_value) = add(other, 459_820_906.0);
    let found = table(&g);
    let axis = found.for_var(value).unwrap();
    assert_eq!((axis.var, found.for_var(other_value).unwrap().var), (time, other_time));
    assert_eq!(read(&g, axis)[..2], ["2007-07-29T00:00:00Z", "2007-07-29T00:00:01Z"]);
}

#[test]
fn gpm_scan_times_are_put_together_from_fields() {
    let mut g = Granule::new("2A.GPM.h5", "netcdf4");
    let swath = g.add_group(ROOT, "S1");
    let group = g.add_group(swath, "ScanTime");
    let d = g.add_dim(swath, "nscan", 3);
    let fields: [(&str, [f64; 3]); 7] = [
        ("Year", [2026.0, -9999.0, 2016.0]),
        ("Month", [3.0, -99.0, 12.0]),
        ("DayOfMonth", [1.0, -99.0, 31.0]),
        ("Hour", [1.0, -99.0, 23.0]),
        ("Minute", [2.0, -99.0, 59.0]),
        ("Second", [3.0, -99.0, 60.0]),
        ("MilliSecond", [250.0, -9999.0, 0.0]),
    ];
    fields.iter().for_each(|(n, v)| {
        numbers(&mut g, group, n, &[d], v, &[]);
    });
    let rain = numbers(&mut g, swath, "surfacePrecipitation", &[d], &[0.0; 3], &[]);
    let found = table(&g);
    let times = read(&g, found.for_var(rain).unwrap());
    assert_eq!(times, ["2026-03-01T01:02:03.25Z", "none", "2016-12-31T23:59:59.999999Z"]);
    assert!(found.is_time(VarId(3)));
}

#[test]
fn epochs_in_words_and_attributes() {
    let mut g = Granule::new("Merged_TOPEX.nc", "netcdf4");
    let d = g.add_dim(ROOT, "time", 1);
    let attrs = [
        ("units", "seconds"),
        ("long_name", "elapsed time (MJD of 1992-01-01 = 48622.0)"),
        ("comment", "epoch is a Modified Julian Day"),
    ];
    let t = numbers(&mut g, ROOT, "time", &[d], &[60.0], &attrs);
    assert_eq!(read(&g, table(&g).for_var(t).unwrap()), ["1992-01-01T00:01:00Z"]);

    let mut g = Granule::new("SMAP_L2B_SSS_00866.h5", "netcdf4");
    g.groups[0].attrs.push(Attribute::text("REV_START_TIME", "2015-091T23:30:00.000"));
    let d = g.add_dim(ROOT, "rows", 3);
    let t = numbers(
        &mut g,
        ROOT,
        "row_time",
        &[d],
        &[84_600.0, 86_399.0, 1.0],
        &[("units", "UTC seconds of day")],
    );
    let times = read(&g, table(&g).for_var(t).unwrap());
    assert_eq!(times, ["2015-04-01T23:30:00Z", "2015-04-01T23:59:59Z", "2015-04-02T00:00:01Z"]);

    let mut g = Granule::new("cyg01.ddmi.nc", "netcdf4");
    g.groups[0].attrs.push(Attribute::text("time_coverage_start", "2018-08-01T00:00:00.5Z"));
    let d = g.add_dim(ROOT, "sample", 1);
    let t = numbers(&mut g, ROOT, "sample_time", &[d], &[2.0], &[("units", "seconds")]);
    assert_eq!(read(&g, table(&g).for_var(t).unwrap()), ["2018-08-01T00:00:02.5Z"]);
}

#[test]
fn icesat_times_are_those_of_their_group_and_have_an_epoch_without_units() {
    let mut g = Granule::new("ATL03_20181014.h5", "netcdf4");
    let beam = g.add_group(ROOT, "gt1l");
    let (heights, segments) = (g.add_group(beam, "heights"), g.add_group(beam, "geolocation"));
    let (d1, d2) = (g.add_dim(heights, "delta_time", 2), g.add_dim(segments, "delta_time", 2));
    let t1 =
        numbers(&mut g, heights, "delta_time", &[d1], &[1.0, 2.0], &[("units", "seconds since 2018-01-01")]);
    let t2 = numbers(&mut g, segments, "delta_time", &[d2], &[5.0, 1.797_693_134_862_315_7e308], &[]);
    let h = numbers(&mut g, heights, "h_ph", &[d1], &[0.0; 2], &[]);
    let s = numbers(&mut g, segments, "segment_id", &[d2], &[0.0; 2], &[]);
    let found = table(&g);
    assert_eq!((found.for_var(h).unwrap().var, found.for_var(s).unwrap().var), (t1, t2));
    assert_eq!(read(&g, found.for_var(s).unwrap()), ["2018-01-01T00:00:05Z", "none"]);
}

#[test]
fn texts_are_the_last_resort() {
    let mut g = Granule::new("SMAP_L1.h5", "netcdf4");
    let d = g.add_dim(ROOT, "n", 2);
    let texts = vec![b"2015-04-01T12:00:00.500Z".to_vec(), b"N/A".to_vec()];
    g.add_var(ROOT, "tb_time_utc", DType::String, vec![d], Arc::new(MemoryArray::of_texts(&[2], texts)));
    let data = numbers(&mut g, ROOT, "tb", &[d], &[0.0; 2], &[]);
    assert_eq!(read(&g, table(&g).for_var(data).unwrap()), ["2015-04-01T12:00:00.5Z", "none"]);
    let t =
        numbers(&mut g, ROOT, "tb_seconds", &[d], &[0.0; 2], &[("units", "seconds since 2000-01-01T12:00")]);
    assert_eq!(table(&g).for_var(data).unwrap().var, t);

    let mut g = Granule::new("chars.nc", "netcdf4");
    let (d, width) = (g.add_dim(ROOT, "n", 2), g.add_dim(ROOT, "width", 10));
    let bytes = MemoryArray::new(&[2, 10], 1, b"2015-04-012015-04-02".to_vec());
    let t = g.add_var(ROOT, "time_utc", DType::Char, vec![d, width], Arc::new(bytes));
    let found = table(&g);
    let axis = found.for_var(t).unwrap();
    assert_eq!(axis.dims, [d]);
    assert_eq!(axis.read_seconds(&g, &Window::block(&[1], &[1])).unwrap(), [at("2015-04-02")]);
}

#[test]
fn a_scalar_time_governs_who_names_it() {
    let mut g = Granule::new("msg.nc", "netcdf4");
    let d = g.add_dim(ROOT, "x", 2);
    let t = numbers(
        &mut g,
        ROOT,
        "time",
        &[],
        &[1.0],
        &[("units", "hours since 1970-01-01"), ("standard_name", "time")],
    );
    let data = numbers(&mut g, ROOT, "data", &[d], &[0.0; 2], &[("coordinates", "time")]);
    let x = numbers(&mut g, ROOT, "x", &[d], &[0.0; 2], &[]);
    let found = table(&g);
    assert_eq!(found.for_var(data).unwrap().var, t);
    assert!(found.for_var(x).is_none());
    assert_eq!(read(&g, found.for_var(data).unwrap()), ["1970-01-01T01:00:00Z"]);
}

#[test]
fn several_times_on_an_axis_yield_to_the_one_called_time() {
    let mut g = Granule::new("forecast.nc", "netcdf4");
    let d = g.add_dim(ROOT, "step", 2);
    let units = ("units", "hours since 2020-01-01");
    numbers(&mut g, ROOT, "reftime", &[d], &[0.0; 2], &[units, ("standard_name", "forecast_reference_time")]);
    let t = numbers(&mut g, ROOT, "valid", &[d], &[0.0; 2], &[units, ("standard_name", "time")]);
    let high = g.add_dim(ROOT, "meas", 2);
    numbers(&mut g, ROOT, "time_20hz", &[d, high], &[0.0; 4], &[units, ("standard_name", "time")]);
    let data = numbers(&mut g, ROOT, "data_20hz", &[d, high], &[0.0; 4], &[]);
    assert_eq!(table(&g).for_var(data).unwrap().var, t);
    let named = numbers(&mut g, ROOT, "listed", &[d], &[0.0; 2], &[("coordinates", "lat reftime")]);
    assert_eq!(table(&g).for_var(named).unwrap().var, VarId(0));
}

#[test]
fn a_catalogue_decides() {
    let mut g = Granule::new("catalogue.nc", "netcdf4");
    let d = g.add_dim(ROOT, "time", 1);
    let units = ("units", "hours since 2020-01-01");
    numbers(&mut g, ROOT, "time", &[d], &[0.0], &[units]);
    let group = g.add_group(ROOT, "a");
    let t = numbers(&mut g, group, "start", &[d], &[0.0], &[units]);
    let hints = Hints { time: vec!["a__start".into()], ..Hints::default() };
    let found = discover(&g, &GeolocationTable::default(), &hints);
    assert_eq!((found.for_dims(&[d]).unwrap().var, found.axes[0].rule), (t, TimeRule::Catalogue));
}

#[test]
fn undecodable_times_are_reported() {
    let mut g = Granule::new("odd.nc", "netcdf4");
    let d = g.add_dim(ROOT, "time", 1);
    let t = numbers(
        &mut g,
        ROOT,
        "time",
        &[d],
        &[0.0],
        &[("units", "days since 2000-01-01"), ("calendar", "none")],
    );
    let found = table(&g);
    assert!(found.for_var(t).is_none());
    let (var, problem) = &found.problems[0];
    assert_eq!(*var, t);
    assert!(problem.to_string().contains("odd.nc") && problem.to_string().contains("none"), "{problem}");
}

#[test]
fn calendars_of_models_are_compared_in_their_own_count() {
    let mut g = Granule::new("model.nc", "netcdf4");
    let d = g.add_dim(ROOT, "time", 3);
    let t = numbers(
        &mut g,
        ROOT,
        "time",
        &[d],
        &[29.0, 30.0, 59.0],
        &[("units", "days since 2000-01-01"), ("calendar", "360_day")],
    );
    let found = table(&g);
    let axis = found.for_var(t).unwrap();
    let range = parse_range("2000-01-31/2000-02-30T00:00:00Z");
    assert!(range.is_err(), "30 February is no date of a request");
    let [low, high] = axis.range(&parse_range("2000-02-01/..").unwrap());
    let inside: Vec<bool> = axis
        .read_all(&g)
        .unwrap()
        .iter()
        .map(|&s| same_or_after(s, low) && same_or_before(s, high))
        .collect();
    assert_eq!(inside, [false, true, true]);
}
