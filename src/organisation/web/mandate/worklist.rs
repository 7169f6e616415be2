//! Everybody for whom somebody may act under a mandate, by the end of its time: one list for whoever works for many.

use actix_web::web;
use askama::Template;

use super::{Answer, action_label};
use crate::account::identity::folded;
use crate::kernel::ROWS_PER_PAGE;
use crate::kernel::error::Error;
use crate::kernel::id::MandateId;
use crate::kernel::texts::moment;
use crate::kernel::time::{Timestamp, days};
use crate::organisation::acting::Party;
use crate::organisation::invitation::last_day;
use crate::organisation::mandate::party;
use crate::organisation::mandate::power::{self, Agent, FAR_DAYS, MandatePower};
use crate::store::db::Tx;
use crate::web::caller::SignedIn;
use crate::web::page::Frame;

/// "Soon", in days.
const SOON_DAYS: u64 = 60;
/// Among so many a name is looked for.
const SEARCHED_MAX: usize = 10_000;
/// Mandates read at a time while a name is looked for.
const SEARCHED_AT_ONCE: i64 = 500;

#[derive(serde::Deserialize)]
pub struct Query {
    #[serde(default)]
    suche: String,
    #[serde(default)]
    bald: String,
    /// The last one of the page before: when it ends, and its id.
    #[serde(default)]
    nach: String,
}

struct Row {
    id: String,
    name: String,
    through: String,
    actions: String,
    until: String,
    is_soon: bool,
}

#[derive(Template)]
#[template(path = "mandate/worklist.html")]
struct WorklistPage {
    f: Frame,
    rows: Vec<Row>,
    search: String,
    is_soon: bool,
    is_filtered: bool,
    next: Option<String>,
}

/// Where a page begins, as an address says it.
fn after(text: &str) -> Option<(Timestamp, MandateId)> {
    let (until, id) = text.split_once('-')?;
    Some((Timestamp::from_milliseconds(until.parse().ok()?), MandateId::parse(id)?))
}

struct Wanted {
    search: String,
    ends_by: Timestamp,
    now: Timestamp,
}

/// One page, and whether there is more.
async fn read(
    tx: &mut Tx,
    caller: &SignedIn,
    agents: &[Agent],
    (wanted, mut at): (&Wanted, (Timestamp, String)),
) -> Result<(Vec<(MandatePower, String)>, bool), Error> {
    let vault = &caller.visitor.app.vault;
    let at_once = if wanted.search.is_empty() { ROWS_PER_PAGE + 1 } else { SEARCHED_AT_ONCE };
    let (mut found, mut searched) = (Vec::new(), 0);
    loop {
        let (account, times) = (&caller.session.account_id, (wanted.now, wanted.ends_by));
        let page = power::page(tx, account, agents, times, ((at.0, &at.1), at_once)).await?;
        let is_last = (page.len() as i64) < at_once;
        searched += page.len();
        for one in page {
            at = (one.until, one.mandate.to_string());
            let name = party::name(tx, vault, &one.principal).await?.unwrap_or_default();
            if wanted.search.is_empty() || folded(&name).contains(&wanted.search) {
                found.push((one, name));
            }
            if found.len() as i64 > ROWS_PER_PAGE {
                found.pop();
                return Ok((found, true));
            }
        }
        if is_last || searched >= SEARCHED_MAX {
            return Ok((found, false));
        }
    }
}

pub async fn show(caller: SignedIn, query: web::Query<Query>) -> Answer {
    let visitor = &caller.visitor;
    let (app, f, now) = (&visitor.app, visitor.frame(), visitor.app.now());
    let typed: String = query.suche.trim().chars().filter(|letter| !letter.is_control()).take(100).collect();
    let is_soon = query.bald == "1";
    let ends_by = now.plus(days(if is_soon { SOON_DAYS } else { FAR_DAYS }));
    let tx = &mut app.read().await?;
    let agents = power::agents(tx, &caller.session.account_id, now).await?;
    let wanted = Wanted { search: folded(&typed), ends_by, now };
    let start = after(&query.nach).map_or((now, String::new()), |(until, id)| (until, id.to_string()));
    let (found, has_more) = read(tx, &caller, &agents, (&wanted, start)).await?;
    let next = found.last().filter(|_| has_more).map(|(last, _)| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("suche", &typed).append_pair("bald", if is_soon { "1" } else { "" });
        query.append_pair("nach", &format!("{}-{}", last.until.milliseconds(), last.mandate)).finish()
    });
    let mut through = Vec::new();
    for agent in &agents {
        let name = match &agent.party {
            Party::Person(_) => f.t.mandate.through_self.to_string(),
            Party::Organisation(_) => party::name(tx, &app.vault, &agent.party).await?.unwrap_or_default(),
        };
        through.push((agent.party.clone(), name));
    }
    let row = |(power, name): (MandatePower, String)| {
        let actions = power.scope.actions.iter().map(|action| action_label(&f.t.mandate, *action).as_str());
        let of = through.iter().find(|(party, _)| *party == power.agent);
        Row {
            actions: actions.collect::<Vec<_>>().join(", "),
            through: of.map_or_else(String::new, |(_, name)| name.clone()),
            until: moment::date(visitor.language, last_day(power.until)),
            is_soon: power.until <= now.plus(days(SOON_DAYS)),
            id: power.mandate.to_string(),
            name,
        }
    };
    let rows: Vec<Row> = found.into_iter().map(row).collect();
    let is_filtered = is_soon || !typed.is_empty();
    visitor.page(&WorklistPage { rows, search: typed, is_soon, is_filtered, next, f })
}
