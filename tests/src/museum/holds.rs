//! Errors of answering a held movement, and of two fields of a new company that people type.

use super::engine::{Installed, installed, new_company, new_connection};
use super::harbour::WORLD;
use super::{OrPanic, working};
use crate::errors::Exhibit;
use connector::Record;
use engine::companies;
use engine::holding::{ChosenLine, Decision, hold_id};
use engine::progress::Watcher;
use engine::store::company::{Company, Connection};
use engine::store::movement::{self, Hold};
use engine::store::record;
use ledger::Role;
use serde_json::json;

pub const PROVOKE: &[fn() -> Exhibit] = &[candidate, lines, reason, client_id, sync_from];

/// A payment of a kind that the connector does not know, held. Gives its name.
async fn held(at: &Installed) -> (Company, Connection, String) {
    let (company, connection) = at.engine.add_company(new_company(&at.bakery), new_connection()).await.or_panic();
    let instant = "2026-02-03T17:00:00Z".parse().expect("an instant");
    let body = json!({
        "id": "p_unknown", "status": "COMPLETED", "source_type": "EXTERNAL", "created_at": "2026-02-03T17:00:00Z", "updated_at": "2026-02-03T17:00:00Z",
        "amount_money": {"amount": 1850, "currency": "USD"}, "total_money": {"amount": 1850, "currency": "USD"},
    });
    let payment = Record {
        stream: "payments".into(),
        id: "p_unknown".into(),
        instant,
        updated: instant,
        parent: None,
        body,
    };
    record::keep(&at.engine.pool, &connection.id, "1", &[payment], WORLD.until())
        .await
        .or_panic();
    let hold = Hold {
        stream: "payments".into(),
        record: "p_unknown".into(),
        reason_code: "unknown-kind".into(),
        reason: "This connector does not know this kind or state of payment.".into(),
        instant,
        minor: Some(1850),
    };
    movement::replace_holds(&at.engine.pool, &connection.id, "1", std::slice::from_ref(&hold))
        .await
        .or_panic();
    let id = hold_id(&connection.id, &hold);
    (company, connection, id)
}

fn answered(decision: impl FnOnce(&Connection) -> Decision + Send + 'static) -> Exhibit {
    working(async move {
        let at = installed().await;
        let (company, connection, id) = held(&at).await;
        let decision = decision(&connection);
        match at
            .engine
            .answer_hold(&company, &connection, &id, decision, None, &Watcher::silent())
            .await
        {
            Ok(_) => panic!("this should have been refused"),
            Err(problem) => Exhibit::of(problem),
        }
    })
}

fn candidate() -> Exhibit {
    answered(|_| Decision::Link { entry: "0".repeat(32) })
}

fn lines() -> Exhibit {
    answered(|connection| {
        let on = |role: Role, minor: i64| ChosenLine {
            account: connection.roles.get(role).expect("it is chosen").clone(),
            minor,
        };
        Decision::Post {
            lines: vec![on(Role::Clearing, 1850), on(Role::Sales, -1800)],
        }
    })
}

fn reason() -> Exhibit {
    answered(|_| Decision::Exclude { reason: "   ".into() })
}

fn client_id() -> Exhibit {
    Exhibit::of(companies::read_client_id("sq0idp 1234").expect_err("it has a space"))
}

fn sync_from() -> Exhibit {
    let day = "2030-01-01".parse().expect("a day");
    let now = "2026-11-23T12:00:00Z".parse().expect("an instant");
    Exhibit::of(companies::sync_from(day, WORLD.zone_name(), now).expect_err("it has not come yet"))
}
