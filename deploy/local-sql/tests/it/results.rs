//! Result sets, counts and errors as the driver sees them.

use crate::support::{batch, connect, error_number, scalar, server};

#[tokio::test]
async fn a_batch_returns_several_result_sets() {
    let server = server().await;
    let mut client = connect(&server).await;
    let results = batch(&mut client, "SELECT 1 AS a; SELECT N'x' AS b, 2 AS c UNION ALL SELECT N'y', 3;")
        .await
        .unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(results[0][0].get::<i32, _>("a"), Some(1));
    assert_eq!(results[1].len(), 2);
    assert_eq!(results[1][1].get::<&str, _>("b"), Some("y"));
    server.stop().await;
}

#[tokio::test]
async fn after_an_error_the_connection_goes_on() {
    let server = server().await;
    let mut client = connect(&server).await;
    assert_eq!(error_number(batch(&mut client, "SELECT * FROM Nowhere").await), 208);
    // A name at the beginning of a batch is a procedure's.
    assert_eq!(error_number(batch(&mut client, "SELEC 1").await), 2_812);
    assert_eq!(error_number(batch(&mut client, "SELECT 1; SELEC 1 /* not T-SQL */").await), 102);
    assert_eq!(scalar::<i32>(&mut client, "SELECT 7").await, 7);
    server.stop().await;
}

#[tokio::test]
async fn counts_of_affected_rows_reach_the_client() {
    let server = server().await;
    let mut client = connect(&server).await;
    batch(&mut client, "CREATE TABLE T (Id int NOT NULL)").await.unwrap();
    let inserted =
        client.execute("INSERT INTO T (Id) VALUES (1), (2), (3); DELETE FROM T WHERE Id = 1", &[]).await;
    assert_eq!(inserted.unwrap().rows_affected(), [3, 1]);
    let silent = client.execute("SET NOCOUNT ON; DELETE FROM T", &[]).await.unwrap();
    assert_eq!(silent.total(), 0);
    server.stop().await;
}

#[tokio::test]
async fn a_large_result_arrives_whole() {
    let server = server().await;
    let mut client = connect(&server).await;
    let rows = format!("[{}]", (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    let found = client
        .query(
            "SELECT CAST(x.[key] AS int) AS k, REPLICATE(N'x', 50) AS pad FROM OPENJSON(@P1) AS x",
            &[&rows],
        )
        .await
        .unwrap()
        .into_first_result()
        .await
        .unwrap();
    assert_eq!(found.len(), 20_000);
    server.stop().await;
}
