//! The practice authorization server as a program, for tests that are not in Rust.
//!
//! `practice-authorization-server FILE [--environment production|sandbox] [--rules JSON] [--tls good|self-signed|other-name|expired]`
//!
//! FILE is a provider's file in `catalog/providers`. It prints one line of JSON: `base`, the address, and with TLS `trust`, the
//! certificate to trust. Each line of its standard input is a JSON object of rules that hold from then on beside those of the file (see
//! `authority::rules`), and is answered with one line: `{"ok":true}`, or `error` with the reason. It listens on loopback only and stops when its
//! standard input ends. It must never be given a real secret. A further mode needs nothing here.

use practice::authority::{Authority, Certificate, Profile, Rules};
use serde_json::json;
use std::io::Write;
use std::sync::Arc;

struct Wanted {
    file: String,
    environment: String,
    rules: String,
    tls: Option<Certificate>,
}

fn wanted(mut arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted { file: String::new(), environment: "production".into(), rules: "{}".into(), tls: None };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value."));
        match argument.as_str() {
            "--environment" => wanted.environment = value()?,
            "--rules" => wanted.rules = value()?,
            "--tls" => wanted.tls = Some(value().and_then(|name| Certificate::named(&name).ok_or(format!("There is no certificate \"{name}\".")))?),
            _ if wanted.file.is_empty() && !argument.starts_with('-') => wanted.file = argument,
            _ => return Err(format!("\"{argument}\" is not understood.")),
        }
    }
    if wanted.file.is_empty() { Err("Name a provider's file in catalog/providers.".into()) } else { Ok(wanted) }
}

fn say(value: &serde_json::Value) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}").and_then(|()| out.flush()).map_err(|problem| problem.to_string())
}

async fn run() -> Result<(), String> {
    let wanted = wanted(std::env::args().skip(1))?;
    let text = std::fs::read_to_string(&wanted.file).map_err(|problem| format!("{}: {problem}", wanted.file))?;
    let profile = Profile::read(&text, &wanted.environment)?;
    let rules = Rules::changed(&profile, &wanted.rules)?;
    let clock = Arc::new(|| jiff::Timestamp::now().as_second());
    let server = match wanted.tls {
        None => Authority::start(profile, clock).await,
        Some(certificate) => Authority::start_tls(profile, clock, certificate).await,
    }
    .map_err(|problem| format!("The server cannot be started: {problem}"))?;
    server.rule(|now| *now = rules);
    say(&json!({"base": server.base.as_str(), "trust": server.trust}))?;
    // Reading a line blocks, and the server goes on meanwhile.
    let listening = tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lines() {
            let line = line.map_err(|problem| problem.to_string())?;
            match Rules::changed(&server.profile, &line) {
                Ok(rules) => {
                    server.rule(|now| *now = rules);
                    say(&json!({"ok": true}))?;
                }
                Err(error) => say(&json!({"error": error}))?,
            }
        }
        Ok(())
    });
    listening.await.map_err(|problem| problem.to_string())?
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    match run().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            std::process::ExitCode::FAILURE
        }
    }
}
