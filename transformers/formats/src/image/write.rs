//! A part as image files.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use harmony_model::{Covered, Granule, GridSpec, MemoryArray, Storage, Window};

use super::canvas::{Area, Canvas, Ink};
use super::output::{FileSink, Outputs, Sink};
use super::paint::{Layer, Painter};
use super::scheme::{Scheme, Subject};
use super::{Kind, gif, jpeg, parts, png, sidecar, tiles, unsupported};
use crate::raster::{self, Raster};
use crate::registry::Part;
use crate::write::{VariablePlan, WriteError, WriteOptions, WritePlan, WriteReport};

/// The rasters that the picture of a part is made of, and what it leaves out.
pub struct Found {
    pub rasters: Vec<Raster>,
    pub notices: Vec<String>,
}

impl Found {
    /// # Errors
    /// As [`raster::rasters`].
    pub fn of(part: &Part, options: &WriteOptions) -> Result<Self, WriteError> {
        let rasters = raster::rasters(&part.granule, options)?;
        let rejected = raster::survey(&part.granule, options)?.rejected;
        let notices = rejected.iter().map(|r| format!("{} is no image: {}", r.path, r.reason)).collect();
        Ok(Found { rasters, notices })
    }

    /// The layers: three or four in true colours, else the first plane of the first raster.
    pub fn layers(&self, part: &Part) -> Vec<Layer<'_>> {
        parts::composite(&part.granule, &self.rasters)
            .unwrap_or_else(|| vec![Layer { raster: &self.rasters[0], band: 0 }])
    }
}

/// Whether the values of a picture may be kept between looking at them and painting them.
fn fits(granule: &Granule, layers: &[Layer], options: &WriteOptions) -> bool {
    let size = |layer: &Layer| {
        let element = granule.var(layer.raster.var).dtype.size() as u64;
        granule.shape(layer.raster.var).into_iter().fold(element, u64::saturating_mul)
    };
    layers.iter().map(size).fold(0, u64::saturating_add) <= options.memory / 2
}

/// The granule with the values of a picture in memory, so that they are fetched and decoded, or computed, once.
/// `None` when one look at them is enough, or when they don't fit.
///
/// # Errors
/// What reading says.
pub fn preloaded(subject: &Subject) -> Result<Option<Granule>, WriteError> {
    let granule = subject.granule;
    if !subject.needs_values() || !fits(granule, &subject.layers, subject.options) {
        return Ok(None);
    }
    let mut out = granule.clone();
    for layer in &subject.layers {
        let id = layer.raster.var;
        let shape = granule.shape(id);
        let bytes = granule.read(id, &Window::all(&shape))?;
        let var = &mut out.vars[id.0];
        let data = MemoryArray::new(&shape, var.dtype.size(), bytes);
        var.data = match var.data.coverage() {
            Some(coverage) => Arc::new(Covered { data: Arc::new(data), coverage }),
            None => Arc::new(data),
        };
        var.storage = Storage::Contiguous;
    }
    Ok(Some(out))
}

/// What writing a part reads: its values once, and once more where colours depend on them and they don't fit in
/// memory.
///
/// # Errors
/// As [`Found::of`]; when a chunk index can't be read.
pub fn plan(kind: Kind, part: &Part, options: &WriteOptions) -> Result<WritePlan, WriteError> {
    let found = Found::of(part, options)?;
    let layers = found.layers(part);
    let subject = Subject { granule: &part.granule, layers, kind, options, all_planes: false };
    let passes = if subject.needs_values() && !fits(&part.granule, &subject.layers, options) { 2 } else { 1 };
    let mut plan = WritePlan::default();
    for layer in &subject.layers {
        let id = layer.raster.var;
        let var = part.granule.var(id);
        let shape = part.granule.shape(id);
        let data_bytes = shape.iter().product::<u64>() * var.dtype.size() as u64;
        let bytes_read = passes * var.data.cost(&Window::all(&shape))?;
        let output_bytes = shape.iter().product::<u64>() / 2;
        plan.bytes_read += bytes_read;
        plan.data_bytes += data_bytes;
        plan.output_bytes += output_bytes;
        plan.variables.push(VariablePlan {
            var: id,
            path: var.path.clone(),
            shape,
            chunk_shape: None,
            filters: Vec::new(),
            tasks: Vec::new(),
            bytes_read,
            data_bytes,
            output_bytes,
        });
    }
    Ok(plan)
}

