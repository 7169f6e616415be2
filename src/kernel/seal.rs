//! Sealing: personal data is encrypted before it reaches a database, under a key of its account.
//!
//! Envelope: the master key wraps one root secret (for everything that is not one person's) and one
//! random key per account. Destroying an account's wrapped key makes its data unreadable everywhere.
//! AES-256-GCM throughout; every ciphertext is bound to its place and begins with a format number, so
//! that another algorithm can be told apart later.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};

use super::random::Random;
use super::secret::{Secret, sha256};

const FORMAT: u8 = 1;
/// Of a wrapped key that says which master key wrapped it. One that does not say so begins with [`FORMAT`].
const FORMAT_MARKED: u8 = 2;

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the master key does not open this data: wrong key, or data from another place")]
    Unreadable,
    #[error("a key must have 32 bytes")]
    KeyLength,
}

/// Where a sealed value belongs. It opens there and nowhere else.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub table: &'static str,
    pub column: &'a str,
    pub row: &'a str,
    pub version: i64,
}

impl Place<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        for part in [self.table, self.column, self.row] {
            out.extend_from_slice(part.as_bytes());
            out.push(0);
        }
        out.extend_from_slice(&self.version.to_be_bytes());
        out
    }
}

/// An AES-256-GCM key with random nonces. Meant for a few thousand messages, as one account has.
#[derive(Clone)]
pub struct DataKey(Secret<[u8; 32]>);

impl DataKey {
    pub fn random(random: &Random) -> Self {
        Self(Secret::new(random.bytes()))
    }

    fn cipher(&self) -> Result<LessSafeKey, SealError> {
        UnboundKey::new(&AES_256_GCM, self.0.expose()).map(LessSafeKey::new).map_err(|_| SealError::KeyLength)
    }

    /// Format number, nonce, ciphertext, tag.
    pub fn seal(&self, place: Place<'_>, plain: &[u8], random: &Random) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; NONCE_LEN] = random.bytes();
        let mut sealed = plain.to_vec();
        let aad = Aad::from(place.bytes());
        self.cipher()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| SealError::Unreadable)?;
        Ok([&[FORMAT][..], &nonce, &sealed].concat())
    }

    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Secret<Vec<u8>>, SealError> {
        let (format, rest) = sealed.split_first().ok_or(SealError::Unreadable)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Unreadable)?;
        if *format != FORMAT {
            return Err(SealError::Unreadable);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Unreadable)?;
        let mut buffer = ciphertext.to_vec();
        let aad = Aad::from(place.bytes());
        let length = self.cipher()?.open_in_place(nonce, aad, &mut buffer).map_err(|_| SealError::Unreadable)?.len();
        buffer.truncate(length);
        Ok(Secret::new(buffer))
    }

    /// Seals another key, which opens in its place only.
    pub fn wrap(&self, place: Place<'_>, key: &Self, random: &Random) -> Result<Vec<u8>, SealError> {
        self.seal(place, key.0.expose(), random)
    }

    pub fn unwrap_key(&self, place: Place<'_>, wrapped: &[u8]) -> Result<Self, SealError> {
        let plain = self.open(place, wrapped)?;
        let bytes = plain.expose().as_slice().try_into().map_err(|_| SealError::KeyLength)?;
        Ok(Self(Secret::new(bytes)))
    }

    pub fn open_text(&self, place: Place<'_>, sealed: &[u8]) -> Result<String, SealError> {
        let plain = self.open(place, sealed)?;
        String::from_utf8(plain.expose().clone()).map_err(|_| SealError::Unreadable)
    }
}

/// What everything wrapped by one master key begins with.
pub type Mark = [u8; 9];

/// The key above all others. One variant today; a PKCS#11 token or a KMS is another, which is why
/// wrapping may wait.
pub enum MasterKey {
    Local(DataKey, Mark),
}

