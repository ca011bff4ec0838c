//! The token endpoint: a code for tokens, and a refresh token for new ones.
//!
//! The request is built and the answer read by the `oauth2` library; the HTTP between them is ours, because
//! some providers want JSON, and because an answer must be sorted before it means anything: a page of HTML, a
//! busy server or a redirect is not a refusal. No raw answer leaves this file (the library's `Parse` error
//! holds one, and is dropped here). Requests are never repeated here: a code is used once, and a refresh token
//! may be.

use crate::endpoints::Endpoints;
use crate::grant::Tokens;
use crate::problems::{E_SIGN_IN_APP, network, unusable};
use crate::provider::{ClientAuth, ExpiresField, Expiry, Pkce, Provider, ScopeList, TokenFacts, TokenRequest};
use jiff::{SignedDuration, Timestamp};
use ledger::Problem;
use oauth2::basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, ErrorResponse, ExtraTokenFields,
    HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::pin::Pin;
use url::Url;

/// The largest answer that is read.
pub(crate) const ANSWER_MAX: usize = 64 * 1024;
/// A provider's wish to wait is honoured up to a day.
const WAIT_MAX_SECONDS: u64 = 86_400;
const WAIT_DEFAULT_SECONDS: u64 = 30;

/// What came back, with instants made absolute.
pub(crate) struct TokenAnswer {
    pub tokens: Tokens,
    pub access_expires: Option<Timestamp>,
    pub refresh_expires: Option<Timestamp>,
    pub tenant_id: Option<String>,
    pub scopes: Option<Vec<String>>,
}

/// Why there is no answer, sorted by what it means for the token that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The request never left.
    NotSent,
    /// What answered could not prove that it is the provider, so nothing was sent. Says why, as the end of a sentence.
    Unproved(&'static str),
    /// The request left and nothing usable came back: the provider may have acted on it.
    Lost { after_seconds: u64 },
    /// The provider asks to come back later and did nothing.
    Busy { after_seconds: u64 },
    /// Something answered that is not the provider's token endpoint (a log-in page of a network, a redirect).
    NotAnAnswer { status: u16 },
    /// The code or refresh token is no longer good.
    Refused,
    /// The provider does not know the application.
    AppRefused,
    /// An error that the provider's file does not list.
    OtherError,
    /// Success without the fields that are needed. Says which, never what was there.
    Unusable(&'static str),
}

impl Failure {
    pub fn problem(&self, provider: &Provider) -> Problem {
        let title = &provider.title;
        match self {
            Failure::NotSent => network(title, "No connection could be made.", WAIT_DEFAULT_SECONDS),
            Failure::Unproved(why) => crate::problems::unproved(title, why),
            Failure::Lost { after_seconds } => network(
                title,
                "The connection broke, or the answer was a fault on their side.",
                *after_seconds,
            ),
            Failure::Busy { after_seconds } => network(
                title,
                format!("{title} is busy and asks to come back in {after_seconds} seconds."),
                *after_seconds,
            ),
            Failure::NotAnAnswer { status } => network(
                title,
                format!("Something between here and {title} answered with a page instead (status {status})."),
                WAIT_DEFAULT_SECONDS,
            ),
            Failure::Refused => unusable(
                title,
                "It did not accept the code that it had just given; such a code works once and for a few minutes.",
            ),
            Failure::AppRefused => Problem::new(
                E_SIGN_IN_APP,
                format!("{title} does not know this application."),
                "It refused the application id, not your sign-in.",
                "Check the application id, and that production and sandbox were not mixed up.",
            ),
            Failure::OtherError => unusable(title, "It reported an error that Changeover does not know."),
            Failure::Unusable(why) => unusable(title, format!("Its answer is incomplete: {why}.")),
        }
    }
}

type Client<Page, Token> = oauth2::Client<
    Refusal,
    Answered,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    Page,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    Token,
>;
/// Builds the page to open.
type Door = Client<EndpointSet, EndpointNotSet>;
/// Makes token requests.
type Desk = Client<EndpointNotSet, EndpointSet>;
type Answered = StandardTokenResponse<Fields, BasicTokenType>;

/// Fields beyond the standard's, of all providers.
#[derive(Deserialize, Serialize)]
struct Fields {
    // As anything at all: a fault in one of these must not cost the answer.
    expires_at: Option<Value>,
    refresh_token_expires_at: Option<Value>,
    refresh_token_expires_in: Option<Value>,
    x_refresh_token_expires_in: Option<Value>,
    merchant_id: Option<String>,
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields")
    }
}

