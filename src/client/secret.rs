//! Secrets that we make for clients. Shown once and stored as SHA-256, from which nobody finds a text of 256 random bits. The
//! one that was replaced counts on for a while, so that a service can change over without a gap.

use std::time::Duration;

use super::{Authentication, Client, registered, store};
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::kernel::secret::{Secret, equal, hex, sha256};
use crate::kernel::time::Timestamp;
use crate::store::work::Work;

/// So many count at once at most; more rotations within one overlap are refused.
const SECRETS_MAX: usize = 4;

/// A secret of ours, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    pub hash: Vec<u8>,
    pub since: Timestamp,
    /// None for the newest.
    pub ends_at: Option<Timestamp>,
}

impl StoredSecret {
    pub fn counts(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| end > now)
    }
}

impl Client {
    /// Whether it authenticates with a secret that stands in no file, but is made here.
    pub fn takes_stored_secrets(&self) -> bool {
        matches!(
            &self.authentication,
            Authentication::ClientSecretBasic { secret_sha256: None }
                | Authentication::ClientSecretPost { secret_sha256: None }
        )
    }
}

/// Whether `secret` is the declared one or, where none is declared, one of ours that counts now. Compares with all of them, and
/// each in constant time.
pub fn is_right(declared: Option<&str>, stored: &[StoredSecret], secret: &str, now: Timestamp) -> bool {
    let given = sha256(secret.as_bytes());
    match declared {
        Some(declared) => equal(hex(&given).as_bytes(), declared.to_ascii_lowercase().as_bytes()),
        None => {
            stored.iter().filter(|known| known.counts(now)).fold(false, |any, known| any | equal(&given, &known.hash))
        }
    }
}

/// Makes a secret for a client. Those before it count on for so long, those that end sooner until then.
pub async fn rotate(work: &mut Work, id: &ClientId, overlap: Duration) -> Result<Secret<String>, Error> {
    if registered::exists(&mut work.tx, id).await? {
        return Err(Error::Conflict("it has registered itself: it gets another secret by registering anew"));
    }
    let client = store::load(&mut work.tx, id).await?.ok_or(Error::NotFound)?;
    if !client.takes_stored_secrets() {
        return Err(Error::Conflict(match client.authentication {
            Authentication::None {} => "it is a public client and has no secret",
            Authentication::PrivateKeyJwt { .. } => {
                "it signs with its own key: change jwks in the file, or what stands at its jwks_uri"
            }
            Authentication::SelfSignedTlsClientAuth { .. } | Authentication::TlsClientAuth { .. } => {
                "it has a certificate: declare another one in the file, or let the authority issue it"
            }
            _ => {
                "its file declares secret_sha256: either put the hash of a new secret there (`client secret` makes both), or \
                 take the line out, apply the file and call this again"
            }
        }));
    }
    // First, because it makes another rotation at the same time wait for this one.
    store::raise_version(work).await?;
    let end = work.now.plus(overlap);
    store::end_secrets(work, id, end).await?;
    if store::count_secrets(work, id).await? >= SECRETS_MAX as i64 {
        return Err(Error::Conflict(
            "four secrets count at this time: wait until one has ended, or use --overlap-hours 0",
        ));
    }
    let secret = work.random.token();
    store::insert_secret(work, id, &sha256(secret.expose().as_bytes())).await?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The median time of a refusal, for each of two registered hashes, asked in turns.
    fn medians(hashes: &[String; 2]) -> [Duration; 2] {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..10_000 {
            for (place, hash) in hashes.iter().enumerate() {
                let began_at = tokio::time::Instant::now();
                assert!(!is_right(Some(hash), &[], "geraten", Timestamp::from_seconds(0)));
                times[place].push(began_at.elapsed());
            }
        }
        times.map(|mut times| {
            times.sort();
            times[times.len() / 2]
        })
    }

    // What is compared is a hash, so that nobody comes nearer step by step; and it takes no longer where more of it agrees.
    #[test]
    fn sec_e04_a_nearly_right_secret_takes_as_long_as_a_wrong_one() {
        let right = hex(&sha256(b"geraten"));
        let other = |digit: char| if digit == '0' { '1' } else { '0' };
        let near: String =
            right.char_indices().map(|(place, digit)| if place == 63 { other(digit) } else { digit }).collect();
        let far: String = right.chars().map(other).collect();
        let mut gaps = Vec::new();
        for _ in 0..5 {
            let [near, far] = medians(&[near.clone(), far.clone()]).map(|median| median.as_secs_f64());
            gaps.push((near - far).abs() / near.max(far));
            if gaps.last().is_some_and(|gap| *gap < 0.02) {
                return;
            }
        }
        panic!("always apart: {gaps:?}");
    }

    #[test]
    fn sec_e04_a_secret_counts_while_it_does() {
        let at = Timestamp::from_seconds;
        let stored =
            |secret: &str, ends_at| StoredSecret { hash: sha256(secret.as_bytes()).to_vec(), since: at(1), ends_at };
        let known = [stored("neu", None), stored("alt", Some(at(100)))];
        for (secret, now, right) in [
            ("neu", 99, true),
            ("alt", 99, true),
            ("alt", 100, false),
            ("neu", 100, true),
            ("", 99, false),
            ("neualt", 99, false),
        ] {
            assert_eq!(is_right(None, &known, secret, at(now)), right, "{secret} at {now}");
        }
        assert!(!is_right(None, &[], "", at(1)), "without any secret nobody is right");
        let declared = hex(&sha256(b"datei")).to_uppercase();
        assert!(is_right(Some(&declared), &known, "datei", at(1)));
        assert!(!is_right(Some(&declared), &known, "neu", at(1)), "a declared secret is the only one");
    }
}
