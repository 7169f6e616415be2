//! What the operator does with offices and with the people who act for them.

use std::collections::BTreeMap;

use super::{Inquiry, operator_name};
use crate::account::email::EmailAddress;
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::proofing::office::{self, Assignment, Change, Office, OfficeFile, OfficeId, Role};
use crate::store::work::Actor;

/// Makes the offices be what the file says.
pub async fn apply(app: &AppParts, operator: &str, file: &OfficeFile) -> Result<BTreeMap<OfficeId, Change>, Error> {
    let operator = operator_name(operator).map_err(|_| Error::Conflict("operator: the name under which you work"))?;
    let mut work = app.begin(Actor::Operator(operator)).await?;
    let changes = office::apply(&mut work, file).await?;
    work.commit().await?;
    Ok(changes)
}

pub async fn list(app: &AppParts) -> Result<Vec<Office>, Error> {
    office::list(&mut app.read().await?).await
}

/// Lets the owner of an account act for an office, from their next click on, or ends that at once.
pub async fn assign(
    app: &AppParts,
    by: &Inquiry,
    whom: (&OfficeId, &EmailAddress),
    assignment: Assignment,
) -> Result<(), Error> {
    let mut work = by.begin(app).await?;
    office::assign(app, &mut work, whom, (assignment, &by.reason)).await?;
    work.commit().await
}

pub async fn officers(app: &AppParts, office: &OfficeId) -> Result<Vec<Role>, Error> {
    office::officers(&mut app.read().await?, office).await
}
