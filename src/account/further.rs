//! What a person may state besides who they are: read from a form in one place, and saved in one transaction.
//!
//! Every field is optional. An empty one says nothing, and removes what was said before.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

use super::name::{is_name_letter, parse_name};
use super::{AccountEvent, AttributeName, attribute_place, country, key, load, seal, store, time_zone};
use crate::audit;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::AccountId;
use crate::kernel::seal::Vault;
use crate::store::work::Work;

/// OpenID Connect Core section 5.1 defines the first two and lets others be used; the law knows the third (§ 22 PStG).
pub const GENDERS: [&str; 3] = ["female", "male", "diverse"];
/// What the list of countries says for one that it does not offer by name.
pub const OTHER_COUNTRY: &str = "other";
/// The field for the code of such a country.
pub const COUNTRY_CODE: &str = "country_code";

const STREET_MAX_CHARACTERS: usize = 200;
const PLACE_MAX_CHARACTERS: usize = 100;
const NICKNAME_MAX_CHARACTERS: usize = 60;
const POSTAL_CODE_MAX_CHARACTERS: usize = 10;
const WEB_ADDRESS_MAX_BYTES: usize = 500;

/// Everything that somebody states, read and sound. What is not in it is not stated.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stated(BTreeMap<AttributeName, String>);

impl Stated {
    pub fn value(&self, name: AttributeName) -> Option<&str> {
        self.0.get(&name).map(String::as_str)
    }

    /// Reads the fields of the form; they are named like the attributes.
    pub fn read<'a>(field: impl Fn(&'static str) -> &'a str) -> Result<Self, Vec<FieldProblem>> {
        let (mut stated, mut problems) = (BTreeMap::new(), Vec::new());
        let country = read_country(field(AttributeName::Country.name()), field(COUNTRY_CODE));
        for name in AttributeName::further() {
            let in_germany = matches!(&country, Ok(Some(code)) if code == "DE");
            let read = match name {
                AttributeName::Country => country.clone(),
                _ if field(name.name()).trim().is_empty() => Ok(None),
                _ => read(name, field(name.name()), in_germany).map(Some),
            };
            match read {
                Ok(Some(value)) => drop(stated.insert(name, value)),
                Ok(None) => {}
                Err(problem) if problem == COUNTRY_CODE => problems.push(FieldProblem { field: COUNTRY_CODE, problem }),
                Err(problem) => problems.push(FieldProblem { field: name.name(), problem }),
            }
        }
        if problems.is_empty() { Ok(Self(stated)) } else { Err(problems) }
    }

    pub fn get(&self, name: AttributeName) -> Option<&str> {
        self.0.get(&name).map(String::as_str)
    }
}

/// The problem is the key of its sentence.
type Read<T> = Result<T, &'static str>;

fn read(name: AttributeName, text: &str, in_germany: bool) -> Read<String> {
    let text: String = text.nfc().collect();
    match name {
        AttributeName::PhoneNumber => parse_phone_number(&text).ok_or("phone_number_format"),
        AttributeName::StreetAddress => parse_street_address(&text).ok_or("street_address_format"),
        AttributeName::PostalCode if in_germany => parse_german_postal_code(&text).ok_or("postal_code_germany"),
        AttributeName::PostalCode => parse_postal_code(&text).ok_or("postal_code_format"),
        AttributeName::Locality | AttributeName::Region => parse_place(&text).ok_or("place_characters"),
        AttributeName::Nickname | AttributeName::PreferredUsername => {
            parse_nickname(&text).ok_or("nickname_characters")
        }
        AttributeName::Gender => GENDERS.contains(&text.trim()).then(|| text.trim().to_owned()).ok_or("choice_unknown"),
        AttributeName::TimeZone => time_zone::parse(&text).ok_or("choice_unknown"),
        AttributeName::Website | AttributeName::ProfilePage | AttributeName::Picture => {
            parse_web_address(&text).ok_or("web_address_format")
        }
        AttributeName::MiddleName => parse_name(&text).ok_or("name_characters"),
        // Read from two fields, see `read_country`; identity is not stated here.
        AttributeName::Country
        | AttributeName::GivenNames
        | AttributeName::FamilyName
        | AttributeName::BirthDate
        | AttributeName::AcademicTitle
        | AttributeName::BirthName
        | AttributeName::BirthPlace
        | AttributeName::Nationality => Err("choice_unknown"),
    }
}

