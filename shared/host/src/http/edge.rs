//! What every request passes through, outside all routes: its id, the header and time limits, one form of error
//! answer, security headers, one log line.
//!
//! One middleware rather than five: it runs on every cached read, where each layer costs. Whatever answers with
//! 400 or above leaves as a [`Problem`], also where framework code or a panic made the answer.

use std::future::{Future, Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::InternalError;
use actix_web::http::header::{self, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::{Error, HttpRequest, HttpResponse, web};
use backplane::ThreadReads;
use pin_project_lite::pin_project;
use sql::metrics::statements_of_this_thread;
use tokio::time::Sleep;

use super::access_log::AccessLine;
use super::request_id::{self, RequestId};
use super::server::Surroundings;
use super::shortcut::Shortcut;
use super::{compression, cross_origin, with_pattern};
use crate::configuration::{AccessLog, Cors};
use crate::lifecycle::Lifecycle;
use crate::metrics::{HttpMetrics, Metrics};
use crate::problem::{CONTENT_TYPE_PROBLEM, Problem};
use crate::traces::RequestTrace;

/// On every answer that does not say otherwise: our answers are data, not pages.
const SECURITY_HEADERS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// The outermost middleware of every app.
#[derive(Clone, Debug)]
pub struct Edge {
    max_header_bytes: usize,
    request_timeout: Duration,
    upload_timeout: Duration,
    access_log: AccessLog,
    trusted_proxy_hops: usize,
    cors: Option<Cors>,
    lifecycle: Lifecycle,
    metrics: web::Data<Metrics>,
    shortcut: Option<Shortcut>,
}

impl Edge {
    /// With the limits of a configuration; connections are closed after their answer once the lifecycle stops.
    pub fn new(around: &Surroundings) -> Self {
        let http = &around.http;
        Self {
            max_header_bytes: http.max_header_bytes,
            request_timeout: http.request_timeout,
            upload_timeout: http.upload_timeout,
            access_log: http.access_log,
            trusted_proxy_hops: http.trusted_proxy_hops,
            cors: http.cors.clone(),
            lifecycle: around.lifecycle.clone(),
            metrics: around.metrics.clone(),
            shortcut: around.shortcut.clone().filter(|_| http.cors.is_none()),
        }
    }

    /// What can be refused by looking at the head of a request.
    fn admit(&self, request: &ServiceRequest) -> Result<(), Problem> {
        if header_bytes(request) > self.max_header_bytes {
            return Err(Problem::headers_too_large(self.max_header_bytes));
        }
        // These change nothing, and nobody here reads a body of theirs; the first is every cached read.
        if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE) {
            return Ok(());
        }
        compression::check(request.headers())?;
        cross_origin::check(request.headers(), self.cors.as_ref(), self.trusted_proxy_hops)
    }
}

impl<S, B> Transform<S, ServiceRequest> for Edge
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = EdgeService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let (edge, metrics) = (Rc::new(self.clone()), Rc::new(self.metrics.http()));
        ready(Ok(EdgeService { service, edge, metrics }))
    }
}

/// [`Edge`] around one worker's app.
#[derive(Debug)]
pub struct EdgeService<S> {
    service: S,
    edge: Rc<Edge>,
    metrics: Rc<HttpMetrics>,
}

impl<S, B> Service<ServiceRequest> for EdgeService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = Answer<S::Future>;

    actix_web::dev::forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let mut visit = Visit::begin(&request, &self.edge, &self.metrics);
        if let Err(problem) = self.edge.admit(&request) {
            return Answer::Refused { visit, problem };
        }
        let request = match visit.take_shortcut(request) {
            Ok(answer) => return Answer::Known { answer: Some(answer) },
            Err(request) => request,
        };
        let is_upload = is_upload(request.method(), request.headers());
        let limit = if is_upload { self.edge.upload_timeout } else { self.edge.request_timeout };
        Answer::Awaited { inner: self.service.call(request), visit, limit, deadline: None }
    }
}

pin_project! {
    /// The answer to one request, under way. By hand instead of in a box of combinators: it exists for every cached
    /// read, which is answered in its first poll and never needs a timer.
    #[project = AnswerParts]
    pub enum Answer<F> {
        /// The app is not asked.
        Refused { visit: Visit, problem: Problem },
        /// The app need not be asked.
        Known { answer: Option<Result<ServiceResponse, Error>> },
        /// The app works on it.
        Awaited {
            #[pin]
            inner: F,
            visit: Visit,
            limit: Duration,
            // Set when the first poll brought no answer.
            deadline: Option<Pin<Box<Sleep>>>,
        },
    }
}

