//! The test cards: what can be on a card, and what can be wrong with one.

use crate::eid::message::{DSS, EID, ERROR, MINOR, OK};
use crate::eid::xml::escape;
use crate::kernel::secret::{hex, sha256};
use crate::kernel::time::Timestamp;

/// Whatever is empty is not on the card.
pub struct TestCard {
    pub key: &'static str,
    /// What is special about it, in German and in English.
    pub about: [&'static str; 2],
    pub given_names: &'static str,
    pub family_names: &'static str,
    pub academic_title: &'static str,
    pub birth_name: &'static str,
    /// `yyyymmdd`, with blanks for what is unknown.
    pub birth_date: &'static str,
    pub place_of_birth: &'static str,
    pub nationality: &'static str,
    pub residence: Residence,
    pub document_type: &'static str,
    pub date_of_expiry: &'static str,
    /// What carries it: the name of the type of eID in messages.
    pub eid_type: &'static str,
    pub is_blocked: bool,
}

pub enum Residence {
    /// Street, postal code, place.
    In([&'static str; 3]),
    Free(&'static str),
    Nowhere,
}

const ERIKA: TestCard = TestCard {
    key: "erika",
    about: ["Musterkarte, alles in Großbuchstaben", "specimen card, capital letters only"],
    given_names: "ERIKA",
    family_names: "MUSTERMANN",
    academic_title: "",
    birth_name: "GABLER",
    birth_date: "19640812",
    place_of_birth: "BERLIN",
    nationality: "D",
    residence: Residence::In(["HEIDESTRASSE 17", "51147", "KÖLN"]),
    document_type: "ID",
    date_of_expiry: "2099-10-31",
    eid_type: "CardCertified",
    is_blocked: false,
};

const CHILD: &str = "kind";

pub const CARDS: [TestCard; 18] = [
    TestCard {
        key: "renate",
        about: ["wie das Demo-Konto", "as the account of the demonstration"],
        given_names: "RENATE",
        family_names: "MUSTER",
        birth_name: "BEISPIEL",
        birth_date: "19590512",
        place_of_birth: "MAINZ",
        residence: Residence::In(["MUSTERSTRASSE 1", "55116", "MAINZ"]),
        ..ERIKA
    },
    TestCard {
        key: "renate-neu",
        about: ["neue Karte derselben Person: anderes Pseudonym", "new card of the same person: another pseudonym"],
        given_names: "Renate",
        family_names: "Muster",
        birth_name: "Beispiel",
        birth_date: "19590512",
        place_of_birth: "Mainz",
        residence: Residence::In(["Musterstraße 1", "55116", "Mainz"]),
        ..ERIKA
    },
    TestCard {
        key: "emre",
        about: ["wie das Demo-Konto, Aufenthaltstitel", "as the account of the demonstration, residence permit"],
        given_names: "EMRE CAN",
        family_names: "ÖZTÜRK",
        birth_name: "",
        birth_date: "19920229",
        place_of_birth: "İZMİR",
        nationality: "TUR",
        document_type: "AR",
        residence: Residence::In(["Hafenstraße 5", "67061", "Ludwigshafen am Rhein"]),
        ..ERIKA
    },
    TestCard {
        key: "suharto",
        about: ["wie das Demo-Konto, nur ein Name", "as the account of the demonstration, one name only"],
        given_names: "",
        family_names: "SUHARTO",
        birth_name: "",
        birth_date: "19711103",
        place_of_birth: "YOGYAKARTA",
        nationality: "IDN",
        document_type: "AS",
        residence: Residence::In(["Brückes 12", "55545", "Bad Kreuznach"]),
        ..ERIKA
    },
    TestCard {
        key: "mai",
        about: ["wie das Demo-Konto, ohne Straße", "as the account of the demonstration, no street"],
        given_names: "Thị Mai",
        family_names: "Nguyễn-Müller",
        birth_name: "Nguyễn",
        birth_date: "19870327",
        place_of_birth: "Hà Nội",
        residence: Residence::In(["", "54597", "Oberlauch"]),
        ..ERIKA
    },
    TestCard {
        key: "nadine",
        about: [
            "wie das Demo-Konto, vertritt eine Bäckerei",
            "as the account of the demonstration, represents a bakery",
        ],
        given_names: "Nadine",
        family_names: "Weber",
        birth_name: "",
        birth_date: "19840917",
        place_of_birth: "Mainz",
        residence: Residence::In(["Große Bleiche 7", "55116", "Mainz"]),
        ..ERIKA
    },
    ERIKA,
    TestCard {
        key: "doktor",
        about: ["Doktorgrad", "a doctorate"],
        given_names: "Hans-Günther",
        family_names: "von Drebenbusch-Dalgoßen",
        academic_title: "Dr.",
        birth_name: "Weiß",
        birth_date: "19460125",
        place_of_birth: "Bremerhaven",
        ..ERIKA
    },
    TestCard {
        key: "ohne-tag",
        about: ["Geburtstag unbekannt", "day of birth unknown"],
        given_names: "AMINA",
        family_names: "YUSUF",
        birth_name: "",
        birth_date: "198006  ",
        place_of_birth: "MOGADISCHU",
        nationality: "SOM",
        document_type: "AR",
        ..ERIKA
    },
    TestCard {
        key: "nur-jahr",
        about: ["nur Geburtsjahr bekannt, staatenlos", "only the year of birth is known, stateless"],
        given_names: "KARIM",
        family_names: "HADDAD",
        birth_name: "",
        birth_date: "1975    ",
        place_of_birth: "",
        nationality: "XXA",
        document_type: "AF",
        ..ERIKA
    },
    TestCard {
        key: "unionsbuergerin",
        about: ["eID-Karte für Unionsbürger, Anschrift im Ausland", "eID card for citizens of the Union, lives abroad"],
        given_names: "Zofia",
        family_names: "Kowalska",
        birth_name: "Nowak",
        birth_date: "19900704",
        place_of_birth: "Kraków",
        nationality: "POL",
        document_type: "UB",
        residence: Residence::Free("ul. Długa 7, 31-147 Kraków, Polska"),
        ..ERIKA
    },
    TestCard {
        key: "ohne-wohnung",
        about: ["keine Hauptwohnung in Deutschland", "no main residence in Germany"],
        given_names: "JÜRGEN",
        family_names: "BEISPIEL",
        birth_name: "",
        birth_date: "19680229",
        residence: Residence::Nowhere,
        ..ERIKA
    },
    TestCard {
        key: CHILD,
        about: ["unter 16 Jahre", "under 16 years"],
        given_names: "Lina",
        family_names: "Mustermann",
        birth_name: "",
        birth_date: "",
        place_of_birth: "Köln",
        ..ERIKA
    },
    TestCard {
        key: "abgelaufen",
        about: ["abgelaufen", "expired"],
        given_names: "OTTO",
        family_names: "NORMALVERBRAUCHER",
        birth_date: "19550401",
        date_of_expiry: "2025-03-31",
        ..ERIKA
    },
    TestCard {
        key: "gesperrt",
        about: ["gesperrt", "blocked"],
        given_names: "LIESCHEN",
        family_names: "MÜLLER",
        birth_date: "19730909",
        is_blocked: true,
        ..ERIKA
    },
    TestCard {
        key: "smart",
        about: ["Smart-eID im Sicherheitselement: wird angenommen", "Smart-eID in a secure element: accepted"],
        eid_type: "SECertified",
        ..ERIKA
    },
    TestCard {
        key: "smart-speicher",
        about: ["Smart-eID im Schlüsselspeicher: wird nicht angenommen", "Smart-eID in the key store: not accepted"],
        eid_type: "HWKeyStore",
        ..ERIKA
    },
    TestCard {
        key: "fremdes-dokument",
        about: ["Testkarte: wird nicht angenommen", "card for testing: not accepted"],
        document_type: "TA",
        ..ERIKA
    },
];

pub fn find(key: &str) -> Option<&'static TestCard> {
    CARDS.iter().find(|card| card.key == key)
}

impl TestCard {
    pub fn full_name(&self) -> String {
        [self.academic_title, self.given_names, self.family_names].join(" ").trim().to_owned()
    }

    /// As a chip makes it: for this card at this service, and without meaning.
    pub fn restricted_id(&self) -> String {
        hex(&sha256(format!("Demonstration\0{}", self.key).as_bytes())).to_ascii_uppercase()
    }

    /// The child is one at any time.
    fn birth_date(&self, now: Timestamp) -> String {
        if self.key == CHILD { format!("{:04}0815", now.in_germany().year() - 12) } else { self.birth_date.to_owned() }
    }

    /// The answer to `getResult`, with as much of the data as was asked for.
    pub fn answer(&self, asked: impl Fn(&str) -> bool, now: Timestamp) -> String {
        let part = |name: &str, content: &str| {
            if asked(name) { format!("<eid:{name}>{content}</eid:{name}>") } else { String::new() }
        };
        let text = |name: &str, value: &str| part(name, &escape(value));
        let birth_date = self.birth_date(now);
        let data = [
            text("DocumentType", self.document_type),
            text("IssuingState", "D"),
            text("DateOfExpiry", self.date_of_expiry),
            text("GivenNames", self.given_names),
            text("FamilyNames", self.family_names),
            text("AcademicTitle", self.academic_title),
            part("DateOfBirth", &format!("<eid:DateString>{birth_date}</eid:DateString>")),
            part("PlaceOfBirth", &Residence::Free(self.place_of_birth).to_xml()),
            text("Nationality", self.nationality),
            text("BirthName", self.birth_name),
            part("PlaceOfResidence", &self.residence.to_xml()),
            part("RestrictedID", &format!("<eid:ID>{}</eid:ID>", self.restricted_id())),
        ];
        let level = if self.eid_type == "CardCertified" { "hoch" } else { "substantiell" };
        format!(
            "<eid:getResultResponse xmlns:eid=\"{EID}\"><eid:PersonalData>{}</eid:PersonalData>\
             <eid:LevelOfAssuranceResult>http://bsi.bund.de/eID/LoA/{level}</eid:LevelOfAssuranceResult>\
             <eid:EIDTypeResponse><eid:{1}>USED</eid:{1}></eid:EIDTypeResponse>{2}</eid:getResultResponse>",
            data.concat(),
            self.eid_type,
            result(None)
        )
    }
}

impl Residence {
    fn to_xml(&self) -> String {
        let text = |name: &str, value: &str| {
            if value.is_empty() { String::new() } else { format!("<eid:{name}>{}</eid:{name}>", escape(value)) }
        };
        match self {
            Self::In([street, postal_code, city]) => format!(
                "<eid:StructuredPlace>{}{}<eid:Country>D</eid:Country>{}</eid:StructuredPlace>",
                text("Street", street),
                text("City", city),
                text("ZipCode", postal_code)
            ),
            Self::Free("") | Self::Nowhere => "<eid:NoPlaceInfo>keine Angabe</eid:NoPlaceInfo>".to_owned(),
            Self::Free(place) => text("FreetextPlace", place),
        }
    }
}

/// `Result`: fine, or what follows [`MINOR`].
pub fn result(minor: Option<&str>) -> String {
    let minor = minor.map(|minor| format!("<dss:ResultMinor>{MINOR}{}</dss:ResultMinor>", escape(minor)));
    let major = if minor.is_some() { ERROR } else { OK };
    format!(
        "<dss:Result xmlns:dss=\"{DSS}\"><dss:ResultMajor>{major}</dss:ResultMajor>{}</dss:Result>",
        minor.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::people::PEOPLE;

    /// Whoever has an account in the demonstration can prove it with a card.
    #[test]
    fn the_people_of_the_demonstration_have_cards() {
        for person in &PEOPLE {
            let has_card = CARDS.iter().any(|card| {
                card.given_names.to_uppercase() == person.given_names.to_uppercase()
                    && card.family_names.to_uppercase() == person.family_name.to_uppercase()
                    && card.birth_date == person.birth_date.replace('-', "")
            });
            assert!(has_card, "{}", person.full_name());
        }
    }

    #[test]
    fn every_card_has_a_key_and_a_pseudonym_of_its_own() {
        let mut seen: Vec<String> = CARDS.iter().flat_map(|card| [card.key.to_owned(), card.restricted_id()]).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 2 * CARDS.len());
    }
}
