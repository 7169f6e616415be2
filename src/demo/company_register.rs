//! The simulated register of companies, cooperatives, partnerships and associations: a service of its own that speaks the
//! protocol of `docs/organisations.md`. Started by the demonstration and by tests, and by nothing else.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App as ActixApp, HttpResponse, HttpServer, web};
use serde::Deserialize;

use crate::organisation::company_register::{Representative, Status, Wire};
use crate::organisation::record::Address;

/// How long the slow entry takes: longer than anybody waits.
const SLOW: Duration = Duration::from_secs(8);

struct Known {
    kind: &'static str,
    court: &'static str,
    number: &'static str,
    name: &'static str,
    form: &'static str,
    address: [&'static str; 3],
    representative: [&'static str; 3],
    status: Status,
    is_slow: bool,
}

const fn known(
    [kind, court, number]: [&'static str; 3],
    [name, form]: [&'static str; 2],
    address: [&'static str; 3],
    representative: [&'static str; 3],
) -> Known {
    Known { kind, court, number, name, form, address, representative, status: Status::Active, is_slow: false }
}

const KNOWN: [Known; 13] = [
    known(
        ["HRB", "Mainz", "1234"],
        ["Bäckerei Weber GmbH", "gmbh"],
        ["Große Bleiche 7", "55116", "Mainz"],
        ["Nadine", "Weber", "1959-05-12"],
    ),
    known(
        ["HRB", "Mainz", "778"],
        ["Kanzlei Roth Steuerberatung GmbH", "gmbh"],
        ["Kaiserstraße 12", "55116", "Mainz"],
        ["Andrea", "Roth", "1971-02-28"],
    ),
    known(
        ["HRA", "Mainz", "4711"],
        ["Weingut Emrich KG", "kg"],
        ["Am Rheinufer 3", "55130", "Mainz"],
        ["Jonas", "Emrich", "1980-07-01"],
    ),
    known(
        ["HRA", "Koblenz", "2001"],
        ["Moselbau GmbH & Co. KG", "gmbh_co_kg"],
        ["Moselring 40", "56068", "Koblenz"],
        ["Petra", "Thelen", "1968-11-30"],
    ),
    known(
        ["HRB", "Koblenz", "3003"],
        ["Rheinlicht UG (haftungsbeschränkt)", "ug"],
        ["Löhrstraße 9", "56068", "Koblenz"],
        ["Yusuf", "Demir", "1995-04-17"],
    ),
    known(
        ["HRB", "Ludwigshafen", "60001"],
        ["Pfalzwerke Musterstadt AG", "ag"],
        ["Bahnhofstraße 1", "67059", "Ludwigshafen am Rhein"],
        ["Sabine", "Kuhn", "1964-09-09"],
    ),
    known(
        ["GnR", "Mainz", "55"],
        ["Winzergenossenschaft Rheinhessen eG", "eg"],
        ["Weinstraße 21", "55268", "Nieder-Olm"],
        ["Karl", "Huber", "1959-01-15"],
    ),
    known(
        ["VR", "Mainz", "90210"],
        ["Turnverein Musterhausen 1897 e. V.", "registered_association"],
        ["Sportplatz 2", "55116", "Musterhausen"],
        ["Renate", "Muster", "1959-05-12"],
    ),
    known(
        ["PR", "Zweibrücken", "12"],
        ["Brandt und Partner Architekten PartG mbB", "partnership"],
        ["Schlossplatz 5", "66482", "Zweibrücken"],
        ["Ole", "Brandt", "1977-12-24"],
    ),
    known(
        ["GsR", "Mainz", "8"],
        ["Hofgemeinschaft Lindenhof eGbR", "gbr"],
        ["Lindenhof 1", "55270", "Klein-Winternheim"],
        ["Mai", "Nguyễn-Müller", "1987-03-27"],
    ),
    Known {
        status: Status::Dissolved,
        ..known(
            ["HRB", "Mainz", "1000"],
            ["Alte Druckerei GmbH", "gmbh"],
            ["Zanggasse 4", "55116", "Mainz"],
            ["Emil", "Klein", "1950-06-06"],
        )
    },
    Known {
        status: Status::Insolvent,
        ..known(
            ["HRB", "Mainz", "2222"],
            ["Möbelhaus Schreiner GmbH", "gmbh"],
            ["Rheinallee 88", "55118", "Mainz"],
            ["Nadine", "Weber", "1959-05-12"],
        )
    },
    Known {
        is_slow: true,
        ..known(
            ["HRB", "Mainz", "9999"],
            ["Gemächlich Transporte GmbH", "gmbh"],
            ["Hafenstraße 1", "55118", "Mainz"],
            ["Nadine", "Weber", "1959-05-12"],
        )
    },
];

impl Known {
    /// The seat is the town of the address, without what distinguishes it from others of its name.
    fn wire(&self) -> Wire {
        let [street, postal_code, locality] = self.address.map(str::to_owned);
        let [given_names, family_name, birth_date] = self.representative.map(str::to_owned);
        Wire {
            kind: self.kind.to_owned(),
            court: format!("Amtsgericht {}", self.court),
            number: self.number.to_owned(),
            name: self.name.to_owned(),
            legal_form: self.form.to_owned(),
            seat: locality.clone(),
            address: Some(Address { street, postal_code, locality }),
            representatives: vec![Representative { given_names, family_name, birth_date: Some(birth_date) }],
            status: self.status,
        }
    }
}

#[derive(Deserialize)]
struct Asked {
    kind: String,
    court: String,
    number: String,
}

async fn entry(asked: web::Query<Asked>) -> HttpResponse {
    let found = KNOWN.iter().find(|known| {
        known.kind == asked.kind && known.court.eq_ignore_ascii_case(&asked.court) && known.number == asked.number
    });
    let Some(found) = found else { return HttpResponse::NotFound().finish() };
    if found.is_slow {
        tokio::time::sleep(SLOW).await;
    }
    HttpResponse::Ok().json(found.wire())
}

/// The section of the configuration that leads to this service.
pub fn settings(address: &str) -> String {
    format!("# The simulated register of companies.\n[organisation]\nregister_uri = \"{address}\"\n\n")
}

pub fn start(listener: TcpListener) -> Result<ServerHandle, String> {
    let server = HttpServer::new(|| ActixApp::new().route("/entries", web::get().to(entry)))
        .workers(1)
        .disable_signals()
        .listen(listener)
        .map_err(|error| error.to_string())?
        .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}
