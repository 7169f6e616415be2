//! Pages of a forgotten password.

use askama::Template;

use super::partial::attempt;
use super::{Answer, shows_field};
use crate::kernel::error::{Error, FieldProblem};
use crate::kernel::texts::moment;
use crate::signin::code::{self, Redeemed};
use crate::signin::recovery::new_means::{self, Standing};
use crate::signin::reset::{self, Chosen, Reset, Stage};
use crate::web::caller::{CallerDevice, Visitor};
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

async fn at(visitor: &Visitor, stage: Stage) -> Result<Option<Reset>, Error> {
    let mut tx = visitor.app.read().await?;
    let found = reset::find(&mut tx, &visitor.app.vault, &visitor.browser_hash(), visitor.app.now()).await?;
    Ok(found.filter(|reset| reset.stage >= stage))
}

#[derive(Template)]
#[template(path = "reset/email.html")]
struct EmailPage {
    f: Frame,
    email: String,
    problems: Problems,
}

pub async fn email(visitor: Visitor) -> Answer {
    visitor.page(&EmailPage { f: visitor.frame(), email: String::new(), problems: Problems::none() })
}

pub async fn submit_email(visitor: Visitor, form: Form) -> Answer {
    let (browser, network, email) = (visitor.browser_hash(), visitor.network(), form.get("email"));
    let started = if email.trim().is_empty() {
        Err(Error::field("email", "email_missing"))
    } else {
        reset::start(&visitor.app, visitor.applicant(&browser, &network), email).await
    };
    match started {
        Ok(()) => visitor.go("/wieder-anmelden/code"),
        Err(Error::Invalid(problems)) => {
            let problems = visitor.problems(&problems);
            visitor.page_again(&EmailPage { f: visitor.frame(), email: email.to_owned(), problems })
        }
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "reset/code.html")]
struct CodePage {
    f: Frame,
    email: String,
    until: String,
    problems: Problems,
}

async fn code_page(visitor: &Visitor, reset: &Reset, problems: Problems) -> Result<CodePage, Error> {
    let mut tx = visitor.app.read().await?;
    let until = code::expiry(&mut tx, code::Purpose::PasswordReset, &visitor.browser_hash()).await?;
    let until = moment::clock(until.unwrap_or_else(|| visitor.app.now()));
    Ok(CodePage { f: visitor.frame(), email: reset.email.masked(), until, problems })
}

pub async fn code(visitor: Visitor) -> Answer {
    match at(&visitor, Stage::CodeSent).await? {
        None => visitor.go("/wieder-anmelden/email"),
        Some(reset) if reset.stage == Stage::CodeSent => {
            visitor.page(&code_page(&visitor, &reset, Problems::none()).await?)
        }
        Some(_) => visitor.go("/wieder-anmelden/passwort"),
    }
}

pub async fn submit_code(visitor: Visitor, form: Form) -> Answer {
    let typed = form.get("code");
    let problem = if typed.trim().is_empty() {
        "code_missing"
    } else if reset::confirm_code(&visitor.app, &visitor.browser_hash(), &visitor.network(), typed).await?
        == Redeemed::Right
    {
        return visitor.go("/wieder-anmelden/passwort");
    } else {
        "code_wrong"
    };
    let reset = at(&visitor, Stage::CodeSent).await?.ok_or(Error::Conflict("reset_step"))?;
    let problems = visitor.problems(&[FieldProblem { field: "code", problem }]);
    visitor.page_again(&code_page(&visitor, &reset, problems).await?)
}

#[derive(Template)]
#[template(path = "reset/password.html")]
struct PasswordPage {
    f: Frame,
    email: String,
    shown: bool,
    /// Everything is lost, and a passkey may be the new means as well.
    is_any_means: bool,
    has_passkeys: bool,
    /// Whether what else is lost is to go; none if that is not asked.
    lost: Option<bool>,
    problems: Problems,
}

const LOST: &str = "verloren";

async fn password_page(
    visitor: &Visitor,
    (reset, standing): (&Reset, &Standing),
    (shown, lost): (bool, bool),
    problems: Problems,
) -> Result<PasswordPage, Error> {
    let asks = reset.may_remove_means(&mut visitor.app.read().await?).await?;
    let (f, email, has_passkeys) = (visitor.frame(), reset.email.as_str().to_owned(), visitor.app.config.has_name());
    let is_any_means = matches!(standing, Standing::Proven(..));
    Ok(PasswordPage { f, email, shown, is_any_means, has_passkeys, lost: asks.then_some(lost), problems })
}

/// The confirmed reset of this browser, and what may be done with it.
pub(super) async fn standing(visitor: &Visitor) -> Result<Option<(Reset, Standing)>, Error> {
    let Some(reset) = at(visitor, Stage::CodeConfirmed).await? else { return Ok(None) };
    let standing = new_means::standing(&mut visitor.app.read().await?, &reset, visitor.app.now()).await?;
    Ok(Some((reset, standing)))
}

pub async fn password(visitor: Visitor) -> Answer {
    match standing(&visitor).await? {
        None => visitor.go("/wieder-anmelden/code"),
        Some((_, Standing::Unproven(_))) => visitor.go("/wieder-anmelden/nachweis"),
        Some((reset, standing)) => {
            visitor.page(&password_page(&visitor, (&reset, &standing), (false, false), Problems::none()).await?)
        }
    }
}

pub async fn submit_password(visitor: Visitor, device: CallerDevice, form: Form) -> Answer {
    let (reset, standing) = standing(&visitor).await?.ok_or(Error::Conflict("reset_step"))?;
    let (password, means_are_lost) = (form.get("password"), form.get(LOST) == "ja");
    let page = |shown, problems| password_page(&visitor, (&reset, &standing), (shown, means_are_lost), problems);
    if let Some(shown) = shows_field(&form) {
        return visitor.page(&page(shown, Problems::none()).await?);
    }
    let (browser, network) = (visitor.browser_hash(), visitor.network());
    let set = match standing {
        Standing::Unproven(_) => Err(Error::Conflict("reset_step")),
        _ if password.is_empty() => Err(Error::field("password", "password_missing")),
        Standing::Replaces => {
            let chosen = Chosen { password, means_are_lost };
            let set = reset::set_password(&visitor.app, &browser, chosen, visitor.language, &device.0).await;
            set.map(|()| None)
        }
        Standing::Proven(..) => {
            let one = attempt(&visitor, &device, password, (&browser, &network));
            new_means::set_password(&visitor.app, &one).await.map(Some)
        }
    };
    match set {
        Ok(None) => visitor.go("/wieder-anmelden/fertig"),
        Ok(Some(ended)) => super::new_means::ended(&visitor, &device, ended, false),
        Err(Error::Invalid(problems)) => visitor.page_again(&page(false, visitor.problems(&problems)).await?),
        Err(error) => Err(error),
    }
}

#[derive(Template)]
#[template(path = "reset/done.html")]
struct DonePage {
    f: Frame,
}

pub async fn done(visitor: Visitor) -> Answer {
    visitor.page(&DonePage { f: visitor.frame() })
}
