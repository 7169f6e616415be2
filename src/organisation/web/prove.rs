//! How it is shown that an organisation is the one that it says it is: the register, and a letter to its seat.

use askama::Template;

use super::{Answer, AtOrganisation, Sent};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::{Text, Texts, moment};
use crate::organisation::check::{self, Checked};
use crate::organisation::company_register::{self, Difference};
use crate::organisation::evidence::{self, Source};
use crate::organisation::letter::{self, Redeemed};
use crate::organisation::member::Right;
use crate::organisation::opening::Founder;
use crate::organisation::record::{Entry, LegalForm};
use crate::signin::attempts::Network;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

/// What the register says of one datum, and where that stands on the page.
struct Told {
    at: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "organisation/register.html")]
struct RegisterPage {
    f: Frame,
    id: String,
    name: String,
    entry: String,
    form: String,
    seat: String,
    /// What the register says instead.
    told: Vec<Told>,
    unreachable: bool,
}

fn founder<'a>(at: &'a AtOrganisation, network: &'a Network) -> Founder<'a> {
    Founder { account: &at.caller.session.account_id, network, request: &at.caller.visitor.request_id }
}

fn entry_text(t: &Texts, entry: &Entry) -> String {
    t.organisation.entry.with("entry", entry).with("court", &entry.court).to_string()
}

fn register_page(at: &AtOrganisation, told: Vec<Told>, unreachable: bool) -> Result<RegisterPage, Error> {
    let record = &at.member.organisation.record;
    let f = at.caller.visitor.frame();
    let entry = record.register.as_ref().ok_or(Error::NotFound)?;
    if !company_register::is_offered(&at.caller.visitor.app) {
        return Err(Error::NotFound);
    }
    Ok(RegisterPage {
        id: at.member.organisation.id.to_string(),
        name: record.name.clone(),
        entry: entry_text(f.t, entry),
        form: record.form.label(f.t).to_string(),
        seat: record.seat.clone(),
        told,
        unreachable,
        f,
    })
}

pub async fn register(at: AtOrganisation) -> Answer {
    at.require(&Right::Representation)?;
    at.caller.visitor.page(&register_page(&at, Vec::new(), false)?)
}

/// What differs, in words.
fn words(t: &Texts, entry: &Entry, difference: &Difference) -> Told {
    let o = &t.organisation;
    let told = |at, text: &Text, value: &str| {
        let text = text.with("entry", entry).with("court", &entry.court).with("value", value).to_string();
        Told { at, text }
    };
    match difference {
        Difference::Name(name) => told("name", &o.differs_name, name),
        Difference::Form(form) => {
            let form = form.map_or(&o.form_other, |form: LegalForm| form.label(t));
            told("rechtsform", &o.differs_form, form.as_str())
        }
        Difference::Seat(seat) => told("sitz", &o.differs_seat, seat),
    }
}

pub async fn submit_register(sent: Sent) -> Answer {
    let at = &sent.at;
    at.require(&Right::Representation)?;
    let (visitor, network) = (&at.caller.visitor, at.caller.visitor.network());
    let page = |told: Vec<Told>| register_page(at, told, false);
    let t = visitor.language.texts();
    let entry = at.member.organisation.record.register.as_ref().ok_or(Error::NotFound)?;
    let about = |text: &Text| {
        let text = text.with("entry", entry).with("court", &entry.court).to_string();
        vec![Told { at: "register", text }]
    };
    let path = |word: &str| format!("/organisation/{}?erledigt={word}", at.member.organisation.id);
    match check::check(&visitor.app, &at.member, founder(at, &network)).await? {
        Checked::Same => visitor.leave(&path("register")),
        Checked::Insolvent => visitor.leave(&path("insolvent")),
        Checked::Differs(list) => visitor.page_again(&page(list.iter().map(|one| words(t, entry, one)).collect())?),
        Checked::NoEntry => visitor.page_again(&page(about(&t.organisation.no_entry))?),
        Checked::Dissolved => visitor.page_again(&page(about(&t.organisation.dissolved))?),
        Checked::Taken => visitor.page_again(&page(about(&t.organisation.taken_text))?),
        Checked::Unreachable => visitor.page_unavailable(&register_page(at, Vec::new(), true)?),
    }
}

