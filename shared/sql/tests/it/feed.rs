//! The change feed: numbers in commit order, without gaps, whoever writes and rolls back in between.

use std::collections::BTreeMap;

use sql::{Error, RowExt, TAGS_MAX};

use crate::world::{Diary, INSERT, database, insert};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_number_their_changes_without_gaps_and_in_commit_order() {
    const WRITERS: i64 = 6;
    const ROUNDS: i64 = 10;
    let test = database().await;
    let diary = Diary::of(&test.database);
    let head = "SELECT h.Mark FROM Platform.FeedHead AS h";
    let first_mark: i64 = test.database.query(head, &[]).await.unwrap()[0].read("Mark").unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let database = test.database.clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let tag = writer * 1_000 + round;
                let name = &format!("{tag}");
                // Every third change is rolled back after its row was written.
                let result = database.transaction::<_, Error, _>("test", |tx| {
                    Box::pin(async move {
                        tx.execute(INSERT, &[name]).await?;
                        tx.changed(tag);
                        tx.changed(-tag - 1);
                        if round % 3 == 2 { Err(Error::Closed) } else { Ok(()) }
                    })
                });
                let result = result.await;
                assert_eq!(result.is_ok(), round % 3 != 2, "{result:?}");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let rows = test
        .database
        .query("SELECT Seq, Tag, Mark FROM Platform.ChangeFeed ORDER BY Seq", &[])
        .await
        .unwrap();
    let commits = diary.commits.lock().unwrap().clone();
    let rounds = (0..ROUNDS).filter(|round| round % 3 != 2).count();
    assert_eq!(commits.len(), WRITERS as usize * rounds);
    assert_eq!(rows.len(), commits.len() * 2);
    // What observers heard is what stands in the table.
    let mut heard = BTreeMap::new();
    for commit in &commits {
        for (index, tag) in commit.tags.iter().enumerate() {
            heard.insert(commit.first + index as i64, (*tag, commit.mark));
        }
    }
    for (index, row) in rows.iter().enumerate() {
        let seq: i64 = row.read("Seq").unwrap();
        assert_eq!(seq, index as i64 + 1, "no gap");
        assert_eq!(heard[&seq], (row.read("Tag").unwrap(), row.read("Mark").unwrap()));
    }
    // Each commit names the mark of the one before it in the log.
    for commit in &commits {
        let before = if commit.first == 1 { first_mark } else { heard[&(commit.first - 1)].1 };
        assert_eq!(commit.previous_mark, Some(before), "of the commit at {}", commit.first);
    }
    // Each writer's own commits follow one another, so their numbers must rise in that order.
    for writer in 0..WRITERS {
        let own: Vec<_> = rows
            .iter()
            .filter_map(|row| row.read::<i64>("Tag").ok())
            .filter(|t| *t >= 0 && t / 1_000 == writer)
            .collect();
        assert!(own.is_sorted(), "{own:?}");
    }
    let head = test.database.query("SELECT Head, Mark FROM Platform.FeedHead", &[]).await.unwrap();
    assert_eq!(head[0].read::<i64>("Head").unwrap(), rows.len() as i64);
    assert_eq!(head[0].read::<i64>("Mark").unwrap(), rows[rows.len() - 1].read::<i64>("Mark").unwrap());
    test.close().await;
}

#[tokio::test]
async fn equal_tags_count_once_and_each_tag_has_its_place() {
    let test = database().await;
    let diary = Diary::of(&test.database);
    let tags = &[5, i64::MIN, 5, i64::MAX, -1];
    test.database
        .transaction::<_, Error, _>("test", |tx| {
            Box::pin(async move {
                for tag in tags {
                    tx.changed(*tag);
                }
                Ok(())
            })
        })
        .await
        .unwrap();
    let commit = diary.commits.lock().unwrap()[0].clone();
    assert_eq!(*commit.tags, [5, i64::MIN, i64::MAX, -1]);
    assert_eq!((commit.first, commit.last), (1, 4));
    assert!(commit.mark > 0 && commit.log_id > 0);
    let rows = test.database.query("SELECT Tag FROM Platform.ChangeFeed ORDER BY Seq", &[]).await.unwrap();
    let stored: Vec<i64> = rows.iter().map(|row| row.read("Tag").unwrap()).collect();
    assert_eq!(stored, [5, i64::MIN, i64::MAX, -1]);
    test.close().await;
}

#[tokio::test]
async fn a_commit_carries_a_limited_number_of_tags() {
    let test = database().await;
    let write = async |count: usize| {
        test.database
            .transaction::<_, Error, _>("test", |tx| {
                Box::pin(async move {
                    (0..count).for_each(|tag| tx.changed(tag as i64));
                    Ok(())
                })
            })
            .await
    };
    write(TAGS_MAX).await.unwrap();
    assert!(matches!(write(TAGS_MAX + 1).await, Err(Error::TooManyTags { limit: TAGS_MAX, .. })));
    let rows = test.database.query("SELECT COUNT(*) AS N FROM Platform.ChangeFeed", &[]).await.unwrap();
    assert_eq!(rows[0].read::<i32>("N").unwrap(), TAGS_MAX as i32);
    test.close().await;
}

#[tokio::test]
async fn young_records_of_commits_survive_pruning() {
    let test = database().await;
    insert(&test.database, "a", 1).await.unwrap();
    assert_eq!(sql::prune_commits(&test.database, std::time::Duration::ZERO, 100).await.unwrap(), 0);
    for hours in [2, 3, 4] {
        let text = "INSERT INTO Platform.[Commit] (TxId, Fenced, At) VALUES (@P1, 0, DATEADD(hour, -@P1, SYSUTCDATETIME()))";
        test.database.execute(text, &[&hours]).await.unwrap();
    }
    assert_eq!(sql::prune_commits(&test.database, std::time::Duration::ZERO, 2).await.unwrap(), 2);
    assert_eq!(sql::prune_commits(&test.database, std::time::Duration::ZERO, 2).await.unwrap(), 1);
    test.close().await;
}
