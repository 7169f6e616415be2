//! One-time codes (RFC 6238): six digits, another one every thirty seconds, HMAC-SHA-1.
//!
//! SHA-1, six digits and thirty seconds are what every app and nearly every device computes; many ignore it if an address
//! asks for more. HMAC does not need a hash without collisions (RFC 6151 section 2.3 says so even of MD5), and six digits are
//! guessed with the same chance whatever hash they come from.

use aws_lc_rs::hmac;

use super::random::Random;
use super::secret::{Secret, equal};
use super::time::Timestamp;

pub const STEP_SECONDS: i64 = 30;
/// As long as the hash (RFC 4226 section 4, R6).
pub const SECRET_BYTES: usize = 20;
/// RFC 4226 section 4, R6: at least 128 bits. Nobody makes longer ones than the hash takes in at once.
const SECRET_BYTES_ALLOWED: std::ops::RangeInclusive<usize> = 16..=64;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

pub fn new_secret(random: &Random) -> Secret<Vec<u8>> {
    Secret::new(random.bytes::<SECRET_BYTES>().to_vec())
}

/// The number of the time step (RFC 6238 section 4.2).
pub fn step_at(now: Timestamp) -> i64 {
    now.seconds().div_euclid(STEP_SECONDS)
}

/// The code of one step (RFC 4226 section 5.3).
pub fn code(secret: &Secret<Vec<u8>>, step: i64) -> Secret<String> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose());
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let offset = usize::from(tag.as_ref().last().copied().unwrap_or_default() & 0x0F);
    let part = tag.as_ref().iter().skip(offset).take(4).fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
    Secret::new(format!("{:06}", (part & 0x7FFF_FFFF) % 1_000_000))
}

/// The step whose code was typed, with or without spaces: the one before, the one of now, the one after, because clocks
/// differ and people type slowly (RFC 6238 section 6). None that is not newer than the last one used.
pub fn matching_step(secret: &Secret<Vec<u8>>, typed: &str, now: Timestamp, last_used: i64) -> Option<i64> {
    let typed: String = typed.chars().filter(|letter| !letter.is_whitespace()).collect();
    let here = step_at(now);
    let fresh = (here - 1..=here + 1).filter(|step| *step > last_used);
    fresh.into_iter().find(|step| equal(code(secret, *step).expose().as_bytes(), typed.as_bytes()))
}

/// A secret as apps take it: base32 (RFC 4648 section 6) without padding.
pub fn encode(secret: &Secret<Vec<u8>>) -> Secret<String> {
    let mut text = String::new();
    for chunk in secret.expose().chunks(5) {
        let mut bits = [0; 8];
        bits[..chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(bits);
        for place in 0..(chunk.len() * 8).div_ceil(5) {
            text.push(char::from(ALPHABET[(bits >> (59 - 5 * place) & 31) as usize]));
        }
    }
    Secret::new(text)
}

/// The secret of a text in base32, with or without spaces and padding. `None` if it is none, or too short or too long.
pub fn decode(text: &str) -> Option<Secret<Vec<u8>>> {
    let letters: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in letters.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter.to_ascii_uppercase())?;
        bits = bits << 5 | value as u32;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // What is left over is padding, which is short and zero.
    (SECRET_BYTES_ALLOWED.contains(&bytes.len()) && bits == 0 && count < 5).then(|| Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<Vec<u8>> {
        Secret::new(text.as_bytes().to_vec())
    }

    fn at(step: i64) -> Timestamp {
        Timestamp::from_seconds(step * STEP_SECONDS)
    }

    /// RFC 6238 appendix B, whose codes have two digits more in front.
    #[test]
    fn the_codes_of_the_standard() {
        let rows = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, expected) in rows {
            let step = step_at(Timestamp::from_seconds(seconds));
            assert_eq!(code(&secret("12345678901234567890"), step).expose(), expected, "{seconds}");
        }
    }

    #[test]
    fn sec_p02_one_step_before_and_one_after() {
        let (secret, now) = (secret("12345678901234567890"), 59_847_484);
        let typed = |offset: i64| code(&secret, now + offset).expose().clone();
        let rows = [(-2, None), (-1, Some(now - 1)), (0, Some(now)), (1, Some(now + 1)), (2, None)];
        for (offset, expected) in rows {
            assert_eq!(matching_step(&secret, &typed(offset), at(now), 0), expected, "{offset}");
        }
        assert_eq!(matching_step(&secret, &typed(0), at(now), now - 1), Some(now));
        assert_eq!(matching_step(&secret, &typed(0), at(now), now), None, "used");
        assert_eq!(matching_step(&secret, &typed(-1), at(now), now), None, "older than one that was used");
        assert_eq!(matching_step(&secret, &typed(1), at(now), now), Some(now + 1));
        let spaced = format!(" {}\u{a0}{} ", &typed(0)[..3], &typed(0)[3..]);
        assert_eq!(matching_step(&secret, &spaced, at(now), 0), Some(now));
        for wrong in ["", "0", &typed(0)[1..], &format!("{}0", typed(0)), "１２３４５６"] {
            assert_eq!(matching_step(&secret, wrong, at(now), 0), None, "{wrong}");
        }
    }

    #[test]
    fn secrets_are_written_and_read() {
        assert_eq!(encode(&secret("12345678901234567890")).expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for length in 16..=64 {
            let plain = Secret::new((0..length).map(|byte: u8| byte.wrapping_mul(37)).collect::<Vec<u8>>());
            assert_eq!(decode(encode(&plain).expose()).unwrap().expose(), plain.expose(), "{length}");
        }
        let spaced = decode("gezd gnbv gy3t qojq gezd gnbv gy3t qojq").unwrap();
        assert_eq!(spaced.expose(), b"12345678901234567890");
        assert!(decode("GEZDGNBVGY3TQOJQGEZDGNBVGY======").is_some(), "padding");
        for wrong in ["", "GEZDGNBV", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ0", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQG", "==="] {
            assert!(decode(wrong).is_none(), "{wrong}");
        }
        assert!(decode(&"A".repeat(1000)).is_none());
    }
}
