//! The practice Square's servers on loopback: one listener for signing in, reading, and steering from outside.
//!
//! Listens on 127.0.0.1 only. It stops when it is dropped, when it is told to, or when nobody has asked anything for long.
//! A new endpoint belongs into `api` (reading) or `oauth` (signing in); a new fault is asked for in `read`.

pub mod answers;
pub mod api;
pub mod control;
pub mod grants;
pub mod lists;
pub mod state;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::faults::Faults;
use crate::oauth;
use crate::story::Story;
use crate::world::{Totals, World};
use grants::CLIENT_ID;
use state::{Square, Stats};

/// Bodies larger than this are refused; a batch of a hundred order ids is far below it.
const BODY_MOST: usize = 1 << 20;
/// How often an idle server looks at the time.
const IDLE_LOOK: Duration = Duration::from_millis(250);

/// How to run the servers. Start from `ServeOptions::new` and change what differs.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    pub faults: Faults,
    /// What the practice clock says. It stands still until somebody sets it.
    pub now: Timestamp,
    /// 0 takes any free port.
    pub port: u16,
    /// Stop after this long without a request; never when absent.
    pub idle_stop: Option<Duration>,
    /// Where sign-ins outlast a restart (as hashes, never tokens); absent: they end with the server.
    pub state_file: Option<PathBuf>,
    /// Only for tests that search for leaks: where every pretend secret is written down in the clear. Never inside the
    /// practice folder, which must hold none.
    pub secrets_file: Option<PathBuf>,
    /// The path of the registered redirect address `http://127.0.0.1:{port}{path}`.
    pub redirect_path: String,
}

impl ServeOptions {
    pub fn new(story: Story, now: Timestamp) -> ServeOptions {
        ServeOptions {
            faults: story.faults(),
            now,
            port: 0,
            idle_stop: None,
            state_file: None,
            secrets_file: None,
            redirect_path: "/callback".to_owned(),
        }
    }
}

/// A running practice Square. Dropping it stops the servers.
pub struct Served {
    /// `http://127.0.0.1:{port}`, without a slash at the end.
    pub base_url: String,
    pub client_id: String,
    /// Goes into the header `x-practice-control` of `/_practice/…` requests; made anew for every run.
    pub control_token: String,
    square: Arc<Square>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

/// Serves a world on loopback. Fails when the port is taken or the state file cannot be read.
pub async fn serve(world: impl Into<Arc<World>>, options: ServeOptions) -> Result<Served, std::io::Error> {
    let control_token = crate::wire::secret("control_")?;
    let square = Square::new(
        world.into(),
        options.faults,
        options.now,
        options.redirect_path,
        control_token.clone(),
        options.state_file,
        options.secrets_file,
    )?;
    square.note_secrets(&[("control-token", &control_token)])?;
    let square = Arc::new(square);
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = watch::channel(false);
    let app = router(square.clone(), stop.clone());
    let task = tokio::spawn(run(listener, app, square.clone(), stopped, options.idle_stop));
    Ok(Served {
        base_url,
        client_id: CLIENT_ID.to_owned(),
        control_token,
        square,
        stop,
        task: Some(task),
    })
}

async fn run(listener: TcpListener, app: Router, square: Arc<Square>, mut stopped: watch::Receiver<bool>, idle_stop: Option<Duration>) {
    let mut graceful = stopped.clone();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        // A closed channel means that the owner is gone: stop as well.
        let _ = graceful.wait_for(|stop| *stop).await;
    });
    let idle = async {
        let Some(most) = idle_stop else {
            return std::future::pending::<()>().await;
        };
        let mut look = tokio::time::interval(IDLE_LOOK);
        while square.idle_since().elapsed() < most {
            look.tick().await;
        }
    };
    tokio::select! {
        _ = std::future::IntoFuture::into_future(server) => {}
        () = idle => {}
        // Connections that are kept alive must not hold the server up.
        () = async { let _ = stopped.wait_for(|stop| *stop).await; tokio::time::sleep(IDLE_LOOK).await } => {}
    }
}

fn router(square: Arc<Square>, stop: watch::Sender<bool>) -> Router {
    Router::new()
        .route("/oauth2/authorize", get(oauth::authorize).post(oauth::decide))
        .route("/oauth2/token", post(oauth::token))
        .route("/oauth2/token/status", post(oauth::token_status))
        .route("/oauth2/revoke", post(oauth::revoke))
        .fallback(read)
        .with_state(square.clone())
        .merge(control::router(square, stop))
        .layer(axum::extract::DefaultBodyLimit::max(BODY_MOST))
}