impl MasterKey {
    pub fn local(bytes: [u8; 32]) -> Self {
        let mut mark = [FORMAT_MARKED; 9];
        mark[1..].copy_from_slice(&sha256(&[b"nutzerkonto/1/master-key", bytes.as_slice()].concat())[..8]);
        Self::Local(DataKey(Secret::new(bytes)), mark)
    }

    pub fn mark(&self) -> Mark {
        let Self::Local(_, mark) = self;
        *mark
    }

    #[expect(clippy::unused_async, reason = "a key store across the network will have to be awaited")]
    async fn wrap(&self, key: &DataKey, owner: &str, random: &Random) -> Result<Vec<u8>, SealError> {
        let Self::Local(master, mark) = self;
        Ok([mark.as_slice(), &master.seal(wrapped_key(owner), key.0.expose(), random)?].concat())
    }

    #[expect(clippy::unused_async, reason = "a key store across the network will have to be awaited")]
    async fn unwrap(&self, wrapped: &[u8], owner: &str) -> Result<DataKey, SealError> {
        let Self::Local(master, mark) = self;
        let plain = master.open(wrapped_key(owner), wrapped.strip_prefix(mark.as_slice()).unwrap_or(wrapped))?;
        let bytes = plain.expose().as_slice().try_into().map_err(|_| SealError::KeyLength)?;
        Ok(DataKey(Secret::new(bytes)))
    }
}

/// The master key in force, and one that is only read with, while one takes the other's place.
pub struct MasterKeys {
    pub current: MasterKey,
    pub other: Option<MasterKey>,
}

impl MasterKeys {
    /// What begins everything that the key in force has wrapped.
    pub fn mark(&self) -> Mark {
        self.current.mark()
    }

    /// What begins everything that the other key has wrapped; if there is none, the mark of the one in force.
    pub fn other_mark(&self) -> Mark {
        self.other.as_ref().map_or(self.mark(), MasterKey::mark)
    }

    /// Whether the key in force has wrapped this.
    pub fn is_current(&self, wrapped: &[u8]) -> bool {
        wrapped.starts_with(&self.mark())
    }

    pub async fn wrap(&self, key: &DataKey, owner: &str, random: &Random) -> Result<Vec<u8>, SealError> {
        self.current.wrap(key, owner, random).await
    }

    pub async fn unwrap(&self, wrapped: &[u8], owner: &str) -> Result<DataKey, SealError> {
        match (self.current.unwrap(wrapped, owner).await, &self.other) {
            (Err(_), Some(other)) => other.unwrap(wrapped, owner).await,
            (result, _) => result,
        }
    }
}

fn wrapped_key(owner: &str) -> Place<'_> {
    Place { table: "key", column: "wrapped", row: owner, version: 1 }
}

/// Everything derived from the root secret, one key per purpose, so that no two uses can be confused.
/// The root secret is never replaced (identifiers depend on it); its wrapping under the master key is.
pub struct Vault {
    master: MasterKeys,
    /// Seals what belongs to no account yet: mail in the queue, authorization requests.
    pub system: DataKey,
    index: hmac::Key,
    code: hmac::Key,
    form: hmac::Key,
    pairwise: hmac::Key,
    token: hmac::Key,
    pepper: Secret<[u8; 32]>,
}

impl Vault {
    pub fn new(master: MasterKeys, root: &DataKey) -> Self {
        let derive = |purpose: &str| derive(root, purpose);
        let mac = |purpose: &str| hmac::Key::new(hmac::HMAC_SHA256, derive(purpose).expose());
        Self {
            system: DataKey(derive("system")),
            index: mac("index"),
            code: mac("code"),
            form: mac("form"),
            pairwise: mac("pairwise"),
            token: mac("token"),
            pepper: derive("pepper"),
            master,
        }
    }

    pub fn master(&self) -> &MasterKeys {
        &self.master
    }

    /// A keyed hash under which a value can be found without being stored: the blind index.
    pub fn index(&self, kind: &str, value: &str) -> [u8; 32] {
        tag(&self.index, kind, value)
    }

    /// Under which short codes are stored: without the key, a database dump cannot try all of them.
    pub fn code(&self, purpose: &str, code: &str) -> [u8; 32] {
        tag(&self.code, purpose, code)
    }