/// Writes the picture of a part with its world file and auxiliary file; browse images in tiles where they are large.
///
/// # Errors
/// What the input, the style and the output say. Nothing is left behind.
pub fn write(
    kind: Kind,
    part: &Part,
    target: &Path,
    options: &WriteOptions,
) -> Result<WriteReport, WriteError> {
    let found = Found::of(part, options)?;
    let layers = found.layers(part);
    let raster = layers[0].raster;
    if kind == Kind::Png && raster.grid.nx == 0 {
        return Err(unsupported(&raster.path, "it has no columns"));
    }
    let plan = plan(kind, part, options)?;
    let mut subject = Subject { granule: &part.granule, layers, kind, options, all_planes: false };
    let loaded = preloaded(&subject)?;
    subject.granule = loaded.as_ref().unwrap_or(&part.granule);
    let mut job = Job {
        subject,
        target,
        grid: &raster.grid,
        done: AtomicU64::new(0),
        total: plan.data_bytes,
        outputs: Outputs::default(),
        images: 0,
        notices: found.notices.clone(),
    };
    job.run()?;
    let (files, bytes_written) = std::mem::take(&mut job.outputs).commit();
    Ok(WriteReport {
        bytes_read: plan.bytes_read,
        bytes_written,
        chunks_copied: 0,
        chunks_encoded: job.images,
        files,
        notices: job.notices,
    })
}

struct Job<'a> {
    subject: Subject<'a>,
    target: &'a Path,
    grid: &'a GridSpec,
    /// Bytes painted so far, of all that there are.
    done: AtomicU64,
    total: u64,
    outputs: Outputs,
    images: u64,
    notices: Vec<String>,
}

impl Job<'_> {
    fn run(&mut self) -> Result<(), WriteError> {
        let whole = Area::whole(self.grid.ny, self.grid.nx);
        let browse = self.subject.options.encoding.browse;
        let tiles = if browse { tiles::tiles(self.grid.ny, self.grid.nx) } else { None };
        let scheme = self.subject.scheme(&whole)?;
        self.notices.push(scheme.words.clone());
        self.notices.extend(scheme.notices.iter().cloned());
        match tiles {
            None => self.image(&scheme, &whole, "")?,
            Some(tiles) => {
                for tile in tiles {
                    let own =
                        if self.subject.is_local() { Some(self.subject.scheme(&tile.area)?) } else { None };
                    self.image(own.as_ref().unwrap_or(&scheme), &tile.area, &tile.mark())?;
                }
            }
        }
        if browse && self.images == 0 {
            self.notices.push("no valid value: no image was written".into());
        }
        if self.subject.options.encoding.legend {
            self.legend(&scheme)?;
        }
        Ok(())
    }

    /// One file and what belongs to it. Browse images without anything to see are not written.
    fn image(&mut self, scheme: &Scheme, area: &Area, mark: &str) -> Result<(), WriteError> {
        let subject = &self.subject;
        let name = marked(self.target, mark);
        let layers = subject.layers.clone();
        let painter = Painter::new(subject.granule, layers, scheme.ink.clone(), scheme.brush.clone());
        let watch = Watch {
            inner: &painter,
            seen: AtomicBool::new(false),
            done: &self.done,
            total: self.total,
            options: subject.options,
        };
        // One of several, or one that may be left out, is nothing to begin an answer with.
        let is_result = mark.is_empty() && !subject.options.encoding.browse;
        let mut sink =
            if is_result { FileSink::followed(&name, subject.options)? } else { FileSink::create(&name)? };
        encode(subject.kind, &watch, area, &scheme.words, subject.options, &mut sink)?;
        if subject.options.encoding.browse && !watch.seen.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.outputs.finish(sink)?;
        self.images += 1;
        let grid = part_of(self.grid, area);
        self.outputs
            .write(&name.with_extension(subject.kind.world()), sidecar::world_file(&grid).as_bytes())?;
        let bands = if matches!(scheme.ink, Ink::Palette(_)) && subject.kind != Kind::Jpeg {
            1
        } else {
            scheme.ink.bytes().max(3)
        };
        let auxiliary = sidecar::auxiliary(&grid, subject.kind, bands);
        self.outputs.write(&appended(&name, ".aux.xml"), auxiliary.as_bytes())
    }

    fn legend(&mut self, scheme: &Scheme) -> Result<(), WriteError> {
        let Some(legend) = &scheme.legend else {
            self.notices.push("no legend: the colours are those of the file".into());
            return Ok(());
        };
        let sheet = legend.draw();
        let area = Area::whole(sheet.height(), sheet.width);
        let mut bytes: Vec<u8> = Vec::new();
        png::write(&sheet, &area, &[], self.subject.options, &mut bytes)?;
        self.outputs.write(&self.target.with_extension("legend.png"), &bytes)
    }
}