impl ExtraTokenFields for Fields {}

/// An error body: RFC 6749's, or Square's two forms. Descriptions are not even read.
#[derive(Debug, Deserialize, Serialize)]
struct Refusal {
    error: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    errors: Vec<RefusalDetail>,
}

#[derive(Debug, Deserialize, Serialize)]
struct RefusalDetail {
    code: Option<String>,
}

impl Refusal {
    fn is_among(&self, codes: &[String]) -> bool {
        let details = self.errors.iter().filter_map(|e| e.code.as_ref());
        self.error.iter().chain(&self.kind).chain(details).any(|code| codes.contains(code))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token endpoint refused")
    }
}

impl ErrorResponse for Refusal {}

/// Our transport's failures on their way through the library. `Refused` carries the status for later.
#[derive(Debug, Clone)]
struct Transport(Failure);

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token endpoint gave no usable answer")
    }
}

impl std::error::Error for Transport {}

/// The application that asks.
#[derive(Clone, Copy)]
pub(crate) struct App<'a> {
    pub id: &'a str,
    pub secret: Option<&'a SecretString>,
}

/// `None` for an environment without a page; [`crate::authorize`] refuses those before anything is sent.
fn door(endpoints: &Endpoints, client_id: &str) -> Option<Door> {
    let client = oauth2::Client::new(ClientId::new(client_id.to_string()));
    Some(client.set_auth_uri(AuthUrl::from_url(endpoints.authorize.clone()?)))
}

/// The application proves itself as the provider's file says. `NotSent` without a token address, or without a secret where one is asked for.
fn desk(endpoints: &Endpoints, app: App<'_>, auth: ClientAuth) -> Result<Desk, Failure> {
    let address = endpoints.token.clone().ok_or(Failure::NotSent)?;
    let client = oauth2::Client::new(ClientId::new(app.id.to_string())).set_token_uri(TokenUrl::from_url(address));
    let secret = || app.secret.map(|secret| ClientSecret::new(secret.expose_secret().to_string())).ok_or(Failure::AppRefused);
    Ok(match auth {
        ClientAuth::NoSecret => client,
        ClientAuth::Basic => client.set_client_secret(secret()?).set_auth_type(AuthType::BasicAuth),
        ClientAuth::Body => client.set_client_secret(secret()?).set_auth_type(AuthType::RequestBody),
    })
}

/// The page to open, and what has to be remembered until the answer comes.
pub(crate) struct Started {
    pub page: Url,
    pub state: CsrfToken,
    pub verifier: Option<PkceCodeVerifier>,
    pub redirect: Url,
}

pub(crate) fn start(provider: &Provider, endpoints: &Endpoints, client_id: &str, permissions: &[String], redirect: Url) -> Option<Started> {
    let facts = provider.sign_in()?;
    let client = door(endpoints, client_id)?.set_redirect_uri(RedirectUrl::from_url(redirect.clone()));
    let mut request = client.authorize_url(|| CsrfToken::new_random_len(32));
    let verifier = match facts.pkce {
        Pkce::Required | Pkce::Sent => {
            let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
            request = request.set_pkce_challenge(challenge);
            Some(verifier)
        }
        Pkce::None => None,
    };
    request = match facts.scopes {
        ScopeList::Space => request.add_scopes(permissions.iter().map(|name| Scope::new(name.clone()))),
        // The library joins several with blanks, so all of them are handed over as one.
        ScopeList::Comma if !permissions.is_empty() => request.add_scope(Scope::new(permissions.join(","))),
        ScopeList::Comma | ScopeList::None => request,
    };
    for (name, value) in &endpoints.extra {
        request = request.add_extra_param(name.as_str(), value.as_str());
    }
    let (page, state) = request.url();
    Some(Started {
        page,
        state,
        verifier,
        redirect,
    })
}

