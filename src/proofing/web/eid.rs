//! The pages of the Online-Ausweis: what one needs, where its program is opened, what was read, and why not.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::account::Account;
use crate::eid::{ClientAddresses, Failure, Refusal, Returned};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, MeansId, RequestId};
use crate::kernel::texts::{EidTexts, Language, Text, moment};
use crate::proofing::eid::{
    Begun, Outcome, Purpose, Return, Review, Why, agree, begin, finish, review, tc_token, under_way,
};
use crate::signin::card;
use crate::web::caller::{CallerDevice, SignedIn, Visitor};
use crate::web::form::{Form, parse_pairs};
use crate::web::page::{Frame, Problems, attribute_label, attribute_value};
use crate::web::qr::Qr;

type Answer = Result<HttpResponse, Error>;

fn configured(visitor: &Visitor) -> Result<(), Error> {
    if visitor.app.eid.is_some() { Ok(()) } else { Err(Error::NotFound) }
}

#[derive(Template)]
#[template(path = "proofing/eid_prepare.html")]
struct PreparePage {
    f: Frame,
    path: &'static str,
    recovers: bool,
}

/// Where a run begins.
const fn start(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::SignIn => "/ausweis",
        Purpose::Recovery => "/wieder-anmelden/ausweis",
    }
}

fn prepare_for(visitor: &Visitor, purpose: Purpose) -> Answer {
    configured(visitor)?;
    let recovers = purpose == Purpose::Recovery;
    visitor.page(&PreparePage { f: visitor.frame(), path: start(purpose), recovers })
}

/// The three questions before the first step.
pub async fn prepare(visitor: Visitor) -> Answer {
    prepare_for(&visitor, Purpose::SignIn)
}

/// The same for somebody who has nothing else to get in with.
pub async fn recover(visitor: Visitor) -> Answer {
    prepare_for(&visitor, Purpose::Recovery)
}

#[derive(Template)]
#[template(path = "proofing/eid_without_pin.html")]
struct WithoutPinPage {
    f: Frame,
    path: &'static str,
}

pub async fn without_pin(visitor: Visitor) -> Answer {
    configured(&visitor)?;
    let recovers = parameter(visitor.query(), "fuer").is_some_and(|what| what == "zugang");
    let path = start(if recovers { Purpose::Recovery } else { Purpose::SignIn });
    visitor.page(&WithoutPinPage { f: visitor.frame(), path })
}

pub async fn submit_prepare(visitor: Visitor, _form: Form) -> Answer {
    let account = visitor.session.as_ref().map(|session| session.account_id.clone());
    begin_for(&visitor, account, Purpose::SignIn).await
}

pub async fn submit_recover(visitor: Visitor, _form: Form) -> Answer {
    begin_for(&visitor, None, Purpose::Recovery).await
}

async fn begin_for(visitor: &Visitor, account: Option<AccountId>, purpose: Purpose) -> Answer {
    match begin(&visitor.app, (&visitor.browser_hash(), &visitor.network()), account, purpose).await? {
        Begun::Yes => visitor.go("/ausweis/oeffnen"),
        Begun::No(why) => refused(visitor, &why, purpose),
    }
}

#[derive(Template)]
#[template(path = "proofing/eid_open.html")]
struct OpenPage {
    f: Frame,
    addresses: ClientAddresses,
    /// This page's first step, for a telephone.
    address: String,
    qr: Qr,
    /// What is likely to be called first.
    is_mobile: bool,
    recovers: bool,
}

/// Where the eID-Client is opened.
pub async fn open(visitor: Visitor, device: CallerDevice) -> Answer {
    configured(&visitor)?;
    let request = visitor.pending.as_ref().map(|pending| &pending.id);
    let (addresses, purpose) = under_way(&visitor.app, &visitor.browser_hash(), request).await?;
    let address = format!("{}{}", visitor.app.config.issuer, start(purpose));
    let qr = Qr::of(&address)?;
    let is_mobile = device.0.is_mobile();
    let recovers = purpose == Purpose::Recovery;
    visitor.page(&OpenPage { f: visitor.frame(), addresses, address, qr, is_mobile, recovers })
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = parse_pairs(query.as_bytes())?;
    let mut found = pairs.into_iter().filter(|(known, _)| known == name);
    let value = found.next()?.1;
    found.next().is_none().then_some(value)
}

