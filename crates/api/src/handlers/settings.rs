//! Settings: where things are kept, and what the catalogue knows.

use super::shared::small;
use crate::app::App;
use crate::views::*;
use ledger::Problem;

pub async fn settings_view(app: &App, _: NoArgs) -> Result<SettingsView, Problem> {
    let engine = app.real();
    let mut records = 0;
    for engine in app.engines().await {
        records += engine.journal.head().await?.map_or(0, |head| head.seq);
    }
    Ok(SettingsView {
        version: env!("CARGO_PKG_VERSION").to_string(),
        home: engine.home.dir().display().to_string(),
        log_records: small(records),
        licence: env!("CARGO_PKG_LICENSE").to_string(),
        packages: engine
            .catalog
            .connectors()
            .map(|package| PackageView {
                connector: package.name().to_string(),
                version: package.version().to_string(),
                provider_version: package.api_version().to_string(),
                // A catalogue with a faulty package is refused as a whole when the program starts.
                problem: None,
            })
            .collect(),
    })
}
