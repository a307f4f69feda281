//! What instances did and saw, as they told, and whether they may have seen it.
//!
//! Pure, so that the judge itself is tested: see the tests below, and `instances.rs` for instances that lack a rule.

use std::collections::HashMap;

/// How a read was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Hit,
    Miss,
    /// Marked as old.
    Stale,
}

/// Times are nanoseconds of one clock.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    pub instance: usize,
    pub key: i64,
    pub value: u64,
    pub began: u64,
    pub how: How,
}

/// A commit that was confirmed. Values of a key only rise.
#[derive(Debug, Clone, Copy)]
pub struct Write {
    pub key: i64,
    pub value: u64,
    pub ended: u64,
}

/// What an instance asked of SQL.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub loads: u64,
    #[expect(dead_code, reason = "printed")]
    pub probes: u64,
    #[expect(dead_code, reason = "printed")]
    pub gap_rows: u64,
    pub generation: u64,
}

/// Everything that was told.
#[derive(Debug, Default)]
pub struct Record {
    pub writes: Vec<Write>,
    pub reads: Vec<Read>,
    pub asked: Vec<Asked>,
    /// Reads that were refused because too many loads were under way.
    pub shed: u64,
    /// Loads and commits that failed.
    pub failed: u64,
}

impl Record {
    /// Takes in a line of an instance; see `tests/instance`.
    pub fn line(&mut self, instance: usize, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |index: usize| -> u64 { words[index].parse().unwrap_or_else(|_| panic!("{line}")) };
        match words[0] {
            "write" => self.writes.push(Write { key: number(1) as i64, value: number(2), ended: number(4) }),
            "read" => {
                let how = match words[5] {
                    "hit" => How::Hit,
                    "miss" => How::Miss,
                    "stale" => How::Stale,
                    _ => panic!("{line}"),
                };
                let (key, value, began) = (number(1) as i64, number(2), number(3));
                self.reads.push(Read { instance, key, value, began, how });
            }
            "load" => {
                let (loads, probes, gap_rows, generation) = (number(1), number(2), number(3), number(4));
                self.asked.push(Asked { loads, probes, gap_rows, generation });
            }
            "shed" => self.shed += 1,
            "fail" => self.failed += 1,
            _ => panic!("{line}"),
        }
    }

    /// How many reads were answered like this.
    pub fn count(&self, how: How) -> usize {
        self.reads.iter().filter(|read| read.how == how).count()
    }

    /// Every promise that was broken, as a sentence. The bound in nanoseconds.
    pub fn violations(&self, max_staleness: u64) -> Vec<String> {
        let mut confirmed: HashMap<i64, Vec<(u64, u64)>> = HashMap::new();
        for write in &self.writes {
            confirmed.entry(write.key).or_default().push((write.ended, write.value));
        }
        for writes in confirmed.values_mut() {
            writes.sort_unstable();
            // Confirmed in another order than committed: what counts is the highest so far.
            let mut highest = 0;
            for (_, value) in writes {
                highest = highest.max(*value);
                *value = highest;
            }
        }
        let mut last: HashMap<(usize, i64), u64> = HashMap::new();
        let mut broken = Vec::new();
        for read in self.reads.iter().filter(|read| read.how != How::Stale) {
            let since = read.began.saturating_sub(max_staleness);
            let writes = confirmed.get(&read.key).map_or(&[][..], Vec::as_slice);
            let older = writes.partition_point(|(ended, _)| *ended <= since);
            let least = older.checked_sub(1).map_or(0, |index| writes[index].1);
            if read.value < least {
                broken.push(format!("BOUND: {least} was confirmed longer ago than the bound: {read:?}"));
            }
            let before = last.entry((read.instance, read.key)).or_default();
            if read.value < *before {
                broken.push(format!("BACK: {before} was seen before: {read:?}"));
            }
            *before = read.value.max(*before);
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: u64 = 100;

    fn judged(lines: &[(usize, &str)]) -> Vec<String> {
        let mut record = Record::default();
        lines.iter().for_each(|(instance, line)| record.line(*instance, line));
        record.violations(BOUND)
    }

    fn broken(lines: &[(usize, &str)]) -> String {
        judged(lines).iter().map(|text| text.split(':').next().unwrap()).collect()
    }

    #[test]
    fn an_old_value_is_noticed_when_the_bound_is_over_and_not_before() {
        let write = (0, "write 7 5 10 20");
        assert_eq!(broken(&[write, (1, "read 7 4 119 119 hit")]), "");
        assert_eq!(broken(&[write, (1, "read 7 4 120 120 hit")]), "BOUND");
        assert_eq!(broken(&[write, (1, "read 7 4 120 500 miss")]), "BOUND");
        assert_eq!(broken(&[write, (1, "read 7 5 120 120 hit")]), "");
        assert_eq!(broken(&[write, (1, "read 7 6 120 120 hit")]), "", "of a commit whose answer was lost");
        assert_eq!(broken(&[write, (1, "read 8 0 120 120 hit")]), "");
        assert_eq!(broken(&[write, (1, "read 7 4 900 900 stale")]), "", "marked");
    }

    #[test]
    fn commits_confirmed_in_another_order_count_by_value() {
        let writes = [(0, "write 7 6 10 20"), (1, "write 7 5 5 30")];
        assert_eq!(broken(&[writes[0], writes[1], (2, "read 7 5 140 140 hit")]), "BOUND");
        assert_eq!(broken(&[writes[0], writes[1], (2, "read 7 6 140 140 hit")]), "");
    }

    #[test]
    fn a_value_that_goes_back_is_noticed_in_one_instance_and_not_across_them() {
        assert_eq!(broken(&[(1, "read 7 5 1 1 miss"), (1, "read 7 4 2 2 hit")]), "BACK");
        assert_eq!(broken(&[(1, "read 7 5 1 1 miss"), (2, "read 7 4 2 2 hit")]), "");
        assert_eq!(broken(&[(1, "read 7 5 1 1 miss"), (1, "read 7 4 2 2 stale")]), "");
    }

    #[test]
    fn what_else_is_told_is_counted() {
        let mut record = Record::default();
        for line in ["load 1 2 3 4", "shed", "fail it was cut", "read 1 1 1 1 hit"] {
            record.line(0, line);
        }
        assert_eq!((record.shed, record.failed, record.asked[0].generation), (1, 1, 4));
        assert_eq!(record.count(How::Hit), 1);
    }
}
