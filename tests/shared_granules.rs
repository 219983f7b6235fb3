//! Every real granule that is shared opens, shows its structure of data, and is written so that it can be read again.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::process::Command;

/// Name, format, kinds of structure found (empty: it has no places).
const GRANULES: [(&str, &str, &[&str]); 60] = [
    ("2020_01_01_7f00ff_global.nc", "netcdf4", &["grid"]),
    ("2020_01_02_3200ff_global.nc", "netcdf4", &["grid"]),
    ("2020_01_03_0019ff_global.nc", "netcdf4", &["grid"]),
    ("2020_01_04_0065ff_global.nc", "netcdf4", &["grid"]),
    ("2020_01_05_00b2ff_global.nc", "netcdf4", &["grid"]),
    ("3A11.20020301.7.HDF", "hdf4", &["projected grid"]),
    ("3B42.001003.5.HDF", "hdf4", &["projected grid"]),
    ("ABoVE_TVPRM_bbox.nc4", "netcdf4", &["projected grid"]),
    ("ATL03_gt1l.h5", "netcdf4", &["segmented trajectory", "trajectory"]),
    ("ATL16_variables.nc4", "netcdf4", &["grid"]),
    ("CMC_glb_TMP_ISBL_1015_ps30km_2013052000_P006.grib2", "grib", &["projected grid"]),
    ("GPM_3IMERGHH_bounds.nc4", "netcdf4", &["grid"]),
    ("GPM_3IMERGHH_prefetch.nc4", "netcdf4", &["grid"]),
    ("GridFile.hdf", "hdf4", &["grid", "projected grid"]),
    ("JA1_GPN_2PeP001_002_20020115_060706_20020115_070316.nc", "netcdf3", &["trajectory"]),
    ("LC08_CU_002010_20130416_20170727_C01_V01_SRB2.tif", "geotiff", &[]),
    ("M2T1NXSLV_geo_temporal.nc4", "netcdf4", &["grid"]),
    ("M2T1NXSLV_prefetch.nc4", "netcdf4", &["grid"]),
    ("M2T1NXSLV_temporal.nc4", "netcdf4", &["grid"]),
    ("MLS-Aura_L2GP-IWC_v02-21-c02_2007d210.he5", "netcdf4", &["trajectory"]),
    ("MOD05_L2.A2019336.2315.061.2019337071952.hdf", "hdf4", &["swath"]),
    ("MOD09GA.A2008296.h14v17.006.2015181011753.hdf", "hdf4", &["projected grid"]),
    ("OMPS-NPP_NMNO2-L2_2017m0101t000532_o26838_2017m0309t171152.h5", "netcdf4", &["swath"]),
    ("RGB.byte.small.tif", "geotiff", &["projected grid"]),
    ("S2000415.HDF", "hdf4", &["swath"]),
    ("S6A_P4_2__HR_RED__NR_014_191_20210403T004056_20210403T005056_F00.nc", "netcdf4", &["trajectory"]),
    ("S6A_P4_2__HR_RED__NR_014_192_20210403T005056_20210403T010056_F00.nc", "netcdf4", &["trajectory"]),
    ("SC_SPL3FTP_004_Polar_prefetch.nc4", "netcdf4", &["projected grid"]),
    ("SC_SPL3FTP_004_prefetch.nc4", "netcdf4", &["projected grid"]),
    ("SC_SPL3SMP_008_prefetch.nc4", "netcdf4", &["projected grid"]),
    ("SC_SPL3SMP_009_prefetch.nc4", "netcdf4", &["projected grid"]),
    ("SMALL_total_column_co2.nc", "netcdf3", &["grid"]),
    ("SPL3FTP_subsetted.nc4", "netcdf4", &["projected grid"]),
    ("SS_AMSR2-L2B_v08_r38622-v02.0-fv01.0.nc", "netcdf4", &["swath"]),
    ("SS_VIIRS_NPP-NAVO-L2P-v3.0.nc", "netcdf4", &["swath"]),
    ("TCI.tif", "geotiff", &["projected grid"]),
    ("africa.nc", "netcdf4", &["swath"]),
    ("ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc", "netcdf3", &["swath"]),
    ("ascat_20150702_102400_metopa_45146_eps_o_250_2300_ovw.l2.nc", "netcdf3", &["swath"]),
    ("cea.tif", "geotiff", &["projected grid"]),
    ("coads_climatology.nc4", "netcdf4", &["grid"]),
    ("cog_cmap.tif", "geotiff", &["projected grid"]),
    ("derived/SMALL_total_column_co2_t00-03.nc4", "netcdf4", &["grid"]),
    ("derived/SMALL_total_column_co2_t04-07.nc4", "netcdf4", &["grid"]),
    ("era5-2mt-2019-03-uk.grib", "grib", &["grid"]),
    ("f16_ssmis_20200102v7.nc", "netcdf4", &["grid"]),
    ("f97182070958.hdf", "hdf4", &["grid"]),
    ("feb.nc4", "netcdf4", &["grid"]),
    ("gfs.t06z.pgrb2.10p0.f010.grib2", "grib", &["grid"]),
    ("grid_2_2d_ps.hdf", "hdf4", &["projected grid"]),
    ("jan.nc4", "netcdf4", &["grid"]),
    ("red.tif", "geotiff", &["grid"]),
    ("sinusoid.hdf", "hdf4", &["projected grid"]),
    ("split-dateline-sample.tif", "geotiff", &["projected grid"]),
    ("sst.nc", "netcdf3", &["grid"]),
    ("tasmania2.nc", "netcdf4", &["swath"]),
    ("test_lcc.nc", "netcdf3", &["projected grid"]),
    ("tmmx_20190121.nc", "netcdf4", &["grid"]),
    ("toa_brightness_temperature.nc", "netcdf4", &["projected grid"]),
    ("tos_ocean_bipolar_grid.nc", "netcdf3", &["swath"]),
];

