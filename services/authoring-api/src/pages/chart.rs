//! A bar chart as SVG: what succeeded, failed and was deleted in each hour or day.

use jobs::monitor::{Column, Period};
use maud::{Markup, html};

const WIDTH: i64 = 720;
const HEIGHT: i64 = 150;
/// Below the bars, for the labels.
const BELOW: i64 = 18;

pub(super) fn chart(columns: &[Column], period: Period) -> Markup {
    let highest = columns.iter().map(total).max().unwrap_or(0).max(1);
    let step = WIDTH / i64::try_from(columns.len().max(1)).unwrap_or(1);
    let scale = |count: i64| (count * HEIGHT + highest - 1) / highest;
    html! {
        figure.chart {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT + BELOW) } role="img" aria-label="Jobs that succeeded, failed and were deleted" {
                line.axis x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
                @for (number, column) in (0_i64..).zip(columns) {
                    @let x = number * step + 2;
                    @let (succeeded, failed, deleted) = (scale(column.succeeded), scale(column.failed), scale(column.deleted));
                    g {
                        title { (label(column, period)) ": " (column.succeeded) " succeeded, " (column.failed) " failed, " (column.deleted) " deleted" }
                        rect.hit x=(x) y="0" width=(step - 4) height=(HEIGHT) {}
                        rect.succeeded x=(x) y=(HEIGHT - succeeded) width=(step - 4) height=(succeeded) {}
                        rect.failed x=(x) y=(HEIGHT - succeeded - failed) width=(step - 4) height=(failed) {}
                        rect.deleted x=(x) y=(HEIGHT - succeeded - failed - deleted) width=(step - 4) height=(deleted) {}
                    }
                    @if period == Period::Week || number % 3 == 0 {
                        text x=(x) y=(HEIGHT + 14) { (label(column, period)) }
                    }
                }
            }
            figcaption {
                span.key.succeeded { "succeeded" } span.key.failed { "failed" } span.key.deleted { "deleted" }
                span { "highest: " (highest) }
            }
        }
    }
}

fn total(column: &Column) -> i64 {
    // Whoever requeues a job takes it back out of a total, never out of an hour: no column is below 0.
    (column.succeeded + column.failed + column.deleted).max(0)
}

fn label(column: &Column, period: Period) -> String {
    match period {
        Period::Day => format!("{:02}:00", column.from.hour()),
        Period::Week => format!("{:02}-{:02}", u8::from(column.from.month()), column.from.day()),
    }
}
