//! What kind of file something is, by its bytes, while they pass by: its beginning, its end, and what must not stand in between. A few
//! kilobytes of it are kept, however long it is.
//!
//! Taken is what everybody can open, and what does nothing by itself. Something that is two kinds of file at once is neither. What is packed
//! inside a file cannot be seen here: that is for the scanner, and for whoever opens it.

use std::borrow::Cow;

use memchr::memmem;
use serde::{Deserialize, Serialize};

/// So much of the beginning says what it is.
const HEAD: usize = 1024;
/// The directory at the end of a ZIP file begins within so many bytes of its end (APPNOTE.TXT, 4.3.16).
const TAIL: usize = 22 + 65_535;
/// Longer than anything that is looked for.
const OVERLAP: usize = 40;

const BOM: &[u8] = b"\xEF\xBB\xBF";
const PDF: &[u8] = b"%PDF-";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const PNG_END: &[u8] = b"\0\0\0\0IEND\xAE\x42\x60\x82";
const JPEG: &[u8] = b"\xFF\xD8\xFF";
const JPEG_END: &[u8] = b"\xFF\xD9";
const XML: &[u8] = b"<?xml";
/// The directory at the end of a ZIP file.
const ZIP_END: &[u8] = b"PK\x05\x06";

/// A page for a browser, or a program, wherever at the beginning it stands. In small letters.
const PAGES: [&[u8]; 6] = [b"<!doctype html", b"<html", b"<script", b"<svg", b"<iframe", b"<?php"];
/// What a PDF does by itself (ISO 32000-2, 12.6.4).
const PDF_ACTS: [&[u8]; 2] = [b"/JavaScript", b"/Launch"];
const XML_DTD: [&[u8]; 2] = [b"<!DOCTYPE", b"<!ENTITY"];
/// With these a browser would show an XML file as a page of its own.
const XML_PAGES: [&[u8]; 3] = [b"http://www.w3.org/2000/svg", b"http://www.w3.org/1999/xhtml", b"<?xml-stylesheet"];

/// The kinds of files that are taken, under the names of RFC 6838.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Type {
    #[serde(rename = "application/pdf")]
    Pdf,
    #[serde(rename = "image/png")]
    Png,
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// In UTF-8.
    #[serde(rename = "text/plain")]
    Text,
    /// In UTF-8, without a document type.
    #[serde(rename = "application/xml")]
    Xml,
}

impl Type {
    pub const ALL: [Self; 5] = [Self::Pdf, Self::Png, Self::Jpeg, Self::Text, Self::Xml];

    /// As a download says what it is.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Text => "text/plain; charset=utf-8",
            Self::Xml => "application/xml",
        }
    }

    /// How names of such files end, in small letters.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Pdf => &["pdf"],
            Self::Png => &["png"],
            Self::Jpeg => &["jpg", "jpeg"],
            Self::Text => &["txt"],
            Self::Xml => &["xml"],
        }
    }

    fn of_head(head: &[u8]) -> Self {
        match head {
            head if head.starts_with(PDF) => Self::Pdf,
            head if head.starts_with(PNG) => Self::Png,
            head if head.starts_with(JPEG) => Self::Jpeg,
            head if without_mark(head).starts_with(XML) => Self::Xml,
            _ => Self::Text,
        }
    }

    const fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Xml)
    }
}

fn without_mark(head: &[u8]) -> &[u8] {
    head.strip_prefix(BOM).unwrap_or(head)
}

/// Looks at a file that passes by.
pub struct Inspector {
    /// What it has to be.
    expected: Type,
    length: u64,
    head: Vec<u8>,
    /// The last bytes so far; at least [`TAIL`], if there are as many.
    tail: Vec<u8>,
    /// How many of them begin a letter of which the end is still to come.
    unfinished: usize,
}

impl Inspector {
    /// Of a file that has to be of this kind, as its name says.
    pub const fn new(expected: Type) -> Self {
        Self { expected, length: 0, head: Vec::new(), tail: Vec::new(), unfinished: 0 }
    }

