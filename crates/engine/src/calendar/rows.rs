//! From what is known of one connection to its rows of the calendar. Pure: facts and the clock come in as arguments.
//!
//! It must never invent a day, nor leave out that one is unknown. A new source of ends is one function here, called by
//! [`endings`].

use super::{Act, End, Ending, Lasts, NOTICE_SIGN_IN_DAYS, Note, Sure, What};
use crate::store::company::{Company, Connection};
use authorization::provider::{About, Credential, Expiry, Refresh, RefreshLife, Rotation, Since, When};
use authorization::{CredentialState, Described, Provider};
use connector::Package;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

/// What is known of one connection.
pub struct Known<'a> {
    pub company: &'a Company,
    pub zone: &'a TimeZone,
    pub connection: &'a Connection,
    pub provider: &'a Provider,
    /// That of the present connector first, then that of an upgrade under way.
    pub accesses: Vec<InUse>,
    /// The interface's version that the present connector speaks.
    pub api_version: &'a str,
    /// The present connector's version.
    pub connector: &'a str,
    /// The versions that one can come to, step by step.
    pub newer: Vec<&'a Package>,
    /// The version of an upgrade under way.
    pub upgrading_to: Option<&'a str>,
}

/// A stored access and the connector version that uses it.
pub struct InUse {
    pub version: String,
    pub access: Described,
}

/// All rows of one connection, in no order.
pub fn endings(known: &Known<'_>, now: Timestamp) -> Vec<Ending> {
    let mut rows = Vec::new();
    for in_use in &known.accesses {
        // An access that was given up has no end any more.
        if in_use.access.state != CredentialState::Retired {
            rows.push(access_row(known, in_use, now));
            rows.extend(cap_row(known, in_use));
            rows.extend(permission_rows(known, in_use));
        }
    }
    rows.extend(connector_rows(known));
    rows.extend(announced_rows(known, now));
    rows
}

impl Known<'_> {
    fn row(&self, id: String, what: What, end: End, sure: Sure, act: Act) -> Ending {
        Ending {
            id,
            company_id: self.company.id.clone(),
            company: self.company.name.clone(),
            zone: self.zone.clone(),
            connection: self.connection.id.clone(),
            provider: self.provider.title.clone(),
            for_version: None,
            what,
            end,
            sure,
            act,
            source: None,
            notes: Vec::new(),
            checked: Some(self.provider.checked),
        }
    }

    /// A row about an access, with the version it is for where there are two.
    fn of_access(&self, in_use: &InUse, kind: &str, what: What, end: End, sure: Sure, act: Act) -> Ending {
        let later = self.accesses.first().is_some_and(|first| first.version != in_use.version);
        // The present access keeps its name when an upgrade begins; the other one bears its version.
        let suffix = if later { format!("/{}", in_use.version) } else { String::new() };
        let mut row = self.row(format!("{kind}/{}{suffix}", self.connection.id), what, end, sure, act);
        row.for_version = (self.accesses.len() > 1).then(|| in_use.version.clone());
        row
    }

    /// `sure`, unless a fact that it rests on was never confirmed.
    fn confirmed(&self, sure: Sure, about: About) -> Sure {
        match self.provider.unverified.iter().find(|fact| fact.about == Some(about)) {
            Some(fact) => Sure::Unverified { why: Some(format!("{} ({})", fact.fact, fact.source)) },
            None => sure,
        }
    }
}

/// When a person has to sign in or make a key again, as far as anybody says: the end of the means to renew, or the day after which no
/// renewal helps. Access that is renewed by itself has no end of this kind. None where there is none, or none is known.
pub fn sign_in_ends(provider: &Provider, access: &Described) -> Option<Timestamp> {
    let end = match living(provider, access).1 {
        End::At(at) => Some(at),
        End::On(_) | End::Month(_) | End::Over | End::NoKnownEnd | End::Unknown => None,
    };
    [end, cap(provider, access)].into_iter().flatten().min()
}

