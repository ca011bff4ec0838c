//! The log: every record as a sentence, newest first, and the verdict on its chain.
//!
//! An unknown kind shows its name; nothing is left out.

use super::shared::{At, at, count, small};
use super::words;
use crate::app::App;
use crate::views::*;
use engine::Engine;
use engine::store::upgrade as stored;
use journal::{Entry, Filter, Verdict};
use ledger::Problem;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Entries on one page.
const PAGE: usize = 50;

pub async fn log_view(app: &App, args: LogArgs) -> Result<LogView, Problem> {
    let found = match &args.company {
        Some(company) => Some(at(app, company).await?),
        None => None,
    };
    let engines: Vec<Arc<Engine>> = match &found {
        Some(at) => vec![at.engine.clone()],
        None => app.engines().await,
    };
    let scopes = match &found {
        Some(at) => Some(scopes(at).await?),
        None => None,
    };
    let wanted = |entry: &Entry| {
        scopes
            .as_ref()
            .is_none_or(|scopes| entry.scope.as_ref().is_none_or(|scope| scopes.contains(scope)))
    };
    let search = args.search.trim().to_lowercase();
    let mut views: Vec<LogEntryView> = Vec::new();
    for engine in &engines {
        for entry in all(engine).await?.iter().filter(|entry| wanted(entry)) {
            let area = words::area(&entry.kind);
            if args.filter != LogFilter::All && args.filter != area {
                continue;
            }
            let view = entry_view(entry, area);
            if search.is_empty()
                || view.words.to_lowercase().contains(&search)
                || view.who.as_ref().is_some_and(|who| who.to_lowercase().contains(&search))
            {
                views.push(view);
            }
        }
    }
    if engines.len() > 1 {
        // Two installations: each has its own order, which the time only joins.
        views.sort_by(|a, b| a.at.cmp(&b.at));
    }
    let total = views.len();
    let first = usize::try_from(args.page).unwrap_or(usize::MAX).saturating_mul(PAGE);
    Ok(LogView {
        zone: found.as_ref().map_or_else(|| "UTC".to_string(), |at| at.company.zone.clone()),
        filter: args.filter,
        search: args.search,
        page: args.page,
        pages: count(total.div_ceil(PAGE)),
        total: count(total),
        entries: views.into_iter().rev().skip(first).take(PAGE).collect(),
        chain: chain(app, &engines).await?,
    })
}

/// Everything that belongs to a company: itself, its connections, its upgrades.
async fn scopes(at: &At) -> Result<BTreeSet<String>, Problem> {
    let mut scopes = BTreeSet::from([at.company.id.clone()]);
    scopes.extend(at.engine.connections(&at.company).await?.into_iter().map(|c| c.id));
    scopes.extend(stored::of_company(&at.engine.pool, &at.company.id).await?.into_iter().map(|u| u.id));
    Ok(scopes)
}

async fn all(engine: &Engine) -> Result<Vec<Entry>, Problem> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let after = all.last().map_or(0, |entry| entry.seq);
        let page = engine
            .journal
            .entries(&Filter::default(), after, journal::store::LARGEST_PAGE)
            .await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn entry_view(entry: &Entry, area: LogFilter) -> LogEntryView {
    LogEntryView {
        sequence: small(entry.seq),
        at: entry.at.to_string(),
        area,
        words: words::sentence(entry),
        who: Some(entry.actor.clone()).filter(|who| !who.is_empty()),
        amount: words::amount(entry),
        hash: entry.hash[..6].iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// What is known of the chain: the last verdict of this process, for exactly the records it looked at.
async fn chain(app: &App, engines: &[Arc<Engine>]) -> Result<ChainView, Problem> {
    let mut records = 0;
    let mut good: Option<(u32, String)> = Some((0, String::new()));
    // Numbers of two logs are not one number: signatures are shown where only one log holds anything.
    let mut signatures: Vec<Option<SignedView>> = Vec::new();
    for engine in engines {
        let here = small(engine.journal.head().await?.map_or(0, |head| head.seq));
        records += here;
        match app.inner.memory.chain(&engine.installation) {
            Some(broken @ ChainView::Broken { .. }) => return Ok(broken),
            Some(ChainView::Good { records, checked, signed }) => {
                if here > 0 {
                    signatures.push(signed);
                }
                good = good.map(|(sum, since)| (sum + records, if since.is_empty() { checked } else { since.min(checked) }))
            }
            Some(ChainView::NotChecked { .. }) | None => good = None,
        }
    }
    Ok(match good {
        Some((records, checked)) if !checked.is_empty() => ChainView::Good {
            records,
            checked,
            signed: if signatures.len() == 1 { signatures.remove(0) } else { None },
        },
        Some(_) | None => ChainView::NotChecked { records },
    })
}

/// Reads every log from its beginning and names the first bad record.
pub async fn log_verify(app: &App, _: NoArgs) -> Result<LogView, Problem> {
    for engine in app.engines().await {
        let verdict = journal::verify(&engine.pool, None).await?;
        let records = small(verified_records(&verdict));
        let view = match verdict {
            Verdict::Good { signed, .. } => ChainView::Good {
                records,
                checked: engine.now().to_string(),
                signed: signed.map(|signed| SignedView {
                    record: small(signed.seq),
                    at: signed.at,
                }),
            },
            Verdict::Broken { seq, flaw, what } => ChainView::Broken {
                records: small(newest_seq(&engine).await),
                first_bad: small(seq),
                finding: format!("{}: {what}", flaw_words(flaw)),
            },
            Verdict::Unreadable { why } => ChainView::Broken {
                records,
                first_bad: 0,
                finding: format!("The log cannot be read, so it was not judged: {why}"),
            },
        };
        app.inner.memory.keep_chain(&engine.installation, view);
    }
    let shown = log_view(
        app,
        LogArgs {
            company: None,
            filter: LogFilter::All,
            search: String::new(),
            page: 0,
        },
    )
    .await;
    match shown {
        Ok(view) => Ok(view),
        // A damaged log may refuse to be listed; the verdict is what was asked for.
        Err(_) => Ok(LogView {
            zone: "UTC".to_string(),
            filter: LogFilter::All,
            search: String::new(),
            page: 0,
            pages: 0,
            total: 0,
            entries: Vec::new(),
            chain: worst(app).await,
        }),
    }
}

async fn worst(app: &App) -> ChainView {
    for engine in app.engines().await {
        if let Some(broken @ ChainView::Broken { .. }) = app.inner.memory.chain(&engine.installation) {
            return broken;
        }
    }
    ChainView::NotChecked { records: 0 }
}

async fn newest_seq(engine: &Engine) -> u64 {
    engine.journal.head().await.ok().flatten().map_or(0, |head| head.seq)
}

fn verified_records(verdict: &Verdict) -> u64 {
    match verdict {
        Verdict::Good { entries, .. } => *entries,
        Verdict::Broken { seq, .. } => *seq,
        Verdict::Unreadable { .. } => 0,
    }
}

fn flaw_words(flaw: journal::Flaw) -> &'static str {
    match flaw {
        journal::Flaw::Edited => "A record was changed",
        journal::Flaw::Gap => "A record is missing",
        journal::Flaw::Reordered => "A record stands in another place than it was written for",
        journal::Flaw::Forked => "A record does not stand on the one before it",
        journal::Flaw::Truncated => "The end of the log was cut off",
        journal::Flaw::Checkpoint => "A checkpoint does not agree with the records",
    }
}
