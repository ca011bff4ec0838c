//! The secret of a developer application that the person registered: entered once, sealed, used for token requests.
//!
//! It is kept per provider, environment and application, so that renewing one connection and signing in for another use
//! the same one, and replacing it is done once. Nothing here returns it as text; [`AppSecret`] has no Debug and no Serialize.

use crate::credential_rows::{self as rows, AppRow};
use crate::endpoints::Environment;
use crate::grant::GrantFacts;
use crate::problems::{E_CREDENTIAL_UNREADABLE, E_SIGN_IN_APP, expired};
use crate::provider::{ClientAuth, Provider};
use crate::seal;
use crate::vault::{Vault, no_randomness};
use ledger::Problem;
use secrecy::{ExposeSecret, SecretString};

/// The longest secret that is taken; real ones are below a hundred characters.
const SECRET_MAX: usize = 4096;

/// An application's secret on its way to a token request.
pub struct AppSecret(pub(crate) SecretString);

impl AppSecret {
    /// Takes what a person entered or pasted, without the blanks around it. `E-SIGN-IN-APP` for what cannot be one.
    pub fn entered(provider: &Provider, text: &SecretString) -> Result<AppSecret, Problem> {
        let trimmed = text.expose_secret().trim();
        let why = match () {
            () if trimmed.is_empty() => "It is empty.",
            () if trimmed.len() > SECRET_MAX => "It is far too long.",
            () if !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) => "It contains blanks or signs that no secret has; perhaps more than the secret was copied.",
            () => return Ok(AppSecret(SecretString::from(trimmed))),
        };
        Err(Problem::new(
            E_SIGN_IN_APP,
            format!("This cannot be the secret of an application at {}.", provider.title),
            why,
            "Copy the secret alone from the page of your application, and enter it again.",
        ))
    }
}

/// Whether token requests to this provider prove the application with a secret.
pub(crate) fn is_needed(provider: &Provider) -> bool {
    provider.token().is_some_and(|token| match token.client_auth {
        ClientAuth::NoSecret => false,
        ClientAuth::Basic | ClientAuth::Body => true,
    })
}

fn place(provider: &str, environment: Environment, client_id: &str, key_id: &str) -> Vec<u8> {
    seal::bound(&["app", provider, environment.name(), client_id, key_id])
}

impl Vault {
    /// Keeps the secret of an application, in place of an earlier one of the same application. Errors: `E-KEYCHAIN-*`, `E-CREDENTIAL-STORE`.
    pub async fn keep_app(&self, provider: &Provider, environment: Environment, client_id: &str, secret: &AppSecret) -> Result<(), Problem> {
        self.keep_secret(&provider.name, environment, client_id, secret).await
    }

    async fn keep_secret(&self, provider: &str, environment: Environment, client_id: &str, secret: &AppSecret) -> Result<(), Problem> {
        let sealing = self.sealing().await?;
        let bound = place(provider, environment, client_id, &sealing.id);
        let sealed = sealing.key.seal(secret.0.expose_secret().as_bytes(), &bound).map_err(no_randomness)?;
        let row = AppRow { key_id: sealing.id.clone(), sealed };
        rows::put_app(&self.inner.pool, (provider, environment, client_id), &row, (self.inner.clock)()).await
    }

    pub(crate) async fn keep_app_of(&self, facts: &GrantFacts, secret: &AppSecret) -> Result<(), Problem> {
        self.keep_secret(&facts.provider, facts.environment, &facts.client_id, secret).await
    }

    /// Whether a secret of this application is kept here. Needs no keychain.
    pub async fn has_app(&self, provider: &Provider, environment: Environment, client_id: &str) -> Result<bool, Problem> {
        Ok(rows::app(&self.inner.pool, (&provider.name, environment, client_id)).await?.is_some())
    }

    /// Erases the secret of an application here. Returns whether there was one.
    pub async fn forget_app(&self, provider: &Provider, environment: Environment, client_id: &str) -> Result<bool, Problem> {
        rows::drop_app(&self.inner.pool, (&provider.name, environment, client_id)).await
    }

    /// The secret for token requests; `None` for a provider that asks for none. Errors: `E-SIGN-IN-APP` when one is needed
    /// and none is kept, `E-SIGN-IN-EXPIRED` when the key that sealed it is gone, `E-KEYCHAIN-*`.
    pub async fn app_secret(&self, provider: &Provider, environment: Environment, client_id: &str) -> Result<Option<AppSecret>, Problem> {
        if !is_needed(provider) {
            return Ok(None);
        }
        let Some(row) = rows::app(&self.inner.pool, (&provider.name, environment, client_id)).await? else {
            return Err(Problem::new(
                E_SIGN_IN_APP,
                format!("The secret of your application at {} is not kept here.", provider.title),
                format!("{} gives access only to an application that proves itself with its secret.", provider.title),
                "Enter the application's id and secret once; they are sealed with the key in this computer's keychain.",
            ));
        };
        let Some(sealing) = self.sealing_of(&row.key_id).await? else {
            return Err(expired(&provider.title, "The key that sealed your application's secret is gone; enter the secret again."));
        };
        let bound = place(&provider.name, environment, client_id, &row.key_id);
        let damaged = || {
            Problem::new(
                E_CREDENTIAL_UNREADABLE,
                format!("The stored secret of your application at {} was changed or damaged.", provider.title),
                "It does not open with its own key in its own place.",
                "Enter the application's id and secret again.",
            )
        };
        let plain = sealing.key.open(&row.sealed, &bound).map_err(|seal::DoesNotOpen| damaged())?;
        let text = std::str::from_utf8(&plain).map_err(|_| damaged())?;
        Ok(Some(AppSecret(SecretString::from(text))))
    }
}
