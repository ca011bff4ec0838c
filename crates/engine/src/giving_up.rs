//! Giving up access: disconnecting an account, and retiring what one connector version used.
//!
//! It must never end more than was meant: other accounts, or the newer access, can live by the same grant or the same application.
//! What a request at the provider takes is `authorization`'s.

use crate::engine::Engine;
use crate::store;
use crate::store::company::{Company, Connection};
use authorization::provider::Ends;
use authorization::{CredentialState, EndAt, Provider, Revocation};
use ledger::Problem;
use serde_json::json;

impl Engine {
    /// Ends every access of an account at its provider where a request can do that, and erases it here, with the secret of its application
    /// where no other account lives by it. Says what remains to be done at the provider.
    pub async fn disconnect(&self, company: &Company, connection: &Connection) -> Result<Revocation, Problem> {
        let (provider, endpoints) = self.endpoints(connection)?;
        // Access that no connector uses stands under the one version there is.
        let mut versions: Vec<String> =
            self.catalog.connectors().filter(|p| p.name() == connection.connector).map(|p| p.version().to_string()).collect();
        if connection.is_access_only() {
            versions.push(connection.version.clone());
        }
        let shared = self.application_is_shared(connection).await?;
        let ending = match (shared, provider.revocation.ends) {
            (false, Ends::Grant | Ends::Token | Ends::Unknown) | (true, Ends::Token) => EndAt::Provider(Box::new(endpoints.clone())),
            (true, Ends::Grant | Ends::Unknown) => {
                EndAt::HereOnly("Another account here uses the same application, and ending this access there could end that one too.".to_string())
            }
        };
        // The vault erases and counts every sealed access; what the versions pointed to is then forgotten.
        let revocation = self.vault.disconnect(&connection.id, &provider, ending).await?;
        for version in versions {
            self.forget_access(connection, &version).await?;
        }
        let application = match shared || connection.client_id.is_empty() {
            true => false,
            false => self.vault.forget_app(&provider, endpoints.environment, &connection.client_id).await?,
        };
        self.journal(
            Some(&company.id),
            "access.disconnected",
            json!({
                "connection": connection.id, "provider": connection.provider, "erased": revocation.erased,
                "ended_at_provider": revocation.ended_at_provider, "remains": if revocation.ended_at_provider { "" } else { &revocation.page_says },
                "application_secret_erased": application,
            }),
        )
        .await?;
        Ok(revocation)
    }

    /// Whether another account uses the application of this one, or was set up with it and is about to.
    async fn application_is_shared(&self, connection: &Connection) -> Result<bool, Problem> {
        let application = |one: &Connection| (one.provider.clone(), one.environment.clone(), one.client_id.clone());
        for company in self.companies().await? {
            for other in self.accounts(&company).await? {
                if other.id == connection.id || application(&other) != application(connection) {
                    continue;
                }
                let access = self.vault.describe(&other.id).await?;
                if access.is_empty() || access.iter().any(|one| one.state != CredentialState::Retired) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Gives up the access of one version, and says what remains to be done at the provider. The other version's access goes on living,
    /// so nothing is ended there that could take it along.
    pub async fn retire_access(&self, connection: &Connection, version: &str) -> Result<String, Problem> {
        let (provider, endpoints) = self.endpoints(connection)?;
        let Some(generation) = self.access_generation(connection, version).await? else {
            return Ok("There was no access of its own.".to_string());
        };
        let ending = match provider.revocation.ends {
            Ends::Token => EndAt::Provider(Box::new(endpoints)),
            Ends::Grant | Ends::Unknown => EndAt::HereOnly(stays_there(&provider)),
        };
        let revocation = self.vault.retire(&connection.id, generation, &provider, ending).await?;
        self.forget_access(connection, version).await?;
        Ok(match (revocation.ended_at_provider, provider.revocation.ends) {
            // The person is not sent to a page where they could only end both.
            (false, Ends::Grant | Ends::Unknown) => format!("It was erased here. {}", stays_there(&provider)),
            (true, _) | (false, Ends::Token) => revocation.says(),
        })
    }

    async fn forget_access(&self, connection: &Connection, version: &str) -> Result<(), Problem> {
        store::set_setting(&self.pool, &Self::access_name(connection, version), "").await
    }
}

fn stays_there(provider: &Provider) -> String {
    format!("{} was not asked to end it, because that could end the access in use as well.", provider.title)
}
