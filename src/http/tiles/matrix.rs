//! Tile matrix sets (OGC 17-083r4): where tiles are.

use harmony_model::crs::Crs;
use serde_json::{Value, json};

use crate::maps::View;

/// Edge of web Mercator's square in metres.
const HALF: f64 = 20_037_508.342_789_244;
/// Deepest zoom level.
pub const DEEPEST: u8 = 24;

/// The sets that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileMatrixSet {
    WebMercatorQuad,
    WorldCrs84Quad,
}

impl TileMatrixSet {
    pub const ALL: [TileMatrixSet; 2] = [TileMatrixSet::WebMercatorQuad, TileMatrixSet::WorldCrs84Quad];

    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.id() == id)
    }

    pub fn id(self) -> &'static str {
        match self {
            TileMatrixSet::WebMercatorQuad => "WebMercatorQuad",
            TileMatrixSet::WorldCrs84Quad => "WorldCRS84Quad",
        }
    }

    pub fn uri(self) -> String {
        format!("http://www.opengis.net/def/tilematrixset/OGC/1.0/{}", self.id())
    }

    pub fn crs_uri(self) -> &'static str {
        match self {
            TileMatrixSet::WebMercatorQuad => "http://www.opengis.net/def/crs/EPSG/0/3857",
            TileMatrixSet::WorldCrs84Quad => "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        }
    }

    fn crs(self) -> Crs {
        let definition = match self {
            TileMatrixSet::WebMercatorQuad => "EPSG:3857",
            TileMatrixSet::WorldCrs84Quad => "OGC:CRS84",
        };
        Crs { definition: definition.into() }
    }

    /// Columns and rows of a zoom level.
    pub fn size(self, zoom: u8) -> [u64; 2] {
        let n = 1u64 << zoom.min(DEEPEST);
        match self {
            TileMatrixSet::WebMercatorQuad => [n, n],
            TileMatrixSet::WorldCrs84Quad => [2 * n, n],
        }
    }

    /// Side of a tile in units of the CRS.
    fn span(self, zoom: u8) -> f64 {
        let n = (1u64 << zoom.min(DEEPEST)) as f64;
        match self {
            TileMatrixSet::WebMercatorQuad => 2.0 * HALF / n,
            TileMatrixSet::WorldCrs84Quad => 180.0 / n,
        }
    }

    fn origin(self) -> [f64; 2] {
        match self {
            TileMatrixSet::WebMercatorQuad => [-HALF, HALF],
            TileMatrixSet::WorldCrs84Quad => [-180.0, 90.0],
        }
    }

    /// The view of a tile of `pixels` a side; `None` when there is no such tile.
    pub fn view(self, zoom: u8, col: u64, row: u64, pixels: u32) -> Option<View> {
        let [cols, rows] = self.size(zoom);
        if zoom > DEEPEST || col >= cols || row >= rows {
            return None;
        }
        let (span, [x, y]) = (self.span(zoom), self.origin());
        let (west, north) = (x + col as f64 * span, y - row as f64 * span);
        let extent = [west, north - span, west + span, north];
        Some(View { crs: self.crs(), extent, width: pixels, height: pixels })
    }

    /// The definition as JSON.
    pub fn definition(self) -> Value {
        // A pixel of 0.28 mm; a degree counts as an arc of the equator (17-083r4 §6.1.1).
        let metres = match self {
            TileMatrixSet::WebMercatorQuad => 1.0,
            TileMatrixSet::WorldCrs84Quad => 111_319.490_793_273_57,
        };
        let matrix = |zoom: u8| {
            let cell = self.span(zoom) / 256.0;
            let [cols, rows] = self.size(zoom);
            json!({
                "id": zoom.to_string(),
                "scaleDenominator": cell * metres / 0.000_28,
                "cellSize": cell,
                "cornerOfOrigin": "topLeft",
                "pointOfOrigin": self.origin(),
                "tileWidth": 256,
                "tileHeight": 256,
                "matrixWidth": cols,
                "matrixHeight": rows,
            })
        };
        json!({
            "id": self.id(),
            "uri": self.uri(),
            "crs": self.crs_uri(),
            "orderedAxes": if self == TileMatrixSet::WebMercatorQuad { ["E", "N"] } else { ["Lon", "Lat"] },
            "wellKnownScaleSet": match self {
                TileMatrixSet::WebMercatorQuad => "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
                TileMatrixSet::WorldCrs84Quad => "http://www.opengis.net/def/wkss/OGC/1.0/GoogleCRS84Quad",
            },
            "tileMatrices": (0..=DEEPEST).map(matrix).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_world() {
        let set = TileMatrixSet::WebMercatorQuad;
        assert_eq!(set.view(0, 0, 0, 256).unwrap().extent, [-HALF, -HALF, HALF, HALF]);
        assert_eq!(set.view(1, 1, 0, 256).unwrap().extent, [0.0, 0.0, HALF, HALF]);
        assert!(set.view(1, 2, 0, 256).is_none() && set.view(25, 0, 0, 256).is_none());
        let set = TileMatrixSet::WorldCrs84Quad;
        assert_eq!(set.view(0, 1, 0, 256).unwrap().extent, [0.0, -90.0, 180.0, 90.0]);
        assert_eq!(set.size(2), [8, 4]);
    }

    #[test]
    fn scales_are_those_of_the_standard() {
        let scale =
            |set: TileMatrixSet| set.definition()["tileMatrices"][0]["scaleDenominator"].as_f64().unwrap();
        assert!((scale(TileMatrixSet::WebMercatorQuad) - 559_082_264.028_717_8).abs() < 1.0);
        assert!((scale(TileMatrixSet::WorldCrs84Quad) - 279_541_132.014_358_8).abs() < 1.0);
    }
}
