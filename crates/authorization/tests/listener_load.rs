//! Ten thousand hostile requests at the listener of one sign-in: it neither grows nor ends, and takes the answer after
//! them. In a program of its own, because it looks at the memory and the open files of the whole program.

#[path = "all/support.rs"]
#[allow(dead_code)]
mod support;

use authorization::*;
use std::sync::{Arc, Mutex};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

const REQUESTS: usize = 10_000;
/// Requests before the first look: by then everything that is made once has been made.
const FIRST: usize = 1_000;
const AT_ONCE: usize = 20;
/// What an allocator keeps back and a busy computer adds; a hundredth of what the requests carry.
const GROWTH_MAX_KIB: usize = 6 * 1024;

/// Resident memory in KiB and open files. `None` where the system does not tell.
fn weight() -> Option<(usize, usize)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((resident, std::fs::read_dir("/proc/self/fd").ok()?.count()))
}

fn hostile(number: usize, answer: &Url) -> Vec<u8> {
    let host = format!("127.0.0.1:{}", answer.port().unwrap());
    let path = answer.path();
    let head = |line: &str, host: &str, more: &str| format!("{line}\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n");
    let text = match number % 14 {
        0 => head(&format!("GET {path}?code=x&state=forged{number} HTTP/1.1"), &host, ""),
        1 => head(&format!("GET {path}?error=access_denied HTTP/1.1"), &host, ""),
        2 => head(&format!("GET {path}?code=x&state={} HTTP/1.1", "s".repeat(9_000)), &host, ""),
        3 => head(&format!("GET {path}?{} HTTP/1.1", "state=a&".repeat(900)), &host, ""),
        4 => head(&format!("GET {path}?code=x&state=y HTTP/1.1"), "evil.example", ""),
        5 => head(&format!("GET {path}?code=x&state=y HTTP/1.1"), &host, "Sec-Fetch-Mode: no-cors\r\n"),
        6 => format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999\r\n\r\n{}", "b".repeat(12_000)),
        7 => format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n{}", "c".repeat(12_000)),
        8 => format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "u".repeat(40_000)),
        9 => format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}", "X: y\r\n".repeat(4_000)),
        10 => "\u{16}\u{3}\u{1} this is no HTTP\r\n\r\n".to_string(),
        11 => format!("GET {path}\r\n\r\n"),
        12 => head(&format!("GET {path}?iss=https%3A%2F%2Fevil.example&code=x HTTP/1.1"), &host, ""),
        // Nothing at all, and gone again.
        _ => String::new(),
    };
    text.into_bytes()
}

/// Sends, says that nothing more comes, reads what there is to read; at most 64 KiB is kept.
async fn send(answer: &Url, bytes: Vec<u8>) {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", answer.port().unwrap())).await.unwrap();
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
    let mut back = Vec::new();
    let _ = (&mut stream).take(65_536).read_to_end(&mut back).await;
    assert!(!back.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)]));
    assert!(back.len() < 4_096, "a short page, whatever was asked");
}

// Check 9, 10, 12.
#[tokio::test]
async fn ten_thousand_hostile_requests_neither_end_a_sign_in_nor_make_it_grow() {
    let world = World::new().await;
    let looks = Arc::new(Mutex::new(Vec::new()));
    let looked = looks.clone();
    let browser = Browser::that(move |answer| {
        let looked = looked.clone();
        async move {
            let mut done = 0;
            while done < REQUESTS {
                if done == FIRST {
                    looked.lock().unwrap().push(weight());
                }
                let sent: Vec<_> = (done..done + AT_ONCE)
                    .map(|number| {
                        let answer = answer.clone();
                        tokio::spawn(async move { send(&answer, hostile(number, &answer)).await })
                    })
                    .collect();
                for one in sent {
                    one.await.unwrap();
                }
                done += AT_ONCE;
            }
            looked.lock().unwrap().push(weight());
            assert_eq!(visit(&answer).await.0, 200, "the right answer is taken after all of them");
        }
    });
    let strange = Arc::new(Mutex::new(0));
    let heard = strange.clone();
    let mut request = world.request(&OLD);
    request.timeout = std::time::Duration::from_secs(300);
    let hear = move |event| {
        if let SignInEvent::StrangeAnswer(count) = event {
            *heard.lock().unwrap() = count;
        }
    };
    let grant = authorize(request, &browser, &hear, &Controls::new()).await.unwrap_or_else(|problem| panic!("{problem}"));
    browser.done().await;
    assert_eq!(grant.facts().tenant.id, "MLHARBOUR");
    assert_eq!(world.fake.seen.lock().unwrap().exchanges, 1);
    assert!(*strange.lock().unwrap() > 2_000, "they were counted and told");
    let looks = looks.lock().unwrap();
    let (Some((memory, files)), Some((memory_after, files_after))) = (looks[0], looks[1]) else {
        println!("this system does not tell how much memory a program holds");
        return;
    };
    println!("after {FIRST} requests {memory} KiB and {files} files, after {REQUESTS} {memory_after} KiB and {files_after} files");
    assert!(memory_after.saturating_sub(memory) < GROWTH_MAX_KIB, "{memory} KiB became {memory_after} KiB");
    assert!(files_after <= files + AT_ONCE, "{files} open files became {files_after}");
}
