//! Who posts: fencing streams off, handing them over and back, retiring and dropping access.
//!
//! All of it lives in our own store, so each step can be looked up after a crash (`resolving.rs`).

use super::Undertaking;
use crate::engine::Engine;
use crate::store::company;
use crate::store::{failed, upgrade as stored};
use ledger::Problem;
use serde_json::json;
use upgrade::Owner;

/// The stored word of an owner.
pub fn word(owner: Owner) -> &'static str {
    match owner {
        Owner::Old => "old",
        Owner::Fenced => "fenced",
        Owner::New => "new",
    }
}

/// Sets who may post new arrivals of a stream.
pub async fn give(engine: &Engine, u: &Undertaking, stream: &str, owner: Owner) -> Result<(), Problem> {
    let mut tx = journal::begin(&engine.pool).await?;
    stored::set_owner(&mut tx, &u.connection.id, stream, word(owner)).await?;
    engine.journal_in(&mut tx, Some(&u.id), "stream.owner", json!({"stream": stream, "owner": word(owner)})).await?;
    tx.commit().await.map_err(|e| failed("set who owns a stream", &e))
}

/// Whether the stored owner of a stream is this one.
pub async fn is_owned_by(engine: &Engine, u: &Undertaking, stream: &str, owner: Owner) -> Result<bool, Problem> {
    let owners = stored::owners(&engine.pool, &u.connection.id).await?;
    let found = owners.iter().find(|(name, _)| name == stream).map(|(_, owner)| owner.as_str());
    // A stream without a row belongs to the settled connector, which is the old one.
    Ok(found.unwrap_or("old") == word(owner))
}

/// The new version becomes the settled one, and the old access is given up. Cannot be undone.
pub async fn retire_old(engine: &Engine, u: &Undertaking) -> Result<String, Problem> {
    let said = engine.retire_access(&u.connection, &u.from).await?;
    let mut tx = journal::begin(&engine.pool).await?;
    company::change_connection(&mut *tx, &u.connection.id, company::ConnectionChange::Version(&u.to)).await?;
    stored::clear_owners(&mut tx, &u.connection.id).await?;
    engine.journal_in(&mut tx, Some(&u.id), "connector.settled", json!({"version": u.to, "old_access": said})).await?;
    tx.commit().await.map_err(|e| failed("settle the new connector", &e))?;
    Ok(said)
}

/// After a rollback: the access that was given for the new connector is given up, the old one stays.
pub async fn drop_new_access(engine: &Engine, u: &Undertaking) -> Result<String, Problem> {
    let said = engine.retire_access(&u.connection, &u.to).await?;
    engine.journal(Some(&u.id), "access.dropped", json!({"version": u.to, "new_access": said})).await?;
    Ok(said)
}
