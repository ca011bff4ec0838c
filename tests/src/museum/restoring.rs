//! Errors of restoring: a part that is not there, an upgrade under way, nothing to take back.

use super::engine::{begun, home_of, new_company, new_connection, open};
use super::harbour::bakery;
use super::{OrPanic, working};
use crate::errors::Exhibit;
use backup::{About, FileRole, Manifest, ManifestFile};
use engine::progress::Watcher;
use engine::restoring::parts::Part;
use std::collections::BTreeMap;

pub const PROVOKE: &[fn() -> Exhibit] = &[part, upgrade, undo];

fn part() -> Exhibit {
    let about = About {
        at: jiff::Timestamp::UNIX_EPOCH,
        company_id: "company-1".into(),
        company_name: "Harbour Street Bakery".into(),
        made_by: "changeover".into(),
        totals: Vec::new(),
        per_day_digest: None,
        counts: BTreeMap::new(),
        missing: Vec::new(),
    };
    let file = |path: &str| ManifestFile { path: path.into(), size: 1, sha256: String::new(), role: FileRole::Other };
    let manifest = Manifest { format: 1, about, files: vec![file("2026/receipt.pdf"), file("2025/receipt.pdf")] };
    let wanted = Part::Files(vec!["receipt.pdf".into(), "invoice.pdf".into()]);
    Exhibit::of(wanted.files(&manifest).expect_err("neither is clear"))
}

fn upgrade() -> Exhibit {
    working(async {
        let bakery = bakery();
        let engine = open(&home_of(&bakery)).await.or_panic();
        let (company, connection) = engine.add_company(new_company(&bakery), new_connection()).await.or_panic();
        let upgrade = begun(&engine, &company, &connection).await;
        let problem = engine.may_replace(&company).await.expect_err("an upgrade is open");
        Exhibit::of(problem).replacing(upgrade, "upgrade-1")
    })
}

fn undo() -> Exhibit {
    working(async {
        let bakery = bakery();
        let engine = open(&home_of(&bakery)).await.or_panic();
        let (company, _) = engine.add_company(new_company(&bakery), new_connection()).await.or_panic();
        Exhibit::of(engine.undo_restore(&company, &Watcher::silent()).await.expect_err("nothing was restored"))
    })
}