/// The TC token, for the eID-Client, which has no cookies of ours.
pub async fn token(visitor: Visitor) -> Answer {
    let run = parameter(visitor.query(), "lauf").ok_or(Error::NotFound)?;
    let request = parameter(visitor.query(), "vorgang").and_then(|text| RequestId::parse(&text));
    let token = tc_token(&visitor.app, &run, request.as_ref()).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(response.content_type("text/xml; charset=utf-8").body(token))
}

/// Where the eID-Client sends the browser.
pub async fn back(visitor: Visitor, device: CallerDevice) -> Answer {
    configured(&visitor)?;
    let came = Return {
        back: &parameter(visitor.query(), "lauf").unwrap_or_default(),
        query: visitor.query(),
        browser: &visitor.browser_hash(),
        network: &visitor.network(),
        device: &device.0,
        session: visitor.session.as_ref(),
        client: visitor.pending.as_ref().map(|pending| pending.client.id.clone()),
        request: Some(visitor.request_id.clone()),
    };
    let (outcome, purpose) = finish(&visitor.app, came).await?;
    match outcome {
        Outcome::Begun(token) => {
            metrics::counter!("nutzerkonto_signins_total", "result" => "begun").increment(1);
            visitor.begin_session(&onwards(&visitor), &token, &device)
        }
        Outcome::Read => visitor.go("/ausweis/pruefen"),
        Outcome::Recovers => visitor.go("/wieder-anmelden/passwort"),
        Outcome::Refused(why) => refused(&visitor, &why, purpose),
    }
}

/// To the service, or to what the card has changed.
fn onwards(visitor: &Visitor) -> String {
    match visitor.onwards() {
        account if account == "/konto" && visitor.session.is_some() => "/identitaet".to_owned(),
        other => other,
    }
}

#[derive(Template)]
#[template(path = "proofing/eid_refused.html")]
struct RefusedPage {
    f: Frame,
    title: String,
    text: String,
    /// Where another try begins, if it may help.
    again: Option<&'static str>,
    recovers: bool,
    /// Then somebody may have been talked into it.
    is_other_browser: bool,
}

/// What a page says, and whether another try may help.
fn explain<'a>(t: &'a EidTexts, why: &Why) -> (&'a Text, &'a Text, bool) {
    match why {
        Why::Returned(Returned::Ok | Returned::Cancelled) => (&t.cancelled_title, &t.cancelled_text, true),
        Why::Refused(Refusal::NotCompleted) => (&t.cancelled_title, &t.cancelled_text, true),
        Why::Returned(Returned::TrustedChannelFailed | Returned::CommunicationError) => {
            (&t.connection_title, &t.connection_text, true)
        }
        Why::Returned(Returned::ClientError) => (&t.client_title, &t.client_text, true),
        Why::Failed(Failure::Busy) => (&t.busy_title, &t.busy_text, true),
        Why::Returned(Returned::ServerError) | Why::Failed(_) => (&t.server_title, &t.server_text, true),
        Why::Refused(Refusal::DeniedDocument | Refusal::TypeNotAccepted) => (&t.type_title, &t.type_text, false),
        Why::Refused(Refusal::InvalidDocument) => (&t.invalid_title, &t.invalid_text, false),
        Why::Refused(Refusal::Expired) => (&t.expired_title, &t.expired_text, false),
        Why::Refused(Refusal::MissingData(_)) => (&t.missing_title, &t.missing_text, true),
        Why::Refused(Refusal::TooYoung) => (&t.young_title, &t.young_text, false),
        Why::Refused(Refusal::SessionGone) | Why::Gone => (&t.gone_title, &t.gone_text, true),
        Why::OtherBrowser => (&t.browser_title, &t.browser_text, true),
        Why::UnknownCard => (&t.unknown_title, &t.unknown_text, false),
        Why::NobodysAccount => (&t.nobodys_title, &t.nobodys_text, false),
        Why::SeveralAccounts => (&t.several_title, &t.several_text, false),
        Why::OtherAccount => (&t.other_account_title, &t.other_account_text, false),
        Why::OtherPerson => (&t.other_person_title, &t.other_person_text, false),
        Why::Blocked => (&t.blocked_title, &t.blocked_text, false),
        Why::Locked => (&t.locked_title, &t.locked_text, false),
        Why::SignInStronger => (&t.stronger_title, &t.stronger_text, false),
    }
}

