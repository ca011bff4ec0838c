//! What a row of the calendar says in English, for the terminal and the calendar file. The page has its own message
//! files, in every language.
//!
//! Plain words for bookkeepers; no provider's id of a company and no permission without what it is for.

use super::{Act, End, Ending, Lasts, Standing, Sure, What};
use jiff::Timestamp;
use jiff::civil::Date;

impl Ending {
    /// What ends, in one line.
    pub fn title(&self) -> String {
        let provider = &self.provider;
        let whose = match &self.for_version {
            Some(version) => format!(" (connector {version})"),
            None => String::new(),
        };
        match &self.what {
            What::SignIn { lasts: Lasts::Over { .. } } => format!("The sign-in at {provider} must be given again{whose}"),
            What::SignIn { lasts: Lasts::Renews } => format!("The sign-in at {provider} ends if it is not used{whose}"),
            What::SignIn { lasts: Lasts::Fixed } => format!("The sign-in at {provider} ends{whose}"),
            What::Key { called } => format!("The {called} of {provider} ends{whose}"),
            What::Cap { .. } => format!("The sign-in at {provider} ends for good{whose}"),
            What::Permission { name, .. } => format!("{provider} retires the permission {name}{whose}"),
            What::ApiVersion { version, .. } => format!("{provider} stops answering in its form of {version}"),
            What::Connector { title, .. } => title.clone(),
            What::Announced { .. } => format!("{provider} has announced a change"),
        }
    }

    /// What happens then.
    pub fn happens(&self) -> String {
        let stops = "Payments no longer reach the books; what was fetched stays, and nothing is lost.";
        match &self.what {
            What::SignIn { lasts: Lasts::Over { reason: Some(reason) } } => format!("{reason} {stops}"),
            What::SignIn { lasts: Lasts::Over { reason: None } | Lasts::Renews | Lasts::Fixed } | What::Key { .. } => stops.to_string(),
            What::Cap { days } => format!("It ends {days} days after it was given, however often it is renewed. {stops}"),
            What::Permission { why, .. } => format!("{why} What it allowed must then be given by the permissions in its place."),
            What::ApiVersion { connector, .. } => format!("Connector {connector} then gets no answers any more. {stops}"),
            What::Connector { text, .. } => text.clone(),
            What::Announced { text } => text.clone(),
        }
    }

    /// What to do.
    pub fn to_do(&self) -> String {
        match &self.act {
            Act::Reconnect => match &self.what {
                What::Key { called } => format!("Make a new {called} at {} and enter it.", self.provider),
                What::SignIn { .. } | What::Cap { .. } | What::Permission { .. } | What::ApiVersion { .. } | What::Connector { .. } | What::Announced { .. } => {
                    format!("Reconnect {}: sign in again.", self.provider)
                }
            },
            Act::PlanUpgrade { to } => format!("Plan the upgrade to connector {to}."),
            Act::GoOn { to } => format!("Go on with the upgrade to connector {to}, which is under way."),
            Act::RenewsItself => "Nothing: it renews itself whenever payments are fetched, and its end moves.".to_string(),
            Act::Read => "Read what the provider says, and whether it concerns you.".to_string(),
            Act::Nothing => match self.end {
                End::Unknown => "Nothing now: nobody says when, and it is told here as soon as it is known.".to_string(),
                End::NoKnownEnd | End::At(_) | End::On(_) | End::Month(_) | End::Over => "Nothing.".to_string(),
            },
        }
    }

    /// When: the day in the business's zone, with the time of day where one is known.
    pub fn when(&self) -> String {
        match self.end {
            End::At(at) => {
                let local = at.to_zoned(self.zone.clone());
                format!("{} {:02}:{:02}", local.date(), local.hour(), local.minute())
            }
            End::On(day) => day.to_string(),
            End::Month(first) => format!("in {}", month(first)),
            End::Over => "ended".to_string(),
            End::NoKnownEnd => "no known end".to_string(),
            End::Unknown => "not known".to_string(),
        }
    }

    /// "in 5 days", "today", "3 days ago"; empty without a day.
    pub fn distance(&self, now: Timestamp) -> String {
        let days = |count: i32| if count == 1 { "1 day".to_string() } else { format!("{count} days") };
        match self.days_left(now) {
            None => String::new(),
            Some(0) => "today".to_string(),
            Some(left) if left < 0 => format!("{} ago", days(-left)),
            Some(left) => format!("in {}", days(left)),
        }
    }

    /// How sure that is; empty where the provider itself says it.
    pub fn sureness(&self) -> String {
        match &self.sure {
            Sure::Said => String::new(),
            Sure::WorkedOut => "Worked out from the time that the provider states.".to_string(),
            Sure::Unverified { why: None } => "Not confirmed with the provider.".to_string(),
            Sure::Unverified { why: Some(why) } => format!("Not confirmed: {why}"),
        }
    }
}

impl Standing {
    pub fn word(self) -> &'static str {
        match self {
            Standing::Ended => "ended",
            Standing::Soon => "soon",
            Standing::Later => "later",
            Standing::Undated => "no day",
        }
    }
}

/// "2027-09"
fn month(first: Date) -> String {
    format!("{:04}-{:02}", first.year(), first.month())
}
