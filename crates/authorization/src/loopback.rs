//! The listener on this computer that takes the browser's answer, for the time of one sign-in.
//!
//! Bound to loopback addresses only, on a port that the system chooses and that is kept from the first moment.
//! It answers with constant pages: nothing that a request says is ever repeated. A wrong path, method, host or
//! state does not end the sign-in. Connections are few, short and small, so that hostile ones cannot make it
//! grow. It closes when the future that serves it is dropped; there is no background task to forget.

use crate::answer::{self, Answer, Issuer, Refused};
use crate::endpoints::LoopbackHost;
use crate::problems::E_SIGN_IN_PORT;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use ledger::Problem;
use sha2::{Digest, Sha256};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;
use url::Url;

/// More than any browser opens; further ones wait in the system's queue.
const CONNECTIONS_MAX: usize = 64;
/// Everything one connection may send.
const BYTES_MAX: usize = 16 * 1024;
/// Wrong answers in one second that are read out; further ones are waved off.
const WRONG_PER_SECOND: u32 = 50;
/// How long one connection may stay. A browser on this computer needs milliseconds; idle hostile ones delay it.
const CONNECTION_LIFE: Duration = Duration::from_secs(3);

const SCRIPT: &str = "history.replaceState(null,\"\",\"/\")";
/// The page is all that a person sees of Changeover while in the browser.
const STYLE: &str = "html{color-scheme:light dark;font:1.125rem/1.5 system-ui,sans-serif}body{margin:0;min-height:90vh;display:grid;place-items:center}\
main{max-width:30rem;padding:2rem;text-align:center}b{display:block;margin-bottom:.5rem;color:#0b4f4a}@media(prefers-color-scheme:dark){b{color:#7fcfc6}}";

pub(crate) struct Loopback {
    v4: TcpListener,
    v6: Option<TcpListener>,
    pub redirect: Url,
}

async fn first_free(ports: &[u16]) -> Option<TcpListener> {
    for port in ports {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).await {
            return Some(listener);
        }
    }
    None
}

fn all_taken(ports: &[u16]) -> Problem {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    Problem::new(
        E_SIGN_IN_PORT,
        "Changeover could not open the door through which the browser's answer comes back.",
        format!("Other programs use every port that is registered for it: {}.", ports.join(", ")),
        "Close a program that uses one of these ports and sign in again, or sign in by pasting the address.",
    )
}

impl Loopback {
    /// Takes the first free one of the registered `ports`, or one of the system's choice where there are none. The
    /// port is kept from then on: nothing is probed and taken again later. `E-SIGN-IN-PORT` when none can be had.
    pub async fn bind(host: LoopbackHost, ports: &[u16], path: &str) -> Result<Loopback, Problem> {
        let refused = |why: String| {
            Problem::new(
                E_SIGN_IN_PORT,
                "Changeover could not open the door through which the browser's answer comes back.",
                why,
                "Check whether a firewall forbids programs to listen on 127.0.0.1, or sign in by pasting the address.",
            )
        };
        let v4 = match ports {
            [] => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .await
                .map_err(|e| refused(format!("The system reported: {e}.")))?,
            registered => first_free(registered).await.ok_or_else(|| all_taken(registered))?,
        };
        let port = v4.local_addr().map_err(|e| refused(format!("The system reported: {e}.")))?.port();
        let (name, v6) = match host {
            LoopbackHost::Address => ("127.0.0.1", None),
            // "localhost" may mean [::1]; a computer without IPv6 is fine.
            LoopbackHost::Localhost => ("localhost", TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok()),
        };
        let redirect = Url::parse(&format!("http://{name}:{port}{path}")).map_err(|e| refused(e.to_string()))?;
        Ok(Loopback { v4, v6, redirect })
    }

