//! What a visitor may ask the account for: each is one authorization request and one button.

use super::words::Words;

pub struct Attempt {
    pub id: &'static str,
    /// What the request says, in the words of the protocol.
    pub parameter: &'static str,
    pub label: Words,
    pub about: Words,
    pub scope: &'static str,
    /// Further parameters of the request.
    pub extra: &'static [(&'static str, &'static str)],
    /// Whether the access token is to be meant for the register instead of the account.
    pub for_register: bool,
}

const EVERYTHING: &str = "openid profile email organisation offline_access";

/// What most services need.
const SIGN_IN: Attempt = Attempt {
    id: "anmelden",
    parameter: "",
    label: Words("Mit dem Nutzerkonto anmelden", "Sign in with the account"),
    about: Words("", ""),
    scope: EVERYTHING,
    extra: &[],
    for_register: false,
};

/// RFC 8707: a token for one API alone.
const REGISTER: Attempt = Attempt {
    id: "register",
    label: Words("Ausweise abrufen", "Fetch permits"),
    scope: "openid profile",
    for_register: true,
    ..SIGN_IN
};

/// Signing in, calling the register, and everything else to try in the order of the page.
static ATTEMPTS: [Attempt; 16] = [
    SIGN_IN,
    REGISTER,
    Attempt {
        id: "prompt-login",
        parameter: "prompt=login",
        label: Words("Neu anmelden", "sign in anew"),
        about: Words(
            "Das Konto fragt das Passwort noch einmal ab, auch wenn Sie dort angemeldet sind. Danach ist auth_time neu.",
            "The account asks for the password again although you are signed in there. Afterwards auth_time is new.",
        ),
        extra: &[("prompt", "login")],
        ..SIGN_IN
    },
    Attempt {
        id: "prompt-none",
        parameter: "prompt=none",
        label: Words("Nichts fragen", "ask nothing"),
        about: Words(
            "Das Konto zeigt nichts. Sind Sie dort angemeldet, kommen Sie gleich zurück; sonst kommt ein Fehler.",
            "The account shows nothing. If you are signed in there you return at once; otherwise an error comes back.",
        ),
        extra: &[("prompt", "none")],
        ..SIGN_IN
    },
    Attempt {
        id: "organisation",
        parameter: "prompt=select_account",
        label: Words("Für eine Organisation", "for an organisation"),
        about: Words(
            "Wer für eine Organisation handeln darf, wird gefragt, für wen. Danach ist sub die Organisation, und act sagt, dass jemand für sie handelt.",
            "Whoever may act for an organisation is asked for whom. Afterwards sub is the organisation, and act says that somebody acts for it.",
        ),
        extra: &[("prompt", "select_account")],
        ..SIGN_IN
    },
    Attempt {
        id: "prompt-consent",
        parameter: "prompt=consent",
        label: Words("Neu zustimmen", "ask for consent again"),
        about: Words(
            "Das Konto zeigt noch einmal, welche Daten der Dienst bekommt.",
            "The account shows once more which data the service gets.",
        ),
        extra: &[("prompt", "consent")],
        ..SIGN_IN
    },
    Attempt {
        id: "prompt-create",
        parameter: "prompt=create",
        label: Words("Registrieren", "register"),
        about: Words("Das Konto beginnt mit der Registrierung.", "The account begins with the registration."),
        extra: &[("prompt", "create")],
        ..SIGN_IN
    },
    Attempt {
        id: "max-age-0",
        parameter: "max_age=0",
        label: Words("Eben angemeldet", "signed in just now"),
        about: Words(
            "Die Anmeldung darf nicht älter sein als diese Anfrage: wirkt wie prompt=login.",
            "The sign-in must not be older than this request: the same as prompt=login.",
        ),
        extra: &[("max_age", "0")],
        ..SIGN_IN
    },
    Attempt {
        id: "max-age-60",
        parameter: "max_age=60",
        label: Words("Vor höchstens einer Minute", "signed in within a minute"),
        about: Words(
            "Nur wer sich vor mehr als einer Minute angemeldet hat, muss es noch einmal tun.",
            "Only who signed in more than a minute ago has to do it again.",
        ),
        extra: &[("max_age", "60")],
        ..SIGN_IN
    },
    Attempt {
        id: "claims",
        parameter: "claims",
        label: Words("Nur ein Merkmal", "one claim alone"),
        about: Words(
            "Nur den Vornamen, und zwar im ID-Token: ohne den Umfang profile und ohne Userinfo.",
            "The given name alone, in the ID token: without the scope profile and without userinfo.",
        ),
        scope: "openid",
        extra: &[("claims", r#"{"id_token":{"given_name":null}}"#)],
        ..SIGN_IN
    },
    Attempt {
        id: "acr-low",
        parameter: "acr: low",
        label: Words("Niveau niedrig", "level low"),
        about: Words(
            "Verlangt das Niveau niedrig: Ihre Angaben müssen geprüft sein, ein Passwort genügt.",
            "Demands the level low: your details must have been checked, a password will do.",
        ),
        extra: &[("claims", r#"{"id_token":{"acr":{"essential":true,"value":"http://eidas.europa.eu/LoA/low"}}}"#)],
        ..SIGN_IN
    },
    Attempt {
        id: "acr-substantial",
        parameter: "acr: substantial",
        label: Words("Niveau substanziell", "level substantial"),
        about: Words(
            "Verlangt das Niveau substanziell. Reicht Ihr Konto nicht, kommt unmet_authentication_requirements zurück.",
            "Demands the level substantial. If your account falls short, unmet_authentication_requirements comes back.",
        ),
        extra: &[(
            "claims",
            r#"{"id_token":{"acr":{"essential":true,"values":["http://eidas.europa.eu/LoA/substantial","http://eidas.europa.eu/LoA/high"]}}}"#,
        )],
        ..SIGN_IN
    },
    Attempt {
        id: "acr-high",
        parameter: "acr: high",
        label: Words("Niveau hoch", "level high"),
        about: Words(
            "Verlangt das Niveau hoch: den Online-Ausweis. Hier legen Sie eine Testkarte auf.",
            "Demands the level high: the German online ID. Here you put on a test card.",
        ),
        extra: &[("claims", r#"{"id_token":{"acr":{"essential":true,"value":"http://eidas.europa.eu/LoA/high"}}}"#)],
        ..SIGN_IN
    },
    Attempt {
        id: "acr-values",
        parameter: "acr_values",
        label: Words("Niveau als Wunsch", "a level as a wish"),
        about: Words(
            "Hätte gern das Niveau substanziell und nimmt auch weniger.",
            "Would like the level substantial and takes less, too.",
        ),
        extra: &[("acr_values", "http://eidas.europa.eu/LoA/substantial")],
        ..SIGN_IN
    },
    Attempt {
        id: "ui-locales",
        parameter: "ui_locales=en",
        label: Words("Auf Englisch", "in English"),
        about: Words(
            "Die Seiten des Kontos sind auf diesem Weg englisch, wenn es etwas zu zeigen gibt. Damit es das gibt: mit prompt=consent.",
            "On this way the pages of the account are in English, if there is anything to show. So that there is: with prompt=consent.",
        ),
        extra: &[("ui_locales", "en"), ("prompt", "consent")],
        ..SIGN_IN
    },
    Attempt {
        id: "form-post",
        parameter: "response_mode=form_post",
        label: Words("Antwort als Formular", "answer as a form"),
        about: Words(
            "Die Antwort kommt als Formular statt in der Adresse: nichts davon steht im Verlauf oder in Protokollen.",
            "The answer comes as a form instead of in the address: nothing of it stands in a history or a log.",
        ),
        extra: &[("response_mode", "form_post")],
        ..SIGN_IN
    },
];

/// What stands behind its own heading on the page.
pub fn others() -> &'static [Attempt] {
    &ATTEMPTS[2..]
}

/// The attempt of a button.
pub fn find(id: &str) -> Option<&'static Attempt> {
    ATTEMPTS.iter().find(|attempt| attempt.id == id)
}
