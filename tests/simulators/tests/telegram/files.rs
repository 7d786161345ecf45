//! Files both ways: what the bot sends, and what it downloads.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{CUSTOMER, LONG, Stage, TOKEN, Webhook, stage};

/// A PNG's beginning, of 800 by 600 pixels, and some more bytes.
fn picture() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x03\x20\0\0\x02\x58".to_vec();
    bytes.extend_from_slice(&[7; 200]);
    bytes
}

fn part(name: &str, content_type: &str, bytes: Vec<u8>) -> Part {
    Part::bytes(bytes).file_name(name.to_owned()).mime_str(content_type).expect("a type")
}

fn form(field: &'static str, part: Part) -> Form {
    Form::new().text("chat_id", CUSTOMER.to_string()).part(field, part)
}

async fn upload(stage: &Stage, method: &str, form: Form) -> (u16, Value) {
    let url = format!("{}/bot{TOKEN}/{method}", stage.simulator.url());
    let response = stage.http.post(url).multipart(form).send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("a JSON answer"))
}

/// As [`upload`], for calls that must succeed. Returns `result`.
async fn accepted(stage: &Stage, method: &str, form: Form) -> Value {
    let (status, body) = upload(stage, method, form).await;
    assert_eq!((status, &body["ok"]), (200, &json!(true)), "{method}: {body}");
    body["result"].clone()
}

async fn refused(stage: &Stage, method: &str, form: Form, code: u16, description: &str) {
    let (status, body) = upload(stage, method, form).await;
    assert_eq!((status, &body["description"]), (code, &json!(description)), "{method}");
}

async fn download(stage: &Stage, token: &str, path: &str) -> Response {
    let url = format!("{}/file/bot{token}/{path}", stage.simulator.url());
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    http.build().expect("a client").get(url).send().await.expect("an answer")
}

async fn path_of(stage: &Stage, file_id: &str) -> String {
    let file = stage.result("getFile", &json!({"file_id": file_id})).await;
    file["file_path"].as_str().expect("a path").to_owned()
}

#[tokio::test]
async fn a_photo_is_uploaded_recorded_and_shown() {
    let stage = stage().await;
    let first = stage.open_chat().await;
    let bytes = picture();
    let form = form("photo", part("Fläche; 1.png", "image/png", bytes.clone()))
        .text("caption", "  Look  ")
        .text("reply_parameters", json!({"message_id": first}).to_string());
    let message = accepted(&stage, "sendPhoto", form).await;
    assert_eq!((&message["caption"], &message["reply_to_message"]["text"]), (&json!("Look"), &json!("hello")));
    let sizes = message["photo"].as_array().expect("sizes");
    assert_eq!((sizes.len(), &sizes[0]["width"], &sizes[0]["file_size"]), (2, &json!(16), &json!(79)));
    let photo = &sizes[1];
    assert_eq!((&photo["width"], &photo["height"], &photo["file_size"]), (&json!(800), &json!(600), &json!(224)));
    assert_ne!(photo["file_unique_id"], sizes[0]["file_unique_id"]);

    let sent = stage.client.wait_for_sent(TOKEN, "sendPhoto", Some(CUSTOMER), 0, 1, LONG).await.expect("sent");
    let file = &sent[0]["file"];
    assert_eq!(
        (&file["name"], &file["content_type"], &file["size"]),
        (&json!("Fläche; 1.png"), &json!("image/png"), &json!(224))
    );
    assert_eq!((&file["file_id"], &file["sha256"]), (&photo["file_id"], &sent[0]["params"]["photo"]["sha256"]));
    let shown = stage.http.get(file["url"].as_str().expect("a URL")).send().await.expect("an answer");
    assert_eq!(shown.headers()["content-type"], "image/png");
    assert_eq!(shown.bytes().await.expect("bytes"), bytes);
    let id = photo["file_id"].as_str().expect("an id");
    assert_eq!(stage.client.read_file(TOKEN, id).await.expect("bytes"), bytes);

    let view = stage.control(Method::GET, &format!("/chats/{CUSTOMER}"), None).await;
    let seen = &view["messages"][1];
    assert_eq!((&seen["content"], &seen["file"]["picture"]), (&json!("photo"), &json!(true)));
    assert_eq!(seen["file"]["url"], format!("/control/bots/{TOKEN}/files/{id}"));
}