    /// Serves until dropped. The first answer with the right state goes to `taken`; `refused` hears of the others.
    pub async fn serve(
        self,
        state: String,
        issuer: Issuer,
        taken: oneshot::Sender<Answer>,
        refused: impl Fn(Refused) + Send + Sync + 'static,
    ) {
        let port = self.redirect.port().unwrap_or_default();
        let door = Arc::new(Door {
            path: self.redirect.path().to_string(),
            hosts: [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")],
            state,
            issuer,
            wrong: Mutex::new((Instant::now(), 0)),
            taken: Mutex::new(Some(taken)),
            refused: Box::new(refused),
        });
        let app = Router::new().fallback(handle).with_state(door);
        let listener = Few {
            v4: self.v4,
            v6: self.v6,
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        };
        // Serving ends only with an error of the listener, which `Few` does not report; the caller's deadline holds.
        let _ = axum::serve(listener, app).await;
    }
}

struct Door {
    path: String,
    hosts: [String; 3],
    state: String,
    issuer: Issuer,
    /// When the present second began, and how many wrong answers came in it.
    wrong: Mutex<(Instant, u32)>,
    taken: Mutex<Option<oneshot::Sender<Answer>>>,
    refused: Box<dyn Fn(Refused) + Send + Sync>,
}

async fn handle(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (status, words) = door.open(&request);
    page(status, words)
}

impl Door {
    fn open(&self, request: &Request) -> (StatusCode, &'static str) {
        let hosts: Vec<_> = request.headers().get_all(header::HOST).iter().collect();
        // Another host name that points here is how web pages reach local listeners.
        let host_is_ours = matches!(hosts.as_slice(), [one] if self.hosts.iter().any(|ours| one.as_bytes() == ours.as_bytes()));
        if !host_is_ours || request.uri().authority().is_some() {
            return (StatusCode::MISDIRECTED_REQUEST, "This address belongs to another program.");
        }
        if request.uri().path() != self.path {
            return (StatusCode::NOT_FOUND, "There is nothing here.");
        }
        if request.method() != Method::GET {
            return (StatusCode::METHOD_NOT_ALLOWED, "There is nothing here.");
        }
        if !is_navigation(request.headers()) {
            return (StatusCode::FORBIDDEN, "Only a page that you see yourself may come here.");
        }
        let answer = answer::read(request.uri().query().unwrap_or(""), &self.state, &self.issuer);
        let answer = match answer {
            Ok(answer) => answer,
            Err(refused) => {
                (self.refused)(refused);
                if self.too_many() {
                    return (StatusCode::TOO_MANY_REQUESTS, "Too many answers came that belong to another sign-in.");
                }
                return (
                    StatusCode::BAD_REQUEST,
                    "This answer does not belong to the sign-in that Changeover is waiting for.",
                );
            }
        };
        let waiting = match self.taken.lock() {
            Ok(mut waiting) => waiting.take(),
            Err(poisoned) => poisoned.into_inner().take(),
        };
        match waiting.map(|waiting| waiting.send(answer)) {
            Some(Ok(())) => (
                StatusCode::OK,
                "Changeover has received the answer. You can close this page and go back to Changeover.",
            ),
            Some(Err(_)) | None => (StatusCode::GONE, "This sign-in is already over. You can close this page."),
        }
    }
}

impl Door {
    /// Counts one wrong answer. The right one is never counted, so that nobody can shut it out by shouting.
    fn too_many(&self) -> bool {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.0.elapsed() >= Duration::from_secs(1) {
            *wrong = (Instant::now(), 0);
        }
        wrong.1 = wrong.1.saturating_add(1);
        wrong.1 > WRONG_PER_SECOND
    }
}

/// Browsers that say how a request came about must say that a person navigated; scripts and prefetches are refused.
fn is_navigation(headers: &HeaderMap) -> bool {
    let is = |name: &str, wanted: &str| headers.get(name).is_none_or(|value| value.as_bytes() == wanted.as_bytes());
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document") && headers.get("sec-purpose").is_none()
}

fn page(status: StatusCode, words: &'static str) -> Response {
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Changeover</title>\
         <style>{STYLE}</style><main><b>Changeover</b><p>{words}</p></main><script>{SCRIPT}</script></html>\n"
    );
    let hash = |text: &str| base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Accepts on one or two loopback addresses, a few connections at a time.
struct Few {
    v4: TcpListener,
    v6: Option<TcpListener>,
    places: Arc<Semaphore>,
}

impl axum::serve::Listener for Few {
    type Io = Short;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Short, SocketAddr) {
        loop {
            let Ok(place) = self.places.clone().acquire_owned().await else {
                return std::future::pending().await;
            };
            let accepted = match &self.v6 {
                None => self.v4.accept().await,
                Some(v6) => tokio::select! { four = self.v4.accept() => four, six = v6.accept() => six },
            };
            match accepted {
                Ok((stream, from)) if from.ip().is_loopback() => return (Short::new(stream, place), from),
                Ok(_) => {}
                // Out of file handles, or the other side went away: wait a little instead of spinning.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.v4.local_addr()
    }
}

/// A connection with an end: so many bytes, so many seconds.
struct Short {
    stream: TcpStream,
    left: usize,
    ends: Pin<Box<tokio::time::Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Short {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit) -> Short {
        Short {
            stream,
            left: BYTES_MAX,
            ends: Box::pin(tokio::time::sleep(CONNECTION_LIFE)),
            _place: place,
        }
    }
}

impl AsyncRead for Short {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ends.as_mut().poll(cx).is_ready() || self.left == 0 {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.left = self.left.saturating_sub(buf.filled().len() - before);
        polled
    }
}

impl AsyncWrite for Short {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
