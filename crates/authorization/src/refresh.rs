//! Renewing access: at most one renewal of a credential at a time, in this program and in all others.
//!
//! The order is: task lock, file lock, re-read, write-ahead mark, request, one statement that replaces the
//! tokens if the rotation is still the one that was read. Whoever finds a newer rotation adopts it. A refusal
//! is confirmed by a re-read before it means "sign in again"; a refused renewal is never tried again. A renewal
//! runs as a task of its own: a caller that goes away must not lose an answer that used up the old token.
//!
//! After a crash, a standing mark says that a renewal's answer may be lost. The old token is then tried once
//! more: it works if the request never left or the provider gives grace; otherwise the truth is "sign in again".

use crate::credential_rows::{self as rows, CredentialState, Renewed, Row};
use crate::endpoints::Endpoints;
use crate::exchange::{self, App, Failure};
use crate::grant::Tokens;
use crate::lock::{self, Held};
use crate::problems::{E_CREDENTIAL_NOT_SAVED, expired, network, none};
use crate::provider::{Credential, Provider, Rotation};
use crate::seal;
use crate::vault::{Open, Vault, guard, no_randomness};
use jiff::{SignedDuration, Timestamp};
use ledger::{Problem, Retry, Touched};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A pause asked for by a provider that lies further ahead than this comes from a clock that was set back.
const PAUSE_MAX: SignedDuration = SignedDuration::from_hours(25);
/// Access of an application is asked for anew this long before it ends: longer than a request takes.
const ASK_BEFORE_END: SignedDuration = SignedDuration::from_secs(120);
/// Attempts to write renewed tokens before they are kept in memory only.
const WRITES_MAX: u32 = 3;

/// What holds a credential for the time of a change: first in this program, then among programs.
pub(crate) struct Holding {
    _task: tokio::sync::OwnedMutexGuard<()>,
    _file: Held,
}

/// Whether the access should be renewed now.
pub(crate) fn is_due(row: &Row, provider: &Provider, now: Timestamp) -> bool {
    let renewable = match row.state {
        CredentialState::Active | CredentialState::Superseded => true,
        CredentialState::NeedsReauth | CredentialState::Retired => false,
    };
    let Some(refresh) = provider.refresh() else {
        return match &provider.credential {
            // Asked for anew with the application's secret; nothing is used up by it.
            Credential::ClientCredentials { .. } => renewable && !is_paused(row, now) && ends_within(row, now, ASK_BEFORE_END),
            Credential::ApiKey(_) | Credential::OauthPkce(_) | Credential::OauthOwnApp(_) => false,
        };
    };
    let old = refresh
        .renew_at_least_every
        .is_some_and(|every| now.duration_since(row.obtained) >= every.duration());
    // Before the end, so that a request under way does not meet it.
    renewable && !is_paused(row, now) && (old || ends_within(row, now, refresh.renew_before_end.duration()))
}

/// Whether the access can no longer be used.
pub(crate) fn is_over(row: &Row, now: Timestamp) -> bool {
    ends_within(row, now, SignedDuration::ZERO)
}

fn ends_within(row: &Row, now: Timestamp, margin: SignedDuration) -> bool {
    row.facts.access_expires.is_some_and(|end| end.duration_since(now) <= margin)
}

fn is_paused(row: &Row, now: Timestamp) -> bool {
    pause_left(row, now).is_some()
}

fn pause_left(row: &Row, now: Timestamp) -> Option<u64> {
    let left = row.retry_after?.duration_since(now);
    (left.is_positive() && left < PAUSE_MAX).then(|| u64::try_from(left.as_secs()).unwrap_or(1).max(1))
}

impl Vault {
    pub(crate) async fn hold(&self, connection: &str, generation: u32) -> Result<Holding, Problem> {
        let flight = guard(&self.inner.flights)
            .entry((connection.to_string(), generation))
            .or_default()
            .clone();
        let task = flight.lock_owned().await;
        // Hashed, because a connection's name may not be fit for a file name.
        let name = hex::encode(Sha256::digest(connection.as_bytes()));
        let file = lock::hold(&self.inner.locks, &format!("{}-{generation}.lock", &name[..32])).await?;
        Ok(Holding { _task: task, _file: file })
    }

