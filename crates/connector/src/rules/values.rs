//! The values that rules compute with: exact money, instants, days, texts, truths, whole numbers, lists, objects.
//!
//! There is no floating-point value here and none can be made. Money of two currencies cannot be added. A
//! function for rules is a row in `environment` and one in `types.rs`.

use cel::common::traits::{Adder, Comparer, Negator, Subtractor};
use cel::common::types::{CelBool, CelInt, CelList, CelMap, CelMapKey, CelString, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{Env, ExecutionError};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::{Currency, Money};
use std::any::Any;
use std::cmp::Ordering;
use std::collections::HashMap;

static MONEY: Type = Type::new_unspecified_type("money");
static TIME: Type = Type::new_unspecified_type("time");
static DAY: Type = Type::new_unspecified_type("day");

/// A value for rules, owned.
pub(crate) struct Data(pub(super) Box<dyn Val>);

/// Money in a rule. The currency is absent only in `zero` and in the sum of nothing, which add to any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cash {
    pub minor: i64,
    pub currency: Option<Currency>,
}

impl Cash {
    pub const ZERO: Cash = Cash { minor: 0, currency: None };

    /// As ledger money; `zero` takes the company's currency.
    pub fn money(self, home: Currency) -> Money {
        Money::new(self.minor, self.currency.unwrap_or(home))
    }

    fn plus(self, other: Cash) -> Result<Cash, ExecutionError> {
        let currency = match (self.currency, other.currency) {
            (Some(own), Some(others)) if own != others => {
                return Err(ExecutionError::function_error("+", format!("{own} and {others} cannot be added")));
            }
            (Some(known), _) | (None, Some(known)) => Some(known),
            (None, None) => None,
        };
        let minor = self.minor.checked_add(other.minor).ok_or_else(too_large)?;
        Ok(Cash { minor, currency })
    }

    fn negated(self) -> Result<Cash, ExecutionError> {
        Ok(Cash {
            minor: self.minor.checked_neg().ok_or_else(too_large)?,
            ..self
        })
    }
}

fn too_large() -> ExecutionError {
    ExecutionError::function_error("+", "an amount is too large to be real")
}

fn not_money(other: &dyn Val) -> ExecutionError {
    ExecutionError::function_error("+", format!("money and a {} cannot be added or compared", other.get_type().name()))
}

