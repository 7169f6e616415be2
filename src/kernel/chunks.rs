//! What is too long for one message: sealed in chunks of 64 KiB, each of which opens in its own place only.
//!
//! STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance,
//! CRYPTO 2015, section 7) with AES-256-GCM: the nonce is the number of the chunk and whether it is the last. So a chunk
//! that is left out, moved, repeated or added opens no more than one that was changed. Counting is sound because a key
//! seals one version of one object and is never used again; a second try has a key of its own.

use std::ops::Range;

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use aws_lc_rs::digest::{Context, SHA256};

use super::seal::{DataKey, SealError};

/// Of the whole layout: one byte, then the chunks.
const FORMAT: u8 = 1;
/// Plaintext of every chunk but the last, which has as much or less.
pub const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
/// A chunk as it is stored.
pub const SEALED_CHUNK: usize = CHUNK + TAG;

/// To whom the chunks belong, and of what they are.
#[derive(Clone, Copy)]
pub struct Of<'a> {
    pub owner: &'a str,
    pub object: &'a str,
    pub version: i64,
}

/// What was sealed, known when everything has been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Of the plaintext, in bytes.
    pub length: u64,
    /// Of the plaintext.
    pub sha256: [u8; 32],
}

impl Content {
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.length.to_be_bytes().as_slice(), &self.sha256].concat()
    }

    /// Behind it there may be a hash of what is stored, which was written once and says no more than the tags of the chunks.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (length, hashes) = bytes.split_first_chunk::<8>()?;
        let (sha256, rest) = hashes.split_first_chunk::<32>()?;
        [0, 32].contains(&rest.len()).then_some(Self { length: u64::from_be_bytes(*length), sha256: *sha256 })
    }

    /// How many chunks that is. Nothing at all is one chunk, too.
    pub fn chunks(&self) -> u64 {
        self.length.div_ceil(CHUNK as u64).max(1)
    }

    /// How many bytes are stored.
    pub fn stored_length(&self) -> u64 {
        1 + self.length + self.chunks() * TAG as u64
    }

    /// Where these chunks lie in what is stored. The first one has the byte of the layout before it.
    pub fn stored(&self, chunks: Range<u64>) -> Range<u64> {
        let start = |chunk: u64| if chunk == 0 { 0 } else { 1 + chunk * SEALED_CHUNK as u64 };
        start(chunks.start)..start(chunks.end).min(self.stored_length())
    }
}

struct Cipher {
    key: LessSafeKey,
    bound_to: Vec<u8>,
}

impl Cipher {
    fn new(key: &DataKey, of: Of<'_>) -> Result<Self, SealError> {
        let mut bound_to = vec![FORMAT];
        for part in [of.owner, of.object] {
            bound_to.extend_from_slice(part.as_bytes());
            bound_to.push(0);
        }
        bound_to.extend_from_slice(&of.version.to_be_bytes());
        Ok(Self { key: key.cipher()?, bound_to })
    }

    fn place(&self, number: u64, is_last: bool) -> Result<(Nonce, Aad<Vec<u8>>), SealError> {
        // 256 TiB; whoever gets there is refused, never begins to count anew.
        let number = u32::try_from(number).map_err(|_| SealError::Unreadable)?.to_be_bytes();
        let mut nonce = [0; NONCE_LEN];
        nonce[7..11].copy_from_slice(&number);
        nonce[11] = u8::from(is_last);
        Ok((Nonce::assume_unique_for_key(nonce), Aad::from([self.bound_to.as_slice(), &number].concat())))
    }
}

/// Seals one object, from its beginning to its end.
pub struct Sealer {
    cipher: Cipher,
    number: u64,
    /// Sealed chunks, and behind them the one that waits for the next, because the last chunk is sealed as the last.
    out: Vec<u8>,
    /// Where that one begins.
    start: usize,
    length: u64,
    plain: Context,
}

impl Sealer {
    pub fn new(key: &DataKey, of: Of<'_>) -> Result<Self, SealError> {
        let (cipher, plain) = (Cipher::new(key, of)?, Context::new(&SHA256));
        Ok(Self { cipher, number: 0, out: vec![FORMAT], start: 1, length: 0, plain })
    }

    pub fn take(&mut self, bytes: &[u8]) -> Result<(), SealError> {
        self.plain.update(bytes);
        self.length += bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.out.len() - self.start == CHUNK {
                self.seal(false)?;
            }
            let room = CHUNK - (self.out.len() - self.start);
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.out.extend_from_slice(now);
            rest = later;
        }
        Ok(())
    }

    /// What can be stored by now.
    pub fn sealed(&mut self) -> Vec<u8> {
        let mut next = Vec::with_capacity(self.out.capacity());
        next.extend_from_slice(&self.out[self.start..]);
        self.out.truncate(self.start);
        self.start = 0;
        std::mem::replace(&mut self.out, next)
    }

    /// The rest of what is stored, and what it all was.
    pub fn finish(mut self) -> Result<(Vec<u8>, Content), SealError> {
        self.seal(true)?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.plain.finish().as_ref());
        Ok((self.out, Content { length: self.length, sha256 }))
    }

    fn seal(&mut self, is_last: bool) -> Result<(), SealError> {
        let (nonce, aad) = self.cipher.place(self.number, is_last)?;
        let tag = self.cipher.key.seal_in_place_separate_tag(nonce, aad, &mut self.out[self.start..]);
        self.out.extend_from_slice(tag.map_err(|_| SealError::Unreadable)?.as_ref());
        self.start = self.out.len();
        self.number += 1;
        Ok(())
    }
}

/// Opens the chunks of one object, in any order.
pub struct Opener {
    cipher: Cipher,
    chunks: u64,
}

impl Opener {
    pub fn new(key: &DataKey, of: Of<'_>, content: &Content) -> Result<Self, SealError> {
        Ok(Self { cipher: Cipher::new(key, of)?, chunks: content.chunks() })
    }

    /// Opens, where they are, the bytes that [`Content::stored`] says are these chunks; where in them the plaintext of each lies. None of
    /// them may be given out if one is not what was sealed in its place.
    pub fn open(&self, chunks: Range<u64>, stored: &mut [u8]) -> Result<Vec<Range<usize>>, SealError> {
        let (mut at, end) = (0, stored.len());
        if chunks.start == 0 {
            at = stored.first().filter(|byte| **byte == FORMAT).map(|_| 1).ok_or(SealError::Unreadable)?;
        }
        let mut opened = Vec::new();
        for number in chunks {
            let chunk = &mut stored[at..end.min(at + SEALED_CHUNK)];
            let (length, (nonce, aad)) = (chunk.len(), self.cipher.place(number, number + 1 == self.chunks)?);
            let plain = self.cipher.key.open_in_place(nonce, aad, chunk).map_err(|_| SealError::Unreadable)?;
            opened.push(at..at + plain.len());
            at += length;
        }
        if at == end { Ok(opened) } else { Err(SealError::Unreadable) }
    }
}

#[cfg(test)]
mod tests;
