//! A server for tests that answers as it is told, one request a connection.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A status with headers, and a body.
    Http(String, Vec<u8>),
    /// These bytes, whatever they are, and the connection ends.
    Cut(&'static [u8]),
}

impl Answer {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::Http(format!("{status} Status\r\ncontent-type: application/x-amz-json-1.0"), body.as_bytes().to_vec())
    }
}

/// The requests that came, with their heads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<String>>>);

impl Requests {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Starts it: its URL, and what it is asked. It answers as many requests as there are answers, and then takes no more.
pub(crate) fn serve(answers: Vec<Answer>) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let seen = requests.clone();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            seen.0.lock().unwrap().push(read(&mut stream));
            let bytes = match answer {
                Answer::Cut(bytes) => bytes.to_vec(),
                Answer::Http(head, body) => {
                    let length = body.len();
                    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                    [head.into_bytes(), body].concat()
                }
            };
            // The client may have heard enough.
            let _ = stream.write_all(&bytes);
        }
    });
    (url, requests)
}

fn read(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let bytes = stream.read(&mut chunk).unwrap();
        read.extend_from_slice(&chunk[..bytes]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        if body.len() >= length || bytes == 0 {
            return text;
        }
    }
}
