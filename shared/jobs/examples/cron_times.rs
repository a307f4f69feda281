//! Reads lines `cron<TAB>zone<TAB>after (unix s)<TAB>count` and answers each with its next times in unix seconds, separated
//! by blanks. For the judge that compares them with other libraries' (`tests/judges/cron`).

use std::io::{BufRead, Write};

use jobs::{Cron, Zone};
use time::OffsetDateTime;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let [cron, zone, after, count] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("four fields are wanted: {line}").into());
        };
        let zone = Zone::parse(zone).ok_or_else(|| format!("no such zone: {zone}"))?;
        let after = OffsetDateTime::from_unix_timestamp(after.parse()?)?;
        let times = cron.parse::<Cron>()?.upcoming(after, &zone, count.parse()?);
        let times: Vec<String> = times.iter().map(|time| time.unix_timestamp().to_string()).collect();
        writeln!(out, "{}", times.join(" "))?;
    }
    Ok(())
}
