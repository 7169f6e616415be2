//! The pages of accounts at other providers: signing in with one, linking, confirming who one is, removing.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::json;

use super::told;
use crate::assurance::Policy;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::MeansId;
use crate::kernel::level::Level;
use crate::kernel::texts::moment;
use crate::proofing::upstream::{
    Comparison, Finished, Going, Offer, Provider, Providers, Purpose, Received, Refused, Returning, agree, begin,
    finish, link, receive_logout,
};
use crate::signin::linked::{self, Linked};
use crate::web::caller::{CallerDevice, SignedIn, Visitor};
use crate::web::form::{ForeignForm, Form, parse_pairs};
use crate::web::page::{Frame, Problems, ProviderButton, attribute_label, attribute_value, level_name};

type Answer = Result<HttpResponse, Error>;

const LIST: &str = "/sicherheit/konten";

#[derive(Template)]
#[template(path = "upstream/choose.html")]
struct ChoosePage {
    f: Frame,
    providers: Vec<ProviderButton>,
}

pub async fn choose(visitor: Visitor) -> Answer {
    let providers = ProviderButton::all(&visitor.app, visitor.language);
    visitor.page(&ChoosePage { f: visitor.frame(), providers })
}

/// Where somebody goes who has done something on the list: there, with a word about it, or on to their service.
fn done(next: &str, word: &str) -> String {
    let mark = if next.contains('?') { '&' } else { '?' };
    if next.starts_with(LIST) { format!("{next}{mark}erledigt={word}") } else { next.to_owned() }
}

/// Off to sign in.
pub async fn leave(visitor: Visitor, providers: web::Data<Providers>, id: web::Path<String>, _form: Form) -> Answer {
    let provider = providers.find(&id).ok_or(Error::NotFound)?;
    let request = visitor.pending.as_ref().map(|pending| &pending.request);
    let wanted = request.map(|request| request.wished_level.map_or(request.level, |wish| wish.max(request.level)));
    let going = Going {
        provider,
        purpose: Purpose::SignIn,
        browser: &visitor.browser_hash(),
        language: visitor.language,
        session: None,
        means: None,
        organisation: None,
        wanted: wanted.filter(|level| *level > Level::Low),
        next: visitor.onwards(),
        client: visitor.pending.as_ref().map(|pending| pending.client.id.clone()),
    };
    go(&visitor, going).await
}

/// Sends the browser there, or says why not.
async fn go(visitor: &Visitor, going: Going<'_>) -> Answer {
    let (provider, next) = (going.provider, going.next.clone());
    match begin(&visitor.app, going).await? {
        Ok(location) => visitor.leave(&location),
        Err(why) => told::show(visitor, provider, (why, &next)).await,
    }
}

/// Back from there.
pub async fn back(
    visitor: Visitor,
    providers: web::Data<Providers>,
    device: CallerDevice,
    id: web::Path<String>,
) -> Answer {
    let provider = providers.find(&id).ok_or(Error::NotFound)?;
    let returning = Returning {
        provider,
        query: &parse_pairs(visitor.query().as_bytes()).unwrap_or_default(),
        browser: &visitor.browser_hash(),
        network: &visitor.network(),
        device: &device.0,
        session: visitor.session.as_ref(),
        leaving: visitor.leaving.as_ref(),
        request: visitor.request_id.clone(),
    };
    match finish(&visitor.app, returning).await? {
        Finished::SignedIn(token, next) => {
            metrics::counter!("nutzerkonto_signins_total", "result" => "begun").increment(1);
            visitor.begin_session(&next, &token, &device)
        }
        Finished::Unblocked(token, next) => visitor.begin_session(&done(&next, "entsperrt"), &token, &device),
        Finished::Offer(offer) => show_offer(&visitor, provider, offer),
        Finished::Comparison(comparison) => show_comparison(&visitor, provider, comparison),
        Finished::Told(why, next) => told::show(&visitor, provider, (why, &next)).await,
    }
}