/// Uses the code, once.
pub(crate) async fn exchange(
    provider: &Provider,
    endpoints: &Endpoints,
    app: App<'_>,
    started: Started,
    code: AuthorizationCode,
    now: Timestamp,
) -> Result<TokenAnswer, Failure> {
    let token = token_facts(provider)?;
    let http = Http::new(token, endpoints)?;
    let client = desk(endpoints, app, token.client_auth)?.set_redirect_uri(RedirectUrl::from_url(started.redirect));
    let mut request = client.exchange_code(code);
    if let Some(verifier) = started.verifier {
        request = request.set_pkce_verifier(verifier);
    }
    let answered = request.request_async(&http).await;
    sort(answered, provider, token, now)
}

/// Access for the application itself, with its id and secret. Asking again is harmless: nothing is used up.
pub(crate) async fn client_credentials(provider: &Provider, endpoints: &Endpoints, app: App<'_>, now: Timestamp) -> Result<TokenAnswer, Failure> {
    let token = token_facts(provider)?;
    let http = Http::new(token, endpoints)?;
    let answered = desk(endpoints, app, token.client_auth)?.exchange_client_credentials().request_async(&http).await;
    sort(answered, provider, token, now)
}

/// Uses a refresh token. With a rotating provider it is gone afterwards, whatever comes back.
pub(crate) async fn renew(
    provider: &Provider,
    endpoints: &Endpoints,
    app: App<'_>,
    refresh: &SecretString,
    now: Timestamp,
) -> Result<TokenAnswer, Failure> {
    let facts = token_facts(provider)?;
    let http = Http::new(facts, endpoints)?;
    let client = desk(endpoints, app, facts.client_auth)?;
    let token = RefreshToken::new(refresh.expose_secret().to_string());
    let answered = client.exchange_refresh_token(&token).request_async(&http).await;
    sort(answered, provider, facts, now)
}

/// Nothing leaves for a provider whose file names no token endpoint.
fn token_facts(provider: &Provider) -> Result<&TokenFacts, Failure> {
    provider.token().ok_or(Failure::NotSent)
}

fn sort(
    answered: Result<Answered, RequestTokenError<Transport, Refusal>>,
    provider: &Provider,
    token: &TokenFacts,
    now: Timestamp,
) -> Result<TokenAnswer, Failure> {
    let answered = match answered {
        Ok(answered) => answered,
        Err(RequestTokenError::Request(Transport(failure))) => return Err(failure),
        Err(RequestTokenError::ServerResponse(refusal)) => {
            // The app's refusal first: it must not make people sign in again.
            return Err(match () {
                () if refusal.is_among(&token.app_refused) => Failure::AppRefused,
                () if refusal.is_among(&token.refused) => Failure::Refused,
                () => Failure::OtherError,
            });
        }
        // Both hold raw text of the answer; neither is looked at.
        Err(RequestTokenError::Parse(_, _)) => return Err(Failure::Unusable("it is not the JSON that was expected")),
        Err(RequestTokenError::Other(_)) => return Err(Failure::Unusable("it is empty or of another type")),
    };
    if answered.token_type() != &BasicTokenType::Bearer {
        return Err(Failure::Unusable("the token is not a bearer token"));
    }
    if answered.access_token().secret().is_empty() {
        return Err(Failure::Unusable("the access token is empty"));
    }
    let fields = answered.extra_fields();
    // An end that has passed on arrival says that a clock is wrong, not that the access is over.
    let instant = |told: &Option<Value>| {
        let end = told.as_ref()?.as_str()?.parse::<Timestamp>().ok()?;
        (end > now).then_some(end)
    };
    let after = |seconds: Option<u64>| seconds.and_then(|s| now.checked_add(SignedDuration::from_secs(i64::try_from(s).ok()?)).ok());
    // Where an answer is silent, the documented life is the best that is known.
    let documented = || after(token.access_life.map(|life| u64::from(life.seconds())));
    let refresh_seconds = match provider.refresh().and_then(|r| r.expires_field) {
        Some(ExpiresField::XRefreshTokenExpiresIn) => &fields.x_refresh_token_expires_in,
        Some(ExpiresField::RefreshTokenExpiresIn) | None => &fields.refresh_token_expires_in,
    };
    let (access_expires, refresh_expires) = match token.expiry {
        Expiry::Absolute => (
            instant(&fields.expires_at).or_else(documented),
            instant(&fields.refresh_token_expires_at),
        ),
        Expiry::Seconds => (
            after(answered.expires_in().map(|d| d.as_secs())).or_else(documented),
            after(refresh_seconds.as_ref().and_then(life_seconds)),
        ),
        Expiry::None => (None, None),
    };
    Ok(TokenAnswer {
        tokens: Tokens {
            access: SecretString::from(answered.access_token().secret().as_str()),
            refresh: answered
                .refresh_token()
                .filter(|r| !r.secret().is_empty())
                .map(|r| SecretString::from(r.secret().as_str())),
        },
        access_expires,
        refresh_expires,
        tenant_id: fields.merchant_id.clone(),
        scopes: answered.scopes().map(|scopes| scopes.iter().map(|s| s.to_string()).collect()),
    })
}

