//! Heads of requests: framing and hosts, row by row over raw connections.

use super::rig::{Rig, limits};

/// Request, and the statuses that are right for it; 0 is a server that waits for more.
const ROWS: &[(&str, &str, &[u16])] = &[
    ("whole", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", &[200]),
    ("odd case and tab", "GET / HTTP/1.1\r\nhoSt:\ta.example\r\nempty:\r\n\r\n", &[200]),
    ("port", "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", &[200]),
    ("IPv4", "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n", &[200]),
    ("IPv6", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", &[200]),
    ("underscore", "GET / HTTP/1.1\r\nHost: sea_wall\r\n\r\n", &[200]),
    ("no host", "GET / HTTP/1.1\r\n\r\n", &[400]),
    ("no host, a length", "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", &[400]),
    ("two hosts", "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", &[400]),
    ("the same host twice", "GET / HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n", &[400]),
    ("empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", &[400]),
    ("host list", "GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n", &[400]),
    ("host with user", "GET / HTTP/1.1\r\nHost: u@a.example\r\n\r\n", &[400]),
    ("host with path", "GET / HTTP/1.1\r\nHost: a.example/x\r\n\r\n", &[400]),
    ("host with percent", "GET / HTTP/1.1\r\nHost: a%2eexample\r\n\r\n", &[400]),
    ("host with space", "GET / HTTP/1.1\r\nHost: a example\r\n\r\n", &[400]),
    ("host not ASCII", "GET / HTTP/1.1\r\nHost: \u{e4}.example\r\n\r\n", &[400]),
    ("port too large", "GET / HTTP/1.1\r\nHost: a.example:65536\r\n\r\n", &[400]),
    ("port empty", "GET / HTTP/1.1\r\nHost: a.example:\r\n\r\n", &[400]),
    ("port no number", "GET / HTTP/1.1\r\nHost: a.example:8o\r\n\r\n", &[400]),
    ("bare IPv6", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", &[400]),
    ("open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", &[400]),
    ("no address in brackets", "GET / HTTP/1.1\r\nHost: [a.example]\r\n\r\n", &[400]),
    ("absolute", "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", &[200]),
    (
        "absolute, case and port",
        "GET http://a.example/ HTTP/1.1\r\nHost: A.EXAMPLE:80\r\n\r\n",
        &[200],
    ),
    ("absolute, other host", "GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", &[400]),
    (
        "absolute, other port",
        "GET http://a.example/ HTTP/1.1\r\nHost: a.example:81\r\n\r\n",
        &[400],
    ),
    ("absolute, user", "GET http://u@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", &[400]),
    ("absolute, no host", "GET http://a.example/ HTTP/1.1\r\n\r\n", &[400]),
    ("1.0 with host", "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n", &[200]),
    ("1.0 without host", "GET / HTTP/1.0\r\n\r\n", &[400]),
    ("1.0 absolute", "GET http://a.example/ HTTP/1.0\r\n\r\n", &[200]),
    ("tunnel", "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", &[501]),
    ("no version", "GET / \r\n\r\n", &[400]),
    ("version 9.9", "GET / HTTP/9.9\r\nHost: a.example\r\n\r\n", &[400, 505]),
    ("words before", "Extra lineGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", &[400]),
    ("header name", "GET / HTTP/1.1\r\nHost: a.example\r\nX[]: y\r\n\r\n", &[400]),
    ("space before colon", "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n", &[400]),
    ("folded line", "GET / HTTP/1.1\r\nHost: a.example\r\n folded\r\n\r\n", &[400]),
    ("control character", "GET / HTTP/1.1\r\nHost: a.example\r\nX: a\x07\r\n\r\n", &[400]),
    ("bare CR", "GET / HTTP/1.1\r\nHost: a.example\r\n\rX: y\r\n\r\n", &[400]),
    (
        "length no number",
        "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: abc\r\n\r\n",
        &[400],
    ),
    ("length negative", "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: -12\r\n\r\n", &[400]),
    (
        "length signed",
        "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: +5\r\n\r\nhello",
        &[400],
    ),
    (
        "length beyond numbers",
        "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        &[400],
    ),
    (
        "two lengths",
        "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        &[400],
    ),
    (
        "encoding not chunked",
        "GET / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        &[400],
    ),
    (
        "encoding in 1.0",
        "GET / HTTP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &[400],
    ),
    ("body", "POST /read HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello", &[200]),
    (
        "body in chunks",
        "POST /read HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        &[200],
    ),
    (
        "chunk size no number",
        "POST /read HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n",
        &[400],
    ),
];

#[tokio::test(start_paused = true)]
async fn every_row_is_answered_rightly() {
    let rig = Rig::new(limits());
    let mut wrong = Vec::new();
    for (name, request, right) in ROWS {
        let before = rig.seen.requests();
        let answer = rig.ask(request.as_bytes()).await;
        if !right.contains(&answer.status) {
            wrong.push(format!("{name}: {} instead of {right:?}", answer.status));
        }
        let reached = rig.seen.requests() > before;
        if answer.status >= 400 && reached && *name != "chunk size no number" {
            wrong.push(format!("{name}: refused, but the handler saw it"));
        }
        if answer.status >= 400 && !answer.closed {
            wrong.push(format!("{name}: refused, but the connection stayed open"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_head_in_any_two_pieces_is_the_same_head() {
    let rig = Rig::new(limits());
    let request = b"POST /read HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello";
    for split in 1..request.len() {
        let mut stream = rig.say(&request[..split]).await;
        rig.settle().await;
        tokio::io::AsyncWriteExt::write_all(&mut stream, &request[split..]).await.unwrap();
        let answer = super::rig::read_one(&mut stream).await;
        assert!(answer.ends_with("5 bytes"), "split at {split}: {answer}");
    }
}

/// Two ways to say how long a body is: the chunks count, the length is gone, and the connection
/// is closed, so that what follows is never read as a request.
#[tokio::test(start_paused = true)]
async fn a_body_framed_twice_ends_the_connection() {
    for order in [
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
    ] {
        let rig = Rig::new(limits());
        let request = format!(
            "POST /read HTTP/1.1\r\nHost: a.example\r\n{order}\r\n\r\n5\r\nhello\r\n0\r\n\r\n\
             GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"
        );
        let answer = rig.ask(request.as_bytes()).await;
        assert_eq!(answer.status, 200, "{order}");
        assert!(answer.text.ends_with("5 bytes"), "{}", answer.text);
        assert!(answer.closed);
        assert_eq!(rig.seen.requests(), 1, "{order}: the rest was taken for a request");
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_or_too_long_header_lines_get_431() {
    let rig = Rig::new(limits());
    let head = |lines: usize, bytes: usize| {
        let line = format!("x: {}\r\n", "y".repeat(bytes));
        format!("GET / HTTP/1.1\r\nHost: a.example\r\n{}\r\n", line.repeat(lines))
    };
    // The host is the 64th line of the first.
    for (lines, bytes, status) in
        [(63, 10, 200), (64, 10, 431), (60, 500, 200), (60, 600, 431), (1, 40_000, 431)]
    {
        let mut stream = rig.call().await;
        let (mut read, mut write) = tokio::io::split(&mut stream);
        let text = head(lines, bytes);
        let sending = async {
            // The server may close before it has read everything.
            _ = tokio::io::AsyncWriteExt::write_all(&mut write, text.as_bytes()).await;
        };
        let mut came = vec![0_u8; 64];
        let (read, ()) = tokio::join!(tokio::io::AsyncReadExt::read(&mut read, &mut came), sending);
        let line = String::from_utf8_lossy(&came[..read.unwrap()]).into_owned();
        assert!(line.contains(&status.to_string()), "{lines} of {bytes}: {line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_connection_only() {
    let rig = Rig::new(limits());
    assert_eq!(rig.ask(b"GET /panic HTTP/1.1\r\nHost: a.example\r\n\r\n").await.status, 0);
    assert_eq!(rig.ask(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.status, 200);
}