#[tokio::test]
async fn every_method_answers_with_its_own_fields() {
    let stage = stage().await;
    stage.open_chat().await;
    let cases = [
        ("sendVideo", "video", "a.mp4", json!({"mime_type": "video/mp4", "file_name": "a.mp4", "duration": 9})),
        ("sendVideoNote", "video_note", "a.mp4", json!({"length": 240, "duration": 9})),
        ("sendAnimation", "animation", "a.mp4", json!({"mime_type": "video/mp4", "file_name": "a.mp4"})),
        ("sendAudio", "audio", "a.mp3", json!({"mime_type": "audio/mpeg", "duration": 9, "title": "Song"})),
        ("sendVoice", "voice", "a.ogg", json!({"mime_type": "audio/ogg", "duration": 9})),
        ("sendSticker", "sticker", "a.webp", json!({"type": "regular", "is_video": false})),
        ("sendDocument", "document", "a.pdf", json!({"mime_type": "application/pdf", "file_name": "a.pdf"})),
    ];
    for (method, field, name, expected) in cases {
        let form = form(field, part(name, "application/x-any", b"content".to_vec()))
            .text("duration", "9")
            .text("title", "Song");
        let message = accepted(&stage, method, form).await;
        let file = &message[field];
        assert_eq!(file["file_size"], 7, "{method}");
        for (key, value) in expected.as_object().expect("an object") {
            assert_eq!(&file[key], value, "{method} {key}");
        }
        assert_eq!(message.get("document").is_some(), matches!(field, "document" | "animation"));
    }
    let mut unnamed = Form::new().text("chat_id", CUSTOMER.to_string()).text("document", "attach://it");
    unnamed = unnamed.part("it", part("b.txt", "text/plain", b"attached".to_vec()));
    let message = accepted(&stage, "sendDocument", unnamed).await;
    let again = json!({"chat_id": CUSTOMER, "document": message["document"]["file_id"], "caption": "again"});
    let resent = stage.result("sendDocument", &again).await;
    assert_eq!((&resent["document"], &resent["caption"]), (&message["document"], &json!("again")));
}

#[tokio::test]
async fn files_are_refused_with_the_servers_words() {
    let stage = stage().await;
    stage.open_chat().await;
    let photo = || form("photo", part("a.png", "image/png", picture()));
    let document = |bytes| form("document", part("a.bin", "application/octet-stream", bytes));
    let missing = "Bad Request: there is no photo in the request";
    refused(&stage, "sendPhoto", Form::new().text("chat_id", CUSTOMER.to_string()), 400, missing).await;
    // A part without a file's name is a text, and so an id.
    let text = Form::new().text("chat_id", CUSTOMER.to_string()).text("photo", "no such file");
    refused(&stage, "sendPhoto", text, 400, "Bad Request: wrong file identifier/HTTP URL specified").await;
    let longest = "😀".repeat(512);
    accepted(&stage, "sendPhoto", photo().text("caption", longest.clone())).await;
    let too_long = photo().text("caption", longest + "x");
    refused(&stage, "sendPhoto", too_long, 400, "Bad Request: message caption is too long").await;
    let no_picture = form("photo", part("a.png", "image/png", b"<html>".to_vec()));
    refused(&stage, "sendPhoto", no_picture, 400, "Bad Request: IMAGE_PROCESS_FAILED").await;
    refused(&stage, "sendDocument", document(Vec::new()), 400, "Bad Request: file must be non-empty").await;
    let reply = photo().text("reply_parameters", "{\"message_id\":99}");
    refused(&stage, "sendPhoto", reply, 400, "Bad Request: message to be replied not found").await;

    let mut large = picture();
    large.resize(10 * 1024 * 1024 + 1, 0);
    let large_photo = form("photo", part("a.png", "image/png", large.clone()));
    refused(&stage, "sendPhoto", large_photo, 413, "Request Entity Too Large").await;
    accepted(&stage, "sendDocument", document(large)).await;
    for size in [50 * 1024 * 1024 + 1, 60 * 1024 * 1024] {
        refused(&stage, "sendDocument", document(vec![0; size]), 413, "Request Entity Too Large").await;
    }
    let counters = stage.client.counters(TOKEN).await.expect("counters");
    assert_eq!(counters["errors_by_code"], json!({"400": 6, "413": 3}), "{counters}");
    let calls = stage.control(Method::GET, "/calls?method=sendPhoto&count=4", None).await;
    let call = &calls["calls"][4];
    assert_eq!(
        (&call["accepted"], &call["file"]["size"], &call["file"]["url"]),
        (&json!(false), &json!(6), &Value::Null)
    );
}

