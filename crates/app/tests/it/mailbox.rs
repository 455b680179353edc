//! A mail relay that speaks SMTP over the network in memory and keeps what it takes.

use std::sync::{Arc, Mutex};

use net::{BoxIo, Listener};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::memory::Network;

/// One mail as it was handed over, with its text read.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Mail {
    /// The first address in the text that begins so.
    pub(crate) fn link(&self, start: &str) -> Option<String> {
        let all = format!("{}\n{}", self.head.replace("\r\n ", " "), self.text);
        let is_end = |sign: char| sign.is_whitespace() || sign == '>';
        let rest = all.split_once(start)?.1;
        Some(format!("{start}{}", rest.split(is_end).next().unwrap()))
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Mailbox(Arc<Mutex<Vec<Mail>>>);

impl Mailbox {
    pub(crate) fn start(network: &Network, port: u16) -> Self {
        let mailbox = Self::default();
        let mut listener = network.listen(port);
        let serving = mailbox.clone();
        tokio::spawn(async move {
            while let Ok((io, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.converse(io).await });
            }
        });
        mailbox
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.0.lock().unwrap().clone()
    }

    async fn converse(self, io: BoxIo) {
        let mut io = BufReader::new(io);
        let (mut to, mut line) = (String::new(), String::new());
        let mut say = "220 mail.test\r\n";
        loop {
            io.write_all(say.as_bytes()).await.unwrap();
            line.clear();
            if io.read_line(&mut line).await.unwrap() == 0 {
                return;
            }
            say = match line.split_whitespace().next().unwrap().to_ascii_uppercase().as_str() {
                "RCPT" => {
                    to = line.split(['<', '>']).nth(1).unwrap().to_owned();
                    "250 ok\r\n"
                }
                "DATA" => {
                    io.write_all(b"354 go on\r\n").await.unwrap();
                    let mut text = String::new();
                    while !text.ends_with("\r\n.\r\n") {
                        io.read_line(&mut text).await.unwrap();
                    }
                    self.0.lock().unwrap().push(read(&to, &text));
                    "250 taken\r\n"
                }
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            };
        }
    }
}

fn read(to: &str, mail: &str) -> Mail {
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    let body: String = body.trim_end_matches("\r\n.\r\n").split_whitespace().collect();
    let text = String::from_utf8(base64(&body)).unwrap();
    Mail { to: to.to_owned(), head: head.to_owned(), text }
}

fn base64(text: &str) -> Vec<u8> {
    let place = |sign: u8| match sign {
        b'A'..=b'Z' => sign - b'A',
        b'a'..=b'z' => sign - b'a' + 26,
        b'0'..=b'9' => sign - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let bits: Vec<u8> = text.bytes().take_while(|sign| *sign != b'=').map(place).collect();
    let four = |four: &[u8]| {
        let all = four.iter().fold(0_u32, |all, six| all << 6 | u32::from(*six));
        let all = all << (6 * (4 - four.len()));
        all.to_be_bytes()[1..four.len()].to_vec()
    };
    bits.chunks(4).flat_map(four).collect()
}