impl<F, B> Future for Answer<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody + 'static,
{
    type Output = Result<ServiceResponse<BoxBody>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AnswerParts::Refused { visit, problem } => Poll::Ready(visit.refuse(problem)),
            // Whoever polls once more after the answer waits for ever, as with any future.
            AnswerParts::Known { answer } => answer.take().map_or(Poll::Pending, Poll::Ready),
            AnswerParts::Awaited { inner, visit, limit, deadline } => {
                match visit.watch(|| catch_unwind(AssertUnwindSafe(|| inner.poll(context)))) {
                    Ok(Poll::Ready(Ok(response))) => return Poll::Ready(Ok(visit.end(response))),
                    Ok(Poll::Ready(Err(error))) => return Poll::Ready(visit.fail(&error)),
                    Ok(Poll::Pending) => {}
                    Err(_panic) => {
                        return Poll::Ready(visit.refuse(&Problem::internal("the handler panicked")));
                    }
                }
                let deadline = deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(*limit)));
                deadline.as_mut().poll(context).map(|()| visit.refuse(&Problem::timed_out(*limit)))
            }
        }
    }
}

/// Put into an error answer's extensions: its body has the form that another standard prescribes (RFC 6749 has one
/// for `/connect/token`) and stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct OwnForm;

/// One request on its way through.
#[doc(hidden)]
#[derive(Debug)]
pub struct Visit {
    id: RequestId,
    trace: RequestTrace,
    started: Instant,
    method: Method,
    path: Box<str>,
    /// What was done for it in the polls so far.
    work: Work,
    /// The pattern of the route that was not needed.
    shortcut: Option<&'static str>,
    edge: Rc<Edge>,
    metrics: Rc<HttpMetrics>,
}

/// What this thread has done.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    statements: u64,
    reads: ThreadReads,
}

impl Work {
    fn of_this_thread() -> Self {
        Self { statements: statements_of_this_thread(), reads: ThreadReads::now() }
    }

    fn add_since(&mut self, before: Self) {
        let now = Self::of_this_thread();
        self.statements += now.statements - before.statements;
        self.reads.hits += now.reads.hits - before.reads.hits;
        self.reads.misses += now.reads.misses - before.reads.misses;
        self.reads.stale += now.reads.stale - before.reads.stale;
    }

    /// The outcome that matters most to whoever reads the line.
    fn cache(&self) -> Option<&'static str> {
        match self.reads {
            ThreadReads { stale: 1.., .. } => Some("stale"),
            ThreadReads { misses: 1.., .. } => Some("miss"),
            ThreadReads { hits: 1.., .. } => Some("hit"),
            _ => None,
        }
    }
}

impl Visit {
    fn begin(request: &ServiceRequest, edge: &Rc<Edge>, metrics: &Rc<HttpMetrics>) -> Self {
        Self {
            id: RequestId::of(request.headers()),
            trace: RequestTrace::begin(request.headers(), request.method()),
            started: Instant::now(),
            method: request.method().clone(),
            path: request.path().into(),
            work: Work::default(),
            shortcut: None,
            edge: edge.clone(),
            metrics: metrics.clone(),
        }
    }

