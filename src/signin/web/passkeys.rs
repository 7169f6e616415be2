//! The pages of an account's passkeys.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::passkey::{problem_of_browser, try_to_sign_in};
use crate::assurance::Policy;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::id::MeansId;
use crate::kernel::level::Level;
use crate::kernel::means::MeansKind;
use crate::kernel::texts::moment;
use crate::signin::change::device_name;
use crate::signin::means;
use crate::signin::passkey::{self, Outcome, Passkey};
use crate::web::caller::{CallerDevice, SignedIn};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems, level_name};

type Answer = Result<HttpResponse, Error>;

struct PasskeyRow {
    id: String,
    name: String,
    since: String,
    /// Empty if never.
    last_used: String,
    is_synchronised: bool,
    /// The identifier of what it was made on, if the device has told.
    model: Option<String>,
    /// Whether its maker vouches for that.
    is_attested: bool,
    is_confirmed: bool,
    /// Since when it is blocked, if it is.
    blocked: Option<String>,
    level: String,
}

fn row(caller: &SignedIn, one: &Passkey) -> PasskeyRow {
    let (app, language) = (&caller.visitor.app, caller.visitor.language);
    let level = one.level(Policy::of(&app.config), app.now());
    PasskeyRow {
        id: one.id.to_string(),
        name: one.name.clone(),
        since: moment::date(language, one.created_at),
        last_used: one.last_used_at.map_or_else(String::new, |at| moment::date_and_clock(language, at)),
        is_synchronised: one.is_synchronised,
        model: one.model.map(|model| model.to_string()),
        is_attested: one.kind == MeansKind::AttestedPasskey,
        is_confirmed: one.confirmed_at.is_some(),
        blocked: one.blocked_at.map(|at| moment::date_and_clock(language, at)),
        level: level_name(language.texts(), level),
    }
}

#[derive(Template)]
#[template(path = "passkeys/list.html")]
struct ListPage {
    f: Frame,
    done: &'static str,
    rows: Vec<PasskeyRow>,
}

pub async fn list(caller: SignedIn) -> Answer {
    let (visitor, account) = (&caller.visitor, &caller.session.account_id);
    let own = passkey::list(&mut visitor.app.read().await?, &visitor.app.vault, account).await?;
    let said = ["bereit", "name", "entfernt", "gesperrt"];
    let done = said.into_iter().find(|word| visitor.query() == format!("erledigt={word}")).unwrap_or("");
    visitor.page(&ListPage { f: visitor.frame(), done, rows: own.iter().map(|one| row(&caller, one)).collect() })
}

#[derive(Template)]
#[template(path = "passkeys/new.html")]
struct NewPage {
    f: Frame,
    email: String,
    asks_password: bool,
    problems: Problems,
}

async fn new_page(caller: &SignedIn, problems: Problems) -> Result<NewPage, Error> {
    let email = caller.account().await?.email.address.as_str().to_owned();
    let asks_password = caller.asks_password_unless_fresh().await?;
    Ok(NewPage { f: caller.visitor.frame(), email, asks_password, problems })
}

pub async fn new(caller: SignedIn) -> Answer {
    let page = new_page(&caller, Problems::none()).await?;
    caller.visitor.page(&page)
}

async fn new_again(caller: &SignedIn, problems: &[FieldProblem]) -> Answer {
    let page = new_page(caller, caller.visitor.problems(problems)).await?;
    caller.visitor.page_again(&page)
}

#[derive(Template)]
#[template(path = "passkeys/make.html")]
struct MakePage {
    f: Frame,
    name: String,
    options: String,
    ceremony: String,
    problems: Problems,
}

/// Step 1: with the options for the browser on the page.
pub async fn begin(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    let browser = caller.visitor.browser_hash();
    match passkey::begin_registration(&caller.visitor.app, person, &browser).await {
        Ok(begun) => {
            let (f, name) = (caller.visitor.frame(), device_name(caller.visitor.language, &device.0.name));
            let (options, problems) = (begun.options.to_string(), Problems::none());
            let page = MakePage { f, name, options, ceremony: begun.ceremony, problems };
            caller.visitor.with_script(caller.visitor.page(&page)?)
        }
        Err(Error::Invalid(problems)) => new_again(&caller, &problems).await,
        Err(error) => Err(error),
    }
}

/// Step 2: what the browser has made.
pub async fn finish(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let refused = |problem| [FieldProblem { field: "passkey", problem }];
    if let Some(problem) = problem_of_browser(&form) {
        return new_again(&caller, &refused(problem)).await;
    }
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    let sent = (form.get("aufgabe"), form.get("antwort"), form.get("name"));
    let browser = caller.visitor.browser_hash();
    match passkey::finish_registration(&caller.visitor.app, person, &browser, sent).await? {
        Ok(_) => caller.visitor.go("/sicherheit/passkeys/probieren"),
        Err(why) => new_again(&caller, &refused(why.problem())).await,
    }
}

