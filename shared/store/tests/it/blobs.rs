//! Uploaded files in parts.

use crate::world::World;
use store::blobs::{Blob, PART_BYTES, Reader, Writer};

/// Bytes that tell where they are.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

async fn write(world: &World, data: &[u8]) -> Blob {
    world
        .db()
        .transaction("test.blob", |tx| {
            Box::pin(async move {
                let mut writer = Writer::create(tx, "catalog.csv", "text/csv").await?;
                // Pieces that do not fit the parts.
                for piece in data.chunks(100_000) {
                    writer.write(tx, piece).await?;
                }
                writer.finish(tx).await
            })
        })
        .await
        .unwrap()
}

async fn read(world: &World, blob_id: i64, at: u64) -> Vec<u8> {
    let mut reader = Reader::open(world.db(), blob_id, at).await.unwrap().unwrap();
    let mut all = Vec::new();
    while let Some(part) = reader.next_part(world.db()).await.unwrap() {
        all.extend_from_slice(&part);
    }
    all
}

#[tokio::test]
async fn a_file_is_read_back_from_any_byte() {
    let world = World::new().await;
    let data = bytes(PART_BYTES * 2 + 17);
    let blob = write(&world, &data).await;
    assert_eq!((blob.length, blob.name.as_str()), (data.len() as u64, "catalog.csv"));
    for at in [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, data.len() - 1, data.len(), data.len() + 1] {
        let rest = data.get(at..).unwrap_or_default();
        assert!(read(&world, blob.id, at as u64).await == rest, "from byte {at}");
    }
    world.close().await;
}

#[tokio::test]
async fn files_that_fill_their_parts_exactly_and_empty_files_have_no_empty_part() {
    let world = World::new().await;
    for length in [0, PART_BYTES] {
        let data = bytes(length);
        let blob = write(&world, &data).await;
        assert!(read(&world, blob.id, 0).await == data, "{length} bytes");
    }
    world.close().await;
}

#[tokio::test]
async fn an_unfinished_file_is_not_found() {
    let world = World::new().await;
    let id = world
        .db()
        .transaction("test.blob", |tx| {
            Box::pin(async move {
                let mut writer = Writer::create(tx, "a", "b").await?;
                writer.write(tx, b"abc").await?;
                let blob = writer.finish(tx).await?;
                Writer::create(tx, "unfinished", "b").await?;
                Ok::<_, store::Error>(blob.id)
            })
        })
        .await
        .unwrap();
    assert!(Reader::open(world.db(), id, 0).await.unwrap().is_some());
    assert!(Reader::open(world.db(), id + 1, 0).await.unwrap().is_none());
    world.close().await;
}
