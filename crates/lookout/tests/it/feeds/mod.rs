//! Reading status feeds: each engine with its traps, recorded ones, and hostile ones.

mod engines;
mod hostile;
mod recorded;
mod syndicated;

use lookout::feeds::{FeedReading, Shape, read};

fn read_as(shape: Shape, text: &str) -> FeedReading {
    let (found, reading) = read(text.as_bytes(), None).expect("the document is a feed");
    assert_eq!(found, shape);
    reading
}

fn at(text: &str) -> Option<clock::UnixMs> {
    let text = format!(r#"{{"page":{{"updated_at":"{text}"}}}}"#);
    read(text.as_bytes(), None).expect("a page").1.page.updated_at
}