    /// The anti-forgery value of a browser's forms.
    pub fn form(&self, browser: &str) -> [u8; 32] {
        tag(&self.form, "form", browser)
    }

    /// The subject identifier one sector sees of one account (OpenID Connect Core section 8.1).
    pub fn pairwise(&self, sector: &str, account: &str) -> [u8; 32] {
        tag(&self.pairwise, sector, account)
    }

    /// The key of one opaque token, which carries `seed` in the open: with a key each, no number of tokens wears one out.
    pub fn token_key(&self, seed: &str) -> DataKey {
        DataKey(Secret::new(tag(&self.token, "access", seed)))
    }

    /// The secret input of Argon2id (RFC 9106 section 3.1, parameter K).
    pub fn pepper(&self) -> &Secret<[u8; 32]> {
        &self.pepper
    }
}

fn tag(key: &hmac::Key, kind: &str, value: &str) -> [u8; 32] {
    let mut out = [0; 32];
    let message = [kind.as_bytes(), &[0], value.as_bytes()].concat();
    out.copy_from_slice(hmac::sign(key, &message).as_ref());
    out
}

fn derive(root: &DataKey, purpose: &str) -> Secret<[u8; 32]> {
    let mut out = [0; 32];
    let info = [b"nutzerkonto/1/", purpose.as_bytes()];
    let filled = hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(root.0.expose())
        .expand(&info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut out));
    assert!(filled.is_ok(), "32 bytes are always within HKDF-SHA256's limit");
    Secret::new(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(row: &str, version: i64) -> Place<'_> {
        Place { table: "attribute", column: "value", row, version }
    }

    #[test]
    fn a_sealed_value_opens_in_its_place_only() {
        let random = Random::seeded(1);
        let key = DataKey::random(&random);
        let sealed = key.seal(place("one", 1), b"Renate", &random).unwrap();
        assert_eq!(key.open_text(place("one", 1), &sealed).unwrap(), "Renate");
        assert!(key.open(place("two", 1), &sealed).is_err(), "another row");
        assert!(key.open(place("one", 2), &sealed).is_err(), "another version");
        assert!(DataKey::random(&random).open(place("one", 1), &sealed).is_err(), "another key");
    }

    /// What was wrapped before keys were marked, by either key.
    #[tokio::test]
    async fn a_wrapped_key_opens_with_the_key_in_force_and_the_other_one() {
        let random = Random::seeded(3);
        let key = DataKey::random(&random);
        let [old, new] = [1, 2].map(|byte| MasterKeys { current: MasterKey::local([byte; 32]), other: None });
        let MasterKey::Local(unmarked, _) = &old.current;
        let unmarked = unmarked.seal(wrapped_key("acc_1"), key.0.expose(), &random).unwrap();
        let marked = old.wrap(&key, "acc_1", &random).await.unwrap();
        assert!(old.is_current(&marked) && !old.is_current(&unmarked) && !new.is_current(&marked));
        let both = MasterKeys { current: MasterKey::local([2; 32]), other: Some(MasterKey::local([1; 32])) };
        for wrapped in [&unmarked, &marked] {
            for master in [&old, &both] {
                assert_eq!(master.unwrap(wrapped, "acc_1").await.unwrap().0.expose(), key.0.expose());
                assert!(master.unwrap(wrapped, "acc_2").await.is_err(), "somebody else's");
            }
            assert!(new.unwrap(wrapped, "acc_1").await.is_err());
        }
        assert_eq!(both.other_mark(), old.mark());
        assert!(both.is_current(&both.wrap(&key, "acc_1", &random).await.unwrap()));
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let random = Random::seeded(2);
        let key = DataKey::random(&random);
        let sealed = key.seal(place("row", 1), b"1987-03-27", &random).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut broken = sealed.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(key.open(place("row", 1), &broken).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(key.open(place("row", 1), &sealed[..length]).is_err());
        }
    }
}
