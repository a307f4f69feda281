//! What every request passes through, outside all routes: its id, the header and time limits, one form of error
//! answer, security headers, one log line.
//!
//! One middleware rather than five: it runs on every cached read, where each layer costs. Whatever answers with
//! 400 or above leaves as a [`Problem`], also where framework code or a panic made the answer.

use std::future::{Future, Ready, ready};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::InternalError;
use actix_web::http::header::{self, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::{Error, HttpMessage, HttpResponse};
use futures_util::FutureExt;

use super::request_id::{self, RequestId};
use crate::configuration::{AccessLog, Http};
use crate::lifecycle::Lifecycle;
use crate::problem::{CONTENT_TYPE_PROBLEM, Problem};

/// On every answer that does not say otherwise: our answers are data, not pages.
const SECURITY_HEADERS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// The outermost middleware of every app.
#[derive(Clone, Debug)]
pub struct Edge {
    limits: Limits,
    lifecycle: Lifecycle,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    max_header_bytes: usize,
    request_timeout: Duration,
    upload_timeout: Duration,
    access_log: AccessLog,
}

impl Edge {
    /// With the limits of a configuration; connections are closed after their answer once `lifecycle` stops.
    pub fn new(http: &Http, lifecycle: Lifecycle) -> Self {
        let limits = Limits {
            max_header_bytes: http.max_header_bytes,
            request_timeout: http.request_timeout,
            upload_timeout: http.upload_timeout,
            access_log: http.access_log,
        };
        Self { limits, lifecycle }
    }
}

impl<S, B> Transform<S, ServiceRequest> for Edge
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = EdgeService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(EdgeService { service: Rc::new(service), edge: self.clone() }))
    }
}

/// [`Edge`] around one worker's app.
#[derive(Debug)]
pub struct EdgeService<S> {
    service: Rc<S>,
    edge: Edge,
}

impl<S, B> Service<ServiceRequest> for EdgeService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    actix_web::dev::forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let visit = Visit::begin(&request, &self.edge);
        request.extensions_mut().insert(visit.id.clone());
        let limits = self.edge.limits;
        if header_bytes(&request) > limits.max_header_bytes {
            let problem = Problem::headers_too_large(limits.max_header_bytes);
            return Box::pin(ready(visit.refuse(&problem)));
        }
        let limit = if is_upload(request.headers()) { limits.upload_timeout } else { limits.request_timeout };
        let answer = AssertUnwindSafe(self.service.call(request)).catch_unwind();
        Box::pin(async move {
            match tokio::time::timeout(limit, answer).await {
                Ok(Ok(Ok(response))) => Ok(visit.end(response)),
                Ok(Ok(Err(error))) => visit.refuse(&problem_of(&error)),
                Ok(Err(_panic)) => visit.refuse(&Problem::internal("the handler panicked")),
                Err(_elapsed) => visit.refuse(&Problem::timed_out(limit)),
            }
        })
    }
}

/// One request on its way through.
struct Visit {
    id: RequestId,
    started: Instant,
    method: Method,
    path: Box<str>,
    access_log: AccessLog,
    lifecycle: Lifecycle,
}

impl Visit {
    fn begin(request: &ServiceRequest, edge: &Edge) -> Self {
        Self {
            id: RequestId::of(request.headers()),
            started: Instant::now(),
            method: request.method().clone(),
            path: request.path().into(),
            access_log: edge.limits.access_log,
            lifecycle: edge.lifecycle.clone(),
        }
    }

    /// Finishes an answer that the app made.
    fn end<B: MessageBody + 'static>(&self, response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
        let status = response.status();
        if status.as_u16() < 400 {
            let mut response = response.map_into_left_body();
            self.complete(response.response_mut());
            self.log(status, None);
            return response;
        }
        let problem = match response.response().error() {
            Some(error) => Some(problem_of(error)),
            None => (!is_problem(response.headers())).then(|| problem_of_answer(response.response())),
        };
        self.log(status, problem.as_ref());
        let mut response = match problem {
            None => response.map_into_left_body(),
            Some(problem) => with_problem(response, &problem, &self.id),
        };
        self.complete(response.response_mut());
        response
    }

    /// Answers where there is no response to finish. The framework sends the response inside the error.
    fn refuse<T>(&self, problem: &Problem) -> Result<T, Error> {
        let mut response = problem.response(Some(self.id.as_str()));
        self.complete(&mut response);
        self.log(problem.status, Some(problem));
        Err(InternalError::from_response("refused at the edge", response).into())
    }

    fn complete<B>(&self, response: &mut HttpResponse<B>) {
        if self.lifecycle.is_stopping() {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        let headers = response.headers_mut();
        for (name, value) in SECURITY_HEADERS {
            if !headers.contains_key(&name) {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        headers.insert(request_id::HEADER, self.id.header_value());
    }

    /// One line a request. The query is left out: it may hold what people typed.
    fn log(&self, status: StatusCode, problem: Option<&Problem>) {
        let is_failure = status.as_u16() >= 400;
        let is_wanted = match self.access_log {
            AccessLog::All => is_failure || !self.path.starts_with("/health"),
            AccessLog::Failures => is_failure,
            // What went wrong on our side is told whether or not requests are logged.
            AccessLog::None => status.is_server_error(),
        };
        if !is_wanted {
            return;
        }
        let duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (method, path, id) = (self.method.as_str(), &*self.path, self.id.as_str());
        let status = status.as_u16();
        let code = problem.map(|problem| problem.code);
        let cause = problem.and_then(Problem::logged_cause);
        if status == 503 {
            // Expected while something is away or the process is starting; told by whoever noticed it.
            tracing::warn!(request_id = id, method, path, status, duration_us, code, cause, "request");
        } else if status >= 500 {
            tracing::error!(request_id = id, method, path, status, duration_us, code, cause, "request");
        } else {
            tracing::info!(request_id = id, method, path, status, duration_us, code, cause, "request");
        }
    }
}

/// Takes body and headers of the problem and keeps what middlewares inside have set (CORS, cookies).
fn with_problem<B>(
    response: ServiceResponse<B>,
    problem: &Problem,
    id: &RequestId,
) -> ServiceResponse<EitherBody<B>> {
    let (request, response) = response.into_parts();
    let body = BoxBody::new(problem.body(Some(id.as_str())));
    let mut response = response.set_body(EitherBody::right(body));
    for stale in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG] {
        response.headers_mut().remove(stale);
    }
    problem.write_headers(response.headers_mut());
    ServiceResponse::new(request, response)
}

fn problem_of(error: &Error) -> Problem {
    error.as_error::<Problem>().cloned().unwrap_or_else(|| {
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

fn is_upload(headers: &HeaderMap) -> bool {
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