/// OpenID Connect Back-Channel Logout 1.0 section 2.8.
pub async fn logout(
    visitor: Visitor,
    providers: web::Data<Providers>,
    id: web::Path<String>,
    form: ForeignForm,
) -> Answer {
    let provider = providers.find(&id).ok_or(Error::NotFound)?;
    let mut tokens = form.0.iter().filter(|(name, _)| name == "logout_token").map(|(_, token)| token.as_str());
    let token = tokens.next().filter(|_| tokens.next().is_none()).unwrap_or_default();
    let mut response = match receive_logout(&visitor.app, provider, token).await? {
        Received::Done => HttpResponse::Ok().finish(),
        Received::Refused(reason) => {
            tracing::warn!(provider = provider.settings.id, reason, "a logout token was refused");
            HttpResponse::BadRequest().json(json!({ "error": "invalid_request", "error_description": reason }))
        }
        Received::NotNow => return Err(Error::Busy { retry_after_seconds: 60 }),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(response)
}

struct LinkedRow {
    id: String,
    name: String,
    level: String,
    since: String,
    last_used: String,
    /// Since when it is blocked, if it is.
    blocked: Option<String>,
    /// Whether its provider can be asked.
    is_there: bool,
    /// Whether its provider may say more of its owner than is known.
    may_confirm: bool,
}

#[derive(Template)]
#[template(path = "upstream/list.html")]
struct ListPage {
    f: Frame,
    done: &'static str,
    rows: Vec<LinkedRow>,
    /// Providers with no link yet.
    available: Vec<ProviderButton>,
}

pub async fn list(caller: SignedIn, providers: web::Data<Providers>) -> Answer {
    let (visitor, session) = (&caller.visitor, &caller.session);
    let (app, language, now) = (&visitor.app, visitor.language, visitor.app.now());
    let own = linked::list(&mut app.read().await?, &session.account_id).await?;
    let f = visitor.frame();
    let row = |one: &Linked| {
        let (provider, level) = (providers.find(&one.provider), one.level(Policy::of(&app.config), now));
        let can_confirm = |provider: &Provider| {
            provider.settings.confirms_identity && level.min(provider.settings.most()) > session.identity
        };
        LinkedRow {
            id: one.id.to_string(),
            name: app.config.provider_name(&one.provider, language),
            level: level_name(f.t, level),
            since: moment::date(language, one.created_at),
            last_used: moment::date_and_clock(language, one.last_used_at),
            blocked: one.blocked_at.map(|at| moment::date_and_clock(language, at)),
            is_there: provider.is_some(),
            may_confirm: one.blocked_at.is_none() && provider.is_some_and(can_confirm),
        }
    };
    let rows = own.iter().map(row).collect();
    let is_new = |button: &ProviderButton| !own.iter().any(|one| one.provider == button.id);
    let available = ProviderButton::all(app, language).into_iter().filter(is_new).collect();
    let said = ["verknuepft", "bestaetigt", "gesperrt", "entsperrt", "entfernt"];
    let is_said = |word: &&str| visitor.query().split('&').any(|pair| pair.strip_prefix("erledigt=") == Some(word));
    let done = said.into_iter().find(is_said).unwrap_or("");
    visitor.page(&ListPage { f, done, rows, available })
}

#[derive(Template)]
#[template(path = "upstream/connect.html")]
struct ConnectPage {
    f: Frame,
    id: String,
    name: String,
    email: String,
    asks_password: bool,
    problems: Problems,
}

async fn connect_page(caller: &SignedIn, provider: &Provider, problems: Problems) -> Result<ConnectPage, Error> {
    Ok(ConnectPage {
        f: caller.visitor.frame(),
        id: provider.settings.id.clone(),
        name: provider.settings.title(caller.visitor.language).to_owned(),
        email: caller.account().await?.email.address.as_str().to_owned(),
        asks_password: caller.asks_password_unless_fresh().await?,
        problems,
    })
}

pub async fn connect(caller: SignedIn, providers: web::Data<Providers>, id: web::Path<String>) -> Answer {
    let provider = providers.find(&id).ok_or(Error::NotFound)?;
    let page = connect_page(&caller, provider, Problems::none()).await?;
    caller.visitor.page(&page)
}

/// By somebody who has just signed in or gives the password once more.
pub async fn submit_connect(
    caller: SignedIn,
    providers: web::Data<Providers>,
    id: web::Path<String>,
    device: CallerDevice,
    form: Form,
) -> Answer {
    let provider = providers.find(&id).ok_or(Error::NotFound)?;
    if !caller.session.is_fresh(caller.visitor.app.now()) {
        let (account, network) = (caller.account().await?, caller.visitor.network());
        let person = caller.person(&account, (&network, &device), &form);
        match person.confirm(&caller.visitor.app).await {
            Ok(()) => {}
            Err(Error::Invalid(problems)) => {
                let page = connect_page(&caller, provider, caller.visitor.problems(&problems)).await?;
                return caller.visitor.page_again(&page);
            }
            Err(error) => return Err(error),
        }
    }
    go_signed_in(&caller, provider, (Purpose::Link, None)).await
}

/// There and back for somebody who is signed in, and stays so. On the way to a service they stay on it.
async fn go_signed_in(caller: &SignedIn, provider: &Provider, (purpose, means): (Purpose, Option<MeansId>)) -> Answer {
    let visitor = &caller.visitor;
    // Whoever has confirmed who they are has what the service wanted; others have something left to do here.
    let next = match (purpose, &visitor.pending) {
        (Purpose::Confirm, Some(_)) => visitor.onwards(),
        _ => format!("{LIST}{}", visitor.flow_query()),
    };
    let going = Going {
        provider,
        purpose,
        browser: &visitor.browser_hash(),
        language: visitor.language,
        session: Some(&caller.session),
        means,
        organisation: None,
        wanted: None,
        next,
        client: None,
    };
    go(visitor, going).await
}

#[derive(Template)]
#[template(path = "upstream/offer.html")]
struct OfferPage {
    f: Frame,
    name: String,
    who: Option<String>,
    level: String,
    sealed: String,
    next: String,
}

fn show_offer(visitor: &Visitor, provider: &Provider, offer: Offer) -> Answer {
    let (f, name) = (visitor.frame(), provider.settings.title(visitor.language).to_owned());
    let Offer { who, level, sealed, next } = offer;
    visitor.page(&OfferPage { level: level_name(f.t, level), f, name, who, sealed, next })
}

pub async fn submit_link(
    caller: SignedIn,
    providers: web::Data<Providers>,
    device: CallerDevice,
    form: Form,
) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    let sealed = form.get("siegel");
    match link(&caller.visitor.app, person, (&caller.visitor.browser_hash(), sealed)).await? {
        Ok(next) => caller.visitor.leave(&done(&next, "verknuepft")),
        Err(refused) => show_refused(&caller.visitor, &providers, refused).await,
    }
}