/// How it stands with letters.
enum Standing {
    /// One may be ordered.
    None,
    UnderWay {
        ordered: String,
        until: String,
    },
    Redeemed {
        date: String,
    },
}

#[derive(Template)]
#[template(path = "organisation/letter.html")]
struct LetterPage {
    f: Frame,
    id: String,
    standing: Standing,
    /// Where a letter goes, line by line.
    to: Vec<String>,
    /// Whether the register says so, and not the organisation.
    of_register: bool,
    code: String,
    ordered_now: bool,
    problems: Problems,
}

async fn letter_page(at: &AtOrganisation, form: &Form, problems: Problems) -> Result<LetterPage, Error> {
    let visitor = &at.caller.visitor;
    let (app, organisation) = (&visitor.app, &at.member.organisation);
    if !letter::is_offered(app) {
        return Err(Error::NotFound);
    }
    let mut tx = app.read().await?;
    let evidence = evidence::list(&mut tx, &app.vault, &organisation.id).await?;
    let newest = letter::newest(&mut tx, &app.vault, &organisation.id).await?;
    let seat = letter::seat(&at.member, &evidence);
    let date = |at| moment::date(visitor.language, at);
    let shown = evidence.iter().find(|one| {
        let is_there = one.shown.address.as_ref().is_none_or(|known| known.is_same(seat));
        one.source == Source::Letter && one.void_at.is_none() && is_there
    });
    let standing = match (newest, shown) {
        (Some(letter), _) if letter.is_good(seat, app.now()) => {
            Standing::UnderWay { ordered: date(letter.ordered_at), until: date(letter.expires_at) }
        }
        (_, Some(evidence)) => Standing::Redeemed { date: date(evidence.shown_at) },
        _ => Standing::None,
    };
    let of_register = !seat.is_same(&organisation.record.business_address);
    Ok(LetterPage {
        id: organisation.id.to_string(),
        to: [vec![organisation.record.name.clone()], seat.lines()].concat(),
        of_register,
        code: form.get("code").chars().take(20).collect(),
        ordered_now: visitor.query() == "erledigt=bestellt",
        standing,
        problems,
        f: visitor.frame(),
    })
}

pub async fn letter(at: AtOrganisation) -> Answer {
    at.require(&Right::Representation)?;
    let page = letter_page(&at, &Form::empty(), Problems::none()).await?;
    at.caller.visitor.page(&page)
}

pub async fn order(sent: Sent) -> Answer {
    let at = &sent.at;
    at.require(&Right::Representation)?;
    let (visitor, network, id) = (&at.caller.visitor, at.caller.visitor.network(), &at.member.organisation.id);
    match letter::order(&visitor.app, id, founder(at, &network)).await {
        Ok(()) => visitor.leave(&format!("/organisation/{id}/brief?erledigt=bestellt")),
        Err(Error::Invalid(problems)) => again(at, &sent.form, &problems).await,
        Err(error) => Err(error),
    }
}

pub async fn redeem(sent: Sent) -> Answer {
    let at = &sent.at;
    at.require(&Right::Representation)?;
    let (visitor, network, id) = (&at.caller.visitor, at.caller.visitor.network(), &at.member.organisation.id);
    let typed = sent.form.get("code");
    let problem = if typed.trim().is_empty() {
        "letter_code_missing"
    } else {
        match letter::redeem(&visitor.app, id, founder(at, &network), typed).await? {
            Redeemed::Right(_) => return visitor.leave(&format!("/organisation/{id}?erledigt=brief")),
            Redeemed::Wrong => "letter_code_wrong",
        }
    };
    again(at, &sent.form, &[FieldProblem { field: "code", problem }]).await
}

async fn again(at: &AtOrganisation, form: &Form, problems: &[FieldProblem]) -> Answer {
    let visitor = &at.caller.visitor;
    visitor.page_again(&letter_page(at, form, visitor.problems(problems)).await?)
}
