//! HTTP to a processor: signed, paced, patient within limits, and read-only.
//!
//! It must never follow a redirect (a token would follow it), show a secret or a raw body in an error, or wait
//! without a limit. How a request is signed is the caller's ([`Sign`]); so is how time passes ([`Wait`]). Another
//! answer that deserves its own treatment is a row in `answer` and a code above.

use crate::fetch::{BoxFuture, PageRequest, PageResponse, Processor, Verb};
use jiff::Timestamp;
use ledger::{Code, Problem, Retry};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use url::Url;

pub const E_FETCH_ADDRESS: Code = Code("E-FETCH-ADDRESS");
pub const E_FETCH_OFFLINE: Code = Code("E-FETCH-OFFLINE");
pub const E_FETCH_BUSY: Code = Code("E-FETCH-BUSY");
pub const E_FETCH_AWAY: Code = Code("E-FETCH-AWAY");
pub const E_FETCH_SIGN_IN: Code = Code("E-FETCH-SIGN-IN");
pub const E_FETCH_PERMISSION: Code = Code("E-FETCH-PERMISSION");
pub const E_FETCH_REFUSED: Code = Code("E-FETCH-REFUSED");
pub const E_FETCH_REDIRECT: Code = Code("E-FETCH-REDIRECT");
pub const E_FETCH_NOT_JSON: Code = Code("E-FETCH-NOT-JSON");
pub const E_FETCH_TOO_LARGE: Code = Code("E-FETCH-TOO-LARGE");
pub(crate) const CODES: &[Code] = &[
    E_FETCH_ADDRESS,
    E_FETCH_OFFLINE,
    E_FETCH_BUSY,
    E_FETCH_AWAY,
    E_FETCH_SIGN_IN,
    E_FETCH_PERMISSION,
    E_FETCH_REFUSED,
    E_FETCH_REDIRECT,
    E_FETCH_NOT_JSON,
    E_FETCH_TOO_LARGE,
];

/// Largest page read. A page of 100 payments has about 200 KB.
pub const LARGEST_PAGE_BYTES: usize = 16 * 1024 * 1024;
/// Times one page is asked for before the connector gives up.
const MOST_TRIES: u32 = 6;
/// Longest single wait that the processor may ask for; beyond it the person is told.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// First wait after a failure; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Puts the secret on a request. Implemented where credentials live; the token is never seen here.
pub trait Sign: Send + Sync {
    fn sign<'a>(&'a self, request: RequestBuilder) -> BoxFuture<'a, Result<RequestBuilder, Problem>>;
    /// Called once when a request was answered with 401. True: there is a newer secret, try once more.
    fn renew<'a>(&'a self) -> BoxFuture<'a, Result<bool, Problem>>;
}

/// How waiting is done, so that tests do not wait. Dropping the future stops the wait.
pub trait Wait: Send + Sync {
    fn wait<'a>(&'a self, time: Duration) -> BoxFuture<'a, ()>;
    /// The present, for a Retry-After that names a date.
    fn now(&self) -> Timestamp;
}

/// Real time.
pub struct TokioWait;

impl Wait for TokioWait {
    fn wait<'a>(&'a self, time: Duration) -> BoxFuture<'a, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// How fast the processor may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateBudget {
    /// Requests a second, on average; 0 means without a limit of our own.
    pub per_second: u32,
}

/// The real [`Processor`].
pub struct HttpProcessor {
    client: Client,
    base: Url,
    sign: Arc<dyn Sign>,
    wait: Arc<dyn Wait>,
    spacing: Duration,
    /// When the next request may leave.
    next: Mutex<Option<Instant>>,
}

impl HttpProcessor {
    /// `base_url` without the API's path: "https://connect.squareup.com". Plain http is accepted for this
    /// machine only. The process must have installed a TLS provider before.
    ///
    /// Errors: `E-FETCH-ADDRESS`.
    pub fn new(base_url: &str, sign: Arc<dyn Sign>, rate: RateBudget) -> Result<HttpProcessor, Problem> {
        HttpProcessor::with_wait(base_url, sign, rate, Arc::new(TokioWait))
    }