    /// Takes the next piece. What is wrong with it, as soon as that is known.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), &'static str> {
        self.length += piece.len() as u64;
        let was_short = self.head.len() < HEAD;
        self.head.extend(piece.iter().take(HEAD - self.head.len()));
        if self.head.len() >= PNG.len() {
            self.check_type()?;
        }
        // With the end of what has come before, so that nothing hides on the border.
        let border = [last(&self.tail, OVERLAP), &piece[..piece.len().min(OVERLAP)]].concat();
        if self.expected.is_text() {
            let text = match self.unfinished {
                0 => Cow::Borrowed(piece),
                begun => [last(&self.tail, begun), piece].concat().into(),
            };
            self.unfinished = check_letters(&text)?;
        }
        self.check_inside(&border)?;
        self.check_inside(piece)?;
        if was_short && self.head.len() == HEAD {
            self.check_head()?;
        }
        if piece.len() >= TAIL {
            self.tail.clear();
        }
        self.tail.extend_from_slice(last(piece, TAIL));
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        Ok(())
    }

    /// What it is, once all of it has passed by.
    pub fn finish(self) -> Result<Type, &'static str> {
        if self.length == 0 {
            return Err("file_empty");
        }
        self.check_type()?;
        self.check_head()?;
        if self.unfinished > 0 {
            return Err("file_type");
        }
        let tail = self.tail.as_slice();
        let is_whole = match self.expected {
            Type::Pdf => ends_as_pdf(last(tail, HEAD)),
            Type::Png => self.head.get(12..16) == Some(b"IHDR") && tail.ends_with(PNG_END),
            Type::Jpeg => tail.ends_with(JPEG_END),
            Type::Text | Type::Xml => true,
        };
        if !is_whole {
            return Err("file_end");
        }
        // Before the first byte of a file of a tape archive there is its name.
        let is_tape = self.head.get(257..262) == Some(b"ustar");
        if is_tape || ends_as_zip(tail) { Err("file_two") } else { Ok(self.expected) }
    }

    fn check_type(&self) -> Result<(), &'static str> {
        if Type::of_head(&self.head) == self.expected { Ok(()) } else { Err("file_type") }
    }

    /// Nothing at the beginning makes a browser, or a shell, take it for something else.
    fn check_head(&self) -> Result<(), &'static str> {
        let small = self.head.to_ascii_lowercase();
        if PAGES.iter().any(|page| contains(&small, page)) {
            return Err(if self.expected.is_text() { "file_type" } else { "file_two" });
        }
        match self.expected {
            Type::Text => {
                let text = without_mark(&small).trim_ascii_start();
                let is_other = [b"<".as_slice(), b"#!", b"{\\rtf"].iter().any(|other| text.starts_with(other));
                if is_other { Err("file_type") } else { Ok(()) }
            }
            Type::Xml if !says_utf8(without_mark(&small)) => Err("file_xml"),
            _ => Ok(()),
        }
    }

    fn check_inside(&self, window: &[u8]) -> Result<(), &'static str> {
        let has = |words: &[&[u8]]| words.iter().any(|word| contains(window, word));
        match self.expected {
            Type::Pdf if has(&PDF_ACTS) => Err("file_active"),
            Type::Xml if has(&XML_DTD) => Err("file_xml"),
            Type::Xml if has(&XML_PAGES) => Err("file_active"),
            _ => Ok(()),
        }
    }
}

fn last(bytes: &[u8], count: usize) -> &[u8] {
    &bytes[bytes.len().saturating_sub(count)..]
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    memmem::find(bytes, word).is_some()
}

/// Letters and lines, and nothing that controls anything. How many bytes at the end begin another letter.
fn check_letters(bytes: &[u8]) -> Result<usize, &'static str> {
    let (whole, unfinished) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, 0),
        Err(error) if error.error_len().is_none() => {
            let (whole, rest) = bytes.split_at(error.valid_up_to());
            (std::str::from_utf8(whole).map_err(|_| "file_type")?, rest.len())
        }
        Err(_) => return Err("file_type"),
    };
    let is_sound = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t' | '\u{C}');
    if whole.chars().all(is_sound) { Ok(unfinished) } else { Err("file_type") }
}

