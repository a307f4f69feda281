//! Every address of the merchant's side, as data: the server is configured from it and tests walk it. Health routes and what surrounds all routes come from `host`.

use actix_web::http::Method;
use actix_web::web::{Data, ServiceConfig, to};
use contracts::permissions::{
    API_KEY_READ, API_KEY_UPDATE, IMPORT_READ, IMPORT_RUN, JOBS_MANAGE, JOBS_READ, PRODUCT_READ,
    PRODUCT_UPDATE, ROLE_READ, ROLE_UPDATE, SESSION_END, SESSION_READ, SIGNING_KEY_READ, SIGNING_KEY_ROTATE,
    STORE_READ, STORE_UPDATE, USER_READ, USER_UPDATE,
};
use host::auth::Access::{Anyone, Permission, SignedIn};
use host::auth::{self, Access, Route};

use crate::accounts::{api_keys, connect, current_user, roles, sessions, signing_keys, users};
use crate::state::AppState;
use crate::{imports, jobs, pages, products, push_notifications, stores};

/// Method, path, who may come in, who answers.
pub static ROUTES: &[Route] = &[
    route(Method::POST, "/connect/token", Anyone, || to(connect::token)),
    route(Method::GET, "/admin/stores/{store}", Permission(STORE_READ), || to(stores::get)),
    route(Method::PUT, "/admin/stores/{store}", Permission(STORE_UPDATE), || to(stores::put)),
    route(Method::GET, "/admin/products/{id}", Permission(PRODUCT_READ), || to(products::get)),
    route(Method::PUT, "/admin/products/{id}", Permission(PRODUCT_UPDATE), || to(products::put)),
    route(Method::POST, "/admin/imports", Permission(IMPORT_RUN), || to(imports::create)),
    route(Method::GET, "/admin/imports/{id}", Permission(IMPORT_READ), || to(imports::view)),
    route(Method::GET, "/api/platform/pushnotifications", SignedIn, || to(push_notifications::replay)),
    route(Method::POST, "/api/platform/pushnotifications", SignedIn, || to(push_notifications::search)),
    route(Method::POST, "/api/platform/pushnotifications/markAllAsRead", SignedIn, || {
        to(push_notifications::mark_all_as_read)
    }),
    route(Method::POST, "/api/platform/pushnotifications/{id}/markAsRead", SignedIn, || {
        to(push_notifications::mark_as_read)
    }),
    route(Method::GET, "/api/platform/jobs", Permission(JOBS_READ), || to(jobs::list)),
    route(Method::GET, "/api/platform/jobs/overview", Permission(JOBS_READ), || to(jobs::overview)),
    route(Method::GET, "/api/platform/jobs/history", Permission(JOBS_READ), || to(jobs::history)),
    route(Method::GET, "/api/platform/jobs/servers", Permission(JOBS_READ), || to(jobs::servers)),
    route(Method::GET, "/api/platform/jobs/queues", Permission(JOBS_READ), || to(jobs::queues::list)),
    route(Method::POST, "/api/platform/jobs/queues/{queue}/pause", Permission(JOBS_MANAGE), || {
        to(jobs::queues::pause)
    }),
    route(Method::POST, "/api/platform/jobs/queues/{queue}/resume", Permission(JOBS_MANAGE), || {
        to(jobs::queues::resume)
    }),
    route(Method::GET, "/api/platform/jobs/recurring", Permission(JOBS_READ), || to(jobs::recurring::list)),
    route(Method::GET, "/api/platform/jobs/recurring/{id}", Permission(JOBS_READ), || {
        to(jobs::recurring::get)
    }),
    route(Method::PUT, "/api/platform/jobs/recurring/{id}", Permission(JOBS_MANAGE), || {
        to(jobs::recurring::change)
    }),
    route(Method::DELETE, "/api/platform/jobs/recurring/{id}", Permission(JOBS_MANAGE), || {
        to(jobs::recurring::remove)
    }),
    route(Method::POST, "/api/platform/jobs/recurring/{id}/pause", Permission(JOBS_MANAGE), || {
        to(jobs::recurring::pause)
    }),
    route(Method::POST, "/api/platform/jobs/recurring/{id}/resume", Permission(JOBS_MANAGE), || {
        to(jobs::recurring::resume)
    }),
    route(Method::POST, "/api/platform/jobs/recurring/{id}/trigger", Permission(JOBS_MANAGE), || {
        to(jobs::recurring::trigger)
    }),
    route(Method::POST, "/api/platform/jobs/actions", Permission(JOBS_MANAGE), || to(jobs::act)),
    route(Method::GET, "/api/platform/jobs/{id}", Permission(JOBS_READ), || to(jobs::get)),
    route(Method::DELETE, "/api/platform/jobs/{id}", Permission(JOBS_MANAGE), || to(jobs::delete)),
    route(Method::POST, "/api/platform/jobs/{id}/requeue", Permission(JOBS_MANAGE), || to(jobs::requeue)),
    route(Method::POST, "/api/platform/jobs/{id}/run", Permission(JOBS_MANAGE), || to(jobs::run_now)),
    route(Method::GET, "/api/platform/security/currentuser", SignedIn, || to(current_user::get)),
    route(Method::PUT, "/api/platform/security/currentuser/password", SignedIn, || {
        to(current_user::change_password)
    }),
    route(Method::DELETE, "/api/platform/security/currentuser/session", SignedIn, || {
        to(current_user::sign_out)
    }),
    route(Method::GET, "/api/platform/security/currentuser/sessions", SignedIn, || {
        to(current_user::sessions)
    }),
    route(Method::DELETE, "/api/platform/security/currentuser/sessions", SignedIn, || {
        to(current_user::end_sessions)
    }),
    route(Method::DELETE, "/api/platform/security/currentuser/sessions/{session}", SignedIn, || {
        to(current_user::end_session)
    }),
    route(Method::GET, "/api/platform/security/permissions", Permission(ROLE_READ), || {
        to(roles::permissions)
    }),
    route(Method::GET, "/api/platform/security/roles", Permission(ROLE_READ), || to(roles::list)),
    route(Method::POST, "/api/platform/security/roles", Permission(ROLE_UPDATE), || to(roles::create)),
    route(Method::GET, "/api/platform/security/roles/{id}", Permission(ROLE_READ), || to(roles::get)),
    route(Method::PUT, "/api/platform/security/roles/{id}", Permission(ROLE_UPDATE), || to(roles::update)),
    route(Method::DELETE, "/api/platform/security/roles/{id}", Permission(ROLE_UPDATE), || to(roles::delete)),
    route(Method::GET, "/api/platform/security/users", Permission(USER_READ), || to(users::list)),
    route(Method::POST, "/api/platform/security/users", Permission(USER_UPDATE), || to(users::create)),
    route(Method::GET, "/api/platform/security/users/{id}", Permission(USER_READ), || to(users::get)),
    route(Method::PUT, "/api/platform/security/users/{id}", Permission(USER_UPDATE), || to(users::update)),
    route(Method::DELETE, "/api/platform/security/users/{id}", Permission(USER_UPDATE), || to(users::delete)),
    route(Method::PUT, "/api/platform/security/users/{id}/password", Permission(USER_UPDATE), || {
        to(users::set_password)
    }),
    route(Method::POST, "/api/platform/security/users/{id}/lock", Permission(USER_UPDATE), || {
        to(users::lock)
    }),
    route(Method::POST, "/api/platform/security/users/{id}/unlock", Permission(USER_UPDATE), || {
        to(users::unlock)
    }),
    route(Method::GET, "/api/platform/security/users/{id}/sessions", Permission(SESSION_READ), || {
        to(sessions::list)
    }),
    route(Method::DELETE, "/api/platform/security/users/{id}/sessions", Permission(SESSION_END), || {
        to(sessions::end_all)
    }),
    route(
        Method::DELETE,
        "/api/platform/security/users/{id}/sessions/{session}",
        Permission(SESSION_END),
        || to(sessions::end),
    ),
    route(Method::GET, "/api/platform/security/apikeys", Permission(API_KEY_READ), || to(api_keys::list)),
    route(Method::POST, "/api/platform/security/apikeys", Permission(API_KEY_UPDATE), || {
        to(api_keys::create)
    }),
    route(Method::GET, "/api/platform/security/apikeys/{id}", Permission(API_KEY_READ), || to(api_keys::get)),
    route(Method::PUT, "/api/platform/security/apikeys/{id}", Permission(API_KEY_UPDATE), || {
        to(api_keys::update)
    }),
    route(Method::DELETE, "/api/platform/security/apikeys/{id}", Permission(API_KEY_UPDATE), || {
        to(api_keys::delete)
    }),
    route(Method::POST, "/api/platform/security/apikeys/{id}/secret", Permission(API_KEY_UPDATE), || {
        to(api_keys::rotate_secret)
    }),
    route(Method::GET, "/api/platform/security/signingkeys", Permission(SIGNING_KEY_READ), || {
        to(signing_keys::list)
    }),
    route(Method::POST, "/api/platform/security/signingkeys/rotate", Permission(SIGNING_KEY_ROTATE), || {
        to(signing_keys::rotate)
    }),
];

const fn route(
    method: Method,
    path: &'static str,
    access: Access,
    handler: fn() -> actix_web::Route,
) -> Route {
    Route { method, path, access, handler }
}

/// Adds the API, the pages for people, and what both work with.
pub fn configure(config: &mut ServiceConfig, state: Data<AppState>) {
    configure_api(config, state);
    pages::configure(config);
}

/// Adds what the API document describes, and what it works with.
pub fn configure_api(config: &mut ServiceConfig, state: Data<AppState>) {
    let tokens = state.accounts.tokens();
    config.app_data(state);
    auth::configure(config, ROUTES, tokens);
}
