//! Adds the access header to requests. The only way in which access is used.
//!
//! It signs for the provider's own scheme, host and port, so a link in an answer cannot draw a token elsewhere.
//! Use it with a client that follows no redirects. It must never hand out a token, not even to its own crate's
//! callers.

use crate::credential_rows::{self as rows, CredentialState, Row};
use crate::endpoints::{Endpoints, same_origin};
use crate::problems::{E_CREDENTIAL_HOST, network, none, shown};
use crate::identity;
use crate::provider::{CompanyPlace, Provider};
use crate::refresh::{ended, is_due, is_over};
use crate::vault::{Open, Vault, Which};
use ledger::Problem;
use reqwest::{RequestBuilder, Response, StatusCode, header};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// "Last used" is written at most this often.
const USED_EVERY_SECONDS: i64 = 60;
/// No request was signed yet.
const NONE_YET: i64 = -1;

/// Signs for one access of one connection.
pub struct Signer {
    vault: Vault,
    connection: String,
    generation: u32,
    provider: Provider,
    endpoints: Endpoints,
    last_rotation: AtomicI64,
}

impl Signer {
    pub(crate) fn new(vault: Vault, connection: String, generation: u32, provider: Provider, endpoints: Endpoints) -> Signer {
        Signer {
            vault,
            connection,
            generation,
            provider,
            endpoints,
            last_rotation: AtomicI64::new(NONE_YET),
        }
    }

    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Where requests go: the provider's API, in the region that this access belongs to.
    pub fn api_base(&self) -> &url::Url {
        &self.endpoints.api_base
    }

    /// The company that this access belongs to.
    pub async fn tenant(&self) -> Result<crate::Tenant, Problem> {
        Ok(self.row().await?.facts.tenant)
    }

    /// Adds the header, renewing the access first when it is near its end. Errors: `E-SIGN-IN-EXPIRED` (a person must
    /// sign in), `E-SIGN-IN-NETWORK` (later), `E-KEYCHAIN-*`, `E-CREDENTIAL-*`.
    pub async fn apply(&self, request: RequestBuilder) -> Result<RequestBuilder, Problem> {
        let (request, rotation) = self.sign(request).await?;
        self.last_rotation.store(rotation, Ordering::Release);
        Ok(request)
    }

    /// Call when the provider answered 401 to a request that [`Signer::apply`] signed: renews once, or adopts what
    /// somebody else renewed meanwhile. Then sign and send again, once. [`Signer::send`] does all of this, also
    /// for many requests at a time.
    pub async fn on_unauthorized(&self) -> Result<(), Problem> {
        self.renew_after_refusal(self.last_rotation.load(Ordering::Acquire)).await
    }