#[tokio::test]
async fn a_fault_strikes_an_upload_before_or_after_it_counts() {
    let stage = stage().await;
    stage.open_chat().await;
    let faults = json!([
        {"kind": "rate_limited", "method": "sendDocument"},
        {"kind": "server_error", "method": "sendDocument", "after_accepting": true},
    ]);
    stage.client.order_faults(TOKEN, &faults).await.expect("ordered");
    let document = || form("document", part("a.txt", "text/plain", b"x".to_vec()));
    assert_eq!(upload(&stage, "sendDocument", document()).await.0, 429);
    let url = format!("{}/bot{TOKEN}/sendDocument", stage.simulator.url());
    let proxy = stage.http.post(url).multipart(document()).send().await.expect("an answer");
    assert_eq!(proxy.status(), 500);
    let sent = stage.client.wait_for_sent(TOKEN, "sendDocument", None, 0, 1, LONG).await.expect("sent");
    assert_eq!((sent.len(), &sent[0]["file"]["name"]), (1, &json!("a.txt")));
}

#[tokio::test]
async fn a_customers_file_arrives_and_is_downloaded() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.set_webhook(&webhook.url).await;
    let bytes = b"%PDF-1.4 invoice".to_vec();
    let id =
        stage.client.upload_file(TOKEN, "Rechnung & Co.pdf", "application/pdf", bytes.clone()).await.expect("kept");
    stage.client.write_file(TOKEN, CUSTOMER, "document", &id, Some("Here")).await.expect("written");
    let message = webhook.next().await.update["message"].clone();
    let document = &message["document"];
    assert_eq!((&document["file_id"], &document["file_size"]), (&json!(id), &json!(bytes.len())));
    assert_eq!(
        (&document["file_name"], &document["mime_type"], &message["caption"]),
        (&json!("Rechnung & Co.pdf"), &json!("application/pdf"), &json!("Here"))
    );
    assert_eq!(download(&stage, TOKEN, "documents/file_0.pdf").await.status(), 404, "nobody asked for it");
    let file = stage.result("getFile", &json!({"file_id": id})).await;
    let expected = json!({
        "file_id": id,
        "file_unique_id": document["file_unique_id"],
        "file_size": bytes.len(),
        "file_path": "documents/file_0.pdf",
    });
    assert_eq!(file, expected);
    let got = download(&stage, TOKEN, "documents/file_0.pdf").await;
    assert_eq!(
        (got.status().as_u16(), &got.headers()["content-type"]),
        (200, &"application/octet-stream".parse().unwrap())
    );
    assert_eq!(got.bytes().await.expect("bytes"), bytes);
    for (token, path) in [(TOKEN, "documents/file_1.pdf"), ("1:other", "documents/file_0.pdf")] {
        let missing = download(&stage, token, path).await;
        assert_eq!(missing.status(), 404);
        assert_eq!(missing.json::<Value>().await.expect("JSON")["description"], "Not Found");
    }
}

#[tokio::test]
async fn photos_come_in_sizes_and_fields_of_ones_own_are_kept() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.set_webhook(&webhook.url).await;
    let id = stage.client.upload_file(TOKEN, "a.png", "image/png", picture()).await.expect("kept");
    stage.client.write(TOKEN, CUSTOMER, &json!({"photo": id})).await.expect("written");
    let sizes = webhook.next().await.update["message"]["photo"].clone();
    assert_eq!((&sizes[1]["file_id"], &sizes[1]["width"]), (&json!(id), &json!(800)));
    let small = path_of(&stage, sizes[0]["file_id"].as_str().expect("an id")).await;
    assert_eq!(download(&stage, TOKEN, &small).await.bytes().await.expect("bytes").len(), 79);
    assert!(path_of(&stage, &id).await.starts_with("photos/"));

    let voice = stage.client.upload_file(TOKEN, "voice", "audio/ogg", b"OggS".to_vec()).await.expect("kept");
    let message = json!({"voice": {"file_id": voice, "duration": 61}});
    stage.client.write(TOKEN, CUSTOMER, &message).await.expect("written");
    let arrived = webhook.next().await.update["message"]["voice"].clone();
    assert_eq!((&arrived["duration"], &arrived["mime_type"]), (&json!(61), &json!("audio/ogg")));
    assert_eq!(path_of(&stage, &voice).await, "voice/file_2.oga");
    assert!(stage.client.write(TOKEN, CUSTOMER, &json!({"photo": "no-such-file"})).await.is_err());
}

