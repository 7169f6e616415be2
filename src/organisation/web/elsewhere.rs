//! An organisation is shown with an account that it has elsewhere: off to it, and back.

use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

use super::rows::{self, Row};
use super::{Answer, AtOrganisation, Sent};
use crate::kernel::error::Error;
use crate::kernel::id::OrganisationId;
use crate::kernel::level::Level;
use crate::kernel::texts::{Text, Texts, moment};
use crate::organisation::company_register::Difference;
use crate::organisation::elsewhere::{self, Differs, Finished, Refused};
use crate::organisation::evidence;
use crate::organisation::member::Right;
use crate::proofing::upstream::{Going, Provider, Providers, Purpose, Returning, Told, begin};
use crate::web::caller::{CallerDevice, Visitor};
use crate::web::form::parse_pairs;
use crate::web::page::{Frame, ProviderButton, respond};

#[derive(Template)]
#[template(path = "organisation/account.html")]
struct AccountPage {
    f: Frame,
    id: String,
    name: String,
    /// What is compared.
    rows: Vec<Row>,
    /// When such an account has shown it, if one has.
    since: String,
    providers: Vec<ProviderButton>,
}

pub async fn show(at: AtOrganisation) -> Answer {
    at.require(&Right::Representation)?;
    let (visitor, organisation) = (&at.caller.visitor, &at.member.organisation);
    let (app, language, f) = (&visitor.app, visitor.language, visitor.frame());
    let providers = ProviderButton::of_organisations(app, language);
    if providers.is_empty() {
        return Err(Error::NotFound);
    }
    let evidence = evidence::list(&mut app.read().await?, &app.vault, &organisation.id).await?;
    let since = elsewhere::current(&evidence).map(|one| {
        let since = &f.t.organisation.account_since;
        let provider = one.shown.checked_by.as_deref().unwrap_or_default();
        since.with("provider", provider).with("date", moment::date(language, one.shown_at)).to_string()
    });
    let is_compared = |row: &Row| ["name", "rechtsform", "register", "sitz"].contains(&row.id);
    visitor.page(&AccountPage {
        id: organisation.id.to_string(),
        name: organisation.record.name.clone(),
        rows: rows::of_draft(f.t, &organisation.record).into_iter().filter(is_compared).collect(),
        since: since.unwrap_or_default(),
        providers,
        f,
    })
}

/// Off to it.
pub async fn leave(sent: Sent, providers: web::Data<Providers>, path: web::Path<(String, String)>) -> Answer {
    let at = &sent.at;
    at.require(&Right::Representation)?;
    let (visitor, id) = (&at.caller.visitor, &at.member.organisation.id);
    let provider = providers.find_of_organisations(&path.1).ok_or(Error::NotFound)?;
    let going = Going {
        provider,
        purpose: Purpose::Organisation,
        browser: &visitor.browser_hash(),
        language: visitor.language,
        session: Some(&at.caller.session),
        means: None,
        organisation: Some(id.clone()),
        wanted: None,
        next: format!("/organisation/{id}"),
        client: None,
    };
    match begin(&visitor.app, going).await? {
        Ok(location) => visitor.leave(&location),
        Err(told) => show_told(visitor, provider, (Some(id), &told)),
    }
}

/// Back from it. Whoever comes without the session that asked is told that nothing here belongs to the answer.
pub async fn back(
    visitor: Visitor,
    providers: web::Data<Providers>,
    device: CallerDevice,
    konto: web::Path<String>,
) -> Answer {
    let provider = providers.find_of_organisations(&konto).ok_or(Error::NotFound)?;
    let Some(session) = visitor.session.as_ref() else {
        return show_told(&visitor, provider, (None, &Told::Gone));
    };
    if session.level(visitor.app.now()) < Level::Substantial {
        return Err(Error::LevelTooLow(Level::Substantial));
    }
    let returning = Returning {
        provider,
        query: &parse_pairs(visitor.query().as_bytes()).unwrap_or_default(),
        browser: &visitor.browser_hash(),
        network: &visitor.network(),
        device: &device.0,
        session: Some(session),
        leaving: None,
        request: visitor.request_id.clone(),
    };
    match elsewhere::finish(&visitor.app, provider, (returning, &session.account_id)).await? {
        Finished::Recorded(id) => visitor.leave(&format!("/organisation/{id}?erledigt=konto")),
        Finished::Refused(id, refused) => show_refused(&visitor, provider, (&id, &refused)),
        Finished::Told(id, told) => show_told(&visitor, provider, (id.as_ref(), &told)),
    }
}

