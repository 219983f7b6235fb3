use std::sync::Arc;

use harmony_model::memory::copy_window;
use harmony_model::{ArraySource, ReadError, Runs, Window};

use super::tests::{Counting, Random};
use super::{ContiguousArray, ContiguousSpec};

const OFFSET: u64 = 24;

struct Made {
    array: ContiguousArray,
    source: Arc<Counting>,
    values: Vec<u8>,
    size: usize,
    shape: Vec<u64>,
}

/// `gap`: bytes of other variables after each record; `None`: no records.
fn make(shape: &[u64], size: usize, swap: bool, gap: Option<u64>, remote: bool) -> Made {
    let len = shape.iter().product::<u64>() as usize * size;
    let values: Vec<u8> = (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut stored = values.clone();
    if swap {
        stored.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    let record = len / shape.first().map_or(1, |&n| n.max(1) as usize);
    let mut file = vec![0xee; OFFSET as usize];
    for record in stored.chunks(record.max(1)) {
        file.extend(record);
        file.extend(vec![0xdd; gap.unwrap_or(0) as usize]);
    }
    let source = Counting::new(file, remote);
    let array = ContiguousArray::new(ContiguousSpec {
        object: "v".into(),
        source: source.clone(),
        offset: Some(OFFSET),
        shape: shape.into(),
        element_size: size,
        swap_width: if swap { size } else { 1 },
        fill: vec![],
        record_stride: gap.map(|g| record as u64 + g),
        heap: None,
    });
    Made { array, source, values, size, shape: shape.into() }
}

fn check(made: &Made, window: &Window) {
    let len = window.count() as usize * made.size;
    let (mut out, mut expected) = (vec![0x55; len], vec![0; len]);
    copy_window(&made.values, &made.shape, made.size, window, &mut expected);
    let cost = made.array.cost(window).unwrap();
    made.source.take();
    made.array.read(window, &mut out).unwrap();
    assert!(out == expected, "{:?} {window:?}", made.shape);
    assert_eq!(made.source.take().1, cost, "{:?} {window:?}", made.shape);
}

#[test]
fn every_window_has_the_bytes_of_the_whole_array_and_costs_what_it_says() {
    let mut random = Random(11);
    // Rows wider than the gap that is read along, so that every way of reading occurs.
    let shapes: [&[u64]; 6] = [&[], &[50_000], &[40, 6000], &[5, 40, 300], &[3, 2, 20_000], &[700, 9, 4]];
    for (i, shape) in shapes.into_iter().enumerate() {
        for (k, gap) in [None, Some(0), Some(12), Some(30_000)].into_iter().enumerate() {
            // A scalar has no records, and 50 000 records with wide gaps would be a large file.
            if gap.is_some_and(|gap| shape.first().is_none_or(|n| n * gap > 1 << 23)) {
                continue;
            }
            let made = make(shape, [4, 8, 2][(i + k) % 3], k % 2 == 1, gap, (i + k) % 4 == 0);
            check(&made, &Window::all(shape));
            for _ in 0..25 {
                check(&made, &random.window(shape));
            }
        }
    }
}

#[test]
fn sparse_windows_fetch_only_what_they_need() {
    let made = make(&[30, 20_000], 4, false, None, false);
    let column = Window(vec![Runs::all(30), Runs::range(777, 2)]);
    assert_eq!(made.array.cost(&column).unwrap(), 30 * 8);
    check(&made, &column);
    let row = Window(vec![Runs::range(7, 1), Runs::range(100, 5000)]);
    assert_eq!(made.array.cost(&row).unwrap(), 20_000);
    check(&made, &row);
    // Two runs 100 elements apart are one read.
    let mut near = Runs::range(0, 10);
    near.push(110, 10);
    let both = Window(vec![Runs::range(3, 1), near]);
    assert_eq!(made.array.cost(&both).unwrap(), 120 * 4);
    check(&made, &both);
}

#[test]
fn a_whole_array_larger_than_one_read_is_right() {
    let made = make(&[3000, 1000], 8, true, None, false);
    check(&made, &Window::all(&[3000, 1000]));
    check(&made, &Window(vec![Runs::all(3000), Runs::range(1, 900)]));
    assert!(made.array.cost(&Window(vec![Runs::all(3000), Runs::range(1, 900)])).unwrap() <= 24_000_000);
}

fn never_written(shape: &[u64], offset: Option<u64>) -> ContiguousArray {
    ContiguousArray::new(ContiguousSpec {
        object: "v".into(),
        source: Counting::new(vec![0; 8], false),
        offset,
        shape: shape.into(),
        element_size: 4,
        swap_width: 4,
        fill: vec![1, 2, 3, 4],
        record_stride: None,
        heap: None,
    })
}

#[test]
fn an_array_never_written_is_fill() {
    let mut out = [0; 12];
    let array = never_written(&[5], None);
    array.read(&Window::block(&[1], &[3]), &mut out).unwrap();
    assert_eq!(out, [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
    assert_eq!(array.cost(&Window::all(&[5])).unwrap(), 0);
}

#[test]
fn a_truncated_file_and_hostile_shapes_are_errors() {
    let mut out = [0; 12];
    let array = never_written(&[5], Some(0));
    assert!(matches!(array.read(&Window::block(&[1], &[3]), &mut out), Err(ReadError::Io { .. })));
    let array = never_written(&[1 << 40, 1 << 40], Some(0));
    assert!(matches!(array.cost(&Window::all(&[1 << 40, 1 << 40])), Err(ReadError::Corrupt { .. })));
    let array = never_written(&[5], Some(u64::MAX - 4));
    assert!(matches!(array.cost(&Window::all(&[5])), Err(ReadError::Corrupt { .. })));
    assert!(array.read(&Window::block(&[1], &[5]), &mut out).is_err());
}
