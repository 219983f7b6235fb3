//! The short name of a granule's product.

use super::Hints;
use crate::granule::Granule;

/// Short name of the product: what is known from outside, else what the granule says.
pub fn short_name(granule: &Granule, hints: &Hints) -> Option<String> {
    let clean = |t: String| Some(t.trim().to_owned()).filter(|t| !t.is_empty());
    if let Some(name) = hints.short_name.clone().and_then(clean) {
        return Some(name);
    }
    let text = |group: &str, names: &[&str]| {
        let group = granule.group(granule.find_group(group)?);
        names.iter().find_map(|n| group.attr_text(n).and_then(clean))
    };
    const ROOT: [&str; 7] = [
        "short_name",
        "ShortName",
        "shortName",
        "shortname",
        "SHORT_NAME",
        "product_short_name",
        "identifier_product_type",
    ];
    text("/", &ROOT)
        .or_else(|| text("/METADATA/DatasetIdentification", &["shortName", "ShortName"]))
        .or_else(|| text("/Metadata/DatasetIdentification", &["shortName", "ShortName"]))
        .or_else(|| text("/HDFEOS/ADDITIONAL/FILE_ATTRIBUTES", &["ShortName", "shortname"]))
        .or_else(|| algorithm_id(granule))
        .or_else(|| core_metadata(granule))
}

/// GPM and TRMM say `AlgorithmID=2AGPROFGMI;` in one long text.
fn algorithm_id(granule: &Granule) -> Option<String> {
    let header = granule.group(Granule::ROOT).attr_text("FileHeader")?;
    let field = header.split(';').map(str::trim).find_map(|f| f.strip_prefix("AlgorithmID="))?;
    Some(field.trim().to_owned()).filter(|f| !f.is_empty())
}

/// HDF-EOS core metadata: `OBJECT = SHORTNAME … VALUE = "MOD05_L2"`.
fn core_metadata(granule: &Granule) -> Option<String> {
    let is_core = |name: &str| name.to_ascii_lowercase().starts_with("coremetadata");
    let texts = granule
        .group(Granule::ROOT)
        .attrs
        .iter()
        .filter(|a| is_core(&a.name))
        .filter_map(crate::Attribute::as_text);
    let stored = granule
        .var_ids()
        .filter(|&v| {
            let var = granule.var(v);
            // ODL texts are some ten kilobytes; what claims more is something else.
            is_core(&var.name) && var.dtype.is_text() && granule.shape(v).iter().product::<u64>() <= 1 << 20
        })
        .filter_map(|v| granule.read_texts(v).ok())
        .map(|texts| texts.concat());
    texts.chain(stored).find_map(|text| odl_value(&text, "SHORTNAME"))
}

/// The value of an ODL object.
fn odl_value(text: &str, object: &str) -> Option<String> {
    let mut inside = false;
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        match key {
            "OBJECT" => inside = value == object,
            "VALUE" if inside => return Some(value.trim_matches(['"', ' ', '(', ')']).to_owned()),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attribute;

    fn granule(name: &str) -> Granule {
        Granule::new(name, "netcdf4")
    }

    #[test]
    fn the_granule_says_its_short_name_in_several_places() {
        let mut g = granule("x.h5");
        let meta = g.add_group(Granule::ROOT, "METADATA");
        let id = g.add_group(meta, "DatasetIdentification");
        g.groups[id.0].attrs.push(Attribute::text("shortName", "ATL08"));
        assert_eq!(short_name(&g, &Hints::default()).unwrap(), "ATL08");
        g.groups[0].attrs.push(Attribute::text("short_name", "ATL03 "));
        assert_eq!(short_name(&g, &Hints::default()).unwrap(), "ATL03");
        let mut eos = granule("x.hdf");
        let odl = "OBJECT = SHORTNAME\n NUM_VAL = 1\n VALUE = \"MOD05_L2\"\nEND_OBJECT = SHORTNAME\n";
        eos.groups[0].attrs.push(Attribute::text("CoreMetadata.0", odl));
        assert_eq!(short_name(&eos, &Hints::default()).unwrap(), "MOD05_L2");
        let mut gpm = granule("x.HDF5");
        gpm.groups[0].attrs.push(Attribute::text("FileHeader", "DOI=1;\nAlgorithmID=2AGPROFGMI;\n"));
        assert_eq!(short_name(&gpm, &Hints::default()).unwrap(), "2AGPROFGMI");
    }
}