/// What an access that nobody took back is, and its end.
fn living(provider: &Provider, access: &Described) -> (What, End, Sure) {
    let at = |end: Option<Timestamp>| end.map_or(End::Unknown, End::At);
    if access.kind != provider.kind().name() {
        // Given in a way that the provider's file no longer describes: only what was said at the time counts.
        return (What::SignIn { lasts: Lasts::Fixed }, at(access.refresh_expires.or(access.access_expires)), Sure::Said);
    }
    match &provider.credential {
        Credential::OauthPkce(facts) | Credential::OauthOwnApp(facts) => signed_in(access, &facts.refresh, facts.token.expiry),
        Credential::ApiKey(key) => (What::Key { called: key.called.clone() }, at(access.access_expires), Sure::Said),
        // Its access is fetched anew with the key, so the key's end is what counts, and nobody states one.
        Credential::ClientCredentials { key, token } => {
            let end = if token.expiry == Expiry::None { End::NoKnownEnd } else { End::Unknown };
            (What::Key { called: key.called.clone() }, end, Sure::Said)
        }
    }
}

/// The end of a stored access.
fn access_row(known: &Known<'_>, in_use: &InUse, now: Timestamp) -> Ending {
    let access = &in_use.access;
    let (what, end, sure) = match access.state {
        CredentialState::NeedsReauth => over(access, now),
        CredentialState::Active | CredentialState::Superseded | CredentialState::Retired => living(known.provider, access),
    };
    let sure = known.confirmed(sure, About::SignInEnd);
    let mut row = known.of_access(in_use, "sign-in", what, end, sure, Act::Nothing);
    row.act = match (&row.what, row.end) {
        (What::SignIn { lasts: Lasts::Over { .. } }, _) => Act::Reconnect,
        (_, End::NoKnownEnd | End::Unknown) => Act::Nothing,
        // What renews itself and still comes near its end was not used for long: then a person has to look.
        (What::SignIn { lasts: Lasts::Renews }, _) if row.days_left(now).is_some_and(|days| days > NOTICE_SIGN_IN_DAYS) => Act::RenewsItself,
        (_, End::At(_) | End::On(_) | End::Month(_) | End::Over) => Act::Reconnect,
    };
    let rules = known.provider.deadlines.iter().filter(|rule| rule.on.is_none());
    row.notes = rules.map(|rule| Note { text: rule.what.clone(), source: rule.source.clone() }).collect();
    row.source = row.notes.first().map(|note| note.source.clone());
    row
}

/// Only a person can renew it. What was given may still work until it runs out.
fn over(access: &Described, now: Timestamp) -> (What, End, Sure) {
    let past = |end: Option<Timestamp>| end.filter(|end| *end <= now);
    let end = match (past(access.refresh_expires), access.access_expires) {
        (Some(end), _) => End::At(end),
        (None, Some(end)) => End::At(end),
        (None, None) => End::Over,
    };
    (What::SignIn { lasts: Lasts::Over { reason: access.reason.clone() } }, end, Sure::Said)
}

fn signed_in(access: &Described, refresh: &Refresh, expiry: Expiry) -> (What, End, Sure) {
    let (renews, worked_out) = match refresh.life {
        RefreshLife::Ends { after, since } => {
            let renews = match (since, refresh.rotation) {
                (Since::LastUse, Rotation::Always | Rotation::Sometimes | Rotation::Never | Rotation::Unknown) => true,
                (Since::Issue, Rotation::Always) => true,
                // Nobody says that a renewal brings a new life, so it is not counted on.
                (Since::Issue, Rotation::Sometimes | Rotation::Never | Rotation::Unknown) => false,
            };
            (renews, access.renewed_at.checked_add(after.duration()).map_or(End::Unknown, End::At))
        }
        RefreshLife::UntilRevoked => (true, End::NoKnownEnd),
        RefreshLife::Unknown if expiry == Expiry::None => (true, End::NoKnownEnd),
        RefreshLife::Unknown => (true, End::Unknown),
    };
    let lasts = if renews { Lasts::Renews } else { Lasts::Fixed };
    match access.refresh_expires {
        Some(said) => (What::SignIn { lasts }, End::At(said), Sure::Said),
        None => {
            let sure = if worked_out == End::NoKnownEnd { Sure::Said } else { Sure::WorkedOut };
            (What::SignIn { lasts }, worked_out, sure)
        }
    }
}

