//! Procedures called by RPC: return status, output parameters, prepared statements.

use tiberius::{ColumnData, Command, CommandResult};

use crate::support::{Connection, batch, connect, error_number, server};

async fn call(client: &mut Connection, command: Command<'_>) -> tiberius::Result<CommandResult> {
    command.exec(client).await?.into_command_result().await
}

#[tokio::test]
async fn an_application_lock_answers_with_its_return_status() {
    let server = server().await;
    let mut client = connect(&server).await;
    let mut other = connect(&server).await;
    let lock = || {
        let mut command = Command::new("sp_getapplock");
        command.bind_param("@Resource", "migrations");
        command.bind_param("@LockMode", "Exclusive");
        command.bind_param("@LockOwner", "Session");
        command.bind_param("@LockTimeout", 0i32);
        command
    };
    assert_eq!(call(&mut client, lock()).await.unwrap().return_code(), 0);
    assert_eq!(call(&mut other, lock()).await.unwrap().return_code() as i32, -1);
    server.stop().await;
}

#[tokio::test]
async fn a_statement_is_prepared_executed_and_forgotten() {
    let server = server().await;
    let mut client = connect(&server).await;
    let mut prepare = Command::new("sp_prepare");
    prepare.bind_out_param("@handle", ColumnData::I32(None));
    prepare.bind_param("@params", "@n int");
    prepare.bind_param("@stmt", "SELECT @n + 1 AS next");
    let prepared = call(&mut client, prepare).await.unwrap();
    let handle: i32 = prepared.try_return_value("@handle").unwrap().expect("a handle");

    for number in [1i32, 41] {
        let mut execute = Command::new("sp_execute");
        execute.bind_param("@handle", handle);
        execute.bind_param("@n", number);
        let result = call(&mut client, execute).await.unwrap();
        assert_eq!(result.to_query_result(0).unwrap()[0].get::<i32, _>("next"), Some(number + 1));
    }
    let mut forget = Command::new("sp_unprepare");
    forget.bind_param("@handle", handle);
    call(&mut client, forget).await.unwrap();
    let mut execute = Command::new("sp_execute");
    execute.bind_param("@handle", handle);
    execute.bind_param("@n", 1i32);
    assert_eq!(error_number(call(&mut client, execute).await), 8_179);
    server.stop().await;
}

#[tokio::test]
async fn an_output_parameter_of_a_statement_comes_back() {
    let server = server().await;
    let mut client = connect(&server).await;
    let mut command = Command::new("sp_executesql");
    command.bind_param("@stmt", "SET @twice = @n * 2");
    command.bind_param("@params", "@n int, @twice int OUTPUT");
    command.bind_param("@n", 21i32);
    command.bind_out_param("@twice", ColumnData::I32(None));
    let result = call(&mut client, command).await.unwrap();
    assert_eq!(result.try_return_value::<i32>("@twice").unwrap(), Some(42));
    assert_eq!(result.return_code(), 0);
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_procedure_is_error_2812_and_a_system_procedure_is_refused_by_name() {
    let server = server().await;
    let mut client = connect(&server).await;
    assert_eq!(error_number(call(&mut client, Command::new("dbo.Nowhere")).await), 2_812);
    assert_eq!(error_number(call(&mut client, Command::new("sp_who")).await), 40_000);
    assert_eq!(batch(&mut client, "SELECT 1").await.unwrap().len(), 1);
    server.stop().await;
}