/// Whether the declaration of an XML file, in small letters, leaves its letters to be UTF-8.
fn says_utf8(head: &[u8]) -> bool {
    let end = head.windows(2).position(|pair| pair == b"?>").unwrap_or(head.len());
    let declaration = &head[..end];
    let quoted = [b"\"utf-8\"".as_slice(), b"'utf-8'"];
    end < head.len() && (!contains(declaration, b"encoding") || quoted.iter().any(|name| contains(declaration, name)))
}

/// After the last `%%EOF` there is nothing but white space (ISO 32000-2, 7.5.5).
fn ends_as_pdf(tail: &[u8]) -> bool {
    let mark = b"%%EOF".as_slice();
    let at = tail.windows(mark.len()).rposition(|part| part == mark);
    let is_blank = |byte: &u8| matches!(byte, 0 | b'\t' | b'\n' | 0x0C | b'\r' | b' ');
    at.is_some_and(|at| tail[at + mark.len()..].iter().all(is_blank))
}

/// Whether a program that unpacks ZIP files would find its directory at the end.
fn ends_as_zip(tail: &[u8]) -> bool {
    let ends = |at: usize| {
        let end = tail.get(at..at + 22)?;
        let comment = usize::from(u16::from_le_bytes([*end.get(20)?, *end.get(21)?]));
        // One disk, and a comment that fits.
        Some(end.get(4..8)? == [0; 4] && at + 22 + comment <= tail.len())
    };
    let mut places = tail.windows(ZIP_END.len()).enumerate().filter(|(_, part)| *part == ZIP_END);
    places.any(|(at, _)| ends(at) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_PDF: &[u8] =
        b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n";
    const AN_XML: &[u8] =
        b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<bescheid nummer=\"1\">Gr\xC3\xBC\xC3\x9Fe</bescheid>\n";

    fn png() -> Vec<u8> {
        [PNG, b"\0\0\0\x0DIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90\x77\x53\xDE", PNG_END].concat()
    }

    fn jpeg() -> Vec<u8> {
        [JPEG, b"\xE0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0", JPEG_END].concat()
    }

    fn zip() -> Vec<u8> {
        [b"PK\x03\x04".as_slice(), &[0; 30], ZIP_END, &[0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat()
    }

    /// The same, however it is cut.
    fn inspect(expected: Type, bytes: &[u8]) -> Result<Type, &'static str> {
        let of = |size: usize| {
            let mut inspector = Inspector::new(expected);
            bytes.chunks(size).try_for_each(|piece| inspector.take(piece))?;
            inspector.finish()
        };
        let whole = of(bytes.len().max(1));
        for size in [1, 2, 3, 7, 64] {
            assert_eq!(of(size).is_ok(), whole.is_ok(), "in pieces of {size}: {:?} {whole:?}", of(size));
        }
        whole
    }

    #[test]
    fn what_is_taken() {
        let long = [b"%PDF-1.7\n".as_slice(), &vec![b'x'; 300_000], b"\nstartxref\n9\n%%EOF\r\n"].concat();
        let text = "Sehr geehrte Frau Muster,\r\n\r\nüber 1 < 2 läßt sich reden. 🙂\r\n".as_bytes();
        let marked = [BOM, "Grüße".as_bytes()].concat();
        let rows: [(Type, &[u8]); 9] = [
            (Type::Pdf, A_PDF),
            (Type::Pdf, &long),
            (Type::Png, &png()),
            (Type::Jpeg, &jpeg()),
            (Type::Text, text),
            (Type::Text, &marked),
            (Type::Text, b"x"),
            (Type::Xml, AN_XML),
            (Type::Xml, b"<?xml version='1.0'?><a/>"),
        ];
        for (expected, bytes) in rows {
            assert_eq!(inspect(expected, bytes), Ok(expected), "{expected:?}");
        }
        // A name says one thing, the bytes another.
        for (other, bytes) in [(Type::Text, A_PDF), (Type::Xml, A_PDF), (Type::Png, &jpeg()), (Type::Pdf, text)] {
            assert_eq!(inspect(other, bytes), Err("file_type"), "{other:?}");
        }
    }

    #[test]
    fn what_is_refused() {
        let joined = |one: &[u8], other: &[u8]| [one, other].concat();
        let rows: [(Type, Vec<u8>, &str); 28] = [
            (Type::Text, vec![], "file_empty"),
            (Type::Pdf, b"%PDF-1.7\nhalf of it".to_vec(), "file_end"),
            (Type::Pdf, joined(b"\n", A_PDF), "file_type"),
            (Type::Pdf, joined(A_PDF, b"<script>alert(1)</script>"), "file_two"),
            (Type::Pdf, joined(&[A_PDF, &[b' '; 1100]].concat(), b"<script>alert(1)</script>"), "file_end"),
            (Type::Pdf, joined(b"%PDF-1.7\n<html><body>", A_PDF), "file_two"),
            (Type::Pdf, joined(A_PDF, &zip()), "file_end"),
            (Type::Pdf, [b"%PDF-1.7\n", zip().as_slice(), b"\n%%EOF"].concat(), "file_two"),
            (Type::Pdf, joined(b"%PDF-1.7\n<< /S /JavaScript /JS (app.alert\\(1\\)) >>\n", A_PDF), "file_active"),
            (Type::Pdf, joined(b"%PDF-1.7\n<< /S /Launch /F (cmd.exe) >>\n", A_PDF), "file_active"),
            (Type::Pdf, [b"%PDF-1.7\n", vec![b' '; 248].as_slice(), b"ustar", b"\n%%EOF"].concat(), "file_two"),
            (Type::Png, joined(&png(), b"<?php"), "file_two"),
            (Type::Png, joined(&png(), &[0; 2000]), "file_end"),
            (Type::Png, joined(&png(), &zip()), "file_end"),
            (Type::Jpeg, joined(&jpeg(), &zip()), "file_end"),
            (Type::Jpeg, [jpeg().as_slice(), &zip(), JPEG_END].concat(), "file_two"),
            (Type::Text, zip(), "file_type"),
            (Type::Text, b"MZ\x90\0\x03\0\0\0".to_vec(), "file_type"),
            (Type::Text, b"\x7FELF\x02\x01\x01\0".to_vec(), "file_type"),
            (Type::Text, b"#!/bin/sh\nrm -rf /\n".to_vec(), "file_type"),
            (Type::Text, b"\xEF\xBB\xBF \n<HTML><script>".to_vec(), "file_type"),
            (Type::Text, b"{\\rtf1\\ansi}".to_vec(), "file_type"),
            (Type::Text, b"Gr\xFC\xDFe in Latin-1".to_vec(), "file_type"),
            (Type::Text, b"cut: \xC3".to_vec(), "file_type"),
            (Type::Text, b"alarm \x07".to_vec(), "file_type"),
            (
                Type::Xml,
                b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a/>".to_vec(),
                "file_xml",
            ),
            (Type::Xml, b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>".to_vec(), "file_xml"),
            (
                Type::Xml,
                b"<?xml version=\"1.0\"?><s:svg xmlns:s=\"http://www.w3.org/2000/svg\"/>".to_vec(),
                "file_active",
            ),
        ];
        for (number, (expected, bytes, problem)) in rows.into_iter().enumerate() {
            assert_eq!(inspect(expected, &bytes), Err(problem), "row {number}");
        }
    }

    #[test]
    fn little_of_it_is_kept() {
        let mut inspector = Inspector::new(Type::Pdf);
        inspector.take(b"%PDF-1.7\n").unwrap();
        for _ in 0..100 {
            inspector.take(&[b'x'; 50_000]).unwrap();
            assert!(inspector.tail.len() <= 2 * TAIL && inspector.head.len() <= HEAD);
        }
        inspector.take(b"%%EOF").unwrap();
        assert_eq!(inspector.finish(), Ok(Type::Pdf));
    }
}
