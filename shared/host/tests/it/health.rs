//! The rule of readiness, state by state.

use std::time::Duration;

use host::Service::{self, AuthoringApi, FrontendApi, JobWorker};
use host::health::{Observed, SqlState, Verdict, judge};

const FAIL_SAFE_MAX: Duration = Duration::from_secs(600);

fn verdict(service: Service, sql: SqlState, redis: Option<bool>, stopping: bool) -> Verdict {
    let observed = Observed { stopping, sql, redis, feed: None, job_server: None };
    judge(service, &observed, FAIL_SAFE_MAX).0
}

#[test]
fn without_redis_every_service_is_ready_and_with_redis_away_degraded() {
    for service in [FrontendApi, AuthoringApi, JobWorker] {
        assert_eq!(verdict(service, SqlState::Answering, None, false), Verdict::Ready);
        assert_eq!(verdict(service, SqlState::Answering, Some(true), false), Verdict::Ready);
        assert_eq!(verdict(service, SqlState::Answering, Some(false), false), Verdict::Degraded);
    }
}

#[test]
fn without_sql_a_frontend_is_ready_as_long_as_old_answers_may_be_given() {
    let away = |seconds| SqlState::Away { since: Duration::from_secs(seconds) };
    assert_eq!(verdict(FrontendApi, away(599), None, false), Verdict::Degraded);
    assert_eq!(verdict(FrontendApi, away(600), None, false), Verdict::Unready);
    assert_eq!(verdict(AuthoringApi, away(1), None, false), Verdict::Unready);
    assert_eq!(verdict(JobWorker, away(1), None, false), Verdict::Unready);
}

#[test]
fn nothing_is_ready_before_the_database_was_reached_or_after_a_stop_was_asked_for() {
    for service in [FrontendApi, AuthoringApi, JobWorker] {
        assert_eq!(verdict(service, SqlState::Waiting, None, false), Verdict::Unready);
        assert_eq!(verdict(service, SqlState::Answering, Some(true), true), Verdict::Stopping);
    }
}
