//! Some programs write a signature in the encoding that permits lengths which are not stated (X.690, 8.1.3.6). Here these get one, so that
//! everything else reads one encoding.

use std::borrow::Cow;

/// No signature is nested so deeply.
const DEPTH_MAX: usize = 32;
const CONSTRUCTED: u8 = 0x20;
const OCTETS: u8 = 0x04;

/// As it is, if its own length is stated. Nothing of what cannot be read.
pub fn definite_if_needed(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    if bytes.get(1) != Some(&0x80) {
        return Some(Cow::Borrowed(bytes));
    }
    let mut rest = bytes;
    let mut definite = element(&mut rest, 0)?;
    definite.extend_from_slice(rest);
    Some(Cow::Owned(definite))
}

fn element(rest: &mut &[u8], depth: usize) -> Option<Vec<u8>> {
    let (&tag, after) = rest.split_first()?;
    // Tags of several bytes do not occur.
    if depth > DEPTH_MAX || tag & 0x1F == 0x1F {
        return None;
    }
    *rest = after;
    let contents = match length(rest)? {
        Some(length) => {
            let (mut inner, after) = rest.split_at_checked(length)?;
            *rest = after;
            if tag & CONSTRUCTED == 0 { inner.to_vec() } else { elements(&mut inner, (tag, depth), false)? }
        }
        None if tag & CONSTRUCTED == 0 => return None,
        None => elements(rest, (tag, depth), true)?,
    };
    // Octets in parts are octets.
    let tag = if tag == OCTETS | CONSTRUCTED { OCTETS } else { tag };
    let mut element = vec![tag];
    put_length(&mut element, contents.len());
    element.extend(contents);
    Some(element)
}

/// Up to the end, or up to its mark.
fn elements(rest: &mut &[u8], (tag, depth): (u8, usize), is_marked: bool) -> Option<Vec<u8>> {
    let mut contents = Vec::new();
    loop {
        if is_marked && let Some(after) = rest.strip_prefix(&[0, 0]) {
            *rest = after;
            return Some(contents);
        }
        if rest.is_empty() {
            return (!is_marked).then_some(contents);
        }
        let inner = element(rest, depth + 1)?;
        if tag == OCTETS | CONSTRUCTED {
            let mut inner = inner.strip_prefix(&[OCTETS])?;
            length(&mut inner)?;
            contents.extend_from_slice(inner);
        } else {
            contents.extend(inner);
        }
    }
}

/// The length, if it is stated.
fn length(rest: &mut &[u8]) -> Option<Option<usize>> {
    let (&first, after) = rest.split_first()?;
    *rest = after;
    match first {
        0..0x80 => Some(Some(usize::from(first))),
        0x80 => Some(None),
        // No file is so long that it takes more than four.
        0x81..=0x84 => {
            let (digits, after) = rest.split_at_checked(usize::from(first & 0x7F))?;
            *rest = after;
            Some(Some(digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit))))
        }
        _ => None,
    }
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    if let (Ok(short), true) = (u8::try_from(length), length < 0x80) {
        out.push(short);
        return;
    }
    let digits = length.to_be_bytes();
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let digits = digits.get(zeros..).unwrap_or_default();
    out.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
    out.extend_from_slice(digits);
}
