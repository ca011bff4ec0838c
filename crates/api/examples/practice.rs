//! Runs the unattended practice upgrade with timings, for whoever works on the engine.
use api::practice_company::{Narrator, ScriptedBrowser};
use api::{App, Start};
use std::sync::Arc;
use upgrade::State;

struct Tell(std::time::Instant);
impl Narrator for Tell {
    fn stage(&self, state: &State) {
        eprintln!("{:>7.2}s  {} / {:?}", self.0.elapsed().as_secs_f64(), state.stage, state.mode);
        for (stage, checks) in &state.checks {
            for check in checks.iter().filter(|c| !matches!(c.verdict, upgrade::Verdict::Pass | upgrade::Verdict::NotApplicable)) {
                eprintln!("     {stage} {:?} {:?}: found {} expected {} {:#?}", check.verdict, check.id, check.found, check.expected, check.details);
            }
        }
    }
    fn says(&self, words: &str) {
        eprintln!("         {words}");
    }
}

#[tokio::main]
async fn main() {
    if api::worker_entry().is_some() {
        return;
    }
    let home = std::env::args().nth(1).expect("home");
    let payments = std::env::args().nth(2).and_then(|n| n.parse().ok());
    let story = std::env::args().nth(3).unwrap_or("all-goes-well".into());
    let began = std::time::Instant::now();
    let start = Start { home: home.into(), browser: Arc::new(ScriptedBrowser), changed: Arc::new(|| {}), worker: None, actor: "example".into() };
    let app = App::start(start).await.unwrap();
    let watcher = engine::progress::Watcher::new(move |p| eprintln!("{:>7.2}s    {} {}", began.elapsed().as_secs_f64(), p.title, p.done));
    let (company, connection) = match app.practice_make(7, &story, payments, &watcher).await {
        Ok(made) => made,
        Err(problem) => return eprintln!("{problem}"),
    };
    eprintln!("{:>7.2}s  made {}", began.elapsed().as_secs_f64(), company.name);
    let id = match app.practice_plan(&company, &connection).await {
        Ok(id) => id,
        Err(problem) => return eprintln!("{problem}"),
    };
    match app.practice_carry_on(&id, &Tell(began), &watcher).await {
        Ok(ended) => eprintln!("{:>7.2}s  ended {:?} {:?} {:?}\n{:#?}", began.elapsed().as_secs_f64(), ended.state.stage, ended.state.mode, ended.verdict, ended.state.facts),
        Err(problem) => eprintln!("{problem}"),
    }
}
