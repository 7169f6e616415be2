//! Reads a PDF while it passes by, token by token (ISO 32000-2, 7.2 and 7.3), and hands the tokens to [`Dictionaries`]. What streams hold is
//! passed over: a signature stands outside of them, or its place in the file could not be stated.

use memchr::{memchr, memchr2};

use super::dictionary::{CONTENTS_MAX_BYTES, Dictionaries, Hex};

/// So much of a name, a number, a keyword or a text is kept: none that counts is longer.
const TOKEN_MAX_BYTES: usize = 64;
const END_OF_STREAM: &[u8] = b"endstream";

#[derive(Clone, Copy, Debug, Default)]
enum Mode {
    #[default]
    Between,
    Comment,
    Name,
    /// A number or a keyword.
    Word,
    Text {
        depth: u32,
        is_escaped: bool,
    },
    Hex,
    /// After one `<`.
    Less,
    /// After one `>`.
    Greater,
    /// After the keyword `stream`.
    BeforeStream,
    /// In a stream that says how long it is.
    Skip(u64),
    /// In one of which the end has to be seen; so much of its last word has come.
    Stream(usize),
}

/// What has been seen so far. Little of it is kept, however long it is.
#[derive(Debug, Default)]
pub struct Lexer {
    at: u64,
    mode: Mode,
    /// Where the present token begins.
    start: u64,
    token: Vec<u8>,
    is_long: bool,
    hex: Hex,
    pub dictionaries: Dictionaries,
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0C | b'\r' | b' ')
}

const fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

