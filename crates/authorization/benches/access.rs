//! `cargo xtask bench access`: what signing a request costs, and how long 200 connections that are all due take, against the practice authorization server.
//!
//! Each figure stands beside the same requests with a token that is simply there. It prints; the only thing it refuses is a wrong answer.

#[path = "../tests/all/support.rs"]
#[allow(dead_code)]
mod support;

use authorization::*;
use std::time::{Duration, Instant};
use support::*;

const CALLS: u32 = 1_000;
const CONNECTIONS: usize = 200;
/// The goals: microseconds for signing one request, and seconds for checking all connections.
const GOAL_SIGNING: Duration = Duration::from_millis(1);
const GOAL_CHECKING: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let world = World::new().await;
    signing(&world).await;
    checking(&world).await;
}

async fn signing(world: &World) {
    let signer = world.connected().await;
    drop(signer.apply(world.payments()).await.unwrap());
    let begun = Instant::now();
    for _ in 0..CALLS {
        drop(signer.apply(world.payments()).await.unwrap());
    }
    let ours = begun.elapsed() / CALLS;
    let begun = Instant::now();
    for _ in 0..CALLS {
        drop(std::hint::black_box(world.payments().bearer_auth("a token that is simply there")));
    }
    let plain = begun.elapsed() / CALLS;
    println!("signing one of {CALLS} requests   {:>9.1} µs   goal {} µs   a plain header {:.1} µs", micros(ours), micros(GOAL_SIGNING), micros(plain));
}

async fn checking(world: &World) {
    let grants = futures_of((0..CONNECTIONS).map(|number| async move { (number, world.grant(&OLD).await) })).await;
    for (number, grant) in grants {
        world.vault.save(&format!("conn-{number}"), grant).await.unwrap();
    }
    // Every access has ended and has to be renewed before its first request, as after a long sleep of the computer.
    world.days_pass(31);
    let renewed_before = world.fake.refreshes();
    let begun = Instant::now();
    let answers = futures_of((0..CONNECTIONS).map(|number| async move {
        let signer = world.vault.signer(&format!("conn-{number}"), Which::Current, &world.provider, &world.endpoints).await.unwrap();
        signer.send(world.payments()).await.unwrap().status().as_u16()
    }))
    .await;
    let ours = begun.elapsed();
    assert!(answers.iter().all(|status| *status == 200), "every connection answers");
    assert_eq!(world.fake.refreshes() - renewed_before, CONNECTIONS, "each is renewed once");
    let begun = Instant::now();
    // Two requests for each, as a renewal and a call are, without a store, a lock or a seal.
    futures_of((0..CONNECTIONS * 2).map(|_| async move { visit(&world.fake.base.join("v2/payments").unwrap()).await })).await;
    let plain = begun.elapsed();
    println!(
        "checking {CONNECTIONS} connections, all due  {:>6.2} s    goal {} s     {} bare requests {:.2} s",
        ours.as_secs_f64(),
        GOAL_CHECKING.as_secs(),
        CONNECTIONS * 2,
        plain.as_secs_f64()
    );
}

/// All of them at once, as a program asks when it wakes up.
async fn futures_of<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = all.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(move |context| {
        waiting.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        match waiting.is_empty() {
            true => std::task::Poll::Ready(std::mem::take(&mut done)),
            false => std::task::Poll::Pending,
        }
    })
    .await
}

fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}