/// A country of the list, or another one by its code.
fn read_country(choice: &str, code: &str) -> Read<Option<String>> {
    match (choice.trim(), code.trim()) {
        ("", "") => Ok(None),
        ("" | OTHER_COUNTRY, code) => country::parse(code).map(Some).ok_or(COUNTRY_CODE),
        (choice, _) => country::parse(choice).map(Some).ok_or("choice_unknown"),
    }
}

/// ITU-T E.164: `+`, the country's number, at most 15 digits. A number that begins with one 0 is German. `(0)` is how people
/// write the 0 that is dialled at home only.
fn parse_phone_number(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    let is_sign = |sign: char| sign.is_ascii_digit() || "/()-.".contains(sign);
    let (has_plus, rest) = text.strip_prefix('+').map_or((false, text.as_str()), |rest| (true, rest));
    let digits_of = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let dialled = digits_of(rest);
    let abroad = || digits_of(&rest.replace("(0)", ""));
    let digits = match has_plus {
        true => abroad(),
        false if dialled.starts_with("00") => abroad().strip_prefix("00")?.to_owned(),
        false => format!("49{}", dialled.strip_prefix('0')?),
    };
    // The 0 that is dialled at home only, once more.
    let digits = digits.strip_prefix("490").map_or(digits.clone(), |home| format!("49{home}"));
    let sound = rest.chars().all(is_sign)
        && (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && !digits.starts_with("490");
    sound.then(|| format!("+{digits}"))
}

/// One or two lines: a street and a number, and what belongs to them.
pub fn parse_street_address(text: &str) -> Option<String> {
    let lines: Vec<String> = text.lines().map(merge_blanks).filter(|line| !line.is_empty()).collect();
    let address = lines.join("\n");
    let sign = |sign: char| sign == '\n' || is_place_sign(sign) || "&+#:ºª°".contains(sign);
    let sound = (1..=2).contains(&lines.len())
        && address.chars().count() <= STREET_MAX_CHARACTERS
        && address.chars().all(sign)
        && address.chars().any(is_letter_or_digit);
    sound.then_some(address)
}

/// Five digits.
pub fn parse_german_postal_code(text: &str) -> Option<String> {
    let code = text.trim();
    (code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit())).then(|| code.to_owned())
}

fn parse_postal_code(text: &str) -> Option<String> {
    let code = merge_blanks(text).to_ascii_uppercase();
    let sign = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, ' ' | '-');
    let sound = code.len() <= POSTAL_CODE_MAX_CHARACTERS
        && code.chars().all(sign)
        && code.chars().any(|sign| sign.is_ascii_alphanumeric());
    sound.then_some(code)
}

/// A town or a region.
pub fn parse_place(text: &str) -> Option<String> {
    let place = merge_blanks(text);
    let sound = place.chars().count() <= PLACE_MAX_CHARACTERS
        && place.chars().all(is_place_sign)
        && place.chars().any(is_letter_or_digit);
    sound.then_some(place)
}

fn parse_nickname(text: &str) -> Option<String> {
    let name = merge_blanks(text);
    let sign = |sign: char| is_letter_or_digit(sign) || matches!(sign, ' ' | '.' | '-' | '_');
    let sound = name.chars().count() <= NICKNAME_MAX_CHARACTERS
        && name.chars().all(sign)
        && name.chars().any(is_letter_or_digit);
    sound.then_some(name)
}

/// https, a host with a name, and nobody's user name or password in it. Stored as browsers write it.
fn parse_web_address(text: &str) -> Option<String> {
    let url = url::Url::parse(text.trim()).ok()?;
    let has_name = matches!(url.host(), Some(url::Host::Domain(name)) if name.contains('.') && !name.ends_with('.'));
    let sound = url.scheme() == "https"
        && has_name
        && url.username().is_empty()
        && url.password().is_none()
        && !text.trim().chars().any(|sign| sign.is_whitespace() || sign.is_control())
        && url.as_str().len() <= WEB_ADDRESS_MAX_BYTES;
    sound.then(|| url.into())
}

