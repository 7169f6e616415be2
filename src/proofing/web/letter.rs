//! The letter with a code: ordering, waiting, typing the code.

use askama::Template;

use super::Answer;
use crate::account::Account;
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::moment;
use crate::proofing::letter::{self, Address, Letter, Redeemed, State};
use crate::web::caller::SignedIn;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

/// How it stands with letters.
enum Standing {
    /// The account has no complete address.
    NoAddress,
    /// One may be ordered.
    None,
    UnderWay {
        ordered: String,
        until: String,
    },
    /// The last one counts no more, since the address has changed or it was too late.
    Void,
    Redeemed {
        since: String,
    },
}

#[derive(Template)]
#[template(path = "proofing/letter.html")]
struct LetterPage {
    f: Frame,
    standing: Standing,
    /// Where a letter would go, line by line.
    to: Vec<String>,
    code: String,
    ordered_now: bool,
    problems: Problems,
}

fn standing(account: &Account, letter: Option<&Letter>, caller: &SignedIn) -> Standing {
    let (language, now) = (caller.visitor.language, caller.visitor.app.now());
    let date = |at| moment::date(language, at);
    match letter {
        _ if Address::of(account).is_none() => Standing::NoAddress,
        Some(letter) if letter.is_good(account, now) => {
            Standing::UnderWay { ordered: date(letter.ordered_at), until: date(letter.expires_at) }
        }
        Some(letter) if letter.state == State::Redeemed && Address::of(account).as_ref() == Some(&letter.address) => {
            Standing::Redeemed { since: date(letter.ordered_at) }
        }
        Some(_) => Standing::Void,
        None => Standing::None,
    }
}

async fn letter_page(caller: &SignedIn, form: &Form, problems: Problems) -> Result<LetterPage, Error> {
    let visitor = &caller.visitor;
    if !letter::is_offered(&visitor.app) {
        return Err(Error::NotFound);
    }
    let account = caller.fresh_account().await?;
    let newest = letter::newest(&mut visitor.app.read().await?, &visitor.app, &account.id).await?;
    let lines = Address::of(&account).map(|address| address.lines()).unwrap_or_default();
    let to = if lines.is_empty() { lines } else { [vec![account.full_name()], lines].concat() };
    let (f, code) = (visitor.frame(), form.get("code").chars().take(20).collect());
    let standing = standing(&account, newest.as_ref(), caller);
    Ok(LetterPage { standing, to, code, ordered_now: visitor.query() == "erledigt=bestellt", problems, f })
}

pub async fn show(caller: SignedIn) -> Answer {
    let page = letter_page(&caller, &Form::empty(), Problems::none()).await?;
    caller.visitor.page(&page)
}

pub async fn order(caller: SignedIn, form: Form) -> Answer {
    let (visitor, account) = (&caller.visitor, caller.fresh_account().await?);
    let work = caller.begin().await?;
    match letter::order(&visitor.app, work, &account).await {
        Ok(()) => visitor.leave("/identitaet/brief?erledigt=bestellt"),
        Err(Error::Invalid(problems)) => again(&caller, &form, &problems).await,
        Err(error) => Err(error),
    }
}

pub async fn redeem(caller: SignedIn, form: Form) -> Answer {
    let visitor = &caller.visitor;
    if !letter::is_offered(&visitor.app) {
        return Err(Error::NotFound);
    }
    if form.get("code").trim().is_empty() {
        return again(&caller, &form, &[FieldProblem { field: "code", problem: "letter_code_missing" }]).await;
    }
    let account = caller.account().await?;
    let typed = (form.get("code"), &visitor.network());
    match letter::redeem(&visitor.app, &account, typed, &visitor.request_id).await? {
        Redeemed::Right(_) => visitor.leave("/identitaet/brief"),
        Redeemed::Wrong => again(&caller, &form, &[FieldProblem { field: "code", problem: "letter_code_wrong" }]).await,
    }
}

async fn again(caller: &SignedIn, form: &Form, problems: &[FieldProblem]) -> Answer {
    let page = letter_page(caller, form, caller.visitor.problems(problems)).await?;
    caller.visitor.page_again(&page)
}
