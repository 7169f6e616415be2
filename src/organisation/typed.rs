//! What people type of an organisation, read once: every problem is told at its field.

use unicode_normalization::UnicodeNormalization as _;

use super::record::{Address, Entry, LegalForm, RegisterKind};
use crate::account::further::{merge_blanks, parse_german_postal_code, parse_place, parse_street_address};
use crate::account::name::is_name_letter;
use crate::kernel::error::{Error, FieldProblem};

const NAME_MAX_CHARACTERS: usize = 200;
const COURT_MAX_CHARACTERS: usize = 60;
const NUMBER_MAX_DIGITS: usize = 8;

/// The text of a field; empty if it is not there.
pub trait Fields: Fn(&'static str) -> String {}
impl<F: Fn(&'static str) -> String> Fields for F {}

/// A name as registers write it: letters, digits and the signs of firms (§ 18 HGB). `None` if it is empty, too long, or has
/// anything else in it.
pub fn parse_name(text: &str) -> Option<String> {
    let name = merge_blanks(&text.nfc().collect::<String>());
    let is_letter = |sign: char| is_name_letter(sign) || sign.is_ascii_digit();
    let is_sign = |sign: char| is_letter(sign) || " .,-–/()'’&+:!?@#%*°\"„“".contains(sign);
    let is_sound = name.chars().count() <= NAME_MAX_CHARACTERS && name.chars().all(is_sign);
    (is_sound && name.chars().any(is_letter)).then_some(name)
}

/// The court by its town: what people write before it is left out.
pub fn parse_court(text: &str) -> Option<String> {
    const BEFORE: [&str; 3] = ["amtsgericht", "registergericht", "ag"];
    let court = parse_place(&text.nfc().collect::<String>())?;
    let (first, rest) = court.split_once(' ').unwrap_or((&court, ""));
    let court = if BEFORE.contains(&first.to_lowercase().as_str()) { rest } else { &court };
    (!court.is_empty() && court.chars().count() <= COURT_MAX_CHARACTERS).then(|| court.to_owned())
}

/// Digits, and the letters that some courts put behind them; without the kind of register before it and without leading zeros.
pub fn parse_number(kind: RegisterKind, text: &str) -> Option<String> {
    let text: String = text.to_uppercase().split_whitespace().collect();
    let text = text.strip_prefix(&kind.name().to_uppercase()).unwrap_or(&text);
    let (digits, letters) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let digits = digits.trim_start_matches('0');
    let is_sound = (1..=NUMBER_MAX_DIGITS).contains(&digits.len())
        && letters.len() <= 3
        && letters.bytes().all(|byte| byte.is_ascii_uppercase());
    is_sound.then(|| format!("{digits}{letters}"))
}

/// Wirtschafts-Identifikationsnummer (§ 139c AO): `DE`, nine digits of which the last checks the others, a hyphen, and five
/// digits for the establishment, which are `00001` unless they are given.
pub fn parse_economic_id(text: &str) -> Option<String> {
    let text: String = text.to_uppercase().chars().filter(|sign| !sign.is_whitespace()).collect();
    let rest = text.strip_prefix("DE")?;
    let (number, establishment) = rest.split_once('-').unwrap_or((rest, "00001"));
    let is_digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_sound = is_digits(number, 9) && is_digits(establishment, 5) && has_check_digit(number);
    is_sound.then(|| format!("DE{number}-{establishment}"))
}

/// ISO/IEC 7064, MOD 11,10, as the number for VAT has it (Anlage 3 ZMDV).
fn has_check_digit(number: &str) -> bool {
    let mut digits = number.bytes().map(|byte| u32::from(byte - b'0'));
    let product = digits.by_ref().take(8).fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    digits.next() == Some((11 - product) % 10)
}

/// Name and legal form.
pub fn read_name(field: &impl Fields) -> Result<(String, LegalForm), Error> {
    let mut problems = Problems::default();
    let name = problems.read("name", parse_name(&field("name")), "organisation_name");
    let form = problems.read("rechtsform", LegalForm::from_name(&field("rechtsform")), "organisation_form");
    problems.end(name.zip(form))
}

/// The entry in a register that organisations of this form have, or may have.
pub fn read_entry(form: LegalForm, field: &impl Fields) -> Result<Option<Entry>, Error> {
    let mut problems = Problems::default();
    let chosen = field("register");
    if chosen == "keins" && !form.is_always_registered() {
        return Ok(None);
    }
    let kind = RegisterKind::from_name(&chosen).filter(|kind| form.registers().contains(kind));
    let problem = if chosen == "keins" { "organisation_register_needed" } else { "organisation_register" };
    let kind = problems.read("register", kind, problem);
    let court = problems.read("registergericht", parse_court(&field("registergericht")), "organisation_court");
    let typed = field("nummer");
    let number = kind.map_or_else(|| Some(typed.clone()), |kind| parse_number(kind, &typed));
    let number = problems.read("nummer", number, "organisation_number");
    let entry = kind.zip(court).zip(number).map(|((kind, court), number)| Entry { kind, court, number });
    problems.end(entry).map(Some)
}

/// Seat and addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    pub seat: String,
    pub business: Address,
    pub administrative: Option<Address>,
}

pub fn read_places(field: &impl Fields) -> Result<Places, Error> {
    let mut problems = Problems::default();
    let seat = problems.read("sitz", parse_place(&field("sitz")), "organisation_seat");
    let business = problems.address(field, ["strasse", "plz", "ort"]);
    let elsewhere = ["verwaltung_strasse", "verwaltung_plz", "verwaltung_ort"];
    let administrative = if elsewhere.iter().all(|name| field(name).trim().is_empty()) {
        Some(None)
    } else {
        problems.address(field, elsewhere).map(Some)
    };
    let places = seat.zip(business).zip(administrative);
    problems.end(places.map(|((seat, business), administrative)| Places { seat, business, administrative }))
}

/// The seat alone.
pub fn read_seat(field: &impl Fields) -> Result<String, Error> {
    let text = field("sitz").nfc().collect::<String>();
    parse_place(&text).ok_or_else(|| Error::field("sitz", "organisation_seat"))
}

/// The number, if there is one.
pub fn read_economic_id(field: &impl Fields) -> Result<Option<String>, Error> {
    let typed = field("widnr");
    if typed.trim().is_empty() {
        return Ok(None);
    }
    parse_economic_id(&typed).map(Some).ok_or_else(|| Error::field("widnr", "organisation_economic_id"))
}

#[derive(Default)]
struct Problems(Vec<FieldProblem>);

impl Problems {
    fn read<T>(&mut self, field: &'static str, value: Option<T>, problem: &'static str) -> Option<T> {
        if value.is_none() {
            self.0.push(FieldProblem { field, problem });
        }
        value
    }

    fn address(&mut self, field: &impl Fields, [street, code, town]: [&'static str; 3]) -> Option<Address> {
        let text = |name| field(name).nfc().collect::<String>();
        let read = self.read(street, parse_street_address(&text(street)), "street_address_format");
        let postal_code = self.read(code, parse_german_postal_code(&text(code)), "postal_code_germany");
        let locality = self.read(town, parse_place(&text(town)), "place_characters");
        let address = read.zip(postal_code).zip(locality);
        address.map(|((street, postal_code), locality)| Address { street, postal_code, locality })
    }

    fn end<T>(self, value: Option<T>) -> Result<T, Error> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::Invalid(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form<'a>(fields: &'a [(&'static str, &'a str)]) -> impl Fields + 'a {
        |name| fields.iter().find(|(known, _)| *known == name).map_or(String::new(), |(_, value)| (*value).to_owned())
    }

    fn problems<T: std::fmt::Debug>(read: Result<T, Error>) -> Vec<(&'static str, &'static str)> {
        match read {
            Err(Error::Invalid(problems)) => problems.iter().map(|one| (one.field, one.problem)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_are_as_firms_are_called() {
        for name in
            ["Bäckerei Weber GmbH", "1. FC Nord e. V.", "Müller & Söhne OHG", "„Zur Linde“ Łódź-Imbiss", "50%+ Laden!"]
        {
            assert_eq!(parse_name(name).as_deref(), Some(name), "{name}");
        }
        assert_eq!(parse_name(" Weber \n GmbH "), Some("Weber GmbH".to_owned()));
        for bad in
            ["", " ", "&", "<b>Weber</b>", "{{7*7}}", "a=b", "Weber\u{202e}", "Weber;", "$x", "Ромашка", "a\u{0}"]
        {
            assert_eq!(parse_name(bad), None, "{bad:?}");
        }
        assert!(parse_name(&"a".repeat(200)).is_some() && parse_name(&"a".repeat(201)).is_none());
    }

    #[test]
    fn an_entry_is_one_however_it_is_written() {
        for court in ["Mainz", " Amtsgericht  Mainz ", "AG Mainz", "amtsgericht Mainz", "Registergericht Mainz"] {
            assert_eq!(parse_court(court).as_deref(), Some("Mainz"), "{court}");
        }
        for bad in ["", "Amtsgericht ", "<Mainz>", "-"] {
            assert_eq!(parse_court(bad), None, "{bad}");
        }
        for number in ["1234", " 1234 ", "HRB 1234", "hrb1234", "001234", "HRB 12 34"] {
            assert_eq!(parse_number(RegisterKind::Hrb, number).as_deref(), Some("1234"), "{number}");
        }
        assert_eq!(parse_number(RegisterKind::Gnr, "GnR 77 b").as_deref(), Some("77B"));
        for bad in ["", "HRB", "0", "B 1234", "1234-5", "123456789", "12ABCD", "1٣"] {
            assert_eq!(parse_number(RegisterKind::Hrb, bad), None, "{bad}");
        }
    }

    #[test]
    fn economic_ids_have_a_check_digit() {
        assert_eq!(parse_economic_id("DE136695976-00001").as_deref(), Some("DE136695976-00001"));
        assert_eq!(parse_economic_id(" de 136 695 976 ").as_deref(), Some("DE136695976-00001"));
        for bad in [
            "",
            "DE",
            "136695976-00001",
            "DE136695977-00001",
            "DE13669597-00001",
            "DE136695976-1",
            "DE1366959٧6",
            "DE123456789-00001",
        ] {
            assert_eq!(parse_economic_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_form_has_the_registers_it_may_stand_in() {
        let read = |form: LegalForm, register: &str| {
            read_entry(form, &form_of(register)).map(|entry| entry.map(|entry| entry.kind))
        };
        fn form_of(register: &str) -> impl Fields {
            let register = register.to_owned();
            move |name| match name {
                "register" => register.clone(),
                "registergericht" => "Mainz".to_owned(),
                _ => "77".to_owned(),
            }
        }
        for form in LegalForm::ALL {
            for kind in RegisterKind::ALL {
                assert_eq!(read(form, kind.name()).is_ok(), form.registers().contains(&kind), "{form:?} {kind:?}");
            }
            assert_eq!(read(form, "keins").is_ok(), !form.is_always_registered(), "{form:?}");
            assert!(!form.is_always_registered() || !form.registers().is_empty());
        }
        assert_eq!(problems(read(LegalForm::Gmbh, "keins"))[0], ("register", "organisation_register_needed"));
    }

    #[test]
    fn every_problem_stands_at_its_field() {
        assert_eq!(
            problems(read_name(&form(&[]))),
            [("name", "organisation_name"), ("rechtsform", "organisation_form")]
        );
        let places = problems(read_places(&form(&[("verwaltung_plz", "1")])));
        let fields: Vec<_> = places.iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, ["sitz", "strasse", "plz", "ort", "verwaltung_strasse", "verwaltung_plz", "verwaltung_ort"]);
        let sound = [("sitz", "Mainz"), ("strasse", "Weg 1"), ("plz", "55116"), ("ort", "Mainz")];
        assert_eq!(read_places(&form(&sound)).unwrap().administrative, None);
        assert_eq!(read_economic_id(&form(&[])).unwrap(), None);
    }
}
