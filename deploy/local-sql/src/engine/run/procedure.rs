//! The system procedures: `sp_executesql`, the `sp_prepexec` family, application locks.
//!
//! A call comes from the protocol (RPC) or from EXEC; both end in [`Session::invoke`].

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use super::super::ast::{Execute, Expression};
use super::super::change::cancelled;
use super::super::error::{Result, SqlError};
use super::super::interface::ResultSink;
use super::super::locks::{Mode, Outcome as Granted, Owner, Resource};
use super::super::types::{Param, SqlType, Value};
use super::Session;
use super::failure::{Flow, Raised, reach_of};
use super::interpret::assigned;
use super::program::{Bound, Program};

/// How a call ended.
struct Invoked {
    status: i32,
    flow: Flow,
    /// The values that OUTPUT parameters have now, by position of the argument.
    outputs: Vec<(usize, SqlType, Value)>,
}

impl Invoked {
    fn with_status(status: i32) -> Self {
        Self { status, flow: Flow::Next, outputs: Vec::new() }
    }
}

/// A call that failed, with an error of its own or with one that a CATCH waits for.
enum Failure {
    Error(SqlError),
    Raised(Raised),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self::Error(error)
    }
}

/// Longest name of an application lock.
const MAX_RESOURCE: usize = 255;

impl Session {
    /// A call from the protocol.
    pub(super) fn remote_call(&mut self, name: &str, params: Vec<Param>, sink: &mut dyn ResultSink) {
        let name = name.rsplit('.').next().unwrap_or(name).trim_matches(['[', ']']).to_lowercase();
        self.now = None;
        match self.invoke(&name, &params, sink) {
            Ok(invoked) => {
                sink.return_status(invoked.status);
                for (index, ty, value) in invoked.outputs {
                    if let Some(param) = params.get(index) {
                        sink.output(&param.name, ty, &value);
                    }
                }
            }
            Err(Failure::Raised(raised)) => self.report(&raised.error, sink),
            Err(Failure::Error(error)) => {
                let reach = reach_of(&error);
                if let Err(raised) = self.failed(error, reach, sink) {
                    self.report(&raised.error, sink);
                }
            }
        }
    }

    /// `EXEC procedure …`
    pub(super) fn execute_procedure(
        &mut self,
        program: &Rc<Program>,
        ordinal: usize,
        execute: &Execute,
        sink: &mut dyn ResultSink,
    ) -> Result<std::result::Result<Flow, Raised>> {
        let name = execute.procedure.object().to_lowercase();
        if !KNOWN.contains(&name.as_str()) {
            return Err(unknown_procedure(&execute.procedure.shown()).at(execute.procedure.position.line));
        }
        let mut params = Vec::with_capacity(execute.arguments.len());
        for (index, argument) in execute.arguments.iter().enumerate() {
            let Bound::Scalar(prepared) = self.bound_scalar(program, ordinal, index, &argument.value)? else {
                continue;
            };
            let value = self.evaluate(&prepared)?;
            params.push(Param {
                name: argument.name.clone().unwrap_or_default(),
                ty: prepared.ty,
                value,
                output: argument.output,
            });
        }
        let invoked = match self.invoke(&name, &params, sink) {
            Ok(invoked) => invoked,
            Err(Failure::Error(error)) => return Err(error),
            Err(Failure::Raised(raised)) => return Ok(Err(raised)),
        };
        if let Some(status) = &execute.status {
            self.store(program, ordinal, status, SqlType::Int, Value::Int(invoked.status.into()))?;
        }
        for (index, ty, value) in invoked.outputs {
            if let Some(Expression::Variable(variable, _)) =
                execute.arguments.get(index).map(|argument| &argument.value)
            {
                self.store(program, ordinal, variable, ty, value)?;
            }
        }
        Ok(Ok(invoked.flow))
    }

    fn store(
        &mut self,
        program: &Program,
        ordinal: usize,
        variable: &str,
        from: SqlType,
        value: Value,
    ) -> Result<()> {
        let name = variable.to_lowercase();
        let ty = program.variable(&name, ordinal).ok_or_else(|| {
            SqlError::syntax(137, format!("Must declare the scalar variable \"{variable}\"."))
        })?;
        self.set_variable(&name, assigned(value, from, ty)?)
    }

