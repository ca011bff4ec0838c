//! What happens at the bakery, before it is written as records: sales with their fees, refunds and disputes.
//!
//! Amounts are cents of the location's currency. A plan is the truth; the records (`shapes`), the movements (`movement`)
//! and the payouts (`payouts`) are all derived from it, so they cannot disagree by accident.
//! A new turn that a sale can take is one variant of `Course` or one more list here.

use jiff::Timestamp;

use super::menu::Basket;

#[derive(Debug, Clone)]
pub struct CardFace {
    pub brand: &'static str,
    pub kind: &'static str,
    pub bin: String,
    pub last_4: String,
    pub exp_month: i64,
    pub exp_year: i64,
    pub fingerprint: String,
}

#[derive(Debug, Clone)]
pub enum Tender {
    Card(CardFace),
    /// Notes and coins; the change given back is what exceeds the total.
    Cash {
        handed_over: i64,
    },
    GiftCard(CardFace),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    Completed,
    Failed,
    /// Authorized first, cancelled at this instant.
    Canceled(Timestamp),
    /// Authorized first, captured at this instant.
    CapturedLater(Timestamp),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeeKind {
    Initial,
    Adjustment,
}

impl FeeKind {
    pub fn name(self) -> &'static str {
        match self {
            FeeKind::Initial => "INITIAL",
            FeeKind::Adjustment => "ADJUSTMENT",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Fee {
    pub kind: FeeKind,
    /// Positive: charged.
    pub cents: i64,
    pub effective: Timestamp,
    /// From when Square shows it.
    pub known: Timestamp,
}

#[derive(Debug, Clone)]
pub enum Returned {
    /// Everything, tip included.
    Whole,
    /// One line of the basket, its tax included.
    Line(usize),
    /// An amount without articles: Square does not say what it was for.
    Amount,
}

#[derive(Debug, Clone)]
pub struct Refund {
    pub id: String,
    /// The return order, where there is one.
    pub order_id: Option<String>,
    pub created: Timestamp,
    pub completed: Timestamp,
    pub cents: i64,
    /// What Square gives back of its fee, positive.
    pub fee_back: i64,
    pub returned: Returned,
    pub reason: &'static str,
}

impl Refund {
    pub fn tax(&self, basket: &Basket) -> i64 {
        match self.returned {
            Returned::Whole => basket.tax(),
            Returned::Line(index) => basket.lines[index].tax,
            Returned::Amount => 0,
        }
    }

    /// When Square first shows it.
    pub fn shown(&self) -> Timestamp {
        self.created
    }
}

#[derive(Debug, Clone)]
pub struct Sale {
    pub id: String,
    pub order_id: String,
    pub created: Timestamp,
    /// From when Square shows it: a few seconds after it was made.
    pub shown: Timestamp,
    pub tender: Tender,
    pub course: Course,
    pub basket: Basket,
    pub tip: i64,
    pub fees: Vec<Fee>,
    pub refunds: Vec<Refund>,
    pub online: bool,
    pub team_member: String,
    pub note: Option<&'static str>,
    /// Odd bits of the JSON that look random come from here.
    pub salt: u64,
}

impl Sale {
    pub fn amount(&self) -> i64 {
        self.basket.total()
    }

    pub fn total(&self) -> i64 {
        self.basket.total() + self.tip
    }

    /// When the money is the bakery's, if it ever is.
    pub fn settled(&self) -> Option<Timestamp> {
        match self.course {
            Course::Completed => Some(self.shown),
            Course::CapturedLater(at) => Some(at),
            Course::Failed | Course::Canceled(_) => None,
        }
    }

    pub fn card(&self) -> Option<&CardFace> {
        match &self.tender {
            Tender::Card(face) => Some(face),
            Tender::Cash { .. } | Tender::GiftCard(_) => None,
        }
    }

    /// The initial fee's amount, nothing when there is none.
    pub fn initial_fee(&self) -> i64 {
        self.fees
            .iter()
            .filter(|fee| fee.kind == FeeKind::Initial)
            .map(|fee| fee.cents)
            .sum()
    }

    pub fn refunded(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.cents).sum()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Won(Timestamp),
    Lost(Timestamp),
    /// The bakery accepted it without a fight.
    Accepted(Timestamp),
    Open,
}

#[derive(Debug, Clone)]
pub struct Dispute {
    pub id: String,
    pub brand_id: String,
    pub payment_id: String,
    pub brand: &'static str,
    pub cents: i64,
    pub reason: &'static str,
    pub opened: Timestamp,
    /// Evidence handed in, while the bank decides.
    pub processing: Option<Timestamp>,
    pub decision: Decision,
}
