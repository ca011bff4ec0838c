//! What a person or a program sees: data on standard output, everything else on standard error.
//!
//! Progress is a bar where standard error is a terminal and plain lines where it is not. It must never print a secret,
//! and never stop the work because nobody reads any more.

use api::views::ProblemView;
use engine::progress::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ledger::Problem;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Cheap to clone.
#[derive(Clone)]
pub struct Screen {
    inner: Arc<Inner>,
}

struct Inner {
    json: bool,
    bars: bool,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    bar: Option<ProgressBar>,
    /// The last report, so that plain output has one line per piece of work, with its final number.
    last: Option<Progress>,
}

/// How often a bar moves although nothing was reported, so that nobody takes slow work for dead.
const TICK: Duration = Duration::from_millis(250);

/// Of how many steps plain output tells one.
const PLAIN_STEPS: u64 = 7;

impl Screen {
    pub fn new(json: bool) -> Screen {
        Screen {
            inner: Arc::new(Inner {
                json,
                bars: std::io::stderr().is_terminal(),
                now: Mutex::default(),
            }),
        }
    }

    pub fn json(&self) -> bool {
        self.inner.json
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.inner.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One line of the answer.
    pub fn data(&self, line: &str) {
        let write = || {
            // Nobody reads any more: the work itself goes on.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        };
        match &self.lock().bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// The answer for programs.
    pub fn answer<T: Serialize>(&self, answer: &T) {
        match serde_json::to_string_pretty(answer) {
            Ok(text) => self.data(&text),
            Err(error) => self.say(&format!("The answer cannot be written as JSON: {error}.")),
        }
    }

    /// A line beside the answer.
    pub fn say(&self, line: &str) {
        let now = self.lock();
        self.say_under(&now, line);
    }

    fn say_under(&self, now: &Now, line: &str) {
        let write = || {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        };
        match &now.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// The four parts, on standard error; as JSON for programs.
    pub fn problem(&self, problem: &Problem) {
        self.rest();
        if self.json() {
            let view = ProblemView::from(problem.clone());
            match serde_json::to_string_pretty(&view) {
                Ok(text) => self.say(&text),
                Err(_) => self.say(&problem.to_string()),
            }
        } else {
            self.say(&problem.to_string());
        }
    }

    /// The same for a problem that came through the table of commands.
    pub fn problem_view(&self, problem: &ProblemView) {
        self.rest();
        match serde_json::to_string_pretty(problem) {
            Ok(text) if self.json() => self.say(&text),
            Ok(_) | Err(_) => self.say(&problem_text(problem)),
        }
    }

    /// A report of work under way.
    pub fn progress(&self, progress: &Progress) {
        let mut now = self.lock();
        let changed = now.last.as_ref().is_none_or(|last| last.title != progress.title);
        if self.inner.bars {
            // A total that becomes known turns a count into a bar.
            let other = changed
                || now
                    .last
                    .as_ref()
                    .is_some_and(|last| last.total.is_some() != progress.total.is_some());
            if other {
                if let Some(before) = now.bar.take() {
                    before.finish_and_clear();
                }
                now.bar = Some(bar(progress));
            }
            if let Some(bar) = &now.bar {
                if let Some(total) = progress.total {
                    bar.set_length(total);
                }
                bar.set_position(progress.done);
            }
        } else if changed {
            self.tell_last(&mut now);
            if !is_counted_up(progress) {
                self.say_under(&now, &format!("    {}", progress.title));
            }
        }
        now.last = Some(progress.clone());
    }

    /// What begins now; a bar follows once something can be counted.
    pub fn now_doing(&self, words: &str) {
        if self.inner.bars {
            self.progress(&Progress {
                title: words.to_string(),
                done: 0,
                total: None,
                unit: "",
            });
        }
    }

    /// A step of something slow. Plain output tells every seventh, so that a month is a handful of lines.
    pub fn step(&self, progress: &Progress) {
        if self.inner.bars {
            self.progress(progress);
        } else if progress.done % PLAIN_STEPS == 0 {
            self.rest();
            self.say(&plain(progress));
        }
    }

    /// The piece of work is over: its bar goes, or its plain line is written.
    pub fn rest(&self) {
        let mut now = self.lock();
        if let Some(bar) = now.bar.take() {
            bar.finish_and_clear();
        }
        self.tell_last(&mut now);
    }

    /// Plain output: the final number of a piece of work that is only counted.
    fn tell_last(&self, now: &mut Now) {
        // A piece that was not counted to its end was interrupted by the next report; its number would say nothing.
        let whole = |last: &Progress| last.total.is_none_or(|total| total == last.done);
        if let Some(last) = now
            .last
            .take()
            .filter(|last| !self.inner.bars && is_counted_up(last) && whole(last))
        {
            self.say_under(now, &plain(&last));
        }
    }

    /// Hands everything over to whoever reads.
    pub fn flush(&self) {
        let _ = std::io::stdout().flush();
    }

    /// Before the program ends.
    pub fn finish(&self) {
        self.rest();
        self.flush();
    }
}

/// Dressed before it is shown, so that nothing half-made flickers by.
fn bar(progress: &Progress) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(progress.total, ProgressDrawTarget::hidden());
    bar.set_style(style(progress));
    bar.set_message(progress.title.clone());
    bar.set_position(progress.done);
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.enable_steady_tick(TICK);
    bar
}

fn style(progress: &Progress) -> ProgressStyle {
    let template = match (progress.total, progress.unit) {
        (Some(_), "bytes") => "    {msg} {bar:30} {decimal_bytes} of {decimal_total_bytes}, {elapsed}",
        (Some(_), _) => "    {msg} {bar:30} {human_pos} of {human_len}, {elapsed}",
        (None, "") => "    {spinner} {msg}, {elapsed}",
        (None, "bytes") => "    {spinner} {msg} {decimal_bytes}, {elapsed}",
        (None, _) => "    {spinner} {msg} {human_pos}, {elapsed}",
    };
    // The templates are ours and have no fault; a plain bar is what remains if one had.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// What is counted without an end gets its line at the end, with the number; everything else when it begins.
fn is_counted_up(progress: &Progress) -> bool {
    matches!(progress.unit, "records" | "entries" | "payments")
}

/// "    Reading payments: 3,012 records"
fn plain(progress: &Progress) -> String {
    let done = grouped(progress.done);
    match progress.total {
        Some(total) if total != progress.done => format!("    {}: {done} of {} {}", progress.title, grouped(total), progress.unit),
        Some(_) | None => format!("    {}: {done} {}", progress.title, unit(progress)),
    }
}

fn unit(progress: &Progress) -> &'static str {
    match (progress.done, progress.unit) {
        (1, "records") => "record",
        (1, "entries") => "entry",
        (1, "payments") => "payment",
        (_, unit) => unit,
    }
}

/// 3012 → "3,012"
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "1 entry", "2 entries"
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

fn problem_text(problem: &ProblemView) -> String {
    let mut text = format!("{}  {} {}", problem.code, problem.what, problem.touched_sentence);
    for (at, why) in problem.why.iter().enumerate() {
        text.push_str(&format!("\n  {}  {why}", if at == 0 { "Why: " } else { "     " }));
    }
    text.push_str(&format!("\n  Next:  {}", problem.next));
    for other in &problem.also {
        text.push_str(&format!("\n  Also:  {}", problem_text(other).replace('\n', "\n         ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Code;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn one_of_a_kind_is_told_in_the_singular() {
        let told = |done, unit| {
            plain(&Progress {
                title: "Reading payouts".to_string(),
                done,
                total: None,
                unit,
            })
        };
        assert_eq!(told(1, "records"), "    Reading payouts: 1 record");
        assert_eq!(told(1, "entries"), "    Reading payouts: 1 entry");
        assert_eq!(told(3_012, "records"), "    Reading payouts: 3,012 records");
    }

    #[test]
    fn a_problem_from_the_table_reads_as_the_engines_own() {
        let problem = Problem::new(Code("E-ONE"), "It failed.", "First.", "Do this.")
            .because("Second.")
            .beside(Problem::new(Code("E-TWO"), "So did the clean-up.", "Third.", "Do that."));
        assert_eq!(problem_text(&ProblemView::from(problem.clone())), problem.to_string());
    }
}