    fn invoke(
        &mut self,
        name: &str,
        params: &[Param],
        sink: &mut dyn ResultSink,
    ) -> std::result::Result<Invoked, Failure> {
        match name {
            "sp_executesql" => {
                let text = text_argument(params, 0, name)?;
                let declarations = optional_text(params, 1);
                self.execute_sql(&text, &declarations, params, 2, sink)
            }
            "sp_prepare" => {
                let handle = self.prepare(optional_text(params, 1), text_argument(params, 2, name)?)?;
                Ok(Invoked { outputs: vec![handle_output(handle)], ..Invoked::with_status(0) })
            }
            "sp_prepexec" => {
                let (declarations, text) = (optional_text(params, 1), text_argument(params, 2, name)?);
                let handle = self.prepare(declarations.clone(), text.clone())?;
                let mut invoked = self.execute_sql(&text, &declarations, params, 3, sink)?;
                invoked.outputs.insert(0, handle_output(handle));
                Ok(invoked)
            }
            "sp_execute" => {
                let handle = handle_argument(params)?;
                let Some((declarations, text)) = self.prepared.get(&handle).cloned() else {
                    return Err(no_handle(handle).into());
                };
                self.execute_sql(&text, &declarations, params, 1, sink)
            }
            "sp_unprepare" => {
                let handle = handle_argument(params)?;
                self.prepared.remove(&handle).ok_or_else(|| no_handle(handle))?;
                Ok(Invoked::with_status(0))
            }
            "sp_getapplock" => Ok(Invoked::with_status(self.get_application_lock(params)?)),
            "sp_releaseapplock" => Ok(Invoked::with_status(self.release_application_lock(params)?)),
            _ => Err(unknown_procedure(name).into()),
        }
    }

    /// Runs a text with parameters; `first` is the position of the first value among the arguments.
    fn execute_sql(
        &mut self,
        text: &str,
        declarations: &str,
        params: &[Param],
        first: usize,
        sink: &mut dyn ResultSink,
    ) -> std::result::Result<Invoked, Failure> {
        let program = self.compile(text, declarations)?;
        let mut variables = program.fresh_variables();
        let given = params.get(first..).unwrap_or_default();
        let positions = bound_arguments(&program, given)?;
        for ((name, ty), position) in program.parameters.iter().zip(&positions) {
            let Some(param) = position.and_then(|position| given.get(position)) else {
                let shown: String = format!("({declarations}){text}").chars().take(128).collect();
                let text = format!(
                    "The parameterized query '{shown}' expects the parameter '{name}', which was not \
                        supplied."
                );
                return Err(SqlError::new(8178, text).into());
            };
            let value = assigned(param.value.clone(), param.ty, *ty)?;
            variables.insert(name.clone(), value);
        }
        let ended = self.run_inner(Rc::clone(&program), variables, sink).map_err(Failure::Raised)?;
        let mut outputs = Vec::new();
        for ((name, ty), position) in program.parameters.iter().zip(positions) {
            let output = position.filter(|position| given.get(*position).is_some_and(|param| param.output));
            if let (Some(position), Some(value)) = (output, ended.variables.get(name)) {
                outputs.push((first + position, *ty, value.clone()));
            }
        }
        outputs.sort_by_key(|(position, ..)| *position);
        let status = if ended.flow == Flow::EndBatch { self.last_error } else { 0 };
        Ok(Invoked { status, flow: ended.flow, outputs })
    }

    fn prepare(&mut self, declarations: String, text: String) -> Result<i32> {
        self.compile(&text, &declarations)?;
        if self.prepared.len() >= MAX_PREPARED {
            return Err(SqlError::unsupported(format!(
                "more than {MAX_PREPARED} prepared statements in one session"
            )));
        }
        self.last_handle += 1;
        self.prepared.insert(self.last_handle, (declarations, text));
        Ok(self.last_handle)
    }

    // --- application locks -------------------------------------------------------------------------------

    fn get_application_lock(&mut self, params: &[Param]) -> Result<i32> {
        let arguments = LockArguments::read(
            params,
            &["@resource", "@lockmode", "@lockowner", "@locktimeout", "@dbprincipal"],
        )?;
        let owner = arguments.owner()?;
        let mode = match arguments.text("@lockmode")?.unwrap_or_default().to_lowercase().as_str() {
            "shared" => Mode::Shared,
            "update" => Mode::Update,
            "exclusive" => Mode::Exclusive,
            "intentshared" => Mode::IntentShared,
            "intentexclusive" => Mode::IntentExclusive,
            _ => {
                return Err(SqlError::new(
                    1225,
                    "An invalid application lock mode was passed to sp_getapplock.",
                ));
            }
        };
        if owner == Owner::Transaction && self.transaction.count() == 0 {
            // SQL Server answers so, too; its number is not documented.
            let text =
                "You attempted to acquire a transactional application lock without an active transaction.";
            return Err(SqlError::new(40000, text));
        }
        let wait = arguments.integer("@locktimeout")?.unwrap_or(self.options.lock_timeout_ms);
        if wait < -1 {
            return Err(SqlError::new(
                1227,
                "An invalid application lock time-out was passed to sp_getapplock.",
            ));
        }
        let timeout = u64::try_from(wait).ok().map(Duration::from_millis);
        let resource = self.application_resource(&arguments)?;
        match self.engine.locks.acquire(self.id, &resource, (mode, owner), timeout, &self.cancel) {
            Granted::Granted => Ok(0),
            Granted::GrantedAfterWaiting => Ok(1),
            Granted::TimedOut => Ok(-1),
            Granted::Cancelled => Err(cancelled()),
            Granted::Deadlock => Ok(-3),
        }
    }

