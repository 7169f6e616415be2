//! Rounds, medians and ratios.
//!
//! What is compared is measured in turns, round after round, and the ratio is taken within each round: a
//! machine that is slower for a while is slower for both sides.

use super::http::{Outcome, WARM_UP};
use super::server::{Process, cpu_microseconds};

/// One figure under measurement, once per round.
pub struct Contender<'a> {
    name: String,
    process: Option<&'a Process>,
    measure: Box<dyn FnMut() -> Outcome<f64> + 'a>,
    rates: Vec<f64>,
    cpu_microseconds: Vec<f64>,
}

impl<'a> Contender<'a> {
    /// Something done by this process.
    pub fn own(name: &str, measure: impl FnMut() -> Outcome<f64> + 'a) -> Self {
        let (rates, cpu_microseconds) = (Vec::new(), Vec::new());
        Self { name: name.to_owned(), process: None, measure: Box::new(measure), rates, cpu_microseconds }
    }

    /// Something done by a server, whose processor time counts instead of ours.
    pub fn served(name: &str, process: &'a Process, measure: impl FnMut() -> Outcome<f64> + 'a) -> Self {
        Self { process: Some(process), ..Self::own(name, measure) }
    }

    fn run(&mut self, seconds: f64) -> Outcome<()> {
        let used = || self.process.map_or_else(|| cpu_microseconds("self"), Process::cpu_microseconds);
        let before = used()?;
        let rate = (self.measure)()?;
        let spent = used()? - before;
        self.rates.push(rate);
        // The warm-up of a server costs too.
        let seconds = if self.process.is_some() { seconds * (1.0 + WARM_UP) } else { seconds };
        self.cpu_microseconds.push(spent / (rate * seconds));
        Ok(())
    }

    pub fn rate(&self) -> f64 {
        median(&self.rates)
    }

    pub fn ratio_to(&self, base: &Self) -> f64 {
        let ratios: Vec<f64> = self.rates.iter().zip(&base.rates).map(|(one, other)| one / other).collect();
        median(&ratios)
    }

    /// How much of what it would reach if it consisted of these parts, each so many times, one after the other.
    pub fn share_of(&self, parts: &[(&Self, f64)]) -> f64 {
        let floor = |round: usize| parts.iter().map(|(part, times)| times / part.rates[round]).sum::<f64>();
        let shares: Vec<f64> = self.rates.iter().enumerate().map(|(round, rate)| rate * floor(round)).collect();
        median(&shares)
    }

    fn print(&self, base: &Self) {
        let low = self.rates.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.rates.iter().copied().fold(0.0, f64::max);
        let ratio = match self.ratio_to(base) {
            _ if std::ptr::eq(self, base) => String::new(),
            ratio if ratio < 10.0 => format!("{:.1} %", 100.0 * ratio),
            ratio => format!("{ratio:.0} x"),
        };
        let cpu = median(&self.cpu_microseconds);
        let by_cpu = if ratio.is_empty() { 1.0 } else { median(&base.cpu_microseconds) / cpu };
        let by_cpu = if by_cpu < 10.0 { format!("{:.1} %", 100.0 * by_cpu) } else { format!("{by_cpu:.0} x") };
        let range = format!("{} to {}", short(low), short(high));
        row([&self.name, &short(self.rate()), &range, &short(cpu), &ratio, &by_cpu]);
    }
}

fn row([name, rate, range, cpu, ratio, by_cpu]: [&str; 6]) {
    println!("| {name:<41} | {rate:>7} | {range:>17} | {cpu:>6} | {ratio:>8} | {by_cpu:>7} |");
}

/// Measures all in turns, prints a table in which everything is compared with the first, and returns them.
pub fn compare<'a>(
    title: &str,
    (rounds, seconds): (u32, f64),
    mut contenders: Vec<Contender<'a>>,
) -> Outcome<Vec<Contender<'a>>> {
    for _ in 0..rounds {
        for contender in &mut contenders {
            contender.run(seconds)?;
        }
    }
    println!("\n### {title}\n");
    row(["", "per s", "range", "CPU µs", "of first", "by CPU"]);
    row(["---", "--:", "--:", "--:", "--:", "--:"]);
    for contender in &contenders {
        contender.print(&contenders[0]);
    }
    Ok(contenders)
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn short(value: f64) -> String {
    if value < 1000.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}