fn refused(visitor: &Visitor, why: &Why, purpose: Purpose) -> Answer {
    let (f, recovers) = (visitor.frame(), purpose == Purpose::Recovery);
    let (title, text, may_help) = explain(&f.t.eid, why);
    let text = if recovers && *why == Why::Blocked { &f.t.eid.blocked_recovery } else { text };
    let (title, text) = (title.to_string(), text.with("contact", &f.contact).to_string());
    let (again, is_other_browser) = (may_help.then(|| start(purpose)), *why == Why::OtherBrowser);
    visitor.page_refused(&RefusedPage { title, text, again, recovers, is_other_browser, f })
}

/// A value as the card says it.
struct ShownRow {
    label: String,
    value: String,
    /// What the account said so far, if that is something else.
    before: Option<String>,
}

/// What the account says besides.
struct OtherRow {
    label: String,
    value: String,
}

#[derive(Template)]
#[template(path = "proofing/eid_review.html")]
struct ReviewPage {
    f: Frame,
    shown: Vec<ShownRow>,
    removed: Vec<OtherRow>,
    others: Vec<OtherRow>,
    is_new_card: bool,
    ends_others: bool,
    version: i64,
    email: String,
    asks_password: bool,
    problems: Problems,
}

async fn review_page(
    caller: &SignedIn,
    account: &Account,
    review: &Review,
    problems: Problems,
) -> Result<ReviewPage, Error> {
    let (f, language) = (caller.visitor.frame(), caller.visitor.language);
    let before = |name| {
        let difference = review.differences.iter().find(|one| one.name == name)?;
        Some(attribute_value(language, name, difference.known.as_deref()?))
    };
    let shown = review.shown.iter().map(|(name, value)| ShownRow {
        label: attribute_label(f.t, *name),
        value: attribute_value(language, *name, value),
        before: before(*name),
    });
    let gone = review.differences.iter().filter(|one| one.shown.is_none());
    let removed = gone.map(|one| OtherRow {
        label: attribute_label(f.t, one.name),
        value: attribute_value(language, one.name, one.known.as_deref().unwrap_or_default()),
    });
    let named = |name| review.shown.iter().any(|(shown, _)| *shown == name);
    let is_other = |name| !named(name) && !review.differences.iter().any(|one| one.name == name);
    let others = account.attributes.iter().filter(|(name, _)| is_other(**name));
    let others = others.map(|(name, one)| OtherRow {
        label: attribute_label(f.t, *name),
        value: attribute_value(language, *name, &one.value),
    });
    let email = account.email.address.as_str().to_owned();
    let address = OtherRow { label: f.t.attribute.email.to_string(), value: email.clone() };
    Ok(ReviewPage {
        shown: shown.collect(),
        removed: removed.collect(),
        others: std::iter::once(address).chain(others).collect(),
        is_new_card: review.is_new_card,
        ends_others: review.ends_others,
        version: account.attribute_version,
        email,
        asks_password: caller.asks_password_unless_fresh().await?,
        problems,
        f,
    })
}

pub async fn check(caller: SignedIn, device: CallerDevice) -> Answer {
    let (visitor, account) = (&caller.visitor, caller.account().await?);
    let review = review(&visitor.app, &visitor.browser_hash(), &account, &device.0.hash()).await?;
    visitor.page(&review_page(&caller, &account, &review, Problems::none()).await?)
}

