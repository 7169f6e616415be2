//! The pages of an account's addresses.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::account::address::{self, Address};
use crate::kernel::error::Error;
use crate::kernel::texts::moment;
use crate::signin::contact::{self, Act, Codes};
use crate::web::caller::{CallerDevice, SignedIn};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

type Answer = Result<HttpResponse, Error>;

struct AddressRow {
    reference: String,
    address: String,
    since: String,
    is_primary: bool,
}

#[derive(Template)]
#[template(path = "contact/list.html")]
struct ListPage {
    f: Frame,
    changed: bool,
    rows: Vec<AddressRow>,
}

pub async fn list(caller: SignedIn) -> Answer {
    let visitor = &caller.visitor;
    let own = own(&caller).await?;
    let row = |one: Address| AddressRow {
        reference: one.reference,
        address: one.address.as_str().to_owned(),
        since: moment::date(visitor.language, one.confirmed_at),
        is_primary: one.is_primary,
    };
    let changed = visitor.query() == "erledigt=1";
    visitor.page(&ListPage { f: visitor.frame(), changed, rows: own.into_iter().map(row).collect() })
}

async fn own(caller: &SignedIn) -> Result<Vec<Address>, Error> {
    let app = &caller.visitor.app;
    address::list(&mut app.read().await?, &app.vault, &caller.session.account_id).await
}

#[derive(Template)]
#[template(path = "contact/new.html")]
struct NewPage {
    f: Frame,
    email: String,
    asks_password: bool,
    problems: Problems,
}

async fn new_page(caller: &SignedIn, email: &str, problems: Problems) -> Result<NewPage, Error> {
    let (f, asks_password) = (caller.visitor.frame(), caller.asks_password().await?);
    Ok(NewPage { f, email: email.to_owned(), asks_password, problems })
}

pub async fn new(caller: SignedIn) -> Answer {
    caller.visitor.page(&new_page(&caller, "", Problems::none()).await?)
}

pub async fn submit_new(caller: SignedIn, device: CallerDevice, form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    match contact::begin(&caller.visitor.app, person, form.get("email")).await {
        Ok(()) => caller.visitor.leave("/profil/kontakt/codes"),
        Err(Error::Invalid(problems)) => {
            let problems = caller.visitor.problems(&problems);
            let page = new_page(&caller, form.get("email"), problems).await?;
            caller.visitor.page_again(&page)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "contact/codes.html")]
struct CodesPage {
    f: Frame,
    new: Option<String>,
    old: Option<String>,
    problems: Problems,
}

/// The addresses whose code is still missing.
async fn codes_page(caller: &SignedIn, problems: Problems) -> Result<CodesPage, Error> {
    let (app, id) = (&caller.visitor.app, &caller.session.account_id);
    let change = address::change(&mut app.read().await?, &app.vault, id, app.now()).await?;
    let change = change.ok_or(Error::Conflict("address_change"))?;
    let account = caller.account().await?;
    let new = (!change.new_confirmed).then(|| change.address.as_str().to_owned());
    let old = (!change.old_confirmed).then(|| account.email.address.as_str().to_owned());
    Ok(CodesPage { f: caller.visitor.frame(), new, old, problems })
}

pub async fn codes(caller: SignedIn) -> Answer {
    let page = codes_page(&caller, Problems::none()).await?;
    caller.visitor.page(&page)
}

pub async fn submit_codes(caller: SignedIn, form: Form) -> Answer {
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let request = Some(caller.visitor.request_id.clone());
    let codes = Codes { new: form.get("code_new"), old: form.get("code_old"), network: &network, request };
    match contact::confirm(&caller.visitor.app, &account, codes).await {
        Ok(()) => caller.visitor.leave("/profil/kontakt?erledigt=1"),
        Err(Error::Invalid(problems)) => {
            let page = codes_page(&caller, caller.visitor.problems(&problems)).await?;
            caller.visitor.page_again(&page)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "contact/edit.html")]
struct EditPage {
    f: Frame,
    reference: String,
    email: String,
    asks_password: bool,
    address: String,
    problems: Problems,
}

/// One of the account's addresses that does not get the mails.
async fn other(caller: &SignedIn, reference: &str) -> Result<Address, Error> {
    let mut own = own(caller).await?.into_iter();
    own.find(|one| one.reference == reference && !one.is_primary).ok_or(Error::NotFound)
}

async fn edit_page(caller: &SignedIn, address: &Address, problems: Problems) -> Result<EditPage, Error> {
    let email = caller.account().await?.email.address.as_str().to_owned();
    let (reference, address) = (address.reference.clone(), address.address.as_str().to_owned());
    let asks_password = caller.asks_password().await?;
    Ok(EditPage { f: caller.visitor.frame(), reference, email, asks_password, address, problems })
}

pub async fn edit(caller: SignedIn, reference: web::Path<String>) -> Answer {
    let address = other(&caller, &reference).await?;
    let page = edit_page(&caller, &address, Problems::none()).await?;
    caller.visitor.page(&page)
}

pub async fn submit_edit(caller: SignedIn, reference: web::Path<String>, device: CallerDevice, form: Form) -> Answer {
    let address = other(&caller, &reference).await?;
    let act = if form.is("aktion", "haupt") { Act::MakePrimary } else { Act::Remove };
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    match contact::act(&caller.visitor.app, person, &address, act).await {
        Ok(()) => caller.visitor.leave("/profil/kontakt?erledigt=1"),
        Err(Error::Invalid(problems)) => {
            let page = edit_page(&caller, &address, caller.visitor.problems(&problems)).await?;
            caller.visitor.page_again(&page)
        }
        Err(error) => Err(error),
    }
}
