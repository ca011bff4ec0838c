//! Long work that a screen follows: started once, watched by anybody, cancelled by a person.
//!
//! A job never decides anything; it carries an engine call and remembers its last report. At most
//! `KEPT` ended jobs are remembered.

use crate::pace::Pace;
use crate::views::{JobState, JobUnit, JobView, ProblemView, Work};
use engine::progress::{Progress, Watcher};
use jiff::Timestamp;
use ledger::{Code, Problem};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub const E_JOB_UNKNOWN: Code = Code("E-JOB-UNKNOWN");
pub const CODES: &[Code] = &[E_JOB_UNKNOWN];

/// Ended jobs that are still shown.
const KEPT: usize = 50;

struct Job {
    company: Option<String>,
    work: Work,
    state: JobState,
    started: Timestamp,
    pace: Pace,
    last: Option<Progress>,
    watcher: Watcher,
    problem: Option<ProblemView>,
}

/// Every job of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Jobs {
    jobs: Arc<Mutex<BTreeMap<u64, Job>>>,
    next: Arc<AtomicU64>,
    changed: Arc<Mutex<Option<Arc<dyn Fn() + Send + Sync>>>>,
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called after every job that ended, so that the page reads its view again.
    pub fn on_change(&self, tell: impl Fn() + Send + Sync + 'static) {
        *self.changed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(tell));
    }

    fn tell(&self) {
        let tell = self.changed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(tell) = tell {
            tell();
        }
    }

    /// Starts work and returns at once.
    pub fn start<F>(&self, company: Option<String>, work: Work, task: impl FnOnce(Watcher) -> F) -> JobView
    where
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        let id = self.next.fetch_add(1, Ordering::SeqCst) + 1;
        let reports = self.clone();
        let watcher = Watcher::new(move |progress| {
            if let Some(job) = reports.lock().get_mut(&id) {
                job.pace.note(&progress, Instant::now());
                job.last = Some(progress);
            }
        });
        let job = Job {
            company,
            work,
            state: JobState::Running,
            started: Timestamp::now(),
            pace: Pace::default(),
            last: None,
            watcher: watcher.clone(),
            problem: None,
        };
        {
            let mut jobs = self.lock();
            jobs.insert(id, job);
            let ended: Vec<u64> = jobs.iter().filter(|(_, job)| job.state != JobState::Running).map(|(id, _)| *id).collect();
            for old in ended.iter().take(ended.len().saturating_sub(KEPT)) {
                jobs.remove(old);
            }
        }
        let future = task(watcher);
        let ends = self.clone();
        tokio::spawn(async move {
            let result = future.await;
            if let Some(job) = ends.lock().get_mut(&id) {
                match result {
                    Ok(()) => job.state = JobState::Done,
                    Err(problem) if job.watcher.is_cancelled() => {
                        job.state = JobState::Cancelled;
                        job.problem = Some(problem.into());
                    }
                    Err(problem) => {
                        job.state = JobState::Failed;
                        job.problem = Some(problem.into());
                    }
                }
            }
            ends.tell();
        });
        self.tell();
        self.shown(id).unwrap_or_else(|| JobView {
            id: id.to_string(),
            company: None,
            work,
            state: JobState::Running,
            now_doing: None,
            unit: JobUnit::Steps,
            done: 0,
            total: None,
            per_second: None,
            seconds_left: None,
            cancellable: true,
            started: Timestamp::now().to_string(),
            problem: None,
        })
    }

    fn shown(&self, id: u64) -> Option<JobView> {
        self.lock().get(&id).map(|job| view(id, job))
    }

    /// Errors: `E-JOB-UNKNOWN`.
    pub fn view(&self, id: &str) -> Result<JobView, Problem> {
        id.parse().ok().and_then(|id| self.shown(id)).ok_or_else(|| unknown(id))
    }

    /// Asks a job to stop at its next safe point. Errors: `E-JOB-UNKNOWN`.
    pub fn cancel(&self, id: &str) -> Result<JobView, Problem> {
        let number: u64 = id.parse().map_err(|_| unknown(id))?;
        match self.lock().get(&number) {
            Some(job) => job.watcher.cancel(),
            None => return Err(unknown(id)),
        }
        self.view(id)
    }

    /// The running job of a company that does one of these kinds of work.
    pub fn running(&self, company: &str, works: &[Work]) -> Option<JobView> {
        self.lock()
            .iter()
            .rev()
            .find(|(_, job)| job.state == JobState::Running && job.company.as_deref() == Some(company) && works.contains(&job.work))
            .map(|(id, job)| view(*id, job))
    }

    /// The newest job of a kind, running or ended.
    pub fn latest(&self, company: Option<&str>, work: Work) -> Option<JobView> {
        self.lock().iter().rev().find(|(_, job)| job.work == work && (company.is_none() || job.company.as_deref() == company)).map(|(id, job)| view(*id, job))
    }

    /// Every job still running.
    pub fn all_running(&self) -> Vec<JobView> {
        self.lock().iter().filter(|(_, job)| job.state == JobState::Running).map(|(id, job)| view(*id, job)).collect()
    }

    /// The watcher of a running job of a company, so that a pause can reach it.
    pub fn cancel_running(&self, company: &str, works: &[Work]) {
        for job in self.lock().values() {
            if job.state == JobState::Running && job.company.as_deref() == Some(company) && works.contains(&job.work) {
                job.watcher.cancel();
            }
        }
    }
}

fn unknown(id: &str) -> Problem {
    Problem::new(E_JOB_UNKNOWN, format!("There is no running work with the number {id}."), "It ended long ago, or Changeover was started anew.", "Look at the screen it belonged to.")
}

fn view(id: u64, job: &Job) -> JobView {
    let (done, total) = job.last.as_ref().map_or((0, None), |p| (p.done, p.total));
    let rate = job.pace.per_second(Instant::now());
    let left = match (total, rate) {
        (Some(total), Some(rate)) => Some(total.saturating_sub(done) / rate),
        (Some(_), None) | (None, Some(_)) | (None, None) => None,
    };
    JobView {
        id: id.to_string(),
        company: job.company.clone(),
        work: job.work,
        state: job.state,
        now_doing: job.last.as_ref().map(|p| p.title.clone()),
        unit: match job.last.as_ref().map(|p| p.unit) {
            Some("records") => JobUnit::Records,
            Some("entries") => JobUnit::Entries,
            Some("bytes") => JobUnit::Bytes,
            Some("payments") => JobUnit::Payments,
            Some(_) | None => JobUnit::Steps,
        },
        done,
        total,
        per_second: rate,
        seconds_left: left.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX)),
        cancellable: job.state == JobState::Running,
        started: job.started.to_string(),
        problem: job.problem.clone(),
    }
}