    fn release_application_lock(&mut self, params: &[Param]) -> Result<i32> {
        let arguments = LockArguments::read(params, &["@resource", "@lockowner", "@dbprincipal"])?;
        let (owner, resource) = (arguments.owner()?, self.application_resource(&arguments)?);
        if self.engine.locks.release(self.id, &resource, owner) {
            return Ok(0);
        }
        let name = arguments.text("@resource")?.unwrap_or_default();
        let text = format!(
            "Cannot release the application lock (Database Principal: 'public', Resource: '{name}') because \
                it is not currently held."
        );
        Err(SqlError::new(1223, text))
    }

    fn application_resource(&self, arguments: &LockArguments<'_>) -> Result<Resource> {
        let name = arguments
            .text("@resource")?
            .filter(|name| !name.is_empty() && name.encode_utf16().count() <= MAX_RESOURCE);
        let name = name.ok_or_else(|| {
            SqlError::new(1224, "An invalid application lock resource was passed to sp_getapplock.")
        })?;
        Ok(Resource::Application { database: self.database.name.to_lowercase(), name })
    }
}

/// Prepared statements that a session may keep.
const MAX_PREPARED: usize = 10_000;

const KNOWN: &[&str] = &[
    "sp_executesql",
    "sp_prepare",
    "sp_prepexec",
    "sp_execute",
    "sp_unprepare",
    "sp_getapplock",
    "sp_releaseapplock",
];

fn unknown_procedure(name: &str) -> SqlError {
    let lower = name.to_lowercase();
    if lower.starts_with("sp_") || lower.starts_with("xp_") || lower.starts_with("sys.") {
        return SqlError::unsupported(format!("the procedure {name}"));
    }
    SqlError { state: 62, ..SqlError::new(2812, format!("Could not find stored procedure '{name}'.")) }
}

/// Which argument each declared parameter takes: by name, or by position up to the first named one.
fn bound_arguments(program: &Program, given: &[Param]) -> Result<Vec<Option<usize>>> {
    let mut positions = vec![None; program.parameters.len()];
    let mut named = false;
    for (index, param) in given.iter().enumerate() {
        named |= !param.name.is_empty();
        let target = if named {
            program.parameters.iter().position(|(name, _)| *name == param.name.to_lowercase())
        } else {
            Some(index)
        };
        match target.and_then(|target| positions.get_mut(target)) {
            Some(position) => *position = Some(index),
            None if named => {
                let text = format!("{} is not a parameter for procedure sp_executesql.", param.name);
                return Err(SqlError::new(8145, text));
            }
            None => {
                return Err(SqlError::new(
                    8144,
                    "Procedure or function sp_executesql has too many arguments specified.",
                ));
            }
        }
    }
    Ok(positions)
}

fn text_argument(params: &[Param], index: usize, procedure: &str) -> Result<String> {
    match params.get(index).map(|param| &param.value) {
        Some(Value::Text(text)) => Ok(text.clone()),
        _ => {
            let text = format!(
                "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar' ({procedure})."
            );
            Err(SqlError::new(214, text))
        }
    }
}

fn optional_text(params: &[Param], index: usize) -> String {
    match params.get(index).map(|param| &param.value) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn handle_argument(params: &[Param]) -> Result<i32> {
    match params.first().map(|param| &param.value) {
        Some(Value::Int(handle)) => i32::try_from(*handle).map_err(|_| no_handle(-1)),
        _ => Err(no_handle(0)),
    }
}

fn handle_output(handle: i32) -> (usize, SqlType, Value) {
    (0, SqlType::Int, Value::Int(handle.into()))
}

fn no_handle(handle: i32) -> SqlError {
    SqlError::new(8179, format!("Could not find prepared statement with handle {handle}."))
}

/// The arguments of an application-lock procedure by lower-case name.
struct LockArguments<'p>(HashMap<&'static str, &'p Param>);

impl<'p> LockArguments<'p> {
    fn read(params: &'p [Param], names: &[&'static str]) -> Result<Self> {
        let mut found = HashMap::new();
        for (index, param) in params.iter().enumerate() {
            let name = if param.name.is_empty() {
                names.get(index)
            } else {
                names.iter().find(|name| **name == param.name.to_lowercase())
            };
            let Some(name) = name else {
                let text = format!("{} is not a parameter for procedure sp_getapplock.", param.name);
                return Err(SqlError::new(8145, text));
            };
            found.insert(*name, param);
        }
        Ok(Self(found))
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        let Some(param) = self.0.get(name) else { return Ok(None) };
        match assigned(param.value.clone(), param.ty, SqlType::NVarChar(None))? {
            Value::Text(text) => Ok(Some(text)),
            _ => Ok(None),
        }
    }

    fn integer(&self, name: &str) -> Result<Option<i64>> {
        let Some(param) = self.0.get(name) else { return Ok(None) };
        match assigned(param.value.clone(), param.ty, SqlType::Int)? {
            Value::Int(number) => Ok(Some(number)),
            _ => Ok(None),
        }
    }

    fn owner(&self) -> Result<Owner> {
        match self.text("@lockowner")?.unwrap_or_default().to_lowercase().as_str() {
            "" | "transaction" => Ok(Owner::Transaction),
            "session" => Ok(Owner::Session),
            _ => Err(SqlError::new(1226, "An invalid application lock owner was passed to sp_getapplock.")),
        }
    }
}