fn encode(
    kind: Kind,
    canvas: &dyn Canvas,
    area: &Area,
    words: &str,
    options: &WriteOptions,
    sink: &mut dyn Sink,
) -> Result<(), WriteError> {
    match kind {
        Kind::Png => png::write(canvas, area, &[("Description".into(), words.into())], options, sink),
        Kind::Jpeg => jpeg::write(canvas, area, words, options, sink),
        Kind::Gif => gif::write(canvas, area, words, options, sink),
    }
}

/// `a.png` and `.r00c01` give `a.r00c01.png`.
fn marked(target: &Path, mark: &str) -> PathBuf {
    if mark.is_empty() {
        return target.into();
    }
    let text =
        |part: Option<&std::ffi::OsStr>| part.map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
    let extension = text(target.extension());
    let dot = if extension.is_empty() { "" } else { "." };
    target.with_file_name(format!("{}{mark}{dot}{extension}", text(target.file_stem())))
}

fn appended(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The grid of a box of a grid.
pub fn part_of(grid: &GridSpec, area: &Area) -> GridSpec {
    GridSpec {
        x0: grid.x0 + grid.dx * area.columns.start as f64,
        y0: grid.y0 + grid.dy * area.rows.start as f64,
        nx: area.width(),
        ny: area.height(),
        ..grid.clone()
    }
}

/// Looks whether anything is to be seen, and tells how far the work is.
struct Watch<'a> {
    inner: &'a Painter<'a>,
    seen: AtomicBool,
    done: &'a AtomicU64,
    total: u64,
    options: &'a WriteOptions,
}

impl Canvas for Watch<'_> {
    fn ink(&self) -> &Ink {
        self.inner.ink()
    }

    fn rows_together(&self) -> u64 {
        self.inner.rows_together()
    }

    fn working_bytes(&self) -> usize {
        self.inner.working_bytes()
    }

    fn paint(&self, rows: Range<u64>, columns: Range<u64>, out: &mut [u8]) -> Result<(), WriteError> {
        let pixels = (rows.end - rows.start) * (columns.end - columns.start);
        self.inner.paint(rows, columns, out)?;
        if !self.seen.load(Ordering::Relaxed) && is_visible(self.inner.ink(), out) {
            self.seen.store(true, Ordering::Relaxed);
        }
        if let Some(progress) = &self.options.progress {
            let bytes = pixels * self.inner.working_bytes() as u64;
            let before = self.done.fetch_add(bytes, Ordering::Relaxed);
            progress((before + bytes).min(self.total));
        }
        Ok(())
    }
}

/// Whether any pixel is not wholly transparent.
pub fn is_visible(ink: &Ink, pixels: &[u8]) -> bool {
    match ink {
        Ink::Palette(palette) => {
            let visible: Vec<bool> = (0..256).map(|i| palette.get(i).is_some_and(|c| c[3] > 0)).collect();
            pixels.iter().any(|&i| visible[usize::from(i)])
        }
        Ink::Rgb => !pixels.is_empty(),
        Ink::Rgba => pixels.iter().skip(3).step_by(4).any(|&a| a > 0),
    }
}