/// The instant after which no renewal helps.
fn cap(provider: &Provider, access: &Described) -> Option<Timestamp> {
    let cap = provider.refresh().and_then(|refresh| refresh.cap)?;
    let living = access.state != CredentialState::NeedsReauth && access.kind == provider.kind().name();
    access.granted_at.checked_add(cap.duration()).ok().filter(|_| living)
}

fn cap_row(known: &Known<'_>, in_use: &InUse) -> Option<Ending> {
    let days = known.provider.refresh().and_then(|refresh| refresh.cap)?.seconds() / 86_400;
    let end = cap(known.provider, &in_use.access)?;
    let what = What::Cap { days };
    Some(known.of_access(in_use, "cap", what, End::At(end), Sure::WorkedOut, Act::Reconnect))
}

fn whenever(on: Option<When>) -> End {
    match on {
        Some(When { day, day_is_known: true }) => End::On(day),
        Some(When { day, day_is_known: false }) => End::Month(day),
        None => End::Unknown,
    }
}

/// Permissions that were granted and are being retired.
fn permission_rows(known: &Known<'_>, in_use: &InUse) -> Vec<Ending> {
    let granted = |name: &str| in_use.access.permissions.iter().any(|one| one == name);
    let retiring = known.provider.retiring.iter().filter(|old| granted(&old.name));
    retiring
        .map(|old| {
            let what = What::Permission { name: old.name.clone(), why: old.why.clone() };
            let sure = known.confirmed(Sure::Said, About::Retiring);
            let mut row = known.of_access(in_use, "permission", what, whenever(old.on), sure, Act::Reconnect);
            row.id = format!("{}/{}", row.id, old.name);
            row.source = Some(old.source.clone());
            row
        })
        .collect()
}

/// What newer connectors are made for, by its deadline; without one, that the interface's end is not known.
fn connector_rows(known: &Known<'_>) -> Vec<Ending> {
    let mut rows = Vec::new();
    for package in &known.newer {
        let to = package.version().to_string();
        for change in package.breaking_changes() {
            let Some(day) = change.deadline else { continue };
            let what = What::Connector {
                from: known.connection.version.clone(),
                to: to.clone(),
                title: change.title.clone(),
                text: change.text.clone(),
            };
            let sure = if change.unverified { Sure::Unverified { why: None } } else { Sure::Said };
            let act = match known.upgrading_to {
                Some(version) if version == to => Act::GoOn { to: to.clone() },
                Some(_) | None => Act::PlanUpgrade { to: to.clone() },
            };
            let mut row = known.row(format!("connector/{}/{to}/{}", known.connection.id, change.id), what, End::On(day), sure, act);
            row.source = Some(change.source.clone());
            row.checked = None;
            rows.push(row);
        }
    }
    if rows.is_empty() {
        let what = What::ApiVersion { version: known.api_version.to_string(), connector: known.connector.to_string() };
        let id = format!("interface/{}/{}", known.connection.id, known.api_version);
        let mut row = known.row(id, what, End::Unknown, Sure::Said, Act::Nothing);
        row.checked = None;
        rows.push(row);
    }
    rows
}

/// What the provider announces for everybody. A passed day still matters to an access from before it.
fn announced_rows(known: &Known<'_>, now: Timestamp) -> Vec<Ending> {
    let from_before = |day: Date| {
        let living = known.accesses.iter().filter(|one| one.access.state != CredentialState::Retired);
        living.map(|one| one.access.granted_at.to_zoned(known.zone.clone()).date()).any(|granted| granted < day)
    };
    let mut rows = Vec::new();
    for deadline in known.provider.deadlines.iter() {
        let Some(on) = deadline.on else { continue };
        // Two announcements of one day are two rows, and a corrected text is a new one.
        let mark = hex::encode(&Sha256::digest(deadline.what.as_bytes())[..6]);
        let id = format!("announced/{}/{}/{mark}", known.company.id, known.provider.name);
        let mut row = known.row(id, What::Announced { text: deadline.what.clone() }, whenever(Some(on)), Sure::Said, Act::Read);
        row.source = Some(deadline.source.clone());
        if !row.has_ended(now) || from_before(on.day) {
            rows.push(row);
        }
    }
    rows
}