    /// As [`HttpProcessor::new`], with another way of waiting. Errors: `E-FETCH-ADDRESS`.
    pub fn with_wait(base_url: &str, sign: Arc<dyn Sign>, rate: RateBudget, wait: Arc<dyn Wait>) -> Result<HttpProcessor, Problem> {
        let base = Url::parse(base_url).ok().filter(may_be_asked).ok_or_else(|| {
            Problem::new(
                E_FETCH_ADDRESS,
                "The processor's address cannot be used.",
                "It must begin with https:// (http:// is only allowed for this computer itself).",
                "Correct the provider's file in the catalog.",
            )
        })?;
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .user_agent("Changeover")
            .build()
            .map_err(|_| {
                Problem::new(
                    E_FETCH_ADDRESS,
                    "No secure connection can be prepared.",
                    "The encryption library could not be started.",
                    "Restart Changeover. If it happens again, report it.",
                )
            })?;
        let spacing = match rate.per_second {
            0 => Duration::ZERO,
            per_second => Duration::from_secs(1) / per_second,
        };
        Ok(HttpProcessor {
            client,
            base,
            sign,
            wait,
            spacing,
            next: Mutex::new(None),
        })
    }

    async fn ask(&self, request: &PageRequest) -> Result<PageResponse, Problem> {
        let mut renewed = false;
        let mut last = Failure::Offline;
        for tries in 0..MOST_TRIES {
            self.pace().await;
            let answer = match self.once(request).await {
                Ok(answer) => answer,
                Err(Failed::Problem(problem)) => return Err(problem),
                Err(Failed::Cut(failure)) => {
                    last = failure;
                    self.back_off(tries).await;
                    continue;
                }
            };
            match answer {
                Answer::Page(page) => return Ok(page),
                Answer::SignIn if !renewed => {
                    renewed = true;
                    if !self.sign.renew().await? {
                        return Err(signed_out(request));
                    }
                }
                Answer::SignIn => return Err(signed_out(request)),
                Answer::Busy(asked) => {
                    last = Failure::Busy;
                    match asked {
                        Some(time) if time > LONGEST_WAIT => return Err(busy(request, time)),
                        Some(time) => self.wait.wait(time).await,
                        None => self.back_off(tries).await,
                    }
                }
                Answer::Away(status) => {
                    last = Failure::Away(status);
                    self.back_off(tries).await;
                }
                Answer::Final(problem) => return Err(*problem),
            }
        }
        Err(gave_up(request, last))
    }

    async fn once(&self, request: &PageRequest) -> Result<Answer, Failed> {
        let builder = self.sign.sign(self.builder(request)).await.map_err(Failed::Problem)?;
        let response = builder.send().await.map_err(|error| Failed::Cut(failure_of(&error)))?;
        answer(request, response, self.wait.now()).await
    }

    fn builder(&self, request: &PageRequest) -> RequestBuilder {
        let mut url = self.base.clone();
        let path = format!("{}{}", self.base.path().trim_end_matches('/'), request.path());
        url.set_path("");
        // The path's own escapes (an id in it) are kept: `join` parses, `set_path` would escape '%' again.
        let mut url = url.join(&path).unwrap_or(url);
        if !request.query().is_empty() {
            url.query_pairs_mut().extend_pairs(request.query());
        }
        let mut builder = match request.verb() {
            Verb::Get => self.client.get(url),
            Verb::Search => self.client.post(url),
        };
        for (name, value) in request.headers() {
            builder = builder.header(name, value);
        }
        match request.body() {
            Some(body) => builder.json(body),
            None => builder,
        }
    }

    /// Keeps the distance between two requests.
    async fn pace(&self) {
        if self.spacing.is_zero() {
            return;
        }
        let wait = {
            let now = Instant::now();
            let mut next = self.next.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let at = next.map_or(now, |at| at.max(now));
            *next = Some(at + self.spacing);
            at - now
        };
        if !wait.is_zero() {
            self.wait.wait(wait).await;
        }
    }

    async fn back_off(&self, tries: u32) {
        if tries + 1 < MOST_TRIES {
            self.wait.wait(FIRST_WAIT * 2_u32.pow(tries)).await;
        }
    }
}

impl Processor for HttpProcessor {
    fn get<'a>(&'a self, request: &'a PageRequest) -> BoxFuture<'a, Result<PageResponse, Problem>> {
        Box::pin(self.ask(request))
    }
}

fn may_be_asked(url: &Url) -> bool {
    let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    url.scheme() == "https" || (url.scheme() == "http" && here)
}

enum Answer {
    Page(PageResponse),
    SignIn,
    /// Too many requests; how long the processor wants us to wait, if it says.
    Busy(Option<Duration>),
    Away(u16),
    Final(Box<Problem>),
}

enum Failed {
    Problem(Problem),
    Cut(Failure),
}

#[derive(Clone, Copy)]
enum Failure {
    Offline,
    TimedOut,
    Cut,
    Busy,
    Away(u16),
}

fn failure_of(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        Failure::TimedOut
    } else if error.is_connect() {
        Failure::Offline
    } else {
        Failure::Cut
    }
}

