//! What ends, and when: sign-ins, permissions, interface versions and announced changes, of one company or of all.
//!
//! It reads the store and the catalogue only: no network, no keychain, no secret, and no provider's id of a company. It
//! must never guess a day; what nobody says is a row that says so. `rows` makes the rows (pure), `words` says them in
//! English for the terminal and the calendar file, `ics` writes that file, `telling` decides who is told when. A new
//! kind of end is one variant of [`What`], one arm in `words` and one sentence in the page's message files.

mod ics;
mod rows;
mod telling;
#[cfg(test)]
mod tests;
mod words;

pub use ics::{CalendarFile, calendar_file, write};
pub use rows::{InUse, Known, endings, sign_in_ends};
pub use telling::{Telling, Threshold, Told, due};

use crate::companies::zone_of;
use crate::engine::Engine;
use crate::store::company::{Company, Connection};
use crate::store::upgrade as stored;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ledger::Problem;

/// How many days before its end a sign-in or key is called to a person's attention.
pub const NOTICE_SIGN_IN_DAYS: i32 = 14;
/// The same for permissions, interface versions and announced changes, which take longer to prepare.
pub const NOTICE_CHANGE_DAYS: i32 = 60;

/// One thing that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Stays the same from day to day, also when the end moves: what the calendar file and the notices recognise it by.
    pub id: String,
    pub company_id: String,
    pub company: String,
    /// The business's own zone: it says which day an instant falls on.
    pub zone: TimeZone,
    pub connection: String,
    /// What people call the provider.
    pub provider: String,
    /// The connector version whose access it is, where an upgrade keeps two.
    pub for_version: Option<String>,
    pub what: What,
    pub end: End,
    pub sure: Sure,
    pub act: Act,
    /// Where it is announced.
    pub source: Option<String>,
    /// What else the provider says about this end, without a day.
    pub notes: Vec<Note>,
    /// When the provider's facts were last compared with its own pages; None where they play no part.
    pub checked: Option<Date>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub text: String,
    pub source: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Access that a person gave on the provider's page.
    SignIn { lasts: Lasts },
    /// A key that a person made; `called` is the provider's word for it.
    Key { called: String },
    /// However often it is renewed, a sign-in ends after this many days.
    Cap { days: u32 },
    /// A granted permission that the provider retires.
    Permission { name: String, why: String },
    /// The form of the interface that the present connector speaks.
    ApiVersion { version: String, connector: String },
    /// A change with a deadline, which a newer connector is made for. Title and text are the package's.
    Connector { from: String, to: String, title: String, text: String },
    /// Announced by the provider for everybody.
    Announced { text: String },
}

/// Whether a sign-in's end moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lasts {
    /// Every use, or every renewal, moves the end; it is reached only where nothing is fetched.
    Renews,
    /// Nothing moves it.
    Fixed,
    /// Only a person can renew it; `reason` is the vault's.
    Over { reason: Option<String> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    At(Timestamp),
    /// A whole day in the business's zone.
    On(Date),
    /// A month whose day nobody has named, by its first day.
    Month(Date),
    /// It has ended, and the day is not known.
    Over,
    /// The provider says that it does not end by itself.
    NoKnownEnd,
    /// Nobody says when, or whether.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sure {
    /// Said by the provider.
    Said,
    /// Worked out from a life that the provider states.
    WorkedOut,
    /// Nobody has confirmed it; why, where that is known.
    Unverified { why: Option<String> },
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Reconnect,
    PlanUpgrade { to: String },
    /// The upgrade that mends it is under way.
    GoOn { to: String },
    /// Nothing, as long as payments are fetched.
    RenewsItself,
    /// To read what the provider announces; Changeover cannot tell whether it concerns this company.
    Read,
    Nothing,
}

/// Where a row stands against the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Ended,
    /// Within its notice time.
    Soon,
    Later,
    /// Without a known day.
    Undated,
}

impl Ending {
    /// The instant at which it ends: for a whole day or month its first instant in the business's zone, so that nobody
    /// is told too late. None without a known day.
    pub fn moment(&self) -> Option<Timestamp> {
        match self.end {
            End::At(at) => Some(at),
            // A day that a clock change robs of its midnight begins at its first instant.
            End::On(day) | End::Month(day) => day.to_zoned(self.zone.clone()).ok().map(|start| start.timestamp()),
            End::Over | End::NoKnownEnd | End::Unknown => None,
        }
    }

    /// The day in the business's zone; for a month its first.
    pub fn day(&self) -> Option<Date> {
        match self.end {
            End::At(at) => Some(at.to_zoned(self.zone.clone()).date()),
            End::On(day) | End::Month(day) => Some(day),
            End::Over | End::NoKnownEnd | End::Unknown => None,
        }
    }

