//! `/wieder-anmelden`: what does not work, and the way on from there.

use actix_web::web;
use askama::Template;

use super::Answer;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::{Text, WayBackTexts};
use crate::proofing::office;
use crate::signin::recovery;
use crate::web::caller::Visitor;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

/// What does not work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Password,
    Phone,
    Passkey,
    Address,
    Nothing,
}

impl Way {
    const ALL: [Way; 5] = [Way::Password, Way::Phone, Way::Passkey, Way::Address, Way::Nothing];

    /// As it stands in the form and in the address of its page.
    const fn name(self) -> &'static str {
        match self {
            Self::Password => "passwort",
            Self::Phone => "handy",
            Self::Passkey => "passkey",
            Self::Address => "adresse",
            Self::Nothing => "nichts",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }

    fn label(self, t: &WayBackTexts) -> &Text {
        match self {
            Self::Password => &t.password,
            Self::Phone => &t.phone,
            Self::Passkey => &t.passkey,
            Self::Address => &t.address,
            Self::Nothing => &t.nothing,
        }
    }

    /// Heading and paragraphs of its page; `None` for the password, which has pages of its own.
    fn words(self, t: &WayBackTexts) -> Option<(&Text, Vec<&Text>)> {
        match self {
            Self::Password => None,
            Self::Phone => Some((&t.phone_title, vec![&t.phone_codes, &t.phone_release, &t.phone_password])),
            Self::Passkey => {
                Some((&t.passkey_title, vec![&t.passkey_password, &t.passkey_reset, &t.passkey_only, &t.passkey_help]))
            }
            Self::Address => Some((&t.address_title, vec![&t.address_sign_in, &t.address_other, &t.address_help])),
            Self::Nothing => Some((&t.nothing_title, vec![&t.nothing_help, &t.nothing_check])),
        }
    }
}

#[derive(Template)]
#[template(path = "way_back/choose.html")]
struct ChoosePage {
    f: Frame,
    ways: Vec<(&'static str, &'static Text)>,
    by_card: bool,
    problems: Problems,
}

fn choose_page(visitor: &Visitor, problems: Problems) -> ChoosePage {
    let f = visitor.frame();
    let ways = Way::ALL.into_iter().map(|way| (way.name(), way.label(&f.t.way_back))).collect();
    ChoosePage { f, ways, by_card: visitor.app.eid.is_some(), problems }
}

pub async fn choose(visitor: Visitor) -> Answer {
    visitor.page(&choose_page(&visitor, Problems::none()))
}

pub async fn submit(visitor: Visitor, form: Form) -> Answer {
    match Way::from_name(form.get("weg")) {
        None => {
            let problems = visitor.problems(&[FieldProblem { field: "weg", problem: "way_back_missing" }]);
            visitor.page_again(&choose_page(&visitor, problems))
        }
        Some(Way::Password) => visitor.go("/wieder-anmelden/email"),
        Some(way) => visitor.go(&format!("/wieder-anmelden/hilfe/{}", way.name())),
    }
}

#[derive(Template)]
#[template(path = "way_back/help.html")]
struct HelpPage {
    f: Frame,
    heading: &'static Text,
    paragraphs: Vec<Text>,
    /// Whether signing in with the password leads on.
    signs_in: bool,
    /// What does as well, beginning with a mail.
    resets: Option<&'static Text>,
    /// Whether a registration desk does, which takes an identity that is proven.
    has_desk: bool,
}

pub async fn help(visitor: Visitor, name: web::Path<String>) -> Answer {
    let way = Way::from_name(&name).ok_or(Error::NotFound)?;
    let f = visitor.frame();
    let (heading, paragraphs) = way.words(&f.t.way_back).ok_or(Error::NotFound)?;
    let days = recovery::waiting_days(visitor.app.now());
    let fill = |text: &Text| text.with("contact", &f.contact).with("days", days);
    let paragraphs = paragraphs.into_iter().map(fill).collect();
    let signs_in = way != Way::Nothing;
    let resets = match way {
        Way::Phone => Some(&f.t.way_back.to_password),
        Way::Passkey => Some(&f.t.way_back.to_code),
        Way::Password | Way::Address | Way::Nothing => None,
    };
    let has_desk = matches!(way, Way::Passkey | Way::Nothing) && office::is_any(&mut visitor.app.read().await?).await?;
    visitor.page(&HelpPage { heading, paragraphs, signs_in, resets, has_desk, f })
}