    /// Runs one poll of the app and puts what it did to this request's account.
    fn watch<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        let before = Work::of_this_thread();
        let result = self.trace.inside(poll);
        self.work.add_since(before);
        result
    }

    /// The finished answer, or the request back for the app.
    fn take_shortcut(
        &mut self,
        request: ServiceRequest,
    ) -> Result<Result<ServiceResponse, Error>, ServiceRequest> {
        let edge = self.edge.clone();
        let Some(shortcut) = &edge.shortcut else { return Err(request) };
        let answer = self.watch(|| catch_unwind(AssertUnwindSafe(|| shortcut.answer(request.head()))));
        match answer {
            Ok(Some(response)) => {
                self.shortcut = Some(shortcut.pattern);
                Ok(Ok(self.end(request.into_response(response))))
            }
            Ok(None) => Err(request),
            Err(_panic) => Ok(self.refuse(&Problem::internal("the shortcut panicked"))),
        }
    }

    /// Finishes an answer that the app made.
    fn end<B: MessageBody + 'static>(&self, response: ServiceResponse<B>) -> ServiceResponse<BoxBody> {
        let status = response.status();
        let mut response = response.map_into_boxed_body();
        if status.as_u16() < 400 {
            self.complete(response.response_mut());
            self.tell(Some(response.request()), status, None);
            return response;
        }
        let problem = match response.response().error() {
            Some(error) => Some(problem_of(error)),
            None if response.response().extensions().contains::<OwnForm>() => None,
            None => (!is_problem(response.headers())).then(|| problem_of_answer(response.response())),
        };
        let status = problem.as_ref().map_or(status, |problem| problem.status);
        self.tell(Some(response.request()), status, problem.as_ref());
        if let Some(problem) = problem {
            response = with_problem(response, &problem, &self.id);
        }
        self.complete(response.response_mut());
        response
    }

    /// Answers where a middleware inside failed; what others of them add to its answer (CORS) is kept.
    fn fail<T>(&self, error: &Error) -> Result<T, Error> {
        self.refuse_with(&problem_of(error), error.error_response().headers())
    }

    /// Answers where there is no response to finish.
    fn refuse<T>(&self, problem: &Problem) -> Result<T, Error> {
        self.refuse_with(problem, &HeaderMap::new())
    }

    /// The framework sends the response inside the error.
    fn refuse_with<T>(&self, problem: &Problem, more: &HeaderMap) -> Result<T, Error> {
        let mut response = problem.response(Some(self.id.as_str()));
        let headers = response.headers_mut();
        for (name, value) in more {
            if !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
        self.complete(&mut response);
        self.tell(None, problem.status, Some(problem));
        Err(InternalError::from_response("refused at the edge", response).into())
    }

    fn complete<B>(&self, response: &mut HttpResponse<B>) {
        if self.edge.lifecycle.is_stopping() {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        // What confirms a stored answer leaves that answer's headers in force (RFC 9110 15.4.5).
        let is_confirmation = response.status() == StatusCode::NOT_MODIFIED;
        let headers = response.headers_mut();
        if !is_confirmation {
            for (name, value) in SECURITY_HEADERS {
                if !headers.contains_key(&name) {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
        }
        headers.insert(request_id::HEADER, self.id.header_value());
    }

    /// To the metrics and to the access log. `request` is `None` where the app did not answer.
    fn tell(&self, request: Option<&HttpRequest>, status: StatusCode, problem: Option<&Problem>) {
        let elapsed = self.started.elapsed();
        self.with_route(request, |route| self.metrics.record(route, &self.method, status, elapsed));
        self.trace.end(&self.method, status, || self.with_route(request, |route| route.map(str::to_owned)));
        self.log(elapsed, status, problem);
    }

    /// Lends the pattern of the route that answered, or would have, to `told`.
    fn with_route<T>(&self, request: Option<&HttpRequest>, told: impl FnOnce(Option<&str>) -> T) -> T {
        match (self.shortcut, request) {
            (None, Some(request)) => with_pattern(request, told),
            (pattern, _) => told(pattern),
        }
    }

    fn log(&self, elapsed: Duration, status: StatusCode, problem: Option<&Problem>) {
        let is_failure = status.as_u16() >= 400;
        let is_wanted = match self.edge.access_log {
            AccessLog::All => is_failure || !(self.path.starts_with("/health") || &*self.path == "/metrics"),
            AccessLog::Failures => is_failure,
            // What went wrong on our side is told whether or not requests are logged.
            AccessLog::None => status.is_server_error(),
        };
        if !is_wanted {
            return;
        }
        AccessLine {
            request_id: self.id.as_str(),
            trace: self.trace.ids(),
            method: self.method.as_str(),
            path: &self.path,
            status: status.as_u16(),
            duration_us: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            sql_statements: self.work.statements,
            cache: self.work.cache(),
            code: problem.map(|problem| problem.code),
            cause: problem.and_then(Problem::logged_cause),
        }
        .write();
    }
}

/// Takes body and headers of the problem and keeps what middlewares inside have set (CORS, cookies).
fn with_problem(response: ServiceResponse, problem: &Problem, id: &RequestId) -> ServiceResponse {
    let (request, response) = response.into_parts();
    let mut response = response.set_body(BoxBody::new(problem.body(Some(id.as_str()))));
    *response.status_mut() = problem.status;
    for stale in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG] {
        response.headers_mut().remove(stale);
    }
    problem.write_headers(response.headers_mut());
    ServiceResponse::new(request, response)
}

fn problem_of(error: &Error) -> Problem {
    let known = error.as_error::<Problem>().cloned().or_else(|| cross_origin::problem_of(error));
    known.unwrap_or_else(|| {
        let status = error.as_response_error().status_code();
        Problem::of_status(status).cause(error.to_string())
    })
}

fn problem_of_answer<B>(response: &HttpResponse<B>) -> Problem {
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::method_not_allowed(response.headers().get(header::ALLOW).cloned())
        }
        status => Problem::of_status(status),
    }
}

fn is_problem(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == CONTENT_TYPE_PROBLEM.as_bytes())
}

fn is_upload(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD) {
        return false;
    }
    const UPLOAD: &[u8] = b"multipart/form-data";
    let start = |value: &HeaderValue| value.as_bytes().get(..UPLOAD.len()).map(<[u8]>::to_ascii_lowercase);
    headers.get(CONTENT_TYPE).and_then(start).is_some_and(|start| start == UPLOAD)
}

fn header_bytes(request: &ServiceRequest) -> usize {
    // `: ` and the line end.
    const AROUND: usize = 4;
    let headers = request.headers().iter();
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    target + headers.map(|(name, value)| name.as_str().len() + value.len() + AROUND).sum::<usize>()
}