async fn answer(request: &PageRequest, response: Response, now: Timestamp) -> Result<Answer, Failed> {
    let status = response.status();
    let title = request.stream();
    Ok(match status {
        StatusCode::OK => return page(request, response).await,
        StatusCode::UNAUTHORIZED => Answer::SignIn,
        StatusCode::TOO_MANY_REQUESTS => Answer::Busy(retry_after(response.headers(), now)),
        StatusCode::FORBIDDEN => Answer::Final(Box::new(Problem::new(
            E_FETCH_PERMISSION,
            format!("The processor does not let Changeover read \"{title}\"."),
            "The permission for it is missing from this connection, or was taken back.",
            "Reconnect the account and give all the permissions that are listed.",
        ))),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => Answer::Away(status.as_u16()),
        status if status.is_redirection() => Answer::Final(Box::new(Problem::new(
            E_FETCH_REDIRECT,
            format!("The processor sent Changeover elsewhere for \"{title}\"."),
            "A sign-in must never be handed to another address, so this is not followed. A network that asks for a log-in page does this too.",
            "Check the network (a hotel or guest log-in page?), then try again.",
        ))),
        status => Answer::Final(Box::new(Problem::new(
            E_FETCH_REFUSED,
            format!("The processor refused the request for \"{title}\"."),
            format!("It answered with status {}.", status.as_u16()),
            "The connector package may not fit the processor any more; look for a newer version.",
        ))),
    })
}

/// Reads a page within its limit; text that is no JSON is named as such, never shown.
async fn page(request: &PageRequest, mut response: Response) -> Result<Answer, Failed> {
    let html = response
        .headers()
        .get(reqwest::header::CONTENT_TYPE)
        .is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.contains("html")));
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failed::Cut(failure_of(&error)))? {
        if bytes.len() + chunk.len() > LARGEST_PAGE_BYTES {
            return Ok(Answer::Final(Box::new(Problem::new(
                E_FETCH_TOO_LARGE,
                format!("An answer for \"{}\" is too large.", request.stream()),
                format!(
                    "It has more than {} MB; a real page has less than one.",
                    LARGEST_PAGE_BYTES / (1024 * 1024)
                ),
                "Try again later. If it happens again, tell the processor's support.",
            ))));
        }
        bytes.extend_from_slice(&chunk);
    }
    match serde_json::from_slice(&bytes) {
        Ok(body) if !html => Ok(Answer::Page(PageResponse { body })),
        Ok(_) | Err(_) => {
            let kind = if html || bytes.trim_ascii_start().starts_with(b"<") {
                "a web page"
            } else {
                "something else"
            };
            Ok(Answer::Final(Box::new(
                Problem::new(
                    E_FETCH_NOT_JSON,
                    format!("The answer for \"{}\" is not data.", request.stream()),
                    format!(
                        "Instead of data came {kind} of {} bytes. A network that asks for a log-in page does this.",
                        bytes.len()
                    ),
                    "Check the network (a hotel or guest log-in page?), then try again.",
                )
                .retrying(Retry::Later { after_seconds: 60 }),
            )))
        }
    }
}

/// Seconds, or a date of HTTP's usual form.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

fn signed_out(request: &PageRequest) -> Problem {
    Problem::new(
        E_FETCH_SIGN_IN,
        format!(
            "The processor no longer accepts this connection (while reading \"{}\").",
            request.stream()
        ),
        "The sign-in has expired or was taken back, and renewing it did not help.",
        "Reconnect the account.",
    )
}

fn busy(request: &PageRequest, asked: Duration) -> Problem {
    Problem::new(
        E_FETCH_BUSY,
        format!("The processor is too busy to answer for \"{}\".", request.stream()),
        format!("It asked to wait {} seconds.", asked.as_secs()),
        "Try again later.",
    )
    .retrying(Retry::Later {
        after_seconds: asked.as_secs(),
    })
}

fn gave_up(request: &PageRequest, last: Failure) -> Problem {
    let (code, why) = match last {
        Failure::Offline => (E_FETCH_OFFLINE, "The processor could not be reached.".to_string()),
        Failure::TimedOut => (E_FETCH_OFFLINE, "The processor did not answer in time.".to_string()),
        Failure::Cut => (
            E_FETCH_OFFLINE,
            "The connection was cut before the answer was complete.".to_string(),
        ),
        Failure::Busy => (E_FETCH_BUSY, "It kept asking to wait.".to_string()),
        Failure::Away(status) => (E_FETCH_AWAY, format!("Its servers reported a fault (status {status}).")),
    };
    Problem::new(
        code,
        format!("\"{}\" could not be read.", request.stream()),
        format!("{why} It was tried {MOST_TRIES} times."),
        "Check the network connection and the processor's status page, then try again.",
    )
    .retrying(Retry::Later { after_seconds: 60 })
}
