//! What stands around the layers of GetCapabilities: the service and its operations.

use super::info::INFO_FORMATS;
use super::{Query, Version};
use crate::maps::ImageFormat;

impl Query {
    fn requests(&self) -> String {
        let place = format!(
            "<DCPType><HTTP><Get><OnlineResource xmlns:xlink=\"http://www.w3.org/1999/xlink\" xlink:type=\"simple\" \
             xlink:href=\"{}\"/></Get></HTTP></DCPType>",
            address(&format!("{}?", self.address))
        );
        let formats = |all: &[&str]| all.iter().map(|f| format!("<Format>{f}</Format>")).collect::<String>();
        let images: Vec<&str> = ImageFormat::all().map(ImageFormat::media_type).collect();
        let capabilities: &[&str] = match self.version {
            Version::V130 => &["application/vnd.ogc.wms_xml", "text/xml"],
            Version::V111 => &["application/vnd.ogc.wms_xml"],
        };
        let legend = match self.version {
            // The schema of 1.3.0 has no place for operations of its own.
            Version::V130 => String::new(),
            Version::V111 => {
                format!("<GetLegendGraphic>{}{place}</GetLegendGraphic>\n", formats(&["image/png"]))
            }
        };
        format!(
            "<GetCapabilities>{}{place}</GetCapabilities>\n<GetMap>{}{place}</GetMap>\n\
             <GetFeatureInfo>{}{place}</GetFeatureInfo>\n{legend}",
            formats(capabilities),
            formats(&images),
            formats(&INFO_FORMATS)
        )
    }

    /// What both versions say about the service. The order of elements is that of the schema.
    fn service(&self, name: &str) -> String {
        format!(
            "<Service>\n<Name>{name}</Name>\n<Title>Harmony WMS Service</Title>\n\
             <Abstract>Harmony WMS Service</Abstract>\n<KeywordList><Keyword>mapinfo</Keyword>\
             <Keyword>geographic</Keyword><Keyword>wms</Keyword></KeywordList>\n\
             <OnlineResource xmlns:xlink=\"http://www.w3.org/1999/xlink\" xlink:type=\"simple\" xlink:href=\"{}\"/>\n\
             <ContactInformation><ContactPersonPrimary><ContactPerson/><ContactOrganization/></ContactPersonPrimary>\
             <ContactAddress><AddressType/><Address/><City/><StateOrProvince/><PostCode/><Country/></ContactAddress>\
             </ContactInformation>\n<Fees>NONE</Fees>\n<AccessConstraints>NONE</AccessConstraints>\n",
            address(&self.address)
        )
    }

    fn root_layer(&self, layers: &str) -> String {
        let mut out = String::new();
        // Several collections need one layer around them.
        if self.collections.len() == 1 {
            return layers.to_owned();
        }
        let title = "Harmony WMS Service";
        self.open_layer(&mut out, None, title, "", [-180.0, -90.0, 180.0, 90.0], 0);
        out + layers + "</Layer>\n"
    }

    pub(super) fn frame_130(&self, layers: &str, sequence: u64) -> String {
        let limits = self.app.maps.maps.limits();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<WMS_Capabilities version=\"1.3.0\" \
             updateSequence=\"{sequence}\" \
             xmlns=\"http://www.opengis.net/wms\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
             xmlns:ogc=\"http://www.opengis.net/ogc\" xmlns:ows=\"http://www.opengis.net/ows\" \
             xmlns:gml=\"http://www.opengis.net/gml\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xsi:schemaLocation=\"http://www.opengis.net/wms \
             http://schemas.opengis.net/wms/1.3.0/capabilities_1_3_0.xsd\">\n{}\
             <LayerLimit>{}</LayerLimit>\n<MaxWidth>{}</MaxWidth>\n<MaxHeight>{}</MaxHeight>\n</Service>\n\
             <Capability>\n<Request>\n{}</Request>\n<Exception><Format>XML</Format><Format>INIMAGE</Format>\
             <Format>BLANK</Format><Format>JSON</Format></Exception>\n{}</Capability>\n</WMS_Capabilities>\n",
            self.service("WMS"),
            self.app.config.map_max_layers,
            limits.max_side,
            limits.max_side,
            self.requests(),
            self.root_layer(layers),
        )
    }

    pub(super) fn frame_111(&self, layers: &str, sequence: u64) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE WMT_MS_Capabilities SYSTEM \
             \"http://schemas.opengis.net/wms/1.1.1/WMS_MS_Capabilities.dtd\">\n\
             <WMT_MS_Capabilities version=\"1.1.1\" updateSequence=\"{sequence}\">\n{}</Service>\n<Capability>\n<Request>\n{}</Request>\n\
             <Exception><Format>application/vnd.ogc.se_xml</Format><Format>application/vnd.ogc.se_inimage</Format>\
             <Format>application/vnd.ogc.se_blank</Format></Exception>\n{}</Capability>\n</WMT_MS_Capabilities>\n",
            self.service("OGC:WMS"),
            self.requests(),
            self.root_layer(layers).replace(" noSubsets=\"0\" fixedWidth=\"0\" fixedHeight=\"0\"", ""),
        )
    }
}

/// An address in an attribute: only what XML needs is escaped, so that it can be read.
pub fn address(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    clean.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