/// The library's way out: our client, and the body in the form that the provider takes.
struct Http {
    client: reqwest::Client,
    body_as: TokenRequest,
    /// Refusals can arrive with status 200.
    errors_with_success: bool,
}

impl Http {
    fn new(token: &TokenFacts, endpoints: &Endpoints) -> Result<Http, Failure> {
        let client = endpoints.client().map_err(|_| Failure::NotSent)?;
        Ok(Http {
            client,
            body_as: token.request,
            errors_with_success: token.errors_with_success,
        })
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Transport;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Transport>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(call(self, request))
    }
}

async fn call(http: &Http, request: HttpRequest) -> Result<HttpResponse, Transport> {
    let (parts, form) = request.into_parts();
    let url = Url::parse(&parts.uri.to_string()).map_err(|_| Transport(Failure::NotSent))?;
    let mut sending = http.client.post(url).header("accept", "application/json");
    if let Some(basic) = parts.headers.get("authorization") {
        sending = sending.header("authorization", basic);
    }
    let sending = match http.body_as {
        TokenRequest::Form => sending.header("content-type", "application/x-www-form-urlencoded").body(form),
        TokenRequest::Json => {
            let fields: serde_json::Map<String, serde_json::Value> = url::form_urlencoded::parse(&form)
                .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
                .collect();
            sending.json(&fields)
        }
    };
    let answer = sending.send().await.map_err(|error| Transport(not_sent_or_lost(&error)))?;
    let status = answer.status();
    let after_seconds = wait(answer.headers());
    if status.as_u16() == 429 {
        return Err(Transport(Failure::Busy { after_seconds }));
    }
    if status.is_server_error() {
        return Err(Transport(Failure::Lost { after_seconds }));
    }
    let is_json = answer
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"application/json"));
    if !is_json || status.is_redirection() || status.is_informational() {
        return Err(Transport(Failure::NotAnAnswer { status: status.as_u16() }));
    }
    // The library takes 200 only; every success with a JSON body is one.
    let body = tidy(read_body(answer).await.map_err(Transport)?);
    let told = match status.is_success() {
        true if http.errors_with_success && says_error(&body) => 400,
        true => 200,
        false => status.as_u16(),
    };
    let built = oauth2::http::Response::builder()
        .status(told)
        .header("content-type", "application/json")
        .body(body);
    built.map_err(|_| Transport(Failure::Unusable("its status is unknown")))
}

/// An answer that calls itself an error, whatever its status.
fn says_error(body: &[u8]) -> bool {
    let told: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    told.is_some_and(|told| told.get("error").is_some_and(serde_json::Value::is_string) && told.get("access_token").is_none())
}

/// The library takes a life in whole seconds or refuses the whole answer, which with a rotating provider would lose
/// the access. What cannot be a life is taken out; the documented one counts then.
fn tidy(body: Vec<u8>) -> Vec<u8> {
    let Ok(Value::Object(mut told)) = serde_json::from_slice(&body) else {
        return body;
    };
    match told.get("expires_in").map(life_seconds) {
        None => return body,
        Some(Some(seconds)) => drop(told.insert("expires_in".into(), seconds.into())),
        Some(None) => drop(told.remove("expires_in")),
    }
    serde_json::to_vec(&told).unwrap_or(body)
}

