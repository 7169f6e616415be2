//! The token endpoint with a client that signs: how much of what the machine allows, how late the slowest answers are, on
//! two nodes, with many accounts and many clients.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::bare;
use super::http::{Connection, Outcome, Visitor, drive, drive_nodes, post};
use super::series::{Contender, compare, median};
use super::server::{Bare, Database, Instance, SIGNER_ID};
use super::service::{OFFLINE, boxed, introspecting, own_name, refreshing};
use super::storm::percentile;
use super::visitors::{Service, consent, flows, pages, sessions};
use super::{ACCOUNTS, Options, ROUNDS, SESSIONS, commits, length};

/// More than the program answers, so that none has to be signed while something is measured.
const PREPARED_PER_SECOND: f64 = 16_000.0;
const CLIENTS_FEW: usize = 10;
/// How often somebody looks whether a new client is known everywhere.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Sessions of people who have consented to everything that the signing service asks for.
fn consented(instance: &Instance, accounts: u64) -> Outcome<Arc<Vec<String>>> {
    let sessions = sessions(instance, accounts, SESSIONS)?;
    consent(instance, &sessions, SIGNER_ID, OFFLINE)?;
    Ok(Arc::new(sessions))
}

/// Drives visitors of the signing service, made anew each time, because tokens age; with assertions that are ready before
/// the time begins to count.
fn prepared<'a>(
    options: &Options,
    instance: &'a Instance,
    make: impl Fn() -> Outcome<Vec<Box<dyn Visitor>>> + 'a,
) -> Box<dyn FnMut() -> Outcome<f64> + 'a> {
    let (duration, count) = (options.duration(), (1.3 * PREPARED_PER_SECOND * options.seconds) as usize);
    Box::new(move || {
        let mut visitors = make()?;
        instance.signer.prepare(count)?;
        drive(instance.address, &mut visitors, duration)
    })
}

/// F: what each request reaches of the bound that its signatures, verifications, commits and bare requests set.
pub fn rates(options: &Options, instance: &Instance, runtime: &Runtime) -> Outcome<()> {
    let (server, _) = instance.start()?;
    let sessions = consented(instance, ACCOUNTS)?;
    let service = Service::signing(instance);
    let form = service.post(&instance.host, "/oauth2/token", "grant_type=client_credentials")?;
    let bare = Bare::start(length(instance, &form)?)?;
    let duration = options.duration();
    let mut strangers = pages(options.connections, vec![form]);
    let own = || Ok(boxed(own_name(instance, options.connections, &[])));
    let flow = || Ok(flows(instance, &sessions, (&service, options.connections), true));
    let refresh = || refreshing(instance, &sessions, options.connections).map(boxed);
    let ask = || introspecting(instance, &sessions, options.connections).map(boxed);
    let served = |name: &str, measure| Contender::served(name, &server, measure);
    let contenders = vec![
        Contender::served("bare requests", &bare.process, || drive(bare.address, &mut strangers, duration)),
        Contender::own("ES256 verifications alone, 2 threads", || bare::es256_verify(duration)),
        Contender::own("ES256 signatures alone, 2 threads", || bare::es256(duration)),
        Contender::own("durable commits alone", || commits(options, instance, runtime)),
        served("client_credentials", prepared(options, instance, own)),
        served("code flow: authorize, token, userinfo", prepared(options, instance, flow)),
        served("refresh", prepared(options, instance, refresh)),
        served("introspection", prepared(options, instance, ask)),
    ];
    let measured = compare("F. The token endpoint, private_key_jwt with ES256", options.pace(), contenders)?;
    let [bare, verification, signature, commit, own, flow, refresh, ask] = measured.as_slice() else { return Ok(()) };
    println!("\n| F | verifications, signatures, commits, requests | of their bound |\n| --- | --: | --: |");
    for (name, contender, counts) in [
        ("client_credentials", own, [1.0, 1.0, 0.0, 1.0]),
        ("code flow", flow, [2.0, 2.0, 2.0, 3.0]),
        ("refresh", refresh, [1.0, 2.0, 1.0, 1.0]),
        ("introspection", ask, [2.0, 0.0, 0.0, 1.0]),
    ] {
        let parts = [verification, signature, commit, bare].into_iter().zip(counts);
        println!("| {name} | {counts:?} | {:.1} % |", 100.0 * contender.share_of(&parts.collect::<Vec<_>>()));
    }
    Ok(())
}

