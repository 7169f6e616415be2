//! Chance: the operating system's generator, or a seeded one for tests. Nobody else draws random numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::secret::Secret;

/// Crockford's alphabet: no I, L, O, U, so that a code survives being read aloud or copied by hand.
pub const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Letters that spell no words and are not mistaken for digits (RFC 8628 section 6.1).
pub const CONSONANTS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

#[derive(Clone, Debug)]
pub enum Random {
    System,
    /// SHA-256 over seed and counter. For tests only: whoever knows the seed knows every secret.
    Seeded(Arc<(u64, AtomicU64)>),
}

impl Random {
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new((seed, AtomicU64::new(0))))
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// Fills with random bytes. Stops the process if the system has none: nothing safe can be done then.
    pub fn fill(&self, out: &mut [u8]) {
        match self {
            Self::System => {
                if aws_lc_rs::rand::fill(out).is_err() {
                    tracing::error!("the system's random generator failed; stopping");
                    std::process::abort();
                }
            }
            Self::Seeded(state) => {
                for chunk in out.chunks_mut(32) {
                    let count = state.1.fetch_add(1, Ordering::SeqCst);
                    let block = digest::digest(&digest::SHA256, &[state.0.to_be_bytes(), count.to_be_bytes()].concat());
                    chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
                }
            }
        }
    }

    /// 256 bits as 43 URL-safe characters: sessions, codes, secrets.
    pub fn token(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.bytes::<32>()))
    }

    /// Six decimal digits, each value equally likely.
    pub fn six_digits(&self) -> Secret<String> {
        loop {
            let value = u32::from_be_bytes(self.bytes()) & 0x000F_FFFF;
            if value < 1_000_000 {
                return Secret::new(format!("{value:06}"));
            }
        }
    }

    /// `length` letters of [`CONSONANTS`], each equally likely.
    pub fn consonants(&self, length: usize) -> Secret<String> {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            // Of 256 values the last 16 would favour the first letters.
            let [byte] = self.bytes::<1>();
            if byte < 240 {
                text.push(char::from(CONSONANTS[usize::from(byte) % CONSONANTS.len()]));
            }
        }
        Secret::new(text)
    }

    /// `length` letters and digits of [`CROCKFORD`], five bits each.
    pub fn letters(&self, length: usize) -> Secret<String> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        Secret::new(bytes.iter().map(|byte| char::from(CROCKFORD[usize::from(byte & 31)])).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_repeats_and_never_returns_the_same_block_twice() {
        let (one, two) = (Random::seeded(7), Random::seeded(7));
        assert_eq!(one.bytes::<40>(), two.bytes::<40>());
        assert_ne!(one.bytes::<32>(), one.bytes::<32>());
    }

    #[test]
    fn every_consonant_comes_and_nothing_else() {
        let text = Random::seeded(1).consonants(2000);
        let mut seen: Vec<u8> = text.expose().bytes().collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((text.expose().len(), &seen[..]), (2000, &CONSONANTS[..]));
    }

    #[test]
    fn six_digits_are_six_digits() {
        let random = Random::seeded(1);
        for _ in 0..1000 {
            let code = random.six_digits();
            assert!(code.expose().len() == 6 && code.expose().bytes().all(|byte| byte.is_ascii_digit()));
        }
    }
}
