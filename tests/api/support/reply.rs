//! Notices that ask for a reply, and what people write.

use nutzerkonto::organisation::acting::Party;
use nutzerkonto::postbox::provide::Notice;
use serde_json::{Value, json};

use super::browser::{Answer, Browser};
use super::postbox::information;

/// A text, for ever.
pub fn free() -> Value {
    json!({ "mode": "free", "label": "Ihre Stellungnahme" })
}

/// A form with a field of each kind, until the end of the year.
pub fn form() -> Value {
    json!({ "mode": "form", "label": "Angaben zum Fahrzeug", "until": "2026-12-31", "fields": [
        { "name": "kennzeichen", "label": "Welches Kennzeichen?", "kind": "text", "required": true },
        { "name": "selbst", "label": "Auf Sie zugelassen?", "kind": "yes_no", "required": true },
        { "name": "antrieb", "label": "Womit fährt es?", "kind": "choice", "required": true, "options": ["Benzin", "Strom"] },
        { "name": "seit", "label": "Seit wann?", "kind": "date" },
        { "name": "bemerkung", "label": "Was noch?", "kind": "long_text" },
    ] })
}

/// A notice that asks for that.
pub fn asking(recipient: Party, asked: Value) -> Notice {
    let mut notice = information(recipient, "Anhörung");
    notice.content.reply = Some(serde_json::from_value(asked).unwrap());
    notice
}

/// The form of [`form`], filled in.
pub const FILLED: [(&str, &str); 7] = [
    ("feld-1", "MZ-AB 12"),
    ("feld-2", "ja"),
    ("feld-3", "2"),
    ("feld-4_tag", "3"),
    ("feld-4_monat", "2"),
    ("feld-4_jahr", "2024"),
    ("feld-5", "Es ist <b>blau</b>.\r\n\r\nUnd schnell."),
];

pub fn page(id: &str) -> String {
    format!("/postfach/{id}/antwort")
}

impl Browser {
    /// Fills in the page of a reply and presses one of its buttons.
    pub async fn writes(&mut self, id: &str, fields: &[(&str, &str)], act: &str) -> Answer {
        self.get(&format!("/postfach/{id}")).await;
        self.post(&page(id), &[fields, &[("aktion", act)]].concat()).await
    }

    /// What the page to check would send.
    pub async fn checks(&mut self, id: &str) -> String {
        self.get(&format!("{}/pruefen", page(id))).await.hidden("antwort")
    }

    pub async fn sends(&mut self, id: &str, reply: &str) -> Answer {
        self.post(&format!("{}/pruefen", page(id)), &[("antwort", reply)]).await
    }

    /// Answers with a text; the id of the reply.
    pub async fn answers(&mut self, id: &str, text: &str) -> String {
        let checked = self.writes(id, &[("feld-1", text)], "pruefen").await;
        assert_eq!(checked.location(), format!("{}/pruefen", page(id)), "{checked:?}");
        let reply = self.checks(id).await;
        let sent = self.sends(id, &reply).await;
        assert_eq!(sent.location(), format!("{}/{reply}?erledigt=gesendet", page(id)), "{sent:?}");
        reply
    }
}