    /// A computer that wakes up finds everything due at once; a provider is asked by a few at a time.
    async fn lane(&self, provider: &Provider) -> Option<OwnedSemaphorePermit> {
        let lanes = guard(&self.inner.lanes)
            .entry(provider.name.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(usize::try_from(provider.limits.parallel).unwrap_or(1).max(1))))
            .clone();
        // Never closed; without a lane the renewal goes on all the same.
        lanes.acquire_owned().await.ok()
    }

    /// Renews unless somebody already got past `seen` (the rotation that the caller found wanting).
    pub(crate) async fn renew(&self, row: &Row, provider: &Provider, endpoints: &Endpoints) -> Result<(), Problem> {
        let (vault, provider, endpoints) = (self.clone(), provider.clone(), endpoints.clone());
        let (connection, generation, seen) = (row.connection_id.clone(), row.generation, row.rotation);
        let title = provider.title.clone();
        let task = tokio::spawn(async move { vault.renew_held(&connection, generation, seen, &provider, &endpoints).await });
        task.await
            .unwrap_or_else(|_| Err(network(&title, "The renewal was interrupted because the program is ending.", 5)))
    }

    async fn renew_held(
        &self,
        connection: &str,
        generation: u32,
        seen: i64,
        provider: &Provider,
        endpoints: &Endpoints,
    ) -> Result<(), Problem> {
        let _held = self.hold(connection, generation).await?;
        let _lane = self.lane(provider).await;
        self.write_unsaved(connection, generation, provider).await?;
        let row = rows::load(&self.inner.pool, connection, generation).await?;
        if row.rotation > seen {
            return Ok(());
        }
        match row.state {
            CredentialState::Active | CredentialState::Superseded => {}
            CredentialState::NeedsReauth => return Err(ended(&row, provider)),
            CredentialState::Retired => return Err(none(connection, "It was retired.")),
        }
        let now = (self.inner.clock)();
        if let Some(left) = pause_left(&row, now) {
            return Err(network(
                &provider.title,
                format!("It asked, or failed, a moment ago; the next attempt is in {left} seconds."),
                left,
            ));
        }
        let open = self.opened(&row, provider).await?;
        let secret = self.app_secret(provider, row.facts.environment, &row.facts.client_id).await?;
        let app = App { id: &row.facts.client_id, secret: secret.as_ref().map(|secret| &secret.0) };
        let answer_was_lost = row.refresh_started.is_some();
        let asked = match (&provider.credential, &open.tokens.refresh) {
            (Credential::ApiKey(key), _) => {
                rows::mark_access_over(&self.inner.pool, &row, now).await?;
                let why = format!("{} does not take this {} any more: it was removed or replaced there, or ran out.", provider.title, key.called);
                return self.end(&row, provider, &why).await;
            }
            (Credential::ClientCredentials { .. }, _) => exchange::client_credentials(provider, endpoints, app, now).await,
            (Credential::OauthPkce(_) | Credential::OauthOwnApp(_), Some(refresh)) => {
                rows::mark_started(&self.inner.pool, &row, Some(now)).await?;
                exchange::renew(provider, endpoints, app, refresh, now).await
            }
            (Credential::OauthPkce(_) | Credential::OauthOwnApp(_), None) => {
                return self.end(&row, provider, "It was given without the means to renew it.").await;
            }
        };
        match asked {
            Ok(answer) if answer.tenant_id.as_ref().is_some_and(|id| *id != row.facts.tenant.id) => {
                self.end(&row, provider, "The renewed access was for another company, so it was thrown away.")
                    .await
            }
            Ok(answer) => {
                let tokens = Tokens {
                    access: answer.tokens.access,
                    // A provider that returns none keeps the old one good (RFC 6749 §6).
                    refresh: answer.tokens.refresh.or_else(|| open.tokens.refresh.as_ref().map(|kept| SecretString::from(kept.expose_secret()))),
                };
                self.keep(&row, tokens, answer.access_expires, answer.refresh_expires, now, provider)
                    .await
            }
            Err(Failure::Refused) => self.refused(&row, provider, answer_was_lost).await,
            Err(failure) => self.failed(&row, provider, failure, answer_was_lost, now).await,
        }
    }

    async fn keep(
        &self,
        row: &Row,
        tokens: Tokens,
        access_expires: Option<Timestamp>,
        refresh_expires: Option<Timestamp>,
        now: Timestamp,
        provider: &Provider,
    ) -> Result<(), Problem> {
        let rotation = row.rotation + 1;
        let sealing = self.sealing().await?;
        let place = rows::bound_to(&row.connection_id, row.generation, &row.facts, &row.key_id, rotation);
        let sealed = seal::seal_tokens(&sealing.key, &tokens, &place).map_err(no_randomness)?;
        let renewed = Renewed {
            rotation,
            sealed,
            access_expires,
            refresh_expires,
            obtained: now,
        };
        guard(&self.inner.unsaved).insert((row.connection_id.clone(), row.generation), renewed);
        self.remember((row.connection_id.clone(), row.generation), Arc::new(Open { rotation, tokens }));
        self.write_unsaved(&row.connection_id, row.generation, provider).await
    }

    pub(crate) fn has_unsaved(&self, connection: &str, generation: u32) -> bool {
        guard(&self.inner.unsaved).contains_key(&(connection.to_string(), generation))
    }

    /// Writes tokens that wait in memory; the caller holds the credential. Until it succeeds, nothing is renewed and nothing is signed: a person
    /// must know, because closing the program now would lose them.
    pub(crate) async fn write_unsaved(&self, connection: &str, generation: u32, provider: &Provider) -> Result<(), Problem> {
        let at = (connection.to_string(), generation);
        let Some(renewed) = guard(&self.inner.unsaved).remove(&at) else {
            return Ok(());
        };
        let mut last = None;
        for attempt in 0..WRITES_MAX {
            match rows::replace_tokens(&self.inner.pool, (connection, generation), &renewed).await {
                // `false`: retired or renewed by somebody else meanwhile; the row is the truth.
                Ok(_) => return Ok(()),
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(std::time::Duration::from_millis(50 << attempt)).await;
        }
        guard(&self.inner.unsaved).insert(at, renewed);
        let why = last.map_or_else(String::new, |error| format!("The database reported: {}.", crate::problems::reported(&error)));
        Err(Problem::new(
            E_CREDENTIAL_NOT_SAVED,
            format!("The renewed access to {} could not be saved.", provider.title),
            why,
            "Leave Changeover open, make room on the disk or make the home folder writable, and try again. Closing it now would mean signing in again.",
        )
        .touching(Touched::Nothing)
        .retrying(Retry::Later { after_seconds: 10 }))
    }

    /// A refusal, confirmed by reading again.
    async fn refused(&self, row: &Row, provider: &Provider, answer_was_lost: bool) -> Result<(), Problem> {
        let again = rows::load(&self.inner.pool, &row.connection_id, row.generation).await?;
        if again.rotation > row.rotation {
            return Ok(());
        }
        let used_up_at_once = provider
            .refresh()
            .is_some_and(|refresh| refresh.rotation == Rotation::Always && refresh.grace.is_none());
        let ran_out = row.facts.refresh_expires.filter(|end| *end <= (self.inner.clock)());
        let reason = match (answer_was_lost, used_up_at_once) {
            (false, true | false) if ran_out.is_some() => format!(
                "It ran out{}: {} renews access only for a certain time, and Changeover was not running to do it earlier.",
                ran_out.map_or_else(String::new, |end| format!(" on {}", end.strftime("%Y-%m-%d"))),
                provider.title
            ),
            (true, true) => format!(
                "The answer to an earlier renewal was lost on the way, and {} accepts each renewal only once.",
                provider.title
            ),
            (true, false) | (false, _) => {
                format!(
                    "{} refused to renew it: it ran out, was used elsewhere, or was ended in {}'s own settings.",
                    provider.title, provider.title
                )
            }
        };
        self.end(row, provider, &reason).await
    }

    async fn end(&self, row: &Row, provider: &Provider, reason: &str) -> Result<(), Problem> {
        rows::mark_needs_reauth(&self.inner.pool, row, reason).await?;
        Err(expired(&provider.title, reason))
    }

    /// Anything else says nothing about the access itself.
    async fn failed(
        &self,
        row: &Row,
        provider: &Provider,
        failure: Failure,
        mark_stood_before: bool,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let problem = failure.problem(provider);
        let (acted, pause) = match failure {
            // Certainly nothing happened there: the mark goes, unless it stood there before.
            Failure::NotSent => (false, 5),
            Failure::Unproved(_) => (false, 60),
            Failure::Busy { after_seconds } => (false, after_seconds),
            Failure::AppRefused | Failure::OtherError => (false, 60),
            Failure::Lost { after_seconds } => (true, after_seconds),
            Failure::NotAnAnswer { status: _ } => (true, 30),
            Failure::Unusable(_) => (true, 300),
            Failure::Refused => return self.refused(row, provider, mark_stood_before).await,
        };
        if !acted && !mark_stood_before {
            rows::mark_started(&self.inner.pool, row, None).await?;
        }
        let until = now
            .checked_add(SignedDuration::from_secs(i64::try_from(pause).unwrap_or(60)))
            .unwrap_or(now);
        rows::mark_retry_after(&self.inner.pool, row, until).await?;
        Err(problem)
    }
}

/// The problem of an access that only a person can renew.
pub(crate) fn ended(row: &Row, provider: &Provider) -> Problem {
    expired(
        &provider.title,
        row.reason.clone().unwrap_or_else(|| "It can only be renewed by signing in.".into()),
    )
}
