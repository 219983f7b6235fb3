//! The GDAL adapter's results: one mask for all bands, that of the last one, no fill value 0, names of intermediate
//! files.

use std::sync::Arc;

use harmony_model::crs::{Crs, Transform};
use harmony_model::geometry::{Bbox, PlanarPolygons};
use harmony_model::{
    ArraySource, Attribute, Covered, DType, DimId, Granule, MemoryArray, ReadError, Request, VarId, Window,
};

use crate::error::OpError;
use crate::reproject_grid::{Axis, LocatedGrid, located_grid};
use crate::scene::Scene;

/// Gives a finished granule the adapter's habits. `shows_coverage`: the results are rasters.
///
/// # Errors
/// When coordinates can't be read.
pub fn finish(granule: &mut Granule, request: &Arc<Request>, shows_coverage: bool) -> Result<(), OpError> {
    let scene = Scene::new(Arc::new(granule.clone()), request.clone())?;
    for (i, located) in scene.table.located.iter().enumerate() {
        let Some(grid) = located_grid(&scene, &located.geolocation)? else { continue };
        let of_grid = |v: &VarId| {
            let var = scene.granule.var(*v);
            scene.table.of_var[v.0] == Some(i) && var.dims == [grid.row, grid.col] && var.dtype.is_numeric()
        };
        let bands: Vec<VarId> = scene.granule.var_ids().filter(of_grid).collect();
        mask(granule, &grid, &bands, request, shows_coverage)?;
        rename(granule, &bands, request);
        if !shows_coverage && !grid.grid.crs.is_geographic() {
            add_degrees(granule, &grid, [grid.row, grid.col])?;
            name_mappings(granule);
        }
    }
    Ok(())
}

/// The mask of the last band, and of the box, for all of them; 0 is no fill value.
fn mask(
    granule: &mut Granule,
    grid: &LocatedGrid,
    bands: &[VarId],
    request: &Request,
    shows_coverage: bool,
) -> Result<(), OpError> {
    let Some(&last) = bands.last() else { return Ok(()) };
    let told = |v: VarId| {
        let var = granule.var(v);
        let fill = var.attr("_FillValue").filter(|a| a.dtype == var.dtype)?;
        Some((var.data.clone(), fill.bytes.clone()))
    };
    // After a warp a cell is there in all bands or in none.
    let warped = request.target.is_set();
    let sources = bands.iter().filter(|v| warped || **v == last).filter_map(|v| told(*v)).collect();
    let inside = match &request.bbox[..] {
        [one] if !grid.grid.crs.is_geographic() => Some(touched(grid, one)?),
        _ => None,
    };
    let coverage: Arc<dyn ArraySource> = Arc::new(DatasetMask { sources, inside });
    let masks =
        shows_coverage && (granule.var(last).attr("_FillValue").is_some() || !request.bbox.is_empty());
    for &v in bands {
        let var = &mut granule.vars[v.0];
        if masks {
            var.data = Arc::new(Covered { data: var.data.clone(), coverage: coverage.clone() });
        }
        let own = var.attr("_FillValue").filter(|a| a.dtype == var.dtype).map(|a| a.bytes.clone());
        if let Some(old) = own.filter(|_| !shows_coverage) {
            // Missing cells of a netCDF file get netCDF's own fill value.
            let new = var.dtype.default_fill();
            var.data = Arc::new(Replaced { data: var.data.clone(), old, new });
        }
        if var.attr_f64("_FillValue") == Some(0.0) {
            var.attrs.retain(|a| a.name != "_FillValue" && a.name != "missing_value");
            var.fill = None;
        }
    }
    Ok(())
}

/// The cells that the box touches whose corners are those of a box in degrees, in the plane of the grid.
fn touched(grid: &LocatedGrid, bbox: &Bbox) -> Result<MemoryArray, OpError> {
    let way = Transform::new(&Crs::wgs84(), &grid.grid.crs)?;
    let mut xs = [bbox.west, bbox.east, bbox.east, bbox.west, bbox.west];
    let mut ys = [bbox.north, bbox.north, bbox.south, bbox.south, bbox.north];
    way.points(&mut xs, &mut ys);
    let ring: Vec<[f64; 2]> = xs.into_iter().zip(ys).map(|(x, y)| [x, y]).collect();
    let edges = |axis: &Axis| (0..=axis.len()).map(|i| axis.edge(i)).collect::<Vec<f64>>();
    let bits =
        PlanarPolygons::from_rings(&[vec![ring]]).mask_touched(&edges(&grid.grid.x), &edges(&grid.grid.y))?;
    let [rows, cols] = grid.grid.shape();
    let cells: Vec<u8> = (0..rows)
        .flat_map(|r| (0..cols).map(move |c| (r, c)))
        .map(|(r, c)| u8::from(bits.get(r, c)))
        .collect();
    Ok(MemoryArray::of(&[rows as u64, cols as u64], &cells))
}

/// 1 where all of some bands have a value and the box is.
struct DatasetMask {
    /// Bands and their fill values.
    sources: Vec<(Arc<dyn ArraySource>, Vec<u8>)>,
    inside: Option<MemoryArray>,
}