async fn show_refused(visitor: &Visitor, providers: &Providers, refused: Refused) -> Answer {
    let (provider, next) = refused.asked.unwrap_or_else(|| (String::new(), LIST.to_owned()));
    told::show_of(visitor, (providers, &provider), (refused.told, &next)).await
}

/// One of the account's own, and its provider.
async fn own<'a>(
    caller: &SignedIn,
    providers: &'a Providers,
    id: &str,
) -> Result<(Linked, Option<&'a Provider>), Error> {
    let id = MeansId::parse(id).ok_or(Error::NotFound)?;
    let one = linked::find(&mut caller.visitor.app.read().await?, &caller.session.account_id, &id).await?;
    let provider = providers.find(&one.provider);
    Ok((one, provider))
}

/// Off to have confirmed who one is.
pub async fn confirm(caller: SignedIn, providers: web::Data<Providers>, id: web::Path<String>, _form: Form) -> Answer {
    let (one, provider) = own(&caller, &providers, &id).await?;
    go_signed_in(&caller, provider.ok_or(Error::NotFound)?, (Purpose::Confirm, Some(one.id))).await
}

/// Off to end a block.
pub async fn unblock(caller: SignedIn, providers: web::Data<Providers>, id: web::Path<String>, _form: Form) -> Answer {
    let (one, provider) = own(&caller, &providers, &id).await?;
    go_signed_in(&caller, provider.ok_or(Error::NotFound)?, (Purpose::Unblock, Some(one.id))).await
}

