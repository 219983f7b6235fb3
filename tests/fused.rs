//! One command is what its steps are one after the other: a chain of up to four operations gives the same values when
//! every step is a run of its own, with netCDF-4 files in between.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::PathBuf;

use common::build::Noise;
use common::{Run, find, join, open, testdata, transform};
use harmony_model::Granule;

/// Operations in the order in which the engine applies them.
type Chain = Vec<&'static str>;

/// What a structure of data can be asked for; each place of a chain takes one of its alternatives or none.
struct Subject {
    granule: &'static str,
    places: &'static [&'static [&'static str]],
}

const SUBJECTS: [Subject; 4] = [
    Subject {
        granule: "packed_0_360.nc4",
        places: &[
            &["--variable=temperature"],
            &["--time=2020-01-10/2020-03-20"],
            &["--subset=level(600:1000)", "--subset=level[0:1]"],
            &["--bbox=-30,-20,60,70", "--bbox=170,-40,-150,40"],
            &["--shape=testdata/shapes/africa_with_hole.geojson", "--filter=temperature > 270"],
            &[
                "--crs=EPSG:6933 --scale-size=300000,300000",
                "--crs=EPSG:4326 --scale-size=5,5 --interpolation=conservative",
                "--crs=EPSG:4326 --scale-size=4,4 --interpolation=ewa",
            ],
            &["--average=time", "--average=area"],
        ],
    },
    Subject {
        granule: "2020_01_01_global.nc",
        places: &[
            &["--variable=red_var --variable=blue_var"],
            &["--bbox=-20,-40,60,40", "--bbox=170,-20,-170,20"],
            &["--shape=testdata/shapes/africa_with_hole.geojson"],
            &["--filter=red_var >= 60"],
            &[
                "--crs=EPSG:3413 --scale-size=100000,100000 --interpolation=near",
                "--crs=EPSG:4326 --scale-size=2,2 --interpolation=average",
            ],
            &["--average=time", "--average=area"],
        ],
    },
    Subject {
        granule: "ease2_north.nc4",
        places: &[
            &["--subset=x[20:180]"],
            &["--bbox=-60,60,60,85"],
            &["--filter=distance < 30"],
            &[
                "--crs=EPSG:4326 --scale-size=1,1",
                "--crs=EPSG:3413 --scale-size=100000,100000 --interpolation=bilinear",
            ],
            &["--average=area"],
        ],
    },
    Subject {
        granule: "swath_antimeridian.nc4",
        places: &[
            &["--variable=wind_speed --variable=quality_flag"],
            &["--time=2020-06-01T10:00:20Z/2020-06-01T10:02:00Z"],
            &["--bbox=170,-20,-170,20"],
            &["--filter=quality_flag <= 1"],
            &["--crs=EPSG:4326 --scale-extent=168,-20,192,20 --scale-size=0.5,0.5 --interpolation=near"],
            &["--average=area"],
        ],
    },
];

/// The options of one operation: parts begin with `--`.
fn options(operation: &str) -> Vec<String> {
    let root = env!("CARGO_MANIFEST_DIR");
    let parts = operation.split(" --").enumerate();
    let parts = parts.map(|(i, p)| if i == 0 { p.to_owned() } else { format!("--{p}") });
    parts.map(|p| p.replace("=testdata/", &format!("={root}/testdata/"))).collect()
}

fn run(path: &std::path::Path, options: &[String]) -> Result<Run, String> {
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    common::transform_with(path, &common::context(&options)).map_err(|e| e.to_string())
}

fn fused(path: &std::path::Path, chain: &Chain) -> Result<Run, String> {
    run(path, &chain.iter().flat_map(|o| options(o)).collect::<Vec<_>>())
}

fn stepwise(path: &std::path::Path, chain: &Chain) -> Result<Run, String> {
    // The folder goes with its run: the result of a step outlives the next one.
    let mut last: Option<Run> = None;
    for operation in chain {
        let at = last.as_ref().map_or(path, |r| &r.written.output);
        let mut own = options(operation);
        if operation.starts_with("--average") {
            // A mean leaves flags out unless they are named. Names narrow the step to them, so that a time which came
            // along with them has to be named too.
            let named: Vec<String> =
                chain.iter().filter(|o| o.starts_with("--variable")).flat_map(|o| options(o)).collect();
            let has_time = last.as_ref().is_some_and(|r| r.has("/time"));
            own.extend(named.iter().cloned());
            own.extend((has_time && !named.is_empty()).then(|| "--variable=/time".to_owned()));
        }
        if *operation == "--average=area" {
            // A mean over area counts the parts of cells that are inside the box: it has to know the box.
            own.extend(chain.iter().filter(|o| o.starts_with("--bbox")).flat_map(|o| options(o)));
        }
        last = Some(run(at, &own)?);
    }
    last.ok_or_else(|| "an empty chain".into())
}

/// Every variable of numbers has the same values, bit for bit.
fn assert_same(a: &Granule, b: &Granule, what: &str) {
    let names = |g: &Granule| {
        let mut names: Vec<String> = g.vars.iter().map(|v| v.path.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(names(a), names(b), "{what}");
    for var in a.vars.iter().filter(|v| v.dtype.is_numeric()) {
        let (x, y) = (find(a, &var.path), find(b, &var.path));
        assert_eq!(a.shape(x), b.shape(y), "{what}: {}", var.path);
        assert_eq!(var.dtype, b.var(y).dtype, "{what}: {}", var.path);
        let bits = |g: &Granule, id| {
            g.read_all_physical(id).unwrap().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        let (x, y) = (bits(a, x), bits(b, y));
        let different = x.iter().zip(&y).filter(|(a, b)| a != b).count();
        let first =
            x.iter().zip(&y).find(|(a, b)| a != b).map(|(a, b)| (f64::from_bits(*a), f64::from_bits(*b)));
        assert_eq!(
            different,
            0,
            "{what}: {} of {} values of {}, first {first:?}",
            different,
            x.len(),
            var.path
        );
    }
}

fn check(subject: &Subject, chain: &Chain) {
    let what = format!("{} {}", subject.granule, chain.join(" | "));
    let path = testdata(subject.granule);
    match (fused(&path, chain), stepwise(&path, chain)) {
        (Ok(one), Ok(many)) => assert_same(&one.output, &many.output, &what),
        (Err(_), Err(_)) => {}
        (one, many) => {
            let say = |r: Result<Run, String>| r.map(|_| "a result".to_owned()).unwrap_or_else(|e| e);
            panic!("{what}: fused {}; step by step {}", say(one), say(many));
        }
    }
}

/// All pairs of places of a subject, with the first alternatives.
#[test]
fn every_pair_of_operations() {
    for subject in &SUBJECTS {
        for i in 0..subject.places.len() {
            for j in i + 1..subject.places.len() {
                check(subject, &vec![subject.places[i][0], subject.places[j][0]]);
            }
        }
    }
}

#[test]
fn chains_of_four() {
    let mut noise = Noise(2026);
    let mut draw = |n: usize| ((noise.next() * n as f64) as usize).min(n - 1);
    for subject in &SUBJECTS {
        for _ in 0..12 {
            let mut places: Vec<usize> = (0..subject.places.len()).collect();
            while places.len() > 4 {
                places.remove(draw(places.len()));
            }
            let chain: Chain =
                places.iter().map(|&p| subject.places[p][draw(subject.places[p].len())]).collect();
            check(subject, &chain);
        }
    }
}

/// The last step is a format: of the same values, whatever was done before.
#[test]
fn formats_of_a_chain() {
    let subject = &SUBJECTS[0];
    let path = testdata(subject.granule);
    let chain = ["--variable=temperature", "--bbox=-30,-20,60,70", "--average=time"];
    for format in ["--format=zarr", "--format=netcdf3", "--format=csv", "--format=cog"] {
        let one = fused(&path, &[&chain[..], &[format]].concat()).unwrap();
        let many = stepwise(&path, &[&chain[..], &[format]].concat()).unwrap();
        if one.output.vars.is_empty() {
            let bytes = |r: &Run| std::fs::read(&r.written.output).unwrap();
            assert_eq!(bytes(&one), bytes(&many), "{format}");
        } else {
            assert_same(&one.output, &many.output, format);
        }
    }
}

/// Joining: granules are subset first, then become one; a mean over time is over all of them.
#[test]
fn joined_granules() {
    let days: Vec<PathBuf> =
        ["01", "02", "03"].iter().map(|d| testdata(&format!("2020_01_{d}_global.nc"))).collect();
    for joining in ["--extend=time", "--concatenate"] {
        let request = ["--bbox=-20,-40,60,40", "--variable=red_var"];
        let one = join(&days, &[&request[..], &[joining]].concat());
        let cut: Vec<Run> = days.iter().map(|d| transform(d, &request)).collect();
        let inputs: Vec<PathBuf> = cut.iter().map(|r| r.written.output.clone()).collect();
        let many = join(&inputs, &[joining]);
        let numbers = |r: &Run| r.stored("/red_var");
        assert_eq!(numbers(&one), numbers(&many), "{joining}");
    }
    let one = join(&days, &["--extend=time", "--average=time", "--bbox=-20,-40,60,40"]);
    let joined = join(&days, &["--extend=time", "--bbox=-20,-40,60,40"]);
    let many = transform(&joined.written.output, &["--average=time"]);
    assert_same(&one.output, &many.output, "a mean over joined granules");
    assert_eq!(open(&one.written.output).read_stored(find(&one.output, "/time")).unwrap(), [24.0]);
}
