//! What a grant is worth now. One gate stands before everything that a token opens: userinfo, introspection,
//! refreshing, revocation. It asks for the account, the consent, the client, the session or what stands for it, and for the
//! power of whoever acts for another party.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::claims_request::RequestedClaims;
use super::consent::Answers;
use super::whose::{self, Whose};
use super::{scopes_of, store};
use crate::app::AppParts;
use crate::client::registry::Registry;
use crate::client::{Client, Scope};
use crate::kernel::error::Error;
use crate::kernel::id::GrantId;
use crate::kernel::level::Level;
use crate::kernel::random::Random;
use crate::kernel::secret::{Secret, token_hash};
use crate::kernel::time::{Timestamp, days};
use crate::organisation::acting::Power;
use crate::store::db::Tx;
use crate::store::recent::Recent;

/// Offline access ends so long after it was given, however often it is used.
pub const OFFLINE_ABSOLUTE: Duration = days(90);
/// And so long after it was last used.
pub const OFFLINE_IDLE: Duration = days(30);

/// By what a grant is found: its id stands in an access token, its family in a refresh token.
pub enum By<'a> {
    Id(&'a GrantId),
    Family(&'a [u8]),
}

/// A grant that counts at this moment.
pub struct Live {
    pub row: store::GrantRow,
    pub client: Arc<Client>,
    /// What it still covers: of what was granted, what the person agreed to last and the client may ask for today.
    pub scopes: Vec<Scope>,
    /// Single claims that were asked for beside the scopes.
    pub claims: RequestedClaims,
    /// Which data the person lets the client have.
    pub answers: Answers,
    /// The person, and for whom they act.
    pub whose: Whose,
    /// What lets them act for another party, if they do.
    pub power: Option<Power>,
}

impl Live {
    /// What is left of its level: evidence that has gone is gone for what was granted with it, too.
    pub fn level(&self) -> Level {
        let ceiling = self.power.as_ref().map_or(Level::High, Power::ceiling);
        self.row.level.min(self.row.identity_level).min(ceiling)
    }

    /// The `act` claim, if somebody acts for another party; with what the client may know of them.
    pub fn act(&self, app: &AppParts, told: Map<String, Value>) -> Option<Value> {
        let power = self.power.as_ref()?;
        Some(whose::act(&app.vault, &self.client, power, told))
    }
}

/// The gate.
pub async fn find(tx: &mut Tx, registry: &Registry, by: By<'_>, now: Timestamp) -> Result<Option<Live>, Error> {
    let (id, family): (&str, &[u8]) = match by {
        By::Id(id) => (id.as_str(), &[]),
        By::Family(hash) => ("", hash),
    };
    let Some(row) = store::find_live_grant(tx, id, family, now).await? else { return Ok(None) };
    let Some(client) = registry.find(&row.client_id) else { return Ok(None) };
    let whose = Whose::read(&row.account_id, row.acting.as_deref(), row.represented.as_deref())?;
    // Whoever acts for another party does so only as long as they may, and the client is for such parties.
    let Some(power) = whose.standing(tx, &client, now).await? else { return Ok(None) };
    let consented = scopes_of(&row.consented);
    let mut scopes = scopes_of(&row.scope);
    scopes.retain(|scope| consented.contains(scope) && client.scopes.contains(scope));
    let claims = row.claims.as_deref().map(serde_json::from_str).transpose().map_err(Error::broken)?;
    let answers = serde_json::from_str(&row.agreed).map_err(Error::broken)?;
    Ok(Some(Live { row, client, scopes, claims: claims.unwrap_or_default(), answers, whose, power }))
}

/// What this node remembers of grants: an API that asks about every call asks about the same ones.
#[derive(Clone, Default)]
pub struct Grants(pub Recent<GrantId, Live>);

impl Grants {
    /// The gate for access tokens, remembered or asked.
    pub async fn find(&self, app: &AppParts, registry: &Registry, id: &GrantId) -> Result<Option<Arc<Live>>, Error> {
        let now = app.now();
        let read = async || {
            let live = find(&mut app.read().await?, registry, By::Id(id), now).await?;
            Ok(live.map(|live| (live.row.account_id.clone(), live)))
        };
        // A client that has changed, or is switched off, is another one.
        let is_good = |live: &Live| {
            let client = registry.find(&live.row.client_id);
            live.row.expires_at > now && client.is_some_and(|client| Arc::ptr_eq(&client, &live.client))
        };
        self.0.get((&app.db.changes, now), id.clone(), is_good, read).await
    }
}

/// A refresh token: two secrets of 43 characters in one text. The first names the family, the second the generation, so that
/// one row recognises every earlier generation without keeping any.
pub struct RefreshToken {
    family: Secret<String>,
    generation: Secret<String>,
}

impl RefreshToken {
    pub fn new(random: &Random) -> Self {
        Self { family: random.token(), generation: random.token() }
    }

    /// Reads what a client sends; nothing of another length can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let (family, generation) = text.split_at_checked(43).filter(|_| text.len() == 86)?;
        Some(Self { family: Secret::new(family.to_owned()), generation: Secret::new(generation.to_owned()) })
    }

    /// The next generation of the same family.
    pub fn next(&self, random: &Random) -> Self {
        Self { family: self.family.clone(), generation: random.token() }
    }

    pub fn family_hash(&self) -> [u8; 32] {
        token_hash(self.family.expose())
    }

    pub fn generation_hash(&self) -> [u8; 32] {
        token_hash(self.generation.expose())
    }

    /// The text that the client gets.
    pub fn text(&self) -> String {
        format!("{}{}", self.family.expose(), self.generation.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::RefreshToken;
    use crate::kernel::random::Random;

    #[test]
    fn sec_d06_a_refresh_token_is_exactly_itself() {
        let random = Random::seeded(1);
        let token = RefreshToken::new(&random);
        let read = RefreshToken::parse(&token.text()).unwrap();
        assert_eq!((read.family_hash(), read.generation_hash()), (token.family_hash(), token.generation_hash()));
        let next = token.next(&random);
        assert!(next.family_hash() == token.family_hash() && next.generation_hash() != token.generation_hash());
        for bad in ["", &token.text()[1..], &format!("{}A", token.text()), &"ü".repeat(43)] {
            assert!(RefreshToken::parse(bad).is_none() || bad.len() == 86, "{bad}");
        }
    }
}