    /// Signs and sends; on 401 renews and sends once more. The request must be repeatable (a GET or a small body).
    /// A second 401 right after a renewal ends the access: `E-SIGN-IN-EXPIRED`.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Problem> {
        let again = request.try_clone();
        let (signed, used) = self.sign(request).await?;
        let answer = self.transmit(signed).await?;
        let Some(again) = again.filter(|_| answer.status() == StatusCode::UNAUTHORIZED) else {
            return Ok(answer);
        };
        self.renew_after_refusal(used).await?;
        let (signed, used) = self.sign(again).await?;
        let answer = self.transmit(signed).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            let row = self.row().await?;
            if row.rotation == used {
                let reason = format!("{} refuses it although it was renewed a moment ago.", self.provider.title);
                rows::mark_needs_reauth(&self.vault.inner.pool, &row, &reason).await?;
                rows::mark_access_over(&self.vault.inner.pool, &row, (self.vault.inner.clock)()).await?;
                return Err(crate::problems::expired(&self.provider.title, reason));
            }
        }
        Ok(answer)
    }

    async fn transmit(&self, request: RequestBuilder) -> Result<Response, Problem> {
        request.send().await.map_err(|error| {
            if let Some(why) = crate::exchange::unproved(&error) {
                return crate::problems::unproved(&self.provider.title, why);
            }
            // The library's text would repeat the address; what matters is the kind.
            let why = match (error.is_connect(), error.is_timeout()) {
                (true, _) => "No connection could be made.",
                (false, true) => "It took too long to answer.",
                (false, false) => "The connection broke.",
            };
            network(&self.provider.title, why, 30)
        })
    }

    async fn row(&self) -> Result<Row, Problem> {
        self.vault.row(&self.connection, Which::Generation(self.generation)).await
    }

    async fn sign(&self, request: RequestBuilder) -> Result<(RequestBuilder, i64), Problem> {
        let (client, request) = request.build_split();
        let mut request = request.map_err(|_| network(&self.provider.title, "The request itself is malformed.", 30))?;
        if !same_origin(request.url(), &self.endpoints.api_base) {
            let asked = request.url().host_str().unwrap_or("an address without a host").to_string();
            return Err(Problem::new(
                E_CREDENTIAL_HOST,
                format!("Access to {} is not sent anywhere else.", self.provider.title),
                format!(
                    "The request goes to {}, not to {}.",
                    shown(&asked),
                    self.endpoints.api_base.host_str().unwrap_or_default()
                ),
                "This is a fault of a connector package or of Changeover; please report it.",
            ));
        }
        let open = self.ready().await?;
        request.headers_mut().remove(header::AUTHORIZATION);
        let mut signed = identity::signed(&self.provider, RequestBuilder::from_parts(client, request), &open.tokens.access);
        if let Some(CompanyPlace::Header(name)) = &self.provider.api.company {
            signed = signed.header(name.as_str(), self.row().await?.facts.tenant.id);
        }
        Ok((signed, open.rotation))
    }

    /// Usable tokens, renewed when due.
    async fn ready(&self) -> Result<Arc<Open>, Problem> {
        if self.vault.has_unsaved(&self.connection, self.generation) {
            // Held, so that nobody renews with the used-up token while the new one is between memory and disk.
            let _held = self.vault.hold(&self.connection, self.generation).await?;
            self.vault.write_unsaved(&self.connection, self.generation, &self.provider).await?;
        }
        let mut row = self.row().await?;
        if row.state == CredentialState::Retired {
            return Err(none(
                &self.connection,
                format!("Sign-in number {} of it was retired.", self.generation),
            ));
        }
        let now = (self.vault.inner.clock)();
        if is_due(&row, &self.provider, now) {
            match self.vault.renew(&row, &self.provider, &self.endpoints).await {
                Ok(()) => {}
                // Renewing ahead of time may fail; the access itself still works, and the next call tries again.
                Err(problem) if is_over(&row, now) || problem.code == crate::problems::E_CREDENTIAL_NOT_SAVED => return Err(problem),
                Err(_) => {}
            }
            row = self.row().await?;
        }
        if is_over(&row, now) {
            return Err(match row.state {
                CredentialState::NeedsReauth => ended(&row, &self.provider),
                CredentialState::Retired => none(&self.connection, "It was retired."),
                CredentialState::Active | CredentialState::Superseded => network(
                    &self.provider.title,
                    "The access ran out, and renewing it has not worked yet; it is tried again shortly.",
                    30,
                ),
            });
        }
        let open = self.vault.opened(&row, &self.provider).await?;
        if row
            .last_used
            .is_none_or(|used| now.duration_since(used).as_secs().abs() >= USED_EVERY_SECONDS)
        {
            // A convenience for people; failing to note it must not stop anything.
            let _ = rows::mark_used(&self.vault.inner.pool, &row, now).await;
        }
        Ok(open)
    }

    async fn renew_after_refusal(&self, used: i64) -> Result<(), Problem> {
        let row = self.row().await?;
        if row.rotation != used {
            return Ok(());
        }
        match row.state {
            CredentialState::Active | CredentialState::Superseded => {}
            CredentialState::Retired => return Err(none(&self.connection, "It was retired.")),
            CredentialState::NeedsReauth => {
                rows::mark_access_over(&self.vault.inner.pool, &row, (self.vault.inner.clock)()).await?;
                return Err(ended(&row, &self.provider));
            }
        }
        self.vault.renew(&row, &self.provider, &self.endpoints).await
    }
}
