//! `upgrade plan` and `upgrade start`: the dry run as a person reads it, and its first yes.
//!
//! Planning stores nothing and may be repeated freely.

use super::{Browser, PlanArguments, Signer, steps};
use crate::ending::Ending;
use crate::follow::check_lines;
use crate::reach::{self, Reached};
use crate::screen::{counted, grouped};
use crate::terminal::Terminal;
use ::upgrade::{Plan, SliceName, Stage, Verdict};
use engine::companies::zone_of;
use engine::store::company::Connection;
use engine::upgrading::planning::Wishes;
use ledger::Problem;
use serde_json::json;

async fn planned(reached: &Reached, connection: &Connection, arguments: &PlanArguments) -> Result<Plan, Problem> {
    let engine = &reached.engine;
    let to_version = match &arguments.to {
        Some(version) => version.clone(),
        None => {
            let present = engine.package(&connection.connector, &connection.version)?;
            let next = engine.catalog.successor(present).ok_or_else(|| {
                Problem::new(
                    engine::companies::E_CONNECTOR_UNKNOWN,
                    format!(
                        "There is nothing newer than connector {} {}.",
                        connection.connector, connection.version
                    ),
                    "No version in the catalogue names yours as the one it replaces.",
                    "Nothing has to be done; install a newer Changeover for newer connectors.",
                )
            })?;
            next.version().to_string()
        }
    };
    let zone = zone_of(&reached.company)?;
    let new_from = arguments
        .from_day
        .and_then(|day| day.to_zoned(zone).ok())
        .map(|start| start.timestamp());
    let wishes = Wishes {
        to_version,
        new_from,
        watch_days: arguments.watch_days,
        unattended: arguments.unattended,
    };
    engine.make_plan(&reached.company, connection, &wishes).await
}

pub async fn show(terminal: &Terminal, arguments: PlanArguments) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &arguments.which).await?;
    let connection = reached.connection(&arguments.which).await?;
    let plan = planned(&reached, &connection, &arguments).await?;
    let readiness = reached.engine.readiness(&reached.company, &connection, &plan).await?;
    let ready = readiness
        .iter()
        .all(|check| matches!(check.verdict, Verdict::Pass | Verdict::NotApplicable));
    let screen = &terminal.screen;
    if screen.json() {
        screen.answer(&json!({"plan": plan, "readiness": readiness, "ready": ready}));
        return Ok(if ready { Ending::Done } else { Ending::Failed });
    }
    for line in lines(&reached, &connection, &plan)? {
        screen.data(&line);
    }
    screen.data("");
    screen.data("Ready?");
    for line in readiness.iter().flat_map(check_lines) {
        screen.data(&line);
    }
    screen.data("");
    screen.data(&format!(
        "Nothing was stored or changed. `{}` begins with this plan.",
        terminal.command("upgrade start")
    ));
    Ok(if ready { Ending::Done } else { Ending::Failed })
}

fn lines(reached: &Reached, connection: &Connection, plan: &Plan) -> Result<Vec<String>, Problem> {
    let engine = &reached.engine;
    let old = engine.package(&plan.connector, &plan.from_version)?;
    let new = engine.package(&plan.connector, &plan.to_version)?;
    let mut lines = vec![
        format!(
            "\"{}\": connector {} {} to {}",
            reached.company.name, plan.connector, plan.from_version, plan.to_version
        ),
        String::new(),
    ];
    if !new.breaking_changes().is_empty() {
        lines.push("What changes at the processor".to_string());
        for change in new.breaking_changes() {
            let deadline = change.deadline.map(|day| format!(" (by {day})")).unwrap_or_default();
            lines.push(format!("  {}{deadline}: {}", change.title, change.text));
        }
    }
    let expected = new.supersedes().map(|s| s.expected_changes.as_slice()).unwrap_or_default();
    if !expected.is_empty() {
        lines.push("What will be posted differently".to_string());
        lines.extend(expected.iter().map(|change| format!("  {}: {}", change.title, change.text)));
    }
    let had: Vec<&str> = old.permissions().iter().map(|need| need.permission.as_str()).collect();
    let added: Vec<&str> = plan
        .permissions
        .iter()
        .map(String::as_str)
        .filter(|permission| !had.contains(permission))
        .collect();
    lines.push(match added.as_slice() {
        [] => "Permissions: none is added".to_string(),
        _ => format!("Permissions added: {}; you sign in again for them", added.join(", ")),
    });
    let missing = connection.roles.missing(new.roles());
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|role| role.name()).collect();
        lines.push(format!(
            "Accounts still to be chosen: {} (`company map --role ROLE=ACCOUNT`)",
            names.join(", ")
        ));
    }
    lines.push(String::new());
    lines.push(format!("Movements from {} on get the new form.", plan.new_from));
    lines.push(String::new());
    lines.push("Stages".to_string());
    for stage in Stage::all(plan.waves()) {
        if stage <= Stage::Planned {
            continue;
        }
        if let Some(gate) = stage.gate() {
            lines.push(format!(
                "  -- a yes from the {} --",
                ::upgrade::words::role(plan.gate_rule(gate).role)
            ));
        }
        lines.push(format!("  {}", stage.title_in(plan)));
    }
    let total: u64 = plan.slices.iter().map(|slice| slice.count).sum();
    let canary = plan.slice(SliceName::Canary).map_or(0, |slice| slice.count);
    lines.push(String::new());
    lines.push(format!(
        "{} are converted, {} of them first, as the canary.",
        counted(total, "movement", "movements"),
        grouped(canary)
    ));
    lines.extend(plan.irreversible.iter().map(|item| format!("Cannot be undone: {}", item.text)));
    Ok(lines)
}

pub async fn start(terminal: &Terminal, arguments: PlanArguments, signer: Signer, browser: Browser) -> Result<Ending, Problem> {
    let reached = reach::company(terminal, &arguments.which).await?;
    reach::ready(terminal, &reached, None).await?;
    let connection = reached.connection(&arguments.which).await?;
    let plan = planned(&reached, &connection, &arguments).await?;
    let id = plan.id.clone();
    reached.engine.open_upgrade(&connection, plan).await?;
    reached.engine.approve(&id, signer.person(&reached.engine), None).await?;
    terminal.screen.say(&format!("Upgrade {id}"));
    steps::carry_on(terminal, &reached, &id, &connection.id, browser.no_browser).await
}
