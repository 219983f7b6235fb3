//! Joining real granules; skipped where they are not at hand.
#![allow(clippy::unwrap_used)] // a test may panic

use std::path::PathBuf;
use std::sync::Arc;

use harmony_formats::io::open_local;
use harmony_formats::registry::{OpenOptions, open};
use harmony_formats::write::{WriteOptions, WriteReport};
use harmony_model::request::Aggregate;
use harmony_model::{Granule, VarId, Window};
use harmony_ops::aggregate::{Joined, Member, join};

fn granules(names: &[&str]) -> Option<Vec<PathBuf>> {
    let shared = std::env::var_os("HARMONY_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let all: Vec<PathBuf> = names.iter().map(|n| shared.join("granules").join(n)).collect();
    if all.iter().all(|p| p.exists()) {
        return Some(all);
    }
    eprintln!("skipped: no granules in {}", shared.display());
    None
}

fn open_path(path: &PathBuf) -> Arc<Granule> {
    Arc::new(open(open_local(path).unwrap(), &OpenOptions::default()).unwrap())
}

fn members(paths: &[PathBuf]) -> Vec<Member> {
    let member = |path: &PathBuf| {
        let own = path.clone();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let open = move || Ok(Arc::new(open(open_local(&own)?, &OpenOptions::default())?));
        Member { name, source: path.display().to_string(), open: Arc::new(open) }
    };
    paths.iter().map(member).collect()
}

fn stack(paths: &[PathBuf]) -> Joined {
    join(members(paths), &Aggregate::Stack, None).unwrap()
}

fn extend(paths: &[PathBuf], dim: &str) -> Joined {
    let aggregate = Aggregate::Extend { dims: vec![dim.into()], stack: false };
    join(members(paths), &aggregate, None).unwrap()
}

fn var(g: &Granule, path: &str) -> VarId {
    g.find_var(path).unwrap_or_else(|| panic!("{path} is missing"))
}

/// Sum of the stored numbers of one slab along the first axis.
fn slab_sum(g: &Granule, path: &str, slab: u64) -> f64 {
    let id = var(g, path);
    let mut window = Window::all(&g.shape(id));
    window.0[0] = harmony_model::Runs::range(slab, 1);
    let bytes = g.read(id, &window).unwrap();
    harmony_model::dtype::to_f64s(&g.var(id).dtype, &bytes).unwrap().iter().sum()
}

fn write(g: &Granule, options: &WriteOptions) -> (Vec<u8>, Granule, WriteReport) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.nc4");
    let report = harmony_formats::netcdf4::write::write(g, &path, options).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let source = Arc::new(harmony_model::MemorySource::new("out.nc4", bytes.clone()));
    (bytes, open(source, &OpenOptions::default()).unwrap(), report)
}

/// What is written is what is read lazily, whatever the memory budget.
fn check_written(g: &Granule) -> WriteReport {
    let (bytes, back, report) = write(g, &WriteOptions::default());
    let (again, ..) = write(g, &WriteOptions { memory: 1 << 20, ..WriteOptions::default() });
    assert!(bytes == again, "the bytes depend on the memory budget");
    assert_eq!(back.vars.len(), g.vars.len());
    for v in &back.vars {
        if v.dtype.has_slots() {
            let texts = |g: &Granule| g.read_texts(var(g, &v.path)).unwrap();
            assert_eq!(texts(&back), texts(g), "{}", v.path);
            continue;
        }
        let all = |g: &Granule| g.read(var(g, &v.path), &Window::all(&g.shape(var(g, &v.path)))).unwrap();
        assert!(all(&back) == all(g), "{}", v.path);
    }
    report
}

const GRIDS: [&str; 5] = [
    "2020_01_01_7f00ff_global.nc",
    "2020_01_02_3200ff_global.nc",
    "2020_01_03_0019ff_global.nc",
    "2020_01_04_0065ff_global.nc",
    "2020_01_05_00b2ff_global.nc",
];

#[test]
fn five_grids_are_stacked_by_copying_chunks() {
    let Some(paths) = granules(&GRIDS) else { return };
    let joined = stack(&paths);
    let g = &joined.granule;
    assert_eq!(g.shape(var(g, "/red_var")), [5, 1, 1800, 3600]);
    for (slab, sum) in
        [265_323_062.0, 151_541_920.0, 77_425_726.0, 77_425_726.0, 77_425_726.0].iter().enumerate()
    {
        assert_eq!(slab_sum(g, "/red_var", slab as u64), *sum);
        assert_eq!(slab_sum(g, "/alpha_var", slab as u64), 556_868_745.0);
    }
    assert_eq!(g.shape(var(g, "/lat")), [1800]);
    assert!(g.shape(var(g, "/crs")).is_empty());
    let report = check_written(g);
    assert!(report.chunks_copied > 300 && report.chunks_encoded < 10, "{report:?}");
}

