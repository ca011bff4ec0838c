//! Ending access at its provider, where its file says that a request can.
//!
//! It is tried before the access is erased here, because the request needs the token; whatever comes of it, erasing follows. Nothing is kept
//! to be tried later: a secret that a person gave up must be gone, and the page on which they can end it themselves is always named.
//! It must never end more than was meant: where a provider ends a whole grant, it is not asked while anything else lives by that grant. A further
//! way of ending access is a further `RevocationKind`.

use crate::credential_rows::{CredentialState, Row};
use crate::endpoints::Endpoints;
use crate::exchange::wait;
use crate::provider::{ClientAuth, Provider, RevocationKind, TokenRequest};
use crate::vault::Vault;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use url::form_urlencoded::Serializer;

/// How long a person waits for a provider before the access is erased here all the same.
const PATIENCE: Duration = Duration::from_secs(12);
/// A busy provider is asked so often, as long as the patience lasts.
const TRIES: u32 = 3;

/// Whether the provider is to be asked.
#[derive(Debug, Clone)]
pub enum EndAt {
    /// Ask it, at these addresses.
    Provider(Box<Endpoints>),
    /// Only erase it here, for this reason.
    HereOnly(String),
}

/// What an answer means (RFC 7009, 2.2). An unknown token counts as ended, so 200 says nothing about whether there was one.
enum Answer {
    Ended,
    /// The token still lives; the provider asks to come back after so many seconds.
    Later(u64),
    Not(String),
}

impl Vault {
    /// Ends these at the provider. `Err` says why not all of them were, as a sentence without anything secret.
    pub(crate) async fn end_at_provider(&self, rows: &[Row], provider: &Provider, ending: &EndAt) -> Result<(), String> {
        if !provider.revocation.possible {
            return Err(provider.revocation.why.clone());
        }
        let endpoints = match ending {
            EndAt::Provider(endpoints) => endpoints,
            EndAt::HereOnly(why) => return Err(why.clone()),
        };
        let living: Vec<&Row> = rows.iter().filter(|row| row.state != CredentialState::Retired).collect();
        if living.is_empty() {
            return Err("There was no access left to end.".to_string());
        }
        let all = async {
            for row in living {
                self.end_one(row, provider, endpoints).await?;
            }
            Ok(())
        };
        let too_long = || Err(format!("{} did not answer in time.", provider.title));
        tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| too_long())
    }

    async fn end_one(&self, row: &Row, provider: &Provider, endpoints: &Endpoints) -> Result<(), String> {
        let unreadable = |_| "It could not be read any more, so it could not be named to the provider.".to_string();
        let open = self.opened(row, provider).await.map_err(unreadable)?;
        let secret = self.app_secret(provider, row.facts.environment, &row.facts.client_id).await.map_err(|_| "The secret of the application is not kept here.".to_string())?;
        let Some(endpoints) = &endpoints.in_region(row.facts.data_center.as_deref()) else {
            return Err("The region that it was given for is not among the provider's any more.".to_string());
        };
        let (token, hint) = match &open.tokens.refresh {
            Some(refresh) => (refresh, "refresh_token"),
            None => (&open.tokens.access, "access_token"),
        };
        let mut tries = 1;
        loop {
            match ask(provider, endpoints, &row.facts.client_id, secret.as_ref().map(|secret| &secret.0), (token, hint)).await {
                Answer::Ended => return Ok(()),
                Answer::Not(why) => return Err(why),
                Answer::Later(seconds) if tries == TRIES || seconds >= PATIENCE.as_secs() => return Err(format!("{} is busy and asks to come back later.", provider.title)),
                Answer::Later(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            }
            tries += 1;
        }
    }
}

async fn ask(provider: &Provider, endpoints: &Endpoints, client_id: &str, secret: Option<&SecretString>, (token, hint): (&SecretString, &str)) -> Answer {
    let title = &provider.title;
    let unreachable = || Answer::Not(format!("{title} could not be reached."));
    let (Some(address), Some(facts), Ok(client)) = (&endpoints.revoke, provider.token(), endpoints.client()) else { return unreachable() };
    let mut fields = vec![("token", token.expose_secret()), ("token_type_hint", hint)];
    let mut request = match provider.revocation.kind {
        RevocationKind::Rfc7009 => client.post(address.clone()),
        RevocationKind::Delete => client.delete(address.clone()),
        RevocationKind::NeedsSecret | RevocationKind::None => return unreachable(),
    };
    match (facts.client_auth, secret) {
        (ClientAuth::NoSecret, _) => fields.push(("client_id", client_id)),
        (ClientAuth::Basic, Some(secret)) => request = request.basic_auth(client_id, Some(secret.expose_secret())),
        (ClientAuth::Body, Some(secret)) => fields.extend([("client_id", client_id), ("client_secret", secret.expose_secret())]),
        (ClientAuth::Basic | ClientAuth::Body, None) => return Answer::Not("The secret of the application is not kept here.".to_string()),
    }
    let request = match facts.request {
        TokenRequest::Form => request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Serializer::new(String::new()).extend_pairs(fields).finish()),
        TokenRequest::Json => request.json(&fields.into_iter().collect::<std::collections::BTreeMap<_, _>>()),
    };
    let answer = match request.header("accept", "application/json").send().await {
        Ok(answer) => answer,
        Err(_) => return unreachable(),
    };
    match answer.status().as_u16() {
        200 | 202 | 204 => Answer::Ended,
        429 | 503 => Answer::Later(wait(answer.headers())),
        status => Answer::Not(format!("{title} answered with status {status}.")),
    }
}