/// A number, or a number in quotes, as some providers write it; no life is not one.
fn life_seconds(told: &Value) -> Option<u64> {
    let seconds = match told {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    seconds.filter(|seconds| *seconds > 0)
}

pub(crate) fn not_sent_or_lost(error: &reqwest::Error) -> Failure {
    if let Some(why) = unproved(error) {
        Failure::Unproved(why)
    } else if error.is_connect() || error.is_builder() {
        Failure::NotSent
    } else {
        Failure::Lost {
            after_seconds: WAIT_DEFAULT_SECONDS,
        }
    }
}

/// Why a certificate was not taken, if that is what an error is about. The library's own text would repeat the address.
pub(crate) fn unproved(error: &reqwest::Error) -> Option<&'static str> {
    use rustls::{CertificateError, Error as Tls};
    let mut at: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = at {
        if let Some(told) = error.downcast_ref::<Tls>() {
            return match told {
                Tls::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => Some("is over"),
                Tls::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => Some("is not valid yet"),
                Tls::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
                    Some("is for another name")
                }
                Tls::InvalidCertificate(CertificateError::Revoked) => Some("was withdrawn"),
                Tls::InvalidCertificate(_) => Some("comes from nobody whom this computer trusts"),
                // Everything else that can go wrong with TLS is a connection that could not be made.
                _ => None,
            };
        }
        // The system's error passes over what it holds when it is asked for its source.
        at = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inside) => Some(inside),
            None => error.source(),
        };
    }
    None
}

/// Reads at most [`ANSWER_MAX`] bytes after decompression.
pub(crate) async fn read_body(mut answer: reqwest::Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| Failure::Lost {
        after_seconds: WAIT_DEFAULT_SECONDS,
    })? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(Failure::Unusable("it is far too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// `Retry-After` as seconds or as an HTTP date against the answer's own `Date`.
pub(crate) fn wait(headers: &reqwest::header::HeaderMap) -> u64 {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    let Some(asked) = text("retry-after") else {
        return WAIT_DEFAULT_SECONDS;
    };
    let seconds = match asked.parse::<u64>() {
        Ok(seconds) => Some(seconds),
        Err(_) => match (date(asked), text("date").and_then(date)) {
            (Some(until), Some(from)) => u64::try_from(until.as_second() - from.as_second()).ok(),
            (Some(_), None) | (None, Some(_)) | (None, None) => None,
        },
    };
    seconds.unwrap_or(WAIT_DEFAULT_SECONDS).clamp(1, WAIT_MAX_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_rfc_7636_appendix_b() {
        let verifier = PkceCodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        assert_eq!(challenge.as_str(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(challenge.method().as_str(), "S256");
    }

    fn started() -> Started {
        let provider = crate::providers().unwrap().remove(0);
        let endpoints = provider.endpoints(crate::Environment::Production).unwrap();
        start(
            &provider,
            &endpoints,
            "app & id",
            &["PAYMENTS_READ".into(), "PAYOUTS_READ".into()],
            Url::parse("http://127.0.0.1:1/callback/square").unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn every_sign_in_has_its_own_state_and_verifier_and_asks_for_s256() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            let started = started();
            assert_eq!(started.state.secret().len(), 43, "256 bits");
            let verifier = started.verifier.unwrap();
            assert!((43..=128).contains(&verifier.secret().len()));
            assert!(seen.insert(started.state.secret().clone()));
            assert!(seen.insert(verifier.secret().clone()));
        }
        let page = started().page;
        let query: std::collections::BTreeMap<String, String> = page.query_pairs().into_owned().collect();
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["client_id"], "app & id");
        assert_eq!(query["scope"], "PAYMENTS_READ PAYOUTS_READ");
        assert_eq!(query["session"], "false");
        assert_eq!(query["redirect_uri"], "http://127.0.0.1:1/callback/square");
        assert_eq!(page.query_pairs().count(), query.len(), "no parameter twice");
        assert!(!page.as_str().contains("code_verifier"));
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date_and_is_capped() {
        let check = |pairs: &[(&'static str, &str)], expected: u64| {
            let mut headers = reqwest::header::HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            assert_eq!(wait(&headers), expected, "{pairs:?}");
        };
        check(&[], 30);
        check(&[("retry-after", "7")], 7);
        check(&[("retry-after", "0")], 1);
        check(&[("retry-after", "9999999")], 86_400);
        check(&[("retry-after", "soon")], 30);
        check(
            &[
                ("retry-after", "Wed, 21 Oct 2026 07:30:00 GMT"),
                ("date", "Wed, 21 Oct 2026 07:28:00 GMT"),
            ],
            120,
        );
        check(
            &[
                ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"),
                ("date", "Wed, 21 Oct 2026 07:30:00 GMT"),
            ],
            30,
        );
    }
}