    /// Days of the calendar from today to the end, in the business's zone; 0 = today, also within a month that names no
    /// day. Negative when it has passed.
    pub fn days_left(&self, now: Timestamp) -> Option<i32> {
        let today = now.to_zoned(self.zone.clone()).date();
        let last = match self.end {
            End::Month(first) => first.last_of_month(),
            End::At(_) | End::On(_) | End::Over | End::NoKnownEnd | End::Unknown => self.day()?,
        };
        let until = |day: Date| today.until(day).map_or(i32::MAX, |span| span.get_days());
        Some(match (until(self.day()?), until(last)) {
            (first, last) if first < 0 && last >= 0 => 0,
            (first, last) if first < 0 => last,
            (first, _) => first,
        })
    }

    /// An instant has ended when it is reached; a whole day when it is over.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        match self.end {
            End::At(at) => at <= now,
            End::On(_) | End::Month(_) => self.days_left(now).is_some_and(|days| days < 0),
            End::Over => true,
            End::NoKnownEnd | End::Unknown => false,
        }
    }

    pub fn notice_days(&self) -> i32 {
        match &self.what {
            What::SignIn { .. } | What::Key { .. } | What::Cap { .. } => NOTICE_SIGN_IN_DAYS,
            What::Permission { .. } | What::ApiVersion { .. } | What::Connector { .. } | What::Announced { .. } => NOTICE_CHANGE_DAYS,
        }
    }

    pub fn standing(&self, now: Timestamp) -> Standing {
        if self.has_ended(now) {
            return Standing::Ended;
        }
        match self.days_left(now) {
            None => Standing::Undated,
            Some(days) if days <= self.notice_days() => Standing::Soon,
            Some(_) => Standing::Later,
        }
    }
}

/// Past ones that still matter first, then by time; without a day last, what nobody says before what does not end.
pub fn sort(rows: &mut [Ending], now: Timestamp) {
    let undated = |row: &Ending| match row.end {
        End::NoKnownEnd => 1,
        End::At(_) | End::On(_) | End::Month(_) | End::Over | End::Unknown => 0,
    };
    let place = |row: &Ending| match row.standing(now) {
        Standing::Ended => 0,
        Standing::Soon | Standing::Later => 1,
        Standing::Undated => 2,
    };
    rows.sort_by(|a, b| {
        let key = |row: &Ending| (place(row), undated(row), row.moment());
        key(a).cmp(&key(b)).then_with(|| (&a.company, &a.id).cmp(&(&b.company, &b.id)))
    });
}

impl Engine {
    /// Everything that will end for a company, in order. Errors: `E-PROVIDER`, `E-CONNECTOR-UNKNOWN`, `E-ZONE-UNKNOWN`,
    /// `E-STORE…`; nothing is written.
    pub async fn endings(&self, company: &Company) -> Result<Vec<Ending>, Problem> {
        let now = self.now();
        let zone = zone_of(company)?;
        let mut all: Vec<Ending> = Vec::new();
        for connection in self.connections(company).await? {
            for row in self.endings_of(company, &zone, &connection, now).await? {
                // What a provider announces for everybody is said once, however many accounts a company has there.
                if all.iter().all(|one| one.id != row.id) {
                    all.push(row);
                }
            }
        }
        sort(&mut all, now);
        Ok(all)
    }

    async fn endings_of(&self, company: &Company, zone: &TimeZone, connection: &Connection, now: Timestamp) -> Result<Vec<Ending>, Problem> {
        let provider = self.provider(&connection.provider)?;
        let open = stored::open_of(&self.pool, &connection.id).await?;
        let version = self.version_now(connection).await?;
        let mut accesses = Vec::new();
        for version in std::iter::once(version.clone()).chain(open.iter().map(|row| row.to_version.clone())) {
            let Some(access) = self.access(connection, &version).await? else { continue };
            if accesses.iter().all(|one: &InUse| one.access.generation != access.generation) {
                accesses.push(InUse { version, access });
            }
        }
        let mut newer = Vec::new();
        let mut package = self.package(&connection.connector, &connection.version)?;
        while let Some(next) = self.catalog.successor(package) {
            newer.push(next);
            package = next;
        }
        let known = Known {
            company,
            zone,
            connection,
            provider: &provider,
            accesses,
            api_version: self.package(&connection.connector, &version)?.api_version(),
            connector: &version,
            newer,
            upgrading_to: open.as_ref().map(|row| row.to_version.as_str()),
        };
        Ok(endings(&known, now))
    }
}
