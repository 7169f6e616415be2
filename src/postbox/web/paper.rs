//! How decisions come: electronically, or on paper.

use askama::Template;

use super::{Answer, At};
use crate::kernel::error::Error;
use crate::kernel::id::{AccountId, ClientId, ExclusionId};
use crate::kernel::texts::{PaperTexts, Text, moment};
use crate::kernel::time::Timestamp;
use crate::organisation::acting::Party;
use crate::organisation::roster;
use crate::postbox::paper::{self, Exclusion, Source, Wish};
use crate::store::db::Tx;
use crate::web::form::Form;
use crate::web::page::{Frame, Problems};

/// So many lines of the past are shown; the protocol has the rest.
const PAST_SHOWN: usize = 20;

struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

/// What comes on paper now.
struct Row {
    id: String,
    service: String,
    /// What is meant: everything, or one file number.
    what: String,
    since: String,
    decides: bool,
}

struct Past {
    service: String,
    what: String,
    since: String,
    until: String,
}

#[derive(Template)]
#[template(path = "postbox/paper.html")]
struct PaperPage {
    f: Frame,
    party: Option<String>,
    /// Services of which this reader decides.
    choices: Vec<Choice>,
    /// Whether there is any service that may provide decisions.
    has_sources: bool,
    rows: Vec<Row>,
    past: Vec<Past>,
    reference: String,
    done: Option<Text>,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "postbox/paper_check.html")]
struct CheckPage {
    f: Frame,
    client: String,
    service: String,
    reference: String,
}

impl At {
    fn paper(&self) -> &'static PaperTexts {
        &self.words().language().texts().paper
    }

    /// Nobody decides this under a mandate, and nobody looks at it.
    fn require_no_agent(&self) -> Result<(), Error> {
        if self.reader.is_agent() { Err(Error::NotAllowed("paper")) } else { Ok(()) }
    }

    /// Who has said so, as the reader knows them.
    async fn who(&self, tx: &mut Tx, by: &str) -> Result<String, Error> {
        let t = self.words().texts();
        let Some(account) = AccountId::parse(by).filter(|account| *account != self.reader.account) else {
            return Ok(t.who_you.to_string());
        };
        let vault = &self.caller.visitor.app.vault;
        let name = match &self.reader.owner {
            Party::Organisation(id) => roster::name_of_account(tx, vault, id, &account).await?,
            Party::Person(_) => None,
        };
        Ok(name.unwrap_or_else(|| self.paper().who_gone.to_string()))
    }

    /// `23. November 2026, 10:02 Uhr, Sie`
    async fn when(&self, tx: &mut Tx, at: Timestamp, by: &str) -> Result<String, Error> {
        let time = moment::date_and_clock(self.words().language(), at);
        Ok(self.paper().when.with("time", time).with("who", self.who(tx, by).await?).to_string())
    }

    fn excluded(&self, reference: Option<&str>) -> String {
        let t = self.paper();
        reference.map_or_else(|| t.all.to_string(), |number| t.case.with("reference", number).to_string())
    }
}

/// What comes on paper now, and what did.
async fn rows(at: &At, tx: &mut Tx) -> Result<(Vec<Row>, Vec<Past>), Error> {
    let (mut rows, mut past) = (Vec::new(), Vec::new());
    let visitor = &at.caller.visitor;
    for (one, decides) in paper::shown(tx, &visitor.app.vault, &visitor.registry, &at.reader).await? {
        let Exclusion { id, client, reference, since, since_by, until, until_by } = one;
        let (service, what) = (at.words().service(&client), at.excluded(reference.as_deref()));
        if let Some(until) = until {
            if past.len() < PAST_SHOWN {
                let since = at.when(tx, since, &since_by).await?;
                let until = at.when(tx, until, until_by.as_deref().unwrap_or_default()).await?;
                past.push(Past { service, what, since, until });
            }
            continue;
        }
        rows.push(Row { id: id.to_string(), service, what, since: at.when(tx, since, &since_by).await?, decides });
    }
    Ok((rows, past))
}

async fn page(at: &At, form: &Form, problems: Problems) -> Result<PaperPage, Error> {
    let visitor = &at.caller.visitor;
    let tx = &mut visitor.app.read().await?;
    let sources = paper::sources(tx, &visitor.registry, &at.reader).await?;
    let (rows, past) = rows(at, tx).await?;
    let choice = |source: &Source| Choice {
        value: source.client.id.to_string(),
        label: source.client.title(visitor.language),
        is_chosen: form.is("behoerde", &source.client.id.0),
    };
    let choices = sources.iter().filter(|source| source.decides).map(choice).collect();
    let t = at.paper();
    let done = match visitor.query().strip_prefix("erledigt=") {
        Some("papier") => Some(t.done_paper.clone()),
        Some("elektronisch") => Some(t.done_electronic.clone()),
        _ => None,
    };
    Ok(PaperPage {
        f: visitor.frame(),
        party: at.party.clone(),
        choices,
        has_sources: !sources.is_empty(),
        rows,
        past,
        reference: form.get("aktenzeichen").to_owned(),
        done,
        problems,
    })
}

pub async fn show(at: At) -> Answer {
    at.require_no_agent()?;
    at.caller.visitor.page(&page(&at, &Form::empty(), Problems::none()).await?)
}

/// One form first shows what follows, and is then sent again; the other takes back.
pub async fn submit(at: At, form: Form) -> Answer {
    at.require_no_agent()?;
    let answer = match form.get("aktion") {
        "pruefen" => check(&at, &form).await,
        "papier" => exclude(&at, &form).await,
        "elektronisch" => include(&at, &form).await,
        _ => Err(Error::field("behoerde", "choice_unknown")),
    };
    match answer {
        Err(Error::Invalid(problems)) => {
            let problems = at.caller.visitor.problems(&problems);
            at.caller.visitor.page_again(&page(&at, &form, problems).await?)
        }
        answer => answer,
    }
}

fn wish(form: &Form) -> Wish {
    let reference = form.get("aktenzeichen").trim().to_owned();
    Wish { client: ClientId(form.get("behoerde").to_owned()), reference }
}

async fn check(at: &At, form: &Form) -> Answer {
    let (visitor, wish) = (&at.caller.visitor, wish(form));
    let client = paper::check(&mut visitor.app.read().await?, &visitor.registry, &at.reader, &wish).await?;
    visitor.page(&CheckPage {
        f: visitor.frame(),
        client: client.id.to_string(),
        service: client.title(visitor.language),
        reference: wish.reference,
    })
}

async fn exclude(at: &At, form: &Form) -> Answer {
    let visitor = &at.caller.visitor;
    paper::exclude(&visitor.app, &visitor.registry, (&at.reader, at.request()), &wish(form)).await?;
    visitor.leave("/postfach/papier?erledigt=papier")
}

async fn include(at: &At, form: &Form) -> Answer {
    let visitor = &at.caller.visitor;
    let id = ExclusionId::parse(form.get("eintrag")).ok_or(Error::NotFound)?;
    match paper::include(&visitor.app, &visitor.registry, (&at.reader, at.request()), &id).await {
        // Somebody else has just done it, or they have pressed twice: it is as they want it.
        Ok(()) | Err(Error::NotFound) => visitor.leave("/postfach/papier?erledigt=elektronisch"),
        Err(error) => Err(error),
    }
}
