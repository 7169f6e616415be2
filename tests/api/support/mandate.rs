//! Mandates as they stand in the database, however they came about.

use nutzerkonto::kernel::id::{AccountId, MandateId};
use nutzerkonto::organisation::mandate::end;
use nutzerkonto::organisation::mandate::party::Side;

use super::world::World;

/// In the declaration of a client: mandates are used there.
pub const MANDATES: &str = "mandates = true";
pub const ALL: &str = r#"{"actions":["read","answer"],"services":"all"}"#;

/// Only there.
pub fn only(client: &str) -> String {
    format!(r#"{{"actions":["read","submit"],"services":{{"only":["{client}"]}}}}"#)
}

impl World {
    /// A mandate between these parties (`acc_…` or `org_…`) that counts for a year.
    pub async fn mandate(&self, principal: &str, agent: &str, scope: &str) -> String {
        let id = MandateId::new(self.app.now(), &self.app.random).to_string();
        let now = self.app.now().milliseconds();
        let until = now + 365 * 86_400_000;
        self.change(&format!(
            "INSERT INTO mandate (id, principal, agent, opener, state, origin, scope, valid_from, valid_until, may_pass_on,
                                  opened_by, opened_at, expires_at, over_at, accepted_by, accepted_at)
             VALUES ('{id}', '{principal}', '{agent}', '{principal}', 'active', 'own', '{scope}', {now}, {until}, TRUE,
                     '{principal}', {now}, {now}, {until}, '{agent}', {now})"
        ))
        .await;
        self.later();
        id
    }

    /// As the principal revokes it.
    pub async fn revokes(&self, principal: &AccountId, mandate: &str) {
        let side = Side::Own { account: principal, request: "test" };
        end::end(&self.app, side, &MandateId::parse(mandate).unwrap()).await.unwrap();
    }
}