pub const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl Lexer {
    pub fn take(&mut self, piece: &[u8]) {
        let mut rest = piece;
        loop {
            let (_, after) = rest.split_at(self.pass(rest));
            let Some((byte, after)) = after.split_first() else { return };
            self.step(*byte);
            self.at += 1;
            rest = after;
        }
    }

    /// Passes over what says nothing, which is nearly all of a file; how much that was.
    fn pass(&mut self, rest: &[u8]) -> usize {
        let here = match self.mode {
            Mode::Comment => memchr2(b'\r', b'\n', rest).unwrap_or(rest.len()),
            Mode::Stream(0) => memchr(b'e', rest).unwrap_or(rest.len()),
            Mode::Skip(left) => {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                let left = left - here as u64;
                self.mode = if left > 0 { Mode::Skip(left) } else { Mode::Between };
                here
            }
            _ => 0,
        };
        self.at += here as u64;
        here
    }

    /// How many bytes have come.
    pub const fn length(&self) -> u64 {
        self.at
    }

    fn step(&mut self, byte: u8) {
        match self.mode {
            Mode::Between => self.begin(byte),
            Mode::Comment if matches!(byte, b'\r' | b'\n') => self.mode = Mode::Between,
            Mode::Comment => {}
            Mode::Name | Mode::Word if is_blank(byte) || is_delimiter(byte) => self.end_token(byte),
            Mode::Name | Mode::Word => self.keep(byte),
            Mode::Text { depth, is_escaped } => self.text(byte, depth, is_escaped),
            Mode::Hex => self.hex(byte),
            Mode::Less if byte == b'<' => {
                self.dictionaries.begin_dictionary();
                self.mode = Mode::Between;
            }
            Mode::Less => {
                self.hex = self.dictionaries.hex(self.start);
                self.mode = Mode::Hex;
                self.hex(byte);
            }
            Mode::Greater if byte == b'>' => {
                self.dictionaries.end_dictionary();
                self.mode = Mode::Between;
            }
            Mode::Greater => {
                self.mode = Mode::Between;
                self.begin(byte);
            }
            Mode::BeforeStream => self.begin_stream(byte),
            Mode::Skip(_) => {}
            Mode::Stream(seen) => self.mode = in_stream(byte, seen),
        }
    }

    fn begin(&mut self, byte: u8) {
        self.start = self.at;
        self.token.clear();
        self.is_long = false;
        match byte {
            b'%' => self.mode = Mode::Comment,
            b'/' => self.mode = Mode::Name,
            b'(' => self.mode = Mode::Text { depth: 1, is_escaped: false },
            b'<' => self.mode = Mode::Less,
            b'>' => self.mode = Mode::Greater,
            b'[' => self.dictionaries.begin_array(),
            b']' => self.dictionaries.end_array(),
            byte if is_blank(byte) || is_delimiter(byte) => {}
            byte => {
                self.mode = Mode::Word;
                self.keep(byte);
            }
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.token.len() < TOKEN_MAX_BYTES {
            self.token.push(byte);
        } else {
            self.is_long = true;
        }
    }

    fn end_token(&mut self, byte: u8) {
        let token = if self.is_long { &[] } else { self.token.as_slice() };
        let is_name = matches!(self.mode, Mode::Name);
        self.mode = Mode::Between;
        if is_name {
            self.dictionaries.name(&unescape(token));
        } else if token == b"stream" {
            self.mode = Mode::BeforeStream;
            return self.begin_stream(byte);
        } else {
            self.dictionaries.word(token);
        }
        self.begin(byte);
    }

    /// A stream begins after the end of the line (7.3.8.1).
    fn begin_stream(&mut self, byte: u8) {
        if byte == b'\r' {
            return;
        }
        let length = self.dictionaries.begin_stream();
        // Whoever writes no end of line has begun already.
        let begun = u64::from(byte != b'\n');
        self.mode = match length.map(|length| length.saturating_sub(begun)) {
            Some(0) => Mode::Between,
            Some(left) => Mode::Skip(left),
            None if begun == 1 => in_stream(byte, 0),
            None => Mode::Stream(0),
        };
    }

    fn text(&mut self, byte: u8, depth: u32, is_escaped: bool) {
        let (depth, is_escaped) = match byte {
            _ if is_escaped => (depth, false),
            b'\\' => (depth, true),
            b'(' => (depth.saturating_add(1), false),
            b')' => (depth - 1, false),
            _ => (depth, false),
        };
        if depth == 0 {
            self.dictionaries.text(&if self.is_long { Vec::new() } else { plain_text(&self.token) });
            self.mode = Mode::Between;
        } else {
            self.keep(byte);
            self.mode = Mode::Text { depth, is_escaped };
        }
    }

    fn hex(&mut self, byte: u8) {
        if byte == b'>' {
            let mut hex = std::mem::take(&mut self.hex);
            hex.end = self.at + 1;
            self.dictionaries.end_hex(hex);
            self.mode = Mode::Between;
        } else {
            self.hex.take(byte);
        }
    }
}

/// How much of the last word has come after this byte.
fn in_stream(byte: u8, seen: usize) -> Mode {
    let seen = match byte {
        byte if END_OF_STREAM.get(seen) == Some(&byte) => seen + 1,
        // `endstre` ends with what may begin the word anew.
        b'n' if seen == 7 => 2,
        b'e' => 1,
        _ => 0,
    };
    if seen == END_OF_STREAM.len() { Mode::Between } else { Mode::Stream(seen) }
}

/// A text may have any letter as a backslash and its number (7.3.4.2).
fn plain_text(text: &[u8]) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.iter().take(3).take_while(|digit| matches!(digit, b'0'..=b'7')).count();
        if *byte == b'\\' && digits > 0 {
            let (number, after) = after.split_at(digits);
            plain.push(number.iter().fold(0_u8, |number, digit| number << 3 | (digit - b'0')));
            rest = after;
        } else {
            plain.push(*byte);
            rest = after;
        }
    }
    plain
}

/// A name may have any letter as `#` and two digits (7.3.5).
fn unescape(name: &[u8]) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::with_capacity(name.len()), name);
    loop {
        match rest {
            [b'#', high, low, after @ ..] if nibble(*high).is_some() && nibble(*low).is_some() => {
                plain.push(nibble(*high).unwrap_or_default() << 4 | nibble(*low).unwrap_or_default());
                rest = after;
            }
            [byte, after @ ..] => {
                plain.push(*byte);
                rest = after;
            }
            [] => return plain,
        }
    }
}

impl Hex {
    fn take(&mut self, digit: u8) {
        let Some(value) = nibble(digit) else {
            self.is_odd = true;
            return;
        };
        self.is_odd |= !self.is_wanted || self.bytes.len() >= CONTENTS_MAX_BYTES;
        if self.is_odd {
            return;
        }
        match self.half.take() {
            Some(high) => self.bytes.push(high << 4 | value),
            None => self.half = Some(value),
        }
    }
}