#[tokio::test]
async fn get_file_refuses_and_downloads_answer_as_ordered() {
    let stage = stage().await;
    let wrong = "Bad Request: wrong file_id or the file is temporarily unavailable";
    let cases = [(json!({"file_id": "x"}), wrong), (json!({}), "Bad Request: file_id not specified")];
    for (params, description) in cases {
        let (status, body) = stage.call("getFile", &params).await;
        assert_eq!((status, &body["description"]), (400, &json!(description)));
    }
    let path = format!("/files?name=film.mp4&content_type=video%2Fmp4&size={}", 20 * 1024 * 1024 + 1);
    let huge = stage.control(Method::POST, &path, None).await;
    let (status, body) = stage.call("getFile", &json!({"file_id": huge["file_id"]})).await;
    assert_eq!((status, &body["description"]), (400, &json!("Bad Request: file is too big")));

    let id = stage.client.upload_file(TOKEN, "a.txt", "text/plain", b"text".to_vec()).await.expect("kept");
    let path = path_of(&stage, &id).await;
    let order = async |order: Value| stage.client.order_file(TOKEN, &id, &order).await;
    order(json!({"status": 503})).await.expect("ordered");
    assert_eq!(download(&stage, TOKEN, &path).await.status(), 503);
    order(json!({"redirect_to": "http://169.254.169.254/"})).await.expect("ordered");
    let redirect = download(&stage, TOKEN, &path).await;
    assert_eq!(
        (redirect.status().as_u16(), &redirect.headers()["location"]),
        (302, &"http://169.254.169.254/".parse().unwrap())
    );
    order(json!({"content_type": "image/png", "delay_ms": 150})).await.expect("ordered");
    let asked = tokio::time::Instant::now();
    assert_eq!(download(&stage, TOKEN, &path).await.headers()["content-type"], "image/png");
    assert!(asked.elapsed() >= Duration::from_millis(150));
    order(json!({"expired": true})).await.expect("ordered");
    assert_eq!(download(&stage, TOKEN, &path).await.status(), 404);
    assert_eq!(path_of(&stage, &id).await, path, "getFile makes the address good again");
    assert_eq!(download(&stage, TOKEN, &path).await.status(), 200);
    assert!(order(json!({"status": 100})).await.is_err() && order(json!({"delay_ms": 60_001})).await.is_err());
    let files = stage.control(Method::GET, "/files", None).await;
    let known = files["files"].as_array().into_iter().flatten().find(|file| file["file_id"] == json!(id));
    assert_eq!(known.expect("listed")["downloads"], 5);
}

#[tokio::test]
async fn a_file_is_sent_by_its_url() {
    let stage = stage().await;
    stage.open_chat().await;
    let id = stage.client.upload_file(TOKEN, "a.png", "image/png", picture()).await.expect("kept");
    let url = format!("{}/control/bots/{TOKEN}/files/{id}", stage.simulator.url());
    let message = stage.result("sendPhoto", &json!({"chat_id": CUSTOMER, "photo": url})).await;
    assert_eq!(message["photo"][1]["file_size"], 224);
    let cases = [
        ("sendDocument", "document", url, "Bad Request: wrong type of the web page content"),
        (
            "sendPhoto",
            "photo",
            stage.simulator.url().to_owned() + "/gone",
            "Bad Request: failed to get HTTP URL content",
        ),
        ("sendDocument", "document", id, ""),
        ("sendDocument", "document", photo_id(&message), "Bad Request: can't use file of type Photo as Document"),
    ];
    for (method, field, file, description) in cases {
        let (_, body) = stage.call(method, &json!({"chat_id": CUSTOMER, field: file})).await;
        assert_eq!(body["description"].as_str().unwrap_or_default(), description, "{body}");
    }
}

fn photo_id(message: &Value) -> String {
    message["photo"][1]["file_id"].as_str().expect("an id").to_owned()
}
