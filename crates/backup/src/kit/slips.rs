//! Where a typed or scanned text differs from what was printed, found with the help of its check value.
//!
//! It says places, never what should stand there: the right letter or word is a part of the secret. A place is told only
//! when exactly one slip explains everything; else the person compares the whole.

/// One thing done wrong, by its place counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip {
    /// The piece here is another one.
    Wrong(usize),
    /// The pieces at these two places changed places.
    Swapped(usize, usize),
    /// A piece is missing before this place (or at the end).
    Missing(usize),
    /// The piece here is one too many.
    Extra(usize),
    /// More than one slip, or none that could be named.
    Several,
}

/// What pieces there are and when they are right.
pub struct Printed<'a, T> {
    /// Every piece that could have been printed.
    pub alphabet: &'a [T],
    /// How many pieces there are.
    pub count: usize,
    pub right: &'a dyn Fn(&[T]) -> bool,
}

impl<T: Copy + PartialEq + Default> Printed<'_, T> {
    /// The one slip in `typed`, which was found not to be right.
    pub fn slip(&self, typed: &[T]) -> Slip {
        let mut found = Vec::new();
        let mut tried = typed.to_vec();
        if typed.len() == self.count {
            for at in 0..typed.len() {
                if self.other(&mut tried, at) {
                    found.push(Slip::Wrong(at));
                }
            }
            for at in 0..typed.len() {
                for other in at + 1..typed.len() {
                    tried.swap(at, other);
                    if tried[at] != tried[other] && (self.right)(&tried) {
                        found.push(Slip::Swapped(at, other));
                    }
                    tried.swap(at, other);
                }
            }
        } else if typed.len() + 1 == self.count {
            for at in 0..=typed.len() {
                tried.insert(at, T::default());
                if self.other(&mut tried, at) {
                    found.push(Slip::Missing(at));
                }
                tried.remove(at);
            }
        } else if typed.len() == self.count + 1 {
            for at in 0..typed.len() {
                let piece = tried.remove(at);
                if (self.right)(&tried) {
                    found.push(Slip::Extra(at));
                }
                tried.insert(at, piece);
            }
        }
        // What was tried is close to the secret.
        tried.fill(T::default());
        match found.as_slice() {
            [one] => *one,
            // A doubled piece can be missing, or one too many, at neighbouring places: the first will do.
            [first @ (Slip::Missing(_) | Slip::Extra(_)), ..] => *first,
            _ => Slip::Several,
        }
    }

    /// Whether some piece at this place makes it right. `tried` is left as it was.
    fn other(&self, tried: &mut [T], at: usize) -> bool {
        let piece = tried[at];
        let mut right = false;
        for other in self.alphabet {
            tried[at] = *other;
            if (self.right)(tried) {
                right = true;
                break;
            }
        }
        tried[at] = piece;
        right
    }
}