/// GDAL is loaded when a raster is opened; a machine may be without it.
fn lacks_gdal(format: &str) -> bool {
    let probe = || Command::new("gdalinfo").arg("--version").output().is_ok();
    ["geotiff", "grib"].contains(&format) && !probe()
}

#[test]
fn the_structure_of_each_granule() {
    for (name, format, kinds) in GRANULES {
        let path = shared!(name);
        if lacks_gdal(format) {
            eprintln!("skipped: {name} needs GDAL");
            continue;
        }
        let explanation = common::explain(&path, &[]);
        assert_eq!(explanation.format, format, "{name}");
        let found: BTreeSet<&str> = explanation.structures.iter().map(|s| s.kind.as_str()).collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), kinds, "{name}");
        assert!(!explanation.outputs[0].variables.is_empty(), "{name}");
    }
}

#[test]
fn each_granule_is_written_with_its_values_as_they_are() {
    let ncdump = Command::new("ncdump").output().is_ok();
    for (name, format, _) in GRANULES {
        let path = shared!(name);
        if lacks_gdal(format) {
            continue;
        }
        let input = common::open(&path);
        let run = common::transform(&path, &[]);
        assert_eq!(input.vars.len(), run.output.vars.len(), "{name}");
        for id in input.var_ids() {
            let var = input.var(id);
            let new = common::find(&run.output, &var.path);
            assert_eq!(input.shape(id), run.output.shape(new), "{name} {}", var.path);
            // Object references are addresses: they differ from file to file.
            if !matches!(var.dtype, harmony_model::DType::ObjectRef | harmony_model::DType::Compound { .. }) {
                let same = common::content(&input, id) == common::content(&run.output, new);
                assert!(same, "{name} {}", var.path);
            }
        }
        // Some inputs are more than netCDF's own reader can take; ATL03's axes without a name are named in the result.
        let readable = |p: &std::path::Path| {
            Command::new("ncdump").arg("-h").arg(p).output().is_ok_and(|o| o.status.success())
        };
        if ncdump && (name == "ATL03_gt1l.h5" || readable(&path)) {
            assert!(readable(&run.written.output), "{name}");
        }
    }
}