#[derive(Template)]
#[template(path = "passkeys/probe.html")]
struct ProbePage {
    f: Frame,
    problems: Problems,
}

/// Step 3: used once, it is ready.
pub async fn probe(caller: SignedIn) -> Answer {
    let visitor = &caller.visitor;
    visitor.with_script(visitor.page(&ProbePage { f: visitor.frame(), problems: Problems::none() })?)
}

pub async fn submit_probe(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let visitor = &caller.visitor;
    let problem = match try_to_sign_in(visitor, &device, &form, true).await? {
        Ok(Outcome::Begun(token)) => {
            let next = if visitor.pending.is_some() || visitor.aim().is_some() {
                visitor.onwards()
            } else {
                "/sicherheit/passkeys?erledigt=bereit".to_owned()
            };
            return visitor.begin_session(&next, &token, &device);
        }
        Ok(Outcome::Locked(account)) => return super::locked(visitor, &account).await,
        Ok(Outcome::Refused) => "passkey_failed",
        Err(problem) => problem,
    };
    let problems = visitor.problems(&[FieldProblem { field: "passkey", problem }]);
    visitor.with_script(visitor.page_again(&ProbePage { f: visitor.frame(), problems })?)
}

#[derive(Template)]
#[template(path = "passkeys/edit.html")]
struct EditPage {
    f: Frame,
    row: PasskeyRow,
    name: String,
    problems: Problems,
}

/// One of the account's own.
async fn own(caller: &SignedIn, id: &str) -> Result<Passkey, Error> {
    let id = MeansId::parse(id).ok_or(Error::NotFound)?;
    passkey::find(&caller.visitor.app, &caller.session.account_id, &id).await
}

pub async fn edit(caller: SignedIn, id: web::Path<String>) -> Answer {
    let row = row(&caller, &own(&caller, &id).await?);
    let (f, name, problems) = (caller.visitor.frame(), row.name.clone(), Problems::none());
    caller.visitor.page(&EditPage { f, row, name, problems })
}

pub async fn rename(caller: SignedIn, id: web::Path<String>, form: Form) -> Answer {
    let one = own(&caller, &id).await?;
    let (app, account) = (&caller.visitor.app, &caller.session.account_id);
    match passkey::rename(app, caller.begin().await?, account, (&one.id, form.get("name"))).await {
        Ok(()) => caller.visitor.leave("/sicherheit/passkeys?erledigt=name"),
        Err(Error::Invalid(problems)) => {
            let (f, problems) = (caller.visitor.frame(), caller.visitor.problems(&problems));
            let name = form.get("name").to_owned();
            caller.visitor.page_again(&EditPage { f, row: row(&caller, &one), name, problems })
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "passkeys/remove.html")]
struct RemovePage {
    f: Frame,
    row: PasskeyRow,
    email: String,
    asks_password: bool,
    /// Nothing else opens the account.
    is_last: bool,
    /// The level that signing in must have first, if it has not.
    needs: Option<String>,
    problems: Problems,
}

async fn remove_page(caller: &SignedIn, one: &Passkey, problems: Problems) -> Result<RemovePage, Error> {
    let (app, t) = (&caller.visitor.app, caller.visitor.language.texts());
    let (now, needed) = (app.now(), one.removal(Policy::of(&app.config), app.now()));
    let is_last = means::is_last_way_in(&mut app.read().await?, &caller.session.account_id, &one.id).await?;
    let too_low = |level: &Level| caller.session.strength(now) < *level;
    Ok(RemovePage {
        f: caller.visitor.frame(),
        row: row(caller, one),
        email: caller.account().await?.email.address.as_str().to_owned(),
        asks_password: !is_last && caller.asks_password_unless_fresh().await?,
        is_last,
        needs: Some(needed).filter(too_low).map(|level| level_name(t, level)),
        problems,
    })
}

pub async fn confirm_removal(caller: SignedIn, id: web::Path<String>) -> Answer {
    let page = remove_page(&caller, &own(&caller, &id).await?, Problems::none()).await?;
    caller.visitor.page(&page)
}

pub async fn remove(caller: SignedIn, id: web::Path<String>, device: CallerDevice, form: Form) -> Answer {
    let one = own(&caller, &id).await?;
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    match passkey::remove(&caller.visitor.app, person, &one.id).await {
        Ok(()) => caller.visitor.leave("/sicherheit/passkeys?erledigt=entfernt"),
        Err(Error::Invalid(problems)) => {
            let page = remove_page(&caller, &one, caller.visitor.problems(&problems)).await?;
            caller.visitor.page_again(&page)
        }
        Err(error) => Err(error),
    }
}
