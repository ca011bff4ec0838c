//! Reconciling outside an upgrade: what the processor says, what the books say, what is left over.

use crate::engine::Engine;
use crate::store::company::{Company, Connection};
use crate::sync::{Owner, Read};
use crate::upgrading::verifying::{self, Seen};
use crate::upgrading::{Undertaking, baseline};
use jiff::Timestamp;
use ledger::Problem;
use std::sync::Arc;

impl Engine {
    /// The version whose reading counts now.
    pub async fn version_now(&self, connection: &Connection) -> Result<String, Problem> {
        Ok(match self.owner(connection).await? {
            (Owner::New, Some(open)) => open.to_version,
            (Owner::New, None) | (Owner::Settled, _) | (Owner::Fenced, _) => connection.version.clone(),
        })
    }

    /// Compares the present books with everything the present connector has read.
    pub async fn reconcile_company(&self, company: &Company, connection: &Connection) -> Result<(Undertaking, Arc<Read>, Seen), Problem> {
        let version = self.version_now(connection).await?;
        let package = self.package(&connection.connector, &version)?;
        let read = self.read_mapped(company, connection, package).await?;
        let u = Undertaking {
            id: String::new(),
            company: company.clone(),
            connection: connection.clone(),
            from: connection.version.clone(),
            to: version,
            new_from: Timestamp::MIN,
        };
        let book = self.books(company).await?;
        let position = self.journal.head().await?.map_or(0, |h| h.seq);
        // Against itself: outside an upgrade there is no "before"; payouts, doubles and losses are what counts.
        let now = baseline::take(book.as_ref(), position, self.now()).await?;
        let seen = verifying::look(self, &u, &now, &read).await?;
        Ok((u, read, seen))
    }
}
