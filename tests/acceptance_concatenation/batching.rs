//! 6.3 batching.

use crate::common::{join, save};
use crate::extending::{COLUMNS, scan};
use crate::paths;
use harmony_ops::batch::{Rules, batches};

/// Number of the batch of every name.
fn numbers(names: &[String]) -> Vec<usize> {
    let mut out = vec![usize::MAX; names.len()];
    for (number, batch) in batches(names, Rules::built_in()).into_iter().enumerate() {
        batch.into_iter().for_each(|i| out[i] = number);
    }
    out
}

fn no2(ends: &[&str]) -> Vec<String> {
    ends.iter().map(|e| format!("TEMPO_NO2_L2_V03_{e}.nc")).collect()
}

fn b1() -> Vec<String> {
    no2(&[
        "20240731T235252Z_S016G04",
        "20240731T235929Z_S016G05",
        "20240801T000606Z_S016G06",
        "20240801T001302Z_S017G01",
        "20240801T001942Z_S017G02",
        "20240801T002619Z_S017G03",
        "20240801T233313Z_S016G01",
        "20240801T233953Z_S016G02",
        "20240801T234630Z_S016G03",
    ])
}

#[test]
fn b1_scans_past_midnight() {
    assert_eq!(numbers(&b1()), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
    // As a run: names decide the batches, which are then stacked.
    let of = |end: &str, first: i32| {
        let mut g = scan(1, first, 2, 1.4e9 + 3.0 * f64::from(first));
        g.name = format!("TEMPO_NO2_L2_V03_{end}.nc");
        save(&g)
    };
    let saved = [
        of("20240731T235252Z_S016G04", 0),
        of("20240801T000606Z_S016G06", 2),
        of("20240801T001302Z_S017G01", 10),
    ];
    let run = join(&paths(&saved), &["--extend=mirror_step", "--concatenate"]);
    assert_eq!(run.shape("/product/vertical_column"), [2, 4, COLUMNS as u64]);
}

fn day(name: &str) -> String {
    Rules::built_in().key(name).unwrap().pop().unwrap()
}

#[test]
fn b2_days_of_chicago() {
    let days: Vec<String> = b1().iter().map(|n| day(n)).collect();
    assert_eq!(
        (&days[..6], &days[6..]),
        (&vec!["20240731".to_owned(); 6][..], &vec!["20240801".to_owned(); 3][..])
    );
}

#[test]
fn b3_near_real_time() {
    let names: Vec<String> = [
        "20250711T183227Z_S010G04",
        "20250711T183904Z_S010G05",
        "20250711T184541Z_S010G06",
        "20250711T185856Z_S010G08",
        "20250712T000606Z_S016G03",
        "20250712T001927Z_S016G05",
        "20250712T161248Z_S008G01",
        "20250712T162608Z_S008G03",
        "20250712T170552Z_S008G09",
    ]
    .iter()
    .map(|e| format!("TEMPO_NO2_L2_NRT_V02_{e}.nc"))
    .collect();
    assert_eq!(numbers(&names), [0, 0, 0, 0, 1, 1, 2, 2, 2]);
}

#[test]
fn b4_three_scans_of_two_granules() {
    let names = no2(&[
        "20240601T210934Z_S012G01",
        "20240601T211614Z_S012G02",
        "20240601T220934Z_S013G01",
        "20240601T221614Z_S013G02",
        "20240601T230934Z_S014G01",
        "20240601T231614Z_S014G02",
    ]);
    assert_eq!(numbers(&names), [0, 0, 1, 1, 2, 2]);
}

#[test]
fn b5_b6_the_day_ends_at_six_in_winter_and_at_five_in_summer() {
    for (ends, days) in [
        (["20241201T055959Z_S001G01", "20241201T060000Z_S001G02"], ["20241130", "20241201"]),
        (["20240701T045959Z_S001G01", "20240701T050000Z_S001G02"], ["20240630", "20240701"]),
    ] {
        let names = no2(&ends);
        assert_eq!(numbers(&names), [0, 1]);
        assert_eq!([day(&names[0]), day(&names[1])], days);
    }
}

#[test]
fn b7_the_first_that_is_listed_is_batch_0() {
    assert_eq!(numbers(&no2(&["20240801T001302Z_S017G01", "20240731T235252Z_S016G04"])), [0, 1]);
}

#[test]
fn b8_b9_products_and_versions_are_apart() {
    let names =
        ["NO2_L2_V03", "HCHO_L2_V03", "NO2_L2_V04"].map(|p| format!("TEMPO_{p}_20240731T235252Z_S016G04.nc"));
    assert_eq!(numbers(&names), [0, 1, 2]);
}

#[test]
fn b10_a_name_of_another_kind() {
    let mut names = no2(&["20240731T235252Z_S016G04", "20240731T235929Z_S016G05"]);
    names.insert(1, "something_else.nc".into());
    assert_eq!(numbers(&names), [0, 1, 0]);
}

#[test]
fn b11_addresses() {
    let names = [
        "TEMPO_NO2_L2_V03_20240731T235252Z_S016G04.nc".to_owned(),
        "https://host/path/TEMPO_NO2_L2_V03_20240731T235929Z_S016G05_subsetted.nc4?a=TEMPO_x".to_owned(),
    ];
    assert_eq!(numbers(&names), [0, 0]);
}

#[test]
fn b12_proxies() {
    let key = Rules::built_in().key("TEMPO_O3PROF-PROXY_L2_V01_20130831T222959Z_S014G06.nc");
    assert!(key.is_some_and(|k| k.contains(&"O3PROF-PROXY".to_owned())));
}

#[test]
fn b13_no_names() {
    assert!(numbers(&[]).is_empty());
}