pub async fn submit_check(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let (visitor, account, network) = (&caller.visitor, caller.account().await?, caller.visitor.network());
    let browser = visitor.browser_hash();
    let review = review(&visitor.app, &browser, &account, &device.0.hash()).await?;
    let seen = form.get("stand").parse().map_err(|_| Error::Conflict("attributes"))?;
    let person = caller.person(&account, (&network, &device), &form);
    match agree(&visitor.app, person, (&browser, &review), seen).await {
        Ok(token) => visitor.begin_session(&onwards(visitor), &token, &device),
        Err(Error::Invalid(problems)) => {
            visitor.page_again(&review_page(&caller, &account, &review, visitor.problems(&problems)).await?)
        }
        Err(Error::Conflict("eid_card")) => refused(visitor, &Why::OtherAccount, Purpose::SignIn),
        Err(error) => Err(error),
    }
}

/// One card of the account.
struct CardRow {
    id: String,
    since: String,
    used: Option<String>,
    blocked: Option<String>,
}

fn card_row(language: Language, one: &crate::assurance::Means) -> CardRow {
    CardRow {
        id: one.id.as_ref().map(MeansId::to_string).unwrap_or_default(),
        since: moment::date_and_clock(language, one.created_at),
        used: one.last_used_at.map(|at| moment::date(language, at)),
        blocked: one.blocked_at.map(|at| moment::date_and_clock(language, at)),
    }
}

#[derive(Template)]
#[template(path = "proofing/eid_cards.html")]
struct CardsPage {
    f: Frame,
    done: &'static str,
    cards: Vec<CardRow>,
    can_add: bool,
}

pub async fn cards(caller: SignedIn) -> Answer {
    let (app, language) = (&caller.visitor.app, caller.visitor.language);
    let cards = card::list(&mut app.read().await?, &caller.session.account_id).await?;
    let cards = cards.iter().map(|one| card_row(language, one)).collect();
    let is_done = |word: &&str| caller.visitor.query() == format!("erledigt={word}");
    let done = ["gesperrt", "entfernt"].into_iter().find(is_done).unwrap_or("");
    caller.visitor.page(&CardsPage { f: caller.visitor.frame(), done, cards, can_add: app.eid.is_some() })
}

#[derive(Template)]
#[template(path = "proofing/eid_remove.html")]
struct RemovePage {
    f: Frame,
    card: CardRow,
    email: String,
    asks_password: bool,
    problems: Problems,
}

async fn remove_page(caller: &SignedIn, id: &str, problems: Problems) -> Result<RemovePage, Error> {
    let (app, language) = (&caller.visitor.app, caller.visitor.language);
    let cards = card::list(&mut app.read().await?, &caller.session.account_id).await?;
    let card = cards.iter().map(|one| card_row(language, one)).find(|one| one.id == id).ok_or(Error::NotFound)?;
    let email = caller.account().await?.email.address.as_str().to_owned();
    let asks_password = caller.asks_password_unless_fresh().await?;
    Ok(RemovePage { f: caller.visitor.frame(), card, email, asks_password, problems })
}

pub async fn remove(caller: SignedIn, id: web::Path<String>) -> Answer {
    caller.visitor.page(&remove_page(&caller, &id, Problems::none()).await?)
}

pub async fn submit_remove(caller: SignedIn, id: web::Path<String>, device: CallerDevice, form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let means = MeansId::parse(&id).ok_or(Error::NotFound)?;
    let person = caller.person(&account, (&network, &device), &form);
    match card::remove(&caller.visitor.app, person, &means).await {
        Ok(()) => caller.visitor.leave("/sicherheit/ausweise?erledigt=entfernt"),
        Err(Error::Invalid(problems)) => {
            let page = remove_page(&caller, &id, caller.visitor.problems(&problems)).await?;
            caller.visitor.page_again(&page)
        }
        Err(error) => Err(error),
    }
}
