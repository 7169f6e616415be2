//! The line above every page that says for whom somebody acts. Only people who have something to choose see it.

use super::memory::Remembered;
use crate::client::{Client, Serves};
use crate::kernel::id::RequestId;
use crate::kernel::texts::{Language, Text};
use crate::organisation::acting::Role;
use crate::postbox;

/// Where people say for whom they act.
const PATH: &str = "/anmelden/wahl";
/// Pages of somebody's own account: they are about that, whomever its owner acts for.
const PERSONAL_PAGES: [&str; 7] = ["/konto", "/profil", "/sicherheit", "/daten", "/dienste", "/identitaet", "/ausweis"];

pub struct ActingBar {
    /// Of whomever it is; none for themselves.
    pub name: Option<String>,
    /// By a mandate.
    pub is_mandate: bool,
    /// What was chosen does not count any more.
    pub is_lost: bool,
    /// Why it makes no difference here.
    pub note: Option<&'static Text>,
    /// Their postbox, with what is new in it.
    pub postbox: Option<String>,
    /// Where one chooses, unless that is here or would change nothing.
    pub link: Option<String>,
}

impl ActingBar {
    /// On a page, on the way to a client or not.
    pub fn of(
        Remembered { present, unread, .. }: &Remembered,
        language: Language,
        path: &str,
        flow: Option<(&Client, &RequestId)>,
    ) -> Option<Self> {
        if !present.has_choice && present.session.acting.is_none() {
            return None;
        }
        let t = &language.texts().acting;
        let acting = present.acting.as_ref();
        let is_served = |client: &Client| acting.is_none_or(|acting| client.serves_power(&acting.power));
        let has_choice =
            |client: &Client| (present.has_mandates && client.mandates) || client.serves(Serves::Organisations);
        let note = match flow {
            Some((client, _)) => (!is_served(client) && client.serves(Serves::Persons)).then_some(&t.note_service),
            None => is_personal(path).then_some(&t.note_personal),
        };
        let query = flow.map_or_else(String::new, |(_, id)| format!("?vorgang={id}"));
        Some(Self {
            name: acting.map(|acting| acting.name.clone()),
            is_mandate: acting.is_some_and(|acting| acting.power.role() == Role::Mandate),
            is_lost: present.has_lost(),
            postbox: unread.filter(|_| flow.is_none()).map(|count| postbox::count_words(language.texts(), count)),
            note: note.filter(|_| acting.is_some()),
            link: (flow.is_none_or(|(client, _)| has_choice(client)) && path != PATH).then(|| format!("{PATH}{query}")),
        })
    }
}

fn is_personal(path: &str) -> bool {
    let begins = |page: &&str| path.strip_prefix(*page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    PERSONAL_PAGES.iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::is_personal;

    #[test]
    fn which_pages_are_somebodys_own() {
        for path in ["/konto", "/profil/angaben", "/sicherheit/passkeys/neu", "/dienste/parken/beenden"] {
            assert!(is_personal(path), "{path}");
        }
        for path in ["/", "/hilfe", "/organisation", "/kontoauszug", "/einwilligung", "/anmelden/wahl"] {
            assert!(!is_personal(path), "{path}");
        }
    }
}