impl ArraySource for DatasetMask {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        out.fill(1);
        for (data, fill) in &self.sources {
            let mut elements = vec![0; out.len() * fill.len()];
            data.read(window, &mut elements)?;
            let elements = elements.chunks_exact(fill.len().max(1));
            out.iter_mut().zip(elements).for_each(|(o, e)| *o &= u8::from(e != &fill[..]));
        }
        if let Some(inside) = &self.inside {
            let mut cells = vec![0; out.len()];
            inside.read(window, &mut cells)?;
            out.iter_mut().zip(cells).for_each(|(o, i)| *o &= i);
        }
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.sources.iter().try_fold(0u64, |sum, (data, _)| Ok(sum.saturating_add(data.cost(window)?)))
    }
}

/// One element in the place of another.
struct Replaced {
    data: Arc<dyn ArraySource>,
    old: Vec<u8>,
    new: Vec<u8>,
}

impl ArraySource for Replaced {
    fn read(&self, window: &Window, out: &mut [u8]) -> Result<(), ReadError> {
        self.data.read(window, out)?;
        let elements = out.chunks_exact_mut(self.old.len().max(1));
        elements.filter(|e| **e == self.old[..]).for_each(|e| e.copy_from_slice(&self.new));
        Ok(())
    }

    fn cost(&self, window: &Window) -> Result<u64, ReadError> {
        self.data.cost(window)
    }
}

/// Bands without a name are called after the last intermediate file.
fn rename(granule: &mut Granule, bands: &[VarId], request: &Request) {
    let target = &request.target;
    let resized = target.width.is_some() || target.height.is_some();
    let cut = !request.bbox.is_empty() || request.shape.is_some();
    let step = match () {
        () if resized => "resized",
        () if target.crs.is_some() => "reprojected",
        () if cut => "subsetted",
        () => return,
    };
    let stem = granule.name.rsplit_once('.').map_or(granule.name.as_str(), |(stem, _)| stem).to_owned();
    let regridded = if resized || target.crs.is_some() { "_regridded" } else { "" };
    let subsetted = if cut { "_subsetted" } else { "" };
    for &v in bands {
        let var = &mut granule.vars[v.0];
        let number = var.name.strip_prefix("Band").filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
        let Some(number) = number.filter(|n| !n.is_empty() && request.variables.is_empty()) else { continue };
        let name = format!("{stem}{regridded}{subsetted}__all__{step}_band_{number}");
        var.path = format!("{}{name}", &var.path[..var.path.len() - var.name.len()]);
        for attr in ["long_name", "standard_name"] {
            var.set_attr(Attribute::text(attr, &name));
        }
        if var.attr("units").is_none() {
            var.set_attr(Attribute::text("units", "1"));
        }
        var.name = name;
    }
}

/// Grid mappings of projected grids are characters named after the projection.
fn name_mappings(granule: &mut Granule) {
    let mut names = Vec::new();
    for var in granule.vars.iter_mut().filter(|v| v.dims.is_empty()) {
        let Some(name) = var.attr_text("grid_mapping_name").filter(|n| n != "latitude_longitude") else {
            continue;
        };
        var.path = format!("{}{name}", &var.path[..var.path.len() - var.name.len()]);
        names.push((std::mem::replace(&mut var.name, name.clone()), name));
        var.dtype = DType::Char;
        var.data = Arc::new(MemoryArray::new(&[], 1, vec![0]));
        var.set_attr(Attribute::text("long_name", "CRS definition"));
    }
    for var in &mut granule.vars {
        let told = var.attr_text("grid_mapping");
        if let Some((_, new)) = names.iter().find(|(old, _)| told.as_deref() == Some(old)) {
            var.set_attr(Attribute::text("grid_mapping", new));
        }
    }
}

/// Latitudes along the first column and longitudes along the first row.
fn add_degrees(granule: &mut Granule, grid: &LocatedGrid, [row, col]: [DimId; 2]) -> Result<(), OpError> {
    let way = Transform::new(&grid.grid.crs, &Crs::wgs84())?;
    let [rows, cols] = grid.grid.shape();
    let centre = |axis: &Axis, i: usize| axis.value(i as f64 + 0.5);
    let mut xs: Vec<f64> = (0..cols).map(|c| centre(&grid.grid.x, c)).collect();
    let mut ys = vec![centre(&grid.grid.y, 0); cols];
    way.points(&mut xs, &mut ys);
    add_axis(granule, col, "lon", "longitude", "degrees_east", &xs);
    let mut xs = vec![centre(&grid.grid.x, 0); rows];
    let mut ys: Vec<f64> = (0..rows).map(|r| centre(&grid.grid.y, r)).collect();
    way.points(&mut xs, &mut ys);
    add_axis(granule, row, "lat", "latitude", "degrees_north", &ys);
    Ok(())
}

fn add_axis(granule: &mut Granule, dim: DimId, name: &str, standard: &str, units: &str, values: &[f64]) {
    if granule.find_var(&format!("/{name}")).is_some() {
        return;
    }
    let data = Arc::new(MemoryArray::of(&[values.len() as u64], values));
    let id = granule.add_var(Granule::ROOT, name, DType::F64, vec![dim], data);
    let texts = [("standard_name", standard), ("long_name", standard), ("units", units)];
    granule.vars[id.0].attrs = texts.iter().map(|(n, t)| Attribute::text(n, t)).collect();
}
