//! Around a practice company: its stories, its servers in the foreground, its scripted owner, its clock.

use crate::ending::Ending;
use crate::terminal::Terminal;
use ::practice::{Consent, ServeOptions, Story, World, serve as serve_world};
use api::practice_company::{E_PRACTICE, E_PRACTICE_STORY};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use ledger::Problem;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

pub fn stories(terminal: &Terminal) -> Result<Ending, Problem> {
    if terminal.screen.json() {
        let all: Vec<_> = Story::ALL
            .iter()
            .map(|story| json!({"story": story.name(), "title": story.title(), "text": story.description()}))
            .collect();
        terminal.screen.answer(&all);
    } else {
        for story in Story::ALL {
            terminal.screen.data(&format!("{:<24} {}", story.name(), story.description()));
        }
    }
    Ok(Ending::Done)
}

#[derive(Debug, Clone, Args)]
pub struct ServeArguments {
    /// Serve the company of this number instead of the one in the home folder
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// What goes wrong [default: that of the company in the home folder, else all-goes-well]
    #[arg(long, value_name = "STORY")]
    pub story: Option<String>,
    /// About this many payments instead of a whole year of them
    #[arg(long, value_name = "N")]
    pub payments: Option<usize>,
    /// The port on 127.0.0.1 [default: any that is free]
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// What the practice clock says at first [default: the end of the company's year]
    #[arg(long, value_name = "INSTANT")]
    pub now: Option<Timestamp>,
    /// Where sign-ins outlast a restart of the servers
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Stop after this many minutes without a request
    #[arg(long, value_name = "N")]
    pub idle_minutes: Option<u64>,
}

fn not_served(why: impl ToString) -> Problem {
    Problem::new(
        E_PRACTICE,
        "The practice Square could not be served.",
        why.to_string(),
        "Choose another port, or make the practice company again.",
    )
}

/// Serves on loopback until Ctrl-C, until told to stop, or until nobody asked anything for long.
pub async fn serve(terminal: &Terminal, arguments: ServeArguments) -> Result<Ending, Problem> {
    // Its own facts only: the engine's store of a real company has nothing to do with the servers.
    let facts = match arguments.seed {
        Some(_) => None,
        None => terminal.app().await?.practice_facts()?,
    };
    let name = arguments
        .story
        .clone()
        .or_else(|| facts.as_ref().map(|facts| facts.story.clone()))
        .unwrap_or_else(|| Story::AllGoesWell.name().to_string());
    let story: Story = name.parse().map_err(|why: String| {
        Problem::new(
            E_PRACTICE_STORY,
            why,
            "It is not in the list of stories.",
            "Choose one that `changeover practice stories` lists.",
        )
    })?;
    let seed = arguments.seed.or(facts.as_ref().map(|facts| facts.seed)).unwrap_or(1);
    let payments = arguments.payments.or(facts.as_ref().and_then(|facts| facts.payments));
    let world = tokio::task::spawn_blocking(move || match payments {
        Some(count) => World::small(seed, count),
        None => World::bakery(seed),
    })
    .await
    .map_err(not_served)?;
    let now = arguments.now.unwrap_or_else(|| world.until());
    let mut options = ServeOptions::new(story, now);
    options.port = if arguments.port == 0 {
        facts.as_ref().map_or(0, |facts| facts.port)
    } else {
        arguments.port
    };
    options.redirect_path = "/callback/square".to_string();
    options.idle_stop = arguments.idle_minutes.map(|minutes| Duration::from_secs(minutes * 60));
    options.state_file = arguments
        .state
        .or_else(|| facts.as_ref().map(|_| terminal.home.join("practice").join("practice-square.json")));
    let mut served = serve_world(world, options).await.map_err(not_served)?;
    if terminal.screen.json() {
        terminal.screen.answer(&json!({
            "address": served.base_url, "client_id": served.client_id, "control_header": ::practice::CONTROL_HEADER,
            "control": served.control_token, "now": served.now(), "seed": seed, "story": story.name(),
        }));
    } else {
        terminal.screen.data(&served.base_url);
        terminal.screen.say(&format!(
            "The practice Square serves here, client id \"{}\", clock {}. Ctrl-C ends it.",
            served.client_id,
            served.now()
        ));
    }
    terminal.screen.flush();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = served.stopped() => {}
    }
    Ok(Ending::Done)
}

#[derive(Debug, Clone, Args)]
pub struct ConsentArguments {
    /// The address of the practice sign-in page
    pub url: String,
    /// Press Deny
    #[arg(long, conflicts_with_all = ["allow_fewer", "other_company"])]
    pub deny: bool,
    /// Leave only these permissions ticked
    #[arg(long, value_name = "PERMISSION,…", value_delimiter = ',', conflicts_with = "other_company")]
    pub allow_fewer: Option<Vec<String>>,
    /// Allow, signed in as the other company
    #[arg(long)]
    pub other_company: bool,
}

impl ConsentArguments {
    fn answer(&self) -> Consent {
        if self.deny {
            Consent::Deny
        } else if let Some(kept) = &self.allow_fewer {
            Consent::AllowFewer(kept.clone())
        } else if self.other_company {
            Consent::OtherMerchant
        } else {
            Consent::Allow
        }
    }
}

pub async fn consent(terminal: &Terminal, arguments: ConsentArguments) -> Result<Ending, Problem> {
    let answer = arguments.answer();
    ::practice::consent(&arguments.url, answer).await.map_err(|why| {
        Problem::new(
            E_PRACTICE,
            "The practice sign-in page was not answered.",
            why,
            "Give the address of a sign-in that is waiting; it works for practice pages on this computer only.",
        )
    })?;
    terminal.screen.say("Answered.");
    Ok(Ending::Done)
}

pub async fn next_day(terminal: &Terminal) -> Result<Ending, Problem> {
    let app = terminal.app().await?;
    if app.practice_facts()?.is_none() {
        return Err(Problem::new(
            api::practice_company::E_PRACTICE_NONE,
            "There is no practice company here.",
            "None was made in this folder.",
            "Make one with `changeover practice new`.",
        ));
    }
    let engine = app.practice_engine().await?;
    let next = engine.now().checked_add(SignedDuration::from_hours(24)).map_err(|error| {
        Problem::new(
            E_PRACTICE,
            "The practice clock cannot be moved on by a day.",
            error.to_string(),
            "Make the practice company again.",
        )
    })?;
    app.practice_now(next).await?;
    if terminal.screen.json() {
        terminal.screen.answer(&json!({ "now": next }));
    } else {
        terminal.screen.data(&next.to_string());
    }
    Ok(Ending::Done)
}
