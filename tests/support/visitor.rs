//! Pages and forms of the console, as a signed-in person reads and sends them.

use channels::http::{Answer, Request};

use super::caller::Caller;

/// What an answer holds.
pub fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// A page that must be there.
pub async fn read(caller: &Caller, cookie: &str, path: &str) -> String {
    let request =
        Request::get(&format!("{}{path}", caller.base)).header("cookie", &format!("holdline={cookie}"));
    let answer = caller.http.call(request).await.unwrap();
    assert_eq!(answer.status, 200, "{path}");
    text(&answer)
}

/// The value of a hidden field of a page.
pub fn hidden(page: &str, name: &str) -> String {
    let field = format!("name=\"{name}\" value=\"");
    let at = page.find(&field).unwrap_or_else(|| panic!("no {name}")) + field.len();
    page[at..].split('"').next().unwrap().to_owned()
}

/// Sends a form of the console, with the word that its page carries.
pub async fn send(caller: &Caller, cookie: &str, page: &str, to: &str, form: &str) -> Answer {
    let word = hidden(&read(caller, cookie, page).await, "csrf");
    let post = Request::post(&format!("{}{to}", caller.base))
        .header("cookie", &format!("holdline={cookie}"))
        .header("sec-fetch-site", "same-origin")
        .body("application/x-www-form-urlencoded", format!("csrf={word}&{form}").into_bytes());
    caller.http.call(post).await.unwrap()
}
