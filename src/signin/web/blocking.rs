//! The pages on which something that one signs in with is blocked, and a code app unblocked. A passkey is unblocked where it is
//! tried out.

use actix_web::web;
use askama::Template;

use super::Answer;
use crate::assurance::Policy;
use crate::kernel::error::Error;
use crate::kernel::id::MeansId;
use crate::kernel::means::MeansKind;
use crate::signin::generator::{self, Generator};
use crate::signin::{blocking, card, linked, means, passkey};
use crate::web::caller::{CallerDevice, SignedIn};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems, level_name};

/// Where linked accounts are listed, and unblocked.
const LINKED: &str = "/sicherheit/konten";

/// Something of the account's own, as this page needs it.
struct Own {
    id: MeansId,
    kind: MeansKind,
    name: String,
}

impl Own {
    /// Where all of its kind are listed.
    const fn list(&self) -> &'static str {
        match self.kind {
            MeansKind::AppCode | MeansKind::DeviceCode => "/sicherheit/app",
            MeansKind::Eid => "/sicherheit/ausweise",
            MeansKind::LinkedAccount => LINKED,
            _ => "/sicherheit/passkeys",
        }
    }
}

async fn generators(caller: &SignedIn) -> Result<Vec<Generator>, Error> {
    let app = &caller.visitor.app;
    generator::list(&mut app.read().await?, app, &caller.session.account_id).await
}

async fn own(caller: &SignedIn, id: &str) -> Result<Own, Error> {
    let app = &caller.visitor.app;
    let passkeys = passkey::list(&mut app.read().await?, &app.vault, &caller.session.account_id).await?;
    let passkeys = passkeys.into_iter().map(|one| Own { id: one.id, kind: one.kind, name: one.name });
    let generators = generators(caller).await?.into_iter();
    let generators = generators.map(|one| Own { id: one.id, kind: one.kind, name: one.name });
    let name = caller.visitor.language.texts().levels.eid.to_string();
    let cards = card::list(&mut app.read().await?, &caller.session.account_id).await?.into_iter();
    let cards = cards.filter_map(|one| Some(Own { id: one.id?, kind: one.kind, name: name.clone() }));
    let linked = linked::list(&mut app.read().await?, &caller.session.account_id).await?.into_iter();
    let name = |provider: &str| app.config.provider_name(provider, caller.visitor.language);
    let linked = linked.map(|one| Own { kind: MeansKind::LinkedAccount, name: name(&one.provider), id: one.id });
    passkeys.chain(generators).chain(cards).chain(linked).find(|one| one.id.as_str() == id).ok_or(Error::NotFound)
}

#[derive(Template)]
#[template(path = "security/block.html")]
struct BlockPage {
    f: Frame,
    id: String,
    name: String,
    list: &'static str,
    is_linked: bool,
    is_card: bool,
    email: String,
    asks_password: bool,
    /// Nothing else opens the account.
    is_last: bool,
    problems: Problems,
}

async fn block_page(caller: &SignedIn, one: &Own, problems: Problems) -> Result<BlockPage, Error> {
    let app = &caller.visitor.app;
    let is_last = means::is_last_way_in(&mut app.read().await?, &caller.session.account_id, &one.id).await?;
    Ok(BlockPage {
        f: caller.visitor.frame(),
        id: one.id.to_string(),
        name: one.name.clone(),
        list: one.list(),
        is_linked: one.kind == MeansKind::LinkedAccount,
        is_card: one.kind == MeansKind::Eid,
        email: caller.account().await?.email.address.as_str().to_owned(),
        asks_password: !is_last && caller.asks_password_unless_fresh().await?,
        is_last,
        problems,
    })
}

pub async fn block(caller: SignedIn, id: web::Path<String>) -> Answer {
    let page = block_page(&caller, &own(&caller, &id).await?, Problems::none()).await?;
    caller.visitor.page(&page)
}

pub async fn submit_block(caller: SignedIn, id: web::Path<String>, device: CallerDevice, form: Form) -> Answer {
    let one = own(&caller, &id).await?;
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    match blocking::block(&caller.visitor.app, person, (&one.id, one.kind)).await {
        Ok(()) => caller.visitor.leave(&format!("{}?erledigt=gesperrt", one.list())),
        Err(Error::Invalid(problems)) => {
            let page = block_page(&caller, &one, caller.visitor.problems(&problems)).await?;
            caller.visitor.page_again(&page)
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "security/unblock.html")]
struct UnblockPage {
    f: Frame,
    id: String,
    name: String,
    /// The level that signing in must have first, if it has not.
    needs: Option<String>,
    problems: Problems,
}

async fn unblock_page(
    caller: &SignedIn,
    id: &str,
    problems: Problems,
) -> Result<Option<(UnblockPage, Generator)>, Error> {
    let Some(one) = generators(caller).await?.into_iter().find(|one| one.id.as_str() == id) else { return Ok(None) };
    let (app, f, now) = (&caller.visitor.app, caller.visitor.frame(), caller.visitor.app.now());
    let allowed = blocking::may_unblock(app, &one, caller.session.strength(now));
    let level = Policy::of(&app.config).level(&one.means(), now);
    let needs = (!allowed).then(|| level_name(f.t, level));
    Ok(Some((UnblockPage { f, id: one.id.to_string(), name: one.name.clone(), needs, problems }, one)))
}

pub async fn unblock(caller: SignedIn, id: web::Path<String>) -> Answer {
    match unblock_page(&caller, &id, Problems::none()).await? {
        Some((page, _)) if page.needs.is_some() => caller.visitor.page_refused(&page),
        Some((page, _)) => caller.visitor.page(&page),
        None => match own(&caller, &id).await {
            Ok(one) if one.kind == MeansKind::LinkedAccount => caller.visitor.go(LINKED),
            // Passkeys, and what is nobody's.
            _ => caller.visitor.go("/sicherheit/passkeys/probieren"),
        },
    }
}

pub async fn submit_unblock(caller: SignedIn, id: web::Path<String>, device: CallerDevice, form: Form) -> Answer {
    let found = unblock_page(&caller, &id, Problems::none()).await?;
    let (page, one) = found.ok_or(Error::NotFound)?;
    if page.needs.is_some() {
        return caller.visitor.page_refused(&page);
    }
    let (account, network) = (caller.account().await?, caller.visitor.network());
    let person = caller.person(&account, (&network, &device), &form);
    match blocking::unblock(&caller.visitor.app, person, &one, form.get("code")).await {
        Ok(()) => caller.visitor.leave("/sicherheit/app?erledigt=entsperrt"),
        Err(Error::Invalid(problems)) => {
            let problems = caller.visitor.problems(&problems);
            caller.visitor.page_again(&UnblockPage { problems, ..page })
        }
        Err(error) => Err(error),
    }
}
