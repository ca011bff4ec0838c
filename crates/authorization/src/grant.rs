//! What a finished sign-in gave: secrets that nobody can read, and the facts that everybody may.
//!
//! [`Grant`] deliberately has no Debug, no Serialize and no Clone. It must never gain a function that returns
//! a token; [`crate::Vault::save`] is the only way on.

use crate::endpoints::Environment;
use crate::problems::{E_PERMISSION_MISSING, shown};
use crate::app::AppSecret;
use crate::provider::{CredentialKind, Provider};
use jiff::Timestamp;
use ledger::Problem;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The company at the provider that access belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The provider's own unchanging id: what companies are compared by.
    pub id: String,
    /// As the provider spells it; may be empty when it could not be read. Show it as text, never as markup.
    pub name: String,
}

impl Tenant {
    /// `"Harbour Street Bakery" (MLX12)`, fit for a sentence.
    pub fn shown(&self) -> String {
        match self.name.trim().is_empty() {
            true => format!("a company whose name could not be read ({})", shown(&self.id)),
            false => format!("\"{}\" ({})", shown(&self.name), shown(&self.id)),
        }
    }
}

/// The public half of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrantFacts {
    pub provider: String,
    pub environment: Environment,
    pub client_id: String,
    pub tenant: Tenant,
    /// The region that the company lives in, by its name in the provider's file; `None` where a provider has no regions.
    pub data_center: Option<String>,
    /// What the provider says it granted.
    pub permissions: Vec<String>,
    /// What was asked for and not granted; not empty means "limited".
    pub missing: Vec<String>,
    pub access_expires: Option<Timestamp>,
    pub refresh_expires: Option<Timestamp>,
    pub granted_at: Timestamp,
}

impl GrantFacts {
    pub fn is_limited(&self) -> bool {
        !self.missing.is_empty()
    }
}

pub(crate) struct Tokens {
    pub access: SecretString,
    pub refresh: Option<SecretString>,
}

/// A finished sign-in that is not stored yet. Dropping it forgets it.
pub struct Grant {
    pub(crate) tokens: Tokens,
    pub(crate) facts: GrantFacts,
    pub(crate) kind: CredentialKind,
    /// The secret of the application that it was got with, to be kept with it.
    pub(crate) app: Option<AppSecret>,
}

impl Grant {
    pub fn facts(&self) -> &GrantFacts {
        &self.facts
    }
}

/// All `needed` are in `granted`, or `E-PERMISSION-MISSING` with each missing one in plain words.
pub fn require_permissions(provider: &Provider, granted: &[String], needed: &[String]) -> Result<(), Problem> {
    let missing: Vec<String> = needed
        .iter()
        .filter(|name| !provider.is_granted(granted, name))
        .map(|name| provider.explain(name))
        .collect();
    let Some(first) = missing.first().cloned() else { return Ok(()) };
    let count = missing.len();
    let mut problem = Problem::new(
        E_PERMISSION_MISSING,
        format!(
            "{} did not give {count} of the {} permissions that are needed.",
            provider.title,
            needed.len()
        ),
        first,
        format!(
            "Choose \"Reconnect {}\", and leave all permissions switched on where {} lists them.",
            provider.title, provider.title
        ),
    );
    problem.why = missing;
    Err(problem)
}
