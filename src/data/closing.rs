//! The end of an organisation that was given up: what it is, and what services may have of it, go in one transaction.

use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::OrganisationId;
use crate::oidc::connection;
use crate::organisation::acting::Party;
use crate::organisation::life;
use crate::postbox;
use crate::safe;
use crate::store::object;
use crate::store::work::Actor;

/// The job: ends what was given up and whose time is over. One that fails stands in nobody's way.
pub async fn tend(app: &AppParts) -> Result<(), Error> {
    let mut outcome = Ok(());
    for id in life::due(app).await? {
        match erase(app, &id).await {
            // Another node was faster, or somebody has kept it.
            Ok(()) | Err(Error::Conflict(_) | Error::NotFound) => {}
            Err(error) => outcome = Err(error),
        }
    }
    outcome
}

async fn erase(app: &AppParts, id: &OrganisationId) -> Result<(), Error> {
    let mut work = app.begin(Actor::System("organisations")).await?;
    life::erase(app, &mut work, id).await?;
    postbox::ending::forget(&mut work, &Party::Organisation(id.clone())).await?;
    safe::forget(&mut work, &Party::Organisation(id.clone())).await?;
    connection::forget_organisation(&mut work, id).await?;
    object::doom_all(&mut work, id.as_str()).await?;
    work.commit().await
}