/// L: how late the answers of the token endpoint are at half of what it can do.
pub fn latency(options: &Options, instance: &Instance) -> Outcome<()> {
    let (_server, _) = instance.start()?;
    let sessions = consented(instance, ACCOUNTS)?;
    let service = Service::signing(instance);
    let refresh = refreshing(instance, &sessions, options.connections)?;
    let kinds = [
        ("client_credentials", 1.0, boxed(own_name(instance, options.connections, &[]))),
        ("code flow", 2.0, flows(instance, &sessions, (&service, options.connections), false)),
        ("refresh", 1.0, boxed(refresh)),
    ];
    println!("\n### L. The token endpoint at half load, {ROUNDS} rounds\n");
    println!("| | at most per s | at half: p50 ms | p99 ms | most ms |\n| --- | --: | --: | --: | --: |");
    for (name, requests, mut visitors) in kinds {
        let (mut rates, mut times, mut worst) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            instance.signer.prepare((2.0 * PREPARED_PER_SECOND * options.seconds) as usize)?;
            let rate = drive(instance.address, &mut visitors, options.duration())?;
            let mut round =
                super::paced::pace(instance.address, &mut visitors, 0.5 * rate * requests, options.duration())?;
            rates.push(rate);
            worst.push(percentile(&mut round, 99));
            times.extend(round);
        }
        let (middle, most) = (percentile(&mut times, 50), percentile(&mut times, 100));
        println!("| {name} | {:.0} | {middle:.1} | {:.1} | {most:.1} |", median(&rates), median(&worst));
    }
    Ok(())
}

/// N: two nodes on one database, each held to a processor of its own, against one of them.
pub fn two_nodes(options: &Options, instance: &Instance) -> Outcome<()> {
    if options.database == Database::Sqlite {
        println!("\nN needs PostgreSQL: SQLite has one node.");
        return Ok(());
    }
    let other = instance.another_node()?;
    let (one, _other) = (instance.start_on(0)?, other.start_on(1)?);
    let sessions = consented(instance, ACCOUNTS)?;
    let service = Service::signing(instance);
    let count = (1.3 * PREPARED_PER_SECOND * options.seconds) as usize;
    let both = [instance.address, other.address];
    let load = |nodes: usize, mut visitors: Vec<Box<dyn Visitor>>| {
        move || {
            instance.signer.prepare(count)?;
            drive_nodes(&both[..nodes], &mut visitors, options.duration())
        }
    };
    let own = || boxed(own_name(instance, options.connections, &[]));
    let flow = || flows(instance, &sessions, (&service, options.connections), true);
    for (title, one_node, two_nodes) in
        [("N. client_credentials on two nodes", own(), own()), ("N. The code flow on two nodes", flow(), flow())]
    {
        let contenders = vec![
            Contender::served("one node on one processor", &one, load(1, one_node)),
            Contender::served("two nodes on two processors", &one, load(2, two_nodes)),
        ];
        compare(title, options.pace(), contenders)?;
    }
    Ok(())
}

/// An instance with so many clients, all with the same key.
fn with_clients(options: &Options, runtime: &Runtime, name: &str, clients: usize) -> Outcome<(Instance, Vec<String>)> {
    let instance = runtime.block_on(Instance::prepare(options.database, name, ACCOUNTS))?;
    let names: Vec<_> = (0..clients).map(|number| format!("dienst-{number}")).collect();
    instance.declare(&names)?;
    instance.run(&["client", "apply", "--config"])?;
    Ok((instance, names))
}

