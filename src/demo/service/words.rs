//! What the protocol says, in the words of people.

/// German and English.
#[derive(Clone, Copy)]
pub struct Words(pub &'static str, pub &'static str);

impl Words {
    /// What an `acr` value means.
    pub const fn of_level(acr: &str) -> Self {
        match acr.as_bytes() {
            b"http://bsi.bund.de/eID/LoA/undefined" => {
                Self("Basis: selbst angegeben, von niemandem geprüft", "basic: self-declared, checked by nobody")
            }
            b"http://eidas.europa.eu/LoA/low" => Self("niedrig (eIDAS)", "low (eIDAS)"),
            b"http://eidas.europa.eu/LoA/substantial" => Self("substanziell (eIDAS)", "substantial (eIDAS)"),
            b"http://eidas.europa.eu/LoA/high" => Self("hoch (eIDAS)", "high (eIDAS)"),
            _ => Self("unbekannt: kein Vertrauen", "unknown: no trust"),
        }
    }

    /// What was found of the electronic seals of a document (`judged.state`).
    pub fn of_seal(state: &str) -> Self {
        match state {
            "valid" => Self("gültig", "valid"),
            "expired" => Self("abgelaufen", "expired"),
            "untrusted" => Self("Aussteller unbekannt", "issuer unknown"),
            "altered" => Self("verändert: nicht annehmen", "altered: do not take it"),
            "none" => Self("keins", "none"),
            _ => Self("nicht prüfbar", "cannot be checked"),
        }
    }

    /// As what somebody acts for others (`act.role`).
    pub fn of_role(role: &str) -> Self {
        match role {
            "representative" => Self("vertretungsbefugt", "may represent it"),
            "authorised" => Self("mit dem Recht zu diesem Dienst", "with the right to this service"),
            "mandate" => Self("Vollmacht", "mandate"),
            _ => Self("unbekannt: kein Vertrauen", "unknown: no trust"),
        }
    }

    /// What an error code of the account means for whoever stands before this service.
    pub fn of_error(code: &str) -> Self {
        match code {
            "access_denied" => Self("Sie haben abgelehnt oder abgebrochen.", "You have declined or cancelled."),
            "login_required" => Self(
                "Ohne Rückfrage geht es nicht: Sie müssten sich erst anmelden.",
                "Not without asking: you would have to sign in first.",
            ),
            "consent_required" => Self(
                "Ohne Rückfrage geht es nicht: Sie müssten erst zustimmen.",
                "Not without asking: you would have to agree first.",
            ),
            "account_selection_required" => Self(
                "Ohne Rückfrage geht es nicht: Sie müssten erst sagen, für wen Sie handeln.",
                "Not without asking: you would have to say first for whom you act.",
            ),
            "interaction_required" => Self(
                "Ohne Rückfrage geht es nicht: Sie müssten erst etwas tun.",
                "Not without asking: you would have to do something first.",
            ),
            "unmet_authentication_requirements" => Self(
                "Das verlangte Vertrauensniveau hat Ihr Konto heute nicht. Der Dienst bekommt nichts statt weniger.",
                "Your account does not have the trust level asked for. The service gets nothing rather than less.",
            ),
            "temporarily_unavailable" | "server_error" => {
                Self("Das Konto kann gerade nicht antworten.", "The account cannot answer at the moment.")
            }
            _ => Self("Die Anfrage des Dienstes war falsch.", "The request of the service was wrong."),
        }
    }
}