struct ComparedRow {
    label: String,
    shown: String,
    /// What was known before.
    told: String,
}

#[derive(Template)]
#[template(path = "upstream/compare.html")]
struct ComparePage {
    f: Frame,
    name: String,
    level: String,
    rows: Vec<ComparedRow>,
    sealed: String,
    next: String,
}

fn show_comparison(visitor: &Visitor, provider: &Provider, comparison: Comparison) -> Answer {
    let (f, language) = (visitor.frame(), visitor.language);
    let t = &f.t.upstream;
    let rows = comparison.rows.iter().map(|one| ComparedRow {
        label: attribute_label(f.t, one.name),
        shown: one.shown.as_ref().map_or_else(String::new, |value| attribute_value(language, one.name, value)),
        told: match &one.known {
            Some(value) if one.differs => {
                t.compare_known.with("value", attribute_value(language, one.name, value)).to_string()
            }
            Some(_) => t.compare_same.to_string(),
            None => t.compare_none.to_string(),
        },
    });
    let rows = rows.collect();
    let (level, name) = (level_name(f.t, comparison.level), provider.settings.title(language).to_owned());
    visitor.page(&ComparePage { f, name, level, rows, sealed: comparison.sealed, next: comparison.next })
}

pub async fn submit_agreed(
    caller: SignedIn,
    providers: web::Data<Providers>,
    device: CallerDevice,
    form: Form,
) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    let sealed = form.get("siegel");
    match agree(&caller.visitor.app, person, (&caller.visitor.browser_hash(), sealed)).await? {
        Ok(next) => caller.visitor.leave(&done(&next, "bestaetigt")),
        Err(refused) => show_refused(&caller.visitor, &providers, refused).await,
    }
}

#[derive(Template)]
#[template(path = "upstream/remove.html")]
struct RemovePage {
    f: Frame,
    id: String,
    name: String,
    email: String,
    asks_password: bool,
    /// The level that signing in must have first, if it has not.
    needs: Option<String>,
    problems: Problems,
}

async fn remove_page(caller: &SignedIn, one: &Linked, problems: &[FieldProblem]) -> Result<RemovePage, Error> {
    let (visitor, now) = (&caller.visitor, caller.visitor.app.now());
    let (f, needed) = (visitor.frame(), one.level(Policy::of(&visitor.app.config), now));
    let too_low = |level: &Level| caller.session.strength(now) < *level;
    Ok(RemovePage {
        id: one.id.to_string(),
        name: visitor.app.config.provider_name(&one.provider, visitor.language),
        email: caller.account().await?.email.address.as_str().to_owned(),
        asks_password: caller.asks_password_unless_fresh().await?,
        needs: Some(needed).filter(too_low).map(|level| level_name(f.t, level)),
        problems: visitor.problems(problems),
        f,
    })
}

pub async fn remove(caller: SignedIn, providers: web::Data<Providers>, id: web::Path<String>) -> Answer {
    let (one, _) = own(&caller, &providers, &id).await?;
    let page = remove_page(&caller, &one, &[]).await?;
    caller.visitor.page(&page)
}

pub async fn submit_remove(
    caller: SignedIn,
    providers: web::Data<Providers>,
    id: web::Path<String>,
    device: CallerDevice,
    form: Form,
) -> Answer {
    let (one, _) = own(&caller, &providers, &id).await?;
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    match linked::remove(&caller.visitor.app, person, &one).await {
        Ok(()) => caller.visitor.leave(&format!("{LIST}?erledigt=entfernt")),
        Err(Error::Invalid(problems)) => {
            let page = remove_page(&caller, &one, &problems).await?;
            caller.visitor.page_again(&page)
        }
        Err(error) => Err(error),
    }
}
