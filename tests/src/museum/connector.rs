//! Errors of reading from a processor: bad packages, bad networks, bad answers.

use super::harbour::{answering, nobody};
use super::{OrPanic, waiting};
use crate::errors::Exhibit;
use connector::{
    BoxFuture, Catalog, HttpProcessor, Package, PageRequest, PageResponse, Processor, RateBudget, Record, Sign, Wait, Window, fetch,
};
use jiff::Timestamp;
use ledger::Problem;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub const PROVOKE: &[fn() -> Exhibit] = &[
    package,
    catalog_read,
    stream,
    parents,
    loops,
    pages,
    shape,
    row,
    address,
    offline,
    busy,
    away,
    sign_in,
    permission,
    refused,
    redirect,
    not_json,
    too_large,
];

/// More than the largest page that is read.
const FAR_TOO_LARGE: usize = connector::LARGEST_PAGE_BYTES + 1;

/// Signs with nothing and knows no newer secret.
struct Nameless;

impl Sign for Nameless {
    fn sign<'a>(&'a self, request: RequestBuilder) -> BoxFuture<'a, Result<RequestBuilder, Problem>> {
        Box::pin(async move { Ok(request) })
    }

    fn renew<'a>(&'a self) -> BoxFuture<'a, Result<bool, Problem>> {
        Box::pin(async { Ok(false) })
    }
}

/// Time that passes at once.
struct AtOnce;

impl Wait for AtOnce {
    fn wait<'a>(&'a self, _: Duration) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn now(&self) -> Timestamp {
        "2026-11-02T09:00:00Z".parse().expect("an instant")
    }
}

/// A processor without a network, which answers page by page.
struct Pages<F: Fn(u64) -> Value + Send + Sync>(F, AtomicU64);

impl<F: Fn(u64) -> Value + Send + Sync> Processor for Pages<F> {
    fn get<'a>(&'a self, _: &'a PageRequest) -> BoxFuture<'a, Result<PageResponse, Problem>> {
        let number = self.1.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(PageResponse { body: (self.0)(number) }) })
    }
}

fn october() -> Window {
    Window { since: "2026-10-01T04:00:00Z".parse().expect("an instant"), until: "2026-11-01T04:00:00Z".parse().expect("an instant") }
}

async fn read(stream: &str, parents: &[Record], http: &dyn Processor) -> Exhibit {
    let catalog = Catalog::builtin().or_panic();
    let package = catalog.connector("square", "2").expect("it is built in");
    match fetch(package, stream, october(), parents, http, &mut |_| {}).await {
        Ok(_) => panic!("this should have been refused"),
        Err(problem) => Exhibit::of(problem),
    }
}

/// Reads the disputes from pages that are made up here.
fn from_pages(stream: &str, pages: impl Fn(u64) -> Value + Send + Sync) -> Exhibit {
    waiting(read(stream, &[], &Pages(pages, AtomicU64::new(0))))
}

fn processor(address: &str) -> Result<HttpProcessor, Problem> {
    // A second call reports that a provider is there already, which is what is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
    HttpProcessor::with_wait(address, Arc::new(Nameless), RateBudget { per_second: 0 }, Arc::new(AtOnce))
}

/// Reads the disputes from a server that gives this answer.
fn from_server(head: &str, body: impl Into<Vec<u8>>) -> Exhibit {
    waiting(async {
        let address = answering(head, body.into()).await;
        read("disputes", &[], &processor(&address).or_panic()).await
    })
}

fn package() -> Exhibit {
    let good = crate::sources::text(&crate::program::root().join("catalog/connectors/square/2.yaml"));
    let bad = good.replacen("format: 1", "format: 9", 1);
    Exhibit::of(Package::parse("connectors/square/2.yaml", &bad).expect_err("the package has faults"))
}

fn catalog_read() -> Exhibit {
    let folder = crate::home::fresh();
    let problem = Catalog::load(&folder.path().join("connectors")).expect_err("there is no such folder");
    Exhibit::of(problem).replacing(folder.path().to_string_lossy(), "<folder>")
}

fn stream() -> Exhibit {
    from_pages("wages", |_| json!({}))
}

fn parents() -> Exhibit {
    from_pages("payments", |_| json!({}))
}

fn loops() -> Exhibit {
    from_pages("disputes", |_| json!({ "disputes": [], "cursor": "page-2" }))
}

fn pages() -> Exhibit {
    from_pages("disputes", |number| json!({ "disputes": [], "cursor": format!("page-{number}") }))
}

fn shape() -> Exhibit {
    from_pages("disputes", |_| json!({ "disputes": "none" }))
}

fn row() -> Exhibit {
    from_pages("disputes", |_| json!({ "disputes": [{ "state": "WON", "created_at": "2026-10-05T12:00:00Z" }] }))
}

fn address() -> Exhibit {
    match processor("http://connect.example.org") {
        Ok(_) => panic!("this should have been refused"),
        Err(problem) => Exhibit::of(problem),
    }
}

fn offline() -> Exhibit {
    waiting(async { read("disputes", &[], &processor(&nobody()).or_panic()).await })
}

fn busy() -> Exhibit {
    from_server("429 Too Many Requests\r\nretry-after: 600", "{}")
}

fn away() -> Exhibit {
    from_server("503 Service Unavailable", "{}")
}

fn sign_in() -> Exhibit {
    from_server("401 Unauthorized", "{}")
}

fn permission() -> Exhibit {
    from_server("403 Forbidden", "{}")
}

fn refused() -> Exhibit {
    from_server("400 Bad Request", "{}")
}

fn redirect() -> Exhibit {
    from_server("302 Found\r\nlocation: https://guest.example.org/log-in", "")
}

fn not_json() -> Exhibit {
    from_server("200 OK\r\ncontent-type: text/html", "<html>Welcome to the Harbour Hotel. Please log in.</html>")
}

fn too_large() -> Exhibit {
    from_server("200 OK\r\ncontent-type: application/json", vec![b' '; FAR_TOO_LARGE])
}
