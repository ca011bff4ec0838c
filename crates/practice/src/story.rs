//! The stories a practice run can tell, by name.
//!
//! A story is a set of faults and the words for it. Faults outside the servers (a power cut, a full disk) are the
//! driver's to make: the story only names them. A new story is one row of `stories!`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::faults::{Faults, RetryAfter};

macro_rules! stories {
    ($( $variant:ident = $name:literal, $title:literal, $description:literal; )*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Story { $( $variant, )* }

        impl Story {
            pub const ALL: &'static [Story] = &[ $( Story::$variant, )* ];

            pub fn name(self) -> &'static str {
                match self { $( Story::$variant => $name, )* }
            }

            pub fn title(self) -> &'static str {
                match self { $( Story::$variant => $title, )* }
            }

            pub fn description(self) -> &'static str {
                match self { $( Story::$variant => $description, )* }
            }
        }

        impl FromStr for Story {
            type Err = String;
            fn from_str(text: &str) -> Result<Story, String> {
                match text {
                    $( $name => Ok(Story::$variant), )*
                    other => Err(format!("There is no practice story named \"{other}\".")),
                }
            }
        }
    };
}

stories! {
    AllGoesWell = "all-goes-well", "All goes well",
        "Square answers every question and the upgrade runs through to the end.";
    WrongCompany = "wrong-company", "Signed in to the wrong company",
        "When signing in again, the browser is still signed in to another company. Nothing may be changed.";
    ConsentRefused = "consent-refused", "Permission refused",
        "The owner presses Deny on Square's page. The old connection has to stay as it is.";
    FewerPermissions = "fewer-permissions", "Not all permissions given",
        "The owner allows everything but one of the permissions that the new connector needs.";
    ConnectorDropsRefunds = "connector-drops-refunds", "The new connector misses refunds",
        "With the new version some refunds are not delivered. The shadow run has to notice, before anything is posted.";
    PowerCut = "power-cut", "Power cut in the middle",
        "The computer stops dead while the first wave is posted. After the restart nothing may be doubled or lost.";
    DiskFull = "disk-full", "The backup's disk is full",
        "There is no room for the backup. The upgrade may not begin without one.";
    Slow = "slow", "Square is slow",
        "Every answer takes a while. It takes longer, and nothing else is different.";
    RateLimited = "rate-limited", "Too many requests",
        "Square asks to wait every few requests. Changeover waits as long as it is told to.";
    ServerErrors = "server-errors", "Square has trouble",
        "Every few requests Square's servers answer with an error. Changeover asks again.";
    CutConnections = "cut-connections", "The line breaks",
        "Every few requests the connection breaks in the middle of the answer. Changeover asks again.";
    DuplicatePages = "duplicate-pages", "Pages come twice",
        "Square sends some pages of records twice. Nothing may be posted twice.";
    CaptivePortal = "captive-portal", "A hotel's network answers instead of Square",
        "Every few requests a page of HTML comes back instead of records. It may not be taken for an empty answer.";
}

impl Story {
    /// What the practice servers do differently in this story.
    pub fn faults(self) -> Faults {
        let none = Faults::none();
        match self {
            Story::AllGoesWell | Story::PowerCut | Story::DiskFull => none,
            Story::WrongCompany => Faults {
                wrong_company_times: 1,
                ..none
            },
            Story::ConsentRefused => Faults {
                refuse_consent_times: 1,
                ..none
            },
            Story::FewerPermissions => Faults {
                fewer_permissions_times: 1,
                ..none
            },
            Story::ConnectorDropsRefunds => Faults {
                drop_refunds_every: 4,
                ..none
            },
            Story::Slow => Faults { delay_ms: 40, ..none },
            Story::RateLimited => Faults {
                rate_limit_every: 40,
                retry_after: RetryAfter::Seconds(1),
                ..none
            },
            Story::ServerErrors => Faults {
                server_error_every: 13,
                ..none
            },
            Story::CutConnections => Faults { cut_every: 11, ..none },
            Story::DuplicatePages => Faults {
                duplicate_page_every: 3,
                ..none
            },
            Story::CaptivePortal => Faults {
                captive_portal_every: 17,
                ..none
            },
        }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