/// The words with one blank between two.
pub fn merge_blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_letter_or_digit(sign: char) -> bool {
    is_name_letter(sign) || sign.is_ascii_digit()
}

fn is_place_sign(sign: char) -> bool {
    is_letter_or_digit(sign) || " .,-/()'\u{2019}".contains(sign)
}

/// Saves what somebody states: puts what is new, removes what is not stated any more, leaves alone what is as it was.
/// `seen` is the version of the data that the person had before them; `Conflict` if it is another one by now.
pub async fn save(work: &mut Work, vault: &Vault, id: &AccountId, stated: &Stated, seen: i64) -> Result<(), Error> {
    let overtaken = || Error::Conflict("attributes");
    let account = load(&mut work.tx, vault, id).await?;
    if account.attribute_version != seen {
        return Err(overtaken());
    }
    let is_new = |(name, value): &(&AttributeName, &String)| account.value(**name) != Some(value.as_str());
    let set: Vec<_> = stated.0.iter().filter(is_new).collect();
    let is_gone = |name: &AttributeName| account.value(*name).is_some() && !stated.0.contains_key(name);
    let removed: Vec<_> = AttributeName::further().filter(is_gone).collect();
    if set.is_empty() && removed.is_empty() {
        return Ok(());
    }
    let version = store::raise_attribute_version(work, id, seen).await?.ok_or_else(overtaken)?;
    let key = key(&mut work.tx, vault, id).await?;
    for (name, value) in &set {
        let sealed = seal(&key, attribute_place(**name, id, version), value, work)?;
        store::put_attribute(work, id, **name, (version, &sealed), store::STATED).await?;
    }
    for name in &removed {
        store::delete_attribute(work, id, *name).await?;
    }
    let set = set.into_iter().map(|(name, _)| *name).collect();
    audit::record(work, &AccountEvent::AttributesChanged { account: id, set, removed }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &'static str, text: &str) -> Result<Option<String>, &'static str> {
        two([(name, text), ("", "")])
    }

    /// The value of the first field, or its problem.
    fn two(fields: [(&'static str, &str); 2]) -> Result<Option<String>, &'static str> {
        let field = |name| fields.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
        let stated = Stated::read(field).map_err(|problems| problems[0].problem)?;
        Ok(stated.0.into_iter().find(|(name, _)| name.name() == fields[0].0).map(|(_, value)| value))
    }

    fn reads(name: &'static str, text: &str, value: &str) {
        assert_eq!(one(name, text), Ok(Some(value.to_owned())), "{name} {text:?}");
    }

    fn refuses(name: &'static str, texts: &[&str]) {
        for text in texts {
            assert!(one(name, text).is_err(), "{name} {text:?}: {:?}", one(name, text));
        }
    }

    #[test]
    fn nothing_said_is_nothing_known() {
        assert_eq!(Stated::read(|_| ""), Ok(Stated::default()));
        assert_eq!(Stated::read(|_| " \t\r\n"), Ok(Stated::default()));
    }

    #[test]
    fn telephone_numbers_hold_everywhere() {
        for (text, value) in [
            ("030 123456", "+4930123456"),
            ("(030) 12 34 56-78", "+493012345678"),
            ("0151/2345678", "+491512345678"),
            ("+49 (0)30 123456", "+4930123456"),
            ("+49 030 123456", "+4930123456"),
            ("0049 30 123456", "+4930123456"),
            ("0049 (0) 30 123456", "+4930123456"),
            ("+43 1 234567", "+431234567"),
            ("00\u{a0}1 212 555-0100", "+12125550100"),
        ] {
            reads("phone_number", text, value);
        }
        refuses(
            "phone_number",
            &[
                "30 123456",
                "110",
                "0",
                "+",
                "00",
                "+0 30 123456",
                "030 12a456",
                "0+30123456",
                "++4930123456",
                "000049 30 123456",
            ],
        );
        refuses(
            "phone_number",
            &["+4930123456 ext 7", "+1234567890123456", "030 12", "\u{660}30123456", "030123456;rm", "0030"],
        );
    }

    #[test]
    fn addresses_are_written_as_people_write_them() {
        reads("street_address", " Straße des 17. Juni  135 ", "Straße des 17. Juni 135");
        reads("street_address", "Hauptstr. 5a\r\nc/o Müller & Söhne", "Hauptstr. 5a\nc/o Müller & Söhne");
        reads("street_address", "Q 7, 24\n\n", "Q 7, 24");
        let long = "a".repeat(201);
        refuses("street_address", &["1\n2\n3", "-", "<b>5</b>", "Weg 5\u{202e}", "ул. Ленина 5", "Weg 5\u{0}", &long]);
        reads("locality", "Frankfurt (Oder)", "Frankfurt (Oder)");
        reads("locality", "Mu\u{308}nchen", "München");
        reads("region", "Rhône-Alpes", "Rhône-Alpes");
        let long = "a".repeat(101);
        refuses("locality", &["<Berlin>", "Ber\u{200b}lin", "()", "Берлин", "a\"b", &long]);
        reads("postal_code", "sw1a  1aa", "SW1A 1AA");
        refuses("postal_code", &["12345678901", "- -", "10115;", "１０１１５"]);
        assert_eq!(two([("postal_code", "10115"), ("country", "DE")]), Ok(Some("10115".to_owned())));
        for bad in ["1011", "D-10115", "101 15", "SW1A 1AA"] {
            assert_eq!(two([("postal_code", bad), ("country", "DE")]), Err("postal_code_germany"), "{bad}");
        }
        assert_eq!(two([("postal_code", "1010"), ("country", "AT")]), Ok(Some("1010".to_owned())));
    }

    #[test]
    fn a_country_is_chosen_or_coded() {
        reads("country", "AT", "AT");
        assert_eq!(two([("country", "other"), ("country_code", "ke")]), Ok(Some("KE".to_owned())));
        assert_eq!(two([("country", ""), ("country_code", "KE")]), Ok(Some("KE".to_owned())));
        assert_eq!(
            two([("country", "DE"), ("country_code", "KE")]),
            Ok(Some("DE".to_owned())),
            "the list is what counts"
        );
        assert_eq!(two([("country", "other"), ("country_code", "XX")]), Err("country_code"));
        refuses("country", &["other", "XX", "Deutschland", "DEU"]);
        assert_eq!(one("country", "XX"), Err("choice_unknown"));
    }

    #[test]
    fn what_is_about_the_person_has_its_own_words() {
        reads("middle_name", " Marie  Luise ", "Marie Luise");
        refuses("middle_name", &["Marie2", "-", "M<"]);
        reads("nickname", "Reni_59", "Reni_59");
        reads("preferred_username", "r.muster-59", "r.muster-59");
        let long = "a".repeat(61);
        refuses("nickname", &["@reni", "...", "re\u{202e}ni", "ре", "reni\n!", &long]);
        for gender in GENDERS {
            reads("gender", gender, gender);
        }
        refuses("gender", &["x", "Female", "weiblich"]);
        reads("time_zone", "Europe/Berlin", "Europe/Berlin");
        refuses("time_zone", &["Berlin", "europe/berlin", "../../etc/passwd", "CET", "Europe/Atlantis"]);
    }

    #[test]
    fn sec_web_addresses_lead_to_named_hosts_over_https() {
        reads("website", " https://renate.example/ueber?a=1#b ", "https://renate.example/ueber?a=1#b");
        reads("picture", "HTTPS://Müller.example", "https://xn--mller-kva.example/");
        let (long, just) =
            (format!("https://a.example/{}", "a".repeat(483)), format!("https://a.example/{}", "a".repeat(482)));
        reads("profile_page", &just, &just);
        let bad = [
            "renate.example",
            "http://renate.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://",
            "https:///a",
            "https://renate@example.org/",
            "https://:x@example.org/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://2130706433/",
            "https://localhost/",
            "https://example.org./",
            "https://a.example/a b",
            "https://a.example/\u{0}",
            "https://a.example/\njavascript:",
            &long,
        ];
        for name in ["website", "profile_page", "picture"] {
            refuses(name, &bad);
        }
    }

    #[test]
    fn every_problem_is_told_at_its_field() {
        let problems = Stated::read(|_| "<").unwrap_err();
        let fields: Vec<_> = problems.iter().map(|one| one.field).collect();
        assert_eq!(fields, AttributeName::further().map(AttributeName::name).collect::<Vec<_>>());
    }
}
