//! Tables of small granules made by hand.

use std::sync::Arc;

use harmony_model::{Attribute, DType, Granule, MemoryArray};

use super::{Delimiter, Slabs, collect, write_text};
use crate::write::WriteOptions;

/// `v(time, x)` packed with a hole, `w(time, x)`, `n(x)`, in a group; lat and lon beside x.
pub fn granule() -> Granule {
    let mut g = Granule::new("made.nc", "test");
    let time = g.add_dim(Granule::ROOT, "time", 2);
    let x = g.add_dim(Granule::ROOT, "x", 3);
    let id = g.add_var(
        Granule::ROOT,
        "time",
        DType::F64,
        vec![time],
        Arc::new(MemoryArray::of(&[2], &[0.0f64, 0.5])),
    );
    g.vars[id.0].set_attr(Attribute::text("units", "days since 2020-01-01"));
    for (name, units, values) in
        [("lat", "degrees_north", [10.0f32, 20.1, 30.0]), ("lon", "degrees_east", [359.5, 0.0, 180.0])]
    {
        let id =
            g.add_var(Granule::ROOT, name, DType::F32, vec![x], Arc::new(MemoryArray::of(&[3], &values)));
        g.vars[id.0].set_attr(Attribute::text("units", units));
    }
    let group = g.add_group(Granule::ROOT, "product");
    let packed = Arc::new(MemoryArray::of(&[2, 3], &[1i16, -1, 1234, -1, 5, 6]));
    let id = g.add_var(group, "v", DType::I16, vec![time, x], packed);
    g.vars[id.0].set_attr(Attribute::numbers("_FillValue", &[-1i16]));
    g.vars[id.0].set_attr(Attribute::numbers("scale_factor", &[0.01f64]));
    g.vars[id.0].set_attr(Attribute::text("coordinates", "lat lon"));
    let floats = Arc::new(MemoryArray::of(&[2, 3], &[0.1f32, f32::NAN, 4.0, f32::NAN, 1e-20, 7.5]));
    let id = g.add_var(group, "w", DType::F32, vec![time, x], floats);
    g.vars[id.0].set_attr(Attribute::text("coordinates", "lat lon"));
    let texts = ["plain", "a \"quoted\", text", ""].map(|t| t.as_bytes().to_vec()).to_vec();
    g.add_var(group, "label", DType::String, vec![x], Arc::new(MemoryArray::of_texts(&[3], texts)));
    g
}

fn text(g: &Granule, table: usize, delimiter: Delimiter) -> String {
    let found = collect(g);
    let mut out = Vec::new();
    let sink = |bytes: &[u8]| {
        out.extend_from_slice(bytes);
        Ok(())
    };
    write_text(g, &found, &found.tables[table], &WriteOptions::default(), delimiter, sink).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn variables_of_the_same_dims_share_a_table_with_their_coordinates() {
    let found = collect(&granule());
    assert_eq!(found.tables.len(), 2);
    let names = |t: usize| found.tables[t].columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names(0), ["time", "x", "lat", "lon", "/product/v", "/product/w"]);
    assert_eq!(names(1), ["x", "lat", "lon", "/product/label"]);
}

#[test]
fn rows_without_a_value_are_left_out_and_numbers_are_short() {
    let expected = "time,x,lat,lon,/product/v,/product/w\n\
                    2020-01-01T00:00:00Z,0,10.0,359.5,0.01,0.1\n\
                    2020-01-01T00:00:00Z,2,30.0,180.0,12.34,4.0\n\
                    2020-01-01T12:00:00Z,1,20.1,0.0,0.05,1e-20\n\
                    2020-01-01T12:00:00Z,2,30.0,180.0,0.06,7.5\n";
    assert_eq!(text(&granule(), 0, Delimiter::Comma), expected);
}

#[test]
fn texts_are_quoted_where_they_must_be() {
    let commas = "x,lat,lon,/product/label\n0,10.0,359.5,plain\n1,20.1,0.0,\"a \"\"quoted\"\", text\"\n";
    assert_eq!(text(&granule(), 1, Delimiter::Comma), commas);
    assert!(
        text(&granule(), 1, Delimiter::Tab)
            .starts_with("x\tlat\tlon\t/product/label\n0\t10.0\t359.5\tplain\n")
    );
}

#[test]
fn pieces_follow_each_other_and_cover_the_table() {
    let g = granule();
    let table = &collect(&g).tables[0];
    for memory in [1, 40, 100, 1 << 20] {
        let mut next = 0;
        for (start, count) in Slabs::new(&g, table, memory) {
            assert_eq!(start[0] * 3 + start[1], next, "{memory}");
            next += count.iter().product::<u64>();
        }
        assert_eq!(next, 6, "{memory}");
    }
}

#[test]
fn a_granule_of_coordinates_alone_is_still_a_table() {
    let mut g = granule();
    g.vars.retain(|v| v.group == Granule::ROOT);
    let found = collect(&g);
    let all: Vec<&str> = found.tables.iter().flat_map(|t| &t.columns).map(|c| c.name.as_str()).collect();
    assert!(all.contains(&"/lat") && all.contains(&"/lon"), "{all:?}");
}
