//! Errors of the commands that window and terminal share.

use super::child::{problem_in, problem_shown};
use super::engine::{Installed, begun, carried_on, home_of, installed, new_company, new_connection};
use super::harbour::tamper;
use super::{OrPanic, child, working};
use crate::errors::Exhibit;
use api::practice_company::ScriptedBrowser;
use api::views::Work;
use api::{App, Start, dispatch};
use ledger::Problem;
use serde_json::{Value, json};
use std::sync::Arc;

pub const PROVOKE: &[fn() -> Exhibit] =
    &[command_unknown, command_arguments, job_unknown, practice, practice_story, practice_none, busy, check_failed, hold_answer, window_home, window_closing, window_browser];

/// One running Changeover on a bakery's folder; its books may be added.
async fn app(at: &Installed) -> App {
    at.engine.pool.close().await;
    App::start(Start {
        home: home_of(&at.bakery),
        browser: Arc::new(ScriptedBrowser),
        changed: Arc::new(|| {}),
        worker: Some(child::program()),
        actor: "the owner".into(),
    })
    .await
    .or_panic()
}

fn shown(at: &Installed, problem: Problem) -> Exhibit {
    Exhibit::of(problem).replacing(at.bakery.folder.path().to_string_lossy(), "<folder>")
}

async fn refused(at: &Installed, app: &App, command: &str, args: Value) -> Exhibit {
    match dispatch(app, command, args).await {
        Ok(answer) => panic!("{command} should have been refused, and said {answer}"),
        Err(problem) => shown(at, problem_shown(&problem)),
    }
}

/// What a command says in a fresh installation.
fn says(command: &'static str, args: Value) -> Exhibit {
    working(async move {
        let at = installed().await;
        let app = app(&at).await;
        refused(&at, &app, command, args).await
    })
}

fn command_unknown() -> Exhibit {
    says("books_burn", json!({}))
}

fn command_arguments() -> Exhibit {
    says("upgrade_view", json!({ "firm": "Harbour Street Bakery" }))
}

fn job_unknown() -> Exhibit {
    says("job_view", json!({ "job": "99" }))
}

fn practice_story() -> Exhibit {
    says("practice_new", json!({ "story": "flood", "seed": "7" }))
}

/// The note about the practice company was cut off.
fn practice() -> Exhibit {
    working(async {
        let at = installed().await;
        let app = app(&at).await;
        std::fs::create_dir_all(app.practice_home()).expect("it is ours");
        std::fs::write(app.practice_home().join("practice.json"), "{\"seed\": 7, \"sto").expect("it is ours");
        refused(&at, &app, "practice_view", json!({})).await
    })
}

fn practice_none() -> Exhibit {
    working(async {
        let at = installed().await;
        let app = app(&at).await;
        match app.practice_resume().await {
            Ok(_) => panic!("this should have been refused"),
            Err(problem) => shown(&at, problem),
        }
    })
}

fn busy() -> Exhibit {
    working(async {
        let at = installed().await;
        let app = app(&at).await;
        app.jobs().start(None, Work::MakePractice, |watcher| async move {
            watcher.report("Inventing a year of payments", 1, Some(4), "steps");
            std::future::pending::<Result<(), Problem>>().await
        });
        // The job reports from a task of its own.
        while app.jobs().all_running().iter().all(|job| job.now_doing.is_none()) {
            tokio::task::yield_now().await;
        }
        refused(&at, &app, "practice_new", json!({ "story": "all-goes-well", "seed": "7" })).await
    })
}

/// GnuCash has the books open when the upgrade looks at them first.
fn check_failed() -> Exhibit {
    working(async {
        let at = installed().await;
        let app = app(&at).await;
        let (company, connection) = app.real().add_company(new_company(&at.bakery), new_connection()).await.or_panic();
        let upgrade = begun(app.real(), &company, &connection).await;
        tamper(&at.bakery.book, &["INSERT INTO gnclock VALUES ('office-laptop', 4711)"]).await;
        carried_on(app.real(), &upgrade).await;
        let view = dispatch(&app, "upgrade_view", json!({ "company": company.id })).await;
        let view = view.unwrap_or_else(|problem| panic!("{problem:?}"));
        shown(&at, problem_in(&view, "E-CHECK-FAILED").unwrap_or_else(|| panic!("no check failed: {view}")))
    })
}

fn hold_answer() -> Exhibit {
    working(async {
        let at = installed().await;
        let app = app(&at).await;
        let (company, _) = app.real().add_company(new_company(&at.bakery), new_connection()).await.or_panic();
        refused(&at, &app, "hold_resolve", json!({ "company": company.id, "hold": "hold-1", "answer": "seen" })).await
    })
}

/// No folder was named and the system names none.
fn window_home() -> Exhibit {
    let refused = api::host::home(None, || Err("The system names no folder for an app's data.".into()));
    Exhibit::of(refused.expect_err("there is no folder"))
}

/// The engine is gone before it was open.
fn window_closing() -> Exhibit {
    working(async {
        let (opening, opened) = tokio::sync::watch::channel(None);
        drop(opening);
        match api::host::opened(opened).await {
            Ok(_) => panic!("there is no engine"),
            Err(problem) => Exhibit::of(problem_shown(&problem)),
        }
    })
}

/// The desktop has no browser.
fn window_browser() -> Exhibit {
    working(async {
        let page = url::Url::parse("http://127.0.0.1:1/oauth2/authorize").expect("an address");
        let refused = api::host::open_page(&page, |_| Err("No program for web pages was found.".into())).await;
        Exhibit::of(refused.expect_err("there is no browser"))
    })
}