/// M: the same work with few and many accounts, with few and many clients; starting, and learning of a client.
pub fn many(options: &Options, runtime: &Runtime) -> Outcome<()> {
    let accounts = runtime.block_on(Instance::prepare(options.database, "accounts", options.accounts))?;
    let (few, few_names) = with_clients(options, runtime, "few", CLIENTS_FEW)?;
    let (many, mut many_names) = with_clients(options, runtime, "many", options.clients)?;
    starts(&[(&few, CLIENTS_FEW), (&many, options.clients)])?;
    let servers = [&few, &many, &accounts].map(Instance::start);
    let [few_server, many_server, accounts_server] = servers;
    let (few_server, many_server, accounts_server) = (few_server?.0, many_server?.0, accounts_server?.0);
    let flow = |instance, accounts| -> Outcome<_> {
        let (sessions, service) = (consented(instance, accounts)?, Service::signing(instance));
        Ok(prepared(options, instance, move || Ok(flows(instance, &sessions, (&service, options.connections), true))))
    };
    let contenders = vec![
        Contender::served(&format!("{ACCOUNTS} accounts, {CLIENTS_FEW} clients"), &few_server, flow(&few, ACCOUNTS)?),
        Contender::served(
            &format!("{} accounts", options.accounts),
            &accounts_server,
            flow(&accounts, options.accounts)?,
        ),
        Contender::served(&format!("{} clients", options.clients), &many_server, flow(&many, ACCOUNTS)?),
    ];
    compare("M. The code flow with many accounts and many clients", options.pace(), contenders)?;
    let own = |instance: &Instance, names: &[String]| {
        let mut visitors = boxed(own_name(instance, options.connections, names));
        let (address, duration) = (instance.address, options.duration());
        move || drive(address, &mut visitors, duration)
    };
    let contenders = vec![
        Contender::served(&format!("{CLIENTS_FEW} clients"), &few_server, own(&few, &few_names)),
        Contender::served(&format!("{} clients", options.clients), &many_server, own(&many, &many_names)),
    ];
    compare("M. client_credentials of all clients in turn", options.pace(), contenders)?;
    many_names.push("neu".to_owned());
    let (applied, known) = learn(&many, &many_names)?;
    println!("\nOne more client: applied in {applied:.2} s, known to the server {known:.2} s later.");
    Ok(())
}

/// How long starting takes.
fn starts(instances: &[(&Instance, usize)]) -> Outcome<()> {
    println!("\n| M | from exec to ready, ms | memory MiB |\n| --- | --: | --: |");
    for (instance, clients) in instances {
        let (mut times, mut memory) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (server, took) = instance.start()?;
            times.push(1000.0 * took.as_secs_f64());
            std::thread::sleep(Duration::from_secs(1));
            memory.push(server.resident_mebibytes()?);
        }
        println!("| {clients} clients | {:.0} | {:.1} |", median(&times), median(&memory));
    }
    Ok(())
}

/// Applies a file with one client more; how long that took, and how long until it gets a token.
fn learn(instance: &Instance, names: &[String]) -> Outcome<(f64, f64)> {
    let newest = names.last().ok_or("no client")?;
    instance.declare(names)?;
    let began_at = Instant::now();
    instance.run(&["client", "apply", "--config"])?;
    let applied = began_at.elapsed().as_secs_f64();
    let began_at = Instant::now();
    let mut connection = Connection::open(instance.address)?;
    loop {
        let form = format!("grant_type=client_credentials{}", instance.signer.proof(newest)?);
        if connection.ask(&post(&instance.host, "/oauth2/token", "", &form))?.status == 200 {
            return Ok((applied, began_at.elapsed().as_secs_f64()));
        }
        if began_at.elapsed() > Duration::from_secs(30) {
            return Err("the new client never became known".into());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
