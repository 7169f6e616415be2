//! People who act for organisations, and services that are for organisations.

use nutzerkonto::account;
use nutzerkonto::kernel::id::OrganisationId;
use nutzerkonto::organisation::{self, member};
use nutzerkonto::store::work::Actor;
use serde_json::Value;

use super::browser::{Answer, Browser};
use super::organisation::NADINE;
use super::service::{Service, claims, vorgang};
use super::world::World;

pub const WAHL: &str = "/anmelden/wahl";
pub const SCOPE: (&str, &str) = ("scope", "openid profile email organisation");
pub const SCOPE_OFFLINE: (&str, &str) = ("scope", "openid profile email organisation offline_access");

impl Service {
    /// Its part of the client file, for `persons`, `organisations`, or both, with these lines besides.
    pub fn serving(&self, serves: &[&str], extra: &str) -> String {
        let text = self.declaration(&format!("serves = {serves:?}\n{extra}"));
        text.replace("\"profile\", \"email\"]", "\"profile\", \"email\", \"organisation\", \"offline_access\"]")
    }

    /// Brings a browser that acts for somebody to tokens, through consent if that is asked.
    pub async fn tokens_of(&self, world: &World, who: &mut Browser, changes: &[(&'static str, &str)]) -> Value {
        let code = self.acting_code(who, changes).await;
        let answer = self.redeem(world, &code).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub async fn acting_code(&self, who: &mut Browser, changes: &[(&'static str, &str)]) -> String {
        let mut answer = who.visit(&self.request(changes)).await;
        if answer.status == 200 {
            answer = who.consents(&answer).await;
        }
        answer.parameter("code").unwrap_or_else(|| panic!("no code: {answer:?}"))
    }
}

impl Browser {
    /// Says for whom it acts: `ich`, or a membership.
    pub async fn acts_for(&mut self, choice: &str) -> Answer {
        self.get(WAHL).await;
        self.post(WAHL, &[("wahl", choice)]).await
    }

    /// The same on the way to a service; where that leads.
    pub async fn chooses(&mut self, page: &Answer, choice: &str) -> Answer {
        let path = format!("{WAHL}?vorgang={}", vorgang(page));
        let answer = self.post(&path, &[("wahl", choice)]).await;
        self.follow(answer).await
    }

    /// Answers a page of consent as it stands there; where that leads.
    pub async fn consents(&mut self, page: &Answer) -> Answer {
        let path = format!("/einwilligung?vorgang={}", vorgang(page));
        let answer = self.post(&path, &[("antwort", "ja"), ("fuer", &page.hidden("fuer"))]).await;
        self.follow(answer).await
    }
}

impl World {
    /// The membership of somebody in an organisation that has not ended.
    pub async fn membership(&self, organisation: &OrganisationId, email: &str) -> String {
        let account = self.account(email).await;
        let query = format!(
            "SELECT id FROM membership WHERE organisation_id = '{organisation}' AND account_id = '{account}' AND ended_at IS NULL"
        );
        self.texts(&query).await.remove(0)
    }

    /// Makes somebody who has an account a member with these rights (kind and object); the membership.
    pub async fn admits(&self, organisation: &OrganisationId, email: &str, rights: &[(&str, &str)]) -> String {
        let id = self.account(email).await;
        let name = account::load(&mut self.app.read().await.unwrap(), &self.app.vault, &id).await.unwrap().full_name();
        let mut work = self.app.begin(Actor::System("test")).await.unwrap();
        let key = organisation::key(&mut work.tx, &self.app.vault, organisation).await.unwrap();
        let membership = member::insert(&mut work, &key, organisation, (&id, &name)).await.unwrap();
        work.commit().await.unwrap();
        for (kind, object) in rights {
            self.change(&format!(
                "INSERT INTO membership_right
                     (membership_id, organisation_id, kind, object, valid_from, granted_by, granted_at)
                 VALUES ('{membership}', '{organisation}', '{kind}', '{object}', 1, '{membership}', 1)"
            ))
            .await;
        }
        self.later();
        membership.to_string()
    }

    /// Ends a membership, as somebody does at another node.
    pub async fn leaves(&self, membership: &str) {
        let now = self.app.now().milliseconds();
        self.change(&format!("UPDATE membership SET ended_at = {now} WHERE id = '{membership}'")).await;
        self.later();
    }

    /// One second, in which every node has learnt of what another did.
    pub fn later(&self) {
        self.pass(std::time::Duration::from_secs(1));
    }
}

/// The claims of a token of an answer.
pub fn of(tokens: &Value, name: &str) -> Value {
    claims(tokens[name].as_str().unwrap_or_else(|| panic!("no {name}: {tokens}")))
}

/// What a service is told of a bakery and of who acts for it.
pub async fn acting_userinfo(world: &World, service: &Service) -> Value {
    let (mut nadine, bakery) = world.nadine_with_bakery().await;
    let membership = world.membership(&bakery, NADINE).await;
    nadine.acts_for(&membership).await;
    let tokens = service.tokens_of(world, &mut nadine, &[SCOPE]).await;
    service.userinfo(world, tokens["access_token"].as_str().unwrap()).await.json()
}
