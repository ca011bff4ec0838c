//! Settings: where things are kept. No setting without a person who asked for it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SettingsView {
    pub version: String,
    pub home: String,
    pub log_records: u32,
    pub licence: String,
    /// Packages of the catalogue: "square 1", "square 2".
    pub packages: Vec<PackageView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PackageView {
    pub connector: String,
    pub version: String,
    pub provider_version: String,
    pub problem: Option<super::common::ProblemView>,
}
