//! Every route of an organisation as every kind of member, in every state: from the route table, so that a new one shows up here.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::routes::{self, Guard};

use crate::both;
use crate::support::machine::declaration;
use crate::support::organisation::{Firm, NADINE};
use crate::support::surface::MANDATE;
use crate::support::{Browser, World};

const STATES: [&str; 5] = ["active", "blocked", "insolvent", "closing", "closed"];

/// Who asks. All are signed in at substantial but the last.
async fn cast(world: &World, firm: &Firm, founder: Browser) -> Vec<(&'static str, Browser)> {
    let mut cast = vec![("founder", founder)];
    for (name, rights) in [
        ("administrator", Some(&["administration:"][..])),
        ("reader", Some(&["read_mail:"][..])),
        ("auditor", Some(&["audit:"][..])),
        ("ended", Some(&["administration:"][..])),
        ("stranger", None),
    ] {
        let email = format!("{name}@example.org");
        let (browser, _) = world.somebody(&email, ["Person", "Muster"], Level::Substantial).await;
        match rights {
            Some(rights) => {
                let member = world.joins(firm, &email, rights).await;
                if name == "ended" {
                    world.change(&format!("UPDATE membership SET ended_at = 1 WHERE id = '{member}'")).await;
                }
            }
            // Who is in charge elsewhere.
            None => drop(world.firm(&email, "Anderswo").await),
        }
        cast.push((name, browser));
    }
    let mut nobody = world.browser();
    nobody.get("/anmelden").await;
    cast.push(("nobody", nobody));
    cast
}

/// What came of it, in short.
async fn outcome(browser: &Browser, method: &str, path: &str) -> String {
    let mut browser = browser.clone();
    let answer = match method {
        "GET" => browser.get(path).await,
        "POST" => browser.post(path, &[]).await,
        other => panic!("the matrix does not know {other}"),
    };
    answer.status.to_string()
}

both!(sec_t01_every_route_as_every_member_in_every_state, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    world.browser().register(&world, "kurt@example.org", ["Kurt", "Koch"]).await;
    let kurt = world.joins(&firm, "kurt@example.org", &["documents:"]).await;
    let area = firm.adds_area(&mut nadine, "Bau").await;
    world.clients(&declaration("")).await;
    let program = firm.gives_key(&mut nadine).await;
    // A mandate that the organisation has offered; the forms of the matrix send nothing, so that it stays.
    world
        .change(&format!(
            "INSERT INTO mandate (id, principal, opener, state, origin, scope, valid_from, valid_until, may_pass_on,
                                  opened_by, opened_at, expires_at, over_at)
             VALUES ('{MANDATE}', '{0}', '{0}', 'offered', 'own', '{{\"actions\":[\"read\"],\"services\":\"all\"}}', 1,
                     4000000000000, FALSE, '{1}', 1, 4000000000000, 4000000000000)",
            firm.id, firm.membership
        ))
        .await;
    let cast = cast(&world, &firm, nadine).await;
    let mut lines = Vec::new();
    let of_organisations = routes::table(false).into_iter().filter(|row| row.path.starts_with("/organisation/{id}"));
    for row in of_organisations {
        // Nobody but a member may be let in by the table.
        assert_eq!(row.guard, Guard::Member, "{}", row.path);
        let path = firm.fill(row.path, &kurt, &area).replace("{key}", program.id());
        for state in STATES {
            world.change(&format!("UPDATE organisation SET state = '{state}' WHERE id = '{}'", firm.id)).await;
            let mut outcomes = Vec::new();
            for (name, browser) in &cast {
                outcomes.push(format!("{name} {}", outcome(browser, row.method, &path).await));
            }
            lines.push(format!("{:4} {:46} {state:9} {}", row.method, row.path, outcomes.join(", ")));
        }
        world.change(&format!("UPDATE organisation SET state = 'active' WHERE id = '{}'", firm.id)).await;
    }
    // A form with nothing in it does nothing.
    assert_eq!(world.rows("organisation_key WHERE ended_at IS NULL").await, 1);
    assert_eq!(world.texts("SELECT id FROM membership WHERE ended_at > 1").await, [""; 0]);
    assert_eq!(world.account(NADINE).await, firm.founder);
    insta::assert_snapshot!("organisation_matrix", lines.join("\n"));
});
