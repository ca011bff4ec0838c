//! RFC 6962 Merkle tree hash over the entries' leaf hashes.
//!
//! Only the root is needed: it goes into each checkpoint, and a later log is compared by computing
//! the root of its first n entries again. Inclusion proofs would be added here.

use sha2::{Digest, Sha256};

use crate::chain::Hash;

/// RFC 6962 §2.1: the root over leaf hashes in order; the hash of nothing for an empty log.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        [_, _, ..] => {
            let (left, right) = leaves.split_at(largest_power_of_two_below(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

/// The roots of growing logs, one leaf at a time, without starting again: what the verifier uses.
#[derive(Default)]
pub struct Growing {
    // Roots of full subtrees, largest first, with their sizes as powers of two.
    peaks: Vec<(u32, Hash)>,
}

impl Growing {
    pub fn push(&mut self, leaf: Hash) {
        self.peaks.push((0, leaf));
        while let [.., (left_height, left), (right_height, right)] = self.peaks[..] {
            if left_height != right_height {
                return;
            }
            self.peaks.truncate(self.peaks.len() - 2);
            self.peaks.push((left_height + 1, node(&left, &right)));
        }
    }

    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some((_, last)) = peaks.next() else { return root(&[]) };
        peaks.fold(*last, |right, (_, left)| node(left, &right))
    }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([0x01])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

fn largest_power_of_two_below(n: usize) -> usize {
    1 << (usize::BITS - 1 - (n - 1).leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::leaf_hash;

    /// Leaves and roots of the Certificate Transparency reference implementation's test vectors.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_equal_the_published_vectors_computed_whole_and_grown() {
        let leaves: Vec<Hash> = LEAVES.iter().map(|hex| leaf_hash(&hex::decode(hex).expect("vector"))).collect();
        let mut growing = Growing::default();
        for (size, expected) in ROOTS.iter().enumerate() {
            assert_eq!(hex::encode(root(&leaves[..size])), *expected, "size {size}");
            assert_eq!(hex::encode(growing.root()), *expected, "grown to {size}");
            if let Some(leaf) = leaves.get(size) {
                growing.push(*leaf);
            }
        }
    }

    #[test]
    fn a_grown_root_equals_the_whole_one_at_every_size() {
        let leaves: Vec<Hash> = (0..600u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut growing = Growing::default();
        for size in 0..leaves.len() {
            assert_eq!(growing.root(), root(&leaves[..size]), "size {size}");
            growing.push(leaves[size]);
        }
    }
}
