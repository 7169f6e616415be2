//! Notices for demonstrations: to Renate and to Mai, who reads English, and to the bakery. A resident parking office decides, asks, and
//! informs; it takes questions in words, and wants a form filled in.

use bytes::Bytes;
use futures_util::stream;
use time::{Date, Duration};

use super::CLIENT_ID;
use super::organisation::find;
use super::people::{NADINE, PEOPLE};
use crate::app::AppParts;
use crate::client::Client;
use crate::client::registry::Registry;
use crate::kernel::error::Error;
use crate::kernel::holiday::Land;
use crate::kernel::level::Level;
use crate::kernel::texts::Language;
use crate::organisation;
use crate::organisation::acting::Party;
use crate::postbox::Kind;
use crate::postbox::attachment::enclose::Enclosed;
use crate::postbox::attachment::upload::{self, Sent, Uploaded};
use crate::postbox::attachment::{Seal, SealKind};
use crate::postbox::clock::{self, LegalBasis, Remedy};
use crate::postbox::content::{Content, Head};
use crate::postbox::provide::{self, Attempt, Notice};
use crate::postbox::reply::asked::{self, Asked, Field, Mode};
use crate::proofing::letter::page::draw_text;

struct Sample {
    kind: Kind,
    level: Level,
    basis: LegalBasis,
    /// The authority's own deadline, so many days from now.
    due_days: Option<i64>,
    subject: [&'static str; 2],
    reference: &'static str,
    what: [&'static str; 2],
    to_do: [&'static str; 2],
    by_when: [&'static str; 2],
    text: [&'static str; 2],
    /// The name of a file that comes with it.
    file: Option<[&'static str; 2]>,
    asks: Asks,
}

/// What can be answered.
enum Asks {
    Nothing,
    Text([&'static str; 2]),
    Form(&'static [Question]),
}

struct Question {
    name: &'static str,
    label: [&'static str; 2],
    kind: asked::Kind,
    required: bool,
    options: &'static [[&'static str; 2]],
}

const VEHICLE: [Question; 5] = [
    Question {
        name: "kennzeichen",
        label: ["Welches Kennzeichen hat Ihr Fahrzeug?", "What is the registration number of your vehicle?"],
        kind: asked::Kind::Text,
        required: true,
        options: &[],
    },
    Question {
        name: "selbst",
        label: ["Ist das Fahrzeug auf Sie zugelassen?", "Is the vehicle registered in your name?"],
        kind: asked::Kind::YesNo,
        required: true,
        options: &[],
    },
    Question {
        name: "antrieb",
        label: ["Womit fährt es?", "What does it run on?"],
        kind: asked::Kind::Choice,
        required: true,
        options: &[
            ["Benzin oder Diesel", "Petrol or diesel"],
            ["Strom", "Electricity"],
            ["Etwas anderem", "Something else"],
        ],
    },
    Question {
        name: "seit",
        label: ["Seit wann haben Sie es?", "Since when have you had it?"],
        kind: asked::Kind::Date,
        required: false,
        options: &[],
    },
    Question {
        name: "bemerkung",
        label: ["Was sollen wir noch wissen?", "What else should we know?"],
        kind: asked::Kind::LongText,
        required: false,
        options: &[],
    },
];

/// The one that is provided last lies on top.
const SAMPLES: [Sample; 4] = [
    Sample {
        kind: Kind::Information,
        level: Level::Basic,
        basis: LegalBasis::None,
        due_days: None,
        subject: ["Neue Parkzonen ab Januar", "New parking zones from January"],
        reference: "BP 2026/11",
        what: [
            "Zum 1. Januar ändern sich die Grenzen einiger Parkzonen.",
            "The borders of some parking zones change on 1 January.",
        ],
        to_do: ["Sie müssen nichts tun.", "You do not have to do anything."],
        by_when: ["Es läuft keine Frist.", "There is no deadline."],
        text: [
            "Die Altstadt wird in zwei Zonen geteilt. Ihr Ausweis gilt in der Zone Ihrer Wohnung weiter.\n\nDen Plan finden Sie im Rathaus.",
            "The old town is divided into two zones. Your permit stays valid in the zone where you live.\n\nThe map is in the town hall.",
        ],
        file: None,
        asks: Asks::Text(["Ihre Frage an uns", "Your question to us"]),
    },
    Sample {
        kind: Kind::Decision,
        level: Level::Substantial,
        basis: LegalBasis::Ozg9,
        due_days: None,
        subject: ["Bescheid über einen Behindertenparkplatz", "Decision on the reserved parking space"],
        reference: "BP 2026/4712",
        what: ["Wir richten einen Parkplatz vor Ihrem Haus ein.", "We set up a parking space in front of your house."],
        to_do: ["Sie müssen nichts tun.", "You do not have to do anything."],
        by_when: ["Widerspruch ist einen Monat lang möglich.", "You can object for one month."],
        text: [
            "Der Parkplatz wird in den nächsten vier Wochen markiert.",
            "The parking space will be marked within the next four weeks.",
        ],
        file: None,
        asks: Asks::Nothing,
    },
    Sample {
        kind: Kind::Decision,
        level: Level::Basic,
        basis: LegalBasis::Ozg9,
        due_days: Some(20),
        subject: ["Bescheid über Ihren Bewohnerparkausweis", "Decision on your resident parking permit"],
        reference: "BP 2026/4711",
        what: [
            "Sie bekommen einen Bewohnerparkausweis für die Zone 4.",
            "You get a resident parking permit for zone 4.",
        ],
        to_do: ["Überweisen Sie die Gebühr von 30,70 Euro.", "Pay the fee of 30.70 euros."],
        by_when: [
            "Zahlen Sie binnen 20 Tagen. Widerspruch ist einen Monat lang möglich.",
            "Pay within 20 days. You can object for one month.",
        ],
        text: [
            "Auf Ihren Antrag erteilen wir Ihnen einen Bewohnerparkausweis für die Zone 4.\n\nDer Ausweis gilt ein Jahr.\n\nRechtsbehelfsbelehrung\nGegen diesen Bescheid können Sie binnen eines Monats nach seiner Bekanntgabe Widerspruch bei der Stadt Musterhausen erheben.",
            "On your application we grant you a resident parking permit for zone 4.\n\nThe permit is valid for one year.\n\nLegal remedies\nYou can object to this decision at the city of Musterhausen within one month after it was delivered.",
        ],
        file: Some(["Bewohnerparkausweis.pdf", "Resident parking permit.pdf"]),
        asks: Asks::Nothing,
    },
    Sample {
        kind: Kind::Request,
        level: Level::Basic,
        basis: LegalBasis::None,
        due_days: Some(25),
        subject: ["Fragen zu Ihrem Fahrzeug", "Questions about your vehicle"],
        reference: "BP 2026/4713",
        what: ["Für Ihren Antrag fehlen uns Angaben.", "Some details are missing for your application."],
        to_do: ["Füllen Sie das Formular aus.", "Fill in the form."],
        by_when: ["Antworten Sie binnen 25 Tagen.", "Reply within 25 days."],
        text: [
            "Wir haben Fragen zu dem Fahrzeug, für das Sie einen zweiten Ausweis beantragt haben.\n\nAntworten Sie hier. Einen Brief brauchen wir nicht.",
            "We have questions about the vehicle for which you have applied for a second permit.\n\nReply here. We do not need a letter.",
        ],
        file: None,
        asks: Asks::Form(&VEHICLE),
    },
];

/// Fills the postboxes, once.
pub async fn introduce(app: &AppParts) -> Result<(), Error> {
    let registry = Registry::load(&app.db, app.now()).await?;
    let client = registry.get(CLIENT_ID).ok_or_else(|| Error::broken("the demonstration's client is not there"))?;
    let mut tx = app.read().await?;
    let mut recipients = Vec::new();
    for person in [&PEOPLE[0], &PEOPLE[3]] {
        if let Some(id) = find(&mut tx, app, person.email).await? {
            recipients.push((Party::Person(id), person.language));
        }
    }
    if let Some(id) = find(&mut tx, app, NADINE.email).await?
        && let Some(bakery) = organisation::of_account(&mut tx, &app.vault, &id).await?.into_iter().next()
    {
        recipients.push((Party::Organisation(bakery.id), NADINE.language));
    }
    drop(tx);
    for (recipient, language) in recipients {
        fill(app, &client, (&recipient, language)).await?;
    }
    Ok(())
}

async fn fill(app: &AppParts, client: &Client, (recipient, language): (&Party, Language)) -> Result<(), Error> {
    for (number, sample) in SAMPLES.iter().enumerate() {
        let mut notice = sample.notice(client, (recipient, language), clock::day(app.now()));
        let key = format!("demo {number} {}", recipient.as_str());
        let attempt = Attempt { idempotency_key: &key, body: key.as_bytes(), request: "demo" };
        if provide::has_come(app, client, &key).await? {
            continue;
        }
        let provided = async {
            notice.attachments = sample.send_file(app, client, (recipient, language)).await?;
            provide::provide(app, client, &notice, attempt).await
        };
        match provided.await {
            // Whoever has left gets nothing more.
            Ok(_) | Err(Error::Gone) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Sample {
    /// Sends the file that comes with it, if there is one, and says what the authority says of it.
    async fn send_file(
        &self,
        app: &AppParts,
        client: &Client,
        (recipient, language): (&Party, Language),
    ) -> Result<Vec<Enclosed>, Error> {
        let word = |both: [&'static str; 2]| both[usize::from(language == Language::En)];
        let Some(name) = self.file.map(word) else { return Ok(Vec::new()) };
        let authority = client.title(language);
        let paragraphs = [self.reference, word(self.what), word(self.by_when)].map(str::to_owned);
        let file = draw_text(language, (&authority, word(self.subject)), &paragraphs)?;
        let pieces = stream::iter([Ok::<_, Error>(Bytes::from(file))]);
        let sent = Sent { recipient, name, request: "demo" };
        match upload::upload(app, client, sent, pieces).await? {
            Uploaded::Kept(attachment, _) => {
                let seal = Some(Seal { kind: SealKind::Advanced, by: authority });
                Ok(vec![Enclosed { id: attachment.id, seal }])
            }
            Uploaded::NotKept | Uploaded::NotScanned | Uploaded::Infected(_) => Ok(Vec::new()),
        }
    }

    fn notice(&self, client: &Client, (recipient, language): (&Party, Language), today: Date) -> Notice {
        let word = |both: [&'static str; 2]| both[usize::from(language == Language::En)].to_owned();
        let due_on = self.due_days.map(|days| today.saturating_add(Duration::days(days)));
        Notice {
            recipient: recipient.clone(),
            kind: self.kind,
            level: self.level,
            legal_basis: self.basis,
            land: Land::Rp,
            remedy: (self.kind == Kind::Decision).then_some(Remedy::Objection),
            due_on,
            head: Head {
                sender: [client.title(Language::De), client.title(Language::En)],
                subject: word(self.subject),
                reference: Some(self.reference.to_owned()),
            },
            content: Content {
                what: word(self.what),
                to_do: word(self.to_do),
                by_when: word(self.by_when),
                text: word(self.text),
                reply: self.reply(word, due_on),
            },
            attachments: Vec::new(),
        }
    }

    fn reply(&self, word: impl Fn([&'static str; 2]) -> String, until: Option<Date>) -> Option<Asked> {
        let until = until.map(|day| day.to_string());
        let field = |question: &Question| Field {
            name: question.name.to_owned(),
            label: word(question.label),
            kind: question.kind,
            required: question.required,
            options: question.options.iter().map(|option| word(*option)).collect(),
        };
        match &self.asks {
            Asks::Nothing => None,
            Asks::Text(label) => Some(Asked { mode: Mode::Free, label: word(*label), until, fields: Vec::new() }),
            Asks::Form(questions) => {
                let label = word(["Angaben zu Ihrem Fahrzeug", "About your vehicle"]);
                Some(Asked { mode: Mode::Form, label, until, fields: questions.iter().map(field).collect() })
            }
        }
    }
}