/// Which fault meets this request, decided before anything is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    RateLimited,
    ServerError,
    Cut,
    CaptivePortal,
}

fn fate(square: &Square, faults: &Faults, continued: bool) -> (Fate, bool) {
    let mut counters = square.counters();
    counters.api = counters.api.wrapping_add(1);
    let hits = |every: u32, count: u32| every > 0 && count.is_multiple_of(every);
    let fate = if hits(faults.captive_portal_every, counters.api) {
        Fate::CaptivePortal
    } else if hits(faults.rate_limit_every, counters.api) {
        Fate::RateLimited
    } else if hits(faults.server_error_every, counters.api) {
        Fate::ServerError
    } else if hits(faults.cut_every, counters.api) {
        Fate::Cut
    } else {
        Fate::Answered
    };
    let mut repeat = false;
    if continued && fate == Fate::Answered {
        counters.continued = counters.continued.wrapping_add(1);
        repeat = hits(faults.duplicate_page_every, counters.continued);
    }
    (fate, repeat)
}

async fn read(State(square): State<Arc<Square>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    square.touch();
    let Some(endpoint) = api::route(&method, uri.path()) else {
        return answers::not_found("The path");
    };
    square.count(|stats| {
        stats.requests += 1;
        *stats.requests_by_path.entry(endpoint.pattern().to_owned()).or_default() += 1;
    });
    let parameters: lists::Parameters = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let continued = parameters.contains_key("cursor");
    let faults = square.faults();
    if faults.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(faults.delay_ms)).await;
    }
    let (fate, repeat) = fate(&square, &faults, continued);
    match fate {
        Fate::CaptivePortal => {
            square.count(|stats| stats.captive_portals += 1);
            return answers::captive_portal();
        }
        Fate::RateLimited => {
            square.count(|stats| stats.rate_limited += 1);
            return answers::rate_limited(faults.retry_after);
        }
        Fate::ServerError => {
            square.count(|stats| stats.server_errors += 1);
            let words = "An internal error has occurred.";
            return answers::error(StatusCode::INTERNAL_SERVER_ERROR, "API_ERROR", "INTERNAL_SERVER_ERROR", words);
        }
        Fate::Answered | Fate::Cut => {}
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let asked = api::Asked {
        endpoint: &endpoint,
        path: uri.path(),
        parameters,
        body: &body,
        version: header("square-version"),
        bearer: crate::wire::bearer(&headers),
        repeat,
    };
    let response = api::respond(&square, &asked);
    square.count(|stats| match response.status() {
        StatusCode::UNAUTHORIZED => stats.unauthorized += 1,
        StatusCode::FORBIDDEN => stats.forbidden += 1,
        _ => stats.repeated_pages += u64::from(repeat),
    });
    if fate == Fate::Cut {
        cut_off(&square, response).await
    } else {
        response
    }
}

async fn cut_off(square: &Square, response: Response) -> Response {
    square.count(|stats| stats.cut += 1);
    match axum::body::to_bytes(Body::new(response.into_body()), usize::MAX).await {
        Ok(bytes) => answers::cut(&bytes),
        Err(_) => answers::cut(b""),
    }
}

impl Served {
    pub fn now(&self) -> Timestamp {
        self.square.now()
    }

    /// Sets the practice clock. What Square shows follows at once; tokens and cursors age by it too.
    pub fn set_now(&self, now: Timestamp) {
        self.square.set_now(now);
    }

    pub fn faults(&self) -> Faults {
        self.square.faults()
    }

    pub fn set_faults(&self, faults: Faults) {
        self.square.change_faults(|old| *old = faults);
    }

    pub fn stats(&self) -> Stats {
        self.square.stats()
    }

    /// The truth as Square shows it now.
    pub fn totals(&self) -> Totals {
        self.square.world().totals_at(self.square.now())
    }

    pub fn world(&self) -> &World {
        self.square.world()
    }

    /// Ends every sign-in, as when the owner removes the application in Square's dashboard.
    pub fn end_sign_ins(&self) -> Result<(), std::io::Error> {
        control::end_sign_ins(&self.square)
    }

    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }

    /// Waits until the server has stopped by itself or was told to.
    pub async fn stopped(&mut self) {
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}
