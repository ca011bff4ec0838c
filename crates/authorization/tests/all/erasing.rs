//! Disconnecting leaves nothing sealed behind: neither in the store's file nor in its write-ahead log.

use crate::support::*;

/// How often these bytes stand in the store's files.
fn copies(world: &World, bytes: &[u8]) -> usize {
    ["store.db", "store.db-wal"]
        .iter()
        .filter_map(|name| std::fs::read(world.home.path().join(name)).ok())
        .map(|file| file.windows(bytes.len()).filter(|window| *window == bytes).count())
        .sum()
}

#[tokio::test]
async fn after_disconnecting_no_sealed_byte_is_in_the_store_or_its_log() {
    let world = World::new().await;
    world.connected().await;
    world.vault.save("conn", world.grant(&NEW).await).await.unwrap();
    // A renewal replaces a blob; the replaced one must not stay either.
    let mut sealed: Vec<Vec<u8>> = sqlx::query_scalar("SELECT sealed FROM credential").fetch_all(&world.pool).await.unwrap();
    world.days_pass(40);
    world.signer().await.send(world.payments()).await.unwrap();
    let renewed: Vec<Vec<u8>> = sqlx::query_scalar("SELECT sealed FROM credential").fetch_all(&world.pool).await.unwrap();
    assert_ne!(sealed, renewed);
    sealed.extend(renewed.into_iter().filter(|blob| !sealed.contains(blob)).collect::<Vec<_>>());
    assert_eq!(sealed.len(), 3);
    assert!(sealed.iter().all(|blob| blob.len() > 60));
    // The nonce at the head is enough to know a blob by, and a page break cannot hide it.
    assert!(sealed.iter().any(|blob| copies(&world, &blob[..24]) > 0), "the search finds what is there");
    world.vault.disconnect("conn", &world.provider, here_only()).await.unwrap();
    for blob in sealed {
        assert_eq!(copies(&world, &blob[..24]), 0);
        assert_eq!(copies(&world, &blob[blob.len() - 24..]), 0);
    }
}