#[test]
fn five_grids_of_one_time_are_five_steps() {
    let Some(paths) = granules(&GRIDS) else { return };
    let joined = extend(&paths, "time");
    let g = &joined.granule;
    assert_eq!(g.shape(var(g, "/red_var")), [5, 1800, 3600]);
    assert_eq!(g.read_stored(var(g, "/time")).unwrap(), [166_536.0; 5]);
    assert_eq!(slab_sum(g, "/red_var", 1), 151_541_920.0);
    assert!(joined.notices.iter().any(|n| n.contains("same time")));
    assert!(check_written(g).chunks_copied > 300);
}

#[test]
fn orbits_are_slabs_of_the_stack() {
    let names = [
        "ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc",
        "ascat_20150702_102400_metopa_45146_eps_o_250_2300_ovw.l2.nc",
    ];
    let Some(paths) = granules(&names) else { return };
    let joined = stack(&paths);
    let g = &joined.granule;
    assert_eq!(g.read_texts(var(g, "/subset_files")).unwrap(), names);
    for (slab, path) in paths.iter().enumerate() {
        let one = open_path(path);
        for id in one.var_ids() {
            let (shape, own) = (one.shape(id), &one.var(id).path);
            let mut window = Window::all(&g.shape(var(g, own)));
            window.0[0] = harmony_model::Runs::range(slab as u64, 1);
            assert!(
                g.read(var(g, own), &window).unwrap() == one.read(id, &Window::all(&shape)).unwrap(),
                "{own}"
            );
        }
    }
    check_written(g);
    let turned = stack(&[paths[1].clone(), paths[0].clone()]).granule;
    assert_eq!(slab_sum(&turned, "/wind_speed", 0), slab_sum(g, "/wind_speed", 1));
}

#[test]
fn grouped_granules_keep_their_groups() {
    let names = [
        "S6A_P4_2__HR_RED__NR_014_191_20210403T004056_20210403T005056_F00.nc",
        "S6A_P4_2__HR_RED__NR_014_192_20210403T005056_20210403T010056_F00.nc",
    ];
    let Some(paths) = granules(&names) else { return };
    let g = stack(&paths).granule;
    assert_eq!(g.shape(var(&g, "/data_01/time")), [2, 600]);
    let times = g.read_stored(var(&g, "/data_01/time")).unwrap();
    assert_eq!((times[0].floor(), times[600].floor()), (670_725_657.0, 670_726_257.0));
    assert_eq!(slab_sum(&g, "/data_01/ku/range_ocean", 0), 339_048_647_368.0);
    assert_eq!(slab_sum(&g, "/data_01/ku/range_ocean", 1), 475_097_963_311.0);
    assert_eq!(g.read_texts(var(&g, "/granules/pass_number")).unwrap(), ["191", "192"]);
    check_written(&g);
    let along = extend(&[paths[1].clone(), paths[0].clone()], "time");
    assert_eq!(along.used, [1, 0]);
    assert_eq!(along.granule.shape(var(&along.granule, "/data_01/time")), [1200]);
    let joined = along.granule.read_stored(var(&along.granule, "/data_01/time")).unwrap();
    assert_eq!(joined, times);
}

#[test]
fn months_and_packed_fields_are_joined_in_time() {
    let Some(paths) = granules(&["feb.nc4", "jan.nc4"]) else { return };
    let g = extend(&paths, "time").granule;
    let days: Vec<f64> = (0..59).map(f64::from).collect();
    assert_eq!(g.read_stored(var(&g, "/time")).unwrap(), days);
    check_written(&g);
    let halves = [
        "derived/SMALL_total_column_co2_t00-03.nc4",
        "derived/SMALL_total_column_co2_t04-07.nc4",
        "SMALL_total_column_co2.nc",
    ];
    let Some(paths) = granules(&halves) else { return };
    let g = extend(&paths[..2], "time").granule;
    assert!(g.dims.iter().any(|d| d.name == "time" && d.unlimited && d.len == 8));
    let whole = open_path(&paths[2]);
    let first_eight = Window::block(&[0, 0, 0], &[8, 161, 320]);
    let id = var(&g, "/tcco2");
    // An extension of the parts is the part of the whole.
    assert!(
        g.read(id, &Window::all(&g.shape(id))).unwrap()
            == whole.read(var(&whole, "/tcco2"), &first_eight).unwrap()
    );
    check_written(&g);
}
