//! What the bakery sells, and what one customer takes.
//!
//! Amounts are cents. The sums of a basket must tie to the cent, as an order's do. A new article is one row of `MENU`.

use super::chance::Chance;

/// New York City: 8.875 %. Bread and cake to take away are free of it, hot drinks and prepared food are not.
pub const TAX_PER_100_000: i64 = 8_875;

struct Article {
    name: &'static str,
    cents: i64,
    taxable: bool,
    weight: u32,
}

const MENU: &[Article] = &[
    Article {
        name: "Sourdough loaf",
        cents: 850,
        taxable: false,
        weight: 14,
    },
    Article {
        name: "Rye loaf",
        cents: 925,
        taxable: false,
        weight: 7,
    },
    Article {
        name: "Baguette",
        cents: 425,
        taxable: false,
        weight: 13,
    },
    Article {
        name: "Butter croissant",
        cents: 395,
        taxable: false,
        weight: 16,
    },
    Article {
        name: "Almond croissant",
        cents: 495,
        taxable: false,
        weight: 9,
    },
    Article {
        name: "Cinnamon bun",
        cents: 450,
        taxable: false,
        weight: 10,
    },
    Article {
        name: "Blueberry muffin",
        cents: 415,
        taxable: false,
        weight: 8,
    },
    Article {
        name: "Coffee",
        cents: 325,
        taxable: true,
        weight: 16,
    },
    Article {
        name: "Latte",
        cents: 525,
        taxable: true,
        weight: 12,
    },
    Article {
        name: "Hot chocolate",
        cents: 475,
        taxable: true,
        weight: 5,
    },
    Article {
        name: "Ham and cheese sandwich",
        cents: 1150,
        taxable: true,
        weight: 9,
    },
    Article {
        name: "Soup of the day",
        cents: 875,
        taxable: true,
        weight: 5,
    },
    Article {
        name: "Apple pie",
        cents: 2600,
        taxable: false,
        weight: 3,
    },
    Article {
        name: "Birthday cake",
        cents: 4800,
        taxable: false,
        weight: 2,
    },
    Article {
        name: "Sandwich platter",
        cents: 9500,
        taxable: true,
        weight: 1,
    },
];

#[derive(Debug, Clone)]
pub struct BasketLine {
    pub uid: String,
    pub name: &'static str,
    pub quantity: i64,
    pub price: i64,
    pub taxable: bool,
    pub gift_card: bool,
    pub discount: i64,
    pub tax: i64,
}

impl BasketLine {
    pub fn gross(&self) -> i64 {
        self.quantity * self.price
    }

    pub fn total(&self) -> i64 {
        self.gross() - self.discount + self.tax
    }
}

#[derive(Debug, Clone)]
pub struct Basket {
    pub lines: Vec<BasketLine>,
    pub discount_per_cent: i64,
}

impl Basket {
    pub fn total(&self) -> i64 {
        self.lines.iter().map(BasketLine::total).sum()
    }

    pub fn tax(&self) -> i64 {
        self.lines.iter().map(|line| line.tax).sum()
    }

    pub fn discount(&self) -> i64 {
        self.lines.iter().map(|line| line.discount).sum()
    }

    pub fn gift_cards(&self) -> i64 {
        self.lines.iter().filter(|line| line.gift_card).map(BasketLine::total).sum()
    }
}

pub fn half_up(numerator: i64, denominator: i64) -> i64 {
    (numerator * 2 + denominator).div_euclid(denominator * 2)
}

fn line(chance: &mut Chance, name: &'static str, quantity: i64, price: i64, taxable: bool, discount_per_cent: i64) -> BasketLine {
    let gross = quantity * price;
    let discount = half_up(gross * discount_per_cent, 100);
    let tax = if taxable {
        half_up((gross - discount) * TAX_PER_100_000, 100_000)
    } else {
        0
    };
    BasketLine {
        uid: chance.letters(22),
        name,
        quantity,
        price,
        taxable,
        gift_card: false,
        discount,
        tax,
    }
}

/// What a usual customer takes.
pub fn usual_basket(chance: &mut Chance) -> Basket {
    let weights: Vec<u32> = MENU.iter().map(|article| article.weight).collect();
    let discount_per_cent = if chance.per_cent(6) { 10 } else { 0 };
    let kinds = 1 + chance.weighted(&[30, 35, 20, 10, 5]);
    let mut lines: Vec<BasketLine> = Vec::new();
    for _ in 0..kinds {
        let article = &MENU[chance.weighted(&weights)];
        if lines.iter().any(|taken| taken.name == article.name) {
            continue;
        }
        let quantity = if article.cents > 2000 {
            1
        } else {
            1 + chance.weighted(&[60, 25, 10, 5]) as i64
        };
        lines.push(line(
            chance,
            article.name,
            quantity,
            article.cents,
            article.taxable,
            discount_per_cent,
        ));
    }
    Basket { lines, discount_per_cent }
}

/// Two certain lines, one taxed and one not: what the special cases need.
pub fn certain_basket(chance: &mut Chance) -> Basket {
    let lines = vec![
        line(chance, "Sandwich platter", 1, 9500, true, 0),
        line(chance, "Sourdough loaf", 2, 850, false, 0),
    ];
    Basket {
        lines,
        discount_per_cent: 0,
    }
}

/// One untaxed line of exactly this much.
pub fn custom_basket(chance: &mut Chance, cents: i64) -> Basket {
    Basket {
        lines: vec![line(chance, "Custom amount", 1, cents, false, 0)],
        discount_per_cent: 0,
    }
}

/// A gift card, alone or with a loaf.
pub fn gift_card_basket(chance: &mut Chance, cents: i64, with_loaf: bool) -> Basket {
    let mut card = line(chance, "Gift card", 1, cents, false, 0);
    card.gift_card = true;
    let mut lines = vec![card];
    if with_loaf {
        lines.push(line(chance, "Sourdough loaf", 1, 850, false, 0));
    }
    Basket {
        lines,
        discount_per_cent: 0,
    }
}

/// What Square keeps of a card payment: 2.6 % and ten cents.
pub fn processing_fee(total: i64) -> i64 {
    half_up(total * 26, 1000) + 10
}

/// The payment whose net after the fee is exactly `net`. Every net above zero has one,
/// because a cent more on the payment moves the net by nought or one.
pub fn total_for_net(net: i64) -> i64 {
    let mut total = half_up((net + 10) * 1000, 974) - 3;
    while total - processing_fee(total) < net {
        total += 1;
    }
    total
}

/// The same articles, this many times as much of each.
pub fn times(basket: &Basket, times: i64) -> Basket {
    let mut more = basket.clone();
    for line in &mut more.lines {
        line.quantity *= times;
        line.discount = half_up(line.gross() * more.discount_per_cent, 100);
        line.tax = if line.taxable {
            half_up((line.gross() - line.discount) * TAX_PER_100_000, 100_000)
        } else {
            0
        };
    }
    more
}
