//! Step 4 without a password: a passkey, made for the account that there is not yet and for nobody else.

use super::super::change::device_name;
use super::super::device::Device;
use super::super::passkey::first::{self, Holder};
use super::super::passkey::{Begun, NotMade};
use super::{Registration, Stage, choose, find};
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::texts::Language;

impl Registration {
    /// The key belongs to this registration: whoever begins anew, with whatever address, makes another.
    fn holder<'a>(&'a self, browser: &'a [u8]) -> Holder<'a> {
        let names = [&self.draft.given_names, &self.draft.family_name];
        let name = names.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
        Holder { account: &self.account_id, address: &self.draft.email, name, browser }
    }
}

async fn named(app: &AppParts, browser: &[u8]) -> Result<Registration, Error> {
    let found = find(&mut app.read().await?, &app.vault, browser, app.now()).await?;
    let registration = found.ok_or(Error::Conflict("registration_step"))?;
    registration.require(Stage::Named)?;
    Ok(registration)
}

/// What the browser is asked.
pub async fn begin_passkey(app: &AppParts, browser: &[u8]) -> Result<Begun, Error> {
    first::begin(app, &named(app, browser).await?.holder(browser))
}

/// What it has made becomes what the account will be opened with.
pub async fn make_passkey(
    app: &AppParts,
    browser: &[u8],
    answer: (&str, &str),
    (language, device): (Language, &Device),
) -> Result<Result<(), NotMade>, Error> {
    let registration = named(app, browser).await?;
    let name = device_name(language, &device.name);
    let made = first::make(app, &registration.holder(browser), answer, name).await?;
    match made {
        Ok(made) => choose(app, browser, registration, (None, Some(made))).await.map(Ok),
        Err(why) => Ok(Err(why)),
    }
}