#[derive(Template)]
#[template(path = "organisation/account_told.html")]
struct ToldPage {
    f: Frame,
    /// Empty if it is about none.
    id: String,
    title: String,
    text: String,
    differences: Vec<String>,
}

fn page(
    visitor: &Visitor,
    provider: &Provider,
    (id, [title, text]): (Option<&OrganisationId>, [&Text; 2]),
    differences: Vec<String>,
) -> ToldPage {
    let (f, name) = (visitor.frame(), provider.settings.title(visitor.language));
    let say = |text: &Text| text.with("provider", name).with("contact", &f.contact).to_string();
    let (title, text) = (say(title), say(text));
    ToldPage { id: id.map(ToString::to_string).unwrap_or_default(), title, text, differences, f }
}

/// Why nothing was said of the organisation.
fn show_told(visitor: &Visitor, provider: &Provider, (id, told): (Option<&OrganisationId>, &Told)) -> Answer {
    let t = visitor.language.texts();
    let (u, o) = (&t.upstream, &t.organisation);
    let words = match told {
        Told::Cancelled => [&u.cancelled_title, &u.cancelled_text],
        Told::Unmet => [&o.account_weak_title, &o.account_weak_text],
        Told::NotBelieved => [&u.not_believed_title, &u.not_believed_text],
        Told::NotReached | Told::Busy => [&u.not_reached_title, &o.account_not_reached_text],
        Told::Answered => [&u.answered_title, &o.account_answered_text],
        _ => [&u.gone_title, &u.gone_text],
    };
    let page = page(visitor, provider, (id, words), Vec::new());
    match told {
        Told::NotReached | Told::Busy => visitor.page_unavailable(&page),
        Told::Cancelled | Told::Unmet | Told::NotBelieved | Told::Answered => visitor.page_refused(&page),
        _ => visitor.page_gone(&page),
    }
}

/// Why what was said shows nothing.
fn show_refused(visitor: &Visitor, provider: &Provider, (id, refused): (&OrganisationId, &Refused)) -> Answer {
    let t = visitor.language.texts();
    let o = &t.organisation;
    let words = match refused {
        Refused::Differs(_) => [&o.account_differs_title, &o.account_differs_text],
        Refused::Incomplete => [&o.account_incomplete_title, &o.account_incomplete_text],
        Refused::OtherPerson => [&o.account_person_title, &o.account_person_text],
        Refused::Taken => [&o.account_taken_title, &o.account_taken_text],
        Refused::TooWeak => [&o.account_weak_title, &o.account_weak_text],
        Refused::NotMore => [&o.account_not_more_title, &o.account_not_more_text],
    };
    let differences = match refused {
        Refused::Differs(list) => list.iter().map(|one| said(t, one)).collect(),
        _ => Vec::new(),
    };
    let page = page(visitor, provider, (Some(id), words), differences);
    match refused {
        Refused::Taken => respond(StatusCode::CONFLICT, &page),
        _ => visitor.page_refused(&page),
    }
}

/// What is said there, in words.
fn said(t: &Texts, one: &Differs) -> String {
    let o = &t.organisation;
    let told = |text: &Text, value: &str| text.with("value", value).to_string();
    match one {
        Differs::Stated(Difference::Name(name)) => told(&o.account_differs_name, name),
        Differs::Stated(Difference::Form(form)) => {
            told(&o.account_differs_form, form.map_or(&o.form_other, |form| form.label(t)).as_str())
        }
        Differs::Stated(Difference::Seat(seat)) => told(&o.account_differs_seat, seat),
        Differs::Entry(entry) => told(&o.account_differs_entry, entry),
        Differs::EconomicId(id) => told(&o.account_differs_economic_id, id),
    }
}
