//! Organisations at a registration desk.

use nutzerkonto::kernel::id::OrganisationId;

use super::browser::{Answer, Browser};
use super::bureau::declaration;
use super::world::World;

/// An extract of the register as the bakery's, and that everything is as it should be.
pub const EXTRACT: [(&str, &str); 17] = [
    ("dokument", "id_card"),
    ("person", "ja"),
    ("echt", "ja"),
    ("gueltig", "ja"),
    ("antragsteller", "ja"),
    ("frei", "ja"),
    ("papier", "ja"),
    ("nennt", "ja"),
    ("datum_tag", "2"),
    ("datum_monat", "11"),
    ("datum_jahr", "2026"),
    ("name", "BÄCKEREI WEBER GMBH"),
    ("rechtsform", "gmbh"),
    ("register", "HRB"),
    ("registergericht", "Amtsgericht Mainz"),
    ("nummer", "1234"),
    ("sitz", "Mainz"),
];

impl World {
    /// Olga at her desk, Nadine, her bakery, and the code that she brings.
    pub async fn bakery_at_the_desk(&self, extra: &str) -> (Browser, Browser, OrganisationId, String) {
        self.offices(&declaration("musterhausen", extra)).await;
        let olga = self.officer("olga@example.org", "musterhausen").await;
        let (mut nadine, id) = self.nadine_with_bakery().await;
        let code = nadine.takes_code_for(&id).await;
        (olga, nadine, id, code)
    }
}

impl Browser {
    /// Takes a code for an organisation.
    pub async fn takes_code_for(&mut self, id: &OrganisationId) -> String {
        let path = format!("/organisation/{id}/vor-ort");
        self.get(&path).await;
        let taken = self.post(&path, &[]).await;
        assert_eq!(taken.location(), path, "{taken:?}");
        self.get(&path).await.code()
    }

    /// An officer types the code of an organisation; what came back.
    pub async fn opens_organisation(&mut self, office: &str, code: &str) -> Answer {
        self.get("/amt/organisation").await;
        self.post("/amt/organisation", &[("amt", office), ("code", code)]).await
    }

    /// The same, and it is the right one; the path of the case.
    pub async fn has_opened(&mut self, code: &str) -> String {
        let opened = self.opens_organisation("musterhausen", code).await;
        assert!(opened.location().starts_with("/amt/organisation/"), "{opened:?}");
        let path = opened.location().to_owned();
        self.get(&path).await;
        path
    }

    /// Confirms what the extract says, with these changes.
    pub async fn confirms_extract(&mut self, path: &str, changes: &[(&'static str, &str)]) -> Answer {
        let page = self.get(path).await;
        let seen = if page.status == 200 && page.body.contains("name=\"stand\"") {
            page.hidden("stand")
        } else {
            String::new()
        };
        let usual = EXTRACT.iter().copied().chain([("stand", seen.as_str())]);
        let mut form: Vec<(&str, &str)> = changes.to_vec();
        form.extend(usual.filter(|(name, _)| !changes.iter().any(|(known, _)| known == name)));
        self.post(path, &form).await
    }
}