impl Val for Cash {
    fn get_type(&self) -> &Type {
        &MONEY
    }
    fn cel_type() -> &'static Type {
        &MONEY
    }
    fn as_adder<'b, 'v>(&'b self) -> Option<&'b (dyn Adder + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn as_subtractor<'b, 'v>(&'b self) -> Option<&'b (dyn Subtractor + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn as_negator<'b, 'v>(&'b self) -> Option<&'b (dyn Negator + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn as_comparer(&self) -> Option<&dyn Comparer> {
        Some(self)
    }
    fn equals(&self, other: &dyn Val) -> bool {
        // Nothing equals nothing in every currency; 5.00 USD never equals 5.00 EUR.
        other
            .downcast_ref::<Cash>()
            .is_some_and(|other| self.minor == other.minor && (self.minor == 0 || self.currency == other.currency))
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Cash {}

impl Adder for Cash {
    fn add<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let other = rhs.downcast_ref::<Cash>().ok_or_else(|| not_money(rhs))?;
        Ok(CowVal::owned(self.plus(*other)?))
    }
}

impl Subtractor for Cash {
    fn sub<'b, 'v>(&'b self, rhs: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let other = rhs.downcast_ref::<Cash>().ok_or_else(|| not_money(rhs))?;
        Ok(CowVal::owned(self.plus(other.negated()?)?))
    }
}

impl Negator for Cash {
    fn negate<'v>(&self) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(Box::new(self.negated()?))
    }
}

impl Comparer for Cash {
    fn compare(&self, rhs: &dyn Val) -> Result<Ordering, ExecutionError> {
        let other = rhs.downcast_ref::<Cash>().ok_or_else(|| not_money(rhs))?;
        self.plus(other.negated()?).map(|difference| difference.minor.cmp(&0))
    }
}

macro_rules! ordered_value {
    ($name:ident, $inner:ty, $type:ident, $words:literal) => {
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name(pub $inner);

        impl Val for $name {
            fn get_type(&self) -> &Type {
                &$type
            }
            fn cel_type() -> &'static Type {
                &$type
            }
            fn as_comparer(&self) -> Option<&dyn Comparer> {
                Some(self)
            }
            fn equals(&self, other: &dyn Val) -> bool {
                other.downcast_ref::<$name>().is_some_and(|other| self.0 == other.0)
            }
            fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
            where
                Self: 'v,
            {
                Box::new(*self)
            }
            fn as_any(&self) -> Option<&dyn Any> {
                Some(self)
            }
        }

        impl StaticVal for $name {}

        impl Comparer for $name {
            fn compare(&self, rhs: &dyn Val) -> Result<Ordering, ExecutionError> {
                let other = rhs
                    .downcast_ref::<$name>()
                    .ok_or_else(|| ExecutionError::function_error("<", $words))?;
                Ok(self.0.cmp(&other.0))
            }
        }
    };
}

ordered_value!(Moment, Timestamp, TIME, "an instant can only be compared with an instant");
ordered_value!(Day, Date, DAY, "a day can only be compared with a day");

pub(crate) fn data_text(text: &str) -> Data {
    Data(Box::new(CelString::from(text.to_string())))
}

pub(crate) fn data_whole(number: i64) -> Data {
    Data(Box::new(CelInt::from(number)))
}

pub(crate) fn data_truth(truth: bool) -> Data {
    Data(Box::new(CelBool::from(truth)))
}

pub(crate) fn data_money(cash: Cash) -> Data {
    Data(Box::new(cash))
}

pub(crate) fn data_time(at: Timestamp) -> Data {
    Data(Box::new(Moment(at)))
}

pub(crate) fn data_day(day: Date) -> Data {
    Data(Box::new(Day(day)))
}

pub(crate) fn data_list(items: Vec<Data>) -> Data {
    Data(Box::new(CelList::from(
        items.into_iter().map(|item| item.0).collect::<Vec<Box<dyn Val>>>(),
    )))
}

pub(crate) fn data_object(fields: impl IntoIterator<Item = (String, Data)>) -> Data {
    let map: HashMap<CelMapKey<'static>, Box<dyn Val>> = fields.into_iter().map(|(name, value)| (CelMapKey::from(name), value.0)).collect();
    Data(Box::new(CelMap::from(map)))
}

pub(super) fn time_of(value: &dyn Val) -> Option<Timestamp> {
    value.downcast_ref::<Moment>().map(|moment| moment.0)
}

pub(super) fn day_of(value: &dyn Val) -> Option<Date> {
    value.downcast_ref::<Day>().map(|day| day.0)
}

pub(super) fn elements_of(value: &dyn Val) -> Option<Vec<Data>> {
    value
        .downcast_ref::<CelList>()
        .map(|list| list.inner().iter().map(|item| own(item.as_ref())).collect())
}

/// A copy that borrows nothing. Texts are the only values that may borrow.
pub(super) fn own(value: &dyn Val) -> Data {
    if let Some(text) = value.downcast_ref::<CelString>() {
        return data_text(text.inner());
    }
    if let Some(list) = value.downcast_ref::<CelList>() {
        return data_list(list.inner().iter().map(|item| own(item.as_ref())).collect());
    }
    if let Some(map) = value.downcast_ref::<CelMap>() {
        return data_object(map.inner().iter().filter_map(|(key, value)| match key {
            CelMapKey::String(name) => Some((name.inner().to_string(), own(value.as_ref()))),
            CelMapKey::Bool(_) | CelMapKey::Int(_) | CelMapKey::UInt(_) => None,
        }));
    }
    if let Some(cash) = value.downcast_ref::<Cash>() {
        return data_money(*cash);
    }
    if let Some(at) = time_of(value) {
        return data_time(at);
    }
    if let Some(day) = day_of(value) {
        return data_day(day);
    }
    if let Some(truth) = value.downcast_ref::<CelBool>() {
        return data_truth(*truth.inner());
    }
    match value.downcast_ref::<CelInt>() {
        Some(number) => data_whole(*number.inner()),
        // The type check lets no other kind of value come about.
        None => data_text(""),
    }
}

/// What rules may call, beside CEL's own operators and `has`, `all`, `exists`, `filter`, `map`.
pub(super) fn environment() -> Env {
    let mut environment = Env::stdlib();
    let declared = [
        environment.add_overload("sum", "sum_money", vec![cel::common::types::LIST_TYPE], sum),
        environment.add_overload("text", "text_time", vec![TIME.to_owned()], text_of_time),
        environment.add_overload(
            "share",
            "share_money",
            vec![MONEY.to_owned(), MONEY.to_owned(), MONEY.to_owned(), MONEY.to_owned()],
            share,
        ),
    ];
    debug_assert!(declared.iter().all(Result::is_ok));
    environment
}

fn sum<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let list = arguments.first().and_then(|list| list.downcast_ref::<CelList>());
    let list = list.ok_or_else(|| ExecutionError::function_error("sum", "sum() adds up a list of amounts"))?;
    let mut total = Cash::ZERO;
    for item in list.inner() {
        let cash = item.downcast_ref::<Cash>().ok_or_else(|| not_money(item.as_ref()))?;
        total = total.plus(*cash)?;
    }
    Ok(CowVal::owned(total))
}

/// One spelling for one instant (UTC, thousandths), however the processor wrote it: a key must not change with
/// the spelling.
fn text_of_time<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let at = arguments.first().and_then(|value| time_of(value.as_ref()));
    let at = at.ok_or_else(|| ExecutionError::function_error("text", "text() writes an instant"))?;
    Ok(CowVal::owned(CelString::from(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())))
}

/// `share(amount, before, own, whole)`: the part of `amount` that falls to `own` out of `whole`, when `before`
/// came first. The shares of all parts add up to exactly `amount`, because each is a difference of two
/// rounded running totals.
fn share<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let cash: Vec<Cash> = arguments.iter().filter_map(|value| value.downcast_ref::<Cash>().copied()).collect();
    let &[amount, before, own, whole] = cash.as_slice() else {
        return Err(ExecutionError::function_error("share", "share() takes four amounts"));
    };
    // Also proves that all four are of one currency.
    let until = before.plus(own)?;
    let known = amount.plus(until)?.plus(whole)?;
    if whole.minor <= 0 || before.minor < 0 || own.minor < 0 || until.minor > whole.minor {
        return Err(ExecutionError::function_error("share", "the parts do not fit into the whole"));
    }
    let running = |part: i64| i128::from(amount.minor) * i128::from(part) / i128::from(whole.minor);
    let minor = i64::try_from(running(until.minor) - running(before.minor)).map_err(|_| too_large())?;
    Ok(CowVal::owned(Cash {
        minor,
        currency: known.currency,
    }))
}
