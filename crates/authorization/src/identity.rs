//! Which company does this access belong to, and what may it do? Asked of the provider, never believed from a
//! redirect.
//!
//! Three sources must agree on the company: the token answer, the token status and the identity probe. The
//! probe is a GET; nothing here writes at the provider. How the answers are laid out is in the provider's file.

use crate::endpoints::{Endpoints, same_origin};
use crate::exchange::{Failure, TokenAnswer, not_sent_or_lost, read_body, wait};
use crate::grant::Tenant;
use crate::problems::unusable;
use crate::provider::Provider;
use ledger::Problem;
use secrecy::ExposeSecret;
use serde_json::Value;

pub(crate) struct Known {
    pub tenant: Tenant,
    pub permissions: Vec<String>,
}

pub(crate) async fn ask(
    provider: &Provider,
    endpoints: &Endpoints,
    client_id: &str,
    answer: &TokenAnswer,
    asked: &[String],
) -> Result<Known, Problem> {
    let fail = |failure: Failure| failure.problem(provider);
    let http = endpoints.client()?;
    let bearer = answer.tokens.access.expose_secret();
    let mut ids: Vec<String> = answer.tenant_id.iter().cloned().collect();

    // Absent scopes in the answer mean "as asked" (RFC 6749 §5.1), unless the status tells better.
    let mut permissions = answer.scopes.clone().unwrap_or_else(|| asked.to_vec());
    if let (Some(status), Some(address)) = (&provider.status, &endpoints.status) {
        let told = fetch(http.post(address.clone()).bearer_auth(bearer)).await.map_err(fail)?;
        let Told::Json(told) = told else {
            return Err(unusable(
                &provider.title,
                "It refused to tell what the access that it had just given may do.",
            ));
        };
        let scopes = told.pointer(&status.scopes).and_then(Value::as_array);
        let Some(scopes) = scopes else {
            return Err(unusable(&provider.title, "It did not tell which permissions it gave."));
        };
        permissions = scopes.iter().filter_map(Value::as_str).map(str::to_string).collect();
        if told
            .pointer(&status.client)
            .and_then(Value::as_str)
            .is_some_and(|told| told != client_id)
        {
            return Err(unusable(&provider.title, "The access that it gave belongs to another application."));
        }
        ids.extend(text(&told, &status.tenant));
    }

    let probe_url = endpoints
        .api_base
        .join(&provider.identity.path)
        .ok()
        .filter(|url| same_origin(url, &endpoints.api_base))
        .ok_or_else(|| unusable(&provider.title, "The address that tells which company it is cannot be formed."))?;
    let mut probe = http.get(probe_url).bearer_auth(bearer).header("accept", "application/json");
    for (name, value) in &provider.identity.headers {
        probe = probe.header(name.as_str(), value.as_str());
    }
    let name = match fetch(probe).await.map_err(fail)? {
        Told::Json(told) => {
            ids.extend(text(&told, &provider.identity.id));
            text(&told, &provider.identity.name).unwrap_or_default()
        }
        // Without the permission the name stays unknown; the id is known from the other two sources.
        Told::Refused if provider.identity.permission.as_ref().is_some_and(|needed| !permissions.contains(needed)) => String::new(),
        Told::Refused => return Err(unusable(&provider.title, "It refused to tell which company the access belongs to.")),
    };
    let Some(id) = ids.first().cloned() else {
        return Err(unusable(&provider.title, "It did not tell which company the access belongs to."));
    };
    if ids.iter().any(|other| *other != id) {
        return Err(unusable(&provider.title, "It named different companies for the same access."));
    }
    Ok(Known {
        tenant: Tenant { id, name },
        permissions,
    })
}

fn text(told: &Value, pointer: &str) -> Option<String> {
    told.pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .map(str::to_string)
}

enum Told {
    Json(Value),
    /// 401 or 403.
    Refused,
}

async fn fetch(request: reqwest::RequestBuilder) -> Result<Told, Failure> {
    let answer = request.send().await.map_err(|error| not_sent_or_lost(&error))?;
    let status = answer.status().as_u16();
    let after_seconds = wait(answer.headers());
    match status {
        200..=299 => {
            let body = read_body(answer).await?;
            serde_json::from_slice(&body)
                .map(Told::Json)
                .map_err(|_| Failure::NotAnAnswer { status })
        }
        401 | 403 => Ok(Told::Refused),
        429 => Err(Failure::Busy { after_seconds }),
        500..=599 => Err(Failure::Lost { after_seconds }),
        _ => Err(Failure::OtherError),
    }
}
